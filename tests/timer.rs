//! `keyrotate timer`: what it writes is what systemd, launchd's format and cron take, and what they then run rotates a due key. Invariant:
//! the machine's own timers are not touched: daemons and crontabs live in a mount namespace that ends with the test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use home::{Home, Output, Run};
use lab::Settings;
use lab::key::Status;

const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");

/// A HOME whose key is overdue, and an empty directory for what is put in the place of the system's programs.
fn start() -> Arc<Home> {
    let home = Home::new(PROGRAM, Settings::default(), true);
    home.lab.world().keys[0].created_at -= 100.0 * 86_400.0;
    std::fs::create_dir(home.scratch("bin")).unwrap();
    home
}

fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The program that a timer runs: the real one, in the lab's quick time, and whose name has what units, lists and crontabs must escape.
fn installed(home: &Home) -> PathBuf {
    let directory = home.scratch("a & 5% off");
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("keyrotate");
    // At once: without a terminal `auto` waits for a random while before it rotates.
    script(
        &path,
        &format!(
            "[ \"$*\" = auto ] || exit 99\nenv >'{}'\numask >'{}'\n\
             KEYROTATE_TIME_SCALE=0.1 exec {PROGRAM} auto --now",
            home.scratch("environment").display(),
            home.scratch("umask").display()
        ),
    );
    path
}

/// Puts programs that note how they were called, and succeed, in the place of the system's.
fn noted(home: &Home, names: &[&str]) {
    for name in names {
        script(&home.scratch("bin").join(name), &format!("echo \"{name} $*\" >>\"$HOME/../called\"\n[ \"$1 $name\" != '-l ' ]"));
    }
}

fn called(home: &Home) -> String {
    let text = std::fs::read_to_string(home.scratch("called")).unwrap_or_default();
    let _ = std::fs::remove_file(home.scratch("called"));
    text
}

