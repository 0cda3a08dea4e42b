//! A removal that waits: what other commands say of it, and what they leave alone.

use super::{ACCOUNT, Boss, CODE, CONFIRM, REMOVE, WAIT, words};
use crate::home::Home;

/// The sessions that are kept.
fn sessions(home: &Home) -> usize {
    let folder = std::fs::read_dir(home.path().join(".cache/keyrotate/sessions"));
    folder.into_iter().flatten().flatten().filter(|file| file.path().extension().is_some_and(|ext| ext == "json")).count()
}

#[test]
fn status_says_until_when_it_waits_and_what_goes_on_and_sends_nobody_to_an_administrator() {
    let boss = Boss::new(1, true);
    assert_eq!(boss.home.run(&["status", "boss"]).code, Some(11));
    boss.waiting("").kill();
    for args in [&["status", "boss"][..], &["status", "boss", "--offline"], &["status"]] {
        let status = boss.home.run(args);
        let text = words(&status.stdout);
        let until = text.split("open until ").nth(1).and_then(|rest| rest.split(", for").next()).expect("the session's end").to_owned();
        let removal = format!(
            "removal: is not finished: it may be inactive; run `keyrotate {REMOVE}`, which goes on; the session that signs ends at {until}"
        );
        assert!(text.contains(&removal), "{args:?}: {removal}: {text}");
        assert!(!text.contains("administrator") && !text.contains("--admin PROFILE"), "{args:?}: {text}");
    }
    let json = boss.home.run(&["status", "boss", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let removal = &json["keys"][0]["removal"];
    assert_eq!((&removal["profile"], &removal["hint"]), (&"boss".into(), &format!("run `keyrotate {REMOVE}`, which goes on").into()));
    assert_eq!(removal["signs_until"], json["keys"][0]["sessions"][0]["expires_at"]);
}

#[test]
fn logout_keeps_the_session_that_can_take_it_back_and_says_so() {
    for args in [&["logout", "--all"][..], &["logout", "boss"]] {
        let boss = Boss::new(1, true);
        boss.waiting("").kill();
        let output = boss.home.run(args);
        let text = words(&output.stderr);
        assert_eq!((output.code, sessions(&boss.home)), (Some(10), 1), "{text}");
        for said in [boss.keys[0].id.as_str(), "is kept", &format!("keyrotate {REMOVE}")] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let mut terminal = boss.open("");
        terminal.expect(CONFIRM);
        terminal.press(ACCOUNT);
        terminal.expect("is inactive: delete it?");
        terminal.press("n\n");
        let (code, screen) = terminal.end();
        assert_eq!((code, sessions(&boss.home)), (Some(0), 0), "{screen}");
        boss.is_as_before(&screen);
        assert_eq!(boss.home.run(args).code, Some(0), "nothing waits any more");
    }
}

#[test]
fn a_ctrl_c_at_the_code_names_the_command_that_was_stopped() {
    for keys in ["\x03", "\n", "\x04"] {
        let boss = Boss::new(1, true);
        let mut terminal = boss.open("");
        terminal.expect(CONFIRM);
        terminal.press(ACCOUNT);
        terminal.expect(CODE);
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(if keys == "\x03" { 130 } else { 1 }), "{keys:?} {screen}");
        let text = words(&screen);
        assert!(text.contains(&format!("run `keyrotate {REMOVE}` again")) && !text.contains("keyrotate login"), "{keys:?}: {text}");
        assert!(!screen.contains(WAIT), "{screen}");
        boss.is_as_before(&screen);
    }
}
