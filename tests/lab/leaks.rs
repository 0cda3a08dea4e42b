//! Where a run may leave a secret: in the holders, in the journal, in the file of a forgotten rotation, and beside a holder while a rotation is under way. Everything else is
//! searched after every run, whatever the test looks at: a leak that no test asks for fails it when its HOME goes.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Home, Problem, Run};
use crate::lab::canary::{self, Execs, MARK};

const STATE: &str = ".local/state/keyrotate";
/// Files of strace, directly in the scratch directory.
const TRACE: &str = "trace";

/// What a search has to know besides where HOME is.
#[derive(Default)]
pub struct Search {
    /// Where the test has secrets on purpose, besides the files in `.aws`.
    places: Mutex<Vec<PathBuf>>,
    /// Variables with secrets that the test sets on purpose, as `NAME=VALUE`.
    given: Mutex<Vec<String>>,
    /// Whether the runs hand out sessions on purpose.
    hands_out: AtomicBool,
    /// Process groups of the runs.
    groups: Mutex<Vec<u32>>,
    /// Whether a leak was found and the test was told.
    is_told: AtomicBool,
}

impl Search {
    /// Notes the secrets among the variables of a run; each carries the mark.
    pub fn give(&self, variables: &[(&str, String)]) {
        for (name, value) in variables.iter().filter(|(name, value)| name.contains("SECRET") || value.contains(MARK)) {
            assert!(value.contains(MARK), "a test sets a secret without the mark, which canary::SECRET has: {name}");
            self.given.lock().unwrap().push(format!("{name}={value}"));
        }
    }

    /// Notes the process group of a run.
    pub fn follow(&self, group: u32) {
        self.groups.lock().unwrap().push(group);
    }

    /// Notes that the test sees what was found, a leak among it or not.
    pub fn told(&self, is_leak: bool) {
        self.is_told.fetch_or(is_leak, Ordering::SeqCst);
    }

    /// Whether the test has seen that there is a leak.
    pub fn is_told(&self) -> bool {
        self.is_told.load(Ordering::SeqCst)
    }
}

impl Home {
    /// Says that the test has secrets here on purpose: a file, or a directory of them.
    pub fn holds(&self, path: impl Into<PathBuf>) {
        self.search.places.lock().unwrap().push(path.into());
    }

    /// Says that the runs hand out sessions: the lab's sessions may be printed, stand in the variables of a session, and in the cache. The
    /// long-term keys may not.
    pub fn hands_out_sessions(&self) {
        self.search.hands_out.store(true, Ordering::SeqCst);
        self.holds(self.path().join(".cache/keyrotate/sessions"));
    }

    /// The secrets and tokens of the lab's sessions, where they may be seen.
    fn seen_sessions(&self) -> Vec<(String, String)> {
        let may = self.search.hands_out.load(Ordering::SeqCst);
        let world = self.lab.world();
        world.sessions.iter().filter(|_| may).map(|session| (session.secret.clone(), session.token.clone())).collect()
    }

    /// What a run executes, for [`Home::search`]; none where the run has a trace of its own.
    pub fn execs(&self, run: &Run<'_>) -> Option<Execs> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let file = self.scratch(&format!("{TRACE}-of-execs-{}", NUMBER.fetch_add(1, Ordering::SeqCst)));
        if run.prefix.first().is_some_and(|word| word == "strace") { None } else { Execs::new(file) }
    }

    /// Looks for secrets in what a run executed, said and left.
    pub fn search(&self, execs: Option<Execs>, said: &[(&str, &str)]) {
        let sessions = self.seen_sessions();
        let variables =
            sessions.iter().flat_map(|(secret, token)| [format!("AWS_SECRET_ACCESS_KEY={secret}"), format!("AWS_SESSION_TOKEN={token}")]);
        let given: Vec<String> = self.search.given.lock().unwrap().iter().cloned().chain(variables).collect();
        if let Some(found) = execs.and_then(|execs| execs.search(&given)) {
            self.problem(Problem::Leak, "what was executed", found);
        }
        for (name, text) in said {
            let text = sessions.iter().fold((*text).to_owned(), |text, (secret, token)| text.replace(secret, "").replace(token, ""));
            if let Some(form) = canary::find(text.as_bytes()) {
                self.problem(Problem::Leak, name, format_args!("a secret is printed ({form})"));
            }
        }
        self.search_files("after a run", true);
    }

    /// Looks for secrets outside the holders and the journal; with `open`, what a rotation under way left beside a holder is none.
    pub fn search_files(&self, place: &str, open: bool) {
        for found in canary::files(self.folder.path()) {
            if !self.may_hold(&found.path, open) {
                self.problem(Problem::Leak, place, format_args!("{} holds a secret ({})", found.path.display(), found.form));
            }
        }
    }

    /// Looks for secrets in the arguments and variables of the processes of this HOME, and for files with secrets that others may read.
    pub fn search_processes(&self, place: &str) {
        if let Some(found) = canary::running(&self.path(), &self.search.groups.lock().unwrap(), &self.search.given.lock().unwrap()) {
            self.problem(Problem::Leak, place, found);
        }
        for found in canary::files(&self.path()).iter().filter(|found| found.mode & 0o077 != 0) {
            self.problem(Problem::Open, place, format_args!("{} has mode {:o}", found.path.display(), found.mode));
        }
    }

    fn may_hold(&self, path: &Path, open: bool) -> bool {
        let (folder, name) = (path.parent(), path.file_name().unwrap_or_default().to_string_lossy());
        let journal = self.path().join(STATE).join("journal");
        let mut places = vec![self.path().join(".aws/credentials"), self.path().join(".aws/config"), journal.clone()];
        places.extend(self.search.places.lock().unwrap().iter().cloned());
        let beside = |place: &PathBuf| {
            let holder = place.file_name().unwrap_or_default().to_string_lossy();
            folder == place.parent() && name.starts_with(&format!(".{holder}.keyrotate-"))
        };
        let is_under_way = || std::fs::read_dir(&journal).is_ok_and(|entries| entries.count() > 0);
        let is_forgotten = folder == journal.parent() && name.starts_with("forgotten-");
        places.iter().any(|place| path.starts_with(place))
            || is_forgotten
            || (open && places.iter().any(beside) && is_under_way())
            || (folder == Some(self.folder.path()) && name.starts_with(TRACE))
    }
}

/// Every secret access key in a file of a test has the mark; it is a mistake of the test otherwise.
pub fn assert_marked(text: &str) {
    for line in text.lines().filter(|line| line.trim_start().to_lowercase().starts_with("aws_secret_access_key")) {
        assert!(line.contains(MARK), "a test writes a secret without the mark, which canary::SECRET has: {line}");
    }
}
