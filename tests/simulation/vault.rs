//! A model of Secrets Manager: secrets, their versions and staging labels. Invariant: a label is on one version of a secret at most, and a
//! version once made is never changed.

use std::collections::{BTreeMap, BTreeSet};

use keyrotate::aws::{SecretBody, VersionOf};
use keyrotate::model::SecretFields;

use super::calls::Refusal;
use super::iam::Who;

pub const CURRENT: &str = "AWSCURRENT";
pub const PENDING: &str = "AWSPENDING";
const PROBE: &str = "keyrotate-probe";
const PREVIOUS: &str = "AWSPREVIOUS";
/// How the IDs of the rotation's versions begin.
const OURS: &str = "keyrotate-";

pub struct Version {
    pub body: SecretBody,
    pub stages: BTreeSet<String>,
    pub by: Who,
}

pub struct Secret {
    pub arn: String,
    /// Where the pair is, and whether the settings say so.
    pub fields: SecretFields,
    pub is_configured: bool,
    pub versions: BTreeMap<String, Version>,
    pub is_deleted: bool,
    /// Until this effect.
    pub kms_denied: u32,
    /// What was made current last by somebody else, without our pairs.
    pub skeleton: String,
    /// When somebody else changed it last, as an effect's number.
    pub edited_at: u32,
    /// Somebody else's version that waits, which keeps its label, and since which effect it does.
    pub waiting: Option<(String, u32)>,
    /// How many versions were made for each change that was journalled.
    pub puts: BTreeMap<String, u32>,
    /// What the rotation on each machine did.
    pub ours: [Ours; 3],
    pub original: SecretBody,
    pub opened: Option<SecretBody>,
    pub notes: u32,
}

/// What the rotation on one machine did with a secret.
#[derive(Default)]
pub struct Ours {
    /// The effect at which it looked at the labels last.
    pub described_at: u32,
    /// The effect at which it moved AWSCURRENT last.
    pub moved_at: u32,
    /// A change was prepared, so that what is left is looked for at the end.
    pub is_swept: bool,
}

/// All secrets, and a number that is another one after each change.
#[derive(Default)]
pub struct Vault {
    pub secrets: Vec<Secret>,
    pub version: u64,
}

impl Vault {
    pub fn find(&mut self, arn: &str) -> Result<&mut Secret, Refusal> {
        let missing = Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
        self.secrets.iter_mut().find(|secret| secret.arn == arn).ok_or(missing)
    }
}

impl Secret {
    pub fn new(number: usize, fields: SecretFields, is_configured: bool, body: SecretBody, skeleton: String) -> Self {
        let mut secret = Self {
            arn: format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:ci/{number}-AbC12{number}"),
            fields,
            is_configured,
            versions: BTreeMap::new(),
            is_deleted: false,
            kms_denied: 0,
            skeleton,
            edited_at: 0,
            waiting: None,
            puts: BTreeMap::new(),
            ours: Default::default(),
            original: body.clone(),
            opened: None,
            notes: 0,
        };
        secret.add("others-00000000000000000000000000000", body, Who::Others, CURRENT);
        secret
    }

    /// The ID of the version with this label.
    pub fn at(&self, stage: &str) -> Option<&str> {
        self.versions.iter().find(|(_, version)| version.stages.contains(stage)).map(|(id, _)| id.as_str())
    }

    /// What programs read.
    pub fn current(&self) -> &SecretBody {
        &self.versions[self.at(CURRENT).expect("a secret with a value")].body
    }

    /// The pair there, as it is written.
    pub fn held(&self) -> Option<(String, String)> {
        let json: serde_json::Value = serde_json::from_slice(self.current().bytes()).ok()?;
        Some((json[&self.fields.id].as_str()?.to_owned(), json[&self.fields.secret].as_str()?.to_owned()))
    }

    /// Gives a version a label, which is taken from whichever has it. AWSPREVIOUS follows AWSCURRENT.
    pub fn attach(&mut self, stage: &str, id: Option<&str>) {
        let before = self.at(stage).map(str::to_owned);
        if before.as_deref() == id {
            return;
        }
        for (version, Version { stages, .. }) in &mut self.versions {
            stages.remove(stage);
            if Some(version.as_str()) == id {
                stages.insert(stage.to_owned());
            }
        }
        if let Some(before) = before.filter(|_| stage == CURRENT) {
            self.attach(PREVIOUS, Some(&before));
        }
    }

    pub fn add(&mut self, id: &str, body: SecretBody, by: Who, stage: &str) {
        self.versions.insert(id.to_owned(), Version { body, stages: BTreeSet::new(), by });
        self.attach(stage, Some(id));
    }

    /// When somebody else than this machine changed it last, as an effect's number.
    pub fn changed_at(&self, machine: usize) -> u32 {
        let others = self.ours.iter().enumerate().filter(|(number, _)| *number != machine);
        others.map(|(_, ours)| ours.moved_at).fold(self.edited_at, u32::max)
    }

    /// The labels of the machine's rotation that nobody needs any more.
    pub fn left(&self, machine: usize) -> Option<String> {
        // KNOWN: the label of a probe that was cut off stays until the next probe takes it, where nothing was prepared after it.
        let needed = |stage: &String| stage == CURRENT || stage == PREVIOUS || (stage == PROBE && !self.ours[machine].is_swept);
        let mut ours = self.versions.iter().filter(|(id, version)| id.starts_with(OURS) && version.by == Who::Us(machine));
        ours.find_map(|(id, version)| Some(format!("{} on {id}", version.stages.iter().find(|stage| !needed(stage))?)))
    }

    pub fn get(&self, which: VersionOf<'_>) -> Result<(String, SecretBody), Refusal> {
        let id = match which {
            VersionOf::Stage(stage) => self.at(stage),
            VersionOf::Id(id) => Some(id),
        };
        let found = id.and_then(|id| Some((id.to_owned(), self.versions.get(id)?.body.clone())));
        found.ok_or(Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for that version"))
    }

    /// Makes a version, unless it is there; whether it did.
    pub fn put(&mut self, id: &str, body: &SecretBody, stage: &str, by: Who) -> Result<bool, Refusal> {
        match self.versions.get(id) {
            Some(there) if there.body == *body => Ok(false),
            Some(_) => Err(Refusal("ResourceExistsException", "A resource with the ID you requested already exists.")),
            None => {
                self.add(id, body.clone(), by, stage);
                Ok(true)
            }
        }
    }

    /// Whether AWS moves the label so.
    pub fn can_move(&self, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<(), Refusal> {
        let has = self.at(stage);
        if [to, from].into_iter().flatten().any(|id| !self.versions.contains_key(id)) {
            return Err(Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret version"));
        }
        if from.is_some() && has != from {
            return Err(Refusal("InvalidParameterException", "The staging label is not attached to that version."));
        }
        if from.is_none() && has.is_some() && has != to {
            return Err(Refusal("InvalidParameterException", "The parameter RemoveFromVersionId can't be empty."));
        }
        if to.is_none() && stage == CURRENT {
            return Err(Refusal("InvalidParameterException", "You can only move staging label AWSCURRENT to a different secret version."));
        }
        Ok(())
    }
}
