//! The key is in a secret of Secrets Manager: beside the file, or nowhere else, where an operator's profile manages it.

use std::sync::Arc;

use crate::cases::{Kind, Scene};
use crate::home::Home;
use crate::lab::Settings;
use crate::rotation::{ROTATE, Rotation};

const BESIDE: Kind = Kind { name: "a key in a file and a secret", start: beside, one_second_kill_in: 19, one_other_fault_in: 1 };
const ALONE: Kind = Kind { name: "another user's key in a secret", start: alone, one_second_kill_in: 19, one_other_fault_in: 2 };
pub const NAME: &str = "prod/ci";
/// Escapes, a 64-bit number, an order of its own, and a secret that is not the key's.
pub const JSON: &str = r#"{ "env":"prod", "secret_access_key" : "{secret}","note":"caf\u00e9",
  "access_key_id":"{id}", "ttl":900000000000000001,"password":"CaNaRyBiRdpasswordCaNaRyBiRd"}"#;

fn beside() -> Box<dyn Scene> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    add(&home);
    Box::new(Rotation { home, words: ROTATE, item: None })
}

/// Gives the profile `default` a secret as a target, which has the pair.
pub fn add(home: &Arc<Home>) {
    home.secret(NAME, JSON);
    configure(home, &format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{NAME}\"\n"));
}

/// Writes the settings.
pub fn configure(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).expect("a scratch HOME");
    home.write(".config/keyrotate/config.toml", text);
}

/// `default` is the operator.
fn alone() -> Box<dyn Scene> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    let key = {
        let mut world = home.lab.world();
        let user = world.add_user("ci-deploy", "/service/");
        world.add_settled_key(user)
    };
    home.rotates(&key);
    home.secret(NAME, JSON);
    let target = format!("target = [{{ type = \"secretsmanager\", secret_id = \"{NAME}\" }}]");
    configure(&home, &format!("[key.ci]\nuser = \"ci-deploy\"\nauth_profile = \"default\"\n{target}\n"));
    Box::new(Rotation { home, words: &["rotate", "ci", "--yes", "--no-input"], item: None })
}

#[test]
fn a_rotation_of_a_file_and_a_secret_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&BESIDE);
}

#[test]
fn a_rotation_of_another_users_secret_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&ALONE);
}
