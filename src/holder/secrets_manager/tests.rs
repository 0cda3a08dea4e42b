use super::fake::{ARN, FakeSecrets, Fault};
use super::*;
use crate::holder::{Holder, Reach};
use crate::os::disk::RealDisk;

const TAG: &str = "0123456789abcdef-2-1";
const VERSION: &str = "keyrotate-0123456789abcdef-02-000001";
const JSON: &str = r#"{"env":"prod", "id":"AKIAIOSFODNN7EXAMPLE","key":"canary/old","ttl":900000000000000001}"#;

fn pair(id: &str, secret: &str) -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) }
}

fn old() -> AccessKeyPair {
    pair("AKIAIOSFODNN7EXAMPLE", "canary/old")
}

fn new() -> AccessKeyPair {
    pair("AKIAI44QH8DHBEXAMPLE", "canary/new")
}

fn edited() -> String {
    JSON.replace("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE").replace("canary/old", "canary/new")
}

fn place() -> Place {
    Place::Secret { arn: ARN.into(), fields: SecretFields { id: "id".into(), secret: "key".into() } }
}

/// Does something with the holder, as a rotation that goes from the old pair to the new one.
fn with<T>(fake: &FakeSecrets, act: impl FnOnce(&dyn Holder) -> T) -> T {
    let (place, first, then) = (place(), old(), new());
    let holder = place.open(
        Reach { disk: &RealDisk, secrets: fake, keychain: &crate::os::keychain::NoKeychain },
        SignedBy { first: &first, then: Some(&then) },
    );
    act(&*holder)
}

fn staged(fake: &FakeSecrets) -> Staged {
    with(fake, |holder| holder.prepare(TAG, &old(), &new())).unwrap()
}

fn write(fake: &FakeSecrets, staged: &Staged) -> Result<(), HolderError> {
    with(fake, |holder| holder.write(staged, &old(), &new())).map(|displaced| assert_eq!(displaced, None))
}

fn look(fake: &FakeSecrets) -> Sight {
    with(fake, |holder| holder.look(&old(), Some(&new()), &[CURRENT.into()], None))
}

fn operations(fake: &FakeSecrets) -> Vec<&'static str> {
    fake.calls.borrow().iter().map(|(operation, _)| *operation).collect()
}

fn said(error: &HolderError) -> String {
    let text = format!("{error} ({})", std::error::Error::source(error).map(ToString::to_string).unwrap_or_default());
    assert!(!format!("{text} {error:?}").contains("canary"), "{error:?}");
    text
}

#[test]
fn a_pair_is_replaced_by_a_version_of_its_own_and_the_old_one_stays_the_previous() {
    let fake = FakeSecrets::text(JSON);
    let staged = staged(&fake);
    assert_eq!(staged, Staged::Version { base: "first".into(), version: VERSION.into() });
    assert_eq!(operations(&fake), ["DescribeSecret", "GetSecretValue"], "what is prepared is not put yet");
    write(&fake, &staged).unwrap();
    assert_eq!(fake.current(), edited());
    assert_eq!((fake.at(CURRENT).as_deref(), fake.at("AWSPREVIOUS").as_deref(), fake.at(PENDING)), (Some(VERSION), Some("first"), None));
    let puts = operations(&fake).iter().filter(|operation| **operation == "PutSecretValue").count();
    assert_eq!(puts, 1);
    write(&fake, &staged).unwrap();
    assert_eq!((fake.at(CURRENT).as_deref(), fake.versions.borrow().len()), (Some(VERSION), 2), "once more changes nothing");
}

#[test]
fn bytes_stay_bytes() {
    let fake = FakeSecrets::with(SecretBody::Binary(JSON.as_bytes().to_vec().into()));
    write(&fake, &staged(&fake)).unwrap();
    assert_eq!(fake.current(), edited());
    assert!(matches!(fake.versions.borrow()[VERSION].0, SecretBody::Binary(_)));
}

#[test]
fn it_goes_back_by_another_version() {
    let fake = FakeSecrets::text(JSON);
    write(&fake, &staged(&fake)).unwrap();
    let back = with(&fake, |holder| holder.prepare("0123456789abcdef-2-2", &new(), &old())).unwrap();
    with(&fake, |holder| holder.write(&back, &new(), &old())).unwrap();
    assert_eq!((fake.current().as_str(), fake.at("AWSPREVIOUS").as_deref(), fake.at(PENDING)), (JSON, Some(VERSION), None));
}

