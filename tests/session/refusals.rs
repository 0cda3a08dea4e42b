//! AWS says no, or nothing: what is said, and what is not tried.

use crate::bench::{SERIAL, asked, code, codes_sent, given, login, start, start_with, told};
use crate::home::Run;
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};

fn with_role(more: &str) -> std::sync::Arc<crate::home::Home> {
    let role = "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/R\nsource_profile = default";
    start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n{role}\n{more}\n"))
}

#[test]
fn sts_is_down() {
    for fault in [Fault::error(503, "ServiceUnavailable"), Fault::DropBefore, Fault::Garbage, Fault::Truncate] {
        let home = start();
        home.lab.rules(vec![Rule::on("GetSessionToken", fault.clone()).times(0)]);
        told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["sts:GetSessionToken"]);
        assert_eq!(codes_sent(&home), 1, "{fault:?}: the code was sent again");
    }
}

#[test]
fn nothing_listens() {
    let home = start();
    let mut run = Run::new(&["login", "--mfa-code", "012345"]);
    run.env.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:1".to_owned()));
    told(&home.run_with(&run), 1, &["sts:GetSessionToken", "check the network"]);
}

#[test]
fn a_role_is_denied_and_the_session_before_it_stays() {
    let home = with_role("");
    let denied = Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform: sts:AssumeRole" };
    home.lab.rules(vec![Rule::on("AssumeRole", denied).times(0)]);
    told(
        &home.run(&["login", "r", "--mfa-code", &code(&home)]),
        1,
        &["sts:AssumeRole answered AccessDenied", "trust policy", "external_id"],
    );
    given(&home, "default");
    home.lab.rules(Vec::new());
    given(&home, "r");
    assert_eq!(codes_sent(&home), 1);
}

#[test]
fn a_duration_above_the_roles_limit() {
    let home = with_role("duration_seconds = 43200");
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    home.lab.rules(vec![Rule::on("AssumeRole", Fault::ErrorBefore { status: 400, code: "ValidationError", message }).times(0)]);
    told(&home.run(&["login", "r", "--mfa-code", &code(&home)]), 1, &["MaxSessionDuration", "--duration", "duration_seconds", "role/R"]);
}

#[test]
fn a_quarantined_user() {
    let home = start();
    home.lab.world().users[0].policies.push("AWSCompromisedKeyQuarantineV3".to_owned());
    told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["explicit deny", "AWSCompromisedKeyQuarantine", "may have leaked"]);
}

#[test]
fn a_key_that_aws_does_not_know_and_a_secret_that_is_not_its() {
    let home = start();
    home.lab.world().set_status(&home.old.id, crate::lab::key::Status::Inactive);
    told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["InvalidClientTokenId", "keyrotate status"]);
    let home = start();
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", &text.replace(&home.old.secret, crate::lab::canary::SECRET));
    told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["SignatureDoesNotMatch", "the secret in the file is not this key's"]);
}

/// A session that AWS ended early, or that is of a key that was deleted, still stands in the cache: nothing here can know.
#[test]
fn a_role_by_a_session_that_aws_takes_no_more() {
    let home = with_role("");
    login(&home);
    home.lab.world().sessions[0].expires_at = 0.0;
    told(&home.run(&["credential-process", "r", "--no-input"]), 1, &["sts:AssumeRole answered ExpiredToken"]);
    assert_eq!(asked(&home), ["GetSessionToken", "AssumeRole"]);
}
