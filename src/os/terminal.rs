//! The one way to a person: progress, notes and questions.
//!
//! Invariants: questions go to the controlling terminal and never to standard input; without a terminal on standard error there
//! is no progress and no thread, so that cron stays quiet and a later step can fork cheaply; a closed standard error is ignored;
//! what is shown went through [`plain`].

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use zeroize::Zeroizing;

use crate::os::clock;
use crate::os::signals::Signals;
use crate::os::tty::Tty;
use crate::os::wrap::{width_of, wrap};

/// How the person wants to be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// Never ask.
    pub no_input: bool,
    /// No notes and no progress.
    pub quiet: bool,
    /// A question that can be answered `y` is, unasked.
    pub yes: bool,
}

/// The handle; copies share the progress line.
#[derive(Clone, Debug)]
pub struct Console {
    options: ConsoleOptions,
    style: Progress,
    signals: Option<Signals>,
    until: Option<Duration>,
    shown: Arc<Mutex<Shown>>,
}

/// What progress is on the screen.
#[derive(Debug, Default)]
struct Shown {
    bar: Option<ProgressBar>,
    line: Option<String>,
}

/// How progress is shown, found out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Not at all: standard error is no terminal, or the person wants quiet.
    Hidden,
    /// One line for each new message: a terminal that cannot redraw, or NO_COLOR.
    Lines,
    /// One live line.
    Live,
}

/// A question with answers of one key each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked, without the choices.
    pub text: String,
    /// Lower-case keys, each with what it means.
    pub choices: Vec<(char, String)>,
    /// The key that an empty line stands for.
    pub default: Option<char>,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The key that was chosen.
    Choice(char),
    /// Nobody can be asked, input ended, or a signal came.
    None,
}

impl Console {
    /// A console that ends questions and pauses when one of `signals` is raised.
    pub fn new(options: ConsoleOptions, signals: Option<Signals>) -> Self {
        let style = match (io::stderr().is_terminal() && !options.quiet, is_without_colours()) {
            (false, _) => Progress::Hidden,
            (true, true) => Progress::Lines,
            (true, false) => Progress::Live,
        };
        Self { options, style, signals, until: None, shown: Arc::default() }
    }

    /// The same where who waits for us does so until this time since boot: no question is open longer.
    #[must_use]
    pub fn until(self, until: Option<Duration>) -> Self {
        Self { until, ..self }
    }

    /// How much of a wait there is time for.
    pub fn left(&self, wait: Duration) -> Duration {
        clock::left(wait, self.until)
    }

    /// Whether that time is over.
    pub fn is_late(&self) -> bool {
        self.left(Duration::MAX).is_zero()
    }

    /// Whether a question would reach somebody: input is allowed, and there is a controlling terminal with this process in its
    /// foreground. Standard input and standard error do not matter: the AWS CLI redirects both of a `credential_process`.
    pub fn can_ask(&self) -> bool {
        !self.options.no_input && Tty::open().is_some()
    }

    /// Whether a person may be asked at all, be it in another way than at the terminal.
    pub fn may_ask(&self) -> bool {
        !self.options.no_input
    }

    /// Whether somebody may be watching: there is a controlling terminal with this process in its foreground.
    pub fn is_watched(&self) -> bool {
        Tty::open().is_some()
    }

    /// Asks until one of the choices is given. With `yes`, a question that has the key `y` is answered so.
    pub fn ask(&self, question: &Question) -> Answer {
        if self.options.yes && question.choices.iter().any(|(key, _)| *key == 'y') {
            return Answer::Choice('y');
        }
        self.with_tty(|tty| Some(question.put(&mut |text| tty.line(text, &|| self.stopped() || self.is_late())))).unwrap_or(Answer::None)
    }

    /// Asks for a line, such as a name to be typed in confirmation; `None` as for [`Answer::None`]. What is typed is seen.
    pub fn ask_line(&self, text: &str) -> Option<String> {
        self.with_tty(|tty| tty.line(&plain(text), &|| self.stopped() || self.is_late()))
    }

    /// Asks for what nobody may see; `None` also where the terminal cannot hide it. A signal meanwhile ends the question, so that the terminal
    /// shows again what is typed.
    pub fn ask_secret(&self, text: &str) -> Option<Zeroizing<String>> {
        self.held(|| self.with_tty(|tty| tty.secret_line(&plain(text), &|| self.stopped() || self.is_late())))
    }

    /// Shows a line at the terminal, as part of a question.
    pub fn show(&self, text: &str) {
        let line = format!("{}\n", plain(text));
        self.with_tty(|tty| tty.show(&line));
    }

    /// Shows text of our own at the terminal as it is, colours and all; `false` where it cannot be shown.
    pub fn show_whole(&self, text: &str) -> bool {
        self.with_tty(|tty| tty.show_whole(text)).is_some()
    }