#[test]
fn killed_at_any_call_it_is_completed_by_the_next_run() {
    let calls = {
        let fake = FakeSecrets::text(JSON);
        let staged = staged(&fake);
        write(&fake, &staged).unwrap();
        fake.calls.borrow().len()
    };
    for number in 3..=calls {
        for fault in [Fault::LostBefore, Fault::LostAfter] {
            let fake = FakeSecrets::text(JSON);
            let staged = staged(&fake);
            *fake.fault.borrow_mut() = Some((number, fault.clone(), true));
            // Dead from here on: nothing that it does after counts.
            let _ = write(&fake, &staged);
            fake.fault.take();
            let read = fake.current();
            assert!(read == JSON || read == edited(), "{number} {fault:?}: who reads gets a whole version");
            write(&fake, &staged).unwrap_or_else(|error| panic!("{number} {fault:?}: {error}"));
            assert_eq!((fake.current(), fake.at(PENDING)), (edited(), None), "{number} {fault:?}");
            assert_eq!(fake.versions.borrow().len(), 2, "{number} {fault:?}: one version was made");
        }
    }
}

#[test]
fn an_answer_that_is_lost_once_is_found_out_or_asked_for_again() {
    for number in 3..=9 {
        for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Refused("ThrottlingException", "Rate exceeded")] {
            let fake = FakeSecrets::text(JSON);
            let staged = staged(&fake);
            *fake.fault.borrow_mut() = Some((number, fault.clone(), false));
            let mut rounds = 0;
            while let Err(error) = write(&fake, &staged) {
                assert!(error.is_passing() && rounds < 2, "{number} {fault:?}: {error}");
                rounds += 1;
            }
            assert_eq!((fake.current(), fake.at(PENDING)), (edited(), None), "{number} {fault:?}");
        }
    }
}

#[test]
fn who_was_faster_is_not_written_over() {
    let other = JSON.replace("prod", "test");
    // At any moment after the preparation.
    for number in 3..=7 {
        let fake = FakeSecrets::text(JSON);
        let staged = staged(&fake);
        let put = other.clone();
        *fake.meanwhile.borrow_mut() = Some((number, Box::new(move |fake| fake.put_by_another("theirs", &put, CURRENT))));
        let error = write(&fake, &staged).unwrap_err();
        assert!(matches!(error, HolderError::Changed { .. }), "{number}: {error}");
        assert_eq!((fake.current(), fake.at(PENDING)), (other.clone(), None), "{number}");
        let again = with(&fake, |holder| holder.prepare("0123456789abcdef-2-2", &old(), &new())).unwrap();
        write(&fake, &again).unwrap();
        assert_eq!(fake.current(), edited().replace("prod", "test"), "{number}: their work stays");
    }
}

#[test]
fn a_version_of_somebody_else_that_waits_stops_it_and_keeps_its_label() {
    let fake = FakeSecrets::text(JSON);
    fake.put_by_another("theirs", "{}", PENDING);
    let error = with(&fake, |holder| holder.prepare(TAG, &old(), &new())).unwrap_err();
    assert!(said(&error).contains("secret ci in eu-west-1: it has a version theirs with the label AWSPENDING"), "{error}");
    assert!(said(&with(&fake, |holder| holder.check_writable(&old())).unwrap_err()).contains("theirs"));
    assert_eq!((fake.at(PENDING).as_deref(), fake.versions.borrow().len()), (Some("theirs"), 2));
    let fake = FakeSecrets::text(JSON);
    let staged = staged(&fake);
    fake.put_by_another("theirs", "{}", PENDING);
    assert!(said(&write(&fake, &staged).unwrap_err()).contains("theirs"));
    assert_eq!((fake.current().as_str(), fake.at(PENDING).as_deref()), (JSON, Some("theirs")));
    // One of keyrotate's is in the way of a rotation that begins, and not of one that goes on.
    let fake = FakeSecrets::text(JSON);
    fake.put_by_another(VERSION, "{}", PENDING);
    with(&fake, |holder| holder.check_writable(&old())).unwrap();
    let named = SecretId { id: "ci", region: Some("eu-west-1") };
    let error = Place::secret(&fake, &old(), named, None).unwrap_err();
    assert!(said(&error).contains(&format!("secret ci in eu-west-1: it has a version {VERSION}")), "{error}");
    // One that is known to be over has only left it.
    let (place, left) = Place::secret_after(&fake, &old(), named, None, &["fedcba9876543210", "0123456789abcdef"]).unwrap();
    assert_eq!((place, left.as_deref()), (self::place(), Some("0123456789abcdef-")));
    Place::secret_after(&fake, &old(), named, None, &["fedcba9876543210"]).unwrap_err();
    // What a rotation of AWS's left on the version that it made current is nobody's.
    let fake = FakeSecrets::text(JSON);
    fake.attach(PENDING, Some("first"));
    with(&fake, |holder| holder.check_writable(&old())).unwrap();
}

