use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::*;
use crate::model::{SecretAccessKey, SessionToken, TemporaryCredentials};
use crate::os::clock;
use crate::os::disk::{Disk, RealDisk};
use crate::os::keychain::memory::MemoryKeychain;
use crate::os::keychain::{Keychain, NoKeychain};
use crate::session::cache::{Cached, Whose};
use crate::session::request::Request;

const OLD: &str = "AKIAIOSFODNN7EXAMPLE";
const NEW: &str = "AKIAI44QH8DHBEXAMPLE";

/// A directory and a keychain, seen with the one setting and with the other.
struct Bench {
    scratch: tempfile::TempDir,
    keychain: MemoryKeychain,
}

impl Bench {
    fn new() -> Self {
        Self { scratch: tempfile::tempdir().unwrap(), keychain: MemoryKeychain::default() }
    }

    fn of(&self, store: SessionStore) -> Cache<'_> {
        Cache::new(&RealDisk, self.scratch.path(), &self.keychain, store)
    }

    fn cache(&self) -> Cache<'_> {
        self.of(SessionStore::Keychain)
    }

    /// The names of the files, by their ends, and what all of them have.
    fn files(&self) -> (BTreeSet<String>, String) {
        let paths = RealDisk.list(&self.scratch.path().join("sessions")).unwrap();
        let text = paths.iter().map(|path| String::from_utf8(RealDisk.read(path).unwrap()).unwrap()).collect();
        let ends = paths.iter().filter_map(|path| path.extension()?.to_str().map(str::to_owned)).filter(|end| end != "lock");
        (ends.collect(), text)
    }

    /// Nothing is left of any session, here or there.
    #[track_caller]
    fn is_empty(&self) {
        assert_eq!((self.keychain.names(), self.files().0), (Vec::new(), BTreeSet::new()));
    }
}

fn id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).unwrap()
}

/// The session of this number, of an hour, that ends so many minutes from now.
fn session(number: u8, key: &str, minutes: i64) -> Cached {
    let request = Request {
        key: id(key),
        partition: "aws".to_owned(),
        endpoint: None,
        mfa_serial: None,
        session_seconds: Some(3_600),
        roles: Vec::new(),
    };
    let expires_at = clock::local_now() + TimeDelta::minutes(minutes);
    let credentials = TemporaryCredentials {
        id: id(&format!("ASIAEXAMPLE00000000{number}")),
        secret: SecretAccessKey::new(format!("canary-secret-{number}")),
        session_token: SessionToken::new(format!("canary-token-{number}")),
        expires_at,
    };
    Cached { request, credentials, opened_at: expires_at - TimeDelta::hours(1), opened_for: Some("work".to_owned()) }
}

fn item_of(number: u8) -> String {
    format!("keyrotate-session-ASIAEXAMPLE00000000{number}")
}

fn found(cached: &Cached) -> Found {
    Found::Session(Box::new(cached.clone()))
}

#[test]
fn the_item_has_the_secrets_and_the_file_all_the_rest() {
    let bench = Bench::new();
    let kept = session(1, OLD, 30);
    bench.cache().keep(&kept).unwrap();
    assert_eq!(bench.cache().find(&kept.request, |_| true), found(&kept));
    let (ends, text) = bench.files();
    assert!(ends == BTreeSet::from(["json".to_owned()]) && !text.contains("canary") && text.contains(&item_of(1)), "{text}");
    assert_eq!(bench.keychain.names(), [item_of(1)]);
    assert_eq!(bench.cache().all(), [kept.known()]);
}

#[test]
fn a_keychain_that_cannot_be_asked_is_told_and_everything_but_the_secrets_is_known_all_the_same() {
    let bench = Bench::new();
    let kept = session(1, OLD, 30);
    bench.cache().keep(&kept).unwrap();
    for fault in [KeychainError::Locked, KeychainError::Absent("x".to_owned()), KeychainError::Hanging(std::time::Duration::ZERO)] {
        bench.keychain.fail(Some(fault.clone()));
        let cache = bench.cache();
        assert_eq!((cache.all(), cache.known(&kept.request)), (vec![kept.known()], Some(kept.known())));
        let Found::Withheld { source, .. } = cache.find(&kept.request, |_| true) else { panic!("{fault}") };
        assert_eq!(source, fault);
        assert_eq!(cache.find(&kept.request, |_| false), Found::Nothing, "asked for what will not do");
        assert!(matches!(cache.check_keeping(&kept.request.key), Err(CacheError::Keychain { .. })));
        assert!(matches!(cache.keep(&session(2, NEW, 30)), Err(CacheError::Keychain { act: "written", .. })));
        assert_eq!(cache.all(), [kept.known()], "what could not be kept is not known");
        let in_files = bench.of(SessionStore::File);
        in_files.check_keeping(&kept.request.key).unwrap();
        let Found::Unusable { why, .. } = in_files.find(&kept.request, |_| true) else { panic!("{fault}") };
        assert!(why.contains(&fault.to_string()), "{why}");
    }
    bench.keychain.fail(None);
    bench.cache().check_keeping(&kept.request.key).unwrap();
    assert_eq!((bench.keychain.names(), bench.cache().find(&kept.request, |_| true)), (vec![item_of(1)], found(&kept)));
}

