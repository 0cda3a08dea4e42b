//! The edit of a file that is cut off at each of its acts: the next run takes the lines away, and whatever copy has the secret.

use super::{ACCOUNT, Boss, CODE, CONFIRM, Output};
use crate::home::Run;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;

/// What changes names, so that a kill at one of them leaves the others undone.
const ACTS: &str = "renameat2,rename,renameat,unlink,unlinkat";

/// A removal whose key is deleted at AWS, and whose files are as they were.
fn deleted() -> Boss {
    let boss = Boss::new(1, true);
    boss.home.lab.rules(vec![Rule::on("DeleteAccessKey", Fault::PauseAfter)]);
    let mut terminal = boss.open("--wait 0s");
    terminal.expect(CONFIRM);
    terminal.press(ACCOUNT);
    terminal.expect(CODE);
    terminal.press(&boss.code());
    assert!(boss.home.lab.wait_paused(crate::bench::LIMIT));
    terminal.kill();
    boss.home.lab.release(false);
    boss.home.lab.rules(vec![]);
    assert_eq!((boss.status(), boss.config(), boss.written_down()), (Status::Deleted, boss.config.clone(), 1));
    boss
}

/// The files beside the config that have the secret.
fn copies(boss: &Boss) -> Vec<String> {
    let all = std::fs::read_dir(boss.home.path().join(".aws")).unwrap().flatten();
    let beside = all.filter(|file| file.file_name() != "config");
    let has = |text: &[u8]| text.windows(boss.keys[0].secret.len()).any(|part| part == boss.keys[0].secret.as_bytes());
    beside.filter(|file| has(&std::fs::read(file.path()).unwrap())).map(|file| file.file_name().to_string_lossy().into_owned()).collect()
}

const REMOVE: &[&str] = &["root-key", "remove", "boss", "--admin", "default", "--no-input"];

/// A run that is killed at this act.
fn cut_at(boss: &Boss, number: usize) -> Output {
    let mut run = Run::new(REMOVE);
    run.prefix = ["strace", "-f", "-qq", "-o/dev/null"].map(str::to_owned).to_vec();
    run.prefix.extend([format!("-etrace={ACTS}"), format!("-einject={ACTS}:signal=KILL:when={number}")]);
    boss.home.run_with(&run)
}

#[test]
fn a_copy_that_has_the_secret_goes_with_the_next_run() {
    let mut left = [0, 0];
    for number in 1.. {
        let boss = deleted();
        let cut = cut_at(&boss, number);
        let edited = usize::from(boss.config() == boss.config_after());
        if !copies(&boss).is_empty() {
            left[edited] += 1;
        }
        if cut.code.is_some() {
            assert_eq!(cut.code, Some(0), "{number}: {}", cut.stderr);
            break;
        }
        // Cut off at its very end, nothing is left to do.
        if boss.written_down() > 0 {
            let next = boss.home.run(REMOVE);
            assert_eq!(next.code, Some(0), "{number}: {}", next.stderr);
        }
        assert_eq!(copies(&boss), Vec::<String>::new(), "{number}");
        boss.is_removed(&format!("{number}"));
    }
    assert!(left[1] > 0, "at no act the original was beside the edited file: {left:?}");
}

#[test]
fn a_copy_goes_also_where_only_a_persons_word_was_written_down() {
    for number in 1.. {
        let boss = deleted();
        let cut = cut_at(&boss, number);
        assert_eq!(cut.code, None, "at no act the original was beside the edited file: {}", cut.stderr);
        if boss.config() != boss.config_after() || copies(&boss).is_empty() {
            continue;
        }
        boss.is_written_down_as_seen();
        let (code, screen) = boss.answered(boss.open(""));
        assert_eq!((code, copies(&boss)), (Some(0), Vec::new()), "{number}: {screen}");
        boss.is_removed(&screen);
        return;
    }
}
