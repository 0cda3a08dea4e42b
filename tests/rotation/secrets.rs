//! What else could carry a secret out: the log, and the memory of a program that dies. The harness searches everything else after every run.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{PATIENCE, ROTATE, rotated, start};
use crate::home::{Home, Run};
use crate::lab::Rule;
use crate::lab::faults::Fault;

/// The AWS SDK logs bodies when LOG_SIGNABLE_BODY says so, and CreateAccessKey's answer has the new secret.
#[test]
fn the_log_has_calls_and_no_secret() {
    let home = start();
    let mut run = Run::new(&["--debug", "rotate", "default", "--yes", "--no-input"]);
    run.env.extend([("LOG_SIGNABLE_BODY", "true".to_owned()), ("RUST_LOG", "trace".to_owned())]);
    let output = home.run_with(&run);
    assert!(output.stderr.contains("DEBUG") && output.stderr.contains("creating a new access key"), "{}", output.stderr);
    rotated(&home, &output);
}

/// Kills what runs as the child of this command, which may dump as much core as it likes; whether a core was dumped, and files called so.
fn killed(home: &Home, mut command: Command, signal: Signal, is_ready: impl Fn(u32) -> bool) -> (ExitStatus, usize) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program that starts");
    assert!(is_ready(child.id()), "it did not get there");
    // Rust's own handler takes the first SIGSEGV, finds no fault, and lets the second one kill.
    let status = loop {
        kill_process(Pid::from_child(&child), signal).expect("a process of ours");
        std::thread::sleep(Duration::from_millis(20));
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
    };
    let names = std::fs::read_dir(home.scratch("")).unwrap().flatten().map(|entry| entry.file_name());
    (status, names.filter(|name| name.to_string_lossy().starts_with("core")).count())
}

fn is_asleep(pid: u32) -> bool {
    let is_sleep = || std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(b"sleep"));
    (0..6_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        is_sleep()
    })
}

#[test]
fn a_program_that_dies_with_both_secrets_in_memory_leaves_no_core() {
    let unlimited = ["sh", "-c", "ulimit -c unlimited && exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    for signal in [Signal::SEGV, Signal::ABORT] {
        let home = start();
        let mut run = Run::new(ROTATE);
        run.prefix.clone_from(&unlimited);
        // The first call that the new pair signs: both pairs are in memory, and in the journal.
        home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore).nth(2)]);
        let (status, cores) = killed(&home, home.command(&run), signal, |_| home.lab.wait_paused(PATIENCE));
        home.lab.release(true);
        home.lab.rules(Vec::new());
        assert_eq!((status.signal(), status.core_dumped(), cores), (Some(signal.as_raw()), false, 0));
        let journal = std::fs::read_dir(home.path().join(".local/state/keyrotate/journal")).unwrap().flatten();
        let known: String = journal.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect();
        assert!(known.contains(&home.old.secret) && known.contains(&crate::bench::new_key(&home).secret), "it had no two secrets");
        home.search(None, &[]);

        // The same on a program that forbids nothing: this machine does dump cores.
        let mut plain = Command::new("sh");
        plain.args(["-c", "ulimit -c unlimited && exec sleep 60"]).current_dir(home.scratch(""));
        let (status, _) = killed(&home, plain, signal, is_asleep);
        assert_eq!((status.signal(), status.core_dumped()), (Some(signal.as_raw()), true), "no core is dumped here whatever dies");
        rotated(&home, &home.run(ROTATE));
    }
}
