//! `keyrotate keys import`: a profile's long-term key leaves the plaintext files for the keychain; with `--undo` it comes back.
//!
//! Invariant: what an earlier run began is finished before anything else is; a proof that fails puts every file back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::proof::{Asked, prove};
use crate::aws::Signer;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::rotate::{RotateOptions, Run, concerns, resolve};
use crate::commands::timer;
use crate::holder::keychain::{IndexFile, NoPair, read_pair};
use crate::journal::Entry;
use crate::keys::{Import, Means, MoveError, Shown};
use crate::model::{AccessKeyId, AccessKeyPair, Identity, ProfileName};
use crate::os::keychain::ItemName;
use crate::os::private_directory::private_directory;
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question};
use crate::profile::{AwsFiles, FileKind, IndexedItem, OwnKeys, ResolvedProfile, is_own_process};
use crate::rotation::describe;

pub use super::proof::Proof;

const UNCHANGED: &str = "nothing was changed";

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
    let rotate = RotateOptions { profiles: options.profile.iter().cloned().collect(), yes: options.yes, ..RotateOptions::default() };
    let lock = if options.dry_run { None } else { Some(Run::new("keys import", context, console, signals, &rotate).lock()?) };
    context.reread()?;
    let moved = {
        let run = Run::new("keys import", context, console, signals, &rotate);
        if !options.dry_run {
            run.tidy_probe();
        }
        Command { run: &run, request }.moved()?
    };
    let Moved::In(import, identity) = moved else { return Ok(moved.told()) };
    // The line is run by other processes, which may want it.
    drop(lock);
    context.reread()?;
    let run = Run::new("keys import", context, console, signals, &rotate);
    let command = Command { run: &run, request };
    let proof = command.prove(&import, &identity);
    let _lock = run.lock()?;
    command.end(*import, proof)
}

struct Command<'a> {
    run: &'a Run<'a>,
    request: &'a Request<'a>,
}

/// How far it came under the lock.
enum Moved {
    In(Box<Import>, Box<Identity>),
    Ended(Imported),
}

impl Moved {
    fn told(self) -> Imported {
        match self {
            Moved::In(import, _) => imported(&import, ImportResult::AlreadyThere),
            Moved::Ended(imported) => imported,
        }
    }
}

fn imported(import: &Import, result: ImportResult) -> Imported {
    Imported { result, id: import.id.clone(), item: import.item.clone(), profiles: import.profiles.clone() }
}

