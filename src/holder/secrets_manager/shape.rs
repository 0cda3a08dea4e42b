//! What the content of a secret may not be, with the pair in it: an error names fields and never quotes a value.

/// The most bytes that a secret has (Secrets Manager quotas).
pub(super) const LARGEST: usize = 65_536;

/// How deep it may be nested. Also the depth of a recursion here.
pub(super) const DEEPEST: usize = 100;

/// How many names of fields a message lists.
const SHOWN: usize = 8;

/// The pair cannot be found in the content, or not be replaced there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Not JSON.
    #[error("its value is not JSON (line {line}, column {column}): keep the key in two fields of a JSON object")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// JSON, but without fields.
    #[error("its value is JSON, but no object: keep the key in two fields of an object")]
    NotAnObject,
    /// Objects in objects in objects.
    #[error("its JSON is nested more than {DEEPEST} deep")]
    TooDeep,
    /// A name that is no text.
    #[error("its value has a field whose name is no text: correct it")]
    NotText,
    /// A name that stands there twice.
    #[error("its JSON has the field `{field}` twice, and programs differ in which they take: remove one")]
    Twice {
        /// The name.
        field: String,
    },
    /// No such field.
    #[error("its JSON has no field `{field}`, only {}: correct `id_field` and `secret_field` in config.toml", listed(found))]
    Missing {
        /// The name.
        field: String,
        /// Names that are there.
        found: Vec<String>,
    },
    /// The field is deeper than its name says.
    #[error("its JSON has no field `{field}` at the top, and `{found}` is inside an object: write that in config.toml")]
    Nested {
        /// The name.
        field: String,
        /// What ends like it.
        found: String,
    },
    /// The field is no string.
    #[error("the field `{field}` of its JSON is no string")]
    NotAString {
        /// The name.
        field: String,
    },
    /// Something else is where the ID should be.
    #[error("the field `{field}` of its JSON holds no access key ID: put a key pair there")]
    NotAnId {
        /// The name.
        field: String,
    },
    /// Nothing is where the secret should be.
    #[error("the field `{field}` of its JSON is empty: put a key pair there")]
    Empty {
        /// The name.
        field: String,
    },
    /// Nothing looks like a pair.
    #[error(
        "its JSON has no field that holds {what}, only {}: name the fields with `id_field` and `secret_field` in config.toml",
        listed(found)
    )]
    None {
        /// What was looked for.
        what: &'static str,
        /// Names that are there.
        found: Vec<String>,
    },
    /// Several fields could be it.
    #[error(
        "its JSON has more than one field that could hold {what}, {}: name the fields with `id_field` and `secret_field` in config.toml",
        listed(found)
    )]
    Several {
        /// What was looked for.
        what: &'static str,
        /// Their names.
        found: Vec<String>,
    },
    /// It would not fit.
    #[error("its value would have {bytes} bytes with the new key, and Secrets Manager takes {LARGEST} at most: shorten another field")]
    TooLarge {
        /// How many it would have.
        bytes: usize,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no field at all".to_owned();
    }
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", crate::os::terminal::plain(name).chars().take(60).collect::<String>()))
        .collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
