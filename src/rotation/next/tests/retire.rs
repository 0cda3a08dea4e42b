//! The end of the old key, and what keeps it.

use super::*;

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

/// At which second a run touches the old key that found this state in the journal, or entered it, where AWS accepts the new one but for one second.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other step is wanted")]
fn touched_at(record: &Record, is_resumed: bool, refused_at: Option<u64>) -> Option<u64> {
    let old = if matches!(record.state, State::Committed { .. }) { Active } else { Inactive };
    let mut seen = seen(0, &[(OLD, old, -9), (NEW, Active, 1)]);
    (seen.resumed, seen.last_use) = (is_resumed, Some(LastUsed::Never));
    for _ in 0..100 {
        match next(record, &seen, &Rules::default()) {
            Step::GetCallerIdentity(Which::New) if refused_at.is_some_and(|at| seen.clock.as_secs() == at) => {
                seen.prove(Which::New, Err(error(ErrorKind::NotYetValid, true)));
                seen.clock += Duration::from_millis(100);
            }
            Step::GetCallerIdentity(Which::New) => seen.prove(Which::New, Ok(identity())),
            Step::Wait(pause, _) => {
                seen.clock += pause;
                seen.now = seen.now.map(|now| now + TimeDelta::from_std(pause).unwrap());
            }
            Step::UpdateAccessKey { key: Which::Old, .. } | Step::DeleteAccessKey { .. } => return Some(seen.clock.as_secs()),
            other => panic!("{other:?}"),
        }
    }
    None
}

#[test]
fn a_run_that_goes_on_with_a_young_key_waits_for_as_much_as_the_first_before_the_old_one_is_touched() {
    let grown = |mut record: Record| {
        record.new.as_mut().unwrap().created_at = at(-3_600);
        record
    };
    let inactive = State::OldInactive { at: at(-200), last_use: LastUsed::Never, rounds: 0 };
    for state in [State::Committed { rounds: 0 }, inactive] {
        let young = record(state);
        assert_eq!(touched_at(&young, false, None), Some(0), "{:?}", young.state);
        assert_eq!(touched_at(&young, true, None), Some(5), "{:?}", young.state);
        assert!(touched_at(&young, true, Some(0)) >= Some(10), "{:?}: it flaps", young.state);
        assert_eq!(touched_at(&grown(young.clone()), true, None), Some(0), "{:?}", young.state);
    }
}