#[test]
fn what_was_prepared_is_given_up_and_what_was_made_stays() {
    let fake = FakeSecrets::text(JSON);
    let staged = staged(&fake);
    *fake.fault.borrow_mut() = Some((6, Fault::Refused("AccessDeniedException", "not authorized"), true));
    write(&fake, &staged).unwrap_err();
    fake.fault.take();
    assert_eq!(fake.at(PENDING).as_deref(), Some(VERSION), "it was put");
    with(&fake, |holder| holder.abandon(&staged, &old(), &new())).unwrap();
    assert_eq!((fake.current().as_str(), fake.at(PENDING)), (JSON, None));
    write(&fake, &staged).unwrap();
    fake.attach(PENDING, Some(VERSION));
    with(&fake, |holder| holder.abandon(&staged, &old(), &new())).unwrap();
    assert_eq!((fake.current(), fake.at(PENDING)), (edited(), None));
}

#[test]
fn a_sweep_takes_labels_off_versions_of_its_own_rotation_only() {
    for (version, left) in [(VERSION, None), ("keyrotate-fedcba9876543210-00-000001", Some("keyrotate-fedcba9876543210-00-000001"))] {
        let fake = FakeSecrets::text(JSON);
        fake.put_by_another(version, "{}", PENDING);
        assert!(with(&fake, |holder| holder.sweep("0123456789abcdef-", None, &[])).is_empty());
        assert_eq!(fake.at(PENDING).as_deref(), left);
    }
}

#[test]
fn a_sweep_takes_the_label_off_a_probe_that_was_cut_off() {
    let fake = FakeSecrets::text(JSON);
    fake.put_by_another("keyrotate-probe-0123456789abcdef0123456789abcdef", JSON, PROBE);
    with(&fake, |holder| holder.sweep("0123456789abcdef-", None, &[]));
    assert_eq!(fake.at(PROBE), None);
}

#[test]
fn a_probe_whose_answer_is_lost_leaves_no_label() {
    for (number, fault) in [(3, Fault::LostAfter), (4, Fault::LostAfter)] {
        let fake = FakeSecrets::text(JSON);
        *fake.fault.borrow_mut() = Some((number, fault, false));
        let result = with(&fake, |holder| holder.check_writable(&old()));
        assert_eq!((result.is_ok(), fake.at(PROBE)), (number == 4, None), "{number}");
    }
}

