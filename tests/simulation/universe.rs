//! Everything that one machine of a schedule consists of, shared by its disk, its world and the other actors, and the beat between two effects.
//! Invariant: [`Universe::beat`] is passed before every call and every disk operation: what holds at all times is checked there, then the
//! events that are due happen, a crash among them.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use keyrotate::model::AccessKeyId;
use keyrotate::rotation::{Direction, Record};

use super::disk::DiskState;
use super::events::{Fault, OPS, Op, Side, Trouble, What, When, Whom};
use super::iam::{Status, Who};
use super::keychain::Keyring;
use super::mutant::Mutant;
use super::people::People;
use super::rng::hash;
use super::schedule::{Role, Schedule};
use super::shared::Shared;
use super::{invariants, keychain, people, strangers};

/// The epoch of simulated time, in seconds.
const BEGINNING: i64 = 1_800_000_000;

/// When the first run begins, in ms: the old key is 200 days old.
pub const START: u64 = 200 * 24 * 3_600_000;

/// A run of more effects than this is one that never ends.
const ENDLESS: u32 = 5_000;

/// How control leaves the code under test.
pub enum Escape {
    /// Power failed.
    Crash,
    /// The process died.
    Kill,
    /// Something does not hold.
    Violation,
}

/// What only the running process has.
#[derive(Default)]
pub struct Process {
    pub record: Option<Record>,
    /// The key that was made and is perhaps not written down yet.
    pub fresh: Option<AccessKeyId>,
    pub has_server_time: bool,
    pub is_signalled: bool,
    /// When a listing was asked for last, and each pair's last proof, in ms.
    pub listed_at: u64,
    pub proved_at: [Option<u64>; 2],
    /// A suspect that the person wants deleted.
    pub permitted: Option<AccessKeyId>,
    /// The session that signs, if one does: whether AWS takes it.
    pub session: Option<bool>,
    pub is_new_session: bool,
    /// A session did not help.
    pub has_refused: bool,
    /// What changes left is being removed.
    pub is_closing: bool,
    /// A call to the keychain did not come back, and none is sent any more.
    pub keychain_hangs: bool,
    /// Somebody is there who can give a code.
    pub has_code: bool,
}

pub struct Universe {
    shared: Arc<Shared>,
    /// Which machine this is.
    pub machine: usize,
    /// As this machine has it.
    pub schedule: Schedule,
    pub mutant: Option<Mutant>,
    fired: RefCell<Vec<bool>>,
    counts: RefCell<[u32; OPS]>,
    /// The effects of this machine.
    steps: Cell<u32>,
    pub disk: RefCell<DiskState>,
    pub people: RefCell<People>,
    pub keyring: RefCell<Keyring>,
    pub process: RefCell<Process>,
    /// Since the rotation began: the answer to a CreateAccessKey may have been lost.
    pub ambiguous: Cell<bool>,
    /// When the holders were asked for last, as an effect's number.
    pub reread_at: Cell<u32>,
    /// The machine's effect with which the present run began.
    pub begun_at: Cell<u32>,
    /// No more events.
    pub quiet: Cell<bool>,
    pub resolve: Cell<Option<Direction>>,
    /// A person chose to go on without the holders that refuse.
    pub decided_forward: Cell<bool>,
    fault: Cell<Option<Fault>>,
    troubles: RefCell<Vec<(Side, Trouble, u32)>>,
    pub seen: RefCell<invariants::Seen>,
    /// A file could not be removed.
    pub stuck: Cell<bool>,
    /// What a change left at a secret could not be removed.
    pub unswept: Cell<bool>,
}

