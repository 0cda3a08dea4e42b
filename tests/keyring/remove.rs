//! `keys remove`: an item goes, and the last copy of a key that works does not by mistake.

use crate::bed::{Bed, ITEM, content, fine, told};
use crate::lab::Settings;
use crate::lab::key::Status;

const REMOVE: &[&str] = &["keys", "remove", ITEM, "--yes", "--no-input"];

#[track_caller]
fn is_gone(bed: &Bed) {
    assert!(bed.items().is_empty() && !bed.knows(ITEM), "{:?}", bed.items());
    fine(&bed.run(&["keys", "list"]));
}

#[test]
fn the_last_copy_of_an_active_key_goes_only_by_its_name() {
    let bed = Bed::start();
    let id = bed.home.old.id.clone();
    told(&bed.run(REMOVE), 1, &["the only copy of", "is an active key of", &format!("--id {id}"), "nothing was changed"]);
    told(&bed.run(&[REMOVE, &["--id", "AKIAEXAMPLE000000009"]].concat()), 2, &["--id names AKIAEXAMPLE000000009", "nothing was changed"]);
    let mut away = bed.with(REMOVE);
    away.env.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned()));
    told(&bed.home.run_with(&away), 1, &["could not be asked", "nothing was changed"]);
    bed.holds_only(&bed.home.old);
    let named = [REMOVE, &["--id", &id]].concat();
    let dry = bed.run(&[named.as_slice(), &["--dry-run"]].concat());
    assert!(dry.code == Some(0) && dry.stdout.contains("nothing was changed"), "{}{}", dry.stdout, dry.stderr);
    bed.holds_only(&bed.home.old);
    let output = bed.run(&named);
    assert!(output.code == Some(0) && output.stdout.contains("credential_process"), "{}{}", output.stdout, output.stderr);
    is_gone(&bed);
    told(&bed.run(REMOVE), 1, &["knows no keychain item work", "keys list"]);
}

#[test]
fn what_is_elsewhere_too_or_dead_goes() {
    let bed = Bed::start();
    let old = bed.home.old.clone();
    bed.home.write(".aws/credentials", &format!("[copy]\naws_access_key_id = {}\naws_secret_access_key = {}\n", old.id, old.secret));
    fine(&bed.run(REMOVE));
    is_gone(&bed);
    let bed = Bed::start_with(Settings { revocation: (0.0, 0.0), ..Settings::default() });
    bed.home.lab.world().set_status(&bed.home.old.id, Status::Inactive);
    fine(&bed.run(REMOVE));
    is_gone(&bed);
}

#[test]
fn what_cannot_be_read_stays_and_what_is_gone_is_forgotten() {
    let bed = Bed::start();
    bed.lock();
    told(&bed.run(REMOVE), 1, &["is locked", "nothing was changed"]);
    told(&bed.home.run(REMOVE), 1, &["no keychain answers", "nothing was changed"]);
    bed.kill_daemon();
    bed.start_daemon();
    bed.put(ITEM, "something else");
    told(&bed.run(REMOVE), 1, &["does not have", "nothing was changed"]);
    assert_eq!(bed.get(ITEM), Ok(Some("something else".to_owned())));
    told(&bed.run(&["keys", "remove", "keyrotate-probe"]), 2, &["does not begin with", "nothing was changed"]);
    bed.put(ITEM, &content(&bed.home.old));
    bed.clear(ITEM);
    fine(&bed.run(REMOVE));
    is_gone(&bed);
}

#[test]
fn a_moved_key_goes_with_what_is_known_of_the_move() {
    let bed = Bed::plain(Settings::default());
    fine(&bed.run(&["keys", "import", "default", "--yes", "--no-input", "--force"]));
    told(&bed.run(&["keys", "remove", "default", "--yes", "--no-input"]), 1, &["keyrotate keys import default --undo"]);
    fine(&bed.run(&["keys", "remove", "default", "--yes", "--no-input", "--id", &bed.home.old.id]));
    assert!(bed.items().is_empty() && !bed.knows("default"));
    told(&bed.run(&["keys", "import", "default", "--undo", "--yes", "--no-input"]), 1, &["nothing to undo"]);
}
