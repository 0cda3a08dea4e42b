//! How `keys` looks.
//!
//! Invariant: within one `version` of the JSON a name is never removed and never means something else; no secret is in it.

use std::io::{IsTerminal, Read};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::page::{DIM, GREEN, Page, RED, plain};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::keys::add::{AddPlace, AddResult, Added};
use crate::commands::keys::import::{ImportResult, Imported, Proof};
use crate::commands::keys::list::{KeysOutcome, ListedKey, ManagedKey, Seat};
use crate::commands::keys::remove::{RemoveResult, Removed};
use crate::keys::given::{self, NotAKey};
use crate::model::{AccessKeyPair, ProfileName};
use crate::profile::Shown;

const VERSION: u32 = 1;

/// Prints where the keys are.
pub fn print_list(outcome: &KeysOutcome, is_json: bool, quiet: bool) {
    let mut page = Page::for_stdout(0);
    if is_json {
        let value = json!({
            "version": VERSION,
            "keys": outcome.keys.iter().map(listed).collect::<Vec<_>>(),
            "managed_keys": outcome.managed.iter().map(managed).collect::<Vec<_>>(),
            "notes": outcome.notes.iter().map(|note| plain(note)).collect::<Vec<_>>(),
        });
        page.json(&format!("{value:#}"));
        return page.print();
    }
    for key in &outcome.keys {
        page.sentence(&format!("{}  {}", key.id, names(&key.profiles)));
        key.seats.iter().for_each(|seat| place(&mut page, seat));
    }
    for key in &outcome.managed {
        page.sentence(&format!("[key.{}]  of the user {}", key.name, key.user_name));
        key.seats.iter().for_each(|seat| place(&mut page, seat));
    }
    if outcome.keys.is_empty() && outcome.managed.is_empty() {
        page.sentence("no long-term key is in the AWS files or in the keychain, and the settings name none");
    }
    outcome.notes.iter().filter(|_| !quiet).for_each(|note| page.note(note));
    page.print();
}

fn names(profiles: &[ProfileName]) -> String {
    if profiles.is_empty() {
        return "no profile leads to it".to_owned();
    }
    profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ")
}

fn place(page: &mut Page, seat: &Seat) {
    let text = match seat {
        Seat::Section { path, section, line } => format!("{} line {line} [{section}]", path.display()),
        Seat::Item { item, is_made: true } => format!("keychain item {item}"),
        Seat::Item { item, is_made: false } => format!("keychain item {item}, whose making was interrupted"),
        Seat::Secret { secret_id, region: Some(region) } => format!("secret {secret_id} in {region}, by the settings"),
        Seat::Secret { secret_id, region: None } => format!("secret {secret_id}, by the settings"),
    };
    page.push("  ").push(&plain(&text)).end(4);
}

fn listed(key: &ListedKey) -> Value {
    json!({
        "access_key_id": key.id.as_str(),
        "profiles": key.profiles.iter().map(|name| plain(name.as_str())).collect::<Vec<_>>(),
        "holders": key.seats.iter().map(holder).collect::<Vec<_>>(),
        "root_user": key.is_root,
    })
}

fn managed(key: &ManagedKey) -> Value {
    json!({
        "name": plain(&key.name),
        "user_name": plain(&key.user_name),
        "holders": key.seats.iter().map(holder).collect::<Vec<_>>(),
    })
}

fn holder(seat: &Seat) -> Value {
    match seat {
        Seat::Section { path, section, line } => {
            json!({"file": plain(&path.display().to_string()), "section": plain(section), "line": line})
        }
        Seat::Item { item, is_made } => json!({"keychain_item": item.as_str(), "made": is_made}),
        Seat::Secret { secret_id, region } => json!({"secret": plain(secret_id), "region": region.as_deref().map(plain)}),
    }
}

/// Shows what becomes of the files, line by line, as it is.
pub fn tell(files: &[Shown], quiet: bool) {
    let mut page = Page::for_stdout(0);
    for file in files {
        page.paint(DIM, &plain(&file.path.display().to_string())).push("\n");
        for line in &file.lines {
            match line.get(..1) {
                Some("-") => page.paint(RED, &plain(line)).push("\n"),
                Some("+") => page.paint(GREEN, &plain(line)).push("\n"),
                Some(_) | None => page.push(&plain(line)).push("\n"),
            };
        }
    }
    if !quiet {
        page.print();
    }
}

