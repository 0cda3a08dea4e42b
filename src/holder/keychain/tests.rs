use super::*;
use crate::os::keychain::memory::MemoryKeychain;

fn pair(number: u8, secret: &str) -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(&format!("AKIAEXAMPLE00000000{number}")).unwrap(), secret: SecretAccessKey::new(secret) }
}

fn work() -> ItemName {
    ItemName::parse("work").unwrap()
}

fn with(bytes: &[u8]) -> MemoryKeychain {
    MemoryKeychain::with(&work(), bytes)
}

fn of(keychain: &MemoryKeychain) -> KeychainItem<'_> {
    KeychainItem::new(keychain, work())
}

fn slot() -> Vec<String> {
    vec!["work".to_owned()]
}

#[test]
fn a_pair_goes_there_and_back_whatever_its_secret_has() {
    let odd = pair(1, "quote\" back\\ /+= \u{1f511}");
    let keychain = with(&content(&odd));
    assert_eq!(read_pair(&keychain, &work()), Ok(odd));
    assert_eq!(
        String::from_utf8(content(&pair(2, "s")).to_vec()).unwrap(),
        r#"{"AccessKeyId":"AKIAEXAMPLE000000002","SecretAccessKey":"s"}"#
    );
}

#[test]
fn what_it_shows() {
    let (old, new, other) = (pair(1, "one"), pair(2, "two"), pair(3, "three"));
    let look = |found: &AccessKeyPair, sections: &[String]| of(&with(&content(found))).look(&old, Some(&new), sections, None);
    let seen = |old, new, foreign, others| Sight::Seen { old, new, foreign, others };
    assert_eq!(look(&old, &slot()), seen(slot(), vec![], vec![], vec![]));
    assert_eq!(look(&new, &slot()), seen(vec![], slot(), vec![], vec![]));
    let foreign = |what: &str| vec![Foreign { section: "work".to_owned(), line: None, what: what.to_owned() }];
    assert_eq!(look(&other, &slot()), seen(vec![], vec![], foreign(other.id.as_str()), vec![other.id.clone()]));
    assert_eq!(look(&other, &[]), seen(vec![], vec![], vec![], vec![other.id.clone()]));
    assert_eq!(look(&pair(1, "else"), &[]), seen(vec![], vec![], foreign("AKIAEXAMPLE000000001 with another secret"), vec![]));
}

#[test]
fn what_is_not_there_is_never_empty_and_what_cannot_be_read_says_why() {
    let look = |keychain: &MemoryKeychain| of(keychain).look(&pair(1, "one"), None, &[], None);
    assert_eq!(look(&MemoryKeychain::default()), Sight::Away);
    for bytes in [&b"canary"[..], b"{}", br#"{"AccessKeyId":"canary","SecretAccessKey":"canary"}"#, b"\xff", b""] {
        let Sight::Unreadable { why, .. } = look(&with(bytes)) else { panic!("{bytes:?}") };
        assert!(why.contains("put the pair back") && !why.contains("canary"), "{why}");
    }
    let empty = br#"{"AccessKeyId":"AKIAEXAMPLE000000001","SecretAccessKey":""}"#;
    assert!(matches!(look(&with(empty)), Sight::Unreadable { .. }));
    let locked = MemoryKeychain::default();
    locked.fail(Some(KeychainError::Locked));
    assert_eq!(look(&locked), unreadable(KeychainError::Locked.to_string()));
}

#[test]
fn a_change_is_made_once_and_only_from_what_was_expected() {
    let (old, new, other) = (pair(1, "one"), pair(2, "two"), pair(3, "three"));
    let keychain = with(&content(&old));
    let item = of(&keychain);
    let staged = item.prepare("t", &old, &new).unwrap();
    assert!(!format!("{staged:?}").contains("two"));
    for _ in ["at first", "again, as after a crash"] {
        item.write(&staged, &old, &new).unwrap();
        assert_eq!(read_pair(&keychain, &work()).unwrap(), new);
    }
    let back = item.prepare("t", &new, &old).unwrap();
    write_pair(&keychain, &work(), &other).unwrap();
    assert!(matches!(item.write(&back, &new, &old), Err(HolderError::Changed { .. })));
    assert!(matches!(item.prepare("t", &new, &old), Err(HolderError::Changed { .. })));
    assert_eq!(read_pair(&keychain, &work()).unwrap(), other);
}

#[test]
fn a_keychain_that_is_locked_meanwhile_leaves_the_item_as_it_was() {
    let (old, new) = (pair(1, "one"), pair(2, "two"));
    let keychain = with(&content(&old));
    let staged = of(&keychain).prepare("t", &old, &new).unwrap();
    keychain.lock_after(0);
    let error = of(&keychain).write(&staged, &old, &new).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(error.to_string().contains("keychain item work") && source.contains("unlock"), "{error}: {source}");
    assert_eq!(read_pair(&keychain, &work()).unwrap(), old);
}

#[test]
fn trying_it_out_leaves_nothing() {
    let old = pair(1, "one");
    let keychain = with(&content(&old));
    of(&keychain).check_writable(&old).unwrap();
    assert_eq!(keychain.names(), ["work"]);
    assert!(matches!(of(&keychain).check_writable(&pair(1, "else")), Err(HolderError::Changed { .. })));
    keychain.lock_after(0);
    assert!(matches!(of(&keychain).check_writable(&old), Err(HolderError::Keychain { source: KeychainError::Locked, .. })));
    assert!(matches!(of(&MemoryKeychain::default()).check_writable(&old), Err(HolderError::Item(NoPair::Gone(_)))));
}
