//! The pair in the JSON of a secret: found by its values, and replaced with every other byte kept.
//!
//! Invariants: nothing but the two strings changes; an error names fields and never quotes a value. Where two readings are possible, neither
//! is taken.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::scan::{Member, members};
use super::shape::{LARGEST, ShapeError};
use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey, SecretFields};

const ID: &str = "an access key ID";
const SECRET: &str = "a secret access key";

/// What the two fields hold.
pub struct Held {
    /// The access key ID's field.
    pub id: Zeroizing<String>,
    /// The secret access key's field.
    pub secret: Zeroizing<String>,
}

impl Held {
    /// Whether it is this pair.
    pub fn is(&self, pair: &AccessKeyPair) -> bool {
        *self.id == pair.id.as_str() && *self.secret == pair.secret.expose()
    }
}

/// The fields that hold the pair. Where another pair is there, those that by their names are meant for one.
pub fn find_fields(json: &[u8], pair: &AccessKeyPair) -> Result<SecretFields, ShapeError> {
    fields(json, Some(pair))
}

/// The pair that the fields hold; where none are named, those that by their names are meant for one.
pub fn read_pair(json: &[u8], named: Option<&SecretFields>) -> Result<AccessKeyPair, ShapeError> {
    let found = named.map_or_else(|| fields(json, None), |named| Ok(named.clone()))?;
    let Held { id, secret } = read_fields(json, &found)?;
    // What is no ID may be a secret in the wrong field.
    let id = AccessKeyId::parse(&id).map_err(|_| ShapeError::NotAnId { field: found.id })?;
    if secret.is_empty() {
        return Err(ShapeError::Empty { field: found.secret });
    }
    Ok(AccessKeyPair { id, secret: SecretAccessKey::new(secret.as_str()) })
}

fn fields(json: &[u8], pair: Option<&AccessKeyPair>) -> Result<SecretFields, ShapeError> {
    let members = members(json)?;
    let is = |member: &&Member, value: &str| member.text.as_ref().is_some_and(|text| **text == *value);
    let with = |value: Option<&str>| members.iter().filter(|member| value.is_some_and(|value| is(member, value))).collect::<Vec<_>>();
    let named = |names: [&str; 2]| {
        let fits = |member: &&Member| member.text.is_some() && member.path.last().is_some_and(|name| names.contains(&plain(name).as_str()));
        members.iter().filter(fits).collect::<Vec<_>>()
    };
    let (ids, secrets) = (named(["accesskeyid", "awsaccesskeyid"]), named(["secretaccesskey", "awssecretaccesskey"]));
    let id = one(ID, with(pair.map(|pair| pair.id.as_str())), &ids, &members)?;
    let beside: Vec<&Member> = secrets.into_iter().filter(|member| member.parent() == id.parent()).collect();
    let secret = one(SECRET, with(pair.map(|pair| pair.secret.expose())), &beside, &members)?;
    Ok(SecretFields { id: id.name(), secret: secret.name() })
}

/// What the fields hold now.
pub fn read_fields(json: &[u8], fields: &SecretFields) -> Result<Held, ShapeError> {
    let members = members(json)?;
    let text = |field: &str| Ok::<_, ShapeError>(string(field, &members)?.1);
    Ok(Held { id: text(&fields.id)?, secret: text(&fields.secret)? })
}

/// The content with `to` in the place of `from`; `None` where it is not `from` that is there.
pub fn replace_pair(
    json: &[u8],
    fields: &SecretFields,
    from: &AccessKeyPair,
    to: &AccessKeyPair,
) -> Result<Option<Zeroizing<Vec<u8>>>, ShapeError> {
    let members = members(json)?;
    let ((id, old_id), (secret, old_secret)) = (string(&fields.id, &members)?, string(&fields.secret, &members)?);
    if !(Held { id: old_id, secret: old_secret }).is(from) {
        return Ok(None);
    }
    let mut edits = [(id.span.clone(), quoted(to.id.as_str())), (secret.span.clone(), quoted(to.secret.expose()))];
    edits.sort_by_key(|(span, _)| span.start);
    let mut edited = Zeroizing::new(Vec::with_capacity(json.len() + 256));
    let mut at = 0;
    for (span, value) in &edits {
        edited.extend_from_slice(json.get(at..span.start).unwrap_or_default());
        edited.extend_from_slice(value);
        at = span.end;
    }
    edited.extend_from_slice(json.get(at..).unwrap_or_default());
    if edited.len() > LARGEST { Err(ShapeError::TooLarge { bytes: edited.len() }) } else { Ok(Some(edited)) }
}

/// The content of a new secret with the pair: in these fields, or as `AccessKeyId` and `SecretAccessKey`.
pub fn new_value(pair: &AccessKeyPair, fields: Option<&SecretFields>) -> Result<Zeroizing<Vec<u8>>, ShapeError> {
    let usual = SecretFields { id: "AccessKeyId".to_owned(), secret: "SecretAccessKey".to_owned() };
    let fields = fields.unwrap_or(&usual);
    // The pair takes the place of another, so that no copy of it is left in a tree of values.
    let other = AccessKeyPair { id: pair.id.clone(), secret: SecretAccessKey::new("-") };
    let mut value = Value::Object(Map::new());
    for (field, text) in [(&fields.id, other.id.as_str()), (&fields.secret, "-")] {
        let mut at = &mut value;
        for name in field.split('.') {
            let Value::Object(object) = at else { return Err(ShapeError::NotAString { field: field.clone() }) };
            at = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
        *at = Value::String(text.to_owned());
    }
    let json = value.to_string();
    replace_pair(json.as_bytes(), fields, &other, pair)?.ok_or_else(|| ShapeError::NotAString { field: fields.id.clone() })
}

/// The one with the value; of several, or of none, the one with a name for it.
fn one<'m>(what: &'static str, with: Vec<&'m Member>, named: &[&'m Member], all: &[Member]) -> Result<&'m Member, ShapeError> {
    let is_named = |member: &&'m Member| named.iter().any(|named| named.span == member.span);
    let both: Vec<&Member> = with.iter().copied().filter(is_named).collect();
    match (with.as_slice(), both.as_slice(), named) {
        ([only], _, _) | (_, [only], _) | ([], _, [only]) => Ok(only),
        ([], _, []) => Err(ShapeError::None { what, found: all.iter().map(Member::name).collect() }),
        ([], _, several) | (several, _, _) => {
            Err(ShapeError::Several { what, found: several.iter().map(|member| member.name()).collect() })
        }
    }
}

fn string<'m>(field: &str, members: &'m [Member]) -> Result<(&'m Member, Zeroizing<String>), ShapeError> {
    let found: Vec<&Member> = members.iter().filter(|member| member.name() == field).collect();
    match found.as_slice() {
        [only] => match &only.text {
            Some(text) => Ok((only, text.clone())),
            None => Err(ShapeError::NotAString { field: field.to_owned() }),
        },
        [] => {
            let end = format!(".{field}");
            Err(match members.iter().map(Member::name).find(|name| name.ends_with(&end)) {
                Some(found) => ShapeError::Nested { field: field.to_owned(), found },
                None => ShapeError::Missing { field: field.to_owned(), found: members.iter().map(Member::name).collect() },
            })
        }
        // A dot in a name reads as a step down.
        [_, _, ..] => Err(ShapeError::Twice { field: field.to_owned() }),
    }
}

/// The name as it is compared: AccessKeyId, access_key_id and ACCESS-KEY-ID are the same.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn quoted(value: &str) -> Zeroizing<Vec<u8>> {
    // A string is always written.
    Zeroizing::new(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests;
