//! Everything a rotation touches, behind one trait.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::authority::Authority;
use super::describe;
use super::files::Files;
use super::observation::SessionSight;
use super::record::{Record, Which};
use super::step::Step;
use crate::aws::{Aws, AwsError, Signer};
use crate::holder::{Displaced, HolderError, Sight, Staged};
use crate::journal::JournalError;
use crate::model::{AccessKey, AccessKeyId, AccessKeyPair, Identity, LastUsed};
use crate::os::clock;
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question};

/// What came of a step.
#[derive(Debug)]
pub enum Outcome {
    /// The user's keys.
    Listed(Which, Result<Vec<AccessKey>, AwsError>),
    /// Who a pair belongs to.
    Identified(Which, Result<Identity, AwsError>),
    /// A key's last use; what could not be asked is unknown.
    LastUse(LastUsed),
    /// A new pair and when IAM made it.
    Created(Result<(AccessKeyPair, DateTime<Utc>), AwsError>),
    /// A key was updated or deleted.
    Changed(Result<(), AwsError>),
    /// What the holders have.
    Read(Vec<Sight>),
    /// A holder's change is ready.
    Prepared(usize, Which, Result<Prepared, HolderError>),
    /// A holder was changed.
    Written(usize, Result<Option<Displaced>, HolderError>),
    /// What a change displaced is gone.
    Released(usize, Result<(), HolderError>),
    /// The time is over, or a signal came.
    Waited,
    /// Whether a person wants the suspect deleted.
    Answered(bool),
    /// Whether there is a session, and where from.
    Opened(SessionSight),
}

/// A change that is ready, and what an earlier one had displaced.
#[derive(Debug)]
pub struct Prepared {
    /// The change.
    pub staged: Staged,
    /// What another change, given up for this one, turned out to have displaced.
    pub displaced: Option<Displaced>,
}

/// The effects of a rotation.
pub trait World {
    /// The boot clock, and AWS's time where an answer of this run told it; else `known`.
    fn observe(&self, known: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>);
    /// Writes the record down; when this returns, it is on the disk.
    fn persist(&mut self, record: &Record) -> Result<(), JournalError>;
    /// Performs one step; those that only concern the record are [`Outcome::Waited`].
    fn perform(&mut self, record: &Record, step: &Step) -> Outcome;
    /// Adds the rotation to the history and removes its entry, secrets first.
    fn close(&mut self, record: &Record) -> Result<(), JournalError>;
    /// The signal that asked to stop.
    fn interrupted(&self) -> Option<&'static str>;
}

/// Notes what is to be known of a record before its entry is closed.
pub type NoteItems<'a> = Box<dyn Fn(&Record) -> Result<(), JournalError> + 'a>;

/// AWS, this machine's files and its terminal.
pub struct RealWorld<'a> {
    /// AWS.
    pub aws: &'a Aws,
    /// Who signs the calls to IAM.
    pub authority: &'a Authority<'a>,
    /// The files.
    pub files: Files<'a>,
    /// The person.
    pub console: &'a Console,
    /// The signals.
    pub signals: &'a Signals,
    /// Notes which key the keychain's items have now.
    pub note_items: NoteItems<'a>,
}

impl RealWorld<'_> {
    /// A call to IAM, for this pair.
    fn with<T>(&self, record: &Record, which: Which, call: impl FnOnce(&Signer) -> T) -> T {
        call(&self.authority.signer(record.pair(which).unwrap_or(&record.old)))
    }

    /// Who the pair belongs to; it signs this itself, whoever signs otherwise.
    fn identify(&self, record: &Record, which: Which) -> Result<Identity, AwsError> {
        let pair = record.pair(which).unwrap_or(&record.old);
        self.aws.get_caller_identity(&Signer::LongTerm(pair.clone()))
    }

    fn ask(&self, record: &Record, key: &AccessKeyId, created_at: DateTime<Utc>) -> bool {
        let question = Question {
            text: format!(
                "{key} was made at {}, probably for an interrupted rotation of {}; nobody has its secret. Delete it and go on?",
                describe::time(created_at),
                record.old.id
            ),
            choices: vec![('y', "delete it".to_owned()), ('n', "leave it alone".to_owned())],
            default: Some('n'),
        };
        self.console.ask(&question) == Answer::Choice('y')
    }
}

