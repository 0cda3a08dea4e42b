//! A rotation as what is broken, wherever the key is: the places that it begins with differ, what holds afterwards does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bed::{Bed, ITEM, content, entries};
use crate::cases::Scene;
use crate::home::{Home, Output, Problem, Run};
use crate::lab::canary;
use crate::lab::{Key, Verdict};

pub const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];

/// Where the key is in a keychain item, too.
pub struct Item {
    pub bed: Arc<Bed>,
    /// No file may have the secret.
    pub is_alone: bool,
}

/// One rotation.
pub struct Rotation {
    pub home: Arc<Home>,
    pub words: &'static [&'static str],
    pub item: Option<Item>,
}

impl Scene for Rotation {
    fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// With the shortest waits that leave a busy machine its time.
    fn run(&self) -> Run<'_> {
        let mut run = self.item.as_ref().map_or_else(|| Run::new(self.words), |item| item.bed.with(self.words));
        run.env.push(("KEYROTATE_TIME_SCALE", "0.02".to_owned()));
        run
    }

    fn look(&self, place: &str) {
        self.home.look(place);
        if let Some(item) = &self.item {
            self.look_at_item(item, place);
        }
    }

    fn resume(&self, broken: Output) {
        if broken.code == Some(0) {
            return self.finish("after the first run", &broken);
        }
        let resumed = self.home.run_with(&self.run());
        self.look("after the resume");
        self.finish("after the resume", &resumed);
    }
}

impl Rotation {
    /// The item has a whole pair that AWS accepts; where it is the only place, no file has a secret.
    fn look_at_item(&self, item: &Item, place: &str) {
        let home = &self.home;
        let text = match item.bed.held() {
            Ok(mut items) => items.remove(ITEM).unwrap_or_default(),
            Err(why) => return home.problem(Problem::Locked, place, format_args!("the keychain: {why}")),
        };
        let keys = home.lab.world().keys.clone();
        match keys.iter().find(|key| content(key) == text).map(|key| home.lab.accepts(&key.id, &key.secret)) {
            Some(Verdict::Yes) => {}
            Some(Verdict::Flapping) => home.problem(Problem::Early, place, "the keychain item"),
            Some(Verdict::No) => home.problem(Problem::Locked, place, "the keychain item"),
            None => {
                home.problem(Problem::Torn, place, "the keychain item");
                home.problem(Problem::Locked, place, "the keychain item");
            }
        }
        if item.is_alone {
            for found in canary::files(&home.path()) {
                home.problem(Problem::Leak, place, format_args!("{} holds a secret ({})", found.path.display(), found.form));
            }
        }
    }

    /// As the harness, and: exit 0 says that the key was rotated, so the old one must be gone, and what the rotation itself had in the
    /// keychain, too.
    fn finish(&self, place: &str, output: &Output) {
        let home = &self.home;
        let items = self.item.as_ref().map_or_else(BTreeMap::new, |item| item.bed.held().unwrap_or_default());
        home.finish_beside(place, output, &items.values().cloned().collect::<Vec<_>>());
        let old = home.rotated();
        if output.code == Some(0) && home.lab.accepts(&old.id, &old.secret) != Verdict::No {
            home.problem(Problem::Stuck, place, "exit 0, and the old key is still Active");
        }
        let Some(item) = &self.item else { return };
        let left: Vec<&String> = items.keys().filter(|name| *name != ITEM).collect();
        if entries(home).is_empty() && !left.is_empty() {
            home.problem(Problem::Label, place, format_args!("keychain items are left: {left:?}"));
        }
        let held = home.lab.world().keys.iter().find(|key| items.get(ITEM) == Some(&content(key))).map(|key: &Key| key.id.clone());
        if output.code == Some(0) && held != Some(item.bed.indexed()) {
            home.problem(Problem::Stuck, place, format_args!("the item has {held:?}, and the index {}", item.bed.indexed()));
        }
    }
}
