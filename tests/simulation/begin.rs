//! How a rotation begins on a machine: what `rotation::begin` looks at, as far as it is modelled.

use std::path::PathBuf;
use std::rc::Rc;

use keyrotate::aws::SecretId;
use keyrotate::holder::keychain::read_pair;
use keyrotate::holder::{CURRENT, Place, Reach, Sight, SignedBy};
use keyrotate::journal::History;
use keyrotate::model::{AccessKeyPair, Arn, Identity, ProfileName};
use keyrotate::os::keychain::ItemName;
use keyrotate::profile::FileKind;
use keyrotate::rotation::{
    Files, HolderEntry, Listing, NewKey, Observation, Outcome, Record, SessionSight, State, Step, Which, World, enter, wants_session,
};

use super::events::Op;
use super::files::{CONFIG, CREDENTIALS, SimDisk};
use super::invariants::{self, HISTORY, JOURNAL};
use super::keychain::{self, SimKeychain};
use super::run::{Ended, finish, rules};
use super::secrets::SimSecrets;
use super::universe::Universe;
use super::world::SimWorld;

/// The holders, the identity, the listing.
pub fn begin(universe: &Rc<Universe>, disk: &SimDisk, number: u32) -> Result<Ended, String> {
    let mut record = first_record(universe, disk, number)?;
    let (secrets, keychain) = (SimSecrets::asking(universe), SimKeychain(universe.clone()));
    let files = Files {
        reach: Reach { disk, secrets: &secrets, keychain: &keychain },
        entry: None,
        history: History::new(disk, HISTORY.into()),
        command: "rotate",
        kept: None,
    };
    let mut world = SimWorld { universe: universe.clone(), files };
    match world.perform(&record, &Step::GetCallerIdentity(Which::Old)) {
        Outcome::Identified(_, Ok(_)) => {}
        other => return Err(format!("{other:?}")),
    }
    let mut session = SessionSight::None;
    let keys = loop {
        match world.perform(&record, &Step::ListAccessKeys(Which::Old)) {
            Outcome::Listed(_, Ok(keys)) => break keys,
            Outcome::Listed(_, Err(error)) if wants_session(session, &error, false) => session = universe.open_session(&record.old),
            other => return Err(format!("{other:?}")),
        }
    };
    if keys.len() > 1 + usize::from(record.adopted) || !keys.iter().any(|key| key.id == record.old.id) {
        return Err("the user has other keys".to_owned());
    }
    let (clock, now) = world.observe(None);
    let now = now.ok_or("no time")?;
    targets(universe, disk, &mut record)?;
    record.keys_before = keys.iter().map(|key| key.id.clone()).collect();
    record.started_at = now;
    record.state = if record.adopted { State::Created } else { State::Intent { signed_at: now, throttled: 0 } };
    let listing = Listing { keys, signer: Which::Old, clock, at: now };
    let seen = Observation { now: Some(now), clock, entered: clock, listing: Some(listing), session, ..Observation::default() };
    universe.op(Op::Persist, || "beginning the entry".to_owned());
    universe.ambiguous.set(false);
    let path = PathBuf::from(format!("{JOURNAL}/{}.json", record.id));
    let entry = enter(disk, &keychain, path, &record).map_err(|error| error.to_string())?;
    let rules = rules(universe, &record, number);
    Ok(finish(universe, disk, entry, record, seen, &rules))
}

/// What `rotation::begin` does with the secrets that the settings name.
fn targets(universe: &Rc<Universe>, disk: &SimDisk, record: &mut Record) -> Result<(), String> {
    let named: Vec<_> = {
        let vault = universe.vault.borrow();
        vault.secrets.iter().map(|secret| (secret.arn.clone(), secret.is_configured.then(|| secret.fields.clone()))).collect()
    };
    let (secrets, keychain) = (SimSecrets::asking(universe), SimKeychain(universe.clone()));
    for (arn, fields) in named {
        let id = SecretId { id: &arn, region: None };
        let place = Place::secret(&secrets, &record.old, id, fields.as_ref()).map_err(|error| error.to_string())?;
        let holder = place.open(Reach { disk, secrets: &secrets, keychain: &keychain }, SignedBy { first: &record.old, then: None });
        match holder.look(&record.old, record.pair(Which::New), &[CURRENT.to_owned()], None) {
            Sight::Seen { foreign, .. } if foreign.is_empty() => {}
            other => return Err(format!("{other:?}")),
        }
        holder.check_writable(&record.old).map_err(|error| error.to_string())?;
        drop(holder);
        record.holders.push(entry(place, vec![CURRENT.to_owned()]));
    }
    Ok(())
}