impl Deref for Universe {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Universe {
    pub fn new(shared: Arc<Shared>, machine: usize, schedule: Schedule, mutant: Option<Mutant>) -> Self {
        let mut disk = DiskState::default();
        disk.ignores_sync = mutant == Some(Mutant::NoFileSync);
        disk.ignores_directory_sync = mutant == Some(Mutant::NoDirectorySync);
        Self {
            fired: RefCell::new(vec![false; schedule.events.len()]),
            counts: RefCell::new([0; OPS]),
            steps: Cell::new(0),
            disk: RefCell::new(disk),
            people: RefCell::default(),
            keyring: RefCell::default(),
            process: RefCell::default(),
            ambiguous: Cell::new(false),
            reread_at: Cell::new(0),
            begun_at: Cell::new(0),
            quiet: Cell::new(false),
            resolve: Cell::new(None),
            decided_forward: Cell::new(false),
            fault: Cell::new(None),
            troubles: RefCell::default(),
            seen: RefCell::default(),
            stuck: Cell::new(false),
            unswept: Cell::new(false),
            shared,
            machine,
            schedule,
            mutant,
        }
    }

    pub fn say(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let now = self.now.get().saturating_sub(START);
            let machine = if self.machines > 1 { format!("{}  ", (b'A' + self.machine as u8) as char) } else { String::new() };
            let line = format!("{:>9.3} s  {:>4}  {machine}{}", now as f64 / 1e3, self.beats.get(), line());
            trace.borrow_mut().push(line);
        }
    }

    /// A number for the present effect.
    pub fn noise(&self, salt: u64) -> u64 {
        hash(&[self.schedule.seed, u64::from(self.beats.get()), salt])
    }

    pub fn role(&self) -> Role {
        self.roles[self.machine]
    }

    /// Whether it was this machine's rotation.
    pub fn is_us(&self, who: Who) -> bool {
        who == Who::Us(self.machine)
    }

    /// Nothing is done for so long.
    pub fn rest(&self, ms: u64) {
        self.shared.rest(self.machine, ms);
        self.leave_if_failed();
    }

    /// The same in the middle of a run.
    pub fn wait(&self, ms: u64) {
        if self.is_parallel { self.rest(ms) } else { self.pass(ms) }
    }

    fn leave_if_failed(&self) {
        if self.machines > 1 && self.violation.borrow().is_some() {
            resume_unwind(Box::new(Escape::Violation))
        }
    }

    pub fn pass(&self, ms: u64) {
        self.before_time(self.machine, ms);
        self.now.set(self.now.get() + ms);
    }

    pub fn clock(&self) -> Duration {
        Duration::from_millis(self.now.get())
    }

    /// AWS's time, which has no fractions.
    pub fn date(&self, ms: u64) -> DateTime<Utc> {
        DateTime::from_timestamp(BEGINNING + (ms / 1_000) as i64, 0).expect("a date")
    }

    /// Stops the schedule: something does not hold.
    pub fn violated(&self, what: String) -> ! {
        self.say(|| format!("VIOLATED: {what}"));
        *self.violation.borrow_mut() = Some(what);
        resume_unwind(Box::new(Escape::Violation))
    }

    /// Before an effect of this kind. Returns what happens to the call.
    pub fn op(&self, op: Op, label: impl FnOnce() -> String) -> Option<Fault> {
        let count = {
            let mut counts = self.counts.borrow_mut();
            counts[op as usize] += 1;
            counts[op as usize] - 1
        };
        self.step(Some((op, count)));
        self.say(label);
        self.fault.take()
    }

    /// Before a disk operation.
    pub fn beat(&self) {
        self.step(None);
    }

    fn step(&self, op: Option<(Op, u32)>) {
        let is_telling =
            matches!(op, Some((Op::List | Op::Create | Op::Update | Op::Delete | Op::PutValue | Op::MoveStage | Op::Write, _)));
        self.pause(self.machine, is_telling, op.is_some_and(|(kind, _)| kind == Op::Create));
        self.leave_if_failed();
        invariants::always(self);
        self.beats.set(self.beats.get() + 1);
        let beat = self.steps.get() + 1;
        self.steps.set(beat);
        if beat > self.begun_at.get() + ENDLESS {
            self.violated("a run does not end".to_owned());
        }
        if self.quiet.get() {
            return;
        }
        for number in 0..self.schedule.events.len() {
            let event = self.schedule.events[number];
            let due = match event.when {
                When::Beat(at) => beat > at,
                When::Op(kind, nth) => op == Some((kind, nth)),
            };
            if due && !std::mem::replace(&mut self.fired.borrow_mut()[number], true) {
                // Between the decision to create and the signature there is no time to fall asleep in.
                if !(matches!(event.what, What::Sleep(_)) && op.is_some_and(|(kind, _)| kind == Op::Create)) {
                    self.happen(event.what);
                }
            }
        }
    }

