//! Text for a person, gathered and then printed at once.
//!
//! Invariant: colour only where the stream shows it, line ends of ours only on a terminal; nothing that came from outside moves a terminal's cursor.

use std::io::{self, Write};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

pub use crate::os::terminal::plain;
use crate::os::terminal::plain_json;
use crate::os::wrap::{width_of, wrap};

pub const GREEN: Style = AnsiColor::Green.on_default().bold();
pub const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub const RED: Style = AnsiColor::Red.on_default().bold();
pub const DIM: Style = Style::new().dimmed();

/// The lines of one output.
pub struct Page {
    text: String,
    is_coloured: bool,
    label_width: usize,
    /// Columns of the terminal; elsewhere lines stay whole, for whoever reads them line by line.
    width: Option<usize>,
}

impl Page {
    /// For standard output; labels are padded to `label_width`.
    pub fn for_stdout(label_width: usize) -> Self {
        Self::new(&io::stdout(), width_of(io::stdout()), label_width)
    }

    /// For standard error.
    pub fn for_stderr(label_width: usize) -> Self {
        Self::new(&io::stderr(), width_of(io::stderr()), label_width)
    }

    fn new(stream: &impl RawStream, width: Option<usize>, label_width: usize) -> Self {
        Self { text: String::new(), is_coloured: AutoStream::choice(stream) != ColorChoice::Never, label_width, width }
    }

    /// Whether what is printed may have colours.
    pub fn is_coloured(&self) -> bool {
        self.is_coloured
    }

    /// Adds text as it is, without an end of line.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a word in colour.
    pub fn paint(&mut self, style: Style, word: &str) -> &mut Self {
        if self.is_coloured {
            self.text.push_str(&format!("{style}{word}{style:#}"));
        } else {
            self.text.push_str(word);
        }
        self
    }

    /// Adds JSON, on lines of its own.
    pub fn json(&mut self, json: &str) -> &mut Self {
        self.push(&plain_json(json)).push("\n")
    }

    /// Adds a line that begins with a coloured word.
    pub fn head(&mut self, style: Style, word: &str, what: &str) {
        self.paint(style, word).push(" ").push(&plain(what)).end(4);
    }

    /// Adds a line of its own.
    pub fn sentence(&mut self, what: &str) {
        self.push(&plain(what)).end(2);
    }

    /// Adds a line that is not about one key.
    pub fn note(&mut self, what: &str) {
        self.head(DIM, "note:", what);
    }

    /// Adds an indented line with a label.
    pub fn line(&mut self, label: &str, what: &str) {
        self.push("  ").paint(DIM, label);
        let label_width = label.chars().count();
        self.text.extend(std::iter::repeat_n(' ', 1 + self.label_width.saturating_sub(label_width)));
        let hang = 3 + self.label_width.max(label_width);
        self.push(&plain(what)).end(hang);
    }

    /// Adds the steps that would be taken, and that none was.
    pub fn plan(&mut self, steps: &[String]) {
        steps.iter().enumerate().for_each(|(index, step)| self.line(&format!("{}.", index + 1), step));
        self.sentence("nothing was changed");
    }

    /// Ends the line; where it is longer than the terminal is wide, it goes on below, `hang` columns from the left.
    pub fn end(&mut self, hang: usize) {
        if let Some(width) = self.width {
            let line = self.text.split_off(self.text.rfind('\n').map_or(0, |at| at + 1));
            self.text.push_str(&wrap(&line, width, hang));
        }
        self.text.push('\n');
    }

    /// Prints it on standard output. A closed pipe is not an error.
    pub fn print(&self) {
        self.send(io::stdout(), anstream::stdout());
    }

    /// Prints it on standard error.
    pub fn print_error(&self) {
        self.send(io::stderr(), anstream::stderr());
    }

    /// Past the stream that adapts colour where there is none: it would look for it line by line.
    fn send(&self, mut plain: impl Write, mut coloured: impl Write) {
        let stream: &mut dyn Write = if self.is_coloured { &mut coloured } else { &mut plain };
        let _ = stream.write_all(self.text.as_bytes()).and_then(|()| stream.flush());
    }
}
