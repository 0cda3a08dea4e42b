//! One table of calls that the lab and moto both answer, asked and read by botocore: the lab cannot drift into agreeing with us alone.
//! Invariant: where moto is known not to do as AWS does, the row says what it does instead, and a gap that closes fails, too.

use serde_json::{Value, json};

use crate::client::Client;
use crate::lab::{Lab, Settings};
use crate::moto::{Moto, Pair};

/// Who signs.
#[derive(Clone, Copy, Debug)]
enum Signer {
    Dev,
    /// The key that the table made last.
    New,
    /// The ID of `dev` with another secret.
    WrongSecret,
    Unknown,
    /// The session that the table opened last.
    Session,
}
use Signer::{Dev, New, Session, Unknown, WrongSecret};

/// One call. In the parameters and facts `{dev}`, `{new}`, `{other}` and `{unknown}` stand for access key IDs, `{KEYS}` and
/// `{SPARE}` for the ARNs of a policy and of a device, and `{POLICY}` for a document.
struct Case {
    signer: Signer,
    /// `service:Action`.
    call: &'static str,
    parameters: &'static str,
    status: u16,
    code: &'static str,
    /// `path` is there and not empty, `path=value`, or `path#count`; after `~` what moto is known not to do.
    facts: &'static [&'static str],
    /// What moto answers instead.
    gap: Option<(u16, &'static str)>,
}

const fn good(call: &'static str, parameters: &'static str, facts: &'static [&'static str]) -> Case {
    Case { signer: Dev, call, parameters, status: 200, code: "", facts, gap: None }
}

const fn bad(call: &'static str, parameters: &'static str, status: u16, code: &'static str) -> Case {
    Case { signer: Dev, call, parameters, status, code, facts: &[], gap: None }
}

const fn by(signer: Signer, case: Case) -> Case {
    Case { signer, ..case }
}

const fn moto_says(status: u16, code: &'static str, case: Case) -> Case {
    Case { gap: Some((status, code)), ..case }
}

const ME: &str = "sts:GetCallerIdentity";
const LIST: &str = "iam:ListAccessKeys";
const CREATE: &str = "iam:CreateAccessKey";
const UPDATE: &str = "iam:UpdateAccessKey";
const DELETE: &str = "iam:DeleteAccessKey";
const LAST_USED: &str = "iam:GetAccessKeyLastUsed";
const TOKEN: &str = "sts:GetSessionToken";
const ASSUME: &str = "sts:AssumeRole";
const DEVICES: &str = "iam:ListMFADevices";
const GONE: &str = "NoSuchEntity";

/// A document, as it is inside of a text in JSON.
const POLICY: &str = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iam:GetUser\",\"Resource\":\"*\"}]}"#;

