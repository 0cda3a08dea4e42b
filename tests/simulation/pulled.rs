//! What must hold when the life of a machine that pulls is over. Invariant: whatever others did meanwhile, it had runs enough in quiet to
//! come by the secret's pair, unless one of few things stands in its way, and then it says so.

use super::ends::{files, leftovers};
use super::invariants::pairs;
use super::run::Ended;
use super::schedule::Role;
use super::universe::Universe;

/// The end of its life.
pub fn check(universe: &Universe, last: Option<&Ended>) -> Result<(), String> {
    if universe.seen.borrow().record.is_some() {
        return Err(format!("no way out: {last:?}"));
    }
    leftovers(universe)?;
    files(universe, None)?;
    let Some(current) = current(universe) else { return Ok(()) };
    for (place, id) in held(universe) {
        if id == current || !is_key(universe, &id) {
            continue;
        }
        if !is_hindered(universe, &id) {
            return Err(format!("{place} has {id} at the end, and the secret has {current}: {last:?}"));
        }
        if !matches!(last, Some(Ended::Failed(_) | Ended::Stopped(_))) {
            return Err(format!("{place} has {id} at the end, and nobody hears of it: {last:?}"));
        }
    }
    Ok(())
}

/// The key that the secret has, where one can be taken over that lives.
fn current(universe: &Universe) -> Option<String> {
    let vault = universe.vault.borrow();
    let (id, _) = vault.secrets.first().filter(|secret| !secret.is_deleted)?.held()?;
    universe.iam.borrow().keys.iter().any(|key| key.pair.id.as_str() == id && key.is_active()).then_some(id)
}

fn is_key(universe: &Universe, id: &str) -> bool {
    universe.iam.borrow().keys.iter().any(|key| key.pair.id.as_str() == id)
}

/// Each key that this machine has, and where.
fn held(universe: &Universe) -> Vec<(String, String)> {
    let (disk, ring) = (universe.disk.borrow(), universe.keyring.borrow());
    let of_file = |path: &String| {
        let text = disk.content(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        pairs(&text).into_iter().map(|(id, _)| (path.clone(), id)).collect::<Vec<_>>()
    };
    let people = universe.people.borrow();
    let in_files = people.files.iter().flat_map(|file| of_file(&file.path));
    let of_item = |name: &String| ring.held(name).map(|(id, _)| (format!("keychain item {name}"), id));
    in_files.chain(ring.items.iter().filter_map(|item| of_item(&item.name))).collect()
}

/// The key cannot read the secret, and nobody else may; or a place here is not as it could be written, which a person did.
fn is_hindered(universe: &Universe, id: &str) -> bool {
    let can_read = matches!(universe.role(), Role::Pulls { operated: true, .. })
        || universe.iam.borrow().keys.iter().any(|key| key.pair.id.as_str() == id && key.is_active());
    let ring = universe.keyring.borrow();
    let is_broken = ring.items.iter().any(|item| item.edited_at > 0 && ring.held(&item.name).is_none());
    !can_read || is_broken || universe.people.borrow().files.iter().any(|file| file.excused)
}
