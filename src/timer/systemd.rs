//! The two units of the systemd user manager.
//!
//! Facts: systemd.exec(5), systemd.timer(5), systemd.service(5). `%` and quotes have a meaning in units; what has one is escaped.

use std::path::{Path, PathBuf};

use super::Job;

/// The file with the service.
pub const SERVICE: &str = "keyrotate.service";
/// The file with the timer.
pub const TIMER: &str = "keyrotate.timer";

/// The text of the timer. Days go by calendar, a machine that slept catches up, and a fleet does not ask AWS in the same second.
pub const TIMER_TEXT: &str = "\
[Unit]
Description=Check the AWS access keys every day and rotate those that are due

[Timer]
OnCalendar=daily
Persistent=true
RandomizedDelaySec=1h
FixedRandomDelay=true

[Install]
WantedBy=timers.target
";

/// Not ProtectHome and its like: in a user manager they need user namespaces, and they fight the renames in ~/.aws. Not
/// MemoryDenyWriteExecute: it is inherited, and a target or an MFA command that runs on Node.js or Java would die of it, under the
/// timer only. Half an hour: a run waits for the network, for a random while, and for AWS to accept each new key.
const LIMITS: &str = "\
UMask=0077
LimitCORE=0
NoNewPrivileges=true
LockPersonality=true
RestrictRealtime=true
RestrictSUIDSGID=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallFilter=@system-service
TimeoutStartSec=30min
";

/// The text of the service. A key that needs attention (10), an answer that AWS did not give (12) and an MFA code that nobody typed (20)
/// are told by `auto` itself and are no failure of the unit.
pub fn service(job: &Job) -> String {
    let environment: String =
        job.environment.iter().map(|(name, value)| format!("Environment={}\n", quoted(&format!("{name}={value}")))).collect();
    format!(
        "[Unit]\nDescription=Check the AWS access keys and rotate those that are due\n\n[Service]\nType=oneshot\nExecStart={} auto\n\
         SuccessExitStatus=10 12 20\n{environment}{LIMITS}",
        quoted(&job.program.to_string_lossy())
    )
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    if escaped.contains(|c: char| c.is_whitespace() || "\"'\\".contains(c)) { format!("\"{escaped}\"") } else { escaped }
}

/// The program that a service of ours runs.
pub fn program(service: &str) -> Option<PathBuf> {
    let words = service.lines().find_map(|line| line.strip_prefix("ExecStart="))?.strip_suffix(" auto")?;
    let plain = words.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(words);
    Some(Path::new(&plain.replace("%%", "%").replace("\\\"", "\"").replace("\\\\", "\\")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(program: &str, environment: &[(&str, &str)]) -> Job {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Job { program: program.into(), environment, minute: 7, log: None }
    }

    #[test]
    fn what_has_a_meaning_in_a_unit_is_escaped() {
        let text = service(&job("/opt/a b/100%/keyrotate", &[("AWS_REGION", "eu-west-1"), ("AWS_CONFIG_FILE", "/h/\"my\\50% $x\"")]));
        assert!(text.contains("\nExecStart=\"/opt/a b/100%%/keyrotate\" auto\n"), "{text}");
        assert!(text.contains("\nEnvironment=AWS_REGION=eu-west-1\n"), "{text}");
        assert!(text.contains("\nEnvironment=\"AWS_CONFIG_FILE=/h/\\\"my\\\\50%% $x\\\"\"\n"), "{text}");
    }

    #[test]
    fn the_program_is_found_again() {
        for path in ["/usr/bin/keyrotate", "/opt/a b/100%/keyrotate"] {
            assert_eq!(program(&service(&job(path, &[]))), Some(path.into()));
        }
        assert_eq!(program("[Service]\nExecStart=/bin/true\n"), None);
    }
}
