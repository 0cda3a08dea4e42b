use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::model::{AccessKeyId, SecretAccessKey};

const OLD: &str = "AKIAIOSFODNN7EXAMPLE";
const NEW: &str = "AKIAI44QH8DHBEXAMPLE";

fn pair(id: &str, secret: &str) -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) }
}

fn old() -> AccessKeyPair {
    pair(OLD, "canary/old+1")
}

fn new() -> AccessKeyPair {
    pair(NEW, "canary/new+2")
}

fn filled(shape: &str) -> String {
    shape.replace("\"ID\"", &format!("\"{OLD}\"")).replace("\"SECRET\"", "\"canary/old+1\"")
}

fn found(shape: &str) -> Result<(String, String), ShapeError> {
    find_fields(filled(shape).as_bytes(), &old()).map(|fields| (fields.id, fields.secret))
}

fn fields(id: &str, secret: &str) -> SecretFields {
    SecretFields { id: id.into(), secret: secret.into() }
}

#[test]
fn a_pair_is_found_by_its_values_whatever_its_fields_are_called() {
    for (shape, id, secret) in [
        (r#"{"AccessKeyId":"ID","SecretAccessKey":"SECRET","UserName":"ci"}"#, "AccessKeyId", "SecretAccessKey"),
        (r#"{"aws_access_key_id":"ID","aws_secret_access_key":"SECRET"}"#, "aws_access_key_id", "aws_secret_access_key"),
        (r#"{"secret_access_key":"SECRET","access_key_id":"ID"}"#, "access_key_id", "secret_access_key"),
        (r#"{"AWS_ACCESS_KEY_ID":"ID","AWS_SECRET_ACCESS_KEY":"SECRET"}"#, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (r#"{"user":"ID","pass":"SECRET"}"#, "user", "pass"),
        (r#"{"env":"prod","creds":{"k":"ID","s":"SECRET"},"ttl":900000000000000001}"#, "creds.k", "creds.s"),
        (r#"{"note":"ID","access_key_id":"ID","secret_access_key":"SECRET"}"#, "access_key_id", "secret_access_key"),
        (r#"{"keys":[{"id":"x"},{"id":"ID","key":"SECRET"}]}"#, "keys.1.id", "keys.1.key"),
        (r#"{"access_key_id":"AKIASOMEBODYELSESKEY","secret_access_key":"theirs"}"#, "access_key_id", "secret_access_key"),
        (r#"{"user":"ID","secret_access_key":"another"}"#, "user", "secret_access_key"),
    ] {
        assert_eq!(found(shape), Ok((id.to_owned(), secret.to_owned())), "{shape}");
    }
}

#[test]
fn what_is_not_clear_is_refused_with_the_names_of_fields_only() {
    for (shape, said) in [
        ("SECRET", "not JSON (line 1, column 1)"),
        ("{\n \"a\": SECRET}", "not JSON (line 2, column 7)"),
        (r#"{"a":"SECRET","#, "not JSON"),
        (r#"["ID","SECRET"]"#, "no object"),
        ("null", "no object"),
        (r#"{"a":"ID","b":"SECRET","a":"x"}"#, "`a` twice"),
        (r#"{"a":"ID","b":"SECRET","c":{"x":1,"y":2,"x":3}}"#, "`c.x` twice"),
        ("{}", "an access key ID, only no field at all"),
        (r#"{"user":"me","password":"SECRET"}"#, "an access key ID, only `user`, `password`: name the fields with `id_field`"),
        (r#"{"a":"ID","b":"other"}"#, "a secret access key, only `a`, `b`"),
        (r#"{"a":"ID","b":"ID","c":"SECRET"}"#, "more than one field that could hold an access key ID, `a`, `b`"),
        (r#"{"x":{"AccessKeyId":"ID","s":"SECRET"},"y":{"AccessKeyId":"ID"}}"#, "`x.AccessKeyId`, `y.AccessKeyId`"),
        (r#"{"a":"ID","b":"SECRET","c":"SECRET"}"#, "a secret access key, `b`, `c`"),
    ] {
        let error = found(shape).unwrap_err();
        assert!(error.to_string().contains(said), "{shape}: {error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}

#[test]
fn a_named_field_counts_and_no_other() {
    let json = filled(r#"{"a":"ID","b":"SECRET","deep":{"id":"AKIASOMEBODYELSESKEY","key":"k"},"n":5,"o":{}}"#);
    let read = |id: &str, secret: &str| read_fields(json.as_bytes(), &fields(id, secret));
    assert!(read("a", "b").unwrap().is(&old()) && !read("deep.id", "deep.key").unwrap().is(&old()));
    for (id, said) in [
        ("id", "no field `id` at the top, and `deep.id` is inside an object: write that"),
        ("gone", "no field `gone`, only `a`, `b`, `deep`, `deep.id`, `deep.key`, `n`, `o`: correct `id_field`"),
        ("n", "`n` of its JSON is no string"),
        ("o", "`o` of its JSON is no string"),
    ] {
        let Err(error) = read(id, "b") else { panic!("{id} is read") };
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn only_the_expected_pair_is_replaced_and_every_other_byte_is_kept() {
    let json =
        filled("\t{ \"AccessKeyNote\" : \"caf\\u00e9 ID\",\r\n \"s\":\"SECRET\" , \"ttl\":900000000000000001,\"f\":1.0e+0,\"i\":\"ID\"}\n");
    let edited = replace_pair(json.as_bytes(), &fields("i", "s"), &old(), &new()).unwrap().unwrap();
    let expected = json.replace("\"canary/old+1\"", "\"canary/new+2\"").replace(&format!("\"i\":\"{OLD}\""), &format!("\"i\":\"{NEW}\""));
    assert_eq!(std::str::from_utf8(&edited).unwrap(), expected);
    assert!(replace_pair(&edited, &fields("i", "s"), &old(), &new()).unwrap().is_none());
}

#[test]
fn a_value_with_escapes_is_the_pair_all_the_same() {
    let json = r#"{"i":"AKIAIOSFODNN7EXAMPL\u0045","s":"canary\/old+1"}"#;
    let edited = replace_pair(json.as_bytes(), &fields("i", "s"), &old(), &new()).unwrap().unwrap();
    assert_eq!(std::str::from_utf8(&edited).unwrap(), format!(r#"{{"i":"{NEW}","s":"canary/new+2"}}"#));
}

#[test]
fn what_would_not_fit_and_what_is_too_deep_is_refused() {
    let with = |length: usize| filled(&format!(r#"{{"a":"ID","b":"SECRET","c":"{}"}}"#, "x".repeat(length)));
    let free = LARGEST - with(0).len();
    let longer = pair(NEW, "canary/new+22");
    let edit = |json: &str| replace_pair(json.as_bytes(), &fields("a", "b"), &old(), &longer);
    assert!(edit(&with(free - 1)).unwrap().is_some());
    assert_eq!(edit(&with(free)).unwrap_err(), ShapeError::TooLarge { bytes: LARGEST + 1 });
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(found(&deep), Err(ShapeError::TooDeep));
}

/// JSON with blanks and escapes as somebody may write it.
fn value() -> impl Strategy<Value = String> {
    let blank = "[ \n\t]{0,2}";
    let text = r#""([a-z ]|\\n|\\u00e9|\\"|\\\\|é){0,6}""#;
    let leaf = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), "-?[1-9][0-9]{0,20}(\\.[0-9]{1,3})?(e[0-9])?", text];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let list =
            (prop::collection::vec(inner.clone(), 0..4), blank).prop_map(|(all, blank)| format!("[{blank}{}{blank}]", all.join(",")));
        let object = (prop::collection::vec(inner, 0..4), blank).prop_map(|(all, blank)| {
            let members: Vec<String> = all.iter().enumerate().map(|(at, value)| format!("\"k{at}\"{blank}:{value}")).collect();
            format!("{{{}{blank}}}", members.join(&format!("{blank},")))
        });
        prop_oneof![list, object]
    })
}

proptest! {
    #[test]
    fn nothing_but_the_two_values_changes(before in value(), between in value(), after in value(), depth in 0_usize..4, swapped: bool) {
        let (first, second) = if swapped { ("\"s\":\"SECRET\"", "\"i\":\"ID\"") } else { ("\"i\":\"ID\"", "\"s\":\"SECRET\"") };
        let inner = format!("{{\"a\":{before}, {first}\n,\"b\": {between},{second},\"c\":{after} }}");
        let json = filled(&(0..depth).fold(inner, |inner, at| format!("{{\"x{at}\":1,\"in\": {inner}}}")));
        let fields = find_fields(json.as_bytes(), &old()).unwrap();
        let edited = replace_pair(json.as_bytes(), &fields, &old(), &new()).unwrap().unwrap();
        prop_assert!(read_fields(&edited, &fields).unwrap().is(&new()));
        let back = replace_pair(&edited, &fields, &new(), &old()).unwrap().unwrap();
        prop_assert_eq!(std::str::from_utf8(&back).unwrap(), json.as_str());
        let edited: Value = serde_json::from_slice(&edited).unwrap();
        let expected: Value = serde_json::from_str(&json.replace(OLD, NEW).replace("canary/old+1", "canary/new+2")).unwrap();
        prop_assert_eq!(edited, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), json in "[\\[\\]{}\",:a\\\\u0-9 ]{0,40}") {
        let _ = (find_fields(&bytes, &old()), find_fields(json.as_bytes(), &old()));
    }
}

#[test]
fn a_new_value_has_the_pair_in_the_usual_fields_or_in_those_that_are_named() {
    let pair = AccessKeyPair { id: AccessKeyId::parse("AKIAEXAMPLE000000001").unwrap(), secret: SecretAccessKey::new("a\"b/c") };
    let value = |fields: Option<(&str, &str)>| {
        let fields = fields.map(|(id, secret)| SecretFields { id: id.to_owned(), secret: secret.to_owned() });
        new_value(&pair, fields.as_ref()).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    };
    let usual = r#"{"AccessKeyId":"AKIAEXAMPLE000000001","SecretAccessKey":"a\"b/c"}"#;
    assert_eq!(value(None).as_deref(), Ok(usual));
    assert_eq!(read_pair(usual.as_bytes(), None).as_ref(), Ok(&pair));
    let nested = r#"{"aws":{"id":"AKIAEXAMPLE000000001","secret":"a\"b/c"}}"#;
    assert_eq!(value(Some(("aws.id", "aws.secret"))).as_deref(), Ok(nested));
    for (id, secret) in [("a", "a.b"), ("a.b", "a"), ("a", "a")] {
        assert!(value(Some((id, secret))).is_err(), "{id} {secret}");
    }
}
