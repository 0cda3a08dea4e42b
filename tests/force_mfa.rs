//! Rotation where a policy denies everything without MFA: the real binary against a lab that has one. Invariant: after every test no token code
//! was sent twice.
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

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use home::{Home, Output, Run};
use lab::faults::{Fault, Rule};
use lab::key::Status;
use lab::{Settings, Verdict};

const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];
const UNDO: &[&str] = &["undo", "default", "--yes", "--no-input"];
/// Of the waits: short, and long enough for a machine that has much to do.
const SCALE: &str = "0.05";
const DAY: f64 = 86_400.0;
const LIMIT: Duration = Duration::from_secs(60);
const CHANGES: [&str; 3] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"];

/// A key of that many days in two profiles, under a policy that denies everything without MFA.
fn start(days: f64) -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings { force_mfa: true, ..Settings::default() }, true);
    home.lab.world().keys[0].created_at -= days * DAY;
    home.holds(sessions(&home));
    home
}

fn sessions(home: &Home) -> PathBuf {
    home.path().join(".cache/keyrotate/sessions")
}

fn state(home: &Home, name: &str) -> PathBuf {
    home.path().join(".local/state/keyrotate").join(name)
}

/// Without the other user's key, which is not this test's matter.
fn alone(home: &Home) {
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", text.split("\n[other]").next().unwrap());
}

fn config(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", text);
}

fn run(home: &Home, args: &[&str]) -> Output {
    run_with(home, args, None)
}

/// With short waits, and with a code in the variable.
fn run_with(home: &Home, args: &[&str], code: Option<&str>) -> Output {
    let mut run = Run::new(args);
    run.env.push(("KEYROTATE_TIME_SCALE", SCALE.to_owned()));
    run.env.extend(code.map(|code| ("KEYROTATE_MFA_CODE", code.to_owned())));
    home.run_with(&run)
}

fn code(home: &Home) -> String {
    home.lab.code("dev").expect("a code that was not used")
}

fn count(home: &Home, action: &str) -> usize {
    home.lab.calls().iter().filter(|call| call.action == action).count()
}

fn changes(home: &Home) -> usize {
    CHANGES.iter().map(|action| count(home, action)).sum()
}

/// One code was asked for, and no code was sent twice.
#[track_caller]
fn codes(home: &Home, expected: usize) {
    assert_eq!(home.lab.resent(), [], "a code was sent twice");
    assert_eq!(home.lab.world().codes.len(), expected, "codes that were sent");
}

/// One active key that every profile has, and the first one gone.
#[track_caller]
fn rotated(home: &Home, output: &Output) {
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::No, "{}{}", output.stdout, output.stderr);
    let live = home.lab.live_keys("dev");
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    assert!(live.len() == 1 && text.matches(&live[0].secret).count() == 2, "{}", output.stderr);
}

/// The run failed with this code, and changed nothing.
#[track_caller]
fn refused(home: &Home, output: &Output, exit: i32) {
    assert_eq!(output.code, Some(exit), "{}{}", output.stdout, output.stderr);
    assert_eq!(changes(home), 0, "{}", output.stderr);
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes);
}

#[test]
fn one_code_given_with_the_command_rotates_every_profile_that_has_the_key() {
    for (args, by_variable) in [(&["rotate", "default", "work", "--yes", "--no-input"][..], false), (ROTATE, true)] {
        let home = start(1.0);
        let code = code(&home);
        let args: Vec<&str> = args.iter().copied().chain(if by_variable { vec![] } else { vec!["--mfa-code", &code] }).collect();
        let output = run_with(&home, &args, by_variable.then_some(&code));
        rotated(&home, &output);
        codes(&home, 1);
        home.look("after the rotation");
        assert_eq!(home.told(), "");
        let whose = home.lab.calls().into_iter().filter(|call| CHANGES.contains(&call.action.as_str())).map(|call| call.key_id);
        assert!(whose.clone().count() == 3 && whose.clone().all(|id| id.starts_with("ASIA")), "{:?}", whose.collect::<Vec<_>>());
        let proofs = home.lab.calls().into_iter().filter(|call| call.action == "GetCallerIdentity");
        assert!(proofs.into_iter().all(|call| call.key_id.starts_with("AKIA")), "a session proved a pair");
    }
}

