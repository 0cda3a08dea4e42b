//! Secrets Manager as the code under test sees it. Invariant: each call is an effect of its own, before which the others act and power may
//! fail; what a change may not do to somebody else's version is checked when it is done.

use std::rc::Rc;

use keyrotate::aws::{SecretBody, SecretFacts, SecretId, SecretVersion, Secrets, VersionOf};
use keyrotate::holder::{Place, Staged};
use keyrotate::model::AccessKeyPair;
use keyrotate::rotation::wants_session;

use super::calls::{Answer, Refusal, operation};
use super::events::Op;
use super::iam::Who;
use super::mutant::Mutant;
use super::people::without_pairs;
use super::universe::Universe;
use super::vault::{CURRENT, PENDING, Secret};

pub struct SimSecrets {
    universe: Rc<Universe>,
    /// A session is opened for a call that is denied without.
    asks: bool,
}

impl SimSecrets {
    /// As the protocol has it.
    pub fn new(universe: &Rc<Universe>) -> Self {
        Self { universe: universe.clone(), asks: false }
    }

    /// Before the protocol goes on.
    pub fn asking(universe: &Rc<Universe>) -> Self {
        Self { universe: universe.clone(), asks: true }
    }

    fn call<T>(&self, op: Op, by: &AccessKeyPair, label: &str, act: impl Fn(&Universe) -> Result<T, Refusal>) -> Answer<T> {
        let universe = &*self.universe;
        let once = || universe.call(op, by, label, |universe| act(universe).map_err(|refusal| refusal.answered(operation(op))));
        let mut answered = once();
        while let Err(error) = &answered
            && self.asks
            && wants_session(universe.sight(), error, false)
            && universe.open_session(by).signs()
        {
            answered = once();
        }
        let is_closing = universe.process.borrow().is_closing;
        universe.unswept.set(universe.unswept.get() || (is_closing && answered.is_err()));
        answered
    }

    /// The ID that AWS sees.
    fn token(&self, id: &str) -> String {
        match self.universe.mutant {
            Some(Mutant::TokenNotJournalled) if id.starts_with("keyrotate-") && !id.starts_with("keyrotate-probe-") => {
                format!("{id}{}", self.suffix())
            }
            Some(_) | None => id.to_owned(),
        }
    }

    /// The ID by which the program knows it.
    fn journalled(&self, token: &str) -> String {
        match self.universe.mutant {
            Some(Mutant::TokenNotJournalled) => token.strip_suffix(&self.suffix()).unwrap_or(token).to_owned(),
            Some(_) | None => token.to_owned(),
        }
    }

    fn suffix(&self) -> String {
        format!("-run-{}", self.universe.begun_at.get())
    }
}

impl Universe {
    /// Whether the state of the secret permits the call.
    fn may(&self, secret: &Secret, needs_kms: bool) -> Result<(), Refusal> {
        if secret.is_deleted {
            let message = "You can't perform this operation on the secret because it was marked for deletion.";
            return Err(Refusal("InvalidRequestException", message));
        }
        if needs_kms && !self.quiet.get() && self.beats.get() < secret.kms_denied {
            return Err(Refusal("AccessDeniedException", "Access to KMS is not allowed"));
        }
        Ok(())
    }

    /// A version that the rotation made: for one change that is in the journal, and not in the place of one that was seen to wait.
    fn judge_put(&self, secret: &mut Secret, waited: Option<String>) {
        if let Some((version, since)) = secret.waiting.clone().filter(|(version, _)| waited.as_ref() == Some(version)) {
            if since <= secret.ours[self.machine].described_at {
                self.violated(format!("{PENDING} is taken from {version}, which was seen to wait"));
            }
            // KNOWN: AWS has no put that leaves the label where it is; who comes between the look and the put loses it.
            secret.waiting = None;
        }
        let change = {
            let seen = self.seen.borrow();
            let record = seen.record.as_ref();
            record.and_then(|record| {
                record.holders.iter().find_map(|entry| match (&entry.place, &entry.staged) {
                    (Place::Secret { arn, .. }, Some(Staged::Version { version, .. })) if *arn == secret.arn => {
                        Some(format!("{} {version}", record.id))
                    }
                    _ => None,
                })
            })
        };
        let Some(change) = change else { self.violated("a version is put that is in no journal".to_owned()) };
        let puts = secret.puts.entry(change.clone()).or_default();
        *puts += 1;
        if *puts > 1 {
            self.violated(format!("{change} is put {puts} times"));
        }
    }

