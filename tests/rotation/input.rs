//! What cannot be rotated is refused before anything is asked of AWS, with the fix.

use crate::bench::{ROTATE, refused, refused_unasked, rotated, start, start_with, told};
use crate::home::Run;
use crate::lab::Settings;
use crate::lab::parallel::each;

#[test]
fn no_file_is_could_not_check_and_nothing_is_made() {
    let home = start();
    std::fs::remove_dir_all(home.path().join(".aws")).unwrap();
    refused_unasked(&home, &home.run(ROTATE), 12);
    assert!(!home.path().join(".aws").exists(), "a directory was made");
}

#[test]
fn an_unknown_profile_is_refused_with_the_nearest_name() {
    let home = start();
    let output = home.run(&["rotate", "wrok", "--yes"]);
    told(&output, 1);
    assert!(output.stderr.contains("work"), "{}", output.stderr);
    refused(&home, &output, 1);
}

#[test]
fn profiles_without_a_long_term_key_of_their_own_are_refused() {
    let profiles = [
        "sso_session = corp\nsso_account_id = 000000000000\nsso_role_name = dev",
        "login_session = arn:aws:iam::000000000000:user/dev",
        "role_arn = arn:aws:iam::000000000000:role/admin\ncredential_source = Environment",
        "credential_process = /bin/false",
        "aws_access_key_id = ASIAEXAMPLE000000001\naws_secret_access_key = CaNaRyBiRd\naws_session_token = abc",
    ];
    each(&profiles, |profile| {
        let home = start();
        home.write(".aws/config", &format!("[profile strange]\n{profile}\n"));
        let output = home.run(&["rotate", "strange", "--yes"]);
        assert!(matches!(output.code, Some(1 | 12)), "{output:?}");
        refused(&home, &output, output.code.unwrap());
        assert!(output.stderr.contains("strange"), "{}", output.stderr);
    });
}

#[test]
fn a_malformed_file_is_refused_with_file_and_line() {
    let home = start();
    home.write(".aws/config", "[profile a]\nregion = eu-west-1\n<<<<<<< HEAD\n");
    let output = home.run(ROTATE);
    refused(&home, &output, 1);
    assert!(output.stderr.contains("config") && output.stderr.contains('3'), "{}", output.stderr);
}

#[test]
fn settings_with_targets_are_refused() {
    let home = start();
    home.write("settings.toml", "[[profile.default.target]]\ntype = \"command\"\nrun = [\"true\"]\n");
    let mut run = Run::new(ROTATE);
    run.env.push(("KEYROTATE_CONFIG", home.path().join("settings.toml").display().to_string()));
    refused(&home, &home.run_with(&run), 2);
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    let home = start();
    home.write("settings.toml", "[defaults]\nmax_agee = \"90d\"\n");
    let mut run = Run::new(ROTATE);
    run.env.push(("KEYROTATE_CONFIG", home.path().join("settings.toml").display().to_string()));
    let output = home.run_with(&run);
    refused_unasked(&home, &output, 2);
    assert!(output.stderr.contains("max_age"), "{}", output.stderr);
}

#[test]
fn the_time_scale_is_an_error_without_a_loopback_endpoint() {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.env.push(("AWS_ENDPOINT_URL", "https://keyrotate.invalid".to_owned()));
    let output = home.run_with(&run);
    refused(&home, &output, 2);
    assert!(output.stderr.contains("KEYROTATE_TIME_SCALE"), "{}", output.stderr);
}

#[test]
fn variables_that_differ_are_refused_until_a_profile_is_named() {
    let home = start();
    let mut run = Run::new(&["rotate", "--yes", "--no-input"]);
    run.env.extend([("AWS_PROFILE", "work".to_owned()), ("AWS_DEFAULT_PROFILE", "other".to_owned())]);
    refused(&home, &home.run_with(&run), 2);
}

#[test]
fn exported_keys_are_not_passed_over_in_silence() {
    let home = start();
    let mut run = Run::new(&["rotate", "--yes", "--no-input"]);
    run.env.extend([("AWS_ACCESS_KEY_ID", home.other.id.clone()), ("AWS_SECRET_ACCESS_KEY", home.other.secret.clone())]);
    let output = home.run_with(&run);
    refused(&home, &output, 2);
    assert!(output.stderr.contains("AWS_ACCESS_KEY_ID"), "{}", output.stderr);
}

#[test]
fn the_bare_environment_of_cron_is_enough() {
    let home = start();
    let mut run = Run::new(ROTATE);
    let (endpoint, path) = (format!("AWS_ENDPOINT_URL={}", home.lab.url()), format!("HOME={}", home.path().display()));
    run.prefix = ["env", "-i", &path, "PATH=/usr/bin:/bin", &endpoint, "KEYROTATE_TIME_SCALE=0.1"].map(str::to_owned).to_vec();
    rotated(&home, &home.run_with(&run));
}

#[test]
fn without_a_region_anywhere_iam_and_sts_are_asked_all_the_same() {
    let home = start();
    let mut run = Run::new(&["rotate", "work", "--yes", "--no-input"]);
    run.prefix = ["env", "-u", "AWS_REGION"].map(str::to_owned).to_vec();
    rotated(&home, &home.run_with(&run));
}

#[test]
fn without_home_nothing_is_done_to_the_wrong_files() {
    let home = start();
    let mut run = Run::new(&["rotate", "default", "--yes", "--dry-run"]);
    run.prefix = ["env", "-u", "HOME"].map(str::to_owned).to_vec();
    run.env.push(("AWS_SHARED_CREDENTIALS_FILE", home.path().join(".aws/credentials").display().to_string()));
    let output = home.run_with(&run);
    assert_ne!(output.code, None, "{output:?}");
    assert_eq!(crate::bench::changes(&home.lab), Vec::<String>::new());
    crate::bench::safe(&home);
}

#[test]
fn a_user_with_a_path_is_asked_for_by_the_last_part_of_the_name() {
    let home = start_with(Settings::default());
    {
        let mut world = home.lab.world();
        world.rename_user("dev", "dev.one+ci=x@example.com");
        world.users[home.old.user].path = "/team/blue/".to_owned();
    }
    let output = home.run(ROTATE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let names: Vec<String> = home.lab.calls().iter().filter_map(|call| call.params.get("UserName").cloned()).collect();
    assert!(!names.is_empty() && names.iter().all(|name| name == "dev.one+ci=x@example.com"), "{names:?}");
}
