//! A root user's key: whoever uses its sessions hears of it on standard error, without a call or a file more.

use std::sync::Arc;

use crate::bench::{asked, given_by, settings, told, words};
use crate::home::{Home, Problem};
use crate::lab::Settings;

const PHONE: &str = "arn:aws:iam::000000000000:mfa/phone";
const REMOVE: &str = "`keyrotate root-key remove boss --admin PROFILE` removes it";

/// A profile with a key of the root user, who has this device.
fn boss(serial: Option<&str>) -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    let root = {
        let mut world = home.lab.world();
        let root = world.add_root();
        world.users[root].serials = serial.into_iter().map(str::to_owned).collect();
        world.add_settled_key(root)
    };
    let section = format!("[profile boss]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret);
    let device = serial.map(|serial| format!("mfa_serial = {serial}\n")).unwrap_or_default();
    home.write(".aws/config", &(section + &device));
    home
}

#[test]
fn each_use_of_a_root_session_is_warned_of_in_one_line() {
    let home = boss(Some(PHONE));
    let code = home.lab.code("root").expect("a code");
    let login = home.run(&["login", "boss", "--no-input", "--mfa-code", &code]);
    assert!(login.code == Some(0) && words(&login.stderr).contains(REMOVE), "{}", login.stderr);
    let calls = asked(&home);
    assert_eq!(calls, ["GetSessionToken"]);
    for args in [
        &["credential-process", "boss"][..],
        &["env", "boss", "--format", "json", "--no-input"],
        &["exec", "boss", "--", "true"],
        &["login", "boss"],
    ] {
        let output = home.run(args);
        let warned = output.stderr.lines().filter(|line| line.contains(REMOVE)).count();
        assert_eq!((output.code, warned, output.stdout.contains("root")), (Some(0), 1, false), "{args:?} {output:?}");
        if args[0] == "credential-process" {
            given_by(&home, &output);
            assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        }
    }
    assert_eq!(asked(&home), calls, "what is open is known by itself");
}

#[test]
fn the_sessions_of_an_iam_user_are_not_warned_of() {
    let home = crate::bench::start();
    for length in ["12h", "1h"] {
        let code = home.lab.code("dev").expect("a code");
        let output = home.run(&["login", "--fresh", "--no-input", "--duration", length, "--mfa-code", &code]);
        assert!(output.code == Some(0) && output.stderr.is_empty(), "{}", output.stderr);
    }
}

#[test]
fn what_status_saw_is_remembered_where_nothing_is_asked() {
    let home = boss(None);
    let list = home.run(&["keys", "list"]);
    assert!(list.code == Some(0) && !list.stdout.contains("root"), "{}", list.stdout);
    let status = home.run(&["status", "boss"]);
    assert!(status.code == Some(11) && status.stdout.contains("keyrotate root-key remove boss --admin PROFILE"), "{}", status.stdout);
    let calls = asked(&home).len();
    let list = home.run(&["keys", "list"]);
    assert!(words(&list.stdout).contains(REMOVE), "{}", list.stdout);
    let list: serde_json::Value = serde_json::from_str(&home.run(&["keys", "list", "--json"]).stdout).unwrap();
    let roots = list["keys"].as_array().unwrap().iter().map(|key| (key["profiles"][0] == "boss", key["root_user"] == true));
    assert!(roots.clone().count() == 3 && roots.clone().all(|(is_boss, is_root)| is_boss == is_root), "{list}");
    let bare = home.run(&["exec", "boss", "--no-session", "--", "true"]);
    assert!(bare.code == Some(0) && words(&bare.stderr).contains(REMOVE), "{}", bare.stderr);
    assert!(home.found()[&Problem::Leak].contains("what was executed"), "--no-session is what it says: {}", home.told());
    let mut run = crate::home::Run::new(&["status", "--prompt"]);
    run.env.push(("AWS_PROFILE", "boss".to_owned()));
    assert_eq!(home.run_with(&run).stdout, "boss root key\n");
    assert_eq!(asked(&home).len(), calls, "nobody was asked");
    told(&home.run(&["login", "boss", "--no-input"]), 1, &["no MFA device", REMOVE]);
    settings(&home, "[defaults]\nrequire_mfa = false\n");
    let short = home.run(&["login", "boss", "--no-input", "--duration", "15m"]);
    assert!(short.code == Some(0) && words(&short.stderr).contains(REMOVE), "{}", short.stderr);
}
