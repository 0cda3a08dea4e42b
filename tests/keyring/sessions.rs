//! Sessions of a key in the keychain: it is asked once, when a session has to be opened, and never where one is open.

use crate::bed::{Bed, ITEM, content, fine, told};
use crate::home::Problem;

const EXEC: &[&str] = &["exec", "--no-input", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID"];
const PROCESS: &[&str] = &["credential-process", "default", "--no-input"];

#[test]
fn a_login_takes_the_key_from_the_item_and_everything_after_it_needs_no_keychain() {
    let bed = Bed::start();
    fine(&bed.run(&["status"]));
    fine(&bed.login());
    bed.kill_daemon();
    let session = bed.home.lab.world().sessions.first().expect("a session").id.clone();
    let exec = bed.run(EXEC);
    assert_eq!((exec.code, exec.stdout.trim()), (Some(0), session.as_str()), "{}", exec.stderr);
    // Not even where the bus is.
    let warm = bed.home.run(PROCESS);
    assert!(warm.code == Some(0) && warm.stdout.contains(&session), "{}", warm.stderr);
    fine(&bed.home.run(&["status", "--offline"]));
    bed.is_in_no_file();
}

#[test]
fn the_program_that_the_config_names_opens_the_session_cold() {
    let bed = Bed::start();
    let code = bed.home.lab.code("dev").unwrap();
    let cold = bed.run(&["credential-process", "default", "--no-input", "--mfa-code", &code]);
    assert!(cold.code == Some(0) && cold.stdout.contains("ASIA"), "{}", cold.stderr);
    bed.holds_only(&bed.home.old);
}

#[test]
fn where_a_session_is_open_no_socket_and_no_thread_is_made() {
    let bed = Bed::start();
    fine(&bed.login());
    for args in [PROCESS, EXEC] {
        let trace = bed.home.scratch("trace");
        let mut run = bed.with(args);
        let calls = "trace=socket,connect,clone,clone3,execve";
        run.prefix = ["strace", "-f", "-e", calls, "-o"].map(str::to_owned).into_iter().chain([trace.display().to_string()]).collect();
        fine(&bed.home.run_with(&run));
        let text = std::fs::read_to_string(&trace).unwrap();
        let own = text.split("execve(\"/bin/sh\"").next().unwrap();
        let own = own.split("execve(\"/usr/bin/sh\"").next().unwrap();
        assert!(
            own.contains("execve(")
                && !own.contains("socket(")
                && !own.contains("connect(")
                && !own.contains("clone(")
                && !own.contains("clone3("),
            "{own}"
        );
    }
}

#[test]
fn status_says_the_age_and_which_item_and_remembers_it_while_the_keychain_is_away() {
    let bed = Bed::start();
    let status = bed.run(&["status"]);
    let text = status.stdout;
    assert!(
        text.contains(&format!("keychain item {ITEM}")) && text.contains("created:") && text.contains(&bed.home.old.id),
        "{text}{}",
        status.stderr
    );
    let json: serde_json::Value = serde_json::from_str(&bed.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(json["keys"][0]["holders"], serde_json::json!([{"keychain_item": ITEM}]));
    bed.lock();
    let locked = bed.run(&["status"]);
    assert!(locked.stdout.contains("created:") && locked.stdout.contains("unlock"), "{}{}", locked.stdout, locked.stderr);
    assert_eq!(locked.code, Some(12));
    bed.is_in_no_file();
}

#[test]
fn status_looks_with_the_session_that_is_open_where_the_keychain_is_locked() {
    let bed = Bed::start();
    fine(&bed.login());
    bed.lock();
    let status = bed.run(&["status"]);
    assert!(status.code == Some(0) && status.stdout.contains("created:"), "{}{}", status.stdout, status.stderr);
}

#[test]
fn without_the_secret_no_session_is_opened_and_the_way_to_it_is_said() {
    let bed = Bed::start();
    let code = bed.home.lab.code("dev").unwrap();
    let login = ["login", "--no-input", "--mfa-code", code.as_str()];
    bed.lock();
    told(&bed.run(&login), 1, &["keychain item work cannot be read", "is locked", "unlock it", "no session was opened"]);
    told(&bed.home.run(&login), 1, &["no keychain answers", "DBUS_SESSION_BUS_ADDRESS"]);
    bed.kill_daemon();
    told(&bed.run(&login), 1, &["no keychain answers"]);
    assert_eq!(bed.home.lab.calls().len(), 0, "a code was spent");
    bed.start_daemon();
    fine(&bed.run(&login));
    assert_eq!(bed.get(ITEM), Ok(Some(content(&bed.home.old))));
}

#[test]
fn the_long_term_key_itself_is_given_where_it_is_asked_for_in_so_many_words() {
    let bed = Bed::start();
    let output = bed.run(&["exec", "--no-session", "--no-input", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID"]);
    assert_eq!((output.code, output.stdout.trim()), (Some(0), bed.home.old.id.as_str()), "{}", output.stderr);
    bed.is_in_no_file();
    // Among the program's variables, which is what was asked for.
    assert_eq!(bed.home.found().keys().filter(|problem| **problem == Problem::Leak).count(), 1);
}

#[test]
fn a_program_inherits_nothing_of_the_way_to_the_keychain() {
    let bed = Bed::start();
    let code = bed.home.lab.code("dev").unwrap();
    let output = bed.run(&[
        "exec",
        "--no-input",
        "--mfa-code",
        &code,
        "--",
        "sh",
        "-c",
        "ls -l /proc/self/fd | grep -c socket; ls /proc/self/task | wc -l",
    ]);
    assert_eq!((output.code, output.stdout.split_whitespace().collect::<Vec<_>>()), (Some(0), vec!["0", "1"]), "{}", output.stderr);
}
