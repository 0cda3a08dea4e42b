//! The run killed at each rename of a file and at each message to the keyring, then run again: every place always has a pair that AWS accepts, no
//! file has a secret where the key is in the keychain only, and what was begun is finished.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bed::{Bed, ITEM, ROTATE, content, entries, in_no_file};
use crate::home::Output;
use crate::lab::parallel::map;
use crate::lab::{Settings, Verdict};

const CALLS: [&str; 2] = ["renameat2", "sendmsg"];
const UNDO: &[&str] = &["undo", "default", "--yes", "--no-input"];
const IMPORT: &[&str] = &["keys", "import", "default", "--yes", "--no-input", "--force"];
const IMPORT_UNDO: &[&str] = &["keys", "import", "default", "--undo", "--yes", "--no-input"];
const GRACE: &[&str] = &["rotate", "default", "--yes", "--no-input", "--grace", "7d"];

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Story {
    Rotation,
    Undo,
    /// The rotation of a key that a file has, too.
    Mixed,
    /// A key moves into the keychain.
    Import,
    /// And back.
    ImportUndo,
    /// A person gives a key, for the keychain.
    Add,
    /// The same for the credentials file, with a region.
    AddToFile,
}

impl Story {
    fn begin(self) -> Arc<Bed> {
        let bed = if self.moves() || self.adds() { Bed::plain(Settings::default()) } else { Bed::start() };
        match self {
            Story::Rotation | Story::Import => {}
            Story::Add | Story::AddToFile => drop(crate::add::fresh_key(&bed)),
            Story::ImportUndo => assert_eq!(run(&bed, IMPORT, &[]).code, Some(0)),
            Story::Undo => assert_eq!(run(&bed, GRACE, &[]).code, Some(0)),
            Story::Mixed => {
                let old = &bed.home.old;
                let text = format!("[copy]\naws_access_key_id = {}\naws_secret_access_key = {}\n", old.id, old.secret);
                bed.home.write(".aws/credentials", &text);
            }
        }
        bed
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Story::Undo => UNDO,
            Story::Rotation | Story::Mixed => ROTATE,
            Story::Import => IMPORT,
            Story::ImportUndo => IMPORT_UNDO,
            Story::Add => crate::add::ADD,
            Story::AddToFile => crate::add::ADD_TO_FILE,
        }
    }

    fn moves(self) -> bool {
        matches!(self, Story::Import | Story::ImportUndo)
    }

    fn adds(self) -> bool {
        matches!(self, Story::Add | Story::AddToFile)
    }

    /// The key is in every section or in an item that the next run knows.
    fn check_move(bed: &Bed, place: &str) {
        let old = &bed.home.old;
        let text = bed.read(".aws/credentials").unwrap_or_else(|| panic!("{place}: no file"));
        let in_file = text.matches(&old.secret).count() == 2 && text.matches(&old.id).count() == 2;
        let in_item = bed.get("default").unwrap() == Some(content(old)) && bed.knows("default");
        assert!(in_file || in_item, "{place}: the key is lost");
        assert!(text.contains(&bed.home.other.secret), "{place}: another key is lost");
    }

    /// What holds at any time.
    fn check(self, bed: &Bed, place: &str) {
        if self.moves() {
            return Self::check_move(bed, place);
        }
        if self.adds() {
            return crate::add::is_whole_or_nothing(bed, place);
        }
        let item = bed.get(ITEM).unwrap().unwrap_or_else(|| panic!("{place}: no item"));
        let keys = bed.home.lab.world().keys.clone();
        let of_item = keys.iter().find(|key| content(key) == item);
        let file = (self == Story::Mixed).then(|| std::fs::read_to_string(bed.home.path().join(".aws/credentials")).unwrap());
        let of_file = file.map(|text| keys.iter().find(|key| text.contains(&key.id) && text.contains(&key.secret)));
        for key in [Some(of_item), of_file].into_iter().flatten() {
            let key = key.unwrap_or_else(|| panic!("{place}: a place without a whole pair"));
            assert_eq!(bed.home.lab.accepts(&key.id, &key.secret), Verdict::Yes, "{place}");
        }
        if self != Story::Mixed {
            in_no_file(&bed.home, place);
        }
    }

    fn end(self, bed: &Bed, place: &str) {
        match self {
            Story::Rotation => bed.holds_only(&bed.newest()),
            Story::Undo => bed.holds_only(&bed.home.old),
            Story::Import => crate::import::is_moved(bed),
            Story::ImportUndo => crate::import::is_as_before(bed),
            Story::Add => crate::add::is_in_item(bed),
            Story::AddToFile => crate::add::is_in_file(bed),
            Story::Mixed => {
                let new = bed.newest();
                let text = std::fs::read_to_string(bed.home.path().join(".aws/credentials")).unwrap();
                assert!(text.contains(&new.secret) && bed.get(ITEM) == Ok(Some(content(&new))), "{place}: not rotated");
                assert!(bed.items() == [ITEM] && entries(&bed.home).is_empty(), "{place}: {:?}", bed.items());
            }
        }
    }
}

