//! Decisions in situations that are rare at AWS, one by one. Whole schedules are the simulation's. Here are the situations.

mod create;
mod drain;
mod evidence;
mod holders;
mod pull;
mod retire;
mod retreat;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::observation::{Act, Listing, Observation};
use super::super::record::{End, NewKey, Record, State, Which};
use super::super::resolve::Direction;
use super::super::step::{Step, Stop, StopKind};
use super::{Rules, next};
use crate::aws::{AwsError, ErrorKind, Unreachable};
use crate::holder::{Foreign, Place, Sight};
use crate::model::*;
use crate::profile::FileKind;
use crate::rotation::HolderEntry;
use KeyStatus::{Active, Inactive};

pub(super) const OLD: &str = "AKIAOLD0000000000001";
pub(super) const NEW: &str = "AKIANEW0000000000001";

pub(super) fn id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).unwrap()
}

pub(super) fn pair(text: &str) -> AccessKeyPair {
    AccessKeyPair { id: id(text), secret: SecretAccessKey::new("canary") }
}

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub(super) fn identity() -> Identity {
    let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
    Identity { account: "111122223333".into(), arn, user_id: "AIDADEV".into() }
}

pub(super) fn record(state: State) -> Record {
    let entry = HolderEntry {
        place: Place::AwsFile { kind: FileKind::Credentials, path: "/home/me/.aws/credentials".into() },
        sections: vec!["default".into()],
        stagings: 0,
        staged: None,
        staged_to: Which::New,
        displaced: vec![],
        left_out: false,
    };
    Record {
        id: "r".into(),
        machine: "m".into(),
        host: "h".into(),
        started_at: at(0),
        identity: identity(),
        user_name: "dev".into(),
        profile: ProfileName::default(),
        old: pair(OLD),
        old_created_at: at(-9_000_000),
        keys_before: vec![id(OLD)],
        managed_as: None,
        deleted_first: None,
        new: if matches!(state, State::Intent { .. } | State::Suspect { .. }) {
            None
        } else {
            Some(NewKey { pair: pair(NEW), created_at: at(1) })
        },
        holders: vec![entry],
        adopted: false,
        grace: Grace::default(),
        drains: false,
        pulled: false,
        state,
    }
}

/// A run that looks `clock` seconds after it entered the state, which was at the rotation's second 10.
fn seen(clock: u64, keys: &[(&str, KeyStatus, i64)]) -> Observation {
    let keys =
        keys.iter().map(|(key, status, created)| AccessKey { id: id(key), status: status.clone(), created_at: at(*created) }).collect();
    let clock = Duration::from_secs(clock);
    let now = at(10) + TimeDelta::from_std(clock).unwrap();
    Observation {
        now: Some(now),
        clock,
        listing: Some(Listing { keys, signer: Which::New, clock, at: now }),
        holders: Some(vec![sight(&[], &["default"])]),
        ..Observation::default()
    }
}

pub(super) fn sight(old: &[&str], new: &[&str]) -> Sight {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Sight::Seen { old: names(old), new: names(new), foreign: vec![], others: vec![] }
}

pub(super) fn error(kind: ErrorKind, definitive: bool) -> AwsError {
    AwsError::for_tests("iam:CreateAccessKey", kind, definitive)
}

fn stop(step: Step) -> Stop {
    let Step::Stop(stop) = step else { panic!("{step:?}") };
    stop
}

/// As `seen`, while every place has the old pair.
fn before(clock: u64, keys: &[(&str, KeyStatus, i64)]) -> Observation {
    Observation { holders: Some(vec![sight(&["default"], &[])]), ..seen(clock, keys) }
}

/// The new pair was accepted just now.
fn proved(mut seen: Observation) -> Observation {
    seen.prove(Which::New, Ok(identity()));
    seen
}
