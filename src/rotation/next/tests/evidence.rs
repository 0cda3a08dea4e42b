//! When what AWS says is enough to go on.

use super::*;

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
