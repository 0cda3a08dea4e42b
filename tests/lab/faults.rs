//! What can be broken at a call, and the gate at which a paused call stands. Invariant: a rule fires on the calls its numbers name, no other.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// One way to misbehave. "After" means that the call took effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The connection closes; nothing happened.
    DropBefore,
    /// The call took effect; its answer is lost.
    DropAfter,
    /// As `DropBefore`, by a TCP reset.
    Reset,
    /// This error instead of the call.
    ErrorBefore { status: u16, code: &'static str, message: &'static str },
    /// This error although the call took effect.
    ErrorAfter { status: u16, code: &'static str, message: &'static str },
    /// The answer comes this late.
    Hang(Duration),
    /// Half of the answer, then the end of the connection.
    Truncate,
    /// Bytes that are no XML, with the status of the answer.
    Garbage,
    /// The server's clock (the skew check and the Date header) is this many seconds ahead.
    Skew(f64),
    /// The call waits before it is decided.
    PauseBefore,
    /// The call waits after it took effect.
    PauseAfter,
}

impl Fault {
    /// An injected error with AWS's usual words.
    pub fn error(status: u16, code: &'static str) -> Self {
        Self::ErrorBefore { status, code, message: "Injected by the lab." }
    }
}

/// Which calls a rule is for.
#[derive(Clone, Debug)]
pub enum On {
    Any,
    Action(String),
    /// The number of the call since the start, from 1.
    Call(usize),
}

/// A fault, and the calls it hits: matches number `nth` to `nth + times - 1`; `times` 0 is for ever.
#[derive(Clone, Debug)]
pub struct Rule {
    on: On,
    nth: usize,
    times: usize,
    fault: Fault,
    seen: usize,
    /// How often it fired.
    pub fired: usize,
}

impl Rule {
    /// Once, at the first call of this action ("*": any).
    pub fn on(action: &str, fault: Fault) -> Self {
        let on = if action == "*" { On::Any } else { On::Action(action.to_owned()) };
        Self { on, nth: 1, times: 1, fault, seen: 0, fired: 0 }
    }

    /// Once, at the call of this number.
    pub fn call(number: usize, fault: Fault) -> Self {
        Self { on: On::Call(number), nth: 1, times: 1, fault, seen: 0, fired: 0 }
    }

    /// From the nth match on.
    pub fn nth(self, nth: usize) -> Self {
        Self { nth, ..self }
    }

    /// This many matches; 0 is for ever.
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// The fault for this call, if the rule hits it; counts the match.
    pub fn hit(&mut self, action: &str, number: usize) -> Option<Fault> {
        let matches = match &self.on {
            On::Any => true,
            On::Action(wanted) => wanted == action,
            On::Call(wanted) => *wanted == number,
        };
        if !matches {
            return None;
        }
        self.seen += 1;
        if self.seen < self.nth || (self.times != 0 && self.seen >= self.nth + self.times) {
            return None;
        }
        self.fired += 1;
        Some(self.fault.clone())
    }
}

#[derive(Default)]
struct Stand {
    paused: bool,
    released: bool,
    discard: bool,
}

/// Where a paused call stands until the test has done what it wants.
#[derive(Default)]
pub struct Gate {
    stand: Mutex<Stand>,
    moved: Condvar,
}

impl Gate {
    /// Stands until released, a minute at most; true when the call is to be discarded.
    pub fn pause(&self) -> bool {
        let mut stand = self.stand.lock().unwrap();
        *stand = Stand { paused: true, ..Stand::default() };
        self.moved.notify_all();
        let (mut stand, late) = self.moved.wait_timeout_while(stand, Duration::from_secs(60), |s| !s.released).unwrap();
        stand.paused = false;
        stand.discard || late.timed_out()
    }

    /// True once a call stands here.
    pub fn wait_paused(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut stand = self.stand.lock().unwrap();
        while !stand.paused || stand.released {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            stand = self.moved.wait_timeout(stand, left).unwrap().0;
        }
        true
    }

    /// Lets whoever stands here go.
    pub fn release(&self, discard: bool) {
        let mut stand = self.stand.lock().unwrap();
        stand.released = true;
        stand.discard = discard;
        self.moved.notify_all();
    }
}
