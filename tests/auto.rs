//! `keyrotate auto` of the real binary against the lab, as a timer runs it: no terminal, nobody to ask.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use home::{Home, Output, Run};
use lab::faults::{Fault, Rule};
use lab::key::Status;
use lab::{Settings, Verdict};

const DAY: f64 = 86_400.0;

fn start(settings: Settings, days: f64) -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, true);
    home.lab.world().keys[0].created_at -= days * DAY;
    // The other user's key is not this test's matter.
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", text.split("\n[other]").next().unwrap());
    home
}

/// Where the desktop's notices go.
fn desktop(home: &Home) -> std::path::PathBuf {
    let (folder, log) = (home.scratch("desktop"), home.scratch("notices"));
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("notify-send");
    std::fs::write(&program, format!("#!/bin/sh\nfor word; do last=$word; done\nprintf '%s\\n' \"$last\" >> {}\n", log.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    log
}

fn auto(home: &Home) -> Output {
    auto_with(home, &["auto"])
}

/// With the shortest waits, and with a desktop.
fn auto_with(home: &Home, args: &[&str]) -> Output {
    desktop(home);
    let path = format!("{}:{}", home.scratch("desktop").display(), std::env::var("PATH").unwrap());
    let mut run = Run::new(args);
    run.env.extend([("KEYROTATE_TIME_SCALE", "0.01".to_owned()), ("PATH", path)]);
    home.run_with(&run)
}

fn notices(home: &Home) -> String {
    std::fs::read_to_string(home.scratch("notices")).unwrap_or_default()
}

/// One active key, which every profile has, and the first one gone.
#[track_caller]
fn rotated(home: &Home, output: &Output) {
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::No, "{}{}", output.stdout, output.stderr);
    let live = home.lab.live_keys("dev");
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    assert!(live.len() == 1 && text.matches(&live[0].secret).count() == 2, "{}", output.stderr);
}

#[test]
fn it_is_silent_when_there_is_nothing_to_say() {
    let home = start(Settings::default(), 10.0);
    let output = auto(&home);
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str(), notices(&home).as_str()), (Some(0), "", "", ""));
    assert_eq!(home.lab.live_keys("dev").len(), 1);
}

#[test]
fn a_due_key_is_rotated_and_told_once() {
    for days in [80.0, 100.0] {
        let home = start(Settings::default(), days);
        let output = auto(&home);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        rotated(&home, &output);
        assert!(output.stdout.contains(&home.old.id) && output.stdout.lines().count() == 1 && output.stderr.is_empty(), "{output:?}");
        assert!(notices(&home).contains("was rotated"), "{}", notices(&home));
        let again = auto(&home);
        assert_eq!((again.code, again.stdout.as_str(), again.stderr.as_str()), (Some(0), "", ""));
        assert_eq!(notices(&home).lines().count(), 1);
    }
}

#[test]
fn root_keys_are_critical_each_time_and_noticed_once_a_day() {
    let home = start(Settings { root_keys: 1, ..Settings::default() }, 1.0);
    for _ in 0..2 {
        let output = auto(&home);
        assert_eq!(output.code, Some(11), "{}", output.stderr);
        assert!(output.stderr.contains("root user") && output.stdout.is_empty(), "{output:?}");
    }
    assert_eq!(notices(&home).lines().count(), 1, "{}", notices(&home));
}

#[test]
fn a_root_key_that_a_profile_has_is_told_with_the_command_that_removes_it() {
    let home = start(Settings::default(), 1.0);
    let root = {
        let mut world = home.lab.world();
        let user = world.add_root();
        world.add_settled_key(user)
    };
    home.write(".aws/config", &format!("[profile boss]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret));
    let output = auto(&home);
    assert_eq!(output.code, Some(11), "{}", output.stderr);
    for said in ["(boss) is a key of the root user", "the root user of account 000000000000 has access keys (1)"] {
        let line = output.stderr.lines().find(|line| line.contains(said)).unwrap_or_default();
        assert!(line.contains("run `keyrotate root-key remove boss --admin PROFILE`"), "{said}: {}", output.stderr);
    }
}

#[test]
fn notices_can_be_turned_off_and_are_not_missed() {
    let home = start(Settings { root_keys: 1, ..Settings::default() }, 1.0);
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", "[defaults]\nnotify = false\n");
    assert_eq!((auto(&home).code, notices(&home).as_str()), (Some(11), ""));
    home.write(".config/keyrotate/config.toml", "");
    let mut run = Run::new(&["auto"]);
    run.env.extend([("KEYROTATE_TIME_SCALE", "0.01".to_owned()), ("PATH", "/nonexistent".to_owned())]);
    assert_eq!(home.run_with(&run).code, Some(11), "a desktop that is not there is no error");
}

#[test]
fn after_a_wake_it_waits_for_the_network() {
    let home = start(Settings::default(), 80.0);
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::Reset).times(3)]);
    let output = auto(&home);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    rotated(&home, &output);
}

