//! One line in the user's crontab.
//!
//! Facts: crontab(5). cron cuts a command at an unescaped `%`, starts it by `/bin/sh` with HOME, LOGNAME and a short PATH, mails what it
//! prints, and makes up for nothing: a machine that is off at the minute misses it. So the line comes several times a day; the age of a
//! key decides, not the schedule.
//!
//! Invariant: no other line of the crontab changes by a byte.

use std::path::{Path, PathBuf};

use super::{Job, Places};

/// Ends the line that is ours; the shell takes it for a comment.
pub const TAG: &str = "# keyrotate timer";
/// How many hours lie between two runs.
pub const HOURS: u32 = 4;
/// Debian's cron cuts a command at 1,000 characters, and runs the rest of it.
const LONGEST: usize = 990;
/// cron's own is `/usr/bin:/bin`; commands that a target or an MFA source names are often in the first.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The line, without its end. Its last run's exit code is kept beside the log.
pub fn line(job: &Job, places: &Places) -> Result<String, TooLong> {
    let mut words = vec![format!("PATH={PATH}")];
    words.extend(job.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value))));
    words.push(quoted(&job.program.to_string_lossy()));
    let (log, result) = (quoted(&places.cron_log.to_string_lossy()), quoted(&places.cron_result.to_string_lossy()));
    let command = format!("umask 077; {} auto >>{log} 2>&1; echo $? >{result} {TAG}", words.join(" ")).replace('%', "\\%");
    if command.len() > LONGEST {
        return Err(TooLong(command.len()));
    }
    Ok(format!("{} */{HOURS} * * * {command}", job.minute))
}

/// The line is longer than cron takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line would have {0} characters, and cron takes 1,000: some variable that is carried along is too long")]
pub struct TooLong(usize);

/// Quoted for the shell where it must be.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Whether the line is ours.
pub fn is_ours(line: &str) -> bool {
    line.trim_end().ends_with(TAG) && !line.trim_start().starts_with('#')
}

/// The crontab with this line for ours, at its place where there is one, else at the end.
pub fn with(crontab: &str, line: &str) -> String {
    let mut text = String::new();
    let mut is_there = false;
    for old in crontab.split_inclusive('\n') {
        if !is_ours(old) {
            text.push_str(old);
        } else if !is_there {
            text.push_str(&format!("{line}\n"));
            is_there = true;
        }
    }
    if !is_there {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The crontab without our line.
pub fn without(crontab: &str) -> String {
    crontab.split_inclusive('\n').filter(|line| !is_ours(line)).collect()
}

/// The program that a line of ours runs.
pub fn program(line: &str) -> Option<PathBuf> {
    let (command, _) = line.split_once(" auto >>")?;
    let quoted = match command.strip_suffix('\'') {
        // The quote that opens it follows a space; one inside is written '\''.
        Some(inside) => inside.rsplit_once(" '")?.1.replace("'\\''", "'"),
        None => command.rsplit_once(' ')?.1.to_owned(),
    };
    Some(Path::new(&quoted.replace("\\%", "%")).to_owned())
}

/// The minute that a line of ours comes at.
pub fn minute(line: &str) -> Option<u32> {
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let path = PathBuf::from;
        let (cron_log, cron_result) = (path("/s/timer.log"), path("/s/timer.result"));
        Places { units: path("/u"), agents: path("/a"), agent_log: path("/l"), cron_log, cron_result, user: 1 }
    }

    fn job(program: &str, value: &str) -> Job {
        Job { program: program.into(), environment: vec![("AWS_CONFIG_FILE".into(), value.into())], minute: 7, log: None }
    }

    #[test]
    fn the_line_is_quoted_for_the_shell_and_escaped_for_cron() {
        let line = line(&job("/opt/o'neil 5%/keyrotate", "/h/a b"), &places()).unwrap();
        assert_eq!(
            line,
            "7 */4 * * * umask 077; PATH=/usr/local/bin:/usr/bin:/bin AWS_CONFIG_FILE='/h/a b' '/opt/o'\\''neil 5\\%/keyrotate' auto \
             >>/s/timer.log 2>&1; echo $? >/s/timer.result # keyrotate timer"
        );
        assert_eq!((program(&line), minute(&line)), (Some("/opt/o'neil 5%/keyrotate".into()), Some(7)));
    }

    #[test]
    fn a_line_that_cron_would_cut_is_refused() {
        assert!(line(&job("/k", &"x".repeat(2000)), &places()).is_err());
    }

    #[test]
    fn no_other_line_changes() {
        let mine = "5 * * * * x # keyrotate timer";
        for (before, after, cleared) in [
            ("", format!("{mine}\n"), ""),
            ("MAILTO=me\n1 2 * * * /bin/a", format!("MAILTO=me\n1 2 * * * /bin/a\n{mine}\n"), "MAILTO=me\n1 2 * * * /bin/a"),
            ("a\n9 * * * * old # keyrotate timer\nb\n", format!("a\n{mine}\nb\n"), "a\nb\n"),
            (
                "# 9 * * * * off # keyrotate timer\n",
                format!("# 9 * * * * off # keyrotate timer\n{mine}\n"),
                "# 9 * * * * off # keyrotate timer\n",
            ),
        ] {
            assert_eq!(with(before, mine), after);
            assert_eq!(with(&after, mine), after, "twice is once");
            assert_eq!(without(before), cleared);
        }
    }
}
