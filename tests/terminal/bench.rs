//! A program in a terminal of its own, and HOMEs for it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::home::{Home, MINDS_SIGNALS, Run};
use crate::lab::Settings;
use crate::lab::canary::Execs;

pub const LIMIT: Duration = Duration::from_secs(60);

pub fn start(settings: Settings) -> Arc<Home> {
    Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, false)
}

/// A program in a terminal of its own.
pub struct Terminal {
    home: Arc<Home>,
    pub execs: Option<Execs>,
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    pub fn open(home: &Arc<Home>, args: &str, env: &[(&str, &str)]) -> Self {
        Self::of_columns(home, 0, args, env)
    }

    /// So many columns wide; 0 is a terminal that does not say.
    pub fn of_columns(home: &Arc<Home>, columns: usize, args: &str, env: &[(&str, &str)]) -> Self {
        Self::of_line(home, columns, &format!("exec {{}} {args}"), env)
    }

    /// A line of a shell; `{}` in it is the program.
    pub fn of_line(home: &Arc<Home>, columns: usize, line: &str, env: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_BIN_EXE_keyrotate");
        let run = Run::new(&[]);
        let execs = home.execs(&run);
        let traced = execs.as_ref().map(Execs::prefix).unwrap_or_default().join(" ");
        let minds = MINDS_SIGNALS.join(" ");
        let shell = format!("stty cols {columns}; {}", line.replace("{}", &format!("{minds} {traced} '{program}'")));
        let mut command = home.command(&run);
        let env: Vec<(&str, &str)> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .chain([("TERM", "xterm-256color")])
            .chain(env.iter().copied())
            .collect();
        let mut script = std::process::Command::new("script");
        script.args(["-qfec", &shell, "/dev/null"]).env_clear().envs(env).env("SHELL", "/bin/sh");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir(home.path());
        command.stdin(Stdio::null());
        let mut child = script.spawn().expect("script, of util-linux");
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count) = output.read(&mut buffer) {
                if count == 0 {
                    break;
                }
                shown.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { home: Arc::clone(home), execs, child, keyboard, screen }
    }

    pub fn screen(&self) -> String {
        // Whole, and not piece by piece: a piece may end within a character.
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until the text is on the screen.
    pub fn expect(&self, text: &str) {
        let end = Instant::now() + LIMIT;
        while !self.screen().contains(text) {
            assert!(Instant::now() < end, "`{text}` did not appear in:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Ends the program as a kill does, and waits until it is gone.
    pub fn kill(mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        // The shell in the terminal is the leader of a session of its own.
        for pid in descendants(group.as_raw_nonzero().get()) {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
        let _ = self.child.kill();
        self.child.wait().unwrap();
        // What strace did not write any more cannot be looked at.
        self.home.search(None, &[("the screen", &self.screen())]);
    }

    /// Whether the program has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The program's exit code, and all that was on the screen.
    pub fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + LIMIT;
        while !self.is_over() {
            assert!(Instant::now() < end, "it did not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(50));
        let screen = self.screen();
        self.home.search(self.execs.take(), &[("the screen", &screen)]);
        (self.child.wait().unwrap().code(), screen)
    }
}

/// The process and all that came of it.
fn descendants(of: i32) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|pid| pid.parse().ok()).flat_map(descendants);
    std::iter::once(of).chain(below).collect()
}

pub fn calls(home: &Home, action: &str) -> usize {
    home.lab.calls().iter().filter(|call| call.action == action).count()
}

/// With the MFA device of `dev` in the profiles `default` and `work`, of one key.
pub fn with_mfa() -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    home.hands_out_sessions();
    let serial = format!("arn:aws:iam::{}:mfa/dev", Settings::default().account);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {serial}\n[profile work]\nmfa_serial = {serial}\n"));
    home
}

pub fn code(home: &Home) -> String {
    home.lab.code("dev").expect("a code") + "\n"
}

/// After whatever went wrong the next login has the lock at once.
pub fn the_next_login_works(home: &Home) {
    let code = home.lab.code("dev").expect("a code");
    let output = home.run(&["login", "default", "--mfa-code", &code]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}