#[test]
fn the_probe_proves_every_right_and_leaves_nothing() {
    let fake = FakeSecrets::text(JSON);
    with(&fake, |holder| holder.check_writable(&old())).unwrap();
    assert_eq!(operations(&fake), ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]);
    assert_eq!((fake.current().as_str(), fake.labels().into_iter().collect::<Vec<_>>()), (JSON, vec![CURRENT.to_owned()]));
    for (number, code, message, told) in [
        (1, "AccessDeniedException", "not authorized", "DescribeSecret is not allowed: allow it on this secret"),
        (2, "AccessDeniedException", "Access to KMS is not allowed", "its KMS key may not be used"),
        (3, "AccessDeniedException", "not authorized", "PutSecretValue is not allowed"),
        (3, "EncryptionFailure", "", "its KMS key may not be used"),
        (3, "LimitExceededException", "", "as many versions or staging labels"),
        (3, "ThrottlingException", "", "throttles"),
        (4, "AccessDeniedException", "not authorized", "UpdateSecretVersionStage is not allowed"),
    ] {
        let fake = FakeSecrets::text(JSON);
        *fake.fault.borrow_mut() = Some((number, Fault::Refused(code, message), true));
        let error = with(&fake, |holder| holder.check_writable(&old())).unwrap_err();
        assert!(said(&error).contains(told) && fake.current() == JSON, "{number} {code}: {error}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_each_with_its_reason() {
    let at = DateTime::from_timestamp(1_714_557_600, 0).unwrap();
    type Change = fn(&mut SecretFacts, DateTime<Utc>);
    let changes: [(Change, &str); 3] = [
        (|facts, at| facts.deleted_at = Some(at), "it is marked for deletion since 2024-05-01 10:00 UTC: restore it"),
        (|facts, _| facts.is_rotated_by_aws = true, "it is rotated by AWS"),
        (|facts, _| facts.primary_region = Some("us-east-1".into()), "name the original in us-east-1"),
    ];
    for (change, told) in changes {
        let fake = FakeSecrets::text(JSON);
        change(&mut fake.facts.borrow_mut(), at);
        let error = with(&fake, |holder| holder.check_writable(&old())).unwrap_err();
        assert!(said(&error).contains(told) && fake.versions.borrow().len() == 1, "{error}");
    }
    let fake = FakeSecrets::text(JSON);
    fake.facts.borrow_mut().primary_region = Some("eu-west-1".into());
    with(&fake, |holder| holder.check_writable(&old())).unwrap();
    for (json, told) in [
        ("canary".to_owned(), "its value is not JSON (line 1, column 1)"),
        (r#"{"deep":{"id":"x","key":"canary"}}"#.to_owned(), "`deep.id` is inside an object"),
        (JSON.replace("prod", &"x".repeat(65_536 - JSON.len() + 5)), "takes 65536 at most"),
    ] {
        let fake = FakeSecrets::text(&json);
        let error = with(&fake, |holder| holder.check_writable(&old())).unwrap_err();
        assert!(said(&error).contains(told) && fake.versions.borrow().len() == 1, "{error}");
    }
    assert!(matches!(with(&FakeSecrets::text(&edited()), |holder| holder.check_writable(&old())), Err(HolderError::Changed { .. })));
}

#[test]
fn what_is_there_is_told_and_what_is_away_is_not_called_empty() {
    let sight = |json: &str| look(&FakeSecrets::text(json));
    let seen = |old: &[&str], new: &[&str]| {
        let owned = |slots: &[&str]| slots.iter().map(|slot| (*slot).to_owned()).collect();
        Sight::Seen { old: owned(old), new: owned(new), foreign: Vec::new(), others: Vec::new() }
    };
    assert_eq!((sight(JSON), sight(&edited())), (seen(&[CURRENT], &[]), seen(&[], &[CURRENT])));
    for (json, told, others) in [
        (JSON.replace("canary/old", "canary/x"), "secret ci in eu-west-1 has AKIAIOSFODNN7EXAMPLE with another secret access key", 0),
        (JSON.replace("AKIAIOSFODNN7EXAMPLE", "AKIASOMEBODYELSESKEY"), "secret ci in eu-west-1 has AKIASOMEBODYELSESKEY", 1),
        (JSON.replace("AKIAIOSFODNN7EXAMPLE", "canary"), "has no access key ID where one should be", 0),
    ] {
        let Sight::Seen { foreign, others: ids, .. } = sight(&json) else { panic!("{json}") };
        assert!(foreign[0].told(&place()).ends_with(told) && ids.len() == others, "{foreign:?}");
    }
    let fake = FakeSecrets::text(JSON);
    fake.gone.set(true);
    assert_eq!(look(&fake), Sight::Away);
    fake.gone.set(false);
    fake.facts.borrow_mut().deleted_at = Some(DateTime::UNIX_EPOCH);
    assert_eq!(look(&fake), Sight::Away);
    let fake = FakeSecrets::text(JSON);
    fake.attach(CURRENT, None);
    assert!(matches!(look(&fake), Sight::Unreadable { why, .. } if why.contains("it has no value yet")));
    *fake.fault.borrow_mut() = Some((2, Fault::Refused("AccessDeniedException", "with an explicit deny"), true));
    let Sight::Unreadable { why, error: Some(error) } = look(&fake) else { panic!("a denied read is seen") };
    assert!(why.contains("GetSecretValue is not allowed") && error.kind == ErrorKind::Denied { explicit: true }, "{why}");
}

#[test]
fn the_other_pair_signs_where_aws_does_not_take_the_first() {
    let fake = FakeSecrets::text(JSON);
    fake.dead.borrow_mut().push(old().id);
    write(&fake, &staged(&fake)).unwrap();
    assert_eq!(fake.current(), edited());
    let fake = FakeSecrets::text(JSON);
    *fake.fault.borrow_mut() = Some((1, Fault::Refused("AccessDeniedException", "not authorized"), true));
    let _ = look(&fake);
    assert_eq!(fake.calls.borrow().len(), 1, "who is denied is known");
}

#[test]
fn the_version_can_be_read_and_is_of_a_length_that_aws_takes() {
    assert_eq!(version_of(TAG), VERSION);
    for tag in ["r1-0-0", "0123456789abcdef-11-4294967295"] {
        assert!((32..=64).contains(&version_of(tag).len()) && version_of(tag).starts_with(&ours(tag)), "{tag}");
    }
}
