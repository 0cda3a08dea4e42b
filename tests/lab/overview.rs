//! The lab's account as a whole: the summary, the credential report, the organization.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::lab::key::Status;
use super::lab::report::Report;
use super::lab::state::Password;
use super::lab::summary::Organization;
use super::lab::{Lab, Settings};
use super::wire::{Sdk, Signer, ask, refusal};

fn started(settings: Settings) -> (Lab, impl Fn(&str) -> String) {
    let lab = Lab::start(settings);
    let (key, used) = (Signer::of(&lab.first_key()), lab.clone());
    (lab, move |action: &str| ask(&used, &key, "iam", &format!("Action={action}")))
}

fn summary(lab: &Lab) -> BTreeMap<String, i32> {
    let sdk = Sdk::new(lab, &Signer::of(&lab.first_key()));
    let answer = sdk.wait(sdk.iam.get_account_summary().send()).expect("a summary");
    answer.summary_map().expect("a map").iter().map(|(key, value)| (key.as_str().to_owned(), *value)).collect()
}

/// The report's rows by user, each a value by column.
fn rows(lab: &Lab) -> BTreeMap<String, BTreeMap<String, String>> {
    let Report::Made { csv, .. } = lab.world().report.clone() else { return BTreeMap::new() };
    let mut lines = csv.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let head = lines.next().expect("a header");
    lines.map(|line| (line[0].clone(), head.iter().cloned().zip(line).collect())).collect()
}

#[test]
fn the_summary_follows_the_root_user_and_can_lack_each_of_its_lines() {
    let (lab, _) = started(Settings::default());
    let root = |lab: &Lab| {
        let found = summary(lab);
        ["AccountAccessKeysPresent", "AccountMFAEnabled", "AccountPasswordPresent", "AccountSigningCertificatesPresent"]
            .map(|name| found.get(name).copied())
    };
    assert_eq!(root(&lab), [Some(0), Some(1), Some(1), Some(0)]);
    let key = {
        let mut world = lab.world();
        let user = world.add_root();
        world.add_settled_key(user)
    };
    lab.world().set_status(&key.id, Status::Inactive);
    assert_eq!(root(&lab)[0], Some(1), "inactive keys count");
    lab.world().set_status(&key.id, Status::Deleted);
    let user = lab.world().root().expect("the root user");
    lab.world().users[user].serials.clear();
    lab.world().settings.root_password = false;
    assert_eq!(root(&lab), [Some(0), Some(0), Some(0), Some(0)]);
    lab.world().settings.root_keys = 2;
    assert_eq!(root(&lab)[0], Some(2));
    lab.world().settings.left_out = ["AccountMFAEnabled".to_owned(), "AccountPasswordPresent".to_owned()].into();
    assert_eq!(root(&lab), [Some(2), None, None, Some(0)]);
    assert_eq!(summary(&lab)["Users"], 1);
}

#[test]
fn the_report_is_started_grows_is_complete_and_expires() {
    let (lab, ask) = started(Settings { report_waits: 2, ..Settings::default() });
    assert_eq!(refusal(&ask("GetCredentialReport")), ("410", "ReportNotPresent"));
    assert!(ask("GenerateCredentialReport").contains("<State>STARTED</State><Description>"));
    assert!(ask("GenerateCredentialReport").contains("<State>INPROGRESS</State>"));
    assert_eq!(refusal(&ask("GetCredentialReport")), ("404", "ReportInProgress"));
    assert!(ask("GenerateCredentialReport").contains("<State>COMPLETE</State>"));
    assert!(ask("GenerateCredentialReport").contains("<State>COMPLETE</State>"), "the same one for four hours");
    let (sdk, before) = (Sdk::new(&lab, &Signer::of(&lab.first_key())), rows(&lab));
    lab.world().add_user("late", "/");
    let answer = sdk.wait(sdk.iam.get_credential_report().send()).expect("a report");
    let csv = String::from_utf8_lossy(answer.content().expect("content").as_ref()).into_owned();
    assert_eq!((csv.lines().next().expect("a header").split(',').count(), csv.lines().count()), (22, 3), "{csv}");
    assert!(csv.lines().all(|line| line.split(',').count() == 22) && !csv.ends_with('\n'), "{csv}");
    assert_eq!(answer.report_format().map(|format| format.as_str()), Some("text/csv"));
    assert_eq!(rows(&lab), before);
    assert!(ask("GetCredentialReport").contains(&format!("<Content>{}</Content>", STANDARD.encode(&csv))));
    if let Report::Made { made_at, .. } = &mut lab.world().report {
        *made_at -= 4.0 * 3_600.0 + 1.0;
    }
    assert_eq!(refusal(&ask("GetCredentialReport")), ("410", "ReportExpired"));
    assert!(ask("GenerateCredentialReport").contains("STARTED"));
}

