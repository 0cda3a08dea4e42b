//! What the policies say of everybody, of one user, and of who has been named with odd characters.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::model::Arn;

fn dev() -> Scope {
    let secret = |id: &str, region: Option<&str>| SecretNamed { id: id.into(), region: region.map(Into::into) };
    Scope {
        partition: "aws-cn".into(),
        account: Some("111122223333".into()),
        user: Whose::At("team/dev".into()),
        roles: vec![RoleNamed {
            arn: Arn::parse("arn:aws-cn:iam::444455556666:role/ops").unwrap(),
            has_tags: true,
            has_source_identity: true,
        }],
        secrets: vec![
            secret("prod/ci", Some("cn-north-1")),
            secret("arn:aws-cn:secretsmanager:cn-north-1:444455556666:secret:far-AbC123", None),
        ],
    }
}

fn shown(name: PolicyName, scope: &Scope, choices: Choices) -> Value {
    serde_json::from_str(&policy(name, scope, choices).unwrap().to_string()).unwrap()
}

fn resources(value: &Value) -> Vec<&str> {
    let statements = value["Statement"].as_array().unwrap();
    statements.iter().flat_map(|statement| statement["Resource"].as_array().unwrap()).map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn a_policy_reads_as_iam_has_it() {
    let expected = json!({
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "SeeKeys", "Effect": "Allow", "Action": ["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"],
                "Resource": ["arn:aws-cn:iam::111122223333:user/team/dev"]},
            {"Sid": "ChangeKeys", "Effect": "Allow", "Action": ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"],
                "Resource": ["arn:aws-cn:iam::111122223333:user/team/dev"],
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
            {"Sid": "SeeQuarantine", "Effect": "Allow", "Action": ["iam:ListAttachedUserPolicies", "iam:ListGroupsForUser"],
                "Resource": ["arn:aws-cn:iam::111122223333:user/team/dev"]},
            {"Sid": "SeeQuarantineByGroups", "Effect": "Allow", "Action": ["iam:ListAttachedGroupPolicies"],
                "Resource": ["arn:aws-cn:iam::111122223333:group/*"]},
        ],
    });
    assert_eq!(shown(PolicyName::Rotate, &dev(), Choices::default()), expected);
    let bare = shown(PolicyName::Rotate, &dev(), Choices { without_mfa: true, ..Choices::default() });
    assert!(bare["Statement"].as_array().unwrap().iter().all(|statement| statement.get("Condition").is_none()));
}

#[test]
fn nothing_without_mfa_is_about_keys_too_and_leaves_the_way_to_a_device_open() {
    let value = shown(PolicyName::ForceMfa, &dev(), Choices::default());
    let statement = &value["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Resource"]), (&json!("Deny"), &json!(["*"])));
    assert_eq!(statement["Condition"], json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}));
    let open = |value: &Value| -> Vec<String> { serde_json::from_value(value["Statement"][0]["NotAction"].clone()).unwrap() };
    let all = open(&value);
    assert!(all.is_sorted() && TO_ENROLL.iter().all(|action| all.contains(&(*action).to_owned())), "{all:?}");
    assert!(!all.iter().any(|action| action.contains('*') || action.contains("Deactivate")), "{all:?}");
    let enrolled = open(&shown(PolicyName::ForceMfa, &dev(), Choices { enrolled: true, ..Choices::default() }));
    assert_eq!(enrolled, all.into_iter().filter(|action| !TO_ENROLL.contains(&action.as_str())).collect::<Vec<_>>());
}

