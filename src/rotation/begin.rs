//! Everything that is looked at before the first write, and the record that comes of it.
//!
//! Invariant: nothing is changed here; a holder that could not be written stops the run now.

mod explain;
mod managed;
mod pull;
mod room;
mod targets;

use chrono::{DateTime, Utc};

use super::authority::Authority;
use super::history::HistoryLine;
use super::observation::{Listing, Observation};
use super::record::{HolderEntry, NewKey, Record, State, Which};
use super::second_key::Permissions;
use super::step::StopKind;
use crate::aws::{Aws, Signer};
use crate::holder::{Place, Reach, Sight, SignedBy};
use crate::model::{
    AccessKey, AccessKeyId, AccessKeyPair, Age, AgeLevel, Grace, Identity, KeyKind, KeyOwner, LastUsed, Limits, ProfileName, SecretFields,
    Timing,
};
use crate::os::clock;
use crate::os::machine;
use crate::os::terminal::Console;
use crate::profile::OwnPair;

pub use explain::explain;
pub use pull::{Pull, begin_pull};

/// What a rotation begins with.
pub struct Preflight<'a> {
    /// AWS.
    pub aws: &'a Aws,
    /// Who signs the calls to IAM.
    pub authority: &'a Authority<'a>,
    /// What the holders are reached through.
    pub reach: Reach<'a>,
    /// The person.
    pub console: &'a Console,
    /// The profile that was named; for another user's key the one whose credentials manage it.
    pub profile: ProfileName,
    /// Where the key is another user's: whose.
    pub managed: Option<Managed>,
    /// The pair to replace.
    pub pair: AccessKeyPair,
    /// The account whose root user's key a person wants rotated, in so many words.
    pub root_key: Option<String>,
    /// Whose it is, where this run has asked AWS just now.
    pub identity: Option<Identity>,
    /// Every place that could have a key.
    pub places: &'a dyn Fn(&AccessKeyId) -> Vec<Place>,
    /// The secrets that the settings say have it.
    pub targets: Vec<SecretTarget>,
    /// Every key that something here has.
    pub known: Vec<KnownKey>,
    /// Rotations that are over.
    pub history: &'a [HistoryLine],
    /// How long the old key stays inactive; where it drains, active.
    pub grace: Grace,
    /// Other machines pull the new pair from a secret.
    pub drains: bool,
    /// Only a key that is due by these limits is rotated.
    pub only_due: Option<Limits>,
    /// What the run may do about a second key.
    pub may: Permissions,
    /// The waits.
    pub timing: Timing,
    /// The machine, as the journal names it.
    pub machine: String,
    /// Look only: delete no second key, try no write.
    pub dry_run: bool,
}

/// A key of another user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// The name of its `[key.NAME]` in the settings.
    pub name: ProfileName,
    /// The IAM user's name there.
    pub user: String,
}

/// A secret that the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretTarget {
    /// Name or ARN.
    pub id: String,
    /// The region; `None` is the ARN's, else that of the way to AWS.
    pub region: Option<String>,
    /// Where in its JSON the pair is, where the settings say so.
    pub fields: Option<SecretFields>,
}

/// A secret that the settings name, and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSecret {
    /// Its name.
    pub name: String,
    /// Where it is to be.
    pub region: String,
    /// Where in its JSON the pair is to be, where the settings say so.
    pub fields: Option<SecretFields>,
}

/// A key that something here has.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// The key.
    pub id: AccessKeyId,
    /// What has it, as a person calls it.
    pub place: String,
    /// The pair, or where it is, where a profile leads to it.
    pub pair: Option<OwnPair>,
}

/// What came of looking.
#[derive(Debug)]
pub enum Beginning {
    /// The key is not due; only due ones were asked for.
    NotDue(Age),
    /// The rotation can begin.
    Ready(Box<Begun>),
}

