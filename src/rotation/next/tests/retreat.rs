//! The ways back.

use super::*;

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
