//! `undo`: within the grace the old key is back everywhere, whatever interrupts it; where it cannot come back, nothing is changed and the
//! reason is said; only the rotation of the profile's own key is touched.

use std::sync::Arc;

use crate::bench::{
    ROTATE, changes, credentials, hurried, killed, live_in, new_key, nothing_lost, refused, refused_unasked, rotated, safe, start, status,
    told,
};
use crate::home::{Home, Output, Run};
use crate::lab::faults::Fault;
use crate::lab::key::{Status, Use};
use crate::lab::parallel::each;
use crate::lab::{Rule, Verdict};

const UNDO: &[&str] = &["undo", "default", "--yes", "--no-input"];
const FILE: &str = ".aws/credentials";

/// Rotated, and the old key rests.
fn resting() -> Arc<Home> {
    resting_for("7d")
}

fn resting_for(grace: &str) -> Arc<Home> {
    let home = start();
    let output = hurried(&home, &["rotate", "default", "--yes", "--no-input", "--grace", grace]);
    assert_eq!((output.code, status(&home, &home.old.id)), (Some(0), Status::Inactive), "{}", output.stderr);
    home
}

fn undo(home: &Home) -> Output {
    home.lab.rules(Vec::new());
    hurried(home, UNDO)
}

/// As [`put_back`], and nothing else was changed on the way.
#[track_caller]
fn undone(home: &Home, output: &Output) {
    put_back(home, output);
    safe(home);
}

/// The old key is in use in both sections, the new one is inactive, and nothing is left open.
#[track_caller]
fn put_back(home: &Home, output: &Output) {
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!(live_in(home, 2, &output.stdout).id, home.old.id);
    assert_eq!(status(home, &new_key(home).id), Status::Inactive);
    assert!(entries(home).is_empty(), "{:?}", entries(home));
}

