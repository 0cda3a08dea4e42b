//! The AWS files: profiles and the key pairs in them; and keyrotate's own settings. Invariant: nothing here touches the disk.

mod document;
pub mod settings;

pub use document::{Document, DocumentError, EditError, FileKind, Holding, Reason};
