//! The OS keychain: one small secret an item, found by its name, and every call bounded in time.
//!
//! Invariants: nothing is connected, and no thread started, before the first call; after a call that hung none is sent any more, so that a late
//! `set` can never follow a newer one.

#[cfg(test)]
pub mod memory;
mod security_cli;
mod store;

use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{fmt, io, thread};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What all our items are filed under: the attribute `service` of the Secret Service, the "where" of macOS.
pub const SERVICE: &str = "keyrotate";
/// What names of items begin with that are not a person's.
const OWN: &str = "keyrotate-";
const LONGEST: usize = 64;

/// The name of an item: what the Secret Service calls `username`, and macOS the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemName(String);

/// The text cannot be an item's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a keychain item's name is 1 to {LONGEST} letters, digits and any of . _ @ + -, and does not begin with `{OWN}` or `-`")]
pub struct NotAnItemName;

impl ItemName {
    /// Reads a person's name of an item. What `security -i` would take for another word is refused.
    pub fn parse(text: &str) -> Result<Self, NotAnItemName> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
        let is_one = (1..=LONGEST).contains(&text.len()) && text.chars().all(is_allowed) && !text.starts_with(['-']);
        if is_one && !text.starts_with(OWN) { Ok(Self(text.to_owned())) } else { Err(NotAnItemName) }
    }

    /// The item that is written, read and deleted to see whether one can be.
    pub fn probe() -> Self {
        Self(format!("{OWN}probe"))
    }

    /// The item that has the pairs of a rotation under way.
    pub fn pending(rotation: &str) -> Self {
        Self(format!("{OWN}pending-{rotation}"))
    }

    /// The item that has the secrets of a session, by the session's own access key ID.
    pub fn session(id: &str) -> Self {
        Self(format!("{OWN}session-{id}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ItemName {
    type Error = NotAnItemName;
    fn try_from(text: String) -> Result<Self, NotAnItemName> {
        Self::parse(&text)
    }
}

impl From<ItemName> for String {
    fn from(name: ItemName) -> String {
        name.0
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A keychain.
pub trait Keychain {
    /// What the item has. `None` does not prove that there is no item: some keychains answer so while they are locked.
    fn get(&self, item: &ItemName) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError>;
    /// Makes the item, or gives it another content.
    fn set(&self, item: &ItemName, bytes: &[u8]) -> Result<(), KeychainError>;
    /// Removes the item; one that is not there is fine.
    fn delete(&self, item: &ItemName) -> Result<(), KeychainError>;
}

/// The keychain could not do it. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    /// There is none that answers.
    #[error("no keychain answers ({0}): {start}", start = START)]
    Absent(String),
    /// It is locked, and nobody unlocked it.
    #[error("the keychain is locked, and no dialog unlocked it: {unlock}", unlock = UNLOCK)]
    Locked,
    /// Its owner or a policy said no.
    #[error("the keychain refuses keyrotate ({0}): allow it there")]
    Denied(String),
    /// It did not answer. It may have done what was asked, or do it yet.
    #[error("the keychain did not answer within {} s: answer its dialog, or end what hangs; {unlock}", .0.as_secs(), unlock = UNLOCK)]
    Hanging(Duration),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

const UNLOCK: &str = if cfg!(target_os = "macos") {
    "`security unlock-keychain` unlocks it"
} else if cfg!(windows) {
    "sign in to Windows as yourself"
} else {
    "unlock it by signing in at the desktop, or in its own program (Passwords and Keys, KWalletManager)"
};

const START: &str = if cfg!(target_os = "macos") || cfg!(windows) {
    "run this as the user who owns it"
} else {
    "it wants a D-Bus session (DBUS_SESSION_BUS_ADDRESS) with a Secret Service on it, such as gnome-keyring or KWallet, which a desktop \
     starts and ssh, cron and containers do not"
};

/// A system without a keychain.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeychain;

impl NoKeychain {
    fn absent() -> KeychainError {
        KeychainError::Absent("keyrotate knows none for this system".to_owned())
    }
}

impl Keychain for NoKeychain {
    fn get(&self, _: &ItemName) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        Err(Self::absent())
    }

    fn set(&self, _: &ItemName, _: &[u8]) -> Result<(), KeychainError> {
        Err(Self::absent())
    }

    fn delete(&self, _: &ItemName) -> Result<(), KeychainError> {
        Err(Self::absent())
    }
}

/// By what the keychain of macOS is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MacOs {
    /// Its own functions. A keychain allows them to one build of a program, and asks again after an upgrade.
    #[default]
    Native,
    /// The program `/usr/bin/security`, which stays the same.
    SecurityCli,
}

/// This system's keychain.
pub struct OsKeychain {
    deadline: Duration,
    open: fn(MacOs) -> Box<dyn Perform>,
    macos: MacOs,
    state: Mutex<State>,
}

enum State {
    Idle,
    Ready(Worker),
    Hanging,
}

struct Worker {
    calls: mpsc::Sender<Call>,
    answers: mpsc::Receiver<Answer>,
}

/// One call, as the worker gets it.
struct Call {
    item: ItemName,
    act: Act,
}

enum Act {
    Get,
    Set(Zeroizing<Vec<u8>>),
    Delete,
}

type Answer = Result<Option<Zeroizing<Vec<u8>>>, KeychainError>;

/// What a worker asks.
trait Perform {
    fn perform(&mut self, call: &Call) -> Answer;
}

impl OsKeychain {
    /// Connects to nothing yet. `deadline`: the longest that one call may take, a dialog's included.
    pub fn new(deadline: Duration, macos: MacOs) -> Self {
        Self { deadline, open, macos, state: Mutex::new(State::Idle) }
    }

    fn call(&self, item: &ItemName, act: Act) -> Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = match &*state {
            State::Hanging => return Err(KeychainError::Hanging(self.deadline)),
            State::Ready(_) => None,
            State::Idle => Some(start(self.open, self.macos).map_err(|error| KeychainError::Other(format!("no thread: {error}")))?),
        };
        if let Some(worker) = worker {
            *state = State::Ready(worker);
        }
        let State::Ready(worker) = &*state else { return Err(KeychainError::Hanging(self.deadline)) };
        let sent = worker.calls.send(Call { item: item.clone(), act }).is_ok();
        let answer = if sent { worker.answers.recv_timeout(self.deadline) } else { Err(mpsc::RecvTimeoutError::Disconnected) };
        match answer {
            Ok(answer) => answer,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                *state = State::Hanging;
                Err(KeychainError::Hanging(self.deadline))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                *state = State::Idle;
                Err(KeychainError::Other("the keychain's own code gave up".to_owned()))
            }
        }
    }
}

