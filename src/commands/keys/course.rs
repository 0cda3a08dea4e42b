//! The course that `keys add` and `keys import` share: what is done with the lock and what without, and the way back.
//!
//! Invariant: the line is tried out without the lock, which the program that it names may want; whatever came of it is written down with it.

use super::mover::Mover;
use super::proof::Proof;
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::commands::rotate::{RotateOptions, Run};
use crate::keys::Import;
use crate::model::Identity;
use crate::os::signals::Signals;
use crate::os::terminal::Console;

/// Who asks, and for what.
pub(super) struct Course<'a> {
    pub(super) command: &'static str,
    pub(super) console: &'a Console,
    pub(super) signals: &'a Signals,
    /// The profile; none means the chosen one.
    pub(super) profile: Option<&'a String>,
    /// No confirmation.
    pub(super) yes: bool,
    /// Tell, change nothing.
    pub(super) dry_run: bool,
}

/// How far it came under the lock.
pub(super) enum Step<T> {
    /// It is in the keychain; the line has to be tried out.
    In(Box<Import>, Box<Identity>),
    /// There is nothing to try out.
    Ended(T),
    /// What an earlier run left is gone; the files are to be read again.
    Again,
}

/// Takes steps until one ends it or moves the key, tries out what was moved, and ends that with what was found, or puts it back.
pub(super) fn follow<T>(
    context: &mut Context,
    course: &Course<'_>,
    step: impl Fn(Mover<'_>) -> Result<Step<T>, Failure>,
    end: impl FnOnce(Mover<'_>, Import, Proof) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let Course { command, console, signals, profile, yes, dry_run } = *course;
    let rotate = RotateOptions { profiles: profile.into_iter().cloned().collect(), yes, ..RotateOptions::default() };
    let lock = if dry_run { None } else { Some(Run::new(command, context, console, signals, &rotate).lock()?) };
    let (mut import, identity) = loop {
        context.reread()?;
        let run = Run::new(command, context, console, signals, &rotate);
        if !dry_run {
            run.tidy_probe();
        }
        match step(Mover { run: &run })? {
            Step::In(import, identity) => break (*import, identity),
            Step::Ended(outcome) => return Ok(outcome),
            Step::Again => {}
        }
    };
    drop(lock);
    context.reread()?;
    let run = Run::new(command, context, console, signals, &rotate);
    let mover = Mover { run: &run };
    let proof = mover.prove(&import, &identity);
    let _lock = run.lock()?;
    match proof {
        Ok(proof) => end(mover, import, proof),
        Err(failure) => Err(mover.put_back(&mut import, failure)),
    }
}
