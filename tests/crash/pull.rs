//! A pull, broken anywhere: another machine rotated the key, and this one takes the new pair over from the secret, into a file or a keychain
//! item. Who pulls changes nothing at AWS; both keys live, as in the grace that the machine that rotates leaves it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bed::{Bed, ITEM, content, entries};
use crate::cases::{Kind, Scene};
use crate::home::{Home, Output, Problem, Run};
use crate::import::left_beside;
use crate::lab::Settings;
use crate::lab::key::Status;
use crate::lab::secrets::Body;
use crate::lab::{Key, Verdict};
use crate::rotation::{Item, ROTATE, Rotation};
use crate::secret::{JSON, NAME, configure};

const FILE: Kind = Kind { name: "a key in a file that is taken over", start: file, one_second_kill_in: 1, one_other_fault_in: 1 };
const KEYCHAIN: Kind =
    Kind { name: "a key in a keychain item that is taken over", start: item, one_second_kill_in: 1, one_other_fault_in: 1 };
/// The calls that only the machine that rotates may make.
const CHANGES: [&str; 5] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "PutSecretValue", "UpdateSecretVersionStage"];

struct Pull {
    rotation: Rotation,
    /// What the secret has.
    new: Key,
}

fn file() -> Box<dyn Scene> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    start(Rotation { home, words: ROTATE, item: None })
}

fn item() -> Box<dyn Scene> {
    let bed = Bed::start();
    start(Rotation { home: bed.home.clone(), words: ROTATE, item: Some(Item { bed, is_alone: true }) })
}

/// The other machine has rotated it: its pair is in the secret, and the old one drains.
fn start(rotation: Rotation) -> Box<dyn Scene> {
    let home = &rotation.home;
    home.secret(NAME, JSON);
    let new = {
        let mut world = home.lab.world();
        let new = world.add_settled_key(home.old.user);
        let text = JSON.replace("{id}", &new.id).replace("{secret}", &new.secret);
        world.secret(NAME).add("rotated-elsewhere", Body::Text(text), &["AWSCURRENT"]);
        new
    };
    let target = format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{NAME}\"\n");
    configure(home, &format!("[profile.default]\nrotator = \"build-host-1\"\n{target}"));
    Box::new(Pull { rotation, new })
}

impl Scene for Pull {
    fn home(&self) -> &Arc<Home> {
        &self.rotation.home
    }

    fn run(&self) -> Run<'_> {
        self.rotation.run()
    }

    fn look(&self, place: &str) {
        self.rotation.look(place);
        let home = self.home();
        if let Some(call) = home.lab.calls().iter().find(|call| CHANGES.contains(&call.action.as_str())) {
            home.problem(Problem::Foreign, place, format_args!("{} by who does not rotate", call.action));
        }
    }

    /// By the timer, which goes on with what the journal has and takes over what is not yet.
    fn resume(&self, broken: Output) {
        if broken.code == Some(0) {
            return self.finish("after the first run", &broken);
        }
        let mut run = self.run();
        run.args = &["auto", "--now"];
        let resumed = self.home().run_with(&run);
        self.look("after the resume");
        self.finish("after the resume", &resumed);
    }
}

impl Pull {
    /// Every place has the new pair, and nothing is left of the way there.
    fn finish(&self, place: &str, output: &Output) {
        let (home, old, new) = (self.home(), &self.home().old, &self.new);
        home.search_files(place, false);
        let file = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap_or_default();
        let is_in_file = file == home.start_text().replace(&old.id, &new.id).replace(&old.secret, &new.secret);
        let is_in_item =
            self.rotation.item.as_ref().is_none_or(|Item { bed, .. }| {
                bed.indexed() == new.id && bed.held() == Ok(BTreeMap::from([(ITEM.to_owned(), content(new))]))
            });
        if output.code != Some(0) || !is_in_file || !is_in_item || !entries(home).is_empty() {
            let (code, left, said) = (output.code, entries(home), output.stderr.trim());
            let told = format_args!("exit {code:?}, file {is_in_file}, item {is_in_item}, entries {left:?}: {said}");
            home.problem(Problem::Stuck, place, told);
        }
        let left = left_beside(home, true);
        if !left.is_empty() {
            home.problem(Problem::Leak, place, format_args!("left beside the files: {left:?}"));
        }
        let is_as_it_was = |key: &&Key| key.status == Status::Active && home.lab.accepts(&key.id, &key.secret) == Verdict::Yes;
        let keys = home.lab.live_keys("dev");
        if keys.iter().filter(is_as_it_was).map(|key| &key.id).ne([&old.id, &new.id]) || keys.len() != 2 {
            home.problem(Problem::Foreign, place, format_args!("keys at AWS: {keys:?}"));
        }
    }
}

#[test]
fn a_pull_into_a_file_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&FILE);
}

#[test]
fn a_pull_into_a_keychain_item_broken_anywhere_is_resumed_without_loss() {
    crate::broken_anywhere(&KEYCHAIN);
}
