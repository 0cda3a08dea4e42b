//! Scenarios: what is seen, and what each check has to say of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::audit::facts::{Here, Replacing, Watched};
use crate::aws::{
    AccountSight, AccountSummary, AttachedPolicy, CredentialReport, ErrorKind, GroupPolicies, InlinePolicy, Policies, UserSight,
};
use crate::model::{AccessKey, AccessKeyId, Arn, KeyStatus, LastUse, LastUsed, Limits, ProfileName};

const KEY: &str = "AKIAEXAMPLE000000001";
const SECOND: &str = "AKIAEXAMPLE000000002";
const DEVICE: &str = "arn:aws:iam::111122223333:mfa/dev";
const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const LITTLE: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn ago(days: i64) -> DateTime<Utc> {
    now() - TimeDelta::days(days)
}

fn id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).unwrap()
}

fn key(text: &str, status: KeyStatus, days: i64) -> AccessKey {
    AccessKey { id: id(text), status, created_at: ago(days) }
}

fn used(service: &str, days: i64) -> LastUsed {
    LastUsed::Used(LastUse { at: ago(days), service: service.into(), region: "us-east-1".into() })
}

pub(super) fn denied(operation: &'static str) -> AwsError {
    AwsError::for_tests(operation, ErrorKind::Denied { explicit: false }, true)
}

pub(super) fn gone(operation: &'static str) -> AwsError {
    AwsError::for_tests(operation, ErrorKind::Gone, true)
}

fn attached(name: &str, document: Option<&str>) -> AttachedPolicy {
    let owner = if document.is_some() { "111122223333" } else { "aws" };
    let arn = Arn::parse(&format!("arn:aws:iam::{owner}:policy/{name}")).unwrap();
    AttachedPolicy { name: name.into(), arn, document: document.map(|text| Ok(text.into())) }
}

fn inline(name: &str, document: &str) -> InlinePolicy {
    InlinePolicy { name: name.into(), document: Ok(document.into()) }
}

fn identity(resource: &str, user_id: &str) -> Identity {
    let arn = Arn::parse(&format!("arn:aws:iam::111122223333:{resource}")).unwrap();
    Identity { account: "111122223333".into(), arn, user_id: user_id.into() }
}

/// A user about whom nothing is to be said.
pub(super) fn well() -> Facts {
    let user = UserDetails {
        keys: Ok(vec![key(KEY, KeyStatus::Active, 10)]),
        last_uses: vec![(id(KEY), Ok(used("s3", 1)))],
        policies: Policies { inline: Ok(vec![]), attached: Ok(vec![]) },
        groups: Ok(vec![GroupPolicies {
            name: "devs".into(),
            policies: Policies {
                inline: Ok(vec![]),
                attached: Ok(vec![attached("ReadOnlyAccess", None), attached("little", Some(LITTLE))]),
            },
        }]),
    };
    Facts {
        now: now(),
        profile: ProfileName::new("work"),
        user: UserSight {
            identity: Ok(identity("user/dev", "AIDAEXAMPLE")),
            mfa_devices: Ok(vec![DEVICE.into()]),
            with_virtual_mfa: Ok(vec!["arn:aws:iam::111122223333:user/dev".into()]),
            summary: Ok(AccountSummary { root_keys: Some(0), root_mfa: Some(true), root_password: Some(true) }),
            user: Some(user),
        },
        boundary: None,
        account: Some(AccountSight { report: Ok(report("no_information", "N/A")), central_root: Ok(Some(true)) }),
        monitoring: None,
        here: Here { limits: Limits::default(), unused_after: Duration::from_secs(45 * 86_400), own_calls: vec![now()], ..Here::default() },
    }
}

fn report(password: &str, key: &str) -> CredentialReport {
    let csv = format!(
        "user,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n<root_account>,{password},{key},N/A\nrootbeer,N/A,N/A,N/A\n"
    );
    CredentialReport { generated_at: Some(now()), csv }
}

