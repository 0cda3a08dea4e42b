//! The lab tests itself: what it accepts, what it refuses, what each fault does, and that each check of the harness can fail.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "the lab's tests use a part of it")]
#[path = "mod.rs"]
mod lab;

#[expect(dead_code, reason = "the lab's tests use a part of the harness")]
#[path = "home.rs"]
mod home;

mod authorization;
mod breaking;
mod enrolment;
mod overview;
mod permissions;
mod planted;
mod root;
mod services;
mod sessions;
mod simulator;
mod versions;
mod wire;

use home::{Home, Problem};
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use lab::key::Status;
use lab::sigv4::{Authorization, Request, signature};
use lab::{Lab, Settings, Verdict};
use wire::call;

fn started() -> (Lab, impl Fn(&str) -> String) {
    let lab = Lab::start(Settings::default());
    let (key, used) = (lab.first_key(), lab.clone());
    (lab, move |body: &str| call(&used, &key.id, &key.secret, "iam", body))
}

#[test]
fn signature_is_the_one_of_awss_published_example() {
    let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                  SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    let auth = Authorization::parse(header).expect("a good header");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("host", "iam.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
    ];
    let request = Request {
        method: "GET".into(),
        path: "/".into(),
        query: "Action=ListUsers&Version=2010-05-08".into(),
        headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        body: Vec::new(),
    };
    assert_eq!(signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &auth, &request), auth.signature);
    assert_ne!(signature("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ", &auth, &request), auth.signature);
}

#[test]
fn token_codes_are_those_of_rfc_6238() {
    assert_eq!(lab::totp::code(b"12345678901234567890", lab::totp::step(59.0)), "287082");
    assert_eq!(lab::totp::code(b"12345678901234567890", lab::totp::step(1_111_111_109.0)), "081804");
}

#[test]
fn every_action_answers_a_whole_response() {
    let (lab, ask) = started();
    let id = lab.first_key().id;
    for body in [
        "Action=CreateAccessKey&UserName=dev".to_owned(),
        "Action=ListAccessKeys&UserName=dev".to_owned(),
        format!("Action=GetAccessKeyLastUsed&AccessKeyId={id}"),
        "Action=GetUser".to_owned(),
        "Action=ListMFADevices".to_owned(),
        "Action=GetAccountSummary".to_owned(),
        "Action=ListAttachedUserPolicies&UserName=dev".to_owned(),
        "Action=ListGroupsForUser&UserName=dev".to_owned(),
        format!("Action=UpdateAccessKey&UserName=dev&Status=Active&AccessKeyId={id}"),
        format!("Action=DeleteAccessKey&UserName=dev&AccessKeyId={id}"),
    ] {
        let answer = ask(&body);
        let action = body.split(['=', '&']).nth(1).expect("an action");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(&format!("<{action}Response xmlns=")) && answer.ends_with(&format!("</{action}Response>")), "{answer}");
    }
    assert!(lab.calls().iter().all(|c| c.status == Some(200)));
}

#[test]
fn wrong_secrets_unknown_ids_inactive_keys_and_old_signatures_are_refused() {
    let (lab, ask) = started();
    let key = lab.first_key();
    assert!(call(&lab, &key.id, "wrong", "iam", "Action=GetUser").contains("SignatureDoesNotMatch"));
    assert!(call(&lab, "AKIAUNKNOWN", &key.secret, "iam", "Action=GetUser").contains("InvalidClientTokenId"));
    lab.world().settings.clock_offset = 901.0;
    assert!(ask("Action=GetUser").contains("Signature expired"));
    lab.world().settings.clock_offset = -302.0;
    assert!(ask("Action=GetUser").contains("Signature not yet current"));
    lab.world().settings.clock_offset = 0.0;
    lab.world().set_status(&key.id, Status::Inactive);
    assert!(ask("Action=GetUser").contains("InvalidClientTokenId"));
}

#[test]
fn twelve_threads_never_exceed_two_keys() {
    let (lab, ask) = started();
    let made: usize = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..12).map(|_| scope.spawn(|| usize::from(ask("Action=CreateAccessKey").contains("<SecretAccessKey>")))).collect();
        workers.into_iter().map(|w| w.join().expect("a worker")).sum()
    });
    assert_eq!((made, lab.live_keys("dev").len()), (1, 2));
    assert_eq!(lab.calls().iter().filter(|c| c.code.as_deref() == Some("LimitExceeded")).count(), 11);
}

#[test]
fn a_code_works_once_and_opens_a_session_that_force_mfa_lets_through() {
    let (lab, ask) = started();
    let key = lab.first_key();
    lab.world().settings.force_mfa = true;
    assert!(ask("Action=ListAccessKeys").contains("with an explicit deny in an identity-based policy"));
    let serial = lab.world().users[0].serials[0].clone();
    let body = format!("Action=GetSessionToken&SerialNumber={serial}&TokenCode={}", lab.code("dev").expect("a code"));
    assert!(call(&lab, &key.id, &key.secret, "sts", &body).contains("<SessionToken>"));
    assert!(call(&lab, &key.id, &key.secret, "sts", &body).contains("invalid MFA one time pass code"));
    assert!(lab.calls().iter().all(|c| c.params.get("TokenCode").is_none_or(|code| code == "***")));
}

