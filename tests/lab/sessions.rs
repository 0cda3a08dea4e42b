//! The lab's sessions: what STS gives, refuses and remembers of GetSessionToken and AssumeRole, and the devices and codes behind them.

use super::lab::faults::{Fault, Rule};
use super::lab::key::Status;
use super::lab::role::Role;
use super::lab::state::Assumed;
use super::lab::{Lab, Settings};
use super::wire::{Signer, ask, open};

const DEV: &str = "arn:aws:iam::000000000000:user/dev";
const HOP: &str = "arn:aws:iam::444455556666:role/path/Hop";
const FAR: &str = "arn:aws:iam::777788889999:role/Far";

fn started() -> (Lab, Signer) {
    let lab = Lab::start(Settings::default());
    let key = lab.first_key();
    (lab, Signer { id: key.id, secret: key.secret, token: None })
}

fn assumed(lab: &Lab) -> Assumed {
    lab.world().sessions.last().and_then(|session| session.role.clone()).expect("an assumed role")
}

fn coded(lab: &Lab) -> String {
    let serial = lab.world().users[0].serials[0].clone();
    format!("&SerialNumber={serial}&TokenCode={}", lab.code("dev").expect("a code"))
}

fn role(arn: &str) -> String {
    format!("Action=AssumeRole&RoleArn={arn}&RoleSessionName=me")
}

#[test]
fn a_role_is_assumed_by_whom_it_trusts_with_its_external_id_and_with_mfa() {
    let (lab, key) = started();
    let refused = |signer: &Signer, body: &str| {
        let answer = ask(&lab, signer, "sts", body);
        let message = "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/path/Hop<";
        answer.starts_with("HTTP/1.1 403") && answer.contains("<Code>AccessDenied</Code>") && answer.contains(message)
    };
    let set = |change: &dyn Fn(&mut Role)| {
        let mut role = Role::new(HOP, &[DEV]);
        change(&mut role);
        lab.world().roles = vec![role];
    };
    set(&|_| {});
    open(&lab, &key, &role(HOP));
    set(&|role| role.trusts = vec!["arn:aws:iam::000000000000:user/other".into()]);
    assert!(refused(&key, &role(HOP)));
    set(&|role| role.trusts = vec!["arn:aws:iam::000000000000:root".into()]);
    open(&lab, &key, &role(HOP));
    set(&|role| role.external_id = Some("x-1".into()));
    assert!(refused(&key, &role(HOP)) && refused(&key, &format!("{}&ExternalId=x-2", role(HOP))));
    open(&lab, &key, &format!("{}&ExternalId=x-1", role(HOP)));
    set(&|role| role.needs_mfa = true);
    assert!(refused(&key, &role(HOP)), "a bare key");
    open(&lab, &key, &(role(HOP) + &coded(&lab)));
    let plain = open(&lab, &key, "Action=GetSessionToken");
    assert!(refused(&plain, &role(HOP)), "a session without MFA");
    let session = open(&lab, &key, &format!("Action=GetSessionToken{}", coded(&lab)));
    let hop = open(&lab, &session, &role(HOP));
    // The MFA of a session does not go on to the next role.
    set(&|role| (role.arn, role.trusts, role.needs_mfa) = (FAR.into(), vec![HOP.into()], true));
    assert!(ask(&lab, &hop, "sts", &role(FAR)).contains("AccessDenied"));
    set(&|role| (role.arn, role.trusts) = (FAR.into(), vec![HOP.into()]));
    open(&lab, &hop, &role(FAR));
    assert!(ask(&lab, &key, "sts", &role(FAR)).contains("AccessDenied"), "the way leads over the other role");
    assert_eq!(lab.resent(), []);
}

#[test]
fn who_assumed_a_role_is_that_role_in_its_own_account() {
    let (lab, key) = started();
    let hop = open(&lab, &key, &role(HOP));
    let answer = ask(&lab, &hop, "sts", "Action=GetCallerIdentity");
    assert!(answer.contains("<Arn>arn:aws:sts::444455556666:assumed-role/Hop/me</Arn>"), "{answer}");
    assert!(answer.contains("<UserId>AROALAB:me</UserId><Account>444455556666</Account>"), "{answer}");
    // The user's own policies do not follow.
    lab.world().settings.force_mfa = true;
    open(&lab, &hop, &role(FAR));
    assert!(ask(&lab, &key, "sts", &role(HOP)).contains("with an explicit deny in an identity-based policy"));
    open(&lab, &key, &(role(HOP) + &coded(&lab)));
}

