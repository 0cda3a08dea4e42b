//! Long lines, broken to a terminal's width.
//!
//! Invariant: only spaces become line ends. An id, a path without spaces, and a command in backticks stay whole, so that they can be copied.

/// The line with line ends in it, and `hang` spaces before each further line. What is too long for such a line is one of its own, from the
/// first column on; where it is too long for that too, the terminal breaks it, which is no end of a line to who copies it. Colours take no
/// column.
pub fn wrap(line: &str, width: usize, hang: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    let (mut column, mut spaces, mut is_alone) = (0, 0, false);
    for atom in atoms(line) {
        let columns = columns(atom);
        if columns > 0 {
            let is_next = is_alone || column + spaces + columns > width;
            is_alone = is_next && columns + hang > width;
            if is_next {
                wrapped.extend((column > 0).then_some('\n'));
                (column, spaces) = (0, if is_alone { 0 } else { hang });
            }
            wrapped.extend(std::iter::repeat_n(' ', spaces));
            column += spaces + columns;
            spaces = 0;
        }
        wrapped.push_str(atom);
        spaces += 1;
    }
    wrapped
}

/// Narrower than this nothing is gained by breaking lines.
#[cfg(unix)]
const NARROWEST: u16 = 20;

/// Columns of the terminal that the stream is; `None` where it is none, or one that is too narrow to break lines for.
#[cfg(unix)]
pub fn width_of(stream: impl std::os::fd::AsFd) -> Option<usize> {
    let columns = rustix::termios::tcgetwinsize(stream).ok()?.ws_col;
    (columns >= NARROWEST).then(|| columns.into())
}

/// The terminal breaks lines itself, where it likes.
#[cfg(not(unix))]
pub fn width_of<T>(_: T) -> Option<usize> {
    None
}

/// What stands between spaces; what stands in backticks is one.
fn atoms(line: &str) -> Vec<&str> {
    let mut left = line.matches('`').count();
    let mut is_code = false;
    let split = |c: char| {
        if c == '`' {
            left -= 1;
            // One that nothing closes begins nothing.
            is_code = !is_code && left > 0;
        }
        c == ' ' && !is_code
    };
    line.split(split).collect()
}

/// How many columns it takes: escape sequences none.
fn columns(text: &str) -> usize {
    let mut is_escape = false;
    let is_shown = |c: &char| {
        let was_escape = is_escape;
        is_escape = *c == '\x1b' || (is_escape && *c != 'm');
        !is_escape && !was_escape
    };
    text.chars().filter(is_shown).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_keep_their_indent() {
        for (line, width, hang, want) in [
            ("short", 20, 4, "short"),
            ("one two three four five", 10, 2, "one two\n  three\n  four\n  five"),
            ("  use:    last used for s3", 17, 10, "  use:    last\n          used\n          for s3"),
            ("  use:    /a/path/longer/than/a/line and more", 20, 10, "  use:\n/a/path/longer/than/a/line\n          and more"),
            ("  use:    /a/path/of/a/line and more", 20, 10, "  use:\n/a/path/of/a/line\n          and more"),
            ("/a/path/longer/than/a/line, line 4: no", 20, 2, "/a/path/longer/than/a/line,\n  line 4: no"),
            ("run `keyrotate rotate work` now", 22, 2, "run\n`keyrotate rotate work`\n  now"),
            ("run `keyrotate rotate work` now", 24, 2, "run\n`keyrotate rotate work`\n  now"),
            ("run `keyrotate rotate work` now", 26, 2, "run\n  `keyrotate rotate work`\n  now"),
            ("run `keyrotate rotate work`, or `keyrotate status`", 28, 2, "run `keyrotate rotate work`,\n  or `keyrotate status`"),
            ("a ` alone is no matter at all", 12, 0, "a ` alone is\nno matter at\nall"),
            ("two  spaces  stay", 40, 2, "two  spaces  stay"),
            ("", 20, 2, ""),
        ] {
            assert_eq!(wrap(line, width, hang), want, "{line:?}");
        }
    }

    #[test]
    fn colours_take_no_column() {
        let line = "\x1b[1m\x1b[33mtwo words\x1b[0m and more";
        assert_eq!(wrap(line, 13, 2), "\x1b[1m\x1b[33mtwo words\x1b[0m and\n  more");
        assert_eq!(columns(line), 18);
    }
}