/// A rotation that can begin.
#[derive(Debug)]
pub struct Begun {
    /// What is journalled next.
    pub record: Record,
    /// What was seen.
    pub seen: Observation,
    /// When the key was used last.
    pub last_use: LastUsed,
    /// A second key that is to be deleted before a new one is made, and why.
    pub delete_first: Option<(AccessKeyId, &'static str)>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Secrets that are to be made with the old pair first. Before [`look_again`] they are no holders.
    pub missing: Vec<MissingSecret>,
}

/// The rotation does not begin; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it means for who started the run.
    pub kind: StopKind,
    /// Why.
    pub message: String,
    /// Causes, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub hint: String,
}

impl Refused {
    fn new(kind: StopKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: hint.into() }
    }
}

/// The root user in the place of a name; no IAM user can have one with a space.
const ROOT: &str = "the root user";

/// Looks at the key, its user, its second key and its holders.
pub fn begin(preflight: &Preflight<'_>) -> Result<Beginning, Refused> {
    let signer = Signer::LongTerm(preflight.pair.clone());
    let mut entries = own_holders(preflight, &preflight.pair)?;
    preflight.console.progress("asking AWS whose key this is");
    let (identity, user_name) = user(preflight, &signer)?;
    if let Some(managed) = &preflight.managed {
        managed::check(preflight, managed, &identity, &user_name)?;
    }
    let (aws, authority) = (preflight.aws, preflight.authority);
    let owner = if identity.is_root() { KeyOwner::Root } else { KeyOwner::User(&user_name) };
    let keys = authority.call(&preflight.pair, |signer| aws.list_access_keys(signer, owner));
    let keys = keys.map_err(|error| preflight.explain(&error))?;
    let signer = authority.signer(&preflight.pair);
    // Now, not below: a question or a sleep in between makes it old.
    let listed_at = clock::boot_time();
    let own = keys.iter().find(|key| key.id == preflight.pair.id).cloned();
    let Some(own) = own else {
        let message = format!("AWS does not list {} among the keys of {user_name}", preflight.pair.id);
        return Err(Refused::new(StopKind::Failed, message, "run this again in a few minutes; if it stays so, ask an administrator"));
    };
    let age = Age::at(server_now(aws, own.created_at), own.created_at);
    if preflight.only_due.is_some_and(|limits| limits.level(age) == AgeLevel::Fresh) {
        return Ok(Beginning::NotDue(age));
    }
    let mut notes = Vec::new();
    let last_use = aws.get_access_key_last_used(&signer, &own.id).unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
    match owner.name().map_or_else(|| Ok(Vec::new()), |name| aws.list_attached_policies(&signer, &name)) {
        Ok(policies) => explain::quarantine(&policies)?,
        // Many users may not ask; it is worth a line only to who looks before leaping.
        Err(error) if !preflight.dry_run => drop(error),
        Err(error) => notes.push(format!("whether AWS has quarantined the key is unknown: {error}")),
    }
    if let LastUsed::Unknown(why) = &last_use
        && preflight.dry_run
    {
        notes.push(format!("when the key was used last is unknown: {why}"));
    }
    let now = server_now(aws, own.created_at);
    let room = room::look(preflight, &signer, &own, &keys, now)?;
    notes.extend(room.note);
    if let Some(named) = preflight.may.delete_key.as_ref().filter(|named| keys.iter().all(|key| key.id != **named)) {
        notes.push(format!("{user_name} has no key {named}, so that --delete-key deleted nothing of this user's"));
    }
    let Roles { old, old_created_at, new } = roles(preflight, &own, room.united);
    if old.id != preflight.pair.id {
        entries = own_holders(preflight, &old)?;
    }
    let (secrets, missing) = targets::look(preflight, &identity, &old, new.as_ref().map(|new| &new.pair))?;
    entries.extend(secrets);
    let record = Record {
        id: rotation_id(),
        machine: preflight.machine.clone(),
        host: machine::host_name(),
        started_at: now,
        identity,
        user_name,
        profile: preflight.profile.clone(),
        old,
        old_created_at,
        keys_before: keys.iter().map(|key| key.id.clone()).collect(),
        managed_as: preflight.managed.as_ref().map(|managed| managed.name.clone()),
        deleted_first: room.delete.as_ref().map(|(id, _)| id.clone()),
        adopted: new.is_some(),
        state: if new.is_some() { State::Created } else { State::Intent { signed_at: now, throttled: 0 } },
        new,
        holders: entries,
        grace: preflight.grace,
        pulled: false,
        drains: preflight.drains,
    };
    let clock = clock::boot_time();
    let listing = Listing { keys, signer: Which::Old, clock: listed_at, at: now };
    let session = authority.sight();
    let seen = Observation { now: Some(now), clock, entered: clock, listing: Some(listing), session, ..Observation::default() };
    Ok(Beginning::Ready(Box::new(Begun { record, seen, last_use, delete_first: room.delete, notes, missing })))
}

