//! The key is in two sections of the credentials file.

use crate::cases::{Kind, Scene};
use crate::home::Home;
use crate::lab::Settings;
use crate::rotation::{ROTATE, Rotation};

const FILES: Kind = Kind { name: "a key in a file", start, one_second_kill_in: 1, one_other_fault_in: 1 };

fn start() -> Box<dyn Scene> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    Box::new(Rotation { home, words: ROTATE, item: None })
}

#[test]
fn a_rotation_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&FILES);
}
