//! The effects of a rotation on the model: calls go to the model of IAM, files to the real code on the simulated disk. Invariant: what
//! must hold when an act is done is checked here, against the truth, before it is done.

use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use keyrotate::aws::AwsError;
use keyrotate::holder::Place;
use keyrotate::journal::JournalError;
use keyrotate::model::{AccessKey, AccessKeyId, AccessKeyPair, KeyStatus, LastUse, LastUsed};
use keyrotate::rotation::{Files, Outcome, Record, State, Step, Which, World};

use super::acts;
use super::calls::{Answer, operation};
use super::events::Op;
use super::iam::{Status, Who};
use super::universe::Universe;

pub struct SimWorld<'a> {
    pub universe: Rc<Universe>,
    pub files: Files<'a>,
}

impl SimWorld<'_> {
    fn list(&self, record: &Record, which: Which) -> Answer<Vec<AccessKey>> {
        self.universe.process.borrow_mut().listed_at = self.universe.now.get();
        let label = format!("[{}] ListAccessKeys", keyrotate::rotation::describe::name(&record.state));
        self.universe.call(Op::List, pair(record, which), &label, |universe| {
            let iam = universe.iam.borrow();
            let row = |(key, status): (&super::iam::Key, Status)| AccessKey {
                id: key.pair.id.clone(),
                status: if status == Status::Active { KeyStatus::Active } else { KeyStatus::Inactive },
                created_at: universe.date(key.created_at()),
            };
            Ok(iam.list(universe.now.get(), universe.noise(7)).into_iter().map(row).collect())
        })
    }

    fn last_use(&self, record: &Record, key: &AccessKeyId, signer: Which) -> Answer<LastUsed> {
        self.universe.call(Op::LastUsed, pair(record, signer), "GetAccessKeyLastUsed", |universe| {
            let iam = universe.iam.borrow();
            // It lags by up to an hour.
            let lag = universe.noise(8) % 3_600_000;
            let used = iam.key(key).and_then(|key| key.used).filter(|used| used + lag <= universe.now.get());
            let seen = |at| LastUsed::Used(LastUse { at: universe.date(at), service: "s3".to_owned(), region: "eu-west-1".to_owned() });
            Ok(used.map_or(LastUsed::Never, seen))
        })
    }

    fn create(&self, record: &Record) -> Answer<(AccessKeyPair, DateTime<Utc>)> {
        self.universe.call(Op::Create, &record.old, "CreateAccessKey", |universe| {
            let by = Who::Us(universe.machine);
            if universe.iam.borrow().counted(by, universe.now.get(), universe.noise(12)) >= 2 {
                return Err(AwsError::answered(
                    "iam:CreateAccessKey",
                    409,
                    "LimitExceeded",
                    "Cannot exceed quota for AccessKeysPerUser: 2",
                ));
            }
            let made = universe.iam.borrow_mut().make(by, universe.now.get(), false);
            universe.process.borrow_mut().fresh = Some(made.id.clone());
            Ok((made, universe.date(universe.now.get())))
        })
    }

    fn set(&self, op: Op, record: &Record, id: &AccessKeyId, status: Status, signer: Which) -> Answer<()> {
        self.universe.call(op, pair(record, signer), &format!("{op:?} {id} to {status:?}"), |universe| {
            acts::before_change(universe, record, id, status, pair(record, signer));
            match universe.iam.borrow_mut().set(id, status, Who::Us(universe.machine), universe.now.get()) {
                true => Ok(()),
                false => Err(AwsError::answered(operation(op), 404, "NoSuchEntity", "")),
            }
        })
    }

    fn ask(&self, key: &AccessKeyId) -> bool {
        self.universe.op(Op::Ask, || format!("asking about {key}"));
        self.universe.pass(20_000);
        let yes = self.universe.schedule.scene.trusting;
        if yes {
            self.universe.process.borrow_mut().permitted = Some(key.clone());
        }
        yes
    }
}

fn pair(record: &Record, which: Which) -> &AccessKeyPair {
    record.pair(which).unwrap_or(&record.old)
}

