//! What an outcome changes in the record and in what was seen. Pure: nothing is written down here.

use super::super::next::is_hopeless;
use super::super::observation::{Act, Listing, Observation, is_refusal};
use super::super::record::{HolderEntry, NewKey, Record, State, Which};
use super::super::step::Step;
use super::super::world::{Outcome, Prepared};
use crate::aws::AwsError;
use crate::holder::{Displaced, HolderError, Sight};
use crate::model::{AccessKey, AccessKeyPair, Identity, KeyStatus};

/// Takes an outcome in. Returns whether the record changed, and so has to be written down before anything else.
pub(super) fn fold(record: &mut Record, seen: &mut Observation, step: &Step, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Listed(signer, answer) => {
            listed(seen, signer, answer);
            false
        }
        Outcome::Identified(which, answer) => {
            let renamed = answer.as_ref().ok().is_some_and(|identity| rename(record, identity));
            if renamed {
                // What was asked under the old name says nothing.
                (seen.listing_errors, seen.act, seen.attempts) = (Default::default(), None, 0);
            }
            seen.prove(which, answer);
            renamed
        }
        Outcome::LastUse(last_use) => {
            seen.last_use = Some(last_use);
            false
        }
        // A key that was there before is not the answer to this call: a proxy or a cache told an old one.
        Outcome::Created(Ok((pair, _))) if pair.id == record.old.id || record.keys_before.contains(&pair.id) => {
            let error = AwsError::garbled("iam:CreateAccessKey", "the key in the answer was there before");
            seen.act = Some(Act { clock: seen.clock, result: Err(error) });
            false
        }
        Outcome::Created(Ok((pair, created_at))) => {
            record.new = Some(NewKey { pair, created_at });
            record.state = State::Created;
            seen.enter();
            true
        }
        Outcome::Created(Err(error)) => {
            seen.act = Some(Act { clock: seen.clock, result: Err(error) });
            false
        }
        Outcome::Changed(result) => {
            changed(record, seen, step, result);
            false
        }
        Outcome::Read(sights) => {
            seen.holders_at = seen.clock;
            seen.holder_errors = sights.iter().enumerate().filter_map(refused_read).collect();
            seen.holders = Some(sights);
            false
        }
        Outcome::Prepared(holder, to, result) => prepared(record, seen, holder, to, result),
        Outcome::Written(holder, result) => written(record, seen, holder, result),
        Outcome::Released(holder, result) => {
            seen.holders = None;
            match result {
                Ok(()) => edit(record, holder, |entry| entry.displaced.clear()),
                Err(error) => collided(seen, holder, &error),
            }
        }
        Outcome::Waited => false,
        Outcome::Opened(sight) => {
            let signed = std::mem::replace(&mut seen.session, sight).signs();
            if signed || sight.signs() {
                // What was refused to another signer says nothing.
                (seen.listing_errors, seen.act, seen.attempts) = (Default::default(), None, 0);
                seen.refusals.retain(|holder, _| !seen.holder_errors.contains_key(holder));
                if !std::mem::take(&mut seen.holder_errors).is_empty() {
                    seen.holders = None;
                }
            }
            false
        }
        Outcome::Answered(delete) => {
            seen.delete_suspect = Some(delete);
            false
        }
    }
}

/// The same user may have another name by now, under which its keys are found. Returns whether it has.
fn rename(record: &mut Record, identity: &Identity) -> bool {
    let Some(name) = identity.user_name().filter(|name| *name != record.user_name && identity.same_principal(&record.identity)) else {
        return false;
    };
    record.user_name = name.to_owned();
    record.identity = identity.clone();
    true
}

fn listed(seen: &mut Observation, signer: Which, answer: Result<Vec<AccessKey>, AwsError>) {
    let [old, new] = &mut seen.listing_errors;
    let slot = match signer {
        Which::Old => old,
        Which::New => new,
    };
    match answer {
        Ok(keys) => {
            *slot = None;
            seen.listing = seen.now.map(|at| Listing { keys, signer, clock: seen.clock, at });
        }
        Err(error) => {
            if is_refusal(&error) && !seen.session.signs() {
                let [old, new] = &mut seen.proofs;
                let proof = match signer {
                    Which::Old => old,
                    Which::New => new,
                };
                proof.successes.clear();
                (proof.refused, proof.tried) = (Some(seen.clock), Some(seen.clock));
            }
            *slot = Some(error);
        }
    }
}

/// A clear success is applied to the listing: after a clear answer, go on.
fn changed(record: &Record, seen: &mut Observation, step: &Step, result: Result<(), AwsError>) {
    if result.is_ok()
        && let Some(listing) = &mut seen.listing
    {
        if let Step::UpdateAccessKey { key, status, .. } = step {
            set_status(listing, record.pair(*key), status);
        }
        if let Step::DeleteAccessKey { key, .. } = step {
            listing.keys.retain(|listed| listed.id != *key);
        }
    }
    seen.attempts = if result.is_ok() { 0 } else { seen.attempts + 1 };
    seen.act = Some(Act { clock: seen.clock, result });
}

fn set_status(listing: &mut Listing, pair: Option<&AccessKeyPair>, status: &KeyStatus) {
    for key in listing.keys.iter_mut().filter(|key| pair.is_some_and(|pair| pair.id == key.id)) {
        key.status = status.clone();
    }
}

fn prepared(record: &mut Record, seen: &mut Observation, holder: usize, to: Which, result: Result<Prepared, HolderError>) -> bool {
    match result {
        Ok(prepared) => edit(record, holder, |entry| {
            entry.displaced.extend(prepared.displaced);
            entry.staged = Some(prepared.staged);
            entry.staged_to = to;
            entry.stagings += 1;
        }),
        Err(error) => {
            seen.holders = None;
            collided(seen, holder, &error)
        }
    }
}

fn written(record: &mut Record, seen: &mut Observation, holder: usize, result: Result<Option<Displaced>, HolderError>) -> bool {
    seen.holders = None;
    match result {
        Ok(displaced) => edit(record, holder, |entry| {
            entry.displaced.extend(displaced);
            entry.staged = None;
        }),
        Err(error) => {
            // A busy holder may have displaced something already, which only the staged change knows of.
            let stale = matches!(error, HolderError::Changed { .. });
            collided(seen, holder, &error);
            stale && edit(record, holder, |entry| entry.staged = None)
        }
    }
}

/// AWS's refusal of a read.
fn refused_read((holder, sight): (usize, &Sight)) -> Option<(usize, AwsError)> {
    match sight {
        Sight::Unreadable { error: Some(error), .. } => Some((holder, error.clone())),
        Sight::Unreadable { error: None, .. } | Sight::Seen { .. } | Sight::Torn | Sight::Away => None,
    }
}

/// Another program was faster, which is tried again; or the holder refuses, which is told.
fn collided(seen: &mut Observation, holder: usize, error: &HolderError) -> bool {
    let faster = error.is_passing();
    if let HolderError::Aws { source, .. } = error {
        seen.holder_errors.insert(holder, source.clone());
    }
    seen.collisions += u32::from(faster);
    seen.collided_at = seen.clock;
    if !faster || is_hopeless(seen.collisions) {
        let cause = std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default();
        seen.refusals.insert(holder, format!("{error}{cause}"));
    }
    false
}

fn edit(record: &mut Record, holder: usize, change: impl FnOnce(&mut HolderEntry)) -> bool {
    if let Some(entry) = record.holders.get_mut(holder) {
        change(entry);
    }
    true
}
