//! The lab's policies in force: how statements are evaluated, which resource each action has, and how a refusal is worded.

use std::collections::BTreeMap;

use super::lab::evaluation::{Decision, Request, decide};
use super::lab::role::Role;
use super::lab::{Lab, Settings};
use super::wire::{Signer, ask, form, open, refusal};

/// What AWS's documentation gives a user who manages their own keys and devices, with MFA.
const SELF_SERVICE: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["iam:GetAccountPasswordPolicy","iam:ListVirtualMFADevices"],"Resource":"*"},
    {"Effect":"Allow","Action":["iam:*AccessKey*","iam:GetUser","iam:*MFADevice*"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
    {"Effect":"Allow","Action":"iam:CreateVirtualMFADevice","Resource":"arn:aws:iam::*:mfa/*"},
    {"Effect":"Deny","NotAction":["iam:CreateVirtualMFADevice","iam:EnableMFADevice","iam:GetUser","iam:ListMFADevices",
        "iam:ListVirtualMFADevices","iam:ResyncMFADevice","sts:GetSessionToken"],"Resource":"*",
        "Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;

const DENIED: &str = "with an explicit deny in an identity-based policy";

fn decision(statements: &str, action: &str, resource: &str, context: &[(&'static str, &str)]) -> Result<Decision, String> {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let context: BTreeMap<&str, String> = context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    decide(&[document], &Request { action, resource, context })
}

#[test]
fn a_statement_is_about_what_its_action_and_resource_say() {
    let me = "arn:aws:iam::000000000000:user/dev";
    for (action, resource, expected) in [
        (r#""Action":"*""#, r#""Resource":"*""#, true),
        (r#""Action":"IAM:getuser""#, r#""Resource":"*""#, true),
        (r#""Action":["s3:*","iam:Get?ser"]"#, r#""Resource":["arn:aws:s3:::x","*"]"#, true),
        (r#""Action":"iam:Get*r""#, r#""Resource":"*""#, true),
        (r#""Action":"iam:*Get""#, r#""Resource":"*""#, false),
        (r#""Action":"iam:GetUser?""#, r#""Resource":"*""#, false),
        (r#""NotAction":["iam:*","s3:*"]"#, r#""Resource":"*""#, false),
        (r#""NotAction":"iam:List*""#, r#""Resource":"*""#, true),
        (r#""Action":"*""#, r#""Resource":"arn:aws:iam::*:user/dev""#, true),
        (r#""Action":"*""#, r#""Resource":"arn:aws:iam::*:user/*""#, true),
        (r#""Action":"*""#, r#""Resource":"arn:aws:iam::*:user/DEV""#, false),
        (r#""Action":"*""#, r#""Resource":"arn:aws:*:user/dev""#, false),
        (r#""Action":"*""#, r#""Resource":"arn:aws:iam::111111111111:user/dev""#, false),
        (r#""Action":"*""#, r#""Resource":"arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}""#, true),
        (r#""Action":"*""#, r#""NotResource":"arn:aws:iam::*:user/${aws:username}""#, false),
        (r#""Action":"*""#, r#""NotResource":["arn:aws:iam::*:group/*"]"#, true),
    ] {
        let statement = format!(r#"{{"Effect":"Allow",{action},{resource}}}"#);
        let context = [("aws:username", "dev"), ("aws:principalaccount", "000000000000")];
        let allowed = decision(&statement, "iam:GetUser", me, &context) == Ok(Decision::Allowed);
        assert_eq!(allowed, expected, "{statement}");
    }
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*:*"}"#;
    assert_eq!(
        decision(all, "iam:GetAccountSummary", "*", &[]),
        Ok(Decision::NotAllowed),
        "no ARN is that of an action without a resource"
    );
    let named = r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*:user/${aws:username}"}"#;
    assert_eq!(decision(named, "iam:GetUser", me, &[]), Ok(Decision::NotAllowed), "a variable without a value");
    let old = format!(r#"{{"Statement":{named}}}"#);
    let request = Request { action: "iam:GetUser", resource: me, context: [("aws:username", "dev".to_owned())].into() };
    assert_eq!(decide(&[old], &request), Ok(Decision::NotAllowed), "the old version has no variables");
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let (allow, deny) = (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, r#"{"Effect":"Deny","Action":"iam:GetUser","Resource":"*"}"#);
    for statements in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
        assert_eq!(decision(&statements, "iam:GetUser", "*", &[]), Ok(Decision::Denied));
        assert_eq!(decision(&statements, "iam:ListUsers", "*", &[]), Ok(Decision::Allowed));
    }
    assert_eq!(decision("", "iam:GetUser", "*", &[]), Ok(Decision::NotAllowed));
}

#[test]
fn a_condition_holds_as_iam_has_it_also_where_a_key_is_absent() {
    let (yes, no) = ([("aws:multifactorauthpresent", "true")], [("aws:multifactorauthpresent", "false")]);
    // With MFA, in a session without it, and with a long-term key.
    for (condition, expected) in [
        (r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#, [true, false, false]),
        (r#""Bool":{"aws:MultiFactorAuthPresent":true}"#, [true, false, false]),
        (r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#, [false, true, false]),
        (r#""BoolIfExists":{"aws:multifactorauthpresent":["false"]}"#, [false, true, true]),
        (r#""Null":{"aws:MultiFactorAuthPresent":"true"}"#, [false, false, true]),
        (r#""Null":{"aws:MultiFactorAuthPresent":"false"}"#, [true, true, false]),
        (r#""StringNotEquals":{"aws:MultiFactorAuthPresent":"true"}"#, [false, true, true]),
        (r#""Bool":{"aws:MultiFactorAuthPresent":"true"},"Null":{"aws:username":"false"}"#, [false, false, false]),
    ] {
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#);
        let held = [&yes[..], &no[..], &[]].map(|context| decision(&statement, "iam:GetUser", "*", context) == Ok(Decision::Allowed));
        assert_eq!(held, expected, "{condition}");
    }
    let context = [("aws:username", "dev"), ("aws:principalarn", "arn:aws:iam::000000000000:user/dev"), ("aws:resourceaccount", "1")];
    for (condition, expected) in [
        (r#""StringEquals":{"aws:username":["eve","dev"]}"#, true),
        (r#""StringEquals":{"aws:username":"DEV"}"#, false),
        (r#""StringEqualsIgnoreCase":{"aws:username":"DEV"}"#, true),
        (r#""StringLike":{"aws:username":"d?v"}"#, true),
        (r#""StringNotLike":{"aws:username":"d*"}"#, false),
        (r#""StringEquals":{"aws:ResourceAccount":"${aws:ResourceAccount}"}"#, true),
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}"#, true),
        (r#""ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}"#, false),
        (r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::1*:user/*"}"#, false),
    ] {
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#);
        assert_eq!(decision(&statement, "iam:GetUser", "*", &context) == Ok(Decision::Allowed), expected, "{condition}");
    }
}

#[test]
fn what_the_lab_cannot_judge_is_an_error_and_fails_the_test() {
    for (condition, said) in [
        (r#""IpAddress":{"aws:username":"x"}"#, "the condition operator IpAddress"),
        (r#""ForAnyValue:StringEquals":{"aws:username":"x"}"#, "the condition operator ForAnyValue:StringEquals"),
        (r#""StringEquals":{"aws:SourceIp":"x"}"#, "the key aws:SourceIp"),
        (r#""StringEquals":{"aws:username":"${aws:PrincipalTag/a}"}"#, "the key aws:PrincipalTag/a"),
    ] {
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#);
        assert_eq!(decision(&statement, "iam:GetUser", "*", &[]), Err(said.to_owned()));
        let lab = Lab::start(Settings::default());
        lab.world().enforce("dev", &format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#));
        let answer = ask(&lab, &Signer::of(&lab.first_key()), "iam", "Action=GetUser");
        assert!(refusal(&answer) == ("501", "NotImplemented") && answer.contains(said), "{answer}");
        std::panic::catch_unwind(|| lab.close()).expect_err("nobody was told");
    }
}

#[test]
fn the_self_service_policy_allows_what_aws_says_of_it() {
    let lab = Lab::start(Settings::default());
    {
        let mut world = lab.world();
        world.enforce("dev", SELF_SERVICE);
        world.add_user("other", "/team/");
        world.join("dev", "ops");
    }
    let key = Signer::of(&lab.first_key());
    let (serial, id) = (lab.world().users[0].serials[0].clone(), key.id.clone());
    let code = lab.code("dev").expect("a code");
    let session = open(&lab, &key, &format!("Action=GetSessionToken&SerialNumber={serial}&TokenCode={code}"));
    let plain = open(&lab, &key, "Action=GetSessionToken");
    let nothing = |action: &str| format!("because no identity-based policy allows the {action} action");
    // What is said with the long-term key, and in a session with MFA; nothing is said of what is allowed.
    for (service, body, resource, by_key, by_session) in [
        ("sts", "GetCallerIdentity", "", "", ""),
        ("iam", "GetUser", "", "", ""),
        ("iam", "ListMFADevices&UserName=dev", "", "", ""),
        ("iam", "ListVirtualMFADevices", "", "", ""),
        ("iam", "CreateVirtualMFADevice&VirtualMFADeviceName=a", "", "", "EntityAlreadyExists"),
        ("iam", "ListAccessKeys", "user dev", DENIED, ""),
        ("iam", &format!("GetAccessKeyLastUsed&AccessKeyId={id}"), "user dev", DENIED, ""),
        ("iam", "GetUser&UserName=other", "user other", &nothing("iam:GetUser"), &nothing("iam:GetUser")),
        ("iam", "GetAccountSummary", "*", DENIED, &nothing("iam:GetAccountSummary")),
        ("iam", "GenerateCredentialReport", "*", DENIED, &nothing("iam:GenerateCredentialReport")),
        ("iam", "ListGroupsForUser&UserName=dev", "user dev", DENIED, &nothing("iam:ListGroupsForUser")),
        ("iam", "ListGroupPolicies&GroupName=ops", "group ops", DENIED, &nothing("iam:ListGroupPolicies")),
        (
            "iam",
            "GetPolicy&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess",
            "policy arn:aws:iam::aws:policy/ReadOnlyAccess",
            DENIED,
            &nothing("iam:GetPolicy"),
        ),
        ("iam", &format!("DeleteVirtualMFADevice&SerialNumber={serial}"), &serial, DENIED, &nothing("iam:DeleteVirtualMFADevice")),
        ("iam", "ListAccessKeys&UserName=nobody", "user nobody", DENIED, &nothing("iam:ListAccessKeys")),
        ("sts", "AssumeRole&RoleArn=arn:aws:iam::000000000000:role/far&RoleSessionName=me", "", DENIED, &nothing("sts:AssumeRole")),
    ] {
        for (signer, said) in [(&key, by_key), (&session, by_session)] {
            let answer = ask(&lab, signer, service, &format!("Action={body}"));
            let action = format!("{service}:{}", body.split('&').next().unwrap_or_default());
            if said.is_empty() {
                assert!(answer.starts_with("HTTP/1.1 200"), "{body}: {answer}");
            } else {
                assert!(answer.contains(said), "{body}, {said}: {answer}");
            }
            if !resource.is_empty() && !said.is_empty() {
                let message = format!(
                    "User: arn:aws:iam::000000000000:user/dev is not authorized to perform: {action} on resource: {resource} {said}"
                );
                assert!(refusal(&answer) == ("403", "AccessDenied") && answer.contains(&message), "{message}: {answer}");
            }
        }
    }
    assert!(ask(&lab, &plain, "sts", "Action=GetCallerIdentity").starts_with("HTTP/1.1 200"));
    lab.close();
}

#[test]
fn what_a_user_may_comes_from_inline_and_managed_policies_and_from_groups() {
    let lab = Lab::start(Settings::default());
    let key = Signer::of(&lab.first_key());
    lab.world().users[0].enforced = true;
    let may = |body: &str| !ask(&lab, &key, "iam", &format!("Action={body}")).contains("AccessDenied");
    let allow = |action: &str| format!(r#"{{"Statement":{{"Effect":"Allow","Action":"iam:{action}","Resource":"*"}}}}"#);
    assert!(!may("GetUser"), "nothing allows it");
    lab.world().users[0].policies.inline.insert("own".into(), allow("GetUser"));
    assert!(may("GetUser") && !may("ListAccessKeys"));
    lab.world().join("dev", "ops").policies.inline.insert("theirs".into(), allow("ListAccessKeys"));
    assert!(may("ListAccessKeys") && !may("GetAccountSummary"));
    lab.world().join("dev", "ops").policies.push("SecurityAudit".into());
    assert!(may("GetAccountSummary") && may("GenerateCredentialReport") && !may("CreatePolicy&PolicyName=x"));
    lab.world().users[0].policies.push("PowerUserAccess".into());
    assert!(!may("CreatePolicy&PolicyName=x"), "its NotAction leaves IAM out");
    let arn = lab.world().add_policy("/team/Maker", &allow("CreatePolicy"));
    lab.world().users[0].policies.push(arn.clone());
    assert!(may(&format!("CreatePolicy&PolicyName=x&PolicyDocument={}", form(&allow("*")))));
    {
        let mut world = lab.world();
        let policy = world.managed.iter_mut().find(|policy| policy.arn == arn).expect("the policy");
        policy.add_version(&allow("CreateUser"), true);
    }
    assert!(!may("CreatePolicy&PolicyName=y"), "the default version decides");
    lab.world().users[0].policies.push("AdministratorAccess".into());
    assert!(may("ListUserPolicies&UserName=dev") && may("CreateAccessKey"));
    lab.world().users[0].policies.push("AWSCompromisedKeyQuarantineV4".into());
    assert!(!may("DeleteAccessKey") && may("ListUserPolicies&UserName=dev"), "AWS's deny wins");
    lab.close();
}

#[test]
fn a_role_that_names_the_user_needs_no_policy_and_its_session_has_none() {
    let lab = Lab::start(Settings::default());
    let (key, arn) = (Signer::of(&lab.first_key()), "arn:aws:iam::000000000000:role/operator");
    let assume = format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=me");
    lab.world().users[0].enforced = true;
    lab.world().roles = vec![Role::new(arn, &["arn:aws:iam::000000000000:root"])];
    let answer = ask(&lab, &key, "sts", &assume);
    assert!(answer.contains(&format!("on resource: {arn} because no identity-based policy allows the sts:AssumeRole action")), "{answer}");
    lab.world().roles = vec![Role::new(arn, &["arn:aws:iam::000000000000:user/dev"])];
    let session = open(&lab, &key, &assume);
    assert!(ask(&lab, &session, "iam", "Action=ListAccessKeys&UserName=dev").starts_with("HTTP/1.1 200"));
    lab.close();
}

#[test]
fn a_permissions_boundary_takes_away_and_never_gives() {
    let lab = Lab::start(Settings::default());
    let key = Signer::of(&lab.first_key());
    lab.world().enforce("dev", r#"{"Statement":{"Effect":"Allow","Action":["iam:GetUser","iam:ListUserPolicies"],"Resource":"*"}}"#);
    let bounds = lab
        .world()
        .add_policy("/Bounds", r#"{"Statement":{"Effect":"Allow","Action":["iam:GetUser","iam:ListMFADevices"],"Resource":"*"}}"#);
    lab.world().users[0].boundary = Some(bounds.clone());
    let ask = |action: &str| ask(&lab, &key, "iam", &format!("Action={action}&UserName=dev"));
    let shown = ask("GetUser");
    assert!(shown.contains(&format!("<PermissionsBoundaryArn>{bounds}</PermissionsBoundaryArn>")), "{shown}");
    assert!(ask("ListUserPolicies").contains("because no permissions boundary allows the iam:ListUserPolicies action"));
    assert!(ask("ListMFADevices").contains("because no identity-based policy allows"));
}