impl Command<'_> {
    fn moved(&self) -> Result<Moved, Failure> {
        let (run, options) = (self.run, self.request.options);
        let name = run.names()?.into_iter().next().unwrap_or_default();
        if run.is_managed(&name)? {
            let message = format!("[key.{name}] is in no file: it is in the secret that the settings name");
            return Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED));
        }
        match (options.undo, self.find(&name)?) {
            (true, None) => {
                let message = format!("there is nothing to undo: no key of {name} was moved into the keychain by `keyrotate keys import`");
                let hint = "`keyrotate keys list` shows where every key is";
                Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
            }
            (true, Some((path, import))) => self.undo(&name, &path, import).map(Moved::Ended),
            // It was on its way back.
            (false, Some((path, import))) if import.is_back => {
                let undone = self.undo(&name, &path, import)?;
                if options.dry_run || undone.result != ImportResult::Undone {
                    return Ok(Moved::Ended(undone));
                }
                Err(Failure::new(FailureKind::Failed, format!("an undo of {name} had been interrupted, and is finished now"))
                    .state("the key is in the files")
                    .hint("run this again, to move it into the keychain"))
            }
            (false, Some((path, import))) => self.go_on(&name, &path, import),
            (false, None) => self.fresh(&name),
        }
    }

    /// The move that the profile took part in.
    fn find(&self, name: &ProfileName) -> Result<Option<(PathBuf, Import)>, Failure> {
        let failed = |error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED);
        for path in Entry::list(&self.run.disk, &self.run.state_file("imports")).map_err(failed)? {
            let import: Import = Entry::load(&self.run.disk, &path).map_err(failed)?;
            if import.profiles.contains(name) {
                return Ok(Some((path, import)));
            }
        }
        Ok(None)
    }

    fn fresh(&self, name: &ProfileName) -> Result<Moved, Failure> {
        let (run, options) = (self.run, self.request.options);
        let context = run.context;
        let files = context.files()?;
        let profile = resolve(context, files, name)?;
        let Some(pair) = profile.pair.here() else {
            let item = profile.pair.item().cloned().unwrap_or_else(ItemName::probe);
            let id = profile.pair.id.clone();
            return Ok(Moved::Ended(Imported { result: ImportResult::AlreadyThere, id, item, profiles: vec![profile.key_profile] }));
        };
        let own = files.own_keys(&context.environment);
        let holders = self.check(files, &own, &pair)?;
        let identity = self.identity(&profile, &pair)?;
        let program = {
            let variables = self.request.variables;
            let variable = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            timer::program(options.program.as_ref(), options.force, &variable)?
        };
        let commands =
            holders.iter().map(|name| Ok((name.clone(), command(&program, name)?))).collect::<Result<BTreeMap<_, _>, Failure>>()?;
        let item = self.item(name, &pair.id, &holders)?;
        let editing = |(kind, error): (FileKind, crate::profile::EditError)| {
            let place = files.path(kind).display().to_string();
            Failure::new(FailureKind::Failed, format!("{place}: {error}")).state(UNCHANGED)
        };
        let mut import = Import::plan(files, &pair, item, &commands).map_err(editing)?;
        self.foresee(&import, files, &own, &pair).map_err(|failure| failure.unwrap_or_else(editing))?;
        (self.request.tell)(&import.shown());
        if options.dry_run {
            return Ok(Moved::Ended(imported(&import, ImportResult::Planned)));
        }
        let text = format!("move {} of {} out of the files into the keychain?", pair.id, identity.arn);
        if run.is_attended() && !self.agreed(text, "move it") {
            return Ok(Moved::Ended(imported(&import, ImportResult::Declined)));
        }
        let index = self.index();
        let means = self.means(&index);
        run.probing(|| import.check(means, &pair)).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        private_directory(&run.state_file("imports")).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        Entry::sweep(&run.disk, &run.state_file("imports"))
            .map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        let path = run.state_file("imports").join(format!("{}.json", import.item));
        let entry =
            Entry::begin(&run.disk, path, &import).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        self.forward(&mut import, entry, &pair)?;
        Ok(Moved::In(Box::new(import), Box::new(identity)))
    }

    /// What another run began.
    fn go_on(&self, name: &ProfileName, path: &Path, mut import: Import) -> Result<Moved, Failure> {
        let context = self.run.context;
        let profile = resolve(context, context.files()?, name)?;
        let is_in_file = profile.pair.here().is_some();
        if import.is_moved && import.is_proved && !is_in_file {
            return Ok(Moved::Ended(imported(&import, ImportResult::AlreadyThere)));
        }
        if import.is_moved && is_in_file {
            let message = format!("{name} has an access key in {} again", context.files()?.path(profile.file).display());
            let hint =
                format!("run `keyrotate keys import {} --undo` first, which takes the line and the keychain item away", name.quoted());
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint));
        }
        if self.request.options.dry_run {
            (self.request.tell)(&import.shown());
            return Ok(Moved::Ended(imported(&import, ImportResult::Planned)));
        }
        let pair = self.pair(&import, &profile)?;
        self.no_rotation(&pair.id)?;
        let identity = self.identity(&profile, &pair)?;
        if !import.is_moved {
            let entry = Entry::resume(&self.run.disk, path.to_owned(), &import);
            let entry = entry.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
            self.forward(&mut import, entry, &pair)?;
        }
        Ok(Moved::In(Box::new(import), Box::new(identity)))
    }

    fn undo(&self, name: &ProfileName, path: &Path, mut import: Import) -> Result<Imported, Failure> {
        let options = self.request.options;
        let was_back = std::mem::replace(&mut import.is_back, true);
        // It may have been rotated since.
        if let Some((_, known)) = self.run.context.files()?.keychain().items().find(|(item, _)| **item == import.item) {
            import.id = known.access_key_id.clone();
        }
        if !was_back {
            (self.request.tell)(&import.shown());
        }
        if options.dry_run {
            return Ok(imported(&import, ImportResult::Planned));
        }
        let text = format!("put the key of {name} back into the files, in plain text?");
        if !was_back && self.run.is_attended() && !self.agreed(text, "put it back") {
            return Ok(imported(&import, ImportResult::Declined));
        }
        self.back(path, &mut import)?;
        Ok(imported(&import, ImportResult::Undone))
    }

    /// Puts everything back.
    fn back(&self, path: &Path, import: &mut Import) -> Result<(), Failure> {
        let context = self.run.context;
        let known = import.profiles.first().map(|name| resolve(context, context.files()?, name)).transpose();
        let pair = match (read_pair(&context.keychain, &import.item), known) {
            (Ok(pair), _) => pair,
            // It was deleted, and the files have it.
            (Err(NoPair::Gone(_)), Ok(Some(profile))) if profile.pair.here().is_some() => self.pair(import, &profile)?,
            (Err(error), _) => return Err(Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED)),
        };
        self.no_rotation(&pair.id)?;
        let index = self.index();
        let entry = Entry::resume(&self.run.disk, path.to_owned(), import);
        let entry = entry.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        let moved = self.run.console.held(|| import.back(entry, self.means(&index), &pair));
        moved.map_err(|error| self.stopped(import, &error))
    }

    fn forward(&self, import: &mut Import, mut entry: Entry<'_>, pair: &AccessKeyPair) -> Result<(), Failure> {
        let index = self.index();
        let moved = self.run.console.held(|| import.forward(&mut entry, self.means(&index), pair));
        moved.map_err(|error| self.stopped(import, &error))
    }

    /// Whether the profiles work by their lines.
    fn prove(&self, import: &Import, identity: &Identity) -> Result<Proof, Failure> {
        let context = self.run.context;
        let files = context.files()?;
        let mut proof = Proof::Proved { by_cli: true };
        for name in &import.profiles {
            self.run.console.progress(&format!("trying {name} by its new line"));
            let profile = resolve(context, files, name)?;
            let pair = context.known_pair(&profile.pair)?;
            let (aws, _) = context.aws(files, name, profile.region.clone(), profile.ca_bundle.clone())?;
            let command = import.command(name).unwrap_or_default();
            let attended = self.run.is_attended();
            let found = prove(&Asked { context, aws: &aws, profile: name, command, identity, pair: &pair, attended })?;
            proof = match (proof, found) {
                (Proof::Proved { by_cli }, Proof::Proved { by_cli: also }) => Proof::Proved { by_cli: by_cli && also },
                (Proof::AtNextLogin, _) | (_, Proof::AtNextLogin) => Proof::AtNextLogin,
            };
        }
        self.run.console.progress_done();
        Ok(proof)
    }

    /// Writes down that it is proved, or puts everything back.
    fn end(&self, mut import: Import, proof: Result<Proof, Failure>) -> Result<Imported, Failure> {
        let path = self.run.state_file("imports").join(format!("{}.json", import.item));
        match proof {
            Ok(proof) => {
                import.is_proved = proof != Proof::AtNextLogin;
                let entry = Entry::resume(&self.run.disk, path, &import);
                entry.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("the key is in the keychain"))?;
                Ok(imported(&import, ImportResult::Done(proof)))
            }
            Err(failure) => {
                let why = || [failure.message.clone()].into_iter().chain(failure.causes.iter().cloned());
                self.back(&path, &mut import)
                    .map_err(|stopped| Failure { causes: stopped.causes.iter().cloned().chain(why()).collect(), ..stopped })?;
                let name = import.profiles.first().map(ProfileName::quoted).unwrap_or_default();
                let failure = failure.state("every file is as it was, and the keychain item is removed");
                Err(failure.hint(format!("put that right, then run `keyrotate keys import {name}` again")))
            }
        }
    }

    fn stopped(&self, import: &Import, error: &MoveError) -> Failure {
        let name = import.profiles.first().map(ProfileName::quoted).unwrap_or_default();
        let undo = if import.is_back { " --undo" } else { "" };
        Failure::from_error(FailureKind::Failed, error)
            .state("the key is in the files, in the keychain or in both, and no copy of it is lost")
            .hint(format!("put it right, then run `keyrotate keys import {name}{undo}` again, which goes on"))
    }

    /// The pair, in whichever of the two places it is.
    fn pair(&self, import: &Import, profile: &ResolvedProfile) -> Result<AccessKeyPair, Failure> {
        match profile.pair.here() {
            Some(pair) => Ok(pair),
            None => read_pair(&self.run.context.keychain, &import.item)
                .map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED)),
        }
    }

    fn index(&self) -> IndexFile<'_> {
        IndexFile::new(&self.run.disk, &self.run.context.paths.state_dir)
    }

    fn means<'m>(&'m self, index: &'m IndexFile<'m>) -> Means<'m> {
        Means { disk: &self.run.disk, keychain: &self.run.context.keychain, index, wait: self.run.context.waits().lock_wait }
    }

    fn agreed(&self, text: String, yes: &str) -> bool {
        self.run.console.progress_done();
        let choices = vec![('y', yes.to_owned()), ('n', "leave it".to_owned())];
        self.run.console.ask(&Question { text, choices, default: Some('y') }) == Answer::Choice('y')
    }

    /// Whose key it is. A root key is not moved, it is to go.
    fn identity(&self, profile: &ResolvedProfile, pair: &AccessKeyPair) -> Result<Identity, Failure> {
        let context = self.run.context;
        let (aws, _) = context.aws(context.files()?, &profile.name, profile.region.clone(), profile.ca_bundle.clone())?;
        self.run.console.progress("asking AWS whose key it is");
        let identity = aws.get_caller_identity(&Signer::LongTerm(pair.clone()));
        self.run.console.progress_done();
        let identity = identity.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        if identity.is_root() {
            let message = format!("{} is a key of the root user, which nobody should have", pair.id);
            let hint = "delete it in the AWS console, signed in as the root user, and use an IAM user's key";
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint));
        }
        Ok(identity)
    }

    fn no_rotation(&self, id: &AccessKeyId) -> Result<(), Failure> {
        let entries = self.run.entries(&mut Vec::new(), true)?;
        let Some((_, record)) = entries.iter().find(|(_, record)| concerns(record, id)) else { return Ok(()) };
        let message = format!("a rotation of {} is under way: {}", record.old.id, describe::state(record));
        let hint = format!("finish it with `keyrotate rotate {0}`, or take it back with `keyrotate undo {0}`", record.called());
        Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
    }

    /// The profiles that have the key in sections of their own; every section that has it is one of theirs.
    fn check(&self, files: &AwsFiles, own: &OwnKeys, pair: &AccessKeyPair) -> Result<Vec<ProfileName>, Failure> {
        let context = self.run.context;
        let refused = |message: String, hint: &str| Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint.to_owned()));
        self.no_rotation(&pair.id)?;
        if context.environment.get("AWS_ACCESS_KEY_ID") == Some(pair.id.as_str()) {
            let message = format!("{} is exported in this shell, where every program goes on to find it", pair.id);
            return refused(message, "unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and remove them from the shell's start-up files");
        }
        let all = own.keys.iter().filter(|key| key.pair.id == pair.id).flat_map(|key| &key.profiles);
        let holders: Vec<&ResolvedProfile> = all.filter(|profile| profile.name == profile.key_profile).collect();
        for profile in &holders {
            let route = files.route(&profile.name, &context.environment);
            let route = route.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
            if !route.roles.is_empty() {
                let message =
                    format!("{} has an access key and assumes a role with it, which goes with a key in a file only", profile.name);
                return refused(message, "put the key into a profile of its own, and name that as source_profile");
            }
        }
        for (kind, document) in [(FileKind::Credentials, files.credentials()), (FileKind::Config, files.config())] {
            for held in document.iter().flat_map(|document| document.holds(&pair.id)) {
                let is_known = holders.iter().any(|profile| profile.file == kind && profile.section == held.section);
                if !is_known {
                    let place = format!("{}, line {}", files.path(kind).display(), held.line);
                    let message =
                        format!("{place}: no profile gets {} from [{}], so that nothing could take its place there", pair.id, held.section);
                    return refused(message, "remove the two lines there, or make it a profile");
                }
            }
        }
        Ok(holders.into_iter().map(|profile| profile.name.clone()).collect())
    }

    /// The item's name: the profile's, where an item can be called so and none is.
    fn item(&self, name: &ProfileName, id: &AccessKeyId, holders: &[ProfileName]) -> Result<ItemName, Failure> {
        let index = self.run.context.files()?.keychain();
        let names = [name.to_string(), format!("{name}-{id}"), id.to_string()];
        let is_free = |item: &ItemName| index.get(item).is_none_or(|known| known.profiles.iter().any(|name| holders.contains(name)));
        let found = names.iter().filter_map(|name| ItemName::parse(name).ok()).find(is_free);
        found.ok_or_else(|| Failure::new(FailureKind::Failed, format!("a keychain item of {id} is there already")).state(UNCHANGED))
    }

    /// Proves of the files as they will be that every profile still leads to the key, and none to another one.
    fn foresee(
        &self,
        import: &Import,
        files: &AwsFiles,
        own: &OwnKeys,
        pair: &AccessKeyPair,
    ) -> Result<(), Result<Failure, (FileKind, crate::profile::EditError)>> {
        let [credentials, config] = import.files_after(files, pair).map_err(Err)?;
        let mut index = files.keychain().clone();
        let known = IndexedItem { access_key_id: pair.id.clone(), profiles: import.profiles.clone(), is_made: true };
        index.put(import.item.clone(), known);
        let failed = |error: &dyn std::error::Error| Ok(Failure::from_error(FailureKind::Failed, error).state(UNCHANGED));
        let after = AwsFiles::parse(files.paths().clone(), credentials, config).map_err(|error| failed(&error))?.with_keychain(index);
        for name in own.profiles_with(&pair.id) {
            let found = after.resolve(&name, &self.run.context.environment).map_err(|error| failed(&error))?;
            if found.pair.item() != Some(&import.item) {
                let place = format!("{}, line {}", after.path(found.file).display(), found.line);
                let message = format!("without {}, {name} would lead to {} ({place})", pair.id, found.pair.id);
                return Err(Ok(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint("remove that key there")));
            }
        }
        Ok(())
    }
}

/// The command for the profile's `credential_process`, quoted as botocore splits it.
fn command(program: &Path, name: &ProfileName) -> Result<String, Failure> {
    let path = program.display().to_string();
    let path = if path.contains(char::is_whitespace) { format!("\"{path}\"") } else { path };
    let dashes = if name.as_str().starts_with('-') { "-- " } else { "" };
    let command = format!("{path} credential-process {dashes}{}", name.quoted());
    if is_own_process(&command, name) && !command.contains(['\n', '\r']) {
        return Ok(command);
    }
    let message = format!("{} cannot stand in credential_process for {name}", program.display());
    Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint("name a program that is called keyrotate with --program"))
}
