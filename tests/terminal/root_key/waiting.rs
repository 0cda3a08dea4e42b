//! A removal that waits: what other commands say of it, and what they leave alone.

use super::{ACCOUNT, Boss, CODE, CONFIRM, REMOVE, WAIT, words};

#[test]
fn a_ctrl_c_at_the_code_names_the_command_that_was_stopped() {
    for keys in ["\x03", "\n", "\x04"] {
        let boss = Boss::new(1, true);
        let mut terminal = boss.open("");
        terminal.expect(CONFIRM);
        terminal.press(ACCOUNT);
        terminal.expect(CODE);
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(if keys == "\x03" { 130 } else { 1 }), "{keys:?} {screen}");
        let text = words(&screen);
        assert!(text.contains(&format!("run `keyrotate {REMOVE}` again")) && !text.contains("keyrotate login"), "{keys:?}: {text}");
        assert!(!screen.contains(WAIT), "{screen}");
        boss.is_as_before(&screen);
    }
}
