//! Where a run may leave a secret: in the holders, in the journal, in the file of a forgotten rotation, and beside a holder while a rotation is under way. Everything else is
//! searched after every run, whatever the test looks at: a leak that no test asks for fails it when its HOME goes.
//!
//! The secrets of a session, and never those of a key, may also be in the cache, and where a command hands them out: what `env` and
//! `credential-process` print, the variables of what `exec` starts.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Home, Problem, Run};
use crate::lab::canary::{self, Execs, MARK};

const STATE: &str = ".local/state/keyrotate";
const SESSIONS: &str = ".cache/keyrotate/sessions";
/// The commands that hand out a session.
const HANDING_OUT: [&str; 3] = ["exec", "env", "credential-process"];
/// Files of strace, directly in the scratch directory.
const TRACE: &str = "trace";

/// What a search has to know besides where HOME is.
#[derive(Default)]
pub struct Search {
    /// Where the test has secrets on purpose, besides the files in `.aws`.
    places: Mutex<Vec<PathBuf>>,
    /// Variables with secrets that the test sets on purpose, as `NAME=VALUE`.
    given: Mutex<Vec<String>>,
    /// Process groups of the runs.
    groups: Mutex<Vec<u32>>,
    /// Whether a run hands out sessions, so that a program may have one in its variables.
    hands_out: AtomicBool,
    /// Whether a run shows the seed of a new MFA device to the person who asked for it.
    shows_seeds: AtomicBool,
    /// Whether a leak was found and the test was told.
    is_told: AtomicBool,
    /// Whether a run whose every exec is seen is searched there only.
    is_by_execs: AtomicBool,
    /// Whether the present run is one of those.
    is_seen: AtomicBool,
}

impl Search {
    /// Notes the secrets among the variables of a run; each carries the mark.
    pub fn give(&self, variables: &[(&str, String)]) {
        for (name, value) in variables.iter().filter(|(name, value)| name.contains("SECRET") || value.contains(MARK)) {
            assert!(value.contains(MARK), "a test sets a secret without the mark, which canary::SECRET has: {name}");
            self.given.lock().unwrap().push(format!("{name}={value}"));
        }
    }

    /// Notes what a run is for.
    pub fn expect(&self, run: &Run<'_>) {
        self.hands_out.fetch_or(run.args.iter().any(|word| HANDING_OUT.contains(word)), Ordering::SeqCst);
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

    /// Says that a run hands out a session, where its arguments do not show it.
    pub fn hands_out_sessions(&self) {
        self.search.hands_out.store(true, Ordering::SeqCst);
    }

    /// Says that what a run prints may have the seeds of virtual MFA devices in it, as text; no other place may.
    pub fn shows_seeds(&self) {
        self.search.shows_seeds.store(true, Ordering::SeqCst);
    }

    /// Says that there are very many runs: where each exec of one is seen, running processes are not searched beside that at every call.
    pub fn is_one_of_many(&self) {
        self.search.is_by_execs.store(true, Ordering::SeqCst);
    }

    /// What a run executes, for [`Home::search`]; none where the run has a trace of its own that does not show it.
    pub fn execs(&self, run: &Run<'_>) -> Option<Execs> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let file = self.scratch(&format!("{TRACE}-of-execs-{}", NUMBER.fetch_add(1, Ordering::SeqCst)));
        let is_traced = run.prefix.first().is_some_and(|word| word == "strace");
        let execs = if is_traced { Execs::shared(&run.prefix) } else { Execs::new(file) };
        self.search.is_seen.store(execs.is_some(), Ordering::SeqCst);
        execs
    }

    /// Looks for secrets in what a run executed, said and left.
    pub fn search(&self, execs: Option<Execs>, said: &[(&str, &str)]) {
        if let Some(found) = execs.and_then(|execs| execs.search(&self.given())) {
            self.problem(Problem::Leak, "what was executed", found);
        }
        for (name, text) in said {
            let handed_out = *name == "stdout" && self.search.hands_out.load(Ordering::SeqCst);
            let text = if handed_out { self.without_sessions(text) } else { (*text).to_owned() };
            if let Some(form) = canary::find(self.without_seeds(text).as_bytes()) {
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
        let is_enough = self.search.is_by_execs.load(Ordering::SeqCst) && self.search.is_seen.load(Ordering::SeqCst);
        if !is_enough && let Some(found) = canary::running(&self.path(), &self.search.groups.lock().unwrap(), &self.given()) {
            self.problem(Problem::Leak, place, found);
        }
        for found in canary::files(&self.path()).iter().filter(|found| found.mode & 0o077 != 0) {
            self.problem(Problem::Open, place, format_args!("{} has mode {:o}", found.path.display(), found.mode));
        }
    }

    /// Variables that may hold a secret.
    fn given(&self) -> Vec<String> {
        let mut given = self.search.given.lock().unwrap().clone();
        if self.search.hands_out.load(Ordering::SeqCst) {
            let sessions = self.lab.world().sessions.clone();
            let variables = |session: &crate::lab::state::Session| {
                [format!("AWS_SECRET_ACCESS_KEY={}", session.secret), format!("AWS_SESSION_TOKEN={}", session.token)]
            };
            given.extend(sessions.iter().flat_map(variables));
        }
        given
    }

    /// The text without the secrets of the sessions that the lab opened: those of keys stay.
    fn without_sessions(&self, text: &str) -> String {
        let sessions = self.lab.world().sessions.clone();
        sessions.iter().fold(text.to_owned(), |text, session| text.replace(&session.secret, "").replace(&session.token, ""))
    }

    /// The text without the seeds that it may show.
    fn without_seeds(&self, text: String) -> String {
        let seeds = if self.search.shows_seeds.load(Ordering::SeqCst) { self.lab.world().seeds.clone() } else { Vec::new() };
        seeds.iter().fold(text, |text, seed| text.replace(seed, "").replace(&canary::in_groups(seed), ""))
    }

    /// A session where it belongs: private, and with no secret but its own.
    fn is_session(&self, path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt;
        let is_private = std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 == 0);
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        path.starts_with(self.path().join(SESSIONS)) && is_private && canary::find(self.without_sessions(&text).as_bytes()).is_none()
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
        let moves = |path: PathBuf| std::fs::read(path).is_ok_and(|entry| String::from_utf8_lossy(&entry).contains("\"is_moved\":false"));
        let imports = || std::fs::read_dir(self.path().join(STATE).join("imports")).into_iter().flatten().flatten();
        let has_entries = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.into_iter().any(|entry| entry.path().extension().is_some_and(|ext| ext == "json"))
        };
        let removals = self.path().join(STATE).join("root-keys");
        let is_under_way = || {
            let has_rotations = std::fs::read_dir(&journal).is_ok_and(|entries| entries.count() > 0);
            has_rotations || has_entries(&removals) || imports().any(|entry| moves(entry.path()))
        };
        let is_forgotten = folder == journal.parent() && name.starts_with("forgotten-");
        places.iter().any(|place| path.starts_with(place))
            || is_forgotten
            || self.is_session(path)
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
