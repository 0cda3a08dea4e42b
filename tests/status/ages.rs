//! Ages and limits, and the exit codes that they make.

use crate::bench::{STATE, age, start, status};
use crate::home::Home;
use crate::lab::Settings;

#[test]
fn ages_decide_the_exit_code() {
    for (days, code, word) in [(3.0, 0, "3 days old, fine"), (80.0, 10, "80 days old, due"), (91.0, 11, "91 days old, overdue")] {
        let home = start(Settings::default());
        age(&home, days);
        let output = status(&home, &["status", "default"]);
        assert_eq!(output.code, Some(code), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(word) && output.stdout.contains(&home.old.id), "{}", output.stdout);
        assert!(output.stdout.contains("default, work") && !output.stdout.contains(&home.other.id), "{}", output.stdout);
        assert!(output.stdout.contains("dev in account 000000000000"), "{}", output.stdout);
        assert!(home.found().is_empty(), "{}", home.told());
    }
}

#[test]
fn settings_move_the_limits_and_the_strictest_profile_counts() {
    let home = start(Settings::default());
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", "[profile.work]\nmax_age = \"30d\"\n");
    age(&home, 26.0);
    assert_eq!(status(&home, &["status", "default"]).code, Some(10));
}

#[test]
fn bare_is_status_of_every_key_and_leaves_only_its_memory() {
    let home = start(Settings::default());
    let before = names(&home);
    let output = status(&home, &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains(&home.old.id) && output.stdout.contains(&home.other.id), "{}", output.stdout);
    assert_eq!(output.stdout.matches(&home.old.id).count(), 1, "grouped by key: {}", output.stdout);
    let left: Vec<_> = names(&home).into_iter().filter(|name| !before.contains(name) && name.is_file()).collect();
    assert_eq!(left, [home.path().join(STATE).join("observations.json")]);
}

/// Every name below HOME.
fn names(home: &Home) -> Vec<std::path::PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![home.path()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_limits_are_dates() {
    let home = start(Settings::default());
    let output = status(&home, &["status", "default"]);
    let line = output.stdout.lines().find(|line| line.contains("created:")).unwrap();
    let day = |text: &str| text.split('(').nth(1).is_some_and(|rest| rest.as_bytes()[10] == b')');
    let (due, overdue) = line.split_once("overdue").unwrap();
    assert!(due.contains("due at 75d (20") && day(due) && overdue.contains("past 90d (20") && day(overdue), "{line}");
}