/// Takes the secrets that were made into the rotation.
pub fn look_again(preflight: &Preflight<'_>, begun: &mut Begun) -> Result<(), Refused> {
    let Record { identity, old, new, .. } = &begun.record;
    let (secrets, missing) = targets::look(preflight, identity, old, new.as_ref().map(|new| &new.pair))?;
    if let Some(missing) = missing.first() {
        let message = format!("AWS made secret {}, and does not show it yet", missing.name);
        return Err(Refused::new(StopKind::Failed, message, "run this again in a minute"));
    }
    begun.record.holders.retain(|entry| !matches!(entry.place, Place::Secret { .. }));
    begun.record.holders.extend(secrets);
    begun.missing.clear();
    Ok(())
}

/// Which pair is replaced, and by which that is there already.
struct Roles {
    old: AccessKeyPair,
    old_created_at: DateTime<Utc>,
    new: Option<NewKey>,
}

/// Of two keys in use here the younger one stays.
fn roles(preflight: &Preflight<'_>, own: &AccessKey, united: Option<(AccessKeyPair, DateTime<Utc>)>) -> Roles {
    let mine = NewKey { pair: preflight.pair.clone(), created_at: own.created_at };
    match united.map(|(pair, created_at)| NewKey { pair, created_at }) {
        None => Roles { old: mine.pair, old_created_at: mine.created_at, new: None },
        Some(other) if other.created_at < mine.created_at => Roles { old: other.pair, old_created_at: other.created_at, new: Some(mine) },
        Some(other) => Roles { old: mine.pair, old_created_at: mine.created_at, new: Some(other) },
    }
}

/// AWS's time. Where no answer tells it, this machine's: AWS took our signature, so they differ by less than 15 minutes.
fn server_now(aws: &Aws, at_least: DateTime<Utc>) -> DateTime<Utc> {
    aws.server_time().map_or_else(|| clock::local_now().max(at_least), |time| time.at(clock::boot_time()))
}

fn entry(place: Place, sections: Vec<String>) -> HolderEntry {
    HolderEntry { place, sections, stagings: 0, staged: None, staged_to: Which::New, displaced: Vec::new(), left_out: false }
}

/// The places here that have the pair. A key of another user need not be in any.
fn own_holders(preflight: &Preflight<'_>, pair: &AccessKeyPair) -> Result<Vec<HolderEntry>, Refused> {
    holders(preflight.reach, &(preflight.places)(&pair.id), pair, preflight.dry_run, preflight.managed.is_none())
}

