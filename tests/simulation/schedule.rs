//! What happens in one simulated life of a rotation: the scene and the events, all drawn from the seed. Invariant: a schedule is plain
//! data; taking an event out of it leaves the rest as it was, so that it can be shrunk.

use std::time::Duration;

use keyrotate::model::Grace;
use keyrotate::rotation::Direction;

use super::draw;
use super::rng::{Rng, hash};

/// Seeds below were found when there were no sessions, and no file got a second name.
const BEFORE_SESSIONS: u64 = 40_000_000;
/// Seeds below were found when there were no secrets.
const BEFORE_SECRETS: u64 = 60_000_000;
/// Seeds below were found when there were no keychain items.
const BEFORE_ITEMS: u64 = 80_000_000;

/// What the rotation does, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    List,
    Identity,
    LastUsed,
    Create,
    Update,
    Delete,
    Read,
    Prepare,
    Write,
    Release,
    Wait,
    Ask,
    Persist,
    Close,
    Describe,
    GetValue,
    PutValue,
    MoveStage,
    KeychainGet,
    KeychainSet,
    KeychainDelete,
}

pub const OPS: usize = Op::KeychainDelete as usize + 1;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before effect number n, counted over all runs; every call and every single disk operation is one.
    Beat(u32),
    /// Before the n-th effect of this kind.
    Op(Op, u32),
}

/// What AWS or the network does to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    LostBefore,
    LostAfter,
    Throttled,
    ServerBefore,
    ServerAfter,
    Denied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Home,
    State,
}

/// What a disk does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Full,
    ReadOnly,
    SyncFails,
    DirectorySyncFails,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Old,
    New,
}

/// What a person or an editor does to an AWS file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    NoteInPlace,
    NoteByRename,
    /// Reads now.
    Open,
    /// Writes what was read then, and a note, into the file that was opened.
    SaveInPlace,
    /// The same into a new file of that name.
    SaveByRename,
    /// The file as it was before the rotation.
    Restore,
    Remove,
    PutBack,
    /// A pair of somebody else in one section.
    ForeignPair,
}

/// What somebody else does to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// One field more.
    AddField,
    /// Reads now.
    Open,
    /// Puts what was read then, and a field more.
    Save,
    /// Puts what was there before the rotation.
    Restore,
    /// Puts a pair of somebody else's.
    ForeignPair,
    /// Another rotation puts a version that waits.
    Pending,
    /// It gives up.
    GiveUp,
    /// It makes that version current.
    TakeOver,
    Delete,
    Undelete,
    /// The KMS key refuses, for so many effects.
    Kms(u32),
}

/// What a person does to a keychain item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thumb {
    /// Puts the pair from before the rotation.
    Restore,
    /// Puts a pair of somebody else's.
    ForeignPair,
    /// Puts what is no pair.
    Garble,
    Remove,
    PutBack,
}

/// Why a keychain does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    Locked,
    /// Its daemon is gone.
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Power fails.
    Crash,
    /// The process dies; the system goes on.
    Kill,
    Signal,
    /// The machine sleeps, in seconds.
    Sleep(u64),
    Call(Fault),
    Disk(Side, Trouble, u32),
    AdminDeletes(Whom),
    AdminDeactivates(Whom),
    AdminActivates(Whom),
    MachineCreates,
    /// A program elsewhere uses the key.
    Used(Whom),
    Edits(u8, Edit),
    /// The credentials file gets a second name, or loses it.
    Link,
    Secret(u8, Hand),
    Item(u8, Thumb),
    /// For so many effects.
    Keychain(Lock, u32),
    /// The next run is `--resolve`.
    Resolve(Direction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub when: When,
    pub what: What,
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub seed: u64,
    pub scene: Scene,
    pub events: Vec<Event>,
    /// How many machines rotate the key, all but the first by mistake.
    pub machines: u8,
    /// What happens on the others, by machine.
    pub elsewhere: Vec<(usize, Event)>,
}

impl Schedule {
    pub fn from_seed(seed: u64) -> Self {
        let mut schedule = Self::without_items(seed);
        draw::items(&mut schedule);
        draw::machines(&mut schedule);
        draw::draining(&mut schedule);
        schedule
    }

    /// As one machine has it.
    pub fn of(&self, machine: usize) -> Self {
        let mut schedule = self.clone();
        if machine > 0 {
            schedule.scene = draw::elsewhere(self.seed, &self.scene, machine);
            schedule.events = self.elsewhere.iter().filter(|(number, _)| *number == machine).map(|(_, event)| *event).collect();
        }
        schedule
    }

