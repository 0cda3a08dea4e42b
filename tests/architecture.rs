//! Imports go down only: reads every path below `crate::` in `src/` and holds it against the levels of the house.
//!
//! Invariant: a folder that has no level yet fails, so that a new room is given its place before anybody leans on it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test bench: it stops loudly")]

use std::path::{Path, PathBuf};

/// The rooms by level, the lowest last. Rooms of one level do not import each other, but for [`NEIGHBOURS`].
const LEVELS: [&[&str]; 6] = [
    &["cli"],
    &["commands"],
    &["rotation", "session", "keys", "mfa", "root_key", "audit", "alarm", "timer", "doctor"],
    &["holder", "journal"],
    &["profile", "aws"],
    &["os", "model"],
];

/// Pairs of one level in which the first may import the second.
const NEIGHBOURS: [(&str, &str); 3] = [("holder", "journal"), ("journal", "holder"), ("os", "model")];

/// What may lie in `src/` itself.
const TOP: [&str; 3] = ["ARCHITECTURE.md", "lib.rs", "main.rs"];

#[test]
fn imports_go_down_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut imports = 0;
    for path in files(&source) {
        let inside = path.strip_prefix(&source).unwrap().to_owned();
        if inside.components().count() == 1 {
            if !TOP.contains(&inside.to_str().unwrap()) {
                wrong.push(format!("src/{} lies outside the rooms", inside.display()));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            imports += references(&text, depth(&inside)).len();
            wrong.extend(judge(&inside, &text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(imports > 20, "only {imports} imports were found: the reader is broken");
}

/// What is wrong with the imports of the file at `inside`, a path below `src/`.
fn judge(inside: &Path, text: &str) -> Vec<String> {
    let room = inside.components().next().and_then(|first| first.as_os_str().to_str()).unwrap_or_default();
    let Some(from) = level(room) else { return vec![format!("src/{room} has no level: give it one in tests/architecture.rs")] };
    let judge = |(line, to): (usize, String)| {
        let place = format!("src/{}:{line}", inside.display());
        match level(&to) {
            None => Some(format!("{place} imports crate::{to}, which is no room")),
            Some(_) if to == room => None,
            Some(level) if level < from => Some(format!("{place} imports {to}, which is above {room}")),
            Some(level) if level == from && !NEIGHBOURS.contains(&(room, to.as_str())) => {
                Some(format!("{place} imports {to}, which is beside {room}"))
            }
            Some(_) => None,
        }
    };
    references(text, depth(inside)).into_iter().filter_map(judge).collect()
}

/// The room's place from the top, where a smaller number is higher.
fn level(room: &str) -> Option<usize> {
    LEVELS.iter().position(|rooms| rooms.contains(&room))
}

/// How many `super::` lead from the file's module to the crate.
fn depth(inside: &Path) -> usize {
    inside.components().count() - usize::from(inside.file_name().is_some_and(|name| name == "mod.rs"))
}

/// The first segment of each path that starts at the crate, with its line. A chain of `super::` counts when it names a room: in an inline
/// module the same chain ends one step lower.
fn references(text: &str, depth: usize) -> Vec<(usize, String)> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let by_name = paths(&code, "crate::");
    let by_chain = paths(&code, &"super::".repeat(depth)).into_iter().filter(|(_, segment)| level(segment).is_some());
    let mut found: Vec<_> = by_name.into_iter().chain(by_chain).collect();
    found.sort();
    found.dedup();
    found
}

fn paths(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root) {
        // `my_crate::` is another word.
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            let line = code[..at].matches('\n').count() + 1;
            found.extend(segments(&code[at + root.len()..]).into_iter().map(|segment| (line, segment)));
        }
    }
    found
}

/// The segments that follow: one name, or the first name of each member of a group.
fn segments(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else { return name(rest).into_iter().collect() };
    let (mut names, mut nesting, mut expects) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => nesting += 1,
            '}' if nesting == 0 => break,
            '}' => nesting -= 1,
            ',' if nesting == 0 => expects = true,
            c if expects && !c.is_whitespace() => {
                names.extend(name(&group[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    names
}

fn name(rest: &str) -> Option<String> {
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn what_goes_up_or_sideways_is_caught_however_it_is_written() {
    for (file, text, caught) in [
        ("os/lock.rs", "use crate::commands::rotate;", "src/os/lock.rs:1 imports commands, which is above os"),
        ("model/age.rs", "\nuse crate::os::clock;", "src/model/age.rs:2 imports os, which is beside model"),
        ("aws/iam.rs", "fn f() { crate::profile::settings() }", "src/aws/iam.rs:1 imports profile, which is beside aws"),
        (
            "profile/a.rs",
            "pub use crate::{\n    model::{A, B},\n    aws::C,\n};",
            "src/profile/a.rs:1 imports aws, which is beside profile",
        ),
        ("rotation/drive.rs", "use crate::session;", "src/rotation/drive.rs:1 imports session, which is beside rotation"),
        ("rotation/mod.rs", "use super::cli::Cli;", "src/rotation/mod.rs:1 imports cli, which is above rotation"),
        ("rotation/drive.rs", "use super::super::cli::Cli;", "src/rotation/drive.rs:1 imports cli, which is above rotation"),
        ("holder/a/b.rs", "use super::super::super::mfa;", "src/holder/a/b.rs:1 imports mfa, which is above holder"),
        ("journal/mod.rs", "use crate::tools::x;", "src/journal/mod.rs:1 imports crate::tools, which is no room"),
        ("tools/mod.rs", "", "src/tools has no level: give it one in tests/architecture.rs"),
    ] {
        assert_eq!(judge(Path::new(file), text), [caught], "{text}");
    }
}

#[test]
fn what_goes_down_or_stays_is_not() {
    for (file, text) in [
        ("cli/mod.rs", "use crate::{commands, os::terminal::Console, model::Age, cli::render};"),
        ("commands/rotate.rs", "use crate::rotation::drive;\nuse crate::session::obtain;\nuse crate::aws::iam;"),
        ("holder/aws_file.rs", "use crate::journal::Journal;\nuse crate::profile::Document;"),
        ("journal/mod.rs", "use crate::holder::Holding;"),
        ("os/lock.rs", "use crate::os::clock;\nuse crate::model::Timing;\n// use crate::cli;\n/// [`crate::cli::run`]"),
        ("os/mod.rs", "mod tests { use super::clock; use super::*; }"),
        ("rotation/next.rs", "use super::record::Record;\nmod tests { use super::super::record; use super::*; }\nuse other_crate::cli;"),
    ] {
        assert_eq!(judge(Path::new(file), text), Vec::<String>::new(), "{text}");
    }
}
