//! One run of a program, measured, and checked to have done what is measured.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::home::{Home, Run};
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};

/// What one run took.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct Measured {
    pub wall_ms: f64,
    pub cpu_ms: f64,
    pub peak_mb: f64,
}

/// The program and what measures it.
pub struct Runner {
    program: PathBuf,
    python: String,
    measure: String,
}

impl Runner {
    pub fn new(program: &Path) -> Self {
        // By its real path: a shim would look for its settings in the scratch HOME.
        let answer = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3");
        let python = String::from_utf8(answer.stdout).expect("a path").trim().to_owned();
        let measure = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/measure.py").to_owned();
        Self { program: program.canonicalize().expect("the program"), python, measure }
    }

    pub fn run_true(&self, home: &Path) -> Result<Measured, String> {
        self.take(Path::new("/bin/true"), home, &[], "")
    }

    /// Runs the program, which must print `expected`.
    pub fn run(&self, home: &Path, args: &[&str], expected: &str) -> Result<Measured, String> {
        self.take(&self.program, home, args, expected)
    }

    fn take(&self, program: &Path, home: &Path, args: &[&str], expected: &str) -> Result<Measured, String> {
        let out = home.join("measured");
        let mut command = Command::new(&self.python);
        command.arg(&self.measure).arg(&out).arg(program).args(args).env_clear().env("HOME", home).stdin(Stdio::null());
        let output = command.output().map_err(|error| error.to_string())?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if stdout.contains(expected) { measured(&out) } else { Err(format!("`{expected}` was not printed ({})", output.status)) }
    }

    /// One rotation, and how many calls it made.
    pub fn rotation(&self) -> Result<(Measured, usize), String> {
        let home = Home::new(&self.python, Settings::default(), false);
        let out = home.scratch("measured");
        let (out_text, program) = (out.display().to_string(), self.program.display().to_string());
        let output = home.run_with(&Run::new(&[&self.measure, &out_text, &program, "rotate", "default", "--yes", "--no-input"]));
        home.finish("after the run", &output);
        let live = home.lab.live_keys("dev");
        if !home.found().is_empty() || live.len() != 1 || live[0].id == home.old.id {
            return Err(format!("the key was not rotated (exit code {:?}): {}{}", output.code, home.told(), output.stderr.trim()));
        }
        Ok((measured(&out)?, home.lab.calls().len()))
    }
}

impl Runner {
    /// One audit of the self tier by who was audited before, where each call takes `latency` and one of them `slowest`: what it took, and how many
    /// calls it made.
    pub fn audit(&self, latency: Duration, slowest: Duration) -> Result<(Measured, usize), String> {
        let home = Home::new(&self.python, Settings::default(), false);
        let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
        {
            let mut world = home.lab.world();
            let own = world.add_policy("/Own", document);
            let group = world.join("dev", "devs");
            group.policies.push("ReadOnlyAccess".into());
            group.policies.push(own);
        }
        let (out, program) = (home.scratch("measured"), self.program.display().to_string());
        let out_text = out.display().to_string();
        let run = |args: &[&str]| home.run_with(&Run::new(&[&[self.measure.as_str(), &out_text, &program], args].concat()));
        run(&["status", "default"]);
        let before = home.lab.calls().len();
        home.lab.world().settings.latency_ms = u64::try_from(latency.as_millis()).expect("a short time");
        home.lab.rules(vec![Rule::on("GetAccountSummary", Fault::Hang(slowest.saturating_sub(latency)))]);
        let output = run(&["audit", "default"]);
        if output.code != Some(0) {
            return Err(format!("the audit did not pass (exit code {:?}): {}{}", output.code, output.stdout, output.stderr.trim()));
        }
        Ok((measured(&out)?, home.lab.calls().len() - before))
    }
}

fn measured(out: &Path) -> Result<Measured, String> {
    let text = std::fs::read_to_string(out).map_err(|error| format!("nothing was measured: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("what was measured is not readable: {error}"))
}

/// A scratch HOME with this many profiles, each with a key of its own.
pub fn home_with_profiles(count: usize) -> tempfile::TempDir {
    let home = tempfile::Builder::new().prefix("keyrotate-bench-").tempdir().expect("a scratch directory");
    let aws = home.path().join(".aws");
    std::fs::DirBuilder::new().mode(0o700).create(&aws).expect("a scratch HOME");
    let text = (0..count).fold(String::new(), |mut text, number| {
        let (name, secret) = (profile(number), "A".repeat(40));
        let _ = writeln!(text, "[{name}]\naws_access_key_id = AKIA{:016}\naws_secret_access_key = {secret}\n", number + 20_000_000);
        text
    });
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(aws.join("credentials")).expect("a new file");
    file.write_all(text.as_bytes()).expect("room for it");
    home
}

/// The name of the profile with this number, none the beginning of another.
pub fn profile(number: usize) -> String {
    format!("profile-{number:04}")
}
