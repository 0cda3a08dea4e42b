//! `keys add` broken anywhere: until the key is in a place that the next run knows the person alone has it, and the same command goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bed::{Bed, content};
use crate::cases::{Kind, Scene};
use crate::home::{Home, Output, Problem, Run};
use crate::import::{CONFIG, left_beside, process, start, words};
use crate::lab::Key;

const KEYCHAIN: Kind = Kind { name: "keys add", start: || add(false), one_second_kill_in: 1, one_other_fault_in: 1 };
const FILE: Kind = Kind { name: "keys add --to file", start: || add(true), one_second_kill_in: 1, one_other_fault_in: 1 };
const TO_KEYCHAIN: &[&str] = &["keys", "add", "new", "--stdin", "--yes", "--no-input", "--force", "--region", "eu-west-1"];
const TO_FILE: &[&str] = &["keys", "add", "new", "--stdin", "--yes", "--no-input", "--to", "file", "--region", "eu-west-1"];
const REGION: &str = "region = eu-west-1\n";

struct Add {
    bed: Arc<Bed>,
    /// What the person has, and no file yet.
    key: Key,
    is_for_file: bool,
}

fn add(is_for_file: bool) -> Box<dyn Scene> {
    let bed = start();
    let key = {
        let mut world = bed.home.lab.world();
        let user = world.add_user("fresh", "/");
        world.add_settled_key(user)
    };
    Box::new(Add { bed, key, is_for_file })
}

impl Scene for Add {
    fn home(&self) -> &Arc<Home> {
        &self.bed.home
    }

    fn run(&self) -> Run<'_> {
        let mut run = words(&self.bed, if self.is_for_file { TO_FILE } else { TO_KEYCHAIN });
        run.input = content(&self.key);
        run
    }

    /// The key is whole in one place that the next run knows, or nowhere; no line leads to a place without it, and no other key is touched.
    fn look(&self, place: &str) {
        let (home, key) = (&self.bed.home, &self.key);
        let (file, config) = (self.read("credentials"), self.read("config"));
        let item = match self.bed.held() {
            Ok(mut items) => items.remove("new"),
            Err(why) => return home.problem(Problem::Locked, place, format_args!("the keychain: {why}")),
        };
        if !file.starts_with(&home.start_text()) {
            home.problem(Problem::Foreign, place, "another key in the credentials file");
        }
        if file.contains(&key.id) != file.contains(&key.secret) || item.as_ref().is_some_and(|text| *text != content(key)) {
            home.problem(Problem::Torn, place, "half a key");
        }
        if file.contains(&key.id) && !self.is_for_file || item.is_some() && self.is_for_file {
            home.problem(Problem::Leak, place, "the key is where it was not asked for");
        }
        if item.is_some() && !self.bed.knows("new") {
            home.problem(Problem::Lost, place, "the key is in an item that the index does not know");
        }
        if config.contains("credential_process") && item.is_none() {
            home.problem(Problem::Locked, place, "a line that leads nowhere");
        }
    }

    /// `auto` cannot go on, which has no key, and does no harm; the command of the person does.
    fn resume(&self, broken: Output) {
        let home = &self.bed.home;
        if broken.code == Some(0) {
            return self.finish("after the first run");
        }
        home.run_with(&words(&self.bed, &["auto", "--now"]));
        self.look("after auto");
        let again = home.run_with(&self.run());
        let was_over = again.code == Some(1) && again.stderr.contains("has a key already");
        if again.code != Some(0) && !was_over {
            home.problem(Problem::Stuck, "after the resume", format_args!("exit {:?}: {}", again.code, again.stderr.trim()));
        }
        self.finish("after the resume");
    }
}

impl Add {
    fn read(&self, name: &str) -> String {
        self.bed.read(&format!(".aws/{name}")).unwrap_or_default()
    }

    /// The files and the keychain are as they are to be, byte for byte, and nothing waits or is left.
    fn finish(&self, place: &str) {
        self.look(place);
        let (home, key) = (&self.bed.home, &self.key);
        home.search_files(place, false);
        let pair = format!("\n[new]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        let (file, line, item) = if self.is_for_file {
            (home.start_text() + &pair, String::new(), BTreeMap::new())
        } else {
            (home.start_text(), process("new"), BTreeMap::from([("new".to_owned(), content(key))]))
        };
        let lines = self.read("config");
        if self.read("credentials") != file || lines != format!("{CONFIG}[profile new]\n{line}{REGION}") {
            home.problem(Problem::Changed, place, format_args!("the credentials file, or the config file: {lines}"));
        }
        let items = self.bed.held().unwrap_or_default();
        if items != item || self.bed.knows("new") == self.is_for_file {
            home.problem(Problem::Label, place, format_args!("keychain items: {:?}", items.keys()));
        }
        let imports = home.path().join(".local/state/keyrotate/imports");
        let waiting: Vec<_> = std::fs::read_dir(imports).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        if !waiting.is_empty() {
            home.problem(Problem::Stuck, place, format_args!("{waiting:?} waits"));
        }
        let left = left_beside(home, true);
        if !left.is_empty() {
            home.problem(Problem::Leak, place, format_args!("left beside the files: {left:?}"));
        }
        let keys = ["dev", "fresh"].map(|user| home.lab.live_keys(user).into_iter().map(|key| key.id).collect::<Vec<_>>());
        if keys != [vec![home.old.id.clone()], vec![key.id.clone()]] {
            home.problem(Problem::Foreign, place, format_args!("keys at AWS: {keys:?}"));
        }
    }
}

#[test]
fn a_key_that_is_added_to_the_keychain_is_somewhere_or_nowhere_wherever_it_breaks() {
    crate::broken_anywhere(&KEYCHAIN);
}

#[test]
fn a_key_that_is_added_to_the_file_is_somewhere_or_nowhere_wherever_it_breaks() {
    crate::broken_anywhere(&FILE);
}
