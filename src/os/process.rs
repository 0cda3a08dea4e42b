//! What this process may leak, closed before anything secret is in memory; and the system's own programs, run to their end.
//!
//! Invariant: [`harden`] runs first in `main`, before any thread; nothing else in keyrotate changes the environment.
//!
//! A closed standard output is no affair of this room: Rust starts with SIGPIPE ignored, a write then answers `BrokenPipe`, and
//! whoever prints takes that for the end. std gives SIGPIPE its default back in the children it starts.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::os::clock;

/// Removes LOG_SIGNABLE_BODY, which makes the AWS SDK log request bodies with secrets in them; forbids core dumps, and on Linux
/// also that other processes of the same user read this one's memory. What `exec` starts inherits the soft limit for core dumps.
/// Best effort: a system that refuses one of them still runs keyrotate.
pub fn harden() {
    forget_log_signable_body();
    #[cfg(unix)]
    forbid_dumps();
}

fn forget_log_signable_body() {
    // SAFETY: called first in `main`; no other thread exists that could read the environment at the same time.
    #[expect(clippy::disallowed_methods, unsafe_code, reason = "this is the one place, and no thread runs yet")]
    unsafe {
        std::env::remove_var("LOG_SIGNABLE_BODY");
    }
}

#[cfg(unix)]
fn forbid_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // The hard limit stays, so that what `exec` starts may raise its own again.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// What a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// It ended with 0.
    pub succeeded: bool,
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Its standard output; what is not UTF-8 is replaced.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
}

