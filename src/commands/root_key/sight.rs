//! What AWS shows of the root user's key, who may sign for the root user, and what a person is told of both.
//!
//! Invariant: it only looks. No code is asked for here; an open session is used where there is one.

use chrono::{DateTime, TimeDelta, Utc};

use super::admin::Proof;
use super::{Removing, Told, UNCHANGED, unchanged};
use crate::audit::is_own_use;
use crate::aws::{AwsError, Caller, ErrorKind, RootUser, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::known::Observations;
use crate::commands::session::key_session;
use crate::model::{AccessKey, AccessKeyId, Age, KeyStatus, LastUse, LastUsed, MfaKind, ProfileName, format_duration};
use crate::os::clock;
use crate::profile::FileKind;
use crate::root_key::{By, Removal, Seen, State, Step, next, shown};
use crate::rotation::{describe, explain};

/// What AWS shows.
pub(super) struct Sight<'a> {
    /// The root user's account.
    pub(super) account: String,
    /// The key.
    id: AccessKeyId,
    /// What was proved of the administrator.
    pub(super) proof: Proof,
    /// What became of the key.
    pub(super) seen: Seen,
    by: Option<By>,
    /// An open session of the root user, or another key of it.
    pub(super) other: Option<RootUser<'a>>,
    /// The key itself, where AWS accepts it.
    pub(super) itself: Option<RootUser<'a>>,
    /// The root user's keys.
    keys: Vec<AccessKey>,
    last_used: LastUsed,
    now: DateTime<Utc>,
}

/// What AWS says to a call that the key itself signs.
pub(super) enum Itself<'a> {
    /// It is the root user's.
    Accepted(RootUser<'a>),
    /// AWS knows it, by another secret.
    OtherSecret,
    /// AWS does not know it; or no profile has it.
    Refused,
}

impl Sight<'_> {
    /// What is to be done, as the person says that the key is gone, or does not.
    pub(super) fn next(&self, seen_gone: bool) -> Step {
        next(self.seen, self.by, seen_gone)
    }

    /// The root user's other keys.
    pub(super) fn others(&self) -> Vec<AccessKeyId> {
        let ids = self.keys.iter().map(|key| &key.id);
        ids.filter(|id| *id != &self.id).cloned().collect()
    }
}

