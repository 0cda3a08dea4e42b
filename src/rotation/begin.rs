//! Everything that is looked at before the first write, and the record that comes of it.
//!
//! Invariant: nothing is changed here but what a person allowed to be deleted; a holder that could not be written stops the run now.

use chrono::{DateTime, Utc};

use super::history::HistoryLine;
use super::observation::{Listing, Observation};
use super::record::{HolderEntry, Record, State, Which};
use super::second_key::{Decision, Permissions, SecondKey, second_key};
use super::step::StopKind;
use crate::aws::{Aws, AwsError, ErrorKind, Signer};
use crate::holder::{Place, Sight};
use crate::model::{AccessKey, AccessKeyId, AccessKeyPair, Grace, Identity, KeyKind, LastUsed, ProfileName, Timing};
use crate::os::clock;
use crate::os::disk::Disk;
use crate::os::terminal::{Answer, Console, Question};

/// What a rotation begins with.
pub struct Preflight<'a> {
    /// AWS.
    pub aws: &'a Aws,
    /// The files.
    pub disk: &'a dyn Disk,
    /// The person.
    pub console: &'a Console,
    /// The profile that was named.
    pub profile: ProfileName,
    /// The pair to replace.
    pub pair: AccessKeyPair,
    /// Every place that could have it.
    pub places: Vec<Place>,
    /// Other access key IDs that profiles here have, with the profile.
    pub others: Vec<(AccessKeyId, String)>,
    /// Rotations that are over.
    pub history: &'a [HistoryLine],
    /// How long the old key stays inactive.
    pub grace: Grace,
    /// What the run may do about a second key.
    pub may: Permissions,
    /// The waits.
    pub timing: Timing,
    /// The machine, as the journal names it.
    pub machine: String,
    /// Look only: delete no second key, try no write.
    pub dry_run: bool,
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
    /// What a person should know.
    pub notes: Vec<String>,
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

/// Looks at the key, its user, its second key and its holders.
pub fn begin(preflight: &Preflight<'_>) -> Result<Begun, Refused> {
    let signer = Signer::LongTerm(preflight.pair.clone());
    let holders = holders(preflight)?;
    preflight.console.progress("asking AWS whose key this is");
    let (identity, user_name) = user(preflight, &signer)?;
    let aws = preflight.aws;
    let mut keys = aws.list_access_keys(&signer, &user_name).map_err(|error| refused(preflight, &error))?;
    let own = keys.iter().find(|key| key.id == preflight.pair.id).cloned();
    let Some(own) = own else {
        let message = format!("AWS does not list {} among the keys of {user_name}", preflight.pair.id);
        return Err(Refused::new(StopKind::Failed, message, "run this again in a few minutes; if it stays so, ask an administrator"));
    };
    let mut notes = Vec::new();
    let last_use = aws.get_access_key_last_used(&signer, &own.id).unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
    match aws.list_attached_policies(&signer, &user_name) {
        Ok(policies) => quarantine(&policies)?,
        // Many users may not ask; it is worth a line only to who looks before leaping.
        Err(error) if !preflight.dry_run => drop(error),
        Err(error) => notes.push(format!("whether AWS has quarantined the key is unknown: {error}")),
    }
    let now = server_now(aws, own.created_at);
    for other in keys.clone().iter().filter(|key| key.id != own.id) {
        if let Some(note) = make_room(preflight, &signer, &user_name, other, now)? {
            notes.push(note);
            keys.retain(|key| key.id != other.id || preflight.dry_run);
        }
    }
    let record = Record {
        id: rotation_id(),
        machine: preflight.machine.clone(),
        host: crate::os::machine::host_name(),
        started_at: now,
        identity,
        user_name,
        profile: preflight.profile.clone(),
        old: preflight.pair.clone(),
        old_created_at: own.created_at,
        keys_before: keys.iter().map(|key| key.id.clone()).collect(),
        new: None,
        holders,
        grace: preflight.grace,
        state: State::Intent { signed_at: now, throttled: 0 },
    };
    let clock = clock::boot_time();
    let listing = Listing { keys, signer: Which::Old, clock, at: now };
    let seen = Observation { now: Some(now), clock, entered: clock, listing: Some(listing), ..Observation::default() };
    Ok(Begun { record, seen, last_use, notes })
}

fn server_now(aws: &Aws, at_least: DateTime<Utc>) -> DateTime<Utc> {
    aws.server_time().map_or(at_least, |time| time.at(clock::boot_time()))
}

