//! Secrets Manager: secrets, their versions and staging labels, over JSON 1.1. Invariant: a label is on one version of a secret at most, and
//! a version once made is never changed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::serve::Refusal;
use super::state::{BASE64, World};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
const LARGEST: usize = 65_536;
const LABELS: usize = 20;
const NO_SECRET: &str = "Secrets Manager can't find the specified secret.";
const DELETED: &str = "You can't perform this operation on the secret because it was marked for deletion.";
const KMS: &str = "Access to KMS is not allowed";
const REPLICA: &str = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Text(String),
    Binary(Vec<u8>),
}

impl Body {
    /// As text, whichever it is.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// One version.
#[derive(Clone, Debug)]
pub struct Version {
    pub id: String,
    pub body: Body,
    pub stages: BTreeSet<String>,
}

/// A secret in one region. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct Secret {
    pub name: String,
    pub region: String,
    pub arn: String,
    /// In the order in which they were made.
    pub versions: Vec<Version>,
    /// When it was marked for deletion.
    pub deleted_at: Option<f64>,
    /// A Lambda function rotates it.
    pub is_rotated: bool,
    /// Where it is replicated from.
    pub primary_region: Option<String>,
}

impl Secret {
    fn empty() -> Self {
        let (name, region, arn) = Default::default();
        Self { name, region, arn, versions: Vec::new(), deleted_at: None, is_rotated: false, primary_region: None }
    }

    /// The version with this label.
    pub fn staged(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.contains(stage))
    }

    /// What AWSCURRENT holds, as text.
    pub fn current(&self) -> String {
        self.staged(CURRENT).map(|version| version.body.text()).unwrap_or_default()
    }

    /// The labels of each version that has any, by version ID.
    pub fn labels(&self) -> BTreeMap<String, Vec<String>> {
        let labelled = self.versions.iter().filter(|version| !version.stages.is_empty());
        labelled.map(|version| (version.id.clone(), version.stages.iter().cloned().collect())).collect()
    }

    /// Gives a version a label, which is taken from whichever has it. AWSPREVIOUS follows AWSCURRENT.
    pub fn attach(&mut self, stage: &str, id: &str) {
        let before = self.staged(stage).map(|version| version.id.clone());
        if before.as_deref() == Some(id) {
            return;
        }
        for version in &mut self.versions {
            version.stages.remove(stage);
            if version.id == id {
                version.stages.insert(stage.to_owned());
            }
        }
        if let Some(before) = before.filter(|_| stage == CURRENT) {
            self.attach(PREVIOUS, &before);
        }
    }

    /// Makes a version with these labels. The first one of a secret is AWSCURRENT, whatever was asked for.
    pub fn add(&mut self, id: &str, body: Body, stages: &[&str]) {
        let is_first = self.versions.is_empty();
        self.versions.push(Version { id: id.to_owned(), body, stages: BTreeSet::new() });
        for stage in stages.iter().copied().chain(is_first.then_some(CURRENT)) {
            self.attach(stage, id);
        }
    }
}

impl World {
    /// A secret with this content as AWSCURRENT, or (`None`) without any value; returns its ARN.
    pub fn add_secret(&mut self, name: &str, region: &str, body: Option<Body>) -> String {
        let (partition, account) = (self.settings.partition.clone(), self.settings.account.clone());
        let arn = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{}", self.pick(&BASE64[..52], 6));
        let mut secret = Secret { name: name.to_owned(), region: region.to_owned(), arn: arn.clone(), ..Secret::empty() };
        if let Some(body) = body {
            let id = format!("00000000-0000-4000-8000-{}", self.pick(b"0123456789abcdef", 12));
            secret.add(&id, body, &[CURRENT]);
        }
        self.secrets.push(secret);
        arn
    }

    /// The secret with this ARN or name, to be looked at or changed.
    pub fn secret(&mut self, id: &str) -> &mut Secret {
        self.secrets.iter_mut().find(|secret| secret.arn == id || secret.name == id).expect("a secret of that name")
    }
}

/// The parameters as the call log has them: no value among them.
pub fn logged(asked: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let hidden = |name: &str| name == "SecretString" || name == "SecretBinary";
    let fields = asked.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), if hidden(name) { "***".to_owned() } else { text(value) })).collect()
}

