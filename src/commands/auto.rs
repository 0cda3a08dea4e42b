//! `keyrotate auto`: what a timer runs. Goes on with what waits, rotates what is due, and tells what a person has to know.
//!
//! Invariants: it never asks; it says nothing when there is nothing to say; the desktop is told of one matter once a day.

mod matters;
mod moves;
mod notices;

use std::time::Duration;

use super::context::Context;
use super::failure::{Failure, FailureKind, worst};
use super::rotate::{Finish, RotateOptions, RotateOutcome, Rotated, Run, is_cut_off, rotate_all};
use super::status::{StatusOptions, StatusOutcome, status};
use crate::model::Timing;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::os::{clock, notify};

pub use matters::{Matter, Urgency};

/// What `auto` was asked for.
#[derive(Clone, Debug, Default)]
pub struct AutoOptions {
    /// Begin at once: no random while before a rotation.
    pub now: bool,
}

/// What came of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoOutcome {
    /// What a person should know, the most urgent first.
    pub matters: Vec<Matter>,
    /// What was done to keys.
    pub rotated: RotateOutcome,
    /// What the whole comes to.
    pub exit_code: u8,
}

/// Runs the command. Where the files cannot be read, what an earlier run began is gone on with all the same: it may put them right.
pub fn auto(context: &mut Context, console: &Console, signals: &Signals, options: &AutoOptions) -> Result<AutoOutcome, Failure> {
    let timing = context.waits();
    let mut seen = reached(context, console, &timing);
    // A key that is on its way between two places is rotated when it has arrived.
    let moves = moves::finish(context, console, signals);
    if !moves.matters.is_empty() {
        seen = context.reread().and_then(|()| status(context, &StatusOptions::default()));
    }
    let mut rotated = RotateOutcome::default();
    // What is said of the keys of others is found out by who rotates them.
    let is_shared = !context.settings.keys().is_empty() || context.settings.names_a_rotator();
    if seen.as_ref().map_or(true, has_work) || is_shared || is_cut_off(context) {
        // Machines that wake at the same minute do not ask IAM at the same second.
        if !options.now && !console.is_watched() && seen.as_ref().is_ok_and(is_due) {
            console.pause(some_part_of(timing.auto_spread));
        }
        rotated = work(context, console, signals);
        if has_changed(&rotated) {
            seen = context.reread().and_then(|()| status(context, &StatusOptions::default()));
        }
    }
    let seen = seen.map_err(|failure| tell(&mut rotated, failure)).ok();
    let matters = matters::of(seen.as_ref(), &rotated, moves.matters);
    let codes = rotated.keys.iter().filter_map(Rotated::failure).map(|failure| failure.kind.exit_code());
    let mfa = seen.as_ref().filter(|seen| wants_mfa(seen)).map(|_| FailureKind::MfaNeeded.exit_code());
    let exit_code = worst(codes.chain(moves.exit_codes).chain(mfa).chain(seen.map(|seen| seen.exit_code)));
    if context.settings.wants_notices() {
        let fresh = notices::fresh(&context.paths.state_dir, &matters, clock::local_now());
        if let Some(text) = matters::summary(&fresh) {
            notify::notify("keyrotate", &text);
        }
    }
    Ok(AutoOutcome { matters, rotated, exit_code })
}

/// Adds a failure to the results, unless the rotation met the same.
fn tell(rotated: &mut RotateOutcome, failure: Failure) {
    if rotated.keys.iter().filter_map(Rotated::failure).all(|told| told.message != failure.message) {
        rotated.keys.push(Rotated::Failed(failure));
    }
}

/// Rotates what is due and goes on with what waits. What fails is a result like any other.
fn work(context: &Context, console: &Console, signals: &Signals) -> RotateOutcome {
    let due = RotateOptions { due: true, yes: true, ..RotateOptions::default() };
    rotate_all(&Run::new("auto", context, console, signals, &due))
        .unwrap_or_else(|failure| RotateOutcome { keys: vec![Rotated::Failed(failure)], notes: Vec::new() })
}

