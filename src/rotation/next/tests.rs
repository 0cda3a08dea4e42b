//! Decisions in situations that are rare at AWS, one by one. Whole schedules are the simulation's.

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

use KeyStatus::{Active, Inactive};

fn intent() -> Record {
    record(State::Intent { signed_at: at(0), throttled: 0 })
}

/// As `seen`, while every place has the old pair.
fn before(clock: u64, keys: &[(&str, KeyStatus, i64)]) -> Observation {
    Observation { holders: Some(vec![sight(&["default"], &[])]), ..seen(clock, keys) }
}

fn lost(clock: u64, keys: &[(&str, KeyStatus, i64)]) -> Observation {
    let mut seen = before(clock, keys);
    seen.act = Some(Act { clock: Duration::ZERO, result: Err(error(ErrorKind::Unreachable(Unreachable::Timeout), false)) });
    seen
}

#[test]
fn a_lost_answer_is_decided_when_the_window_is_over_and_not_before() {
    let rules = Rules::default();
    assert!(matches!(next(&intent(), &lost(50, &[(OLD, Active, -9), (NEW, Active, 1)]), &rules), Step::Wait(..)));
    assert!(matches!(next(&intent(), &lost(50, &[(OLD, Active, -9)]), &rules), Step::Wait(..)));
    let none = next(&intent(), &lost(111, &[(OLD, Active, -9)]), &rules);
    assert!(matches!(none, Step::Enter(State::Done(End::Aborted { lost_at: Some(_), .. }))), "{none:?}");
}

#[test]
fn one_unused_newcomer_of_the_right_minute_is_a_suspect_and_nobody_deletes_it_unasked() {
    let rules = Rules::default();
    let mut one = lost(111, &[(OLD, Active, -9), (NEW, Active, 1)]);
    assert!(matches!(next(&intent(), &one, &rules), Step::GetAccessKeyLastUsed { .. }));
    one.last_use = Some(LastUsed::Never);
    assert_eq!(next(&intent(), &one, &rules), Step::Enter(State::Suspect { key: id(NEW), created_at: at(1) }));
    one.last_use = Some(LastUsed::Used(LastUse { at: at(60), service: "s3".into(), region: "x".into() }));
    assert_eq!(stop(next(&intent(), &one, &rules)).kind, StopKind::Attention);
    let suspect = record(State::Suspect { key: id(NEW), created_at: at(1) });
    let listed = before(111, &[(OLD, Active, -9), (NEW, Active, 1)]);
    let told = stop(next(&suspect, &listed, &rules));
    assert_eq!(told.kind, StopKind::Attention);
    assert!(told.hint.contains(&format!("--delete-key {NEW}")), "{}", told.hint);
    assert!(matches!(next(&suspect, &listed, &Rules { attended: true, ..Rules::default() }), Step::AskAboutSuspect { .. }));
    let named = Rules { delete_key: Some(id(NEW)), ..Rules::default() };
    assert_eq!(next(&suspect, &listed, &named), Step::DeleteAccessKey { key: id(NEW), signer: Which::Old });
    let old_gone = before(111, &[(OLD, Inactive, -9), (NEW, Active, 1)]);
    assert_eq!(stop(next(&suspect, &old_gone, &named)).kind, StopKind::Attention, "the other key must be active");
}

#[test]
fn a_suspect_that_a_place_here_has_or_whose_use_is_unknown_is_not_offered_for_deletion() {
    let suspect = record(State::Suspect { key: id(NEW), created_at: at(1) });
    let mut held = before(111, &[(OLD, Active, -9), (NEW, Active, 1)]);
    held.holders = Some(vec![Sight::Seen { old: vec!["default".into()], new: vec![], foreign: vec![], others: vec![id(NEW)] }]);
    for rules in [Rules { attended: true, ..Rules::default() }, Rules { delete_key: Some(id(NEW)), ..Rules::default() }] {
        assert!(stop(next(&suspect, &held, &rules)).message.contains(".aws/credentials has it now"));
    }
    let mut unknown = lost(111, &[(OLD, Active, -9), (NEW, Active, 1)]);
    unknown.last_use = Some(LastUsed::Unknown("denied".into()));
    let told = stop(next(&intent(), &unknown, &Rules { attended: true, ..Rules::default() }));
    assert!(told.message.contains("is unknown (denied)"), "{told:?}");
    let named = Rules { delete_key: Some(id(NEW)), ..Rules::default() };
    assert!(matches!(next(&intent(), &unknown, &named), Step::Enter(State::Suspect { .. })));
}

