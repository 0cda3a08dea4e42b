//! Arbitrary situations: a record, what was seen and the rules.
//!
//! Invariant: a situation keeps to what no run can contradict: nothing is in a holder, or being written there, before there is a new pair to write.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::super::observation::SessionSight;
use super::super::tests::{NEW, OLD, at, error, id, identity, pair, record, sight as sight_of};
use super::super::{Rules, next};
use crate::aws::{AwsError, ErrorKind, Unreachable};
use crate::holder::{Displaced, Foreign, Sight, Staged};
use crate::journal::secret::SecretBytes;
use crate::model::*;
use crate::rotation::observation::{Act, Listing, Observation, Proof};
use crate::rotation::record::{End, HolderEntry, NewKey, Record, State, Which};
use crate::rotation::resolve::Direction;
use crate::rotation::step::Step;

const LATE: [&str; 2] = ["AKIALATE000000000001", "AKIALATE000000000002"];

#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) record: Record,
    pub(super) seen: Observation,
    pub(super) rules: Rules,
}

impl Situation {
    pub(super) fn next(&self) -> Step {
        next(&self.record, &self.seen, &self.rules)
    }

    pub(super) fn status(&self, id: &AccessKeyId) -> Option<&KeyStatus> {
        self.seen.listing.as_ref().and_then(|listing| listing.status(id))
    }
}

fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![4 => Just(at(10)), 8 => (-1_000_i64..5_000).prop_map(at), 1 => select(vec![DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC])]
}

/// By the boot clock; [`clamped`] makes `MAX` the present moment.
fn instant() -> impl Strategy<Value = Duration> {
    prop_oneof![4 => Just(Duration::MAX), 1 => Just(Duration::ZERO), 2 => (0_u64..4_000).prop_map(Duration::from_secs)]
}

fn aws_error() -> impl Strategy<Value = AwsError> {
    use ErrorKind::*;
    let unreachable = [Unreachable(self::Unreachable::Timeout), Unreachable(self::Unreachable::Dns)];
    let answered = [NotYetValid, BadSignature, ClockSkew, Denied { explicit: true }, Denied { explicit: false }, Throttled, Gone];
    let other = [LimitExceeded, Conflict, Expired, Server, Garbled, Other];
    let kinds: Vec<ErrorKind> = unreachable.into_iter().chain(answered).chain(other).collect();
    (select(kinds), any::<bool>()).prop_map(|(kind, definitive)| error(kind, definitive))
}

fn last_use() -> impl Strategy<Value = LastUsed> {
    let used = moment().prop_map(|at| LastUsed::Used(LastUse { at, service: "s3".into(), region: "eu-west-1".into() }));
    prop_oneof![2 => Just(LastUsed::Never), 1 => Just(LastUsed::Unknown("denied".into())), 1 => used]
}

fn which() -> impl Strategy<Value = Which> {
    select(vec![Which::Old, Which::New])
}

fn state() -> impl Strategy<Value = State> {
    let why = || Just("why".to_owned());
    let ends =
        vec![End::Rotated, End::RotatedOldInactive, End::Undone { why: "why".into() }, End::aborted("why"), End::Forgotten, End::Pulled];
    prop_oneof![
        1 => (moment(), 0_u32..5).prop_map(|(signed_at, throttled)| State::Intent { signed_at, throttled }),
        1 => (select(&LATE), moment()).prop_map(|(key, created_at)| State::Suspect { key: id(key), created_at }),
        1 => Just(State::Created),
        1 => Just(State::Verified),
        1 => (0_u32..5).prop_map(|rounds| State::Committed { rounds }),
        1 => moment().prop_map(|at| State::Draining { at }),
        3 => (moment(), last_use(), 0_u32..5).prop_map(|(at, last_use, rounds)| State::OldInactive { at, last_use, rounds }),
        1 => (why(), 0_u32..5).prop_map(|(why, rounds)| State::Reactivating { why, rounds }),
        1 => why().prop_map(|why| State::RollingBack { why, lost_to: None }),
        1 => why().prop_map(|why| State::Undoing { why }),
        1 => Just(State::Deleted),
        1 => select(ends).prop_map(State::Done),
    ]
}

