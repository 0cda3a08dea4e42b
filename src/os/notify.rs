//! A word on the desktop, where there is one. Nobody to show it is no error; nothing waits for it long.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::clock;
use super::terminal::plain;

const PATIENCE: Duration = Duration::from_secs(5);

/// Shows a notice. Its text is seen by the desktop's programs and in their arguments: never a secret.
pub fn notify(title: &str, text: &str) {
    let (title, text) = (plain(title), plain(text));
    let Some(mut command) = command(&title, &text) else { return };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(child) = command.spawn() else { return };
    let child = RefCell::new(child);
    let is_over = || child.borrow_mut().try_wait().map_or(true, |status| status.is_some());
    if !clock::pause(PATIENCE, &is_over) {
        let mut child = child.borrow_mut();
        let _ = child.kill().and_then(|()| child.wait());
    }
}

#[cfg(target_os = "macos")]
fn command(title: &str, text: &str) -> Option<Command> {
    let script = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];
    let mut command = Command::new("/usr/bin/osascript");
    command.args(script.iter().flat_map(|line| ["-e", *line])).args([title, text]);
    Some(command)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn command(title: &str, text: &str) -> Option<Command> {
    let mut command = Command::new("notify-send");
    command.args(["--app-name=keyrotate", "--", title, text]);
    Some(command)
}

#[cfg(not(unix))]
fn command(_title: &str, _text: &str) -> Option<Command> {
    None
}
