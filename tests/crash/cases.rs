//! Which cases there are and how one is run: break it once (or twice), look, resume it once, look again. Invariant: every case has a HOME
//! and a lab of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::home::{Home, Output, Problem, Run};
use crate::lab::canary::{EXEC_CALLS, WHOLE};
use crate::lab::faults::{Fault, Rule};
use crate::trace;

const DENIED: Fault = Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform this action" };
const LATE: Fault = Fault::ErrorAfter { status: 500, code: "ServiceFailure", message: "Injected by the lab." };

const KILL: &str = "signal=KILL";

/// Names of errors at a system call: which calls, and what strace is to inject.
const FILE_FAULTS: [(&str, &[&str], &str); 4] = [
    ("file: killed", &[], KILL),
    (
        "file: disk full",
        &["write", "writev", "pwrite64", "fallocate", "openat", "mkdir", "mkdirat", "rename", "renameat", "renameat2"],
        "error=ENOSPC",
    ),
    ("file: I/O error", &["write", "writev", "pwrite64", "fsync", "fdatasync"], "error=EIO"),
    ("file: no access", &["openat", "rename", "renameat", "renameat2"], "error=EACCES"),
];
/// The same at a message to the keychain.
const MESSAGE_FAULTS: [(&str, &str); 2] = [("keychain: killed", KILL), ("keychain: cut off", "error=EPIPE")];

/// What is broken, and looked at.
pub trait Scene {
    /// Where it happens.
    fn home(&self) -> &Arc<Home>;
    /// The run that is broken.
    fn run(&self) -> Run<'_>;
    /// Notes what is wrong of that which holds at any time.
    fn look(&self, place: &str);
    /// Runs it again where it did not end well, and notes what is wrong then.
    fn resume(&self, broken: Output);
}

/// A kind of them.
pub struct Kind {
    /// What the table calls it.
    pub name: &'static str,
    /// A new one.
    pub start: fn() -> Box<dyn Scene>,
    /// Every first kill is made; of the second ones, one in so many.
    pub one_second_kill_in: usize,
    /// Of the faults that kill nothing one in so many is made at each call and each file change, another one at the next.
    pub one_other_fault_in: usize,
}

