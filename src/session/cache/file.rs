//! A session as it stands in its file, and in its keychain item where the settings want that. Pure.
//!
//! Invariants: what cannot be read is told without a word of the content; a file that names an item has no secret.

use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Known;
use crate::model::{AccessKeyId, SecretAccessKey, SessionToken};
use crate::session::request::Request;

/// The format of a file with the secrets.
const WITH_SECRETS: u32 = 1;
/// The format of one that names the keychain item which has them. Versions that know only the other one do not use it.
const WITH_ITEM: u32 = 2;

// SECRET: in a file of mode 0600, until the session is replaced, forgotten or removed because it has ended.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    request: &'a Request,
    opened_at: DateTime<Utc>,
    opened_for: Option<&'a str>,
    access_key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keychain_item: Option<&'a str>,
    expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Read {
    format: u32,
    request: Request,
    opened_at: DateTime<Utc>,
    opened_for: Option<String>,
    access_key_id: String,
    secret_access_key: Option<String>,
    session_token: Option<String>,
    keychain_item: Option<String>,
    expires_at: DateTime<Utc>,
}

// SECRET: in a keychain item, as long as the file that names it is there.
#[derive(Serialize)]
struct ItemWritten<'a> {
    secret_access_key: &'a str,
    session_token: &'a str,
}

#[derive(Deserialize)]
struct ItemRead {
    secret_access_key: String,
    session_token: String,
}

/// The secrets of a session.
pub(super) struct Secrets {
    pub(super) secret: SecretAccessKey,
    pub(super) session_token: SessionToken,
}

/// What a session's file says.
pub(super) struct Content {
    pub(super) known: Known,
    /// None: its keychain item has them.
    pub(super) secrets: Option<Secrets>,
}

/// The content of a session's file.
pub(super) fn text(Content { known, secrets }: &Content) -> io::Result<Zeroizing<Vec<u8>>> {
    let item = known.item();
    json(&Written {
        format: if secrets.is_some() { WITH_SECRETS } else { WITH_ITEM },
        request: &known.request,
        opened_at: known.opened_at,
        opened_for: known.opened_for.as_deref(),
        access_key_id: known.id.as_str(),
        secret_access_key: secrets.as_ref().map(|secrets| secrets.secret.expose()),
        session_token: secrets.as_ref().map(|secrets| secrets.session_token.expose()),
        keychain_item: secrets.is_none().then_some(item.as_str()),
        expires_at: known.expires_at,
    })
}

/// The content of its keychain item.
pub(super) fn item(secrets: &Secrets) -> io::Result<Zeroizing<Vec<u8>>> {
    json(&ItemWritten { secret_access_key: secrets.secret.expose(), session_token: secrets.session_token.expose() })
}

/// The secrets in an item's content; none where it has something else.
pub(super) fn parse_item(bytes: &[u8]) -> Option<Secrets> {
    let ItemRead { secret_access_key, session_token } = serde_json::from_slice(bytes).ok()?;
    Some(secrets(secret_access_key, session_token))
}

/// What a file's content says, or what is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Content, String> {
    let damaged = || "it is damaged".to_owned();
    // serde's error may quote the content, so it is not passed on.
    let read: Read = serde_json::from_slice(bytes).map_err(|_| damaged())?;
    let Read { format, request, opened_at, opened_for, access_key_id, secret_access_key, session_token, keychain_item, expires_at } = read;
    let id = AccessKeyId::parse(&access_key_id).map_err(|_| damaged())?;
    let known = Known { request, id, expires_at, opened_at, opened_for };
    let secrets = match (format, secret_access_key.zip(session_token), keychain_item) {
        (WITH_SECRETS, Some((secret, token)), None) => Some(secrets(secret, token)),
        // No other name is followed: it could be of an item that is not a session's, and is removed with it.
        (WITH_ITEM, None, Some(item)) if item == known.item().as_str() => None,
        (WITH_SECRETS | WITH_ITEM, _, _) => return Err(damaged()),
        _ => return Err("another version of keyrotate wrote it".to_owned()),
    };
    Ok(Content { known, secrets })
}

fn secrets(secret: String, session_token: String) -> Secrets {
    Secrets { secret: SecretAccessKey::new(secret), session_token: SessionToken::new(session_token) }
}

fn json(value: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    // SECRET: large enough not to move while it grows, and wiped when dropped.
    let mut text = Zeroizing::new(Vec::with_capacity(16 * 1_024));
    serde_json::to_writer(&mut *text, value)?;
    Ok(text)
}