/// With the shortest waits, under strace with these options.
fn run(bed: &Bed, words: &[&str], strace: &[String]) -> Output {
    let mut run = bed.with(words);
    run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
    run.env.push(("PATH", "/usr/bin:/bin".to_owned()));
    if words.contains(&"--stdin") {
        run.input = crate::add::csv(&crate::add::newest(bed));
    }
    if !strace.is_empty() {
        run.prefix = ["strace".to_owned(), "-f".to_owned(), "-qq".to_owned()].into_iter().chain(strace.iter().cloned()).collect();
    }
    bed.home.run_with(&run)
}

/// Each call, by its number within the thread that makes it most often: strace counts so, too.
fn points(story: Story) -> Vec<(&'static str, usize)> {
    let bed = story.begin();
    let trace = bed.home.scratch("trace-of-calls");
    let output = run(&bed, story.words(), &[format!("-o{}", trace.display()), format!("-etrace={}", CALLS.join(","))]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let text = std::fs::read_to_string(trace).unwrap();
    let most = |call: &str| {
        let mut threads: BTreeMap<&str, usize> = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains(&format!(" {call}("))) {
            *threads.entry(line.split(' ').next().unwrap()).or_default() += 1;
        }
        threads.into_values().max().unwrap_or_default()
    };
    CALLS.iter().flat_map(|call| (1..=most(call)).map(move |nth| (*call, nth))).collect()
}

/// Killed as it makes this call for the nth time. Returns whether it was.
fn killed_at(story: Story, call: &str, nth: usize) -> bool {
    let place = format!("{story:?} {call} {nth}");
    let bed = story.begin();
    let inject = [format!("-einject={call}:signal=KILL:when={nth}"), format!("-etrace={call}"), "-o/dev/null".to_owned()];
    let killed = run(&bed, story.words(), &inject).code.is_none();
    story.check(&bed, &place);
    let output = run(&bed, story.words(), &[]);
    story.check(&bed, &place);
    match output.code {
        Some(0) => story.end(&bed, &place),
        // The answer to CreateAccessKey was there and kept nowhere yet: the key waits for a person, as any does whose secret nobody has.
        Some(10) if story != Story::Undo => assert_eq!(bed.get(ITEM), Ok(Some(content(&bed.home.old))), "{place}: {}", output.stderr),
        // It was over before it could say so.
        Some(1) if story == Story::ImportUndo && output.stderr.contains("nothing to undo") => story.end(&bed, &place),
        Some(1) if story.adds() && output.stderr.contains("has a key already") => story.end(&bed, &place),
        Some(1) if story == Story::Undo && output.stderr.contains("it was undone") => story.end(&bed, &place),
        code => panic!("{place}: {code:?} {}", output.stderr),
    }
    killed
}

fn killed_anywhere(story: Story) {
    let points = points(story);
    // A key for the file sends nothing to the keyring.
    let least = |call: &str| if story == Story::AddToFile && call == "sendmsg" { 0 } else { 4 };
    assert!(CALLS.iter().all(|call| points.iter().filter(|(other, _)| other == call).count() >= least(call)), "{points:?}");
    let killed = map(4, &points, |(call, nth)| std::panic::catch_unwind(|| killed_at(story, call, *nth)));
    let failed: Vec<_> = points.iter().zip(&killed).filter(|(_, killed)| killed.is_err()).map(|(point, _)| point).collect();
    assert!(failed.is_empty(), "of {} points: {failed:?}", points.len());
    let killed = killed.into_iter().filter(|killed| matches!(killed, Ok(true))).count();
    assert!(killed * 2 > points.len(), "{killed} of {} points were reached", points.len());
}

#[test]
fn a_rotation_that_is_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(Story::Rotation);
}

#[test]
fn an_undo_that_is_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(Story::Undo);
}

#[test]
fn a_rotation_of_an_item_and_a_file_that_is_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(Story::Mixed);
}

#[test]
fn an_import_that_is_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(Story::Import);
}

#[test]
fn an_import_that_is_taken_back_and_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(Story::ImportUndo);
}

#[test]
fn a_key_that_is_added_and_killed_anywhere_is_added_by_the_next() {
    killed_anywhere(Story::Add);
}

#[test]
fn a_key_that_is_added_to_the_file_and_killed_anywhere_is_added_by_the_next() {
    killed_anywhere(Story::AddToFile);
}