fn entry(place: Place, sections: Vec<String>) -> HolderEntry {
    HolderEntry { place, sections, stagings: 0, staged: None, staged_to: Which::New, displaced: Vec::new(), left_out: false }
}

/// The pair that is to be replaced, from where the profile has it.
fn own_pair(universe: &Universe, keychain: &SimKeychain) -> Result<AccessKeyPair, String> {
    if !universe.schedule.scene.filed {
        let pair = read_pair(keychain, &item(0)).map_err(|error| error.to_string())?;
        let is_ours = universe.iam.borrow().keys.first().is_some_and(|key| key.pair == pair);
        return is_ours.then_some(pair).ok_or_else(|| "no key of ours".to_owned());
    }
    let text =
        universe.disk.borrow().content(&universe.people.borrow().files[0].path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let held = invariants::pairs(&text.ok_or("no credentials file")?);
    let iam = universe.iam.borrow();
    let old = held.iter().find_map(|(id, _)| iam.keys.first().filter(|key| key.pair.id.as_str() == id));
    old.map(|key| key.pair.clone()).ok_or_else(|| "no key of ours".to_owned())
}

/// The name of a person's item.
pub fn item(number: usize) -> ItemName {
    ItemName::parse(&keychain::name(number)).expect("an item's name")
}

/// Both AWS files, and the items that the index names.
fn places(universe: &Universe) -> Vec<Place> {
    let files = [(FileKind::Credentials, CREDENTIALS), (FileKind::Config, CONFIG)];
    let files = files.into_iter().map(|(kind, path)| Place::AwsFile { kind, path: path.into() });
    let items = (0..usize::from(universe.schedule.scene.items)).map(|number| Place::KeychainItem { item: item(number) });
    files.chain(items).collect()
}

fn first_record(universe: &Rc<Universe>, disk: &SimDisk, number: u32) -> Result<Record, String> {
    let keychain = SimKeychain(universe.clone());
    let old = own_pair(universe, &keychain)?;
    let adopted = || NewKey { pair: universe.iam.borrow().keys[1].pair.clone(), created_at: universe.date(0) };
    let new = universe.schedule.scene.adopted.then(adopted);
    let holders = holders(universe, disk, &old)?;
    Ok(Record { adopted: new.is_some(), new, ..record(universe, number, old, holders) })
}

/// The places here that have the pair, each tried out.
pub fn holders(universe: &Rc<Universe>, disk: &SimDisk, old: &AccessKeyPair) -> Result<Vec<HolderEntry>, String> {
    let (secrets, keychain) = (SimSecrets::new(universe), SimKeychain(universe.clone()));
    let mut holders = Vec::new();
    for place in places(universe) {
        let holder = place.open(Reach { disk, secrets: &secrets, keychain: &keychain }, SignedBy { first: old, then: None });
        let sections = match holder.look(old, None, &[], None) {
            Sight::Seen { old, foreign, .. } if foreign.is_empty() => old,
            Sight::Away if !place.is_keychain() => Vec::new(),
            other => return Err(format!("{other:?}")),
        };
        if !sections.is_empty() {
            holder.check_writable(old).map_err(|error| error.to_string())?;
        }
        drop(holder);
        holders.push(entry(place, sections));
    }
    if holders.iter().all(|entry| entry.sections.is_empty()) {
        return Err("it is no longer where it was read just now".to_owned());
    }
    Ok(holders)
}

/// The record of a rotation that begins now.
pub fn record(universe: &Universe, number: u32, old: AccessKeyPair, holders: Vec<HolderEntry>) -> Record {
    let arn = Arn::parse("arn:aws:iam::111122223333:user/dev").expect("an ARN");
    Record {
        drains: universe.schedule.scene.drains,
        pulled: false,
        id: format!("{}{number}", ["r", "s", "t"][universe.machine]),
        machine: format!("m{}", universe.machine),
        host: "h".to_owned(),
        started_at: universe.date(0),
        identity: Identity { account: "111122223333".to_owned(), arn, user_id: "AIDADEV".to_owned() },
        user_name: "dev".to_owned(),
        profile: ProfileName::default(),
        old,
        old_created_at: universe.date(0),
        keys_before: Vec::new(),
        managed_as: None,
        deleted_first: None,
        adopted: false,
        state: State::Created,
        new: None,
        holders,
        grace: universe.schedule.scene.grace,
    }
}