fn run(home: &Home, args: &[&str], env: &[(&'static str, &str)]) -> Output {
    let mut run = Run::new(args);
    run.env.push(("PATH", format!("{}:/usr/bin:/bin", home.scratch("bin").display())));
    run.env.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
    home.run_with(&run)
}

fn good(output: &Output) -> &str {
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
    &output.stdout
}

/// Runs one of the scripts beside this file in a mount namespace, which only root may make.
fn in_a_namespace(home: &Home, name: &str, env: &[(&'static str, &str)]) -> Output {
    assert!(rustix::process::geteuid().is_root(), "this test needs root: it starts a daemon in a mount namespace");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timer").join(name);
    let program = installed(home);
    let program = program.to_str().unwrap();
    let mut run = Run::new(std::slice::from_ref(&program));
    run.prefix = ["unshare", "--mount", "sh", script.to_str().unwrap()].map(str::to_owned).to_vec();
    run.env.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
    home.run_with(&run)
}

fn rotated(home: &Home) {
    let old = home.lab.world().keys.iter().find(|key| key.id == home.old.id).unwrap().status;
    assert_eq!(old, Status::Deleted, "the due key was not rotated");
    home.look("after the timer's run");
    assert_eq!(home.told(), "");
}

/// Every path below HOME, directories included.
fn tree(home: &Home) -> BTreeSet<PathBuf> {
    let (mut paths, mut folders) = (BTreeSet::new(), vec![home.path()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            paths.insert(path);
        }
    }
    paths
}

/// Runs a tool that has to be there; what it says is an answer too.
fn tool(words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("XDG_RUNTIME_DIR", std::env::temp_dir());
    let output = command.output().unwrap_or_else(|error| panic!("`{}` is missing ({error}): tests/run installs it", words[0]));
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn cron_runs_the_line_in_its_bare_environment_and_a_due_key_is_rotated() {
    let home = start();
    let before = tree(&home);
    let output = in_a_namespace(&home, "cron.sh", &[("AWS_CONFIG_FILE", "~/my 100% config"), ("AWS_SECRET_ACCESS_KEY", &home.old.secret)]);
    let said = good(&output);
    let log = std::fs::read_to_string(home.scratch("log")).unwrap_or_default();
    assert!(said.contains("result 0\n"), "{said}{log}");
    assert_eq!(said.matches("mode 600\n").count(), 2, "{said}");
    assert!(log.contains("rotated"), "{said}{log}");
    rotated(&home);
    let environment = std::fs::read_to_string(home.scratch("environment")).unwrap();
    for set in ["PATH=/usr/local/bin:/usr/bin:/bin\n", "AWS_CONFIG_FILE=~/my 100% config\n", "AWS_REGION=us-east-1\n"] {
        assert!(environment.contains(set), "{environment}");
    }
    assert!(!environment.contains("KEYROTATE_TIME_SCALE") && !environment.contains("AWS_EC2_METADATA_DISABLED"), "{environment}");
    assert!(said.contains("on: crontab line") && said.contains(", exit code 0\n") && said.contains("next run: "), "{said}");
    assert!(said.ends_with("5 5 * * * /bin/true\nno timer is installed\n") && said.contains("\nleft: HOME="), "{said}");
    let once = std::fs::read_to_string(home.scratch("once")).unwrap();
    assert!(once.contains("AWS_SECRET_ACCESS_KEY is set here and is not carried along"), "{once}");
    assert!(std::fs::read_to_string(home.scratch("twice")).unwrap().contains("is there already, and as it should be"));
    // What the rotation itself keeps stays: journal, history and the lock.
    let left: Vec<_> = tree(&home).difference(&before).map(|path| path.strip_prefix(home.path()).unwrap().to_owned()).collect();
    assert!(left.iter().all(|path| !path.to_string_lossy().contains("timer")), "{left:?}");
}

#[test]
fn a_systemd_user_manager_runs_the_service_under_its_limits_and_a_due_key_is_rotated() {
    let home = start();
    let before = tree(&home);
    let output = in_a_namespace(&home, "systemd.sh", &[("AWS_CONFIG_FILE", "~/my \"100%\" config")]);
    let said = good(&output);
    rotated(&home);
    let environment = std::fs::read_to_string(home.scratch("environment")).unwrap();
    assert!(environment.contains("AWS_CONFIG_FILE=~/my \"100%\" config\n"), "{environment}");
    assert_eq!(std::fs::read_to_string(home.scratch("umask")).unwrap(), "0077\n");
    assert!(said.contains("on: systemd user timer") && said.contains(", exit code 0\n"), "{said}");
    let next = said.rsplit("next run: ").next().unwrap();
    assert!(next.starts_with(|c: char| c.is_ascii_uppercase()) && !next.starts_with("unknown"), "{said}");
    assert!(said.contains("0 unit files listed"), "{said}");
    assert!(std::fs::read_to_string(home.scratch("twice")).unwrap().contains("is there already, and as it should be"));
    let left: Vec<_> = tree(&home).difference(&before).map(|path| path.strip_prefix(home.path()).unwrap().to_owned()).collect();
    assert!(left.iter().all(|path| !path.to_string_lossy().contains("keyrotate.") && !path.starts_with(".config/systemd")), "{left:?}");
}

#[test]
fn the_units_pass_systemds_own_check() {
    let home = start();
    noted(&home, &["systemctl"]);
    let program = installed(&home);
    let args = ["timer", "install", "--yes", "--force", "--kind", "systemd", "--program", program.to_str().unwrap()];
    run(&home, &args, &[("AWS_CONFIG_FILE", "~/my \"100%\" \\config"), ("NO_PROXY", "a,b c")]);
    let units = home.path().join(".config/systemd/user");
    let packaged = home.scratch("packaged");
    std::fs::create_dir(&packaged).unwrap();
    for name in ["keyrotate.service", "keyrotate.timer"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd").join(name)).unwrap();
        // The check looks for the program, which a package puts there.
        std::fs::write(packaged.join(name), text.replace("/usr/bin/keyrotate", "/bin/true")).unwrap();
    }
    for directory in [units, packaged] {
        let paths = ["keyrotate.service", "keyrotate.timer"].map(|name| directory.join(name).to_str().unwrap().to_owned());
        assert_eq!(tool(&["systemd-analyze", "--user", "--man=no", "verify", &paths[0], &paths[1]]), (Some(0), String::new()));
    }
    // The check does see what is wrong.
    let wrong = home.scratch("wrong.service");
    std::fs::write(&wrong, "[Service]\nType=oneshot\nExecStart=/bin/true\nUMaks=0077\n").unwrap();
    assert!(tool(&["systemd-analyze", "--user", "--man=no", "verify", wrong.to_str().unwrap()]).1.contains("UMaks"));
}

/// Reads a property list, holds keys and types against launchd.plist(5), and prints what would be run.
const READ_AGENT: &str = r#"
import json, plistlib, sys
agent = plistlib.load(open(sys.argv[1], "rb"))
types = {"Label": str, "ProgramArguments": list, "EnvironmentVariables": dict, "StartCalendarInterval": dict, "RunAtLoad": bool,
    "ProcessType": str, "LimitLoadToSessionType": str, "Umask": int, "ExitTimeOut": int, "StandardErrorPath": str, "StandardOutPath": str}
for key, value in agent.items():
    assert type(value) is types[key], (key, value)
assert all(type(word) is str for word in agent["ProgramArguments"] + list(agent["EnvironmentVariables"].values()))
assert set(agent["StartCalendarInterval"]) == {"Hour", "Minute"}
assert 0 <= agent["StartCalendarInterval"]["Hour"] < 24 and 0 <= agent["StartCalendarInterval"]["Minute"] < 60
assert agent["ProcessType"] in ["Background", "Standard", "Adaptive", "Interactive"] and agent["RunAtLoad"] is False
print(json.dumps([agent["ProgramArguments"], agent["EnvironmentVariables"]]))
"#;

#[test]
fn the_agent_is_a_property_list_with_launchds_keys_and_types_and_runs_in_launchds_environment() {
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/launchd/keyrotate.auto.plist");
    let (code, said) = tool(&["python3", "-c", READ_AGENT, packaged.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");

    let home = start();
    noted(&home, &["launchctl"]);
    let before = tree(&home);
    let program = installed(&home);
    let args = ["timer", "install", "--yes", "--force", "--kind", "launchd", "--program", program.to_str().unwrap()];
    run(&home, &args, &[("AWS_CONFIG_FILE", "~/<my> & 100% config")]);
    let agent = home.path().join("Library/LaunchAgents/keyrotate.auto.plist");
    let text = std::fs::read_to_string(&agent).unwrap();
    let user = rustix::process::getuid().as_raw();
    let load = format!("launchctl enable gui/{user}/keyrotate.auto\nlaunchctl bootstrap gui/{user} {}\n", agent.display());
    let calls = called(&home);
    assert!(calls.starts_with(&format!("launchctl bootout gui/{user}/keyrotate.auto\n{load}")), "{calls}");
    run(&home, &args, &[("AWS_CONFIG_FILE", "~/<my> & 100% config")]);
    assert_eq!(std::fs::read_to_string(&agent).unwrap(), text);
    let calls = called(&home);
    assert!(calls.starts_with(&load), "an agent that does not change is not taken out: {calls}");

    let (code, said) = tool(&["python3", "-c", READ_AGENT, agent.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    let (words, variables): (Vec<String>, std::collections::BTreeMap<String, String>) = serde_json::from_str(&said).unwrap();
    assert_eq!(words, [program.to_str().unwrap(), "auto"]);
    assert_eq!(variables["AWS_CONFIG_FILE"], "~/<my> & 100% config");
    // What launchd gives to an agent, and the list's own above it.
    let mut agent = Run::new(&["auto"]);
    let home_variable = format!("HOME={}", home.path().display());
    agent.prefix = ["env", "-i", &home_variable, "USER=dev", "LOGNAME=dev", "SHELL=/bin/zsh", "XPC_FLAGS=0x0"].map(str::to_owned).to_vec();
    agent.prefix.extend(["XPC_SERVICE_NAME=keyrotate.auto", "PATH=/usr/bin:/bin:/usr/sbin:/sbin"].map(str::to_owned));
    agent.prefix.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
    // Runs the agent's program, not the one that every run ends with.
    agent.prefix.extend(["sh", "-c", "exec \"$0\" \"$2\"", &words[0]].map(str::to_owned));
    let output = home.run_with(&agent);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    rotated(&home);

    good(&run(&home, &["timer", "remove"], &[]));
    let calls = called(&home);
    assert!(calls.starts_with(&format!("launchctl bootout gui/{user}/keyrotate.auto\n")), "{calls}");
    let left: Vec<_> = tree(&home).difference(&before).filter(|path| path.is_file()).cloned().collect();
    assert!(left.iter().all(|path| path.starts_with(home.path().join(".local/state"))), "{left:?}");
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would() {
    let home = start();
    noted(&home, &["systemctl", "launchctl"]);
    let before = tree(&home);
    for kind in ["systemd", "launchd"] {
        let said = run(&home, &["timer", "install", "--dry-run", "--force", "--kind", kind], &[]);
        assert!(good(&said).contains("+ ") && said.stdout.contains("\nrun: ") && said.stdout.ends_with("note: nothing was changed\n"));
    }
    assert_eq!(tree(&home), before);
    assert!(!called(&home).contains("enable"));
}

#[test]
fn a_program_that_will_be_gone_is_refused_and_so_is_one_that_is_none() {
    let home = start();
    for (args, code, said) in [
        (&["timer", "install", "--kind", "systemd"][..], 2, "is not a place where programs stay"),
        (&["timer", "install", "--kind", "systemd", "--program", "/no/such"], 2, "/no/such is no program"),
        (&["timer", "install", "--kind", "at"], 2, "invalid value 'at'"),
    ] {
        let output = run(&home, args, &[]);
        assert!(output.code == Some(code) && output.stderr.contains(said), "{}{}", output.stdout, output.stderr);
    }
    assert_eq!(tree(&home).iter().filter(|path| path.to_string_lossy().contains("systemd")).count(), 0);
}

#[test]
fn a_system_that_refuses_is_told_with_its_words_and_the_next_install_finishes() {
    let home = start();
    script(&home.scratch("bin/systemctl"), "echo 'Access denied' >&2\nexit 1");
    let args = ["timer", "install", "--yes", "--force", "--kind", "systemd"];
    let refused = run(&home, &args, &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    for said in ["`systemctl --user daemon-reload` failed: Access denied", "run `keyrotate timer install` again"] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    script(&home.scratch("bin/systemctl"), "[ \"$2\" != show ] || echo ActiveState=active");
    let again = run(&home, &args, &[]);
    assert!(good(&again).contains("on: systemd user timer"), "{}", again.stdout);
    assert_eq!(run(&home, &["timer", "status"], &[]).code, Some(0));
    script(&home.scratch("bin/systemctl"), "[ \"$2\" != show ] || echo ActiveState=inactive");
    let off = run(&home, &["timer", "status"], &[]);
    assert!(off.code == Some(10) && off.stdout.contains("off: systemd user timer"), "{}", off.stdout);
}

#[test]
fn a_timer_that_stops_at_the_logout_is_said_to() {
    let home = start();
    noted(&home, &["systemctl"]);
    for (linger, is_said) in [("no", true), ("yes", false)] {
        script(&home.scratch("bin/loginctl"), &format!("echo {linger}"));
        let said = run(&home, &["timer", "install", "--dry-run", "--force", "--kind", "systemd"], &[]);
        assert_eq!(good(&said).contains("`loginctl enable-linger`"), is_said, "{}", said.stdout);
    }
}

#[test]
fn without_any_timer_status_says_how_to_get_one() {
    let home = start();
    noted(&home, &["systemctl", "crontab"]);
    let output = run(&home, &["timer", "status"], &[]);
    assert!(output.code == Some(10) && output.stdout.contains("`keyrotate timer install`"), "{}{}", output.stdout, output.stderr);
}
