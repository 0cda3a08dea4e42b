//! The secrets that the settings name: each has to hold the pair, and to take another.

use super::{Begun, MissingSecret, Preflight, Refused, SecretTarget, entry};
use crate::aws::{AwsError, ErrorKind, SecretId, account_of_arn, region_of_arn};
use crate::holder::{CURRENT, HolderError, Place, Sight, SignedBy};
use crate::model::{AccessKeyPair, Identity, SecretFields};
use crate::rotation::record::{HolderEntry, Record};
use crate::rotation::step::StopKind;

/// The secrets, tried out, and those that are not there and are to be made. Each is there once, however many profiles name it.
pub(super) fn look(
    preflight: &Preflight<'_>,
    identity: &Identity,
    old: &AccessKeyPair,
    new: Option<&AccessKeyPair>,
) -> Result<(Vec<HolderEntry>, Vec<MissingSecret>), Refused> {
    let (mut entries, mut missing): (Vec<HolderEntry>, Vec<MissingSecret>) = Default::default();
    let over: Vec<&str> = preflight.history.iter().map(|line| line.rotation.as_str()).collect();
    for target in &preflight.targets {
        preflight.console.progress(&format!("looking at secret {}", target.id));
        let region = region(target, preflight.aws.region())?;
        let named = SecretId { id: &target.id, region: Some(region) };
        let refused = |error: HolderError| unusable(preflight, &error, &target.id, identity);
        let (place, left) = match Place::secret_after(preflight.reach.secrets, old, named, target.fields.as_ref(), &over) {
            Ok(found) => found,
            Err(error) if preflight.may.create_secret && can_be_made(&error, &target.id) => {
                let secret = MissingSecret { name: target.id.clone(), region: region.to_owned(), fields: target.fields.clone() };
                if !missing.contains(&secret) {
                    missing.push(secret);
                }
                continue;
            }
            Err(error) => return Err(refused(error)),
        };
        if entries.iter().any(|entry| entry.place == place) {
            continue;
        }
        let holder = place.open(preflight.reach, SignedBy { first: old, then: None });
        match holder.look(old, new, &[CURRENT.to_owned()], None) {
            Sight::Seen { foreign, .. } => {
                if let Some(strange) = foreign.first() {
                    let hint = format!("put the pair of {} there, or take the target out of config.toml", old.id);
                    return Err(Refused::new(StopKind::Failed, strange.told(&place), hint));
                }
            }
            Sight::Away => return Err(Refused::new(StopKind::Failed, format!("{place} is not there any more"), HINT)),
            Sight::Torn => return Err(Refused::new(StopKind::Failed, format!("{place} is written in part"), HINT)),
            Sight::Unreadable { why, .. } => return Err(Refused::new(StopKind::Failed, format!("{place}: {why}"), HINT)),
        }
        if !preflight.dry_run {
            if let Some(tag) = left {
                holder.sweep(&tag, None, &[]);
                Place::secret(preflight.reach.secrets, old, named, target.fields.as_ref()).map_err(refused)?;
            }
            holder.check_writable(old).map_err(refused)?;
        }
        drop(holder);
        entries.push(entry(place, vec![CURRENT.to_owned()]));
    }
    Ok((entries, missing))
}

impl Begun {
    /// The record as it is once the missing secrets are made, for who only looks. What AWS and the making choose is made up, to be called
    /// by its name and never opened.
    pub fn foreseen(&self) -> Record {
        let Identity { account, arn, .. } = &self.record.identity;
        let holder = |MissingSecret { name, region, fields }: &MissingSecret| {
            let arn = format!("arn:{}:secretsmanager:{region}:{account}:secret:{name}-??????", arn.partition());
            let fields = fields.clone().unwrap_or_else(|| SecretFields { id: String::new(), secret: String::new() });
            entry(Place::Secret { arn, fields }, vec![CURRENT.to_owned()])
        };
        let mut record = self.record.clone();
        record.holders.extend(self.missing.iter().map(holder));
        record
    }
}

const HINT: &str = "put that right, or take the target out of config.toml, and run this again";

/// Where the secret is.
fn region<'a>(target: &'a SecretTarget, otherwise: &'a str) -> Result<&'a str, Refused> {
    match (region_of_arn(&target.id), target.region.as_deref()) {
        (Some(own), Some(named)) if own != named => {
            let message = format!("config.toml has region = \"{named}\" for {}, which is in {own}", target.id);
            Err(Refused::new(StopKind::Failed, message, "take the region out: the ARN has it"))
        }
        (Some(region), _) | (None, Some(region)) => Ok(region),
        (None, None) => Ok(otherwise),
    }
}

/// Whether it is not there, and named so that it can be made: the end of an ARN is AWS's.
fn can_be_made(error: &HolderError, id: &str) -> bool {
    aws_error(error).is_some_and(AwsError::is_no_such_secret) && region_of_arn(id).is_none()
}

fn aws_error(error: &HolderError) -> Option<&AwsError> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref::<AwsError>())
}

fn unusable(preflight: &Preflight<'_>, error: &HolderError, id: &str, identity: &Identity) -> Refused {
    let source = aws_error(error);
    let is_explicit = source.is_some_and(|source| source.kind == ErrorKind::Denied { explicit: true });
    let other = account_of_arn(id).filter(|account| *account != identity.account);
    let hint = match other {
        Some(account) => format!(
            "it is in account {account} and the key in account {}: its resource policy, and that of its KMS key, have to allow {}; or {HINT}",
            identity.account,
            identity.arn.as_str()
        ),
        None if can_be_made(error, id) => {
            let name = preflight.managed.as_ref().map_or(&preflight.profile, |managed| &managed.name).quoted();
            format!("make it with `keyrotate rotate {name} --create-secret`, which puts the key there first; or {HINT}")
        }
        None => HINT.to_owned(),
    };
    Refused {
        kind: if is_explicit { StopKind::MfaNeeded } else { StopKind::Failed },
        message: error.to_string(),
        causes: source.map(ToString::to_string).into_iter().collect(),
        hint,
    }
}
