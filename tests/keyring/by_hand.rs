//! What people do to the item: another key, something that is no key, two of them, and a copy in a file.

use crate::bed::{Bed, ITEM, ROTATE, content, fine, told};
use crate::lab::Key;

/// A second key of the user, as a person makes it in the console.
fn another(bed: &Bed) -> Key {
    bed.home.lab.world().add_settled_key(bed.home.old.user)
}

#[test]
fn another_key_in_the_item_is_the_one_that_counts_and_is_noted() {
    let bed = Bed::start();
    let other = another(&bed);
    bed.put(ITEM, &content(&other));
    fine(&bed.login());
    assert_eq!(bed.indexed(), other.id);
    let opened = bed.home.lab.calls().into_iter().filter(|call| call.action == "GetSessionToken").count();
    assert_eq!(opened, 1);
    fine(&bed.home.run(&["credential-process", "default", "--no-input"]));
    bed.is_in_no_file();
}

#[test]
fn a_rotation_does_not_begin_with_another_key_than_was_known() {
    let bed = Bed::start();
    let other = another(&bed);
    bed.put(ITEM, &content(&other));
    told(&bed.run(ROTATE), 1, &[&other.id, "somebody changed it", "run this again"]);
    assert_eq!(bed.indexed(), other.id);
    assert_eq!(bed.home.lab.calls().len(), 0);
}

#[test]
fn what_is_no_key_is_refused_without_showing_it() {
    let bed = Bed::start();
    let secret = bed.home.old.secret.clone();
    for text in [secret.clone(), format!(r#"{{"AccessKeyId":"{secret}"}}"#), "{}".to_owned()] {
        bed.put(ITEM, &text);
        for output in [bed.run(ROTATE), bed.login()] {
            told(&output, 1, &["keychain item work does not have", "put the pair back"]);
            assert!(!output.stderr.contains(&secret));
        }
    }
    assert_eq!(bed.home.lab.calls().len(), 0);
    bed.put(ITEM, &content(&bed.home.old));
    fine(&bed.run(ROTATE));
    bed.holds_only(&bed.newest());
}

#[test]
fn of_two_items_none_is_taken() {
    let bed = Bed::start();
    bed.put_twice(ITEM, &content(&another(&bed)));
    for output in [bed.run(ROTATE), bed.login()] {
        told(&output, 1, &["2 items `work`", "remove all but one"]);
    }
    assert_eq!(bed.home.lab.calls().len(), 0);
}

#[test]
fn the_same_id_in_a_file_with_another_secret_stops_the_rotation() {
    let bed = Bed::start();
    let old = &bed.home.old;
    let wrong = another(&bed).secret;
    bed.home.write(".aws/credentials", &format!("[copy]\naws_access_key_id = {}\naws_secret_access_key = {wrong}\n", old.id));
    told(&bed.run(ROTATE), 1, &["credentials line 2: [copy] has", "with another secret"]);
    bed.put(ITEM, &content(old).replace(&old.secret, &wrong));
    bed.home.write(".aws/credentials", &format!("[copy]\naws_access_key_id = {}\naws_secret_access_key = {}\n", old.id, old.secret));
    told(&bed.run(&["rotate", "copy", "--yes", "--no-input"]), 1, &["keychain item work has", "with another secret"]);
    assert!(bed.home.lab.calls().iter().all(|call| call.action != "CreateAccessKey"));
}

#[test]
fn a_copy_in_a_file_is_rotated_with_the_item() {
    let bed = Bed::start();
    let old = &bed.home.old;
    bed.home.write(".aws/credentials", &format!("[copy]\naws_access_key_id = {}\naws_secret_access_key = {}\n", old.id, old.secret));
    fine(&bed.run(ROTATE));
    let new = bed.newest();
    assert_eq!(bed.get(ITEM), Ok(Some(content(&new))));
    let text = std::fs::read_to_string(bed.home.path().join(".aws/credentials")).unwrap();
    assert!(text.contains(&new.id) && text.contains(&new.secret) && !text.contains(&old.id), "not rotated in the file");
}
