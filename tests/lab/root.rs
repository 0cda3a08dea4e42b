//! The lab's root user: its keys, which are asked about without a name, and what an IAM user sees of them.

use super::lab::key::Status;
use super::lab::{Key, Lab, Settings};
use super::wire::{Sdk, Signer, ask, open, refusal};

/// A lab whose root user has two keys, the second one unused.
fn started() -> (Lab, [Key; 2]) {
    let lab = Lab::start(Settings::default());
    let keys = {
        let mut world = lab.world();
        let root = world.add_root();
        [world.add_settled_key(root), world.add_settled_key(root)]
    };
    (lab, keys)
}

#[test]
fn root_lists_deactivates_and_deletes_its_own_keys_without_a_name() {
    let (lab, [key, other]) = started();
    let (sdk, dev) = (Sdk::new(&lab, &Signer::of(&key)), Sdk::new(&lab, &Signer::of(&lab.first_key())));
    let present = || {
        let answer = dev.wait(dev.iam.get_account_summary().send()).expect("a summary");
        answer.summary_map().expect("a map")[&aws_sdk_iam::types::SummaryKeyType::AccountAccessKeysPresent]
    };
    let listed = || {
        let keys = sdk.wait(sdk.iam.list_access_keys().send()).expect("keys").access_key_metadata().to_vec();
        keys.iter().map(|key| (key.access_key_id().unwrap_or("").to_owned(), key.user_name().is_some())).collect::<Vec<_>>()
    };
    assert_eq!((listed(), present()), (vec![(key.id.clone(), false), (other.id.clone(), false)], 1));
    let last = |id: &str| sdk.wait(sdk.iam.get_access_key_last_used().access_key_id(id).send()).expect("its last use");
    let used = |id: &str| last(id).access_key_last_used().and_then(|used| used.last_used_date().copied()).is_some();
    assert_eq!((used(&key.id), used(&other.id), last(&key.id).user_name()), (true, false, None));
    sdk.wait(sdk.iam.update_access_key().access_key_id(&other.id).status("Inactive".into()).send()).expect("it is its own");
    assert_eq!(lab.world().keys.iter().find(|own| own.id == other.id).map(|own| own.status), Some(Status::Inactive));
    sdk.wait(sdk.iam.delete_access_key().access_key_id(&other.id).send()).expect("it is its own");
    assert_eq!((listed().len(), present()), (1, 1));
    sdk.wait(sdk.iam.delete_access_key().access_key_id(&key.id).send()).expect("also the one that signs");
    assert_eq!(present(), 0);
    assert!(ask(&lab, &Signer::of(&key), "iam", "Action=ListAccessKeys").contains("InvalidClientTokenId"), "it is gone");
}

#[test]
fn a_user_neither_sees_nor_changes_the_keys_of_root_but_root_those_of_users() {
    let (lab, [key, _]) = started();
    let (root, dev) = (Signer::of(&key), Signer::of(&lab.first_key()));
    for (body, refused) in [
        ("Action=ListAccessKeys&UserName=root".to_owned(), ("404", "NoSuchEntity")),
        (format!("Action=DeleteAccessKey&AccessKeyId={}", key.id), ("404", "NoSuchEntity")),
        (format!("Action=UpdateAccessKey&Status=Inactive&AccessKeyId={}", key.id), ("404", "NoSuchEntity")),
        (format!("Action=DeleteAccessKey&UserName=root&AccessKeyId={}", key.id), ("404", "NoSuchEntity")),
        (format!("Action=GetAccessKeyLastUsed&AccessKeyId={}", key.id), ("403", "AccessDenied")),
    ] {
        assert_eq!(refusal(&ask(&lab, &dev, "iam", &body)), refused, "{body}");
    }
    assert!(!ask(&lab, &dev, "iam", "Action=ListAccessKeys").contains(&key.id));
    assert!(ask(&lab, &root, "iam", "Action=ListAccessKeys&UserName=dev").contains(&dev.id));
    lab.world().add_user("root", "/");
    let user = ask(&lab, &root, "iam", "Action=GetUser&UserName=root");
    assert!(user.contains(":user/root<"), "an IAM user may have this name: {user}");
    assert!(ask(&lab, &root, "iam", "Action=ListMFADevices").contains(":mfa/root-account-mfa-device<"));
}

#[test]
fn a_role_has_to_say_which_user_it_means() {
    let lab = Lab::start(Settings::default());
    let role = "arn:aws:iam::000000000000:role/operator";
    let session = open(&lab, &Signer::of(&lab.first_key()), &format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=me"));
    let unnamed = ask(&lab, &session, "iam", "Action=ListAccessKeys");
    assert_eq!(refusal(&unnamed), ("400", "ValidationError"));
    assert!(unnamed.contains("Must specify userName when calling with non-User credentials"), "{unnamed}");
    assert!(ask(&lab, &session, "iam", "Action=ListAccessKeys&UserName=dev").starts_with("HTTP/1.1 200"));
}