fn staged() -> impl Strategy<Value = Staged> {
    let (base, edited) = ("0".repeat(64), "1".repeat(64));
    let beside = Staged::Beside { target: "/c".into(), temporary: "/c.tmp".into(), base: base.clone(), edited: edited.clone() };
    let bytes = || SecretBytes::new(b"canary");
    let in_place = Staged::InPlace { target: "/c".into(), offset: u64::MAX, before: bytes(), after: bytes(), base, edited };
    let version = Staged::Version { base: "b".into(), version: "v".into() };
    select(vec![beside, in_place, version])
}

fn holder() -> impl Strategy<Value = HolderEntry> {
    let displaced = Displaced { target: "/c".into(), path: "/c.old".into(), content: "0".repeat(64), edited: "1".repeat(64) };
    (any::<prop::sample::Index>(), weighted(0.15, staged()), which(), weighted(0.2, Just(displaced)), weighted(0.1, Just(()))).prop_map(
        |(sections, staged, staged_to, displaced, left_out)| HolderEntry {
            sections: if sections.index(4) == 0 { vec![] } else { vec!["default".into()] },
            staged,
            staged_to,
            displaced: displaced.into_iter().collect(),
            left_out: left_out.is_some(),
            ..record(State::Created).holders.remove(0)
        },
    )
}

fn unreadable() -> Sight {
    Sight::Unreadable { why: "why".into(), error: None }
}

fn sights() -> impl Strategy<Value = Vec<Sight>> {
    let names = || subsequence(vec!["default".to_owned(), "work".to_owned()], 0..=2);
    let foreign = vec(Just(Foreign { section: "default".into(), line: Some(2), what: "another".into() }), 0..2);
    let any_seen = (names(), names(), foreign, vec(select(&LATE).prop_map(id), 0..2)).prop_map(|(old, new, foreign, others)| Sight::Seen {
        old,
        new,
        foreign,
        others,
    });
    let any_sight = prop_oneof![3 => any_seen, 1 => Just(Sight::Torn), 3 => Just(Sight::Away), 1 => Just(unreadable())];
    let with = |which: Which| if which == Which::Old { sight_of(&["default"], &[]) } else { sight_of(&[], &["default"]) };
    (which(), vec(weighted(0.2, any_sight), 3))
        .prop_map(move |(all, strange)| strange.into_iter().map(|one| one.unwrap_or(with(all))).collect())
}

fn a_record() -> impl Strategy<Value = Record> {
    let grace = prop_oneof![4 => Just(Grace::default()), 1 => Just(Grace::Next), 2 => (0_u64..100 * 366).prop_map(|days| Grace::After(Duration::from_secs(days * 86_400)))];
    let new = weighted(0.95, moment().prop_map(|created_at| NewKey { pair: pair(NEW), created_at }));
    let kinds = (weighted(0.3, Just(())), weighted(0.1, Just(())), weighted(0.3, Just(())));
    (state(), new, vec(holder(), 1..=3), kinds, grace).prop_map(|(state, new, holders, (adopted, pulled, drains), grace)| {
        let early = matches!(state, State::Intent { .. } | State::Suspect { .. });
        let new = new.filter(|_| !early);
        let pulled = pulled.is_some() && new.is_some();
        let adopted = pulled || adopted.is_some() && new.is_some();
        Record { adopted, pulled, drains: drains.is_some(), new, holders, grace, ..record(state) }
    })
}

fn listing() -> impl Strategy<Value = Listing> {
    let status = prop_oneof![6 => Just(KeyStatus::Active), 3 => Just(KeyStatus::Inactive), 1 => Just(KeyStatus::Other("Expired".into()))];
    let keys = (weighted(0.8, Just(OLD)), weighted(0.8, Just(NEW)), weighted(0.3, Just(LATE[0])), weighted(0.1, Just(LATE[1])));
    (keys, vec((status, moment()), 4), which(), instant(), moment()).prop_map(|((old, new, late, later), facts, signer, clock, at)| {
        let listed = [old, new, late, later].into_iter().zip(facts);
        let keys = listed.filter_map(|(key, (status, created_at))| Some(AccessKey { id: id(key?), status, created_at })).collect();
        Listing { keys, signer, clock, at }
    })
}

fn proof() -> impl Strategy<Value = Proof> {
    let stranger = Identity { user_id: "AIDAOTHER".into(), ..identity() };
    let who = prop_oneof![9 => Just(identity()), 1 => Just(stranger)];
    let successes = prop_oneof![3 => Just(vec![Duration::MAX]), 1 => vec(instant(), 0..6)];
    (successes, weighted(0.8, instant()), weighted(0.2, instant()), weighted(0.2, aws_error()), weighted(0.7, who)).prop_map(
        |(mut successes, tried, refused, error, identity)| {
            successes.sort();
            Proof { successes, tried, refused, error, identity }
        },
    )
}

