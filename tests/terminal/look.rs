//! What it looks like: width, progress, colours.

use crate::bench::{Terminal, start};
use crate::lab::Settings;

#[test]
fn what_is_wrong_with_a_command_line_fits_the_terminal() {
    let home = start(Settings::default());
    let (code, screen) = Terminal::of_columns(&home, 40, "env default --format xyz", &[("NO_COLOR", "1")]).end();
    assert!(code == Some(2) && screen.contains("error: invalid value 'xyz' for"), "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 40), "{screen}");
}

#[test]
fn progress_fits_the_terminal() {
    let home = start(Settings { propagation: (0.4, 0.8), ..Settings::default() });
    let (code, screen) = Terminal::of_columns(&home, 30, "rotate default --yes", &[("NO_COLOR", "1")]).end();
    assert_eq!(code, Some(0), "{screen}");
    // A path is whole, so that it can be copied.
    let fits = |line: &&str| line.chars().count() <= 30 || !line.trim().contains(' ');
    let progress: Vec<&str> = screen.lines().take_while(|line| !line.starts_with("rotated: ")).collect();
    assert!(screen.contains("waiting until AWS accepts the") && progress.iter().all(fits), "{screen}");
}

#[test]
fn colour_is_for_terminals_and_no_color_turns_it_off() {
    let home = start(Settings::default());
    let shown = Terminal::open(&home, "status default", &[]).end().1;
    assert!(shown.contains('\x1b'), "{shown:?}");
    let plain = Terminal::open(&home, "status default", &[("NO_COLOR", "1")]).end().1;
    assert!(!plain.contains('\x1b'), "{plain:?}");
    assert!(!home.run(&["status", "default"]).stdout.contains('\x1b'));
}
