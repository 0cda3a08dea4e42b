//! HOMEs, and `audit` with what holds for every run of it.

use std::sync::Arc;

use serde_json::Value;

use crate::home::{Home, Output};
use crate::lab::Settings;

pub const DAY: f64 = 86_400.0;
pub const ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
pub const LITTLE: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;

/// Reads, the one that makes AWS write a report about what is, and the way to a role.
const READS: [&str; 5] = ["Get", "List", "Describe", "GenerateCredentialReport", "AssumeRole"];

pub fn start(settings: Settings) -> Arc<Home> {
    Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, true)
}

/// Runs it and checks what holds for every run of it.
pub fn audit(home: &Home, args: &[&str]) -> Output {
    let before = home.lab.calls().len();
    let files = files(home);
    let output = home.run(&[&["audit"], args].concat());
    home.look(&format!("after {args:?}"));
    for call in &home.lab.calls()[before..] {
        assert!(READS.iter().any(|read| call.action.starts_with(read)), "it called {}", call.action);
    }
    assert_eq!(self::files(home), files);
    output
}

fn files(home: &Home) -> Vec<Option<String>> {
    [".aws/credentials", ".aws/config", ".config/keyrotate/config.toml"]
        .map(|name| std::fs::read_to_string(home.path().join(name)).ok())
        .into()
}

/// Writes keyrotate's settings.
pub fn configure(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", text);
}

/// The findings as JSON.
pub fn findings(home: &Home, args: &[&str]) -> (Vec<Value>, Output) {
    let output = audit(home, &[args, &["--json"]].concat());
    let parsed: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr));
    assert_eq!(parsed["exit_code"], Value::from(output.code.unwrap()));
    (parsed["findings"].as_array().unwrap().clone(), output)
}

/// The levels of one check.
pub fn levels<'a>(findings: &'a [Value], check: &str) -> Vec<&'a str> {
    findings.iter().filter(|finding| finding["check"] == check).map(|finding| finding["level"].as_str().unwrap()).collect()
}

/// A user with a group, and nothing to be said against them: root without keys, the report without a use of it.
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    for column in ["password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"] {
        settings.root_row.insert(column.into(), "N/A".into());
    }
    settings
}

/// The user's group, with a little managed policy.
pub fn well(home: &Home) {
    let mut world = home.lab.world();
    let little = world.add_policy("/Little", LITTLE);
    let group = world.join("dev", "devs");
    group.policies.push("ReadOnlyAccess".into());
    group.policies.push(little);
}

/// So many days ago, as the report writes it.
pub fn report_day(days: i64) -> String {
    (chrono::Utc::now() - chrono::TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