/// An error as this service has it: other codes than IAM's, and a 400.
pub fn worded(refusal: Refusal) -> Refusal {
    let code = match refusal.code {
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        "ExpiredToken" => "ExpiredTokenException",
        "AccessDenied" => "AccessDeniedException",
        "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
        other => other,
    };
    let status = if refusal.status < 500 { 400 } else { refusal.status };
    Refusal { status, code, ..refusal }
}

/// An error's body.
pub fn failure(code: &str, message: &str) -> String {
    json!({"__type": code, "Message": message}).to_string()
}

/// The answer's body. `region` is the one that the call was signed for.
pub fn answer(world: &mut World, region: &str, action: &str, asked: &Value) -> Result<String, Refusal> {
    if action == "CreateSecret" {
        return create(world, region, asked);
    }
    let id = asked["SecretId"].as_str().ok_or_else(|| invalid("You must provide SecretId."))?;
    let named = |secret: &Secret| secret.region == region && (secret.arn == id || secret.name == id);
    let at = world.secrets.iter().position(named).ok_or_else(|| refuse("ResourceNotFoundException", NO_SECRET))?;
    let kms = |denied: &[&str]| denied.iter().any(|action| world.settings.denied.contains(*action));
    let is_kms_denied = match action {
        "GetSecretValue" => kms(&["kms:Decrypt"]),
        "PutSecretValue" => kms(&["kms:Decrypt", "kms:GenerateDataKey"]),
        _ => false,
    };
    let secret = &mut world.secrets[at];
    if action == "DescribeSecret" {
        return Ok(describe(secret));
    }
    if secret.deleted_at.is_some() {
        return Err(refuse("InvalidRequestException", DELETED));
    }
    if is_kms_denied {
        return Err(refuse("AccessDeniedException", KMS));
    }
    match action {
        "GetSecretValue" => get(secret, asked),
        "PutSecretValue" | "UpdateSecretVersionStage" if secret.primary_region.is_some() => Err(refuse("InvalidRequestException", REPLICA)),
        "PutSecretValue" => put(secret, asked),
        "UpdateSecretVersionStage" => move_stage(secret, asked),
        other => Err(refuse("InvalidAction", &format!("The lab does not know secretsmanager:{other}."))),
    }
}

