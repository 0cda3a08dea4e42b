//! How the history looks: a line a rotation for a person, an object a rotation for programs.
//!
//! Invariant: within one `version` of the JSON a name is never removed and never means something else; times are UTC in RFC 3339; nothing
//! that came from outside moves a terminal's cursor, not even in JSON.

use serde_json::{Value, json};

use super::page::{Page, YELLOW, plain};
use super::render::utc;
use crate::commands::history::HistoryOutcome;
use crate::holder::is_file;
use crate::rotation::{End, HistoryLine, describe};

const VERSION: u32 = 1;

/// Prints the outcome: rotations on standard output, what could not be read on standard error.
pub fn print(outcome: &HistoryOutcome, is_json: bool, quiet: bool) {
    let mut page = Page::for_stdout(0);
    if is_json {
        page.json(&text(outcome));
    } else {
        outcome.lines.iter().for_each(|one| line(&mut page, one));
        if outcome.lines.is_empty() {
            let of = if outcome.is_filtered { " of that key" } else { "" };
            page.sentence(&format!("no rotation{of} has ended here yet: {} tells of none", outcome.path.display()));
        }
        outcome.under_way.iter().filter(|_| !quiet).for_each(|note| page.note(note));
    }
    page.print();
    if outcome.unreadable > 0 {
        let mut page = Page::for_stderr(0);
        let lines = if outcome.unreadable == 1 { "1 line".to_owned() } else { format!("{} lines", outcome.unreadable) };
        let what = format!("{lines} of {} cannot be read: torn by a crash, or another version's", outcome.path.display());
        page.push("keyrotate: ").head(YELLOW, "warning:", &what);
        page.print_error();
    }
}

fn line(page: &mut Page, line: &HistoryLine) {
    let new = line.new.as_ref().map_or("no new key", |new| new.as_str());
    let took = took(line);
    let (name, account) = user(line);
    let what = match why(line) {
        Some(why) => format!("{}: {why}", what(line)),
        None => what(line),
    };
    let time = describe::time(line.ended_at);
    page.sentence(&format!("{time}  {took:>5}  {name} ({account})  {} -> {new}  {}  {what}", line.old, line.host));
}

/// The IAM user name, and the account.
fn user(line: &HistoryLine) -> (&str, &str) {
    let resource = line.user.resource();
    (resource.strip_prefix("user/").and_then(|path| path.rsplit('/').next()).unwrap_or(resource), line.user.account())
}

/// From the beginning to the end, in its largest unit, rounded down.
fn took(line: &HistoryLine) -> String {
    match seconds(line) {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds if seconds < 3_600 => format!("{} min", seconds / 60),
        seconds if seconds < 86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn seconds(line: &HistoryLine) -> i64 {
    (line.ended_at - line.started_at).num_seconds().max(0)
}

fn what(line: &HistoryLine) -> String {
    match &line.end {
        End::Rotated => "rotated, the old key is deleted".to_owned(),
        End::RotatedOldInactive => "rotated, closed by a person with the old key not deleted".to_owned(),
        End::Undone { .. } => "undone, the old key is in use again".to_owned(),
        End::Aborted { .. } => "nothing came of it, the old key stayed in use".to_owned(),
        End::Forgotten => "closed by a person as it was".to_owned(),
        End::Pulled => "taken over from the machine that rotated it".to_owned(),
    }
}

fn why(line: &HistoryLine) -> Option<String> {
    let (lost_at, left_alone) = match &line.end {
        End::Aborted { lost_at, left_alone, .. } => (lost_at.as_ref(), left_alone.as_slice()),
        End::Rotated | End::RotatedOldInactive | End::Undone { .. } | End::Forgotten | End::Pulled => (None, [].as_slice()),
    };
    let why = line.end.why().filter(|why| !why.is_empty()).map(str::to_owned);
    let lost = lost_at.map(|at| format!("an answer to CreateAccessKey was lost at {}", describe::time(*at)));
    let left = left_alone.iter().map(|id| format!("{id} was left alone"));
    let first = line.deleted_first.iter().map(|id| format!("{id} was deleted before it, to make room"));
    let parts: Vec<String> = why.into_iter().chain(lost).chain(left).chain(first).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The whole outcome, on indented lines.
fn text(outcome: &HistoryOutcome) -> String {
    let value = json!({
        "version": VERSION,
        "rotations": outcome.lines.iter().map(rotation).collect::<Vec<_>>(),
        "unreadable_lines": outcome.unreadable,
    });
    format!("{value:#}")
}

fn rotation(line: &HistoryLine) -> Value {
    let (lost_at, left_alone) = match &line.end {
        End::Aborted { lost_at, left_alone, .. } => (lost_at.map(utc), left_alone.iter().map(|id| id.as_str()).collect()),
        End::Rotated | End::RotatedOldInactive | End::Undone { .. } | End::Forgotten | End::Pulled => (None, Vec::new()),
    };
    let (name, account) = user(line);
    json!({
        "rotation": plain(&line.rotation),
        "started_at": utc(line.started_at),
        "ended_at": utc(line.ended_at),
        "duration_seconds": seconds(line),
        "arn": plain(line.user.as_str()),
        "account": plain(account),
        "user_name": plain(name),
        "profile": line.profile.as_ref().map(|profile| plain(profile.as_str())),
        "old_access_key_id": line.old.as_str(),
        "old_created_at": line.old_created_at.map(utc),
        "new_access_key_id": line.new.as_ref().map(|id| id.as_str()),
        "deleted_first": line.deleted_first.as_ref().map(|id| id.as_str()),
        "host": plain(&line.host),
        "files": line.holders.iter().filter(|holder| is_file(holder)).map(|holder| plain(holder)).collect::<Vec<_>>(),
        "holders": line.holders.iter().map(|holder| plain(holder)).collect::<Vec<_>>(),
        "ended_by": line.command.as_ref().map(|command| plain(command)),
        "outcome": outcome(&line.end),
        "why": line.end.why().map(plain),
        "lost_at": lost_at,
        "left_alone": left_alone,
    })
}

/// The outcome's stable name.
fn outcome(end: &End) -> &'static str {
    match end {
        End::Rotated => "rotated",
        End::RotatedOldInactive => "rotated-old-key-kept",
        End::Undone { .. } => "undone",
        End::Aborted { .. } => "aborted",
        End::Forgotten => "forgotten",
        End::Pulled => "pulled",
    }
}
