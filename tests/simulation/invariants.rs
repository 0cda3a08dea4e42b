//! What must hold after every effect. Invariant: only what changed is looked at again, so that it can be looked at this often.

use std::collections::BTreeMap;

use keyrotate::model::AccessKeyId;
use keyrotate::rotation::{End, HistoryLine, Record, State, recall};

use super::acts::contains;
use super::keychain::Glance;
use super::people::without_pairs;
use super::universe::Universe;
use super::vault::PENDING;

pub const HISTORY: &str = "/state/history.jsonl";
pub const FORGOTTEN: &str = "/state/forgotten-";
pub const JOURNAL: &str = "/state/journal";

/// What was found last.
#[derive(Default)]
pub struct Seen {
    /// Of each AWS file, and of all else that what it may have depends on.
    files: Vec<Fingerprint>,
    disk: u64,
    iam: u64,
    vault: u64,
    keyring: u64,
    journal: BTreeMap<String, (usize, u64)>,
    /// Grows when the journal changes.
    journals: u64,
    /// Of all secrets, and of all items, likewise.
    secrets: [u64; 3],
    items: [u64; 3],
    /// The entry on the disk, as a reader sees it.
    pub record: Option<Record>,
}

type Fingerprint = (Option<(usize, u64)>, u64, u64);

/// Checks everything that has to hold at any instant.
pub fn always(universe: &Universe) {
    let now =
        (universe.disk.borrow().version, universe.iam.borrow().version, universe.vault.borrow().version, universe.keyring.borrow().version);
    let is_other_keyring = {
        let mut seen = universe.seen.borrow_mut();
        if (seen.disk, seen.iam, seen.vault, seen.keyring) == now {
            return;
        }
        let is_other_keyring = seen.keyring != now.3;
        (seen.disk, seen.iam, seen.vault, seen.keyring) = now;
        is_other_keyring
    };
    let all = journal(universe, is_other_keyring).and_then(|()| files(universe)).and_then(|()| vault(universe));
    let all = all.and_then(|()| keychain(universe)).and_then(|()| keys(universe));
    if let Err(what) = all.and_then(|()| secrets(universe)) {
        universe.violated(what);
    }
}

/// The entry is whole, and has both secrets until it is over.
fn journal(universe: &Universe, is_other_keyring: bool) -> Result<(), String> {
    let now: BTreeMap<String, (usize, u64)> = {
        let disk = universe.disk.borrow();
        let entries = || {
            let inside = disk.names.range(JOURNAL.to_owned()..).take_while(|(name, _)| name.starts_with(JOURNAL));
            inside.filter(|(name, _)| name.ends_with(".json")).map(|(name, inode)| (name, (*inode, disk.inodes[*inode].version)))
        };
        let seen = universe.seen.borrow();
        if !is_other_keyring && entries().eq(seen.journal.iter().map(|(name, version)| (name, *version))) {
            return Ok(());
        }
        entries().map(|(name, version)| (name.clone(), version)).collect()
    };
    let mut record: Option<Record> = None;
    for path in now.keys() {
        let disk = universe.disk.borrow();
        let body = disk.content(path).unwrap_or_default().split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
        record = Some(serde_json::from_slice(body).map_err(|_| format!("the journal entry {path} is damaged"))?);
    }
    if now.len() > 1 {
        return Err("two entries for one key".to_owned());
    }
    // What a person did to an item that has the only copy is theirs.
    if let Some(record) = &mut record
        && let Err(error) = recall(&Glance(universe), record)
        && !universe.keyring.borrow().is_touched()
    {
        return Err(error.to_string());
    }
    if let Some(record) = &record
        && !matches!(record.state, State::Done(_))
        && !universe.keyring.borrow().is_touched()
        && (record.old.secret.expose().is_empty() || record.new.as_ref().is_some_and(|new| new.pair.secret.expose().is_empty()))
    {
        return Err(format!("the journal has no secret any more, in {:?}", record.state));
    }
    let mut seen = universe.seen.borrow_mut();
    seen.journals += 1;
    (seen.journal, seen.record) = (now, record);
    Ok(())
}

