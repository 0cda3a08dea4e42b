use proptest::prelude::*;

use super::super::FileKind;
use super::*;
use crate::model::{ProfileName, SecretAccessKey};

fn pair(id: &str, secret: &str) -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) }
}

fn held() -> AccessKeyPair {
    pair("AKIAIOSFODNN7EXAMPLE", "o/l+d==")
}

fn document(kind: FileKind, text: &str) -> Document {
    Document::parse(kind, text.into()).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn only_the_two_lines_go_and_they_come_back_where_they_were() {
    for (before, after) in [
        (
            "# x\n[default]\nAWS_ACCESS_KEY_ID : AKIAIOSFODNN7EXAMPLE \r\n  # between\naws_secret_access_key=o/l+d==\nregion=r\n",
            "# x\n[default]\n  # between\nregion=r\n",
        ),
        ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=o/l+d==", "[a]\n"),
        (
            "[a]\raws_secret_access_key=o/l+d==\raws_access_key_id=AKIAIOSFODNN7EXAMPLE\r[b]\rx=1\r[c]\raws_access_key_id=AKIAIOSFODNN7EXAMPLE\raws_secret_access_key=o/l+d==\r",
            "[a]\r[b]\rx=1\r[c]\r",
        ),
    ] {
        let old = document(FileKind::Credentials, before);
        let taken = old.taken_lines(&held()).unwrap();
        let out = old.take_out(&held()).unwrap();
        assert_eq!(text(&out), after);
        let new = document(FileKind::Credentials, after);
        assert_eq!(*new.take_out(&held()).unwrap(), *out, "once more");
        let back = new.put_back(&taken, &held()).unwrap();
        assert_eq!(text(&back), before);
        assert_eq!(*document(FileKind::Credentials, before).put_back(&taken, &held()).unwrap(), *back, "once more");
        let other = pair("AKIAIOSFODNN7EXAMPL2", "rotated");
        let rotated = before.replace("EXAMPLE", "EXAMPL2").replace("o/l+d==", "rotated");
        assert_eq!(text(&new.put_back(&taken, &other).unwrap()), rotated);
        let said = format!("{taken:?}{}", serde_json::to_string(&taken).unwrap());
        assert!(!said.contains("o/l+d"), "{said}");
    }
}

#[test]
fn what_cannot_go_names_its_line() {
    for (text, want) in [
        ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n", EditError::OtherSecret(2)),
        ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=other\n", EditError::OtherSecret(3)),
        ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=\n o/l+d==\n", EditError::Continued(3)),
        ("[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=o/l+d==\naws_session_token=t\n", EditError::SessionToken(4)),
    ] {
        assert_eq!(document(FileKind::Credentials, text).take_out(&held()).unwrap_err(), want, "{text}");
    }
    let taken = document(FileKind::Credentials, "[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=o/l+d==\n")
        .taken_lines(&held())
        .unwrap();
    let other = "[a]\naws_access_key_id=AKIAIOSFODNN7EXAMPL3\naws_secret_access_key=x\n";
    assert_eq!(document(FileKind::Credentials, other).put_back(&taken, &held()).unwrap_err(), EditError::OtherSecret(2));
    assert_eq!(document(FileKind::Credentials, "[b]\n").put_back(&taken, &held()).unwrap_err(), EditError::NoSection("a".to_owned()));
}

// Lines around the pair in all the shapes that a file takes; each option has its own name.
fn noise(name: &'static str) -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just(String::new()),
        "[#;][ -~]{0,20}",
        "[ \t]{0,3}",
        Just("# AKIAIOSFODNN7EXAMPLE o/l+d==".to_owned()),
        "region ?[=:] ?[!-~\u{e9}]{0,12}[ \t]{0,2}",
        Just("s3 =\n  a = AKIAIOSFODNN7EXAMPLE\n  # x\n\tb = old".to_owned()),
    ];
    (line, prop_oneof![Just("\n"), Just("\r\n"), Just("\r")])
        .prop_map(move |(line, end)| line.replace("region", name).replace("s3 =", &format!("{name}3 =")) + end)
}

fn section(at: usize) -> impl Strategy<Value = String> {
    let spaced = || "[ \t]{0,2}[=:][ \t]{0,2}";
    let around = (noise("ra"), noise("rb"), noise("rc"));
    (around, spaced(), spaced(), any::<bool>(), "[ \t]{0,2}").prop_map(move |((a, b, c), id, secret, flipped, tail)| {
        let id = format!("aws_access_key_id{id}AKIAIOSFODNN7EXAMPLE{tail}\n");
        let secret = format!("AWS_Secret_Access_Key{secret}o/l+d=={tail}\r\n");
        let (first, second) = if flipped { (secret, id) } else { (id, secret) };
        format!("[profile s{at}]\n{a}{first}{b}{second}{c}")
    })
}

proptest! {
    #[test]
    fn what_moves_out_and_back_leaves_no_trace(
        head in "(# [ -~]{0,9}\n){0,2}", sections in (section(0), section(1)), cut in any::<bool>(),
    ) {
        let before = [head, sections.0, sections.1].concat();
        let before = if cut { before.trim_end_matches(['\r', '\n']) } else { &before };
        let old = document(FileKind::Config, before);
        let taken = old.taken_lines(&held()).unwrap();
        prop_assert_eq!(taken.len(), 4);
        let mut bytes = old.take_out(&held()).unwrap();
        let left: Vec<&str> = before.split_inclusive(['\n', '\r']).filter(|line| !line.to_lowercase().starts_with("aws_")).collect();
        prop_assert!(document(FileKind::Config, text(&bytes)).holds(&held().id).is_empty());
        prop_assert!(left.iter().all(|line| text(&bytes).contains(line.trim_end_matches(['\n', '\r']))));
        let mut lines = Vec::new();
        for name in ["s0", "s1", "new"].map(ProfileName::new) {
            let now = document(FileKind::Config, text(&bytes));
            let line = now.process_line(&name, "/x/keyrotate credential-process it").unwrap();
            bytes = now.add_line(&line).unwrap();
            lines.push(line);
        }
        for line in lines.iter().rev() {
            bytes = document(FileKind::Config, text(&bytes)).remove_line(line).unwrap();
        }
        let back = document(FileKind::Config, text(&bytes)).put_back(&taken, &held()).unwrap();
        prop_assert_eq!(text(&back), before);
    }
}
