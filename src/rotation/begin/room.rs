//! The second key of the user: AWS allows two, and a rotation needs one place.

use chrono::{DateTime, Utc};

use super::{KnownKey, Preflight, Refused};
use crate::aws::Signer;
use crate::holder::keychain::read_pair;
use crate::model::{AccessKey, AccessKeyId, AccessKeyPair, LastUsed};
use crate::os::terminal::{Answer, Question};
use crate::profile::SecretAt;
use crate::rotation::second_key::{Decision, SecondKey, second_key};
use crate::rotation::step::StopKind;

/// What is to become of the second key.
#[derive(Default)]
pub(super) struct Room {
    /// It goes before a new key is made, and why.
    pub(super) delete: Option<(AccessKeyId, &'static str)>,
    /// The second pair and when it was made, where one of the two keys is to replace the other.
    pub(super) united: Option<(AccessKeyPair, DateTime<Utc>)>,
    /// What a dry run says.
    pub(super) note: Option<String>,
}

/// Decides how there is room for a new key. Nothing is changed.
pub(super) fn look(
    preflight: &Preflight<'_>,
    signer: &Signer,
    own: &AccessKey,
    keys: &[AccessKey],
    now: DateTime<Utc>,
) -> Result<Room, Refused> {
    let Some(other) = keys.iter().find(|key| key.id != own.id) else { return Ok(Room::default()) };
    let last_use = preflight.aws.get_access_key_last_used(signer, &other.id);
    let last_use = last_use.unwrap_or_else(|error| LastUsed::Unknown(error.to_string()));
    let known = || preflight.known.iter().filter(|known| known.id == other.id);
    let held_by: Vec<String> = known().map(|known| known.place.clone()).collect();
    let second = SecondKey { key: other, own, last_use: &last_use, held_by: &held_by, history: preflight.history, now };
    let delete = |why| {
        let note = preflight.dry_run.then(|| format!("{} would be deleted first: {why}", other.id));
        Ok(Room { delete: Some((other.id.clone(), why)), note, ..Room::default() })
    };
    match second_key(&second, &preflight.may, &preflight.timing) {
        Decision::Delete(why) => delete(why),
        Decision::Ask(question) if preflight.dry_run => {
            Ok(Room { note: Some(format!("this would be asked: {question}")), ..Room::default() })
        }
        Decision::Ask(text) if agrees(preflight, &text, "delete it") => delete("you said so"),
        Decision::Ask(_) => {
            let hint = format!("when you are sure, run this again with --delete-key {}", other.id);
            Err(Refused::new(StopKind::Attention, stays(other), hint))
        }
        Decision::OfferToUnite(text) => match known().find_map(|known| pair(preflight, known)) {
            Some(pair) if !preflight.dry_run && agrees(preflight, &text, "move and delete") => {
                Ok(Room { united: Some((pair, other.created_at)), ..Room::default() })
            }
            Some(_) | None => {
                let hint = "let all profiles of this user have one of the two keys and delete the other";
                Err(Refused::new(StopKind::Attention, stays(other), hint))
            }
        },
        Decision::Refuse { message, hint } => Err(Refused::new(StopKind::Attention, message, hint)),
    }
}

/// The pair that something here has.
fn pair(preflight: &Preflight<'_>, known: &KnownKey) -> Option<AccessKeyPair> {
    match &known.pair.as_ref()?.secret {
        SecretAt::Here(secret) => Some(AccessKeyPair { id: known.id.clone(), secret: secret.clone() }),
        SecretAt::Keychain(item) => read_pair(preflight.reach.keychain, item).ok().filter(|pair| pair.id == known.id),
    }
}

fn stays(other: &AccessKey) -> String {
    format!("{} stays, so that there is no place for a new key", other.id)
}

fn agrees(preflight: &Preflight<'_>, text: &str, yes: &str) -> bool {
    let choices = vec![('y', yes.to_owned()), ('n', "leave it alone".to_owned())];
    preflight.console.ask(&Question { text: text.to_owned(), choices, default: Some('n') }) == Answer::Choice('y')
}