#[test]
fn an_item_that_is_away_or_has_something_else_is_as_good_as_no_session() {
    let bench = Bench::new();
    let kept = session(1, OLD, 30);
    let name = ItemName::session(kept.credentials.id.as_str());
    bench.cache().keep(&kept).unwrap();
    for bytes in [&b"canary"[..], b"", b"{}", br#"{"secret_access_key":"canary"}"#] {
        bench.keychain.set(&name, bytes).unwrap();
        let Found::Unusable { why, .. } = bench.cache().find(&kept.request, |_| true) else { panic!("it was used") };
        assert!(why.contains("something else") && !why.contains("canary"), "{why}");
    }
    bench.keychain.delete(&name).unwrap();
    let Found::Unusable { why, .. } = bench.cache().find(&kept.request, |_| true) else { panic!("it was used") };
    assert!(why.contains("is not there"), "{why}");
    bench.cache().keep(&kept).unwrap();
    assert_eq!(bench.cache().find(&kept.request, |_| true), found(&kept));
}

#[test]
fn a_file_that_names_another_item_is_damaged_and_removes_none() {
    let bench = Bench::new();
    let kept = session(1, OLD, 30);
    bench.cache().keep(&kept).unwrap();
    bench.keychain.set(&ItemName::parse("work").unwrap(), b"a key").unwrap();
    let path = bench.cache().path(&kept.request);
    let text = String::from_utf8(RealDisk.read(&path).unwrap()).unwrap();
    replace(&RealDisk, &path, text.replace(&item_of(1), "work").as_bytes()).unwrap();
    replace(&RealDisk, &path.with_file_name("work.left"), b"").unwrap();
    assert!(matches!(bench.cache().find(&kept.request, |_| true), Found::Unusable { .. }));
    bench.cache().forget(Whose::All, &|_| false).unwrap();
    assert!(bench.keychain.names().contains(&"work".to_owned()));
}

#[test]
fn what_is_forgotten_or_has_ended_leaves_no_item() {
    let bench = Bench::new();
    for forget in [
        |cache: &Cache<'_>| assert_eq!(cache.forget(Whose::All, &|_| false).unwrap(), 1),
        |cache: &Cache<'_>| assert_eq!(cache.forget(Whose::Of { key: &id(OLD), others: &|_| false }, &|_| false).unwrap(), 1),
        |cache: &Cache<'_>| cache.sweep(clock::local_now() + TimeDelta::hours(2), &[], "x"),
    ] {
        for store in [SessionStore::Keychain, SessionStore::File] {
            bench.cache().keep(&session(1, OLD, 30)).unwrap();
            forget(&bench.of(store));
            bench.is_empty();
        }
    }
}

#[test]
fn what_cannot_be_removed_stays_known_and_the_next_try_removes_it() {
    let bench = Bench::new();
    bench.cache().keep(&session(1, OLD, 30)).unwrap();
    bench.keychain.fail(Some(KeychainError::Locked));
    let error = bench.cache().forget(Whose::All, &|_| false).unwrap_err();
    assert!(error.forgotten == 0 && error.source.to_string().contains(&item_of(1)), "{error:?}");
    assert_eq!(bench.cache().all().len(), 1);
    bench.keychain.fail(None);
    assert_eq!(bench.cache().forget(Whose::All, &|_| false).unwrap(), 1);
    bench.is_empty();
}

#[test]
fn the_item_of_a_session_that_is_replaced_goes_when_the_keychain_can_whatever_the_setting_is() {
    for store in [SessionStore::Keychain, SessionStore::File] {
        let bench = Bench::new();
        bench.cache().keep(&session(1, OLD, 30)).unwrap();
        bench.keychain.fail(Some(KeychainError::Locked));
        let second = session(2, OLD, 40);
        assert_eq!(bench.of(store).keep(&second).is_ok(), store == SessionStore::File);
        bench.of(store).sweep(clock::local_now(), &[], "x");
        bench.keychain.fail(None);
        assert_eq!(bench.keychain.names(), [item_of(1)]);
        let third = session(3, OLD, 40);
        bench.of(store).keep(&third).unwrap();
        bench.of(store).sweep(clock::local_now(), &[], "x");
        assert_eq!(bench.of(SessionStore::File).find(&third.request, |_| true), found(&third));
        let left = if store == SessionStore::Keychain { vec![item_of(3)] } else { Vec::new() };
        assert_eq!((bench.keychain.names(), bench.files().0), (left, BTreeSet::from(["json".to_owned()])));
        bench.of(store).forget(Whose::All, &|_| false).unwrap();
        bench.is_empty();
    }
}

