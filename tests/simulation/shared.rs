//! What the machines of one schedule share: IAM, Secrets Manager, time, and whose turn it is. Invariant: one machine acts at a time, and who acts
//! next comes from the seed, so that threads change nothing but the stack that a machine's code is on.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use super::iam::Iam;
use super::rng::hash;
use super::schedule::{Role, Schedule};
use super::vault::Vault;

/// A `RefCell` that another thread may borrow when it is its turn.
#[derive(Default)]
pub struct Locked<T>(RwLock<T>);

impl<T> Locked<T> {
    pub fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    pub fn borrow(&self) -> RwLockReadGuard<'_, T> {
        match self.0.try_read() {
            Ok(guard) => guard,
            // A schedule that fails leaves in the middle.
            Err(TryLockError::Poisoned(left)) => left.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("it is being changed"),
        }
    }

    pub fn borrow_mut(&self) -> RwLockWriteGuard<'_, T> {
        match self.0.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(left)) => left.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("somebody has it"),
        }
    }
}

impl<T: Default> Locked<T> {
    pub fn take(&self) -> T {
        std::mem::take(&mut *self.borrow_mut())
    }
}

#[derive(Default)]
pub struct Milliseconds(AtomicU64);

impl Milliseconds {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }
}

#[derive(Default)]
pub struct Count(AtomicU32);

impl Count {
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, to: u32) {
        self.0.store(to, Ordering::Relaxed);
    }
}

pub struct Shared {
    pub seed: u64,
    pub machines: usize,
    pub roles: [Role; 3],
    /// How often another machine's turn comes: once in so many effects.
    pace: u64,
    /// Who waits lets the others go on; else they stand still meanwhile.
    pub is_parallel: bool,
    pub now: Milliseconds,
    /// The effects of all machines.
    pub beats: Count,
    pub iam: Locked<Iam>,
    pub vault: Locked<Vault>,
    /// How each machine's life ended, in a word.
    pub ends: Locked<Vec<String>>,
    pub violation: Locked<Option<String>>,
    pub trace: Option<Locked<Vec<String>>>,
    turn: Mutex<Turn>,
    passed: Condvar,
}

struct Turn {
    whose: usize,
    /// Until when each machine sleeps, in ms.
    asleep: Vec<u64>,
    /// A machine that is between a signature and its request, which take no time, and since when.
    urgent: Option<(usize, u64)>,
}

/// A machine that is off for good.
const OVER: u64 = u64::MAX;
/// The others go on for so long at most while a request is on its way, in ms.
const REQUEST: u64 = 3_000;

impl Shared {
    pub fn new(schedule: &Schedule, traced: bool) -> Self {
        let machines = usize::from(schedule.machines);
        let draw = hash(&[schedule.seed, 0x7A4E]);
        Self {
            seed: schedule.seed,
            machines,
            roles: schedule.roles,
            pace: [4, 12, 40, 150][draw as usize % 4],
            is_parallel: draw >> 8 & 3 > 0,
            now: Milliseconds::default(),
            beats: Count::default(),
            iam: Locked::new(Iam::new(schedule.seed, &schedule.scene)),
            vault: Locked::default(),
            ends: Locked::default(),
            violation: Locked::default(),
            trace: traced.then(Locked::default),
            turn: Mutex::new(Turn { whose: 0, asleep: vec![0; machines], urgent: None }),
            passed: Condvar::new(),
        }
    }

    /// Waits until it is this machine's turn.
    pub fn await_turn(&self, me: usize) {
        let turn = self.turn.lock().expect("no thread panicked");
        drop(self.passed.wait_while(turn, |turn| turn.whose != me).expect("no thread panicked"));
    }

    fn give(&self, me: usize, to: usize) {
        self.turn.lock().expect("no thread panicked").whose = to;
        self.passed.notify_all();
        self.await_turn(me);
    }

    /// A machine that is awake, another than this, if there is one: which comes from the present effect.
    fn another(&self, me: usize) -> Option<usize> {
        let turn = self.turn.lock().expect("no thread panicked");
        let first = hash(&[self.seed, 0x7A4F, u64::from(self.beats.get())]) as usize % self.machines;
        let mut all = (first..first + self.machines).map(|number| number % self.machines);
        all.find(|number| *number != me && turn.asleep[*number] <= self.now.get())
    }

    /// Before an effect: another machine may come first. `is_sent`: the effect is a request that was signed just now.
    pub fn pause(&self, me: usize, is_telling: bool, is_sent: bool) {
        if self.machines == 1 {
            return;
        }
        let urgent = self.turn.lock().expect("no thread panicked").urgent;
        if let Some((urgent, _)) = urgent.filter(|(urgent, since)| *urgent != me && self.now.get() > since + REQUEST) {
            self.give(me, urgent);
        }
        let pace = if is_telling { self.pace.div_ceil(6) } else { self.pace };
        if !hash(&[self.seed, 0x7A50, u64::from(self.beats.get())]).is_multiple_of(pace) {
            return;
        }
        let Some(other) = self.another(me) else { return };
        if is_sent {
            let mut turn = self.turn.lock().expect("no thread panicked");
            if turn.urgent.is_some() {
                return;
            }
            turn.urgent = Some((me, self.now.get()));
        }
        self.give(me, other);
        if is_sent {
            self.turn.lock().expect("no thread panicked").urgent = None;
        }
    }

    /// Before time passes here: a request that is on its way arrives first.
    pub fn before_time(&self, me: usize, ms: u64) {
        if self.machines == 1 || ms < REQUEST / 2 {
            return;
        }
        let urgent = self.turn.lock().expect("no thread panicked").urgent;
        if let Some((urgent, _)) = urgent.filter(|(urgent, _)| *urgent != me) {
            self.give(me, urgent);
        }
    }

    /// The machine does nothing for so long; the others go on.
    pub fn rest(&self, me: usize, ms: u64) {
        let until = self.now.get() + ms;
        self.turn.lock().expect("no thread panicked").asleep[me] = until;
        while self.now.get() < until {
            match self.another(me) {
                Some(other) => self.give(me, other),
                None => {
                    let (first, at) = self.first_to_wake();
                    self.now.set(self.now.get().max(at));
                    if first != me {
                        self.give(me, first);
                    }
                }
            }
            if self.violation.borrow().is_some() {
                break;
            }
        }
        self.turn.lock().expect("no thread panicked").asleep[me] = 0;
    }

    fn first_to_wake(&self) -> (usize, u64) {
        let turn = self.turn.lock().expect("no thread panicked");
        turn.asleep.iter().copied().enumerate().min_by_key(|(_, at)| *at).expect("a machine")
    }

    /// Whether no machine rotates the key any more.
    pub fn is_rotated(&self) -> bool {
        let turn = self.turn.lock().expect("no thread panicked");
        turn.asleep.iter().zip(self.roles).all(|(asleep, role)| role.pulls() || *asleep == OVER)
    }

    /// The machine's life is over.
    pub fn leave(&self, me: usize) {
        {
            let mut turn = self.turn.lock().expect("no thread panicked");
            turn.asleep[me] = OVER;
            turn.urgent = turn.urgent.filter(|(urgent, _)| *urgent != me);
        }
        let (first, at) = self.first_to_wake();
        if at < OVER {
            self.now.set(self.now.get().max(at));
            self.turn.lock().expect("no thread panicked").whose = first;
            self.passed.notify_all();
        }
    }
}
