//! What a process that could not open a session leaves for those that wait for it.

use serde::{Deserialize, Serialize};

use super::{NoSession, Opening};
use crate::holder::keychain::NoPair;
use crate::os::atomic_file::replace;
use crate::session::cache::CacheError;
use crate::session::request::Request;

/// What a process leaves, when it could not open a session, for those that wait for it.
///
/// Who finds another word than the one that was there when it began has seen that failure happen, whatever the clocks say; who finds the same
/// one began after it. It counts for those whose way has the same leg, so that a role that is denied stops nobody who wants another one.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Word {
    /// Drawn anew each time.
    pub(super) id: u64,
    /// The leg that could not be opened, by its digest.
    pub(super) leg: String,
    /// It was for want of a code, which another process may have.
    pub(super) is_code: bool,
    /// The failure.
    pub(super) message: String,
}

impl Opening<'_> {
    /// The latest one of the key's sessions.
    pub(super) fn word(&self, request: &Request) -> Option<Word> {
        let bytes = self.disk.read(&self.cache.of_key(&request.key, "failed")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Tells those that wait. Nobody depends on it: without it they would try for themselves.
    pub(super) fn leave_word(&self, request: &Request, leg: Option<String>, error: &NoSession) {
        let is_code = match error {
            NoSession::NoCode(_) | NoSession::WrongCode { .. } | NoSession::UsedCode { .. } => true,
            NoSession::WrongSerial { .. } | NoSession::Aws(_) | NoSession::Elsewhere(_) => false,
            NoSession::Lock(_) | NoSession::Cache(_) | NoSession::Memory(_) | NoSession::Pair(_) | NoSession::OtherKey(_) => false,
        };
        // A code that was given with a command is that command's own affair.
        let Some(leg) = leg.filter(|_| !(is_code && self.sources.given.is_some())) else { return };
        let mut id = [0; 8];
        if getrandom::fill(&mut id).is_ok() {
            // What is wrong with a keychain, and what to do, is in the cause.
            let cause =
                if let NoSession::Pair(NoPair::Keychain(_, cause)) | NoSession::Cache(CacheError::Keychain { source: cause, .. }) = error {
                    format!(": {cause}")
                } else {
                    String::new()
                };
            let word = Word { id: u64::from_le_bytes(id), leg, is_code, message: format!("{error}{cause}") };
            let _ = serde_json::to_vec(&word).map(|text| replace(self.disk, &self.cache.of_key(&request.key, "failed"), &text));
        }
    }
}
