//! The AWS files: profiles and the key pairs in them. Invariant: nothing here touches the disk.

mod document;

pub use document::{Document, DocumentError, EditError, FileKind, Holding, Reason};
