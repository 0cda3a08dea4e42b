//! `keyrotate keys remove`: a keychain item goes, and what is known of it.
//!
//! Invariant: the last copy of a key that AWS accepts goes only when the key itself is named.

use std::path::PathBuf;

use crate::aws::Signer;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::rotate::{RotateOptions, Run, concerns};
use crate::holder::keychain::{IndexFile, NoPair, probe, read_pair};
use crate::journal::Entry;
use crate::keys::Import;
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};
use crate::os::keychain::{ItemName, Keychain as _};
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question};
use crate::profile::{FileKind, IndexedItem};
use crate::rotation::describe;

const UNCHANGED: &str = "nothing was changed";

/// What `keys remove` was asked for.
#[derive(Clone, Debug)]
pub struct RemoveOptions {
    /// The item's name.
    pub item: String,
    /// The key that may go, although nothing else has it.
    pub id: Option<AccessKeyId>,
    /// Tell, change nothing.
    pub dry_run: bool,
    /// No confirmation.
    pub yes: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// What became of the item.
    pub result: RemoveResult,
    /// The item.
    pub item: ItemName,
    /// Its key.
    pub id: AccessKeyId,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What became of the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveResult {
    /// It is gone.
    Done,
    /// Nothing was changed, as was asked.
    Planned,
    /// The person said no.
    Declined,
}

/// Runs the command.
pub fn remove(context: &mut Context, console: &Console, signals: &Signals, options: &RemoveOptions) -> Result<Removed, Failure> {
    let rotate = RotateOptions { yes: options.yes, ..RotateOptions::default() };
    let _lock = if options.dry_run { None } else { Some(Run::new("keys remove", context, console, signals, &rotate).lock()?) };
    context.reread()?;
    let run = Run::new("keys remove", context, console, signals, &rotate);
    let (item, known) = known(context, &options.item)?;
    not_under_way(&run, &known.access_key_id)?;
    let import = import_of(&run, &item)?;
    if let Some((_, import)) = import.as_ref().filter(|(_, import)| !import.is_moved) {
        let undo = if import.given.is_none() { ", or take it back with --undo" } else { "" };
        let hint = format!("finish it with `{}`{undo}", import.again());
        return Err(failed(format!("a move of the key in keychain item {item} is under way")).hint(hint));
    }
    let unchanged = |error: &dyn std::error::Error| Failure::from_error(FailureKind::Failed, error).state(UNCHANGED);
    // An item that is not there is told from one that is locked away by whether another can be made.
    probe(&context.keychain).map_err(|error| unchanged(&error))?;
    let mut notes = Vec::new();
    let id = match read_pair(&context.keychain, &item) {
        Ok(pair) => {
            not_under_way(&run, &pair.id)?;
            check(&run, options, (&item, &known), &pair, import.as_ref().is_some_and(|(_, import)| import.given.is_none()))?;
            pair.id
        }
        Err(NoPair::Gone(_)) => {
            notes.push("it is not in the keychain any more".to_owned());
            known.access_key_id.clone()
        }
        Err(error @ NoPair::NotAPair(_)) => {
            return Err(unchanged(&error).hint("put the pair back, or remove the item in the keychain's own program and run this again"));
        }
        Err(error @ NoPair::Keychain(..)) => return Err(unchanged(&error)),
    };
    if !known.profiles.is_empty() {
        let names = known.profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ");
        let config = context.aws_paths.config.display();
        notes.push(format!("{names} has its key there: without it, its credential_process in {config} gives no new session"));
    }
    let removed = |result, notes| Ok(Removed { result, item: item.clone(), id: id.clone(), notes });
    if options.dry_run {
        return removed(RemoveResult::Planned, notes);
    }
    if run.is_attended() {
        notes.drain(..).for_each(|note| console.note(&note));
        let text = format!("remove keychain item {item} with {id}?");
        let choices = vec![('y', "remove it".to_owned()), ('n', "leave it".to_owned())];
        if console.ask(&Question { text, choices, default: Some('n') }) != Answer::Choice('y') {
            return removed(RemoveResult::Declined, notes);
        }
    }
    context.keychain.delete(&item).map_err(|error| unchanged(&error))?;
    let state = "the item is removed from the keychain, and still in the list of items";
    let again = |error: &dyn std::error::Error| Failure::from_error(FailureKind::Failed, error).state(state).hint("run this again");
    let index = IndexFile::new(&run.disk, &context.paths.state_dir);
    index.change(context.waits().lock_wait, |index| drop(index.remove(&item))).map_err(|error| again(&error))?;
    if let Some((path, import)) = import {
        let entry = Entry::resume(&run.disk, path, &import).and_then(|entry| entry.close(&import));
        entry.map_err(|error| again(&error))?;
    }
    removed(RemoveResult::Done, notes)
}

fn failed(message: String) -> Failure {
    Failure::new(FailureKind::Failed, message).state(UNCHANGED)
}

fn known(context: &Context, name: &str) -> Result<(ItemName, IndexedItem), Failure> {
    let usage = |message: String| Failure::new(FailureKind::Usage, message).state(UNCHANGED);
    let item = ItemName::parse(name).map_err(|error| usage(error.to_string()))?;
    let index = context.files()?.keychain();
    let known = index.get(&item).cloned().ok_or_else(|| {
        let hint = "`keyrotate keys list` shows every item; `keyrotate keys remove` takes its name, not a profile's";
        failed(format!("keyrotate knows no keychain item {item}")).hint(hint)
    })?;
    Ok((item, known))
}

fn not_under_way(run: &Run<'_>, id: &AccessKeyId) -> Result<(), Failure> {
    let entries = run.entries(&mut Vec::new(), true)?;
    let Some((_, record)) = entries.iter().find(|(_, record)| concerns(record, id)) else { return Ok(()) };
    let message = format!("a rotation of {} is under way: {}", record.old.id, describe::state(record));
    Err(failed(message).hint(format!("finish it with `keyrotate rotate {0}`, or take it back with `keyrotate undo {0}`", record.called())))
}

fn import_of(run: &Run<'_>, item: &ItemName) -> Result<Option<(PathBuf, Import)>, Failure> {
    let unreadable = |error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED);
    for path in Entry::list(&run.disk, &run.state_file("imports")).map_err(unreadable)? {
        let import: Import = Entry::load(&run.disk, &path).map_err(unreadable)?;
        if import.item == *item {
            return Ok(Some((path, import)));
        }
    }
    Ok(None)
}