fn entries(home: &Home) -> Vec<std::path::PathBuf> {
    let journal = home.path().join(".local/state/keyrotate/journal");
    std::fs::read_dir(journal).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// A pair in the place of another.
fn swap(text: &str, from: (&str, &str), to: (&str, &str)) -> String {
    text.replace(from.0, to.0).replace(from.1, to.1)
}

#[test]
fn within_the_grace_the_old_key_is_put_back_everywhere_and_the_next_rotation_deletes_the_new_one() {
    for (grace, profile) in [("7d", "default"), ("next", "work")] {
        let home = resting_for(grace);
        let output = hurried(&home, &["undo", profile, "--no-input"]);
        undone(&home, &output);
        let (old, new) = (home.old.id.clone(), new_key(&home).id);
        for said in
            [format!("undone: {old} of dev is Active again"), format!("{FILE} [default] [work]"), format!("{new} is not active any more")]
        {
            assert!(output.stdout.contains(&said), "`{said}` is missing: {}", output.stdout);
        }
        rotated(&home, &hurried(&home, ROTATE));
        assert_eq!((status(&home, &old), status(&home, &new)), (Status::Deleted, Status::Deleted));
    }
}

#[test]
fn the_end_of_the_grace_alone_does_not_hinder_it() {
    let home = resting_for("1s");
    home.lab.world().settings.clock_offset += 60.0;
    undone(&home, &undo(&home));
}

/// How many calls an undo makes.
fn calls_of_an_undo() -> usize {
    let home = resting();
    let before = home.lab.calls().len();
    undone(&home, &undo(&home));
    home.lab.calls().len() - before
}

#[test]
fn killed_at_each_call_it_is_finished_by_the_same_command_or_by_a_rotation() {
    let calls = calls_of_an_undo();
    assert!(calls >= 4, "{calls} calls");
    let pauses = [Fault::PauseBefore, Fault::PauseAfter];
    let cases: Vec<_> = (1..=calls)
        .flat_map(|call| pauses.clone().into_iter().flat_map(move |pause| [(call, pause.clone(), true), (call, pause, false)]))
        .collect();
    each(&cases, |(call, pause, by_undo)| {
        let home = resting();
        let mut run = Run::new(UNDO);
        run.kill_at_pause = true;
        run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
        home.lab.rules(vec![Rule::call(home.lab.calls().len() + call, pause.clone())]);
        let output = home.run_with(&run);
        if home.lab.fired() == 0 {
            // The number of times that a key is tried depends on the time it takes.
            return undone(&home, &output);
        }
        assert_eq!(output.code, None);
        safe(&home);
        let begun = entries(&home).iter().any(|path| std::fs::read_to_string(path).unwrap().contains(r#""Undoing""#));
        if *by_undo {
            return undone(&home, &undo(&home));
        }
        home.lab.rules(Vec::new());
        let output = hurried(&home, ROTATE);
        if begun {
            undone(&home, &output);
        } else {
            assert_eq!((output.code, live_in(&home, 2, "").id), (Some(0), new_key(&home).id), "{}", output.stderr);
        }
        assert_eq!(changes(&home.lab).iter().filter(|action| *action == "CreateAccessKey").count(), 1, "it rotated anew");
        safe(&home);
    });
}

#[test]
fn a_fault_at_any_call_is_got_over_or_told_and_the_same_command_finishes() {
    let calls = calls_of_an_undo();
    let faults = [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Garbage,
        Fault::error(500, "ServiceFailure"),
        Fault::error(400, "Throttling"),
        Fault::error(403, "AccessDenied"),
    ];
    let cases: Vec<_> = (1..=calls).flat_map(|call| faults.clone().map(|fault| (call, fault))).collect();
    each(&cases, |(call, fault)| {
        let home = resting();
        home.lab.rules(vec![Rule::call(home.lab.calls().len() + call, fault.clone())]);
        let output = hurried(&home, UNDO);
        safe(&home);
        if output.code != Some(0) {
            told(&output, output.code.expect("an exit code"));
            assert!(output.stderr.contains("`keyrotate undo default`"), "{}", output.stderr);
            return undone(&home, &undo(&home));
        }
        undone(&home, &output);
    });
}

#[test]
fn after_the_old_key_is_deleted_it_says_when_and_changes_nothing() {
    let home = resting_for("1s");
    home.lab.world().settings.clock_offset += 60.0;
    assert_eq!(hurried(&home, &["rotate", "--due", "--yes", "--no-input"]).code, Some(0));
    let (before, made) = (credentials(&home), changes(&home.lab));
    let output = undo(&home);
    told(&output, 1);
    let (old, new) = (&home.old.id, new_key(&home).id);
    for said in ["nothing to undo", &format!("of {old} to {new}, ended 20"), &format!("{old} was deleted then"), "--grace 7d`"] {
        assert!(output.stderr.contains(said), "`{said}` is missing: {}", output.stderr);
    }
    assert_eq!((credentials(&home), changes(&home.lab)), (before, made));
    safe(&home);
}

#[test]
fn where_nothing_was_ever_rotated_there_is_nothing_to_undo() {
    let home = start();
    let output = undo(&home);
    refused_unasked(&home, &output, 1);
    assert!(output.stderr.contains("the history here has no rotation of it"), "{}", output.stderr);
    refused_unasked(&home, &hurried(&home, &["undo", "nobody", "--no-input"]), 1);
}

#[test]
fn a_second_time_there_is_nothing_to_undo() {
    let home = resting();
    undone(&home, &undo(&home));
    let made = changes(&home.lab);
    let output = undo(&home);
    told(&output, 1);
    assert!(output.stderr.contains(&format!("it was undone, and {} is in use again", home.old.id)), "{}", output.stderr);
    assert_eq!((changes(&home.lab), live_in(&home, 2, "").id), (made, home.old.id.clone()));
    safe(&home);
}

#[test]
fn an_old_key_that_an_admin_deleted_is_told_and_the_new_one_stays_in_use() {
    let home = resting();
    home.lab.world().set_status(&home.old.id, Status::Deleted);
    let output = undo(&home);
    told(&output, 1);
    assert!(output.stderr.contains(&format!("{} cannot be put back: it is deleted", home.old.id)), "{}", output.stderr);
    assert_eq!(live_in(&home, 2, &output.stderr).id, new_key(&home).id);
    safe(&home);
    let again = undo(&home);
    told(&again, 1);
    assert!(again.stderr.contains("nothing to undo"), "{}", again.stderr);
    rotated(&home, &hurried(&home, ROTATE));
}

#[test]
fn with_both_keys_dead_it_says_what_an_admin_has_to_do_and_then_goes_on() {
    for (state, activated) in [(Status::Inactive, true), (Status::Inactive, false), (Status::Deleted, true)] {
        let home = resting();
        let (old, new) = (home.old.id.clone(), new_key(&home).id);
        home.lab.world().set_status(&new, state);
        let output = undo(&home);
        told(&output, 10);
        assert!(output.stderr.contains(&format!("ask an administrator to activate {old}")), "{}", output.stderr);
        home.lab.world().set_status(if activated { &old } else { &new }, Status::Active);
        let output = undo(&home);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert_eq!((live_in(&home, 2, &output.stdout).id, status(&home, &new)), (old, state));
    }
}

#[test]
fn a_section_that_an_editor_gave_another_key_stays_and_the_others_go_back() {
    let home = resting();
    let (new, other) = (new_key(&home), &home.other);
    let text = credentials(&home);
    let (head, work) = text.split_once("[work]").expect("a section");
    let work = swap(work, (&new.id, &new.secret), (&other.id, &other.secret));
    home.write(FILE, &format!("# a new line\n{head}[work]{work}"));
    let output = undo(&home);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let expected = swap(&format!("# a new line\n{head}[work]{work}"), (&new.id, &new.secret), (&home.old.id, &home.old.secret));
    assert_eq!(credentials(&home), expected);
    assert_eq!((status(&home, &home.old.id), status(&home, &new.id)), (Status::Active, Status::Inactive));
    assert!(output.stdout.contains("[default]") && !output.stdout.contains("[work]"), "{}", output.stdout);
}

#[test]
fn a_file_without_either_key_stops_it_with_both_keys_alive_and_it_goes_on_when_that_is_put_right() {
    let home = resting();
    let (new, text) = (new_key(&home), credentials(&home));
    home.write(FILE, &swap(&text, (&new.id, &new.secret), (&home.other.id, &home.other.secret)));
    let output = undo(&home);
    told(&output, output.code.expect("an exit code"));
    assert!(output.stderr.contains("[default]") && output.stderr.contains("`keyrotate undo default`"), "{}", output.stderr);
    assert_eq!(home.lab.accepts(&new.id, &new.secret), Verdict::Yes, "{}", output.stderr);
    nothing_lost(&home, &output.stderr);
    home.write(FILE, &text);
    put_back(&home, &undo(&home));
}

#[test]
fn a_file_that_is_away_stops_it_and_it_goes_on_when_that_is_back() {
    let home = resting();
    let text = credentials(&home);
    std::fs::remove_file(home.path().join(FILE)).unwrap();
    let output = undo(&home);
    told(&output, output.code.expect("an exit code"));
    nothing_lost(&home, &output.stderr);
    home.write(FILE, &text);
    put_back(&home, &undo(&home));
}

#[test]
fn a_section_that_was_given_the_new_key_meanwhile_goes_back_too() {
    let home = resting();
    let new = new_key(&home);
    let section = format!("\n[ci]\naws_access_key_id = {}\naws_secret_access_key = {}\n", new.id, new.secret);
    home.write(FILE, &(credentials(&home) + &section));
    let output = undo(&home);
    assert_eq!((output.code, live_in(&home, 3, &output.stderr).id), (Some(0), home.old.id.clone()));
    assert!(!credentials(&home).contains(&new.id));
}

#[test]
fn a_new_key_that_is_used_elsewhere_is_told() {
    let home = resting();
    {
        let mut world = home.lab.world();
        world.settings.clock_offset += 240.0;
        let at = world.now() - 60.0;
        let id = home.old.id.clone();
        let key = world.keys.iter_mut().rfind(|key| key.user == home.old.user && key.id != id).unwrap();
        key.uses.push(Use { at, service: "s3".to_owned(), region: "eu-west-1".to_owned() });
    }
    let output = undo(&home);
    undone(&home, &output);
    assert!(output.stdout.contains("for s3 in eu-west-1: whoever has it elsewhere"), "{}", output.stdout);
    let home = resting();
    home.lab.world().settings.denied.insert("iam:GetAccessKeyLastUsed".to_owned());
    undone(&home, &undo(&home));
}

#[test]
fn a_rotation_that_was_interrupted_is_taken_back() {
    let late = [("UpdateAccessKey", 1, Fault::PauseBefore, Status::Inactive), ("UpdateAccessKey", 1, Fault::PauseAfter, Status::Inactive)];
    let early =
        [("GetCallerIdentity", 2, Fault::PauseBefore, Status::Deleted), ("GetCallerIdentity", 4, Fault::PauseAfter, Status::Deleted)];
    for (action, nth, pause, fate) in early.into_iter().chain(late) {
        let home = killed(action, nth, pause);
        let output = undo(&home);
        assert_eq!(output.code, Some(0), "{action} {nth}: {}", output.stderr);
        assert_eq!((live_in(&home, 2, "").id, status(&home, &new_key(&home).id)), (home.old.id.clone(), fate), "{action} {nth}");
        assert!(output.stdout.contains("undone: "), "{}", output.stdout);
        safe(&home);
    }
}

#[test]
fn before_there_is_a_new_key_there_is_nothing_to_undo() {
    for pause in [Fault::PauseBefore, Fault::PauseAfter] {
        let home = killed("CreateAccessKey", 1, pause);
        let (made, open) = (changes(&home.lab), entries(&home));
        let output = undo(&home);
        told(&output, 1);
        assert!(output.stderr.contains("nothing to undo") && output.stderr.contains("`keyrotate rotate default`"), "{}", output.stderr);
        assert_eq!((changes(&home.lab), entries(&home), live_in(&home, 2, "").id), (made, open, home.old.id.clone()));
    }
}

#[test]
fn another_keys_rotation_and_an_entry_that_cannot_be_read_stay_as_they_are() {
    let home = resting();
    let before = entries(&home);
    let mut run = Run::new(&["rotate", "other", "--yes", "--no-input"]);
    run.kill_at_pause = true;
    let made = home.lab.calls().iter().filter(|call| call.action == "CreateAccessKey").count();
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    assert_eq!((made, home.run_with(&run).code), (1, None));
    let others: Vec<_> = entries(&home).into_iter().filter(|path| !before.contains(path)).collect();
    let damaged = others[0].with_file_name("damaged.json");
    std::fs::write(&damaged, "keyrotate-journal 1 0\n{}\n").unwrap();
    let texts: Vec<_> = others.iter().chain([&damaged]).map(|path| std::fs::read(path).unwrap()).collect();
    let output = undo(&home);
    assert_eq!((output.code, live_in(&home, 2, "").id), (Some(0), home.old.id.clone()), "{}", output.stderr);
    assert!(output.stdout.contains("damaged.json"), "{}", output.stdout);
    let now: Vec<_> = others.iter().chain([&damaged]).map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(now, texts);
    let again = undo(&home);
    told(&again, 1);
    assert!(again.stderr.contains("damaged.json"), "it may be of this key: {}", again.stderr);
}

#[test]
fn an_entry_of_another_machine_is_refused_by_name_and_kept() {
    let home = resting();
    let entry = entries(&home).into_iter().find(|path| path.extension().is_some_and(|ext| ext == "json")).expect("an entry");
    let foreign = crate::journal::elsewhere(&entry);
    let made = changes(&home.lab);
    for option in ["--yes", "--dry-run"] {
        let output = hurried(&home, &["undo", "default", "--no-input", option]);
        told(&output, 10);
        assert!(
            output.stderr.contains("another machine, attic") && output.stderr.contains("run `keyrotate undo default` there"),
            "{}",
            output.stderr
        );
    }
    assert_eq!((changes(&home.lab), std::fs::read_to_string(&entry).unwrap()), (made, foreign));
}

#[test]
fn the_variables_choose_the_profile_and_two_that_differ_are_refused() {
    let home = resting();
    let run = |variables: &[(&'static str, &str)]| {
        let mut run = Run::new(&["undo", "--yes", "--no-input"]);
        run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
        run.env.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        home.run_with(&run)
    };
    let made = changes(&home.lab);
    let output = run(&[("AWS_PROFILE", "work"), ("AWS_DEFAULT_PROFILE", "other")]);
    told(&output, 2);
    assert!(output.stderr.contains("`keyrotate undo PROFILE`"), "{}", output.stderr);
    told(&run(&[("AWS_PROFILE", "other")]), 1);
    assert_eq!(changes(&home.lab), made);
    undone(&home, &run(&[("AWS_DEFAULT_PROFILE", "work")]));
}

#[test]
fn a_dry_run_tells_the_steps_and_changes_nothing() {
    let home = resting();
    let (calls, before) = (home.lab.calls().len(), credentials(&home));
    let entry = entries(&home).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let output = hurried(&home, &["undo", "default", "--dry-run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for said in [format!("activating {}", home.old.id), format!("deactivating {}", new_key(&home).id), "nothing was changed".to_owned()] {
        assert!(output.stdout.contains(&said), "`{said}` is missing: {}", output.stdout);
    }
    assert_eq!((home.lab.calls().len(), credentials(&home)), (calls, before));
    assert_eq!(entries(&home).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>(), entry);
    safe(&home);
    let home = start();
    refused(&home, &hurried(&home, &["undo", "default", "--dry-run"]), 1);
}

#[test]
fn who_may_not_activate_the_old_key_keeps_the_new_one() {
    let home = resting();
    home.lab.world().settings.denied.insert("iam:UpdateAccessKey".to_owned());
    let output = undo(&home);
    told(&output, output.code.expect("an exit code"));
    assert!(output.stderr.contains("`keyrotate undo default`"), "{}", output.stderr);
    assert_eq!(live_in(&home, 2, "").id, new_key(&home).id);
    safe(&home);
    home.lab.world().settings.denied.clear();
    undone(&home, &undo(&home));
}