#[test]
fn a_row_of_the_report_has_what_the_user_has() {
    let (lab, ask) = started(Settings::default());
    {
        let mut world = lab.world();
        world.users[0].password = Some(Password { changed_at: 1.7e9, last_used: None, is_to_change: false });
        let second = world.add_key(0);
        world.set_status(&second.id, Status::Inactive);
        let bare = world.add_user("bare", "/team/");
        world.users[bare].serials.clear();
        world.settings.root_row = [("password_last_used".to_owned(), "2026-11-01T00:00:00+00:00".to_owned())].into();
    }
    ask("GenerateCredentialReport");
    ask("GenerateCredentialReport");
    let found = rows(&lab);
    let row = |user: &str, columns: &[&str]| columns.iter().map(|column| found[user][*column].clone()).collect::<Vec<_>>().join(" ");
    let password = ["password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active"];
    assert_eq!(row("dev", &password), "true no_information 2023-11-14T22:13:20+00:00 N/A true");
    assert_eq!(row("bare", &password), "false N/A N/A N/A false");
    assert_eq!(row("<root_account>", &password), "not_supported 2026-11-01T00:00:00+00:00 not_supported not_supported true");
    assert_eq!(row("bare", &["arn"]), "arn:aws:iam::000000000000:user/team/bare");
    assert_eq!(row("<root_account>", &["arn", "access_key_1_active"]), "arn:aws:iam::000000000000:root false");
    let used = ["access_key_1_active", "access_key_1_last_used_service", "access_key_1_last_used_region", "access_key_2_active"];
    assert_eq!(row("dev", &used), "true iam us-east-1 false");
    assert_eq!(row("dev", &["access_key_2_last_used_date", "access_key_2_last_used_service", "cert_1_active"]), "N/A N/A false");
    assert!(
        row("dev", &["access_key_1_last_used_date"]).ends_with("+00:00") && row("dev", &["access_key_2_last_rotated"]).ends_with("+00:00")
    );
    assert_eq!(row("bare", &["access_key_1_active", "access_key_1_last_rotated"]), "false N/A");
    {
        let mut world = lab.world();
        world.report = Report::None;
        let root = world.add_root();
        world.add_settled_key(root);
    }
    ask("GenerateCredentialReport");
    ask("GenerateCredentialReport");
    let root = rows(&lab).remove("<root_account>").expect("root's row");
    assert_eq!((root["access_key_1_active"].as_str(), root["access_key_1_last_used_date"].as_str()), ("true", "N/A"));
}

#[test]
fn the_features_of_an_organization_are_told_to_its_management_account_only() {
    let (lab, ask) = started(Settings::default());
    assert_eq!(refusal(&ask("ListOrganizationsFeatures")), ("400", "OrganizationNotFoundException"));
    lab.world().settings.organization = Organization::Member;
    assert_eq!(refusal(&ask("ListOrganizationsFeatures")), ("400", "AccountNotManagementOrDelegatedAdministratorException"));
    let sdk = Sdk::new(&lab, &Signer::of(&lab.first_key()));
    let error = sdk.wait(sdk.iam.list_organizations_features().send()).expect_err("a member").into_service_error();
    assert!(error.is_account_not_management_or_delegated_administrator_exception(), "{error:?}");
    for features in [vec![], vec!["RootCredentialsManagement", "RootSessions"]] {
        lab.world().settings.organization = Organization::Manages(features.iter().map(|name| (*name).to_owned()).collect());
        let answer = sdk.wait(sdk.iam.list_organizations_features().send()).expect("features");
        let found: Vec<_> = answer.enabled_features().iter().map(|feature| feature.as_str()).collect();
        assert_eq!(found, features);
    }
}
