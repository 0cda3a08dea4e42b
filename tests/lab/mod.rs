//! An AWS emulator on loopback: IAM, STS and SNS over the query protocol, CloudWatch over CBOR, the others over JSON, misbehaving as AWS can. It owns every key a test uses and never
//! leaves 127.0.0.1. Invariant: whatever it accepted it has checked (signature, session token, clock), so a wrong secret cannot pass.
//!
//! An includer uses a part of this tree; it says so once, at its `mod lab;` line, with `#[expect(dead_code, reason = "...")]`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench: it stops loudly, and it lives on the machine's own clock"
)]

pub mod access;
pub mod account;
pub mod aws_managed;
pub mod canary;
pub mod cbor;
pub mod changes;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod devices;
pub mod evaluation;
pub mod events;
pub mod faults;
pub mod front;
pub mod http;
pub mod iam;
pub mod key;
pub mod logs;
pub mod parallel;
pub mod patterns;
pub mod policies;
pub mod report;
pub mod role;
pub mod secrets;
pub mod serve;
pub mod sigv4;
pub mod simulate;
pub mod sns;
pub mod state;
pub mod sts;
pub mod summary;
pub mod totp;
pub mod watching;
pub mod xml;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use faults::Rule;
pub use key::{Key, Verdict};
pub use state::{Call, SentCode, Settings, World};

use faults::Gate;

/// Called after each call is decided and before its answer leaves; no lock of the lab is held.
type Hook = Arc<dyn Fn(&Call) + Send + Sync>;

/// A handle on one running emulator; clones speak to the same one. `close` ends it.
#[derive(Clone)]
pub struct Lab(Arc<Inner>);

/// What the server threads share.
pub struct Inner {
    world: Mutex<World>,
    hook: Mutex<Option<Hook>>,
    gate: Gate,
    stopping: AtomicBool,
    at: SocketAddr,
}

impl Lab {
    /// Starts on a free port, with the user `dev` and one settled key of theirs.
    pub fn start(settings: Settings) -> Self {
        Self::start_on(0, settings)
    }

    /// As [`Lab::start`], on a port of the caller's choice (0: any free one).
    pub fn start_on(port: u16, settings: Settings) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a loopback port");
        let inner = Inner {
            world: Mutex::new(World::new(settings)),
            hook: Mutex::new(None),
            gate: Gate::default(),
            stopping: AtomicBool::new(false),
            at: listener.local_addr().expect("a bound port"),
        };
        let lab = Self(Arc::new(inner));
        let server = lab.clone();
        std::thread::spawn(move || http::accept(&listener, &server));
        lab
    }

    /// The endpoint URL, plain HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.at)
    }

    /// The state, locked: for changes in mid-run (`lab.world().settings.quota = 3`). Not to be held across a call.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The first key made: the settled one of `dev`.
    pub fn first_key(&self) -> Key {
        self.world().keys[0].clone()
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// What a holder of this pair can rely on now.
    pub fn accepts(&self, id: &str, secret: &str) -> Verdict {
        self.world().accepts(id, secret)
    }

    /// The keys of a user that are not deleted, oldest first.
    pub fn live_keys(&self, user: &str) -> Vec<Key> {
        let world = self.world();
        world.user(user).map(|owner| world.live_keys(owner)).unwrap_or_default()
    }

    /// Every secret access key, session secret, session token and device seed ever made: none of them may be seen outside its place.
    pub fn secrets(&self) -> Vec<String> {
        let world = self.world();
        let sessions = world.sessions.iter().flat_map(|s| [s.secret.clone(), s.token.clone()]);
        world.keys.iter().map(|k| k.secret.clone()).chain(sessions).chain(world.seeds.iter().cloned()).collect()
    }

    /// Replaces the fault rules; their counts start at zero.
    pub fn rules(&self, rules: Vec<Rule>) {
        self.world().rules = rules;
    }

    /// How many calls the present rules have broken.
    pub fn fired(&self) -> usize {
        self.world().rules.iter().map(|rule| rule.fired).sum()
    }

    /// Sets what is looked at after each call.
    pub fn on_commit(&self, hook: impl Fn(&Call) + Send + Sync + 'static) {
        *self.0.hook.lock().unwrap() = Some(Arc::new(hook));
    }

    /// A token code that the first device of `user` shows about now and that was not used yet; none when three steps are used up.
    pub fn code(&self, user: &str) -> Option<String> {
        let serial = {
            let world = self.world();
            world.users[world.user(user)?].serials.first()?.clone()
        };
        self.code_of(user, &serial)
    }

    /// As [`Lab::code`], of the device with this serial.
    pub fn code_of(&self, user: &str, serial: &str) -> Option<String> {
        self.codes_of(user, serial, 1)?.pop()
    }

    /// Two consecutive codes of a device, none of them used yet: what EnableMFADevice and ResyncMFADevice want for this user.
    pub fn two_codes(&self, user: &str, serial: &str) -> Option<[String; 2]> {
        self.codes_of(user, serial, 2)?.try_into().ok()
    }

    /// Consecutive codes, about as the device shows them now.
    fn codes_of(&self, user: &str, serial: &str, count: i64) -> Option<Vec<String>> {
        let world = self.world();
        let at = world.user(user)?;
        let seed = world.seed_of(at, serial)?;
        let step = totp::step(world.now()) + world.devices.get(serial).map_or(0, |device| device.ahead);
        let is_free = |step: &i64| !world.users[at].used_steps.contains(&(serial.to_owned(), *step));
        // Who gives two has waited for the second one.
        let starts = if count == 1 { [step, step + 1, step - 1] } else { [step - 1, step, step - 2] };
        let start = starts.into_iter().find(|start| (*start..start + count).all(|step| is_free(&step)))?;
        Some((start..start + count).map(|step| totp::code(&seed, step)).collect())
    }

    /// Token codes that were sent again while AWS could have taken them, in the same 30 s step or one of the two after it, each with its device;
    /// to be none, whatever became of the calls.
    pub fn resent(&self) -> Vec<(String, String)> {
        let codes = &self.world().codes;
        let is_same = |one: &SentCode, other: &SentCode| (&one.serial, &one.code) == (&other.serial, &other.code);
        let is_again = |at: &usize| codes[..*at].iter().any(|code| is_same(code, &codes[*at]) && codes[*at].step - code.step <= 2);
        (0..codes.len()).filter(is_again).map(|at| (codes[at].serial.clone(), codes[at].code.clone())).collect()
    }

    /// Waits until a call stands at a pause; false when none did in that time.
    pub fn wait_paused(&self, limit: Duration) -> bool {
        self.0.gate.wait_paused(limit)
    }

    /// Lets the paused call go on, or (`discard`) closes its connection without an answer.
    pub fn release(&self, discard: bool) {
        self.0.gate.release(discard);
    }

    /// Stops accepting, discards a paused call and forgets the hook. A policy that the lab could not judge fails the test.
    pub fn close(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.release(true);
        *self.0.hook.lock().unwrap() = None;
        drop(TcpStream::connect(self.0.at));
        let unknown = std::mem::take(&mut self.world().unknown);
        assert!(unknown.is_empty() || std::thread::panicking(), "{unknown:?}");
    }

    fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    fn hook(&self) -> Option<Hook> {
        self.0.hook.lock().unwrap().clone()
    }
}
