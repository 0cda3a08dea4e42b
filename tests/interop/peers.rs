//! AWS's own programs: how each is asked who it is and with which key. Invariant: a peer sees a HOME, a region and an endpoint, and nothing
//! of the machine's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// AWS CLI v2 comes from Debian: PyPI has version 1 only.
const CLI_V2: &str = "/usr/bin/aws";
const ADVICE: &str = "tests/interop/set_up puts the peers there, and `tests/run interop` calls it";

/// A program that reads credentials files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Boto3,
    CliV1,
    CliV2,
    Go,
}

pub const PEERS: [Peer; 4] = [Peer::Boto3, Peer::CliV1, Peer::CliV2, Peer::Go];

/// What a peer reports of a profile.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// The access key ID that it read.
    pub key: String,
    /// Who AWS says that is.
    pub arn: String,
}

impl Peer {
    /// Asks for the identity of a profile; the peer makes one call, GetCallerIdentity.
    pub fn command(self, home: &Path, url: &str, profile: &str) -> Command {
        let script = script();
        match self {
            Self::Boto3 => command(home, url, &python(), &[&script, "who", profile]),
            Self::Go => command(home, url, &self.program(), &[profile]),
            // Version 2 before 2.13, Debian's, does not know the variable.
            Self::CliV1 | Self::CliV2 => {
                let ask = ["--profile", profile, "--endpoint-url", url, "--output", "json", "sts", "get-caller-identity"];
                let ask = if self == Self::CliV1 { [&ask[..2], &ask[4..]].concat() } else { ask.to_vec() };
                command(home, url, &self.program(), &ask)
            }
        }
    }

    /// Another program in the peer's environment, which the caller names.
    pub fn alone(self, home: &Path, url: &str) -> Command {
        let mut command = environment(Command::new("env"), home, url);
        command.stdin(Stdio::null());
        command
    }

    /// What the peer reads of a profile that has a key, and who AWS says that is.
    pub fn report(self, home: &Path, url: &str, profile: &str) -> Report {
        let who = json(&finished(&mut self.command(home, url, profile)));
        let key = match self {
            Self::Boto3 | Self::Go => text(&who, "key"),
            Self::CliV1 | Self::CliV2 => {
                let ask = ["configure", "get", "aws_access_key_id", "--profile", profile];
                run(home, url, &self.program(), &ask).trim().to_owned()
            }
        };
        Report { key, arn: text(&who, if matches!(self, Self::Boto3 | Self::Go) { "arn" } else { "Arn" }) }
    }

    /// What the program says of itself; version 2 must be version 2.
    pub fn version(self) -> String {
        let said = match self {
            Self::Boto3 => text(&versions(), "boto3"),
            Self::Go | Self::CliV1 | Self::CliV2 => run(Path::new("/"), "", &self.program(), &["--version"]),
        };
        let family = match self {
            Self::Boto3 | Self::Go => "",
            Self::CliV1 => "aws-cli/1.",
            Self::CliV2 => "aws-cli/2.",
        };
        assert!(said.starts_with(family), "{self:?} is {said}");
        said.trim().to_owned()
    }

    pub fn program(self) -> PathBuf {
        match self {
            Self::Boto3 => python(),
            Self::CliV1 => folder("venv/bin/aws"),
            Self::CliV2 => PathBuf::from(CLI_V2),
            Self::Go => folder("who"),
        }
    }
}

/// The versions of the Python packages.
pub fn versions() -> Value {
    json(&run(Path::new("/"), "", &python(), &[&script(), "versions"]))
}

/// The interpreter that has moto and botocore.
pub fn python() -> PathBuf {
    folder("venv/bin/python3")
}

/// Our questions to botocore.
pub fn script() -> String {
    format!("{}/tests/interop/ask.py", env!("CARGO_MANIFEST_DIR"))
}

/// The program in an environment of its own; ends by itself after five minutes, should it hang.
pub fn command(home: &Path, url: &str, program: &Path, args: &[&str]) -> Command {
    assert!(program.is_file(), "{} is missing: {ADVICE}", program.display());
    let mut command = Command::new("timeout");
    command.arg("300").arg(program).args(args);
    environment(command, home, url)
}

fn environment(mut command: Command, home: &Path, url: &str) -> Command {
    command.env_clear().current_dir(home);
    command.env("HOME", home).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("AWS_PAGER", "");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_ENDPOINT_URL", url).env("PYTHONDONTWRITEBYTECODE", "1");
    // botocore and the AWS CLI read the one, the Go SDK the other.
    command.envs([("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_REGION", "us-east-1")]).stdin(Stdio::null());
    command
}

fn run(home: &Path, url: &str, program: &Path, args: &[&str]) -> String {
    finished(&mut command(home, url, program, args))
}

fn finished(command: &mut Command) -> String {
    let output = command.output().expect("a program that starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout.into_owned()
}

fn folder(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    target.join("interop").join(name)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
