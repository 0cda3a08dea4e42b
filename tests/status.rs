//! `keyrotate status` of the real binary against the lab. Invariant: whatever it finds, it changes nothing but its own memory, and no
//! secret is in anything it prints or writes.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::sync::Arc;

use home::{Home, Output, Run};
use lab::Settings;
use lab::canary::{Execs, SECRET};
use lab::faults::{Fault, Rule};
use lab::key::Status;
use serde_json::Value;

const DAY: f64 = 86_400.0;
const STATE: &str = ".local/state/keyrotate";
const DENIED: Fault = Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform this action" };
const REFUSED: Fault = Fault::ErrorBefore {
    status: 403,
    code: "AccessDenied",
    message: "User is not authorized to perform this action with an explicit deny in an identity-based policy",
};

fn start(settings: Settings) -> Arc<Home> {
    Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, true)
}

/// A HOME whose state directory is there, as after a first rotation.
fn settled(settings: Settings) -> Arc<Home> {
    let home = start(settings);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home.path().join(STATE)).unwrap();
    home
}

fn age(home: &Home, days: f64) {
    home.lab.world().keys[0].created_at -= days * DAY;
}

/// Runs it and checks what holds for every run of it.
fn status(home: &Home, args: &[&str]) -> Output {
    let before = home.lab.live_keys("dev").len();
    let output = home.run(args);
    home.look(&format!("after {args:?}"));
    assert_eq!(home.lab.live_keys("dev").len(), before);
    let changes = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"];
    let changed = home.lab.calls().iter().filter(|call| changes.contains(&call.action.as_str())).count();
    assert_eq!(changed, 0, "it changed a key");
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr))
}

#[test]
fn ages_decide_the_exit_code() {
    for (days, code, word) in [(3.0, 0, "3 days old, fine"), (80.0, 10, "80 days old, due"), (91.0, 11, "91 days old, overdue")] {
        let home = start(Settings::default());
        age(&home, days);
        let output = status(&home, &["status", "default"]);
        assert_eq!(output.code, Some(code), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(word) && output.stdout.contains(&home.old.id), "{}", output.stdout);
        assert!(output.stdout.contains("default, work") && !output.stdout.contains(&home.other.id), "{}", output.stdout);
        assert!(output.stdout.contains("dev in account 000000000000"), "{}", output.stdout);
        assert!(home.found().is_empty(), "{}", home.told());
    }
}

#[test]
fn settings_move_the_limits_and_the_strictest_profile_counts() {
    let home = start(Settings::default());
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", "[profile.work]\nmax_age = \"30d\"\n");
    age(&home, 26.0);
    assert_eq!(status(&home, &["status", "default"]).code, Some(10));
}

#[test]
fn bare_is_status_of_every_key_and_leaves_only_its_memory() {
    let home = start(Settings::default());
    let before = names(&home);
    let output = status(&home, &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains(&home.old.id) && output.stdout.contains(&home.other.id), "{}", output.stdout);
    assert_eq!(output.stdout.matches(&home.old.id).count(), 1, "grouped by key: {}", output.stdout);
    let left: Vec<_> = names(&home).into_iter().filter(|name| !before.contains(name) && name.is_file()).collect();
    assert_eq!(left, [home.path().join(STATE).join("observations.json")]);
}

/// Every name below HOME.
fn names(home: &Home) -> Vec<std::path::PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![home.path()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_denied_is_unknown_and_the_root_check_alone_does_not_count() {
    for (action, fault, code, said) in [
        ("GetAccountSummary", DENIED, 0, "root keys: unknown: iam:GetAccountSummary answered AccessDenied"),
        ("GetAccessKeyLastUsed", DENIED, 0, "last use unknown"),
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
fn a_rotation_that_was_killed_waits_for_the_next_run() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::PauseAfter)]);
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) };
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    for args in [&["status", "default"][..], &["status", "default", "--offline"], &["status", "default", "--json"]] {
        let output = home.run(args);
        assert_eq!(output.code, Some(10), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("run `keyrotate rotate default`"), "{}", output.stdout);
    }
    let credentials = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", "");
    for args in [&["status"][..], &["status", "default"]] {
        let stdout = home.run(args).stdout;
        assert!(stdout.contains(&format!("of {}, for the profile default", home.old.id)), "its file is empty: {stdout}");
    }
    home.write(".aws/credentials", &credentials);
    let entry = std::fs::read_dir(home.path().join(STATE).join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let entry = entry.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "json")).unwrap();
    std::fs::write(&entry, "torn").unwrap();
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(10), "{}", output.stdout);
    assert!(output.stderr.contains("is damaged") && output.stderr.contains(&entry.display().to_string()), "{}", output.stderr);
}