    pub fn all_fired(&self) -> bool {
        self.fired.borrow().iter().all(|fired| *fired)
    }

    fn happen(&self, what: What) {
        self.say(|| format!("  --> {what:?}"));
        match what {
            What::Crash => resume_unwind(Box::new(Escape::Crash)),
            What::Kill => resume_unwind(Box::new(Escape::Kill)),
            What::Signal => self.process.borrow_mut().is_signalled = true,
            What::Sleep(seconds) => self.pass(seconds * 1_000),
            What::Call(fault) => self.fault.set(Some(fault)),
            What::Disk(side, trouble, beats) => self.troubles.borrow_mut().push((side, trouble, self.beats.get() + beats)),
            What::AdminDeletes(whom) => self.admin(whom, Status::Deleted),
            What::AdminDeactivates(whom) => self.admin(whom, Status::Inactive),
            What::AdminActivates(whom) => self.admin(whom, Status::Active),
            What::MachineCreates => {
                let mut iam = self.iam.borrow_mut();
                if iam.existing().count() < 2 {
                    iam.make(Who::Others, self.now.get(), false);
                }
            }
            What::Used(whom) => {
                let id = self.whom(whom);
                id.iter().for_each(|id| self.iam.borrow_mut().note_use(id, self.now.get()));
            }
            What::Edits(holder, edit) => people::edit(self, usize::from(holder), edit),
            What::Secret(number, hand) => strangers::act(self, usize::from(number), hand),
            What::Item(number, thumb) => keychain::act(self, usize::from(number), thumb),
            What::Keychain(lock, beats) => keychain::trouble(self, lock, beats),
            What::Link => {
                let mut disk = self.disk.borrow_mut();
                if let Ok(inode) = disk.find(&self.people.borrow().files[0].path) {
                    disk.inodes[inode].pinned = !disk.inodes[inode].pinned;
                }
            }
            What::Resolve(direction) => self.resolve.set(Some(direction)),
        }
        // What others do may break nothing that is ours; it is looked at with the next effect.
    }

    fn whom(&self, whom: Whom) -> Option<AccessKeyId> {
        let iam = self.iam.borrow();
        let ours = |key: &&super::iam::Key| self.is_us(key.maker) || (self.role().pulls() && key.maker != Who::Others);
        match whom {
            Whom::Old => iam.keys.first().map(|key| key.pair.id.clone()),
            Whom::New if self.schedule.scene.adopted => iam.keys.get(1).map(|key| key.pair.id.clone()),
            Whom::New => iam.keys.iter().rfind(ours).map(|key| key.pair.id.clone()),
        }
    }

    fn admin(&self, whom: Whom, status: Status) {
        if let Some(id) = self.whom(whom) {
            self.iam.borrow_mut().set(&id, status, Who::Others, self.now.get());
        }
    }

    /// Whether the disk has this trouble now; a sync fails once.
    pub fn has_trouble(&self, path: &str, trouble: Trouble) -> bool {
        if self.quiet.get() || self.troubles.borrow().is_empty() {
            return false;
        }
        let side = if path.starts_with("/state") { Side::State } else { Side::Home };
        let beat = self.beats.get();
        self.troubles.borrow().iter().any(|(at, kind, until)| *at == side && *kind == trouble && beat <= *until)
    }

    /// The run is over, however it ended: what only it knew is gone.
    pub fn end_process(&self) {
        *self.process.borrow_mut() = Process::default();
        self.fault.set(None);
        self.begun_at.set(self.steps.get());
    }

    pub fn calm(&self) {
        self.quiet.set(true);
        self.troubles.borrow_mut().clear();
        self.keyring.borrow_mut().calm();
    }
}