#[test]
fn two_users_in_one_run_are_two_codes_and_nobody_is_asked_for_a_third() {
    let home = start(1.0);
    let log = home.scratch("asked");
    let other = home.lab.code("other").unwrap();
    let mine = code(&home);
    let command = |name: &str, code: &str| {
        format!("[profile.{name}]\nmfa_command = [\"sh\", \"-c\", \"echo {name} >> {}; echo {code}\"]\n", log.display())
    };
    config(&home, &(command("default", &mine) + &command("other", &other)));
    let output = run(&home, &["rotate", "--all", "--yes", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    codes(&home, 2);
    assert_eq!(std::fs::read_to_string(log).unwrap(), "default\nother\n");
}

#[test]
fn without_such_a_policy_nobody_is_asked_and_no_call_is_made_more() {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    let output = run(&home, ROTATE);
    rotated(&home, &output);
    codes(&home, 0);
    assert_eq!(home.lab.calls().len(), 16);
}

#[test]
fn a_session_that_is_open_is_used_unasked_and_goes_on_under_the_new_key() {
    let home = start(1.0);
    home.write(".aws/config", &format!("[profile work]\nmfa_serial = {}\n", home.lab.world().users[0].serials[0]));
    assert_eq!(run_with(&home, &["login", "work", "--no-input"], Some(&code(&home))).code, Some(0));
    rotated(&home, &run(&home, &["rotate", "work", "--yes", "--no-input"]));
    let again = run(&home, &["login", "work", "--no-input"]);
    assert!(again.code == Some(0) && again.stdout.contains("open already"), "{}{}", again.stdout, again.stderr);
    codes(&home, 1);
}

/// Somebody is asked for a code meanwhile, and does not answer: the lock is the test's.
#[test]
fn a_session_that_is_being_opened_does_not_hold_up_the_rotation() {
    let home = start(1.0);
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
    let lock = std::fs::File::open(sessions(&home).join(format!("{}.lock", home.old.id))).unwrap();
    lock.lock().unwrap();
    let since = Instant::now();
    let output = run(&home, ROTATE);
    rotated(&home, &output);
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert!(output.stderr.contains("stay behind") && output.stderr.contains("asks for a code"), "{}", output.stderr);
    drop(lock);
    let login = run_with(&home, &["login", "--no-input"], Some(&code(&home)));
    assert!(login.stdout.starts_with("open: "), "{}{}", login.stdout, login.stderr);
}

#[test]
fn what_it_was_asked_for_in_a_rotation_is_the_session_of_the_day() {
    let home = start(1.0);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    let login = run(&home, &["login", "--no-input"]);
    assert!(login.code == Some(0) && login.stdout.contains("open already"), "{}{}", login.stdout, login.stderr);
    codes(&home, 1);
}

/// The file has another key of the user now, and the one that opened the session is gone: it was rotated elsewhere.
#[test]
fn a_session_that_is_found_by_its_device_alone_is_used_where_aws_says_that_it_is_the_same_users() {
    let home = start(1.0);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {}\n", home.lab.world().users[0].serials[0]));
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
    let new = home.lab.world().add_settled_key(home.old.user);
    home.lab.world().keys.retain(|key| key.id != home.old.id);
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", &text.replace(&home.old.id, &new.id).replace(&home.old.secret, &new.secret));
    let output = run(&home, ROTATE);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(home.lab.live_keys("dev").iter().all(|key| key.id != new.id));
    codes(&home, 1);
    let session = home.lab.world().sessions[0].id.clone();
    assert!(
        home.lab.calls().iter().any(|call| call.action == "GetCallerIdentity" && call.key_id == session),
        "AWS was not asked whose it is"
    );
}

/// As where two users' files name one device: the session's own file says it is this one's.
#[test]
fn a_session_of_somebody_else_with_the_same_device_signs_nothing() {
    let home = start(1.0);
    let serials: Vec<String> = home.lab.world().users.iter().flat_map(|user| user.serials.clone()).collect();
    let (mine, theirs) = (&serials[0], &serials[1]);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {mine}\n[profile other]\nmfa_serial = {theirs}\n"));
    assert_eq!(run_with(&home, &["login", "other", "--no-input"], Some(&home.lab.code("other").unwrap())).code, Some(0));
    let file = std::fs::read_dir(sessions(&home)).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|extension| extension == "json")).last().expect("a session");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace(theirs, mine)).unwrap();
    refused(&home, &run(&home, ROTATE), 20);
    let session = home.lab.world().sessions[0].id.clone();
    let signed: Vec<String> = home.lab.calls().into_iter().filter(|call| call.key_id == session).map(|call| call.action).collect();
    assert_eq!(signed, ["GetCallerIdentity"]);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    codes(&home, 2);
}

