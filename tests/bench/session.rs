//! The warm path: `credential-process` and `exec -- /bin/true` with a session that is open, in turn with `/bin/true`.
//!
//! Figures only; what strace shows of network, D-Bus and threads is counted, too. System calls and files are those before the program that
//! `exec` starts takes over, the loader's own among them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use crate::home::Home;
use crate::lab::Settings;
use crate::run::profile;
use crate::table::{self, Row, Target};

const ROUNDS: usize = 301;

/// A HOME with a session that is open.
struct Warm {
    home: Arc<Home>,
    program: PathBuf,
}

/// What one run does, by strace.
struct Seen {
    calls: usize,
    files: usize,
    /// Calls that open a socket, or start a thread or a process.
    foreign: usize,
}

/// Prints the figures.
pub fn measure(program: &Path, rounds: Option<usize>) -> ExitCode {
    let program = program.canonicalize().expect("the program");
    let mut rows = Vec::new();
    for count in [1, 100] {
        let warm = Warm::new(&program, count);
        rows.extend(warm.rows(rounds.unwrap_or(ROUNDS), count));
    }
    println!("{}", table::draw(&rows));
    if rows.iter().all(|row| row.value.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Warm {
    /// The key is in the last of so many profiles, where it is looked for last.
    fn new(program: &Path, count: usize) -> Self {
        let home = Home::new(program, Settings::default(), false);
        let filler = (1..count).map(|number| {
            format!(
                "[{}]\naws_access_key_id = AKIA{:016}\naws_secret_access_key = {}\n\n",
                profile(number),
                number + 20_000_000,
                home.other.secret
            )
        });
        let own = format!("[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n", home.old.id, home.old.secret);
        home.write(".aws/credentials", &filler.chain([own]).collect::<String>());
        let region = |number| format!("[profile {}]\nregion = eu-west-1\n\n", profile(number));
        let own = format!(
            "[profile work]\nregion = eu-west-1\nendpoint_url = {}\nmfa_serial = arn:aws:iam::{}:mfa/dev\n",
            home.lab.url(),
            Settings::default().account
        );
        home.write(".aws/config", &(1..count).map(region).chain([own]).collect::<String>());
        let warm = Self { home, program: program.to_owned() };
        let code = warm.home.lab.code("dev").expect("a code");
        let login = warm.command(&[&warm.name(), "login", "work", "--mfa-code", &code]).output().expect("the program");
        assert!(login.status.success(), "{}", String::from_utf8_lossy(&login.stderr));
        warm
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    fn rows(&self, rounds: usize, count: usize) -> Vec<Row> {
        let program = self.name();
        let asks: [&[&str]; 2] = [&[&program, "credential-process", "work"], &[&program, "exec", "work", "--", "/bin/true"]];
        let (times, base_memory) = (self.in_turn(rounds, &asks), self.peak(&["/bin/true"]));
        let base = times.as_ref().map_or(0.0, |times| times[0]);
        let mut rows = Vec::new();
        let mut row = |what: String, value, unit, target| rows.push(Row { what, value, unit, ratio: None, target });
        row(format!("/bin/true, {count} profiles"), Ok(base), "ms", Target::None);
        for (at, words) in asks.iter().enumerate() {
            let name = words[1];
            let above = times.as_ref().map(|times| times[at + 1] - base).map_err(Clone::clone);
            row(format!("{name}, {count} profiles: above it"), above, "ms", Target::AtMost(2.0));
            let memory = self.peak(words).and_then(|peak| Ok((peak - base_memory.clone()?) / 1024.0));
            row("  peak memory above it".to_owned(), memory, "MiB", Target::AtMost(8.0));
            let seen = self.trace(words);
            let figure = |figure: fn(&Seen) -> usize| seen.as_ref().map(|seen| figure(seen) as f64).map_err(Clone::clone);
            row("  system calls".to_owned(), figure(|seen| seen.calls), "", Target::AtMost(120.0));
            row("  files opened".to_owned(), figure(|seen| seen.files), "", Target::AtMost(8.0));
            row("  sockets, threads, processes".to_owned(), figure(|seen| seen.foreign), "", Target::AtMost(0.0));
        }
        rows
    }

    /// Median milliseconds of `/bin/true` and of each of these.
    fn in_turn(&self, rounds: usize, asks: &[&[&str]]) -> Result<Vec<f64>, String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/in_turn.py");
        let answer = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3");
        let python = String::from_utf8(answer.stdout).expect("a path");
        let lines: Vec<String> =
            [&["/bin/true"][..]].iter().chain(asks).map(|words| serde_json::to_string(words).expect("words")).collect();
        let mut command = self.command(&[python.trim(), script, &rounds.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        child.stdin.take().expect("a pipe").write_all(lines.join("\n").as_bytes()).map_err(|error| error.to_string())?;
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }

    /// Peak memory in KiB, by the `time` program: a launcher that is smaller than what it measures.
    fn peak(&self, words: &[&str]) -> Result<f64, String> {
        let out = self.home.scratch("peak").display().to_string();
        let words: Vec<&str> = ["/usr/bin/time", "-q", "-f", "%M", "-o", &out].into_iter().chain(words.iter().copied()).collect();
        let output = self.command(&words).output().map_err(|error| format!("/usr/bin/time: {error}"))?;
        let text = std::fs::read_to_string(&out).map_err(|error| error.to_string())?;
        if output.status.success() { text.trim().parse().map_err(|_| text) } else { Err(format!("it ended with {}", output.status)) }
    }

    fn trace(&self, words: &[&str]) -> Result<Seen, String> {
        let out = self.home.scratch("trace").display().to_string();
        let words: Vec<&str> = ["strace", "-f", "-qqq", "-o", &out].into_iter().chain(words.iter().copied()).collect();
        let output = self.command(&words).output().map_err(|error| format!("strace: {error}"))?;
        let text = std::fs::read_to_string(&out).map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("it ended with {}", output.status));
        }
        // Each line begins with the process; the second execve that succeeds is the program's.
        let lines = text.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim_start());
        let mut programs = 0;
        let own: Vec<&str> = lines
            .take_while(|call| {
                programs += usize::from(call.starts_with("execve(") && call.ends_with("= 0"));
                programs < 2
            })
            .collect();
        let count = |is: &dyn Fn(&str) -> bool| own.iter().filter(|call| is(call)).count();
        let foreign = ["socket(", "socketpair(", "connect(", "clone(", "clone3(", "fork(", "vfork("];
        Ok(Seen {
            calls: own.len(),
            files: count(&|call| call.starts_with("open") && !call.contains("= -1 ")),
            foreign: count(&|call| foreign.iter().any(|name| call.starts_with(name))),
        })
    }
}
