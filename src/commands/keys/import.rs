//! `keyrotate keys import`: a profile's long-term key leaves the plaintext files for the keychain; with `--undo` it comes back.
//!
//! Invariant: what an earlier run began is finished before anything else is; a proof that fails puts every file back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::checks::{command, program};
use super::course::{Course, Step, follow};
use super::mover::{Mover, UNCHANGED, unchanged};
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::rotate::resolve;
use crate::journal::Entry;
use crate::keys::Import;
use crate::model::{AccessKeyId, ProfileName};
use crate::os::keychain::ItemName;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::profile::Shown;

pub use super::proof::Proof;

/// What `keys import` was asked for.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// Tell, change nothing.
    pub dry_run: bool,
    /// No confirmation.
    pub yes: bool,
    /// The other way.
    pub undo: bool,
    /// The program for the line; without, the one that runs now.
    pub program: Option<PathBuf>,
    /// A program in a place that does not last will do.
    pub force: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What became of the key.
    pub result: ImportResult,
    /// The key.
    pub id: AccessKeyId,
    /// Its item.
    pub item: ItemName,
    /// The profiles that have it.
    pub profiles: Vec<ProfileName>,
}

/// What became of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportResult {
    /// It is in the keychain, and nowhere in the files.
    Done(Proof),
    /// It was there before.
    AlreadyThere,
    /// It is in the files again.
    Undone,
    /// Nothing was changed, as was asked.
    Planned,
    /// The person said no.
    Declined,
}

/// Shows what becomes of the files, before it is done.
pub type Tell<'a> = &'a dyn Fn(&[Shown]);

/// Who asks, and how.
pub struct Request<'a> {
    /// The person.
    pub console: &'a Console,
    /// What asks to stop.
    pub signals: &'a Signals,
    /// Our variables.
    pub variables: &'a [(OsString, OsString)],
    /// The options.
    pub options: &'a ImportOptions,
    /// What shows the change.
    pub tell: Tell<'a>,
}

/// Runs the command.
pub fn import(context: &mut Context, request: &Request<'_>) -> Result<Imported, Failure> {
    let Request { console, signals, options, .. } = *request;
    let profile = options.profile.as_ref();
    let course = Course { command: "keys import", console, signals, profile, yes: options.yes, dry_run: options.dry_run };
    follow(context, &course, |mover| Command { mover, request }.step(), end)
}

/// Writes down that it is proved.
fn end(mover: Mover<'_>, mut import: Import, proof: Proof) -> Result<Imported, Failure> {
    import.is_proved = proof != Proof::AtNextLogin;
    let entry = Entry::resume(&mover.run.disk, mover.path(&import), &import);
    entry.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("the key is in the keychain"))?;
    Ok(imported(&import, ImportResult::Done(proof)))
}

struct Command<'a> {
    mover: Mover<'a>,
    request: &'a Request<'a>,
}

fn imported(import: &Import, result: ImportResult) -> Imported {
    Imported { result, id: import.id.clone(), item: import.item.clone(), profiles: import.profiles.clone() }
}

