//! Somebody edits, deletes or restores the file at every call. Their edit stays, no live key is lost, and the run, the next one or the one after
//! the file came back ends well, or stops and says what to run.

use crate::bench::{
    ROTATE, calls_of_a_rotation, credentials, hurried, live_in, meanwhile_at, nothing_lost, start, status, told, well_or_told,
};
use crate::home::{Home, Output};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::{Rule, Verdict};

const FILE: &str = ".aws/credentials";
const SCALE: &str = "0.01";

/// Stops a run at this call, lets `edit` change the file (`None` deletes it), and goes on.
fn edited(home: &std::sync::Arc<Home>, (action, nth): &(String, usize), edit: impl FnOnce(String) -> Option<String>) -> Output {
    let output = meanwhile_at(SCALE, home, Rule::on(action, Fault::PauseAfter).nth(*nth), |home, _| match edit(credentials(home)) {
        Some(text) => home.write(FILE, &text),
        None => std::fs::remove_file(home.path().join(FILE)).expect("the file"),
    });
    home.lab.rules(Vec::new());
    output
}

/// Without the section and its lines.
fn without(text: &str, section: &str) -> String {
    let begin = text.find(&format!("[{section}]")).expect("the section");
    let end = text[begin + 1..].find('[').map_or(text.len(), |next| begin + 1 + next);
    format!("{}{}", &text[..begin], &text[end..])
}

/// The one active key, in as many places; exit 0.
#[track_caller]
fn ended_well(home: &Home, output: &Output, places: usize) {
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    live_in(home, places, &output.stderr);
    nothing_lost(home, &output.stderr);
    let active = home.lab.live_keys("dev").iter().filter(|key| key.status == Status::Active).count();
    assert_eq!(active, 1, "{}", output.stderr);
}

/// The first profile, which is whole, has an active key.
#[track_caller]
fn live_in_default(home: &Home, said: &str) {
    let text = credentials(home);
    let active = home.lab.live_keys("dev").into_iter().filter(|key| key.status == Status::Active);
    assert!(active.into_iter().any(|key| text.contains(&key.secret)), "{said}");
    nothing_lost(home, said);
}

/// Runs again, twice at most, until it ends well.
fn again(home: &Home, first: Output) -> Output {
    let mut last = first;
    for _ in 0..2 {
        well_or_told(&last);
        nothing_lost(home, &last.stderr);
        if last.code == Some(0) {
            break;
        }
        last = hurried(home, ROTATE);
    }
    last
}

#[test]
fn a_section_removed_at_each_call_stays_away_and_the_other_has_the_live_pair() {
    let cases: Vec<_> =
        calls_of_a_rotation().into_iter().flat_map(|call| ["work", "default"].map(|section| (call.clone(), section))).collect();
    each(&cases, |(call, section)| {
        let home = start();
        let output = edited(&home, call, |text| Some(without(&text, section)));
        live_in(&home, 1, &output.stderr);
        let last = again(&home, output);
        assert!(!credentials(&home).contains(&format!("[{section}]")), "it was put back");
        ended_well(&home, &last, 1);
    });
}

#[test]
fn both_sections_removed_at_each_call_lose_no_key_and_their_return_ends_well() {
    each(&calls_of_a_rotation(), |call| {
        let home = start();
        let before = credentials(&home);
        let output = edited(&home, call, |text| Some(without(&without(&text, "work"), "default")));
        comes_back(&home, output, &before);
    });
}

#[test]
fn a_file_deleted_at_each_call_loses_no_key_and_its_return_ends_well() {
    each(&calls_of_a_rotation(), |call| {
        let home = start();
        let before = credentials(&home);
        let output = edited(&home, call, |_| None);
        comes_back(&home, output, &before);
    });
}

/// The run without the file, another one, and one after the file came back from an old backup.
fn comes_back(home: &Home, output: Output, backup: &str) {
    assert_ne!(output.code, Some(0), "no place has a pair, and it says that all is well: {}", output.stdout);
    well_or_told(&output);
    nothing_lost(home, &output.stderr);
    let without = hurried(home, ROTATE);
    assert_ne!(without.code, Some(0), "{}", without.stdout);
    told(&without, without.code.expect("an exit code"));
    nothing_lost(home, &without.stderr);
    home.write(FILE, backup);
    let last = hurried(home, ROTATE);
    let last = again(home, last);
    ended_well(home, &last, 2);
}

#[test]
fn a_secret_mistyped_at_each_call_is_told_and_goes_on_when_it_is_put_right() {
    each(&calls_of_a_rotation(), |call| {
        let home = start();
        let before = credentials(&home);
        let output = edited(&home, call, |text| {
            let held = home.lab.live_keys("dev").into_iter().find(|key| text.contains(&key.secret)).expect("a pair");
            let at = text.rfind(&held.secret).expect("in [work]");
            Some(format!("{}mistyped{}", &text[..at], &text[at + 8..]))
        });
        assert_ne!(output.code, Some(0), "{}", output.stdout);
        let last = hurried(&home, ROTATE);
        assert_ne!(last.code, Some(0), "{}", last.stdout);
        well_or_told(&last);
        assert!(last.stderr.contains("[work]") && credentials(&home).contains("mistyped"), "{}", last.stderr);
        live_in_default(&home, &last.stderr);
        home.write(FILE, &before);
        let last = again(&home, hurried(&home, ROTATE));
        ended_well(&home, &last, 2);
    });
}

#[test]
fn an_old_backup_brought_back_at_each_call_is_healed() {
    each(&calls_of_a_rotation(), |call| {
        let home = start();
        let before = credentials(&home);
        let output = edited(&home, call, |_| Some(before));
        let last = again(&home, output);
        ended_well(&home, &last, 2);
    });
}

#[test]
fn somebodys_pair_in_a_section_at_each_call_is_not_overwritten_and_the_way_out_works() {
    let cases: Vec<_> = calls_of_a_rotation().into_iter().flat_map(|call| ["forward", "back"].map(|way| (call.clone(), way))).collect();
    each(&cases, |(call, way)| {
        let home = start();
        let theirs = {
            let mut world = home.lab.world();
            let user = world.add_user("third", "/");
            world.add_settled_key(user)
        };
        let output = edited(&home, call, |text| {
            let section = format!("[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n\n", theirs.id, theirs.secret);
            Some(without(&text, "work") + "\n" + &section)
        });
        let kept = |said: &str| {
            assert!(credentials(&home).contains(&theirs.secret), "somebody's pair was overwritten: {said}");
            assert_eq!(home.lab.accepts(&theirs.id, &theirs.secret), Verdict::Yes);
            live_in(&home, 1, said);
        };
        kept(&output.stderr);
        let last = again(&home, output);
        kept(&last.stderr);
        told(&last, 1);
        assert!(last.stderr.contains(&format!("[work] has {} now", theirs.id)), "{}", last.stderr);
        assert!(last.stderr.contains(&format!("--resolve {} forward", home.old.id)), "{}", last.stderr);
        let resolved = hurried(&home, &["rotate", "--resolve", &home.old.id, way, "--yes", "--no-input"]);
        // Where the old key is deleted there is no way back.
        let gone = *way == "back" && status(&home, &home.old.id) == Status::Deleted;
        assert_eq!(resolved.code, Some(if gone { 2 } else { 0 }), "{}", resolved.stderr);
        assert_eq!(live_in(&home, 1, &resolved.stderr).id == home.old.id, *way == "back" && !gone, "{}", resolved.stderr);
        kept(&resolved.stderr);
        nothing_lost(&home, &resolved.stderr);
    });
}
