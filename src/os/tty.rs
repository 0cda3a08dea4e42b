//! The terminal that the person sits at, opened by its own name: standard input may be a pipe with data of its own.
//!
//! Invariant: a process in the background never touches it; the system would stop the process (SIGTTIN, SIGTTOU) with the lock held.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::time::Duration;

use zeroize::Zeroizing;

#[cfg(unix)]
use crate::os::clock;
use crate::os::wrap::{width_of, wrap};

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

    /// Shows `text` and reads a line without its end; what was typed before is dropped. `None` at the end of input, when `stop` says so, or in the background.
    pub(super) fn line(&mut self, text: &str, stop: &dyn Fn() -> bool) -> Option<String> {
        if !self.is_ours() {
            return None;
        }
        self.drop_typed_ahead();
        self.output.write_all(self.broken(text).as_bytes()).and_then(|()| self.output.flush()).ok()?;
        let line = self.read_line(stop);
        if line.is_none() {
            // The cursor stands behind the question: what is printed next begins a line of its own.
            let _ = self.output.write_all(b"\n");
        }
        line
    }

    /// The same for what nobody may see: it is not shown while it is typed. `None` also where the terminal cannot hide it.
    #[cfg(unix)]
    pub(super) fn secret_line(&mut self, text: &str, stop: &dyn Fn() -> bool) -> Option<Zeroizing<String>> {
        if !self.is_ours() {
            return None;
        }
        let hidden = Hidden::begin(&self.input)?;
        self.output.write_all(self.broken(text).as_bytes()).and_then(|()| self.output.flush()).ok()?;
        let line = self.read_line(stop);
        drop(hidden);
        // The Enter was not shown either.
        let _ = self.output.write_all(b"\n");
        line.map(Zeroizing::new)
    }

    #[cfg(not(unix))]
    pub(super) fn secret_line(&mut self, _: &str, _: &dyn Fn() -> bool) -> Option<Zeroizing<String>> {
        None
    }

    /// Columns of the terminal, where it says.
    pub(super) fn columns(&self) -> Option<usize> {
        width_of(&self.output)
    }

    /// Shows `text`; `None` where it cannot be shown.
    pub(super) fn show(&mut self, text: &str) -> Option<()> {
        let text = self.broken(text);
        self.show_whole(&text)
    }

    /// Shows `text` with its lines as they are.
    pub(super) fn show_whole(&mut self, text: &str) -> Option<()> {
        self.is_ours().then(|| self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush()))?.ok()
    }

    /// The text in lines that fit, the last with room for a space and a key.
    fn broken(&self, text: &str) -> String {
        let Some(width) = width_of(&self.output) else { return text.to_owned() };
        let asked = text.trim_end_matches(' ');
        let lines: Vec<String> = asked.split('\n').map(|line| wrap(line, width - 2, 2)).collect();
        lines.join("\n") + text.get(asked.len()..).unwrap_or_default()
    }

    /// An Enter that was typed minutes ago, at a spinner, answers no question.
    #[cfg(unix)]
    fn drop_typed_ahead(&self) {
        let _ = rustix::termios::tcflush(&self.input, rustix::termios::QueueSelector::IFlush);
    }

    #[cfg(not(unix))]
    fn drop_typed_ahead(&self) {}

    /// The line discipline hands over whole lines. The read is asked, not waited for: std would restart it after a signal.
    #[cfg(unix)]
    fn read_line(&mut self, stop: &dyn Fn() -> bool) -> Option<String> {
        let mut bytes = Zeroizing::new([0; LINE_BYTES]);
        loop {
            if !self.is_ours() {
                return None;
            }
            match self.input.read(&mut *bytes) {
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

/// While this is there, what is typed is not shown. What was typed before is dropped.
#[cfg(unix)]
struct Hidden {
    input: File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Hidden {
    fn begin(input: &File) -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(input).ok()?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        let hidden = Self { input: input.try_clone().ok()?, before };
        tcsetattr(input, OptionalActions::Flush, &modes).ok()?;
        Some(hidden)
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(&self.input, rustix::termios::OptionalActions::Now, &self.before);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use crate::os::signals::Signals;
    use crate::os::terminal::{Answer, Console, ConsoleOptions, Question};

    /// Set in the copy of the test program that runs in a terminal of its own.
    const INSIDE: &str = "KEYROTATE_TEST_TTY";
    const QUESTION: &str = "go on? (y = yes, n = no): ";
    const NAME: &str = "os::tty::tests::questions_reach_the_terminal_past_standard_input_and_a_signal_ends_them";

    #[test]
    fn questions_reach_the_terminal_past_standard_input_and_a_signal_ends_them() {
        if std::env::var_os(INSIDE).is_some() {
            return inside();
        }
        let program = std::env::current_exe().unwrap();
        // `script` gives a controlling terminal; in it, neither input nor output of the program is the terminal.
        let inner = format!("'{}' --exact {NAME} --nocapture </dev/null 2>&1 | cat", program.display());
        // Who runs the tests in the background ignores SIGINT.
        let mut script = Command::new("env");
        script
            .args(["--default-signal=INT,HUP,TERM", "script", "-qec", &inner, "/dev/null"])
            .env(INSIDE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = script.spawn().expect("script, of util-linux");
        let (mut typed, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (mut text, mut buffer) = (String::new(), [0; 4_096]);
        let mut answers = [b"maybe\n".as_slice(), b"Yes\n"].into_iter();
        let mut asked = 0;
        // Each answer after its question: what is typed before it is dropped.
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            if text.matches(QUESTION).count() > asked {
                asked += 1;
                if let Some(answer) = answers.next() {
                    typed.write_all(answer).unwrap();
                }
            }
        }
        child.wait().unwrap();
        assert!(text.contains("1 passed"), "{text}");
        assert_eq!(text.matches(QUESTION).count(), 3, "{text}");
    }

    fn inside() {
        let signals = Signals::watch().unwrap();
        signals.hold();
        let console = Console::new(ConsoleOptions::default(), Some(signals));
        assert!(console.can_ask());
        let choices = vec![('y', "yes".into()), ('n', "no".into())];
        let question = Question { text: "go on?".into(), choices, default: None };
        assert_eq!(console.ask(&question), Answer::Choice('y'));
        let raise = std::thread::spawn(|| {
            crate::os::clock::pause(std::time::Duration::from_millis(150), &|| false);
            signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap();
        });
        assert_eq!(console.ask(&question), Answer::None);
        raise.join().unwrap();
        assert_eq!(console.ask(&question), Answer::None, "after a signal nothing is asked");
    }
}
