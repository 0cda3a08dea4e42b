//! The second key of the user: AWS allows two, and a rotation needs one place.

use chrono::{DateTime, Utc};

use super::explain::explain;
use super::{Preflight, Refused};
use crate::aws::Signer;
use crate::model::{AccessKey, AccessKeyPair, LastUsed};
use crate::os::terminal::{Answer, Question};
use crate::rotation::second_key::{Decision, SecondKey, second_key};
use crate::rotation::step::StopKind;

/// What became of the second key.
#[derive(Default)]
pub(super) struct Cleared {
    /// What was done.
    pub(super) notes: Vec<String>,
    /// The second pair and when it was made, where one of the two keys is to replace the other.
    pub(super) united: Option<(AccessKeyPair, DateTime<Utc>)>,
}

/// Makes room for a new key, if a second one takes it. A key that is deleted is taken out of `keys`.
pub(super) fn clear(
    preflight: &Preflight<'_>,
    signer: &Signer,
    user: &str,
    keys: &mut Vec<AccessKey>,
    now: DateTime<Utc>,
) -> Result<Cleared, Refused> {
    let mut cleared = Cleared::default();
    for other in keys.clone().iter().filter(|key| key.id != preflight.pair.id) {
        match make_room(preflight, signer, user, other, now)? {
            Room::Made(note) => {
                cleared.notes.push(note);
                keys.retain(|key| key.id != other.id || preflight.dry_run);
            }
            Room::Unite(pair) => cleared.united = Some((pair, other.created_at)),
        }
    }
    Ok(cleared)
}

enum Room {
    /// It is gone (a dry run: it would be); what to say.
    Made(String),
    /// It stays, and one of the two is the new key.
    Unite(AccessKeyPair),
}

/// Makes room for the new key, if a second one takes it.
fn make_room(preflight: &Preflight<'_>, signer: &Signer, user: &str, other: &AccessKey, now: DateTime<Utc>) -> Result<Room, Refused> {
    let aws = preflight.aws;
    let last_use = aws.get_access_key_last_used(signer, &other.id).unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
    let held_by: Vec<String> = preflight.others.iter().filter(|(pair, _)| pair.id == other.id).map(|(_, place)| place.clone()).collect();
    let second = SecondKey { key: other, last_use: &last_use, held_by: &held_by, history: preflight.history, now };
    let why = match second_key(&second, &preflight.may, &preflight.timing) {
        Decision::Delete(why) => why,
        Decision::Ask(question) if preflight.dry_run => return Ok(Room::Made(question)),
        Decision::OfferToUnite(text) => {
            let pair = preflight.others.iter().find(|(pair, _)| pair.id == other.id).map(|(pair, _)| pair.clone());
            return match pair {
                Some(pair) if !preflight.dry_run && agrees(preflight, text, "move and delete") => Ok(Room::Unite(pair)),
                Some(_) | None => Err(Refused::new(
                    StopKind::Attention,
                    stays(other),
                    "let all profiles of this user have one of the two keys and delete the other",
                )),
            };
        }
        Decision::Ask(text) => {
            if !agrees(preflight, text, "delete it") {
                let hint = format!("when you are sure, run this again with --delete-key {}", other.id);
                return Err(Refused::new(StopKind::Attention, stays(other), hint));
            }
            "you said so"
        }
        Decision::Refuse { message, hint } => return Err(Refused::new(StopKind::Attention, message, hint)),
    };
    if preflight.dry_run {
        return Ok(Room::Made(format!("would delete {}: {why}", other.id)));
    }
    aws.delete_access_key(signer, user, &other.id).map_err(|error| explain(&preflight.pair.id, &error))?;
    Ok(Room::Made(format!("deleted {}: {why}", other.id)))
}

fn stays(other: &AccessKey) -> String {
    format!("{} stays, so that there is no place for a new key", other.id)
}

fn agrees(preflight: &Preflight<'_>, text: String, yes: &str) -> bool {
    let choices = vec![('y', yes.to_owned()), ('n', "leave it alone".to_owned())];
    preflight.console.ask(&Question { text, choices, default: Some('n') }) == Answer::Choice('y')
}
