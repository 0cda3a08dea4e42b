//! `rotate --resolve`, the way out of every stop: wherever a run was killed, each direction keeps a live pair in the profile or says exactly
//! what to do, and a plain rotation ends well afterwards.

use std::sync::Arc;

use crate::bench::{
    ROTATE, calls_of_a_rotation, credentials, hurried, killed, live_in, new_key, nothing_lost, rotated, safe, start, status, told,
    well_or_told,
};
use crate::home::{Home, Output};
use crate::lab::Verdict;
use crate::lab::faults::Fault;
use crate::lab::key::{Status, Use};
use crate::lab::parallel::each;

const FILE: &str = ".aws/credentials";

fn resolve(home: &Home, direction: &str) -> Output {
    home.lab.rules(Vec::new());
    hurried(home, &["rotate", "--resolve", &home.old.id, direction, "--yes", "--no-input"])
}

/// Killed with the old key inactive: while the new pair is proved once more, and when the old key is gone.
fn killed_late() -> [Arc<Home>; 2] {
    let last = calls_of_a_rotation().into_iter().filter(|(action, _)| action == "GetCallerIdentity").count();
    [killed("GetCallerIdentity", last, Fault::PauseAfter), killed("DeleteAccessKey", 1, Fault::PauseAfter)]
}

/// A plain rotation, and where that names a key that is in the way, one that may delete it.
fn plain(home: &Home) -> Output {
    let output = hurried(home, ROTATE);
    let named =
        output.stderr.split_once("--delete-key ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    match named {
        Some(id) => {
            told(&output, 10);
            hurried(home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &id])
        }
        None => output,
    }
}

#[test]
fn each_direction_at_each_call_keeps_a_live_pair_and_a_plain_rotation_ends_well() {
    let calls = calls_of_a_rotation();
    let made = calls.iter().position(|(action, _)| action == "CreateAccessKey").expect("a creation");
    let places: Vec<_> =
        calls.into_iter().skip(made).flat_map(|call| [(call.clone(), Fault::PauseBefore), (call, Fault::PauseAfter)]).collect();
    let cases: Vec<_> = places.iter().flat_map(|place| ["forward", "back", "forget"].map(|direction| (place, direction))).collect();
    each(&cases, |(((action, nth), pause), direction)| {
        let home = killed(action, *nth, pause.clone());
        let output = resolve(&home, direction);
        well_or_told(&output);
        live_in(&home, 2, &output.stderr);
        if *direction == "forget" {
            assert_eq!(output.code, Some(0), "{}", output.stderr);
            forgotten_has_the_pairs(&home, &output);
            assert!(output.stdout.contains("left:") && output.stdout.contains("] has AKIA"), "{}", output.stdout);
        } else {
            nothing_lost_but_a_suspect(&home, &output);
        }
        safe(&home);
        rotated(&home, &plain(&home));
    });
}

/// The secret of a key whose answer was lost is nowhere; it is named instead.
fn nothing_lost_but_a_suspect(home: &Home, output: &Output) {
    match home.lab.live_keys("dev").last() {
        Some(key) if output.code == Some(10) && output.stderr.contains(&format!("--delete-key {}", key.id)) => {}
        Some(key) if output.stdout.contains(&format!("{}, whose secret nobody had, was left alone", key.id)) => {}
        Some(_) | None => nothing_lost(home, &output.stderr),
    }
}

fn forgotten_has_the_pairs(home: &Home, output: &Output) {
    let state = home.path().join(".local/state/keyrotate");
    let kept = std::fs::read_dir(&state).unwrap().flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("forgotten-"));
    let kept = kept.expect("a file with the pairs");
    let text = std::fs::read_to_string(kept.path()).unwrap();
    assert!(text.contains(&home.old.secret), "the old pair is lost");
    let known = text.contains(r#""Intent""#) || text.contains(&new_key(home).secret);
    assert!(known, "the new pair is lost");
    assert!(format!("{}{}", output.stdout, output.stderr).contains(kept.file_name().to_str().unwrap()), "the file is not named");
}

#[test]
fn forward_does_not_close_over_a_place_that_has_the_old_pair_again() {
    for home in killed_late() {
        let backup = credentials(&home);
        let back = backup.replace(&new_key(&home).id, &home.old.id).replace(&new_key(&home).secret, &home.old.secret);
        home.write(FILE, &back);
        let output = resolve(&home, "forward");
        well_or_told(&output);
        nothing_lost(&home, &output.stdout);
        live_in(&home, 2, &output.stdout);
    }
}

#[test]
fn forward_does_not_close_over_the_last_place_when_that_is_away() {
    for home in killed_late() {
        let backup = credentials(&home);
        std::fs::remove_file(home.path().join(FILE)).unwrap();
        let output = resolve(&home, "forward");
        assert_ne!(output.code, Some(0), "{}", output.stdout);
        well_or_told(&output);
        nothing_lost(&home, &output.stdout);
        home.write(FILE, &backup);
        let last = hurried(&home, ROTATE);
        assert_eq!(last.code, Some(0), "{}", last.stderr);
        live_in(&home, 2, &last.stderr);
    }
}

#[test]
fn forward_does_not_close_over_a_new_key_that_an_admin_took_away() {
    for state in [Status::Inactive, Status::Deleted] {
        let [home, _] = killed_late();
        let id = new_key(&home).id;
        home.lab.world().set_status(&id, state);
        let output = resolve(&home, "forward");
        well_or_told(&output);
        assert!(credentials(&home).contains(&home.old.secret) || output.code != Some(0), "{}{}", output.stdout, output.stderr);
        assert_eq!(live_in_or_journalled(&home), Verdict::Yes, "{}", output.stderr);
    }
}

/// Whether the old key, the only one that can live again, is still known here.
fn live_in_or_journalled(home: &Home) -> Verdict {
    let listed = std::fs::read_dir(home.path().join(".local/state/keyrotate/journal")).unwrap().flatten();
    let known = listed
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
        .chain([credentials(home)])
        .any(|text| text.contains(&home.old.secret));
    if known { Verdict::Yes } else { Verdict::No }
}

#[test]
fn forward_ends_a_rotation_whose_old_key_may_not_be_deleted() {
    let home = start();
    home.lab.world().settings.denied.insert("iam:DeleteAccessKey".to_owned());
    let output = hurried(&home, ROTATE);
    told(&output, output.code.expect("an exit code"));
    assert_eq!(resolve(&home, "forward").code, Some(0));
    assert_eq!(status(&home, &home.old.id), Status::Inactive);
    assert_eq!(live_in(&home, 2, "").id, new_key(&home).id);
    safe(&home);
}

#[test]
fn forward_ends_a_rotation_whose_old_key_is_used_by_somebody() {
    let home = start();
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "60s"]).code, Some(0));
    {
        let mut world = home.lab.world();
        world.settings.clock_offset += 240.0;
        let at = world.now() - 120.0;
        let key = world.keys.iter_mut().find(|key| key.id == home.old.id).unwrap();
        key.uses.push(Use { at, service: "s3".to_owned(), region: "eu-west-1".to_owned() });
    }
    told(&hurried(&home, ROTATE), 10);
    let output = resolve(&home, "forward");
    assert_eq!((output.code, status(&home, &home.old.id)), (Some(0), Status::Inactive), "{}", output.stderr);
    assert_eq!(live_in(&home, 2, "").id, new_key(&home).id);
}
