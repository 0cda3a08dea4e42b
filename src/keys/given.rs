//! The key that a person gives, as text: JSON, or the CSV that the AWS console makes.
//!
//! Invariant: no text of it is quoted, be it right or wrong.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::model::{AccessKeyId, AccessKeyPair, KeyKind, NotAnAccessKeyId, SecretAccessKey};

/// More than this is no key.
pub const LONGEST: usize = 64 * 1024;

/// What was given is not a long-term key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Neither form.
    #[error(
        "what was given is neither {{\"AccessKeyId\": \"…\", \"SecretAccessKey\": \"…\"}} nor the console's `Access key ID,Secret access key`"
    )]
    Unreadable,
    /// More than one line below the header.
    #[error("what was given has {0} keys: give one")]
    Several(usize),
    /// Not what an access key ID looks like.
    #[error("the access key ID is {0}")]
    Id(#[from] NotAnAccessKeyId),
    /// One that AWS does not give out as such.
    #[error("{0} is not the access key ID of a long-term key, which begins with AKIA")]
    Kind(AccessKeyId),
    /// A session's.
    #[error("{0} is a session key, which ends by itself: give a long-term key, which begins with AKIA")]
    Session(AccessKeyId),
    /// No secret can be so.
    #[error("the secret access key is empty, or has a space or a control character in it")]
    Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Json {
    access_key_id: String,
    // SECRET: it goes to a type that hides it at once.
    secret_access_key: String,
}

/// What `aws iam create-access-key` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    access_key: Json,
}

/// The pair of these two, if they can be a long-term key's.
pub fn pair(id: &str, secret: &str) -> Result<AccessKeyPair, NotAKey> {
    let (id, secret) = (AccessKeyId::parse(id.trim())?, secret.trim());
    match id.kind() {
        KeyKind::LongTerm => {}
        KeyKind::Session => return Err(NotAKey::Session(id)),
        KeyKind::Other => return Err(NotAKey::Kind(id)),
    }
    if secret.is_empty() || secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(NotAKey::Secret);
    }
    Ok(AccessKeyPair { id, secret: SecretAccessKey::new(secret) })
}

/// The pair that the text has.
pub fn read(bytes: &[u8]) -> Result<AccessKeyPair, NotAKey> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotAKey::Unreadable)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    if text.starts_with('{') {
        let whole = serde_json::from_str::<Json>(text).or_else(|_| serde_json::from_str(text).map(|created: Created| created.access_key));
        let Json { access_key_id, secret_access_key } = whole.map_err(|_| NotAKey::Unreadable)?;
        return pair(&access_key_id, &Zeroizing::new(secret_access_key));
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header = fields(lines.next().unwrap_or_default());
    let column = |name: &str| header.iter().position(|found| found.trim().eq_ignore_ascii_case(name)).ok_or(NotAKey::Unreadable);
    let (id, secret) = (column("Access key ID")?, column("Secret access key")?);
    let rows: Vec<&str> = lines.collect();
    let [row] = rows.as_slice() else {
        return Err(if rows.is_empty() { NotAKey::Unreadable } else { NotAKey::Several(rows.len()) });
    };
    let row = fields(row);
    let field = |at: usize| row.get(at).map(|field| field.as_str()).ok_or(NotAKey::Unreadable);
    pair(field(id)?, field(secret)?)
}

/// The fields of a line of CSV (RFC 4180); one that holds a comma is in quotes, and a quote in it is doubled.
fn fields(line: &str) -> Vec<Zeroizing<String>> {
    // SECRET: each has room for all of the line, so that it does not move while it grows.
    let room = || Zeroizing::new(String::with_capacity(line.len()));
    let (mut fields, mut field, mut quoted) = (Vec::new(), room(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::replace(&mut field, room())),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AKIAEXAMPLE000000001";

    fn answer(text: &str) -> Result<(String, String), String> {
        let found = read(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok((found.id.to_string(), found.secret.expose().to_owned()))
    }

    #[test]
    fn every_form_in_which_aws_gives_a_key_is_read() {
        for text in [
            format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"a/b+c"}}"#),
            format!("\u{feff}\n{{\"SecretAccessKey\": \"a/b+c\",\n \"AccessKeyId\": \"{ID}\", \"Extra\": 1}}\n"),
            format!(r#"{{"AccessKey":{{"UserName":"u","AccessKeyId":"{ID}","Status":"Active","SecretAccessKey":"a/b+c"}}}}"#),
            format!("Access key ID,Secret access key\n{ID},a/b+c"),
            format!("\u{feff}Access key ID,Secret access key\r\n{ID},a/b+c\r\n\r\n"),
            format!("User name,Password,Access key ID,Secret access key,Console login link\nu,\"p,\"\"q\",{ID},\"a/b+c\",https://x\n"),
        ] {
            assert_eq!(answer(&text), Ok((ID.to_owned(), "a/b+c".to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_and_not_quoted() {
        for (text, said) in [
            (String::new(), "neither"),
            ("canary".to_owned(), "neither"),
            ("{\"AccessKeyId\":\"canary\"}".to_owned(), "neither"),
            ("Access key ID,Secret access key\n".to_owned(), "neither"),
            (format!("Access key ID,Secret access key\n{ID}\n"), "neither"),
            (format!("{ID},canary\n"), "neither"),
            (format!("Access key ID,Secret access key\n{ID},canary\n{ID},canary\n"), "has 2 keys"),
            ("{\"AccessKeyId\":\"canary\",\"SecretAccessKey\":\"canary\"}".to_owned(), "not an access key ID"),
            (format!(r#"{{"AccessKeyId":"{}","SecretAccessKey":"canary"}}"#, ID.replace("AKIA", "ASIA")), "session key"),
            (format!(r#"{{"AccessKeyId":"{}","SecretAccessKey":"canary"}}"#, ID.replace("AKIA", "AIDA")), "begins with AKIA"),
            (format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":" "}}"#), "empty"),
            (format!("{{\"AccessKeyId\":\"{ID}\",\"SecretAccessKey\":\"canary a\"}}"), "a space"),
        ] {
            let error = answer(&text).unwrap_err();
            assert!(error.contains(said) && !error.contains("canary"), "{text}: {error}");
        }
        assert_eq!(read(&[0xff]), Err(NotAKey::Unreadable));
    }
}
