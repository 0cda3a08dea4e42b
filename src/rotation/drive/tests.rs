//! The loop over worlds that misbehave.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::fold::fold;
use super::*;
use crate::holder::{Place, Sight};
use crate::model::*;
use crate::profile::FileKind;
use crate::rotation::{HolderEntry, SessionSight};

const OLD: &str = "AKIAOLD0000000000001";

fn pair(id: &str) -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new("canary") }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn record() -> Record {
    let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
    Record {
        id: "r".into(),
        machine: "m".into(),
        host: "h".into(),
        started_at: at(0),
        identity: Identity { account: "111122223333".into(), arn, user_id: "AIDADEV".into() },
        user_name: "dev".into(),
        profile: ProfileName::default(),
        old: pair(OLD),
        old_created_at: at(-9_000_000),
        keys_before: ["AKIAOTHER00000000001", OLD].map(|id| AccessKeyId::parse(id).unwrap()).to_vec(),
        managed_as: None,
        deleted_first: None,
        adopted: false,
        state: State::Intent { signed_at: at(0), throttled: 0 },
        new: None,
        holders: vec![HolderEntry {
            place: Place::AwsFile { kind: FileKind::Credentials, path: "/c".into() },
            sections: vec!["default".into()],
            stagings: 0,
            staged: None,
            staged_to: Which::New,
            displaced: vec![],
            left_out: false,
        }],
        grace: Grace::default(),
        drains: false,
        pulled: false,
    }
}

#[test]
fn a_new_key_that_was_there_before_is_a_lost_answer() {
    for id in [OLD, "AKIAOTHER00000000001"] {
        let (mut record, mut seen) = (record(), Observation::default());
        let changed = fold(&mut record, &mut seen, &Step::CreateAccessKey, Outcome::Created(Ok((pair(id), at(1)))));
        assert!(!changed && record.new.is_none() && matches!(record.state, State::Intent { .. }), "{id}: {record:?}");
        let error = seen.act.and_then(|act| act.result.err()).expect("an error");
        assert_eq!((error.kind, error.is_definitive()), (crate::aws::ErrorKind::Garbled, false));
    }
}

/// A world in which the record of the new key is written and not known to stay.
struct Unsure(Vec<Step>);

impl World for Unsure {
    fn observe(&self, _: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
        (Duration::ZERO, Some(at(0)))
    }

    fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        match record.new {
            None => Ok(()),
            Some(_) => Err(JournalError::NotDurable { path: "/j".into(), source: std::io::ErrorKind::Other.into() }),
        }
    }

    fn perform(&mut self, _: &Record, step: &Step) -> Outcome {
        self.0.push(step.clone());
        assert_eq!(*step, Step::CreateAccessKey, "no other step is wanted");
        Outcome::Created(Ok((pair("AKIANEW0000000000001"), at(1))))
    }

    fn close(&mut self, _: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    fn interrupted(&self) -> Option<&'static str> {
        None
    }
}

#[test]
fn a_new_key_whose_secret_can_be_read_is_not_given_up() {
    let keys = vec![AccessKey { id: pair(OLD).id, status: KeyStatus::Active, created_at: at(-9_000_000) }];
    let listing = super::super::observation::Listing { keys, signer: Which::Old, clock: Duration::ZERO, at: at(0) };
    let mut seen = Observation { now: Some(at(0)), listing: Some(listing), ..Observation::default() };
    let mut world = Unsure(Vec::new());
    let ended = drive(&mut record(), &mut seen, &Rules::default(), &mut world);
    let Ended::Stopped(stop) = ended else { panic!("{ended:?}") };
    assert!(stop.message.contains("may not outlast a power failure"), "{stop:?}");
    assert_eq!(world.0, [Step::CreateAccessKey]);
}

/// A world in which AWS's answers never tell a time.
struct Timeless(Duration);

impl World for Timeless {
    fn observe(&self, known: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
        (self.0, known)
    }

