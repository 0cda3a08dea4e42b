//! `cargo run --example demo`: two rotations, one of them killed twice, against an AWS emulator on loopback and a scratch HOME.
//!
//! Needs no AWS account and no second build: the program that it runs is itself, told by a variable to be keyrotate. Invariant: it ends
//! with 0 only when every exit code, the file and the keys at AWS are as promised.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench program, not the product"
)]

#[path = "../lab/mod.rs"]
#[expect(dead_code, reason = "the demo uses a part of the lab")]
mod lab;

#[path = "../lab/home.rs"]
#[expect(dead_code, reason = "the demo uses a part of the harness")]
mod home;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anstream::{AutoStream, ColorChoice, println};
use anstyle::{AnsiColor, Style};

use home::{Home, Output, Run};
use lab::faults::{Fault, Rule};
use lab::{Settings, Verdict};

const AS_KEYROTATE: &str = "KEYROTATE_DEMO_CHILD";
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const ROTATE: &[&str] = &["rotate", "default", "--yes"];

fn main() -> ExitCode {
    if std::env::var_os(AS_KEYROTATE).is_some() {
        return keyrotate::cli::run();
    }
    let started = Instant::now();
    match show() {
        Ok(summary) => {
            println!("{GREEN}demo: well:{GREEN:#} {summary}, in {:.0} s", started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("demo: wrong: {wrong}");
            ExitCode::FAILURE
        }
    }
}

fn show() -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("the demo cannot find itself: {error}"))?;
    let settings = Settings { propagation: (1.0, 1.5), ..Settings::default() };
    let demo = Demo { home: Home::new(program, settings, true) };
    let before = demo.file()?;
    demo.age(&demo.home.old.id, 100.0);
    demo.age(&demo.home.other.id, 12.0);
    demo.say("An emulated AWS on loopback; a credentials file in which two profiles share a key of 100 days:");
    demo.text(&before);

    demo.say("How old are the keys?");
    demo.run(&["status"], 11)?;
    demo.say("What would a rotation do?");
    demo.run(&["rotate", "default", "--dry-run"], 0)?;
    demo.say("The rotation:");
    let begun = demo.home.lab.calls().len();
    demo.run(ROTATE, 0)?;
    let looks = demo.looks_before_create(begun);

    demo.say("A second rotation, killed (SIGKILL) when AWS has made the new key and no file has it yet:");
    demo.killed(Rule::on("GetCallerIdentity", Fault::PauseBefore).nth(looks + 1))?;
    demo.says_pending()?;
    demo.say("The same command goes on with it. It is killed again, when the file is written and the old key is still Active:");
    demo.killed(Rule::on("UpdateAccessKey", Fault::PauseBefore))?;
    demo.says_pending()?;
    demo.say("Once more, undisturbed:");
    let last = demo.run(ROTATE, 0)?;
    demo.home.finish("the end", &last);
    demo.run(&["status", "default"], 0)?;

    demo.say("What two rotations and two kills changed in ~/.aws/credentials:");
    demo.compare(&before)?;
    demo.end()
}

struct Demo {
    home: Arc<Home>,
}

impl Demo {
    fn say(&self, text: &str) {
        println!("\n{BOLD}# {text}{BOLD:#}");
    }

    fn file(&self) -> Result<String, String> {
        std::fs::read_to_string(self.home.path().join(".aws/credentials")).map_err(|error| format!("the credentials file: {error}"))
    }

    /// Prints with secrets and the scratch directory's name taken out.
    fn text(&self, text: &str) {
        for line in self.masked(text).lines() {
            println!("  {line}");
        }
    }

    fn masked(&self, text: &str) -> String {
        let text = text.replace(&self.home.path().display().to_string(), "~");
        self.home.lab.secrets().iter().fold(text, |text, secret| text.replace(secret.as_str(), "****"))
    }

