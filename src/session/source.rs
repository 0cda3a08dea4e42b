//! Where token codes come from, in this order: the command line or KEYROTATE_MFA_CODE; the profile's own program; the terminal; a dialog.
//!
//! Invariant: nothing here knows whether a code is right; what is not six digits goes no further, and is never quoted.

use std::cell::RefCell;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::model::{MfaSerial, TokenCode};
use crate::os::dialog::{self, Dialog};
use crate::os::process::{self, Unanswered};
use crate::os::terminal::Console;

/// How often a person is asked.
const TRIES: u32 = 3;

/// Whom to ask for a code.
#[derive(Clone, Debug)]
pub struct Sources {
    /// A code that was given with the command.
    pub given: Option<TokenCode>,
    /// A program that prints one, with its arguments.
    pub command: Option<Vec<String>>,
    /// How long that may take it.
    pub command_limit: Duration,
    /// Whether a dialog on the desktop may ask.
    pub dialog: bool,
}

/// Which source a code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line, or the variable.
    Given,
    /// The program.
    Command,
    /// A person at the terminal.
    Terminal,
    /// A person at a dialog.
    Dialog,
}

/// Nobody gave a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCode {
    /// There is nobody to ask.
    #[error("an MFA code is needed, and nobody can be asked here")]
    Nobody,
    /// The person did not answer: end of input, Ctrl-C, a closed dialog.
    #[error("no MFA code was given")]
    Abandoned,
    /// The person did not answer in the time that who runs us gives.
    #[error("no MFA code was given in time")]
    TooLate,
    /// What was typed was no code, each time.
    #[error("what was typed is no MFA code: it is six digits")]
    NotACode,
    /// The program did not print one.
    #[error("`{program}`, which is to print an MFA code, {why}")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What it did instead.
        why: String,
    },
}

impl Source {
    /// How often it can be asked for another code.
    pub fn tries(self) -> u32 {
        match self {
            Source::Given => 1,
            // After a code that was used before it has another one half a minute later.
            Source::Command => 2,
            Source::Terminal | Source::Dialog => TRIES,
        }
    }
}

impl Sources {
    /// The source that is asked, if there is any.
    pub fn source(&self, console: &Console) -> Option<Source> {
        if self.given.is_some() {
            return Some(Source::Given);
        }
        if self.command.is_some() {
            return Some(Source::Command);
        }
        if console.can_ask() {
            return Some(Source::Terminal);
        }
        (self.dialog && console.may_ask() && Dialog::find().is_some()).then_some(Source::Dialog)
    }

    /// A code. `what` is what it is for, in a few words; `again` says why another one is asked for, to who sees no terminal. A signal meanwhile
    /// is an answer, too: that there is none.
    pub fn code(
        &self,
        source: Source,
        console: &Console,
        serial: &MfaSerial,
        what: &str,
        again: Option<&str>,
    ) -> Result<TokenCode, NoCode> {
        console.held(|| self.ask(source, console, serial, what, again))
    }

    fn ask(&self, source: Source, console: &Console, serial: &MfaSerial, what: &str, again: Option<&str>) -> Result<TokenCode, NoCode> {
        let given = match source {
            Source::Given => self.given.clone().ok_or(NoCode::Nobody),
            Source::Command => {
                self.command.as_deref().map_or(Err(NoCode::Nobody), |words| command(words, console.left(self.command_limit), console))
            }
            Source::Terminal => typed(|| console.ask_line(&format!("MFA code of {serial} for {what}: ")), |text| console.note(text)),
            Source::Dialog => {
                let text = format!("MFA code of {serial} for {what}");
                let reason = RefCell::new(again.map(str::to_owned));
                let whole = || reason.borrow().as_ref().map_or_else(|| text.clone(), |reason| format!("{reason}. {text}"));
                let ask = || Dialog::find()?.ask(&whole(), console.left(dialog::LIMIT), &|| console.stopped());
                typed(ask, |why| drop(reason.replace(Some(why.to_owned()))))
            }
        };
        given.map_err(|error| if error == NoCode::Abandoned && console.is_late() { NoCode::TooLate } else { error })
    }
}

