//! Another machine rotates the same key, by mistake. Both share a secret, whose compare-and-swap one of them loses: it goes back.
//!
//! Invariant: the key of the other machine is not touched, and neither is the secret that has it. The own new key goes only while the old one is
//! alive, to which the holders here go back; or while nothing here has either.

use super::super::observation::Observation;
use super::super::record::{HolderEntry, Record, Rival, State, Which};
use super::super::resolve::Direction;
use super::super::step::{Step, StopKind};
use super::evidence::{Listed, listed};
use super::{Rules, words};
use crate::holder::Sight;
use crate::model::{AccessKeyId, KeyStatus};

/// Who has a secret of this rotation with neither pair in it; none while the holders are not read.
pub(super) fn find(record: &Record, seen: &Observation) -> Option<Rival> {
    let sights = seen.holders.as_ref()?;
    let each = || record.holders.iter().zip(sights).filter(|(entry, _)| entry.place.is_secret() && !entry.left_out);
    each().find_map(|(entry, sight)| stranger(sight).map(|key| Rival { key: key.clone(), place: entry.place.to_string() }))
}

/// The key of somebody else in a secret.
fn stranger(sight: &Sight) -> Option<&AccessKeyId> {
    match sight {
        Sight::Seen { old, new, others, .. } if old.is_empty() && new.is_empty() => others.first(),
        Sight::Seen { .. } | Sight::Torn | Sight::Away | Sight::Unreadable { .. } => None,
    }
}

/// Whether the secret stays as it is, because whoever was faster has it.
pub(super) fn keeps(record: &Record, entry: &HolderEntry, sight: &Sight) -> bool {
    match &record.state {
        State::RollingBack { lost_to: Some(rival), .. } => entry.place.is_secret() && stranger(sight) == Some(&rival.key),
        State::RollingBack { lost_to: None, .. } | State::Intent { .. } | State::Suspect { .. } | State::Created | State::Verified => false,
        State::Committed { .. } | State::Draining { .. } | State::OldInactive { .. } | State::Reactivating { .. } => false,
        State::Undoing { .. } | State::Deleted | State::Done(_) => false,
    }
}

/// The way back, where another machine was faster; `None` where nobody was, or there is nothing to go back to. A secret that has the new
/// pair may have given it to other machines already, which only a person can know.
pub(super) fn yields(record: &Record, seen: &Observation, rules: &Rules) -> Option<Step> {
    // A person who says forward keeps the new key here.
    let may = !record.adopted && rules.decided != Some(Direction::Forward) && !has_given_away(record, seen);
    let rival = find(record, seen).filter(|_| may)?;
    let listing = match listed(seen, seen.holders_at, &[Which::Old, Which::New]) {
        Listed::First(step) => return Some(step),
        Listed::Error(_) => return None,
        Listed::Yes(listing) => listing,
    };
    let is_active = |key| listing.status(key) == Some(&KeyStatus::Active);
    if !is_active(&rival.key) || !(is_active(&record.old.id) || has_all(record, seen, &rival)) {
        return None;
    }
    let why = format!("another machine rotated {} at the same time: {} has {} now", record.old.id, rival.place, rival.key);
    Some(Step::Enter(State::RollingBack { why, lost_to: Some(rival) }))
}

/// Whether every place of another user's key is theirs by now, so that nothing here needs the old pair, or has the new one.
pub(super) fn has_all(record: &Record, seen: &Observation, rival: &Rival) -> bool {
    let sights = seen.holders.iter().flatten();
    let counts = |entry: &HolderEntry| !entry.left_out && !entry.sections.is_empty();
    let mut here = record.holders.iter().zip(sights).filter(|(entry, _)| counts(entry));
    record.managed_as.is_some() && seen.holders.is_some() && here.all(|(_, sight)| stranger(sight) == Some(&rival.key))
}

fn has_given_away(record: &Record, seen: &Observation) -> bool {
    let sights = seen.holders.iter().flatten();
    let mut secrets = record.holders.iter().zip(sights).filter(|(entry, _)| entry.place.is_secret());
    secrets.any(|(_, sight)| matches!(sight, Sight::Seen { new, .. } if !new.is_empty()))
}

