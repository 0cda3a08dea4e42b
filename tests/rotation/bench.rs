//! How a test starts, stops a run at a call, and says what must not have happened. It judges; it changes nothing by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::home::{Home, Output, Problem, Run};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::{Key, Lab, Rule, Settings, Verdict};

pub const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];
/// The calls that change something at AWS.
const CHANGES: [&str; 3] = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"];
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn start() -> Arc<Home> {
    start_with(Settings::default())
}

pub fn start_with(settings: Settings) -> Arc<Home> {
    Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, true)
}

/// As an error must be: this exit code, one line of what happened, and what state things are in or what to do.
#[track_caller]
pub fn told(output: &Output, code: i32) {
    assert_eq!(output.code, Some(code), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("keyrotate: error: "), "{}", output.stderr);
    assert!(output.stderr.contains("state:") || output.stderr.contains("hint:"), "neither state nor hint: {}", output.stderr);
}

/// The run failed with this code, and nothing happened at AWS or in the files.
#[track_caller]
pub fn refused(home: &Home, output: &Output, code: i32) {
    told(output, code);
    assert_eq!(changes(&home.lab), Vec::<String>::new(), "a call that changes something was made: {}", output.stderr);
    home.look("after the refusal");
    assert_eq!(home.told(), "");
}

/// The run failed with this code before it had anything to do with AWS.
#[track_caller]
pub fn refused_unasked(home: &Home, output: &Output, code: i32) {
    told(output, code);
    let calls: Vec<String> = home.lab.calls().into_iter().map(|call| call.action).collect();
    assert_eq!(calls, Vec::<String>::new());
    assert!(!home.found().contains_key(&Problem::Leak), "{}", home.told());
}

/// It is rotated: one active key that every profile has, and no trace of a problem.
#[track_caller]
pub fn rotated(home: &Home, output: &Output) {
    home.look("after the rotation");
    home.finish("after the rotation", output);
    assert_eq!(home.told(), "", "{}", output.stderr);
    assert_eq!(output.code, Some(0));
    assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::No, "the old key is still accepted: {}", output.stdout);
}

/// Whatever the exit code: nobody is locked out, nothing is lost, leaked or somebody else's.
#[track_caller]
pub fn safe(home: &Home) {
    home.look("after the run");
    assert_eq!(home.told(), "");
}

/// Ended well, or with an error that names a command.
#[track_caller]
pub fn well_or_told(output: &Output) {
    if output.code != Some(0) {
        told(output, output.code.expect("an exit code"));
        assert!(output.stderr.contains("`keyrotate rotate "), "no command is named: {}", output.stderr);
    }
}

/// Each active key's secret is where the next run finds it: in the file or in the journal.
#[track_caller]
pub fn nothing_lost(home: &Home, said: &str) {
    let journal = home.path().join(".local/state/keyrotate/journal");
    let entries = std::fs::read_dir(journal).into_iter().flatten().flatten().map(|entry| std::fs::read_to_string(entry.path()).unwrap());
    let mut texts: Vec<String> = entries.collect();
    texts.extend(std::fs::read_to_string(home.path().join(".aws/credentials")));
    for key in home.lab.live_keys("dev").iter().filter(|key| key.status == Status::Active) {
        assert!(texts.iter().any(|text| text.contains(&key.secret)), "{} is in no file and no entry: {said}", key.id);
    }
    let found = home.found();
    assert!(!found.contains_key(&Problem::Foreign) && !found.contains_key(&Problem::Leak), "{} {said}", home.told());
}

/// As many places as that have an active key of the user.
#[track_caller]
pub fn live_in(home: &Home, places: usize, said: &str) -> Key {
    let text = credentials(home);
    let live = home.lab.live_keys("dev").into_iter().find(|key| key.status == Status::Active && text.contains(&key.secret));
    let live = live.unwrap_or_else(|| panic!("no place has a live pair: {said}"));
    assert_eq!((text.matches(&live.secret).count(), text.matches(&live.id).count()), (places, places), "{said}");
    live
}

pub fn changes(lab: &Lab) -> Vec<String> {
    lab.calls().into_iter().map(|call| call.action).filter(|action| CHANGES.contains(&action.as_str())).collect()
}

pub fn status(home: &Home, id: &str) -> Status {
    home.lab.world().keys.iter().find(|key| key.id == id).expect("a key of the lab").status
}

/// The key that the run made.
pub fn new_key(home: &Home) -> Key {
    home.lab.world().keys.iter().rfind(|key| key.user == home.old.user && key.id != home.old.id).expect("a new key").clone()
}

pub fn credentials(home: &Home) -> String {
    std::fs::read_to_string(home.path().join(".aws/credentials")).expect("the credentials file")
}

/// Runs; when the call of this rule stands still, does `act`, then lets it go.
pub fn meanwhile(home: &Arc<Home>, rule: Rule, act: impl FnOnce(&Home, i32)) -> Output {
    meanwhile_at("0.1", home, rule, act)
}

/// The same with the waits scaled otherwise: at 0.01 the consistency window is 1.2 s.
pub fn meanwhile_at(scale: &'static str, home: &Arc<Home>, rule: Rule, act: impl FnOnce(&Home, i32)) -> Output {
    home.lab.rules(vec![rule]);
    let pid_file = home.scratch("pid");
    let runner = Arc::clone(home);
    let script = format!("echo $$ > {}; exec \"$@\"", pid_file.display());
    let worker = std::thread::spawn(move || {
        let mut run = Run::new(ROTATE);
        run.prefix = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        run.env.push(("KEYROTATE_TIME_SCALE", scale.to_owned()));
        runner.run_with(&run)
    });
    assert!(home.lab.wait_paused(PATIENCE), "no call stood still");
    let pid = std::fs::read_to_string(pid_file).expect("a pid").trim().parse().expect("a number");
    act(home, pid);
    home.lab.release(false);
    worker.join().expect("a run that ends")
}

/// Killed while this call stands still.
pub fn killed(action: &str, nth: usize, pause: Fault) -> Arc<Home> {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.kill_at_pause = true;
    home.lab.rules(vec![Rule::on(action, pause).nth(nth)]);
    assert_eq!(home.run_with(&run).code, None);
    home.lab.rules(Vec::new());
    home
}

/// Runs with the shortest waits.
pub fn hurried(home: &Home, args: &[&str]) -> Output {
    let mut run = Run::new(args);
    run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
    home.run_with(&run)
}

/// The calls of a rotation without faults: action, and which of its kind.
pub fn calls_of_a_rotation() -> Vec<(String, usize)> {
    let home = start();
    assert_eq!(home.run(ROTATE).code, Some(0));
    let actions: Vec<String> = home.lab.calls().into_iter().map(|call| call.action).collect();
    let nth = |at: usize| actions[..=at].iter().filter(|action| **action == actions[at]).count();
    actions.iter().enumerate().map(|(at, action)| (action.clone(), nth(at))).collect()
}
