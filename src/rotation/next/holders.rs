//! Bringing every holder to one pair: what to do next, and when that is done.

use super::super::observation::Observation;
use super::super::record::{HolderEntry, Record, Which};
use super::super::step::Step;
use super::{Rules, rival};
use crate::holder::Sight;
use crate::model::AccessKeyId;

/// How often other programs may be faster before we stop for now.
const COLLISIONS: u32 = 10;

const WAITING: &str = "waiting for another program to finish writing";

/// How far the holders are.
pub(super) enum Brought {
    /// Do this first.
    First(Step),
    /// Every holder that is there has the pair.
    All {
        /// Those that are not there now.
        away: Vec<String>,
    },
    /// These refuse, each with its reason; all others have the pair.
    Refused(Vec<String>),
    /// No holder is left that has the pair.
    None,
}

/// Brings every holder to `to`; with `release`, also removes what the changes displaced.
pub(super) fn bring(record: &Record, seen: &Observation, rules: &Rules, to: Which, release: bool) -> Brought {
    let rest = (seen.collided_at + rules.timing.poll).saturating_sub(seen.clock);
    if seen.collisions > 0 && !rest.is_zero() {
        return Brought::First(Step::Wait(rest, WAITING.to_owned()));
    }
    let Some(sights) = &seen.holders else { return Brought::First(Step::ReadHolders) };
    let all = || record.holders.iter().zip(sights).enumerate().filter(|(_, (entry, _))| !entry.left_out);
    let each = || all().filter(|(_, (entry, sight))| !rival::keeps(record, entry, sight));
    let mut in_order: Vec<_> = each().collect();
    // What other machines share comes first: where one of them was faster, nothing here was written yet.
    in_order.sort_by_key(|(_, (entry, _))| to == Which::New && !entry.place.is_secret());
    if let Some(step) = in_order.into_iter().find_map(|(index, (entry, sight))| change(index, entry, sight, seen, to)) {
        return Brought::First(step);
    }
    if seen.clock.saturating_sub(seen.entered) < rules.timing.verify_span_flapping
        && each().any(|(_, (entry, sight))| is_garbled(entry, sight))
    {
        // A program that writes slowly and in place leaves half a file for a moment.
        return Brought::First(read_again(seen, rules));
    }
    let full = |index: usize, entry: &HolderEntry| !entry.displaced.is_empty() && !seen.refusals.contains_key(&index);
    if release && let Some((holder, _)) = each().find(|(index, (entry, _))| full(*index, entry)) {
        return Brought::First(Step::ReleaseHolder { holder, to });
    }
    let refused: Vec<String> = each().flat_map(|(index, (entry, sight))| refusals(index, entry, sight, seen)).collect();
    if !refused.is_empty() {
        return Brought::Refused(refused);
    }
    if !each().any(|(_, (_, sight))| has(sight, to)) && each().count() == all().count() {
        return Brought::None;
    }
    let away = each().filter(|(_, (_, sight))| **sight == Sight::Away).map(|(_, (entry, _))| entry.place.to_string()).collect();
    Brought::All { away }
}

/// Whether a place here names a key that is not this rotation's.
pub(super) enum Held {
    /// Do this first.
    First(Step),
    /// This one.
    By(String),
    /// None of them.
    Nowhere,
}

/// Looks for `key` in every place.
pub(super) fn held_here(record: &Record, seen: &Observation, key: &AccessKeyId) -> Held {
    let Some(sights) = &seen.holders else { return Held::First(Step::ReadHolders) };
    let names = |sight: &Sight| matches!(sight, Sight::Seen { others, .. } if others.contains(key));
    let found = record.holders.iter().zip(sights).find(|(_, sight)| names(sight));
    found.map_or(Held::Nowhere, |(entry, _)| Held::By(entry.place.to_string()))
}

/// Whether so many programs were faster that this run gives up on the holder.
pub(in crate::rotation) fn is_hopeless(collisions: u32) -> bool {
    collisions >= COLLISIONS
}

fn read_again(seen: &Observation, rules: &Rules) -> Step {
    let pause = (seen.holders_at + rules.timing.poll).saturating_sub(seen.clock);
    if pause.is_zero() { Step::ReadHolders } else { Step::Wait(pause, WAITING.to_owned()) }
}

fn is_garbled(entry: &HolderEntry, sight: &Sight) -> bool {
    match sight {
        Sight::Unreadable { .. } => entry.may_have_a_pair(),
        Sight::Seen { .. } | Sight::Torn | Sight::Away => false,
    }
}

fn change(index: usize, entry: &HolderEntry, sight: &Sight, seen: &Observation, to: Which) -> Option<Step> {
    if seen.refusals.contains_key(&index) {
        return None;
    }
    match sight {
        Sight::Torn => Some(Step::WriteHolder { holder: index, to: entry.staged_to }),
        Sight::Seen { .. } if entry.staged.is_some() && entry.staged_to == to => Some(Step::WriteHolder { holder: index, to }),
        // What is prepared the other way round is given up by the preparation.
        Sight::Seen { .. } if has(sight, to.other()) => Some(Step::PrepareHolder { holder: index, to }),
        Sight::Seen { .. } | Sight::Away | Sight::Unreadable { .. } => None,
    }
}

fn has(sight: &Sight, which: Which) -> bool {
    match (sight, which) {
        (Sight::Seen { old, .. }, Which::Old) => !old.is_empty(),
        (Sight::Seen { new, .. }, Which::New) => !new.is_empty(),
        (Sight::Torn | Sight::Away | Sight::Unreadable { .. }, _) => false,
    }
}

fn refusals(index: usize, entry: &HolderEntry, sight: &Sight, seen: &Observation) -> Vec<String> {
    let place = &entry.place;
    let mut found: Vec<String> = seen.refusals.get(&index).cloned().into_iter().collect();
    match sight {
        Sight::Seen { foreign, .. } => {
            found.extend(foreign.iter().map(|strange| format!("{} now", strange.told(place))));
        }
        Sight::Unreadable { why, .. } if entry.may_have_a_pair() => found.push(format!("{place}: {why}")),
        Sight::Torn => found.push(format!("{place} is written in part")),
        Sight::Unreadable { .. } | Sight::Away => {}
    }
    found
}
