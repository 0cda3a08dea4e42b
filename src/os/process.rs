//! What this process may leak, closed before anything secret is in memory.
//!
//! Invariant: [`harden`] runs first in `main`, before any thread; nothing else in keyrotate changes the environment.
//!
//! A closed standard output is no affair of this room: Rust starts with SIGPIPE ignored, a write then answers `BrokenPipe`, and
//! whoever prints takes that for the end. std gives SIGPIPE its default back in the children it starts.

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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;

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
