//! A root user's key is removed: proved first, asked for by the account ID, waited for, and taken up again whatever interrupted it.

use std::sync::Arc;

use crate::bench::{LIMIT, Terminal, calls, start};
use crate::home::{Home, Output};
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::role::Role;
use crate::lab::{Key, Settings};

const REMOVE: &str = "root-key remove boss --admin default";
const CONFIRM: &str = "type the account ID, 000000000000, to ";
const CODE: &str = "MFA code";
const WAIT: &str = "Delete it now?";
/// So many kinds of questions are answered.
const QUESTIONS: usize = 5;
const ACCOUNT: &str = "000000000000\n";
const DENIED: Fault = Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform this action" };
const OFFLINE: &[&str] = &["status", "--offline"];

/// A root user with so many keys, in the profiles `boss` and `boss2`, with a device or without.
struct Boss {
    home: Arc<Home>,
    keys: Vec<Key>,
    config: String,
}

impl Boss {
    fn new(count: usize, has_device: bool) -> Self {
        let home = start(Settings::default());
        home.hands_out_sessions();
        let keys: Vec<Key> = {
            let mut world = home.lab.world();
            let root = world.add_root();
            if !has_device {
                world.users[root].serials.clear();
            }
            (0..count).map(|_| world.add_settled_key(root)).collect()
        };
        let names = ["boss", "boss2"];
        let section = |(name, key): (&&str, &Key)| {
            format!(
                "[profile {name}]\n# {name}'s\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = us-east-1\n",
                key.id, key.secret
            )
        };
        let config: String = names.iter().zip(&keys).map(section).collect();
        home.write(".aws/config", &config);
        Self { home, keys, config }
    }

