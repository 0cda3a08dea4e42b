//! An account with a trail and with alarms of somebody else, and what is looked at in it.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use crate::home::{Home, Output, Run};
use crate::lab::logs::MetricFilter;
use crate::lab::{Call, Settings};

/// The region of the trail's log group, which is neither the profile's nor that of IAM's events.
pub const REGION: &str = "eu-central-1";
pub const MAILBOX: &str = "security@example.com";
pub const INSTALL: &[&str] = &["install", "--email", MAILBOX, "--root", "--yes"];
pub const BY_RULE: &[&str] = &["install", "--email", MAILBOX, "--root", "--yes", "--via", "eventbridge"];
pub const REMOVE: &[&str] = &["remove", "--yes"];

/// What changes nothing.
const READS: [&str; 4] = ["Get", "List", "Describe", "Test"];

/// With a trail that will do, and somebody else's filter, alarm, topic and rule.
pub fn start() -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    home.write(".aws/config", "[default]\n");
    let mut world = home.lab.world();
    world.add_trail("main", REGION, Some("trail"));
    let group = world.add_log_group("trail", REGION);
    world.log_groups[group].filters.push(MetricFilter::new("theirs", "{ $.eventName = ConsoleLogin }"));
    let topic = world.add_topic("theirs", REGION);
    world.add_alarm("theirs", REGION, "theirs", &topic);
    let topic = world.add_topic("theirs", "us-east-1");
    world.add_rule("theirs", "us-east-1", "{\"source\":[\"aws.s3\"]}", &topic);
    drop(world);
    home
}

/// Runs `alarm`, and kills it where a call pauses; the test ends where it looks at a file that it should not, or a secret is seen.
pub fn alarm(home: &Home, args: &[&str]) -> Output {
    let words = [&["alarm"], args].concat();
    let mut run = Run::new(&words);
    run.env.push(("KEYROTATE_TIME_SCALE", "0.02".to_owned()));
    run.kill_at_pause = true;
    let output = home.run_with(&run);
    home.lab.release(true);
    output
}

#[track_caller]
pub fn well(home: &Home, args: &[&str]) -> Output {
    let output = alarm(home, args);
    // 10: a mailbox has not confirmed.
    assert!(matches!(output.code, Some(0 | 10)), "{args:?}: {output:?}");
    output
}

/// Everything that can be changed in the account, as text.
pub fn account(home: &Home) -> String {
    let world = home.lab.world();
    let mut text = String::new();
    for topic in &world.topics {
        let _ = writeln!(text, "{topic:#?}");
    }
    for group in &world.log_groups {
        let mut filters: Vec<String> = group.filters.iter().map(|filter| format!("{filter:#?}")).collect();
        filters.sort();
        let _ = writeln!(text, "{} {} {filters:#?}", group.name, group.region);
    }
    let mut alarms: Vec<String> = world.alarms.iter().map(|alarm| format!("{alarm:#?}")).collect();
    let mut rules: Vec<String> = world.event_rules.iter().map(|rule| format!("{rule:#?}")).collect();
    alarms.sort();
    rules.sort();
    let _ = writeln!(text, "{alarms:#?}\n{rules:#?}\n{:#?}", world.trails);
    text
}

/// How many things of the account have our name.
pub fn ours(home: &Home) -> usize {
    account(home)
        .lines()
        .filter(|line| line.trim_start().starts_with("name: \"keyrotate-") || line.contains(":keyrotate-alarms\","))
        .count()
}

/// The actions of these that change something.
pub fn writes(calls: &[Call]) -> Vec<String> {
    let of = |action: &String| !READS.iter().any(|read| action.starts_with(read));
    calls.iter().map(|call| call.action.clone()).filter(of).collect()
}

pub fn confirm(home: &Home) {
    for topic in &mut home.lab.world().topics {
        topic.subscriptions.iter_mut().for_each(|one| one.is_confirmed = true);
    }
}

/// The levels of the audit's links.
pub fn audited(home: &Home) -> Vec<(String, String)> {
    let output = home.run(&["audit", "default", "--tier", "monitoring", "--json"]);
    let parsed: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let findings = parsed["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "POLICY-ALARM");
    findings.map(|finding| (finding["level"].as_str().unwrap().to_owned(), finding["subject"].as_str().unwrap().to_owned())).collect()
}