impl World for RealWorld<'_> {
    fn observe(&self, known: Option<DateTime<Utc>>) -> (Duration, Option<DateTime<Utc>>) {
        let now = clock::boot_time();
        (now, self.aws.server_time().map(|time| time.at(now)).or(known))
    }

    fn persist(&mut self, record: &Record) -> Result<(), JournalError> {
        tracing::debug!(rotation = record.id, "writing down {}", describe::name(&record.state));
        self.files.persist(record)
    }

    fn perform(&mut self, record: &Record, step: &Step) -> Outcome {
        let user = record.owner();
        let aws = self.aws;
        let said = say(record, step);
        tracing::debug!(rotation = record.id, "{said}");
        self.console.progress(&said);
        match step {
            Step::ListAccessKeys(signer) => {
                Outcome::Listed(*signer, self.with(record, *signer, |signer| aws.list_access_keys(signer, user)))
            }
            Step::GetCallerIdentity(which) => Outcome::Identified(*which, self.identify(record, *which)),
            Step::GetAccessKeyLastUsed { key, signer } => {
                let answer = self.with(record, *signer, |signer| aws.get_access_key_last_used(signer, key));
                Outcome::LastUse(answer.unwrap_or_else(|error| LastUsed::Unknown(error.to_string())))
            }
            Step::CreateAccessKey => Outcome::Created(self.with(record, Which::Old, |signer| aws.create_access_key(signer, user))),
            Step::UpdateAccessKey { key, status, signer } => {
                let id = record.pair(*key).unwrap_or(&record.old).id.clone();
                Outcome::Changed(self.with(record, *signer, |signer| aws.update_access_key(signer, user, &id, status.clone())))
            }
            Step::DeleteAccessKey { key, signer } => {
                Outcome::Changed(self.with(record, *signer, |signer| aws.delete_access_key(signer, user, key)))
            }
            Step::OpenSession(which) => Outcome::Opened(self.authority.open(record.pair(*which).unwrap_or(&record.old))),
            Step::ReadHolders => Outcome::Read(self.files.read(record)),
            Step::PrepareHolder { holder, to } => Outcome::Prepared(*holder, *to, self.files.prepare(record, *holder, *to)),
            Step::WriteHolder { holder, to } => Outcome::Written(*holder, self.files.write(record, *holder, *to)),
            Step::ReleaseHolder { holder, to } => Outcome::Released(*holder, self.files.release(record, *holder, *to)),
            Step::Wait(duration, _) => {
                clock::pause(*duration, &|| self.signals.raised().is_some());
                Outcome::Waited
            }
            Step::AskAboutSuspect { key, created_at } => Outcome::Answered(self.ask(record, key, *created_at)),
            Step::Enter(_) | Step::Close | Step::Stop(_) => Outcome::Waited,
        }
    }

    fn close(&mut self, record: &Record) -> Result<(), JournalError> {
        let now = self.observe(None).1.unwrap_or(record.started_at);
        self.console.progress_done();
        for kept in self.files.tidy(record) {
            let kept = kept.display();
            self.console
                .note(&format!("another program wrote {kept} while the key was replaced: take over what is missing, and remove it"));
        }
        // CRASH: while the entry is there, the next run closes it; without it an item with another key than was noted would be a stranger's work.
        (self.note_items)(record)?;
        self.files.close(record, now)
    }

    fn interrupted(&self) -> Option<&'static str> {
        self.signals.raised()
    }
}

/// The step in a person's words.
pub(super) fn say(record: &Record, step: &Step) -> String {
    let id = |which| record.pair(which).map_or_else(|| "the new key".to_owned(), |pair| pair.id.to_string());
    match step {
        Step::ListAccessKeys(_) => format!("listing the access keys of {}", record.user_name),
        Step::GetCallerIdentity(which) => format!("checking that AWS accepts {}", id(*which)),
        Step::GetAccessKeyLastUsed { key, .. } => format!("asking when {key} was used last"),
        Step::CreateAccessKey => format!("creating a new access key for {}", record.user_name),
        Step::UpdateAccessKey { key, status: crate::model::KeyStatus::Active, .. } => format!("activating {}", id(*key)),
        Step::UpdateAccessKey { key, .. } => format!("deactivating {}", id(*key)),
        Step::DeleteAccessKey { key, .. } => format!("deleting {key}"),
        Step::OpenSession(which) => format!("opening an MFA session with {}", id(*which)),
        Step::ReadHolders => "reading what holds the key".to_owned(),
        Step::PrepareHolder { holder, .. } | Step::WriteHolder { holder, .. } | Step::ReleaseHolder { holder, .. } => {
            format!("writing {}", record.holders.get(*holder).map_or_else(String::new, |entry| entry.place.to_string()))
        }
        Step::Wait(_, why) => why.clone(),
        Step::AskAboutSuspect { key, .. } => format!("asking about {key}"),
        Step::Enter(_) | Step::Close | Step::Stop(_) => "writing the journal".to_owned(),
    }
}