#[test]
fn a_person_ends_a_rotation_that_has_no_new_key_and_what_appeared_stays() {
    let back = Rules { decided: Some(Direction::Back), ..Rules::default() };
    let suspect = record(State::Suspect { key: id(NEW), created_at: at(1) });
    let two = lost(111, &[(OLD, Active, -9), (NEW, Active, 1), ("AKIANEW0000000000002", Active, 2)]);
    for (record, seen) in [(suspect, before(111, &[(OLD, Active, -9), (NEW, Active, 1)])), (intent(), two)] {
        let step = next(&record, &seen, &back);
        assert!(matches!(&step, Step::Enter(State::Done(End::Aborted { left_alone, .. })) if left_alone.contains(&id(NEW))), "{step:?}");
    }
}

#[test]
fn nothing_is_closed_while_only_the_journal_has_the_old_pair() {
    let foreign = || vec![Foreign { section: "default".into(), line: Some(2), what: NEW.into() }];
    for sight in [Sight::Away, Sight::Seen { old: vec![], new: vec![], foreign: foreign(), others: vec![id(NEW)] }] {
        let gone = Observation { holders: Some(vec![sight]), ..lost(111, &[(OLD, Active, -9)]) };
        let told = stop(next(&intent(), &gone, &Rules::default()));
        assert!(told.hint.contains(&format!("--resolve {OLD} forget")), "{told:?}");
    }
}

#[test]
fn a_newcomer_of_another_hour_or_after_a_clear_refusal_is_somebody_elses() {
    let rules = Rules::default();
    for created in [-2, 15 * 60 + 1] {
        let step = next(&intent(), &lost(111, &[(OLD, Active, -9), (NEW, Active, created)]), &rules);
        assert!(matches!(step, Step::Enter(State::Done(End::Aborted { .. }))), "{step:?}");
    }
    let mut refused = before(5, &[(OLD, Active, -9), (NEW, Active, 1)]);
    refused.act = Some(Act { clock: Duration::from_secs(5), result: Err(error(ErrorKind::LimitExceeded, true)) });
    let step = next(&intent(), &refused, &rules);
    assert!(
        matches!(&step, Step::Enter(State::Done(End::Aborted { why, lost_at: None, .. })) if why.contains("another rotation")),
        "{step:?}"
    );
}

#[test]
fn several_newcomers_are_left_alone() {
    let two = lost(111, &[(OLD, Active, -9), (NEW, Active, 1), ("AKIANEW0000000000002", Active, 2)]);
    assert_eq!(stop(next(&intent(), &two, &Rules::default())).kind, StopKind::Attention);
}

#[test]
fn a_key_that_appears_before_the_request_stops_it() {
    let step = next(&intent(), &before(0, &[(OLD, Active, -9), (NEW, Active, -1)]), &Rules::default());
    assert!(matches!(step, Step::Enter(State::Done(End::Aborted { .. }))), "{step:?}");
    let fresh = record(State::Intent { signed_at: at(8), throttled: 0 });
    assert_eq!(next(&fresh, &seen(0, &[(OLD, Active, -9)]), &Rules::default()), Step::CreateAccessKey);
    let mut stale = seen(0, &[(OLD, Active, -9)]);
    stale.clock = Duration::from_secs(6);
    assert_eq!(next(&intent(), &stale, &Rules::default()), Step::ListAccessKeys(Which::Old), "a suspended machine lists again");
    let suspended = seen(990, &[(OLD, Active, -9)]);
    let anew = Step::Enter(State::Intent { signed_at: at(1_000), throttled: 0 });
    assert_eq!(next(&intent(), &suspended, &Rules::default()), anew, "and dates its request anew, by which a lost answer is judged");
}

