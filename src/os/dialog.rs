//! A question on the desktop, by whichever program for it is there.
//!
//! Invariant: the question goes as an argument, the answer comes on standard output; no shell reads either.

use std::time::Duration;

use super::process::answer;
use super::search_path;

/// A dialog that is still open after this long was not seen.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A program that can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// zenity (GNOME and others).
    Zenity,
    /// kdialog (KDE).
    Kdialog,
    /// osascript (macOS).
    Osascript,
}

impl Dialog {
    /// The first one that is there, where there is a display.
    pub fn find() -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Self::Osascript);
        }
        let has_display =
            ["WAYLAND_DISPLAY", "DISPLAY"].into_iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let there = |dialog: &Self| search_path::find(dialog.name()).is_some();
        [Self::Zenity, Self::Kdialog].into_iter().find(|dialog| has_display && there(dialog))
    }

    /// Asks for a line; `None` where the dialog was closed, could not be shown, or nobody answered in time.
    pub fn ask(self, text: &str, limit: Duration, stop: &dyn Fn() -> bool) -> Option<String> {
        let words: Vec<String> = self.words(text);
        answer(&words, limit, stop).ok().map(|line| line.to_string())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zenity => "zenity",
            Self::Kdialog => "kdialog",
            Self::Osascript => "osascript",
        }
    }

    fn words(self, text: &str) -> Vec<String> {
        let mut text = super::terminal::plain(text).into_owned();
        if self == Self::Zenity {
            // QUIRK(zenity): an entry's text is no markup, but `\t` is a tab in it, and `_` makes the next letter a key (entry.c, 3 and 4).
            text = text.replace('\\', "\\\\").replace('_', "__");
        }
        let words: Vec<&str> = match self {
            Self::Zenity => vec!["zenity", "--entry", "--title=keyrotate", "--text", &text],
            Self::Kdialog => vec!["kdialog", "--title", "keyrotate", "--inputbox", &text],
            Self::Osascript => vec![
                "osascript",
                "-e",
                "on run argv",
                "-e",
                "text returned of (display dialog (item 1 of argv) default answer \"\" with title \"keyrotate\")",
                "-e",
                "end run",
                &text,
            ],
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_one_argument_that_no_program_takes_for_an_option_or_a_script() {
        let foul = "\") & (do shell script \"x\"\u{1b}[2J --help";
        for dialog in [Dialog::Zenity, Dialog::Kdialog, Dialog::Osascript] {
            let words = dialog.words(foul);
            assert_eq!(words.iter().filter(|word| word.contains("shell script")).count(), 1, "{words:?}");
            assert_eq!(words.last().map(String::as_str), Some("\") & (do shell script \"x\" [2J --help"));
            assert!(words.iter().any(|word| word.contains("keyrotate")), "it has no title");
        }
    }

    #[test]
    fn a_devices_name_is_shown_as_it_is() {
        let text = |dialog: Dialog| dialog.words("mfa/my_phone\\t").pop();
        assert_eq!(text(Dialog::Zenity).as_deref(), Some("mfa/my__phone\\\\t"));
        assert_eq!(text(Dialog::Kdialog).as_deref(), Some("mfa/my_phone\\t"));
    }
}
