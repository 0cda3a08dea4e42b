//! What holds in every situation that a rotation may be found in, whatever AWS answers and the files hold.

mod situation;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::observation::SessionSight;
use super::super::record::{End, Record, State, Which};
use super::super::resolve::Direction;
use super::super::step::Step;
use super::next;
use crate::aws::ErrorKind;
use crate::holder::Sight;
use crate::model::{AccessKeyId, KeyStatus};
use situation::{Situation, situation};

/// The key that a step ends, and who signs.
fn killed(record: &Record, step: &Step) -> Option<(AccessKeyId, Which)> {
    if let Step::DeleteAccessKey { key, signer } = step {
        return Some((key.clone(), *signer));
    }
    let Step::UpdateAccessKey { key, status, signer } = step else { return None };
    (*status != KeyStatus::Active).then_some((record.pair(*key)?.id.clone(), *signer))
}

/// PROPTEST_CASES makes it more.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(4_096), failure_persistence: None, ..asked }
}

fn is_unsent(it: &Situation) -> bool {
    matches!(it.record.state, State::Intent { .. }) && it.seen.act.is_none() && !it.seen.resumed
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_key_of_ours_goes_only_while_the_other_is_active_and_signs(it in situation()) {
        let Some((key, signer)) = killed(&it.record, &it.next()) else { return Ok(()) };
        let (old, new) = (&it.record.old.id, it.record.new.as_ref().map(|new| &new.pair.id));
        let suspect = if let State::Suspect { key, .. } = &it.record.state { Some(key) } else { None };
        let other = if key == *old { new } else { Some(old) };
        prop_assert_eq!(other.and_then(|other| it.status(other)), Some(&KeyStatus::Active));
        prop_assert_eq!(it.record.pair(signer).map(|pair| &pair.id), other);
        prop_assert!([Some(old), new.filter(|_| !it.record.adopted), suspect].contains(&Some(&key)), "{key} is somebody else's");
    }

    #[test]
    fn under_a_session_a_key_of_ours_goes_only_after_the_other_pair_has_proved_itself(it in situation()) {
        let Some((key, signer)) = killed(&it.record, &it.next()) else { return Ok(()) };
        let is_suspect = matches!(&it.record.state, State::Suspect { .. });
        prop_assert!(is_suspect || !it.seen.session.signs() || !it.seen.proof(signer).successes.is_empty(), "{key}");
    }

    #[test]
    fn a_session_is_opened_where_one_was_wanted_with_a_pair_that_aws_accepts(it in situation()) {
        if let Step::OpenSession(which) = it.next() {
            prop_assert!(matches!(it.seen.session, SessionSight::None | SessionSight::Found));
            let is_denied = it.seen.listing_error(which).is_some_and(|error| matches!(error.kind, ErrorKind::Denied { .. }));
            prop_assert!(it.record.pair(which).is_some() && (is_denied || !it.seen.proof(which).successes.is_empty()));
        }
    }

    #[test]
    fn a_key_is_made_once_and_only_from_an_intent(it in situation()) {
        if it.next() == Step::CreateAccessKey {
            prop_assert!(is_unsent(&it));
            prop_assert_eq!(it.status(&it.record.old.id), Some(&KeyStatus::Active));
        }
    }

    #[test]
    fn who_takes_a_key_over_asks_for_no_more_than_whose_it_is(it in situation()) {
        if !it.record.pulled {
            return Ok(());
        }
        let is_allowed = match it.next() {
            Step::GetCallerIdentity(_) | Step::ReadHolders | Step::PrepareHolder { .. } | Step::WriteHolder { .. } => true,
            Step::ReleaseHolder { .. } | Step::Enter(_) | Step::Wait(..) | Step::Close | Step::Stop(_) => true,
            Step::ListAccessKeys(_) | Step::GetAccessKeyLastUsed { .. } | Step::CreateAccessKey | Step::UpdateAccessKey { .. } => false,
            Step::DeleteAccessKey { .. } | Step::OpenSession(_) | Step::AskAboutSuspect { .. } => false,
        };
        prop_assert!(is_allowed);
    }

    #[test]
    fn no_holder_goes_back_before_the_old_pair_is_proved(it in situation()) {
        let step = it.next();
        let (Step::PrepareHolder { to: Which::Old, holder } | Step::WriteHolder { to: Which::Old, holder }) = step else { return Ok(()) };
        // Half a write is in no state to stay, and was proved when it was prepared.
        let is_torn = it.seen.holders.as_ref().is_some_and(|sights| sights[holder] == Sight::Torn);
        let is_completed = is_torn && matches!(step, Step::WriteHolder { .. });
        prop_assert!(is_completed || !it.seen.proof(Which::Old).successes.is_empty());
    }

    #[test]
    fn nothing_ends_while_a_holder_is_away_or_unread(it in situation()) {
        if let Step::Enter(State::Done(end)) = it.next() {
            let sights = it.seen.holders.as_ref().expect("the holders were read");
            let away = it.record.holders.iter().zip(sights).any(|(entry, sight)| !entry.left_out && *sight == Sight::Away);
            prop_assert!(!away && end != End::Forgotten, "{end:?}");
            let kept = it.rules.decided == Some(Direction::Forward) && matches!(it.record.state, State::OldInactive { .. });
            prop_assert!(end != End::RotatedOldInactive || kept);
        }
    }

    #[test]
    fn every_stop_names_a_command_and_no_secret_and_every_wait_is_one(it in situation()) {
        let step = it.next();
        if let Step::Stop(stop) = &step {
            prop_assert!(stop.hint.contains("`keyrotate "), "{}", stop.hint);
            prop_assert!(!stop.message.is_empty() && !stop.state.is_empty());
            let leaks = format!("{step:?}").contains("canary");
            prop_assert!(!leaks);
        }
        if let Step::Wait(pause, why) = step {
            prop_assert!(!why.is_empty() && (!pause.is_zero() || it.seen.now.is_none()), "{why}");
        }
    }

    #[test]
    fn a_record_that_was_written_down_and_read_goes_on_alike(it in situation()) {
        let read: Record = serde_json::from_str(&serde_json::to_string(&it.record).unwrap()).unwrap();
        prop_assert_eq!(&read, &it.record);
        prop_assert_eq!(next(&read, &it.seen, &it.rules), it.next());
    }
}

#[test]
fn the_situations_lead_to_every_step() {
    let mut runner = TestRunner::deterministic();
    let strategy = situation();
    let word = |step: Step| {
        let name = format!("{step:?}");
        let name = name.strip_prefix("Enter(").unwrap_or(&name);
        name.strip_prefix("Done(").unwrap_or(name).split([' ', '(', ')']).next().unwrap_or_default().to_owned()
    };
    let all = "Aborted AskAboutSuspect Close Committed CreateAccessKey DeleteAccessKey Deleted GetAccessKeyLastUsed GetCallerIdentity \
               Intent Draining ListAccessKeys OldInactive OpenSession PrepareHolder Pulled Reactivating ReadHolders ReleaseHolder RollingBack Rotated \
               RotatedOldInactive Stop Suspect Undoing Undone UpdateAccessKey Verified Wait WriteHolder";
    let mut missing: BTreeSet<&str> = all.split(' ').collect();
    for _ in 0..65_536 {
        missing.remove(word(strategy.new_tree(&mut runner).unwrap().current().next()).as_str());
        if missing.is_empty() {
            return;
        }
    }
    panic!("none of the situations led to {missing:?}");
}