/// Whether the item may go: another place has the pair, the key was named, or AWS does not accept it any more.
fn check(
    run: &Run<'_>,
    options: &RemoveOptions,
    (item, known): (&ItemName, &IndexedItem),
    pair: &AccessKeyPair,
    can_go_back: bool,
) -> Result<(), Failure> {
    match &options.id {
        Some(named) if *named == pair.id => return Ok(()),
        Some(named) => {
            let message = format!("keychain item {item} has {}, and --id names {named}", pair.id);
            return Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint("name the key that may go"));
        }
        None if has_another_copy(run.context, item, pair)? => return Ok(()),
        None => {}
    }
    let context = run.context;
    let name = known.profiles.first().cloned().unwrap_or_default();
    let resolved = context.files()?.resolve(&name, &context.environment).ok();
    let (region, bundle) = resolved.map_or((None, None), |profile| (profile.region, profile.ca_bundle));
    let (aws, _) = context.aws(context.files()?, &name, region, bundle)?;
    run.console.progress(&format!("asking AWS whether it accepts {}", pair.id));
    let answer = aws.get_caller_identity(&Signer::LongTerm(pair.clone()));
    run.console.progress_done();
    let why = match answer {
        Err(error) if error.refuses_the_key() => return Ok(()),
        Err(error) => format!("AWS could not be asked whether {} is still in use: {error}", pair.id),
        Ok(identity) => format!("{} is an active key of {}", pair.id, identity.arn),
    };
    let undo = known
        .profiles
        .first()
        .filter(|_| can_go_back)
        .map(|name| format!("`keyrotate keys import {} --undo` puts it back into a file; ", name.quoted()));
    let hint = format!("{}with `--id {}` this removes it for good", undo.unwrap_or_default(), pair.id);
    Err(Failure { causes: vec![why], ..failed(format!("keychain item {item} has the only copy of {} here", pair.id)) }.hint(hint))
}

/// In a section of the AWS files, or in another item.
fn has_another_copy(context: &Context, item: &ItemName, pair: &AccessKeyPair) -> Result<bool, Failure> {
    let files = context.files()?;
    let documents = [(FileKind::Credentials, files.credentials()), (FileKind::Config, files.config())];
    let held = documents.into_iter().filter_map(|(_, document)| document).flat_map(|document| document.holds(&pair.id));
    let in_file = held.into_iter().any(|held| held.secret.as_ref() == Some(&pair.secret));
    let mut items = files.keychain().items().filter(|(name, known)| *name != item && known.access_key_id == pair.id);
    Ok(in_file || items.any(|(name, _)| read_pair(&context.keychain, name).is_ok_and(|found| found == *pair)))
}