#[test]
fn after_a_switch_what_is_open_serves_from_where_it_is() {
    for (before, after) in [(SessionStore::File, SessionStore::Keychain), (SessionStore::Keychain, SessionStore::File)] {
        let bench = Bench::new();
        let kept = session(1, OLD, 30);
        bench.of(before).keep(&kept).unwrap();
        assert_eq!(bench.of(after).find(&kept.request, |_| true), found(&kept));
        // The next one of the same request leaves nothing of it.
        let next = session(2, OLD, 50);
        bench.of(after).keep(&next).unwrap();
        bench.of(after).sweep(clock::local_now(), &[], "x");
        assert_eq!(bench.of(before).find(&next.request, |_| true), found(&next));
        let in_keychain = after == SessionStore::Keychain;
        assert_eq!((bench.keychain.names().len(), bench.files().1.contains("canary")), (usize::from(in_keychain), !in_keychain));
    }
}

#[test]
fn a_rotation_takes_them_along_without_the_keychain_and_also_where_it_was_broken_off() {
    let bench = Bench::new();
    let old = session(1, OLD, 30);
    bench.cache().keep(&old).unwrap();
    let file = RealDisk.read(&bench.cache().path(&old.request)).unwrap();
    bench.keychain.fail(Some(KeychainError::Locked));
    bench.cache().rekey(&id(OLD), &id(NEW), "x").unwrap();
    bench.keychain.fail(None);
    let moved = Cached { request: old.request.of_key(id(NEW)), ..old.clone() };
    assert_eq!((bench.cache().find(&moved.request, |_| true), bench.cache().all()), (found(&moved), vec![moved.known()]));
    // As if the run had died before the file of the old key was removed.
    replace(&RealDisk, &bench.cache().path(&old.request), &file).unwrap();
    bench.cache().rekey(&id(OLD), &id(NEW), "x").unwrap();
    assert_eq!((bench.cache().find(&moved.request, |_| true), bench.cache().all()), (found(&moved), vec![moved.known()]));
    replace(&RealDisk, &bench.cache().path(&old.request), &file).unwrap();
    bench.cache().forget(Whose::Of { key: &id(OLD), others: &|_| false }, &|_| false).unwrap();
    assert_eq!(bench.cache().find(&moved.request, |_| true), found(&moved), "another file names the item");
    bench.cache().forget(Whose::All, &|_| false).unwrap();
    bench.is_empty();
}

#[test]
fn a_session_of_the_new_key_that_one_of_the_old_key_replaces_leaves_no_item() {
    let bench = Bench::new();
    bench.cache().keep(&session(1, OLD, 50)).unwrap();
    bench.cache().keep(&session(2, NEW, 20)).unwrap();
    bench.cache().rekey(&id(OLD), &id(NEW), "x").unwrap();
    bench.cache().sweep(clock::local_now(), &[], "x");
    assert_eq!((bench.keychain.names(), bench.cache().all()[0].id.as_str()), (vec![item_of(1)], "ASIAEXAMPLE000000001"));
    bench.cache().keep(&session(3, OLD, 10)).unwrap();
    bench.cache().rekey(&id(OLD), &id(NEW), "x").unwrap();
    assert_eq!(bench.keychain.names(), [item_of(1)]);
}

#[test]
fn with_files_the_keychain_is_never_asked() {
    let scratch = tempfile::tempdir().unwrap();
    let cache = Cache::new(&RealDisk, scratch.path(), &NoKeychain, SessionStore::File);
    cache.check_keeping(&id(OLD)).unwrap();
    cache.keep(&session(1, OLD, 30)).unwrap();
    cache.keep(&session(2, OLD, 30)).unwrap();
    cache.rekey(&id(OLD), &id(NEW), "x").unwrap();
    assert_eq!(cache.forget(Whose::All, &|_| false).unwrap(), 1);
}

/// A keychain in which an item is made while a logout removes the file that names it.
struct Meanwhile<'k> {
    keychain: &'k MemoryKeychain,
    path: PathBuf,
}

impl Keychain for Meanwhile<'_> {
    fn get(&self, item: &ItemName) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, KeychainError> {
        self.keychain.get(item)
    }

    fn set(&self, item: &ItemName, bytes: &[u8]) -> Result<(), KeychainError> {
        RealDisk.remove(&self.path).unwrap();
        self.keychain.set(item, bytes)
    }

    fn delete(&self, item: &ItemName) -> Result<(), KeychainError> {
        self.keychain.delete(item)
    }
}

#[test]
fn an_item_whose_file_a_logout_removes_meanwhile_is_not_forgotten() {
    let bench = Bench::new();
    let kept = session(1, OLD, 30);
    let keychain = Meanwhile { keychain: &bench.keychain, path: bench.cache().path(&kept.request) };
    Cache::new(&RealDisk, bench.scratch.path(), &keychain, SessionStore::Keychain).keep(&kept).unwrap();
    assert_eq!((bench.keychain.names(), bench.cache().all()), (vec![item_of(1)], Vec::new()));
    bench.cache().sweep(clock::local_now(), &[], "x");
    bench.is_empty();
}
