//! INT, TERM and HUP at every call: the run ends by itself, nothing is lost, and the same command goes on.

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{ROTATE, calls_of_a_rotation, changes, meanwhile, rotated, safe, start, told};
use crate::lab::Rule;
use crate::lab::faults::Fault;
use crate::lab::parallel::each;

#[test]
fn a_signal_at_each_call_stops_cleanly_and_the_same_command_goes_on() {
    let calls = calls_of_a_rotation();
    let cases: Vec<_> =
        calls.into_iter().flat_map(|call| [Signal::INT, Signal::TERM, Signal::HUP].map(|signal| (call.clone(), signal))).collect();
    each(&cases, |((action, nth), signal)| {
        let home = start();
        let output = meanwhile(&home, Rule::on(action, Fault::PauseAfter).nth(*nth), |_, pid| {
            kill_process(Pid::from_raw(pid).expect("a pid"), *signal).expect("a process of ours");
        });
        safe(&home);
        home.lab.rules(Vec::new());
        if output.code == Some(0) {
            return rotated(&home, &output);
        }
        if let Some(code) = output.code {
            told(&output, code);
        }
        assert!(output.code.is_some() || changes(&home.lab).is_empty(), "it died with a rotation in hand");
        rotated(&home, &home.run(ROTATE));
    });
}

#[test]
fn each_signal_is_named_and_the_key_that_was_made_is_the_one_in_use() {
    each(&[(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP")], |(signal, name)| {
        let home = start();
        let output = meanwhile(&home, Rule::on("CreateAccessKey", Fault::PauseAfter), |_, pid| {
            kill_process(Pid::from_raw(pid).expect("a pid"), *signal).expect("a process of ours");
        });
        told(&output, if *signal == Signal::INT { 130 } else { 1 });
        assert!(output.stderr.contains(&format!("stopped by {name}")) && output.stderr.contains("again"), "{}", output.stderr);
        rotated(&home, &home.run(ROTATE));
        assert_eq!(changes(&home.lab).iter().filter(|action| *action == "CreateAccessKey").count(), 1);
    });
}