/// The places that have the pair, tried out.
fn holders(preflight: &Preflight<'_>) -> Result<Vec<HolderEntry>, Refused> {
    let mut entries = Vec::new();
    for place in &preflight.places {
        let holder = place.open(preflight.disk);
        let sections = match holder.look(&preflight.pair, None, &[], None) {
            Sight::Seen { old, foreign, .. } => match foreign.first() {
                None => old,
                Some(strange) => {
                    let message = format!("{} line {}: [{}] has {}", holder.describe(), strange.line, strange.section, strange.what);
                    return Err(Refused::new(StopKind::Failed, message, "put the right pair there, or take it out"));
                }
            },
            Sight::Away => Vec::new(),
            Sight::Torn => return Err(Refused::new(StopKind::Failed, format!("{} is written in part", holder.describe()), "restore it")),
            Sight::Unreadable(why) => {
                return Err(Refused::new(StopKind::Failed, format!("{}: {why}", holder.describe()), "put that right"));
            }
        };
        if !sections.is_empty() && !preflight.dry_run {
            holder.check_writable(&preflight.pair).map_err(|error| Refused {
                kind: StopKind::Failed,
                message: error.to_string(),
                causes: std::error::Error::source(&error).map(ToString::to_string).into_iter().collect(),
                hint: "put that right and run this again; nothing was changed".to_owned(),
            })?;
        }
        entries.push(HolderEntry {
            place: place.clone(),
            sections,
            stagings: 0,
            staged: None,
            staged_to: Which::New,
            displaced: Vec::new(),
            left_out: false,
        });
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
    let identity = preflight.aws.get_caller_identity(signer).map_err(|error| refused(preflight, &error))?;
    if identity.is_root() {
        let message =
            format!("{id} is a key of the root user of account {}: it can do everything, and no policy can stop it", identity.account);
        return Err(Refused::new(
            StopKind::Attention,
            message,
            "delete it in the AWS console after giving an IAM user or role what it was for",
        ));
    }
    match identity.user_name() {
        Some(user_name) => Ok((identity.clone(), user_name.to_owned())),
        None => {
            Err(Refused::new(StopKind::Failed, format!("{} is not an IAM user", identity.arn), "name a profile with an IAM user's key"))
        }
    }
}

/// Makes room for the new key, if a second one takes it. Returns what was done.
fn make_room(
    preflight: &Preflight<'_>,
    signer: &Signer,
    user: &str,
    other: &AccessKey,
    now: DateTime<Utc>,
) -> Result<Option<String>, Refused> {
    let aws = preflight.aws;
    let last_use = aws.get_access_key_last_used(signer, &other.id).unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
    let held_by: Vec<String> = preflight.others.iter().filter(|(id, _)| *id == other.id).map(|(_, place)| place.clone()).collect();
    let second = SecondKey { key: other, last_use: &last_use, held_by: &held_by, history: preflight.history, now };
    let why = match second_key(&second, &preflight.may, &preflight.timing) {
        Decision::Delete(why) => why,
        Decision::Ask(question) if preflight.dry_run => return Ok(Some(question)),
        Decision::Ask(text) => {
            let choices = vec![('y', "delete it".to_owned()), ('n', "leave it alone".to_owned())];
            match preflight.console.ask(&Question { text, choices, default: Some('n') }) {
                Answer::Choice('y') => "you said so",
                Answer::Choice(_) | Answer::None => {
                    let hint = format!("when you are sure, run this again with --delete-key {}", other.id);
                    return Err(Refused::new(
                        StopKind::Attention,
                        format!("{} stays, so that there is no place for a new key", other.id),
                        hint,
                    ));
                }
            }
        }
        Decision::Refuse { message, hint } => return Err(Refused::new(StopKind::Attention, message, hint)),
    };
    if preflight.dry_run {
        return Ok(Some(format!("would delete {}: {why}", other.id)));
    }
    aws.delete_access_key(signer, user, &other.id).map_err(|error| refused(preflight, &error))?;
    Ok(Some(format!("deleted {}: {why}", other.id)))
}

/// AWS attaches one of these policies to the user of a key that it found in public.
fn quarantine(policies: &[String]) -> Result<(), Refused> {
    match policies.iter().find(|name| name.starts_with("AWSCompromisedKeyQuarantine")) {
        None => Ok(()),
        Some(name) => Err(Refused::new(
            StopKind::Failed,
            format!("AWS found a key of this user in public and attached {name}, which denies what a rotation needs"),
            "make a new key in the AWS console, delete the exposed one, look for what was done with it, then detach the policy",
        )),
    }
}

fn refused(preflight: &Preflight<'_>, error: &AwsError) -> Refused {
    explain(&preflight.pair.id, error)
}

/// What a refusal of AWS means for a person who has this key in use, and what to do.
pub fn explain(id: &AccessKeyId, error: &AwsError) -> Refused {
    let (kind, message, hint) = match error.kind {
        ErrorKind::Denied { explicit: true } => (
            StopKind::MfaNeeded,
            format!("{} is denied, as by a policy that wants MFA", error.operation),
            "open an MFA session, or have the policy allow it",
        ),
        ErrorKind::Denied { explicit: false } => {
            (StopKind::Failed, format!("{} is not allowed", error.operation), "have an administrator allow it; it may also need MFA")
        }
        ErrorKind::NotYetValid => (
            StopKind::Failed,
            format!("AWS does not accept {id}: it is inactive or deleted"),
            "have an administrator activate it or make a new one, and put that in the profile",
        ),
        ErrorKind::BadSignature => {
            (StopKind::Failed, format!("the secret access key of {id} is not the right one"), "put the right pair in the profile")
        }
        ErrorKind::ClockSkew => (StopKind::Failed, "this machine's clock is wrong".to_owned(), "set the clock, then run this again"),
        ErrorKind::Unreachable(_) => (StopKind::Failed, "AWS cannot be reached".to_owned(), "check the network, then run this again"),
        ErrorKind::Throttled
        | ErrorKind::Gone
        | ErrorKind::LimitExceeded
        | ErrorKind::Conflict
        | ErrorKind::Expired
        | ErrorKind::Server
        | ErrorKind::Garbled
        | ErrorKind::Other => (StopKind::Failed, format!("{} did not go through", error.operation), "run this again in a few minutes"),
    };
    Refused { kind, message, causes: vec![error.to_string()], hint: hint.to_owned() }
}

/// A name that no other rotation has: 64 random bits, in hex.
fn rotation_id() -> String {
    let mut bytes = [0_u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = clock::local_now().timestamp_micros().to_be_bytes();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