#[test]
fn one_success_is_not_enough_for_a_young_key_and_a_refusal_asks_for_more() {
    let created = record(State::Created);
    let mut young = seen(0, &[]);
    let succeed = |clock: Duration, young: &mut Observation| {
        young.clock = clock;
        young.prove(Which::New, Ok(identity()));
    };
    for (percent, wanted) in [(0.0, false), (0.05, false), (0.5, false), (1.0, true)] {
        succeed(Duration::from_secs(5).mul_f64(percent), &mut young);
        assert_eq!(next(&created, &young, &Rules::default()) == Step::Enter(State::Verified), wanted, "{percent}");
    }
    let mut flapping = seen(0, &[]);
    flapping.prove(Which::New, Err(error(ErrorKind::NotYetValid, true)));
    for (second, wanted) in [(1, false), (5, false), (9, false), (10, true)] {
        succeed(Duration::from_secs(second), &mut flapping);
        assert_eq!(next(&created, &flapping, &Rules::default()) == Step::Enter(State::Verified), wanted, "{second}");
    }
}

#[test]
fn a_new_key_of_another_user_is_never_put_into_use() {
    let mut stranger = seen(0, &[]);
    stranger.prove(Which::New, Ok(Identity { user_id: "AIDAOTHER".into(), ..identity() }));
    assert!(matches!(next(&record(State::Created), &stranger, &Rules::default()), Step::Enter(State::RollingBack { .. })));
}

#[test]
fn a_holder_that_is_somebody_elses_now_does_not_hold_up_another() {
    let mut record = record(State::Verified);
    let second = HolderEntry { place: Place::AwsFile { kind: FileKind::Config, path: "/c".into() }, ..record.holders[0].clone() };
    record.holders.push(second);
    let strange = Sight::Seen {
        old: vec![],
        new: vec![],
        foreign: vec![Foreign { section: "default".into(), line: Some(2), what: "AKIAX".into() }],
        others: vec![],
    };
    let mut mixed = seen(0, &[]);
    mixed.holders = Some(vec![strange.clone(), sight(&["default"], &[])]);
    assert_eq!(next(&record, &mixed, &Rules::default()), Step::PrepareHolder { holder: 1, to: Which::New });
    mixed.holders = Some(vec![strange, sight(&[], &["default"])]);
    let told = stop(next(&record, &mixed, &Rules::default()));
    assert!(told.causes[0].contains("credentials line 2: [default] has AKIAX"), "{told:?}");
}

#[test]
fn nothing_is_deactivated_or_deleted_unless_the_other_key_is_active_in_the_same_listing() {
    let committed = record(State::Committed { rounds: 0 });
    let update = Step::UpdateAccessKey { key: Which::Old, status: Inactive, signer: Which::New };
    assert_eq!(next(&committed, &seen(0, &[(OLD, Active, -9), (NEW, Active, 1)]), &Rules::default()), update);
    let late = seen(0, &[(OLD, Active, -9)]);
    assert!(matches!(next(&committed, &late, &Rules::default()), Step::Wait(..)), "IAM lists late");
    let dead = seen(130, &[(OLD, Active, -9), (NEW, Inactive, 1)]);
    assert!(matches!(next(&committed, &dead, &Rules::default()), Step::Enter(State::Undoing { .. })));
}

#[test]
fn a_way_back_turns_round_only_when_it_is_settled_that_the_new_key_is_still_there() {
    let rules = Rules { decided: Some(Direction::Forward), ..Rules::default() };
    for state in [State::RollingBack { why: "x".into(), lost_to: None }, State::Undoing { why: "x".into() }] {
        let back = record(state);
        let mut both = before(5, &[(OLD, Active, -9), (NEW, Active, 1)]);
        both.prove(Which::New, Ok(identity()));
        assert!(matches!(next(&back, &both, &rules), Step::Wait(..) | Step::ListAccessKeys(_)), "it may be deleted already");
        let mut settled = before(130, &[(OLD, Active, -9), (NEW, Active, 1)]);
        assert_eq!(next(&back, &settled, &rules), Step::GetCallerIdentity(Which::New));
        settled.prove(Which::New, Ok(identity()));
        assert_eq!(next(&back, &settled, &rules), Step::Enter(State::Verified));
        for keys in [vec![(OLD, Active, -9)], vec![(OLD, Active, -9), (NEW, Inactive, 1)]] {
            assert!(stop(next(&back, &before(130, &keys), &rules)).message.contains("no way forward"));
        }
    }
}

