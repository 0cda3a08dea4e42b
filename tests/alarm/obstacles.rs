//! Accounts in which it cannot be set up: each says what to do, and is as it was.

use crate::bench::{INSTALL, REGION, account, alarm, start, well};
use crate::home::{Home, Run};
use crate::lab::Settings;
use crate::lab::state::World;

#[test]
fn where_no_trail_will_do_it_is_said_what_would_help() {
    type Row = (fn(&mut World), &'static str, &'static str);
    let rows: [Row; 9] = [
        (|w| w.trails.clear(), "account 000000000000 has no trail", "keyrotate alarm plan default --create-trail"),
        (
            |w| {
                w.trails.clear();
                w.settings.denied = ["cloudtrail:ListTrails".to_owned()].into();
            },
            "no trail records in us-east-1",
            "cloudtrail:ListTrails",
        ),
        (|w| w.trails[0].log_group = None, "main delivers to no log group", "--via eventbridge"),
        (
            |w| w.trails[0].is_logging = false,
            "main is switched off",
            "hint: main: `aws cloudtrail start-logging --region eu-central-1 --name arn:aws:cloudtrail:eu-central-1:000000000000:trail/main`",
        ),
        (
            |w| {
                w.trails[0].is_logging = false;
                w.add_trail("second", "eu-north-1", None);
            },
            "main is switched off; second delivers to no log group",
            "hint: second: make a log group",
        ),
        (|w| w.trails[0].is_multi_region = false, "main records in eu-central-1 only", "--is-multi-region-trail"),
        (|w| w.trails[0].has_global_events = false, "main leaves out the events of global services", "--include-global-service-events"),
        (
            |w| w.trails[0].selectors = Some(serde_json::json!([{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": true}])),
            "main does not record all changes to policies",
            "aws cloudtrail put-event-selectors",
        ),
        (
            |w| w.trails[0].log_group_error = Some("Access denied.".into()),
            "cannot deliver to its log group: Access denied.",
            "the role of the trail",
        ),
    ];
    for (change, why, help) in rows {
        let home = start();
        change(&mut home.lab.world());
        let before = account(&home);
        for args in [&["plan"][..], INSTALL] {
            let output = alarm(&home, args);
            assert!(output.code == Some(1) && output.said().contains(why) && output.said().contains(help), "{why}: {output:?}");
            assert!(output.said().contains("nothing was changed"), "{output:?}");
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
    assert!(output.code == Some(1) && output.said().contains("main is switched off"), "{output:?}");
    let output = alarm(&home, &["plan", "--trail", "third"]);
    assert!(output.code == Some(1) && output.said().contains("there is no trail third"), "{output:?}");
    home.lab.world().trails[0].is_multi_region = false;
    let output = alarm(&home, &["plan", "--trail", "main"]);
    assert!(output.code == Some(1) && output.said().contains("the trail main records in eu-central-1 only"), "{output:?}");
}

#[test]
fn the_commands_that_make_a_trail_are_printed_with_what_they_cost_and_none_is_run() {
    let home = start();
    home.lab.world().trails.clear();
    let before = account(&home);
    let output = well(&home, &["plan", "--create-trail"]);
    assert!(output.stdout.contains("\nset -eu\n") && output.stdout.contains("aws cloudtrail create-trail"), "{}", output.stdout);
    assert!(output.stdout.contains("--region us-east-1") && !output.stdout.contains(REGION), "the region in force: {}", output.stdout);
    assert!(output.said().contains("per GB"), "{}", output.stderr);
    let check = std::process::Command::new("sh").args(["-n", "-c", &output.stdout]).status().unwrap();
    assert!(check.success(), "{}", output.stdout);
    assert_eq!(account(&home), before);
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings { partition: partition.to_owned(), ..Settings::default() }, false);
        let (id, secret) = (&home.old.id, &home.old.secret);
        home.write(".aws/credentials", &format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n"));
        home.write(".aws/config", "[default]\n");
        let env = vec![("AWS_REGION", String::new())];
        let output = home.run_with(&Run { env, ..Run::new(&["alarm", "plan", "--create-trail"]) });
        assert!(output.stdout.contains(&format!("--region {region}")) && !output.stdout.contains("us-east-1"), "{output:?}");
    }
}
