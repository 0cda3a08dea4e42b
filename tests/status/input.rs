//! Files, settings and variables with something wrong.

use std::os::unix::fs::PermissionsExt;

use crate::bench::{age, json, start, status};
use crate::home::Run;
use crate::lab::Settings;
use crate::lab::canary::SECRET;

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
fn a_profile_that_cannot_be_used_could_not_be_checked() {
    let home = start(Settings::default());
    home.write(".aws/config", "[profile half]\naws_access_key_id = AKIAEXAMPLE000000009\n[profile sso]\nsso_account_id = 1\n");
    for (name, code) in [("half", 12), ("sso", 12), ("nobody", 1)] {
        assert_eq!(home.run(&["status", name]).code, Some(code), "{name}");
    }
}

#[test]
fn settings_that_are_a_link_to_nowhere_are_an_error_and_a_table_of_no_profile_is_told_by_rotate_too() {
    let home = start(Settings::default());
    let directory = home.path().join(".config/keyrotate");
    std::fs::create_dir_all(&directory).unwrap();
    home.write(".config/keyrotate/config.toml", "[profile.defualt]\ngrace = '7d'\n");
    let output = home.run(&["rotate", "default", "--dry-run"]);
    assert!(
        output.code == Some(0) && output.said().contains("[profile.defualt], and no AWS file has that profile: is default meant?"),
        "{output:?}"
    );
    std::fs::remove_file(directory.join("config.toml")).unwrap();
    std::os::unix::fs::symlink("/nowhere/config.toml", directory.join("config.toml")).unwrap();
    for args in [&["status"][..], &["rotate", "default", "--yes"]] {
        let output = home.run(args);
        assert!(output.code == Some(2) && output.said().contains("is a link to a file that does not exist"), "{args:?}: {output:?}");
    }
    assert!(home.lab.calls().iter().all(|call| call.action != "CreateAccessKey"));
}

#[test]
fn a_credentials_file_that_is_a_link_to_nowhere_is_told() {
    let home = start(Settings::default());
    std::fs::remove_file(home.path().join(".aws/credentials")).unwrap();
    std::os::unix::fs::symlink("/nowhere/credentials", home.path().join(".aws/credentials")).unwrap();
    for (args, code) in [(&["status"][..], 12), (&["rotate", "default", "--yes"], 12), (&["auto", "--now"], 12)] {
        let output = home.run(args);
        let said = output.said();
        assert!(
            output.code == Some(code) && said.contains(".aws/credentials is a link to a file that does not exist"),
            "{args:?}: {output:?}"
        );
    }
    std::fs::remove_file(home.path().join(".aws/credentials")).unwrap();
    let output = home.run(&["auto", "--now"]);
    assert!(output.code == Some(12) && output.said().contains("there is no long-term access key here any more"), "{output:?}");
}
