//! The secrets that the settings name as targets, and the pair that each has.

use crate::aws::{Aws, AwsError, SecretBody, SecretId, Signer, VersionOf, region_of_arn};
use crate::commands::failure::{Failure, FailureKind};
use crate::holder::{CURRENT, HolderError, SecretProblem, read_pair};
use crate::model::AccessKeyPair;
use crate::profile::settings::Target;
use crate::rotation::SecretTarget;

/// The secrets among the targets of a table of the settings; what names no region is in this one.
pub(in crate::commands) fn secrets(targets: Vec<Target>, table: &str, region: Option<&String>) -> Result<Vec<SecretTarget>, Failure> {
    let secret = |target| match target {
        Target::SecretsManager { secret_id: id, region: named, fields } => {
            let region = named.or_else(|| region.cloned().filter(|_| region_of_arn(&id).is_none()));
            Ok(SecretTarget { id, region, fields })
        }
        Target::Command { .. } => {
            let message = format!("config.toml gives {table} a target of type `command`, which this keyrotate cannot write yet");
            Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint("take that target out of config.toml"))
        }
    };
    targets.into_iter().map(secret).collect()
}

/// The pair that the first of the secrets has which is there. That the others have the same is seen to where all of them are looked at.
pub(in crate::commands) fn first_held(aws: &Aws, operator: &Signer, targets: &[SecretTarget]) -> Result<AccessKeyPair, HolderError> {
    let mut first = None;
    for target in targets {
        match held(target, read(aws, operator, target)) {
            Err(HolderError::Aws { place, source }) if source.is_no_such_secret() => {
                first.get_or_insert(HolderError::Aws { place, source });
            }
            found => return found,
        }
    }
    Err(first.unwrap_or_else(|| HolderError::Changed { place: String::new() }))
}

/// What a secret has now.
pub(super) fn read(aws: &Aws, signer: &Signer, target: &SecretTarget) -> Result<SecretBody, AwsError> {
    let facts = aws.describe_secret(signer, SecretId { id: &target.id, region: target.region.as_deref() })?;
    Ok(aws.get_secret_value(signer, &facts.arn, VersionOf::Stage(CURRENT))?.body)
}

/// The pair in what was read.
pub(super) fn held(target: &SecretTarget, body: Result<SecretBody, AwsError>) -> Result<AccessKeyPair, HolderError> {
    let place = format!("secret {}", target.id);
    let body = body.map_err(|source| HolderError::Aws { place: place.clone(), source })?;
    read_pair(body.bytes(), target.fields.as_ref()).map_err(|error| HolderError::Secret { place, problem: SecretProblem::Shape(error) })
}
