//! `keyrotate undo`: within the grace of a rotation, back to the old key.
//!
//! Invariant: it touches the rotation of one key; whatever else is in the journal stays as it is.

use std::path::Path;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::rotate::{Finish, RotateOptions, Rotated, Run, concerns, resolve};
use crate::aws::Signer;
use crate::holder::{is_file, is_item};
use crate::model::{AccessKeyId, LastUsed, ProfileName, Timing, TokenCode};
use crate::os::clock;
use crate::os::keychain::ItemName;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::rotation::{Direction, End, HistoryLine, Record, State, describe, plan_resumed};

/// What `undo` was asked for.
#[derive(Clone, Debug, Default)]
pub struct UndoOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// Look and tell, change nothing.
    pub dry_run: bool,
    /// No confirmation.
    pub yes: bool,
    /// A code of the MFA device.
    pub mfa_code: Option<TokenCode>,
}

/// What came of it, and what a person should know beside.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoOutcome {
    /// The result.
    pub result: Undone,
    /// Notes.
    pub notes: Vec<String>,
}

/// What became of the rotation.
#[derive(Clone, Debug, PartialEq)]
pub enum Undone {
    /// The old key is in use again: the rotation as it ended, without secrets.
    Done(Box<Record>),
    /// What would be done.
    Planned {
        /// The old key.
        key: AccessKeyId,
        /// What state the rotation is in.
        state: String,
        /// The steps.
        steps: Vec<String>,
    },
    /// The person said no.
    Declined(AccessKeyId),
}

/// Runs the command.
pub fn undo(context: &Context, console: &Console, signals: &Signals, options: &UndoOptions) -> Result<UndoOutcome, Failure> {
    let profiles = options.profile.iter().cloned().collect();
    let mut as_rotate = RotateOptions { profiles, dry_run: options.dry_run, yes: options.yes, ..RotateOptions::default() };
    as_rotate.mfa_code.clone_from(&options.mfa_code);
    let (name, id) = target(&Run::new("undo", context, console, signals, &as_rotate))?;
    as_rotate.resolve = Some((id.clone(), Direction::Back));
    let run = Run::new("undo", context, console, signals, &as_rotate);
    let _lock = if options.dry_run { None } else { Some(run.lock()?) };
    let mut notes = Vec::new();
    let Some((path, mut record)) = run.entries(&mut notes, false)?.into_iter().find(|(_, record)| concerns(record, &id)) else {
        return Err(run.entries(&mut Vec::new(), true).err().unwrap_or_else(|| nothing(&run, &name, &id)));
    };
    check(&record)?;
    let began = record.called();
    let result = run.undo(&path, &mut record, &mut notes).map_err(|failure| again(failure, &began))?;
    Ok(UndoOutcome { result, notes })
}

/// The profile that is meant, and its key: the one that it leads to, else the one of the rotation that began for it.
fn target(run: &Run<'_>) -> Result<(ProfileName, AccessKeyId), Failure> {
    let name = run.names()?.into_iter().next().unwrap_or_default();
    let resolved = run.context.files().and_then(|files| resolve(run.context, files, &name)).map(|profile| profile.pair.id);
    let entries = run.entries(&mut Vec::new(), false)?;
    if run.is_managed(&name)? {
        let began = entries.iter().find(|(_, record)| *record.name() == name).map(|(_, record)| record.old.id.clone());
        return began.map(|id| (name.clone(), id)).ok_or_else(|| none_of(&name));
    }
    let is_under_way = |id: &AccessKeyId| entries.iter().any(|(_, record)| concerns(record, id));
    let began = entries.iter().find(|(_, record)| *record.name() == name).map(|(_, record)| record.old.id.clone());
    let id = match (resolved, began) {
        (Ok(id), None) => id,
        (Ok(id), Some(_)) if is_under_way(&id) => id,
        (Ok(_) | Err(_), Some(began)) => began,
        (Err(failure), None) => return Err(failure),
    };
    Ok((name, id))
}

