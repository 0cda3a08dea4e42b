//! Where in the JSON of a secret a key pair is.

use serde::{Deserialize, Serialize};

/// The names of the two fields, each with the names of the objects around it before it: `creds.access_key_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFields {
    /// That of the access key ID.
    pub id: String,
    /// That of the secret access key.
    pub secret: String,
}
