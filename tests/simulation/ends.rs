//! What must hold when a run, and when the rotation, is over. Invariant: every failure of ours shows; what others did to a key or a file
//! is theirs.

use keyrotate::model::AccessKeyId;
use keyrotate::rotation::End;

use super::acts::contains;
use super::files::LINKED;
use super::iam::{Status, Who};
use super::invariants::{FORGOTTEN, JOURNAL, history, pairs};
use super::people::{Known, without_pairs};
use super::run::Ended;
use super::universe::Universe;

/// A stop names its state and a way out, and no secret.
pub fn after_run(universe: &Universe, ended: &Ended) {
    let said = format!("{ended:?}");
    if said.contains("canary/") {
        universe.violated(format!("a secret is told: {said}"));
    }
    if let Ended::Stopped(stop) = ended
        && (stop.state.is_empty() || stop.hint.is_empty())
    {
        universe.violated(format!("a stop without a state or a hint: {}", stop.message));
    }
}

/// The end of a schedule.
pub fn check(universe: &Universe, last: Option<&Ended>) -> Result<(), String> {
    let Some(line) = history(universe).pop() else {
        // It never began. Everything is as it was.
        return match universe.seen.borrow().record {
            None => files(universe, None),
            Some(_) => Err(format!("no way out: {last:?}")),
        };
    };
    if !matches!(last, Some(Ended::Closed(_))) {
        return Err(format!("no way out: {last:?}"));
    }
    leftovers(universe)?;
    let new = line.new.as_ref();
    match &line.end {
        End::Pulled => Err("a machine that rotates the key has pulled it".to_owned()),
        End::Rotated => {
            expect(universe, &line.old, &[Status::Deleted])?;
            live(universe, new)?;
            files(universe, new)
        }
        End::Undone { .. } => {
            live(universe, Some(&line.old))?;
            if let Some(new) = new.filter(|_| !universe.schedule.scene.adopted) {
                expect(universe, new, &[Status::Inactive, Status::Deleted])?;
            }
            files(universe, Some(&line.old))
        }
        End::Aborted { .. } => {
            live(universe, Some(&line.old))?;
            files(universe, Some(&line.old))
        }
        End::RotatedOldInactive => {
            live(universe, new)?;
            files(universe, new)
        }
        End::Forgotten => files(universe, None),
    }
}

fn touched_by_others(universe: &Universe, id: &AccessKeyId) -> bool {
    universe.iam.borrow().key(id).is_some_and(|key| key.changes.iter().skip(1).any(|change| !universe.is_us(change.by)))
}

fn expect(universe: &Universe, id: &AccessKeyId, wanted: &[Status]) -> Result<(), String> {
    let status = universe.iam.borrow().key(id).map(|key| key.last().status);
    if touched_by_others(universe, id) || status.is_some_and(|status| wanted.contains(&status)) {
        return Ok(());
    }
    Err(format!("{id} is {status:?} at the end, {wanted:?} expected"))
}

fn live(universe: &Universe, id: Option<&AccessKeyId>) -> Result<(), String> {
    id.map_or(Ok(()), |id| expect(universe, id, &[Status::Active]))
}

