//! The one shape of every error that reaches a person.

use std::error::Error;

use crate::rotation::{Refused, Stop, StopKind};

/// What a command could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: FailureKind,
    /// What happened. Lower case, no final full stop, no secret.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What state things are in.
    pub state: Option<String>,
    /// The command to run next.
    pub hint: Option<String>,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It failed.
    Failed,
    /// Wrong usage, or settings that cannot be used.
    Usage,
    /// A person has to look.
    Attention,
    /// A person has to act now.
    Critical,
    /// What was asked could not be checked.
    Unchecked,
    /// An MFA code is needed and nobody can be asked.
    MfaNeeded,
    /// Another keyrotate holds the lock.
    Locked,
}

impl FailureKind {
    /// The exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            FailureKind::Failed => 1,
            FailureKind::Usage => 2,
            FailureKind::Attention => 10,
            FailureKind::Critical => 11,
            FailureKind::Unchecked => 12,
            FailureKind::MfaNeeded => 20,
            FailureKind::Locked => 21,
        }
    }
}

/// The exit code that counts where several apply: 1 and 2 first, then 21, 20, 11, 10, 12.
pub fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 7] = [1, 2, 21, 20, 11, 10, 12];
    let rank = |code: &u8| ORDER.iter().position(|other| other == code).unwrap_or(ORDER.len());
    codes.into_iter().min_by_key(rank).unwrap_or(0)
}

impl Failure {
    /// A failure with nothing but a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), state: None, hint: None }
    }

    /// A failure from an error and what it was caused by.
    pub fn from_error(kind: FailureKind, error: &dyn Error) -> Self {
        let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source()).map(ToString::to_string).collect();
        Self { causes, ..Self::new(kind, error.to_string()) }
    }

    /// The same, said of these profiles.
    #[must_use]
    pub fn of(self, profiles: &str) -> Self {
        Self { message: format!("{profiles}: {}", self.message), ..self }
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with the state of things.
    #[must_use]
    pub fn state(self, state: impl Into<String>) -> Self {
        Self { state: Some(state.into()), ..self }
    }
}

fn kind(kind: StopKind) -> FailureKind {
    match kind {
        StopKind::Failed | StopKind::Resting => FailureKind::Failed,
        StopKind::Attention => FailureKind::Attention,
        StopKind::Critical => FailureKind::Critical,
        StopKind::MfaNeeded => FailureKind::MfaNeeded,
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        let Stop { kind: stop_kind, message, causes, state, hint } = stop;
        Self { kind: kind(stop_kind), message, causes, state: Some(state), hint: Some(hint) }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let Refused { kind: refused_kind, message, causes, hint } = refused;
        Self { kind: kind(refused_kind), message, causes, state: Some("nothing was changed".to_owned()), hint: Some(hint) }
    }
}
