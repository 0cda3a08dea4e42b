//! Who else works on the secrets. Invariant: what they made current last is remembered without our pairs, so that it can be told whether
//! anything of it was lost or changed.

use keyrotate::aws::SecretBody;
use keyrotate::model::{AccessKeyPair, SecretFields};

use super::events::Hand;
use super::iam::Who;
use super::people::without_pairs;
use super::rng::hash;
use super::universe::Universe;
use super::vault::{CURRENT, PENDING, Secret};

/// Puts the first secrets there, with this pair.
pub fn move_in(universe: &Universe, old: &AccessKeyPair) {
    let (id, secret) = (old.id.as_str(), old.secret.expose());
    for number in 0..usize::from(universe.schedule.scene.secrets) {
        let draw = hash(&[universe.schedule.seed, 0x5EC, number as u64]);
        let (json, fields) = match draw & 1 {
            0 => (
                format!("{{\"AccessKeyId\":\"{id}\",\"host\":\"db\",\"SecretAccessKey\":\"{secret}\"}}"),
                ["AccessKeyId", "SecretAccessKey"],
            ),
            _ => (format!("{{\r\n\t\"pass\" : \"{secret}\",\n  \"port\":5432.0,  \"user\": \"{id}\"  }}\n"), ["user", "pass"]),
        };
        let fields = SecretFields { id: fields[0].to_owned(), secret: fields[1].to_owned() };
        let skeleton = without_pairs(universe, &json);
        let body = if draw & 2 == 0 { SecretBody::Text(json.into()) } else { SecretBody::Binary(json.into_bytes().into()) };
        universe.vault.borrow_mut().secrets.push(Secret::new(number, fields, draw & 4 == 0, body, skeleton));
    }
}

/// Somebody does this to a secret.
pub fn act(universe: &Universe, number: usize, hand: Hand) {
    let mut vault = universe.vault.borrow_mut();
    vault.version += 1;
    let Some(secret) = vault.secrets.get_mut(number) else { return };
    let beat = universe.beats.get();
    match hand {
        Hand::Delete => secret.is_deleted = true,
        Hand::Undelete => secret.is_deleted = false,
        Hand::Kms(beats) => {
            secret.kms_denied = beat + beats;
            return;
        }
        // AWS refuses everything else while it is marked.
        _ if secret.is_deleted => return,
        Hand::AddField => {
            let body = noted(secret, &secret.current().clone());
            make_current(universe, secret, body);
        }
        Hand::Open => {
            secret.opened = Some(secret.current().clone());
            return;
        }
        Hand::Save => {
            if let Some(opened) = secret.opened.take() {
                let body = noted(secret, &opened);
                make_current(universe, secret, body);
            }
        }
        Hand::Restore => {
            let body = secret.original.clone();
            make_current(universe, secret, body);
        }
        Hand::ForeignPair => {
            let body = foreign(secret);
            make_current(universe, secret, body);
        }
        Hand::Pending => {
            let (id, body) = (version(secret), foreign(secret));
            secret.add(&id, body, Who::Others, PENDING);
            secret.waiting = Some((id, beat));
            return;
        }
        Hand::GiveUp => {
            if secret.waiting.take().is_some() {
                secret.attach(PENDING, None);
            }
            return;
        }
        Hand::TakeOver => {
            if let Some((id, _)) = secret.waiting.take() {
                secret.attach(CURRENT, Some(&id));
                secret.attach(PENDING, None);
                secret.skeleton = skeleton(universe, secret.current());
            }
        }
    }
    secret.edited_at = beat;
}

fn skeleton(universe: &Universe, body: &SecretBody) -> String {
    without_pairs(universe, &String::from_utf8_lossy(body.bytes()))
}

/// An ID that no version has.
fn version(secret: &mut Secret) -> String {
    secret.notes += 1;
    format!("others-{:029}", secret.notes)
}

fn make_current(universe: &Universe, secret: &mut Secret, body: SecretBody) {
    let id = version(secret);
    secret.skeleton = skeleton(universe, &body);
    secret.add(&id, body, Who::Others, CURRENT);
}

fn with_text(body: &SecretBody, change: impl FnOnce(String) -> String) -> SecretBody {
    let text = change(String::from_utf8_lossy(body.bytes()).into_owned());
    match body {
        SecretBody::Text(_) => SecretBody::Text(text.into()),
        SecretBody::Binary(_) => SecretBody::Binary(text.into_bytes().into()),
    }
}

/// The content with one field more.
fn noted(secret: &Secret, body: &SecretBody) -> SecretBody {
    let number = secret.notes + 1;
    with_text(body, |text| text.replacen('{', &format!("{{\"note{number}\": [{number}],"), 1))
}

/// The content with a pair of somebody else's.
fn foreign(secret: &Secret) -> SecretBody {
    let (id, key) = secret.held().unwrap_or_default();
    with_text(secret.current(), |text| text.replacen(&id, "AKIASOMEBODYELSES003", 1).replacen(&key, "somebody", 1))
}