/// Every file has what was written there last, with the pair that lives.
pub fn files(universe: &Universe, wanted: Option<&AccessKeyId>) -> Result<(), String> {
    let left_out = universe.decided_forward.get();
    for file in universe.people.borrow().files.iter().filter(|file| !file.excused) {
        let disk = universe.disk.borrow();
        let text = disk.content(&file.path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let skeleton = text.as_ref().map(|text| without_pairs(universe, text));
        let kept = disk.names.range(file.kept()..).take_while(|(name, _)| name.starts_with(&file.kept()));
        let mut kept = kept.map(|(_, inode)| without_pairs(universe, &String::from_utf8_lossy(&disk.inodes[*inode].data)));
        if !file.is_latest(skeleton.as_ref()) && !kept.any(|kept| file.is_latest(Some(&kept))) {
            return Err(format!("{} has lost somebody's work: {skeleton:?}", file.path));
        }
        let mode = disk.names.get(&file.path).map_or(0o640, |inode| disk.inodes[*inode].mode);
        if mode != 0o640 {
            return Err(format!("{} has mode {mode:o} at the end", file.path));
        }
        let is_theirs = file.edited_at >= universe.reread_at.get() || left_out || universe.schedule.scene.adopted;
        let Some(wanted) = wanted.filter(|_| !is_theirs) else { continue };
        let iam = universe.iam.borrow();
        for (id, _) in pairs(text.as_deref().unwrap_or_default()) {
            if id != wanted.as_str() && iam.keys.iter().any(|key| key.pair.id.as_str() == id) {
                return Err(format!("{} has {id} at the end, {wanted} expected", file.path));
            }
        }
    }
    items(universe, wanted)?;
    secrets(universe, wanted)
}

/// Every keychain item has the pair that lives, or what a person put there.
fn items(universe: &Universe, wanted: Option<&AccessKeyId>) -> Result<(), String> {
    let ring = universe.keyring.borrow();
    let left_out = universe.decided_forward.get() || universe.schedule.scene.adopted;
    for item in ring.items.iter().filter(|item| item.edited_at < universe.reread_at.get() && !left_out) {
        let (Some(wanted), Some((id, _))) = (wanted, ring.held(&item.name)) else { continue };
        if id != wanted.as_str() && universe.iam.borrow().keys.iter().any(|key| key.pair.id.as_str() == id) {
            return Err(format!("keychain item {} has {id} at the end, {wanted} expected", item.name));
        }
    }
    Ok(())
}

/// Every secret has the pair that lives, and no label of a change's.
fn secrets(universe: &Universe, wanted: Option<&AccessKeyId>) -> Result<(), String> {
    let left_out = universe.decided_forward.get();
    for secret in universe.vault.borrow().secrets.iter().filter(|secret| !secret.is_deleted) {
        if let Some(left) = secret.left(universe.machine).filter(|_| !universe.unswept.get()) {
            return Err(format!("{} has {left} at the end", secret.arn));
        }
        let is_theirs = secret.changed_at(universe.machine) >= universe.reread_at.get() || left_out || universe.schedule.scene.adopted;
        let (Some(wanted), Some((id, _))) = (wanted.filter(|_| !is_theirs), secret.held()) else { continue };
        let iam = universe.iam.borrow();
        // Who goes back leaves the secret to the machine that was faster.
        let is_new = iam.key(wanted).is_some_and(|key| universe.is_us(key.maker));
        let counts = |maker: Who| is_new || maker == Who::Others || universe.is_us(maker);
        if id != wanted.as_str() && iam.keys.iter().any(|key| key.pair.id.as_str() == id && counts(key.maker)) {
            return Err(format!("{} has {id} at the end, {wanted} expected", secret.arn));
        }
    }
    Ok(())
}

/// No entry is left, and no secret but in the AWS files and in what was forgotten on purpose.
pub fn leftovers(universe: &Universe) -> Result<(), String> {
    let disk = universe.disk.borrow();
    let people = universe.people.borrow();
    // KNOWN: of a change that was cut off before it was written down, at the end of a link that leads nowhere now, nothing is known.
    let is_lost = universe.schedule.scene.symlink && disk.content(LINKED).is_none();
    for (name, inode) in &disk.names {
        if name.starts_with(JOURNAL) {
            return Err(format!("{name} is left in the journal"));
        }
        // Whether a second copy is ours is not known any more after two who were faster and a crash.
        let is_kept = |file: &Known| name.starts_with(&file.kept()) && (disk.inodes[*inode].written_at > 0 || name.ends_with(".second"));
        let is_holder = people.files.iter().any(|file| file.path == *name || is_kept(file))
            || name.starts_with(FORGOTTEN)
            || name.starts_with("/state/.forgotten-");
        if !is_holder && !universe.stuck.get() && !is_lost && contains(&disk.inodes[*inode].data, "canary/") {
            return Err(format!("{name} is left with a secret"));
        }
    }
    Ok(())
}
