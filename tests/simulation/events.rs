//! What can happen in a schedule: words, and no more. Invariant: plain data, so that a trace can say it and a schedule can do without it.

use keyrotate::rotation::Direction;

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
