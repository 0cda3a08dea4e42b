//! A removal that waits: what other commands say of it, and what they leave alone.

use super::{ACCOUNT, Boss, CODE, CONFIRM, REMOVE, WAIT, one_line, told};
use crate::home::Home;
use crate::lab::key::Status;

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
        let text = one_line(&status.stdout);
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
        let text = one_line(&output.stderr);
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
        let text = one_line(&screen);
        assert!(text.contains(&format!("run `keyrotate {REMOVE}` again")) && !text.contains("keyrotate login"), "{keys:?}: {text}");
        assert!(!screen.contains(WAIT), "{screen}");
        boss.is_as_before(&screen);
    }
}

/// A removal that waits, of a key that the profile does not have any more, and files that give the profile another one.
fn with_another_key() -> Boss {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    let other = {
        let mut world = boss.home.lab.world();
        let at = world.keys.iter().position(|key| key.id == boss.keys[0].id).expect("the key");
        let user = world.keys[at].user;
        world.add_settled_key(user)
    };
    let config = boss.config.replace(&boss.keys[0].id, &other.id).replace(&boss.keys[0].secret, &other.secret);
    boss.home.write(".aws/config", &config);
    Boss { config, ..boss }
}

#[test]
fn logout_keeps_it_also_where_the_profile_has_another_key() {
    for args in [&["logout", "--all"][..], &["logout", "boss"]] {
        let boss = with_another_key();
        let output = boss.home.run(args);
        told(&output, 10, &format!("the session of {} (boss) is kept", boss.keys[0].id));
        assert_eq!(sessions(&boss.home), 1, "{args:?}");
    }
}

#[test]
fn logout_keeps_the_session_of_what_is_written_down_and_cannot_be_read() {
    for args in [&["logout", "--all"][..], &["logout", "boss"]] {
        for content in ["keyrotate-journal 9 0\n", "damaged"] {
            let boss = Boss::new(1, true);
            boss.waiting("").kill();
            let name = format!("{}.json", boss.keys[0].id);
            std::fs::write(boss.folder().join(&name), content).unwrap();
            let output = boss.home.run(args);
            told(&output, 10, &format!("the session of {} is kept", boss.keys[0].id));
            told(&output, 10, &name);
            assert_eq!(sessions(&boss.home), 1, "{args:?} {content}");
        }
    }
}

/// Changes the session that is kept.
fn change_session(home: &Home, change: impl Fn(&mut serde_json::Value)) {
    let files = std::fs::read_dir(home.path().join(".cache/keyrotate/sessions")).unwrap().flatten().map(|file| file.path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "json")).expect("a session");
    let mut session = serde_json::from_slice(&std::fs::read(&file).unwrap()).expect("JSON");
    change(&mut session);
    std::fs::write(file, session.to_string()).unwrap();
}

#[test]
fn logout_says_when_the_session_itself_ends_and_keeps_none_that_could_not_sign() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    change_session(&boss.home, |session| {
        let end = chrono::DateTime::parse_from_rfc3339(session["expires_at"].as_str().expect("an end")).expect("a time");
        session["expires_at"] = (end - chrono::TimeDelta::minutes(7)).to_rfc3339().into();
    });
    let status = one_line(&boss.home.run(&["status", "boss", "--offline"]).stdout);
    let end = status.split("open until ").nth(1).and_then(|rest| rest.split(", for").next()).expect("the session's end");
    told(&boss.home.run(&["logout", "--all"]), 10, &format!("it ends at {end}"));
    change_session(&boss.home, |session| session["request"]["mfa_serial"] = serde_json::Value::Null);
    assert_eq!((boss.home.run(&["logout", "--all"]).code, sessions(&boss.home)), (Some(0), 0), "nothing signs with it");
}

#[test]
fn what_is_no_removal_of_this_key_is_in_nobodys_way() {
    let boss = Boss::new(1, true);
    std::fs::create_dir_all(boss.folder()).unwrap();
    for name in ["notes.json", "AKIAEXAMPLE000000001.json"] {
        std::fs::write(boss.folder().join(name), "not an entry").unwrap();
    }
    let status = boss.home.run(&["status", "boss"]);
    let text = one_line(&status.stdout) + &one_line(&status.stderr);
    assert!(text.contains("AKIAEXAMPLE000000001.json") && text.contains("has no secret"), "{text}");
    assert!(!text.contains("secret access key") && !text.contains("until every profile's key is known to work"), "{text}");
    let own = boss.folder().join(format!("{}.json", boss.keys[0].id));
    std::fs::write(&own, "not an entry").unwrap();
    told(&boss.home.run(&["root-key", "remove", "boss", "--admin", "default"]), 1, &format!("{}.json", boss.keys[0].id));
    std::fs::remove_file(&own).unwrap();
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!((code, boss.status(), boss.config()), (Some(0), Status::Deleted, boss.config_after()), "{screen}");
    assert_eq!(boss.written_down(), 2, "what is not ours stays");
}