/// Runs a program, the first of `words`, to its end: with this environment besides our own, this as its input (else none), and no shell.
/// Not for what answers before it has read its input to the end, nor for what may never end.
pub fn capture(words: &[&str], input: Option<&[u8]>, variables: &[(&str, OsString)]) -> io::Result<Captured> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let (Some(bytes), Some(mut stdin)) = (input, child.stdin.take()) {
        match stdin.write_all(bytes) {
            // It will say itself why it did not want to read.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Captured {
        succeeded: output.status.success(),
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

/// What came of taking this process's place.
#[derive(Debug)]
pub enum Replaced {
    /// Where a process cannot be replaced: the program ran, and ended so.
    Ended(u8),
    /// There is no such program.
    NotFound(io::Error),
    /// There is, and it cannot be run.
    NotRun(io::Error),
}

/// Runs the program, the first of `words`, in the place of this process, with these variables set and those removed. Returns only if that
/// cannot be, or on a system without such an act: there the program is run and waited for.
pub fn replace(words: &[OsString], set: &[(impl AsRef<str>, String)], removed: &[impl AsRef<str>]) -> Replaced {
    let Some((program, arguments)) = words.split_first() else { return Replaced::NotFound(io::ErrorKind::InvalidInput.into()) };
    let mut command = Command::new(program);
    command.args(arguments);
    for name in removed {
        command.env_remove(name.as_ref());
    }
    command.envs(set.iter().map(|(name, value)| (name.as_ref(), value)));
    let error = match take_over(command) {
        Ok(code) => return Replaced::Ended(code),
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::NotFound { Replaced::NotFound(error) } else { Replaced::NotRun(error) }
}

#[cfg(unix)]
fn take_over(mut command: Command) -> io::Result<u8> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn take_over(mut command: Command) -> io::Result<u8> {
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Runs this program itself to its end with these words, without these variables, input or output.
pub fn own(words: &[OsString], removed: &[&str]) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in removed {
        command.env_remove(name);
    }
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// Starts this program itself with these words, and lets go of it: in a session of its own, without a terminal, with what it says added to
/// this file, which only its owner can read and which is begun anew once it has more than `longest` bytes. When this process ends, the
/// system looks after it.
pub fn leave(words: &[OsString], log: &Path, longest: u64) -> io::Result<()> {
    #[cfg(unix)]
    rustix::process::setsid()?;
    let log = log_file(log, longest)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(words).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().map(drop)
}

fn log_file(path: &Path, longest: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if file.metadata()?.len() > longest {
        file.set_len(0)?;
    }
    Ok(file)
}

/// A program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It cannot be run.
    #[error("cannot be run: {0}")]
    NotRun(io::Error),
    /// It ended otherwise than with 0.
    #[error("ended with {0}")]
    Ended(String),
    /// It did not end in time, and was ended.
    #[error("did not answer within {} s", .0.as_secs())]
    TooLate(Duration),
    /// It said more than an answer.
    #[error("printed more than {0} bytes")]
    TooMuch(usize),
    /// We were asked to stop.
    #[error("was stopped")]
    Stopped,
}

/// More than this is no answer.
const ANSWER_BYTES: usize = 4_096;
/// More than this is no account of what went wrong, and no session.
const CAPTURED_BYTES: usize = 65_536;
/// How often a program is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long the end of the output is waited for once the program has ended: what it left running may hold the pipe open, and on a busy machine
/// the thread that reads may be late by more than a moment.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a program, the first of `words`, prints on standard output. No shell, no input; its standard error is ours, where it may tell a person
/// what it waits for. It is ended after `limit`, or when `stop` says so; what it started itself and left running is not waited for.
pub fn answer(words: &[String], limit: Duration, stop: &dyn Fn() -> bool) -> Result<Zeroizing<String>, Unanswered> {
    let (program, arguments) = words.split_first().ok_or_else(|| Unanswered::NotRun(io::ErrorKind::InvalidInput.into()))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(Unanswered::NotRun)?;
    let said = Said::follow(child.stdout.take(), ANSWER_BYTES);
    let status = wait(&mut child, &[&said], limit, stop)?;
    match status.code() {
        Some(0) => {}
        Some(code) => return Err(Unanswered::Ended(format!("exit code {code}"))),
        // Ctrl-C at the terminal is sent to both of us.
        None if stop() => return Err(Unanswered::Stopped),
        None => return Err(Unanswered::Ended("a signal".to_owned())),
    }
    Said::hear_out(&[&said]);
    let bytes = said.bytes();
    if said.is_too_much(&bytes) {
        Err(Unanswered::TooMuch(ANSWER_BYTES))
    } else {
        Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// What [`capture`] gives, of a program that may never end: with this environment besides our own, no input and no shell. It is ended as one of
/// [`answer`] is; how it ended is in the result.
pub fn capture_within(
    words: &[&str],
    variables: &[(&str, OsString)],
    limit: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<Captured, Unanswered> {
    let (program, arguments) = words.split_first().ok_or_else(|| Unanswered::NotRun(io::ErrorKind::InvalidInput.into()))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(Unanswered::NotRun)?;
    let (stdout, stderr) = (Said::follow(child.stdout.take(), CAPTURED_BYTES), Said::follow(child.stderr.take(), CAPTURED_BYTES));
    let status = wait(&mut child, &[&stdout, &stderr], limit, stop)?;
    Said::hear_out(&[&stdout, &stderr]);
    let text = |said: &Said| String::from_utf8_lossy(&said.bytes()).into_owned();
    Ok(Captured { succeeded: status.success(), code: status.code(), stdout: text(&stdout), stderr: text(&stderr) })
}

/// Waits until the program ends; ends it where it takes too long, says too much, or `stop` says so.
fn wait(child: &mut Child, said: &[&Said], limit: Duration, stop: &dyn Fn() -> bool) -> Result<ExitStatus, Unanswered> {
    let until = clock::boot_time().saturating_add(limit);
    let ended = loop {
        // Before its end is looked at, which may be that of a program whose output nobody reads any more.
        if let Some(said) = said.iter().find(|said| said.is_too_much(&said.bytes())) {
            break Err(Unanswered::TooMuch(said.most));
        }
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) => {}
            Err(error) => break Err(Unanswered::NotRun(error)),
        }
        if clock::pause(LOOK, stop) {
            break Err(Unanswered::Stopped);
        }
        if clock::boot_time() >= until {
            break Err(Unanswered::TooLate(limit));
        }
    };
    ended.inspect_err(|_| {
        let _ = child.kill().and_then(|()| child.wait());
    })
}

/// What a program has printed so far.
#[derive(Default)]
struct Said {
    // SECRET: room for all of it from the start, so that it does not move while it grows; wiped when dropped.
    bytes: Mutex<Zeroizing<Vec<u8>>>,
    is_over: AtomicBool,
    most: usize,
}

impl Said {
    fn follow(stream: Option<impl Read + Send + 'static>, most: usize) -> Arc<Self> {
        let said = Arc::new(Self { most, ..Self::default() });
        if let Some(stream) = stream {
            let said = Arc::clone(&said);
            std::thread::spawn(move || said.read(stream));
        }
        said
    }

    /// Waits for what a program printed before it ended.
    fn hear_out(said: &[&Self]) {
        clock::pause(LAST_WORDS, &|| said.iter().all(|said| said.is_over()));
    }

    fn read(&self, mut stdout: impl Read) {
        self.bytes().reserve_exact(self.most + ANSWER_BYTES);
        let mut piece = Zeroizing::new([0; ANSWER_BYTES]);
        while let Ok(count @ 1..) = stdout.read(&mut *piece) {
            let mut bytes = self.bytes();
            bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            if self.is_too_much(&bytes) {
                break;
            }
        }
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn is_too_much(&self, bytes: &[u8]) -> bool {
        bytes.len() > self.most
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn bytes(&self) -> MutexGuard<'_, Zeroizing<Vec<u8>>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_its_input_and_variables_and_tells_how_it_ended() {
        let said = capture(&["/bin/sh", "-c", "cat; echo $X >&2; exit 3"], Some(b"in"), &[("X", "y".into())]).unwrap();
        assert_eq!((said.succeeded, said.stdout.as_str(), said.stderr.as_str()), (false, "in", "y\n"));
        let deaf = capture(&["/bin/true"], Some(&[b'x'; 1 << 20]), &[]).unwrap();
        assert!(deaf.succeeded, "a program that does not read is no error of ours");
        assert!(capture(&["/bin/cat"], None, &[]).unwrap().stdout.is_empty(), "it does not wait for our own input");
        assert_eq!(capture(&["/no/such/program"], None, &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn an_answer_is_what_is_printed_whoever_holds_the_pipe_and_never_more_than_an_answer() {
        let ask = |script: &str, limit: u64| {
            let words = ["/bin/sh", "-c", script].map(str::to_owned);
            answer(&words, Duration::from_millis(limit), &|| false).map(|text| text.to_string()).map_err(|error| error.to_string())
        };
        let started = clock::boot_time();
        assert_eq!(ask("sleep 20 & echo 123456", 30_000), Ok("123456\n".to_owned()), "a helper that stays is not waited for");
        assert_eq!(ask("yes 123456", 30_000), Err("printed more than 4096 bytes".to_owned()));
        assert_eq!(ask("yes 123456 | head -c 4097", 30_000), Err("printed more than 4096 bytes".to_owned()));
        assert_eq!(ask("exec sleep 20", 100), Err("did not answer within 0 s".to_owned()));
        assert_eq!(ask("kill -TERM $$", 30_000), Err("ended with a signal".to_owned()));
        assert_eq!(ask("exit 3", 30_000), Err("ended with exit code 3".to_owned()));
        assert!(clock::boot_time() - started < Duration::from_secs(15), "something was waited for");
    }

    #[test]
    fn what_may_never_end_is_ended_and_else_told_whole() {
        let run = |script: &str, limit: u64| {
            let ran = capture_within(&["/bin/sh", "-c", script], &[("X", "y".into())], Duration::from_millis(limit), &|| false);
            ran.map(|said| (said.code, said.stdout.len(), said.stderr)).map_err(|error| error.to_string())
        };
        let started = clock::boot_time();
        assert_eq!(run("yes | head -c 9000; echo $X >&2; exit 3", 30_000), Ok((Some(3), 9_000, "y\n".to_owned())));
        assert_eq!(run("sleep 20 & exit 0", 30_000), Ok((Some(0), 0, String::new())), "a helper that stays is not waited for");
        assert_eq!(run("exec sleep 20", 100), Err("did not answer within 0 s".to_owned()));
        assert_eq!(run("yes >&2", 30_000), Err("printed more than 65536 bytes".to_owned()));
        assert!(clock::boot_time() - started < Duration::from_secs(15), "something was waited for");
    }

    #[test]
    fn what_a_busy_machine_reads_late_is_heard_all_the_same() {
        struct Late(Option<&'static [u8]>);
        impl Read for Late {
            #[expect(clippy::disallowed_methods, reason = "it plays a machine that is busy")]
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                std::thread::sleep(Duration::from_millis(500));
                self.0.take().unwrap_or_default().read(into)
            }
        }
        let said = Said::follow(Some(Late(Some(b"a session"))), 100);
        Said::hear_out(&[&said]);
        assert_eq!(**said.bytes(), *b"a session");
    }

    /// Set in the copy of the test program that is hardened, so that the tests' own process stays as it is.
    const INSIDE: &str = "KEYROTATE_TEST_HARDENED";

    #[test]
    fn a_hardened_process_leaves_no_core_and_logs_no_bodies() {
        if std::env::var_os(INSIDE).is_none() {
            let again = ["--exact", "os::process::tests::a_hardened_process_leaves_no_core_and_logs_no_bodies", "--test-threads=1"];
            let program = std::env::current_exe().unwrap();
            let output = Command::new(program).args(again).env(INSIDE, "1").env("LOG_SIGNABLE_BODY", "true").output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
            return;
        }
        assert_eq!(std::env::var("LOG_SIGNABLE_BODY").as_deref(), Ok("true"));
        harden();
        assert_eq!(std::env::var_os("LOG_SIGNABLE_BODY"), None);
        assert_eq!(rustix::process::getrlimit(rustix::process::Resource::Core).current, Some(0));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
