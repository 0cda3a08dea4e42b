//! Questions about a key, and what is an answer.

use crate::bench::{LIMIT, Terminal, calls, start};
use crate::home::{Home, one_line};
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

#[test]
fn a_rotation_is_confirmed_first_and_no_leaves_the_key() {
    let home = start(Settings::default());
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("(y = rotate, n = leave it) [y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains(&home.old.id) && screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.told(), "");
}

#[test]
fn a_question_fits_the_terminal_and_ends_in_room_for_the_answer() {
    let home = start(Settings::default());
    let mut terminal = Terminal::of_columns(&home, 40, "rotate default", &[("NO_COLOR", "1")]);
    terminal.expect("[y]: ");
    let screen = terminal.screen();
    let lines: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("rotate ")).collect();
    assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() < 40), "{lines:#?}");
    assert!(lines[1..].iter().all(|line| line.starts_with("  ")), "a hanging indent: {lines:#?}");
    let whole = lines.iter().map(|line| line.trim_start()).collect::<Vec<_>>().join(" ");
    assert!(whole.starts_with(&format!("rotate {} of dev in account 000000000000 (", home.old.id)), "{whole}");
    assert!(whole.ends_with(")? (y = rotate, n = leave it) [y]: "), "{whole:?}");
    terminal.press("n\n");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn the_question_says_what_becomes_of_the_old_key() {
    for (words, fate) in [
        ("rotate default", "is deleted at the end"),
        ("rotate default --grace 7d", "stays, inactive, for 7d"),
        ("rotate default --grace next", "stays, inactive, until the next rotation"),
    ] {
        let home = start(Settings::default());
        let mut terminal = Terminal::open(&home, words, &[("NO_COLOR", "1")]);
        terminal.expect("[y]: ");
        let asked = one_line(&terminal.screen());
        assert!(asked.contains(&format!("; {} {fate})? (y", home.old.id)), "{words}: {asked}");
        terminal.press("n\n");
        assert_eq!(terminal.end().0, Some(0));
    }
}

#[test]
fn making_a_secret_is_part_of_the_question_and_no_makes_none() {
    for (answer, is_yes) in [("n\n", false), ("y\n", true)] {
        let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
        std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
        let target = "[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"prod/ci\"\n";
        home.write(".config/keyrotate/config.toml", target);
        let mut terminal = Terminal::open(&home, "rotate default --create-secret", &[("NO_COLOR", "1")]);
        terminal.expect("[y]: ");
        let asked = one_line(&terminal.screen());
        assert!(asked.contains(&format!("rotate {} of dev", home.old.id)), "{asked}");
        assert!(asked.contains("; secret prod/ci in us-east-1 is made first)? (y = rotate, n = leave it) [y]"), "{asked}");
        assert_eq!((calls(&home, "CreateSecret"), calls(&home, "CreateAccessKey")), (0, 0));
        terminal.press(answer);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        let made = usize::from(is_yes);
        assert_eq!((calls(&home, "CreateSecret"), calls(&home, "CreateAccessKey")), (made, made), "{screen}");
        assert_eq!(screen.contains("made secret prod/ci in us-east-1"), is_yes, "{screen}");
        assert_eq!(screen.contains("was left as it is"), !is_yes, "{screen}");
        assert_eq!(home.lab.world().secrets.len(), made);
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore)]);
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    assert!(home.lab.wait_paused(LIMIT));
    terminal.press("typed early\n\n");
    terminal.expect("typed early");
    home.lab.release(false);
    terminal.expect("[y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.told(), "");
}

#[test]
fn an_unknown_answer_is_told_what_is_one_and_a_word_is_one() {
    let home = start(Settings::default());
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[y]");
    terminal.press("maybe\n");
    terminal.expect("answer y or n");
    terminal.press("No\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
}

#[test]
fn enter_rotates_and_the_wait_is_shown() {
    let home = start(Settings { propagation: (0.4, 0.8), ..Settings::default() });
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[y]");
    terminal.press("\n");
    terminal.expect("waiting until AWS accepts the new key");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("is deleted"), "{screen}");
    assert_eq!(home.told(), "");
}

#[test]
fn an_undo_is_confirmed_first_and_enter_is_yes() {
    let home = start(Settings::default());
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]).code, Some(0));
    let new = home.lab.live_keys("dev").pop().expect("a key").id;
    let mut terminal = Terminal::open(&home, "undo default", &[]);
    terminal.expect("(y = undo, n = leave it) [y]");
    assert!(terminal.screen().contains(&format!("put {} of dev", home.old.id)), "{}", terminal.screen());
    assert!(terminal.screen().contains(&format!("the new key {new} (")), "{}", terminal.screen());
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "UpdateAccessKey"), 1, "{screen}");
    let mut terminal = Terminal::open(&home, "undo default", &[]);
    terminal.expect("[y]");
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("is Active again"), "{screen}");
    let told: Vec<(String, Status)> = home.lab.live_keys("dev").into_iter().map(|key| (key.id, key.status)).collect();
    assert_eq!(told, [(home.old.id.clone(), Status::Active), (new, Status::Inactive)]);
    assert_eq!(home.told(), "");
}

#[test]
fn nothing_is_asked_where_nobody_can_answer() {
    let home = start(Settings::default());
    let output = home.run(&["rotate", "default"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    home.finish("afterwards", &output);
    assert_eq!(home.told(), "");
}

#[test]
fn a_timer_is_shown_and_confirmed_before_it_is_written() {
    let home = start(Settings::default());
    let programs = home.scratch("programs");
    std::fs::create_dir(&programs).unwrap();
    let systemctl = programs.join("systemctl");
    std::fs::write(&systemctl, "#!/bin/sh\n[ \"$2\" != show ] || echo ActiveState=active\n").unwrap();
    std::fs::set_permissions(&systemctl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let unit = home.path().join(".config/systemd/user/keyrotate.timer");
    for (answer, said, is_there) in [("n\n", "nothing was changed", false), ("y\n", "systemd user timer", true)] {
        let mut terminal = Terminal::open(&home, "timer install --force --kind systemd", &[("PATH", &path)]);
        terminal.expect("install this timer?");
        assert!(terminal.screen().contains("OnCalendar=daily") && !unit.exists(), "{}", terminal.screen());
        terminal.press(answer);
        let (code, screen) = terminal.end();
        assert!(code == Some(0) && screen.contains(said), "{screen}");
        assert_eq!(unit.exists(), is_there);
    }
    // What is there already needs no answer.
    let (code, screen) = Terminal::open(&home, "timer install --force --kind systemd", &[("PATH", &path)]).end();
    assert!(code == Some(0) && screen.contains("is there already") && !screen.contains("install this timer?"), "{screen}");
}