    /// Columns of the terminal that questions go to, where it says.
    pub fn columns(&self) -> Option<usize> {
        Tty::open().and_then(|tty| tty.columns())
    }

    /// Whether a signal asked to stop.
    pub fn stopped(&self) -> bool {
        self.signals.as_ref().is_some_and(|signals| signals.raised().is_some())
    }

    /// Does something that ends by itself where [`Console::stopped`], so that a signal is seen there and ends nothing at once.
    pub fn held<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.signals {
            Some(signals) => signals.held(act),
            None => act(),
        }
    }

    /// Waits; ends early and returns true when a signal asks to stop.
    pub fn pause(&self, duration: Duration) -> bool {
        clock::pause(duration, &|| self.stopped())
    }

    /// Shows what is being done, with the time since [`Console::progress_done`] or the start.
    pub fn progress(&self, message: &str) {
        let message = &*plain(message);
        match self.style {
            Progress::Hidden => {}
            Progress::Lines => {
                if self.shown().line.replace(message.to_owned()).as_deref() != Some(message) {
                    write_line(message);
                }
            }
            Progress::Live => {
                let mut shown = self.shown();
                let bar = shown.bar.get_or_insert_with(live_line);
                bar.set_message(message.to_owned());
                bar.tick();
            }
        }
    }

    /// Clears the progress line.
    pub fn progress_done(&self) {
        let shown = std::mem::take(&mut *self.shown());
        if let Some(bar) = shown.bar {
            bar.finish_and_clear();
        }
    }

    /// Writes a line on standard error, above the progress line, unless the person wants quiet.
    pub fn note(&self, text: &str) {
        if !self.options.quiet {
            self.aside(|| write_line(&plain(text)));
        }
    }

    fn with_tty<T>(&self, act: impl FnOnce(&mut Tty) -> Option<T>) -> Option<T> {
        if self.options.no_input || self.stopped() {
            return None;
        }
        let mut tty = Tty::open()?;
        self.aside(|| act(&mut tty))
    }

    /// Runs `act` with the progress line out of the way. The line redraws itself from its own thread, hence not just before.
    fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.shown().bar {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    /// A panic elsewhere leaves the line as usable as before.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    /// Puts the question to `line` (shows a text, returns a line) until the answer is one of the choices.
    fn put(&self, line: &mut dyn FnMut(&str) -> Option<String>) -> Answer {
        let choices: Vec<String> = self.choices.iter().map(|(key, label)| format!("{key} = {label}")).collect();
        let default = self.default.map(|key| format!(" [{key}]")).unwrap_or_default();
        let text = plain(&format!("{} ({}){default}: ", self.text, choices.join(", "))).into_owned();
        let keys: Vec<String> = self.choices.iter().map(|(key, _)| key.to_string()).collect();
        let mut before = String::new();
        loop {
            let Some(given) = line(&format!("{before}{text}")) else { return Answer::None };
            if let Some(key) = self.choice(&given) {
                return Answer::Choice(key);
            }
            before = format!("answer {}\n", keys.join(" or "));
        }
    }

    /// A key, the word that it begins (`yes`, `no`, the label's first word) or a whole label, in either case; an empty line is the
    /// default.
    fn choice(&self, given: &str) -> Option<char> {
        let given = given.trim().to_lowercase();
        if given.is_empty() {
            return self.default;
        }
        let means = |key: char, label: &str| {
            let label = label.to_lowercase();
            let first = label.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let usual = match key {
                'y' => "yes",
                'n' => "no",
                _ => first,
            };
            given == key.to_string() || given == label || given == usual || (given == first && first.starts_with(key))
        };
        self.choices.iter().find(|(key, label)| means(*key, label)).map(|(key, _)| *key)
    }
}

/// The text without what could move a terminal's cursor (control characters) or turn the order of what is read (the bidirectional
/// marks, embeddings, overrides and isolates of UAX #9), a space in the place of each. Names and messages come from outside.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_foul) { text.replace(is_foul, " ").into() } else { text.into() }
}

/// JSON with the same characters as escapes, which say the same. What stands below a blank is left, which JSON has between its words only.
pub fn plain_json(json: &str) -> Cow<'_, str> {
    let is_to_escape = |c: char| c > '~' && is_foul(c);
    if !json.contains(is_to_escape) {
        return json.into();
    }
    let shown = |c: char| if is_to_escape(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(shown).collect::<String>().into()
}

/// Whether the terminal, or the person, wants no colours and no cursor that moves.
pub fn is_without_colours() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_dumb || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn is_foul(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    c.is_control() || turns
}

