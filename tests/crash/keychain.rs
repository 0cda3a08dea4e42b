//! The key is in an item of the keychain: alone, or in a file and a secret, too.

use crate::bed::Bed;
use crate::cases::{Kind, Scene};
use crate::rotation::{Item, ROTATE, Rotation};
use crate::secret;

const ALONE: Kind = Kind { name: "a key in a keychain item", start: alone, one_second_kill_in: 5, one_other_fault_in: 1 };
const TOGETHER: Kind =
    Kind { name: "a key in a file, a keychain item and a secret", start: together, one_second_kill_in: 19, one_other_fault_in: 3 };

fn alone() -> Box<dyn Scene> {
    let bed = Bed::start();
    Box::new(Rotation { home: bed.home.clone(), words: ROTATE, item: Some(Item { bed, is_alone: true }) })
}

fn together() -> Box<dyn Scene> {
    let bed = Bed::start();
    let (home, old, other) = (bed.home.clone(), bed.home.old.clone(), bed.home.other.clone());
    let section = |name: &str, id: &str, secret: &str| format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    home.credentials(&(section("copy", &old.id, &old.secret) + &section("other", &other.id, &other.secret)));
    secret::add(&home);
    Box::new(Rotation { home, words: ROTATE, item: Some(Item { bed, is_alone: false }) })
}

#[test]
fn a_rotation_of_a_keychain_item_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&ALONE);
}

#[test]
fn a_rotation_of_a_key_in_all_three_kinds_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&TOGETHER);
}
