//! What is asked at a terminal: about a key that moves, one that is added, and two keys of which one is in the keychain.

use crate::add::{fresh_key, is_in_item};
use crate::bed::{Bed, content};
use crate::home::one_line;
use crate::import::{is_as_before, is_moved};
use crate::lab::Settings;

const NO_CLI: [(&str, &str); 1] = [("PATH", "/nowhere:/usr/bin:/bin")];

#[test]
fn a_move_is_asked_about_and_only_yes_moves() {
    let bed = Bed::plain(Settings::default());
    for (answer, code) in [("n\n", Some(0)), ("\u{4}", Some(0))] {
        let mut terminal = bed.terminal("keys import default --force", &NO_CLI);
        terminal.expect("(y = move it, n = leave it) [y]");
        assert!(terminal.screen().contains("+ credential_process"), "the change comes before the question: {}", terminal.screen());
        is_as_before(&bed);
        terminal.press(answer);
        let (ended, screen) = terminal.end();
        assert!(ended == code && screen.contains("nothing was changed"), "{ended:?} {screen}");
        is_as_before(&bed);
    }
    let mut terminal = bed.terminal("keys import default --force --no-input --yes", &NO_CLI);
    assert_eq!(terminal.end().0, Some(0), "unasked");
    is_moved(&bed);
    terminal = bed.terminal("keys import default --undo", &NO_CLI);
    terminal.expect("(y = put it back, n = leave it) [y]");
    terminal.press("n\n");
    assert_eq!(terminal.end().0, Some(0));
    is_moved(&bed);
    terminal = bed.terminal("keys import default --undo", &NO_CLI);
    terminal.expect("[y]");
    terminal.press("y\n");
    assert_eq!(terminal.end().0, Some(0));
    is_as_before(&bed);
    terminal = bed.terminal("keys import default --force", &NO_CLI);
    terminal.expect("[y]");
    terminal.press("y\n");
    // The line is tried out, and who sits there has the code.
    terminal.expect("MFA code of arn:aws:iam::000000000000:mfa/dev for default: ");
    terminal.press(&(bed.home.lab.code("dev").unwrap() + "\n"));
    let (code, screen) = terminal.end();
    let told = one_line(&screen);
    for said in ["- aws_secret_access_key=****", "+ credential_process = ", "as the same user", "`keyrotate keys import default --undo`"] {
        assert!(code == Some(0) && told.contains(said), "{said}: {screen}");
    }
    is_moved(&bed);
}

#[test]
fn a_key_is_typed_and_its_secret_is_never_on_the_screen() {
    let bed = Bed::plain(Settings::default());
    let key = fresh_key(&bed);
    let words = "keys add new --force --region eu-west-1";
    let mut terminal = bed.terminal(words, &NO_CLI);
    terminal.expect("access key ID for the profile new: ");
    terminal.press(&format!("{}\n", key.id));
    terminal.expect("which is not shown: ");
    terminal.press(&format!("{}\n", key.secret));
    terminal.expect("(y = put it there, n = leave it) [y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("nothing was changed") && !screen.contains(&key.secret), "{screen}");
    assert!(bed.items().is_empty());
    // An answer that is none, and the end of input.
    for (typed, said) in [("AKIA\n", "not an access key ID"), ("\u{4}", "no key was given")] {
        let mut terminal = bed.terminal(words, &NO_CLI);
        terminal.expect("access key ID for the profile new: ");
        terminal.press(typed);
        let (code, screen) = terminal.end();
        assert!(code == Some(1) && screen.contains(said), "{screen}");
    }
    let mut terminal = bed.terminal(words, &NO_CLI);
    terminal.expect("access key ID for the profile new: ");
    terminal.press(&format!("{}\n", key.id));
    terminal.expect("which is not shown: ");
    terminal.press(&format!("{}\n", key.secret));
    terminal.expect("[y]");
    terminal.press("\n");
    terminal.expect("MFA code of arn:aws:iam::000000000000:mfa/fresh for new: ");
    // Nothing is drawn over the question while it is open.
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert!(terminal.screen().ends_with("for new: "), "{:?}", terminal.screen());
    terminal.press(&(bed.home.lab.code("fresh").unwrap() + "\n"));
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("added:") && !screen.contains(&key.secret), "{screen}");
    is_in_item(&bed);
}

#[test]
fn after_ctrl_c_at_the_secret_the_terminal_shows_again_what_is_typed() {
    let bed = Bed::plain(Settings::default());
    let key = fresh_key(&bed);
    let mut terminal = bed.terminal_line("trap : INT; {} keys add new --force; stty -a", &NO_CLI);
    terminal.expect("access key ID for the profile new: ");
    terminal.press(&format!("{}\n", key.id));
    terminal.expect("which is not shown: ");
    terminal.press("\u{3}");
    let (_, screen) = terminal.end();
    assert!(screen.contains("no key was given") && screen.split_whitespace().any(|word| word == "echo"), "{screen}");
    assert!(bed.items().is_empty());
}

#[test]
fn two_keys_of_which_one_is_in_an_item_are_united_in_both_places() {
    let bed = Bed::start();
    let old = bed.home.old.clone();
    let second = {
        let mut world = bed.home.lab.world();
        world.add_settled_key(old.user)
    };
    bed.home.write(".aws/credentials", &format!("[copy]\naws_access_key_id = {}\naws_secret_access_key = {}\n", second.id, second.secret));
    let mut terminal = bed.terminal("rotate copy", &NO_CLI);
    terminal.expect("Move everything here to");
    terminal.press("y\n");
    terminal.expect("(y = rotate, n = leave it) [y]");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    let live = bed.live();
    let [key] = live.as_slice() else { panic!("{} keys are active: {screen}", live.len()) };
    assert_eq!(bed.get(crate::bed::ITEM), Ok(Some(content(key))), "{screen}");
    assert_eq!(bed.indexed(), key.id);
    assert!(bed.read(".aws/credentials").unwrap().contains(&key.secret), "{screen}");
}
