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
