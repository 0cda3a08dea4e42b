//! What it looks like: JSON, and lines at a terminal.

use crate::bench::{DENIED, age, json, start, status};
use crate::home::{Home, Run};
use crate::lab::Settings;
use crate::lab::canary::Execs;
use crate::lab::faults::Rule;
use serde_json::Value;

#[test]
fn json_has_stable_names_utc_times_and_no_secret() {
    let home = start(Settings { keys: 2, root_keys: 1, ..Settings::default() });
    age(&home, 91.0);
    home.write(".aws/config", "[profile away]\nregion = eu-west-1\n");
    let output = status(&home, &["status", "--json"]);
    assert_eq!(output.code, Some(11), "{}", output.stderr);
    let value = json(&output);
    assert_eq!(value["version"], 1);
    assert!(value["observed_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{value}");
    let key = &value["keys"][0];
    assert_eq!(key["access_key_id"], home.old.id.as_str());
    assert_eq!(key["profiles"], serde_json::json!(["default", "work"]));
    assert_eq!((&key["age_days"], &key["status"]), (&Value::from(91), &Value::from("Active")));
    assert!(key["age_seconds"].as_u64().is_some_and(|seconds| seconds >= 91 * 86_400));
    assert_eq!(key["holders"].as_array().map(Vec::len), Some(2));
    assert_eq!((&key["user_name"], &key["root_keys"]["count"]), (&Value::from("dev"), &Value::from(1)));
    assert_eq!(key["findings"], serde_json::json!(["overdue", "root-keys"]));
    assert_eq!(key["second_keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(value["skipped"][0]["profile"], "away");
    assert_eq!(value["skipped"][0]["code"], "no-credentials");
}

/// What it prints in a terminal of so many columns, given by `script` of util-linux.
fn on_a_terminal(home: &Home, args: &str, columns: usize) -> String {
    let run = Run::new(&[]);
    let execs = home.execs(&run);
    let traced = execs.as_ref().map(Execs::prefix).unwrap_or_default().join(" ");
    let command = home.command(&run);
    let env = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let run = format!("stty cols {columns}; exec {traced} '{}' --quiet --color never {args}", env!("CARGO_BIN_EXE_keyrotate"));
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &run, "/dev/null"]).env_clear().envs(env).env("SHELL", "/bin/sh").env("TERM", "xterm");
    script.stdin(std::process::Stdio::null()).current_dir(home.path());
    let text = String::from_utf8_lossy(&script.output().expect("script, of util-linux").stdout).replace("\r\n", "\n");
    home.search(execs, &[("the screen", &text)]);
    text
}

#[test]
fn lines_fit_a_terminal_and_are_whole_elsewhere() {
    let home = start(Settings { keys: 2, ..Settings::default() });
    home.write(".aws/config", "[profile other]\nregion = b a d\n");
    home.lab.rules(vec![Rule::on("GetAccountSummary", DENIED).times(0)]);
    let text = on_a_terminal(&home, "status default", 80);
    let lines: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80 && line.trim_start().contains(' ')).collect();
    assert!(lines.iter().all(|line| line.contains("/.aws/")), "too long: {lines:#?}");
    assert!(text.contains("\n             ") && text.contains(&home.old.id), "labels keep a hanging indent: {text}");
    let text = on_a_terminal(&home, "status defualt", 40);
    assert!(text.lines().all(|line| line.chars().count() <= 40 || line.contains("/.aws/")), "{text}");
    assert!(text.contains("keyrotate: error: no profile defualt in\n/"), "{text}");
    let path = home.path().join(".aws/credentials").display().to_string();
    assert!(text.lines().any(|line| line == path), "the path is a line of its own: {text}");
    let whole = status(&home, &["status", "default"]).stdout;
    assert!(whole.lines().any(|line| line.chars().count() > 100), "{whole}");
}
