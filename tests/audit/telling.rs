//! How it is told: exit codes, exemptions, text, profiles that cannot be looked at.

use crate::bench::{ALL, DAY, audit, configure, findings, levels, settings, start, well};
use crate::home::Home;
use crate::lab::faults::{Fault, Rule};

fn attach(home: &Home, policy: &str) {
    let mut world = home.lab.world();
    let dev = world.user("dev").unwrap();
    world.users[dev].policies.push(policy.into());
}

#[test]
fn the_exit_code_follows_what_counts() {
    let home = start(settings());
    well(&home);
    let code = |home: &Home, fail_on: &str| audit(home, &["default", "--fail-on", fail_on]).code.unwrap();
    let codes = |home: &Home| ["fail", "warn", "unknown"].map(|fail_on| code(home, fail_on));
    assert_eq!(codes(&home), [0, 0, 0]);
    home.lab.world().settings.left_out.insert("AccountMFAEnabled".into());
    assert_eq!(codes(&home), [0, 0, 12]);
    attach(&home, "ReadOnlyAccess");
    assert_eq!(codes(&home), [0, 10, 10]);
    home.lab.world().settings.root_keys = 1;
    assert_eq!(codes(&home), [11, 11, 11]);
}

#[test]
fn an_exemption_lets_be_what_it_names_until_its_day_and_stays_visible() {
    let home = start(settings());
    well(&home);
    attach(&home, "ReadOnlyAccess");
    let entry = |subject: &str, until: &str| {
        format!("[[audit.exemption]]\ncheck = 'DIRECT-ATTACH'\nsubject = '{subject}'\nreason = 'until the move is over'\nuntil = {until}\n")
    };
    configure(&home, &entry("ReadOnlyAccess", "2999-12-31"));
    let (found, output) = findings(&home, &["default"]);
    assert_eq!((output.code, levels(&found, "DIRECT-ATTACH")), (Some(0), vec!["warn"]));
    let finding = found.iter().find(|finding| finding["check"] == "DIRECT-ATTACH").unwrap();
    assert_eq!(finding["exemption"], serde_json::json!({"reason": "until the move is over", "until": "2999-12-31", "ended": false}));
    let shown = audit(&home, &["default"]).stdout;
    assert!(shown.contains("exempt  DIRECT-ATTACH") && shown.contains("until 2999-12-31: until the move is over"), "{shown}");
    configure(&home, &entry("ReadOnlyAccess", "2020-12-31"));
    let output = audit(&home, &["default"]);
    assert_eq!(output.code, Some(10));
    assert!(output.stdout.contains("was exempt until 2020-12-31"), "{}", output.stdout);
    configure(&home, &entry("SecurityAudit", "2999-12-31"));
    assert_eq!(audit(&home, &["default"]).code, Some(10));
}

#[test]
fn of_the_root_users_device_it_is_told_whether_one_is_virtual() {
    let account = |home: &Home| home.lab.world().arn_of("mfa", "root-account-mfa-device");
    let devices: [(&[&str], &str); 3] = [
        (&["VIRTUAL"], "it has a virtual MFA device, which an authenticator app is"),
        (&["arn:aws:iam::000000000000:u2f/root/key-X"], "it has an MFA device, and none that is virtual, as far as IAM lists them"),
        (&["arn:aws:iam::000000000000:u2f/root/key-X", "VIRTUAL"], "it has a virtual MFA device, which an authenticator app is"),
    ];
    for (serials, said) in devices {
        let home = start(settings());
        well(&home);
        let serial = account(&home);
        {
            let mut world = home.lab.world();
            // A name that has root in it is not the root user.
            let beer = world.add_user("root", "/root/");
            world.users[beer].serials = vec!["arn:aws:iam::000000000000:mfa/root".to_owned()];
            let root = world.add_root();
            world.users[root].serials = serials.iter().map(|one| one.replace("VIRTUAL", &serial)).collect();
        }
        let (found, output) = findings(&home, &["default"]);
        let finding = found.iter().find(|finding| finding["check"] == "ROOT-MFA").unwrap();
        assert_eq!((&finding["level"], &finding["seen"]), (&"pass".into(), &said.into()), "{serials:?}: {}", output.stderr);
    }
}