/// In this order, on a user `dev` with one key.
const CASES: &[Case] = &[
    good(ME, "{}", &["Account", "UserId", "Arn"]),
    good(
        LIST,
        "{}",
        &["AccessKeyMetadata#1", "AccessKeyMetadata/0/AccessKeyId={dev}", "AccessKeyMetadata/0/Status=Active", "~IsTruncated=false"],
    ),
    good(LIST, r#"{"UserName":"dev"}"#, &["AccessKeyMetadata#1", "AccessKeyMetadata/0/UserName=dev", "AccessKeyMetadata/0/CreateDate"]),
    good(LIST, r#"{"UserName":"other"}"#, &["AccessKeyMetadata#1", "AccessKeyMetadata/0/AccessKeyId={other}"]),
    bad(LIST, r#"{"UserName":"nobody"}"#, 404, GONE),
    bad(CREATE, r#"{"UserName":"nobody"}"#, 404, GONE),
    good(LAST_USED, r#"{"AccessKeyId":"{dev}"}"#, &["UserName=dev", "AccessKeyLastUsed/ServiceName", "AccessKeyLastUsed/Region"]),
    good(
        LAST_USED,
        r#"{"AccessKeyId":"{other}"}"#,
        &["UserName=other", "AccessKeyLastUsed/ServiceName=N/A", "AccessKeyLastUsed/Region=N/A"],
    ),
    moto_says(404, GONE, bad(LAST_USED, r#"{"AccessKeyId":"{unknown}"}"#, 403, "AccessDenied")),
    // What is looked at around a rotation.
    good("iam:GetUser", "{}", &["User/UserName=dev", "User/Path=/", "User/UserId", "User/Arn", "User/CreateDate"]),
    good("iam:GetUser", r#"{"UserName":"other"}"#, &["User/UserName=other"]),
    bad("iam:GetUser", r#"{"UserName":"nobody"}"#, 404, GONE),
    good(
        DEVICES,
        r#"{"UserName":"dev"}"#,
        &["MFADevices#1", "MFADevices/0/UserName=dev", "MFADevices/0/SerialNumber", "MFADevices/0/EnableDate", "IsTruncated=false"],
    ),
    good(DEVICES, r#"{"UserName":"other"}"#, &[]),
    moto_says(404, GONE, good(DEVICES, "{}", &["MFADevices#1"])),
    bad(DEVICES, r#"{"UserName":"nobody"}"#, 404, GONE),
    good("iam:GetAccountSummary", "{}", &["SummaryMap/AccessKeysPerUserQuota=2", "SummaryMap/AccountAccessKeysPresent=0"]),
    good("iam:ListAttachedUserPolicies", r#"{"UserName":"dev"}"#, &["AttachedPolicies#0"]),
    bad("iam:ListAttachedUserPolicies", r#"{"UserName":"nobody"}"#, 404, GONE),
    good("iam:ListGroupsForUser", r#"{"UserName":"dev"}"#, &["Groups#0"]),
    bad("iam:ListAttachedGroupPolicies", r#"{"GroupName":"nobody"}"#, 404, GONE),
    // Policies, the account, devices.
    good("iam:ListUserPolicies", r#"{"UserName":"dev"}"#, &["PolicyNames#0", "IsTruncated=false"]),
    bad("iam:ListUserPolicies", r#"{"UserName":"nobody"}"#, 404, GONE),
    bad("iam:GetUserPolicy", r#"{"UserName":"dev","PolicyName":"none"}"#, 404, GONE),
    good("iam:PutUserPolicy", r#"{"UserName":"dev","PolicyName":"own","PolicyDocument":"{POLICY}"}"#, &[]),
    good("iam:ListUserPolicies", r#"{"UserName":"dev"}"#, &["PolicyNames#1", "PolicyNames/0=own"]),
    good(
        "iam:GetUserPolicy",
        r#"{"UserName":"dev","PolicyName":"own"}"#,
        &["UserName=dev", "PolicyName=own", "PolicyDocument/Version=2012-10-17", "PolicyDocument/Statement/0/Resource=*"],
    ),
    good("iam:DeleteUserPolicy", r#"{"UserName":"dev","PolicyName":"own"}"#, &[]),
    bad("iam:DeleteUserPolicy", r#"{"UserName":"dev","PolicyName":"own"}"#, 404, GONE),
    bad("iam:PutUserPolicy", r#"{"UserName":"dev","PolicyName":"own","PolicyDocument":"{"}"#, 400, "MalformedPolicyDocument"),
    good(
        "iam:CreatePolicy",
        r#"{"PolicyName":"Keys","Path":"/team/","PolicyDocument":"{POLICY}"}"#,
        &["Policy/PolicyName=Keys", "Policy/Path=/team/", "Policy/DefaultVersionId=v1", "Policy/AttachmentCount=0", "Policy/CreateDate"],
    ),
    bad("iam:CreatePolicy", r#"{"PolicyName":"Keys","Path":"/team/","PolicyDocument":"{POLICY}"}"#, 409, "EntityAlreadyExists"),
    good("iam:AttachUserPolicy", r#"{"UserName":"dev","PolicyArn":"{KEYS}"}"#, &[]),
    good(
        "iam:ListAttachedUserPolicies",
        r#"{"UserName":"dev"}"#,
        &["AttachedPolicies#1", "AttachedPolicies/0/PolicyName=Keys", "AttachedPolicies/0/PolicyArn={KEYS}"],
    ),
    good("iam:GetPolicy", r#"{"PolicyArn":"{KEYS}"}"#, &["Policy/Arn={KEYS}", "Policy/AttachmentCount=1", "Policy/IsAttachable=true"]),
    good(
        "iam:GetPolicyVersion",
        r#"{"PolicyArn":"{KEYS}","VersionId":"v1"}"#,
        &["PolicyVersion/IsDefaultVersion=true", "PolicyVersion/Document/Statement/0/Effect=Allow"],
    ),
    bad("iam:GetPolicyVersion", r#"{"PolicyArn":"{KEYS}","VersionId":"v2"}"#, 404, GONE),
    good("iam:ListPolicyVersions", r#"{"PolicyArn":"{KEYS}"}"#, &["Versions#1", "Versions/0/VersionId=v1", "Versions/0/CreateDate"]),
    good("iam:DetachUserPolicy", r#"{"UserName":"dev","PolicyArn":"{KEYS}"}"#, &[]),
    bad("iam:DetachUserPolicy", r#"{"UserName":"dev","PolicyArn":"{KEYS}"}"#, 404, GONE),
    bad("iam:GetLoginProfile", r#"{"UserName":"dev"}"#, 404, GONE),
    bad("iam:GetCredentialReport", "{}", 410, "ReportNotPresent"),
    good("iam:GenerateCredentialReport", "{}", &["State=STARTED"]),
    good("iam:GenerateCredentialReport", "{}", &["State=COMPLETE"]),
    good("iam:GetCredentialReport", "{}", &["ReportFormat=text/csv", "GeneratedTime"]),
    good("iam:CreateVirtualMFADevice", r#"{"VirtualMFADeviceName":"spare"}"#, &["VirtualMFADevice/SerialNumber={SPARE}"]),
    bad("iam:CreateVirtualMFADevice", r#"{"VirtualMFADeviceName":"spare"}"#, 409, "EntityAlreadyExists"),
    good("iam:ListVirtualMFADevices", r#"{"AssignmentStatus":"Unassigned"}"#, &["VirtualMFADevices#1", "IsTruncated=false"]),
    good("iam:DeleteVirtualMFADevice", r#"{"SerialNumber":"{SPARE}"}"#, &[]),
    bad("iam:DeleteVirtualMFADevice", r#"{"SerialNumber":"{SPARE}"}"#, 404, GONE),
    // Sessions of the key, and of roles by way of one.
    good(
        TOKEN,
        r#"{"DurationSeconds":900}"#,
        &["Credentials/AccessKeyId", "Credentials/SecretAccessKey", "Credentials/SessionToken", "Credentials/Expiration"],
    ),
    by(Session, good(ME, "{}", &["Account", "~Arn=arn:aws:iam::000000000000:user/dev"])),
    moto_says(200, "", by(Session, bad(TOKEN, "{}", 403, "AccessDenied"))),
    moto_says(404, GONE, by(Session, bad(LIST, "{}", 403, "InvalidClientTokenId"))),
    moto_says(200, "", bad(TOKEN, r#"{"DurationSeconds":129601}"#, 400, "ValidationError")),
    moto_says(200, "", bad(TOKEN, r#"{"SerialNumber":"GAHT12345678","TokenCode":"012345"}"#, 403, "AccessDenied")),
    moto_says(200, "", bad(TOKEN, r#"{"SerialNumber":"GAHT12345678"}"#, 403, "AccessDenied")),
    good(
        ASSUME,
        r#"{"RoleArn":"arn:aws:iam::000000000000:role/reader","RoleSessionName":"me","ExternalId":"x-1","Tags":[{"Key":"a","Value":"b"}]}"#,
        &[
            "Credentials/SessionToken",
            "Credentials/Expiration",
            "AssumedRoleUser/Arn=arn:aws:sts::000000000000:assumed-role/reader/me",
            "AssumedRoleUser/AssumedRoleId",
        ],
    ),
    by(Session, good(ME, "{}", &["Account=000000000000", "Arn=arn:aws:sts::000000000000:assumed-role/reader/me", "UserId"])),
    by(
        Session,
        good(
            ASSUME,
            r#"{"RoleArn":"arn:aws:iam::444455556666:role/path/Far","RoleSessionName":"me","DurationSeconds":3600}"#,
            &["AssumedRoleUser/Arn=arn:aws:sts::444455556666:assumed-role/Far/me"],
        ),
    ),
    by(Session, good(ME, "{}", &["Account=444455556666", "Arn=arn:aws:sts::444455556666:assumed-role/Far/me"])),
    moto_says(
        200,
        "",
        by(
            Session,
            bad(
                ASSUME,
                r#"{"RoleArn":"arn:aws:iam::444455556666:role/Far","RoleSessionName":"me","DurationSeconds":3601}"#,
                400,
                "ValidationError",
            ),
        ),
    ),
    moto_says(
        200,
        "",
        bad(
            ASSUME,
            r#"{"RoleArn":"arn:aws:iam::444455556666:role/Far","RoleSessionName":"me","DurationSeconds":43201}"#,
            400,
            "ValidationError",
        ),
    ),
    moto_says(200, "", bad(ASSUME, r#"{"RoleArn":"arn:aws:iam::444455556666:role/Far","RoleSessionName":"a b"}"#, 400, "ValidationError")),
    moto_says(200, "", bad(ASSUME, r#"{"RoleArn":"arn:aws:iam::444455556666:user/dev","RoleSessionName":"me"}"#, 400, "ValidationError")),
    moto_says(
        200,
        "",
        bad(
            ASSUME,
            r#"{"RoleArn":"arn:aws:iam::444455556666:role/Far","RoleSessionName":"me","Policy":"{"}"#,
            400,
            "MalformedPolicyDocument",
        ),
    ),
    moto_says(
        200,
        "",
        bad(
            ASSUME,
            r#"{"RoleArn":"arn:aws:iam::444455556666:role/Far","RoleSessionName":"me","Tags":[{"Key":"a","Value":"b"},{"Key":"A","Value":"b"}]}"#,
            400,
            "InvalidParameterValue",
        ),
    ),
    moto_says(
        200,
        "",
        bad(
            ASSUME,
            r#"{"RoleArn":"arn:aws:iam::444455556666:role/Far","RoleSessionName":"me","Tags":[{"Key":"a","Value":"b"}],"TransitiveTagKeys":["c"]}"#,
            400,
            "InvalidParameterValue",
        ),
    ),
    // A second key, and no third one.
    good(
        CREATE,
        "{}",
        &[
            "AccessKey/UserName=dev",
            "AccessKey/AccessKeyId",
            "AccessKey/SecretAccessKey",
            "AccessKey/Status=Active",
            "AccessKey/CreateDate",
        ],
    ),
    bad(CREATE, "{}", 409, "LimitExceeded"),
    bad(CREATE, r#"{"UserName":"dev"}"#, 409, "LimitExceeded"),
    good(LIST, "{}", &["AccessKeyMetadata#2", "AccessKeyMetadata/1/AccessKeyId={new}", "AccessKeyMetadata/1/Status=Active"]),
    good(LIST, r#"{"MaxItems":1}"#, &["~AccessKeyMetadata#1", "~IsTruncated=true", "~Marker"]),
    by(New, good(ME, "{}", &["Arn"])),
    by(New, good(LIST, "{}", &["AccessKeyMetadata#2", "AccessKeyMetadata/0/UserName=dev"])),
    // Off, on, and neither.
    good(UPDATE, r#"{"AccessKeyId":"{new}","Status":"Inactive"}"#, &[]),
    good(LIST, r#"{"UserName":"dev"}"#, &["AccessKeyMetadata#2", "AccessKeyMetadata/1/Status=Inactive"]),
    moto_says(200, "", by(New, bad(ME, "{}", 403, "InvalidClientTokenId"))),
    good(UPDATE, r#"{"AccessKeyId":"{new}","Status":"Active","UserName":"dev"}"#, &[]),
    good(LIST, "{}", &["AccessKeyMetadata/1/Status=Active"]),
    bad(UPDATE, r#"{"AccessKeyId":"{unknown}","Status":"Inactive"}"#, 404, GONE),
    bad(UPDATE, r#"{"AccessKeyId":"{unknown}","Status":"Inactive","UserName":"dev"}"#, 404, GONE),
    bad(UPDATE, r#"{"AccessKeyId":"{dev}","Status":"Inactive","UserName":"nobody"}"#, 404, GONE),
    // Another user's key is unknown under one's own name.
    bad(UPDATE, r#"{"AccessKeyId":"{other}","Status":"Inactive","UserName":"dev"}"#, 404, GONE),
    bad(DELETE, r#"{"AccessKeyId":"{other}","UserName":"dev"}"#, 404, GONE),
    bad(DELETE, r#"{"AccessKeyId":"{unknown}"}"#, 404, GONE),
    bad(DELETE, r#"{"AccessKeyId":"{dev}","UserName":"nobody"}"#, 404, GONE),
    // moto checks nobody's signature.
    moto_says(200, "", by(WrongSecret, bad(ME, "{}", 403, "SignatureDoesNotMatch"))),
    moto_says(200, "", by(Unknown, bad(ME, "{}", 403, "InvalidClientTokenId"))),
    // Deleted for good, and room for the next one.
    good(DELETE, r#"{"AccessKeyId":"{new}"}"#, &[]),
    bad(DELETE, r#"{"AccessKeyId":"{new}","UserName":"dev"}"#, 404, GONE),
    bad(UPDATE, r#"{"AccessKeyId":"{new}","Status":"Active","UserName":"dev"}"#, 404, GONE),
    moto_says(404, GONE, bad(LAST_USED, r#"{"AccessKeyId":"{new}"}"#, 403, "AccessDenied")),
    moto_says(200, "", by(New, bad(ME, "{}", 403, "InvalidClientTokenId"))),
    good(LIST, "{}", &["AccessKeyMetadata#1", "AccessKeyMetadata/0/AccessKeyId={dev}"]),
    good(CREATE, r#"{"UserName":"dev"}"#, &["AccessKey/SecretAccessKey"]),
    good(LIST, "{}", &["AccessKeyMetadata#2", "AccessKeyMetadata/1/AccessKeyId={new}"]),
    // Last: moto takes any word for a status, and keeps it.
    moto_says(200, "", bad(UPDATE, r#"{"AccessKeyId":"{new}","Status":"Asleep"}"#, 400, "ValidationError")),
];

#[test]
fn the_lab_keeps_the_contract() {
    let lab = Lab::start(Settings::default());
    let key = lab.first_key();
    let other = {
        let mut world = lab.world();
        let user = world.add_user("other", "/");
        world.add_settled_key(user)
    };
    check("the lab", &lab.url(), (key.id, key.secret), (other.id, other.secret), false);
    lab.close();
}

#[test]
fn moto_keeps_the_contract_but_for_its_gaps() {
    let moto = Moto::start();
    check("moto", &moto.url, moto.dev.clone(), moto.other.clone(), true);
}

fn check(server: &str, url: &str, dev: Pair, other: Pair, gaps: bool) {
    let mut client = Client::new(url);
    let unknown = ("AKIAIOSFODNN7EXAMPLE".to_owned(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
    let (mut new, mut wrong) = (unknown.clone(), Vec::new());
    let (mut session, mut token) = (unknown.clone(), String::new());
    let account = if gaps { "123456789012" } else { "000000000000" };
    for (at, case) in CASES.iter().enumerate() {
        let fill = |text: &str| {
            let pairs = [("{dev}", &dev), ("{new}", &new), ("{other}", &other), ("{unknown}", &unknown)];
            let text = text.replace("{POLICY}", POLICY).replace("{KEYS}", &format!("arn:aws:iam::{account}:policy/team/Keys"));
            let text = text.replace("{SPARE}", &format!("arn:aws:iam::{account}:mfa/spare"));
            pairs.iter().fold(text, |text, (mark, pair)| text.replace(mark, &pair.0))
        };
        let signer = match case.signer {
            Dev => dev.clone(),
            New => new.clone(),
            WrongSecret => (dev.0.clone(), unknown.1.clone()),
            Unknown => unknown.clone(),
            Session => session.clone(),
        };
        let own_token = matches!(case.signer, Session).then(|| token.clone());
        let (service, action) = case.call.split_once(':').expect("service:Action");
        let parameters = serde_json::from_str(&fill(case.parameters)).expect("JSON");
        let answer = client.call_by(&signer, own_token.as_deref(), service, action, &parameters);
        let gap = case.gap.filter(|_| gaps);
        let expected = gap.unwrap_or((case.status, case.code));
        let place = format!("row {} {} {parameters} by {:?}", at + 1, case.call, case.signer);
        if (answer["status"].as_u64(), answer["code"].as_str()) != (Some(u64::from(expected.0)), Some(expected.1)) {
            wrong.push(format!("{place}: {expected:?} expected, {answer}"));
        }
        if answer["wrong"] != json!([]) {
            wrong.push(format!("{place}: not as AWS's model: {}", answer["wrong"]));
        }
        if let Some((status, code)) = gap {
            println!("{server} says {status} {code}, AWS {} {}: {place}", case.status, case.code);
        }
        for fact in case.facts.iter().map(|fact| fill(fact)).filter(|_| gap.is_none()) {
            let (lacking, plain) = fact.strip_prefix('~').map_or((false, fact.as_str()), |plain| (gaps, plain));
            if lacking {
                println!("{server} lacks {plain}: {place}");
            }
            if holds(&answer["result"], plain) == lacking {
                wrong.push(format!("{place}: {} {plain}: {}", if lacking { "now it has" } else { "not" }, answer["result"]));
            }
        }
        let made = &answer["result"]["AccessKey"];
        if let (Some(id), Some(secret)) = (made["AccessKeyId"].as_str(), made["SecretAccessKey"].as_str()) {
            new = (id.to_owned(), secret.to_owned());
        }
        let opened = &answer["result"]["Credentials"];
        let part = |name: &str| opened[name].as_str().map(str::to_owned);
        if let (Some(id), Some(secret), Some(own)) = (part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")) {
            (session, token) = ((id, secret), own);
        }
    }
    assert!(wrong.is_empty(), "{server} differs:\n{}", wrong.join("\n"));
}

fn holds(result: &Value, fact: &str) -> bool {
    let at = |path: &str| result.pointer(&format!("/{path}")).unwrap_or(&Value::Null);
    if let Some((path, count)) = fact.split_once('#') {
        at(path).as_array().is_some_and(|list| list.len().to_string() == count)
    } else if let Some((path, value)) = fact.split_once('=') {
        at(path).as_str().map_or_else(|| at(path).to_string(), str::to_owned) == value
    } else {
        at(fact).as_str().is_some_and(|text| !text.is_empty())
    }
}
