//! How a test sets up a person who has an MFA device, and says what was asked of AWS. It judges; it changes nothing by itself.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use crate::home::one_line as words;
use crate::home::{Home, MINDS_SIGNALS, Output, Run};
use crate::lab::canary::Execs;
use crate::lab::state::Session;
use crate::lab::{Call, Settings};

pub const SERIAL: &str = "arn:aws:iam::000000000000:mfa/dev";
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A person whose profile `default` names their device.
pub fn start() -> Arc<Home> {
    start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n"))
}

pub fn start_with(settings: Settings, config: &str) -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, false);
    home.write(".aws/config", config);
    home
}

/// keyrotate's own settings.
pub fn settings(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", text);
}

/// A program of the test's, which notes each run; the profile `default` asks it for codes.
pub fn program(home: &Home, script: &str) {
    let path = home.scratch("mfa");
    let log = home.scratch("runs");
    std::fs::write(&path, format!("#!/bin/sh\necho run >>'{}'\n{script}\n", log.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    settings(home, &format!("[profile.default]\nmfa_command = [\"{}\", \"an argument\"]\n", path.display()));
}

/// How often it ran.
pub fn runs(home: &Home) -> usize {
    std::fs::read_to_string(home.scratch("runs")).unwrap_or_default().lines().count()
}

/// What the device shows.
pub fn code(home: &Home) -> String {
    home.lab.code("dev").expect("a code that was not used yet")
}

/// Opens the session with the code that the device shows.
pub fn login(home: &Home) -> Output {
    let output = home.run(&["login", "--no-input", "--mfa-code", &code(home)]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    output
}

/// The session that credential-process gives for the profile without asking anybody, as the lab knows it.
#[track_caller]
pub fn given(home: &Home, profile: &str) -> Session {
    given_by(home, &home.run(&["credential-process", profile, "--no-input"]))
}

/// The same of an output.
#[track_caller]
pub fn given_by(home: &Home, output: &Output) -> Session {
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
    assert_eq!(answer["Version"], 1);
    assert_eq!(output.stdout.lines().count(), 1, "not minified");
    let session = home.lab.world().sessions.iter().find(|session| session.id == text("AccessKeyId")).cloned();
    let session = session.expect("a session that the lab opened");
    assert!(session.secret == text("SecretAccessKey") && session.token == text("SessionToken"), "parts of several sessions");
    let end = chrono::DateTime::parse_from_rfc3339(&text("Expiration")).expect("a time");
    assert!(text("Expiration").ends_with('Z') && (end.timestamp() as f64 - session.expires_at).abs() < 2.0, "{end}");
    session
}

/// The calls so far, by action.
pub fn asked(home: &Home) -> Vec<String> {
    home.lab.calls().into_iter().map(|call| call.action).collect()
}

/// How often a token code came, whatever became of it.
pub fn codes_sent(home: &Home) -> usize {
    home.lab.calls().iter().filter(|call| call.params.contains_key("TokenCode")).count()
}

pub fn last_call(home: &Home) -> Call {
    home.lab.calls().pop().expect("a call")
}

/// As an error must be: this exit code, one line of what happened, what state things are in, and no session.
#[track_caller]
pub fn told(output: &Output, code: i32, said: &[&str]) {
    let text = words(&output.stderr);
    assert_eq!(output.code, Some(code), "{}{text}", output.stdout);
    assert!(text.contains("keyrotate: error: ") && text.contains("state: "), "{text}");
    for part in said {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert_eq!(output.stdout, "");
}

/// The files of the cache: name, text and mode.
pub fn cached(home: &Home) -> Vec<(String, String, u32)> {
    let entries = std::fs::read_dir(cache_folder(home)).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let bytes = std::fs::read(entry.path()).unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().to_string_lossy().into_owned(), String::from_utf8_lossy(&bytes).into_owned(), mode)
        })
        .collect();
    files.sort();
    files
}

pub fn cache_folder(home: &Home) -> PathBuf {
    home.path().join(".cache/keyrotate/sessions")
}

/// The files of the open sessions.
pub fn session_files(home: &Home) -> Vec<PathBuf> {
    let names = cached(home).into_iter().map(|(name, ..)| name).filter(|name| name.ends_with(".json"));
    names.map(|name| cache_folder(home).join(name)).collect()
}

/// Lets every open session be so many seconds older.
pub fn age(home: &Home, seconds: i64) {
    for path in session_files(home) {
        let mut session: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for name in ["opened_at", "expires_at"] {
            let at = chrono::DateTime::parse_from_rfc3339(session[name].as_str().unwrap()).unwrap();
            session[name] = (at - chrono::TimeDelta::seconds(seconds)).to_utc().to_rfc3339().into();
        }
        std::fs::write(&path, session.to_string()).unwrap();
    }
}

/// The program in a terminal of its own, which `script` of util-linux gives.
pub struct Terminal {
    home: Arc<Home>,
    execs: Option<Execs>,
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    pub fn open(home: &Arc<Home>, args: &str) -> Self {
        home.hands_out_sessions();
        let run = Run::new(&[]);
        let execs = home.execs(&run);
        let traced = execs.as_ref().map(Execs::prefix).unwrap_or_default().join(" ");
        let command = home.command(&run);
        let env = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        let minds = MINDS_SIGNALS.join(" ");
        let shell = format!("stty cols 200; exec {minds} {traced} '{}' {args}", env!("CARGO_BIN_EXE_keyrotate"));
        let mut script = std::process::Command::new("script");
        script.args(["-qfec", &shell, "/dev/null"]).env_clear().envs(env).env("SHELL", "/bin/sh").env("TERM", "dumb");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir(home.path());
        let mut child = script.spawn().expect("script, of util-linux");
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { home: Arc::clone(home), execs, child, keyboard, screen }
    }

    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until the text was on the screen so often.
    pub fn expect(&self, text: &str, times: usize) {
        wait_until(|| self.screen().matches(text).count() >= times, || format!("`{text}` did not appear in:\n{}", self.screen()));
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// The program's exit code, and all that was on the screen.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            || "it did not end".to_owned(),
        );
        std::thread::sleep(Duration::from_millis(50));
        let screen = self.screen();
        self.home.search(self.execs.take(), &[("the screen", &screen)]);
        (status.and_then(|status| status.code()), screen)
    }
}

/// Looks again and again until it is so.
#[track_caller]
pub fn wait_until(mut is_so: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(10));
    }
}
