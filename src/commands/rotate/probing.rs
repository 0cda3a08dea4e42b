//! The probe of the keychain, where a kill would leave it: noted in the state directory before it is made.
//!
//! Invariant: while the note is there, every run under the lock first removes the probe.

use std::path::PathBuf;

use super::Run;
use crate::commands::context::Context;
use crate::os::atomic_file::remove_if_there;
use crate::os::disk::{Disk, RealDisk};
use crate::os::keychain::{ItemName, Keychain};

fn note(context: &Context) -> PathBuf {
    context.paths.state_dir.join("keychain.probe")
}

/// Whether a run that tried out the keychain was cut off.
pub(in crate::commands) fn is_cut_off(context: &Context) -> bool {
    RealDisk.facts(&note(context)).is_ok()
}

impl Run<'_> {
    /// Lets `act` try out the keychain. A note that cannot be made is done without: a probe has no secret.
    pub(in crate::commands) fn probing<T, E>(&self, act: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let path = note(self.context);
        // Not synced: what a power failure takes is no more than the note.
        drop(self.disk.create(&path, 0o600));
        let result = act();
        // A keychain that failed in the middle may have it still.
        if result.is_ok() {
            let _ = remove_if_there(&self.disk, &path);
        }
        result
    }

    /// Removes what a run left that was cut off. For the holder of the lock only, as nobody else's probe is under way then.
    pub(in crate::commands) fn tidy_probe(&self) {
        if is_cut_off(self.context) && self.context.keychain.delete(&ItemName::probe()).is_ok() {
            let _ = remove_if_there(&self.disk, &note(self.context));
        }
    }
}
