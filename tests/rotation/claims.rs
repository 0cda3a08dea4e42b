//! What the program says of keys, and what it does on the strength of it, is true of AWS and of every file: a key is nobody's only when
//! no section, no profile and no unfinished rotation has it, and the only copy of a secret is never wiped.

use crate::bench::{ROTATE, changes, credentials, hurried, killed, live_in, nothing_lost, refused, rotated, start, status, told};
use crate::home::{Home, Output};
use crate::lab::Key;
use crate::lab::faults::Fault;
use crate::lab::key::Status;

const FILE: &str = ".aws/credentials";

fn dry_run(home: &Home) -> Output {
    hurried(home, &["rotate", "default", "--dry-run"])
}

/// Puts another pair wherever the old one is.
fn put(home: &Home, key: &Key) {
    let text = credentials(home).replace(&home.old.id, &key.id).replace(&home.old.secret, &key.secret);
    home.write(FILE, &text);
}

/// The key that was made by a call whose answer never came.
fn made(home: &Home) -> Key {
    crate::bench::new_key(home)
}

#[test]
fn the_only_copy_of_the_old_secret_is_kept_when_nothing_comes_of_a_rotation() {
    for (action, nth, admin) in [("CreateAccessKey", 1, false), ("GetCallerIdentity", 2, true)] {
        let home = killed(action, nth, Fault::PauseBefore);
        if admin {
            let id = made(&home).id;
            home.lab.world().set_status(&id, Status::Deleted);
        }
        let text = credentials(&home);
        std::fs::remove_file(home.path().join(FILE)).unwrap();
        let output = hurried(&home, ROTATE);
        assert_ne!(output.code, Some(0), "{}", output.stdout);
        assert!(admin || output.stderr.contains("forget"), "{}", output.stderr);
        nothing_lost(&home, &output.stderr);
        home.write(FILE, &text);
        let output = hurried(&home, ROTATE);
        let output = if output.code == Some(0) { output } else { hurried(&home, ROTATE) };
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        live_in(&home, 2, &output.stderr);
        nothing_lost(&home, &output.stderr);
    }
}

#[test]
fn a_key_that_a_person_put_into_the_file_meanwhile_is_not_deleted_as_nobodys() {
    let home = killed("CreateAccessKey", 1, Fault::PauseAfter);
    let key = made(&home);
    put(&home, &key);
    let output = hurried(&home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &key.id]);
    assert_ne!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stderr.contains("somebody knows its secret"), "{}", output.stderr);
    assert_eq!((status(&home, &key.id), status(&home, &home.old.id)), (Status::Active, Status::Active));
    nothing_lost(&home, &output.stderr);
}

#[test]
fn a_newcomer_of_unknown_use_is_not_called_unused() {
    let home = killed("CreateAccessKey", 1, Fault::PauseAfter);
    home.lab.world().settings.denied.insert("iam:GetAccessKeyLastUsed".to_owned());
    let output = hurried(&home, ROTATE);
    told(&output, 10);
    assert!(output.stderr.contains("is unknown") && !output.stderr.contains("nobody has its secret"), "{}", output.stderr);
    let key = made(&home);
    let named = hurried(&home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &key.id]);
    rotated(&home, &named);
}

#[test]
fn a_stopped_rotation_is_told_and_its_keys_are_in_use_though_the_profile_has_another_key_now() {
    let home = killed("GetCallerIdentity", 2, Fault::PauseBefore);
    let (old, new) = (home.old.id.clone(), made(&home).id);
    put(&home, &home.other);
    let output = hurried(&home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &old]);
    assert_ne!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stderr.contains(&new) && output.stderr.contains(&old), "{}", output.stderr);
    assert_eq!((status(&home, &old), status(&home, &new)), (Status::Active, Status::Active));
    let journal = home.path().join(".local/state/keyrotate/journal");
    let entry = std::fs::read_dir(journal).unwrap().flatten().next().expect("the entry");
    let entry = std::fs::read_to_string(entry.path()).unwrap();
    assert!(entry.contains(&home.old.secret) && entry.contains(&made(&home).secret));
}

