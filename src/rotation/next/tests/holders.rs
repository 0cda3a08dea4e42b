//! Places that hold something else than they are to.

use super::*;
use crate::os::keychain::ItemName;

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

/// An AWS file is looked at in every rotation; an item is a place of one only because it is known to have the key.
#[test]
fn an_item_that_cannot_be_read_may_have_the_old_key_whatever_it_had_at_the_start() {
    let away = || Sight::Unreadable { why: "no keychain answers".into(), error: None };
    let item = Place::KeychainItem { item: ItemName::parse("work").unwrap() };
    let config = Place::AwsFile { kind: FileKind::Config, path: "/c".into() };
    for (place, is_needed) in [(item, true), (config, false)] {
        let mut record = record(State::Deleted);
        record.holders.push(HolderEntry { place, sections: vec![], ..record.holders[0].clone() });
        let late = Observation { holders: Some(vec![sight(&[], &["default"]), away()]), ..before(600, &[(NEW, Active, 1)]) };
        let step = next(&record, &late, &Rules::default());
        if is_needed {
            assert!(stop(step).causes[0].contains("no keychain answers"));
        } else {
            assert_eq!(step, Step::Enter(State::Done(End::Rotated)));
        }
    }
}