#[test]
fn an_exemption_of_what_is_not_there_is_told_where_that_is_known() {
    let home = start(settings());
    well(&home);
    attach(&home, "ReadOnlyAccess");
    let entry = |check: &str, subject: &str, until: &str| {
        format!("[[audit.exemption]]\ncheck = '{check}'\nsubject = '{subject}'\nreason = 'a move'\nuntil = {until}\n")
    };
    let file = home.path().join(".config/keyrotate/config.toml");
    configure(&home, &(entry("DIRECT-ATTACH", "ReadOnlyAcess", "2999-12-31") + &entry("DIRECT-ATTACH", "ReadOnlyAccess", "2999-12-31")));
    let (_, output) = findings(&home, &["default"]);
    let notes = serde_json::from_str::<serde_json::Value>(&output.stdout).unwrap()["notes"].clone();
    let told = format!(
        "{}: the exemption of DIRECT-ATTACH for `ReadOnlyAcess` exempts nothing of the profile default: there it is about ReadOnlyAccess",
        file.display()
    );
    assert_eq!((output.code, notes), (Some(0), serde_json::json!([told])), "a note, and no failure");
    assert!(audit(&home, &["default"]).stdout.contains(&format!("note: {told}")));
    for (settings, denied, why) in [
        (entry("ROOT-USED", "root user of 1", "2999-12-31"), None, "not looked at in this tier"),
        (entry("DIRECT-ATTACH", "ReadOnlyAcess", "2020-12-31"), None, "it has ended"),
        (entry("USER-MFA", "user dev", "2999-12-31"), None, "it is of something that is well"),
        (entry("DIRECT-ATTACH", "ReadOnlyAcess", "2999-12-31"), Some("ListAttachedUserPolicies"), "it could not be looked at"),
    ] {
        configure(&home, &settings);
        home.lab.rules(denied.iter().map(|action| Rule::on(action, Fault::error(403, "AccessDenied")).times(0)).collect());
        let shown = audit(&home, &["default"]).stdout;
        assert!(!shown.contains("exempts nothing"), "{why}: {shown}");
    }
}