    fn persist(&mut self, _: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other step is wanted")]
    fn perform(&mut self, _: &Record, step: &Step) -> Outcome {
        assert!(self.0 < Duration::from_secs(7_000), "it waits for ever");
        match step {
            Step::Wait(duration, _) => self.0 += *duration,
            Step::ReadHolders => {
                let old = vec!["default".to_owned()];
                return Outcome::Read(vec![Sight::Seen { old, new: vec![], foreign: vec![], others: vec![] }]);
            }
            Step::ListAccessKeys(signer) => {
                self.0 += Duration::from_millis(100);
                let old = AccessKey { id: pair(OLD).id, status: KeyStatus::Active, created_at: at(-9_000_000) };
                return Outcome::Listed(*signer, Ok(vec![old]));
            }
            other => panic!("{other:?}"),
        }
        Outcome::Waited
    }

    fn close(&mut self, _: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    fn interrupted(&self) -> Option<&'static str> {
        None
    }
}

#[test]
fn where_no_answer_tells_the_time_the_wait_ends_by_the_boot_clock() {
    let clock = Duration::from_secs(5_000);
    let mut seen = Observation { now: Some(at(0)), clock, entered: clock, resumed: true, ..Observation::default() };
    let rules = Rules { timing: Timing::default(), ..Rules::default() };
    let ended = drive(&mut record(), &mut seen, &rules, &mut Timeless(clock));
    assert!(matches!(ended, Ended::Closed { end: End::Aborted { .. }, .. }), "{ended:?}");
    let passed = seen.now.unwrap() - at(0);
    assert!(passed >= TimeDelta::seconds(120) && passed < TimeDelta::seconds(130), "{passed}");
}

#[test]
fn a_holder_that_is_denied_wants_a_session_and_is_looked_at_again_with_it() {
    let denied = AwsError::for_tests("secretsmanager:GetSecretValue", crate::aws::ErrorKind::Denied { explicit: true }, true);
    let unread = || vec![Sight::Unreadable { why: "denied".into(), error: Some(denied.clone()) }];
    let refused = || Err(crate::holder::HolderError::Aws { place: "secret s".into(), source: denied.clone() });
    for outcome in [Outcome::Read(unread()), Outcome::Written(0, refused()), Outcome::Prepared(0, Which::New, Err(refused().unwrap_err()))]
    {
        let (mut record, mut seen) = (record(), Observation { resumed: true, ..Observation::default() });
        fold(&mut record, &mut seen, &Step::ReadHolders, outcome);
        assert_eq!(next(&record, &seen, &Rules::default()), Step::GetCallerIdentity(Which::Old), "no code is spent on a dead pair");
        seen.prove(Which::Old, Ok(record.identity.clone()));
        assert_eq!(next(&record, &seen, &Rules::default()), Step::OpenSession(Which::Old));
        fold(&mut record, &mut seen, &Step::OpenSession(Which::Old), Outcome::Opened(SessionSight::Opened));
        assert_eq!((seen.holder_errors.len(), seen.refusals.len(), seen.holders.as_ref()), (0, 0, None));
    }
}

#[test]
fn a_secret_that_does_not_answer_is_tried_again_and_what_is_staged_stays() {
    let lost = AwsError::for_tests("secretsmanager:PutSecretValue", crate::aws::ErrorKind::Throttled, true);
    let (mut record, mut seen) = (record(), Observation::default());
    record.holders[0].staged = Some(crate::holder::Staged::Version { base: "b".into(), version: "v".into() });
    let outcome = Outcome::Written(0, Err(crate::holder::HolderError::Aws { place: "secret s".into(), source: lost }));
    assert!(!fold(&mut record, &mut seen, &Step::WriteHolder { holder: 0, to: Which::New }, outcome));
    assert!(record.holders[0].staged.is_some() && seen.refusals.is_empty() && seen.collisions == 1);
}

/// A world in which AWS accepts the new key from its second call on.
struct Late(Duration, u32);

impl World for Late {
    fn observe(&self, _: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
        (self.0, Some(at(0) + TimeDelta::from_std(self.0).unwrap()))
    }

    fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        assert_eq!(record.state, State::Verified);
        Err(JournalError::NotDurable { path: "/j".into(), source: std::io::ErrorKind::Other.into() })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other step is wanted")]
    fn perform(&mut self, record: &Record, step: &Step) -> Outcome {
        match step {
            Step::Wait(duration, _) => self.0 += *duration,
            Step::GetCallerIdentity(Which::New) => {
                self.1 += 1;
                let late = || AwsError::for_tests("sts:GetCallerIdentity", crate::aws::ErrorKind::NotYetValid, true);
                return Outcome::Identified(Which::New, if self.1 > 1 { Ok(record.identity.clone()) } else { Err(late()) });
            }
            other => panic!("{other:?}"),
        }
        Outcome::Waited
    }

    fn close(&mut self, _: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    fn interrupted(&self) -> Option<&'static str> {
        None
    }
}

#[test]
fn what_a_person_took_to_answer_is_not_taken_off_the_wait_for_aws() {
    let new = super::super::record::NewKey { pair: pair("AKIANEW0000000000001"), created_at: at(-9) };
    let mut record = Record { adopted: true, new: Some(new), state: State::Created, ..record() };
    // It began long before, with a question.
    let mut seen = Observation { now: Some(at(0)), ..Observation::default() };
    let ended = drive(&mut record, &mut seen, &Rules::default(), &mut Late(Duration::from_secs(600), 0));
    assert!(record.state == State::Verified, "{ended:?}");
}
