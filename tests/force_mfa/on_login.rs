//! `rotate_on_login`: a due key with the code of a login.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{DAY, ROTATE, SCALE, alone, changes, code, codes, config, count, rotated, run, run_with, start};
use crate::home::{Home, Run, one_line};
use crate::lab::faults::{Fault, Rule};

const LIMIT: Duration = Duration::from_secs(60);

fn state(home: &Home, name: &str) -> PathBuf {
    home.path().join(".local/state/keyrotate").join(name)
}

fn rotate_on_login(home: &Home, mode: &str) {
    config(home, &format!("[defaults]\nrotate_on_login = \"{mode}\"\n"));
}

/// Waits until the rotation in the background is over.
fn wait(home: &Home) {
    let end = Instant::now() + LIMIT;
    let is_over = || home.lab.live_keys("dev").iter().all(|key| key.id != home.old.id);
    let is_open = || std::fs::read_dir(state(home, "journal")).is_ok_and(|entries| entries.count() > 0);
    while !is_over() || is_open() {
        let log = std::fs::read_to_string(state(home, "login-rotation.log")).unwrap_or_default();
        assert!(Instant::now() < end, "it was not rotated: {log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_login_in_the_foreground_rotates_the_due_key_before_it_answers() {
    let home = start(80.0);
    rotate_on_login(&home, "foreground");
    let output = run_with(&home, &["login", "--no-input"], Some(&code(&home)));
    rotated(&home, &output);
    assert!(output.stdout.starts_with("open: ") && output.stderr.contains("rotated: "), "{}{}", output.stdout, output.stderr);
    let again = run(&home, &["login", "--no-input"]);
    assert!(again.stdout.contains("open already") && again.stderr.is_empty(), "{}{}", again.stdout, again.stderr);
    codes(&home, 1);
}

#[test]
fn a_login_leaves_a_key_alone_that_is_not_due_or_where_no_code_was_given_or_the_setting_is_off() {
    for (mode, days) in [("foreground", 10.0), ("off", 100.0)] {
        let home = start(days);
        rotate_on_login(&home, mode);
        let output = run_with(&home, &["login", "--no-input"], Some(&code(&home)));
        assert!(output.code == Some(0) && output.stderr.is_empty(), "{}{}", output.stdout, output.stderr);
        assert_eq!(changes(&home), 0);
        home.lab.world().keys[0].created_at -= 100.0 * DAY;
        assert_eq!(run(&home, &["login", "--no-input"]).code, Some(0));
        assert_eq!(changes(&home), 0, "no code was given");
    }
}

#[test]
fn a_rotation_that_fails_does_not_fail_the_login_and_is_seen_by_auto() {
    let home = start(100.0);
    alone(&home);
    rotate_on_login(&home, "foreground");
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::error(403, "AccessDenied"))]);
    let output = run_with(&home, &["login", "--no-input"], Some(&code(&home)));
    assert!(output.code == Some(0) && output.stdout.contains("open: "), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("keyrotate: error: iam:CreateAccessKey"), "{}", output.stderr);
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::error(403, "AccessDenied"))]);
    assert_eq!(run(&home, &["auto", "--now"]).code, Some(1));
    home.lab.rules(Vec::new());
    rotated(&home, &run(&home, &["auto", "--now"]));
    codes(&home, 1);
}

#[test]
fn a_login_in_the_background_rotates_the_due_key_when_it_has_answered() {
    let home = start(80.0);
    rotate_on_login(&home, "background");
    // strace, which looks at what is executed, ends with the last process: what was left to itself is over then, too.
    let output = run_with(&home, &["login", "--no-input"], Some(&code(&home)));
    assert!(output.stdout.starts_with("open: ") && output.stderr.is_empty(), "{}{}", output.stdout, output.stderr);
    wait(&home);
    rotated(&home, &output);
    let log = std::fs::read_to_string(state(&home, "login-rotation.log")).unwrap();
    assert!(log.contains("rotated: "), "{log}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(state(&home, "login-rotation.log")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    codes(&home, 1);
    home.look("after the rotation");
    assert_eq!(home.told(), "");
}

/// Milliseconds that the command works, with what it waits for and without a trace: how long it takes depends on who else works here.
fn took(home: &Home, args: &[&str], code: &str) -> i64 {
    let mut run = Run::new(args);
    run.prefix = ["bash", "-c", "TIMEFORMAT='%3U %3S'; time \"$@\"", "bash"].map(str::to_owned).to_vec();
    run.env = vec![("KEYROTATE_TIME_SCALE", SCALE.to_owned()), ("KEYROTATE_MFA_CODE", code.to_owned())];
    let output = home.command(&run).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home.search(None, &[("stdout", &String::from_utf8_lossy(&output.stdout)), ("stderr", &String::from_utf8_lossy(&output.stderr))]);
    let times = String::from_utf8_lossy(&output.stderr).into_owned();
    let seconds = |word: &str| word.parse::<f64>().expect("seconds");
    (times.lines().last().expect("the times").split(' ').map(seconds).sum::<f64>() * 1e3) as i64
}

#[test]
#[expect(clippy::print_stdout, reason = "the figure")]
fn the_background_delays_a_login_by_fifty_milliseconds_at_most_and_is_nobodys_child() {
    let delays: Vec<i64> = (0..3)
        .map(|_| {
            let (plain, home) = (start(80.0), start(80.0));
            rotate_on_login(&home, "background");
            // It stands still, so that it can be looked at.
            home.lab.rules(vec![Rule::on("ListAccessKeys", Fault::PauseBefore)]);
            let without = took(&plain, &["login", "--no-input"], &code(&plain));
            let with = took(&home, &["login", "--no-input"], &code(&home));
            assert!(home.lab.wait_paused(LIMIT), "nothing runs in the background");
            let (pid, session) = left(&home);
            assert!(
                session != pid && !std::path::Path::new(&format!("/proc/{session}")).exists(),
                "its session has a leader: {pid} {session}"
            );
            home.lab.release(false);
            wait(&home);
            with - without
        })
        .collect();
    println!("milliseconds more: {delays:?}");
    let best = delays.iter().min().unwrap();
    assert!(*best <= 50, "{delays:?}");
}

/// The rotation that was left to itself: its number, and that of its session.
fn left(home: &Home) -> (u32, u32) {
    let own = format!("HOME={}", home.path().display());
    let found = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let read = |name: &str| std::fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let is_own = read("environ").split('\0').any(|variable| variable == own);
        is_own.then(|| read("stat").rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().parse().unwrap()).map(|session| (pid, session))
    });
    found.expect("a process in the background")
}