#[test]
fn a_session_that_aws_does_not_take_any_more_is_replaced() {
    let home = start(1.0);
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
    home.lab.world().sessions[0].mfa = false;
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    codes(&home, 2);
}

#[test]
fn with_nobody_to_ask_nothing_is_changed_and_the_command_is_named() {
    let home = start(100.0);
    let output = run(&home, ROTATE);
    refused(&home, &output, 20);
    assert!(output.stderr.contains("`keyrotate login default`") || output.stderr.contains("`keyrotate login`"), "{}", output.stderr);
    codes(&home, 0);
}

#[test]
fn a_wrong_code_and_a_used_one_change_nothing() {
    let home = start(1.0);
    let output = run_with(&home, ROTATE, Some("000000"));
    refused(&home, &output, 1);
    assert!(output.stderr.contains("MFA code"), "{}", output.stderr);
    let code = code(&home);
    assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code)).code, Some(0));
    std::fs::remove_dir_all(sessions(&home).parent().unwrap().join("sessions")).unwrap();
    let output = run_with(&home, ROTATE, Some(&code));
    assert_eq!((output.code, changes(&home)), (Some(1), 0), "{}", output.stderr);
    // Its memory was taken away, so that AWS itself had to refuse the code.
    assert_eq!(home.lab.resent().len(), 1);
    home.lab.world().codes.clear();
}

/// The calls of a rotation with a code, by number.
fn calls_of_a_rotation() -> usize {
    let home = start(1.0);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    home.lab.calls().len()
}

#[test]
fn interrupted_at_every_call_it_is_finished_with_another_code() {
    let numbers: Vec<usize> = (1..=calls_of_a_rotation()).collect();
    let points: Vec<(usize, Fault)> =
        numbers.iter().flat_map(|number| [Fault::PauseBefore, Fault::PauseAfter].map(|pause| (*number, pause))).collect();
    each(&points, |(number, pause)| {
        let home = start(1.0);
        home.lab.rules(vec![Rule::call(*number, pause.clone())]);
        let first = code(&home);
        let mut broken = Run::new(ROTATE);
        broken.kill_at_pause = true;
        broken.env = vec![("KEYROTATE_TIME_SCALE", SCALE.to_owned()), ("KEYROTATE_MFA_CODE", first.clone())];
        assert_eq!(home.run_with(&broken).code, None);
        home.lab.rules(Vec::new());
        // As on a machine whose sessions are gone: what is left is the journal and the memory of codes.
        let kept = std::fs::read_dir(sessions(&home)).into_iter().flatten().flatten().map(|entry| entry.path());
        kept.filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .for_each(|path| std::fs::remove_file(path).unwrap());
        // Where the first code was sent and not taken, it is the lab's next one too.
        let mut next = code(&home);
        if next == first && home.lab.world().codes.iter().any(|sent| sent.code == first) {
            let mut world = home.lab.world();
            let now = lab::totp::step(world.now());
            let step = (now - 1..=now + 1).find(|step| lab::totp::code(&world.users[0].seed, *step) == first).expect("its step");
            let serial = world.codes.iter().find(|sent| sent.code == first).expect("it was sent").serial.clone();
            world.users[0].used_steps.insert((serial, step));
            drop(world);
            next = code(&home);
        }
        let mut output = run_with(&home, ROTATE, Some(&next));
        if output.code == Some(10) && output.stderr.contains("--delete-key ") {
            let suspect = home.lab.world().keys.iter().rfind(|key| key.user == home.old.user).unwrap().id.clone();
            output = run(&home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &suspect]);
        }
        if output.code == Some(1) {
            output = run(&home, ROTATE);
        }
        rotated(&home, &output);
        assert_eq!(home.lab.resent(), [], "a code was sent twice");
        home.look("after the resume");
        assert_eq!(home.told(), "");
    });
}

