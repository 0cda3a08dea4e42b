//! The terminal that the person sits at, opened by its own name: standard input may be a pipe with data of its own.
//!
//! Invariant: a process in the background never touches it; the system would stop the process (SIGTTIN, SIGTTOU) with the lock held.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use crate::os::clock;

/// An answer longer than this is not one.
const LINE_BYTES: usize = 1_024;

/// The controlling terminal, open for questions.
#[derive(Debug)]
pub(super) struct Tty {
    input: File,
    output: File,
}

impl Tty {
    /// The terminal, or `None` where there is none or this process is in the background.
    pub(super) fn open() -> Option<Self> {
        let tty = Self::open_files().ok()?;
        tty.is_ours().then_some(tty)
    }

    /// `/dev/tty` is opened anew, so that O_NONBLOCK is ours alone and does not reach the shell's own standard input.
    #[cfg(unix)]
    fn open_files() -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = (rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
        let input = OpenOptions::new().read(true).custom_flags(flags).open("/dev/tty")?;
        let output = OpenOptions::new().write(true).open("/dev/tty")?;
        Ok(Self { input, output })
    }

    #[cfg(not(unix))]
    fn open_files() -> io::Result<Self> {
        // The console wants both rights even for one direction.
        let open = |name| OpenOptions::new().read(true).write(true).open(name);
        Ok(Self { input: open("CONIN$")?, output: open("CONOUT$")? })
    }

    #[cfg(unix)]
    fn is_ours(&self) -> bool {
        rustix::termios::tcgetpgrp(&self.input).is_ok_and(|group| group == rustix::process::getpgrp())
    }

    #[cfg(not(unix))]
    fn is_ours(&self) -> bool {
        true
    }

    /// Shows `text` and reads a line without its end; `None` at the end of input, when `stop` says so, or in the background.
    pub(super) fn line(&mut self, text: &str, stop: &dyn Fn() -> bool) -> Option<String> {
        if !self.is_ours() {
            return None;
        }
        self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush()).ok()?;
        let line = self.read_line(stop);
        if line.is_none() {
            // The cursor stands behind the question: what is printed next begins a line of its own.
            let _ = self.output.write_all(b"\n");
        }
        line
    }

    /// The line discipline hands over whole lines. The read is asked, not waited for: std would restart it after a signal.
    #[cfg(unix)]
    fn read_line(&mut self, stop: &dyn Fn() -> bool) -> Option<String> {
        let mut bytes = [0; LINE_BYTES];
        loop {
            if !self.is_ours() {
                return None;
            }
            match self.input.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => return Some(text(bytes.get(..count)?)),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return None,
            }
            if clock::pause(Duration::from_millis(50), stop) {
                return None;
            }
        }
    }

    #[cfg(not(unix))]
    fn read_line(&mut self, stop: &dyn Fn() -> bool) -> Option<String> {
        let mut bytes = [0; LINE_BYTES];
        let count = self.input.read(&mut bytes).ok().filter(|count| *count > 0 && !stop())?;
        Some(text(bytes.get(..count)?))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
