//! One scratch HOME, one lab, one program run in it, and what is found wrong there. Invariant: the environment of a run holds nothing of
//! the machine's own AWS, proxy or desktop settings, and every check compares with the file as it was written at the start.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench: it stops loudly, and it lives on the machine's own clock"
)]

#[path = "invariants.rs"]
mod invariants;
#[path = "leaks.rs"]
mod leaks;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leaks::Search;

use crate::lab::canary;
use crate::lab::secrets::Body;
use crate::lab::{Key, Lab, Settings};

const TEMPLATE: &str = "# Keys of this laptop. Keep this line.
[default]
aws_access_key_id = {id}
aws_secret_access_key={secret}
  # indented comment
region = eu-west-1
{shared}
[other]
aws_secret_access_key = {other_secret}
aws_access_key_id     = {other_id}
; end, and no newline after this";
/// Words before a program that is to have the signals that end it as a person's shell leaves them: who runs the tests in the background, or
/// with nohup, ignores some.
pub const MINDS_SIGNALS: [&str; 2] = ["/usr/bin/env", "--default-signal=INT,HUP,TERM"];
const SHARED: &str = "
[work]
aws_secret_access_key = {secret}
aws_access_key_id = {id}
";

/// What can be wrong, each kind once per case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A profile holds a pair that AWS does not accept.
    Locked,
    /// A profile holds a pair that AWS refuses for a while.
    Early,
    /// The file does not parse, a profile is missing, or an ID stands with another key's secret.
    Torn,
    /// A key at AWS whose ID is in no file.
    Orphan,
    /// An active key whose secret is in no file.
    Lost,
    /// Another user's key was changed.
    Foreign,
    /// The file differs in more than the rotated pair.
    Changed,
    /// A secret in a file that others may read.
    Open,
    /// A secret outside the holders and the journal.
    Leak,
    /// The resume did not end well, or not exactly one key is active.
    Stuck,
    /// A staging label of a rotation is left on a version of a secret.
    Label,
}

/// What a run left.
#[derive(Debug, Default)]
pub struct Output {
    /// None: killed, by the test, by a signal or at the time limit.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// All that was said, on one line.
    pub fn said(&self) -> String {
        one_line(&format!("{} {}", self.stdout, self.stderr))
    }
}

/// The words of a text, however it was wrapped.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How to run the program.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    pub args: &'a [&'a str],
    /// Words before the program: strace or prlimit and their options.
    pub prefix: Vec<String>,
    pub kill_at_pause: bool,
    pub limit: Duration,
    pub env: Vec<(&'a str, String)>,
    /// Its standard input; empty is none.
    pub input: String,
}

impl<'a> Run<'a> {
    /// Plainly, for a minute at most.
    pub fn new(args: &'a [&'a str]) -> Self {
        Self { args, prefix: Vec::new(), kill_at_pause: false, limit: Duration::from_secs(60), env: Vec::new(), input: String::new() }
    }
}

/// A case: a HOME with `.aws/credentials`, the lab that knows its keys, and the problems seen so far.
pub struct Home {
    folder: tempfile::TempDir,
    program: PathBuf,
    pub lab: Lab,
    /// The pair that the profiles have at the start.
    pub old: Key,
    /// Another user's pair, in the profile `other`.
    pub other: Key,
    /// The credentials file as it was written at the start.
    text: Mutex<String>,
    /// The key that is rotated, as it was at the start: `old`, unless a test says otherwise.
    rotated: Mutex<Key>,
    /// The secrets that hold it, each with its text at the start.
    secrets: Mutex<Vec<(String, String)>>,
    found: Mutex<BTreeMap<Problem, String>>,
    waiting: Mutex<Vec<String>>,
    search: Search,
}