#[test]
fn a_listing_that_nobody_may_take_again_is_not_asked_for_without_end() {
    let committed = record(State::Committed { rounds: 0 });
    let mut gone = seen(5, &[(NEW, Active, 1)]);
    gone.clock = Duration::from_secs(7);
    assert_eq!(next(&committed, &gone, &Rules::default()), Step::ListAccessKeys(Which::New));
    gone.listing_errors = [None, Some(error(ErrorKind::Throttled, true))];
    assert_eq!(next(&committed, &gone, &Rules::default()), Step::ListAccessKeys(Which::Old));
    gone.listing_errors = [Some(error(ErrorKind::NotYetValid, true)), Some(error(ErrorKind::NotYetValid, true))];
    gone.clock = Duration::from_secs(130);
    gone.proofs[1].tried = Some(Duration::from_secs(130));
    gone.proofs[1].refused = Some(Duration::from_secs(130));
    assert_eq!(stop(next(&committed, &gone, &Rules::default())).message, "AWS accepts neither the old key nor the new one");
}

fn old_inactive(clock: u64, keys: &[(&str, KeyStatus, i64)]) -> (Record, Observation) {
    let record = record(State::OldInactive { at: at(10), last_use: LastUsed::Never, rounds: 0 });
    let mut seen = seen(clock, keys);
    seen.prove(Which::New, Ok(identity()));
    (record, seen)
}

#[test]
fn an_old_key_that_somebody_activated_is_not_deleted() {
    let (record, early) = old_inactive(3, &[(OLD, Active, -9), (NEW, Active, 1)]);
    assert!(matches!(next(&record, &early, &Rules::default()), Step::Wait(..)), "a listing that contradicts us is no evidence yet");
    let (record, settled) = old_inactive(121, &[(OLD, Active, -9), (NEW, Active, 1)]);
    assert_eq!(stop(next(&record, &settled, &Rules::default())).kind, StopKind::Attention);
    let (record, agreed) = old_inactive(0, &[(OLD, Inactive, -9), (NEW, Active, 1)]);
    assert_eq!(next(&record, &agreed, &Rules::default()), Step::DeleteAccessKey { key: id(OLD), signer: Which::New });
}

#[test]
fn a_grace_rests_then_looks_at_the_last_use_before_it_deletes() {
    let (mut record, early) = old_inactive(100, &[(OLD, Inactive, -9), (NEW, Active, 1)]);
    record.grace = Grace::After(Duration::from_secs(3_600));
    assert_eq!(stop(next(&record, &early, &Rules::default())).kind, StopKind::Resting);
    let (_, mut over) = old_inactive(3_600, &[(OLD, Inactive, -9), (NEW, Active, 1)]);
    assert!(matches!(next(&record, &over, &Rules::default()), Step::GetAccessKeyLastUsed { .. }));
    over.last_use = Some(LastUsed::Used(LastUse { at: at(11), service: "s3".into(), region: "eu-west-1".into() }));
    let told = stop(next(&record, &over, &Rules::default()));
    assert!(told.kind == StopKind::Attention && told.message.contains("s3 in eu-west-1"), "{told:?}");
    record.grace = Grace::Next;
    assert_eq!(stop(next(&record, &early, &Rules::default())).kind, StopKind::Resting);
}