#[test]
fn offline_tells_the_last_observation_and_calls_nobody() {
    let home = settled(Settings::default());
    age(&home, 80.0);
    let before = status(&home, &["status", "default", "--offline"]);
    assert_eq!(before.code, Some(12), "{}", before.stdout);
    assert!(before.stdout.contains("never observed"), "{}", before.stdout);
    assert!(home.lab.calls().is_empty());
    assert_eq!(status(&home, &["status"]).code, Some(10));
    let memory = std::fs::metadata(home.path().join(STATE).join("observations.json")).unwrap();
    assert_eq!(memory.permissions().mode() & 0o777, 0o600);
    let calls = home.lab.calls().len();
    let after = status(&home, &["status", "default", "--offline"]);
    assert_eq!(after.code, Some(10), "{}", after.stdout);
    assert!(after.stdout.contains("80 days old, due") && after.stdout.contains("as of:"), "{}", after.stdout);
    assert_eq!(home.lab.calls().len(), calls);
}

#[test]
fn what_was_seen_before_outlives_a_refusal() {
    let home = settled(Settings::default());
    age(&home, 95.0);
    assert_eq!(status(&home, &["status", "default"]).code, Some(11));
    home.lab.rules(vec![Rule::on("GetCallerIdentity", DENIED).times(0)]);
    let output = status(&home, &["status", "default"]);
    assert_eq!(output.code, Some(11), "{}", output.stdout);
    for said in ["95 days old, overdue", "could not be checked", "as of:", "sts:GetCallerIdentity is not allowed"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    home.lab.rules(vec![Rule::on("ListAccessKeys", DENIED).times(0)]);
    assert_eq!(status(&home, &["status", "default"]).code, Some(11), "the creation date is still known");
    assert_eq!(status(&home, &["status", "default", "--offline"]).code, Some(11));
}

#[test]
fn a_memory_that_cannot_be_written_is_a_note() {
    let home = settled(Settings::default());
    std::fs::create_dir(home.path().join(STATE).join("observations.json")).unwrap();
    let output = status(&home, &["status", "default"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("cannot be written"), "{}", output.stdout);
}

#[test]
fn profiles_that_do_not_exist_and_files_that_cannot_be_read_are_errors() {
    let home = start(Settings::default());
    let output = status(&home, &["status", "defualt"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("is default meant?"), "{}", output.stderr);
    home.write(".aws/credentials", "");
    assert_eq!(home.run(&["status"]).code, Some(12), "no key is not fine");
    home.write(".aws/credentials", "[default]\nno separator\n");
    let output = home.run(&["status"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("line 2"), "{}", output.stderr);
}

#[test]
fn json_has_stable_names_utc_times_and_no_secret() {
    let home = start(Settings { keys: 2, root_keys: 1, ..Settings::default() });
    age(&home, 91.0);
    home.write(".aws/config", "[profile away]\nregion = eu-west-1\n");
    let output = status(&home, &["status", "--json"]);
    assert_eq!(output.code, Some(11), "{}", output.stderr);
    let value = json(&output);
    assert_eq!(value["version"], 1);
    assert!(value["observed_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{value}");
    let key = &value["keys"][0];
    assert_eq!(key["access_key_id"], home.old.id.as_str());
    assert_eq!(key["profiles"], serde_json::json!(["default", "work"]));
    assert_eq!((&key["age_days"], &key["status"]), (&Value::from(91), &Value::from("Active")));
    assert!(key["age_seconds"].as_u64().is_some_and(|seconds| seconds >= 91 * 86_400));
    assert_eq!(key["holders"].as_array().map(Vec::len), Some(2));
    assert_eq!((&key["user_name"], &key["root_keys"]["count"]), (&Value::from("dev"), &Value::from(1)));
    assert_eq!(key["findings"], serde_json::json!(["overdue", "root-keys"]));
    assert_eq!(key["second_keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(value["skipped"][0]["profile"], "away");
    assert_eq!(value["skipped"][0]["code"], "no-credentials");
}

#[test]
fn two_variables_that_disagree_are_a_note_only() {
    let home = start(Settings::default());
    let env = vec![("AWS_PROFILE", "default".to_owned()), ("AWS_DEFAULT_PROFILE", "work".to_owned())];
    let output = home.run_with(&Run { env, ..Run::new(&["status"]) });
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("AWS_PROFILE is default and AWS_DEFAULT_PROFILE is work"), "{}", output.stdout);
}

#[test]
fn a_profile_with_something_wrong_is_told_unasked_and_is_not_fine() {
    for (lines, line, said) in [
        ("aws_access_key_id = AKIAEXAMPLE000000009", 2, "has no aws_secret_access_key beside it"),
        ("aws_access_key_id = \"AKIAEXAMPLE000000009\"\naws_secret_access_key = {secret}", 2, "the value is not an access key ID"),
        ("aws_access_key_id = ASIAEXAMPLE000000009\naws_secret_access_key = {secret}", 2, "no aws_session_token"),
        ("aws_access_key_id = AKIAEXAMPLE000000009\naws_secret_access_key = {secret}\nsso_account_id = 1", 4, "the AWS tools disagree"),
    ] {
        let home = start(Settings::default());
        let lines = lines.replace("{secret}", SECRET);
        home.write(".aws/credentials", &format!("[broken]\n{lines}\n"));
        home.write(".aws/config", "[profile role]\nrole_arn = r\nsource_profile = broken\n[profile hidden]\nsso_account_id = 1\n");
        let output = status(&home, &["status"]);
        assert_eq!(output.code, Some(12), "{}", output.stdout);
        let told: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("warning: ")).collect();
        assert_eq!(told.len(), 1, "{}", output.stdout);
        assert!(told[0].contains(&format!("credentials, line {line}: ")) && told[0].contains(said), "{}", output.stdout);
        assert!(!output.stdout.contains("was found") && !output.stdout.contains("hidden"), "{}", output.stdout);
        assert_eq!(json(&status(&home, &["status", "--json"]))["skipped"][0]["broken"], true);

        let good = format!("[good]\naws_access_key_id = {}\naws_secret_access_key = {}\n", home.old.id, home.old.secret);
        home.write(".aws/credentials", &format!("{good}[broken]\n{lines}\n"));
        let output = status(&home, &["status"]);
        assert_eq!(output.code, Some(12), "unknown is not fine: {}", output.stdout);
        assert!(output.stdout.contains(&home.old.id) && output.stdout.contains(said), "{}", output.stdout);
        assert_eq!(status(&home, &["status", "good"]).code, Some(0), "it was not asked for");
        age(&home, 80.0);
        assert_eq!(status(&home, &["status"]).code, Some(10), "worse goes first");
    }
}

#[test]
fn a_header_without_its_bracket_is_called_that() {
    let home = start(Settings::default());
    home.write(".aws/credentials", "# x\n[default\naws_access_key_id = AKIAEXAMPLE000000009\n");
    let output = home.run(&["status"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("credentials, line 2: the header has no closing ]"), "{}", output.stderr);
}

#[test]
fn profiles_that_have_their_credentials_elsewhere_stay_hidden() {
    let home = start(Settings::default());
    let config =
        "[profile a]\nsso_account_id = 1\n[profile b]\nrole_arn = r\ncredential_source = Environment\n[profile c]\nlogin_session = x\n";
    home.write(".aws/config", config);
    let output = status(&home, &["status"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert!(!output.stdout.contains("warning:") && !output.stdout.contains("skipped:"), "{}", output.stdout);
    let output = status(&home, &["status", "-v"]);
    assert!(output.stdout.contains("the profile a gets its credentials by AWS SSO"), "{}", output.stdout);
}

#[test]
fn another_profile_is_guessed_only_where_it_is_alike() {
    let home = start(Settings::default());
    let output = status(&home, &["status", "prod"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("there are default, other, work") && !output.stderr.contains("meant?"), "{}", output.stderr);
}

#[test]
fn the_limits_are_dates() {
    let home = start(Settings::default());
    let output = status(&home, &["status", "default"]);
    let line = output.stdout.lines().find(|line| line.contains("created:")).unwrap();
    let day = |text: &str| text.split('(').nth(1).is_some_and(|rest| rest.as_bytes()[10] == b')');
    let (due, overdue) = line.split_once("overdue").unwrap();
    assert!(due.contains("due at 75d (20") && day(due) && overdue.contains("past 90d (20") && day(overdue), "{line}");
}

#[test]
fn an_aws_file_that_a_variable_names_and_that_is_not_there_is_told() {
    let home = start(Settings::default());
    home.write(".aws/config", "[profile empty]\nregion = eu-west-1\n");
    let gone = home.path().join("gone").display().to_string();
    let said = format!("AWS_SHARED_CREDENTIALS_FILE names {gone}, which does not exist");
    let with = |args: &'static [&'static str]| Run { env: vec![("AWS_SHARED_CREDENTIALS_FILE", gone.clone())], ..Run::new(args) };
    for (args, code) in [
        (&["status", "work"][..], 1),
        (&["status", "empty"], 12),
        (&["status"], 12),
        (&["rotate", "work", "--no-input"], 1),
        (&["rotate", "empty", "--no-input"], 12),
    ] {
        let output = home.run_with(&with(args));
        assert_eq!(output.code, Some(code), "{args:?} {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(&said) || output.stderr.contains(&said), "{args:?} {}{}", output.stdout, output.stderr);
        if args.contains(&"empty") {
            assert!(output.stderr.contains("`aws configure --profile empty`"), "{}", output.stderr);
        }
    }
    let env = vec![("AWS_SHARED_CREDENTIALS_FILE", gone.clone()), ("AWS_CONFIG_FILE", format!("{gone}2"))];
    let output = home.run_with(&Run { env, ..Run::new(&["status", "work"]) });
    assert_eq!(output.code, Some(12), "{}", output.stderr);
    assert!(output.stderr.contains(&said) && output.stderr.contains(&format!("AWS_CONFIG_FILE names {gone}2")), "{}", output.stderr);
}

#[test]
fn a_region_that_is_none_is_named_before_any_call() {
    let home = start(Settings::default());
    home.write(".aws/config", "[profile other]\nregion = us-east-1   # far away\n");
    let nowhere = |args: &'static [&'static str], region: &str| Run { env: vec![("AWS_REGION", region.to_owned())], ..Run::new(args) };
    let said = "config, line 2: `us-east-1   # far away` is not a region";
    const ASKED: [&[&str]; 2] = [&["status", "other"], &["status", "other", "--json"]];
    for args in ASKED {
        let output = home.run_with(&nowhere(args, ""));
        assert_eq!(output.code, Some(12), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(said) && output.stdout.contains(&home.other.id), "{}", output.stdout);
    }
    let output = home.run_with(&nowhere(&["rotate", "other", "--yes", "--no-input"], ""));
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains(said) && output.stderr.contains("nothing was changed"), "{}", output.stderr);
    let output = home.run_with(&nowhere(&["status", "default"], "eu west"));
    assert_eq!(output.code, Some(12), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("AWS_REGION: `eu west` is not a region"), "{}", output.stdout);
    assert!(home.lab.calls().is_empty());
    let output = home.run_with(&nowhere(&["status"], ""));
    assert_eq!(output.code, Some(12), "{}", output.stdout);
    assert!(output.stdout.contains("default, work  0 days old, fine"), "the others are asked about: {}", output.stdout);
}

#[test]
fn settings_for_a_profile_that_is_nowhere_are_a_note_and_a_named_file_must_exist() {
    let home = start(Settings::default());
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", "[profile.wrok]\nmax_age = \"30d\"\n[profile.work]\nmax_age = \"60d\"\n");
    let output = status(&home, &["status"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let note = output.stdout.lines().find(|line| line.starts_with("note: ")).unwrap_or_else(|| panic!("{}", output.stdout));
    assert!(note.contains("config.toml has [profile.wrok]") && note.contains("is work meant?"), "{note}");
    let gone = home.path().join("gone.toml");
    for args in [&["status"][..], &["rotate", "default", "--dry-run"]] {
        let output = home.run_with(&Run { env: vec![("KEYROTATE_CONFIG", gone.display().to_string())], ..Run::new(args) });
        assert_eq!(output.code, Some(2), "{}", output.stdout);
        let said = format!("KEYROTATE_CONFIG names {}, which does not exist", gone.display());
        assert!(output.stderr.contains(&said) && output.stderr.contains("nothing was changed"), "{}", output.stderr);
    }
    assert!(home.lab.calls().iter().all(|call| call.action != "CreateAccessKey"));
}

#[test]
fn a_file_that_others_may_read_is_a_warning() {
    let home = start(Settings::default());
    home.write(".aws/config", &format!("[profile k]\naws_access_key_id = AKIAEXAMPLE000000009\naws_secret_access_key = {SECRET}\n"));
    let (credentials, config) = (home.path().join(".aws/credentials"), home.path().join(".aws/config"));
    let mode = |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let told = |path: &std::path::Path| {
        let output = status(&home, &["status", "default"]);
        assert_eq!(output.code, Some(0), "{}", output.stdout);
        output.stdout.lines().any(|line| line.starts_with("warning: ") && line.contains(&format!("`chmod 600 {}`", path.display())))
    };
    assert!(!told(&credentials) && !told(&config));
    mode(&credentials, 0o640);
    mode(&config, 0o604);
    assert!(told(&credentials) && told(&config));
    home.write(".aws/config", "[profile k]\nregion = eu-west-1\n");
    assert!(!told(&config), "no key is in it");
}

#[test]
fn an_exported_key_is_a_note() {
    let home = start(Settings::default());
    let env = vec![("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE000000009".to_owned()), ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned())];
    let output = home.run_with(&Run { env, ..Run::new(&["status"]) });
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("note: AWS_ACCESS_KEY_ID is exported"), "{}", output.stdout);
}

#[test]
fn its_own_use_is_marked() {
    let home = start(Settings::default());
    let output = status(&home, &["status", "default"]);
    assert!(output.stdout.contains(": perhaps keyrotate itself)"), "{}", output.stdout);
    assert_eq!(json(&status(&home, &["status", "default", "--json"]))["keys"][0]["last_use"]["perhaps_keyrotate"], true);
}

#[test]
fn a_rotation_says_what_the_listing_says() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseAfter)]);
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) };
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    let (old, output) = (&home.old.id, home.run(&["status", "default"]));
    assert_eq!(output.code, Some(10), "{}", output.stdout);
    let line = |label: &str| output.stdout.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{}", output.stdout));
    assert!(line("second:").contains(&format!("{old} Inactive")), "{}", output.stdout);
    assert!(line("second:").ends_with("the old key of the rotation below"), "{}", output.stdout);
    assert!(line("rotation:").contains(&format!("AWS lists {old} as Inactive")), "{}", output.stdout);
    assert!(!output.stdout.contains("still active"), "{}", output.stdout);
}