#[test]
fn two_logins_at_once_rotate_once() {
    let home = start(80.0);
    rotate_on_login(&home, "background");
    let codes: Vec<String> = {
        let world = home.lab.world();
        let now = crate::lab::totp::step(world.now());
        [now, now + 1].map(|step| crate::lab::totp::code(&world.users[0].seed, step)).to_vec()
    };
    std::thread::scope(|scope| {
        for (profile, code) in ["default", "work"].iter().zip(&codes) {
            let home = &home;
            scope.spawn(move || took(home, &["login", profile, "--no-input", "--fresh"], code));
        }
    });
    wait(&home);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!((count(&home, "CreateAccessKey"), home.lab.resent()), (1, vec![]));
    home.look("after both");
    assert_eq!(home.told(), "");
}

#[test]
fn a_program_that_exec_starts_has_no_child_that_it_does_not_know() {
    let home = start(80.0);
    rotate_on_login(&home, "background");
    // It stands still until the program is over, whose variables are secrets by design: processes are searched at every call.
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore)]);
    let args = ["exec", "default", "--no-input", "--", "sh", "-c", "ps -o pid= --ppid $$ | wc -l; wait; echo done"];
    let mut run = Run::new(&args);
    run.env = vec![("KEYROTATE_TIME_SCALE", SCALE.to_owned()), ("KEYROTATE_MFA_CODE", code(&home))];
    let output = home.command(&run).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    // Its own pipeline only: ps and wc.
    let children: usize = said.lines().next().unwrap().trim().parse().unwrap();
    assert!(children <= 2 && said.ends_with("done\n"), "{said}");
    assert!(home.lab.wait_paused(LIMIT), "nothing runs in the background");
    home.lab.release(false);
    wait(&home);
    home.search(None, &[("stdout", &said)]);
    codes(&home, 1);
}

/// The key is made; what the command was for does not happen, and the next command goes on.
#[test]
fn a_signal_while_a_login_rotates_stops_the_command_and_the_key_is_rotated_later() {
    let file = "started";
    for (args, exit) in
        [(&["login", "--no-input"][..], 1), (&["env", "--no-input"], 1), (&["exec", "--no-input", "--", "touch", file], 125)]
    {
        for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP")] {
            let home = start(80.0);
            rotate_on_login(&home, "foreground");
            home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::PauseAfter)]);
            let mut run_it = Run::new(args);
            run_it.env = vec![("KEYROTATE_TIME_SCALE", SCALE.to_owned()), ("KEYROTATE_MFA_CODE", code(&home))];
            let child = home.command(&run_it).spawn().unwrap();
            assert!(home.lab.wait_paused(LIMIT), "no key is made");
            kill_process(Pid::from_child(&child), signal).unwrap();
            home.lab.release(false);
            let output = child.wait_with_output().unwrap();
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            home.search(None, &[("stdout", &stdout), ("stderr", &stderr)]);
            let exit = if signal == Signal::INT { 130 } else { exit };
            assert_eq!((output.status.code(), &*stdout), (Some(exit), ""), "{name}: {stderr}");
            for said in [&format!("stopped by {name} while the key was rotated"), "the session is open, and nothing was started or printed"]
            {
                assert!(one_line(&stderr).contains(said), "{stderr}");
            }
            assert!(!home.path().join("..").join(file).exists(), "the program was started");
            assert_eq!(count(&home, "DeleteAccessKey"), 0);
            let login = run(&home, &["login", "--no-input"]);
            assert!(login.stdout.contains("open already"), "{}{}", login.stdout, login.stderr);
            rotated(&home, &run(&home, ROTATE));
            codes(&home, 1);
            assert_eq!(count(&home, "CreateAccessKey"), 1);
        }
    }
}

/// Who runs a credential_process does not wait for a rotation.
#[test]
fn the_foreground_of_credential_process_is_the_background() {
    let home = start(80.0);
    rotate_on_login(&home, "foreground");
    let output = run_with(&home, &["credential-process", "default", "--no-input"], Some(&code(&home)));
    assert!(output.stdout.starts_with("{\"Version\":1,") && output.stderr.is_empty(), "{}", output.stderr);
    wait(&home);
    rotated(&home, &output);
    assert!(std::fs::read_to_string(state(&home, "login-rotation.log")).unwrap().contains("rotated: "));
    codes(&home, 1);
}