    /// As a seed was that found something once, when there was less to draw.
    pub fn as_found(seed: u64) -> Self {
        match seed {
            BEFORE_ITEMS.. => Self::from_seed(seed),
            BEFORE_SECRETS.. => Self::without_items(seed),
            BEFORE_SESSIONS.. => Self::without_secrets(seed),
            _ => {
                let mut schedule = Self::without_secrets(seed);
                schedule.scene.mfa = None;
                schedule.events.retain(|event| event.what != What::Link);
                schedule
            }
        }
    }

    /// The schedule as it was before there were keychain items.
    fn without_items(seed: u64) -> Self {
        let mut schedule = Self::without_secrets(seed);
        // Apart, so that the rest of a schedule stays as it was before there were secrets.
        schedule.scene.secrets = [0, 0, 1, 1, 1, 2][hash(&[seed, 0x5EC]) as usize % 6];
        if schedule.scene.secrets > 0 {
            schedule.events.extend(at_secrets(&mut Rng::new(hash(&[seed, 0x5EC, 1])), schedule.scene.secrets));
        }
        schedule
    }

    /// The schedule as it was before there were secrets.
    fn without_secrets(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        // Apart, so that the rest of a schedule stays as it was before there were sessions.
        let mfa = [Mfa::Open, Mfa::Stale, Mfa::Person, Mfa::Person].get(hash(&[seed, 0x3FA]) as usize % 12).copied();
        let scene = Scene { mfa, ..scene(&mut rng) };
        let theme = rng.below(4);
        let count = rng.pick(&[0, 1, 1, 2, 2, 3, 3, 4, 5, 7]);
        let mut events: Vec<Event> = (0..count).map(|_| event(&mut rng, theme)).collect();
        let mut number = 0;
        while number < events.len().min(12) {
            let first = events[number].what;
            if let Some(second) = sequel(&mut rng, first) {
                // Both by number, so that one follows the other.
                let at = if theme == 0 { 50 + rng.below(50) as u32 } else { rng.below(300) as u32 };
                events[number].when = When::Beat(at);
                events.push(Event { when: When::Beat(at + 1 + rng.pick(&[0, 3, 10, 40]) + rng.below(12) as u32), what: second });
            }
            number += 1;
        }
        // Apart, likewise.
        let link = hash(&[seed, 0x11]);
        if link.is_multiple_of(12) {
            events.push(Event { when: When::Beat(40 + (link >> 8) as u32 % 80), what: What::Link });
        }
        Self { seed, scene, events, machines: 1, elsewhere: Vec::new() }
    }
}

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

/// What happens to the secrets and around the calls to them.
pub fn at_secrets(rng: &mut Rng, secrets: u8) -> Vec<Event> {
    let calls = [Op::Describe, Op::Describe, Op::GetValue, Op::PutValue, Op::PutValue, Op::MoveStage, Op::MoveStage];
    let faults =
        [Fault::LostBefore, Fault::LostAfter, Fault::LostAfter, Fault::Throttled, Fault::ServerBefore, Fault::ServerAfter, Fault::Denied];
    let hands = [
        Hand::AddField,
        Hand::AddField,
        Hand::Open,
        Hand::Restore,
        Hand::ForeignPair,
        Hand::Pending,
        Hand::Pending,
        Hand::Delete,
        Hand::Kms(3),
        Hand::Kms(40),
    ];
    let count = rng.pick(&[0, 1, 1, 2, 2, 3, 4, 6]);
    let mut events = Vec::new();
    for _ in 0..count {
        let op = rng.pick(&calls);
        // The first of them are those that look before a key is made; what is put first is a probe.
        let nth = rng.below(if matches!(op, Op::Describe | Op::GetValue) { 16 } else { 6 }) as u32;
        let when = if rng.percent(80) { When::Op(op, nth) } else { When::Beat(rng.below(320) as u32) };
        let secret = rng.below(u64::from(secrets)) as u8;
        let what = match rng.below(10) {
            0..=2 => rng.pick(&[What::Crash, What::Kill]),
            3..=5 => What::Call(rng.pick(&faults)),
            _ => What::Secret(secret, rng.pick(&hands)),
        };
        events.push(Event { when, what });
        let second = match what {
            What::Crash | What::Kill if rng.percent(30) => What::Crash,
            What::Secret(_, Hand::Open) => What::Secret(secret, Hand::Save),
            What::Secret(_, Hand::Pending) => What::Secret(secret, rng.pick(&[Hand::GiveUp, Hand::TakeOver, Hand::TakeOver])),
            What::Secret(_, Hand::Delete) if rng.percent(80) => What::Secret(secret, Hand::Undelete),
            What::Secret(_, Hand::ForeignPair) if rng.percent(60) => What::Resolve(rng.pick(&[Direction::Forward, Direction::Back])),
            What::Secret(..) | What::Call(_) if rng.percent(20) => What::Crash,
            _ => continue,
        };
        let after = rng.pick(&[0, 0, 1, 3]) + rng.below(3) as u32;
        let is_late = matches!(what, What::Secret(_, Hand::Pending | Hand::Delete)) && rng.percent(50);
        let when = match when {
            _ if is_late => When::Beat(rng.below(600) as u32),
            When::Op(op, nth) => When::Op(op, nth + 1 + after),
            When::Beat(at) => When::Beat(at + 1 + 8 * after),
        };
        events.push(Event { when, what: second });
    }
    events
}

