//! Performs acts, in order.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::machine::tell;
use super::plan::{Act, OnFailure};
use crate::os::disk::RealDisk;
use crate::os::private_directory::{PrivateDirectoryError, private_directory};
use crate::os::{atomic_file, clock};

/// An act that was not done; those before it were.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// A file.
    #[error("{path} cannot be written or removed", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory for the log.
    #[error(transparent)]
    Directory(#[from] PrivateDirectoryError),
    /// A program that could not be started.
    #[error("`{command}` cannot be run")]
    Start {
        /// As it would be typed.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that failed.
    #[error("`{command}` failed: {said}")]
    Command {
        /// As it would be typed.
        command: String,
        /// Its own words.
        said: String,
    },
}

/// How often, a second apart.
const TRIES: u32 = 5;

/// Performs one act.
pub fn perform(act: &Act) -> Result<(), ActError> {
    match act {
        Act::Write { path, text } => write(path, text.as_bytes()).map_err(|source| ActError::File { path: path.clone(), source }),
        Act::Remove(path) => atomic_file::remove_if_there(&RealDisk, path).map_err(|source| ActError::File { path: path.clone(), source }),
        Act::Private(path) => Ok(private_directory(path)?),
        Act::RemoveEmpty(path) => {
            // One that has something in it, or that is not there, is as it should be.
            let _ = std::fs::remove_dir(path);
            Ok(())
        }
        Act::Crontab(text) if text.is_empty() => run(&["crontab", "-r"], None),
        Act::Crontab(text) => run(&["crontab", "-"], Some(text.as_bytes())),
        Act::Run { words, on_failure } => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match on_failure {
                OnFailure::GoOn => run(&words, None).or(Ok(())),
                OnFailure::Retry => again(&words),
                OnFailure::Stop => run(&words, None),
            }
        }
    }
}

fn again(words: &[&str]) -> Result<(), ActError> {
    let mut done = run(words, None);
    for _ in 1..TRIES {
        if done.is_err() {
            clock::pause(Duration::from_secs(1), &|| false);
            done = run(words, None);
        }
    }
    done
}

/// The directories are the platform's own, as others of its programs make them.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(atomic_file::directory(path))?;
    atomic_file::replace(&RealDisk, path, bytes)
}

fn run(words: &[&str], input: Option<&[u8]>) -> Result<(), ActError> {
    let command = || words.join(" ");
    let said = tell(words, input).map_err(|source| ActError::Start { command: command(), source })?;
    if said.succeeded { Ok(()) } else { Err(ActError::Command { command: command(), said: said.stderr.trim().replace('\n', "; ") }) }
}
