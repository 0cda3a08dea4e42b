//! Rotations under way.

use crate::bench::{STATE, start};
use crate::home::Run;
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

#[test]
fn a_rotation_that_was_killed_waits_for_the_next_run() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::PauseAfter)]);
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) };
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    for args in [&["status", "default"][..], &["status", "default", "--offline"], &["status", "default", "--json"]] {
        let output = home.run(args);
        assert_eq!(output.code, Some(10), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("run `keyrotate rotate default`"), "{}", output.stdout);
    }
    let credentials = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", "");
    for args in [&["status"][..], &["status", "default"]] {
        let stdout = home.run(args).stdout;
        assert!(stdout.contains(&format!("of {}, for the profile default", home.old.id)), "its file is empty: {stdout}");
    }
    home.write(".aws/credentials", &credentials);
    let entry = std::fs::read_dir(home.path().join(STATE).join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let entry = entry.into_iter().find(|path| path.extension().is_some_and(|ext| ext == "json")).unwrap();
    std::fs::write(&entry, "torn").unwrap();
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(10), "{}", output.stdout);
    assert!(output.stderr.contains("is damaged") && output.stderr.contains(&entry.display().to_string()), "{}", output.stderr);
}

#[test]
fn a_rotation_says_what_the_listing_says() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseAfter)]);
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) };
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    let (old, output) = (&home.old.id, home.run(&["status", "default"]));
    assert_eq!(output.code, Some(10), "{}", output.stdout);
    let line = |label: &str| output.stdout.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{}", output.stdout));
    assert!(line("second:").contains(&format!("{old} Inactive")), "{}", output.stdout);
    assert!(line("second:").ends_with("the old key of the rotation below"), "{}", output.stdout);
    assert!(line("rotation:").contains(&format!("AWS lists {old} as Inactive")), "{}", output.stdout);
    assert!(!output.stdout.contains("still active"), "{}", output.stdout);
}

#[test]
fn a_resting_rotation_says_the_way_back_and_the_way_out() {
    let home = start(Settings::default());
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]).code, Some(0));
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stdout.contains("`keyrotate undo default`"), "{}", output.stdout);
    assert!(output.stdout.contains("`keyrotate rotate default --grace 0s`"), "{}", output.stdout);
    assert!(output.stdout.contains("can be restored until"), "{}", output.stdout);
    assert_eq!(home.run(&["rotate", "default", "--grace", "0s", "--yes", "--no-input"]).code, Some(0));
    assert_eq!(home.lab.live_keys("dev").len(), 1);

    let home = start(Settings::default());
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "next"]).code, Some(0));
    assert!(home.run(&["status", "default"]).stdout.contains("`keyrotate undo default`"));
    assert_eq!(home.run(&["undo", "default", "--no-input"]).code, Some(0));
    assert_eq!(home.lab.live_keys("dev")[0].status, Status::Active);

    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("DeleteAccessKey", Fault::PauseBefore)]);
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) };
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    let output = home.run(&["status", "default"]);
    assert_eq!(output.code, Some(10), "{}", output.stdout);
    assert!(!output.stdout.contains("restored until") && output.stdout.contains("run `keyrotate rotate default`"), "{}", output.stdout);
}