/// The places that have the pair, tried out unless this is a `dry_run`; at least one where it `is_own`.
fn holders(reach: Reach<'_>, places: &[Place], pair: &AccessKeyPair, dry_run: bool, is_own: bool) -> Result<Vec<HolderEntry>, Refused> {
    let mut entries = Vec::new();
    for place in places {
        let holder = place.open(reach, SignedBy { first: pair, then: None });
        let sections = match holder.look(pair, None, &[], None) {
            Sight::Seen { old, foreign, .. } => match foreign.first() {
                None => old,
                Some(strange) => {
                    return Err(Refused::new(StopKind::Failed, strange.told(place), "put the right pair there, or take it out"));
                }
            },
            Sight::Away if place.is_keychain() => {
                let hint = "unlock the keychain; if the item was removed, put it back, or make its profiles get the key elsewhere";
                return Err(Refused::new(StopKind::Failed, format!("{place} is not there, and had {}", pair.id), hint));
            }
            Sight::Away => Vec::new(),
            Sight::Torn => return Err(Refused::new(StopKind::Failed, format!("{} is written in part", place), "restore it")),
            Sight::Unreadable { why, .. } => {
                return Err(Refused::new(StopKind::Failed, format!("{}: {why}", place), "put that right"));
            }
        };
        if !sections.is_empty() && !dry_run {
            holder.check_writable(pair).map_err(|error| Refused {
                kind: StopKind::Failed,
                message: error.to_string(),
                causes: std::error::Error::source(&error).map(ToString::to_string).into_iter().collect(),
                hint: "put that right and run this again".to_owned(),
            })?;
        }
        entries.push(entry(place.clone(), sections));
    }
    if is_own && entries.iter().all(|entry| entry.sections.is_empty()) {
        let names: Vec<String> = places.iter().map(ToString::to_string).collect();
        let message = format!("{} is no longer in {}, where it was read just now", pair.id, names.join(" or "));
        let hint = "if another program changed the file, run this again; a pipe can be read once and written never: name a file";
        return Err(Refused::new(StopKind::Failed, message, hint));
    }
    Ok(entries)
}

/// Whose key it is: an IAM user's, or nothing that can be rotated here.
fn user(preflight: &Preflight<'_>, signer: &Signer) -> Result<(Identity, String), Refused> {
    let id = &preflight.pair.id;
    if id.kind() == KeyKind::Session {
        let message = format!("{id} is a session key, which ends by itself");
        return Err(Refused::new(StopKind::Failed, message, "name a profile with a long-term key"));
    }
    let identity = match &preflight.identity {
        Some(known) => known.clone(),
        None => preflight.aws.get_caller_identity(signer).map_err(|error| explain(id, &error))?,
    };
    let user_name = whose(&preflight.profile, id, &identity, preflight.root_key.as_deref())?;
    Ok((identity, user_name))
}

/// The name of the user who has this key, where it is one whose keys are rotated: the root user's only by the account's ID (`root_key`).
fn whose(profile: &ProfileName, id: &AccessKeyId, identity: &Identity, root_key: Option<&str>) -> Result<String, Refused> {
    let account = &identity.account;
    match (identity.is_root(), root_key) {
        (true, Some(named)) if named == account => Ok(ROOT.to_owned()),
        (_, Some(named)) => {
            let message = format!("--root-key is for the root user of account {named}, and {id} is a key of {}", identity.arn);
            Err(Refused::new(StopKind::Failed, message, "correct the account ID, or leave --root-key away"))
        }
        (true, None) => {
            let message = format!("{id} is a key of the root user of account {account}: it can do everything, and no policy can stop it");
            let rotate = format!("keyrotate rotate {} --root-key {account}", profile.quoted());
            let remove = profile.root_key_removal();
            let hint =
                format!("give an IAM user or role what it was for, then run `{remove}`; if there has to be one, `{rotate}` replaces it");
            Err(Refused::new(StopKind::Critical, message, hint))
        }
        (false, None) => {
            let refused =
                || Refused::new(StopKind::Failed, format!("{} is not an IAM user", identity.arn), "name a profile with an IAM user's key");
            identity.user_name().map(str::to_owned).ok_or_else(refused)
        }
    }
}

/// A name that no other rotation has: 64 random bits, in hex.
fn rotation_id() -> String {
    let mut bytes = [0_u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = clock::local_now().timestamp_micros().to_be_bytes();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
