//! INT and TERM at every call: the run ends by itself, nothing is lost, and the same command goes on.

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{ROTATE, calls_of_a_rotation, each, meanwhile, rotated, safe, start, told};
use crate::lab::Rule;
use crate::lab::faults::Fault;

#[test]
fn a_signal_at_each_call_stops_cleanly_and_the_same_command_goes_on() {
    let calls = calls_of_a_rotation();
    let cases: Vec<_> = calls.into_iter().flat_map(|call| [(call.clone(), Signal::INT), (call, Signal::TERM)]).collect();
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
        rotated(&home, &home.run(ROTATE));
    });
}
