//! A hundred processes want one session at once: one asks, one calls AWS, all get it; or all hear that it failed. The real binary against the
//! lab. Invariant: whoever is killed, stopped or gives up, no code is sent twice and nobody waits without an end.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test bench: it stops loudly, and prints its figures"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

#[expect(dead_code, reason = "this ring uses a part of the session ring's bench")]
#[path = "session/bench.rs"]
mod bench;

use std::io::Read;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use bench::{SERIAL, Terminal, asked, cached, code, codes_sent, given_by, login, program, runs, start, start_with, told, wait_until};
use home::{Home, Output, Run};
use lab::Settings;
use lab::faults::{Fault, Rule};

const MANY: usize = 100;
const SOME: usize = 12;
const ASK: &[&str] = &["--debug", "credential-process", "default"];
/// Every wait as long as it is for a person: the machine may be slow with so many.
const UNSCALED: &str = "1";

/// A process that runs.
struct Running {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(home: &Home, args: &[&str], scale: &str) -> Self {
        let mut run = Run::new(args);
        run.env.push(("KEYROTATE_TIME_SCALE", scale.to_owned()));
        let mut child = home.command(&run).spawn().expect("a program that starts");
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![follow(child.stdout.take(), &stdout), follow(child.stderr.take(), &stderr)];
        Self { child, stdout, stderr, readers }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn waits(&self) -> bool {
        self.stderr.lock().unwrap().contains("waiting for process")
    }

    /// Kills it. The program that it had asked stays, with our pipe in its hands.
    fn kill(mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), None);
    }

    fn end(mut self) -> Output {
        let mut status = None;
        let end = Instant::now() + 2 * bench::PATIENCE;
        while status.is_none() && Instant::now() < end {
            status = self.child.try_wait().unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(status.is_some(), "it did not end: {}", self.stderr.lock().unwrap());
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        // What --debug says is not what a person is told.
        let stderr = self.stderr.lock().unwrap().lines().filter(|line| !line.contains("DEBUG")).map(|line| format!("{line}\n")).collect();
        Output { code: status.and_then(|status| status.code()), stdout: self.stdout.lock().unwrap().clone(), stderr }
    }
}

impl Drop for Running {
    /// A test that fails leaves nobody behind; whoever has ended is not killed again.
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn follow(stream: Option<impl Read + Send + 'static>, into: &Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    let (mut stream, into) = (stream.expect("a pipe"), Arc::clone(into));
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    })
}

fn herd(home: &Home, args: &[&str], count: usize) -> Vec<Running> {
    (0..count).map(|_| Running::start(home, args, UNSCALED)).collect()
}

/// All but this many wait for another one.
fn all_wait(herd: &[Running], but: usize) {
    let waiting = || herd.iter().filter(|one| one.waits()).count();
    wait_until(|| waiting() + but >= herd.len(), || format!("{} of {} wait", waiting(), herd.len()));
}

/// Ends them all, and looks for secrets in what they said and left.
fn ends(home: &Home, herd: Vec<Running>) -> Vec<Output> {
    let outputs: Vec<Output> = herd.into_iter().map(Running::end).collect();
    for output in &outputs {
        home.search(None, &[("stdout", &output.stdout), ("stderr", &output.stderr)]);
    }
    outputs
}

