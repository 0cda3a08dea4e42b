//! What a rotation can do next: one effect each, named after the AWS operation where there is one.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::record::{State, Which};
use crate::model::{AccessKeyId, KeyStatus};

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// iam:ListAccessKeys, signed by this pair.
    ListAccessKeys(Which),
    /// sts:GetCallerIdentity, signed by this pair.
    GetCallerIdentity(Which),
    /// iam:GetAccessKeyLastUsed of this key.
    GetAccessKeyLastUsed {
        /// The key.
        key: AccessKeyId,
        /// Who signs.
        signer: Which,
    },
    /// iam:CreateAccessKey, signed by the old pair, sent once.
    CreateAccessKey,
    /// iam:UpdateAccessKey.
    UpdateAccessKey {
        /// Which key.
        key: Which,
        /// Its status afterwards.
        status: KeyStatus,
        /// Who signs.
        signer: Which,
    },
    /// iam:DeleteAccessKey.
    DeleteAccessKey {
        /// The key.
        key: AccessKeyId,
        /// Who signs.
        signer: Which,
    },
    /// Gets an MFA session of the keys' user, opened with this pair, which signs the calls to IAM from here on.
    OpenSession(Which),
    /// Reads every holder.
    ReadHolders,
    /// Makes the change of a holder ready.
    PrepareHolder {
        /// Which, counted from 0.
        holder: usize,
        /// The pair it gets.
        to: Which,
    },
    /// Makes the change.
    WriteHolder {
        /// Which, counted from 0.
        holder: usize,
        /// The pair it gets.
        to: Which,
    },
    /// Removes what the change displaced.
    ReleaseHolder {
        /// Which, counted from 0.
        holder: usize,
        /// The pair it has.
        to: Which,
    },
    /// Goes on to the next state, which is on the disk before anything else happens.
    Enter(State),
    /// Waits this long, and shows why.
    Wait(Duration, String),
    /// Asks a person about the suspect: delete it?
    AskAboutSuspect {
        /// The suspect.
        key: AccessKeyId,
        /// When it was made, by AWS's clock, in UTC.
        created_at: DateTime<Utc>,
    },
    /// Writes the history line, wipes the secrets and removes the entry.
    Close,
    /// Stops for now; the entry stays.
    Stop(Stop),
}

/// Why a run ends though the rotation is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What it means for who started the run.
    pub kind: StopKind,
    /// What happened.
    pub message: String,
    /// Causes, outermost first.
    pub causes: Vec<String>,
    /// What state things are in.
    pub state: String,
    /// The command to run next.
    pub hint: String,
}

/// The meaning of a [`Stop`]; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// All is well: the old key rests within its grace.
    Resting,
    /// Something failed; running again goes on.
    Failed,
    /// A person has to look.
    Attention,
    /// A person has to act now: a key of the root user.
    Critical,
    /// An MFA code is needed.
    MfaNeeded,
}
