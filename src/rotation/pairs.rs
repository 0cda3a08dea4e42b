//! The pairs of a rotation whose holders are keychain items: they are in the keychain, too, and the journal's file has none of them. Invariant:
//! the item that has them is there only while an entry tells of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::record::{End, NewKey, Record, State};
use crate::holder::keychain::read_pair;
use crate::journal::{Entry, InKeychain, JournalError};
use crate::model::{AccessKeyId, AccessKeyPair};
use crate::os::disk::Disk;
use crate::os::keychain::Keychain;

/// What the item beside the entry has.
#[derive(Serialize, Deserialize)]
struct Pairs {
    #[serde(with = "crate::journal::secret")]
    old: AccessKeyPair,
    new: Option<NewKey>,
}

/// Writes the first entry of a rotation, and keeps its pairs where it begins with both; when this returns, all is on the disk.
pub fn enter<'d>(disk: &'d dyn Disk, keychain: &dyn Keychain, path: PathBuf, record: &Record) -> Result<Entry<'d>, JournalError> {
    if !record.is_in_keychain() || record.new.is_none() {
        return Entry::begin(disk, path, &*record.journalled());
    }
    // CRASH: until the pairs are kept the entry says that the rotation is over, so that the next run removes both.
    let unbegun = Record { state: State::Done(End::aborted("it did not begin")), ..record.clone() };
    let mut entry = Entry::begin(disk, path, &*unbegun.journalled())?;
    if let Err(error) = keep(keychain, record) {
        if InKeychain::of(keychain, &record.id).remove().is_ok() {
            entry.close(&unbegun.scrubbed())?;
        }
        return Err(error);
    }
    entry.update(&*record.journalled())?;
    Ok(entry)
}

/// Takes up the entry of a rotation. What a person decided may have left it with holders that want its pairs in no file any more: they are kept
/// before the file loses them.
pub fn take_up<'d>(disk: &'d dyn Disk, keychain: &dyn Keychain, path: PathBuf, record: &Record) -> Result<Entry<'d>, JournalError> {
    if !matches!(record.state, State::Done(_)) {
        keep(keychain, record)?;
    }
    Entry::resume(disk, path, &*record.journalled())
}

/// Keeps both pairs of a record in the keychain, where no file may have them. To be called before the entry tells of the new key.
pub(super) fn keep(keychain: &dyn Keychain, record: &Record) -> Result<(), JournalError> {
    if !record.is_in_keychain() || record.new.is_none() {
        return Ok(());
    }
    InKeychain::of(keychain, &record.id).store(&Pairs { old: record.old.clone(), new: record.new.clone() })
}

/// A rotation cannot go on: a pair of it is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum NotRecalled {
    /// The keychain does not give it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is nowhere.
    #[error("the secret of {} is neither in keychain item {item} nor where the key is used", ids(.keys))]
    Missing {
        /// The keys.
        keys: Vec<AccessKeyId>,
        /// The item beside the entry.
        item: String,
    },
}

fn ids(keys: &[AccessKeyId]) -> String {
    keys.iter().map(AccessKeyId::as_str).collect::<Vec<_>>().join(" and ")
}

/// Completes a record that was read from a file with the pairs that only the keychain has. One that a crash left between the two is brought up
/// to what the keychain knows.
pub fn recall(keychain: &dyn Keychain, record: &mut Record) -> Result<(), NotRecalled> {
    if missing(record).is_empty() || matches!(record.state, State::Done(_)) {
        return Ok(());
    }
    let beside = InKeychain::of(keychain, &record.id);
    let kept: Option<Pairs> = beside.load()?;
    if let Some(Pairs { old, new }) = kept.filter(|pairs| pairs.old.id == record.old.id) {
        record.old = old;
        match (&record.new, new) {
            // CRASH: the answer to CreateAccessKey is kept before the entry says so.
            (None, Some(new)) if matches!(record.state, State::Intent { .. } | State::Suspect { .. }) => {
                record.new = Some(new);
                record.state = State::Created;
            }
            (Some(known), Some(new)) if known.pair.id == new.pair.id => record.new = Some(new),
            (_, _) => {}
        }
    }
    for item in record.items().cloned().collect::<Vec<_>>() {
        let (true, Ok(found)) = (missing_any(&record.old, record.new.as_ref()), read_pair(keychain, &item)) else { continue };
        let pairs = [Some(&mut record.old), record.new.as_mut().map(|new| &mut new.pair)];
        for pair in pairs.into_iter().flatten().filter(|pair| is_blank(pair) && pair.id == found.id) {
            *pair = found.clone();
        }
    }
    match missing(record) {
        keys if keys.is_empty() => Ok(()),
        keys => Err(NotRecalled::Missing { keys, item: beside.item().to_string() }),
    }
}

fn missing_any(old: &AccessKeyPair, new: Option<&NewKey>) -> bool {
    is_blank(old) || new.is_some_and(|new| is_blank(&new.pair))
}

fn is_blank(pair: &AccessKeyPair) -> bool {
    pair.secret.expose().is_empty()
}

