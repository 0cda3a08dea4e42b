//! What AWS answers, denies, and does not know.

use crate::bench::{DENIED, json, start, status};
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

const REFUSED: Fault = Fault::ErrorBefore {
    status: 403,
    code: "AccessDenied",
    message: "User is not authorized to perform this action with an explicit deny in an identity-based policy",
};

#[test]
fn what_is_denied_is_unknown_and_the_root_check_alone_does_not_count() {
    for (action, fault, code, said) in [
        ("GetAccountSummary", DENIED, 0, "root keys: unknown: iam:GetAccountSummary answered AccessDenied"),
        ("GetAccessKeyLastUsed", DENIED, 0, "last use unknown: iam:GetAccessKeyLastUsed answered AccessDenied"),
        ("ListAccessKeys", DENIED, 12, "iam:ListAccessKeys is not allowed"),
        ("ListAccessKeys", REFUSED, 12, "wants MFA"),
        ("GetCallerIdentity", Fault::DropBefore, 12, "could not be checked"),
    ] {
        let home = start(Settings::default());
        home.lab.rules(vec![Rule::on(action, fault).times(0)]);
        let output = status(&home, &["status", "default"]);
        assert_eq!(output.code, Some(code), "{action}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(said), "{action}: {}", output.stdout);
    }
}

#[test]
fn a_key_that_aws_refuses_is_explained() {
    let home = start(Settings::default());
    home.lab.world().set_status(&home.old.id, Status::Inactive);
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(12), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains(&format!("AWS does not accept {}", home.old.id)), "{}", output.stdout);
}

#[test]
fn root_keys_and_the_root_users_own_key_are_critical() {
    let home = start(Settings { root_keys: 1, ..Settings::default() });
    let output = status(&home, &["status", "default"]);
    assert_eq!(output.code, Some(11));
    assert!(output.stdout.contains("the root user has 1 access key"), "{}", output.stdout);

    let home = start(Settings::default());
    let root = {
        let mut world = home.lab.world();
        let user = world.add_root();
        world.add_settled_key(user)
    };
    home.write(".aws/config", &format!("[profile boss]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret));
    let output = status(&home, &["status", "boss"]);
    assert_eq!(output.code, Some(11), "{}", output.stdout);
    assert!(output.stdout.contains("a key of the root user"), "{}", output.stdout);
    assert!(output.stdout.contains("0 days old") && output.stdout.contains("created: "), "{}", output.stdout);
    // Whoever else asks in this account hears of the command, too.
    let output = status(&home, &["status"]);
    let removes = "`keyrotate root-key remove boss --admin PROFILE` removes the one that boss has";
    assert_eq!(output.stdout.matches(removes).count(), 3, "{}", output.stdout);
}

#[test]
fn a_second_key_is_told_and_is_no_alarm() {
    let home = start(Settings { keys: 2, ..Settings::default() });
    let second = home.lab.live_keys("dev")[1].clone();
    let output = status(&home, &["status", "default"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    let line = output.stdout.lines().find(|line| line.contains(&second.id)).unwrap_or_else(|| panic!("{}", output.stdout));
    assert!(line.contains("Active") && line.contains("0 days old") && line.contains("no profile here has it"), "{line}");
}

#[test]
fn its_own_use_is_marked() {
    let home = start(Settings::default());
    let output = status(&home, &["status", "default"]);
    assert!(output.stdout.contains(": perhaps keyrotate itself)"), "{}", output.stdout);
    assert_eq!(json(&status(&home, &["status", "default", "--json"]))["keys"][0]["last_use"]["perhaps_keyrotate"], true);
}