#[test]
fn a_key_in_a_section_that_no_profile_leads_to_is_in_use() {
    let home = start();
    let key = home.lab.world().add_settled_key(home.old.user);
    let section = format!("\n[b]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    home.write(FILE, &(credentials(&home) + &section));
    home.write(".aws/config", "[profile b]\nsso_account_id = 111122223333\n");
    for option in [vec![], vec!["--delete-key", key.id.as_str()]] {
        let output = home.run(&[ROTATE, option.as_slice()].concat());
        told(&output, 10);
        assert!(output.stderr.contains("[b]") && !output.stderr.contains("no profile here has"), "{}", output.stderr);
        assert_eq!(changes(&home.lab), Vec::<String>::new());
    }
}

#[test]
fn a_user_renamed_in_mid_rotation_is_found_under_the_new_name() {
    for (action, nth) in [("CreateAccessKey", 1), ("GetCallerIdentity", 2), ("UpdateAccessKey", 1), ("DeleteAccessKey", 1)] {
        let home = killed(action, nth, Fault::PauseBefore);
        home.lab.world().rename_user("dev", "eve");
        let output = hurried(&home, ROTATE);
        assert_eq!(output.code, Some(0), "{action}: {}", output.stderr);
        assert!(home.lab.live_keys("eve").iter().any(|key| credentials(&home).matches(&key.secret).count() == 2), "{action}");
    }
}

#[test]
fn a_dry_run_tells_how_a_rotation_under_way_goes_on_and_plans_no_other() {
    for (action, nth) in [("CreateAccessKey", 1), ("GetCallerIdentity", 2), ("UpdateAccessKey", 1), ("DeleteAccessKey", 1)] {
        let home = killed(action, nth, Fault::PauseBefore);
        let (before, calls) = (credentials(&home), home.lab.calls().len());
        let output = dry_run(&home);
        assert_eq!(output.code, Some(0), "{action}: {}", output.stderr);
        assert!(
            output.stdout.contains("is under way, and would go on") && !output.stdout.contains("would be rotated"),
            "{}",
            output.stdout
        );
        assert_eq!((credentials(&home), home.lab.calls().len()), (before, calls), "{action}");
    }
}

#[test]
fn a_dry_run_within_a_grace_tells_that_the_old_key_rests() {
    let home = start();
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "1h"]).code, Some(0));
    let within = dry_run(&home).stdout;
    assert!(within.contains("stays inactive until") && !within.contains("a new rotation begins"), "{within}");
    let ended = home.run(&["rotate", "default", "--dry-run", "--grace", "next"]).stdout;
    assert!(ended.contains("stays inactive until") && status(&home, &home.old.id) == Status::Inactive, "{ended}");
}

#[test]
fn the_end_of_a_grace_is_told_by_whichever_run_brings_it() {
    for (what, code) in [("--due", 0), ("nope", 1)] {
        let home = start();
        assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "1s"]).code, Some(0));
        home.lab.world().settings.clock_offset += 2.0;
        let output = home.run(&["rotate", what, "--yes", "--no-input"]);
        assert_eq!(output.code, Some(code), "{}", output.stderr);
        assert!(output.stdout.contains(&format!("the grace of {}", home.old.id)), "{}{}", output.stdout, output.stderr);
        assert_eq!(status(&home, &home.old.id), Status::Deleted);
    }
}

#[test]
fn a_dead_second_key_that_a_profile_has_is_not_deleted_by_the_way() {
    let home = start();
    let key = home.lab.world().add_settled_key(home.old.user);
    home.lab.world().set_status(&key.id, Status::Inactive);
    home.lab.world().grow_old(&key.id, 31.0);
    home.write(".aws/config", &format!("[profile b]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret));
    let output = home.run(&["rotate", "default", "--yes", "--no-input", "--reclaim-inactive"]);
    refused(&home, &output, 10);
    assert_eq!(status(&home, &key.id), Status::Inactive);
}
