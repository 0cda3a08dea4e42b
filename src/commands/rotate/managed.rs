//! The key of another user, which the settings name as `[key.NAME]`: an operator's credentials manage it.
//!
//! Invariant: the operator's calls always name the user; the key itself is read from where it is held, and proves itself.

use super::home::is_elsewhere;
use super::one::known;
use super::resume::Resumed;
use super::targets::{first_held, secrets};
use super::way::Way;
use super::{Rotated, Run};
use crate::aws::{Aws, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::{SessionOptions, access, route};
use crate::holder::HolderError;
use crate::model::{AccessKeyPair, ProfileName, Timing};
use crate::os::machine;
use crate::profile::settings::KeySettings;
use crate::rotation::{Authority, HistoryLine, Managed, Permissions, Preflight, SignedSecrets};

const UNCHANGED: &str = "nothing was changed";

impl Run<'_> {
    /// Whether the name is that of a `[key.NAME]`. One that a profile has, too, is refused: a key is about to change.
    pub(in crate::commands) fn is_managed(&self, name: &ProfileName) -> Result<bool, Failure> {
        if !self.context.settings.keys().contains_key(name.as_str()) {
            return Ok(false);
        }
        if self.context.files_or_empty().profiles().any(|profile| profile == *name) {
            let message = format!("{name} is a profile in the AWS files, and [key.{name}] in config.toml");
            return Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint("rename the one in config.toml"));
        }
        Ok(true)
    }

    /// The keys of others that this machine rotates, by their names.
    pub(super) fn managed_here(&self) -> impl Iterator<Item = ProfileName> {
        let is_here = |key: &KeySettings| !key.rotator.as_deref().is_some_and(is_elsewhere);
        self.context.settings.keys().iter().filter(move |(_, key)| is_here(key)).map(|(name, _)| ProfileName::new(name))
    }

    /// Rotates the key of another user.
    pub(super) fn managed(&self, name: &ProfileName, resumed: &mut Resumed, notes: &mut Vec<String>) -> Result<Rotated, Failure> {
        if let Some(result) = resumed.of_managed(name) {
            return result;
        }
        let context = self.context;
        let Some(key) = context.settings.keys().get(name.as_str()) else { return Err(gone(name)) };
        let all = context.settings.for_key(key);
        if let Some(rotator) = key.rotator.as_ref().filter(|rotator| is_elsewhere(rotator)) {
            let message = format!("[key.{name}] is rotated by the machine {rotator}, and this is {}", machine::host_name());
            let failure = Failure::new(FailureKind::Usage, message).state(UNCHANGED);
            let there = format!("run `keyrotate rotate {}` there, or change `rotator`", name.quoted());
            return Err(failure.hint(format!("{there}; profiles here that have the key take the new one over with `keyrotate auto`")));
        }
        let profile = &key.auth_profile;
        let (aws, timing, region) = self.way_of(profile)?;
        let operator = self.operator(profile)?;
        let targets = secrets(key.targets.clone(), &format!("[key.{name}]"), region.as_ref())?;
        let pair = first_held(&aws, &operator, &targets).map_err(|error| unread(name, &error))?;
        let history: Vec<HistoryLine> = self.history().lines().map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
        let authority = Authority::of_operator(operator);
        let signed = SignedSecrets::new(&aws, &authority);
        let reach = self.reach(&signed);
        let files = context.files()?;
        let own = files.own_keys(&context.environment);
        let preflight = Preflight {
            aws: &aws,
            authority: &authority,
            reach,
            console: self.console,
            profile: profile.clone(),
            managed: Some(Managed { name: name.clone(), user: key.user.clone() }),
            pair,
            root_key: None,
            identity: None,
            places: &|id| context.places(id),
            targets,
            known: known(files, &own).chain(resumed.known()).collect(),
            history: &history,
            grace: self.options.grace.unwrap_or(all.grace),
            drains: key.rotator.is_some(),
            only_due: self.options.due.then_some(all.limits),
            may: Permissions {
                attended: self.is_attended(),
                reclaim_inactive: self.options.reclaim_inactive || all.reclaim_inactive,
                delete_key: self.options.delete_key.clone(),
                create_secret: self.options.create_secret,
            },
            timing,
            machine: self.machine.clone(),
            dry_run: self.options.dry_run,
        };
        self.by_preflight(&preflight, Way { aws: &aws, authority: &authority, reach }, notes)
    }

    /// The pair that the first secret of a `[key.NAME]` has.
    pub(super) fn managed_pair(&self, name: &ProfileName) -> Result<AccessKeyPair, Failure> {
        let Some(key) = self.context.settings.keys().get(name.as_str()) else { return Err(gone(name)) };
        let (aws, _, region) = self.way_of(&key.auth_profile)?;
        let targets = secrets(key.targets.clone(), &format!("[key.{}]", name.as_key()), region.as_ref())?;
        let operator = self.operator(&key.auth_profile)?;
        first_held(&aws, &operator, &targets).map_err(|error| unread(name, &error))
    }

    /// The way to AWS of a profile that manages the keys of others, and its region.
    fn way_of(&self, profile: &ProfileName) -> Result<(Aws, Timing, Option<String>), Failure> {
        let way = route(self.context, profile)?.key;
        let (aws, timing) = self.context.aws(self.context.files()?, profile, way.region.clone(), way.ca_bundle)?;
        Ok((aws, timing, way.region))
    }

    /// The credentials of a profile that manages the keys of others: the session of its role, or of its user's MFA device; where the AWS files
    /// name neither, its key.
    pub(in crate::commands) fn operator(&self, profile: &ProfileName) -> Result<Signer, Failure> {
        let route = route(self.context, profile).map_err(|failure| failure.of(profile.as_str()))?;
        if route.roles.is_empty() && route.mfa_serial.is_none() {
            return self.context.known_pair(&route.key.pair).map(Signer::LongTerm);
        }
        let options = SessionOptions {
            profile: Some(profile.to_string()),
            open_only: self.command == "auto",
            mfa_code: self.options.mfa_code.clone(),
            ..SessionOptions::default()
        };
        let access = access(self.context, &|| Ok(self.console.clone()), &options, &format!("keyrotate {}", self.command))?;
        access.notes.iter().for_each(|note| self.console.note(note));
        Ok(Signer::Session(access.session.credentials))
    }
}

fn unread(name: &ProfileName, error: &HolderError) -> Failure {
    let failure = Failure::from_error(FailureKind::Failed, error).state(UNCHANGED);
    failure.hint(format!("put that right, or correct the targets of [key.{name}], and run this again"))
}

fn gone(name: &ProfileName) -> Failure {
    Failure::new(FailureKind::Usage, format!("config.toml has no [key.{name}]")).state(UNCHANGED).hint("correct the name")
}
