//! Sessions whose secrets are in the keychain, by `session_store`: no file has them, and without the keychain there is none.

use std::sync::Arc;

use rustix::process::Signal;

use crate::bed::{Bed, ITEM, ROTATE, content, fine, told};
use crate::lab::Settings;

const IN_KEYCHAIN: &str = "[keychain]\nsession_store = \"keychain\"\n";
const EXEC: &[&str] = &["exec", "--no-input", "--", "sh", "-c", "echo $AWS_SESSION_TOKEN"];
const PROCESS: &[&str] = &["credential-process", "default", "--no-input"];

/// The key is in an item, and so are sessions.
fn start() -> Arc<Bed> {
    let bed = Bed::start();
    set(&bed, IN_KEYCHAIN);
    bed
}

fn set(bed: &Bed, text: &str) {
    let _ = std::fs::create_dir_all(bed.home.path().join(".config/keyrotate"));
    bed.home.write(".config/keyrotate/config.toml", text);
}

/// The item of the newest session.
fn item(bed: &Bed) -> String {
    format!("keyrotate-session-{}", bed.home.lab.world().sessions.last().expect("a session").id)
}

/// No file below HOME has the secret or the token of a session.
#[track_caller]
fn no_file_has_a_session(bed: &Bed) {
    let found = files_with_sessions(bed);
    assert!(found.is_empty(), "{found:?}");
    bed.is_in_no_file();
}

fn files_with_sessions(bed: &Bed) -> Vec<String> {
    let secrets: Vec<String> = bed.home.lab.world().sessions.iter().flat_map(|own| [own.secret.clone(), own.token.clone()]).collect();
    assert!(!secrets.is_empty());
    let (mut found, mut folders) = (Vec::new(), vec![bed.home.path()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && secrets.iter().any(|secret| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()))
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// The session is served, by both ways, and AWS is not called for it.
#[track_caller]
fn is_served(bed: &Bed) {
    let (token, calls) = {
        let session = bed.home.lab.world().sessions.last().expect("a session").token.clone();
        (session, bed.home.lab.calls().len())
    };
    let process = bed.run(PROCESS);
    assert!(process.code == Some(0) && process.stdout.contains(&token), "{}", process.stderr);
    let exec = bed.run(EXEC);
    assert_eq!((exec.code, exec.stdout.trim()), (Some(0), token.as_str()), "{}", exec.stderr);
    let env = bed.run(&["env", "--no-input"]);
    assert!(env.code == Some(0) && env.stdout.contains(&token), "{}", env.stderr);
    assert_eq!(bed.home.lab.calls().len(), calls, "AWS was called");
}

#[test]
fn the_item_serves_until_it_is_forgotten_and_no_file_has_its_secrets() {
    let bed = start();
    fine(&bed.login());
    assert_eq!(bed.items(), [item(&bed).as_str(), ITEM]);
    no_file_has_a_session(&bed);
    is_served(&bed);
    let status = bed.run(&["status", "--offline"]);
    assert!(status.stdout.contains("session"), "{}{}", status.stdout, status.stderr);
    let logout = bed.run(&["logout"]);
    assert!(logout.code == Some(0) && logout.stdout.contains("one session is forgotten"), "{}{}", logout.stdout, logout.stderr);
    assert_eq!(bed.items(), [ITEM]);
    told(&bed.run(PROCESS), 20, &["code"]);
    no_file_has_a_session(&bed);
}

#[test]
fn what_the_keychain_does_not_give_is_told_and_no_code_is_asked_for_or_spent() {
    let bed = start();
    fine(&bed.login());
    let (item, calls) = (item(&bed), bed.home.lab.calls().len());
    let code = bed.home.lab.code("dev").unwrap();
    let fresh = ["login", "--fresh", "--no-input", "--mfa-code", code.as_str()];
    let withheld = [item.as_str(), "cannot be read", "no session was opened", "session_store = \"file\""];
    let both = |said: &str, run: &dyn Fn(&[&str]) -> crate::home::Output| {
        told(&run(PROCESS), 1, &[&withheld[..], &[said]].concat());
        told(&run(EXEC), 125, &[&withheld[..], &[said]].concat());
        told(&run(&fresh), 1, &["keychain item", "cannot be written", said, "no session was opened"]);
    };
    bed.lock();
    both("unlock it", &|args| bed.run(args));
    let logout = bed.run(&["logout", "--all"]);
    told(&logout, 1, &[&item, "cannot be removed", "unlock it", "no session is forgotten", "run this again when the keychain answers"]);
    both("no keychain answers", &|args| bed.home.run(args));
    bed.signal_daemon(Signal::STOP);
    told(&bed.run(PROCESS), 1, &["did not answer within 3 s", "no session was opened"]);
    bed.signal_daemon(Signal::CONT);
    bed.kill_daemon();
    both("no keychain answers", &|args| bed.run(args));
    assert_eq!(bed.home.lab.calls().len(), calls, "a code was spent");
    bed.start_daemon();
    is_served(&bed);
    fine(&bed.run(&["logout", "--all"]));
    assert_eq!(bed.items(), [ITEM]);
    no_file_has_a_session(&bed);
}

/// A login in the place of another, killed as it makes this call for the nth time; whether it was. Whatever is left is forgotten by a logout.
fn killed_at(call: &str, nth: usize) -> bool {
    let place = format!("{call} {nth}");
    let bed = start();
    fine(&bed.login());
    let code = bed.home.lab.code("dev").unwrap();
    let words = ["login", "--fresh", "--no-input", "--mfa-code", code.as_str()];
    let mut run = bed.with(&words);
    let inject = format!("-einject={call}:signal=KILL:when={nth}");
    run.prefix = ["strace", "-f", "-qq", "-o/dev/null", &inject].map(str::to_owned).to_vec();
    let output = bed.home.run_with(&run);
    assert!(output.code.is_none_or(|code| code == 0), "{place}: {}", output.stderr);
    no_file_has_a_session(&bed);
    let process = bed.run(PROCESS);
    assert!(matches!(process.code, Some(0 | 20)), "{place}: {:?} {}", process.code, process.stderr);
    fine(&bed.run(&["logout", "--all"]));
    assert_eq!(bed.items(), [ITEM], "{place}");
    let cache = std::fs::read_dir(bed.home.path().join(".cache/keyrotate/sessions")).unwrap();
    let left: Vec<_> = cache.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.ends_with(".json") && !name.ends_with(".left")), "{place}: {left:?}");
    output.code.is_none()
}