impl Removing<'_> {
    /// The key, where AWS accepts it, and the root user's account.
    pub(super) fn itself(&self) -> Result<(Itself<'_>, String), Failure> {
        let itself = match self.key.pair.clone().map(|pair| self.key.aws.caller(Signer::LongTerm(pair))) {
            None => Itself::Refused,
            Some(Ok(Caller::Root(root))) => Itself::Accepted(root),
            Some(Ok(Caller::Other(identity))) => {
                let message = format!("{} is no key of the root user: it is {}'s", self.key.id, identity.arn);
                let hint = "`keyrotate status` shows the keys here; this command is for the root user's only";
                return Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint));
            }
            Some(Err(error)) if error.kind == ErrorKind::BadSignature => Itself::OtherSecret,
            Some(Err(error)) if error.refuses_the_key() => Itself::Refused,
            Some(Err(error)) => return Err(Failure::from(explain(&self.key.id, &error)).state(UNCHANGED)),
        };
        let known = self.begun.as_ref().map(|(_, removal)| removal.account.clone());
        let id = &self.key.id;
        let of_itself = match &itself {
            Itself::Accepted(root) => Some(root.identity().account.clone()),
            Itself::OtherSecret | Itself::Refused => None,
        };
        if let Some(account) = of_itself.or(known).or_else(|| self.remembered()) {
            return Ok((itself, account));
        }
        let (why, hint) = if matches!(itself, Itself::OtherSecret) {
            (other_secret(id), "put its secret there, then run this again")
        } else {
            let hint = "run `keyrotate status`; a pair that AWS does not accept can be removed from the file by hand";
            (format!("AWS does not accept {id}"), hint)
        };
        let message = format!("{why}, and nothing here says that it was a root user's key");
        Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
    }

    /// Looks at the key.
    pub(super) fn look<'a>(&'a self, itself: Itself<'a>, account: String, proof: Proof) -> Result<Sight<'a>, Failure> {
        let now = clock::local_now();
        let (itself, has_other_secret) = match itself {
            Itself::Accepted(root) => (Some(root), false),
            Itself::OtherSecret => (None, true),
            Itself::Refused => (None, false),
        };
        let session = self.open_session()?.and_then(|signer| self.root(signer, &account));
        let lasts = session.as_ref().is_some_and(|session| self.lasts(session.signs_until()));
        // A session that ends before the wait does needs another code, which another key spares.
        let key = if lasts { None } else { self.other_key(&account)? };
        let (other, by) = match (key, session) {
            (Some(key), _) => (Some(key), Some(By::OtherKey)),
            (None, Some(session)) => (Some(session), Some(By::Session)),
            (None, None) => (None, itself.is_some().then_some(By::Itself)),
        };
        let Some(looker) = other.as_ref().or(itself.as_ref()) else {
            let (keys, last_used) = (Vec::new(), LastUsed::Unknown("nothing here may ask".to_owned()));
            let seen = self.unseen(has_other_secret, &proof);
            return Ok(Sight { account, id: self.key.id.clone(), proof, seen, by, other, itself, keys, last_used, now });
        };
        let failed = |error: AwsError| Failure::from(explain(&self.key.id, &error)).state(UNCHANGED);
        let keys = looker.list_access_keys().map_err(failed)?;
        let seen = match keys.iter().find(|key| key.id == self.key.id).map(|key| &key.status) {
            None if itself.is_some() || has_other_secret => Seen::Unlisted,
            None => Seen::Gone,
            Some(KeyStatus::Inactive) => Seen::Inactive,
            Some(KeyStatus::Active | KeyStatus::Other(_)) => Seen::Active,
        };
        let last_used = looker.get_access_key_last_used(&self.key.id).unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
        // A session is opened when the person has agreed; and only where nothing else signs, because another key can take it back for longer.
        let opens = seen == Seen::Active && by == Some(By::Itself) && self.shows_codes(looker)?;
        let by = if opens { Some(By::Session) } else { by };
        Ok(Sight { account, id: self.key.id.clone(), proof, seen, by, other, itself, keys, last_used, now })
    }

    /// What is known where nothing can list the root user's keys.
    fn unseen(&self, has_other_secret: bool, proof: &Proof) -> Seen {
        let was_alone = |removal: &Removal| match removal.state {
            State::Deactivating | State::Deleting => removal.others.is_empty(),
            // A person's word may have been given without a listing.
            State::Deleted | State::SeenGone => false,
        };
        match proof.root_has_keys {
            Ok(Some(false)) if has_other_secret => Seen::Unlisted,
            // Where the root user has no key at all, it does not have this one.
            Ok(Some(false)) => Seen::Gone,
            _ if has_other_secret => Seen::OtherSecret,
            Ok(Some(true)) if self.begun.as_ref().is_some_and(|(_, removal)| was_alone(removal)) => Seen::Counted,
            Ok(Some(true) | None) | Err(_) => Seen::Hidden,
        }
    }

    /// An MFA session of the key that is open.
    pub(super) fn open_session(&self) -> Result<Option<Signer>, Failure> {
        let endpoint = self.run.context.files()?.endpoint("sts", &self.key.profile, &self.run.context.environment);
        key_session(self.run.context, &self.key.id, endpoint.as_deref()).map_err(|error| unchanged(&error))
    }

    /// The root user of the account, if AWS says that the signer is that.
    pub(super) fn root(&self, signer: Signer, account: &str) -> Option<RootUser<'_>> {
        match self.key.aws.caller(signer) {
            Ok(Caller::Root(root)) if root.identity().account == account => Some(root),
            Ok(_) | Err(_) => None,
        }
    }

    /// Another key of the root user that a profile has. One that an earlier run saw to be somebody else's is not asked about.
    fn other_key(&self, account: &str) -> Result<Option<RootUser<'_>>, Failure> {
        let (context, memory) = (self.run.context, Observations::of_context(self.run.context));
        for key in context.files()?.own_keys(&context.environment).keys {
            let is_others = memory.of(&key.pair.id).is_some_and(|seen| !seen.identity.is_root() || seen.identity.account != account);
            if key.pair.id == self.key.id || is_others {
                continue;
            }
            let Ok(pair) = context.known_pair(&key.pair) else { continue };
            if let Some(root) = self.root(Signer::LongTerm(pair), account) {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    /// Whether the root user has a device whose codes open a session.
    fn shows_codes(&self, root: &RootUser<'_>) -> Result<bool, Failure> {
        let devices = root.list_mfa_devices().map_err(|error| Failure::from(explain(&self.key.id, &error)).state(UNCHANGED))?;
        Ok(devices.iter().any(|serial| MfaKind::of(serial).shows_codes()))
    }

    /// The account, where an earlier run saw that the key is the root user's.
    fn remembered(&self) -> Option<String> {
        let memory = Observations::of_context(self.run.context);
        memory.of(&self.key.id).filter(|seen| seen.identity.is_root()).map(|seen| seen.identity.account.clone())
    }

    /// What a person reads before the account ID is asked for.
    pub(super) fn told(&self, sight: &Sight<'_>, step: Step) -> Result<Told, Failure> {
        let profiles = self.profiles()?;
        let names = profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ");
        let mut facts = vec![
            ("key:", format!("{} of the root user of account {} ({})", self.key.id, sight.account, self.key.profile)),
            ("admin:", format!("{} is {}", self.admin, sight.proof.told())),
        ];
        if let Some(key) = sight.keys.iter().find(|key| key.id == self.key.id) {
            let status = if key.status == KeyStatus::Inactive { "inactive" } else { "active" };
            let days = Age::at(sight.now, key.created_at).days();
            facts.push(("created:", format!("{}, {days} days ago; it is {status}", describe::time(key.created_at))));
            facts.push(("use:", describe::last_use(&sight.last_used)));
            facts.extend(self.others_use(sight).map(|last_use| ("warning:", in_use(&last_use))));
        }
        facts.extend((step == Step::Believe).then(|| ("root:", sight.proof.of_root())));
        facts.extend((!names.is_empty()).then_some(("profiles:", names)));
        let others = sight.others().iter().map(AccessKeyId::to_string).collect::<Vec<_>>();
        facts.extend((!others.is_empty()).then(|| ("second:", format!("the root user also has {}, which stays", others.join(", ")))));
        let files = match &self.key.pair {
            Some(pair) => shown(self.run.context.files()?, pair).map_err(|(kind, error)| self.not_editable(kind, &error))?,
            None => Vec::new(),
        };
        Ok(Told { facts, steps: self.steps(sight, step, !files.is_empty()), files })
    }

    /// The profiles that lead to the key.
    pub(super) fn profiles(&self) -> Result<Vec<ProfileName>, Failure> {
        let context = self.run.context;
        Ok(context.files()?.own_keys(&context.environment).profiles_with(&self.key.id))
    }

    fn not_editable(&self, kind: FileKind, error: &dyn std::error::Error) -> Failure {
        let path = self.run.context.files_or_empty().path(kind).display().to_string();
        Failure::new(FailureKind::Failed, format!("{path}: {error}")).state(UNCHANGED).hint("put that right first, then run this again")
    }

    /// The last use that was not keyrotate's own, where it was of late.
    fn others_use(&self, sight: &Sight<'_>) -> Option<LastUse> {
        let memory = Observations::of_context(self.run.context);
        let before = memory.of(&self.key.id);
        let calls = before.map(|seen| seen.observed_at).into_iter().chain([sight.now]).collect::<Vec<_>>();
        let last = match &sight.last_used {
            LastUsed::Used(last_use) if !is_own_use(last_use, &calls) => Some(last_use.clone()),
            LastUsed::Used(_) => before.and_then(|seen| seen.watched.clone()).and_then(|watched| watched.last),
            LastUsed::Never | LastUsed::Unknown(_) => None,
        };
        last.filter(|last| sight.now - last.at < TimeDelta::days(90))
    }

    fn steps(&self, sight: &Sight<'_>, step: Step, edits: bool) -> Vec<String> {
        let id = &self.key.id;
        let wait = self.request.options.wait;
        let mut steps = match step {
            Step::Deactivate(by) => {
                let signer = match (by, &sight.other) {
                    (By::Session, Some(session)) if self.lasts(session.signs_until()) => {
                        "sign with the session of the root user that is open".to_owned()
                    }
                    (By::Session, _) => "open a session of the root user with a code of its MFA device".to_owned(),
                    (By::OtherKey | By::Itself, _) => "sign with the root user's other key".to_owned(),
                };
                let waits = if wait.is_zero() {
                    "wait for nothing (--wait 0s)".to_owned()
                } else {
                    format!("wait {} for what breaks; `n` or Ctrl-C activates it again", format_duration(wait))
                };
                vec![signer, format!("deactivate {id}"), waits, format!("delete {id}")]
            }
            Step::DeleteAtOnce => vec![format!(
                "delete {id} at once, signed by itself: the root user has no MFA device whose codes open a session, and no other key here, so that \
nothing could activate it again after a wait; what still uses it breaks for good"
            )],
            Step::Decide(_) => vec![format!("ask whether {id}, which is inactive, is deleted or activated again")],
            Step::CleanUp => vec![format!("nothing at AWS: {id} is gone there")],
            Step::Believe => vec![format!("nothing at AWS: it does not accept {id}, and that the root user does not have it is your word")],
            Step::Later | Step::Stranded | Step::Contradicted => Vec::new(),
        };
        steps.extend(edits.then(|| "remove its lines from the files".to_owned()));
        steps
    }
}

/// That the pair here is not the key's.
pub(super) fn other_secret(id: &AccessKeyId) -> String {
    format!("the secret here is not that of {id}, which AWS has")
}

fn in_use(last_use: &LastUse) -> String {
    let at = describe::time(last_use.at);
    format!("something else than keyrotate used it {at} ({} in {}), and will break", last_use.service, last_use.region)
}
