//! `exec`: the program in the place of keyrotate. What it gets, what it does not get, and that everything else is its own.

use crate::bench::{asked, code, given, login, program, runs, start, told};
use crate::home::{Home, Output, Run};

fn exec(home: &Home, script: &str, env: &[(&'static str, &str)]) -> Output {
    let args = ["exec", "--no-input", "--", "sh", "-c", script];
    let mut run = Run::new(&args);
    run.env.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
    home.run_with(&run)
}

#[test]
fn the_exit_code_and_the_signal_are_the_programs_own() {
    let home = start();
    login(&home);
    for code in [0, 1, 2, 20, 125, 255] {
        assert_eq!(exec(&home, &format!("exit {code}"), &[]).code, Some(code));
    }
    for signal in ["INT", "TERM", "KILL", "HUP"] {
        assert_eq!(exec(&home, &format!("kill -{signal} $$; exit 0"), &[]).code, None, "{signal}");
    }
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn no_signal_is_blocked_or_ignored_in_the_program_but_what_the_parent_ignores_cold_or_warm() {
    let home = start();
    let mask = |text: &str, name: &str| text.lines().find_map(|line| u64::from_str_radix(line.strip_prefix(name)?.trim(), 16).ok());
    // A shell's job in the background ignores SIGQUIT.
    let ignored = mask(&std::fs::read_to_string("/proc/self/status").unwrap(), "SigIgn:").unwrap();
    let args = ["exec", "--mfa-code", &code(&home), "--", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
    for _ in ["cold", "warm"] {
        let output = home.run(&args);
        // Signals 32 and 33 are the C library's own, which ignores them in what it starts.
        let added = mask(&output.stdout, "SigIgn:").map(|mask| mask & 0x7fff_ffff & !ignored);
        assert_eq!((mask(&output.stdout, "SigBlk:"), added), (Some(0), Some(0)), "{}", output.stderr);
    }
}

/// HUP, INT and TERM, as the system counts signals in a mask.
const IGNORED: u64 = 1 | 1 << 1 | 1 << 14;

#[test]
fn a_signal_that_is_ignored_stays_so_for_keyrotate_and_for_the_program_cold_or_warm() {
    let home = start();
    // As nohup does it.
    let ignoring = ["sh", "-c", "trap '' HUP INT TERM; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    program(&home, &format!("for s in HUP INT TERM; do kill -$s $PPID; done; sleep 0.2; echo {}", code(&home)));
    let args = ["exec", "--no-input", "--", "sh", "-c", "grep ^SigIgn /proc/$$/status; kill -HUP $$; kill -TERM $$; echo lives"];
    for _ in ["cold", "warm"] {
        let output = home.run_with(&Run { prefix: ignoring.clone(), ..Run::new(&args) });
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        let mask = output.stdout.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
        assert_eq!(mask.map(|mask| mask & IGNORED), Some(IGNORED), "{}", output.stdout);
        assert!(output.stdout.ends_with("lives\n"), "{}", output.stdout);
    }
    assert_eq!(runs(&home), 1);
}

#[test]
fn a_stopped_program_is_stopped_itself_and_goes_on() {
    let home = start();
    login(&home);
    let script = "(sleep 0.1; kill -CONT $$) & kill -TSTP $$; echo went on";
    assert_eq!(exec(&home, script, &[]).stdout, "went on\n");
}

#[test]
fn it_is_in_the_place_of_keyrotate_with_its_number_and_its_input() {
    let home = start();
    login(&home);
    let mut run = Run::new(&["exec", "--no-input", "--", "sh", "-c", "cat; echo $$; ls /proc/self/fd | wc -l"]);
    run.prefix = ["sh", "-c", "echo data >in; echo $$; ls /proc/self/fd | wc -l; exec \"$@\" <in", "sh"].map(str::to_owned).to_vec();
    let output = home.run_with(&run);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{output:?}");
    assert_eq!((lines[2], lines[3]), ("data", lines[0]), "another process");
    assert_eq!(lines[4], lines[1], "a file of ours is open in the program");
}

#[test]
fn it_gets_the_session_and_both_regions_and_no_other_way_to_credentials() {
    let home = start();
    login(&home);
    let session = given(&home, "default");
    let foreign = [
        ("AWS_PROFILE", "default"),
        ("AWS_DEFAULT_PROFILE", "default"),
        ("AWS_SECURITY_TOKEN", "old"),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/R"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "x"),
        ("KEEP", "this"),
    ];
    let output = exec(&home, "env | grep -vE 'SECRET|TOKEN' ; test -n \"$AWS_SECRET_ACCESS_KEY$AWS_SESSION_TOKEN\"", &foreign);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let value = |name: &str| output.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
    for (name, _) in foreign.iter().filter(|(name, _)| *name != "KEEP") {
        assert_eq!(value(name), None, "{name}");
    }
    assert_eq!((value("KEEP").as_deref(), value("KEYROTATE_PROFILE").as_deref()), (Some("this"), Some("default")));
    assert_eq!(value("AWS_ACCESS_KEY_ID").as_deref(), Some(session.id.as_str()));
    assert_eq!((value("AWS_REGION"), value("AWS_DEFAULT_REGION")), (Some("us-east-1".to_owned()), Some("us-east-1".to_owned())));
    assert!(value("AWS_CREDENTIAL_EXPIRATION").is_some_and(|at| at.ends_with('Z')));
    let exact = exec(&home, &format!("test \"$AWS_SESSION_TOKEN\" = '{}'", session.token), &[]);
    // The token stands in the arguments here, which is the test's own doing.
    assert!(exact.code == Some(0) && home.found().len() == 1);
}

#[test]
fn what_cannot_be_started_is_126_or_127_and_what_is_ours_125() {
    let home = start();
    told(&home.run(&["exec", "--no-input", "--", "true"]), 125, &["an MFA code is needed"]);
    told(&home.run(&["exec", "nowhere", "--no-input", "--", "true"]), 125, &["nowhere"]);
    login(&home);
    let plain = home.scratch("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let (plain, folder) = (plain.display().to_string(), home.path().display().to_string());
    for (word, code, said) in [
        ("no-such-program", 127, "was not found"),
        ("/no/such/program", 127, "was not found"),
        (plain.as_str(), 126, "cannot be run"),
        (folder.as_str(), 126, "cannot be run"),
    ] {
        told(&home.run(&["exec", "--no-input", "--", word]), code, &[word, said, "nothing was started"]);
    }
}

#[test]
fn inside_another_exec_it_is_refused_unless_it_is_asked_for() {
    let home = start();
    login(&home);
    let program = env!("CARGO_BIN_EXE_keyrotate");
    let inner = |option: &str| exec(&home, &format!("exec {program} exec --no-input {option} -- echo inner"), &[]);
    told(&inner(""), 125, &["on a session of the profile default already", "--nested"]);
    assert_eq!(inner("--nested").stdout, "inner\n");
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn without_a_program_it_is_the_shell() {
    let home = start();
    login(&home);
    let shell = home.scratch("shell");
    std::fs::write(&shell, "#!/bin/sh\necho this shell $# $KEYROTATE_PROFILE\n").unwrap();
    std::fs::set_permissions(&shell, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut run = Run::new(&["exec", "--no-input"]);
    run.env.push(("SHELL", shell.display().to_string()));
    assert_eq!(home.run_with(&run).stdout, "this shell 0 default\n");
}
