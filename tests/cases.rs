//! The case folders against the editor: every rotation of a file gives exactly the expected bytes.
//!
//! Invariant: a document is refused only with the code that its case names.

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
    use keyrotate::profile::{Document, FileKind};

    fn pair(expect: &toml::Table, id: &str, secret: &str) -> Option<AccessKeyPair> {
        let text = |name| expect.get(name).and_then(toml::Value::as_str);
        Some(AccessKeyPair { id: AccessKeyId::parse(text(id)?).ok()?, secret: SecretAccessKey::new(text(secret)?) })
    }

    fn rotates_exactly(folder: &Path, expect: &toml::Table) -> bool {
        let (Some(old), Some(new)) = (pair(expect, "key_id", "secret"), pair(expect, "new_key_id", "new_secret")) else { return false };
        let Some(file) = expect.get("edit_file").and_then(toml::Value::as_str) else { return false };
        let kind = if file == "config" { FileKind::Config } else { FileKind::Credentials };
        let document = Document::parse(kind, fs::read(folder.join(file)).unwrap()).unwrap();
        let edited = document.replace_pair(&old, &new).unwrap();
        assert!(edited == fs::read(folder.join(format!("expected.{file}"))).unwrap(), "{}", folder.display());
        true
    }

    #[test]
    fn every_file_case_is_edited_as_expected() {
        let (mut edited, mut refused) = (0, 0);
        for folder in fs::read_dir("tests/cases").unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
            let case: toml::Table = fs::read_to_string(folder.join("case.toml")).unwrap().parse().unwrap();
            let expect = case["expect"].as_table().unwrap();
            if case["kind"].as_str() != Some("file") {
                continue;
            }
            for (file, kind) in [("credentials", FileKind::Credentials), ("config", FileKind::Config)] {
                let Ok(bytes) = fs::read(folder.join(file)) else { continue };
                if let Err(error) = Document::parse(kind, bytes) {
                    let reason = expect.get("reason").and_then(toml::Value::as_str);
                    assert_eq!(Some(error.reason.code()), reason, "{}", folder.display());
                    refused += 1;
                }
            }
            edited += usize::from(expect["action"].as_str() == Some("rotate") && rotates_exactly(&folder, expect));
        }
        assert_eq!((edited, refused), (21, 8), "rotations edited, documents refused");
    }
}