#[test]
fn without_anybody_named_it_is_about_whoever_has_it_below_any_path() {
    let value = shown(PolicyName::Rotate, &Scope::everybody(), Choices::default());
    assert_eq!(resources(&value)[..2], ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"]);
    let named = Scope { user: Whose::Named("ci-deploy".into()), ..dev() };
    let value = shown(PolicyName::Rotate, &named, Choices::default());
    assert_eq!(resources(&value)[..2], ["arn:aws-cn:iam::111122223333:user/ci-deploy", "arn:aws-cn:iam::111122223333:user/*/ci-deploy"]);
}

#[test]
fn secrets_have_the_end_that_aws_gives_them_and_roles_are_named() {
    let far = "arn:aws-cn:secretsmanager:cn-north-1:444455556666:secret:far-AbC123";
    let near = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:prod/ci";
    let ended = format!("{near}-??????");
    assert_eq!(resources(&shown(PolicyName::SecretsManager, &dev(), Choices::default())), [ended.as_str(), far]);
    let made = shown(PolicyName::CreateSecret, &dev(), Choices::default());
    assert_eq!(resources(&made)[..2], [near, ended.as_str()]);
    assert!(resources(&made).contains(&"arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:far-??????"), "{made}");
    for name in [PolicyName::SecretsManager, PolicyName::CreateSecret] {
        assert_eq!(policy(name, &Scope::everybody(), Choices::default()), Err(NoPolicy::NoSecrets));
    }
    let without = Scope { account: None, secrets: vec![SecretNamed { id: "a".into(), region: None }], ..dev() };
    assert_eq!(
        resources(&shown(PolicyName::SecretsManager, &without, Choices::default())),
        ["arn:aws-cn:secretsmanager:*:*:secret:a-??????"]
    );
    let about = |scope: &Scope| -> Vec<String> {
        let value = shown(PolicyName::Sessions, scope, Choices::default());
        value["Statement"].as_array().unwrap().iter().skip(1).map(|statement| statement["Action"][0].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(about(&dev()), ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    let plain = RoleNamed { has_tags: false, has_source_identity: false, ..dev().roles[0].clone() };
    assert_eq!(about(&Scope { roles: vec![plain], ..dev() }), ["sts:AssumeRole"]);
    assert_eq!(about(&Scope::everybody()), Vec::<String>::new());
}

#[test]
fn what_means_more_in_a_policy_stands_for_itself() {
    let odd = Scope { user: Whose::At("a*/${x}?/dev".into()), ..Scope::everybody() };
    let value = shown(PolicyName::RootCheck, &odd, Choices::default());
    assert_eq!(resources(&value), ["*"]);
    let value = shown(PolicyName::Rotate, &odd, Choices::default());
    assert_eq!(resources(&value)[0], "arn:aws:iam::*:user/a${*}/${$}{x}${?}/dev");
}

#[test]
fn what_is_typed_is_a_part_of_an_arn_or_refused() {
    let named = |name: &str| Ok(Whose::Named(name.to_owned()));
    let at = |place: &str| Ok(Whose::At(place.to_owned()));
    for (text, expected) in [
        ("dev", named("dev")),
        ("/dev", at("dev")),
        ("team/dev.one+ci=x@example.com", at("team/dev.one+ci=x@example.com")),
        ("/team/blue/dev", at("team/blue/dev")),
        ("", Err(NotInAnArn::User)),
        ("*", Err(NotInAnArn::User)),
        ("dev/", Err(NotInAnArn::User)),
        ("a b/dev", Err(NotInAnArn::User)),
        ("arn:aws:iam::111122223333:user/dev", Err(NotInAnArn::User)),
    ] {
        assert_eq!(Whose::parse(text), expected, "{text}");
    }
    for (text, is_one) in [
        ("prod/ci/aws", true),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/ci-AbC123", true),
        ("arn:aws:iam::111122223333:user/dev", false),
        ("prod/*", false),
        ("", false),
    ] {
        assert_eq!(SecretNamed::parse(text).is_ok(), is_one, "{text}");
    }
    assert!(Scope::account("111122223333").is_ok() && Scope::account("*").is_err() && Scope::account("11112222333").is_err());
}

#[test]
fn each_fits_the_quota_and_has_every_action_once() {
    for name in PolicyName::ALL {
        let policy = policy(name, &dev(), Choices::default()).unwrap();
        let text = policy.to_string();
        assert!(policy.characters() < 1_500, "{}", name.id());
        assert_eq!(policy.characters(), text.split_whitespace().map(|word| word.chars().count()).sum::<usize>());
        let actions: Vec<&str> = name.actions().collect();
        assert_eq!(actions.iter().collect::<BTreeSet<_>>().len(), actions.len(), "{}", name.id());
        assert!(actions.iter().all(|action| text.contains(&format!("\"{action}\""))), "{text}");
        assert_eq!(PolicyName::named(name.id()), Some(name));
    }
}

/// The operations that the code calls, by their names as policies have them.
fn called() -> BTreeSet<String> {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    let mut found = BTreeSet::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(["Call::new(", "Call::once(", "secret_call("].iter().flat_map(|call| text.split(call).skip(1)).filter_map(operation));
    }
    found
}

/// The text between quotes that is among a call's arguments.
fn operation(arguments: &str) -> Option<String> {
    let quoted = arguments.split(')').next()?.split('"').nth(1)?;
    quoted.contains(':').then(|| quoted.to_owned())
}

/// Actions that no operation of the code has the name of: both are asked of AssumeRole.
const WITHOUT_A_CALL: [&str; 2] = ["sts:SetSourceIdentity", "sts:TagSession"];

#[test]
fn every_operation_that_the_code_calls_is_allowed_by_a_policy_or_needs_none() {
    let called = called();
    assert!(called.len() > 20 && called.contains("iam:CreateAccessKey") && called.contains("secretsmanager:PutSecretValue"), "{called:?}");
    let allowed: BTreeSet<String> = PolicyName::ALL.into_iter().flat_map(PolicyName::actions).map(str::to_owned).collect();
    let unneeded: BTreeSet<String> = UNNEEDED.iter().map(|(action, _)| (*action).to_owned()).collect();
    let missing: Vec<&String> = called.iter().filter(|action| !allowed.contains(*action) && !unneeded.contains(*action)).collect();
    assert!(missing.is_empty(), "in no policy, and without a reason: {missing:?}");
    let idle = |action: &&String| !called.contains(*action) && !WITHOUT_A_CALL.contains(&action.as_str());
    let idle: Vec<&String> = allowed.iter().chain(&unneeded).filter(idle).collect();
    assert!(idle.is_empty(), "allowed, and never called: {idle:?}");
    assert!(allowed.is_disjoint(&unneeded));
}