#[test]
fn new_keys_flap_until_settled_and_pages_end() {
    let (lab, ask) = started();
    lab.world().settings.propagation = (1000.0, 1000.0);
    assert!(ask("Action=CreateAccessKey").contains("<SecretAccessKey>"));
    let new = lab.live_keys("dev")[1].clone();
    assert_eq!(lab.accepts(&new.id, &new.secret), Verdict::Flapping);
    assert!(call(&lab, &new.id, &new.secret, "sts", "Action=GetCallerIdentity").contains("InvalidClientTokenId"));
    lab.world().settings.page_size = 1;
    let first = ask("Action=ListAccessKeys");
    assert!(first.contains("<IsTruncated>true</IsTruncated><Marker>1</Marker>") && !first.contains(&new.id));
    assert!(ask("Action=ListAccessKeys&Marker=1").contains(&new.id));
}

/// The product's own client over the TLS front.
fn client(url: &str, ca_file: &std::path::Path) -> keyrotate::aws::Aws {
    let endpoints = keyrotate::aws::Endpoints { iam: Some(url.to_owned()), sts: Some(url.to_owned()), ..Default::default() };
    let options = keyrotate::aws::ClientOptions { region: None, endpoints, ca_bundle: Some(ca_file.to_owned()) };
    keyrotate::aws::Aws::new(options).expect("good options")
}

#[test]
fn the_products_client_reads_the_lab_over_tls_by_its_ca_only() {
    let (lab, folder) = (Lab::start(Settings::default()), tempfile::tempdir().expect("a directory"));
    let (ca_file, other_ca) = (folder.path().join("ca.pem"), folder.path().join("other.pem"));
    let url = lab::front::serve_tls(&lab, &ca_file);
    lab::front::serve_tls(&lab, &other_ca);
    let key = lab.first_key();
    let pair = AccessKeyPair { id: AccessKeyId::parse(&key.id).expect("an ID"), secret: SecretAccessKey::new(key.secret.clone()) };
    let signer = keyrotate::aws::Signer::LongTerm(pair);
    let identity = client(&url, &ca_file).get_caller_identity(&signer).expect("an identity");
    assert_eq!(identity.user_name(), Some("dev"));
    let calls = lab.calls().len();
    client(&url, &other_ca).get_caller_identity(&signer).expect_err("another CA is not trusted");
    assert_eq!(lab.calls().len(), calls, "nothing was asked over an untrusted connection");
}

#[test]
fn users_are_renamed_deleted_quarantined_and_root_is_the_account() {
    let (lab, ask) = started();
    lab.world().users[0].policies.push("AWSCompromisedKeyQuarantineV3".into());
    assert!(ask("Action=CreateAccessKey").contains("explicit deny"));
    lab.world().users[0].policies.clear();
    lab.world().settings.denied.insert("iam:CreateAccessKey".into());
    assert!(ask("Action=CreateAccessKey").contains("because no identity-based policy allows the iam:CreateAccessKey action"));
    lab.world().rename_user("dev", "eve");
    assert!(ask("Action=ListAccessKeys&UserName=dev").contains("NoSuchEntity"));
    assert!(ask("Action=GetUser").contains(":user/eve<"));
    lab.world().delete_user("eve");
    assert!(ask("Action=GetUser").contains("InvalidClientTokenId"));
    let key = {
        let mut world = lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    let answer = call(&lab, &key.id, &key.secret, "sts", "Action=GetCallerIdentity");
    assert!(answer.contains("arn:aws:iam::000000000000:root<") && answer.contains("<UserId>000000000000</UserId>"), "{answer}");
}

#[test]
fn last_use_is_shown_after_its_lag() {
    let (lab, ask) = started();
    let body = format!("Action=GetAccessKeyLastUsed&AccessKeyId={}", lab.first_key().id);
    lab.world().settings.last_use_lag = 60.0;
    assert!(ask(&body).contains("<ServiceName>N/A</ServiceName>"));
    lab.world().settings.last_use_lag = 0.0;
    assert!(ask(&body).contains("<ServiceName>iam</ServiceName>"));
    assert_eq!(lab.first_key().uses.len(), 1, "one record per 15 minutes");
}

#[test]
fn the_harness_finds_nothing_in_an_untouched_home_and_something_after_each_kind_of_damage() {
    let damage = [
        (":", None),
        ("chmod 644 ~/.aws/credentials", Some(Problem::Open)),
        (": > ~/.aws/credentials", Some(Problem::Locked)),
        ("sed -i s/Keep/keep/ ~/.aws/credentials", Some(Problem::Changed)),
        ("sed -i '0,/aws_secret_access_key=./s//aws_secret_access_key=/' ~/.aws/credentials", Some(Problem::Torn)),
        ("printf '\\n[default]\\n' >> ~/.aws/credentials", Some(Problem::Torn)),
        ("exit 1", Some(Problem::Stuck)),
    ];
    for (script, expected) in damage {
        let home = Home::new("/bin/sh", Settings::default(), true);
        let output = home.run(&["-c", script]);
        home.look("after");
        home.finish("after", &output);
        let found = home.found();
        assert_eq!(expected.is_none(), found.is_empty(), "{script}: {}", home.told());
        assert!(expected.is_none_or(|kind| found.contains_key(&kind)), "{script}: {}", home.told());
    }
}

#[test]
fn the_harness_sees_keys_that_nobody_holds_and_foreign_keys_touched() {
    let home = Home::new("/bin/true", Settings::default(), false);
    let output = home.run(&[]);
    home.lab.world().add_key(0);
    home.lab.world().set_status(&home.other.id, Status::Inactive);
    home.look("after");
    home.finish("after", &output);
    let found = home.found();
    assert!(found.contains_key(&Problem::Orphan) && found.contains_key(&Problem::Foreign), "{}", home.told());
}
