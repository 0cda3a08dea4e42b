//! What is denied: each call in turn, all together, by a policy that wants MFA. No pass comes from it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{ALL, findings, levels, settings, start, well};
use crate::home::{Home, Run};
use crate::lab::faults::{Fault, Rule};

const REFUSED: Fault = Fault::ErrorBefore {
    status: 403,
    code: "AccessDenied",
    message: "User is not authorized to perform this action because no identity-based policy allows it",
};

/// A user with something in every list, so that every call is made.
fn full(home: &Home) {
    well(home);
    let mut world = home.lab.world();
    let all = world.add_policy("/Mine", r#"{"Version":"2012-10-17","Statement":[]}"#);
    let dev = world.user("dev").unwrap();
    world.users[dev].policies.push(all);
    world.users[dev].policies.inline.insert("inline".into(), r#"{"Version":"2012-10-17","Statement":[]}"#.into());
    world.join("dev", "devs").policies.inline.insert("inline".into(), r#"{"Version":"2012-10-17","Statement":[]}"#.into());
}

/// What only adds to a pass, and is missed there.
const ONLY_ADDS: &str = "ListVirtualMFADevices";

/// The checks that passed.
fn passes(found: &[Value]) -> BTreeSet<(String, String)> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    found.iter().filter(|finding| finding["level"] == "pass").map(|finding| (text(finding, "check"), text(finding, "seen"))).collect()
}

#[test]
fn each_call_denied_in_turn_takes_passes_away_and_is_named() {
    let home = start(settings());
    full(&home);
    let (all, _) = findings(&home, &["default", "--tier", "account"]);
    let made: BTreeSet<String> = home.lab.calls().iter().map(|call| call.action.clone()).collect();
    // Two calls of the report stand for one fact, and without an identity there are no findings.
    assert!(made.len() >= 17, "{made:?}");
    for action in made.iter().filter(|action| !["GetCallerIdentity", ONLY_ADDS].contains(&action.as_str())) {
        home.lab.rules(vec![Rule::on(action, REFUSED).times(0)]);
        let (found, output) = findings(&home, &["default", "--tier", "account"]);
        let missing: Vec<&Value> =
            found.iter().filter(|finding| finding["missing_actions"] == serde_json::json!([format!("iam:{action}")])).collect();
        assert!(!missing.is_empty(), "{action}: {}", output.stdout);
        assert!(missing.iter().all(|finding| finding["level"] == "unknown" && finding["fix"].is_string()), "{action}: {missing:?}");
        // What could not be seen, no pass speaks of.
        let (before, after) = (passes(&all), passes(&found));
        assert!(after.is_subset(&before), "{action}: {:?} came up", after.difference(&before));
        assert!([Some(10), Some(11), Some(12)].contains(&output.code), "{action}");
    }
}

#[test]
fn of_which_kind_the_root_users_device_is_costs_no_pass_where_it_is_denied() {
    let home = start(settings());
    full(&home);
    let of_root = |found: &[Value]| found.iter().find(|finding| finding["check"] == "ROOT-MFA").cloned().unwrap();
    let (all, _) = findings(&home, &["default"]);
    home.lab.rules(vec![Rule::on(ONLY_ADDS, REFUSED).times(0)]);
    let (found, _) = findings(&home, &["default"]);
    assert!(home.lab.fired() > 0);
    let (before, after) = (of_root(&all), of_root(&found));
    assert_eq!((&before["level"], &after["level"], &after["missing_actions"]), (&"pass".into(), &"pass".into(), &serde_json::json!([])));
    assert_eq!(after["seen"], "it has an MFA device; of which kind, iam:ListVirtualMFADevices would tell");
    let others = |found: Vec<Value>| found.into_iter().filter(|finding| finding["check"] != "ROOT-MFA").collect::<Vec<_>>();
    assert_eq!(others(all), others(found));
}

#[test]
fn all_denied_nothing_passes_but_who_it_is() {
    let home = start(settings());
    full(&home);
    let (_, _) = findings(&home, &["default", "--tier", "account"]);
    let made: BTreeSet<String> =
        home.lab.calls().iter().map(|call| call.action.clone()).filter(|action| action != "GetCallerIdentity").collect();
    home.lab.rules(made.iter().map(|action| Rule::on(action, REFUSED).times(0)).collect());
    let (found, output) = findings(&home, &["default", "--tier", "account"]);
    let passed: Vec<&str> = found.iter().filter(|f| f["level"] == "pass").map(|f| f["check"].as_str().unwrap()).collect();
    // Who it is, AWS tells everybody; what the files here show, nobody has to allow.
    assert_eq!(passed, ["CALLER-IS-ROOT"], "{}", output.stdout);
    assert_eq!(output.code, Some(12));
}

#[test]
fn without_an_identity_nothing_is_said_of_anything() {
    let home = start(settings());
    for (fault, said) in [(Fault::DropBefore, "AWS cannot be reached"), (REFUSED, "sts:GetCallerIdentity is not allowed")] {
        home.lab.rules(vec![Rule::on("GetCallerIdentity", fault).times(0)]);
        let output = crate::bench::audit(&home, &["default"]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(12), ""), "{}", output.stderr);
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}

#[test]
fn a_policy_that_wants_mfa_is_answered_by_a_session() {
    let home = start(crate::lab::Settings { force_mfa: true, ..settings() });
    well(&home);
    let (found, output) = findings(&home, &["default"]);
    assert_eq!(levels(&found, "INLINE"), ["unknown", "unknown"]);
    let fix = found.iter().find(|finding| finding["check"] == "INLINE").unwrap()["fix"].as_str().unwrap().to_owned();
    assert!(fix.contains("run `keyrotate login default`"), "{fix}");
    assert_eq!(output.code, Some(12));
    let code = home.lab.code("dev").unwrap();
    let login = home.run_with(&Run { env: vec![("KEYROTATE_MFA_CODE", code)], ..Run::new(&["login", "default"]) });
    assert_eq!(login.code, Some(0), "{}", login.stderr);
    let (found, output) = findings(&home, &["default"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert_eq!(levels(&found, "INLINE"), ["pass"]);
}

#[test]
fn the_account_is_asked_by_the_profiles_role() {
    let home = start(settings());
    home.lab.world().enforce("dev", &ALL.replace("\"*\",\"Resource\"", "[\"iam:ListMFADevices\",\"sts:*\"],\"Resource\""));
    home.write(".aws/config", "[profile admin]\nrole_arn = arn:aws:iam::000000000000:role/Admin\nsource_profile = default\n");
    crate::bench::configure(&home, "[defaults]\nrequire_mfa = false\n");
    let (found, output) = findings(&home, &["admin", "--tier", "account"]);
    assert_eq!(levels(&found, "ROOT-USED"), ["pass"], "{}{}", output.stdout, output.stderr);
    assert_eq!(levels(&found, "KEY-AGE"), ["unknown"]);
}
