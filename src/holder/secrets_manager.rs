//! Secrets in AWS Secrets Manager as holders.
//!
//! Invariants: the version that programs read is always a whole one, and each is made once and never changed. AWSCURRENT moves away from the
//! version that was edited, or not at all: who was faster is not written over. After an answer that is not clear, what counts is which version
//! has which label. Nothing of a value is kept outside of AWS: a change is known by the IDs of two versions.

#[cfg(test)]
mod fake;
mod json;
mod scan;
mod shape;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::{Displaced, Foreign, Holder, HolderError, Place, Sight, SignedBy, Staged};
use crate::aws::{AwsError, ErrorKind, SecretBody, SecretFacts, SecretId, Secrets, VersionOf, name_of_arn, region_of_arn};
use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey, SecretFields};

pub use json::{Held, find_fields, new_value, read_fields, read_pair, replace_pair};
pub use shape::ShapeError;

/// The label of the version that programs read.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of a version that is about to become that.
const PENDING: &str = "AWSPENDING";
/// The label of the version that is put to see whether one can be. None of AWS's: whoever rotates the secret does not see it.
const PROBE: &str = "keyrotate-probe";
/// How what a person calls a secret begins.
pub(super) const CALLED: &str = "secret ";
/// How the IDs of our versions begin.
const OURS: &str = "keyrotate-";

/// Why a secret cannot hold a key here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// It is about to be deleted.
    #[error("it is marked for deletion since {}: restore it (`aws secretsmanager restore-secret`)", at.format("%Y-%m-%d %H:%M UTC"))]
    MarkedForDeletion {
        /// When it was marked.
        at: DateTime<Utc>,
    },
    /// AWS gives it new values.
    #[error(
        "it is rotated by AWS (a Lambda function, or the service that owns it), and two that rotate it undo each other's work: turn that off"
    )]
    RotatedByAws,
    /// Another region has the original.
    #[error("it is a replica, which cannot be written: name the original in {primary}")]
    Replica {
        /// The original's region.
        primary: String,
    },
    /// A change of somebody else's is under way.
    #[error(
        "it has a version {version} with the label {PENDING}, which another rotation made: let it end, or take the label off (`aws secretsmanager update-secret-version-stage`)"
    )]
    ForeignPending {
        /// The version.
        version: String,
    },
    /// There is nothing in it.
    #[error("it has no value yet: put the key pair there first")]
    NoValue,
    /// What was put is not what is there.
    #[error("it has other bytes in version {version} than were put there")]
    NotWhatWasPut {
        /// The version.
        version: String,
    },
    /// Its content is not as it has to be.
    #[error(transparent)]
    Shape(ShapeError),
}

/// One secret.
pub(super) struct Secret<'a> {
    secrets: &'a dyn Secrets,
    by: SignedBy<'a>,
    arn: &'a str,
    fields: &'a SecretFields,
}

/// How a person calls the secret with this ARN.
pub(super) fn called(arn: &str) -> String {
    format!("{CALLED}{} in {}", name_of_arn(arn), region_of_arn(arn).unwrap_or("an unknown region"))
}

impl<'a> Secret<'a> {
    pub(super) fn new(secrets: &'a dyn Secrets, by: SignedBy<'a>, arn: &'a str, fields: &'a SecretFields) -> Self {
        Self { secrets, by, arn, fields }
    }

    /// Makes a call, and makes it again for the other pair where AWS does not take this one: nothing was changed then.
    fn call<T>(&self, call: impl Fn(&AccessKeyPair) -> Result<T, AwsError>) -> Result<T, AwsError> {
        match (call(self.by.first), self.by.then) {
            (Err(error), Some(then)) if error.refuses_the_key() => call(then),
            (answer, _) => answer,
        }
    }

    fn facts(&self) -> Result<SecretFacts, AwsError> {
        self.call(|by| self.secrets.describe(by, SecretId { id: self.arn, region: None }))
    }

    fn get(&self, version: VersionOf<'_>) -> Result<(String, SecretBody), AwsError> {
        self.call(|by| self.secrets.get(by, self.arn, version)).map(|found| (found.id, found.body))
    }

    fn put(&self, version: &str, body: &SecretBody, stage: &str) -> Result<(), AwsError> {
        self.call(|by| self.secrets.put(by, self.arn, version, body, stage))
    }

    fn shift(&self, stage: &str, to: Option<&str>, from: &str) -> Result<(), AwsError> {
        self.call(|by| self.secrets.move_stage(by, self.arn, stage, to, Some(from)))
    }

    fn aws(&self, source: AwsError) -> HolderError {
        HolderError::Aws { place: called(self.arn), source }
    }

    fn problem(&self, problem: SecretProblem) -> HolderError {
        HolderError::Secret { place: called(self.arn), problem }
    }

