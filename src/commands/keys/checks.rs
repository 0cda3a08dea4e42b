//! Whether a key can move at all, and what every profile would lead to afterwards.
//!
//! Invariant: nothing here changes anything.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::mover::{Mover, UNCHANGED, unchanged};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::timer;
use crate::keys::{Import, Store};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};
use crate::os::keychain::ItemName;
use crate::profile::{
    AwsFiles, EditError, Elsewhere, Environment, FileKind, IndexedItem, OwnKeys, Refusal, ResolvedProfile, is_own_process,
};

impl Mover<'_> {
    /// The profiles that have the key in sections of their own; every section that has it is one of theirs.
    pub(super) fn check(&self, files: &AwsFiles, own: &OwnKeys, pair: &AccessKeyPair) -> Result<Vec<ProfileName>, Failure> {
        let context = self.run.context;
        self.no_rotation(&pair.id)?;
        self.not_exported(&pair.id)?;
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

    /// Refuses a profile that has a key, and one that gets its credentials in another way.
    pub(super) fn has_room(&self, files: &AwsFiles, name: &ProfileName, store: Store) -> Result<(), Failure> {
        let for_keychain = store == Store::Keychain;
        match files.resolve(name, &self.run.context.environment) {
            Ok(profile) if profile.key_profile == *name => refused(format!("{name} has a key already, {}", profile.pair.id), HAS_A_KEY),
            Ok(profile) => {
                let hint = format!("name {0} instead: `keyrotate keys add {0}`", profile.key_profile.quoted());
                refused(format!("{name} assumes a role with the key of {}", profile.key_profile), &hint)
            }
            Err(Refusal::NoFiles { .. } | Refusal::NoSuchProfile { .. } | Refusal::NoKey { .. }) => Ok(()),
            // The item that the line stands for was removed.
            Err(Refusal::Elsewhere { by: Elsewhere::OwnProcess, .. }) if for_keychain && files.has_own_process(name) => Ok(()),
            Err(refusal) => Err(unchanged(&refusal)),
        }
    }

    /// Refuses a key that something here has already: it would be in two places, of which one may be forgotten.
    pub(super) fn is_new_here(&self, files: &AwsFiles, pair: &AccessKeyPair) -> Result<(), Failure> {
        self.no_rotation(&pair.id)?;
        self.not_exported(&pair.id)?;
        let held = [files.credentials(), files.config()].into_iter().flatten().any(|document| !document.holds(&pair.id).is_empty());
        let kept = files.keychain().items().any(|(_, known)| known.is_made && known.access_key_id == pair.id);
        if !held && !kept {
            return Ok(());
        }
        let hint = "`keyrotate keys list` shows where; `keyrotate keys import` moves a key from the files into the keychain";
        refused(format!("{} is here already", pair.id), hint)
    }

    /// What is exported would go on to be used by programs that start in this shell.
    pub(super) fn not_exported(&self, id: &AccessKeyId) -> Result<(), Failure> {
        if self.run.context.environment.get("AWS_ACCESS_KEY_ID") != Some(id.as_str()) {
            return Ok(());
        }
        let message = format!("{id} is exported in this shell, where every program goes on to find it");
        refused(message, "unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and remove them from the shell's start-up files")
    }

    /// The item's name: the profile's, where an item can be called so and none is.
    pub(super) fn item(&self, name: &ProfileName, id: &AccessKeyId, holders: &[ProfileName]) -> Result<ItemName, Failure> {
        let index = self.run.context.files()?.keychain();
        let names = [name.to_string(), format!("{name}-{id}"), id.to_string()];
        let is_free = |item: &ItemName| index.get(item).is_none_or(|known| known.profiles.iter().any(|name| holders.contains(name)));
        let found = names.iter().filter_map(|name| ItemName::parse(name).ok()).find(is_free);
        found.ok_or_else(|| Failure::new(FailureKind::Failed, format!("a keychain item of {id} is there already")).state(UNCHANGED))
    }

    /// Proves of the files as they will be that every profile still leads to the key, and none to another one.
    pub(super) fn foresee(
        &self,
        import: &Import,
        files: &AwsFiles,
        own: &OwnKeys,
        pair: &AccessKeyPair,
    ) -> Result<(), Result<Failure, (FileKind, EditError)>> {
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

    /// The same of the files with a key that a person gave: the profile leads to it, and has the region.
    pub(super) fn foresee_given(
        &self,
        import: &Import,
        files: &AwsFiles,
        pair: &AccessKeyPair,
        region: Option<&str>,
    ) -> Result<(), Failure> {
        let [credentials, config] = import.files_after(files, pair).map_err(|error| self.editing(files, error))?;
        let mut index = files.keychain().clone();
        if !import.is_for_file() {
            let known = IndexedItem { access_key_id: pair.id.clone(), profiles: import.profiles.clone(), is_made: true };
            index.put(import.item.clone(), known);
        }
        let after = AwsFiles::parse(files.paths().clone(), credentials, config).map_err(|error| unchanged(&error))?.with_keychain(index);
        for name in &import.profiles {
            let found = after.resolve(name, &self.run.context.environment).map_err(|error| unchanged(&error))?;
            let is_it =
                if import.is_for_file() { found.pair.here().as_ref() == Some(pair) } else { found.pair.item() == Some(&import.item) };
            if !is_it || found.key_profile != *name {
                let place = format!("{}, line {}", after.path(found.file).display(), found.line);
                return refused(format!("{name} would lead to {} all the same ({place})", found.pair.id), "remove that key there");
            }
            // Of the files alone: a variable counts in this shell only.
            let (found_region, _) = after.region_and_bundle(name, &Environment::default()).map_err(|error| unchanged(&error))?;
            if region.is_some() && found_region.as_deref() != region {
                let message = format!("{name} has another region in the shared credentials file");
                return refused(message, "remove it there, or leave --region out");
            }
        }
        Ok(())
    }
}

pub(super) const HAS_A_KEY: &str = "`keyrotate rotate` replaces a key, `keyrotate keys import` moves it from the files into the keychain; or choose another \
name for the profile";

/// A refusal with what to do.
pub(super) fn refused<T>(message: String, hint: &str) -> Result<T, Failure> {
    Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint.to_owned()))
}

/// The command for the profile's `credential_process`, quoted as botocore splits it.
pub(super) fn command(program: &Path, name: &ProfileName) -> Result<String, Failure> {
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

/// The program for the line: the one that was named, else the one that runs now.
pub(super) fn program(named: Option<&PathBuf>, force: bool, variables: &[(OsString, OsString)]) -> Result<PathBuf, Failure> {
    let variable = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    timer::program(named, force, &variable)
}
