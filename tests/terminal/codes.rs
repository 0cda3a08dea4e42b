//! The question for an MFA code, and whom it does not reach.

use std::time::{Duration, Instant};

use crate::bench::{LIMIT, Terminal, calls, code, start, the_next_login_works, with_mfa};
use crate::home::Run;
use crate::lab::Settings;

#[test]
fn a_code_is_asked_for_once_and_every_profile_of_the_key_has_the_session() {
    let home = with_mfa();
    let mut terminal = Terminal::open(&home, "login default", &[("NO_COLOR", "1")]);
    terminal.expect("MFA code of arn:aws:iam::000000000000:mfa/dev for default: ");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.contains("open: the session of default lasts until"), "{screen}");
    let (ended, screen) = Terminal::open(&home, "exec work -- sh -c 'echo on $KEYROTATE_PROFILE'", &[]).end();
    assert!(ended == Some(0) && screen.contains("on work") && !screen.contains("MFA code"), "{screen}");
    assert_eq!(calls(&home, "GetSessionToken"), 1);
}

#[test]
fn ctrl_c_at_the_code_ends_it_and_leaves_the_lock_free() {
    let home = with_mfa();
    for args in ["login default", "exec default -- echo ran", "env default"] {
        let mut terminal = Terminal::open(&home, args, &[]);
        terminal.expect("for default: ");
        terminal.press("\x03");
        let (ended, screen) = terminal.end();
        assert!(ended == Some(130) && !screen.contains("ran"), "{args}: {ended:?} {screen}");
    }
    assert_eq!(calls(&home, "GetSessionToken"), 0);
    the_next_login_works(&home);
}

#[test]
fn an_empty_line_and_the_end_of_input_give_up() {
    let home = with_mfa();
    for keys in ["\n", "\x04"] {
        let mut terminal = Terminal::open(&home, "login default", &[]);
        terminal.expect("for default: ");
        terminal.press(keys);
        let (ended, screen) = terminal.end();
        assert!(ended == Some(1) && screen.contains("no MFA code was given"), "{ended:?} {screen}");
    }
    assert_eq!(calls(&home, "GetSessionToken"), 0);
}

#[test]
fn a_wrong_code_is_asked_for_again_twice() {
    let home = with_mfa();
    let mut terminal = Terminal::open(&home, "login default", &[("NO_COLOR", "1")]);
    for (count, wrong) in ["12345", "111111", "222222", "333333"].iter().enumerate() {
        let end = Instant::now() + LIMIT;
        while terminal.screen().matches("for default: ").count() <= count {
            assert!(Instant::now() < end, "{}", terminal.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
        terminal.press(&format!("{wrong}\n"));
    }
    let (ended, screen) = terminal.end();
    assert_eq!(ended, Some(1), "{screen}");
    assert!(screen.contains("six digits") && screen.contains("AWS did not take the MFA code"), "{screen}");
    assert_eq!(calls(&home, "GetSessionToken"), 3, "what is no code is not sent: {screen}");
    the_next_login_works(&home);
}

#[test]
fn the_programs_input_and_output_are_not_the_terminals_and_stay_whole() {
    let home = with_mfa();
    let (fifo, out) = (home.scratch("fifo"), home.scratch("out"));
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|number| number.to_le_bytes()).collect();
    let (sent, to) = (bytes.clone(), fifo.clone());
    let writer = std::thread::spawn(move || std::fs::write(to, sent).unwrap());
    let args = format!("exec default -- cat <'{}' >'{}'", fifo.display(), out.display());
    let mut terminal = Terminal::open(&home, &args, &[]);
    terminal.expect("for default: ");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    writer.join().unwrap();
    assert_eq!(ended, Some(0), "{screen}");
    assert!(std::fs::read(&out).unwrap() == bytes, "the bytes of the pipe are the program's: {screen}");
}

#[test]
fn in_the_background_nobody_is_asked_and_nothing_stops() {
    let home = with_mfa();
    for (args, ended) in [("login default", 20), ("exec default -- echo ran", 125), ("credential-process default", 20)] {
        let line = format!("set -m; {{}} {args} & wait $!; echo \"ended $?\"");
        let (_, screen) = Terminal::of_line(&home, 0, &line, &[("NO_COLOR", "1")]).end();
        assert!(screen.contains(&format!("ended {ended}")) && screen.contains("nobody can be asked"), "{args}: {screen}");
        assert!(!screen.contains("ran\r") && !screen.contains("MFA code of"), "{args}: {screen}");
    }
    the_next_login_works(&home);
}

#[test]
fn without_a_terminal_nobody_is_asked_and_the_command_to_run_is_told() {
    let home = with_mfa();
    for (args, code) in [(&["login"][..], 20), (&["exec", "--", "true"], 125), (&["env"], 20), (&["credential-process", "default"], 20)] {
        let run = Run { prefix: vec!["setsid".to_owned(), "--wait".to_owned()], ..Run::new(args) };
        let output = home.run_with(&run);
        assert_eq!((output.code, output.stdout.as_str()), (Some(code), ""), "{args:?} {}", output.stderr);
        assert!(output.stderr.contains("run `keyrotate login default` in a terminal"), "{args:?} {}", output.stderr);
    }
    assert_eq!(home.lab.calls().len(), 0);
}

#[test]
fn the_code_is_asked_for_in_lines_that_fit() {
    let home = with_mfa();
    let mut terminal = Terminal::of_columns(&home, 40, "login default", &[("NO_COLOR", "1")]);
    terminal.expect("default: ");
    let screen = terminal.screen();
    // A device's name is whole, so that it can be copied.
    let fits = |line: &str| line.chars().count() <= 40 || !line.trim().contains(' ');
    let asked: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("MFA code")).collect();
    assert!(asked.len() > 1 && asked.iter().all(|line| fits(line)), "{asked:#?}");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.lines().all(|line| fits(line.trim_end())), "{screen}");
}

#[test]
fn where_a_policy_wants_mfa_one_code_is_asked_for_before_the_confirmation() {
    let home = start(Settings { force_mfa: true, ..Settings::default() });
    home.holds(home.path().join(".cache/keyrotate/sessions"));
    let mut terminal = Terminal::open(&home, "rotate", &[]);
    terminal.expect("MFA code of arn:aws:iam::000000000000:mfa/dev for default: ");
    terminal.press(&format!("{}\n", home.lab.code("dev").unwrap()));
    terminal.expect("(y = rotate, n = leave it)");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("is now") && screen.matches("MFA code of").count() == 1, "{screen}");
    assert_eq!((calls(&home, "GetSessionToken"), home.lab.live_keys("dev").len()), (1, 1));
}
