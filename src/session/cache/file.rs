//! A session as it stands in its file. Pure.
//!
//! Invariant: what cannot be read is told without a word of the content.

use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Cached;
use crate::model::{AccessKeyId, SecretAccessKey, SessionToken, TemporaryCredentials};
use crate::session::request::Request;

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

// SECRET: in a file of mode 0600, until the session is replaced, forgotten or removed because it has ended.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    request: &'a Request,
    opened_at: DateTime<Utc>,
    opened_for: Option<&'a str>,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Read {
    format: u32,
    request: Request,
    opened_at: DateTime<Utc>,
    opened_for: Option<String>,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expires_at: DateTime<Utc>,
}

/// The content of the session's file.
pub(super) fn text(cached: &Cached) -> io::Result<Zeroizing<Vec<u8>>> {
    let Cached { request, credentials, opened_at, opened_for } = cached;
    let written = Written {
        format: FORMAT,
        request,
        opened_at: *opened_at,
        opened_for: opened_for.as_deref(),
        access_key_id: credentials.id.as_str(),
        secret_access_key: credentials.secret.expose(),
        session_token: credentials.session_token.expose(),
        expires_at: credentials.expires_at,
    };
    // SECRET: large enough not to move while it grows, and wiped when dropped.
    let mut text = Zeroizing::new(Vec::with_capacity(16 * 1_024));
    serde_json::to_writer(&mut *text, &written)?;
    Ok(text)
}

/// The session in a file's content, or what is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Cached, String> {
    // serde's error may quote the content, so it is not passed on.
    let read: Read = serde_json::from_slice(bytes).map_err(|_| "it is damaged".to_owned())?;
    if read.format != FORMAT {
        return Err("another version of keyrotate wrote it".to_owned());
    }
    let id = AccessKeyId::parse(&read.access_key_id).map_err(|_| "it is damaged".to_owned())?;
    let credentials = TemporaryCredentials {
        id,
        secret: SecretAccessKey::new(read.secret_access_key),
        session_token: SessionToken::new(read.session_token),
        expires_at: read.expires_at,
    };
    Ok(Cached { request: read.request, credentials, opened_at: read.opened_at, opened_for: read.opened_for })
}