#[test]
fn a_login_that_is_killed_anywhere_leaves_no_item_that_a_logout_does_not_find() {
    let killed: Vec<usize> = std::thread::scope(|scope| {
        let of = |call| scope.spawn(move || (1..).take_while(|nth| killed_at(call, *nth)).count());
        ["rename", "sendmsg", "unlink"].map(of).into_iter().map(|calls| calls.join().unwrap()).collect()
    });
    assert!(killed.iter().zip([3, 8, 1]).all(|(killed, least)| *killed >= least), "{killed:?}");
}

#[test]
fn a_rotation_takes_the_session_along_in_its_item() {
    let bed = start();
    fine(&bed.login());
    fine(&bed.run(ROTATE));
    let new = bed.newest();
    assert_eq!((bed.get(ITEM), bed.items()), (Ok(Some(content(&new))), vec![item(&bed), ITEM.to_owned()]));
    is_served(&bed);
    fine(&bed.run(&["logout"]));
    bed.holds_only(&new);
    no_file_has_a_session(&bed);
}

#[test]
fn the_key_may_be_in_a_file_and_a_new_login_replaces_the_item() {
    let bed = Bed::plain(Settings::default());
    set(&bed, IN_KEYCHAIN);
    fine(&bed.login());
    let first = item(&bed);
    assert_eq!((bed.items(), files_with_sessions(&bed)), (vec![first.clone()], Vec::new()));
    is_served(&bed);
    fine(&bed.run(&["login", "--fresh", "--no-input", "--mfa-code", &bed.home.lab.code("dev").unwrap()]));
    assert_ne!(item(&bed), first);
    assert_eq!((bed.items(), files_with_sessions(&bed)), (vec![item(&bed)], Vec::new()));
    is_served(&bed);
}

#[test]
fn an_item_that_somebody_removed_is_opened_anew_with_a_word() {
    let bed = start();
    fine(&bed.login());
    let first = item(&bed);
    bed.clear(&first);
    told(&bed.run(PROCESS), 20, &[&first, "is not there", "code"]);
    fine(&bed.login());
    assert_eq!(bed.items(), [item(&bed).as_str(), ITEM]);
    is_served(&bed);
}

#[test]
fn after_a_switch_what_is_open_serves_and_the_next_one_goes_where_the_setting_says() {
    let bed = Bed::start();
    fine(&bed.login());
    assert_eq!((bed.items(), files_with_sessions(&bed).len()), (vec![ITEM.to_owned()], 1));
    set(&bed, IN_KEYCHAIN);
    is_served(&bed);
    let next = |bed: &Bed| bed.run(&["login", "--fresh", "--no-input", "--mfa-code", &bed.home.lab.code("dev").unwrap()]);
    fine(&next(&bed));
    assert_eq!(bed.items(), [item(&bed).as_str(), ITEM]);
    no_file_has_a_session(&bed);
    is_served(&bed);
    set(&bed, "[keychain]\nsession_store = \"file\"\n");
    is_served(&bed);
    fine(&bed.run(&["logout"]));
    assert_eq!(bed.items(), [ITEM]);
}

#[test]
fn who_goes_back_to_files_for_want_of_a_keychain_gets_sessions_and_the_items_go_when_it_is_back() {
    let bed = Bed::plain(Settings::default());
    set(&bed, IN_KEYCHAIN);
    fine(&bed.login());
    let left = item(&bed);
    set(&bed, "");
    let login = bed.home.run(&["login", "--no-input", "--mfa-code", &bed.home.lab.code("dev").unwrap()]);
    told(&login, 0, &["is not used", &left, "no keychain answers"]);
    assert_eq!((item(&bed) != left, files_with_sessions(&bed).len(), bed.items()), (true, 1, vec![left.clone()]));
    is_served(&bed);
    told(&bed.home.run(&["logout", "--all"]), 1, &[&left, "cannot be removed", "others may be left"]);
    assert_eq!(files_with_sessions(&bed), Vec::<String>::new());
    fine(&bed.run(&["logout", "--all"]));
    assert_eq!(bed.items(), Vec::<String>::new());
}
