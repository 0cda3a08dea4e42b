use super::super::FileKind;
use super::*;
use crate::model::{AccessKeyId, SecretAccessKey};

fn document(kind: FileKind, text: &str) -> Document {
    Document::parse(kind, text.into()).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_process_stands_below_its_header_or_in_a_section_of_its_own() {
    const COMMAND: &str = "/x/keyrotate credential-process P";
    for (name, before, after) in [
        ("default", "[default]\nregion=r\n", "[default]\ncredential_process = C\nregion=r\n"),
        ("default", "[default]", "[default]\ncredential_process = C"),
        ("default", "[default]\n[profile default]\n# x\n", "[default]\n[profile default]\ncredential_process = C\n# x\n"),
        ("a", "[profile a]\r\n  region=r\r\n  x=1\r\n", "[profile a]\r\n  credential_process = C\r\n  region=r\r\n  x=1\r\n"),
        ("a", "", "[profile a]\ncredential_process = C\n"),
        ("a b", "[default]\nx=1", "[default]\nx=1\n[profile \"a b\"]\ncredential_process = C\n"),
        ("a", "[profile a]\n# x\n\n[profile b]\n", "[profile a]\ncredential_process = C\n# x\n\n[profile b]\n"),
    ] {
        let (name, after) = (ProfileName::new(name), after.replace('C', COMMAND));
        let old = document(FileKind::Config, before);
        let line = old.process_line(&name, COMMAND).unwrap();
        assert_eq!(text(&old.add_line(&line).unwrap()), after);
        let new = document(FileKind::Config, &after);
        assert_eq!(text(&new.add_line(&line).unwrap()), after, "once more");
        assert_eq!(text(&new.remove_line(&line).unwrap()), before);
        assert_eq!(text(&document(FileKind::Config, before).remove_line(&line).unwrap()), before, "once more");
    }
}

#[test]
fn another_process_is_left_alone_and_a_section_that_grew_stays() {
    let name = ProfileName::new("a");
    let line = document(FileKind::Config, "").process_line(&name, "/k").unwrap();
    let other = document(FileKind::Config, "[profile a]\ncredential_process = /other\n");
    assert_eq!(other.add_line(&line).unwrap_err(), EditError::OtherProcess(2));
    assert_eq!(other.remove_line(&line).unwrap().as_slice(), other.bytes());
    let grown = document(FileKind::Config, "[profile a]\ncredential_process = /k\nregion = r\n");
    assert_eq!(text(&grown.remove_line(&line).unwrap()), "[profile a]\nregion = r\n");
    assert!(matches!(document(FileKind::Config, "").process_line(&ProfileName::new("a\nb"), "/k"), Err(EditError::NoHeader(_))));
}

#[test]
fn a_region_stands_beside_the_process_and_one_that_is_there_stays() {
    let name = ProfileName::new("a");
    for (before, after) in [
        ("", "[profile a]\ncredential_process = /k\nregion = r\n"),
        ("[profile a]\nx = 1\n", "[profile a]\ncredential_process = /k\nregion = r\nx = 1\n"),
        ("[profile a]\nregion = r\n", "[profile a]\ncredential_process = /k\nregion = r\n"),
        ("[profile a]\ncredential_process = /k\nregion = r\n", "[profile a]\ncredential_process = /k\nregion = r\n"),
    ] {
        let region = document(FileKind::Config, before).region_line(&name, "r").unwrap();
        let between = document(FileKind::Config, before).add_line(&region).unwrap();
        let process = document(FileKind::Config, text(&between)).process_line(&name, "/k").unwrap();
        let out = document(FileKind::Config, text(&between)).add_line(&process).unwrap();
        assert_eq!(text(&out), after);
        let back = document(FileKind::Config, after).remove_line(&process).unwrap();
        assert_eq!(text(&document(FileKind::Config, text(&back)).remove_line(&region).unwrap()), before);
    }
    let region = document(FileKind::Config, "").region_line(&name, "r").unwrap();
    let other = document(FileKind::Config, "[profile a]\nregion = s\n").add_line(&region);
    assert_eq!(other.unwrap_err(), EditError::OtherOption(2, "region".to_owned()));
}

#[test]
fn an_entry_of_the_journal_from_before_regions_is_a_process() {
    let old = r#"{"profile":"a","command":"/k","text":"credential_process = /k\n"}"#;
    assert_eq!(serde_json::from_str::<AddedLine>(old).unwrap().command(), Some("/k"));
}

#[test]
fn a_pair_stands_in_its_section_and_a_section_with_another_key_refuses() {
    let pair = |id: &str, secret: &str| AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) };
    let (name, held) = (ProfileName::new("a b"), pair("AKIAIOSFODNN7EXAMPLE", "o/l+d=="));
    let lines = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = o/l+d==\n";
    for (before, after) in [
        ("", format!("[a b]\n{lines}")),
        ("# x\n[c]\ny=1", format!("# x\n[c]\ny=1\n[a b]\n{lines}")),
        ("[a b]\n# x\nregion = r\n[c]\n", format!("[a b]\n{lines}# x\nregion = r\n[c]\n")),
        ("[a b]", format!("[a b]\n{}", lines.trim_end())),
        ("[c]\r\ny=1\r\n", format!("[c]\r\ny=1\r\n[a b]\r\n{}", lines.replace('\n', "\r\n"))),
        ("[a b]\n  x = 1\n", "[a b]\n  aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n  aws_secret_access_key = o/l+d==\n  x = 1\n".to_owned()),
    ] {
        let out = document(FileKind::Credentials, before).add_pair(&name, &held).unwrap();
        assert_eq!(text(&out), after);
        assert_eq!(text(&document(FileKind::Credentials, &after).add_pair(&name, &held).unwrap()), after, "once more");
    }
    let taken = document(FileKind::Credentials, "[a b]\naws_access_key_id = AKIAIOSFODNN7EXAMPL2\n");
    assert_eq!(taken.add_pair(&name, &held).unwrap_err(), EditError::OtherKey(2));
    for (name, secret) in [("a\nb", "s"), ("", "s"), ("a", " s"), ("a", "s\nx = 1")] {
        let out = document(FileKind::Credentials, "").add_pair(&ProfileName::new(name), &pair("AKIAIOSFODNN7EXAMPLE", secret));
        assert_eq!(out.unwrap_err(), EditError::NotExact, "{name:?} {secret:?}");
    }
}
