//! Accounts in which it cannot be set up: each says what to do, and is as it was.

use crate::bench::{INSTALL, REGION, account, alarm, said, start, well};
use crate::lab::state::World;

#[test]
fn where_no_trail_will_do_it_is_said_what_would_help() {
    type Row = (fn(&mut World), &'static str, &'static str);
    let rows: [Row; 7] = [
        (|w| w.trails.clear(), "no trail records in us-east-1", "keyrotate alarm plan --create-trail"),
        (|w| w.trails[0].log_group = None, "main delivers to no log group", "--via eventbridge"),
        (|w| w.trails[0].is_logging = false, "main is switched off", "aws cloudtrail start-logging"),
        (|w| w.trails[0].is_multi_region = false, "no trail records in us-east-1", "--is-multi-region-trail"),
        (|w| w.trails[0].has_global_events = false, "main leaves out the events of global services", "--include-global-service-events"),
        (
            |w| w.trails[0].selectors = Some(serde_json::json!([{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": true}])),
            "main does not record all changes to policies",
            "aws cloudtrail put-event-selectors",
        ),
        (
            |w| w.trails[0].log_group_error = Some("Access denied.".into()),
            "cannot deliver to its log group: Access denied.",
            "the trail's role",
        ),
    ];
    for (change, why, help) in rows {
        let home = start();
        change(&mut home.lab.world());
        let before = account(&home);
        for args in [&["plan"][..], INSTALL] {
            let output = alarm(&home, args);
            assert!(output.code == Some(1) && said(&output).contains(why) && said(&output).contains(help), "{why}: {output:?}");
            assert!(said(&output).contains("nothing was changed"), "{output:?}");
        }
        assert_eq!(account(&home), before, "{why}");
    }
}

#[test]
fn the_trail_that_is_named_is_the_one_and_another_will_do_where_none_is() {
    let home = start();
    home.lab.world().trails[0].is_logging = false;
    home.lab.world().add_log_group("second", "eu-north-1");
    home.lab.world().add_trail("second", "eu-north-1", Some("second"));
    let output = well(&home, &["plan"]);
    assert!(output.stdout.contains("account 000000000000, eu-north-1"), "{}", output.stdout);
    let output = alarm(&home, &["plan", "--trail", "main"]);
    assert!(output.code == Some(1) && said(&output).contains("main is switched off"), "{output:?}");
    let output = alarm(&home, &["plan", "--trail", "third"]);
    assert!(output.code == Some(1) && said(&output).contains("there is no trail third"), "{output:?}");
}

#[test]
fn the_commands_that_make_a_trail_are_printed_with_what_they_cost_and_none_is_run() {
    let home = start();
    home.lab.world().trails.clear();
    let before = account(&home);
    let output = well(&home, &["plan", "--create-trail"]);
    assert!(output.stdout.starts_with("set -eu\n") && output.stdout.contains("aws cloudtrail create-trail"), "{}", output.stdout);
    assert!(output.stdout.contains("--region us-east-1") && !output.stdout.contains(REGION), "the region in force: {}", output.stdout);
    assert!(said(&output).contains("per GB"), "{}", output.stderr);
    let check = std::process::Command::new("sh").args(["-n", "-c", &output.stdout]).status().unwrap();
    assert!(check.success(), "{}", output.stdout);
    assert_eq!(account(&home), before);
}