    fn changed(&self) -> HolderError {
        HolderError::Changed { place: called(self.arn) }
    }

    /// The content with the pair replaced.
    fn edit(&self, body: &SecretBody, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<SecretBody, HolderError> {
        let shape = |error| self.problem(SecretProblem::Shape(error));
        let edited = replace_pair(body.bytes(), self.fields, from, to).map_err(shape)?.ok_or_else(|| self.changed())?;
        match body {
            SecretBody::Binary(_) => Ok(SecretBody::Binary(edited)),
            // Two strings of JSON in the place of two others.
            SecretBody::Text(_) => match std::str::from_utf8(&edited) {
                Ok(text) => Ok(SecretBody::Text(text.to_owned().into())),
                Err(_) => Err(shape(ShapeError::NotText)),
            },
        }
    }

    /// Refuses a secret with a version of somebody else's that waits to become current.
    fn check_pending(&self, facts: &SecretFacts, ours: &str) -> Result<(), HolderError> {
        match pending(facts).filter(|version| !version.starts_with(ours)) {
            Some(version) => Err(self.problem(SecretProblem::ForeignPending { version: version.to_owned() })),
            None => Ok(()),
        }
    }

    fn check_alive(&self, facts: &SecretFacts) -> Result<(), HolderError> {
        facts.deleted_at.map_or(Ok(()), |at| Err(self.problem(SecretProblem::MarkedForDeletion { at })))
    }

    /// The version that has AWSCURRENT.
    fn current<'f>(&self, facts: &'f SecretFacts) -> Result<&'f str, HolderError> {
        at(facts, CURRENT).ok_or_else(|| self.problem(SecretProblem::NoValue))
    }

    /// Takes AWSPENDING off one of our versions, if it is there.
    fn settle(&self, facts: &SecretFacts, version: &str) -> Result<(), HolderError> {
        if at(facts, PENDING) == Some(version) { self.take_off(PENDING, version) } else { Ok(()) }
    }

    /// Takes a label off one of our versions, which has it as far as is known.
    fn take_off(&self, stage: &str, version: &str) -> Result<(), HolderError> {
        self.shift(stage, None, version).or_else(|error| {
            let is_off = self.facts().is_ok_and(|facts| at(&facts, stage) != Some(version));
            if is_off { Ok(()) } else { Err(self.aws(error)) }
        })
    }

    /// Puts the edited content under AWSPENDING, unless it is there, and reads it back.
    fn stage(&self, facts: &SecretFacts, version: &str, edited: &SecretBody) -> Result<(), HolderError> {
        if !facts.versions.contains_key(version) {
            // The ID was used for something else: the next change has another one.
            let refused = |error: AwsError| if error.kind == ErrorKind::Conflict { self.changed() } else { self.aws(error) };
            self.put(version, edited, PENDING).map_err(refused)?;
        }
        let (_, found) = self.get(VersionOf::Id(version)).map_err(|error| self.aws(error))?;
        if found == *edited { Ok(()) } else { Err(self.problem(SecretProblem::NotWhatWasPut { version: version.to_owned() })) }
    }

    /// Moves AWSCURRENT from the version that was edited to ours: the only moment at which anything changes for who reads the secret.
    fn promote(&self, base: &str, version: &str) -> Result<(), HolderError> {
        let Err(error) = self.shift(CURRENT, Some(version), base) else { return Ok(()) };
        let facts = self.facts().map_err(|_| self.aws(error.clone()))?;
        match at(&facts, CURRENT) {
            Some(current) if current == version => Ok(()),
            Some(current) if current == base => Err(self.aws(error)),
            Some(_) | None => {
                self.settle(&facts, version)?;
                Err(self.changed())
            }
        }
    }
}