#[test]
fn undo_signs_with_the_session_too_and_gives_it_back_to_the_old_key() {
    for keeps in [true, false] {
        let home = start(1.0);
        let args = ["rotate", "default", "--yes", "--no-input", "--grace", "7d"];
        let output = run_with(&home, &args, Some(&code(&home)));
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        if !keeps {
            assert_eq!(run(&home, &["logout", "--all"]).code, Some(0));
            let denied = run(&home, UNDO);
            assert_eq!(denied.code, Some(20), "{}{}", denied.stdout, denied.stderr);
            assert!(denied.stderr.contains("`keyrotate undo "), "{}", denied.stderr);
        }
        let next = (!keeps).then(|| code(&home));
        let output = run_with(&home, UNDO, next.as_deref());
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes);
        assert_eq!(home.lab.world().keys.iter().filter(|key| key.user == home.old.user && key.status == Status::Active).count(), 1);
        let login = run(&home, &["login", "--no-input"]);
        assert!(login.code == Some(0) && login.stdout.contains("open already"), "{}{}", login.stdout, login.stderr);
        codes(&home, if keeps { 1 } else { 2 });
        home.look("after undo");
        assert_eq!(home.told(), "");
    }
}

#[test]
fn auto_without_a_session_exits_with_20_changes_nothing_and_says_what_to_do() {
    let home = start(100.0);
    alone(&home);
    // A program that prints codes is for a person who is there.
    config(&home, &format!("[profile.default]\nmfa_command = [\"echo\", \"{}\"]\n", code(&home)));
    let output = run(&home, &["auto", "--now"]);
    refused(&home, &output, 20);
    assert!(output.stderr.contains("`keyrotate login"), "{}", output.stderr);
    codes(&home, 0);
}

#[test]
fn auto_with_a_session_rotates_what_is_due_and_goes_on_with_what_waits() {
    for interrupted in [false, true] {
        let home = start(100.0);
        alone(&home);
        assert_eq!(run_with(&home, &["login", "--no-input"], Some(&code(&home))).code, Some(0));
        if interrupted {
            home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseAfter)]);
            let mut broken = Run::new(ROTATE);
            broken.kill_at_pause = true;
            assert_eq!(home.run_with(&broken).code, None);
            home.lab.rules(Vec::new());
        }
        let output = run(&home, &["auto", "--now"]);
        rotated(&home, &output);
        codes(&home, 1);
        let again = run(&home, &["auto", "--now"]);
        assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{}", again.stdout);
    }
}

#[test]
fn auto_leaves_an_interrupted_rotation_as_it_is_without_a_session() {
    let home = start(100.0);
    alone(&home);
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    let mut broken = Run::new(ROTATE);
    broken.kill_at_pause = true;
    broken.env.push(("KEYROTATE_MFA_CODE", code(&home)));
    assert_eq!(home.run_with(&broken).code, None);
    home.lab.rules(Vec::new());
    assert_eq!(run(&home, &["logout", "--all"]).code, Some(0));
    let before = changes(&home);
    let output = run(&home, &["auto", "--now"]);
    assert_eq!(output.code, Some(20), "{}{}", output.stdout, output.stderr);
    assert_eq!(changes(&home), before, "{}", output.stderr);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    assert_eq!(home.lab.resent(), []);
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
            assert_eq!((output.status.code(), &*stdout), (Some(exit), ""), "{name}: {stderr}");
            for said in [&format!("stopped by {name} while the key was rotated"), "the session is open, and nothing was started or printed"]
            {
                assert!(stderr.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{stderr}");
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
        let now = lab::totp::step(world.now());
        [now, now + 1].map(|step| lab::totp::code(&world.users[0].seed, step)).to_vec()
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

/// Runs `check` for every item, several at once since most of the time is waiting; tells every item that failed.
fn each<T: Sync + std::fmt::Debug>(items: &[T], check: impl Fn(&T) + Sync) {
    let (next, failed) = (std::sync::atomic::AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)) {
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(item))).is_err() {
                        failed.lock().unwrap().push(format!("{item:?}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "failed for: {}", failed.join("; "));
}
