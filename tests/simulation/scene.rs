//! What stays the same during a schedule.

use std::time::Duration;

use keyrotate::model::Grace;

use super::events::Op;
use super::rng::Rng;

/// How answers about a changed key vary until it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flap {
    /// Old, then new.
    None,
    /// Both at random, for the last three seconds.
    Short,
    /// Both at random, all the while.
    Long,
}

/// Where a policy denies every call to IAM without MFA: where a session comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mfa {
    /// One is open.
    Open,
    /// One is open that AWS does not take any more; then from a person.
    Stale,
    /// A person gives a code; in every other run nobody is there.
    Person,
}

/// What stays the same during a schedule.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The config file has the key too.
    pub two_files: bool,
    /// The credentials file is a symbolic link.
    pub symlink: bool,
    /// The credentials file has two names: it can only be written in place.
    pub pinned: bool,
    /// Names can be exchanged beside the AWS files, in the state directory.
    pub exchange: [bool; 2],
    pub flap: Flap,
    /// Changes at IAM are settled after at most this long, in ms.
    pub settle: u64,
    /// The new key is accepted only after this long, in ms.
    pub slow: u64,
    pub grace: Grace,
    /// The old key drains: other machines are to take the new one from the secret.
    pub drains: bool,
    pub attended: bool,
    /// A person answers yes.
    pub trusting: bool,
    /// The new key was there before, in another profile.
    pub adopted: bool,
    /// The user may never do this.
    pub denied: Option<Op>,
    /// The old key's ID and secret are longer than the new one's.
    pub long_ids: bool,
    /// A policy denies every call to IAM without MFA.
    pub mfa: Option<Mfa>,
    /// How many secrets in Secrets Manager have the key too.
    pub secrets: u8,
    /// How many keychain items have the key.
    pub items: u8,
    /// The AWS files have the key.
    pub filed: bool,
}

/// A scene without secrets, items and sessions, which are drawn apart.
pub fn scene(rng: &mut Rng) -> Scene {
    let grace = match rng.below(10) {
        0..=5 => Grace::default(),
        6..=8 => Grace::After(Duration::from_secs(3_600)),
        _ => Grace::Next,
    };
    Scene {
        two_files: rng.percent(40),
        symlink: rng.percent(20),
        pinned: rng.percent(20),
        exchange: [rng.percent(75), rng.percent(75)],
        flap: rng.pick(&[Flap::None, Flap::Short, Flap::Short, Flap::Long]),
        settle: rng.pick(&[0, 2_000, 15_000, 110_000]),
        slow: if rng.percent(6) { rng.pick(&[200_000, 3_500_000, 20_000_000]) } else { 0 },
        grace,
        drains: false,
        attended: rng.percent(30),
        trusting: rng.percent(60),
        adopted: rng.percent(8),
        denied: if rng.percent(5) { Some(rng.pick(&[Op::List, Op::LastUsed, Op::Create, Op::Update, Op::Delete])) } else { None },
        long_ids: rng.percent(10),
        mfa: None,
        secrets: 0,
        items: 0,
        filed: true,
    }
}