    fn status(&self) -> Status {
        self.home.lab.world().keys.iter().find(|key| key.id == self.keys[0].id).map(|key| key.status).expect("the key")
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.home.path().join(".aws/config")).unwrap()
    }

    /// The config file without the lines of the first key.
    fn config_after(&self) -> String {
        let key = &self.keys[0];
        let lines = format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        self.config.replace(&lines, "")
    }

    /// A code that was not sent yet: one that AWS never saw is good, but keyrotate sends none twice.
    fn code(&self) -> String {
        let (lab, serial) = (&self.home.lab, "arn:aws:iam::000000000000:mfa/root-account-mfa-device");
        let about_now = lab.code("root").into_iter().chain(lab.two_codes("root", serial).into_iter().flatten());
        let sent: Vec<String> = lab.world().codes.iter().map(|sent| sent.code.clone()).collect();
        about_now.into_iter().find(|code| !sent.contains(code)).expect("a code") + "\n"
    }

    fn open(&self, more: &str) -> Terminal {
        Terminal::open(&self.home, &format!("{REMOVE} {more}"), &[("NO_COLOR", "1")])
    }

    /// As far as the wait.
    fn waiting(&self, more: &str) -> Terminal {
        let mut terminal = self.open(more);
        terminal.expect(CONFIRM);
        terminal.press(ACCOUNT);
        terminal.expect(CODE);
        terminal.press(&self.code());
        terminal.expect(WAIT);
        terminal
    }

    fn written_down(&self) -> usize {
        let folder = std::fs::read_dir(self.home.path().join(".local/state/keyrotate/root-keys"));
        folder.into_iter().flatten().flatten().filter(|entry| entry.path().extension().is_some_and(|ext| ext == "json")).count()
    }

    /// Nothing is left of the key but what other files hold.
    #[track_caller]
    fn is_removed(&self, why: &str) {
        assert_eq!((self.status(), self.config(), self.written_down()), (Status::Deleted, self.config_after(), 0), "{why}");
        assert_eq!(self.home.told(), "", "{why}");
    }

    #[track_caller]
    fn is_as_before(&self, why: &str) {
        assert_eq!((self.status(), self.config(), self.written_down()), (Status::Active, self.config.clone(), 0), "{why}");
        assert_eq!(self.home.told(), "", "{why}");
    }

    /// Who signed the calls of this action.
    fn signers(&self, action: &str) -> Vec<String> {
        self.home.lab.calls().into_iter().filter(|call| call.action == action).map(|call| call.key_id).collect()
    }

    /// Answers whatever is asked until a call stands at its pause, and kills the program there.
    fn killed_at_pause(&self) {
        self.killed_at_pause_of(REMOVE);
    }

    fn killed_at_pause_of(&self, command: &str) {
        let mut terminal = Terminal::open(&self.home, command, &[("NO_COLOR", "1")]);
        let mut answered = [0; QUESTIONS];
        while !self.home.lab.wait_paused(std::time::Duration::from_millis(10)) {
            self.answer(&mut terminal, &mut answered);
            assert!(!terminal.is_over(), "it came to no pause: {}", terminal.screen());
        }
        terminal.kill();
        self.home.lab.release(true);
    }

    fn answer(&self, terminal: &mut Terminal, answered: &mut [usize; QUESTIONS]) {
        let screen = terminal.screen();
        let asked = [CONFIRM, CODE, WAIT, ": delete it? (y", "Delete it and go on? (y"].map(|text| screen.matches(text).count());
        for (at, count) in asked.into_iter().enumerate() {
            if count > answered[at] {
                answered[at] = count;
                match at {
                    0 => terminal.press(ACCOUNT),
                    1 => terminal.press(&self.code()),
                    _ => terminal.press("y\n"),
                }
            }
        }
    }

    /// Answers whatever is asked until the program ends: the account ID, codes, and whether an inactive key is to be deleted.
    fn answered(&self, mut terminal: Terminal) -> (Option<i32>, String) {
        let mut answered = [0; QUESTIONS];
        let end = std::time::Instant::now() + LIMIT;
        loop {
            self.answer(&mut terminal, &mut answered);
            if terminal.is_over() {
                return terminal.end();
            }
            assert!(std::time::Instant::now() < end, "{}", terminal.screen());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[track_caller]
fn told(output: &Output, code: i32, said: &str) {
    let text = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.code == Some(code) && text.contains(said), "{said}: {:?} {text}", output.code);
}

fn words(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn with_a_device_the_key_is_deactivated_watched_and_deleted_by_a_session() {
    let boss = Boss::new(1, true);
    let mut terminal = boss.waiting("");
    assert_eq!(boss.status(), Status::Inactive);
    let waiting = boss.home.run(OFFLINE);
    assert!(waiting.stdout.contains("is not finished") || waiting.stderr.contains("is not finished"), "{waiting:?}");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    let screen = words(&screen);
    for said in [
        "arn:aws:iam::000000000000:user/dev, of the same account; AWS's policy simulator says",
        "[profile boss] - aws_access_key_id =",
        "- aws_secret_access_key = ****",
        "`--profile default`",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    for action in ["UpdateAccessKey", "DeleteAccessKey"] {
        let signers = boss.signers(action);
        assert!(signers.len() == 1 && signers[0].starts_with("ASIA"), "{action} {signers:?}");
    }
    let calls = boss.home.lab.calls();
    assert!(calls.iter().all(|call| !call.params.contains_key("UserName")), "the root user has no name");
    let sessions = std::fs::read_dir(boss.home.path().join(".cache/keyrotate/sessions")).unwrap().flatten();
    assert_eq!(sessions.filter(|file| file.path().extension().is_some_and(|ext| ext == "json")).count(), 0, "the session is forgotten");
}

#[test]
fn when_nobody_answers_the_wait_ends_by_itself() {
    let boss = Boss::new(1, true);
    let terminal = boss.waiting("--wait 1s");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
}

#[test]
fn no_and_ctrl_c_during_the_wait_activate_it_again() {
    for (keys, ends) in [("n\n", 0), ("\x03", 130)] {
        let boss = Boss::new(1, true);
        let mut terminal = boss.waiting("");
        assert_eq!(boss.status(), Status::Inactive);
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(ends), "{screen}");
        boss.is_as_before(&screen);
        assert_eq!(calls(&boss.home, "DeleteAccessKey"), 0);
    }
}

#[test]
fn without_a_device_another_key_of_root_signs() {
    let boss = Boss::new(2, false);
    let (code, screen) = boss.answered(boss.open(""));
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!([boss.signers("UpdateAccessKey"), boss.signers("DeleteAccessKey")], [[boss.keys[1].id.clone()], [boss.keys[1].id.clone()]]);
    assert!(screen.contains("which stays"), "{screen}");
}

#[test]
fn alone_it_signs_its_own_deletion_which_is_said_first() {
    let boss = Boss::new(1, false);
    let mut terminal = boss.open("");
    terminal.expect(CONFIRM);
    assert!(words(&terminal.screen()).contains("at once, signed by itself: the root user has no MFA device"), "{}", terminal.screen());
    assert_eq!(calls(&boss.home, "DeleteAccessKey") + calls(&boss.home, "UpdateAccessKey"), 0);
    terminal.press(ACCOUNT);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_removed(&screen);
    assert_eq!(calls(&boss.home, "UpdateAccessKey"), 0, "what it could not take back is not done");
}

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
fn a_dry_run_needs_no_terminal_and_changes_nothing() {
    let boss = Boss::new(1, true);
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for said in ["deactivate", "wait 10m", "delete", "remove its lines", "nothing was changed"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    boss.is_as_before(&output.stdout);
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
fn each_call_denied_leaves_the_key_active_or_says_what_it_is() {
    for action in [
        "GetCallerIdentity",
        "SimulatePrincipalPolicy",
        "GetAccountSummary",
        "ListAccessKeys",
        "GetAccessKeyLastUsed",
        "ListMFADevices",
        "GetSessionToken",
        "UpdateAccessKey",
        "DeleteAccessKey",
    ] {
        let boss = Boss::new(1, true);
        boss.home.lab.rules(vec![Rule::on(action, DENIED).times(0)]);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(boss.home.told(), "", "{action}: {screen}");
        match (action, boss.status()) {
            ("GetAccountSummary" | "GetAccessKeyLastUsed", Status::Deleted) => {
                assert_eq!(code, Some(0), "{action}: {screen}");
                continue;
            }
            ("DeleteAccessKey", Status::Inactive) => {
                assert!(code == Some(1) && words(&screen).contains("the key is inactive"), "{action}: {screen}");
            }
            (_, Status::Active) => assert!(code == Some(1) && boss.written_down() == 0, "{action}: {code:?} {screen}"),
            (_, status) => panic!("{action}: {status:?} {screen}"),
        }
        boss.home.lab.rules(vec![]);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(code, Some(0), "{action}: {screen}");
        boss.is_removed(&screen);
    }
}

#[test]
fn a_lost_answer_is_told_by_looking() {
    for has_device in [true, false] {
        for action in ["UpdateAccessKey", "DeleteAccessKey", "SimulatePrincipalPolicy", "ListAccessKeys"] {
            let boss = Boss::new(1, has_device);
            boss.home.lab.rules(vec![Rule::on(action, Fault::DropAfter).times(if action == "DeleteAccessKey" { 0 } else { 3 })]);
            let (_, first) = boss.answered(boss.open(""));
            boss.home.lab.rules(vec![]);
            if boss.status() != Status::Deleted || boss.written_down() > 0 || boss.config() != boss.config_after() {
                let (code, screen) = boss.answered(boss.open(""));
                assert_eq!(code, Some(0), "{action} {has_device}: {first} {screen}");
            }
            boss.is_removed(&format!("{action} {has_device}: {first}"));
        }
    }
}

#[test]
fn killed_at_any_call_the_next_run_goes_on() {
    for has_device in [true, false] {
        let boss = Boss::new(1, has_device);
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!(code, Some(0), "{screen}");
        let count = boss.home.lab.calls().len();
        for (number, fault) in (1..=count).flat_map(|number| [(number, Fault::PauseBefore), (number, Fault::PauseAfter)]) {
            let boss = Boss::new(1, has_device);
            boss.home.lab.rules(vec![Rule::call(number, fault.clone())]);
            let why = format!("{number} {fault:?} {has_device}");
            boss.killed_at_pause();
            let is_touched = boss.status() != Status::Active;
            assert!(!is_touched || boss.written_down() == 1, "{why}: what was begun is written down");
            if is_touched {
                let status = boss.home.run(OFFLINE);
                assert!((status.stdout + &status.stderr).contains("keyrotate root-key remove boss --admin default"), "{why}");
            }
            boss.home.lab.rules(vec![]);
            let (code, screen) = boss.answered(boss.open(""));
            assert_eq!(code, Some(0), "{why}: {screen}");
            boss.is_removed(&format!("{why}: {screen}"));
        }
    }
}

#[test]
fn killed_in_the_wait_the_next_run_can_activate_it_again() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    assert_eq!((boss.status(), boss.written_down()), (Status::Inactive, 1));
    let mut terminal = boss.open("");
    terminal.expect(CONFIRM);
    terminal.press(ACCOUNT);
    terminal.expect("is inactive: delete it?");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    boss.is_as_before(&screen);
}

#[test]
fn by_whatever_profile_has_the_key_an_interrupted_removal_goes_on() {
    let boss = Boss::new(1, true);
    let config = format!("{}{}", boss.config, boss.config.replace("[profile boss]", "[profile copy]"));
    boss.home.write(".aws/config", &config);
    boss.waiting("").kill();
    let (code, screen) = boss.answered(Terminal::open(&boss.home, "root-key remove copy --admin default", &[]));
    assert_eq!((code, boss.status(), boss.written_down()), (Some(0), Status::Deleted, 0), "{screen}");
    let key = &boss.keys[0];
    assert!(!boss.config().contains(&key.id) && !boss.config().contains(&key.secret), "{screen}");
}

#[test]
fn stranded_it_names_what_can_still_be_done_and_then_removes_the_lines() {
    let boss = Boss::new(1, true);
    boss.waiting("").kill();
    std::fs::remove_dir_all(boss.home.path().join(".cache/keyrotate")).unwrap();
    let output = boss.home.run(&["root-key", "remove", "boss", "--admin", "default"]);
    told(&output, 11, "aws sts assume-root --target-principal 000000000000");
    told(&output, 11, "sign in to the AWS console as the root user of account 000000000000");
    let auto = boss.home.run(&["auto", "--now"]);
    assert!(auto.stderr.contains("root-key remove boss"), "{}", auto.stderr);
    assert_eq!(boss.config(), boss.config, "the only copy stays");
    let at = boss.home.lab.world().keys.iter().position(|key| key.id == boss.keys[0].id).unwrap();
    boss.home.lab.world().change_key(at, Status::Deleted);
    let (code, screen) = boss.answered(boss.open(""));
    assert!(code == Some(0) && screen.contains("to remove the lines of"), "{code:?} {screen}");
    boss.is_removed(&screen);
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
    assert!(code == Some(1) && words(&screen).contains("is being removed"), "{code:?} {screen}");
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
        assert!(words(&output.stdout).contains("(s3 in eu-west-1), and will break"), "{}", output.stdout);
    };
    dry_run();
    // Then keyrotate's own questions are what AWS has, and an earlier run remembers the other use.
    assert_eq!(boss.home.run(&["status", "boss"]).code, Some(11));
    boss.home.lab.world().settings.last_use_lag = 0.0;
    dry_run();
}

/// The pair that the profile `boss` has now, as the lab knows it.
fn held(boss: &Boss) -> Key {
    let config = boss.config();
    let keys = boss.home.lab.world().keys.clone();
    keys.into_iter().find(|key| config.contains(&key.id) && config.contains(&key.secret)).expect("a whole pair")
}

/// The root user has one key, which the profile has, and nothing else is changed.
#[track_caller]
fn is_rotated(boss: &Boss, why: &str) {
    let (old, new) = (&boss.keys[0], held(boss));
    assert_ne!(new.id, old.id, "{why}");
    let live: Vec<String> = boss.home.lab.world().live_keys(old.user).into_iter().map(|key| key.id).collect();
    assert_eq!((live, boss.status()), (vec![new.id.clone()], Status::Deleted), "{why}");
    assert_eq!(boss.config(), boss.config.replace(&old.id, &new.id).replace(&old.secret, &new.secret), "{why}");
    assert_eq!(boss.home.told(), "", "{why}");
}

const ROTATE: &str = "rotate boss --root-key 000000000000";

#[test]
fn a_root_key_is_rotated_only_by_the_account_id_in_the_option_and_typed() {
    let boss = Boss::new(1, false);
    for (args, code, said) in [
        (&["rotate", "boss"][..], 11, "keyrotate rotate boss --root-key 000000000000"),
        (&["rotate", "boss", "--root-key", "000000000001"], 1, "is for the root user of account 000000000001"),
        (&["rotate", "default", "--root-key", "000000000000"], 1, "is a key of arn:aws:iam::000000000000:user/dev"),
        (&["rotate", "boss", "--root-key", "000000000000", "--yes"], 1, "the account ID has to be typed"),
        (&["rotate", "boss", "--root-key", "12"], 2, "twelve digits"),
        (&["rotate", "--all", "--root-key", "000000000000"], 2, "cannot be used with"),
    ] {
        told(&boss.home.run(args), code, said);
    }
    let planned = boss.home.run(&["rotate", "boss", "--root-key", "000000000000", "--dry-run"]);
    assert!(planned.code == Some(0) && planned.stdout.contains("would be rotated"), "{planned:?}");
    for typed in ["y\n", "\n", "\x03"] {
        let mut terminal = Terminal::open(&boss.home, &format!("{ROTATE} --yes"), &[]);
        terminal.expect(CONFIRM);
        terminal.press(typed);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(if typed == "\x03" { 130 } else { 1 }), "{screen}");
    }
    boss.is_as_before("");
    assert_eq!(calls(&boss.home, "CreateAccessKey"), 0);
    let (code, screen) = boss.answered(Terminal::open(&boss.home, ROTATE, &[]));
    assert_eq!(code, Some(0), "{screen}");
    is_rotated(&boss, &screen);
    let about_keys = |action: &str| ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"].contains(&action);
    let calls = boss.home.lab.calls();
    assert!(calls.iter().filter(|call| about_keys(&call.action)).all(|call| !call.params.contains_key("UserName")), "root has no name");
    let history = boss.home.run(&["history", "boss"]);
    assert!(history.stdout.contains("root (000000000000)"), "{}", history.stdout);
}

#[test]
fn within_its_grace_a_rotation_of_a_root_key_is_undone() {
    let boss = Boss::new(1, false);
    let (code, screen) = boss.answered(Terminal::open(&boss.home, &format!("{ROTATE} --grace 7d"), &[]));
    assert_eq!((code, boss.status()), (Some(0), Status::Inactive), "{screen}");
    let refused = boss.home.run(&["root-key", "remove", "boss", "--admin", "default", "--dry-run"]);
    told(&refused, 1, "`keyrotate rotate boss --grace 0s` deletes it now; then run this again");
    let undone = boss.home.run(&["undo", "boss", "--yes"]);
    assert_eq!(undone.code, Some(0), "{}", undone.stderr);
    assert_eq!((boss.status(), boss.config()), (Status::Active, boss.config.clone()), "{}", undone.stdout);
}

#[test]
fn killed_at_a_change_the_rotation_of_a_root_key_goes_on_without_the_option() {
    for action in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
        for fault in [Fault::PauseBefore, Fault::PauseAfter] {
            let boss = Boss::new(1, false);
            boss.home.lab.rules(vec![Rule::on(action, fault.clone())]);
            let why = format!("{action} {fault:?}");
            boss.killed_at_pause_of(ROTATE);
            boss.home.lab.rules(vec![]);
            let again = boss.home.run(&["rotate", "boss", "--no-input"]);
            match (action, &fault, again.code) {
                ("UpdateAccessKey" | "DeleteAccessKey", _, Some(0)) => {}
                // No key was made; or one whose secret nobody has, which only a person may have deleted.
                ("CreateAccessKey", Fault::PauseBefore, Some(11)) | ("CreateAccessKey", Fault::PauseAfter, Some(10)) => {
                    let (code, screen) = boss.answered(Terminal::open(&boss.home, ROTATE, &[]));
                    assert_eq!(code, Some(0), "{why}: {} {screen}", again.stderr);
                }
                (_, _, code) => panic!("{why}: {code:?} {}", again.stderr),
            }
            is_rotated(&boss, &why);
        }
    }
}
