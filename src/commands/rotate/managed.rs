//! The key of another user, which the settings name as `[key.NAME]`: an operator's credentials manage it.
//!
//! Invariant: the operator's calls always name the user; the key itself is read from where it is held, and proves itself.

use super::one::{Way, known, secrets};
use super::resume::Resumed;
use super::{Rotated, Run};
use crate::aws::{Aws, AwsError, SecretId, Signer, VersionOf};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::{SessionOptions, access, route};
use crate::holder::{CURRENT, HolderError, SecretProblem, read_pair};
use crate::model::{AccessKeyPair, ProfileName};
use crate::os::machine;
use crate::profile::settings::KeySettings;
use crate::rotation::{Authority, HistoryLine, Managed, Permissions, Preflight, SecretTarget, SignedSecrets};

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
        let is_here = |key: &KeySettings| key.rotator.as_ref().is_none_or(|rotator| *rotator == machine::host_name());
        self.context.settings.keys().iter().filter(move |(_, key)| is_here(key)).map(|(name, _)| ProfileName::new(name))
    }

    /// Rotates the key of another user.
    pub(super) fn managed(&self, name: &ProfileName, resumed: &mut Resumed, notes: &mut Vec<String>) -> Result<Rotated, Failure> {
        if let Some(result) = resumed.of_managed(name) {
            return result;
        }
        let (context, all) = (self.context, self.context.settings.for_key());
        let Some(key) = context.settings.keys().get(name.as_str()) else { return Err(gone(name)) };
        if let Some(rotator) = key.rotator.as_ref().filter(|rotator| **rotator != machine::host_name()) {
            let message = format!("[key.{name}] is rotated by the machine {rotator}, and this is {}", machine::host_name());
            let failure = Failure::new(FailureKind::Usage, message).state(UNCHANGED);
            return Err(failure.hint(format!("run `keyrotate rotate {}` there, or change `rotator`", name.quoted())));
        }
        let profile = &key.auth_profile;
        let (aws, timing, region) = {
            let way = route(context, profile)?.key;
            let (aws, timing) = context.aws(context.files()?, profile, way.region.clone(), way.ca_bundle)?;
            (aws, timing, way.region)
        };
        let operator = self.operator(profile)?;
        let targets = secrets(key.targets.clone(), &format!("[key.{name}]"), region.as_ref())?;
        let pair = held(&aws, &operator, &targets).map_err(|error| unread(name, &error))?;
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
            places: &|id| context.places(id),
            targets,
            known: known(files, &own).chain(resumed.known()).collect(),
            history: &history,
            grace: self.options.grace.unwrap_or(all.grace),
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

/// The pair that the first of the secrets has which is there. That the others have the same is seen to where all of them are looked at.
pub(in crate::commands) fn held(aws: &Aws, operator: &Signer, targets: &[SecretTarget]) -> Result<AccessKeyPair, HolderError> {
    let mut first = None;
    for target in targets {
        match held_in(aws, operator, target) {
            Err(HolderError::Aws { place, source }) if source.is_no_such_secret() => {
                first.get_or_insert(HolderError::Aws { place, source });
            }
            found => return found,
        }
    }
    Err(first.unwrap_or_else(|| HolderError::Changed { place: String::new() }))
}

fn held_in(aws: &Aws, operator: &Signer, target: &SecretTarget) -> Result<AccessKeyPair, HolderError> {
    let place = format!("secret {}", target.id);
    let refused = |source: AwsError| HolderError::Aws { place: place.clone(), source };
    let facts = aws.describe_secret(operator, SecretId { id: &target.id, region: target.region.as_deref() }).map_err(refused)?;
    let body = aws.get_secret_value(operator, &facts.arn, VersionOf::Stage(CURRENT)).map_err(refused)?.body;
    let shape = |error| HolderError::Secret { place: place.clone(), problem: SecretProblem::Shape(error) };
    read_pair(body.bytes(), target.fields.as_ref()).map_err(shape)
}

fn unread(name: &ProfileName, error: &HolderError) -> Failure {
    let failure = Failure::from_error(FailureKind::Failed, error).state(UNCHANGED);
    failure.hint(format!("put that right, or correct the targets of [key.{name}], and run this again"))
}

fn gone(name: &ProfileName) -> Failure {
    Failure::new(FailureKind::Usage, format!("config.toml has no [key.{name}]")).state(UNCHANGED).hint("correct the name")
}
