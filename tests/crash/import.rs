//! `keys import`, and its undo, broken anywhere: the key is always in a place that the next run knows, `auto` finishes what was begun, and so does
//! the command itself.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use crate::bed::{Bed, content};
use crate::cases::{Kind, Scene};
use crate::home::{Home, Output, Problem, Run};
use crate::lab::{Key, Settings};

const IMPORT: &[&str] = &["keys", "import", "default", "--yes", "--no-input", "--force"];
const UNDO: &[&str] = &["keys", "import", "default", "--undo", "--yes", "--no-input"];
const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");
/// Without a device, so that the proof opens a session.
pub const CONFIG: &str = "# roles\n[default]\noutput = json\n";

const THERE: Kind = Kind { name: "keys import", start: || import(false), one_second_kill_in: 1, one_other_fault_in: 1 };
const BACK: Kind = Kind { name: "keys import --undo", start: || import(true), one_second_kill_in: 1, one_other_fault_in: 1 };

struct Import {
    bed: Arc<Bed>,
    is_back: bool,
}

/// Two profiles have the key in the credentials file, and sessions need no MFA.
pub fn start() -> Arc<Bed> {
    let bed = Bed::plain(Settings::default());
    let home = &bed.home;
    home.lab.on_commit(|_| {});
    home.write(".aws/config", CONFIG);
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).expect("a scratch HOME");
    home.write(".config/keyrotate/config.toml", "[defaults]\nrequire_mfa = false\n");
    // The AWS CLI is slow, and not what is tested here.
    std::fs::create_dir(home.scratch("programs")).expect("a scratch directory");
    let folders = std::env::var_os("PATH").unwrap_or_default();
    for tool in ["strace", "prlimit"] {
        let mut found = std::env::split_paths(&folders).map(|folder| folder.join(tool));
        let found = found.find(|path| path.is_file()).expect("a tool that the ring needs");
        symlink(found, home.scratch("programs").join(tool)).expect("a new name");
    }
    bed
}

/// A run that reaches the keychain, and not the machine's own AWS CLI.
pub fn words<'a>(bed: &Bed, words: &'a [&'a str]) -> Run<'a> {
    let mut run = bed.with(words);
    run.env.push(("KEYROTATE_TIME_SCALE", "0.02".to_owned()));
    run.env.push(("PATH", bed.home.scratch("programs").display().to_string()));
    run
}

/// The line of a profile whose key is in the keychain.
pub fn process(name: &str) -> String {
    format!("credential_process = {PROGRAM} credential-process {name}\n")
}

/// What is beside the AWS files. A probe has no secret, and the next one is made in its place: only at the end it is to be gone.
pub fn left_beside(home: &Home, is_end: bool) -> Vec<String> {
    let names = std::fs::read_dir(home.path().join(".aws")).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_known = |name: &str| ["config", "credentials"].contains(&name) || (!is_end && name.ends_with(".keyrotate-probe"));
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| !is_known(name)).collect()
}

/// The key is in the credentials file, or was there.
fn import(is_back: bool) -> Box<dyn Scene> {
    let bed = start();
    if is_back {
        let output = bed.home.run_with(&words(&bed, IMPORT));
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    }
    Box::new(Import { bed, is_back })
}

impl Scene for Import {
    fn home(&self) -> &Arc<Home> {
        &self.bed.home
    }

