//! A key that is being made: lost answers, newcomers and suspects.

use super::*;

fn intent() -> Record {
    record(State::Intent { signed_at: at(0), throttled: 0 })
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