impl Keychain for OsKeychain {
    fn get(&self, item: &ItemName) -> Answer {
        self.call(item, Act::Get)
    }

    fn set(&self, item: &ItemName, bytes: &[u8]) -> Result<(), KeychainError> {
        self.call(item, Act::Set(Zeroizing::new(bytes.to_vec()))).map(drop)
    }

    fn delete(&self, item: &ItemName) -> Result<(), KeychainError> {
        self.call(item, Act::Delete).map(drop)
    }
}

/// A thread that may outlive its owner where a call hangs; the process does not wait for it.
fn start(open: fn(MacOs) -> Box<dyn Perform>, macos: MacOs) -> io::Result<Worker> {
    let (calls, inbox) = mpsc::channel::<Call>();
    let (outbox, answers) = mpsc::channel();
    thread::Builder::new().name("keychain".to_owned()).spawn(move || {
        let mut asked = open(macos);
        for call in inbox {
            if outbox.send(asked.perform(&call)).is_err() {
                break;
            }
        }
    })?;
    Ok(Worker { calls, answers })
}

fn open(macos: MacOs) -> Box<dyn Perform> {
    match macos {
        MacOs::SecurityCli if cfg!(target_os = "macos") => Box::new(security_cli::SecurityCli::new(Path::new("/usr/bin/security"))),
        MacOs::SecurityCli | MacOs::Native => Box::<store::Store>::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> ItemName {
        ItemName::parse(name).unwrap()
    }

    #[test]
    fn names_are_words_that_every_keychain_and_every_command_line_takes() {
        for good in ["work", "a.b_c@d+e-f", &"x".repeat(64)] {
            assert_eq!(ItemName::parse(good).map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "a\"b", "ä", "-w", "keyrotate-probe", "keyrotate-pending-1", &"x".repeat(65), "a\nb", "a/b"] {
            assert_eq!(ItemName::parse(bad), Err(NotAnItemName), "{bad}");
        }
        assert!(serde_json::from_str::<ItemName>("\"keyrotate-probe\"").is_err());
    }

    struct Slow;

    impl Perform for Slow {
        #[expect(clippy::disallowed_methods, reason = "what hangs does not ask anybody")]
        fn perform(&mut self, call: &Call) -> Answer {
            match call.item.as_str() {
                "slow" => thread::sleep(Duration::from_secs(3_600)),
                "gone" => panic!("as a library may"),
                _ => {}
            }
            Ok(None)
        }
    }

    #[test]
    fn what_hangs_is_told_in_time_and_nothing_is_sent_behind_it() {
        let keychain = OsKeychain { open: |_| Box::new(Slow), ..OsKeychain::new(Duration::from_millis(50), MacOs::Native) };
        assert_eq!(keychain.get(&item("quick")).map(|found| found.is_none()), Ok(true));
        let hangs = KeychainError::Hanging(Duration::from_millis(50));
        assert_eq!(keychain.set(&item("slow"), b"x"), Err(hangs.clone()));
        assert_eq!(keychain.get(&item("quick")).map(drop), Err(hangs));
    }

    #[test]
    fn code_that_panics_ends_its_call_and_no_other() {
        let keychain = OsKeychain { open: |_| Box::new(Slow), ..OsKeychain::new(Duration::from_secs(10), MacOs::Native) };
        assert!(matches!(keychain.get(&item("gone")).map(drop), Err(KeychainError::Other(_))));
        assert_eq!(keychain.delete(&item("quick")), Ok(()));
    }

    #[test]
    fn each_error_says_what_to_do() {
        for (error, said) in [
            (KeychainError::Absent("x".to_owned()), "no keychain answers (x)"),
            (KeychainError::Locked, "unlock"),
            (KeychainError::Denied("x".to_owned()), "allow it"),
            (KeychainError::Hanging(Duration::from_secs(10)), "within 10 s"),
        ] {
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