fn live_line() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// In one write, so that lines of several processes do not mix.
fn write_line(text: &str) {
    let text = width_of(io::stderr()).map_or_else(|| text.into(), |width| Cow::Owned(wrap(text, width, 2)));
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(default: Option<char>) -> Question {
        Question { text: "delete it?".into(), choices: vec![('y', "yes".into()), ('n', "no".into())], default }
    }

    fn put(default: Option<char>, lines: &[&str]) -> (Answer, usize) {
        let mut left = lines.iter();
        let answer = question(default).put(&mut |text| {
            assert!(text.contains("delete it? (y = yes, n = no)") && text.ends_with(": "), "{text}");
            left.next().map(|line| (*line).to_owned())
        });
        (answer, left.len())
    }

    #[test]
    fn an_answer_is_a_key_a_label_or_the_default_and_anything_else_is_asked_again() {
        assert_eq!(put(None, &["y", "n"]), (Answer::Choice('y'), 1));
        assert_eq!(put(None, &["NO", "y"]), (Answer::Choice('n'), 1));
        assert_eq!(put(None, &["", "yy", "maybe", "n", "y"]), (Answer::Choice('n'), 1));
        assert_eq!(put(Some('n'), &["", "y"]), (Answer::Choice('n'), 1));
        assert_eq!(put(Some('y'), &["maybe"]), (Answer::None, 0), "the end of input is no answer, whatever the default");
    }

    #[test]
    fn the_word_that_a_key_stands_for_is_an_answer_too() {
        let choices = vec![('y', "rotate".into()), ('n', "no, leave it alone".into()), ('f', "forward to the new key".into())];
        let question = Question { text: "?".into(), choices, default: None };
        let words = ["YES", "no", "forward", "f", "rotate", "forward to the new key", "back", "nope", "leave", "ye"];
        let taken: Vec<Option<char>> = words.iter().map(|word| question.choice(word)).collect();
        let expected = [Some('y'), Some('n'), Some('f'), Some('f'), Some('y'), Some('f'), None, None, None, None];
        assert_eq!(taken, expected);
    }

    #[test]
    fn after_an_unknown_answer_the_question_says_what_is_one() {
        let mut shown = Vec::new();
        let mut left = ["maybe", "", "y"].into_iter();
        question(None).put(&mut |text| {
            shown.push(text.to_owned());
            left.next().map(str::to_owned)
        });
        let told: Vec<bool> = shown.iter().map(|text| text.starts_with("answer y or n\ndelete it?")).collect();
        assert_eq!(told, [false, true, true], "{shown:?}");
    }

    #[test]
    fn what_came_from_outside_moves_no_cursor_and_turns_no_text() {
        let foul = "a\u{1b}[2Jb\rc\u{9b}d\u{202a}e\u{202e}f\u{2066}g\u{2069}h\u{200e}i\u{200f}j\u{61c}k";
        let clean = "a [2Jb c d e f g h i j k";
        assert_eq!(plain(foul), clean);
        assert!(matches!(plain("Zoë → λ"), std::borrow::Cow::Borrowed("Zoë → λ")));
        let question = Question { text: foul.into(), choices: vec![('y', foul.into())], default: None };
        question.put(&mut |text| {
            assert_eq!(text, format!("{clean} (y = {clean}): "));
            None
        });
        let options = ConsoleOptions::default();
        let console = Console { options, style: Progress::Live, signals: None, until: None, shown: Arc::default() };
        console.progress(foul);
        assert_eq!(console.shown().bar.as_ref().map(ProgressBar::message).as_deref(), Some(clean));
        console.progress_done();
    }

    #[test]
    fn json_says_the_same_without_what_moves_a_cursor() {
        let said = "Zo\u{eb} \u{9b}31m \u{7f} \u{202e}cba \u{1b}[0m\n\t";
        let json = format!("{:#}", serde_json::json!({ "name": said }));
        let plain = plain_json(&json);
        assert!(plain.contains("Zoë \\u009b31m \\u007f \\u202ecba \\u001b[0m\\n\\t"), "{plain}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap()["name"], said);
        assert!(matches!(plain_json("{\n  \"a\": \"Zoë\"\n}"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn without_input_nobody_is_asked_and_yes_answers_only_what_has_a_yes() {
        let options = ConsoleOptions { no_input: true, yes: true, quiet: true };
        let console = Console::new(options, None);
        assert!(!console.can_ask());
        assert_eq!(console.ask(&question(Some('n'))), Answer::Choice('y'));
        let other = Question { choices: vec![('f', "forward".into()), ('b', "back".into())], ..question(Some('f')) };
        assert_eq!(console.ask(&other), Answer::None);
        assert_eq!(Console::new(ConsoleOptions { yes: false, ..options }, None).ask(&question(Some('y'))), Answer::None);
        assert_eq!(console.ask_line("name: "), None);
    }

    #[test]
    fn quiet_shows_no_progress_and_keeps_no_line() {
        let console = Console::new(ConsoleOptions { quiet: true, ..ConsoleOptions::default() }, None);
        console.progress("waiting");
        assert!(console.shown().bar.is_none());
        console.progress_done();
        assert!(!console.pause(Duration::from_millis(1)));
    }
}
