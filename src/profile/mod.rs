//! The AWS files: profiles and the key pairs in them; and keyrotate's own settings. Invariant: nothing here touches the disk.

mod document;
mod environment;
mod files;
mod header;
mod own_keys;
mod refusal;
mod resolve;
pub mod settings;

pub use document::{Document, DocumentError, EditError, FileKind, Holding, Reason};
pub use environment::{AwsPaths, Chosen, Environment, ProfileSource, choose_profile};
pub use files::{AwsFiles, FileRefusal};
pub use own_keys::{OwnKey, OwnKeys};
pub use refusal::{Elsewhere, Place, Refusal, Warning};
pub use resolve::ResolvedProfile;
