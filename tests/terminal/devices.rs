//! A new MFA device: its QR code read back from the screen, its codes, what a Ctrl-C and a kill leave.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{LIMIT, Terminal, calls, start};
use crate::home::Home;
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};

const CODE: &str = "code that the device shows now: ";
const NEXT: &str = "the next code, which it shows within half a minute: ";
const WRITE: &str = "have the profile default name the device?";

/// A user without a device.
fn without_device(force_mfa: bool) -> Arc<Home> {
    let home = start(Settings { force_mfa, ..Settings::default() });
    home.lab.world().users[0].serials.clear();
    home.shows_seeds();
    home.hands_out_sessions();
    home
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{}:mfa/{name}", Settings::default().account)
}

/// Every virtual device of the lab that a user made or has.
fn devices(home: &Home) -> Vec<String> {
    let world = home.lab.world();
    let made = world.devices.iter().filter(|(_, device)| device.seed.is_some()).map(|(serial, _)| serial.clone());
    let mut all: Vec<String> = made.chain(world.users[0].serials.iter().cloned()).collect();
    all.sort();
    all.dedup();
    all
}

/// What a reader of QR codes sees on the screen.
fn scanned(screen: &str) -> String {
    let ink = "\u{1b}[38;5;16;48;5;231m";
    let lines: Vec<Vec<char>> =
        screen.lines().filter_map(|line| Some(line.strip_prefix(ink)?.split('\u{1b}').next()?.chars().collect())).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.len() == lines[0].len() && line.len() <= 80), "{screen}");
    let scale = 4;
    let is_dark = |column: usize, row: usize| match lines[row / 2][column] {
        '█' => true,
        '▀' => row.is_multiple_of(2),
        '▄' => !row.is_multiple_of(2),
        _ => false,
    };
    let grey = |x: usize, y: usize| if is_dark(x / scale, y / scale) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(lines[0].len() * scale, lines.len() * 2 * scale, grey);
    image.detect_grids()[0].decode().expect("a code that can be read").1
}

