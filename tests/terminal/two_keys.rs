//! Questions where a user has two keys.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{Terminal, calls, start};
use crate::home::Home;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::{Key, Settings};

#[test]
fn a_key_whose_answer_was_lost_is_shown_and_deleted_when_the_person_says_so() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::DropAfter)]);
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[y]");
    terminal.press("y\n");
    terminal.expect("Delete it and go on?");
    terminal.press("y\n");
    let (_, screen) = terminal.end();
    assert_eq!(calls(&home, "DeleteAccessKey"), 1, "{screen}");
    let again = home.run(&["rotate", "default", "--no-input"]);
    home.finish("afterwards", &again);
    assert_eq!((again.code, home.told().as_str()), (Some(0), ""), "{screen}{}", again.stderr);
}

#[test]
fn a_second_key_is_deleted_only_when_the_person_says_so() {
    let home = start(Settings::default());
    let second = {
        let mut world = home.lab.world();
        let user = world.keys.iter().find(|key| key.id == home.old.id).unwrap().user;
        let key = world.add_settled_key(user);
        world.set_status(&key.id, Status::Inactive);
        key.id
    };
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("Delete it? (y = delete it, n = leave it alone) [n]");
    // Some turns of the spinner, which is off the line and stands still as long as the question does.
    std::thread::sleep(Duration::from_millis(400));
    let shown = terminal.screen();
    assert!(shown.ends_with("[n]: "), "{shown:?}");
    let line = shown.rsplit('\n').next().unwrap_or_default();
    assert!(line.rsplit("\r\x1b[2K").next().is_some_and(|line| line.starts_with("the user has a second key")), "{shown:?}");
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(10), "{screen}");
    assert_eq!(calls(&home, "DeleteAccessKey"), 0);
    assert!(screen.contains(&format!("--delete-key {second}")), "{screen}");
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[n]");
    terminal.press("y\n");
    terminal.expect("[y]");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(home.told(), "");
}

#[test]
fn a_key_that_was_named_for_deletion_stays_when_the_rotation_is_declined() {
    let home = start(Settings::default());
    let second = home.lab.world().add_settled_key(home.old.user).id;
    let mut terminal = Terminal::open(&home, &format!("rotate default --delete-key {second}"), &[]);
    terminal.expect(&format!("{second} is deleted first"));
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!((code, calls(&home, "DeleteAccessKey")), (Some(0), 0), "{screen}");
}

/// A third profile has a younger key of the same user; the user has no place for another one.
fn two_keys_in_use() -> (Arc<Home>, Key) {
    let home = start(Settings::default());
    let younger = {
        let mut world = home.lab.world();
        let user = home.old.user;
        let mut key = world.add_settled_key(user);
        // Dates of IAM have no fraction of a second.
        key.created_at += 10.0;
        world.keys.iter_mut().find(|made| made.id == key.id).unwrap().created_at = key.created_at;
        key
    };
    home.write(
        ".aws/config",
        &format!("[profile extra]\naws_access_key_id = {}\naws_secret_access_key = {}\n", younger.id, younger.secret),
    );
    (home, younger)
}

fn file(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.path().join(name)).unwrap()
}

#[test]
fn two_keys_in_use_here_are_united_on_the_younger_one_when_the_person_says_so() {
    for profile in ["default", "extra"] {
        let (home, younger) = two_keys_in_use();
        let mut terminal = Terminal::open(&home, &format!("rotate {profile}"), &[]);
        terminal.expect(&format!("Move everything here to {} and delete {}?", younger.id, home.old.id));
        terminal.press("y\n");
        terminal.expect("(y = rotate, n = leave it) [y]");
        terminal.press("y\n");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        let live: Vec<String> = home.lab.live_keys("dev").into_iter().map(|key| key.id).collect();
        assert_eq!(live, [younger.id.as_str()], "{screen}");
        let (credentials, config) = (file(&home, ".aws/credentials"), file(&home, ".aws/config"));
        assert!(credentials.contains(&younger.secret) && !credentials.contains(&home.old.id), "{screen}");
        assert!(config.contains(&younger.secret), "{screen}");
        assert_eq!(calls(&home, "CreateAccessKey"), 0, "{screen}");
        home.look("afterwards");
        assert_eq!(home.told(), "");
    }
}

#[test]
fn two_keys_in_use_here_are_left_alone_when_the_person_says_no() {
    for keys in ["n\n", "\n"] {
        let (home, younger) = two_keys_in_use();
        let before = (file(&home, ".aws/credentials"), file(&home, ".aws/config"));
        let mut terminal = Terminal::open(&home, "rotate default", &[]);
        terminal.expect("(y = move and delete, n = leave it alone) [n]");
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(10), "{screen}");
        assert!(screen.contains(&younger.id) && screen.contains("stays"), "{screen}");
        for action in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
            assert_eq!(calls(&home, action), 0, "{screen}");
        }
        assert_eq!((file(&home, ".aws/credentials"), file(&home, ".aws/config")), before);
        let live = home.lab.live_keys("dev");
        assert!(live.len() == 2 && live.iter().all(|key| key.status == Status::Active));
    }
}

#[test]
fn a_yes_to_uniting_and_a_no_to_rotating_leaves_everything() {
    let (home, _) = two_keys_in_use();
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[n]");
    terminal.press("y\n");
    terminal.expect("(y = rotate, n = leave it) [y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(home.lab.live_keys("dev").iter().filter(|key| key.status == Status::Active).count(), 2, "{screen}");
    assert!(file(&home, ".aws/credentials").contains(&home.old.id));
}