impl Home {
    /// With a lab of these settings; `shared` gives the pair to a second profile. The invariants are looked at after every call.
    pub fn new(program: impl Into<PathBuf>, settings: Settings, shared: bool) -> Arc<Self> {
        let lab = Lab::start(settings);
        let old = lab.first_key();
        let other = {
            let mut world = lab.world();
            let user = world.add_user("other", "/");
            world.add_settled_key(user)
        };
        let text = TEMPLATE
            .replace("{shared}", if shared { SHARED } else { "" })
            .replace("{id}", &old.id)
            .replace("{secret}", &old.secret)
            .replace("{other_id}", &other.id)
            .replace("{other_secret}", &other.secret);
        let folder = tempfile::Builder::new().prefix("keyrotate-").tempdir().expect("a scratch directory");
        let home = Arc::new(Self {
            folder,
            program: program.into(),
            lab,
            rotated: Mutex::new(old.clone()),
            old,
            other,
            text: Mutex::default(),
            secrets: Mutex::default(),
            found: Mutex::default(),
            waiting: Mutex::default(),
            search: Search::default(),
        });
        for folder in [home.path().join(".aws"), home.scratch("tmp")] {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).expect("a scratch HOME");
        }
        home.credentials(&text);
        let watched = Arc::downgrade(&home);
        home.lab.on_commit(move |call| {
            if let Some(home) = watched.upgrade() {
                home.look(&format!("call {} {}", call.number, call.action));
            }
        });
        home
    }

    /// The HOME directory.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A place for traces, outside HOME.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file below HOME, mode 0600. Secrets in it carry the mark.
    pub fn write(&self, name: &str, text: &str) {
        leaks::assert_marked(text);
        let path = self.path().join(name);
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).expect("a writable file");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("room for it");
    }

    /// Writes the credentials file; from now on nothing but the rotated pair may differ from this.
    pub fn credentials(&self, text: &str) {
        self.write(".aws/credentials", text);
        text.clone_into(&mut self.text.lock().unwrap());
    }

    /// The credentials file as it was written at the start.
    pub fn start_text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Says that this key, of another user than the file's, is the one that is rotated.
    pub fn rotates(&self, key: &Key) {
        *self.rotated.lock().unwrap() = key.clone();
    }

    /// The key that is rotated, as it was at the start.
    pub fn rotated(&self) -> Key {
        self.rotated.lock().unwrap().clone()
    }

    /// Makes a secret of this name in us-east-1 which holds the rotated pair from now on, as the file does; `text` has `{id}` and `{secret}` in
    /// it. Returns its ARN.
    pub fn secret(&self, name: &str, text: &str) -> String {
        let key = self.rotated();
        let text = text.replace("{id}", &key.id).replace("{secret}", &key.secret);
        let arn = self.lab.world().add_secret(name, "us-east-1", Some(Body::Text(text.clone())));
        self.watch(&arn, &text);
        arn
    }

    /// Says that the secret with this ARN holds the pair, and has this text.
    pub fn watch(&self, arn: &str, text: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        secrets.retain(|(known, _)| known != arn);
        secrets.push((arn.to_owned(), text.to_owned()));
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.run_with(&Run::new(args))
    }

    /// Runs the program until it ends, stands at a pause (with `kill_at_pause`), or the time is over; it and its children are gone then.
    /// Everything it executed, said and left is searched for secrets.
    pub fn run_with(&self, run: &Run<'_>) -> Output {
        let execs = self.execs(run);
        let prefix = execs.as_ref().map(canary::Execs::prefix).unwrap_or_default().into_iter().chain(run.prefix.iter().cloned()).collect();
        let mut child = self.command(&Run { prefix, ..run.clone() }).spawn().expect("a program that starts");
        self.search.follow(child.id());
        if let Some(mut stdin) = child.stdin.take() {
            // Less than a pipe takes at once. A program that does not read is no error.
            let _ = std::io::Write::write_all(&mut stdin, run.input.as_bytes());
        }
        let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let code = self.wait(&mut child, run);
        let output = Output { code, stdout: stdout.join().unwrap_or_default(), stderr: stderr.join().unwrap_or_default() };
        self.lab.release(true);
        self.search(execs, &[("stdout", &output.stdout), ("stderr", &output.stderr)]);
        output
    }

    /// The program, ready to start, in an environment that has nothing of the machine's but PATH.
    pub fn command(&self, run: &Run<'_>) -> Command {
        self.search.give(&run.env);
        self.search.expect(run);
        let program = self.program.display().to_string();
        let words = MINDS_SIGNALS.map(str::to_owned).into_iter().chain(run.prefix.iter().cloned()).chain([program]);
        let words: Vec<String> = words.chain(run.args.iter().map(|a| (*a).to_owned())).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().current_dir(self.folder.path()).process_group(0);
        command.envs([("HOME", self.path().display().to_string()), ("AWS_ENDPOINT_URL", self.lab.url())]);
        command.envs([("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true"), ("KEYROTATE_TIME_SCALE", "0.1")]);
        command.env("TMPDIR", self.scratch("tmp"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(run.env.iter().map(|(n, v)| (n, v)));
        let stdin = if run.input.is_empty() { Stdio::null() } else { Stdio::piped() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn wait(&self, child: &mut Child, run: &Run<'_>) -> Option<i32> {
        let (end, mut status) = (Instant::now() + run.limit, None);
        while status.is_none() && Instant::now() < end {
            if run.kill_at_pause {
                if self.lab.wait_paused(Duration::from_millis(10)) {
                    break;
                }
            } else {
                std::thread::sleep(Duration::from_millis(10));
            }
            status = child.try_wait().expect("a child of ours");
        }
        // The group that this run started, children that outlive it included; an empty group is no error.
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
        let _ = child.wait();
        status.and_then(|s| s.code())
    }

    /// What was found so far.
    pub fn found(&self) -> BTreeMap<Problem, String> {
        let found = self.found.lock().unwrap().clone();
        self.search.told(found.contains_key(&Problem::Leak));
        found
    }

    /// Keys that wait for a person, as of the last `finish`.
    pub fn waiting(&self) -> Vec<String> {
        self.waiting.lock().unwrap().clone()
    }

    /// Notes a problem; the first of each kind is kept.
    pub fn problem(&self, kind: Problem, place: &str, what: impl fmt::Display) {
        self.found.lock().unwrap().entry(kind).or_insert_with(|| format!("{place}: {what}"));
    }

    /// The problems on one line.
    pub fn told(&self) -> String {
        self.found().iter().fold(String::new(), |mut line, (kind, what)| {
            let _ = write!(line, "{kind:?} ({what}); ");
            line
        })
    }

    /// Every key that a user had, deleted ones included.
    fn keys_of(&self, user: usize) -> Vec<Key> {
        self.lab.world().keys.iter().filter(|key| key.user == user).cloned().collect()
    }

    /// Every regular file below HOME: path from there, content, mode.
    fn files(&self) -> Vec<(PathBuf, String, u32)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.path()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, Ok(data)) = (entry.path(), entry.metadata()) else { continue };
                if data.is_dir() {
                    folders.push(path);
                } else if data.is_file()
                    && let Ok(bytes) = std::fs::read(&path)
                {
                    let name = path.strip_prefix(self.path()).unwrap_or(&path).to_owned();
                    files.push((name, String::from_utf8_lossy(&bytes).into_owned(), data.permissions().mode() & 0o777));
                }
            }
        }
        files
    }
}

impl Drop for Home {
    /// A leak, and a token code that was sent twice, fail the test, whatever the test itself looks at.
    fn drop(&mut self) {
        self.lab.close();
        let leak = self.found.get_mut().unwrap().get(&Problem::Leak);
        if let Some(leak) = leak
            && !self.search.is_told()
            && !std::thread::panicking()
        {
            panic!("a secret is where none may be: {leak}");
        }
        let resent = self.lab.resent();
        assert!(resent.is_empty() || std::thread::panicking(), "token codes were sent twice: {resent:?}");
    }
}

fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
