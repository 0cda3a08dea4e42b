//! A QR code as text: two rows of it in one line, by half blocks.
//!
//! Invariant: with its quiet zone it fits 80 columns, whatever a user is called.

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// Light modules around the code, which readers need (ISO/IEC 18004).
const QUIET: usize = 4;

/// Black on white in colours that no theme changes, and back.
const INK: [&str; 2] = ["\u{1b}[38;5;16;48;5;231m", "\u{1b}[0m"];

/// A QR code. It is as secret as what it says. Wiped when dropped.
pub struct Picture {
    width: usize,
    dark: Zeroizing<Vec<bool>>,
}

impl Picture {
    /// The code of this text, as small as it can be; `None` of one that is too long.
    pub fn of(text: &str) -> Option<Self> {
        // SECRET: the crate's own buffers are freed unwiped.
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let dark = Zeroizing::new(code.to_colors().iter().map(|colour| *colour == Color::Dark).collect());
        Some(Self { width: code.width(), dark })
    }

    /// Columns that it takes, quiet zone and all.
    pub fn columns(&self) -> usize {
        self.width + 2 * QUIET
    }

    /// Its lines. Without colours a dark terminal is taken for granted.
    pub fn drawn(&self, in_colour: bool) -> Zeroizing<String> {
        let size = self.columns();
        let [ink, end] = if in_colour { INK } else { [""; 2] };
        let mut text = Zeroizing::new(String::with_capacity(size.div_ceil(2) * (size * 3 + ink.len() + end.len() + 1)));
        for row in (0..size).step_by(2) {
            text.push_str(ink);
            for column in 0..size {
                // A block is ink: black where there are colours, and what a dark terminal has for white where there are none.
                text.push(match [row, row + 1].map(|row| self.is_dark(column, row) == in_colour) {
                    [true, true] => '█',
                    [true, false] => '▀',
                    [false, true] => '▄',
                    [false, false] => ' ',
                });
            }
            text.push_str(end);
            text.push('\n');
        }
        text
    }

    fn is_dark(&self, column: usize, row: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.width);
        let at = inside(column).zip(inside(row)).map(|(column, row)| row * self.width + column);
        at.and_then(|at| self.dark.get(at)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mfa::address;
    use crate::model::MfaSeed;

    /// What a reader sees of the lines, with this sign for ink or paper at the top and the bottom of each.
    fn read(text: &str, ink_is_dark: bool) -> String {
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.replace(INK[0], "").replace(INK[1], "").chars().collect()).collect();
        let (side, scale) = (lines[0].len(), 4);
        let is_ink = |column: usize, row: usize| match lines[row / 2][column] {
            '█' => true,
            '▀' => row.is_multiple_of(2),
            '▄' => !row.is_multiple_of(2),
            _ => false,
        };
        let grey = |x: usize, y: usize| if is_ink(x / scale, y / scale) == ink_is_dark { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * scale, lines.len() * 2 * scale, grey);
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn another_program_reads_it_with_and_without_colours() {
        let text = "otpauth://totp/Amazon%20Web%20Services:dev@111122223333?secret=ABCD";
        let picture = Picture::of(text).unwrap();
        assert_eq!(read(&picture.drawn(true), true), text);
        assert_eq!(read(&picture.drawn(false), false), text);
    }

    #[test]
    fn the_longest_name_fits_80_columns() {
        let seed = MfaSeed::parse(&[b'A'; 64]).unwrap();
        let picture = Picture::of(&address(&"+".repeat(67), "111122223333", &seed)).unwrap();
        assert!(picture.columns() <= 80, "{}", picture.columns());
    }
}