/// Every AWS file is whole, has nothing but what somebody wrote, and pairs that belong together and live.
fn files(universe: &Universe) -> Result<(), String> {
    let people = universe.people.borrow();
    for (number, file) in people.files.iter().enumerate() {
        if is_as_before(universe, number, &file.path) {
            continue;
        }
        let text = universe.disk.borrow().content(&file.path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let skeleton = text.as_ref().map(|text| without_pairs(universe, text));
        let seen = universe.seen.borrow();
        let staged = seen.record.as_ref().and_then(|record| record.holders.get(number)?.staged.as_ref());
        let in_place = matches!(staged, Some(keyrotate::holder::Staged::InPlace { .. }));
        if file.excused || in_place {
            continue;
        }
        if !file.is_version(skeleton.as_ref()) {
            return Err(format!(
                "{} is not what anybody wrote: {:?}",
                file.path,
                skeleton.map(|text| text.chars().take(400).collect::<String>())
            ));
        }
        for (id, secret) in pairs(text.as_deref().unwrap_or_default()) {
            pair(universe, &file.path, file.edited_at, &id, &secret)?;
        }
    }
    Ok(())
}

/// Programs read of each secret what somebody else put last, with a pair that belongs together and lives; who waits waits.
fn vault(universe: &Universe) -> Result<(), String> {
    let now = [universe.vault.borrow().version, universe.iam.borrow().version, universe.seen.borrow().journals];
    if std::mem::replace(&mut universe.seen.borrow_mut().secrets, now) == now {
        return Ok(());
    }
    for secret in &universe.vault.borrow().secrets {
        let skeleton = without_pairs(universe, &String::from_utf8_lossy(secret.current().bytes()));
        if skeleton != secret.skeleton {
            return Err(format!("{} is not what was put there: {skeleton:?}", secret.arn));
        }
        if let Some((waiting, _)) = &secret.waiting
            && secret.at(PENDING) != Some(waiting)
        {
            return Err(format!("{waiting} of {} has lost its label", secret.arn));
        }
        let (id, key) = secret.held().ok_or_else(|| format!("{} has no pair", secret.arn))?;
        // Nobody can change one that is marked for deletion.
        if !secret.is_deleted {
            pair(universe, &secret.arn, secret.changed_at(universe.machine), &id, &key)?;
        }
    }
    Ok(())
}

/// Every item has a whole pair that lives, or what a person put there; pairs are kept for an entry, or for a person who closed it as it was.
fn keychain(universe: &Universe) -> Result<(), String> {
    let ring = universe.keyring.borrow();
    let now = [ring.version, universe.iam.borrow().version, universe.seen.borrow().journals];
    let is_as_before = std::mem::replace(&mut universe.seen.borrow_mut().items, now) == now;
    for item in ring.items.iter().filter(|_| !is_as_before) {
        if let Some((id, key)) = ring.held(&item.name) {
            pair(universe, &format!("keychain item {}", item.name), item.edited_at, &id, &key)?;
        } else if item.edited_at == 0 {
            return Err(format!("keychain item {} has no pair", item.name));
        }
    }
    let is_told = || universe.seen.borrow().record.is_some() || forgotten(universe).is_some();
    match ring.pending().next() {
        Some(kept) if !is_told() => Err(format!("keychain item {kept} is left, and no entry tells of it")),
        Some(_) | None => Ok(()),
    }
}

fn is_as_before(universe: &Universe, number: usize, path: &str) -> bool {
    let (disk, mut seen) = (universe.disk.borrow(), universe.seen.borrow_mut());
    let inode = disk.names.get(path).map(|inode| (*inode, disk.inodes[*inode].version));
    let now = (inode, universe.iam.borrow().version, seen.journals);
    if seen.files.len() <= number {
        seen.files.resize(number + 1, Fingerprint::default());
    }
    std::mem::replace(&mut seen.files[number], now) == now
}

/// The pairs in a file, section by section.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for section in text.split("\n[") {
        let value = |name: &str| {
            section.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('=').map(|v| v.trim().to_owned()))
        };
        if let (Some(id), Some(secret)) = (value("aws_access_key_id"), value("aws_secret_access_key")) {
            found.push((id, secret));
        }
    }
    found
}