/// Prints what came of an import.
pub fn print_import(outcome: &Imported, quiet: bool) {
    let mut page = Page::for_stdout(0);
    let Imported { result, id, item, profiles } = outcome;
    let names = names(profiles);
    match result {
        ImportResult::Done(proof) => {
            page.head(GREEN, "moved:", &format!("{id} of {names} is in keychain item {item}, and in no AWS file"));
            page.note(proved(proof));
            let name = profiles.first().map(ProfileName::quoted).unwrap_or_default();
            page.note(&format!("`keyrotate keys import {name} --undo` puts it back into the files"));
        }
        ImportResult::AlreadyThere => page.sentence(&format!("{id} of {names} is in keychain item {item} already")),
        ImportResult::Undone => {
            page.head(GREEN, "undone:", &format!("the key of {names} is in the files again, and keychain item {item} is removed"))
        }
        ImportResult::Planned => page.note("nothing was changed"),
        ImportResult::Declined => page.sentence("nothing was changed"),
    }
    if !quiet {
        page.print();
    }
}

/// How far a line was tried out.
fn proved(proof: &Proof) -> &'static str {
    match proof {
        Proof::Proved { by_cli: true } => "keyrotate and the AWS CLI reach AWS by the new line as the same user",
        Proof::Proved { by_cli: false } => "keyrotate reaches AWS by the new line as the same user",
        Proof::AtNextLogin => {
            "AWS accepts the key from the item; a session needs a code, so that the new line is proved by the next `keyrotate login`"
        }
    }
}

/// Prints what came of a key that a person gave.
pub fn print_add(outcome: &Added, quiet: bool) {
    let mut page = Page::for_stdout(0);
    let Added { result, id, profile, place } = outcome;
    match result {
        AddResult::Done(proof) => {
            let place = match place {
                AddPlace::Item(item) => format!("keychain item {item}"),
                AddPlace::File(path) => path.display().to_string(),
            };
            page.head(GREEN, "added:", &format!("{id} is in {}, for the profile {}", plain(&place), plain(profile.as_str())));
            proof.iter().for_each(|proof| page.note(proved(proof)));
            page.note("what you have it from, such as a file that the AWS console made, still has it: delete that");
        }
        AddResult::Planned => page.note("nothing was changed"),
        AddResult::Declined => page.sentence("nothing was changed"),
    }
    if !quiet {
        page.print();
    }
}

/// The key on standard input. It is read before anything else is done, and to its end.
pub fn given() -> Result<Result<AccessKeyPair, NotAKey>, Failure> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        let message = "--stdin reads a file or what another program prints, and standard input is a terminal, which would show the key";
        return Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint("leave --stdin out to be asked"));
    }
    // SECRET: room for all of it, so that it does not move while it grows; wiped when dropped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(given::LONGEST + 1));
    let read = input.by_ref().take(given::LONGEST as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure {
        causes: vec![error.to_string()],
        ..Failure::new(FailureKind::Failed, "standard input cannot be read").state("nothing was changed")
    })?;
    Ok(if bytes.len() > given::LONGEST { Err(NotAKey::Unreadable) } else { given::read(&bytes) })
}

/// Prints what came of a removal.
pub fn print_remove(outcome: &Removed, quiet: bool) {
    let mut page = Page::for_stdout(0);
    let Removed { result, item, id, notes } = outcome;
    match result {
        RemoveResult::Done => page.head(GREEN, "removed:", &format!("keychain item {item} with {id}")),
        RemoveResult::Planned => {
            page.sentence(&format!("keychain item {item} with {id} would be removed"));
            page.sentence("nothing was changed");
        }
        RemoveResult::Declined => page.sentence("nothing was changed"),
    }
    notes.iter().for_each(|note| page.note(note));
    if !quiet || *result == RemoveResult::Planned {
        page.print();
    }
}