fn observation() -> impl Strategy<Value = Observation> {
    let times = (weighted(0.95, moment()), (0_u64..4_000).prop_map(Duration::from_secs), instant(), any::<bool>());
    let listed = (weighted(0.9, listing()), weighted(0.1, aws_error()), weighted(0.1, aws_error()), proof(), proof());
    let held = (weighted(0.9, sights()), instant(), btree_map(0_usize..3, Just("why".to_owned()), 0..2), 0_u32..12, instant());
    let act = (instant(), weighted(0.6, aws_error())).prop_map(|(clock, error)| Act { clock, result: error.map_or(Ok(()), Err) });
    let session = prop_oneof![
        2 => Just(SessionSight::None),
        1 => select(vec![SessionSight::Found, SessionSight::Opened, SessionSight::Unavailable, SessionSight::Operator])
    ];
    let rest = (weighted(0.4, act), 0_u32..5, weighted(0.7, last_use()), any::<Option<bool>>(), weighted(0.15, Just(())), session);
    (times, listed, held, rest).prop_map(
        |(
            (now, clock, entered, resumed),
            (listing, old, new, of_old, of_new),
            (holders, holders_at, refusals, collisions, collided_at),
            rest,
        )| {
            let (act, attempts, last_use, delete_suspect, trouble, session) = rest;
            let (collisions, refusals) = if trouble.is_some() { (collisions, refusals) } else { (0, BTreeMap::new()) };
            let (listing_errors, proofs) = ([old, new], [of_old, of_new]);
            let seen = Observation {
                now,
                clock,
                entered,
                resumed,
                listing,
                listing_errors,
                proofs,
                holders,
                holders_at,
                ..Observation::default()
            };
            clamped(Observation { refusals, collisions, collided_at, act, attempts, last_use, delete_suspect, session, ..seen })
        },
    )
}

/// Nothing that was seen is from the future.
fn clamped(mut seen: Observation) -> Observation {
    let proofs = seen.proofs.iter_mut().flat_map(|proof| proof.successes.iter_mut().chain(&mut proof.tried).chain(&mut proof.refused));
    let calls = seen.listing.iter_mut().map(|it| &mut it.clock).chain(seen.act.iter_mut().map(|it| &mut it.clock));
    for instant in proofs.chain(calls).chain([&mut seen.entered, &mut seen.holders_at, &mut seen.collided_at]) {
        *instant = (*instant).min(seen.clock);
    }
    seen
}

pub(super) fn situation() -> impl Strategy<Value = Situation> {
    let timing = prop_oneof![Just(Timing::default()), Just(Timing::default().scaled("0.01").unwrap())];
    let decided = weighted(0.6, select(vec![Direction::Forward, Direction::Back, Direction::Forget]));
    let named = weighted(0.3, select(vec![OLD, NEW, LATE[0], LATE[1]]).prop_map(id));
    let rules = (timing, any::<bool>(), named, any::<bool>(), any::<bool>(), decided).prop_map(
        |(timing, attended, delete_key, place_needed, has_device, decided)| Rules {
            timing,
            attended,
            delete_key,
            place_needed,
            has_device,
            decided,
        },
    );
    (a_record(), observation(), rules).prop_map(|(mut record, mut seen, rules)| {
        let early = matches!(record.state, State::Intent { .. } | State::Suspect { .. } | State::Created);
        record.holders.iter_mut().filter(|_| early || record.new.is_none()).for_each(|entry| entry.staged = None);
        let has_new = record.new.is_some() && (!early || record.adopted);
        if let Some(sights) = &mut seen.holders {
            sights.truncate(record.holders.len());
            for (entry, sight) in record.holders.iter().zip(sights) {
                match sight {
                    Sight::Seen { old, new, .. } if !has_new => old.append(new),
                    Sight::Torn if entry.staged.is_none() => *sight = unreadable(),
                    Sight::Away if entry.sections.is_empty() => *sight = sight_of(&[], &[]),
                    Sight::Seen { .. } | Sight::Torn | Sight::Away | Sight::Unreadable { .. } => {}
                }
            }
        }
        Situation { record, seen, rules }
    })
}
