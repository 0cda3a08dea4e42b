//! `mfa_command` and `mfa_process`: what the program may do wrong.

use crate::bench::{SERIAL, asked, code, codes_sent, given, login, program, runs, start, start_with, told};
use crate::home::Run;
use crate::lab::Settings;

#[test]
fn the_program_gives_the_code_and_nobody_is_asked() {
    let home = start();
    program(&home, &format!("test \"$1\" = 'an argument' || exit 9; echo touch your key >&2; echo ' {} '", code(&home)));
    let output = home.run(&["login"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("touch your key"), "what it says to a person is lost: {}", output.stderr);
    given(&home, "default");
    assert_eq!((runs(&home), codes_sent(&home)), (1, 1));
}

#[test]
fn the_programs_of_aws_vaults_config_are_asked_too() {
    let home = start();
    let path = home.scratch("otp");
    std::fs::write(&path, format!("echo {}\n", code(&home))).unwrap();
    home.write(".aws/config", &format!("[default]\nmfa_serial = {SERIAL}\nmfa_process = /bin/sh '{}'\n", path.display()));
    login_by_program(&home);
}

fn login_by_program(home: &crate::home::Home) {
    let output = home.run(&["login"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

#[test]
fn a_program_without_a_code_is_named_and_what_it_printed_is_not_quoted() {
    for (script, said) in [
        ("echo \"$HOME is no code\"".to_owned(), "printed something else than six digits"),
        ("echo 12345".to_owned(), "printed something else than six digits"),
        ("echo 123456; echo 654321".to_owned(), "printed something else than six digits"),
        ("yes 123456".to_owned(), "printed more than 4096 bytes"),
        (":".to_owned(), "printed nothing"),
        ("echo 123456; exit 3".to_owned(), "ended with exit code 3"),
        ("kill -TERM $$".to_owned(), "ended with a signal"),
        ("exec sleep 1000".to_owned(), "did not answer within"),
    ] {
        let home = start();
        program(&home, &script);
        let mut run = Run::new(&["login"]);
        run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
        let output = home.run_with(&run);
        assert!(!output.stderr.contains("is no code") && !output.stderr.contains("123456"), "{}", output.stderr);
        told(&output, 1, &[said, "which is to print an MFA code", "run it by hand"]);
        assert_eq!((asked(&home).len(), runs(&home)), (0, 1), "{script}");
    }
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_run_is_told() {
    for (path, said) in [("/no/such/program", "cannot be run"), ("/etc/passwd", "cannot be run")] {
        let home = start();
        crate::bench::settings(&home, &format!("[profile.default]\nmfa_command = [\"{path}\"]\n"));
        told(&home.run(&["login"]), 1, &[path, said]);
    }
}

/// gpg-agent and its like stay when the program has ended, and may hold its output open.
#[test]
fn what_the_program_leaves_running_is_not_waited_for() {
    let home = start();
    let ended = home.scratch("ended");
    program(&home, &format!("(sleep 3; echo >{}) & echo {}", ended.display(), code(&home)));
    let waited = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&waited);
    home.lab.on_commit(move |_| seen.store(ended.exists(), std::sync::atomic::Ordering::SeqCst));
    let output = home.run(&["login"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!waited.load(std::sync::atomic::Ordering::SeqCst), "the code was sent when what the program left had ended");
}

#[test]
fn a_code_that_is_given_goes_before_the_program() {
    let home = start();
    program(&home, "exit 3");
    login(&home);
    assert_eq!(runs(&home), 0);
}

#[test]
fn the_program_is_not_fed_from_our_input() {
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n"));
    program(&home, &format!("if read line; then exit 4; fi; echo {}", code(&home)));
    let mut run = Run::new(&["credential-process", "default"]);
    run.prefix = ["sh", "-c", "echo data | \"$@\"", "sh"].map(str::to_owned).to_vec();
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}
