//! A key of several machines: one of them rotates it, the others take the new pair from the secret that is its home.
//!
//! Invariant: who takes over never makes, changes or deletes a key at AWS.

use super::targets::{held, read};
use super::way::Way;
use super::{Rotated, Run, Sessions};
use crate::aws::{Aws, AwsError, ErrorKind, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::holder::HolderError;
use crate::model::{AccessKeyId, AccessKeyPair, Identity, ProfileName, Timing};
use crate::os::machine;
use crate::os::terminal::{Answer, Question};
use crate::profile::ResolvedProfile;
use crate::rotation::{Authority, Pull, Rules, SecretTarget, SignedSecrets, begin_pull, plan};

const UNCHANGED: &str = "nothing was changed";

/// Where the settings say that a key is at home.
pub(super) struct Home {
    /// The table of the settings that says so.
    pub(super) table: String,
    /// The machine that rotates it.
    pub(super) rotator: String,
    /// The first of its secrets.
    pub(super) secret: SecretTarget,
    /// Whose credentials read the secret, and whether before the key itself is tried.
    pub(super) auth_profile: Option<(ProfileName, bool)>,
    /// The user of a `[key.NAME]`.
    pub(super) user: Option<String>,
}

/// A key as this machine has it.
pub(super) struct Held<'a> {
    pub(super) profile: &'a ResolvedProfile,
    pub(super) pair: AccessKeyPair,
    /// Whose it is, or was when AWS last said so.
    pub(super) owner: Option<Identity>,
    /// AWS does not accept it.
    pub(super) is_dead: bool,
}

impl Run<'_> {
    /// Takes the pair over that the key's home has; `None` where that is another user's of the same name.
    pub(super) fn pull(&self, here: &Held<'_>, home: &Home, aws: &Aws, timing: Timing) -> Result<Option<Rotated>, Failure> {
        let Held { profile, pair: old, .. } = here;
        let sessions = Sessions::new(self, aws, &timing, &profile.name, vec![old.id.clone()]);
        let grant = |pair: &_, refused: &[AccessKeyId]| sessions.grant(pair, refused);
        let authority = Authority::new(&grant, sessions.has_device());
        let new = self.fetched(home, aws, old, &authority).map_err(|error| sessions.told(unread(home, here, error)))?;
        if new.id == old.id {
            return self.up_to_date(home, profile, old, &new).map(Some);
        }
        // Another account has users of the same names.
        let is_other =
            |owner: &Identity| aws.get_caller_identity(&Signer::LongTerm(new.clone())).is_ok_and(|found| !found.same_principal(owner));
        if home.user.is_some() && here.owner.as_ref().is_some_and(is_other) {
            return Ok(None);
        }
        let signed = SignedSecrets::new(aws, &authority);
        let reach = self.reach(&signed);
        let is_taken = |identity: &Identity| self.takes(home, &old.id, &new.id, identity);
        let pull = Pull {
            aws,
            reach,
            profile: profile.name.clone(),
            old: old.clone(),
            new: new.clone(),
            places: self.context.places(&old.id),
            owner: here.owner.clone(),
            is_taken: &is_taken,
            secret: format!("secret {}", home.secret.id),
            machine: self.machine.clone(),
            dry_run: self.options.dry_run,
        };
        let begun = begin_pull(&pull)?;
        let rules = Rules { timing, attended: self.is_attended(), ..Rules::default() };
        if self.options.dry_run {
            let steps = plan(&begun.record, &begun.seen, &rules);
            return Ok(Some(Rotated::WouldPull { key: old.id.clone(), new: new.id, secret: home.secret.id.clone(), steps }));
        }
        self.execute(begun, Way { aws, authority: &authority, reach }, &rules).map(Some)
    }

    /// The pair that the secret has, read by whoever may.
    fn fetched(&self, home: &Home, aws: &Aws, old: &AccessKeyPair, authority: &Authority<'_>) -> Result<AccessKeyPair, Unread> {
        self.console.progress(&format!("reading secret {}", home.secret.id));
        let secret = &home.secret;
        let by_key = || held(secret, authority.call(old, |signer| read(aws, signer, secret))).map_err(Unread::Refused);
        let by_profile = |name: &ProfileName| {
            let operator = self.operator(name).map_err(Unread::NoOperator)?;
            held(secret, read(aws, &operator, secret)).map_err(Unread::Refused)
        };
        match &home.auth_profile {
            None => by_key(),
            Some((name, true)) => by_profile(name).or_else(|error| by_key().map_err(|_| error)),
            Some((name, false)) => by_key().or_else(|error| if error.may_be_the_signers() { by_profile(name) } else { Err(error) }),
        }
    }

    /// The secret has the key that is in use here.
    fn up_to_date(&self, home: &Home, profile: &ResolvedProfile, old: &AccessKeyPair, new: &AccessKeyPair) -> Result<Rotated, Failure> {
        if old.secret != new.secret {
            let message = format!("secret {} has {} with another secret access key than {} here", home.secret.id, old.id, profile.name);
            let failure = Failure::new(FailureKind::Failed, message).state(UNCHANGED);
            return Err(failure.hint("put the right pair into both; AWS tells of no secret access key a second time"));
        }
        if self.options.due || self.options.all {
            return Ok(Rotated::Elsewhere { key: old.id.clone(), rotator: home.rotator.clone() });
        }
        let message = format!(
            "{} is rotated by the machine {}, as {} says, and this is {}; secret {} has no newer key",
            old.id,
            home.rotator,
            home.table,
            machine::host_name(),
            home.secret.id
        );
        let failure = Failure::new(FailureKind::Usage, message).state(UNCHANGED);
        Err(failure.hint(format!(
            "run `keyrotate rotate` there; after that `keyrotate rotate {}` here takes the new key over",
            profile.name.quoted()
        )))
    }

    /// Whether a person says that the pair is the right one, where nobody knows whose the old key was.
    fn takes(&self, home: &Home, old: &AccessKeyId, new: &AccessKeyId, identity: &Identity) -> bool {
        if !self.is_attended() {
            return false;
        }
        self.console.progress_done();
        let text = format!(
            "{old} is dead, and whose it was is not known here. secret {} has {new} of {}: put that in its place?",
            home.secret.id, identity.arn
        );
        let choices = vec![('y', "take it over".to_owned()), ('n', "leave it".to_owned())];
        self.console.ask(&Question { text, choices, default: Some('n') }) == Answer::Choice('y')
    }
}

