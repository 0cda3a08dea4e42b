//! Accounts in which `alarm` is tried.

use std::sync::Arc;

use crate::bench::{run, start};
use crate::home::{Home, Output};

/// A mailbox, and everything that is watched.
pub const INSTALL: [&str; 6] = ["install", "default", "--email", "ops@example.com", "--root", "--yes"];

pub fn alarm(home: &Home, args: &[&str]) -> Output {
    run(home, &[&["alarm"], args].concat())
}

pub fn with_trail() -> Arc<Home> {
    let home = start("[default]\nregion = us-east-1\n");
    let mut world = home.lab.world();
    world.add_trail("all", "eu-central-1", Some("all"));
    world.add_log_group("all", "eu-central-1");
    drop(world);
    home
}

/// One that was set up while everything was allowed, and confirmed.
pub fn with_alarm(way: &[&str]) -> Arc<Home> {
    let home = with_trail();
    let output = alarm(&home, &[&INSTALL[..], way].concat());
    assert_eq!(output.code, Some(10), "{}", output.said());
    home.lab.world().topics.iter_mut().flat_map(|topic| &mut topic.subscriptions).for_each(|one| one.is_confirmed = true);
    home
}

/// Everything is there, and the mailbox has not confirmed.
pub fn set_up(home: &Home, output: &Output) {
    assert_eq!(output.code, Some(10), "{}", output.said());
    let world = home.lab.world();
    assert_eq!((world.topics.len(), world.alarms.len() + world.event_rules.len()), (1, 3), "{}", output.said());
}