/// The same name, token and content again is no error and no second secret (API reference, CreateSecret).
fn create(world: &mut World, region: &str, asked: &Value) -> Result<String, Refusal> {
    let name = asked["Name"].as_str().filter(|name| (1..=512).contains(&name.len())).ok_or_else(|| invalid("You must provide Name."))?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)) {
        return Err(refuse(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    if let Some(there) = world.secrets.iter_mut().find(|secret| secret.region == region && secret.name == name) {
        if there.deleted_at.is_some() {
            let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(refuse("InvalidRequestException", message));
        }
        let exists = || refuse("ResourceExistsException", &format!("The operation failed because the secret {name} already exists."));
        let id = asked["ClientRequestToken"].as_str().unwrap_or_default();
        let first = there.versions.first().filter(|version| version.id == id).map(|version| version.body.clone()).ok_or_else(exists)?;
        if Some(first.text().as_str()) != asked["SecretString"].as_str() {
            return Err(exists());
        }
        return Ok(json!({"ARN": there.arn, "Name": name, "VersionId": id}).to_string());
    }
    if world.settings.denied.contains("kms:GenerateDataKey") {
        return Err(refuse("AccessDeniedException", KMS));
    }
    // With a value that is refused no secret is made.
    let mut made = Secret { name: name.to_owned(), region: region.to_owned(), ..Secret::empty() };
    put(&mut made, asked)?;
    let arn = world.add_secret(name, region, None);
    let secret = world.secret(&arn);
    secret.versions = made.versions;
    let id = secret.versions[0].id.clone();
    Ok(json!({"ARN": arn, "Name": name, "VersionId": id}).to_string())
}

fn describe(secret: &Secret) -> String {
    let mut found = json!({"ARN": secret.arn, "Name": secret.name, "VersionIdsToStages": secret.labels()});
    if let Some(at) = secret.deleted_at {
        found["DeletedDate"] = json!(at);
    }
    if secret.is_rotated {
        found["RotationEnabled"] = json!(true);
    }
    if let Some(region) = &secret.primary_region {
        found["PrimaryRegion"] = json!(region);
    }
    found.to_string()
}

fn get(secret: &Secret, asked: &Value) -> Result<String, Refusal> {
    let (id, stage) = (asked["VersionId"].as_str(), asked["VersionStage"].as_str());
    let stage = stage.or(if id.is_none() { Some(CURRENT) } else { None });
    let fits = |version: &&Version| id.is_none_or(|id| version.id == id) && stage.is_none_or(|stage| version.stages.contains(stage));
    let Some(version) = secret.versions.iter().find(fits) else {
        let which = id.map_or_else(|| format!("staging label: {}", stage.unwrap_or_default()), |id| format!("VersionId: {id}"));
        let message = format!("Secrets Manager can't find the specified secret value for {which}");
        return Err(refuse("ResourceNotFoundException", &message));
    };
    let mut found = json!({"ARN": secret.arn, "Name": secret.name, "VersionId": version.id, "VersionStages": version.stages});
    match &version.body {
        Body::Text(text) => found["SecretString"] = json!(text),
        Body::Binary(bytes) => found["SecretBinary"] = json!(STANDARD.encode(bytes)),
    }
    Ok(found.to_string())
}

fn put(secret: &mut Secret, asked: &Value) -> Result<String, Refusal> {
    let id = asked["ClientRequestToken"].as_str().unwrap_or_default();
    if !(32..=64).contains(&id.len()) {
        return Err(invalid("ClientRequestToken must be 32-64 characters long."));
    }
    let body = match (asked["SecretString"].as_str(), asked["SecretBinary"].as_str()) {
        (Some(text), None) => Body::Text(text.to_owned()),
        (None, Some(text)) => Body::Binary(STANDARD.decode(text).map_err(|_| invalid("SecretBinary is not base64."))?),
        _ => return Err(invalid("You must provide either SecretString or SecretBinary.")),
    };
    if !(1..=LARGEST).contains(&body.length()) {
        let message = "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536";
        return Err(refuse("ValidationException", message));
    }
    let stages: Vec<&str> =
        asked["VersionStages"].as_array().map_or_else(|| vec![CURRENT], |all| all.iter().filter_map(Value::as_str).collect());
    match secret.versions.iter().find(|version| version.id == id) {
        Some(there) if there.body != body => {
            let message = "A resource with the ID you requested already exists.";
            return Err(refuse("ResourceExistsException", message));
        }
        Some(_) => {}
        None => {
            let used: BTreeSet<&str> =
                secret.versions.iter().flat_map(|v| v.stages.iter().map(String::as_str)).chain(stages.iter().copied()).collect();
            if used.len() > LABELS {
                return Err(refuse("LimitExceededException", "The secret has too many staging labels."));
            }
            secret.add(id, body, &stages);
        }
    }
    let stages = secret.versions.iter().find(|version| version.id == id).map(|version| version.stages.clone());
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages}).to_string())
}

fn move_stage(secret: &mut Secret, asked: &Value) -> Result<String, Refusal> {
    let stage = asked["VersionStage"].as_str().ok_or_else(|| invalid("You must provide VersionStage."))?.to_owned();
    let (to, from) = (asked["MoveToVersionId"].as_str(), asked["RemoveFromVersionId"].as_str());
    for id in [to, from].into_iter().flatten() {
        if secret.versions.iter().all(|version| version.id != id) {
            let message = format!("Secrets Manager can't find the specified secret version: {id}");
            return Err(refuse("ResourceNotFoundException", &message));
        }
    }
    let has = secret.staged(&stage).map(|version| version.id.clone());
    match (&has, from) {
        (Some(has), None) if to != Some(has.as_str()) => {
            return Err(invalid(&format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {has}, so you \
                 must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        (_, Some(from)) if has.as_deref() != Some(from) => {
            return Err(invalid(&format!("Staging label {stage} is not attached to version {from}.")));
        }
        _ => {}
    }
    match to {
        Some(to) => {
            let to = to.to_owned();
            secret.attach(&stage, &to);
        }
        None if stage == CURRENT => {
            return Err(invalid(&format!(
                "You can only move staging label {CURRENT} to a different secret version. It can't be completely removed."
            )));
        }
        None => {
            for version in &mut secret.versions {
                version.stages.remove(&stage);
            }
        }
    }
    Ok(json!({"ARN": secret.arn, "Name": secret.name}).to_string())
}

fn refuse(code: &'static str, message: &str) -> Refusal {
    Refusal::new(400, code, message)
}

fn invalid(message: &str) -> Refusal {
    refuse("InvalidParameterException", message)
}