/// Why the pair is not known.
enum Unread {
    /// Secrets Manager refused, or the secret has none.
    Refused(HolderError),
    /// The profile that may read it has no credentials now.
    NoOperator(Failure),
}

impl Unread {
    fn aws(&self) -> Option<&AwsError> {
        match self {
            Unread::Refused(HolderError::Aws { source, .. }) => Some(source),
            Unread::Refused(_) | Unread::NoOperator(_) => None,
        }
    }

    /// Whether another signer may be answered otherwise.
    fn may_be_the_signers(&self) -> bool {
        self.aws().is_some_and(|error| error.refuses_the_key() || matches!(error.kind, ErrorKind::Denied { .. } | ErrorKind::Expired))
    }
}

fn unread(home: &Home, here: &Held<'_>, error: Unread) -> Failure {
    let (old, again) = (&here.pair.id, format!("run `keyrotate rotate {}`", here.profile.name.quoted()));
    let may_be_the_signers = error.may_be_the_signers();
    let is_explicit = error.aws().is_some_and(|error| error.kind == ErrorKind::Denied { explicit: true });
    let failure = match error {
        Unread::NoOperator(failure) => return failure,
        Unread::Refused(error) => Failure::from_error(FailureKind::Failed, &error),
    };
    let by = match &home.auth_profile {
        Some((name, _)) => format!("allow secretsmanager:GetSecretValue and DescribeSecret to the profile {name}"),
        None => format!("name a profile that may read it as `auth_profile` of {} in config.toml", home.table),
    };
    let secret =
        format!("secret {}{}", home.secret.id, home.secret.region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default());
    if here.is_dead {
        let message = format!("AWS does not accept {old} any more: {} rotates it, and {secret} has the key that replaced it", home.rotator);
        let causes = std::iter::once(failure.message).chain(failure.causes).collect();
        return Failure { causes, ..Failure::new(FailureKind::Attention, message).state(UNCHANGED).hint(format!("{by}, then {again}")) };
    }
    let hint = if may_be_the_signers { format!("{by}, then {again}") } else { format!("put that right, then {again}") };
    Failure { kind: if is_explicit { FailureKind::MfaNeeded } else { FailureKind::Failed }, ..failure.state(UNCHANGED).hint(hint) }
}