    fn age(&self, id: &str, days: f64) {
        for key in self.home.lab.world().keys.iter_mut().filter(|key| key.id == id) {
            key.created_at -= days * 86_400.0;
        }
    }

    /// Runs keyrotate, shows what it says, and returns that.
    fn run(&self, args: &[&str], wanted: i32) -> Result<Output, String> {
        let output = self.shown(&Run::new(args));
        if output.code == Some(wanted) { Ok(output) } else { Err(format!("exit code {:?} instead of {wanted}", output.code)) }
    }

    fn shown(&self, run: &Run<'_>) -> Output {
        println!("{BOLD}$ keyrotate {}{BOLD:#}", run.args.join(" "));
        let mut run = run.clone();
        run.env.push((AS_KEYROTATE, "1".to_owned()));
        if !matches!(AutoStream::choice(&std::io::stdout()), ColorChoice::Never) {
            run.env.push(("CLICOLOR_FORCE", "1".to_owned()));
        }
        let output = self.home.run_with(&run);
        self.text(&output.stdout);
        self.text(&output.stderr);
        match output.code {
            Some(code) => println!("{DIM}  exit code {code}{DIM:#}"),
            None => println!("{RED}  (killed){RED:#}"),
        }
        output
    }

    fn killed(&self, rule: Rule) -> Result<(), String> {
        self.home.lab.rules(vec![rule]);
        let mut run = Run::new(ROTATE);
        run.kill_at_pause = true;
        let code = self.shown(&run).code;
        let fired = self.home.lab.fired();
        self.home.lab.rules(Vec::new());
        let keys = self.home.lab.live_keys("dev").len();
        match code {
            None if fired == 1 && keys == 2 => Ok(()),
            Some(code) => Err(format!("the run was to be killed, and ended with {code}")),
            None => Err(format!("the run was killed at the wrong place, with {keys} keys at AWS")),
        }
    }

    fn says_pending(&self) -> Result<(), String> {
        let said = self.run(&["status", "default"], 10)?;
        if said.stdout.contains("a rotation waits") { Ok(()) } else { Err("status does not tell that a rotation waits".to_owned()) }
    }

    /// How many times the rotation after call `begun` asked who it is before it made a key: the next call of that kind is the new key's.
    fn looks_before_create(&self, begun: usize) -> usize {
        let calls = self.home.lab.calls();
        let before = calls[begun..].iter().take_while(|call| call.action != "CreateAccessKey");
        before.filter(|call| call.action == "GetCallerIdentity").count()
    }

    fn compare(&self, before: &str) -> Result<(), String> {
        let after = self.file()?;
        if before.lines().count() != after.lines().count() {
            return Err("the credentials file has other lines than before".to_owned());
        }
        for (old, new) in before.lines().zip(after.lines()) {
            if old == new {
                println!("{DIM}    {}{DIM:#}", self.masked(old));
                continue;
            }
            let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
            if name(old) != name(new) || !matches!(name(old).as_str(), "aws_access_key_id" | "aws_secret_access_key") {
                return Err(format!("a line changed that holds no key: {}", self.masked(old)));
            }
            println!("{RED}  - {}{RED:#}\n{GREEN}  + {}{GREEN:#}", self.masked(old), self.masked(new));
        }
        Ok(())
    }

    fn end(&self) -> Result<String, String> {
        self.say("The keys of the user at AWS now:");
        let keys = self.home.lab.live_keys("dev");
        keys.iter().for_each(|key| println!("  {} {}", key.id, key.status.word()));
        let file = self.file()?;
        println!();
        match keys.as_slice() {
            [key] if self.home.lab.accepts(&key.id, &key.secret) == Verdict::Yes && file.matches(&key.secret).count() == 2 => {}
            _ => return Err("the user does not have exactly one working key, held by both profiles".to_owned()),
        }
        if !self.home.found().is_empty() {
            return Err(self.home.told());
        }
        Ok("2 rotations and 2 kills; AWS has one key of this user, both profiles work with it, and nothing else changed".to_owned())
    }
}
