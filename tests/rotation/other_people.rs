//! An admin, an editor or another program acts in mid-run, at every call. Whatever they did stays theirs, and nobody is locked out.

use crate::bench::{ROTATE, calls_of_a_rotation, credentials, meanwhile, new_key, rotated, safe, start, status, told};
use crate::home::{Home, Problem};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::{Rule, Verdict};

fn pause(action: &str, nth: usize) -> Rule {
    Rule::on(action, Fault::PauseAfter).nth(nth)
}

fn everywhere() -> Vec<(String, usize)> {
    calls_of_a_rotation().into_iter().filter(|(action, _)| !action.starts_with("GetAccess") && !action.contains("Policies")).collect()
}

/// Where a new key exists.
fn after_creation() -> Vec<(String, usize)> {
    let calls = calls_of_a_rotation();
    let made = calls.iter().position(|(action, _)| action == "CreateAccessKey").expect("a creation");
    calls.into_iter().skip(made).collect()
}

/// The profile has a live pair, or a later run puts one there as long as one of the two keys lives.
#[track_caller]
fn not_locked_out(home: &Home, exits: &str) {
    let text = credentials(home);
    let keys = home.lab.live_keys("dev");
    let held = keys.iter().any(|key| key.status == Status::Active && text.matches(&key.secret).count() == 2);
    assert!(held, "no profile has a live pair ({exits}): {:?}", keys.iter().map(|key| (&key.id, key.status)).collect::<Vec<_>>());
    assert!(!home.found().contains_key(&Problem::Foreign) && !home.found().contains_key(&Problem::Torn), "{}", home.told());
}

#[test]
fn a_new_key_deleted_or_deactivated_by_an_admin_at_each_call_locks_nobody_out() {
    let states: Vec<_> =
        after_creation().into_iter().flat_map(|call| [(call.clone(), Status::Deleted), (call, Status::Inactive)]).collect();
    each(&states, |((action, nth), state)| {
        let home = start();
        let output = meanwhile(&home, pause(action, *nth), |home, _| {
            // Once the old key is inactive, the new one is the only one alive: to take it is the admin's own lock-out.
            if status(home, &home.old.id) == Status::Active {
                let id = new_key(home).id;
                home.lab.world().set_status(&id, *state);
            }
        });
        let again = if output.code == Some(0) { None } else { home.run(ROTATE).code };
        not_locked_out(&home, &format!("{:?}, then {again:?}: {}", output.code, output.stderr));
    });
}

#[test]
fn an_old_key_deleted_by_an_admin_once_the_new_one_is_there_goes_forward() {
    each(&after_creation(), |(action, nth)| {
        let home = start();
        let output = meanwhile(&home, pause(action, *nth), |home, _| {
            let id = home.old.id.clone();
            home.lab.world().set_status(&id, Status::Deleted);
        });
        let again = if output.code == Some(0) { None } else { home.run(ROTATE).code };
        not_locked_out(&home, &format!("{:?}, then {again:?}: {}", output.code, output.stderr));
    });
}

#[test]
fn an_old_key_activated_again_by_an_admin_is_a_veto() {
    let home = start();
    let output = meanwhile(&home, pause("UpdateAccessKey", 1), |home, _| {
        let id = home.old.id.clone();
        home.lab.world().set_status(&id, Status::Active);
    });
    told(&output, 10);
    assert_eq!(status(&home, &home.old.id), Status::Active, "the veto was overruled");
    safe(&home);
}

#[test]
fn a_user_renamed_at_each_call_loses_no_key() {
    each(&everywhere(), |(action, nth)| {
        let home = start();
        let output = meanwhile(&home, pause(action, *nth), |home, _| home.lab.world().rename_user("dev", "eve"));
        let again = if output.code == Some(0) { None } else { home.run(ROTATE).code };
        let text = credentials(&home);
        let held = home.lab.live_keys("eve").into_iter().any(|key| key.status == Status::Active && text.contains(&key.secret));
        assert!(held, "{:?}, then {again:?}: {}", output.code, output.stderr);
    });
}