#[test]
fn a_rollback_touches_no_holder_before_the_old_pair_is_proved() {
    let rolling = record(State::RollingBack { why: "x".into(), lost_to: None });
    let mut both = seen(0, &[(OLD, Active, -9), (NEW, Active, 1)]);
    assert_eq!(next(&rolling, &both, &Rules::default()), Step::GetCallerIdentity(Which::Old));
    both.prove(Which::Old, Ok(identity()));
    assert_eq!(next(&rolling, &both, &Rules::default()), Step::PrepareHolder { holder: 0, to: Which::Old });
    both.holders = Some(vec![sight(&["default"], &[])]);
    assert_eq!(next(&rolling, &both, &Rules::default()), Step::DeleteAccessKey { key: id(NEW), signer: Which::Old });
    let mut unlisted = before(0, &[(OLD, Active, -9)]);
    unlisted.prove(Which::Old, Ok(identity()));
    assert!(matches!(next(&rolling, &unlisted, &Rules::default()), Step::Wait(..)), "IAM lists a young key late");
    both.holders = Some(vec![Sight::Away]);
    assert_eq!(stop(next(&rolling, &both, &Rules::default())).kind, StopKind::Attention, "a holder that is away may have the new pair");
    let mut unlisted = seen(20, &[(OLD, Active, -9)]);
    unlisted.prove(Which::Old, Ok(identity()));
    unlisted.holders = Some(vec![sight(&["default"], &[])]);
    assert!(matches!(next(&rolling, &unlisted, &Rules::default()), Step::Wait(..)), "a young key is listed late, and would be left behind");
    unlisted.act = Some(Act { clock: Duration::ZERO, result: Ok(()) });
    assert!(matches!(next(&rolling, &unlisted, &Rules::default()), Step::Enter(State::Done(_))), "we deleted it");
    let old_dead = seen(130, &[(NEW, Active, 1)]);
    assert_eq!(next(&rolling, &old_dead, &Rules::default()), Step::GetCallerIdentity(Which::New));
    let mut forward = old_dead;
    forward.prove(Which::New, Ok(identity()));
    assert_eq!(next(&rolling, &forward, &Rules::default()), Step::Enter(State::Verified), "the only way is forward");
}

#[test]
fn a_holder_is_healed_with_a_pair_only_after_aws_accepted_it_in_this_state() {
    let old_inactive = State::OldInactive { at: at(10), last_use: LastUsed::Never, rounds: 0 };
    for (state, status) in [(State::Committed { rounds: 0 }, Active), (old_inactive, Inactive)] {
        let record = record(state);
        let mut reverted = before(0, &[(OLD, status, -9), (NEW, Active, 1)]);
        assert_eq!(next(&record, &reverted, &Rules::default()), Step::GetCallerIdentity(Which::New));
        reverted.prove(Which::New, Ok(identity()));
        assert_eq!(next(&record, &reverted, &Rules::default()), Step::PrepareHolder { holder: 0, to: Which::New });
    }
}

#[test]
fn a_key_that_was_there_before_is_not_deleted_by_a_rollback() {
    let rolling = Record { adopted: true, ..record(State::RollingBack { why: "x".into(), lost_to: None }) };
    let mut both = seen(0, &[(OLD, Active, -9), (NEW, Active, -5)]);
    both.prove(Which::Old, Ok(identity()));
    let step = next(&rolling, &both, &Rules::default());
    assert!(matches!(step, Step::Enter(State::Done(End::Aborted { .. }))), "{step:?}");
}

#[test]
fn a_holder_of_a_key_that_was_there_before_is_not_rewritten_when_that_key_is_gone() {
    let created = Record { adopted: true, ..record(State::Created) };
    let mut gone = seen(130, &[(OLD, Active, -9)]);
    gone.prove(Which::New, Err(error(ErrorKind::NotYetValid, true)));
    assert!(matches!(next(&created, &gone, &Rules::default()), Step::Enter(State::RollingBack { .. })));
    let rolling = Record { adopted: true, ..record(State::RollingBack { why: "gone".into(), lost_to: None }) };
    gone.prove(Which::Old, Ok(identity()));
    let step = next(&rolling, &gone, &Rules::default());
    assert!(matches!(step, Step::Enter(State::Done(End::Aborted { .. }))), "{step:?}");
}

