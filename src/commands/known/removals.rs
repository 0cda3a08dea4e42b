//! The removals of root users' keys that were begun and wait for a person.

use std::path::PathBuf;

use crate::commands::context::Context;
use crate::model::AccessKeyId;
use crate::os::disk::RealDisk;
use crate::root_key::{Removal, unfinished};

/// The directory of what is written down of them, below the state directory.
pub(in crate::commands) fn removals_directory(context: &Context) -> PathBuf {
    context.paths.state_dir.join("root-keys")
}

/// The one of this key.
pub(in crate::commands) fn waiting_removal(context: &Context, id: &AccessKeyId) -> Option<Removal> {
    unfinished(&RealDisk, &removals_directory(context)).0.into_iter().find(|removal| removal.id == *id)
}
