//! A journal entry that is torn, damaged, of another format or from another machine: said by name, and kept.

use std::path::PathBuf;

use crate::bench::{ROTATE, changes, each, rotated, safe, start, told};
use crate::home::{Home, Run};
use crate::lab::faults::Fault;
use crate::lab::{Rule, Verdict};

/// What becomes of an entry's text.
type Damage = fn(String) -> String;

/// Killed while the new key was tried: both pairs are in the journal.
fn interrupted() -> (std::sync::Arc<Home>, PathBuf) {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.kill_at_pause = true;
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseAfter).nth(3)]);
    assert_eq!(home.run_with(&run).code, None);
    home.lab.rules(Vec::new());
    let journal = home.path().join(".local/state/keyrotate/journal");
    let entry =
        std::fs::read_dir(journal).unwrap().flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "json"));
    (home, entry.expect("an entry"))
}

#[test]
fn an_entry_that_cannot_be_read_is_named_and_kept_and_nothing_is_rotated() {
    let damage: [(&str, Damage); 4] = [
        ("another format", |text| text.replacen("keyrotate-journal 1 ", "keyrotate-journal 0 ", 1)),
        ("cut", |text| text[..text.len().min(300)].to_owned()),
        ("empty", |_| String::new()),
        ("one byte", |text| text.replacen("dev", "dew", 1)),
    ];
    each(&damage, |(_, damage)| {
        let (home, entry) = interrupted();
        let broken = damage(std::fs::read_to_string(&entry).unwrap());
        std::fs::write(&entry, &broken).unwrap();
        let before = changes(&home.lab).len();
        let output = home.run(ROTATE);
        told(&output, 1);
        assert!(output.stderr.contains(entry.file_name().unwrap().to_str().unwrap()), "{}", output.stderr);
        assert_eq!(changes(&home.lab).len(), before, "a rotation went on without its journal");
        assert_eq!(std::fs::read_to_string(&entry).unwrap(), broken, "the entry was not kept");
        assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes);
        safe(&home);
    });
}

#[test]
fn a_torn_spare_is_no_hindrance() {
    let (home, entry) = interrupted();
    std::fs::write(entry.with_extension("spare"), "torn").unwrap();
    rotated(&home, &home.run(ROTATE));
}

#[test]
fn an_interrupted_rotation_is_finished_by_the_same_command() {
    let (home, _) = interrupted();
    let output = home.run(ROTATE);
    rotated(&home, &output);
    assert_eq!(changes(&home.lab).iter().filter(|action| *action == "CreateAccessKey").count(), 1);
}

#[test]
fn a_dry_run_tells_what_is_under_way_and_leaves_it() {
    let (home, entry) = interrupted();
    let before = std::fs::read(&entry).unwrap();
    let output = home.run(&["rotate", "default", "--dry-run", "--no-input"]);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("under way"), "{said}");
    assert_eq!((std::fs::read(&entry).unwrap(), changes(&home.lab).len()), (before, 1));
    safe(&home);
}

#[test]
fn a_finished_rotation_leaves_no_secret_in_the_state_directory() {
    let home = start();
    rotated(&home, &home.run(ROTATE));
    let state = home.path().join(".local/state/keyrotate");
    let found =
        std::process::Command::new("grep").args(["-rlE", &home.lab.secrets().join("|").replace('+', "\\+")]).arg(&state).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    assert_eq!(std::fs::read_dir(state.join("journal")).unwrap().count(), 0, "an entry was left");
}