fn user(facts: &mut Facts) -> &mut UserDetails {
    facts.user.user.as_mut().unwrap()
}

/// An administrator with this boundary.
fn bounded(facts: &mut Facts, boundary: Result<Option<AttachedPolicy>, AwsError>) {
    user(facts).policies.attached = Ok(vec![attached("AdministratorAccess", None)]);
    facts.boundary = Some(boundary);
}

fn summary(facts: &mut Facts, keys: Option<u32>, mfa: Option<bool>, password: Option<bool>) {
    facts.user.summary = Ok(AccountSummary { root_keys: keys, root_mfa: mfa, root_password: password });
}

fn levels(facts: &Facts, check: Check) -> Vec<Level> {
    audit(facts, Tier::Account).into_iter().filter(|finding| finding.check == check).map(|finding| finding.level).collect()
}

type Scenario = (&'static str, Check, &'static [Level], fn(&mut Facts));

const SCENARIOS: &[Scenario] = &[
    ("quarantined", Check::Quarantine, &[Level::Fail], |f| {
        user(f).policies.attached = Ok(vec![attached("AWSCompromisedKeyQuarantineV4", None)]);
    }),
    ("quarantined through a group", Check::Quarantine, &[Level::Fail], |f| {
        user(f).groups.as_mut().unwrap()[0].policies.attached = Ok(vec![attached("AWSCompromisedKeyQuarantine", None)]);
    }),
    ("quarantined, though the groups are denied", Check::Quarantine, &[Level::Fail], |f| {
        user(f).policies.attached = Ok(vec![attached("AWSCompromisedKeyQuarantineV2", None)]);
        user(f).groups = Err(denied("iam:ListGroupsForUser"));
    }),
    ("not quarantined as far as is seen", Check::Quarantine, &[Level::Unknown], |f| user(f).groups = Err(denied("iam:ListGroupsForUser"))),
    ("the root user asks", Check::CallerIsRoot, &[Level::Fail], |f| {
        f.user.identity = Ok(identity("root", "111122223333"));
        f.user.user = None;
    }),
    ("a session of the root user", Check::CallerIsRoot, &[Level::Fail], |f| {
        f.user.identity = Ok(identity("something", "111122223333"));
        f.user.user = None;
    }),
    ("a user called rootbeer", Check::CallerIsRoot, &[Level::Pass], |f| f.user.identity = Ok(identity("user/rootbeer", "AIDA"))),
    ("root has a key", Check::RootKey, &[Level::Fail], |f| summary(f, Some(1), Some(true), Some(true))),
    ("nothing said of root's keys", Check::RootKey, &[Level::Unknown], |f| summary(f, None, Some(true), Some(true))),
    ("root without MFA", Check::RootMfa, &[Level::Fail], |f| summary(f, Some(0), Some(false), Some(true))),
    ("root without MFA, nothing said of a password", Check::RootMfa, &[Level::Fail], |f| summary(f, Some(0), Some(false), None)),
    ("root without password and key", Check::RootMfa, &[Level::NotApplicable], |f| summary(f, Some(0), Some(false), Some(false))),
    ("root without password, with a key", Check::RootMfa, &[Level::Fail], |f| summary(f, Some(1), Some(false), Some(false))),
    ("nothing said of root's MFA", Check::RootMfa, &[Level::Unknown], |f| summary(f, Some(0), None, Some(true))),
    ("GovCloud", Check::RootMfa, &[Level::NotApplicable], |f| {
        let arn = Arn::parse("arn:aws-us-gov:iam::111122223333:user/dev").unwrap();
        f.user.identity = Ok(Identity { arn, ..identity("user/dev", "AIDA") });
        summary(f, Some(0), Some(false), None);
    }),
    ("no MFA, no password either", Check::UserMfa, &[Level::Fail], |f| f.user.mfa_devices = Ok(vec![])),
    ("a hardware token", Check::UserMfa, &[Level::Pass], |f| f.user.mfa_devices = Ok(vec!["GAHT12345678".into()])),
    ("a security key only", Check::UserMfa, &[Level::Warn], |f| {
        f.user.mfa_devices = Ok(vec!["arn:aws:iam::111122223333:u2f/user/dev/key-X".into()]);
    }),
    ("text messages only", Check::UserMfa, &[Level::Warn], |f| {
        f.user.mfa_devices = Ok(vec!["arn:aws:iam::111122223333:sms-mfa/dev".into()])
    }),
    ("a security key and an app", Check::UserMfa, &[Level::Pass], |f| {
        f.user.mfa_devices = Ok(vec!["arn:aws:iam::111122223333:u2f/user/dev/key-X".into(), DEVICE.into()]);
    }),
    ("on the last day", Check::KeyAge, &[Level::Warn], |f| user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 90)])),
    ("a day later", Check::KeyAge, &[Level::Fail], |f| user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 91)])),
    ("old and inactive", Check::KeyAge, &[Level::NotApplicable], |f| user(f).keys = Ok(vec![key(KEY, KeyStatus::Inactive, 900)])),
    ("old and of a status that nobody knows", Check::KeyAge, &[Level::Fail], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Other("Expired".into()), 900)]);
    }),
    ("old and being replaced", Check::KeyAge, &[Level::Warn], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 100)]);
        f.here.replacing = vec![Replacing { old: id(KEY), new: Some(id(SECOND)), until: Some(now()) }];
    }),
    ("used long ago", Check::KeyUnused, &[Level::Fail], |f| user(f).last_uses = vec![(id(KEY), Ok(used("s3", 46)))]),
    ("used 45 days ago", Check::KeyUnused, &[Level::Pass], |f| user(f).last_uses = vec![(id(KEY), Ok(used("s3", 45)))]),
    ("young and never used", Check::KeyUnused, &[Level::Pass], |f| user(f).last_uses = vec![(id(KEY), Ok(LastUsed::Never))]),
    ("old and never used", Check::KeyUnused, &[Level::Fail], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 80)]);
        user(f).last_uses = vec![(id(KEY), Ok(LastUsed::Never))];
    }),
    ("used by keyrotate only, as long as it is watched", Check::KeyUnused, &[Level::Fail], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 80)]);
        user(f).last_uses = vec![(id(KEY), Ok(used("iam", 0)))];
        f.here.watched = [(id(KEY), Watched { since: ago(60), last: None })].into();
    }),
    ("used by keyrotate only, watched for a day", Check::KeyUnused, &[Level::Unknown], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 80)]);
        user(f).last_uses = vec![(id(KEY), Ok(used("sts", 0)))];
        f.here.watched = [(id(KEY), Watched { since: ago(1), last: None })].into();
    }),
    ("used by keyrotate now, by others last week", Check::KeyUnused, &[Level::Pass], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 80)]);
        user(f).last_uses = vec![(id(KEY), Ok(used("sts", 0)))];
        let last = LastUse { at: ago(7), service: "s3".into(), region: "us-east-1".into() };
        f.here.watched = [(id(KEY), Watched { since: ago(60), last: Some(last) })].into();
    }),
    ("used for IAM by somebody else", Check::KeyUnused, &[Level::Pass], |f| user(f).last_uses = vec![(id(KEY), Ok(used("iam", 3)))]),
    ("last use denied", Check::KeyUnused, &[Level::Unknown], |f| {
        user(f).last_uses = vec![(id(KEY), Err(denied("iam:GetAccessKeyLastUsed")))];
    }),
    ("last use not asked", Check::KeyUnused, &[Level::Unknown], |f| user(f).last_uses = vec![]),
    ("Identity Center reaches the account", Check::KeyNeeded, &[Level::Warn], |f| f.here.without_key = vec![ProfileName::new("sso")]),
    ("two active keys", Check::TwoKeys, &[Level::Warn], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 1), key(SECOND, KeyStatus::Active, 2)]);
    }),
    ("two active keys in a rotation", Check::TwoKeys, &[Level::Pass], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 1), key(SECOND, KeyStatus::Active, 2)]);
        f.here.replacing = vec![Replacing { old: id(SECOND), new: Some(id(KEY)), until: None }];
    }),
    ("the second one inactive", Check::TwoKeys, &[Level::Pass], |f| {
        user(f).keys = Ok(vec![key(KEY, KeyStatus::Active, 1), key(SECOND, KeyStatus::Inactive, 2)]);
    }),
    ("inline in the user", Check::Inline, &[Level::Fail], |f| user(f).policies.inline = Ok(vec![inline("mine", LITTLE)])),
    ("inline in a group", Check::Inline, &[Level::Warn], |f| {
        user(f).groups.as_mut().unwrap()[0].policies.inline = Ok(vec![inline("theirs", LITTLE)]);
    }),
    ("inline in the user, groups denied", Check::Inline, &[Level::Fail, Level::Unknown], |f| {
        user(f).policies.inline = Ok(vec![inline("mine", LITTLE)]);
        user(f).groups = Err(denied("iam:ListGroupsForUser"));
    }),
    ("attached to the user", Check::DirectAttach, &[Level::Warn], |f| {
        user(f).policies.attached = Ok(vec![attached("ReadOnlyAccess", None)])
    }),
    ("attached by AWS itself", Check::DirectAttach, &[Level::Pass], |f| {
        user(f).policies.attached = Ok(vec![attached("IAMUserChangePassword", None), attached("AWSCompromisedKeyQuarantineV3", None)]);
    }),
    ("AdministratorAccess through a group", Check::Admin, &[Level::Fail], |f| {
        user(f).groups.as_mut().unwrap()[0].policies.attached = Ok(vec![attached("AdministratorAccess", None)]);
    }),
    ("a customer's policy of that name", Check::Admin, &[Level::Pass], |f| {
        user(f).policies.attached = Ok(vec![attached("AdministratorAccess", Some(LITTLE))]);
    }),
    ("an inline policy that allows all", Check::Admin, &[Level::Fail], |f| user(f).policies.inline = Ok(vec![inline("mine", ALL)])),
    ("a managed policy that allows all", Check::Admin, &[Level::Fail], |f| {
        user(f).policies.attached = Ok(vec![attached("mine", Some(ALL))])
    }),
    ("a document that is none", Check::Admin, &[Level::Unknown], |f| user(f).policies.inline = Ok(vec![inline("mine", "{")])),
    ("a document that is denied", Check::Admin, &[Level::Unknown], |f| {
        user(f).policies.attached = Ok(vec![AttachedPolicy { document: Some(Err(denied("iam:GetPolicy"))), ..attached("x", Some("")) }]);
    }),
    ("all of IAM by AWS's own policy", Check::Admin, &[Level::Fail], |f| {
        user(f).policies.attached = Ok(vec![attached("IAMFullAccess", None)]);
    }),
    ("an administrator within a boundary", Check::Admin, &[Level::Warn], |f| bounded(f, Ok(Some(attached("bounds", Some(LITTLE)))))),
    ("an administrator within a boundary of AWS's", Check::Admin, &[Level::Warn], |f| {
        bounded(f, Ok(Some(attached("PowerUserAccess", None))));
    }),
    ("a boundary that allows all", Check::Admin, &[Level::Fail], |f| bounded(f, Ok(Some(attached("bounds", Some(ALL)))))),
    ("a boundary of AWS's that allows all", Check::Admin, &[Level::Fail], |f| {
        bounded(f, Ok(Some(attached("AdministratorAccess", None))));
    }),
    ("a boundary that allows all of IAM", Check::Admin, &[Level::Fail], |f| bounded(f, Ok(Some(attached("IAMFullAccess", None))))),
    ("a boundary that leaves out something else than IAM", Check::Admin, &[Level::Fail], |f| {
        let but = r#"{"Statement":{"Effect":"Allow","NotAction":"aws-portal:*","Resource":"*"}}"#;
        bounded(f, Ok(Some(attached("bounds", Some(but)))));
    }),
    ("a boundary that denies all of IAM", Check::Admin, &[Level::Warn], |f| {
        let but = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;
        bounded(f, Ok(Some(attached("bounds", Some(but)))));
    }),
    ("no boundary", Check::Admin, &[Level::Fail], |f| bounded(f, Ok(None))),
    ("no word of a boundary", Check::Admin, &[Level::Fail, Level::Unknown], |f| bounded(f, Err(denied("iam:GetUser")))),
    ("a boundary that is not shown", Check::Admin, &[Level::Fail, Level::Unknown], |f| {
        bounded(f, Ok(Some(AttachedPolicy { document: Some(Err(denied("iam:GetPolicy"))), ..attached("bounds", Some("")) })));
    }),
    ("a boundary that is no policy", Check::Admin, &[Level::Fail, Level::Unknown], |f| bounded(f, Ok(Some(attached("bounds", Some("{")))))),
    ("neither the user's lists nor the groups", Check::Admin, &[Level::Unknown; 3], |f| {
        user(f).policies = Policies { inline: Err(denied("iam:ListUserPolicies")), attached: Err(denied("iam:ListAttachedUserPolicies")) };
        user(f).groups = Err(denied("iam:ListGroupsForUser"));
    }),
    ("the root user may do all", Check::Admin, &[Level::Fail], |f| {
        f.user.identity = Ok(identity("root", "111122223333"));
        f.user.user = None;
    }),
    ("root signed in last week", Check::RootUsed, &[Level::Warn], |f| {
        f.account.as_mut().unwrap().report = Ok(report("2027-01-10T08:00:00+00:00", "N/A"));
    }),
    ("root's key used last week, password never", Check::RootUsed, &[Level::Fail], |f| {
        f.account.as_mut().unwrap().report = Ok(report("no_information", "2027-01-10T08:00:00+00:00"));
    }),
    ("root used years ago", Check::RootUsed, &[Level::Pass], |f| {
        f.account.as_mut().unwrap().report = Ok(report("2020-01-10T08:00:00+00:00", "2019-01-10T08:00:00+00:00"));
    }),
    ("a report without the root user", Check::RootUsed, &[Level::Unknown], |f| {
        f.account.as_mut().unwrap().report = Ok(CredentialReport { generated_at: None, csv: "user\n".into() });
    }),
    ("an organization without central root", Check::CentralRoot, &[Level::Warn], |f| {
        f.account.as_mut().unwrap().central_root = Ok(Some(false))
    }),
    ("a member of an organization", Check::CentralRoot, &[Level::NotApplicable], |f| f.account.as_mut().unwrap().central_root = Ok(None)),
];

