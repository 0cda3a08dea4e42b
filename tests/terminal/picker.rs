//! The question for the profile.

use crate::bench::{Terminal, code, the_next_login_works, with_mfa};

#[test]
fn where_nothing_says_which_profile_the_person_picks_one_and_the_last_one_comes_first() {
    let home = with_mfa();
    let mut terminal = Terminal::open(&home, "login", &[("NO_COLOR", "1")]);
    terminal.expect("Which profile? A number, or a part of the name [1]: ");
    terminal.press("ork\n");
    terminal.expect("for work: ");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.contains("the session of work lasts"), "{screen}");
    let mut terminal = Terminal::open(&home, "exec -- sh -c 'echo on $KEYROTATE_PROFILE'", &[("NO_COLOR", "1")]);
    terminal.expect("1. work");
    // What is typed before the question is no answer to it.
    terminal.expect("[1]: ");
    terminal.press("\n");
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.contains("on work"), "{screen}");
    // Where something says which, or a program asks, nobody picks.
    for (args, env) in [
        ("exec default -- true", ("A", "")),
        ("exec -- true", ("AWS_PROFILE", "default")),
        ("env >/dev/null", ("AWS_DEFAULT_PROFILE", "work")),
        ("exec --no-input -- true", ("A", "")),
        ("credential-process work >/dev/null", ("A", "")),
    ] {
        let (ended, screen) = Terminal::open(&home, args, &[env]).end();
        assert!(ended == Some(0) && !screen.contains("Which profile"), "{args}: {screen}");
    }
    let mut terminal = Terminal::open(&home, "login", &[("NO_COLOR", "1")]);
    terminal.expect("1. default\r\n");
    terminal.expect("Which profile? A number, or a part of the name [1]: ");
    terminal.press("\x04");
    let (ended, screen) = terminal.end();
    assert!(ended == Some(1) && screen.contains("no profile was picked"), "{screen}");
    for args in ["login", "exec -- true", "env"] {
        let line = format!("trap : INT; stty -a >before; {{}} {args}; echo \"ended $?\"; stty -a >after; cmp before after");
        let mut terminal = Terminal::of_line(&home, 0, &line, &[("NO_COLOR", "1")]);
        terminal.expect("Which profile?");
        terminal.press("\x03");
        let (ended, screen) = terminal.end();
        // What is told begins a line of its own.
        assert!(ended == Some(0) && screen.contains("ended 130") && screen.contains("\nkeyrotate: error"), "{args}: {ended:?} {screen}");
    }
}

#[test]
fn a_person_picks_the_profile_of_the_shell_too() {
    let home = with_mfa();
    the_next_login_works(&home);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_keyrotate")).parent().unwrap().display().to_string();
    let path = format!("{folder}:/usr/bin:/bin");
    let line = "exec bash --norc -c 'eval \"$(keyrotate shell-init bash)\"; kr; echo \"on $KEYROTATE_PROFILE\"'";
    let mut terminal = Terminal::of_line(&home, 0, line, &[("PATH", &path)]);
    terminal.expect("Which profile?");
    terminal.press("work\n");
    terminal.expect("on work");
    // No program here was traced.
    terminal.execs = None;
    assert_eq!(terminal.end().0, Some(0));
}
