//! Everything that one schedule consists of, shared by the disk, the world and the other actors, and the beat between two effects.
//! Invariant: [`Universe::beat`] is passed before every call and every disk operation: what holds at all times is checked there, then the
//! events that are due happen, a crash among them.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::time::Duration;

use chrono::{DateTime, Utc};
use keyrotate::model::AccessKeyId;
use keyrotate::rotation::{Direction, Record};

use super::disk::DiskState;
use super::iam::{Iam, Status, Who};
use super::mutant::Mutant;
use super::people::People;
use super::rng::hash;
use super::schedule::{Fault, OPS, Op, Schedule, Side, Trouble, What, When, Whom};
use super::vault::Vault;
use super::{invariants, people, strangers};

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
    /// Somebody is there who can give a code.
    pub has_code: bool,
}

pub struct Universe {
    pub schedule: Schedule,
    pub mutant: Option<Mutant>,
    fired: RefCell<Vec<bool>>,
    counts: RefCell<[u32; OPS]>,
    pub now: Cell<u64>,
    pub beats: Cell<u32>,
    pub iam: RefCell<Iam>,
    pub disk: RefCell<DiskState>,
    pub people: RefCell<People>,
    pub vault: RefCell<Vault>,
    pub process: RefCell<Process>,
    /// Since the rotation began: the answer to a CreateAccessKey may have been lost.
    pub ambiguous: Cell<bool>,
    /// When the holders were asked for last, as an effect's number.
    pub reread_at: Cell<u32>,
    /// The effect with which the present run began.
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
    /// How it ended, in a word.
    pub end: RefCell<String>,
    pub violation: RefCell<Option<String>>,
    pub trace: Option<RefCell<Vec<String>>>,
}

impl Universe {
    pub fn new(schedule: Schedule, mutant: Option<Mutant>, traced: bool) -> Self {
        let iam = Iam::new(schedule.seed, &schedule.scene);
        let mut disk = DiskState::default();
        disk.ignores_sync = mutant == Some(Mutant::NoFileSync);
        disk.ignores_directory_sync = mutant == Some(Mutant::NoDirectorySync);
        Self {
            fired: RefCell::new(vec![false; schedule.events.len()]),
            counts: RefCell::new([0; OPS]),
            now: Cell::new(0),
            beats: Cell::new(0),
            iam: RefCell::new(iam),
            disk: RefCell::new(disk),
            people: RefCell::default(),
            vault: RefCell::default(),
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
            end: RefCell::default(),
            violation: RefCell::new(None),
            trace: traced.then(RefCell::default),
            schedule,
            mutant,
        }
    }

    pub fn say(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let now = self.now.get().saturating_sub(START);
            trace.borrow_mut().push(format!("{:>9.3} s  {:>4}  {}", now as f64 / 1e3, self.beats.get(), line()));
        }
    }

    /// A number for the present effect.
    pub fn noise(&self, salt: u64) -> u64 {
        hash(&[self.schedule.seed, u64::from(self.beats.get()), salt])
    }

    pub fn pass(&self, ms: u64) {
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
        invariants::always(self);
        let beat = self.beats.get() + 1;
        self.beats.set(beat);
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
                let (id, now) = (self.whom(whom), self.now.get());
                let mut iam = self.iam.borrow_mut();
                for key in iam.keys.iter_mut().filter(|key| Some(&key.pair.id) == id.as_ref() && key.is_active()) {
                    key.used = Some(now);
                }
            }
            What::Edits(holder, edit) => people::edit(self, usize::from(holder), edit),
            What::Secret(number, hand) => strangers::act(self, usize::from(number), hand),
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
        let ours = |key: &&super::iam::Key| key.maker == Who::Us;
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
        self.begun_at.set(self.beats.get());
    }

    pub fn calm(&self) {
        self.quiet.set(true);
        self.troubles.borrow_mut().clear();
    }
}
