//! `keyrotate keys list`: every long-term key and the places that have it.
//!
//! Invariant: it reads files only, what earlier runs saw among them. The keychain is known by its index; a secret by the settings, which do not say what it has.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::commands::known::Observations;
use crate::commands::session::root_warning;
use crate::model::{AccessKeyId, KeyKind, ProfileName};
use crate::os::keychain::ItemName;
use crate::profile::settings::Target;
use crate::profile::{AwsFiles, FileKind};

/// What is known.
#[derive(Clone, Debug, PartialEq)]
pub struct KeysOutcome {
    /// The keys that have a place here, by ID.
    pub keys: Vec<ListedKey>,
    /// Other users' keys that the settings name, by the names of their tables.
    pub managed: Vec<ManagedKey>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A key and its places.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedKey {
    /// Its ID.
    pub id: AccessKeyId,
    /// The profiles that lead to it, those of roles among them.
    pub profiles: Vec<ProfileName>,
    /// Where it is.
    pub seats: Vec<Seat>,
    /// Whether it is the root user's, where an earlier run saw whose it is.
    pub is_root: Option<bool>,
}

/// A key of another user.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedKey {
    /// The name of its table.
    pub name: String,
    /// The IAM user.
    pub user_name: String,
    /// Where it is.
    pub seats: Vec<Seat>,
}

/// One place of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Seat {
    /// A section of an AWS file.
    Section {
        /// The file.
        path: PathBuf,
        /// The section, as its header shows it.
        section: String,
        /// The line of the ID.
        line: usize,
    },
    /// A keychain item.
    Item {
        /// Its name.
        item: ItemName,
        /// It was made. Else a command that was making it was interrupted, and it may be there or not.
        is_made: bool,
    },
    /// A secret that the settings name.
    Secret {
        /// Its name or ARN.
        secret_id: String,
        /// Its region, where the settings name one.
        region: Option<String>,
    },
}

/// Runs the command.
pub fn list(context: &Context) -> Result<KeysOutcome, Failure> {
    let files = context.files()?;
    let own = files.own_keys(&context.environment);
    let memory = Observations::of_context(context);
    let mut seats = BTreeMap::<AccessKeyId, Vec<Seat>>::new();
    let mut notes = Vec::new();
    in_files(files, &mut seats, &mut notes);
    for (item, known) in files.keychain().items() {
        let seat = Seat::Item { item: item.clone(), is_made: known.is_made };
        seats.entry(known.access_key_id.clone()).or_default().push(seat);
    }
    let keys: Vec<ListedKey> = seats
        .into_iter()
        .map(|(id, mut seats)| {
            let profiles = own.profiles_with(&id);
            seats.extend(profiles.iter().flat_map(|name| secrets(context.settings.for_profile(name).targets)));
            ListedKey { is_root: memory.of(&id).map(|seen| seen.identity.is_root()), id, profiles, seats }
        })
        .collect();
    let warning = |key: &ListedKey| Some(root_warning(&key.id, key.profiles.first()?));
    notes.extend(keys.iter().filter(|key| key.is_root == Some(true)).filter_map(warning));
    let managed = context.settings.keys().iter().map(|(name, key)| ManagedKey {
        name: name.clone(),
        user_name: key.user.clone(),
        seats: secrets(key.targets.clone()).collect(),
    });
    Ok(KeysOutcome { keys, managed: managed.collect(), notes })
}

/// The sections of both files, whether a profile leads to them or not.
fn in_files(files: &AwsFiles, seats: &mut BTreeMap<AccessKeyId, Vec<Seat>>, notes: &mut Vec<String>) {
    let documents = [(FileKind::Credentials, files.credentials()), (FileKind::Config, files.config())];
    let named = documents.iter().filter_map(|(kind, document)| Some((*kind, (*document)?)));
    let mut ids: Vec<AccessKeyId> = named.clone().flat_map(|(_, document)| document.access_key_ids()).filter_map(long_term).collect();
    ids.sort();
    ids.dedup();
    for id in ids {
        let mut first: Option<(crate::model::SecretAccessKey, String)> = None;
        for (kind, document) in named.clone() {
            for held in document.holds(&id) {
                let path = files.path(kind).to_owned();
                let place = format!("{} line {}: [{}]", path.display(), held.line, held.section);
                match (held.secret, &first) {
                    (None, _) => notes.push(format!("{place} has {id} without a secret access key")),
                    (Some(secret), Some((known, at))) if secret != *known => {
                        notes.push(format!("{place} has {id} with another secret access key than {at}"));
                    }
                    (Some(_), Some(_)) => {}
                    (Some(secret), None) => first = Some((secret, place)),
                }
                seats.entry(id.clone()).or_default().push(Seat::Section { path, section: held.section, line: held.line });
            }
        }
    }
}

fn long_term((_, _, id): (&str, usize, String)) -> Option<AccessKeyId> {
    AccessKeyId::parse(&id).ok().filter(|id| id.kind() == KeyKind::LongTerm)
}

fn secrets(targets: Vec<Target>) -> impl Iterator<Item = Seat> {
    targets.into_iter().filter_map(|target| match target {
        Target::SecretsManager { secret_id, region, .. } => Some(Seat::Secret { secret_id, region }),
        Target::Command { .. } => None,
    })
}
