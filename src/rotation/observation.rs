//! What a run has seen since the rotation entered its present state. It is never written down: after a restart everything is
//! looked at again.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::record::Which;
use crate::aws::AwsError;
use crate::holder::Sight;
use crate::model::{AccessKey, AccessKeyId, Identity, KeyStatus, LastUsed};

/// Facts that `next` decides by.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// AWS's time; before the first answer of a run, the latest time that the record knows.
    pub now: Option<DateTime<Utc>>,
    /// The boot clock, suspend included.
    pub clock: Duration,
    /// When the present state was entered by this run, or the drive began, by the boot clock.
    pub entered: Duration,
    /// The state was found in the journal, not entered by this run.
    pub resumed: bool,
    /// The latest listing.
    pub listing: Option<Listing>,
    /// What each pair got as an answer when it listed, if that was an error.
    pub listing_errors: [Option<AwsError>; 2],
    /// How GetCallerIdentity went for each pair.
    pub proofs: [Proof; 2],
    /// What the holders have, in the record's order; `None` when not read since the last write.
    pub holders: Option<Vec<Sight>>,
    /// When they were read, by the boot clock.
    pub holders_at: Duration,
    /// Holders that could not be changed, and why.
    pub refusals: BTreeMap<usize, String>,
    /// AWS's refusals to read or write a holder, since the holders were read last.
    pub holder_errors: BTreeMap<usize, AwsError>,
    /// How often a holder was busy or changed under our hands.
    pub collisions: u32,
    /// When that was last, by the boot clock.
    pub collided_at: Duration,
    /// The answer to CreateAccessKey, UpdateAccessKey or DeleteAccessKey in this state.
    pub act: Option<Act>,
    /// How often that act was tried in this state.
    pub attempts: u32,
    /// The last use of the key that was asked about last.
    pub last_use: Option<LastUsed>,
    /// What a person said about the suspect.
    pub delete_suspect: Option<bool>,
    /// Who signs the calls to IAM. It outlives the state.
    pub session: SessionSight,
}

/// Who signs the calls to IAM: the pairs themselves, an MFA session of their user, or an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionSight {
    /// The pairs; no session was wanted yet.
    #[default]
    None,
    /// A session that was open before; AWS may have ended it.
    Found,
    /// A session that this run opened.
    Opened,
    /// The pairs: there is no session to be had.
    Unavailable,
    /// Another principal, who manages the user's keys.
    Operator,
}

impl SessionSight {
    /// Whether a session signs, so that an answer of IAM says nothing of a pair.
    pub fn signs(self) -> bool {
        match self {
            SessionSight::Found | SessionSight::Opened | SessionSight::Operator => true,
            SessionSight::None | SessionSight::Unavailable => false,
        }
    }
}

/// `iam:ListAccessKeys`.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The user's keys.
    pub keys: Vec<AccessKey>,
    /// Who signed.
    pub signer: Which,
    /// When the answer was here, by the boot clock.
    pub clock: Duration,
    /// The same by AWS's clock, in UTC.
    pub at: DateTime<Utc>,
}

/// A call that changes something.
#[derive(Clone, Debug)]
pub struct Act {
    /// When it was answered, by the boot clock.
    pub clock: Duration,
    /// What was answered.
    pub result: Result<(), AwsError>,
}

/// How a pair fared.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The successes since the last refusal, by the boot clock.
    pub successes: Vec<Duration>,
    /// When it was tried last, by the boot clock.
    pub tried: Option<Duration>,
    /// The latest refusal, by the boot clock.
    pub refused: Option<Duration>,
    /// The latest error of any kind.
    pub error: Option<AwsError>,
    /// Who AWS said it is.
    pub identity: Option<Identity>,
}

impl Listing {
    /// The status of a key; `None` when it is not in the listing.
    pub fn status(&self, id: &AccessKeyId) -> Option<&KeyStatus> {
        self.keys.iter().find(|key| key.id == *id).map(|key| &key.status)
    }
}

impl Which {
    /// Index into the pairs of an [`Observation`].
    pub fn index(self) -> usize {
        match self {
            Which::Old => 0,
            Which::New => 1,
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Which::Old => Which::New,
            Which::New => Which::Old,
        }
    }
}

impl Observation {
    /// How a pair fared.
    pub fn proof(&self, which: Which) -> &Proof {
        let [old, new] = &self.proofs;
        match which {
            Which::Old => old,
            Which::New => new,
        }
    }

    /// The error that a pair got when it listed.
    pub fn listing_error(&self, which: Which) -> Option<&AwsError> {
        let [old, new] = &self.listing_errors;
        match which {
            Which::Old => old.as_ref(),
            Which::New => new.as_ref(),
        }
    }

    /// Forgets everything but the time and the session: another state was entered.
    pub fn enter(&mut self) {
        *self = Self { now: self.now, clock: self.clock, entered: self.clock, session: self.session, ..Self::default() };
    }

    /// Takes in an answer of GetCallerIdentity.
    pub fn prove(&mut self, which: Which, answer: Result<Identity, AwsError>) {
        let clock = self.clock;
        let [old, new] = &mut self.proofs;
        let proof = match which {
            Which::Old => old,
            Which::New => new,
        };
        proof.tried = Some(clock);
        match answer {
            Ok(identity) => {
                proof.identity = Some(identity);
                proof.error = None;
                proof.successes.push(clock);
            }
            Err(error) => {
                if is_refusal(&error) {
                    proof.successes.clear();
                    proof.refused = Some(clock);
                }
                proof.error = Some(error);
            }
        }
    }
}

/// Whether AWS does not know the pair: too young, inactive or deleted.
pub fn is_refusal(error: &AwsError) -> bool {
    error.refuses_the_key()
}