pub fn event(rng: &mut Rng, theme: u64) -> Event {
    let calls = [Op::List, Op::Identity, Op::LastUsed, Op::Create, Op::Create, Op::Update, Op::Delete];
    let all =
        [Op::List, Op::Identity, Op::Create, Op::Update, Op::Delete, Op::Read, Op::Prepare, Op::Write, Op::Release, Op::Wait, Op::Close];
    let whom = if rng.percent(50) { Whom::Old } else { Whom::New };
    // A quarter of the schedules each is about files, about keys, about power, and about everything.
    let die = match theme {
        0 => rng.pick(&[0, 82, 82, 82, 90, 55]),
        1 => rng.pick(&[0, 34, 40, 64, 64, 69, 69, 74, 77, 96, 96]),
        2 => rng.pick(&[0, 0, 0, 30, 55, 96]),
        _ => rng.below(100),
    };
    let what = match die {
        0..=29 => rng.pick(&[What::Crash, What::Crash, What::Kill]),
        30..=33 => What::Signal,
        34..=39 => What::Sleep(rng.pick(&[20, 130, 1_000, 4_000, 200_000])),
        40..=54 => {
            let fault = rng.pick(&[
                Fault::LostBefore,
                Fault::LostAfter,
                Fault::LostAfter,
                Fault::Throttled,
                Fault::ServerBefore,
                Fault::ServerAfter,
                Fault::Denied,
            ]);
            let nth = rng.below(3) as u32;
            return Event { when: When::Op(rng.pick(&calls), nth), what: What::Call(fault) };
        }
        55..=63 => {
            let side = if rng.percent(50) { Side::Home } else { Side::State };
            let trouble = rng.pick(&[Trouble::Full, Trouble::ReadOnly, Trouble::SyncFails, Trouble::DirectorySyncFails]);
            What::Disk(side, trouble, rng.pick(&[1, 5, 40, 1_000]))
        }
        64..=68 => What::AdminDeletes(whom),
        69..=73 => What::AdminDeactivates(whom),
        74..=76 => What::AdminActivates(whom),
        77..=79 if rng.percent(50) => return Event { when: When::Op(Op::Create, 0), what: What::MachineCreates },
        77..=79 => What::MachineCreates,
        80..=81 => What::Used(whom),
        82..=95 => {
            use Edit::{ForeignPair, NoteByRename, NoteInPlace, Open, PutBack, Remove, Restore, SaveByRename, SaveInPlace};
            let edit =
                rng.pick(&[NoteInPlace, NoteByRename, Open, SaveInPlace, SaveByRename, Restore, Restore, Remove, PutBack, ForeignPair]);
            What::Edits(u8::from(rng.percent(25)), edit)
        }
        _ => What::Resolve(rng.pick(&[Direction::Forward, Direction::Back, Direction::Back, Direction::Forget])),
    };
    // Around the writing of the files, or anywhere.
    let beats = if theme == 0 && rng.percent(70) { 50..110 } else { 0..320 };
    let when = if rng.percent(60) {
        When::Beat(rng.below(beats.end - beats.start) as u32 + beats.start as u32)
    } else {
        When::Op(rng.pick(&all), rng.below(4) as u32)
    };
    Event { when, what }
}

/// What often follows an event.
fn sequel(rng: &mut Rng, first: What) -> Option<What> {
    match first {
        What::Crash | What::Kill if rng.percent(25) => Some(What::Crash),
        What::Edits(file, Edit::Open) => Some(What::Edits(file, rng.pick(&[Edit::SaveInPlace, Edit::SaveInPlace, Edit::SaveByRename]))),
        What::Edits(file, Edit::Remove) if rng.percent(60) => Some(What::Edits(file, Edit::PutBack)),
        What::Edits(_, Edit::ForeignPair) if rng.percent(50) => Some(What::Resolve(rng.pick(&[Direction::Forward, Direction::Back]))),
        What::Edits(..) if rng.percent(30) => Some(What::Crash),
        What::AdminDeletes(Whom::Old) | What::AdminDeactivates(Whom::Old) if rng.percent(50) => Some(What::Resolve(Direction::Back)),
        What::AdminDeactivates(whom) if rng.percent(30) => Some(What::AdminActivates(whom)),
        What::Resolve(_) if rng.percent(60) => Some(What::Crash),
        What::Disk(..) if rng.percent(30) => Some(What::Crash),
        _ => None,
    }
}
