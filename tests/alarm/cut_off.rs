//! Cut off or denied at every call: the same command then goes on, and ends where it would have ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bench::{BY_RULE, INSTALL, REMOVE, account, alarm, start, well, writes};
use crate::home::Home;
use crate::lab::faults::{Fault, Rule};
use crate::lab::parallel::every;

/// What there is before, what is run, and what there is afterwards where nothing goes wrong.
fn courses() -> [(&'static [&'static [&'static str]], &'static [&'static str]); 3] {
    [(&[], INSTALL), (&[], BY_RULE), (&[INSTALL, BY_RULE], REMOVE)]
}

fn begun(before: &[&[&str]]) -> Arc<Home> {
    let home = start();
    before.iter().for_each(|args| drop(well(&home, args)));
    home
}

/// An account as this one is.
fn copied(of: &Home) -> Arc<Home> {
    let home = start();
    let (from, mut to) = (of.lab.world(), home.lab.world());
    (to.topics, to.log_groups) = (from.topics.clone(), from.log_groups.clone());
    (to.alarms, to.event_rules) = (from.alarms.clone(), from.event_rules.clone());
    drop(to);
    home
}

#[test]
fn cut_off_at_any_call_the_next_run_ends_where_it_would_have_ended() {
    let killed = Fault::PauseAfter;
    let lost = Fault::ErrorAfter { status: 500, code: "InternalFailure", message: "Injected by the lab." };
    for (before, args) in courses() {
        let begun = begun(before);
        let whole = copied(&begun);
        well(&whole, args);
        let (calls, wanted) = (whole.lab.calls(), account(&whole));
        assert!(calls.len() > 20, "{args:?}: {} calls", calls.len());
        // A kill before a change leaves what a kill after the one before leaves; what only reads is broken once for each action.
        let mut read = BTreeSet::new();
        let mut cases: Vec<(usize, &Fault)> = Vec::new();
        for (number, call) in calls.iter().enumerate() {
            if !writes(std::slice::from_ref(call)).is_empty() {
                cases.extend([(number, &killed), (number, &lost)]);
            } else if read.insert(&call.action) {
                cases.push((number, &killed));
            }
        }
        assert!(cases.len() > 20, "{args:?}: {} cases", cases.len());
        every(&cases, |(number, fault)| {
            let home = copied(&begun);
            home.lab.rules(vec![Rule::call(number + 1, (*fault).clone())]);
            alarm(&home, args);
            let fired = home.lab.fired();
            home.lab.rules(vec![]);
            let again = alarm(&home, args);
            let is_whole = fired == 1 && matches!(again.code, Some(0 | 10)) && account(&home) == wanted && home.told().is_empty();
            if is_whole {
                Ok(())
            } else {
                Err(format!("{args:?}, {fault:?} at call {number}: fired {fired}: {again:?} {}", account(&home)))
            }
        });
    }
}

#[test]
fn what_is_denied_is_named_and_the_next_run_goes_on() {
    for (before, args) in courses() {
        let begun = begun(before);
        let whole = copied(&begun);
        well(&whole, args);
        let mut called: Vec<(String, String)> = whole.lab.calls().into_iter().map(|call| (call.service, call.action)).collect();
        called.sort();
        called.dedup();
        called.retain(|(_, action)| action != "GetCallerIdentity");
        let wanted = account(&whole);
        every(&called, |(service, action)| {
            let home = copied(&begun);
            home.lab.rules(vec![Rule::on(action, Fault::error(403, "AccessDenied")).times(0)]);
            let output = alarm(&home, args);
            home.lab.rules(vec![]);
            let (text, name) = (output.said(), format!("{}:{action}", service.replace("monitoring", "cloudwatch")));
            if matches!(output.code, Some(0 | 10)) {
                return if account(&home) == wanted { Ok(()) } else { Err(format!("it went well without {name}: {text}")) };
            }
            if !text.contains(&name) || !text.contains("keyrotate policy show alarm") {
                return Err(format!("{args:?} without {name}: {text}"));
            }
            let again = alarm(&home, args);
            let is_whole = matches!(again.code, Some(0 | 10)) && account(&home) == wanted;
            if is_whole { Ok(()) } else { Err(format!("{args:?}, after {name} was denied: {again:?}")) }
        });
    }
}
