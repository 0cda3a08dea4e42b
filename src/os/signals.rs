//! Signals as flags: work in hand is finished to a safe point, then keyrotate stops by itself. As long as nothing is in hand, a
//! signal ends the process at once, as everywhere else.
//!
//! Invariant: a handler only sets a flag. A second Ctrl-C does nothing more: between two states of a rotation there is nothing
//! that would be better broken off, and SIGKILL is survived anyway. A signal that whoever started this process had it ignore, as nohup,
//! `trap '' INT` and a shell's job in the background do, stays ignored, here and in what `exec` starts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The signals that ask to stop, each with its name.
#[cfg(unix)]
const STOPPING: [(i32, &str); 3] = [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")];
#[cfg(not(unix))]
const STOPPING: [(i32, &str); 2] = [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM")];

/// Nothing noticed yet.
const NONE: usize = usize::MAX;

/// The flags; copies share them.
#[derive(Clone, Debug)]
pub struct Signals {
    flags: Arc<[Arc<AtomicBool>]>,
    first: Arc<AtomicUsize>,
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Watches INT, TERM and HUP (on Windows INT and TERM) for the rest of the process's life. They end the process until
    /// [`Signals::hold`] is called; from then on they only set flags. SIGXFSZ is caught from the start, so that a file size limit answers EFBIG, an error like a full disk, instead of death in the middle of a write.
    /// What is ignored when this is called stays so. What `exec` starts gets the defaults of the others back.
    pub fn watch() -> io::Result<Self> {
        let at_once = Arc::new(AtomicBool::new(true));
        let mut flags = Vec::new();
        for (signal, _) in STOPPING {
            let flag = Arc::new(AtomicBool::new(false));
            if !is_ignored(signal) {
                signal_hook::flag::register_conditional_default(signal, Arc::clone(&at_once))?;
                signal_hook::flag::register(signal, Arc::clone(&flag))?;
            }
            flags.push(flag);
        }
        #[cfg(unix)]
        if !is_ignored(SIGXFSZ) {
            signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(Self { flags: flags.into(), first: Arc::new(AtomicUsize::new(NONE)), at_once })
    }

    /// From now on something is in hand.
    pub fn hold(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// Nothing is in hand any more.
    pub fn let_go(&self) {
        self.at_once.store(true, Ordering::SeqCst);
    }

    /// Does something that a signal must not end by itself; before and after it, signals do what they did.
    pub fn held<T>(&self, act: impl FnOnce() -> T) -> T {
        let before = self.at_once.swap(false, Ordering::SeqCst);
        let done = act();
        self.at_once.store(before, Ordering::SeqCst);
        done
    }

    /// The name of the signal that asked to stop, the first that was noticed if there were several.
    pub fn raised(&self) -> Option<&'static str> {
        if let Some(index) = self.flags.iter().position(|flag| flag.load(Ordering::SeqCst)) {
            let _ = self.first.compare_exchange(NONE, index, Ordering::SeqCst, Ordering::SeqCst);
        }
        STOPPING.get(self.first.load(Ordering::SeqCst)).map(|(_, name)| *name)
    }
}

#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing is changed; the pointer is to room for the present one, of which zeroes are a value.
    #[expect(unsafe_code, reason = "neither std nor signal-hook tells a signal's present action")]
    let (answer, action) = unsafe {
        let answer = libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        (answer, action.assume_init())
    };
    answer == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(not(unix))]
fn is_ignored(_: i32) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::Command;

    /// Set in the copy of the test program that gets the signals, so that the tests' own process stays as it is.
    const INSIDE: &str = "KEYROTATE_TEST_SIGNALS";

    #[test]
    fn signals_become_flags_and_a_size_limit_becomes_an_error() {
        if std::env::var_os(INSIDE).is_none() {
            let again = ["--exact", "os::signals::tests::signals_become_flags_and_a_size_limit_becomes_an_error", "--test-threads=1"];
            // Who runs the tests in the background ignores SIGINT.
            let mut command = Command::new("env");
            command.arg("--default-signal=INT,HUP,TERM").arg(std::env::current_exe().unwrap());
            let output = command.args(again).env(INSIDE, "1").output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{} {text}", output.status);
            return;
        }
        let signals = Signals::watch().unwrap();
        signals.hold();
        assert_eq!(signals.raised(), None);
        for (signal, first) in [(SIGTERM, "SIGTERM"), (SIGINT, "SIGTERM"), (SIGINT, "SIGTERM"), (SIGHUP, "SIGTERM")] {
            signal_hook::low_level::raise(signal).unwrap();
            assert_eq!(signals.clone().raised(), Some(first));
        }
        let mut file = tempfile::tempfile().unwrap();
        let limit = rustix::process::Rlimit { current: Some(10), maximum: Some(10) };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
        let error = file.write_all(&[0; 11]).and_then(|()| file.write_all(&[0; 11])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