/// Where and how one case is broken.
#[derive(Clone, Debug)]
pub enum Point {
    /// The call of this number.
    Call(usize, Fault),
    /// The nth system call of this name in a thread, and what strace injects.
    File(String, usize, &'static str),
    /// The nth message to the keychain in a thread.
    Message(usize, &'static str),
    /// No file grows beyond so many bytes.
    Size(u64),
    /// Killed after this call, and the resume after that call of its own.
    Twice(usize, usize),
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub fault: &'static str,
    pub point: Point,
}

/// What became of it.
pub struct Row {
    pub fault: &'static str,
    pub name: String,
    pub problems: Vec<Problem>,
    pub told: String,
    pub fired: bool,
    pub waits: bool,
}

/// The fault-free run.
pub struct Clean {
    pub actions: Vec<String>,
    pub files: Vec<(String, usize)>,
    pub messages: Vec<usize>,
    pub unsynced: Vec<String>,
    pub problems: String,
}

/// Runs without a fault, under strace.
pub fn record(kind: &Kind) -> Clean {
    for tool in ["strace", "prlimit"] {
        let found = std::process::Command::new(tool).arg("--version").output();
        assert!(found.is_ok_and(|o| o.status.success()), "{tool} is needed by the crash ring: install it");
    }
    let scene = (kind.start)();
    let home = scene.home();
    let (trace, before) = (home.scratch("trace"), home.lab.calls().len());
    let mut run = scene.run();
    run.prefix = strace(&trace, &["-yy", "-s", "256", "-e", &format!("trace=sendto,sendmsg,{}", trace::FILE_CALLS)]);
    let output = home.run_with(&run);
    let actions = home.lab.calls().into_iter().skip(before).map(|c| c.action).collect();
    scene.look("the fault-free run");
    if output.code == Some(0) {
        scene.resume(output);
    } else {
        home.problem(Problem::Stuck, "the fault-free run", format_args!("exit {:?}: {}", output.code, output.stderr));
    }
    let text = read(&trace);
    Clean {
        actions,
        files: trace::changes(&text, &home.path()),
        messages: trace::messages(&text),
        unsynced: trace::unsynced(&text, &home.path()),
        problems: home.told(),
    }
}

/// Every case for what the fault-free run did.
pub fn all(kind: &Kind, clean: &Clean) -> Vec<Case> {
    let calls = clean.actions.len();
    let mut cases = Vec::new();
    let is_made = |kills: bool, at: usize| kills || at.is_multiple_of(kind.one_other_fault_in);
    for (index, (fault, broken)) in call_faults().into_iter().enumerate() {
        let kills = matches!(broken, Fault::PauseBefore | Fault::PauseAfter);
        let numbers = (1..=calls).filter(|number| is_made(kills, number + index));
        cases.extend(numbers.map(|number| Case { fault, point: Point::Call(number, broken.clone()) }));
    }
    for (index, (fault, names, inject)) in FILE_FAULTS.into_iter().enumerate() {
        let hit = clean.files.iter().filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
        let hit = hit.enumerate().filter(|(at, _)| is_made(inject == KILL, at + index));
        cases.extend(hit.map(|(_, (name, number))| Case { fault, point: Point::File(name.clone(), *number, inject) }));
    }
    for (fault, inject) in MESSAGE_FAULTS {
        cases.extend(clean.messages.iter().map(|number| Case { fault, point: Point::Message(*number, inject) }));
    }
    cases.extend([0, 100, 200, 300, 1000].map(|bytes| Case { fault: "file size limit", point: Point::Size(bytes) }));
    let twice = (1..=calls).flat_map(|first| (1..=calls + 2).map(move |second| (first, second)));
    let twice = twice.filter(|(first, second)| (first + second).is_multiple_of(kind.one_second_kill_in));
    cases.extend(twice.map(|(first, second)| Case { fault: "killed twice", point: Point::Twice(first, second) }));
    cases
}

fn call_faults() -> [(&'static str, Fault); 13] {
    [
        ("call: killed before", Fault::PauseBefore),
        ("call: killed after", Fault::PauseAfter),
        ("call: dropped", Fault::DropBefore),
        ("call: answer lost", Fault::DropAfter),
        ("call: reset", Fault::Reset),
        ("call: 500", Fault::error(500, "ServiceFailure")),
        ("call: 500 after", LATE),
        ("call: throttled", Fault::error(400, "Throttling")),
        ("call: denied", DENIED),
        ("call: truncated", Fault::Truncate),
        ("call: garbage", Fault::Garbage),
        ("call: late", Fault::Hang(Duration::from_secs(2))),
        ("call: clock", Fault::Skew(1200.0)),
    ]
}

/// Runs one case to its end.
pub fn run(kind: &Kind, case: &Case, actions: &[String]) -> Row {
    let scene = (kind.start)();
    let home = scene.home();
    home.is_one_of_many();
    let (trace, before) = (home.scratch("trace"), home.lab.calls().len());
    let mut run = scene.run();
    home.lab.rules(rules(&case.point, actions, before));
    match &case.point {
        Point::Call(_, fault) => run.kill_at_pause = matches!(fault, Fault::PauseBefore | Fault::PauseAfter),
        Point::Twice(..) => run.kill_at_pause = true,
        Point::Size(bytes) => run.prefix = vec!["prlimit".into(), format!("--fsize={bytes}")],
        Point::File(name, number, inject) => run.prefix = injecting(&trace, name, *number, inject),
        Point::Message(number, inject) => run.prefix = injecting(&trace, trace::MESSAGE, *number, inject),
    }
    let mut output = home.run_with(&run);
    scene.look("after the first run");
    let mut fired = match &case.point {
        Point::Call(..) | Point::Twice(..) => home.lab.fired() > 0,
        Point::Size(_) => output.code != Some(0),
        Point::File(name, ..) => trace::hit(&read(&trace), name, &home.path()),
        Point::Message(..) => trace::hit(&read(&trace), trace::MESSAGE, Path::new("")),
    };
    if let Point::Twice(_, second) = case.point
        && output.code != Some(0)
    {
        home.lab.rules(vec![Rule::call(home.lab.calls().len() + second, Fault::PauseAfter)]);
        output = home.run_with(&run);
        scene.look("after the second run");
        fired = home.lab.fired() > 0;
    }
    home.lab.rules(Vec::new());
    scene.resume(output);
    let found = home.found();
    let name = format!("{}: {} {:?}{}", kind.name, case.fault, case.point, action_of(&case.point, actions));
    Row { fault: case.fault, name, problems: found.into_keys().collect(), told: home.told(), fired, waits: !home.waiting().is_empty() }
}

/// A denial lasts: it hits this call of the action and every later one of the run.
fn rules(point: &Point, actions: &[String], before: usize) -> Vec<Rule> {
    match point {
        Point::Call(number, fault) if *fault == DENIED => {
            let action = &actions[number - 1];
            let nth = actions[..*number].iter().filter(|a| *a == action).count();
            vec![Rule::on(action, fault.clone()).nth(nth).times(0)]
        }
        Point::Call(number, fault) => vec![Rule::call(before + number, fault.clone())],
        Point::Twice(first, _) => vec![Rule::call(before + first, Fault::PauseAfter)],
        Point::File(..) | Point::Message(..) | Point::Size(_) => Vec::new(),
    }
}

fn action_of(point: &Point, actions: &[String]) -> String {
    match point {
        Point::Call(number, _) | Point::Twice(number, _) => actions.get(number - 1).map_or_else(String::new, |a| format!(" {a}")),
        Point::File(..) | Point::Message(..) | Point::Size(_) => String::new(),
    }
}

/// Shows what is executed, too, which is searched for secrets.
pub fn injecting(trace: &Path, name: &str, number: usize, inject: &str) -> Vec<String> {
    let (traced, injected) = (format!("trace={name},{EXEC_CALLS}"), format!("inject={name}:{inject}:when={number}"));
    strace(trace, &[&["-y", "-e", &traced, "-e", &injected], &WHOLE[..]].concat())
}

pub fn strace(trace: &Path, options: &[&str]) -> Vec<String> {
    let start = ["strace", "-f", "-qq", "-o", &trace.display().to_string()].map(str::to_owned);
    start.into_iter().chain(options.iter().map(|o| (*o).to_owned())).collect()
}

pub fn read(trace: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(trace).unwrap_or_default()).into_owned()
}
