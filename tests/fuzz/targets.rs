//! What is done with bytes that anybody may have written. Shared by the fuzz targets and by the replay of their corpus: whatever the
//! bytes are, nothing here panics, and what is refused is refused without quoting a secret.

use std::path::Path;

use keyrotate::holder::{find_fields, read_fields, read_pair, replace_pair};
use keyrotate::journal::Entry;
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use keyrotate::os::disk::RealDisk;
use keyrotate::profile::settings::Settings;
use keyrotate::profile::{AwsFiles, AwsPaths, Document, Environment, FileKind};
use keyrotate::rotation::{Listing, Observation, Record, Rules, Which, describe, next};
use sha2::{Digest, Sha256};

/// Both AWS files: read, resolved, and every pair in them replaced and put back.
pub fn document(bytes: &[u8]) {
    for kind in [FileKind::Credentials, FileKind::Config] {
        let Ok(document) = Document::parse(kind, bytes.to_vec()) else { continue };
        assert_eq!(document.bytes(), bytes, "what was read is not what is there");
        for (_, _, id) in document.access_key_ids() {
            if let Ok(id) = AccessKeyId::parse(&id) {
                replaced(&document, &id);
            }
        }
    }
    let paths = || AwsPaths { credentials: "credentials".into(), config: "config".into() };
    let environment = Environment::from_vars([]).unwrap();
    for (credentials, config) in [(Some(bytes.to_vec()), None), (None, Some(bytes.to_vec()))] {
        let Ok(files) = AwsFiles::parse(paths(), credentials, config) else { continue };
        for profile in files.profiles() {
            let _ = files.resolve(&profile, &environment).map_err(|refusal| refusal.to_string());
        }
    }
}

/// An edit that is not refused can be taken back to the byte.
fn replaced(document: &Document, id: &AccessKeyId) {
    let new = AccessKeyPair { id: AccessKeyId::parse("AKIAFUZZ000000000001").unwrap(), secret: SecretAccessKey::new("fuzz/secret+") };
    let Some(secret) = document.holds(id).into_iter().find_map(|held| held.secret) else { return };
    if !document.holds(&new.id).is_empty() {
        return;
    }
    let old = AccessKeyPair { id: id.clone(), secret };
    let Ok(edited) = document.replace_pair(&old, &new) else { return };
    let edited = Document::parse(document.kind(), edited).unwrap();
    assert!(edited.holds(id).is_empty());
    // The old secret may be one that could not be written today.
    if let Ok(back) = edited.replace_pair(&new, &old) {
        assert_eq!(back, document.bytes());
    }
}

/// A journal entry: as it is, and as the body of an entry whose checksum is right.
pub fn journal(bytes: &[u8]) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("r1.json");
    let sealed = [format!("keyrotate-journal 1 {}\n", hex(&Sha256::digest(bytes))).as_bytes(), bytes, b"\n"].concat();
    for bytes in [bytes, &sealed] {
        std::fs::write(&path, bytes).unwrap();
        match Entry::load::<Record>(&RealDisk, &path) {
            Ok(record) => resumed(&record),
            Err(error) => assert!(!format!("{error} {error:?}").contains("canary"), "{error}"),
        }
    }
}

/// The record says how it stands and what comes next, and is the same once written down again.
fn resumed(record: &Record) {
    let listing = Listing { keys: Vec::new(), signer: Which::Old, clock: Default::default(), at: record.started_at };
    let looked = Observation { now: Some(record.started_at), listing: Some(listing), ..Observation::default() };
    for seen in [Observation { resumed: true, ..Observation::default() }, Observation { resumed: true, ..looked.clone() }, looked] {
        let step = next(record, &seen, &Rules::default());
        let again: Record = serde_json::from_slice(&serde_json::to_vec(record).unwrap()).unwrap();
        assert!(again == *record && next(&again, &seen, &Rules::default()) == step);
    }
    assert!(!format!("{} {record:?}", describe::state(record)).contains("canary"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of a secret: the pair in it, found, replaced and put back, and every other value as it was.
pub fn secret(bytes: &[u8]) {
    let new = AccessKeyPair { id: AccessKeyId::parse("AKIAFUZZ000000000001").unwrap(), secret: SecretAccessKey::new("fuzz/\"secret\\") };
    let old = match read_pair(bytes, None) {
        Ok(old) => old,
        Err(error) => return assert!(!error.to_string().contains("canary") || named(bytes, "canary"), "{error}"),
    };
    let Ok(fields) = find_fields(bytes, &old) else { return };
    let Ok(Some(edited)) = replace_pair(bytes, &fields, &old, &new) else { return };
    assert!(read_fields(&edited, &fields).unwrap().is(&new));
    assert!(replace_pair(&edited, &fields, &old, &new).unwrap().is_none(), "a pair that is not there is replaced");
    // Its strings may have been written with other escapes; what they say is the same, and so is the rest.
    let back = replace_pair(&edited, &fields, &new, &old).unwrap().unwrap();
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    assert_eq!(value(&back), value(bytes));
    assert!(read_fields(&back, &fields).unwrap().is(&old));
}

/// Whether a field has such a name: names are told, values never.
fn named(bytes: &[u8], word: &str) -> bool {
    fn any(value: &serde_json::Value, word: &str) -> bool {
        match value {
            serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains(word) || any(value, word)),
            serde_json::Value::Array(values) => values.iter().any(|value| any(value, word)),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_) => false,
        }
    }
    // Half a surrogate, or bytes that are no text, in a value: serde reads none of it, and the names stay what they are.
    serde_json::from_slice(bytes).map_or_else(|_| bytes.windows(word.len()).any(|part| part == word.as_bytes()), |value| any(&value, word))
}

/// keyrotate's own settings.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Settings::parse(Path::new("config.toml"), text) {
        Ok(settings) => {
            for profile in settings.profiles() {
                let _ = settings.for_profile(profile);
            }
            let _ = (settings.limits_of(settings.profiles()), settings.wants_notices(), settings.keys());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