/// Whether there is something to take back.
fn check(record: &Record) -> Result<(), Failure> {
    let (old, profile) = (&record.old.id, record.called());
    let (message, hint) = match &record.state {
        State::Created | State::Verified | State::Committed { .. } | State::Draining { .. } => return Ok(()),
        State::OldInactive { .. } | State::Reactivating { .. } => return Ok(()),
        // What is over is only closed.
        State::RollingBack { .. } | State::Undoing { .. } | State::Done(_) => return Ok(()),
        State::Intent { .. } | State::Suspect { .. } => (
            format!("there is nothing to undo: the rotation of {old} stopped before a new key was in use"),
            format!("run `keyrotate rotate {profile}`, or end it with `keyrotate rotate --resolve {old} back`"),
        ),
        State::Deleted => (
            format!("the rotation of {old} cannot be undone: {old} was deleted, and AWS gives no deleted key back"),
            format!("run `keyrotate rotate {profile}`, which finishes it"),
        ),
    };
    Err(Failure::new(FailureKind::Failed, message).state(describe::state(record)).hint(hint))
}

/// Who was undoing goes on undoing: after a rotation that was taken back, `rotate` would begin a new one.
fn again(failure: Failure, profile: &str) -> Failure {
    let (rotate, undo) = (format!("`keyrotate rotate {profile}`"), format!("`keyrotate undo {profile}`"));
    Failure { hint: failure.hint.map(|hint| hint.replace(&rotate, &undo)), ..failure }
}

impl Run<'_> {
    fn undo(&self, path: &Path, record: &mut Record, notes: &mut Vec<String>) -> Result<Undone, Failure> {
        self.check_machine(path, record)?;
        self.recall(record)?;
        if self.options.dry_run {
            let (key, state) = (record.old.id.clone(), describe::state(record));
            self.with_reach(record, |run, record, reach| run.decide(record, reach))?;
            let (mut steps, stop) = plan_resumed(record, &self.rules(record, Timing::default()), clock::local_now());
            steps.extend(stop.map(|stop| stop.message));
            return Ok(Undone::Planned { key, state, steps });
        }
        let last_use = self.use_of_new(record)?;
        if self.is_attended() {
            if !self.is_confirmed(record, last_use.as_ref())? {
                return Ok(Undone::Declined(record.old.id.clone()));
            }
        } else {
            notes.extend(elsewhere(record, last_use.as_ref()));
        }
        let result = self.go_on(path, record, Finish::Resumed)?;
        if matches!(result, Rotated::TakenBack { .. }) {
            return Ok(Undone::Done(Box::new(record.scrubbed())));
        }
        Err(gone_forward(record, result))
    }

    /// The last use of the new key, where it is about to be deactivated and AWS tells.
    fn use_of_new(&self, record: &Record) -> Result<Option<LastUsed>, Failure> {
        let is_in_use = matches!(
            record.state,
            State::Committed { .. } | State::Draining { .. } | State::OldInactive { .. } | State::Reactivating { .. }
        );
        let Some(new) = record.new.as_ref().filter(|_| is_in_use && !record.adopted) else { return Ok(None) };
        self.console.progress(&format!("asking when {} was used last", new.pair.id));
        let (aws, _) = self.aws_of(record)?;
        let signer = self.operator_of(record)?.unwrap_or_else(|| Signer::LongTerm(new.pair.clone()));
        Ok(aws.get_access_key_last_used(&signer, &new.pair.id).ok())
    }

    fn is_confirmed(&self, record: &Record, last_use: Option<&LastUsed>) -> Result<bool, Failure> {
        let old = &record.old.id;
        let used = last_use.map_or_else(|| "last use unknown".to_owned(), describe::last_use);
        let fate = match (&record.new, &record.state) {
            (None, _) | (_, State::Done(_)) => String::new(),
            (Some(new), _) if record.adopted => format!("; {} stays as it is", new.pair.id),
            (Some(new), State::Created | State::Verified | State::RollingBack { .. }) => {
                format!("; the new key {} is deleted", new.pair.id)
            }
            (Some(new), _) => format!("; the new key {} ({used}) becomes inactive", new.pair.id),
        };
        let text = format!("put {old} of {} in account {} back everywhere{fate}?", record.user_name, record.identity.account);
        self.agreed(text, "undo", describe::state(record))
    }
}

