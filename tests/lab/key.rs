//! A long-term access key: its status, its uses, and when each server has heard of its last change. Invariant: a use is recorded once per
//! 15 minutes, as IAM does.

use std::time::Instant;

/// What a key is; `Deleted` ones are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
    Deleted,
}

impl Status {
    /// AWS's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
            Self::Deleted => "Deleted",
        }
    }
}

/// One recorded use of a key.
#[derive(Clone, Debug)]
pub struct Use {
    pub at: f64,
    pub service: String,
    pub region: String,
}

/// A long-term key. `user` is an index, so that a rename of the user leaves it alone.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub user: usize,
    pub status: Status,
    pub created_at: f64,
    pub uses: Vec<Use>,
    pub(super) was_active: bool,
    pub(super) since: Instant,
    pub(super) settle: f64,
    pub(super) listed_after: f64,
}

/// What a holder of a pair can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    /// Some calls are refused for a while.
    Flapping,
    No,
}

impl Key {
    /// Whether every server agrees on the last change.
    pub fn settled(&self) -> bool {
        self.since.elapsed().as_secs_f64() >= self.settle
    }

    /// Whether listings show the key yet.
    pub fn listed(&self) -> bool {
        self.listed_after == 0.0 || self.since.elapsed().as_secs_f64() >= self.listed_after
    }

    /// Records a use, the first of 15 minutes only, as IAM does.
    pub fn used(&mut self, at: f64, service: &str, region: &str) {
        if self.uses.last().is_none_or(|last| at - last.at > 900.0) {
            self.uses.push(Use { at, service: service.into(), region: region.into() });
        }
    }
}