fn pair(universe: &Universe, path: &str, edited_at: u32, id: &str, secret: &str) -> Result<(), String> {
    let iam = universe.iam.borrow();
    let Some(key) = iam.keys.iter().find(|key| key.pair.id.as_str() == id) else { return Ok(()) };
    if key.pair.secret.expose() != secret {
        return Err(format!("{path} has {id} with another key's secret"));
    }
    if key.is_active() || !universe.is_us(key.last().by) || universe.decided_forward.get() {
        return Ok(());
    }
    // A person chose to go on without a holder; or we killed it, and then the journal must have a pair that lives, unless others killed that.
    let record = universe.seen.borrow().record.clone().or_else(|| forgotten(universe));
    let Some(record) = &record else {
        return if edited_at >= universe.reread_at.get() {
            Ok(())
        } else {
            Err(format!("{path} has {id}, which the rotation made {:?}, and no journal has another", key.last().status))
        };
    };
    let spare = |id: &AccessKeyId| iam.key(id).is_some_and(|key| key.is_active() || !universe.is_us(key.last().by));
    if spare(&record.old.id) || record.new.as_ref().is_some_and(|new| spare(&new.pair.id)) {
        return Ok(());
    }
    Err(format!("{path} has {id}, which is dead, and so is every pair in the journal"))
}

/// What a person closed as it was.
fn forgotten(universe: &Universe) -> Option<Record> {
    let disk = universe.disk.borrow();
    let (_, inode) = disk.names.range(FORGOTTEN.to_owned()..).next().filter(|(name, _)| name.starts_with(FORGOTTEN))?;
    serde_json::from_slice(&disk.inodes[*inode].data).ok()
}

/// Every key that we made is known somewhere, with its secret or as a suspect.
fn keys(universe: &Universe) -> Result<(), String> {
    let iam = universe.iam.borrow();
    for key in iam.existing().filter(|key| universe.is_us(key.maker)) {
        let id = &key.pair.id;
        let seen = universe.seen.borrow();
        let journalled = seen.record.as_ref().is_some_and(|record| match &record.state {
            State::Intent { .. } => true,
            State::Done(End::Aborted { left_alone, .. }) => left_alone.contains(id),
            State::Suspect { key, .. } => key == id,
            _ => record.new.as_ref().is_some_and(|new| new.pair.id == *id),
        });
        let is_fresh = universe.process.borrow().fresh.as_ref() == Some(id);
        if !journalled && !is_fresh && !is_held(universe, id) && !is_remembered(universe, id) {
            return Err(format!(
                "{id}, which the rotation made, is {:?} at AWS and in no holder, no journal and no history",
                key.last().status
            ));
        }
    }
    Ok(())
}

fn is_held(universe: &Universe, id: &AccessKeyId) -> bool {
    let disk = universe.disk.borrow();
    let is_in_file =
        universe.people.borrow().files.iter().any(|file| disk.content(&file.path).is_some_and(|bytes| contains(bytes, id.as_str())));
    let ring = universe.keyring.borrow();
    let is_in_item = ring.items.iter().any(|item| ring.held(&item.name).is_some_and(|(held, _)| held == id.as_str()));
    is_in_file || is_in_item || universe.vault.borrow().secrets.iter().any(|secret| contains(secret.current().bytes(), id.as_str()))
}

pub fn history(universe: &Universe) -> Vec<HistoryLine> {
    let disk = universe.disk.borrow();
    let bytes = disk.content(HISTORY).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn is_remembered(universe: &Universe, id: &AccessKeyId) -> bool {
    // A person closed it as it was; what is known of it is in that file.
    let forgotten = universe.disk.borrow().names.keys().any(|name| name.starts_with(FORGOTTEN));
    forgotten
        || history(universe).iter().any(|line| match &line.end {
            // Whether it may show up late: IAM's settling is shorter than the window, so that it never does.
            End::Aborted { left_alone, .. } => left_alone.contains(id),
            End::Undone { .. } | End::Forgotten | End::Rotated | End::RotatedOldInactive | End::Pulled => line.new.as_ref() == Some(id),
        })
}

/// Secrets are in holders, beside them while a rotation is open, and in the state directory, but not in the history; where the keychain has
/// the key, in no file.
fn secrets(universe: &Universe) -> Result<(), String> {
    let scene = &universe.schedule.scene;
    let may_be_in_files = scene.filed || scene.adopted;
    let disk = universe.disk.borrow();
    for (name, inode) in &disk.names {
        let allowed = may_be_in_files && name != HISTORY && (name.starts_with("/state/") || name.starts_with("/home/"));
        if !allowed && contains(&disk.inodes[*inode].data, "canary/") {
            return Err(format!("{name} holds a secret"));
        }
    }
    Ok(())
}