impl Holder for Secret<'_> {
    fn look(&self, old: &AccessKeyPair, new: Option<&AccessKeyPair>, _sections: &[String], _staged: Option<&Staged>) -> Sight {
        let body = match self.get(VersionOf::Stage(CURRENT)) {
            Ok((_, body)) => body,
            Err(error) => return unread(error),
        };
        let held = match read_fields(body.bytes(), self.fields) {
            Ok(held) => held,
            Err(error) => return Sight::Unreadable { why: error.to_string(), error: None },
        };
        let slot = |is_there: bool| if is_there { vec![CURRENT.to_owned()] } else { Vec::new() };
        let (is_old, is_new) = (held.is(old), new.is_some_and(|new| held.is(new)));
        let id = AccessKeyId::parse(&held.id).ok();
        let is_known = id.as_ref().is_some_and(|id| *id == old.id || new.is_some_and(|new| *id == new.id));
        let foreign = Foreign { section: CURRENT.to_owned(), line: None, what: strange(id.as_ref(), is_known) };
        Sight::Seen {
            old: slot(is_old),
            new: slot(is_new),
            foreign: if is_old || is_new { Vec::new() } else { vec![foreign] },
            others: id.filter(|_| !is_known).into_iter().collect(),
        }
    }

    fn check_writable(&self, pair: &AccessKeyPair) -> Result<(), HolderError> {
        let facts = self.facts().map_err(|error| self.aws(error))?;
        // Of a rotation that is under way here, too: whose version waits is looked at before one is made.
        let is_ours = |problem: &SecretProblem| matches!(problem, SecretProblem::ForeignPending { version } if version.starts_with(OURS));
        if let Some(problem) = unsuitable(&facts).filter(|problem| !is_ours(problem)) {
            return Err(self.problem(problem));
        }
        self.current(&facts)?;
        let (_, body) = self.get(VersionOf::Stage(CURRENT)).map_err(|error| self.aws(error))?;
        let placeholder = AccessKeyPair { id: pair.id.clone(), secret: SecretAccessKey::new("x".repeat(pair.secret.expose().len())) };
        self.edit(&body, pair, &placeholder)?;
        // Nothing but a put shows that the KMS key encrypts and that a version may be made. The content is the same: nobody sees a difference.
        let version = format!("{PROBE}-{}", random());
        self.put(&version, &body, PROBE).map_err(|error| {
            if !error.is_definitive() {
                let _ = self.take_off(PROBE, &version);
            }
            self.aws(error)
        })?;
        self.take_off(PROBE, &version)
    }

    fn prepare(&self, tag: &str, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Staged, HolderError> {
        let facts = self.facts().map_err(|error| self.aws(error))?;
        self.check_alive(&facts)?;
        let version = version_of(tag);
        self.check_pending(&facts, &ours(tag))?;
        let base = self.current(&facts)?;
        let (_, body) = self.get(VersionOf::Id(base)).map_err(|error| self.aws(error))?;
        self.edit(&body, from, to)?;
        Ok(Staged::Version { base: base.to_owned(), version })
    }

    fn write(&self, staged: &Staged, from: &AccessKeyPair, to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError> {
        let Staged::Version { base, version } = staged else { return Err(self.changed()) };
        let facts = self.facts().map_err(|error| self.aws(error))?;
        self.check_alive(&facts)?;
        let current = self.current(&facts)?;
        if current != version {
            if current != base {
                self.settle(&facts, version)?;
                return Err(self.changed());
            }
            self.check_pending(&facts, version)?;
            let (_, body) = self.get(VersionOf::Id(base)).map_err(|error| self.aws(error))?;
            self.stage(&facts, version, &self.edit(&body, from, to)?)?;
            self.promote(base, version)?;
        }
        let facts = self.facts().map_err(|error| self.aws(error))?;
        self.settle(&facts, version)?;
        Ok(None)
    }

    fn abandon(&self, staged: &Staged, _from: &AccessKeyPair, _to: &AccessKeyPair) -> Result<Option<Displaced>, HolderError> {
        if let Staged::Version { version, .. } = staged {
            let facts = self.facts().map_err(|error| self.aws(error))?;
            self.settle(&facts, version)?;
        }
        Ok(None)
    }

    /// The version before is AWSPREVIOUS, which AWS keeps.
    fn release(&self, _displaced: &Displaced, _from: &AccessKeyPair, _to: &AccessKeyPair) -> Result<(), HolderError> {
        Ok(())
    }

    fn sweep(&self, tag: &str, _staged: Option<&Staged>, _displaced: &[Displaced]) -> Vec<std::path::PathBuf> {
        let Ok(facts) = self.facts() else { return Vec::new() };
        // A probe that was cut off is nobody's any more; whoever makes one meanwhile does not miss its label.
        for (stage, ours) in [(PENDING, ours(tag)), (PROBE, format!("{PROBE}-"))] {
            if let Some(version) = at(&facts, stage).filter(|version| version.starts_with(&ours)) {
                let _ = self.take_off(stage, version);
            }
        }
        Vec::new()
    }
}

/// The version with a label.
fn at<'f>(facts: &'f SecretFacts, stage: &str) -> Option<&'f str> {
    facts.versions.iter().find(|(_, stages)| stages.iter().any(|found| found == stage)).map(|(version, _)| version.as_str())
}

/// The version that waits to become current. A rotation of AWS's that is over can leave the label on the one that it made current.
fn pending(facts: &SecretFacts) -> Option<&str> {
    at(facts, PENDING).filter(|version| at(facts, CURRENT) != Some(version))
}

/// What keeps a secret from being written, as far as it can be seen without writing; a version that waits is anybody's.
fn unsuitable(facts: &SecretFacts) -> Option<SecretProblem> {
    let is_elsewhere = |primary: &&String| Some(primary.as_str()) != region_of_arn(&facts.arn);
    if let Some(at) = facts.deleted_at {
        Some(SecretProblem::MarkedForDeletion { at })
    } else if let Some(primary) = facts.primary_region.as_ref().filter(is_elsewhere) {
        Some(SecretProblem::Replica { primary: primary.clone() })
    } else if facts.is_rotated_by_aws {
        Some(SecretProblem::RotatedByAws)
    } else {
        pending(facts).map(|version| SecretProblem::ForeignPending { version: version.to_owned() })
    }
}

