//! The AWS files: profiles and the key pairs in them; and keyrotate's own settings. Invariant: nothing here touches the disk.

mod absent;
mod document;
mod endpoints;
mod environment;
mod files;
mod grammar;
mod header;
mod keychain_index;
mod keyless;
mod nearest;
mod own_keys;
mod own_pair;
mod refusal;
mod region;
mod resolve;
mod route;
pub mod settings;
mod static_key;

pub use absent::Absent;
pub use document::{AddedLine, Document, EditError, FileKind, Holding, Shown, TakenLine, masked_lines};
pub use environment::{AwsPaths, Chosen, Environment, INSIDE, ProfileSource, choose_profile};
pub use files::{AwsFiles, FileRefusal};
pub use grammar::{DocumentError, Reason};
pub use keychain_index::{IndexedItem, KeychainIndex, is_own_process};
pub use own_keys::{OwnKey, OwnKeys};
pub use own_pair::{OwnPair, SecretAt};
pub use refusal::{Elsewhere, Place, Refusal, Warning};
pub use resolve::ResolvedProfile;
pub use route::{Role, Route};