#[test]
fn a_resting_rotation_says_the_way_back_and_the_way_out() {
    let home = start(Settings::default());
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]).code, Some(0));
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stdout.contains("`keyrotate undo default`"), "{}", output.stdout);
    assert!(output.stdout.contains("`keyrotate rotate default --grace 0s`"), "{}", output.stdout);
    assert!(output.stdout.contains("can be restored until"), "{}", output.stdout);
    assert_eq!(home.run(&["rotate", "default", "--grace", "0s", "--yes", "--no-input"]).code, Some(0));
    assert_eq!(home.lab.live_keys("dev").len(), 1);

    let home = start(Settings::default());
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "next"]).code, Some(0));
    assert!(home.run(&["status", "default"]).stdout.contains("`keyrotate undo default`"));
    assert_eq!(home.run(&["undo", "default", "--no-input"]).code, Some(0));
    assert_eq!(home.lab.live_keys("dev")[0].status, Status::Active);

    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("DeleteAccessKey", Fault::PauseBefore)]);
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) };
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(10), "{}", output.stdout);
    assert!(!output.stdout.contains("restored until") && output.stdout.contains("run `keyrotate rotate default`"), "{}", output.stdout);
}

/// What it prints in a terminal of so many columns, given by `script` of util-linux.
fn on_a_terminal(home: &Home, args: &str, columns: usize) -> String {
    let run = Run::new(&[]);
    let execs = home.execs(&run);
    let traced = execs.as_ref().map(Execs::prefix).unwrap_or_default().join(" ");
    let command = home.command(&run);
    let env = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let run = format!("stty cols {columns}; exec {traced} '{}' --quiet --color never {args}", env!("CARGO_BIN_EXE_keyrotate"));
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &run, "/dev/null"]).env_clear().envs(env).env("SHELL", "/bin/sh").env("TERM", "xterm");
    script.stdin(std::process::Stdio::null()).current_dir(home.path());
    let text = String::from_utf8_lossy(&script.output().expect("script, of util-linux").stdout).replace("\r\n", "\n");
    home.search(execs, &[("the screen", &text)]);
    text
}

#[test]
fn lines_fit_a_terminal_and_are_whole_elsewhere() {
    let home = start(Settings { keys: 2, ..Settings::default() });
    home.write(".aws/config", "[profile other]\nregion = b a d\n");
    home.lab.rules(vec![Rule::on("GetAccountSummary", DENIED).times(0)]);
    let text = on_a_terminal(&home, "status default", 80);
    let lines: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80 && line.trim_start().contains(' ')).collect();
    assert!(lines.iter().all(|line| line.contains("/.aws/")), "too long: {lines:#?}");
    assert!(text.contains("\n             ") && text.contains(&home.old.id), "labels keep a hanging indent: {text}");
    let text = on_a_terminal(&home, "status defualt", 40);
    assert!(text.lines().all(|line| line.chars().count() <= 40 || line.contains("/.aws/")), "{text}");
    assert!(text.contains("keyrotate: error: no profile defualt in\n/"), "{text}");
    let path = home.path().join(".aws/credentials").display().to_string();
    assert!(text.lines().any(|line| line == path), "the path is a line of its own: {text}");
    let whole = status(&home, &["status", "default"]).stdout;
    assert!(whole.lines().any(|line| line.chars().count() > 100), "{whole}");
}