#[test]
fn an_undo_activates_and_proves_the_old_key_before_the_new_one_is_deactivated() {
    let undoing = record(State::Undoing { why: "x".into() });
    let mut look = seen(0, &[(OLD, Inactive, -9), (NEW, Active, 1)]);
    assert_eq!(next(&undoing, &look, &Rules::default()), Step::UpdateAccessKey { key: Which::Old, status: Active, signer: Which::New });
    look = seen(0, &[(OLD, Active, -9), (NEW, Active, 1)]);
    assert!(matches!(next(&undoing, &look, &Rules::default()), Step::UpdateAccessKey { key: Which::Old, .. }), "the listing may be late");
    let mut late = seen(5, &[(OLD, Inactive, -9), (NEW, Active, 1)]);
    late.act = Some(Act { clock: Duration::from_secs(4), result: Err(error(ErrorKind::Gone, true)) });
    assert!(
        matches!(next(&undoing, &late, &Rules::default()), Step::Wait(..)),
        "a key that is gone but listed is looked for again, slowly"
    );
    let settled = seen(130, &[(OLD, Active, -9), (NEW, Active, 1)]);
    assert_eq!(next(&undoing, &settled, &Rules::default()), Step::GetCallerIdentity(Which::Old));
    look.act = Some(Act { clock: Duration::ZERO, result: Ok(()) });
    assert_eq!(next(&undoing, &look, &Rules::default()), Step::GetCallerIdentity(Which::Old));
    look.prove(Which::Old, Ok(identity()));
    look.holders = Some(vec![sight(&["default"], &[])]);
    assert_eq!(next(&undoing, &look, &Rules::default()), Step::UpdateAccessKey { key: Which::New, status: Inactive, signer: Which::Old });
}

/// The new pair was accepted just now.
fn proved(mut seen: Observation) -> Observation {
    seen.prove(Which::New, Ok(identity()));
    seen
}

fn draining(clock: u64, keys: &[(&str, KeyStatus, i64)]) -> (Record, Observation) {
    let grace = Grace::After(Duration::from_secs(1_000));
    (Record { grace, drains: true, ..record(State::Draining { at: at(10) }) }, seen(clock, keys))
}

#[test]
fn the_key_of_other_machines_drains_before_it_is_deactivated() {
    let both = [(OLD, Active, -9_000), (NEW, Active, 1)];
    let (of, rules) = (draining, Rules::default());
    let committed = Record { state: State::Committed { rounds: 0 }, ..of(0, &both).0 };
    assert_eq!(next(&committed, &seen(1, &both), &rules), Step::Enter(State::Draining { at: at(11) }));
    let without = Record { grace: Grace::default(), ..committed.clone() };
    assert!(matches!(next(&without, &seen(1, &both), &rules), Step::UpdateAccessKey { key: Which::Old, .. }));
    let (record, early) = of(999, &both);
    let rest = stop(next(&record, &early, &rules));
    assert!(rest.kind == StopKind::Resting && rest.message.contains("stays active"), "{rest:?}");
    let (record, mut late) = of(1_000, &both);
    assert_eq!(next(&record, &late, &rules), Step::GetAccessKeyLastUsed { key: id(OLD), signer: Which::New });
    let used = |second| LastUsed::Used(LastUse { at: at(second), service: "s3".into(), region: "eu-west-1".into() });
    // 500 s of 1,000 are half of the grace.
    for (last_use, is_over) in [(LastUsed::Never, true), (used(510), true), (used(511), false), (LastUsed::Unknown("denied".into()), true)]
    {
        late.last_use = Some(last_use.clone());
        let step = next(&record, &late, &rules);
        let goes = matches!(step, Step::UpdateAccessKey { key: Which::Old, status: Inactive, signer: Which::New });
        assert_eq!(goes, is_over, "{last_use:?}");
        if !is_over {
            let told = stop(step);
            assert!(told.kind == StopKind::Attention && told.message.contains("s3 in eu-west-1"), "{told:?}");
            let forward = Rules { decided: Some(Direction::Forward), ..Rules::default() };
            assert!(matches!(next(&record, &late, &forward), Step::UpdateAccessKey { .. }));
        }
    }
    // Then it goes at once.
    let inactive = State::OldInactive { at: at(10), last_use: LastUsed::Never, rounds: 0 };
    let step = next(&Record { state: inactive, ..record }, &proved(seen(1, &[(OLD, Inactive, -9_000), (NEW, Active, 1)])), &rules);
    assert!(matches!(step, Step::GetAccessKeyLastUsed { .. } | Step::DeleteAccessKey { .. }), "{step:?}");
}

