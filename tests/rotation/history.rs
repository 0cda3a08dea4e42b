//! `history`: every rotation that ended, in order, in words and in JSON; it asks nobody, tells what it cannot read, and shows no secret and
//! nothing that moves a cursor.

use std::sync::Arc;

use crate::bench::{hurried, new_key, start, told};
use crate::home::{Home, Output, Problem, Run};

const FILE: &str = ".local/state/keyrotate/history.jsonl";

fn history(home: &Home, args: &[&str]) -> Output {
    let calls = home.lab.calls().len();
    let output = home.run(&[&["history"], args].concat());
    assert_eq!(home.lab.calls().len(), calls, "it asked AWS");
    assert!(!home.found().contains_key(&Problem::Leak), "{}", home.told());
    output
}

fn json(home: &Home, args: &[&str]) -> serde_json::Value {
    let output = history(home, &[&["--json"], args].concat());
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    serde_json::from_str(&output.stdout).expect("JSON")
}

fn rotate(home: &Home, profile: &str, grace: &str) -> String {
    let output = hurried(home, &["rotate", profile, "--yes", "--no-input", "--grace", grace]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    home.lab.world().keys.last().expect("a key").id.clone()
}

/// Rotated, rotated and undone, another's key rotated, and rotated again.
fn eventful() -> (Arc<Home>, [String; 4]) {
    let home = start();
    let first = rotate(&home, "default", "0s");
    let second = rotate(&home, "default", "7d");
    assert_eq!(hurried(&home, &["undo", "work", "--yes", "--no-input"]).code, Some(0));
    let others = rotate(&home, "other", "0s");
    let last = rotate(&home, "default", "0s");
    (home, [first, second, others, last])
}

#[test]
fn each_rotation_is_a_line_and_the_newest_is_the_last() {
    let (home, [first, second, others, last]) = eventful();
    let output = history(&home, &[]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = output.stdout.lines().collect();
    let (old, other) = (&home.old.id, &home.other.id);
    let wanted = [
        (format!("{old} -> {first}"), "rotated, the old key is deleted"),
        (format!("{first} -> {second}"), "undone, the old key is in use again: a person decided so"),
        (format!("{other} -> {others}"), "rotated"),
        (format!("{first} -> {last}"), &format!("rotated, the old key is deleted: {second} was deleted before it")),
    ];
    assert_eq!(lines.len(), wanted.len(), "{}", output.stdout);
    for (line, (ids, what)) in lines.iter().zip(&wanted) {
        assert!(line.starts_with("20") && line.contains(ids) && line.contains(what) && line.contains(" s  "), "{line}");
    }
    assert!(lines[0].contains("dev (") && lines[2].contains("other ("), "{}", output.stdout);
    assert_eq!(history(&home, &["--limit", "2"]).stdout, format!("{}\n{}\n", lines[2], lines[3]));
    assert_eq!(history(&home, &["--limit", "0"]).code, Some(2));
}

#[test]
fn a_profile_has_the_rotations_of_its_key_back_to_the_first() {
    let (home, [first, second, others, last]) = eventful();
    for profile in ["default", "work"] {
        let text = history(&home, &[profile]).stdout;
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!([&home.old.id, &first, &second, &last].iter().all(|id| text.contains(*id)) && !text.contains(&others), "{text}");
    }
    let text = history(&home, &["other"]).stdout;
    assert!(text.lines().count() == 1 && text.contains(&others), "{text}");
    assert_eq!(history(&home, &["other", "work"]).stdout, history(&home, &[]).stdout);
    told(&history(&home, &["nobody"]), 1);
    // The files are gone, and the history remembers what the profile had.
    std::fs::remove_dir_all(home.path().join(".aws")).unwrap();
    assert_eq!(history(&home, &["default"]).stdout.lines().count(), 3);
    assert_eq!(history(&home, &[]).stdout.lines().count(), 4);
}

#[test]
fn the_json_has_all_of_it_in_utc() {
    let (home, [first, second, _, last]) = eventful();
    let value = json(&home, &["default"]);
    assert_eq!((value["version"].as_u64(), value["unreadable_lines"].as_u64()), (Some(1), Some(0)));
    let rotations = value["rotations"].as_array().expect("an array");
    let names = ["old_access_key_id", "new_access_key_id", "outcome", "ended_by"];
    let words: Vec<[&str; 4]> = rotations.iter().map(|one| names.map(|name| one[name].as_str().unwrap())).collect();
    let wanted =
        [[home.old.id.as_str(), &first, "rotated", "rotate"], [&first, &second, "undone", "undo"], [&first, &last, "rotated", "rotate"]];
    assert_eq!(words, wanted);
    let deleted: Vec<Option<&str>> = rotations.iter().map(|one| one["deleted_first"].as_str()).collect();
    assert_eq!(deleted, [None, None, Some(second.as_str())]);
    let one = &rotations[0];
    for name in ["started_at", "ended_at", "old_created_at"] {
        let time = one[name].as_str().expect("a time");
        assert!(time.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{name}: {time}");
    }
    assert_eq!((one["user_name"].as_str(), one["profile"].as_str()), (Some("dev"), Some("default")));
    assert!(one["files"][0].as_str().is_some_and(|file| file.ends_with(".aws/credentials")), "{one}");
    assert!(one["arn"].as_str().is_some_and(|arn| arn.contains(one["account"].as_str().unwrap())), "{one}");
    assert_eq!(json(&home, &["--limit", "1"])["rotations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn without_a_history_it_says_so() {
    let home = start();
    for args in [&[][..], &["default"]] {
        let output = history(&home, args);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
        assert!(output.stdout.contains("has ended here yet"), "{}", output.stdout);
    }
    assert_eq!(json(&home, &[])["rotations"], serde_json::json!([]));
    assert!(!home.path().join(".local/state/keyrotate").exists(), "it only reads");
}

#[test]
fn a_rotation_that_rests_is_told_to_be_not_over() {
    let home = start();
    rotate(&home, "default", "7d");
    let output = history(&home, &["work"]);
    assert_eq!(output.code, Some(0));
    assert!(output.stdout.contains(&format!("a rotation of {} is not over", home.old.id)), "{}", output.stdout);
    assert!(!history(&home, &["other"]).stdout.contains("not over"));
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_the_others_shown() {
    let home = start();
    rotate(&home, "default", "0s");
    let whole = std::fs::read_to_string(home.path().join(FILE)).unwrap();
    home.write(FILE, &format!("{{\"rotation\":\"torn\n{whole}\n{{\"format\":9}}\n\u{1b}[2J\n"));
    for args in [&[][..], &["--json"]] {
        let output = history(&home, args);
        assert_eq!(output.code, Some(0));
        assert!(output.stdout.contains(&new_key(&home).id), "{}", output.stdout);
        assert!(output.stderr.contains("warning: 3 lines of ") && output.stderr.contains("history.jsonl"), "{}", output.stderr);
    }
    std::fs::remove_file(home.path().join(FILE)).unwrap();
    std::fs::create_dir(home.path().join(FILE)).unwrap();
    told(&history(&home, &[]), 1);
}

#[test]
fn nothing_in_a_line_moves_a_cursor() {
    let home = start();
    rotate(&home, "default", "0s");
    let whole = std::fs::read_to_string(home.path().join(FILE)).unwrap();
    let mut line: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let foul = "\u{1b}[2J\u{9b}31m\u{202e}\r\n";
    line["host"] = format!("attic{foul}").into();
    line["profile"] = foul.into();
    line["files"] = serde_json::json!([foul]);
    line["user"] = format!("arn:aws:iam::111122223333:user/dev{foul}").into();
    line["end"] = serde_json::json!({"Undone": {"why": foul}});
    home.write(FILE, &format!("{line}\n"));
    for args in [&[][..], &["--json"]] {
        let output = history(&home, args);
        assert!(output.stdout.contains("attic"), "{}", output.stdout);
        let is_foul = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!output.stdout.contains(is_foul), "{:?}", output.stdout);
    }
}

#[test]
fn neither_an_endpoint_nor_home_files_are_needed() {
    let home = start();
    let mut run = Run::new(&["history"]);
    run.env = vec![("AWS_ENDPOINT_URL", "no url".to_owned()), ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere".to_owned())];
    run.env.extend([("AWS_PROFILE", "a".to_owned()), ("AWS_DEFAULT_PROFILE", "b".to_owned())]);
    assert_eq!(home.run_with(&run).code, Some(0));
}