/// What `status` sees, once AWS can be reached: after a wake the network takes its time. Gives up after a while.
fn reached(context: &Context, console: &Console, timing: &Timing) -> Result<StatusOutcome, Failure> {
    let until = clock::boot_time() + timing.network_wait;
    loop {
        let seen = status(context, &StatusOptions::default())?;
        let is_cut_off = !seen.keys.is_empty() && seen.keys.iter().all(|(key, _)| key.is_unreachable);
        if !is_cut_off || clock::boot_time() >= until {
            return Ok(seen);
        }
        console.progress("waiting for the network");
        if console.pause(timing.network_poll) {
            return Ok(seen);
        }
    }
}

/// Whether a key could not be looked at without MFA.
fn wants_mfa(seen: &StatusOutcome) -> bool {
    seen.keys.iter().filter_map(|(key, _)| key.problem.as_ref()).any(|problem| problem.kind == FailureKind::MfaNeeded)
}

/// Whether a key is due that this machine rotates, an own one or another user's.
fn is_due(seen: &StatusOutcome) -> bool {
    seen.keys.iter().any(|(key, _)| key.is_due(seen.now)) || seen.managed.iter().any(|(key, _)| key.is_here && key.is_due(seen.now))
}

/// Whether a key is due, or something in the journal may be gone on with.
fn has_work(seen: &StatusOutcome) -> bool {
    is_due(seen)
        || !seen.other_rotations.is_empty()
        || !seen.unreadable.is_empty()
        || seen.keys.iter().any(|(key, _)| !key.pending.is_empty())
}

fn has_changed(rotated: &RotateOutcome) -> bool {
    let is_new = |key: &Rotated| match key {
        Rotated::Done { .. } | Rotated::TakenBack { .. } => true,
        Rotated::Resting { finish, .. } => *finish != Finish::AfterGrace,
        Rotated::Forgotten { .. } | Rotated::Planned { .. } | Rotated::WouldGoOn { .. } => false,
        Rotated::WouldPull { .. } | Rotated::Elsewhere { .. } => false,
        Rotated::NotDue { .. } | Rotated::Declined(_) | Rotated::Failed(_) => false,
    };
    rotated.keys.iter().any(is_new)
}

/// A random part of it; none where the system has no randomness.
fn some_part_of(whole: Duration) -> Duration {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_or(Duration::ZERO, |()| whole.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::commands::status::{ManagedFacts, ManagedSeen};
    use crate::model::{AccessKeyId, KeyStatus, LastUsed, Limits, ProfileName};

    /// Only the key of another user is there.
    fn seen(days: i64, is_here: bool) -> StatusOutcome {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let seen = ManagedSeen {
            observed_at: now,
            id: AccessKeyId::parse("AKIAEXAMPLE000000001").unwrap(),
            created_at: now - TimeDelta::days(days),
            status: KeyStatus::Active,
            last_use: LastUsed::Never,
        };
        let key = ManagedFacts {
            name: ProfileName::new("ci"),
            user: "ci-deploy".into(),
            rotator: None,
            is_here,
            secrets: Vec::new(),
            limits: Limits::default(),
            seen: Some(seen),
            is_remembered: false,
            problem: None,
            pending: Vec::new(),
        };
        StatusOutcome {
            now,
            keys: Vec::new(),
            managed: vec![(key, Vec::new())],
            skipped: Vec::new(),
            other_rotations: Vec::new(),
            unreadable: Vec::new(),
            moves: Vec::new(),
            warnings: Vec::new(),
            absent: Vec::new(),
            notes: Vec::new(),
            exit_code: 0,
        }
    }

    #[test]
    fn a_key_of_another_user_that_is_due_here_is_waited_for_as_an_own_one() {
        for (days, is_here, waits) in [(200, true, true), (200, false, false), (1, true, false)] {
            assert_eq!(is_due(&seen(days, is_here)), waits, "{days} {is_here}");
        }
    }
}
