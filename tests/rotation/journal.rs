//! A journal entry that is torn, damaged, of another format or from another machine: said by name, and kept.

use std::path::{Path, PathBuf};

use crate::bench::{ROTATE, changes, credentials, rotated, safe, start, told};
use crate::home::{Home, Run};
use crate::lab::faults::Fault;
use crate::lab::parallel::each;
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

/// The entry with its body changed and its checksum right, at its old length.
fn resealed(text: &str, edit: impl FnOnce(&str) -> String) -> String {
    use sha2::Digest;
    let body = edit(text.lines().nth(1).expect("a body"));
    assert!(!text.contains(&body), "the edit found nothing");
    let sum: String = sha2::Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let sealed = format!("keyrotate-journal 1 {sum}\n{body}\n");
    let rest = " ".repeat(text.len() - sealed.len());
    sealed + &rest
}

/// Makes the entry another machine's; returns its text.
pub fn elsewhere(entry: &Path) -> String {
    let text = std::fs::read_to_string(entry).unwrap();
    let foreign = resealed(&text, |body| {
        let mut body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["machine"] = "0123456789abcdef0123456789abcdef".into();
        body["host"] = "attic".into();
        body.to_string()
    });
    std::fs::write(entry, &foreign).unwrap();
    foreign
}

#[test]
fn an_entry_that_cannot_be_read_is_named_and_kept_and_nothing_is_rotated() {
    let damage: [(&str, Damage); 7] = [
        ("an older format", |text| text.replacen("keyrotate-journal 1 ", "keyrotate-journal 0 ", 1)),
        ("a newer format", |text| text.replacen("keyrotate-journal 1 ", "keyrotate-journal 2 ", 1)),
        ("a state that is not known", |text| resealed(&text, |body| body.replacen(r#""state":"Created""#, r#""state":"Melted""#, 1))),
        ("no machine", |text| resealed(&text, |body| body.replacen(r#""machine":"#, r#""nowhere":"#, 1))),
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
        let shown = home.run(&["status", "default"]);
        let said = format!("{}{}", shown.stdout, shown.stderr);
        assert!(shown.code != Some(0) && said.contains(entry.file_name().unwrap().to_str().unwrap()), "{:?} {said}", shown.code);
        safe(&home);
    });
}

#[test]
fn an_entry_of_another_machine_is_refused_by_name_and_kept() {
    let (home, entry) = interrupted();
    let foreign = elsewhere(&entry);
    let before = changes(&home.lab).len();
    for args in [ROTATE, &["rotate", "work", "--yes", "--no-input"], &["rotate", "--resolve", &home.old.id, "back", "--yes", "--no-input"]]
    {
        let output = home.run(args);
        told(&output, 10);
        assert!(output.stderr.contains("another machine, attic"), "{}", output.stderr);
        assert!(output.stderr.contains("run `keyrotate rotate default` there"), "{}", output.stderr);
        assert!(output.stderr.contains(entry.file_name().unwrap().to_str().unwrap()), "{}", output.stderr);
    }
    assert_eq!(changes(&home.lab).len(), before, "AWS was changed");
    assert_eq!(std::fs::read_to_string(&entry).unwrap(), foreign, "the entry was not kept");
    assert!(credentials(&home).contains(&home.old.id));
    safe(&home);
}

#[test]
fn an_entry_of_a_machine_that_is_no_more_can_be_forgotten_and_a_dry_run_names_the_way() {
    let (home, entry) = interrupted();
    elsewhere(&entry);
    let way = format!("`keyrotate rotate --resolve {} forget`", home.old.id);
    let output = home.run(&["rotate", "default", "--dry-run"]);
    told(&output, 10);
    assert!(output.stderr.contains(&way), "{}", output.stderr);
    let output = home.run(&["rotate", "--resolve", &home.old.id, "forget", "--no-input"]);
    assert!(output.code == Some(0) && !entry.exists(), "{}", output.stderr);
    let kept = std::fs::read_dir(home.path().join(".local/state/keyrotate")).unwrap().flatten().map(|entry| entry.path());
    let kept = kept.filter_map(|path| std::fs::read_to_string(path).ok()).any(|text| text.contains(&home.old.secret));
    assert!(kept, "the pairs are lost");
}

#[test]
fn status_shows_an_entry_of_another_machine() {
    let (home, entry) = interrupted();
    elsewhere(&entry);
    let shown = home.run(&["status", "default"]);
    let said = format!("{}{}", shown.stdout, shown.stderr);
    assert!(said.contains("another machine, attic") && shown.code != Some(0), "{:?} {said}", shown.code);
}

#[test]
fn an_entry_of_another_machine_blocks_no_other_key() {
    let (home, entry) = interrupted();
    let foreign = elsewhere(&entry);
    let output = home.run(&["rotate", "other", "--yes", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains(&home.old.id) || output.stdout.contains(&home.old.id), "{}{}", output.stdout, output.stderr);
    let text = credentials(&home);
    let live = home.lab.live_keys("other");
    assert!(live.len() == 1 && text.contains(&live[0].secret) && !text.contains(&home.other.id));
    assert_eq!((text.matches(&home.old.secret).count(), std::fs::read_to_string(&entry).unwrap()), (2, foreign));
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
fn a_finished_rotation_leaves_no_entry() {
    let home = start();
    rotated(&home, &home.run(ROTATE));
    assert_eq!(std::fs::read_dir(home.path().join(".local/state/keyrotate/journal")).unwrap().count(), 0, "an entry was left");
}
