//! Ctrl-C in a rotation.

use std::time::Duration;

use crate::bench::{LIMIT, Terminal, calls, start};
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};

#[test]
fn ctrl_c_before_there_is_anything_to_finish_ends_it_at_once() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore)]);
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    assert!(home.lab.wait_paused(LIMIT));
    terminal.press("\x03");
    let (code, screen) = terminal.end();
    assert_ne!(code, Some(0), "{screen}");
    home.lab.release(true);
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.told(), "");
}

#[test]
fn ctrl_c_in_the_middle_stops_cleanly_and_says_how_to_go_on() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::PauseAfter)]);
    let mut terminal = Terminal::open(&home, "rotate default --yes", &[]);
    assert!(home.lab.wait_paused(LIMIT));
    terminal.press("\x03");
    std::thread::sleep(Duration::from_millis(200));
    home.lab.release(false);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(screen.contains("stopped by SIGINT") && screen.contains("run `keyrotate rotate default` again"), "{screen}");
    let resumed = home.run(&["rotate", "default", "--no-input"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    home.finish("after the resume", &resumed);
    assert_eq!(home.told(), "");
    assert_eq!(calls(&home, "CreateAccessKey"), 1, "the key that was made is the one in use");
}

#[test]
fn ctrl_c_at_the_question_says_how_things_are() {
    let home = start(Settings::default());
    let asked = |words: &str, state: &str| {
        let mut terminal = Terminal::open(&home, words, &[]);
        terminal.expect("[y]: ");
        terminal.press("\x03");
        let (code, screen) = terminal.end();
        let said = crate::home::one_line(&screen);
        assert!(code == Some(130) && said.contains("stopped by SIGINT") && said.contains(state), "{words}: {code:?} {screen}");
    };
    asked("rotate default", "nothing was changed");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.run(&["rotate", "default", "--yes", "--grace", "7d"]).code, Some(0));
    asked("undo default", &format!("{} is inactive", home.old.id));
    assert_eq!(calls(&home, "UpdateAccessKey"), 1, "only the deactivation");
}
