//! The machine sleeps in the middle of a call, longer than every wait of the protocol: whatever was seen before is old when it wakes. No second
//! key is made, nobody is locked out, and this run or the next one ends well.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{ROTATE, calls_of_a_rotation, changes, hurried, live_in, meanwhile_at, nothing_lost, rotated, safe, start, told};
use crate::home::Home;
use crate::lab::Rule;
use crate::lab::faults::Fault;
use crate::lab::parallel::each;

const SCALE: &str = "0.01";

/// When the held call is let go.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// The answer comes when the machine is awake again.
    Afterwards,
    /// It waits in the socket.
    Asleep,
}

fn sleep(home: &Home, pid: i32, span: Duration, answer: Answer) {
    let pid = Pid::from_raw(pid).expect("a pid");
    kill_process(pid, Signal::STOP).expect("a process of ours");
    if matches!(answer, Answer::Asleep) {
        home.lab.release(false);
    }
    // The span is what is tested, not a wait for anything.
    std::thread::sleep(span);
    kill_process(pid, Signal::CONT).expect("a process of ours");
}

fn keys_made(home: &Home) -> usize {
    changes(&home.lab).iter().filter(|action| *action == "CreateAccessKey").count()
}

#[test]
fn a_sleep_at_each_call_makes_no_second_key_and_locks_nobody_out() {
    let pauses = [(Fault::PauseBefore, Answer::Afterwards), (Fault::PauseAfter, Answer::Afterwards), (Fault::PauseAfter, Answer::Asleep)];
    let cases: Vec<_> = calls_of_a_rotation().into_iter().flat_map(|call| pauses.clone().map(|pause| (call.clone(), pause))).collect();
    each(&cases, |((action, nth), (pause, answer))| {
        let home = start();
        let output = meanwhile_at(SCALE, &home, Rule::on(action, pause.clone()).nth(*nth), |home, pid| {
            sleep(home, pid, Duration::from_millis(1_400), *answer);
        });
        home.lab.rules(Vec::new());
        live_in(&home, 2, &output.stderr);
        nothing_lost(&home, &output.stderr);
        safe(&home);
        if output.code != Some(0) {
            told(&output, output.code.expect("an exit code"));
        }
        let last = if output.code == Some(0) { output } else { hurried(&home, ROTATE) };
        rotated(&home, &last);
        assert_eq!(keys_made(&home), 1, "{}", last.stderr);
    });
}

/// Five seconds are not scaled: a listing older than that is no ground to make a key on.
#[test]
fn a_sleep_between_the_listing_and_the_creation_lists_again_first() {
    let home = start();
    let output = meanwhile_at(SCALE, &home, Rule::on("ListAttachedUserPolicies", Fault::PauseAfter), |home, pid| {
        sleep(home, pid, Duration::from_millis(5_100), Answer::Asleep);
    });
    rotated(&home, &output);
    let calls: Vec<String> = home.lab.calls().into_iter().map(|call| call.action).collect();
    let made = calls.iter().position(|action| action == "CreateAccessKey").expect("a creation");
    assert_eq!(
        calls[..made].iter().rev().find(|action| *action == "ListAccessKeys" || *action == "ListAttachedUserPolicies").unwrap(),
        "ListAccessKeys",
        "{calls:?}"
    );
    assert_eq!(keys_made(&home), 1);
}

/// While the machine sleeps another one rotates the key.
#[test]
fn a_key_that_another_machine_makes_during_the_sleep_stops_the_run_before_a_creation() {
    let home = start();
    let output = meanwhile_at(SCALE, &home, Rule::on("ListAttachedUserPolicies", Fault::PauseAfter), |home, pid| {
        let user = home.old.user;
        home.lab.world().settings.quota = 3;
        home.lab.world().add_settled_key(user);
        sleep(home, pid, Duration::from_millis(5_100), Answer::Asleep);
    });
    told(&output, 1);
    let theirs = crate::bench::new_key(&home);
    assert!(output.stderr.contains(&theirs.id), "the newcomer is not named: {}", output.stderr);
    assert_eq!(changes(&home.lab), Vec::<String>::new());
    safe(&home);
}