/// What a person types; something that is no code is no try at AWS.
fn typed(ask: impl Fn() -> Option<String>, tell: impl Fn(&str)) -> Result<TokenCode, NoCode> {
    for _ in 0..TRIES {
        let text = Zeroizing::new(ask().ok_or(NoCode::Abandoned)?);
        if text.trim().is_empty() {
            return Err(NoCode::Abandoned);
        }
        match TokenCode::parse(&text) {
            Ok(code) => return Ok(code),
            Err(error) => tell(&error.to_string()),
        }
    }
    Err(NoCode::NotACode)
}

fn command(words: &[String], limit: Duration, console: &Console) -> Result<TokenCode, NoCode> {
    let program = words.first().cloned().unwrap_or_default();
    let wrong = |why: String| NoCode::Command { program: program.clone(), why };
    console.progress(&format!("waiting for an MFA code from {program}"));
    let answer = process::answer(words, limit, &|| console.stopped());
    console.progress_done();
    let text = answer.map_err(|unanswered| match unanswered {
        Unanswered::Stopped => NoCode::Abandoned,
        other @ (Unanswered::NotRun(_) | Unanswered::Ended(_) | Unanswered::TooLate(_) | Unanswered::TooMuch(_)) => {
            wrong(other.to_string())
        }
    })?;
    TokenCode::parse(&text).map_err(|_| match text.trim().is_empty() {
        true => wrong("printed nothing".to_owned()),
        false => wrong("printed something else than six digits".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn quiet() -> Console {
        Console::new(crate::os::terminal::ConsoleOptions { no_input: true, quiet: true, yes: false }, None)
    }

    fn sources(command: &[&str]) -> Sources {
        let command = (!command.is_empty()).then(|| command.iter().map(|word| (*word).to_owned()).collect());
        Sources { given: None, command, command_limit: LIMIT, dialog: false }
    }

    #[test]
    fn a_code_that_was_given_comes_first_and_without_any_source_there_is_nobody() {
        let given = Sources { given: TokenCode::parse("012345").ok(), ..sources(&["/bin/echo", "543210"]) };
        let serial = MfaSerial::parse("GAHT12345678").unwrap();
        let ask = |sources: &Sources| {
            let source = sources.source(&quiet())?;
            Some((source, sources.code(source, &quiet(), &serial, "work", None).unwrap().expose().to_owned()))
        };
        assert_eq!(ask(&given), Some((Source::Given, "012345".to_owned())));
        assert_eq!(ask(&sources(&[])), None);
        #[cfg(unix)]
        assert_eq!(ask(&sources(&["/bin/echo", "543 210"])), Some((Source::Command, "543210".to_owned())));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_prints_no_code_is_named_and_not_quoted() {
        for (words, said) in [
            (&["/bin/echo", "canary"][..], "printed something else"),
            (&["/bin/echo", "123456 654321"], "printed something else"),
            (&["/bin/true"], "printed nothing"),
            (&["/bin/false"], "ended with exit code 1"),
            (&["/no/such/program"], "cannot be run"),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let error = command(&words, LIMIT, &quiet()).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(&words[0]) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn what_is_typed_is_asked_for_again_and_an_empty_line_gives_up() {
        let answers = |lines: &'static [&str]| {
            let at = Cell::new(0);
            typed(move || lines.get(at.replace(at.get() + 1)).map(|line| (*line).to_owned()), |_| {})
        };
        assert_eq!(answers(&["12345", "012345"]).map(|code| code.expose().to_owned()), Ok("012345".to_owned()));
        assert_eq!(answers(&["a", "b", "c", "012345"]), Err(NoCode::NotACode));
        assert_eq!(answers(&["a", " "]), Err(NoCode::Abandoned));
        assert_eq!(answers(&[]), Err(NoCode::Abandoned));
    }
}