#[test]
fn somebody_who_ends_the_old_key_while_it_drains_ends_no_grace() {
    let rules = Rules::default();
    let (record, mut seen) = draining(10, &[(OLD, Inactive, -9_000), (NEW, Active, 1)]);
    let rest = stop(next(&record, &seen, &rules));
    assert!(rest.kind == StopKind::Resting && rest.message.contains("somebody made it inactive"), "{rest:?}");
    seen = draining(1_000, &[(OLD, Inactive, -9_000), (NEW, Active, 1)]).1;
    assert!(matches!(next(&record, &seen, &rules), Step::Enter(State::OldInactive { .. })));
    seen = draining(10, &[(OLD, Active, -9_000), (NEW, Inactive, 1)]).1;
    assert!(matches!(next(&record, &seen, &rules), Step::Enter(State::Undoing { .. })));
}

#[test]
fn a_key_that_is_taken_over_is_written_when_it_is_proved_and_given_up_when_it_dies() {
    let rules = Rules::default();
    let pulled = |state| Record { pulled: true, adopted: true, ..record(state) };
    let (old, new) = (sight(&["default"], &[]), sight(&[], &["default"]));
    let with = |sight: &Sight| Observation { holders: Some(vec![sight.clone()]), ..proved(seen(1, &[])) };
    let dead = |sight: &Sight| {
        let mut seen = Observation { holders: Some(vec![sight.clone()]), ..seen(1_000, &[]) };
        seen.prove(Which::New, Err(error(ErrorKind::NotYetValid, true)));
        seen
    };
    assert_eq!(next(&pulled(State::Created), &Observation::default(), &rules), Step::GetCallerIdentity(Which::New));
    assert_eq!(next(&pulled(State::Verified), &with(&old), &rules), Step::PrepareHolder { holder: 0, to: Which::New });
    assert_eq!(next(&pulled(State::Verified), &with(&new), &rules), Step::Enter(State::Done(End::Pulled)));
    let is_given_up = |step| matches!(step, Step::Enter(State::Done(End::Aborted { .. })));
    // What has the new pair from before keeps it, while nobody knows whether the old one lives.
    assert!(
        is_given_up(next(&pulled(State::Created), &dead(&old), &rules)) && is_given_up(next(&pulled(State::Created), &dead(&new), &rules))
    );
    assert!(matches!(next(&pulled(State::Verified), &dead(&new), &rules), Step::Enter(State::RollingBack { .. })));
    let back = pulled(State::RollingBack { why: "dead".into(), lost_to: None });
    let mut both_dead = dead(&new);
    assert_eq!(next(&back, &both_dead, &rules), Step::GetCallerIdentity(Which::Old));
    both_dead.prove(Which::Old, Err(error(ErrorKind::NotYetValid, true)));
    assert!(is_given_up(next(&back, &both_dead, &rules)));
    both_dead.holders = Some(vec![old]);
    assert!(is_given_up(next(&back, &both_dead, &rules)));
    both_dead.holders = Some(vec![sight(&[], &[])]);
    assert_eq!(stop(next(&back, &both_dead, &rules)).kind, StopKind::Attention);
    let away = Observation { holders: Some(vec![new, Sight::Away]), ..with(&sight(&[], &["default"])) };
    let mut two = pulled(State::Verified);
    two.holders.push(two.holders[0].clone());
    assert_eq!(stop(next(&two, &away, &rules)).kind, StopKind::Attention);
}

#[test]
fn holders_that_take_long_leave_the_time_to_prove_what_was_read_back() {
    let record = record(State::Verified);
    let mut late = seen(5, &[]);
    late.prove(Which::New, Ok(identity()));
    (late.clock, late.holders_at) = (Duration::from_secs(500), Duration::from_secs(499));
    assert_eq!(next(&record, &late, &Rules::default()), Step::GetCallerIdentity(Which::New));
    late.prove(Which::New, Ok(identity()));
    assert_eq!(next(&record, &late, &Rules::default()), Step::Enter(State::Committed { rounds: 0 }));
}
