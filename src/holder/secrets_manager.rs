//! Secrets in AWS Secrets Manager as holders.

mod json;
mod scan;

pub use json::{Held, ShapeError, find_fields, read_fields, replace_pair};