fn missing(record: &Record) -> Vec<AccessKeyId> {
    let pairs = [Some(&record.old), record.new.as_ref().map(|new| &new.pair)];
    pairs.into_iter().flatten().filter(|pair| is_blank(pair)).map(|pair| pair.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::holder::Place;
    use crate::holder::keychain::write_pair;
    use crate::model::{Arn, Grace, Identity, ProfileName, SecretAccessKey};
    use crate::os::disk::RealDisk;
    use crate::os::keychain::memory::MemoryKeychain;
    use crate::os::keychain::{ItemName, KeychainError};
    use crate::profile::FileKind;
    use crate::rotation::{HolderEntry, Which};

    fn pair(number: u8) -> AccessKeyPair {
        let id = AccessKeyId::parse(&format!("AKIAEXAMPLE00000000{number}")).unwrap();
        AccessKeyPair { id, secret: SecretAccessKey::new(format!("canary{number}")) }
    }

    fn item() -> ItemName {
        ItemName::parse("work").unwrap()
    }

    fn holder(place: Place, sections: &[&str]) -> HolderEntry {
        let sections = sections.iter().map(|name| (*name).to_owned()).collect();
        HolderEntry { place, sections, stagings: 0, staged: None, staged_to: Which::New, displaced: Vec::new(), left_out: false }
    }

    fn file(sections: &[&str]) -> HolderEntry {
        holder(Place::AwsFile { kind: FileKind::Credentials, path: "/c".into() }, sections)
    }

    /// A rotation of a key in the keychain; the file is only watched for strays.
    fn record(state: State, new: bool) -> Record {
        let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
        Record {
            adopted: false,
            id: "r1".into(),
            machine: "here".into(),
            host: "laptop".into(),
            started_at: DateTime::UNIX_EPOCH,
            identity: Identity { account: "111122223333".into(), arn, user_id: "AIDAEXAMPLE".into() },
            user_name: "dev".into(),
            managed_as: None,
            profile: ProfileName::new("work"),
            old: pair(1),
            old_created_at: DateTime::UNIX_EPOCH,
            keys_before: Vec::new(),
            deleted_first: None,
            new: new.then(|| NewKey { pair: pair(2), created_at: DateTime::UNIX_EPOCH }),
            holders: vec![file(&[]), holder(Place::KeychainItem { item: item() }, &["work"])],
            grace: Grace::default(),
            drains: false,
            pulled: false,
            state,
        }
    }

    fn intent() -> State {
        State::Intent { signed_at: DateTime::UNIX_EPOCH, throttled: 0 }
    }

    /// As the next run reads it from the disk.
    fn from_disk(record: &Record) -> Record {
        let text = serde_json::to_string(&*record.journalled()).unwrap();
        assert!(!text.contains("canary"), "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn keychain(has: &AccessKeyPair) -> MemoryKeychain {
        let keychain = MemoryKeychain::default();
        write_pair(&keychain, &item(), has).unwrap();
        keychain
    }

    #[test]
    fn no_secret_is_in_the_file_where_every_place_is_a_keychain_item() {
        let plain = |record: &Record| serde_json::to_string(&*record.journalled()).unwrap().contains("canary");
        let mut mixed = record(State::Verified, true);
        assert!(mixed.is_in_keychain() && !plain(&mixed));
        mixed.holders[0] = file(&["copy"]);
        assert!(!mixed.is_in_keychain() && plain(&mixed));
        mixed.holders = vec![file(&["copy"])];
        assert!(!mixed.is_in_keychain());
    }

    #[test]
    fn the_pairs_are_found_beside_the_entry_and_before_that_where_the_key_is_used() {
        let begun = record(intent(), false);
        let mut found = from_disk(&begun);
        recall(&keychain(&pair(1)), &mut found).unwrap();
        assert_eq!(found, begun);
        let verified = record(State::Verified, true);
        let keychain = keychain(&pair(1));
        keep(&keychain, &verified).unwrap();
        let mut found = from_disk(&verified);
        recall(&keychain, &mut found).unwrap();
        assert_eq!(found, verified);
    }

    #[test]
    fn pairs_that_are_there_from_the_start_are_kept_only_while_an_entry_tells_of_them() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("r1.json");
        let united = Record { adopted: true, ..record(State::Created, true) };
        let keychain = keychain(&pair(1));
        keychain.lock_after(0);
        assert!(enter(&RealDisk, &keychain, path.clone(), &united).is_err());
        assert_eq!((keychain.names(), RealDisk.list(scratch.path()).unwrap()), (vec!["work".to_owned()], Vec::new()));
        // What cannot be removed either is left to the next run, which finds a rotation that is over.
        keychain.fail(Some(KeychainError::Locked));
        assert!(enter(&RealDisk, &keychain, path.clone(), &united).is_err());
        let left: Record = Entry::load(&RealDisk, &path).unwrap();
        assert!(matches!(left.state, State::Done(End::Aborted { .. })), "{left:?}");
    }

    #[test]
    fn a_new_pair_that_the_entry_does_not_know_of_yet_is_taken_up() {
        let keychain = keychain(&pair(1));
        let created = record(State::Created, true);
        keep(&keychain, &created).unwrap();
        let mut found = from_disk(&record(intent(), false));
        recall(&keychain, &mut found).unwrap();
        assert_eq!(found, created);
    }

    #[test]
    fn what_is_nowhere_is_named_and_a_keychain_that_is_locked_is_no_proof() {
        let mut found = from_disk(&record(State::Verified, true));
        let error = recall(&keychain(&pair(1)), &mut found).unwrap_err();
        assert!(matches!(&error, NotRecalled::Missing { keys, .. } if *keys == [pair(2).id]), "{error}");
        assert!(error.to_string().contains("keyrotate-pending-r1"), "{error}");
        let locked = keychain(&pair(1));
        locked.fail(Some(KeychainError::Locked));
        let error = recall(&locked, &mut from_disk(&record(State::Verified, true))).unwrap_err();
        assert!(matches!(error, NotRecalled::Journal(JournalError::Keychain { source: KeychainError::Locked, .. })), "{error}");
        // What is over needs no pair.
        recall(&locked, &mut from_disk(&record(State::Done(crate::rotation::End::Rotated), true))).unwrap();
    }
}