/// Waits until the text is there so often.
fn expect(terminal: &Terminal, text: &str, count: usize) {
    let end = std::time::Instant::now() + LIMIT;
    while terminal.screen().matches(text).count() < count {
        assert!(std::time::Instant::now() < end, "{}", terminal.screen());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn type_codes(home: &Home, terminal: &mut Terminal, serial: &str, time: usize) {
    expect(terminal, CODE, time);
    let [first, second] = home.lab.two_codes("dev", serial).expect("two codes");
    terminal.press(&format!("{first}\n"));
    expect(terminal, NEXT, time);
    terminal.press(&format!("{second}\n"));
}

fn config(home: &Home) -> String {
    std::fs::read_to_string(home.path().join(".aws/config")).unwrap_or_default()
}

/// What `mfa enroll` wrote down and did not finish.
fn written_down(home: &Home) -> usize {
    let folder = std::fs::read_dir(home.path().join(".local/state/keyrotate/mfa"));
    folder.into_iter().flatten().flatten().filter(|entry| entry.path().extension().is_some_and(|ext| ext == "json")).count()
}

fn login_works(home: &Home, serial: &str) {
    let code = home.lab.code_of("dev", serial).expect("a code");
    let output = home.run(&["login", "default", "--mfa-code", &code]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

#[test]
fn a_device_is_scanned_from_the_screen_and_opens_sessions() {
    for force_mfa in [false, true] {
        let home = without_device(force_mfa);
        home.write(".aws/config", "# mine\n[default]\noutput = json\n\n[profile x]\nregion = y");
        let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
        type_codes(&home, &mut terminal, &arn("dev"), 1);
        terminal.expect(WRITE);
        terminal.press("y\n");
        let (code, screen) = terminal.end();
        assert!(code == Some(0) && screen.contains("keyrotate login default"), "{screen}");
        let seed = home.lab.world().seeds[0].clone();
        let account = Settings::default().account;
        let address = format!("otpauth://totp/Amazon%20Web%20Services:dev@{account}?secret={seed}&issuer=Amazon%20Web%20Services");
        assert_eq!(scanned(&screen), address);
        assert!(screen.contains(&address) && screen.contains(&crate::lab::canary::in_groups(&seed)), "{screen}");
        assert_eq!(config(&home), format!("# mine\n[default]\nmfa_serial = {}\noutput = json\n\n[profile x]\nregion = y", arn("dev")));
        assert_eq!(home.lab.world().users[0].serials, [arn("dev")]);
        assert_eq!(written_down(&home), 0);
        login_works(&home, &arn("dev"));
        assert_eq!(home.told(), "");
    }
}

#[test]
fn wrong_codes_are_explained_and_asked_for_again_for_the_same_device() {
    let home = without_device(false);
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    expect(&terminal, CODE, 1);
    terminal.press("111111\n");
    expect(&terminal, NEXT, 1);
    terminal.press("111111\n");
    terminal.expect("that is the same code again");
    assert_eq!(calls(&home, "EnableMFADevice"), 0, "the same code twice is not sent");
    expect(&terminal, NEXT, 2);
    terminal.press("222222\n");
    terminal.expect("AWS did not take the two codes");
    terminal.expect("AWS's clock says");
    expect(&terminal, CODE, 2);
    let [first, second] = home.lab.two_codes("dev", &arn("dev")).expect("two codes");
    terminal.press(&format!("{first}\n"));
    expect(&terminal, NEXT, 3);
    terminal.press(&format!("{second}\n"));
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!((calls(&home, "CreateVirtualMFADevice"), calls(&home, "EnableMFADevice")), (1, 2), "{screen}");
    assert!(config(&home).contains(&arn("dev")), "{screen}");
}

#[test]
fn ctrl_c_leaves_no_device() {
    for question in [CODE, NEXT] {
        let home = without_device(false);
        let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
        expect(&terminal, CODE, 1);
        if question == NEXT {
            terminal.press("111111\n");
            expect(&terminal, NEXT, 1);
        }
        terminal.press("\x03");
        let (code, screen) = terminal.end();
        assert!(code == Some(130) && screen.contains("the half-made device is deleted"), "{code:?} {screen}");
        assert_eq!((devices(&home), written_down(&home), config(&home)), (vec![], 0, String::new()), "{screen}");
    }
}

#[test]
fn a_policy_that_denies_the_deletion_is_told_and_the_next_device_has_another_name() {
    let home = without_device(true);
    let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
    expect(&terminal, CODE, 1);
    terminal.press("\x03");
    let (code, screen) = terminal.end();
    assert!(code == Some(130) && screen.contains("is still there") && screen.contains("in an MFA session"), "{screen}");
    assert_eq!(written_down(&home), 1);
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    type_codes(&home, &mut terminal, &arn("dev-2"), 1);
    assert_eq!(terminal.end().0, Some(0));
    login_works(&home, &arn("dev-2"));
    let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
    terminal.expect("make another MFA device?");
    terminal.press("n\n");
    assert_eq!(terminal.end().0, Some(0));
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev-2")], 0), "with a session it is deleted");
}

#[test]
fn killed_at_any_call_the_next_run_leaves_one_device_that_the_profile_names() {
    for action in ["GetCallerIdentity", "ListMFADevices", "ListVirtualMFADevices", "CreateVirtualMFADevice", "EnableMFADevice"] {
        for fault in [Fault::PauseBefore, Fault::PauseAfter] {
            let home = without_device(false);
            home.lab.rules(vec![Rule::on(action, fault.clone())]);
            let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
            if action == "EnableMFADevice" {
                type_codes(&home, &mut terminal, &arn("dev"), 1);
            }
            assert!(home.lab.wait_paused(LIMIT), "{}", terminal.screen());
            terminal.kill();
            home.lab.release(true);
            home.lab.rules(vec![]);
            let was_enabled = !home.lab.world().users[0].serials.is_empty();
            assert_eq!(was_enabled, action == "EnableMFADevice" && fault == Fault::PauseAfter, "{action} {fault:?}");
            let is_written_down = ["CreateVirtualMFADevice", "EnableMFADevice"].contains(&action);
            assert_eq!(written_down(&home), usize::from(is_written_down), "{action} {fault:?}");
            let status = home.run(&["status", "--offline"]);
            let told = status.stdout + &status.stderr;
            assert_eq!(told.contains("the making of the MFA device"), is_written_down, "{action} {fault:?}: {told}");
            let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
            if !was_enabled {
                type_codes(&home, &mut terminal, &arn("dev"), 1);
            }
            let (code, screen) = terminal.end();
            assert_eq!(code, Some(0), "{action} {fault:?}: {screen}");
            assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev")], 0), "{action} {fault:?}: {screen}");
            assert_eq!(config(&home), format!("[default]\nmfa_serial = {}\n", arn("dev")));
        }
    }
}

#[test]
fn a_device_that_somebody_else_made_is_never_deleted() {
    let home = without_device(false);
    home.lab.world().device(&arn("dev")).seed = Some(b"theirs".to_vec());
    let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
    expect(&terminal, CODE, 1);
    assert!(terminal.screen().contains(&arn("dev-2")), "{}", terminal.screen());
    terminal.press("\x03");
    assert_eq!(terminal.end().0, Some(130));
    assert_eq!(devices(&home), [arn("dev")]);
}

#[test]
fn another_device_is_replaced_only_after_the_question() {
    let home = without_device(false);
    let before = format!("[default]\nmfa_serial={}\n", arn("old"));
    home.write(".aws/config", &before);
    let mut terminal = Terminal::open(&home, "mfa enroll", &[("NO_COLOR", "1")]);
    type_codes(&home, &mut terminal, &arn("dev"), 1);
    terminal.expect(WRITE);
    assert!(terminal.screen().contains(&format!("- mfa_serial = {}", arn("old"))), "{}", terminal.screen());
    assert_eq!(config(&home), before);
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("no file was changed"), "{screen}");
    assert_eq!((config(&home), written_down(&home)), (before, 0));
}

#[test]
fn without_a_terminal_nothing_is_made() {
    let home = without_device(false);
    let serial = arn("dev");
    for (args, command) in [
        (&["enroll"][..], "mfa enroll"),
        (&["enroll", "a b", "--name", "it's", "-y"], r"mfa enroll 'a b' --name 'it'\''s' --yes"),
        (&["resync"], "mfa resync"),
        (&["resync", "work", "--serial", &serial], &format!("mfa resync work --serial {serial}")),
    ] {
        let output = home.run(&[&["mfa"], args].concat());
        assert_eq!(output.code, Some(20), "{}", output.stderr);
        assert!(output.stderr.contains(&format!("run `keyrotate {command}` in a terminal")), "{command}: {}", output.stderr);
    }
    assert_eq!(home.lab.calls().len(), 0);
}

#[test]
fn the_devices_are_listed_with_the_profiles_that_name_them() {
    let home = start(Settings::default());
    home.write(".aws/config", &format!("[default]\nmfa_serial = {}\n", arn("gone")));
    let output = home.run(&["mfa", "list"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for told in [
        &format!("{} (virtual), since ", arn("dev")),
        "no profile names it",
        &format!("default names {}, which dev does not have", arn("gone")),
    ] {
        assert!(output.stdout.contains(told), "{told}: {}", output.stdout);
    }
    home.write(".aws/config", &format!("[default]\nmfa_serial = {}\n", arn("dev")));
    let output = home.run(&["mfa", "list", "--json"]);
    assert!(output.stdout.contains("\"kind\": \"virtual\"") && output.stdout.contains("\"wrong\": []"), "{}", output.stdout);
}

#[test]
fn a_device_whose_clock_is_off_is_brought_in_step() {
    let home = start(Settings::default());
    home.lab.world().device(&arn("dev")).ahead = 90;
    let mut terminal = Terminal::open(&home, "mfa resync", &[]);
    type_codes(&home, &mut terminal, &arn("dev"), 1);
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("in step:"), "{screen}");
    let drift = home.lab.world().drift(&arn("dev"));
    assert!((89..=91).contains(&drift), "{drift}");
}

/// Types the codes of the device that is shown, where the program gets so far; its exit code, and the screen.
fn enroll(home: &Arc<Home>) -> (Option<i32>, String) {
    let mut terminal = Terminal::open(home, "mfa enroll --yes", &[]);
    while !terminal.screen().contains(CODE) && !terminal.is_over() {
        std::thread::sleep(Duration::from_millis(10));
    }
    if !terminal.is_over() {
        let screen = terminal.screen();
        let (_, named) = screen.split_once(&arn("")).unwrap_or_else(|| panic!("no device in {screen}"));
        let serial = arn(named.split_whitespace().next().expect("its name"));
        type_codes(home, &mut terminal, &serial, 1);
    }
    terminal.end()
}

#[test]
fn whatever_call_fails_the_next_run_leaves_one_device_that_the_profile_names() {
    let denied = Fault::error(403, "AccessDenied");
    let failed = Fault::ErrorAfter { status: 500, code: "InternalFailure", message: "Injected by the lab." };
    for action in ["GetCallerIdentity", "ListMFADevices", "ListVirtualMFADevices", "CreateVirtualMFADevice", "EnableMFADevice"] {
        for fault in [Fault::DropBefore, Fault::DropAfter, Fault::Garbage, failed.clone(), denied.clone()] {
            for times in [1, 0] {
                let what = format!("{action} {fault:?}, {times} times");
                let home = without_device(false);
                home.lab.rules(vec![Rule::on(action, fault.clone()).times(times)]);
                let (code, screen) = enroll(&home);
                home.lab.rules(vec![]);
                if code != Some(0) {
                    assert!(screen.contains(&format!("iam:{action}")) || screen.contains(&format!("sts:{action}")), "{what}: {screen}");
                    let (code, screen) = enroll(&home);
                    assert_eq!(code, Some(0), "{what}: {screen}");
                }
                let all = devices(&home);
                assert!(all.len() == 1 && home.lab.world().users[0].serials == all, "{what}: {all:?}: {screen}");
                assert_eq!((config(&home), written_down(&home)), (format!("[default]\nmfa_serial = {}\n", all[0]), 0), "{what}: {screen}");
                assert_eq!(home.told(), "", "{what}");
            }
        }
    }
}

#[test]
fn the_root_user_and_roles_are_sent_where_they_get_a_device() {
    let home = without_device(false);
    let root = {
        let mut world = home.lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    home.credentials(&format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret));
    let terminal = Terminal::open(&home, "mfa enroll", &[]);
    let (code, screen) = terminal.end();
    assert!(code == Some(1) && screen.contains("no IAM user") && screen.contains("AWS console"), "{code:?} {screen}");
    let role = "arn:aws:iam::000000000000:role/ops";
    home.write(".aws/config", &format!("[profile ops]\nrole_arn = {role}\nsource_profile = default\n"));
    let (code, screen) = Terminal::open(&home, "mfa enroll ops", &[]).end();
    assert!(code == Some(1) && screen.contains("a role has no MFA device") && screen.contains("that key: default"), "{code:?} {screen}");
    assert_eq!(calls(&home, "CreateVirtualMFADevice"), 0);
}

#[test]
fn a_device_that_may_be_somebody_elses_is_not_deleted_where_the_answer_is_lost() {
    for fault in [Fault::error(500, "InternalFailure"), Fault::DropBefore, Fault::Garbage] {
        let home = without_device(false);
        home.lab.world().device(&arn("dev")).seed = Some(b"theirs".to_vec());
        let unlisted = Rule::on("ListVirtualMFADevices", Fault::error(403, "AccessDenied")).times(0);
        home.lab.rules(vec![unlisted, Rule::on("CreateVirtualMFADevice", fault.clone())]);
        let (code, screen) = Terminal::open(&home, "mfa enroll --yes", &[]).end();
        assert!(code == Some(1) && screen.contains("it cannot be told whose the device is"), "{fault:?}: {code:?} {screen}");
        assert!(!screen.contains("is deleted"), "{fault:?}: {screen}");
        assert_eq!(calls(&home, "DeleteVirtualMFADevice"), 0, "{fault:?}: {screen}");
        assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev")], 0), "{fault:?}: {screen}");
    }
}

#[test]
fn a_half_made_device_stays_written_down_where_the_next_run_cannot_list_it() {
    let home = without_device(true);
    let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
    expect(&terminal, CODE, 1);
    terminal.press("\x03");
    assert_eq!(terminal.end().0, Some(130));
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev")], 1));
    home.lab.rules(vec![Rule::on("ListVirtualMFADevices", Fault::error(403, "AccessDenied")).times(0)]);
    let (code, screen) = Terminal::open(&home, "mfa enroll --yes --name dev", &[]).end();
    assert!(code == Some(1) && screen.contains("is there already"), "{code:?} {screen}");
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    type_codes(&home, &mut terminal, &arn("dev-2"), 1);
    assert_eq!(terminal.end().0, Some(0));
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev"), arn("dev-2")], 1));
    home.lab.rules(vec![]);
    login_works(&home, &arn("dev-2"));
    let mut terminal = Terminal::open(&home, "mfa enroll", &[]);
    terminal.expect("make another MFA device?");
    terminal.press("n\n");
    assert_eq!(terminal.end().0, Some(0));
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev-2")], 0), "what stayed is deleted by the file that names it");
}

/// A user who has the device `dev`, whose `mfa enroll` was killed before it heard so, and whose devices AWS does not list yet.
fn enabled_and_not_listed() -> Arc<Home> {
    let home = without_device(false);
    home.lab.rules(vec![Rule::on("EnableMFADevice", Fault::PauseBefore)]);
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    type_codes(&home, &mut terminal, &arn("dev"), 1);
    assert!(home.lab.wait_paused(LIMIT), "{}", terminal.screen());
    terminal.kill();
    home.lab.release(true);
    assert_eq!(written_down(&home), 1);
    home
}

#[test]
fn a_device_that_aws_lists_late_is_the_users_own_after_all() {
    let home = enabled_and_not_listed();
    home.lab.rules(vec![Rule::on("DeleteVirtualMFADevice", Fault::PauseBefore)]);
    let terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    assert!(home.lab.wait_paused(LIMIT), "{}", terminal.screen());
    home.lab.world().users[0].serials.push(arn("dev"));
    home.lab.release(false);
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && !screen.contains("another user"), "{code:?} {screen}");
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev")], 0), "{screen}");
    assert_eq!(config(&home), format!("[default]\nmfa_serial = {}\n", arn("dev")), "{screen}");
}

#[test]
fn a_device_that_somebody_has_and_aws_does_not_list_stays_written_down() {
    let home = enabled_and_not_listed();
    home.lab.rules(vec![Rule::on("DeleteVirtualMFADevice", Fault::error(409, "DeleteConflict")).times(0)]);
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    expect(&terminal, CODE, 1);
    assert!(terminal.screen().contains(&format!("{} is in use", arn("dev"))), "{}", terminal.screen());
    terminal.press("\x03");
    assert_eq!(terminal.end().0, Some(130));
    home.lab.rules(vec![]);
    home.lab.world().users[0].serials.push(arn("dev"));
    let (code, screen) = Terminal::open(&home, "mfa enroll --yes", &[]).end();
    assert_eq!((code, config(&home)), (Some(0), format!("[default]\nmfa_serial = {}\n", arn("dev"))), "{screen}");
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev")], 0), "{screen}");
}

#[test]
fn a_device_that_the_user_does_not_have_is_refused_before_a_code_is_asked_for() {
    let home = start(Settings::default());
    let other = arn("old");
    for (args, config) in
        [(format!("mfa resync --serial {other}"), String::new()), ("mfa resync".to_owned(), format!("[default]\nmfa_serial = {other}\n"))]
    {
        home.write(".aws/config", &config);
        let (code, screen) = Terminal::open(&home, &args, &[]).end();
        assert!(code == Some(1) && screen.contains(&format!("dev has no MFA device {other}")), "{code:?} {screen}");
        assert!(screen.contains(&arn("dev")) && screen.contains("--serial") && !screen.contains(CODE), "{screen}");
    }
    assert_eq!(calls(&home, "ResyncMFADevice"), 0);
    home.lab.rules(vec![Rule::on("ListMFADevices", Fault::error(403, "AccessDenied")).times(0)]);
    let mut terminal = Terminal::open(&home, &format!("mfa resync --serial {}", arn("dev")), &[]);
    type_codes(&home, &mut terminal, &arn("dev"), 1);
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("in step:"), "where they cannot be listed AWS says it itself: {screen}");
}

#[test]
fn what_is_denied_is_told_with_the_session_and_the_policy_that_may_be_missing() {
    let home = start(Settings::default());
    let login = "keyrotate login default";
    let policy = "keyrotate policy show mfa default";
    let explicit = Fault::ErrorBefore {
        status: 403,
        code: "AccessDenied",
        message: "not authorized, with an explicit deny in an identity-based policy",
    };
    for (fault, told) in [(explicit, &[login][..]), (Fault::error(403, "AccessDenied"), &["iam:ListMFADevices", policy, login])] {
        home.lab.rules(vec![Rule::on("ListMFADevices", fault).times(0)]);
        let output = home.run(&["mfa", "list"]);
        assert_eq!(output.code, Some(12), "{}", output.stderr);
        assert!(told.iter().all(|told| output.stderr.contains(told)), "{told:?}: {}", output.stderr);
    }
    home.lab.rules(vec![Rule::on("ResyncMFADevice", Fault::error(403, "AccessDenied")).times(0)]);
    let mut terminal = Terminal::open(&home, "mfa resync", &[]);
    type_codes(&home, &mut terminal, &arn("dev"), 1);
    let (code, screen) = terminal.end();
    assert!(code == Some(1) && [policy, login].iter().all(|told| screen.contains(told)), "{screen}");
    // Who has no device can open no session either.
    let home = without_device(false);
    home.lab.rules(vec![Rule::on("CreateVirtualMFADevice", Fault::error(403, "AccessDenied")).times(0)]);
    let (code, screen) = Terminal::open(&home, "mfa enroll", &[]).end();
    assert!(code == Some(1) && screen.contains(policy) && !screen.contains(login), "{screen}");
}

#[test]
fn what_is_no_code_costs_the_device_nothing_and_giving_up_tells_what_to_do_with_the_phone() {
    let home = without_device(false);
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    for (time, typed) in ["12345\n", "\n", "1234567\n", "abcdef\n", "12345\n"].iter().enumerate() {
        expect(&terminal, CODE, time + 1);
        terminal.press(typed);
    }
    expect(&terminal, CODE, 6);
    let [first, second] = home.lab.two_codes("dev", &arn("dev")).expect("two codes");
    terminal.press(&format!("{first}\n"));
    expect(&terminal, NEXT, 1);
    terminal.press("x\n");
    expect(&terminal, NEXT, 2);
    terminal.press(&format!("{second}\n"));
    let (code, screen) = terminal.end();
    assert_eq!((code, calls(&home, "CreateVirtualMFADevice")), (Some(0), 1), "{screen}");
    assert_eq!(home.lab.world().users[0].serials, [arn("dev")], "{screen}");

    let home = without_device(false);
    let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
    for time in 1..=3 {
        expect(&terminal, CODE, time);
        terminal.press(&format!("11111{time}\n"));
        expect(&terminal, NEXT, time);
        terminal.press(&format!("22222{time}\n"));
    }
    let (code, screen) = terminal.end();
    assert!(code == Some(1) && screen.contains("the half-made device is deleted"), "{screen}");
    assert!(screen.contains("delete its entry in the authenticator app"), "{screen}");
    // Nobody could scan what was not made.
    home.lab.rules(vec![Rule::on("CreateVirtualMFADevice", Fault::DropBefore).times(0)]);
    let (_, screen) = Terminal::open(&home, "mfa enroll --yes", &[]).end();
    assert!(!screen.contains("authenticator app"), "{screen}");
}

#[test]
fn a_device_that_ended_with_another_user_is_no_business_of_this_one_any_more() {
    let home = enabled_and_not_listed();
    {
        let mut world = home.lab.world();
        let eve = world.add_user("eve", "/team/");
        world.users[eve].serials.push(arn("dev"));
    }
    home.lab.rules(vec![Rule::on("ListVirtualMFADevices", Fault::error(403, "AccessDenied")).times(0)]);
    for (unlisted, told, left) in
        [(true, format!("{} is in use", arn("dev")), 1), (false, format!("{} is the MFA device of team/eve now", arn("dev")), 0)]
    {
        if !unlisted {
            home.lab.rules(vec![]);
        }
        let mut terminal = Terminal::open(&home, "mfa enroll --yes", &[]);
        expect(&terminal, CODE, 1);
        assert!(terminal.screen().contains(&told), "{}", terminal.screen());
        assert_eq!(written_down(&home), left + 1, "with that of the new one");
        terminal.press("\x03");
        assert_eq!(terminal.end().0, Some(130));
    }
    assert_eq!((devices(&home), written_down(&home)), (vec![arn("dev")], 0), "hers is as it was");
}