/// The place of the secret that is named so, with its whole ARN and the fields of the pair; those are looked for where none are given. Of the
/// rotations that are `over`, the one whose version waits there still.
pub(super) fn find(
    secrets: &dyn Secrets,
    pair: &AccessKeyPair,
    named: SecretId<'_>,
    fields: Option<&SecretFields>,
    over: &[&str],
) -> Result<(Place, Option<String>), HolderError> {
    let place = match named.region {
        Some(region) if region_of_arn(named.id).is_none() => format!("secret {} in {region}", named.id),
        Some(_) | None => called(named.id),
    };
    let refused = |source| HolderError::Aws { place: place.clone(), source };
    let facts = secrets.describe(pair, named).map_err(refused)?;
    let is_left = |version: &str| over.iter().find(|rotation| version.starts_with(&ours(rotation)));
    let left = pending(&facts).and_then(is_left).map(|rotation| format!("{rotation}-"));
    if let Some(problem) = unsuitable(&facts).filter(|problem| left.is_none() || !matches!(problem, SecretProblem::ForeignPending { .. })) {
        return Err(HolderError::Secret { place, problem });
    }
    let body = secrets.get(pair, &facts.arn, VersionOf::Stage(CURRENT)).map_err(refused)?.body;
    let shape = |error| HolderError::Secret { place: place.clone(), problem: SecretProblem::Shape(error) };
    let fields = match fields {
        Some(fields) => read_fields(body.bytes(), fields).map(|_| fields.clone()).map_err(shape)?,
        None => find_fields(body.bytes(), pair).map_err(shape)?,
    };
    Ok((Place::Secret { arn: facts.arn, fields }, left))
}

/// What a secret is seen as that did not answer with a value.
fn unread(error: AwsError) -> Sight {
    if error.kind == ErrorKind::PendingDeletion || error.is_no_such_secret() {
        return Sight::Away;
    }
    Sight::Unreadable { why: format!("{} ({error})", meaning(&error)), error: Some(error) }
}

/// What AWS's refusal means for a secret, and the way out.
pub(super) fn meaning(error: &AwsError) -> String {
    match error.kind {
        ErrorKind::Denied { .. } => format!("{} is not allowed: allow it on this secret", error.operation),
        ErrorKind::Kms => {
            "its KMS key may not be used: allow kms:Decrypt and kms:GenerateDataKey on that key, or enable it where it is disabled"
                .to_owned()
        }
        ErrorKind::Gone if error.is_no_such_secret() => "it is not there: correct `secret_id` and `region` in config.toml".to_owned(),
        ErrorKind::Gone => SecretProblem::NoValue.to_string(),
        ErrorKind::PendingDeletion => "it is marked for deletion: restore it (`aws secretsmanager restore-secret`)".to_owned(),
        ErrorKind::Throttled => "AWS throttles the requests: run this again in a few minutes".to_owned(),
        ErrorKind::LimitExceeded => "it has as many versions or staging labels as AWS allows: take labels off that nobody needs".to_owned(),
        ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::Expired => "AWS does not accept the key that asks for it".to_owned(),
        ErrorKind::ClockSkew => "this machine's clock is wrong: set it".to_owned(),
        ErrorKind::Unreachable(_) => "AWS cannot be reached: check the network".to_owned(),
        ErrorKind::Conflict | ErrorKind::Server | ErrorKind::Garbled | ErrorKind::Other => {
            format!("{} did not go through", error.operation)
        }
    }
}

fn strange(id: Option<&AccessKeyId>, is_known: bool) -> String {
    match id {
        Some(id) if is_known => format!("{id} with another secret access key"),
        Some(id) => id.to_string(),
        None => "no access key ID where one should be".to_owned(),
    }
}

/// The ID of the version that the change with this tag makes. It can be read at AWS, and is of a length that AWS takes.
fn version_of(tag: &str) -> String {
    let (rest, number) = tag.rsplit_once('-').unwrap_or((tag, "0"));
    let (rotation, holder) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    format!("{}{holder:0>2}-{number:0>6}", ours(rotation))
}

/// How the IDs of all versions of the tag's rotation begin.
fn ours(tag: &str) -> String {
    let rotation = tag.split('-').next().unwrap_or(tag);
    format!("{OURS}{rotation:0>16}-")
}

/// 32 characters that no other probe has.
fn random() -> String {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        let micros = crate::os::clock::local_now().timestamp_micros();
        return format!("{micros:032}");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
