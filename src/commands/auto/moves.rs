//! What a run began and did not finish: moves of a key into the keychain or back, which are gone on with as the person who began them wanted, and MFA
//! devices and root users' keys, which are told.
//!
//! Invariant: what cannot be finished is told with the command that does.

use super::{Matter, Urgency};
use crate::commands::context::Context;
use crate::commands::failure::FailureKind;
use crate::commands::keys::import::{ImportOptions, Request, import};
use crate::keys::{Import, unfinished};
use crate::mfa;
use crate::os::disk::RealDisk;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::root_key;

/// What came of it: a matter a move, and the exit codes of those that wait on.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub(super) matters: Vec<Matter>,
    pub(super) exit_codes: Vec<u8>,
}

/// Finishes each. What cannot be read of them `status` tells.
pub(super) fn finish(context: &mut Context, console: &Console, signals: &Signals) -> Moves {
    let (found, _) = unfinished(&RealDisk, &context.paths.state_dir.join("imports"));
    let mut moves = Moves::default();
    for begun in found {
        if begun.given.is_some() {
            // Nobody but the person who gave the key may have it.
            moves.exit_codes.push(FailureKind::Attention.exit_code());
            let text = format!("{} was interrupted: run `{}`, which goes on", begun.told(), begun.again());
            moves.matters.push(Matter { name: format!("moves {}", begun.item), urgency: Urgency::Attention, text });
            continue;
        }
        let options = ImportOptions {
            profile: begun.profiles.first().map(ToString::to_string),
            yes: true,
            undo: begun.is_back,
            ..ImportOptions::default()
        };
        let request = Request { console, signals, variables: &[], options: &options, tell: &|_| {} };
        let (urgency, text) = match import(context, &request) {
            Ok(_) => (Urgency::Done, format!("{} had been interrupted, and is finished", begun.told())),
            Err(failure) => {
                moves.exit_codes.push(failure.kind.exit_code());
                let why = [failure.message].into_iter().chain(failure.causes).collect::<Vec<_>>().join(": ");
                (Urgency::Attention, waits(&begun, &why))
            }
        };
        moves.matters.push(Matter { name: format!("moves {}", begun.item), urgency, text });
    }
    for begun in enrolments(context) {
        moves.exit_codes.push(FailureKind::Attention.exit_code());
        let text = format!("{} was interrupted: run `{}`, which goes on", begun.told(), begun.again());
        moves.matters.push(Matter { name: format!("mfa {}", begun.serial), urgency: Urgency::Attention, text });
    }
    for removal in root_key::unfinished(&RealDisk, &crate::commands::known::removals_directory(context)).0 {
        moves.exit_codes.push(FailureKind::Attention.exit_code());
        moves.matters.push(Matter { name: format!("root key {}", removal.id), urgency: Urgency::Attention, text: removal.waits() });
    }
    moves
}

/// Devices that were being made, which only a person with an authenticator goes on with.
fn enrolments(context: &Context) -> Vec<mfa::Enrolment> {
    mfa::unfinished(&RealDisk, &crate::commands::mfa::directory(context)).0
}

fn waits(begun: &Import, why: &str) -> String {
    format!("{} was interrupted, and could not be finished: {why}; put that right, then run `{}`", begun.told(), begun.again())
}