impl Command<'_> {
    fn step(&self) -> Result<Step<Imported>, Failure> {
        let (options, name) = (self.request.options, self.mover.name()?);
        match (options.undo, self.mover.find(&name)?) {
            (_, Some((_, import))) if import.given.is_some() => {
                let message = format!("the key of {name} was never in a file: `keyrotate keys add` was given it, and was interrupted");
                Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(format!("finish that with `{}`", import.again())))
            }
            (true, None) => {
                let message = format!("there is nothing to undo: no key of {name} was moved into the keychain by `keyrotate keys import`");
                let hint = "`keyrotate keys list` shows where every key is";
                Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
            }
            (true, Some((path, import))) => self.undo(&name, &path, import).map(Step::Ended),
            // It was on its way back.
            (false, Some((path, import))) if import.is_back => {
                let undone = self.undo(&name, &path, import)?;
                if options.dry_run || undone.result != ImportResult::Undone {
                    return Ok(Step::Ended(undone));
                }
                Err(Failure::new(FailureKind::Failed, format!("an undo of {name} had been interrupted, and is finished now"))
                    .state("the key is in the files")
                    .hint("run this again, to move it into the keychain"))
            }
            (false, Some((path, import))) => self.go_on(&name, &path, import),
            (false, None) => self.fresh(&name),
        }
    }

    fn fresh(&self, name: &ProfileName) -> Result<Step<Imported>, Failure> {
        let (run, options) = (self.mover.run, self.request.options);
        let context = run.context;
        let files = context.files()?;
        let profile = resolve(context, files, name)?;
        let Some(pair) = profile.pair.here() else {
            let item = profile.pair.item().cloned().unwrap_or_else(ItemName::probe);
            let id = profile.pair.id.clone();
            return Ok(Step::Ended(Imported { result: ImportResult::AlreadyThere, id, item, profiles: vec![profile.key_profile] }));
        };
        let own = files.own_keys(&context.environment);
        let holders = self.mover.check(files, &own, &pair)?;
        let identity = self.mover.identity(&self.mover.aws(&profile)?, &pair)?;
        let program = program(options.program.as_ref(), options.force, self.request.variables)?;
        let commands =
            holders.iter().map(|name| Ok((name.clone(), command(&program, name)?))).collect::<Result<BTreeMap<_, _>, Failure>>()?;
        let item = self.mover.item(name, &pair.id, &holders)?;
        let editing = |error| self.mover.editing(files, error);
        let mut import = Import::plan(files, &pair, item, &commands).map_err(editing)?;
        self.mover.foresee(&import, files, &own, &pair).map_err(|failure| failure.unwrap_or_else(editing))?;
        (self.request.tell)(&import.shown());
        if options.dry_run {
            return Ok(Step::Ended(imported(&import, ImportResult::Planned)));
        }
        let text = format!("move {} of {} out of the files into the keychain?", pair.id, identity.arn);
        if run.is_attended() && !self.mover.agreed(text, "move it") {
            return Ok(Step::Ended(imported(&import, ImportResult::Declined)));
        }
        self.mover.begin(&mut import, &pair)?;
        Ok(Step::In(Box::new(import), Box::new(identity)))
    }

    /// What another run began.
    fn go_on(&self, name: &ProfileName, path: &Path, mut import: Import) -> Result<Step<Imported>, Failure> {
        let context = self.mover.run.context;
        let profile = resolve(context, context.files()?, name)?;
        let is_in_file = profile.pair.here().is_some();
        if import.is_moved && import.is_proved && !is_in_file {
            return Ok(Step::Ended(imported(&import, ImportResult::AlreadyThere)));
        }
        if import.is_moved && is_in_file {
            let message = format!("{name} has an access key in {} again", context.files()?.path(profile.file).display());
            let hint =
                format!("run `keyrotate keys import {} --undo` first, which takes the line and the keychain item away", name.quoted());
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint));
        }
        if self.request.options.dry_run {
            (self.request.tell)(&import.shown());
            return Ok(Step::Ended(imported(&import, ImportResult::Planned)));
        }
        let pair = self.mover.pair(&import, &profile)?;
        self.mover.no_rotation(&pair.id)?;
        let identity = self.mover.identity(&self.mover.aws(&profile)?, &pair)?;
        if !import.is_moved {
            let entry = Entry::resume(&self.mover.run.disk, path.to_owned(), &import);
            let entry = entry.map_err(|error| unchanged(&error))?;
            self.mover.forward(&mut import, entry, &pair)?;
        }
        Ok(Step::In(Box::new(import), Box::new(identity)))
    }

    fn undo(&self, name: &ProfileName, path: &Path, mut import: Import) -> Result<Imported, Failure> {
        let options = self.request.options;
        let was_back = std::mem::replace(&mut import.is_back, true);
        // It may have been rotated since.
        if let Some((_, known)) = self.mover.run.context.files()?.keychain().items().find(|(item, _)| **item == import.item) {
            import.id = known.access_key_id.clone();
        }
        if !was_back {
            (self.request.tell)(&import.shown());
        }
        if options.dry_run {
            return Ok(imported(&import, ImportResult::Planned));
        }
        let text = format!("put the key of {name} back into the files, in plain text?");
        if !was_back && self.mover.run.is_attended() && !self.mover.agreed(text, "put it back") {
            return Ok(imported(&import, ImportResult::Declined));
        }
        self.mover.back(path, &mut import)?;
        Ok(imported(&import, ImportResult::Undone))
    }
}