#[test]
fn a_session_is_as_long_as_the_role_and_the_way_to_it_allow() {
    let (lab, key) = started();
    lab.world().roles = vec![Role { longest: 7_200, ..Role::new(HOP, &[DEV]) }];
    let session = open(&lab, &key, "Action=GetSessionToken&DurationSeconds=129600");
    let long = |arn: &str, seconds: u32| format!("{}&DurationSeconds={seconds}", role(arn));
    open(&lab, &key, &long(HOP, 7_200));
    open(&lab, &session, &long(HOP, 3_600));
    open(&lab, &key, &long(FAR, 43_200));
    let chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    let below = "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900";
    for (signer, body, said) in [
        (&key, long(HOP, 7_201), "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
        (&session, long(HOP, 3_601), chained),
        (&session, long(FAR, 3_601), chained),
        (&key, long(FAR, 899), below),
        (&key, long(FAR, 43_201), "Member must have value less than or equal to 43200"),
        (&key, "Action=GetSessionToken&DurationSeconds=899".into(), below),
        (&key, "Action=GetSessionToken&DurationSeconds=129601".into(), "Member must have value less than or equal to 129600"),
    ] {
        let answer = ask(&lab, signer, "sts", &body);
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("<Code>ValidationError</Code>"), "{body}: {answer}");
        assert!(answer.replace("&apos;", "'").contains(said), "{body}: {answer}");
    }
    let root = {
        let mut world = lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    let (now, root) = (lab.world().now(), Signer { id: root.id, secret: root.secret, token: None });
    open(&lab, &root, "Action=GetSessionToken&DurationSeconds=43200");
    let expires_at = lab.world().sessions.last().expect("a session").expires_at;
    assert!((3_500.0..3_700.0).contains(&(expires_at - now)), "root's hour");
}

#[test]
fn what_is_said_of_a_role_is_remembered_and_goes_on_where_it_is_transitive() {
    let (lab, key) = started();
    let policy = "%7B%22Statement%22%3A%5B%5D%7D";
    let first =
        "&Tags.member.1.Key=Team&Tags.member.1.Value=blue&Tags.member.2.Key=Cost&Tags.member.2.Value=&TransitiveTagKeys.member.1=team";
    let rest =
        format!("&SourceIdentity=dev-1&ExternalId=x-1&Policy={policy}&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess");
    let hop = open(&lab, &key, &(role(HOP) + first + &rest));
    let seen = assumed(&lab);
    let tags = |seen: &Assumed| seen.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    assert_eq!((tags(&seen).as_str(), seen.source_identity.as_deref()), ("Cost= Team=blue", Some("dev-1")));
    assert_eq!((seen.external_id.as_deref(), seen.policy.as_deref()), (Some("x-1"), Some(r#"{"Statement":[]}"#)));
    assert_eq!(seen.policy_arns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    open(&lab, &hop, &format!("{}&Tags.member.1.Key=Step&Tags.member.1.Value=2", role(FAR)));
    let seen = assumed(&lab);
    assert_eq!((tags(&seen).as_str(), seen.source_identity.as_deref()), ("Step=2 Team=blue", Some("dev-1")));
    let answer = ask(&lab, &hop, "sts", &format!("{}&Tags.member.1.Key=TEAM&Tags.member.1.Value=red", role(FAR)));
    assert!(answer.contains("conflicts with a transitive tag key from the calling session"), "{answer}");
    let answer = ask(&lab, &hop, "sts", &format!("{}&SourceIdentity=somebody", role(FAR)));
    assert!(answer.contains("The source identity is already set"), "{answer}");
    // A known role has to allow what is set, and what goes on.
    lab.world().roles = vec![Role::new(FAR, &[DEV, HOP])];
    let tagged = format!("{}&Tags.member.1.Key=a&Tags.member.1.Value=b", role(FAR));
    for (signer, body, action) in
        [(&key, tagged, "TagSession"), (&hop, role(FAR), "TagSession"), (&key, role(FAR) + "&SourceIdentity=dev-1", "SetSourceIdentity")]
    {
        let answer = ask(&lab, signer, "sts", &body);
        assert!(answer.contains(&format!("is not authorized to perform: sts:{action} on resource: {FAR}")), "{answer}");
    }
    lab.world().roles = vec![Role { may_tag: true, may_set_source_identity: true, ..Role::new(FAR, &[DEV, HOP]) }];
    open(&lab, &hop, &role(FAR));
}

#[test]
fn what_is_not_of_awss_form_is_refused_before_anything_is_looked_at() {
    let (lab, key) = started();
    let tag = |key: &str, value: &str| format!("{}&Tags.member.1.Key={key}&Tags.member.1.Value={value}", role(HOP));
    let two = |first: &str, second: &str| format!("{}&Tags.member.2.Key={second}&Tags.member.2.Value=", tag(first, ""));
    let many: String = (1..=51).map(|at| format!("&Tags.member.{at}.Key=k{at}&Tags.member.{at}.Value=v")).collect();
    let (invalid, parameter) = ("ValidationError", "InvalidParameterValue");
    for (body, code, said) in [
        ("Action=AssumeRole&RoleSessionName=me".into(), invalid, "at 'roleArn' failed to satisfy constraint: Member must not be null"),
        (format!("Action=AssumeRole&RoleArn={HOP}"), invalid, "Value null at 'roleSessionName'"),
        (role("arn:aws:iam::444455556666:user/me"), invalid, "is invalid"),
        (
            role(HOP).replace("=me", "=a%20b"),
            invalid,
            r"at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        (role(HOP).replace("=me", "=m"), invalid, "Member must have length greater than or equal to 2"),
        (role(HOP) + "&ExternalId=x", invalid, "at 'externalId'"),
        (role(HOP) + "&ExternalId=a%23b", invalid, "at 'externalId'"),
        (role(HOP) + "&SourceIdentity=a/b", invalid, "at 'sourceIdentity'"),
        (role(HOP) + "&SourceIdentity=" + &"a".repeat(65), invalid, "less than or equal to 64"),
        (role(HOP) + "&Policy=%7B", "MalformedPolicyDocument", "Syntax errors in policy."),
        (
            tag(&"k".repeat(129), "v"),
            invalid,
            "'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128",
        ),
        (
            tag("k", &"v".repeat(257)),
            invalid,
            "'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256",
        ),
        (tag("", "v"), invalid, "'tags.1.member.key'"),
        (tag("a%23b", "v"), invalid, "Member must satisfy regular expression pattern"),
        (tag("aws:x", "v"), parameter, "aws:"),
        (role(HOP) + &many, invalid, "'tags' failed to satisfy constraint: Member must have length less than or equal to 50"),
        (two("Team", "team"), parameter, "Duplicate tag keys found."),
        (
            tag("a", "b") + "&TransitiveTagKeys.member.1=c",
            parameter,
            "The specified transitive tag key must be included in the requested tags.",
        ),
        ("Action=GetSessionToken&SerialNumber=short&TokenCode=012345".into(), invalid, "at 'serialNumber'"),
        ("Action=GetSessionToken&SerialNumber=GAHT12345678&TokenCode=01234".into(), invalid, "at 'tokenCode'"),
        ("Action=GetSessionToken&SerialNumber=GAHT12345678&TokenCode=01234x".into(), invalid, r"pattern: [\d]*"),
        (
            "Action=GetSessionToken&SerialNumber=GAHT12345678".into(),
            "AccessDenied",
            "must provide both MFA serial number and one time pass code",
        ),
    ] {
        let answer = ask(&lab, &key, "sts", &body);
        assert!(answer.contains(&format!("<Code>{code}</Code>")) && answer.contains(said), "{body}: {answer}");
    }
    assert_eq!(lab.world().sessions.len(), 0);
    open(&lab, &key, &tag(&"k".repeat(128), &"v".repeat(256)));
    open(&lab, &key, &tag("%C3%BC-Gr%C3%BC%C3%9Fe", "a%20b"));
}

#[test]
fn a_session_outlives_its_key_and_opens_no_other_one() {
    let (lab, key) = started();
    let session = open(&lab, &key, &format!("Action=GetSessionToken{}", coded(&lab)));
    let hop = open(&lab, &session, &role(HOP));
    for signer in [&session, &hop] {
        let answer = ask(&lab, signer, "sts", "Action=GetSessionToken");
        assert!(answer.contains("<Code>AccessDenied</Code>") && answer.contains("Cannot call GetSessionToken with session credentials"));
    }
    for status in [Status::Inactive, Status::Deleted] {
        lab.world().set_status(&key.id, status);
        assert!(ask(&lab, &key, "sts", "Action=GetCallerIdentity").contains("InvalidClientTokenId"));
        assert!(ask(&lab, &session, "sts", "Action=GetCallerIdentity").contains(DEV));
        assert!(ask(&lab, &session, "iam", "Action=ListAccessKeys").starts_with("HTTP/1.1 200"));
        open(&lab, &session, &role(FAR));
    }
    lab.world().settings.clock_offset = 600.0;
    lab.world().sessions[0].expires_at = 0.0;
    assert!(ask(&lab, &session, "sts", "Action=GetCallerIdentity").contains("<Code>ExpiredToken</Code>"));
}

#[test]
fn a_quarantined_user_gets_no_session() {
    let (lab, key) = started();
    lab.world().users[0].policies.push("AWSCompromisedKeyQuarantineV3".into());
    let answer = ask(&lab, &key, "sts", &format!("Action=GetSessionToken{}", coded(&lab)));
    assert!(answer.contains("is not authorized to perform: sts:GetSessionToken") && answer.contains("with an explicit deny"), "{answer}");
    assert_eq!(lab.world().sessions.len(), 0);
}

#[test]
fn each_device_has_codes_of_its_own_and_a_security_key_none() {
    let (lab, key) = started();
    let (second, fido) = ("GAHT12345678", "arn:aws:iam::000000000000:u2f/user/dev/touch-EXAMPLE");
    lab.world().users[0].serials.extend([second.to_owned(), fido.to_owned()]);
    let first = lab.world().users[0].serials[0].clone();
    lab.world().settings.page_size = 2;
    let answer = ask(&lab, &key, "iam", "Action=ListMFADevices");
    assert!(
        answer.contains(&first) && answer.contains(second) && !answer.contains(fido) && answer.contains("<Marker>2</Marker>"),
        "{answer}"
    );
    let answer = ask(&lab, &key, "iam", "Action=ListMFADevices&Marker=2");
    assert!(answer.contains(fido) && answer.contains("<IsTruncated>false</IsTruncated>"), "{answer}");
    let (one, two) = (lab.code("dev").expect("a code"), lab.code_of("dev", second).expect("a code"));
    let token = |serial: &str, code: &str| format!("Action=GetSessionToken&SerialNumber={serial}&TokenCode={code}");
    open(&lab, &key, &token(second, &two));
    assert!(ask(&lab, &key, "sts", &token(second, &one)).contains("invalid MFA one time pass code"));
    open(&lab, &key, &token(&first, &one));
    assert_eq!(lab.code_of("dev", fido), None);
    assert!(ask(&lab, &key, "sts", &token(fido, &one)).contains("unable to validate MFA code"));
    assert!(ask(&lab, &key, "sts", &token("arn:aws:iam::000000000000:mfa/other", &one)).contains("unable to validate MFA code"));
}

#[test]
fn each_code_is_counted_and_one_that_comes_again_is_told() {
    let (lab, key) = started();
    let body = format!("Action=GetSessionToken{}", coded(&lab));
    open(&lab, &key, &body);
    assert_eq!(lab.resent(), []);
    assert_eq!(lab.world().codes.len(), 1);
    lab.world().settings.clock_offset = 60.0;
    assert!(ask(&lab, &key, "sts", &body).contains("AccessDenied"));
    let resent = lab.resent();
    assert_eq!(resent.len(), 1, "two steps later, {resent:?}");
    assert!(body.ends_with(&resent[0].1) && body.contains(&resent[0].0));
    lab.world().settings.clock_offset = 300.0;
    assert!(ask(&lab, &key, "sts", &body).contains("AccessDenied"));
    assert_eq!(lab.resent(), resent, "a code may come again by chance");
    lab.world().codes.clear();
    lab.rules(vec![Rule::on("GetSessionToken", Fault::DropBefore).times(2)]);
    assert_eq!(ask(&lab, &key, "sts", &body) + &ask(&lab, &key, "sts", &body), "");
    assert_eq!(lab.resent().len(), 1, "also where no answer came");
}
