//! A key that another machine rotated: is the pair in the secret this user's, and can the holders here take it?

use std::time::Duration;

use super::{Begun, Refused, explain, holders, rotation_id, server_now, whose};
use crate::aws::{Aws, Signer};
use crate::holder::{Place, Reach};
use crate::model::{AccessKeyPair, Grace, Identity, LastUsed, ProfileName};
use crate::os::{clock, machine};
use crate::rotation::observation::Observation;
use crate::rotation::record::{NewKey, Record, State};
use crate::rotation::step::StopKind;

/// What taking over begins with.
pub struct Pull<'a> {
    /// AWS.
    pub aws: &'a Aws,
    /// What the holders are reached through.
    pub reach: Reach<'a>,
    /// The profile that has the key here.
    pub profile: ProfileName,
    /// The pair that the holders here have.
    pub old: AccessKeyPair,
    /// The pair that the secret has.
    pub new: AccessKeyPair,
    /// Every place that could have the old pair.
    pub places: Vec<Place>,
    /// Whose the old key is, or was when AWS last said so.
    pub owner: Option<Identity>,
    /// Where that is not known: whether a person takes the pair of this user.
    pub is_taken: &'a dyn Fn(&Identity) -> bool,
    /// The secret, as a person calls it.
    pub secret: String,
    /// The machine, as the journal names it.
    pub machine: String,
    /// Look only.
    pub dry_run: bool,
}

/// Looks at the new pair and the holders; nothing is changed. A pair of another user is refused.
pub fn begin_pull(pull: &Pull<'_>) -> Result<Begun, Refused> {
    let (id, secret) = (&pull.new.id, &pull.secret);
    let signer = Signer::LongTerm(pull.new.clone());
    let identity = pull.aws.get_caller_identity(&signer).map_err(|error| match error.refuses_the_key() {
        true => Refused {
            kind: StopKind::Failed,
            message: format!("AWS does not accept {id}, which {secret} has"),
            causes: vec![error.to_string()],
            hint: "run this again in a few minutes; if it stays so, look at the machine that rotates the key".to_owned(),
        },
        false => explain(id, &error),
    })?;
    let user_name = whose(&pull.profile, id, &identity, None)?;
    let is_owner = pull.owner.as_ref().map_or_else(|| (pull.is_taken)(&identity), |owner| owner.same_principal(&identity));
    if !is_owner {
        let of_old = pull.owner.as_ref().map_or_else(|| "of a user who is not known here".to_owned(), |owner| format!("of {}", owner.arn));
        let message = format!("{secret} has {id} of {}, and {}, which is in use here, is {of_old}", identity.arn, pull.old.id);
        let hint =
            format!("correct the target in config.toml; or run `keyrotate rotate {}` at a terminal, which asks", pull.profile.quoted());
        return Err(Refused::new(StopKind::Attention, message, hint));
    }
    let entries = holders(pull.reach, &pull.places, &pull.old, pull.dry_run, true)?;
    let now = server_now(pull.aws, chrono::DateTime::UNIX_EPOCH);
    let record = Record {
        id: rotation_id(),
        machine: pull.machine.clone(),
        host: machine::host_name(),
        started_at: now,
        identity,
        user_name,
        profile: pull.profile.clone(),
        managed_as: None,
        old: pull.old.clone(),
        old_created_at: now,
        keys_before: Vec::new(),
        deleted_first: None,
        new: Some(NewKey { pair: pull.new.clone(), created_at: now }),
        holders: entries,
        adopted: true,
        grace: Grace::After(Duration::ZERO),
        pulled: true,
        drains: false,
        state: State::Created,
    };
    let clock = clock::boot_time();
    let seen = Observation { now: Some(now), clock, entered: clock, ..Observation::default() };
    let last_use = LastUsed::Unknown("not asked".to_owned());
    Ok(Begun { record, seen, last_use, delete_first: None, missing: Vec::new(), notes: Vec::new() })
}