/// One session, the same for all, and a cache without a trace of the crowd.
fn all_right(home: &Home, outputs: &[Output]) {
    let ids: std::collections::BTreeSet<String> = outputs.iter().map(|output| given_by(home, output).id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let files = cached(home);
    assert!(files.iter().all(|(name, _, mode)| *mode == 0o600 && !name.ends_with(".tmp")), "{files:?}");
}

/// A program that does something once the test says so.
fn gated(home: &Home, then: &str) -> impl Fn() + use<> {
    program(home, &format!("{}; {then}", stands(home)));
    let gate = home.scratch("gate");
    move || std::fs::write(&gate, "").unwrap()
}

/// The same, but only its first run waits.
fn first_gated(home: &Home, then: &str) -> impl Fn() + use<> {
    let open = gated(home, then);
    program(home, &format!("if mkdir \"$0.first\" 2>/dev/null; then {}; fi; {then}", stands(home)));
    open
}

/// Waits for the gate, and no longer than the test has its directory.
fn stands(home: &Home) -> String {
    format!("while test -e \"$0\" && ! test -e '{}'; do sleep 0.05; done", home.scratch("gate").display())
}

fn figures(what: &str, outputs: &[Output], home: &Home, since: Instant) {
    let right = outputs.iter().filter(|output| output.code == Some(0)).count();
    let (calls, seconds) = (asked(home), since.elapsed().as_secs_f64());
    println!("{what}: {} processes, {} prompts, calls {calls:?}, {right} sessions given, {seconds:.1} s", outputs.len(), runs(home));
}

#[test]
fn a_hundred_that_wait_for_one_prompt_get_its_session() {
    let (home, since) = (start(), Instant::now());
    let open = gated(&home, &format!("echo {}", code(&home)));
    let herd = herd(&home, ASK, MANY);
    all_wait(&herd, 1);
    assert_eq!((runs(&home), asked(&home).len()), (1, 0));
    open();
    let outputs = ends(&home, herd);
    figures("one prompt, all waiting", &outputs, &home, since);
    all_right(&home, &outputs);
    assert_eq!((runs(&home), asked(&home)), (1, vec!["GetSessionToken".to_owned()]));
}

#[test]
fn a_hundred_that_come_as_they_come_make_one_prompt_and_one_call() {
    let (home, since) = (start(), Instant::now());
    program(&home, &format!("echo {}", code(&home)));
    home.lab.world().settings.latency_ms = 300;
    let outputs = ends(&home, herd(&home, ASK, MANY));
    figures("as they come", &outputs, &home, since);
    all_right(&home, &outputs);
    assert_eq!((runs(&home), asked(&home)), (1, vec!["GetSessionToken".to_owned()]));
}

#[test]
fn a_person_at_a_terminal_is_asked_once_for_all_of_them() {
    let (home, since) = (start(), Instant::now());
    let mut terminal = Terminal::open(&home, "login default");
    let question = format!("MFA code of {SERIAL} for default: ");
    terminal.expect(&question, 1);
    let herd = herd(&home, ASK, MANY - 1);
    all_wait(&herd, 0);
    terminal.press(&format!("{}\n", code(&home)));
    let (status, screen) = terminal.end();
    assert_eq!((status, screen.matches(&question).count()), (Some(0), 1), "{screen}");
    let outputs = ends(&home, herd);
    figures("a person at a terminal (one prompt there)", &outputs, &home, since);
    all_right(&home, &outputs);
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn different_roles_of_one_key_share_the_prompt_and_are_assumed_once_each() {
    let role = |name: usize| format!("[profile r{name}]\nrole_arn = arn:aws:iam::111122223333:role/R{name}\nsource_profile = default\n");
    let roles: String = (0..4).map(role).collect();
    let (home, since) = (start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n{roles}")), Instant::now());
    let open = gated(&home, &format!("echo {}", code(&home)));
    let text = std::fs::read_to_string(home.path().join(".config/keyrotate/config.toml")).unwrap();
    let each: String = (0..4).map(|name| text.replace("profile.default", &format!("profile.r{name}"))).collect();
    bench::settings(&home, &(text + &each));
    let profiles = ["default", "r0", "r1", "r2", "r3"];
    let start = |profile: &&str| Running::start(&home, &["--debug", "credential-process", profile], UNSCALED);
    let herd: Vec<Running> = profiles.iter().cycle().take(40).map(start).collect();
    all_wait(&herd, 1);
    open();
    let outputs = ends(&home, herd);
    figures("four roles", &outputs, &home, since);
    for (at, profile) in profiles.iter().enumerate() {
        let own: Vec<String> = outputs.iter().skip(at).step_by(5).map(|output| given_by(&home, output).id).collect();
        assert!(own.iter().all(|id| *id == own[0]), "{profile}: {own:?}");
    }
    let calls = asked(&home);
    let count = |action: &str| calls.iter().filter(|call| *call == action).count();
    assert_eq!((runs(&home), count("GetSessionToken"), count("AssumeRole"), calls.len()), (1, 1, 4, 5));
}

#[test]
fn a_device_that_no_file_names_is_asked_for_once() {
    let home = start_with(Settings::default(), "[default]\n");
    home.lab.world().settings.latency_ms = 300;
    program(&home, &format!("echo {}", code(&home)));
    let outputs = ends(&home, herd(&home, ASK, SOME));
    all_right(&home, &outputs);
    assert_eq!((runs(&home), asked(&home)), (1, vec!["ListMFADevices".to_owned(), "GetSessionToken".to_owned()]));
}

#[test]
fn when_the_one_that_asks_is_killed_another_takes_over() {
    let (home, since) = (start(), Instant::now());
    let open = first_gated(&home, &format!("echo {}", code(&home)));
    let first = Running::start(&home, ASK, UNSCALED);
    wait_until(|| runs(&home) == 1, || "nobody asks".to_owned());
    let herd = herd(&home, ASK, MANY - 1);
    all_wait(&herd, 0);
    let named = format!("waiting for process {} (`keyrotate credential-process`)", first.pid());
    assert!(herd.iter().all(|one| one.stderr.lock().unwrap().contains(&named)), "the owner is not named");
    first.kill();
    let outputs = ends(&home, herd);
    open();
    figures("holder killed", &outputs, &home, since);
    all_right(&home, &outputs);
    assert_eq!((runs(&home), asked(&home)), (2, vec!["GetSessionToken".to_owned()]));
}

#[test]
fn when_the_one_that_calls_is_killed_its_code_is_not_sent_again() {
    let home = start();
    let codes = home.scratch("codes");
    std::fs::write(&codes, format!("{0}\n{0}\n", code(&home))).unwrap();
    program(&home, &format!("head -n 1 '{0}'; sed -i 1d '{0}'", codes.display()));
    home.lab.rules(vec![Rule::on("GetSessionToken", Fault::PauseAfter)]);
    let first = Running::start(&home, ASK, "0.1");
    assert!(home.lab.wait_paused(bench::PATIENCE), "no call");
    // Not for an SDK, which has no time for the next code.
    let second = Running::start(&home, &["--debug", "login", "default"], "0.1");
    wait_until(|| second.waits(), || "it does not wait".to_owned());
    // The second one gets the same code from the program, waits for the next one, and gets that.
    let next = code(&home);
    std::fs::write(&codes, std::fs::read_to_string(&codes).unwrap() + &next + "\n").unwrap();
    first.kill();
    home.lab.release(true);
    let second = ends(&home, vec![second]);
    assert_eq!(second[0].code, Some(0), "{}", second[0].stderr);
    all_right(&home, &ends(&home, vec![Running::start(&home, ASK, UNSCALED)]));
    assert_eq!((runs(&home), codes_sent(&home)), (3, 2));
}

#[test]
fn when_the_one_that_asks_is_stopped_the_others_give_up_in_time_and_name_it() {
    let (home, since) = (start(), Instant::now());
    let open = gated(&home, &format!("echo {}", code(&home)));
    let first = Running::start(&home, ASK, UNSCALED);
    wait_until(|| runs(&home) == 1, || "nobody asks".to_owned());
    kill_process(first.pid(), Signal::STOP).unwrap();
    let waiting = Instant::now();
    let herd: Vec<Running> = (0..SOME).map(|_| Running::start(&home, ASK, "0.02")).collect();
    let outputs = ends(&home, herd);
    assert!(waiting.elapsed() < Duration::from_secs(30), "it took {:?}", waiting.elapsed());
    for output in &outputs {
        let owner = format!("process {} (`keyrotate credential-process`)", first.pid());
        told(output, 21, &[&owner, "did not finish in time", "answer its question, or end it"]);
    }
    figures("holder stopped", &outputs, &home, since);
    assert_eq!((runs(&home), asked(&home).len()), (1, 0));
    kill_process(first.pid(), Signal::CONT).unwrap();
    open();
    all_right(&home, &ends(&home, vec![first]));
}

#[test]
fn when_the_prompt_is_abandoned_all_fail_together() {
    let (home, since) = (start(), Instant::now());
    let open = gated(&home, "exit 3");
    let herd = herd(&home, ASK, MANY);
    all_wait(&herd, 1);
    open();
    let outputs = ends(&home, herd);
    figures("prompt abandoned", &outputs, &home, since);
    let told_by_another =
        outputs.iter().filter(|output| output.stderr.contains("the process that was opening the session did not succeed"));
    assert_eq!(told_by_another.count(), MANY - 1);
    outputs.iter().for_each(|output| told(output, 1, &["ended with exit code 3"]));
    assert_eq!((runs(&home), asked(&home).len()), (1, 0));
    // Who comes after it asks for itself, whatever is left of the failure.
    program(&home, &format!("echo {}", code(&home)));
    all_right(&home, &ends(&home, vec![Running::start(&home, ASK, UNSCALED)]));
}

#[test]
fn a_failure_that_was_left_behind_fails_nobody_who_waits_later() {
    let home = start();
    program(&home, "exit 3");
    told(&Running::start(&home, ASK, UNSCALED).end(), 1, &["exit code 3"]);
    let open = first_gated(&home, &format!("echo {}", code(&home)));
    let first = Running::start(&home, ASK, UNSCALED);
    wait_until(|| runs(&home) == 2, || "nobody asks".to_owned());
    let herd = herd(&home, ASK, SOME);
    all_wait(&herd, 0);
    first.kill();
    all_right(&home, &ends(&home, herd));
    open();
    assert_eq!(codes_sent(&home), 1);
}

#[test]
fn ctrl_c_at_the_prompt_ends_the_waiting_too() {
    let home = start();
    let mut terminal = Terminal::open(&home, "login default");
    let question = format!("MFA code of {SERIAL} for default: ");
    terminal.expect(&question, 1);
    let herd = herd(&home, ASK, SOME);
    all_wait(&herd, 0);
    terminal.press("\u{3}");
    let (status, screen) = terminal.end();
    assert!(status == Some(130) && screen.contains("no MFA code was given"), "{status:?} {screen}");
    for output in ends(&home, herd) {
        told(&output, 1, &["did not succeed: no MFA code was given", "keyrotate login default"]);
    }
    assert_eq!(asked(&home), Vec::<String>::new());
}

#[test]
fn sts_down_is_found_out_once() {
    let home = start();
    let open = gated(&home, &format!("echo {}", code(&home)));
    home.lab.rules(vec![Rule::on("GetSessionToken", Fault::error(503, "ServiceUnavailable")).times(0)]);
    let herd = herd(&home, ASK, SOME);
    all_wait(&herd, 1);
    open();
    ends(&home, herd).iter().for_each(|output| told(output, 1, &["sts:GetSessionToken answered ServiceUnavailable"]));
    assert_eq!((runs(&home), asked(&home).len()), (1, 1));
}

#[test]
fn a_code_that_is_given_with_one_command_fails_nobody_else() {
    let home = start();
    let wrong = format!("{:06}", (code(&home).parse::<u32>().unwrap() + 1) % 1_000_000);
    program(&home, &format!("echo {}", code(&home)));
    home.lab.rules(vec![Rule::on("GetSessionToken", Fault::PauseBefore)]);
    let mut given = ASK.to_vec();
    given.extend(["--mfa-code", &wrong]);
    let first = Running::start(&home, &given, UNSCALED);
    assert!(home.lab.wait_paused(bench::PATIENCE), "no call");
    let herd = herd(&home, ASK, SOME);
    all_wait(&herd, 0);
    home.lab.release(false);
    told(&first.end(), 1, &["AWS did not take the MFA code"]);
    all_right(&home, &ends(&home, herd));
    assert_eq!((runs(&home), codes_sent(&home)), (1, 2));
}

#[test]
fn a_role_that_is_denied_fails_those_who_want_it_and_nobody_else() {
    let role = |name: &str| format!("[profile {name}]\nrole_arn = arn:aws:iam::111122223333:role/{name}\nsource_profile = default\n");
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n{}{}", role("a"), role("b")));
    login(&home);
    let denied = Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform: sts:AssumeRole" };
    home.lab.rules(vec![Rule::on("AssumeRole", denied)]);
    // The answers to AssumeRole wait for the test.
    let (open, end) = (Arc::new(AtomicBool::new(false)), Instant::now() + bench::PATIENCE);
    let seen = Arc::clone(&open);
    home.lab.on_commit(move |_| {
        while !seen.load(Ordering::SeqCst) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let of = |profile: &str| Running::start(&home, &["--debug", "credential-process", profile], UNSCALED);
    let first = of("a");
    wait_until(|| asked(&home).len() == 2, || "no call".to_owned());
    let (same, others): (Vec<_>, Vec<_>) = (0..4).map(|_| (of("a"), of("b"))).unzip();
    all_wait(&same, 0);
    all_wait(&others, 0);
    open.store(true, Ordering::SeqCst);
    told(&first.end(), 1, &["sts:AssumeRole answered AccessDenied"]);
    ends(&home, same).iter().for_each(|output| told(output, 1, &["did not succeed: sts:AssumeRole answered AccessDenied"]));
    all_right(&home, &ends(&home, others));
    assert_eq!(asked(&home), ["GetSessionToken", "AssumeRole", "AssumeRole"]);
}