/// The stop where there is no way back by itself: both new keys stay.
pub(super) fn both_stay(record: &Record, rival: &Rival, reasons: Vec<String>) -> Step {
    let message = format!("{} has {}, which is neither the old key nor the new one", rival.place, rival.key);
    let hint = format!(
        "if another machine rotates this key, too, let only one of them (`rotator` in config.toml), and keep the new key here with \
         `keyrotate rotate --resolve {} forward`; else put that right and {}, or end it with {}",
        record.old.id,
        words::again(record),
        words::resolve_hint(&record.old.id)
    );
    words::stop(record, StopKind::Failed, message, reasons, hint)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::next;
    use super::super::tests::{NEW, OLD, at, id, record};
    use super::*;
    use crate::holder::{Foreign, Place};
    use crate::model::{AccessKey, SecretFields};
    use crate::rotation::{End, HolderEntry, Listing};

    const OTHERS: &str = "AKIAOTHERMACHINE0001";

    /// A rotation of a key in a file and in these secrets, of which the file and each secret has been seen so.
    fn scene(state: State, file: Which, secrets: &[Option<Which>]) -> (Record, Observation) {
        let mut record = record(state);
        let fields = || SecretFields { id: "id".to_owned(), secret: "secret".to_owned() };
        for number in 0..secrets.len() {
            let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:ci/{number}-AbC12{number}");
            let place = Place::Secret { arn, fields: fields() };
            let entry = HolderEntry { place, sections: vec!["AWSCURRENT".to_owned()], ..record.holders[0].clone() };
            record.holders.push(entry);
        }
        let has = |which: Option<Which>| {
            let slot = |is_there| if is_there { vec!["here".to_owned()] } else { Vec::new() };
            let foreign = Foreign { section: "AWSCURRENT".to_owned(), line: None, what: OTHERS.to_owned() };
            Sight::Seen {
                old: slot(which == Some(Which::Old)),
                new: slot(which == Some(Which::New)),
                foreign: if which.is_none() { vec![foreign] } else { Vec::new() },
                others: if which.is_none() { vec![id(OTHERS)] } else { Vec::new() },
            }
        };
        let holders = [Some(file)].into_iter().chain(secrets.iter().copied()).map(has).collect();
        let clock = Duration::from_secs(3);
        let mut seen = Observation { now: Some(at(13)), clock, holders: Some(holders), holders_at: clock, ..Observation::default() };
        for which in [Which::Old, Which::New] {
            seen.prove(which, Ok(record.identity.clone()));
        }
        (record, seen)
    }

    fn with_listing(mut seen: Observation, keys: &[(&str, KeyStatus)]) -> Observation {
        let keys = keys.iter().map(|(key, status)| AccessKey { id: id(key), status: status.clone(), created_at: at(0) }).collect();
        seen.listing = Some(Listing { keys, signer: Which::Old, clock: seen.clock, at: at(13) });
        seen
    }

    fn rolling_back() -> State {
        State::RollingBack { why: "w".to_owned(), lost_to: Some(Rival { key: id(OTHERS), place: "secret ci/0 in eu-west-1".to_owned() }) }
    }

    const ALL_ACTIVE: [(&str, KeyStatus); 3] = [(OLD, KeyStatus::Active), (NEW, KeyStatus::Active), (OTHERS, KeyStatus::Active)];

    #[test]
    fn who_was_slower_looks_at_the_keys_and_goes_back_before_a_file_is_written() {
        let (record, seen) = scene(State::Verified, Which::Old, &[None]);
        assert_eq!(next(&record, &seen, &Rules::default()), Step::ListAccessKeys(Which::Old));
        let step = next(&record, &with_listing(seen, &ALL_ACTIVE), &Rules::default());
        let Step::Enter(State::RollingBack { why, lost_to: Some(rival) }) = step else { panic!("{step:?}") };
        assert_eq!(why, format!("another machine rotated {OLD} at the same time: secret ci/0 in eu-west-1 has {OTHERS} now"));
        assert_eq!(rival.key, id(OTHERS));
        let (record, seen) = scene(State::Verified, Which::New, &[None]);
        let forward = Rules { decided: Some(Direction::Forward), ..Rules::default() };
        let step = next(&record, &with_listing(seen, &ALL_ACTIVE), &forward);
        assert!(matches!(step, Step::Stop(_)), "a person keeps it: {step:?}");
    }

    #[test]
    fn what_machines_share_is_written_before_what_is_here() {
        let (record, seen) = scene(State::Verified, Which::Old, &[Some(Which::Old)]);
        let step = next(&record, &seen, &Rules::default());
        assert_eq!(step, Step::PrepareHolder { holder: 1, to: Which::New });
    }

    #[test]
    fn nobody_goes_back_to_a_dead_key_or_takes_away_what_another_secret_has() {
        let inactive = [(OLD, KeyStatus::Inactive), (NEW, KeyStatus::Active), (OTHERS, KeyStatus::Active)];
        let stranger = [(OLD, KeyStatus::Active), (NEW, KeyStatus::Active)];
        for (secrets, keys) in [
            (&[None][..], &inactive[..]),
            // Somebody put the key of another user there.
            (&[None], &stranger),
            (&[None, Some(Which::New)], &ALL_ACTIVE),
        ] {
            let (record, seen) = scene(State::Verified, Which::Old, secrets);
            let step = next(&record, &with_listing(seen, keys), &Rules::default());
            assert_eq!(step, Step::PrepareHolder { holder: 0, to: Which::New }, "the file gets a key that lives");
            let (record, seen) = scene(State::Verified, Which::New, secrets);
            let step = next(&record, &with_listing(seen, keys), &Rules::default());
            let Step::Stop(stop) = step else { panic!("{step:?}") };
            assert!(stop.message.contains(OTHERS) && stop.hint.contains("--resolve AKIAOLD0000000000001 forward"), "{stop:?}");
        }
    }

    #[test]
    fn the_file_goes_back_the_secret_stays_and_the_new_key_goes_once_the_old_one_is_seen_alive_after_that() {
        let (record, seen) = scene(rolling_back(), Which::New, &[None]);
        let step = next(&record, &with_listing(seen, &ALL_ACTIVE), &Rules::default());
        assert_eq!(step, Step::PrepareHolder { holder: 0, to: Which::Old });
        let (record, seen) = scene(rolling_back(), Which::Old, &[None]);
        let before = with_listing(seen.clone(), &ALL_ACTIVE);
        let later = Observation { holders_at: Duration::from_secs(4), clock: Duration::from_secs(4), ..before.clone() };
        assert_eq!(next(&record, &later, &Rules::default()), Step::ListAccessKeys(Which::Old));
        let later = Observation { clock: Duration::from_secs(4), ..with_listing(later, &ALL_ACTIVE) };
        assert_eq!(next(&record, &later, &Rules::default()), Step::GetCallerIdentity(Which::Old));
        assert_eq!(
            next(&record, &before, &Rules::default()),
            Step::DeleteAccessKey { key: id(NEW), signer: Which::Old },
            "nothing was read since"
        );
        let gone = [(OLD, KeyStatus::Active), (OTHERS, KeyStatus::Active)];
        let mut deleted = with_listing(seen, &gone);
        deleted.act = Some(crate::rotation::Act { clock: deleted.clock, result: Ok(()) });
        let step = next(&record, &deleted, &Rules::default());
        assert!(
            matches!(&step, Step::Enter(State::Done(End::Aborted { lost_to: Some(rival), .. })) if rival.key == id(OTHERS)),
            "{step:?}"
        );
    }

    #[test]
    fn where_only_secrets_have_the_key_who_was_slower_goes_back_whatever_became_of_the_old_one() {
        let gone = [(NEW, KeyStatus::Active), (OTHERS, KeyStatus::Active)];
        let of_another = |state| {
            let (mut record, mut seen) = scene(state, Which::Old, &[None, None]);
            record.holders.remove(0);
            record.managed_as = Some(crate::model::ProfileName::new("ci"));
            seen.holders.as_mut().unwrap().remove(0);
            (record, with_listing(seen, &gone))
        };
        let (record, seen) = of_another(State::Verified);
        assert!(matches!(next(&record, &seen, &Rules::default()), Step::Enter(State::RollingBack { lost_to: Some(_), .. })));
        let (record, seen) = of_another(rolling_back());
        assert_eq!(next(&record, &seen, &Rules::default()), Step::DeleteAccessKey { key: id(NEW), signer: Which::Old });
        let dead = Observation { listing: with_listing(seen.clone(), &[(NEW, KeyStatus::Active)]).listing, ..seen.clone() };
        assert!(!matches!(next(&record, &dead, &Rules::default()), Step::DeleteAccessKey { .. }), "theirs is gone, too");
        let mut one = seen;
        one.holders.as_mut().unwrap()[1] = scene(rolling_back(), Which::New, &[]).1.holders.unwrap().remove(0);
        assert!(!matches!(next(&record, &one, &Rules::default()), Step::DeleteAccessKey { .. }), "a place has the new one");
        let own = Record { managed_as: None, ..record };
        assert!(!matches!(next(&own, &of_another(rolling_back()).1, &Rules::default()), Step::DeleteAccessKey { .. }));
    }
}
