//! What is asked and looked at before a root user's key is touched, and what is refused then.

use super::{Boss, CONFIRM, DENIED, REMOVE, ROTATE, one_line, told};
use crate::bench::{Terminal, calls};
use crate::lab::faults::{Fault, Rule};
use crate::lab::role::Role;

#[test]
fn anything_but_the_account_id_changes_nothing() {
    let boss = Boss::new(1, true);
    for typed in ["\n", "y\n", "000000000001\n", "\x03", "\x04"] {
        let mut terminal = boss.open("");
        terminal.expect(CONFIRM);
        terminal.press(typed);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(if typed == "\x03" { 130 } else { 1 }), "{typed:?} {screen}");
        boss.is_as_before(&screen);
    }
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default"]);
    told(&output, 1, "the account ID has to be typed, and nobody can be asked here");
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--yes"]);
    told(&output, 2, "--yes");
    told(&boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--wait", "51m"]), 2, "50m at most");
    boss.is_as_before("");
    assert_eq!(calls(&boss.home, "GetSessionToken"), 0, "no code is asked for before the person agreed");
}

#[test]
fn a_ctrl_c_at_the_account_id_says_that_nothing_was_changed() {
    for command in [REMOVE, ROTATE] {
        let boss = Boss::new(1, true);
        let mut terminal = Terminal::open(&boss.home, command, &[("NO_COLOR", "1")]);
        terminal.expect(CONFIRM);
        terminal.press("\x03");
        let (code, screen) = terminal.end();
        assert!(code == Some(130) && screen.contains("nothing was changed"), "{code:?} {screen}");
        boss.is_as_before(&screen);
    }
}

#[test]
fn an_administrator_has_to_be_named_and_to_be_one() {
    let boss = Boss::new(2, true);
    let home = &boss.home;
    let far = "arn:aws:iam::444455556666:role/Far";
    home.write(".aws/config", &format!("{}[profile far]\nrole_arn = {far}\nsource_profile = default\n", boss.config));
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", "[defaults]\nrequire_mfa = false\n");
    home.lab.world().roles = vec![Role::new(far, &["arn:aws:iam::000000000000:user/dev"])];
    let run = |admin: &[&str]| home.run(&[&["root-key", "remove", "boss", "--dry-run"], admin].concat());
    told(&run(&[]), 2, "--admin PROFILE");
    told(&run(&["--admin", "far"]), 1, "and the root user is that of account 000000000000");
    told(&run(&["--admin", "boss"]), 1, "itself, which is to go");
    told(&run(&["--admin", "boss2"]), 1, "the root user itself, which proves nothing");
    told(&run(&["--admin", "nobody"]), 1, "no profile nobody");
    let limited =
        |actions: &str| format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{actions},"Resource":"*"}}}}"#);
    home.lab.world().enforce("other", &limited(r#"["iam:SimulatePrincipalPolicy","iam:CreateUser"]"#));
    told(&run(&["--admin", "other"]), 1, "does not allow it iam:CreateAccessKey, iam:AttachUserPolicy");
    home.lab.world().enforce("other", &limited(r#""iam:*""#));
    assert_eq!(run(&["--admin", "other"]).code, Some(0));
    home.lab.rules(vec![Rule::on("SimulatePrincipalPolicy", DENIED).times(0)]);
    told(&run(&["--admin", "other"]), 1, "it could not be proved that other administers the account");
    home.lab.rules(vec![]);
    told(&home.run(&["root-key", "remove", "other", "--admin", "default"]), 1, "is no key of the root user");
    assert_eq!(calls(home, "UpdateAccessKey") + calls(home, "DeleteAccessKey"), 0);
}

#[test]
fn a_key_that_aws_accepts_and_does_not_list_keeps_its_lines() {
    let boss = Boss::new(1, true);
    let young = {
        let mut world = boss.home.lab.world();
        world.settings.list_delay = (3_600.0, 3_600.0);
        let root = boss.keys[0].user;
        world.add_key(root)
    };
    let config = boss.config.replace(&boss.keys[0].id, &young.id).replace(&boss.keys[0].secret, &young.secret);
    boss.home.write(".aws/config", &config);
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default"]);
    told(&output, 1, "one of the two answers is late");
    assert_eq!((boss.config(), boss.written_down(), calls(&boss.home, "DeleteAccessKey")), (config, 0, 0));
}

#[test]
fn a_key_that_a_rotation_has_plans_for_is_left_to_it_and_the_other_way_round() {
    let boss = Boss::new(1, true);
    boss.home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::PauseAfter)]);
    boss.killed_at_pause_of(ROTATE);
    boss.home.lab.rules(vec![]);
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
    told(&output, 1, "is not over, and the key is part of it");
    assert_eq!((boss.written_down(), calls(&boss.home, "DeleteAccessKey")), (0, 0));
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    let (code, screen) = Terminal::open(&boss.home, ROTATE, &[("NO_COLOR", "1")]).end();
    assert!(code == Some(1) && one_line(&screen).contains("is being removed"), "{code:?} {screen}");
    assert_eq!(calls(&boss.home, "CreateAccessKey"), 0, "{screen}");
}

#[test]
fn a_key_that_somebody_else_used_is_said_to_be_in_use() {
    let boss = Boss::new(1, true);
    {
        let mut world = boss.home.lab.world();
        let now = world.now();
        let key = world.keys.iter_mut().find(|key| key.id == boss.keys[0].id).unwrap();
        key.used(now - 86_400.0, "s3", "eu-west-1");
    }
    boss.home.lab.world().settings.last_use_lag = 60.0;
    let dry_run = || {
        let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
        assert!(one_line(&output.stdout).contains("(s3 in eu-west-1), and will break"), "{}", output.stdout);
    };
    dry_run();
    // Then keyrotate's own questions are what AWS has, and an earlier run remembers the other use.
    assert_eq!(boss.home.run(&["status", "boss"]).code, Some(11));
    boss.home.lab.world().settings.last_use_lag = 0.0;
    dry_run();
}