/// A use of the new key that is not keyrotate's own: whoever has it elsewhere will be refused.
fn elsewhere(record: &Record, last_use: Option<&LastUsed>) -> Option<String> {
    let (Some(new), Some(LastUsed::Used(used))) = (&record.new, last_use) else { return None };
    let is_own = matches!(used.service.as_str(), "sts" | "iam");
    let said = describe::last_use(&LastUsed::Used(used.clone()));
    (!is_own).then(|| format!("{} was {said}: whoever has it elsewhere is refused from now on", new.pair.id))
}

/// The old key turned out to be dead, so that the way was forward; or it was over before.
fn gone_forward(record: &Record, result: Rotated) -> Failure {
    let old = &record.old.id;
    let message = if record.state == State::Done(End::Rotated) {
        format!("{old} cannot be put back: it is deleted, and AWS gives no deleted key back")
    } else {
        format!("{old} was not put back")
    };
    let failure = Failure::new(FailureKind::Failed, message).state(describe::state(record));
    if let Rotated::Resting { message, hint, .. } = result {
        return Failure { causes: vec![message], ..failure.hint(hint) };
    }
    failure.hint(format!("`keyrotate status {}` shows the key", record.called()))
}

/// No rotation of another user's key is open.
fn none_of(name: &ProfileName) -> Failure {
    let message = format!("there is nothing to undo: no rotation of [key.{name}] is under way or rests in its grace");
    let quoted = name.quoted();
    Failure::new(FailureKind::Failed, message).hint(format!(
        "a rotation with a grace can be undone: `keyrotate rotate {quoted} --grace 7d`; `keyrotate history {quoted}` shows earlier ones"
    ))
}

/// No rotation of the key is open: says what became of the last one.
fn nothing(run: &Run<'_>, name: &ProfileName, id: &AccessKeyId) -> Failure {
    let message = format!("there is nothing to undo: no rotation of {id}, the key of {name}, is under way or rests in its grace");
    let failure = Failure::new(FailureKind::Failed, message);
    let profile = name.quoted();
    let with_grace = format!("a rotation with a grace can be undone: `keyrotate rotate {profile} --grace 7d`");
    let lines = match run.history().lines::<HistoryLine>() {
        Ok(lines) => lines,
        Err(error) => return Failure { causes: vec![error.to_string()], ..failure.state("nothing was changed").hint(with_grace) },
    };
    let Some(line) = lines.iter().rfind(|line| line.concerns(id)) else {
        return failure.state("nothing was changed; the history here has no rotation of it").hint(with_grace);
    };
    let old = &line.old;
    let (fate, hint) = match &line.end {
        End::Rotated => (format!("{old} was deleted then, and AWS gives no deleted key back"), with_grace),
        End::Pulled => (
            format!("another machine made it, and it was taken over here from a secret; {old} is that machine's to put back"),
            "run `keyrotate undo` on the machine that rotates the key, then `keyrotate auto` here".to_owned(),
        ),
        End::RotatedOldInactive => (
            format!("it was closed without deleting {old}, whose secret is not kept here any more"),
            format!("`keyrotate status {profile}` shows whether {old} is still there; an administrator can activate it"),
        ),
        End::Undone { .. } => (format!("it was undone, and {old} is in use again"), format!("`keyrotate status {profile}` shows the key")),
        End::Aborted { .. } => {
            (format!("nothing came of it, and {old} stayed in use"), format!("`keyrotate status {profile}` shows the key"))
        }
        End::Forgotten => {
            let is_in_keychain = line.holders.iter().any(|holder| is_item(holder)) && !line.holders.iter().any(|holder| is_file(holder));
            let item = || format!("keychain item {}", ItemName::pending(&line.rotation));
            let pairs = if is_in_keychain { item() } else { run.forgotten_file(&line.rotation).display().to_string() };
            (format!("it was closed as it was, and both pairs went to {pairs}"), "take the pair that you need from there".to_owned())
        }
    };
    let last = match &line.new {
        Some(new) => format!("the last one, of {old} to {new}, ended {}", describe::time(line.ended_at)),
        None => format!("the last one, of {old}, ended {}", describe::time(line.ended_at)),
    };
    failure.state(format!("nothing was changed; {last}: {fate}")).hint(hint)
}