#[test]
fn it_does_not_wait_for_ever() {
    let home = start(Settings::default(), 80.0);
    home.lab.rules(vec![Rule::on("*", Fault::Reset).times(0)]);
    let output = auto(&home);
    assert_eq!(output.code, Some(12), "{}", output.stderr);
    assert!(output.stderr.contains("AWS cannot be reached"), "{}", output.stderr);
    assert_eq!(home.lab.live_keys("dev").len(), 1);
}

#[test]
fn what_was_interrupted_is_finished_though_nothing_is_due() {
    let home = start(Settings::default(), 1.0);
    let mut run = Run::new(&["rotate", "default", "--yes", "--no-input"]);
    run.kill_at_pause = true;
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    assert_eq!(home.run_with(&run).code, None);
    home.lab.rules(Vec::new());
    let output = auto(&home);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    rotated(&home, &output);
}

#[test]
fn what_was_interrupted_is_finished_and_told_though_a_file_cannot_be_read_now() {
    let home = start(Settings::default(), 1.0);
    let mut run = Run::new(&["rotate", "default", "--yes", "--no-input"]);
    run.kill_at_pause = true;
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    assert_eq!(home.run_with(&run).code, None);
    home.lab.rules(Vec::new());
    home.write(".aws/config", "[default]\nno option\n");
    let output = auto(&home);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("config, line 2") && output.stdout.contains(&home.old.id), "{output:?}");
    rotated(&home, &output);
}

#[test]
fn a_second_key_that_was_deleted_to_make_room_is_told() {
    let home = start(Settings::default(), 80.0);
    let second = home.lab.world().add_settled_key(home.old.user).id;
    home.lab.world().set_status(&second, Status::Inactive);
    home.lab.world().grow_old(&second, 31.0);
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", "[defaults]\nreclaim_inactive = true\n");
    let output = auto(&home);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains(&format!("deleted {second}")), "{output:?}");
    rotated(&home, &output);
}

#[test]
fn a_grace_is_left_to_rest_in_silence_and_ended_when_it_is_over() {
    let home = start(Settings::default(), 1.0);
    assert_eq!(auto_with(&home, &["rotate", "default", "--yes", "--no-input", "--grace", "3m"]).code, Some(0));
    let resting = auto(&home);
    assert_eq!((resting.code, resting.stdout.as_str(), resting.stderr.as_str()), (Some(0), "", ""));
    home.lab.world().settings.clock_offset += 240.0;
    let over = auto(&home);
    assert!(over.code == Some(0) && over.stdout.contains("grace"), "{over:?}");
    rotated(&home, &over);
}

#[test]
fn what_only_a_person_can_decide_is_told_and_left() {
    let home = start(Settings::default(), 100.0);
    let second = home.lab.world().add_settled_key(home.old.user).id;
    let output = auto(&home);
    assert_eq!(output.code, Some(11), "overdue, and not rotated: {}", output.stderr);
    assert!(output.stderr.contains(&second), "{}", output.stderr);
    let world = home.lab.world();
    assert!(world.keys.iter().filter(|key| key.user == home.old.user).all(|key| key.status == Status::Active));
}

#[test]
fn the_bare_environment_of_cron_is_enough() {
    let home = start(Settings::default(), 80.0);
    let mut run = Run::new(&["auto", "--now"]);
    run.prefix = ["env", "-i", "PATH=/usr/bin:/bin"].map(str::to_owned).to_vec();
    run.prefix.extend([format!("HOME={}", home.path().display()), format!("AWS_ENDPOINT_URL={}", home.lab.url())]);
    run.prefix.push("KEYROTATE_TIME_SCALE=0.01".to_owned());
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    rotated(&home, &output);
}
