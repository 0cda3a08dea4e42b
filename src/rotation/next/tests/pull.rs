//! A key that is taken over from another machine.

use super::*;

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