    /// A label that the rotation moves.
    fn judge_move(&self, secret: &Secret, stage: &str, to: Option<&str>) {
        let Some(from) = secret.at(stage) else { return };
        if stage == PENDING && !self.is_us(secret.versions[from].by) {
            self.violated(format!("{PENDING} is taken from {from}, which is somebody else's"));
        }
        if let (CURRENT, Some(to)) = (stage, to) {
            let text = |id: &str| without_pairs(self, &String::from_utf8_lossy(secret.versions[id].body.bytes()));
            let (before, after) = (text(from), text(to));
            if before != after {
                self.violated(format!("{before:?} is made {after:?}"));
            }
            let key =
                secret.held().and_then(|(id, _)| self.iam.borrow().keys.iter().find(|key| key.pair.id.as_str() == id).map(|key| key.maker));
            if let Some(Who::Us(other)) = key.filter(|maker| !self.is_us(*maker)) {
                self.violated(format!("{} is taken from the machine {other}, which rotated the key", secret.arn));
            }
        }
    }
}

impl Secrets for SimSecrets {
    fn describe(&self, by: &AccessKeyPair, secret: SecretId<'_>) -> Answer<SecretFacts> {
        self.call(Op::Describe, by, "DescribeSecret", |universe| {
            let mut vault = universe.vault.borrow_mut();
            let found = vault.find(secret.id)?;
            found.ours[universe.machine].described_at = universe.beats.get();
            let labelled = found.versions.iter().filter(|(_, version)| !version.stages.is_empty());
            Ok(SecretFacts {
                arn: found.arn.clone(),
                deleted_at: found.is_deleted.then(|| universe.date(universe.now.get())),
                is_rotated_by_aws: false,
                primary_region: None,
                versions: labelled.map(|(id, version)| (self.journalled(id), version.stages.iter().cloned().collect())).collect(),
            })
        })
    }

    fn get(&self, by: &AccessKeyPair, arn: &str, version: VersionOf<'_>) -> Answer<SecretVersion> {
        self.call(Op::GetValue, by, &format!("GetSecretValue {version:?}"), |universe| {
            let mut vault = universe.vault.borrow_mut();
            let secret = vault.find(arn)?;
            universe.may(secret, true)?;
            let (id, body) = match version {
                VersionOf::Stage(stage) => secret.get(VersionOf::Stage(stage))?,
                VersionOf::Id(id) => secret.get(VersionOf::Id(&self.token(id)))?,
            };
            Ok(SecretVersion { id: self.journalled(&id), body })
        })
    }

    fn put(&self, by: &AccessKeyPair, arn: &str, id: &str, body: &SecretBody, stage: &str) -> Answer<()> {
        let id = self.token(id);
        if !(32..=64).contains(&id.len()) {
            self.universe.violated(format!("{id} is no ClientRequestToken"));
        }
        self.call(Op::PutValue, by, &format!("PutSecretValue {stage} {id}"), |universe| {
            let mut vault = universe.vault.borrow_mut();
            vault.version += 1;
            let secret = vault.find(arn)?;
            universe.may(secret, true)?;
            let waited = secret.at(stage).map(str::to_owned);
            if secret.put(&id, body, stage, Who::Us(universe.machine))? && stage == PENDING {
                universe.judge_put(secret, waited);
            }
            Ok(())
        })
    }

    fn move_stage(&self, by: &AccessKeyPair, arn: &str, stage: &str, to: Option<&str>, from: Option<&str>) -> Answer<()> {
        let (to, from) = (to.map(|id| self.token(id)), from.map(|id| self.token(id)));
        self.call(Op::MoveStage, by, &format!("UpdateSecretVersionStage {stage} from {from:?} to {to:?}"), |universe| {
            let mut vault = universe.vault.borrow_mut();
            vault.version += 1;
            let secret = vault.find(arn)?;
            universe.may(secret, false)?;
            let from = match universe.mutant {
                Some(Mutant::MovedFromAnywhere) if stage == CURRENT => secret.at(stage).map(str::to_owned),
                Some(_) | None => from.clone(),
            };
            secret.can_move(stage, to.as_deref(), from.as_deref())?;
            universe.judge_move(secret, stage, to.as_deref());
            secret.attach(stage, to.as_deref());
            if stage == CURRENT {
                secret.ours[universe.machine].moved_at = universe.beats.get();
            }
            Ok(())
        })
    }
}
