//! What `login`, `logout` and `credential-process` print.

use std::time::Duration;

use chrono::SecondsFormat;
use serde::Serialize;

use super::page::{GREEN, Page};
use crate::commands::logout::told;
use crate::commands::session::Access;
use crate::model::TemporaryCredentials;
use crate::os::clock;
use crate::rotation::describe;

/// Tells of a session that was opened or found.
pub fn print_login(access: &Access, quiet: bool) {
    notes(&access.notes);
    if quiet {
        return;
    }
    let credentials = &access.session.credentials;
    let left = span(access.session.time_left(clock::local_now()));
    let word = if access.is_new { "open:" } else { "open already:" };
    let mut page = Page::for_stdout(0);
    let what = format!("the session of {} lasts until {}, for {left}", access.profile, describe::time(credentials.expires_at));
    page.head(GREEN, word, &what);
    page.print();
}

/// Hours and minutes.
pub(super) fn span(left: Duration) -> String {
    let minutes = left.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Tells how many sessions were forgotten.
pub fn print_logout(count: usize, quiet: bool) {
    if !quiet {
        let mut page = Page::for_stdout(0);
        page.sentence(&told(count));
        page.print();
    }
}

/// Notes on standard error: standard output is read by a program.
pub fn notes(notes: &[String]) {
    if !notes.is_empty() {
        let mut page = Page::for_stderr(0);
        notes.iter().for_each(|note| page.note(note));
        page.print_error();
    }
}

/// The answer of a credential_process (AWS SDKs and tools reference guide, "Process credential provider").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

/// Prints the session as a credential_process answers.
pub fn print_credentials(credentials: &TemporaryCredentials) {
    let answer = Answer {
        version: 1,
        access_key_id: credentials.id.as_str(),
        secret_access_key: credentials.secret.expose(),
        session_token: credentials.session_token.expose(),
        expiration: credentials.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    };
    let text = serde_json::to_string(&answer).map(zeroize::Zeroizing::new).unwrap_or_default();
    Page::for_stdout(0).push(&text).push("\n").print();
}
