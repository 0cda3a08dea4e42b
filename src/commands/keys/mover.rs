//! What `keys add` and `keys import` share: a move that is written down, done, proved, or put back.
//!
//! Invariant: what an earlier run began is found by the profile; nothing is put back before the keychain has given its pair.

use std::path::{Path, PathBuf};

use super::proof::{Asked, Proof, prove};
use crate::aws::{Aws, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::rotate::{Run, concerns, resolve};
use crate::holder::keychain::{IndexFile, NoPair, read_pair};
use crate::journal::Entry;
use crate::keys::{Import, Means, MoveError};
use crate::model::{AccessKeyId, AccessKeyPair, Identity, ProfileName, SecretAccessKey};
use crate::os::private_directory::private_directory;
use crate::os::terminal::{Answer, Question};
use crate::profile::{AwsFiles, EditError, FileKind, ResolvedProfile};
use crate::rotation::{describe, explain};

/// The state of things where nothing was done.
pub(super) const UNCHANGED: &str = "nothing was changed";

/// Who moves a key.
pub(super) struct Mover<'a> {
    pub(super) run: &'a Run<'a>,
}

/// An error before anything was done.
pub(super) fn unchanged(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(FailureKind::Failed, error).state(UNCHANGED)
}

impl Mover<'_> {
    /// The profile that is meant.
    pub(super) fn name(&self) -> Result<ProfileName, Failure> {
        let name = self.run.names()?.into_iter().next().unwrap_or_default();
        if !self.run.is_managed(&name)? {
            return Ok(name);
        }
        let message = format!("[key.{name}] is in no file: it is in the secret that the settings name");
        Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint("name a profile"))
    }

    /// The move that the profile took part in.
    pub(super) fn find(&self, name: &ProfileName) -> Result<Option<(PathBuf, Import)>, Failure> {
        for path in Entry::list(&self.run.disk, &self.run.state_file("imports")).map_err(|error| unchanged(&error))? {
            let import: Import = Entry::load(&self.run.disk, &path).map_err(|error| unchanged(&error))?;
            if import.profiles.contains(name) {
                return Ok(Some((path, import)));
            }
        }
        Ok(None)
    }

    /// Puts everything back.
    pub(super) fn back(&self, path: &Path, import: &mut Import) -> Result<(), Failure> {
        let context = self.run.context;
        let known = import.profiles.first().map(|name| resolve(context, context.files()?, name)).transpose();
        let pair = match (read_pair(&context.keychain, &import.item), known) {
            (Ok(pair), _) => pair,
            // It was deleted, and the files have it.
            (Err(NoPair::Gone(_)), Ok(Some(profile))) if profile.pair.here().is_some() => self.pair(import, &profile)?,
            // It was deleted, and no file is to have it: only lines go.
            (Err(NoPair::Gone(_)), _) if import.given.is_some() => {
                AccessKeyPair { id: import.id.clone(), secret: SecretAccessKey::new("") }
            }
            (Err(error), _) => return Err(unchanged(&error)),
        };
        if import.given.is_some() && pair.id != import.id {
            let message = format!("keychain item {} has {} now, which stays", import.item, pair.id);
            return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint("`keyrotate keys list` shows where every key is"));
        }
        self.no_rotation(&pair.id)?;
        let index = self.index();
        let entry = Entry::resume(&self.run.disk, path.to_owned(), import);
        let entry = entry.map_err(|error| unchanged(&error))?;
        let moved = self.run.console.held(|| import.back(entry, self.means(&index), &pair));
        moved.map_err(|error| self.stopped(import, &error))
    }

    /// Puts everything back because it could not be proved, which the failure tells.
    pub(super) fn put_back(&self, import: &mut Import, failure: Failure) -> Failure {
        let again = import.again();
        if let Err(stopped) = self.back(&self.path(import), import) {
            let causes = stopped.causes.iter().cloned().chain([failure.message]).chain(failure.causes).collect();
            return Failure { causes, ..stopped };
        }
        let state = match import.given {
            Some(_) => "every file is as it was, and the keychain item is removed: the key is where you had it",
            None => "every file is as it was, and the keychain item is removed",
        };
        failure.state(state).hint(format!("put that right, then run `{again}` again"))
    }

    /// What is written down of a move.
    pub(super) fn path(&self, import: &Import) -> PathBuf {
        self.run.state_file("imports").join(format!("{}.json", import.item))
    }

    /// Writes down what is about to be done, and does it.
    pub(super) fn begin(&self, import: &mut Import, pair: &AccessKeyPair) -> Result<(), Failure> {
        let index = self.index();
        self.run.probing(|| import.check(self.means(&index), pair)).map_err(|error| unchanged(&error))?;
        let imports = self.run.state_file("imports");
        private_directory(&imports).map_err(|error| unchanged(&error))?;
        Entry::sweep(&self.run.disk, &imports).map_err(|error| unchanged(&error))?;
        let entry = Entry::begin(&self.run.disk, self.path(import), import);
        self.forward(import, entry.map_err(|error| unchanged(&error))?, pair)
    }

    pub(super) fn forward(&self, import: &mut Import, mut entry: Entry<'_>, pair: &AccessKeyPair) -> Result<(), Failure> {
        let index = self.index();
        let moved = self.run.console.held(|| import.forward(&mut entry, self.means(&index), pair));
        moved.map_err(|error| self.stopped(import, &error))
    }

    /// Whether the profiles work by their lines.
    pub(super) fn prove(&self, import: &Import, identity: &Identity) -> Result<Proof, Failure> {
        let context = self.run.context;
        let files = context.files()?;
        let mut proof = Proof::Proved { by_cli: true };
        let attended = self.run.is_attended();
        self.run.console.progress_done();
        for name in &import.profiles {
            // Where a person sits, the line may ask for a code: nothing is to be drawn over its question.
            if !attended {
                self.run.console.progress(&format!("trying {name} by its new line"));
            }
            let profile = resolve(context, files, name)?;
            let pair = context.known_pair(&profile.pair)?;
            let aws = self.aws(&profile)?;
            let command = import.command(name).unwrap_or_default();
            let found = prove(&Asked { run: self.run, aws: &aws, profile: name, command, identity, pair: &pair, attended })?;
            proof = match (proof, found) {
                (Proof::Proved { by_cli }, Proof::Proved { by_cli: also }) => Proof::Proved { by_cli: by_cli && also },
                (Proof::AtNextLogin, _) | (_, Proof::AtNextLogin) => Proof::AtNextLogin,
            };
        }
        self.run.console.progress_done();
        Ok(proof)
    }

    fn stopped(&self, import: &Import, error: &MoveError) -> Failure {
        let state = match import.given {
            Some(_) => "the key is in the place that was asked for, or nowhere yet and you alone have it",
            None => "the key is in the files, in the keychain or in both, and no copy of it is lost",
        };
        let hint = format!("put it right, then run `{}` again, which goes on", import.again());
        Failure::from_error(FailureKind::Failed, error).state(state).hint(hint)
    }

    /// The pair, in whichever of the two places it is.
    pub(super) fn pair(&self, import: &Import, profile: &ResolvedProfile) -> Result<AccessKeyPair, Failure> {
        match profile.pair.here() {
            Some(pair) => Ok(pair),
            None => read_pair(&self.run.context.keychain, &import.item).map_err(|error| unchanged(&error)),
        }
    }

    pub(super) fn index(&self) -> IndexFile<'_> {
        IndexFile::new(&self.run.disk, &self.run.context.paths.state_dir)
    }

    pub(super) fn means<'m>(&'m self, index: &'m IndexFile<'m>) -> Means<'m> {
        Means { disk: &self.run.disk, keychain: &self.run.context.keychain, index, wait: self.run.context.waits().lock_wait }
    }

    pub(super) fn agreed(&self, text: String, yes: &str) -> bool {
        self.run.console.progress_done();
        let choices = vec![('y', yes.to_owned()), ('n', "leave it".to_owned())];
        self.run.console.ask(&Question { text, choices, default: Some('y') }) == Answer::Choice('y')
    }

    /// Whose key it is. A root key is not moved, it is to go.
    pub(super) fn identity(&self, aws: &Aws, pair: &AccessKeyPair) -> Result<Identity, Failure> {
        self.run.console.progress("asking AWS whose key it is");
        let identity = aws.get_caller_identity(&Signer::LongTerm(pair.clone()));
        self.run.console.progress_done();
        let identity = identity.map_err(|error| Failure::from(explain(&pair.id, &error)))?;
        if identity.is_root() {
            let message = format!("{} is a key of the root user of account {}, which nobody should have", pair.id, identity.account);
            let hint =
                "use an IAM user's key; `keyrotate root-key remove PROFILE --admin PROFILE` deletes a root user's key that a profile has";
            return Err(Failure::new(FailureKind::Critical, message).state(UNCHANGED).hint(hint));
        }
        Ok(identity)
    }

    /// The way to AWS of a profile with a key.
    pub(super) fn aws(&self, profile: &ResolvedProfile) -> Result<Aws, Failure> {
        let context = self.run.context;
        Ok(context.aws(context.files()?, &profile.name, profile.region.clone(), profile.ca_bundle.clone())?.0)
    }

    /// A file that cannot be edited so.
    pub(super) fn editing(&self, files: &AwsFiles, (kind, error): (FileKind, EditError)) -> Failure {
        Failure::new(FailureKind::Failed, format!("{}: {error}", files.path(kind).display())).state(UNCHANGED)
    }

    pub(super) fn no_rotation(&self, id: &AccessKeyId) -> Result<(), Failure> {
        let entries = self.run.entries(&mut Vec::new(), true)?;
        let Some((_, record)) = entries.iter().find(|(_, record)| concerns(record, id)) else { return Ok(()) };
        let message = format!("a rotation of {} is under way: {}", record.old.id, describe::state(record));
        let hint = format!("finish it with `keyrotate rotate {0}`, or take it back with `keyrotate undo {0}`", record.called());
        Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
    }
}
