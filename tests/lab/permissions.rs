//! The lab's policies: inline and managed ones, of users and groups, their versions and pages, and what IAM refuses of them.

use percent_encoding::percent_decode_str;

use super::lab::account::Policies;
use super::lab::state::Password;
use super::lab::{Lab, Settings};
use super::wire::{Sdk, Signer, ask, form, refusal};

const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}}"#;

fn started() -> (Lab, impl Fn(&str) -> String) {
    let lab = Lab::start(Settings::default());
    let (key, used) = (Signer::of(&lab.first_key()), lab.clone());
    (lab, move |body: &str| ask(&used, &key, "iam", body))
}

/// A document of this many characters, and some white space that does not count.
fn document(characters: usize) -> String {
    let empty = r#"{"Statement":[],"Id":""}"#;
    format!(r#"{{"Statement":[], "Id": "{}"}}"#, "x".repeat(characters - empty.len()))
}

#[test]
fn an_inline_policy_of_a_user_or_a_group_is_put_listed_read_and_deleted() {
    let (lab, ask) = started();
    lab.world().join("dev", "ops");
    lab.world().settings.page_size = 1;
    let sdk = Sdk::new(&lab, &Signer::of(&lab.first_key()));
    for (kind, whose) in [("User", "UserName=dev"), ("Group", "GroupName=ops")] {
        for name in ["one", "two"] {
            let answer = ask(&format!("Action=Put{kind}Policy&{whose}&PolicyName={name}&PolicyDocument={}", form(ALLOW)));
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let first = ask(&format!("Action=List{kind}Policies&{whose}"));
        assert!(
            first.contains("<PolicyNames><member>one</member></PolicyNames><IsTruncated>true</IsTruncated><Marker>1</Marker>"),
            "{first}"
        );
        let second = ask(&format!("Action=List{kind}Policies&{whose}&Marker=1"));
        assert!(second.contains("<member>two</member></PolicyNames><IsTruncated>false</IsTruncated></"), "{second}");
        let read = ask(&format!("Action=Get{kind}Policy&{whose}&PolicyName=one"));
        assert!(read.contains("%22arn%3Aaws%3Aiam%3A%3A%2A%3Auser%2F%24%7Baws%3Ausername%7D%22"), "{read}");
        assert!(ask(&format!("Action=Delete{kind}Policy&{whose}&PolicyName=one")).starts_with("HTTP/1.1 200"));
        for action in ["Get", "Delete"] {
            let answer = ask(&format!("Action={action}{kind}Policy&{whose}&PolicyName=one"));
            assert_eq!(refusal(&answer), ("404", "NoSuchEntity"));
            assert!(answer.contains(&format!("The {} policy with name one cannot be found.", kind.to_lowercase())), "{answer}");
        }
        let nobody = format!("Action=List{kind}Policies&{kind}Name=nobody");
        assert_eq!(refusal(&ask(&nobody)), ("404", "NoSuchEntity"));
    }
    assert_eq!(refusal(&ask("Action=ListUserPolicies")), ("400", "ValidationError"), "nobody is meant where no name is said");
    let own = sdk.wait(sdk.iam.get_user_policy().user_name("dev").policy_name("two").send()).expect("a policy");
    let group = sdk.wait(sdk.iam.get_group_policy().group_name("ops").policy_name("two").send()).expect("a policy");
    assert_eq!((own.user_name(), group.group_name()), ("dev", "ops"));
    for text in [own.policy_document(), group.policy_document()] {
        assert_eq!(percent_decode_str(text).decode_utf8_lossy(), ALLOW, "the SDK leaves it encoded");
    }
}

#[test]
fn a_managed_policy_is_made_attached_read_by_version_and_detached() {
    let (lab, ask) = started();
    let sdk = Sdk::new(&lab, &Signer::of(&lab.first_key()));
    lab.world().join("dev", "ops");
    let made = sdk.wait(sdk.iam.create_policy().policy_name("Keys").path("/team/").policy_document(ALLOW).send()).expect("a policy");
    let made = made.policy().expect("the policy");
    let arn = "arn:aws:iam::000000000000:policy/team/Keys";
    assert_eq!(
        (made.arn(), made.path(), made.default_version_id(), made.attachment_count()),
        (Some(arn), Some("/team/"), Some("v1"), Some(0))
    );
    for action in ["AttachUserPolicy&UserName=dev", "AttachGroupPolicy&GroupName=ops", "AttachUserPolicy&UserName=dev"] {
        assert!(ask(&format!("Action={action}&PolicyArn={arn}")).starts_with("HTTP/1.1 200"), "{action}");
    }
    {
        let mut world = lab.world();
        let policy = world.managed.iter_mut().find(|policy| policy.arn == arn).expect("the policy");
        policy.add_version(r#"{"Statement":[]}"#, true);
        policy.add_version("{}", false);
    }
    let read = sdk.wait(sdk.iam.get_policy().policy_arn(arn).send()).expect("a policy");
    let read = read.policy().expect("the policy");
    assert_eq!((read.default_version_id(), read.attachment_count(), read.is_attachable()), (Some("v2"), Some(2), true));
    let version = |id: &str| {
        let found = sdk.wait(sdk.iam.get_policy_version().policy_arn(arn).version_id(id).send()).expect("a version");
        let found = found.policy_version().expect("the version").clone();
        (percent_decode_str(found.document().expect("a document")).decode_utf8_lossy().into_owned(), found.is_default_version())
    };
    assert_eq!((version("v1"), version("v2")), ((ALLOW.to_owned(), false), (r#"{"Statement":[]}"#.to_owned(), true)));
    let versions = sdk.wait(sdk.iam.list_policy_versions().policy_arn(arn).max_items(2).send()).expect("versions");
    let ids: Vec<_> = versions.versions().iter().filter_map(|version| version.version_id()).collect();
    assert_eq!((ids, versions.is_truncated()), (vec!["v3", "v2"], true));
    let attached = ask("Action=ListAttachedGroupPolicies&GroupName=ops");
    assert!(attached.contains(&format!("<PolicyName>Keys</PolicyName><PolicyArn>{arn}</PolicyArn>")), "{attached}");
    for expected in ["200", "404"] {
        assert!(ask(&format!("Action=DetachUserPolicy&UserName=dev&PolicyArn={arn}")).starts_with(&format!("HTTP/1.1 {expected}")));
    }
    let none = "arn:aws:iam::000000000000:policy/none";
    for (action, said) in [
        ("GetPolicy", "was not found."),
        ("GetPolicyVersion&VersionId=v1", "was not found."),
        ("ListPolicyVersions", "was not found."),
        ("AttachUserPolicy&UserName=dev", "does not exist or is not attachable."),
    ] {
        let answer = ask(&format!("Action={action}&PolicyArn={none}"));
        assert_eq!(refusal(&answer), ("404", "NoSuchEntity"));
        assert!(answer.contains(&format!("Policy {none} {said}")), "{answer}");
    }
    let answer = ask(&format!("Action=GetPolicyVersion&PolicyArn={arn}&VersionId=v9"));
    assert!(answer.contains("version v9 does not exist or is not attachable.") && refusal(&answer).1 == "NoSuchEntity", "{answer}");
    assert_eq!(refusal(&ask("Action=GetPolicy&PolicyArn=short")), ("400", "ValidationError"));
}

#[test]
fn awss_own_policies_are_there_and_a_name_is_taken_once_in_an_account() {
    let (lab, ask) = started();
    let version = |name: &str| ask(&format!("Action=GetPolicyVersion&PolicyArn=arn:aws:iam::aws:policy/{name}&VersionId=v1"));
    for (name, has) in [
        ("AdministratorAccess", "%22Action%22%3A%22%2A%22"),
        ("PowerUserAccess", "%22NotAction%22"),
        ("IAMUserChangePassword", "iam%3AChangePassword"),
        ("SecurityAudit", "iam%3AGenerateCredentialReport"),
        ("ReadOnlyAccess", "iam%3AList%2A"),
        ("AWSCompromisedKeyQuarantine", "iam%3AUpdateAccessKey"),
        ("AWSCompromisedKeyQuarantineV2", "sts%3AGetSessionToken"),
        ("AWSCompromisedKeyQuarantineV3", "iam%3ADeleteAccessKey"),
        ("AWSCompromisedKeyQuarantineV4", "iam%3ADeleteAccessKey"),
    ] {
        assert!(version(name).contains(has), "{name}: {}", version(name));
    }
    assert!(!version("AWSCompromisedKeyQuarantine").contains("GetSessionToken"), "the first text did not deny it");
    lab.world().add_policy("/team/Keys", ALLOW);
    let create = |name: &str, document: &str| ask(&format!("Action=CreatePolicy&PolicyName={name}&PolicyDocument={}", form(document)));
    let taken = create("keys", ALLOW);
    assert_eq!(refusal(&taken), ("409", "EntityAlreadyExists"));
    assert!(taken.contains("A policy called keys already exists. Duplicate names are not allowed."), "{taken}");
    assert!(create("SecurityAudit", ALLOW).starts_with("HTTP/1.1 200"), "AWS's names are free");
    lab.world().users[0].policies.push("SecurityAudit".into());
    assert!(ask("Action=ListAttachedUserPolicies&UserName=dev").contains(">arn:aws:iam::aws:policy/SecurityAudit<"));
    assert_eq!(refusal(&create("a%20b", ALLOW)), ("400", "ValidationError"));
}

#[test]
fn what_is_no_policy_or_too_much_of_one_is_refused() {
    let (lab, ask) = started();
    lab.world().join("dev", "ops");
    let malformed = ("400", "MalformedPolicyDocument");
    for (text, said) in [
        ("{", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        (r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#, "Policy statement must contain resources."),
        (r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#, "Policy statement must contain actions."),
        (r#"{"Statement":[{"Action":"*","Resource":"*"}]}"#, "Syntax errors in policy."),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}"#,
            "Policy document should not specify a principal.",
        ),
    ] {
        for action in ["CreatePolicy", "PutUserPolicy&UserName=dev", "PutGroupPolicy&GroupName=ops"] {
            let answer = ask(&format!("Action={action}&PolicyName=x&PolicyDocument={}", form(text)));
            assert_eq!(refusal(&answer), malformed, "{text}");
            assert!(answer.contains(said), "{answer}");
        }
    }
    let limit = ("409", "LimitExceeded");
    for (action, most) in [("CreatePolicy", 6_144), ("PutUserPolicy&UserName=dev", 2_048), ("PutGroupPolicy&GroupName=ops", 5_120)] {
        let put = |name: &str, size: usize| ask(&format!("Action={action}&PolicyName={name}&PolicyDocument={}", form(&document(size))));
        assert_eq!(refusal(&put("x", most + 1)), limit, "{action}");
        assert!(put("x", most).starts_with("HTTP/1.1 200"), "{action}: white space does not count");
        assert!(action == "CreatePolicy" || put("x", most).starts_with("HTTP/1.1 200"), "in place of itself");
        assert_eq!(refusal(&put("y", 30)) == limit, action != "CreatePolicy", "inline policies are counted together");
    }
    for (kind, whose, quota) in [("User", "UserName=dev", "PoliciesPerUser: 10"), ("Group", "GroupName=ops", "PoliciesPerGroup: 10")] {
        let attach = |at: usize| {
            let arn = lab.world().add_policy(&format!("{kind}{at}"), ALLOW);
            ask(&format!("Action=Attach{kind}Policy&{whose}&PolicyArn={arn}"))
        };
        assert!((0..10).all(|at| attach(at).starts_with("HTTP/1.1 200")), "{kind}");
        let answer = attach(10);
        assert!(refusal(&answer) == limit && answer.contains(&format!("Cannot exceed quota for {quota}")), "{answer}");
    }
}

#[test]
fn groups_have_their_paths_and_a_user_a_login_profile_or_none() {
    let (lab, ask) = started();
    {
        let mut world = lab.world();
        world.add_group("/team/ops").policies = Policies { attached: vec!["ReadOnlyAccess".into()], ..Policies::default() };
        world.join("dev", "ops");
        world.join("dev", "all");
        world.settings.page_size = 1;
    }
    let first = ask("Action=ListGroupsForUser&UserName=dev");
    assert!(first.contains("<Arn>arn:aws:iam::000000000000:group/all</Arn>") && first.contains("<Marker>1</Marker>"), "{first}");
    let second = ask("Action=ListGroupsForUser&UserName=dev&Marker=1");
    let shown = "<Path>/team/</Path><GroupName>ops</GroupName>";
    assert!(second.contains(shown) && second.contains("<Arn>arn:aws:iam::000000000000:group/team/ops</Arn>"), "{second}");
    assert!(ask("Action=ListAttachedGroupPolicies&GroupName=ops").contains("arn:aws:iam::aws:policy/ReadOnlyAccess"));
    let answer = ask("Action=GetLoginProfile&UserName=dev");
    assert!(refusal(&answer) == ("404", "NoSuchEntity") && answer.contains("Login Profile for User dev cannot be found."), "{answer}");
    lab.world().users[0].password = Some(Password { changed_at: 1.7e9, last_used: None, is_to_change: true });
    let sdk = Sdk::new(&lab, &Signer::of(&lab.first_key()));
    let profile = sdk.wait(sdk.iam.get_login_profile().user_name("dev").send()).expect("a profile");
    let profile = profile.login_profile().expect("the profile");
    assert_eq!((profile.user_name(), profile.create_date().secs(), profile.password_reset_required()), ("dev", 1_700_000_000, true));
}
