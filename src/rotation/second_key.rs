//! What to do about another key of the same user: AWS allows two, and a rotation needs one place.

use chrono::{DateTime, TimeDelta, Utc};

use super::describe;
use super::history::HistoryLine;
use super::record::End;
use crate::model::{AccessKey, AccessKeyId, KeyStatus, LastUsed, Timing};

/// An inactive key that was used within this many days is left alone when nobody can be asked.
const RECENT_DAYS: i64 = 30;

/// What is known of the other key.
#[derive(Clone, Debug)]
pub struct SecondKey<'a> {
    /// The key.
    pub key: &'a AccessKey,
    /// The key that is to be rotated.
    pub own: &'a AccessKey,
    /// Its last use.
    pub last_use: &'a LastUsed,
    /// Holders here that have it, as a person calls them.
    pub held_by: &'a [String],
    /// What happened before.
    pub history: &'a [HistoryLine],
    /// AWS's time, in UTC.
    pub now: DateTime<Utc>,
}

/// What a run may do.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// A person can be asked.
    pub attended: bool,
    /// Inactive keys that were not used lately may go unasked.
    pub reclaim_inactive: bool,
    /// The person named this key.
    pub delete_key: Option<AccessKeyId>,
    /// A secret that the settings name, and that is not there, is made.
    pub create_secret: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Delete it; why nobody needs to be asked.
    Delete(&'static str),
    /// Ask whether to delete it; the question.
    Ask(String),
    /// Ask whether all holders here shall have the younger of the two keys, and the older goes.
    OfferToUnite(String),
    /// Leave it; what to say, and what a person can do.
    Refuse {
        /// Why the rotation cannot go on.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// Decides about the other key. A key that is active, or may be, is never deleted unasked.
pub fn second_key(other: &SecondKey<'_>, may: &Permissions, timing: &Timing) -> Decision {
    let id = &other.key.id;
    if may.delete_key.as_ref() == Some(id) {
        return match (&other.key.status, other.held_by) {
            (_, []) => Decision::Delete("you named it"),
            (_, [place, ..]) => {
                refuse(format!("{id} is in use here: {place} has it"), "rotate that profile instead, or take the key out of it first")
            }
        };
    }
    if !other.held_by.is_empty() {
        return held(other, may);
    }
    if is_lost_intent(other, timing) {
        return ask_or_refuse(
            may,
            format!("{id} was probably made for an interrupted rotation, and nobody has its secret. Delete it and go on?"),
            format!("{id} was probably made for an earlier run whose answer was lost: nobody has its secret"),
            id,
        );
    }
    let described = format!("{id} ({}, {})", age(other), describe::last_use(other.last_use));
    match &other.key.status {
        KeyStatus::Inactive if is_own_old_key(other) => Decision::Delete("an earlier rotation left it, inactive"),
        KeyStatus::Inactive if may.reclaim_inactive && !may.attended && !is_recent(other) => {
            Decision::Delete("it is inactive and was not used lately")
        }
        KeyStatus::Inactive => ask_or_refuse(
            may,
            format!(
                "the user has a second key, {described}, which is inactive. AWS allows two, and a rotation needs one place. Delete it?"
            ),
            format!("the user has a second key, {described}, which is inactive; AWS allows two, and a rotation needs one place"),
            id,
        ),
        KeyStatus::Active | KeyStatus::Other(_) => refuse(
            format!("the user has a second active key, {described}, which no profile here has: it is somebody's or a program's"),
            &format!("find out who uses it; if nobody does, run this again with --delete-key {id}"),
        ),
    }
}

/// The other key is in use here too.
fn held(other: &SecondKey<'_>, may: &Permissions) -> Decision {
    let (id, places) = (&other.key.id, said(other.held_by));
    let described = format!("{id} ({}, {})", age(other), describe::last_use(other.last_use));
    let (younger, older) = if other.key.created_at < other.own.created_at { (&other.own.id, id) } else { (id, &other.own.id) };
    match &other.key.status {
        KeyStatus::Inactive => refuse(
            format!("the user has a second key, {described}, which is inactive, and {places} it"),
            &format!("put a live key there or take that one out, then run this again with --delete-key {id}"),
        ),
        KeyStatus::Active | KeyStatus::Other(_) if may.attended => Decision::OfferToUnite(format!(
            "the user has a second active key, {described}, and {places} it. Move everything here to {younger} and delete {older}?"
        )),
        KeyStatus::Active | KeyStatus::Other(_) => refuse(
            format!("the user has a second active key, {described}, and {places} it"),
            &format!("run this at a terminal without --yes: it offers to move everything to {younger} and to delete {older}"),
        ),
    }
}

fn refuse(message: String, hint: &str) -> Decision {
    Decision::Refuse { message, hint: hint.to_owned() }
}

fn ask_or_refuse(may: &Permissions, question: String, message: String, id: &AccessKeyId) -> Decision {
    if may.attended {
        Decision::Ask(question)
    } else {
        refuse(message, &format!("if nobody needs it, run this again with --delete-key {id}"))
    }
}

/// Whether an earlier rotation here replaced it, or undid it: nobody uses it, by our own doing.
fn is_own_old_key(other: &SecondKey<'_>) -> bool {
    other.history.iter().any(|line| match &line.end {
        End::RotatedOldInactive => line.old == other.key.id,
        End::Undone { .. } => line.new.as_ref() == Some(&other.key.id),
        End::Rotated | End::Aborted { .. } | End::Forgotten | End::Pulled => false,
    })
}

/// Whether a CreateAccessKey whose answer was lost may have made it.
fn is_lost_intent(other: &SecondKey<'_>, timing: &Timing) -> bool {
    let memory = TimeDelta::from_std(timing.intent_memory).unwrap_or_default();
    let span = TimeDelta::from_std(timing.suspect_span).unwrap_or_default();
    other.history.iter().any(|line| match &line.end {
        End::Aborted { left_alone, .. } if left_alone.contains(&other.key.id) => *other.last_use == LastUsed::Never,
        End::Aborted { lost_at: Some(lost_at), .. } => {
            let created_at = other.key.created_at;
            other.now - *lost_at <= memory
                && created_at >= *lost_at - TimeDelta::seconds(1)
                && created_at <= *lost_at + span
                && !line.keys_before.contains(&other.key.id)
                && *other.last_use == LastUsed::Never
        }
        End::Aborted { lost_at: None, .. } | End::Rotated | End::RotatedOldInactive | End::Undone { .. } => false,
        End::Forgotten | End::Pulled => false,
    })
}

/// Whether it was used lately, or could not have been before.
fn is_recent(other: &SecondKey<'_>) -> bool {
    let is_recent = |at: DateTime<Utc>| other.now - at < TimeDelta::days(RECENT_DAYS);
    match other.last_use {
        LastUsed::Never => is_recent(other.key.created_at),
        LastUsed::Used(last_use) => is_recent(last_use.at),
        LastUsed::Unknown(_) => true,
    }
}

fn age(other: &SecondKey<'_>) -> String {
    format!("{} days old", (other.now - other.key.created_at).num_days().max(0))
}

fn said(places: &[String]) -> String {
    match places {
        [one] => format!("{one} has"),
        many => format!("{} have", many.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arn, LastUse};

    const NOW: i64 = 1_000_000_000;

    fn at(days_ago: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW - days_ago * 86_400, 0).unwrap()
    }

    fn id() -> AccessKeyId {
        AccessKeyId::parse("AKIASECOND0000000001").unwrap()
    }

    fn line(end: End, new: Option<AccessKeyId>, old: &str) -> HistoryLine {
        HistoryLine {
            rotation: "r".into(),
            started_at: at(1),
            ended_at: at(1),
            user: Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap(),
            host: "h".into(),
            old: AccessKeyId::parse(old).unwrap(),
            new,
            keys_before: vec![],
            end,
            profile: None,
            holders: vec![],
            old_created_at: None,
            deleted_first: None,
            command: None,
        }
    }

    fn decide(status: KeyStatus, last_use: LastUsed, held: &[String], history: &[HistoryLine], may: &Permissions) -> &'static str {
        decided(AccessKey { id: id(), status, created_at: at(0) }, last_use, held, history, may)
    }

    fn decided(key: AccessKey, last_use: LastUsed, held: &[String], history: &[HistoryLine], may: &Permissions) -> &'static str {
        let own = AccessKey { id: AccessKeyId::parse("AKIAFIRST00000000001").unwrap(), status: KeyStatus::Active, created_at: at(9) };
        let other = SecondKey { key: &key, own: &own, last_use: &last_use, held_by: held, history, now: at(0) };
        match second_key(&other, may, &Timing::default()) {
            Decision::Delete(_) => "delete",
            Decision::Ask(_) => "ask",
            Decision::OfferToUnite(_) => "unite",
            Decision::Refuse { .. } => "refuse",
        }
    }

    #[test]
    fn each_row_of_the_table() {
        use KeyStatus::{Active, Inactive, Other};
        let used = |days| LastUsed::Used(LastUse { at: at(days), service: "s3".into(), region: "eu-west-1".into() });
        let alone = Permissions::default();
        let attended = Permissions { attended: true, ..alone.clone() };
        let reclaiming = Permissions { reclaim_inactive: true, ..alone.clone() };
        let naming = Permissions { delete_key: Some(id()), ..alone.clone() };
        let ours = [line(End::RotatedOldInactive, None, id().as_str())];
        let undone = [line(End::Undone { why: String::new() }, Some(id()), "AKIAFIRST00000000001")];
        let lost = [line(
            End::Aborted { why: String::new(), lost_at: Some(at(0)), left_alone: vec![], lost_to: None },
            None,
            "AKIAFIRST00000000001",
        )];
        let here = ["~/.aws/credentials [work]".to_owned()];
        for (status, last_use, held, history, may, wanted) in [
            (Inactive, used(1), &[][..], &ours[..], &alone, "delete"),
            (Inactive, used(1), &[], &undone, &alone, "delete"),
            (Inactive, used(1), &here, &ours, &alone, "refuse"),
            (Inactive, LastUsed::Never, &here, &[], &reclaiming, "refuse"),
            (Active, LastUsed::Never, &here, &lost, &attended, "unite"),
            (Active, LastUsed::Never, &[], &ours, &alone, "refuse"),
            (Active, LastUsed::Never, &[], &lost, &attended, "ask"),
            (Active, LastUsed::Never, &[], &lost, &alone, "refuse"),
            (Active, used(0), &[], &lost, &attended, "refuse"),
            (Inactive, used(40), &[], &[], &attended, "ask"),
            (Inactive, used(40), &[], &[], &alone, "refuse"),
            (Inactive, used(40), &[], &[], &reclaiming, "delete"),
            (Inactive, used(29), &[], &[], &reclaiming, "refuse"),
            (Inactive, LastUsed::Never, &[], &[], &reclaiming, "refuse"),
            (Inactive, LastUsed::Unknown("denied".into()), &[], &[], &reclaiming, "refuse"),
            (Active, LastUsed::Never, &here, &[], &attended, "unite"),
            (Active, LastUsed::Never, &here, &[], &alone, "refuse"),
            (Active, LastUsed::Never, &[], &[], &attended, "refuse"),
            (Active, LastUsed::Never, &[], &[], &reclaiming, "refuse"),
            (Active, LastUsed::Never, &[], &[], &naming, "delete"),
            (Active, LastUsed::Never, &here, &[], &naming, "refuse"),
            (Other("Expired".into()), LastUsed::Never, &[], &[], &reclaiming, "refuse"),
        ] {
            assert_eq!(decide(status.clone(), last_use.clone(), held, history, may), wanted, "{status:?} {last_use:?} {held:?}");
        }
    }

    #[test]
    fn a_key_that_was_made_lately_was_not_left_unused_for_long() {
        let reclaiming = Permissions { reclaim_inactive: true, ..Permissions::default() };
        for (days, wanted) in [(0, "refuse"), (29, "refuse"), (31, "delete")] {
            let key = AccessKey { id: id(), status: KeyStatus::Inactive, created_at: at(days) };
            assert_eq!(decided(key, LastUsed::Never, &[], &[], &reclaiming), wanted, "{days}");
        }
    }
}