#[test]
fn text_says_what_was_seen_why_it_matters_and_what_to_do() {
    let home = start(settings());
    well(&home);
    home.lab.world().settings.root_keys = 1;
    let shown = audit(&home, &["default"]).stdout;
    for line in [
        "arn:aws:iam::000000000000:user/dev (profile default, self tier)",
        "fail    ROOT-KEY       root user of 000000000000: it has an access key (inactive ones count, too)",
        "  why:     who has a key of the root user has the account, without MFA and without limits",
        "  fix:     sign in to the AWS console as the root user",
        "1 failed, 0 warned, 0 unknown, ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn a_user_about_whom_much_is_to_be_said_is_told_whose_what_is_and_with_which_command_it_goes() {
    let home = start(settings());
    {
        let mut world = home.lab.world();
        world.keys[0].created_at -= 200.0 * DAY;
        let (at, dev) = (world.now() - 100.0 * DAY, world.user("dev").unwrap());
        world.keys[0].used(at, "s3", "us-east-1");
        world.settings.last_use_lag = 3_600.0;
        world.users[dev].policies.inline.insert("mine".into(), ALL.into());
        world.users[dev].serials.clear();
        world.join("dev", "devs").policies.inline.insert("theirs".into(), ALL.into());
    }
    let shown = audit(&home, &["default"]).stdout;
    let inactive = format!("`aws iam update-access-key --access-key-id {} --status Inactive`", home.old.id);
    for line in [
        "INLINE         mine: it is written into the user",
        "INLINE         devs/theirs: it is written into the group devs",
        "ADMIN          mine: it allows the user everything, without a condition",
        "ADMIN          theirs: it allows the group devs everything, without a condition",
        &format!("fix:     make it inactive ({inactive}), and delete it once nothing was missed"),
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    // Who has no device opens no session.
    home.lab.rules(vec![Rule::on("ListGroupsForUser", Fault::error(403, "AccessDenied")).times(0)]);
    let shown = audit(&home, &["default"]).stdout;
    assert!(shown.contains("INLINE         the user's groups: iam:ListGroupsForUser answered AccessDenied"), "{shown}");
    assert!(shown.contains("keyrotate policy show audit default") && !shown.contains("keyrotate login"), "{shown}");
}

#[test]
fn a_profile_that_cannot_be_looked_at_is_an_error_of_its_own() {
    let home = start(settings());
    home.write(".aws/config", "[profile sso]\nsso_account_id = 000000000000\nsso_role_name = r\nsso_start_url = https://x\n");
    for (args, code, said) in [
        (vec!["nowhere"], 1, "nowhere"),
        (vec!["sso"], 1, "it has no long-term key and needs none"),
        (vec!["default", "--plan", "ROOT"], 2, "QUARANTINE, CALLER-IS-ROOT"),
        (vec!["default", "--plan", "KEY-AGE"], 2, "KEY-AGE has no plan"),
    ] {
        let output = audit(&home, &args);
        assert_eq!(output.code, Some(code), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(said) && output.stdout.is_empty(), "{args:?}: {}", output.stderr);
    }
    configure(&home, "[audit]\nexemptions = []\n");
    let output = audit(&home, &["default"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("the nearest right name is `exemption`"), "{}", output.stderr);
}

/// AWS counts what an audit asks as uses of the key: the next audit, a day later, must not take them for somebody's.
#[test]
fn its_own_questions_of_yesterday_are_nobodys_use() {
    let home = start(settings());
    well(&home);
    home.lab.world().keys[0].created_at -= 60.0 * DAY;
    let level = |home: &Home| levels(&findings(home, &["default"]).0, "KEY-UNUSED")[0].to_owned();
    assert_eq!(level(&home), "unknown");
    let path = home.path().join(".local/state/keyrotate/observations.json");
    let mut memory: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let yesterday = (chrono::Utc::now() - chrono::TimeDelta::days(1)).to_rfc3339();
    memory["keys"][&home.old.id]["observed_at"] = yesterday.clone().into();
    memory["keys"][&home.old.id]["watched"]["since"] = yesterday.into();
    home.write(".local/state/keyrotate/observations.json", &memory.to_string());
    {
        let mut world = home.lab.world();
        world.keys[0].uses.iter_mut().for_each(|used| used.at -= DAY);
        // What is asked today is not on the record yet.
        world.settings.last_use_lag = 3_600.0;
    }
    assert_eq!(level(&home), "unknown");
}

#[test]
fn what_an_earlier_run_knows_saves_a_round_and_a_rename_costs_one() {
    let home = start(settings());
    well(&home);
    let count = |home: &Home| {
        let before = home.lab.calls().len();
        assert_eq!(audit(home, &["default"]).code, Some(0));
        home.lab.calls().len() - before
    };
    let first = count(&home);
    home.run(&["status", "default"]);
    assert_eq!(count(&home), first, "the same calls, at once");
    home.lab.world().rename_user("dev", "deva");
    assert!(count(&home) > first, "what was asked with the old name is asked again");
}

#[cfg(not(feature = "alarm"))]
#[test]
fn a_tier_that_was_not_built_is_refused_before_anything_is_asked() {
    let home = start(settings());
    let output = audit(&home, &["default", "--tier", "monitoring"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{}", output.stderr);
    assert!(output.stderr.contains("without the feature `alarm`") && output.stderr.contains("--tier account"), "{}", output.stderr);
    assert_eq!(home.lab.calls().len(), 0);
}
