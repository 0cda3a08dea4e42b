//! The old key while other machines take over the new one.

use super::*;

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