#[test]
fn a_user_who_does_everything_right_passes_everywhere() {
    for finding in audit(&well(), Tier::Account) {
        assert_eq!(finding.level, Level::Pass, "{finding:?}");
        assert!(finding.fix.is_none() && finding.missing_actions.is_empty(), "{finding:?}");
    }
}

#[test]
fn each_scenario_is_judged_right() {
    for (name, check, wanted, change) in SCENARIOS {
        let mut facts = well();
        change(&mut facts);
        assert_eq!(levels(&facts, *check), *wanted, "{name}");
    }
}

#[test]
fn whatever_is_wrong_or_unknown_by_denial_says_what_to_do() {
    for (name, _, _, change) in SCENARIOS {
        let mut facts = well();
        change(&mut facts);
        for finding in audit(&facts, Tier::Account) {
            let needs_fix = matches!(finding.level, Level::Warn | Level::Fail) || !finding.missing_actions.is_empty();
            assert!(!needs_fix || finding.fix.is_some(), "{name}: {finding:?}");
        }
    }
}

type Denial = (&'static str, fn(&mut Facts));

/// Only the root user itself counts, and what is not known takes no pass away.
#[test]
fn the_kind_of_the_root_users_device_is_told_where_it_was_seen() {
    let seen = |change: &dyn Fn(&mut Facts)| {
        let mut facts = well();
        change(&mut facts);
        let found = audit(&facts, Tier::SelfTier).into_iter().find(|finding| finding.check == Check::RootMfa).unwrap();
        assert_eq!(found.level, Level::Pass);
        found.seen
    };
    let of = |arns: &[&str]| {
        let arns: Vec<String> = arns.iter().map(|arn| (*arn).to_owned()).collect();
        seen(&move |f| f.user.with_virtual_mfa = Ok(arns.clone()))
    };
    for others in
        [&[][..], &["arn:aws:iam::111122223333:user/root"], &["arn:aws:iam::444455556666:root"], &["arn:aws-cn:iam::111122223333:root"]]
    {
        assert!(of(others).contains("none that is virtual"), "{others:?}");
    }
    assert!(of(&["arn:aws:iam::111122223333:user/rootbeer", "arn:aws:iam::111122223333:root"]).contains("a virtual MFA device"));
    let denied = seen(&|f| f.user.with_virtual_mfa = Err(denied("iam:ListVirtualMFADevices")));
    assert!(denied.contains("iam:ListVirtualMFADevices would tell") && !denied.contains("a virtual"), "{denied}");
}

/// Every answer, and how it is taken away.
const DENIALS: &[Denial] = &[
    ("sts:GetCallerIdentity", |f| {
        f.user.identity = Err(denied("sts:GetCallerIdentity"));
        f.user.user = None;
    }),
    ("iam:ListMFADevices", |f| f.user.mfa_devices = Err(denied("iam:ListMFADevices"))),
    ("iam:GetAccountSummary", |f| f.user.summary = Err(denied("iam:GetAccountSummary"))),
    ("iam:ListAccessKeys", |f| user(f).keys = Err(denied("iam:ListAccessKeys"))),
    ("iam:GetAccessKeyLastUsed", |f| user(f).last_uses = vec![(id(KEY), Err(denied("iam:GetAccessKeyLastUsed")))]),
    ("iam:ListUserPolicies", |f| user(f).policies.inline = Err(denied("iam:ListUserPolicies"))),
    ("iam:ListAttachedUserPolicies", |f| user(f).policies.attached = Err(denied("iam:ListAttachedUserPolicies"))),
    ("iam:ListGroupsForUser", |f| user(f).groups = Err(denied("iam:ListGroupsForUser"))),
    ("iam:ListGroupPolicies", |f| {
        user(f).groups.as_mut().unwrap()[0].policies.inline = Err(denied("iam:ListGroupPolicies"));
    }),
    ("iam:ListAttachedGroupPolicies", |f| {
        user(f).groups.as_mut().unwrap()[0].policies.attached = Err(denied("iam:ListAttachedGroupPolicies"));
    }),
    ("iam:GenerateCredentialReport", |f| f.account.as_mut().unwrap().report = Err(denied("iam:GenerateCredentialReport"))),
    ("iam:ListOrganizationsFeatures", |f| f.account.as_mut().unwrap().central_root = Err(denied("iam:ListOrganizationsFeatures"))),
];

#[test]
fn what_is_denied_makes_no_check_pass_that_needs_it_and_is_named() {
    let passes = |facts: &Facts| audit(facts, Tier::Account).into_iter().filter(|finding| finding.level == Level::Pass).count();
    for (action, deny) in DENIALS {
        let mut facts = well();
        deny(&mut facts);
        assert!(passes(&facts) < passes(&well()), "{action}");
        let named = audit(&facts, Tier::Account).into_iter().filter(|finding| finding.missing_actions == [(*action).to_owned()]);
        let named: Vec<Finding> = named.collect();
        assert!(!named.is_empty() && named.iter().all(|finding| finding.level == Level::Unknown), "{action}: {named:?}");
    }
    let mut facts = well();
    // Who it is comes last: with it, the rest is gone.
    DENIALS.iter().rev().for_each(|(_, deny)| deny(&mut facts));
    assert_eq!(passes(&facts), 0);
}
