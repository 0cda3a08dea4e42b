//! A secret that the settings name and that is not there: made with the pair that is in use, where a person asked for it.
//!
//! Invariants: nothing is made unasked; the same key and name have the same token, so that a second try after a lost answer makes no second
//! version; what the answer does not tell is looked at.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Run;
use super::way::Way;
use crate::aws::{AwsError, ErrorKind, SecretBody, SecretId};
use crate::commands::failure::{Failure, FailureKind};
use crate::holder::new_value;
use crate::rotation::{Begun, MissingSecret, Preflight, Record, look_again};

/// The step, for who looks before.
pub(super) fn described(secret: &MissingSecret, record: &Record) -> String {
    format!("making secret {} in {} with {}", secret.name, secret.region, record.old.id)
}

impl Run<'_> {
    /// Makes what is missing and takes it into the rotation.
    pub(super) fn create_secrets(
        &self,
        preflight: &Preflight<'_>,
        way: Way<'_>,
        begun: &mut Begun,
        notes: &mut Vec<String>,
    ) -> Result<(), Failure> {
        if begun.missing.is_empty() {
            return Ok(());
        }
        for secret in &begun.missing {
            self.console.progress(&format!("making secret {}", secret.name));
            create(way, secret, &begun.record)?;
            notes.push(format!("made secret {} in {}", secret.name, secret.region));
        }
        self.console.progress_done();
        look_again(preflight, begun)
            .map_err(|refused| Failure::from(refused).state("the secret is made and has the key; nothing else was changed"))
    }
}

fn create(way: Way<'_>, secret: &MissingSecret, record: &Record) -> Result<(), Failure> {
    let (named, token) = (SecretId { id: &secret.name, region: Some(&secret.region) }, token(secret, record));
    let unusable = |error| {
        let failure = Failure::from_error(FailureKind::Usage, &error).state("nothing was changed");
        failure.hint("correct `id_field` and `secret_field` of that target in config.toml")
    };
    let value = new_value(&record.old, secret.fields.as_ref()).map_err(unusable)?;
    let text = String::from_utf8_lossy(&value).into_owned();
    let body = SecretBody::Text(Zeroizing::new(text));
    let Err(error) = way.authority.call(&record.old, |signer| way.aws.create_secret(signer, named, &token, &body)) else { return Ok(()) };
    let found = way.authority.call(&record.old, |signer| way.aws.describe_secret(signer, named));
    match found {
        // Its answer was lost.
        Ok(facts) if facts.deleted_at.is_none() && facts.versions.contains_key(&token) => Ok(()),
        Ok(_) | Err(_) => Err(refused(secret, &error, record)),
    }
}

fn refused(secret: &MissingSecret, error: &AwsError, record: &Record) -> Failure {
    let MissingSecret { name, region, .. } = secret;
    let hint = match error.kind {
        ErrorKind::Denied { .. } => "have an administrator allow secretsmanager:CreateSecret on it, or make it there yourself".to_owned(),
        ErrorKind::Kms => "have an administrator allow the KMS key, or make the secret yourself".to_owned(),
        ErrorKind::Conflict => format!("somebody made it meanwhile: put {} there, or run this again to see what it has", record.old.id),
        ErrorKind::PendingDeletion => {
            format!("run `aws secretsmanager restore-secret --secret-id {name} --region {region}`, or choose another name")
        }
        ErrorKind::NotYetValid
        | ErrorKind::BadSignature
        | ErrorKind::ClockSkew
        | ErrorKind::Throttled
        | ErrorKind::Gone
        | ErrorKind::LimitExceeded
        | ErrorKind::Expired
        | ErrorKind::Server
        | ErrorKind::Unreachable(_)
        | ErrorKind::Garbled
        | ErrorKind::Other => "run the same command again, which makes no second one".to_owned(),
    };
    let state = match error.is_definitive() {
        true => "no secret was made, and no key was created",
        false => "whether the secret was made is not known; no key was created",
    };
    let message = format!("secret {name} in {region} could not be made");
    Failure { causes: vec![error.to_string()], ..Failure::new(FailureKind::Failed, message) }.state(state).hint(hint)
}

/// The token of the request, and the ID of the first version.
fn token(secret: &MissingSecret, record: &Record) -> String {
    let told = [record.identity.account.as_str(), &secret.region, &secret.name, record.old.id.as_str()].join("\n");
    let digest: String = Sha256::digest(told.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("keyrotate-new-{digest}")
}
