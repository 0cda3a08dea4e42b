//! What must be true when the rotation acts. Invariant: what others did is forgiven as long as nobody could have known of it: within
//! IAM's settling time of the latest look.

use keyrotate::holder::Place;
use keyrotate::model::{AccessKeyId, AccessKeyPair};
use keyrotate::rotation::{Record, State, Which};

use super::iam::Status;
use super::scene::Flap;
use super::universe::Universe;

/// A change of a key's status: of which key, signed by whom, and whether a live key remains.
pub fn before_change(universe: &Universe, record: &Record, id: &AccessKeyId, status: Status, signer: &AccessKeyPair) {
    let new = record.new.as_ref().map(|new| &new.pair.id);
    if *id != record.old.id && Some(id) != new {
        before_suspect_goes(universe, record, id);
        return;
    }
    if record.adopted && Some(id) == new {
        universe.violated(format!("{id} was there before, and is made {status:?}"));
    }
    if status == Status::Active {
        return;
    }
    if signer.id == *id {
        universe.violated(format!("{id} is made {status:?} by itself"));
    }
    let other = if *id == record.old.id { Which::New } else { Which::Old };
    if let Some(other) = record.pair(other) {
        must_live(universe, &other.id, universe.process.borrow().listed_at, &format!("{id} is made {status:?}"));
    }
    if *id == record.old.id && status == Status::Deleted {
        no_holder_needs(universe, record, id);
    }
}

/// The key is dead and that could be known.
fn must_live(universe: &Universe, id: &AccessKeyId, looked_at: u64, what: &str) {
    let iam = universe.iam.borrow();
    let Some(key) = iam.key(id) else { return };
    let last = key.last();
    let unknowable = !universe.is_us(last.by) && last.at + universe.schedule.scene.settle >= looked_at;
    if last.status != Status::Active && !unknowable {
        let status = last.status;
        drop(iam);
        universe.violated(format!("{what} while {id} is {status:?}"));
    }
}

fn before_suspect_goes(universe: &Universe, record: &Record, id: &AccessKeyId) {
    let is_suspect = matches!(&record.state, State::Suspect { key, .. } if key == id);
    let is_fresh = universe.process.borrow().fresh.as_ref() == Some(id);
    let is_permitted = universe.process.borrow().permitted.as_ref() == Some(id);
    let is_others = universe.iam.borrow().key(id).is_none_or(|key| !universe.is_us(key.maker));
    if is_fresh || (is_suspect && is_permitted && (universe.ambiguous.get() || !is_others)) {
        return;
    }
    universe.violated(format!("{id} is deleted: suspect {is_suspect}, permitted {is_permitted}, somebody else's {is_others}"));
}

/// No file, item or secret still has the key that is deleted, as far as the latest look could tell.
fn no_holder_needs(universe: &Universe, record: &Record, id: &AccessKeyId) {
    let reread_at = universe.reread_at.get();
    for (entry, file) in record.holders.iter().zip(&universe.people.borrow().files) {
        let disk = universe.disk.borrow();
        let has = disk.content(&file.path).is_some_and(|bytes| contains(bytes, id.as_str()));
        let known = file.edited_at <= reread_at && !entry.left_out && !file.excused;
        if has && known {
            drop(disk);
            universe.violated(format!("{id} is deleted while {} has it", file.path));
        }
    }
    let ring = universe.keyring.borrow();
    for item in &ring.items {
        let is_this = |place: &Place| matches!(place, Place::KeychainItem { item: name } if name.as_str() == item.name);
        let is_left_out = record.holders.iter().any(|entry| is_this(&entry.place) && entry.left_out);
        let has = ring.held(&item.name).is_some_and(|(held, _)| held == id.as_str());
        if has && item.edited_at <= reread_at && !is_left_out {
            universe.violated(format!("{id} is deleted while keychain item {} has it", item.name));
        }
    }
    for secret in &universe.vault.borrow().secrets {
        let is_this = |place: &Place| matches!(place, Place::Secret { arn, .. } if *arn == secret.arn);
        let is_left_out = record.holders.iter().any(|entry| is_this(&entry.place) && entry.left_out);
        let has = contains(secret.current().bytes(), id.as_str());
        if has && secret.changed_at(universe.machine) <= reread_at && !is_left_out && !secret.is_deleted {
            universe.violated(format!("{id} is deleted while {} has it", secret.arn));
        }
    }
}

/// Whether the text is in there. Asked for very often; the search in a `str` is quick, and what is torn is hardly ever no text.
pub fn contains(bytes: &[u8], text: &str) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(all) => all.contains(text),
        Err(_) => bytes.windows(text.len()).any(|part| part == text.as_bytes()),
    }
}

/// A holder gets a pair that AWS accepts, everywhere.
pub fn before_write(universe: &Universe, record: &Record, to: Which) {
    let Some(pair) = record.pair(to) else { return };
    let proved_at = universe.process.borrow().proved_at[to.index()];
    if to == Which::Old || record.state == State::Verified {
        // On from a way back a listing has to do, so that nothing was proved yet.
        let listed_at = Some(universe.process.borrow().listed_at).filter(|at| to == Which::New && *at > 0);
        must_live(universe, &pair.id, proved_at.or(listed_at).unwrap_or(u64::MAX), &format!("a holder gets {}", pair.id));
    }
    let iam = universe.iam.borrow();
    let untouched = iam.key(&pair.id).is_some_and(|key| key.changes.len() == 1);
    if to == Which::New && untouched && universe.schedule.scene.flap == Flap::Short && !iam.is_settled(&pair.id, universe.now.get()) {
        drop(iam);
        universe.violated(format!("a holder gets {} while AWS does not accept it everywhere yet", pair.id));
    }
}

/// A suspect is entered only after an answer that may have been lost.
pub fn before_persist(universe: &Universe, record: &Record) {
    if let State::Suspect { key, .. } = &record.state
        && !universe.ambiguous.get()
    {
        universe.violated(format!("{key} is suspected although CreateAccessKey was clearly refused"));
    }
}