impl World for SimWorld<'_> {
    fn observe(&self, known: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
        let told = self.universe.process.borrow().has_server_time.then(|| self.universe.date(self.universe.now.get()));
        (self.universe.clock(), told.or(known))
    }

    fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        self.universe.op(Op::Persist, || format!("writing down {:?}", record.state));
        acts::before_persist(&self.universe, record);
        self.files.persist(record)?;
        self.universe.process.borrow_mut().record = Some(record.clone());
        Ok(())
    }

    fn perform(&mut self, record: &Record, step: &Step) -> Outcome {
        let universe = self.universe.clone();
        self.universe.process.borrow_mut().record = Some(record.clone());
        match step {
            Step::ListAccessKeys(signer) => Outcome::Listed(*signer, self.list(record, *signer)),
            Step::GetCallerIdentity(which) => {
                let answer = self.universe.call(Op::Identity, pair(record, *which), "GetCallerIdentity", |_| Ok(record.identity.clone()));
                if answer.is_ok() {
                    universe.process.borrow_mut().proved_at[which.index()] = Some(universe.now.get());
                }
                Outcome::Identified(*which, answer)
            }
            Step::GetAccessKeyLastUsed { key, signer } => {
                let answer = self.last_use(record, key, *signer);
                Outcome::LastUse(answer.unwrap_or_else(|error| LastUsed::Unknown(error.to_string())))
            }
            Step::CreateAccessKey => Outcome::Created(self.create(record)),
            Step::UpdateAccessKey { key, status, signer } => {
                let status = if *status == KeyStatus::Active { Status::Active } else { Status::Inactive };
                let id = pair(record, *key).id.clone();
                Outcome::Changed(self.set(Op::Update, record, &id, status, *signer))
            }
            Step::DeleteAccessKey { key, signer } => Outcome::Changed(self.set(Op::Delete, record, key, Status::Deleted, *signer)),
            Step::ReadHolders => {
                universe.op(Op::Read, || "reading the holders".to_owned());
                universe.reread_at.set(universe.beats.get());
                let sights = self.files.read(record);
                universe.say(|| format!("      {sights:?}"));
                Outcome::Read(sights)
            }
            Step::PrepareHolder { holder, to } => {
                universe.op(Op::Prepare, || format!("preparing holder {holder} for {to:?}"));
                Outcome::Prepared(*holder, *to, self.files.prepare(record, *holder, *to))
            }
            Step::WriteHolder { holder, to } => {
                universe.op(Op::Write, || format!("writing holder {holder} with {to:?}"));
                acts::before_write(&universe, record, *to);
                let written = self.files.write(record, *holder, *to);
                universe.say(|| format!("      {written:?}"));
                Outcome::Written(*holder, written)
            }
            Step::ReleaseHolder { holder, to } => {
                universe.op(Op::Release, || format!("releasing what holder {holder} displaced"));
                Outcome::Released(*holder, self.files.release(record, *holder, *to))
            }
            Step::Wait(duration, why) => {
                universe.op(Op::Wait, || format!("waiting {duration:?}: {why}"));
                universe.wait(duration.as_millis() as u64 + 1);
                Outcome::Waited
            }
            Step::AskAboutSuspect { key, .. } => Outcome::Answered(self.ask(key)),
            Step::OpenSession(which) => Outcome::Opened(universe.open_session(pair(record, *which))),
            Step::Enter(_) | Step::Close | Step::Stop(_) => Outcome::Waited,
        }
    }

    fn close(&mut self, record: &Record) -> Result<(), JournalError> {
        self.universe.op(Op::Close, || format!("closing: {:?}", record.state));
        let now = self.observe(None).1.unwrap_or(record.started_at);
        debug_assert!(matches!(record.state, State::Done(_)), "only what is over is closed");
        self.universe.unswept.set(false);
        for secret in &mut self.universe.vault.borrow_mut().secrets {
            let is_this = |place: &Place| matches!(place, Place::Secret { arn, .. } if *arn == secret.arn);
            secret.ours[self.universe.machine].is_swept = record.holders.iter().any(|entry| is_this(&entry.place) && entry.stagings > 0);
        }
        self.universe.process.borrow_mut().is_closing = true;
        let kept = self.files.tidy(record);
        self.universe.say(|| format!("      {kept:?}"));
        self.files.close(record, now)
    }

    fn interrupted(&self) -> Option<&'static str> {
        self.universe.process.borrow().is_signalled.then_some("SIGINT")
    }
}