    fn run(&self) -> Run<'_> {
        words(&self.bed, if self.is_back { UNDO } else { IMPORT })
    }

    /// The key is whole in both sections, or in an item that the index knows and that both profiles lead to.
    fn look(&self, place: &str) {
        let (home, old) = (&self.bed.home, &self.bed.home.old);
        let (file, config) = (self.read("credentials"), self.read("config"));
        let counts = (file.matches(&old.id).count(), file.matches(&old.secret).count());
        let lines = config.matches("credential_process").count();
        let in_item = match self.bed.held() {
            Ok(items) => items.get("default") == Some(&content(old)) && self.bed.knows("default"),
            Err(why) => return home.problem(Problem::Locked, place, format_args!("the keychain: {why}")),
        };
        if counts != (2, 2) && counts != (0, 0) {
            home.problem(Problem::Torn, place, format_args!("{counts:?} in the credentials file"));
        }
        if counts != (2, 2) && !in_item {
            home.problem(Problem::Lost, place, "neither the file nor a known item has the key");
        }
        if counts != (2, 2) && lines != 2 {
            home.problem(Problem::Locked, place, format_args!("{counts:?} in the credentials file, and {lines} lines in the config file"));
        }
        if [&home.other.id, &home.other.secret].iter().any(|part| !file.contains(part.as_str())) {
            home.problem(Problem::Foreign, place, &home.other.id);
        }
    }

    fn resume(&self, broken: Output) {
        let home = &self.bed.home;
        if broken.code == Some(0) {
            return self.finish("after the first run");
        }
        let auto = home.run_with(&words(&self.bed, &["auto", "--now"]));
        self.look("after auto");
        self.is_over("after auto", &auto, false);
        let again = home.run_with(&self.run());
        self.look("after the resume");
        let was_over = self.is_back && again.code == Some(1) && again.stderr.contains("nothing to undo");
        if again.code != Some(0) && !was_over {
            home.problem(Problem::Stuck, "after the resume", format_args!("exit {:?}: {}", again.code, again.stderr.trim()));
        }
        self.finish("after the resume");
    }
}

impl Import {
    fn read(&self, name: &str) -> String {
        self.bed.read(&format!(".aws/{name}")).unwrap_or_default()
    }

    /// Nothing waits to be finished, and nothing of it is left beside the files.
    fn is_over(&self, place: &str, output: &Output, is_end: bool) {
        let home = &self.bed.home;
        let folder = home.path().join(".local/state/keyrotate/imports");
        let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
            if text.contains("\"is_moved\":false") || text.contains("\"is_back\":true") {
                let told = format!("exit {:?}, {}{}", output.code, output.stdout.trim(), output.stderr.trim());
                home.problem(Problem::Stuck, place, format_args!("{} waits: {told}", path.display()));
            }
        }
        let left = left_beside(home, is_end);
        if !left.is_empty() {
            home.problem(Problem::Leak, place, format_args!("left beside the files: {left:?}"));
        }
    }

    /// The files are as they are to be, byte for byte, and no item is there but that of the key.
    fn finish(&self, place: &str) {
        self.look(place);
        let (home, old) = (&self.bed.home, &self.bed.home.old);
        let is_pair = |line: &&str| line.starts_with("aws_") && (line.contains(&old.id) || line.contains(&old.secret));
        let before = home.start_text();
        let there: String = before.split_inclusive('\n').filter(|line| !is_pair(line)).collect();
        let config = format!("# roles\n[default]\n{}output = json\n[profile work]\n{}", process("default"), process("work"));
        let item = BTreeMap::from([("default".to_owned(), content(old))]);
        let expected = if self.is_back { (before, CONFIG.to_owned(), BTreeMap::new()) } else { (there, config, item) };
        let (file, lines, items) = (self.read("credentials"), self.read("config"), self.bed.held().unwrap_or_default());
        if (&file, &lines) != (&expected.0, &expected.1) {
            home.problem(Problem::Changed, place, format_args!("{} and {} bytes; {lines}", file.len(), lines.len()));
        }
        if items != expected.2 || self.bed.knows("default") == self.is_back {
            home.problem(Problem::Label, place, format_args!("keychain items: {:?}", items.keys()));
        }
        self.is_over(place, &Output::default(), true);
        let live: Vec<Key> = home.lab.live_keys("dev");
        if live.iter().map(|key| &key.id).ne([&old.id]) {
            home.problem(Problem::Foreign, place, format_args!("{} keys at AWS", live.len()));
        }
    }
}

#[test]
fn an_import_broken_anywhere_loses_nothing_and_is_finished() {
    crate::broken_anywhere(&THERE);
}

#[test]
fn an_import_that_is_taken_back_and_broken_anywhere_loses_nothing_and_is_finished() {
    crate::broken_anywhere(&BACK);
}