#[test]
fn a_user_deleted_at_each_call_is_told_and_touches_nobody_else() {
    each(&everywhere(), |(action, nth)| {
        let home = start();
        let output = meanwhile(&home, pause(action, *nth), |home, _| home.lab.world().delete_user("dev"));
        if output.code != Some(0) {
            told(&output, output.code.expect("an exit code"));
        }
        assert_eq!(home.lab.accepts(&home.other.id, &home.other.secret), Verdict::Yes);
        assert!(!home.found().contains_key(&Problem::Leak), "{}", home.told());
    });
}

#[test]
fn a_line_added_by_an_editor_at_each_call_survives() {
    each(&everywhere(), |(action, nth)| {
        let home = start();
        let output = meanwhile(&home, pause(action, *nth), |home, _| {
            let text = credentials(home).replace("[other]", "# added meanwhile\n[other]");
            home.write(".aws/credentials", &text);
        });
        let again = if output.code == Some(0) { None } else { home.run(ROTATE).code };
        assert!(credentials(&home).contains("# added meanwhile\n[other]"), "the edit is lost");
        not_locked_out(&home, &format!("{:?}, then {again:?}: {}", output.code, output.stderr));
        assert!(output.code == Some(0) || again == Some(0), "{}", output.stderr);
    });
}

#[test]
fn a_pair_that_somebody_put_in_meanwhile_is_not_overwritten() {
    let home = start();
    let pair = {
        let mut world = home.lab.world();
        let user = world.add_user("third", "/");
        world.add_settled_key(user)
    };
    let output = meanwhile(&home, pause("CreateAccessKey", 1), |home, _| {
        let text = credentials(home).replace(&home.old.id, &pair.id).replace(&home.old.secret, &pair.secret);
        home.write(".aws/credentials", &text);
    });
    assert_ne!(output.code, Some(0), "{}", output.stdout);
    told(&output, output.code.expect("an exit code"));
    assert_eq!(credentials(&home).matches(&pair.secret).count(), 2, "somebody's pair was overwritten");
    assert_eq!(status(&home, &home.old.id), Status::Active);
}

#[test]
fn a_program_that_writes_the_file_in_place_and_slowly_loses_nothing() {
    let home = start();
    let output = meanwhile(&home, pause("CreateAccessKey", 1), |home, _| {
        let (text, path) = (credentials(home) + "\n# slow\n", home.path().join(".aws/credentials"));
        std::fs::File::create(&path).expect("truncated in place");
        home.lab.release(false);
        std::thread::sleep(std::time::Duration::from_millis(1500));
        std::fs::write(&path, text).expect("written in place");
    });
    let last = if output.code == Some(0) { output } else { home.run(ROTATE) };
    assert_eq!(last.code, Some(0), "{}", last.stderr);
    assert!(credentials(&home).contains("# slow"), "the writer's line is lost");
    let key = new_key(&home);
    assert_eq!((status(&home, &key.id), credentials(&home).matches(&key.secret).count()), (Status::Active, 2), "{}", last.stderr);
}

#[test]
fn a_second_keyrotate_waits_and_gives_up_with_its_own_exit_code() {
    let home = start();
    let output = meanwhile(&home, pause("CreateAccessKey", 1), |home, pid| {
        // Not through `run`, which lets a paused call go when it ends.
        let mut run = crate::home::Run::new(ROTATE);
        run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
        let second = home.command(&run).output().expect("a second run");
        let stderr = String::from_utf8_lossy(&second.stderr);
        home.search(None, &[("stdout", &String::from_utf8_lossy(&second.stdout)), ("stderr", &stderr)]);
        assert_eq!(second.status.code(), Some(21), "{stderr}");
        assert!(stderr.contains(&pid.to_string()), "the owner is not named: {stderr}");
        assert_eq!(crate::bench::changes(&home.lab), ["CreateAccessKey"]);
    });
    rotated(&home, &output);
}

#[test]
fn a_killed_owner_leaves_no_lock_behind() {
    let home = start();
    let mut run = crate::home::Run::new(ROTATE);
    run.kill_at_pause = true;
    home.lab.rules(vec![pause("CreateAccessKey", 1)]);
    assert_eq!(home.run_with(&run).code, None);
    home.lab.rules(Vec::new());
    let output = home.run(ROTATE);
    told(&output, 10);
    let suspect = new_key(&home);
    rotated(&home, &home.run(&["rotate", "default", "--yes", "--no-input", "--delete-key", &suspect.id]));
}
