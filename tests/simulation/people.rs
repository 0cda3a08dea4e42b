//! Who else works on the AWS files. Invariant: whatever they wrote is remembered without our pairs, so that it can be told whether
//! anything of it was lost or changed.

use keyrotate::model::AccessKeyPair;

use super::events::Edit;
use super::files::{CONFIG, CREDENTIALS, LINKED};
use super::invariants::pairs;
use super::universe::Universe;

/// A content that somebody wrote.
pub struct Version {
    /// Without our pairs; `None` where they removed the file.
    pub text: Option<String>,
    /// What they had read, and what they wrote over.
    from: [usize; 2],
    /// It was written into a file that had lost its name to ours.
    aside: bool,
}

/// One AWS file as people know it.
#[derive(Default)]
pub struct Known {
    /// The name that counts, links followed.
    pub path: String,
    pub original: String,
    pub versions: Vec<Version>,
    /// What somebody wrote into a file that has no name any more; with an unsynced name it may come back.
    lost: Vec<Version>,
    /// Something of theirs could not be kept: it came between two operations that nothing can join.
    pub excused: bool,
    /// When they changed it last, as an effect's number.
    pub edited_at: u32,
    opened: Option<Opened>,
    removed: Option<(Vec<u8>, usize)>,
    notes: u32,
}

struct Opened {
    inode: usize,
    bytes: Vec<u8>,
    version: usize,
}

impl Known {
    /// The start of the names that changes of ours use beside it.
    fn beside(&self) -> String {
        let (directory, name) = self.path.rsplit_once('/').unwrap_or_default();
        format!("{directory}/.{name}.")
    }

    /// The start of the names under which somebody's work is kept.
    pub fn kept(&self) -> String {
        format!("{}.keyrotate-kept-", self.path)
    }

    pub fn is_version(&self, skeleton: Option<&String>) -> bool {
        self.versions.iter().any(|version| version.text.as_ref() == skeleton)
    }

    /// The latest version with this text.
    fn number(&self, skeleton: Option<&String>) -> Option<usize> {
        self.versions.iter().rposition(|version| version.text.as_ref() == skeleton)
    }

    /// Whether the file may have this text at the end: it was written last; or it was written aside and has all that was written last.
    pub fn is_latest(&self, skeleton: Option<&String>) -> bool {
        let last = self.versions.last().and_then(|version| version.text.as_ref());
        let first = self.versions.iter().position(|version| version.text.as_ref() == last);
        let is_aside = self.number(skeleton).is_some_and(|number| self.versions[number].aside);
        last == skeleton || (is_aside && first.is_some_and(|first| self.is_in(first, skeleton)))
    }

    /// Whether everything that the version has is in the text, or was given up by those who wrote it.
    fn is_in(&self, version: usize, skeleton: Option<&String>) -> bool {
        let mut known: Vec<usize> = self.number(skeleton).into_iter().collect();
        let mut at = 0;
        while let Some(number) = known.get(at).copied() {
            at += 1;
            known.extend(self.versions[number].from.iter().filter(|from| **from != number));
        }
        known.iter().any(|number| self.versions[*number].text == self.versions[version].text)
    }
}

#[derive(Default)]
pub struct People {
    pub files: Vec<Known>,
}

impl People {
    /// A file, or what it displaced, may lose somebody's work by no fault of ours.
    pub fn excuse(&mut self, path: &str) {
        for file in &mut self.files {
            file.excused |= path == file.path || path.starts_with(&file.beside());
        }
    }
}

const OTHER: &str = "AKIASOMEBODYELSES001";

/// Puts the first files on the disk, with these pairs.
pub fn move_in(universe: &Universe, old: &AccessKeyPair, other: Option<&AccessKeyPair>) {
    let scene = &universe.schedule.scene;
    let (id, secret) = (old.id.as_str(), old.secret.expose());
    let other_section = format!("[other]\naws_access_key_id={OTHER}\naws_secret_access_key=somebody\n");
    let mut credentials = match scene.filed {
        true => format!(
            "# mine\r\n[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\n\
             {other_section}[work]\naws_access_key_id={id}\naws_secret_access_key={secret}"
        ),
        false => format!("# mine\r\n[default]\nregion = eu-west-1\n\n{other_section}"),
    };
    if let Some(other) = other {
        credentials += &format!("\n[second]\naws_access_key_id = {}\naws_secret_access_key = {}\n", other.id, other.secret.expose());
    }
    let config = match scene.two_files && scene.filed {
        true => format!("[profile deploy]\nregion = eu-west-1\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
        false => "[profile deploy]\nregion = eu-west-1\n".to_owned(),
    };
    for (path, text) in [(if scene.symlink { LINKED } else { CREDENTIALS }, credentials), (CONFIG, config)] {
        let mut disk = universe.disk.borrow_mut();
        disk.put_name(path, Some(text.as_bytes()), 0o640, 0);
        let inode = disk.names[path];
        disk.inodes[inode].pinned = scene.pinned && path != CONFIG;
        drop(disk);
        let versions = vec![Version { text: Some(without_pairs(universe, &text)), from: [0, 0], aside: false }];
        universe.people.borrow_mut().files.push(Known { path: path.to_owned(), original: text, versions, ..Known::default() });
    }
}

/// The text with each of our keys replaced by the same word.
pub fn without_pairs(universe: &Universe, text: &str) -> String {
    let mut text = text.to_owned();
    for key in &universe.iam.borrow().keys {
        if text.contains(key.pair.id.as_str()) || text.contains(key.pair.secret.expose()) {
            text = text.replace(key.pair.id.as_str(), "<id>").replace(key.pair.secret.expose(), "<secret>");
        }
    }
    text
}

fn skeleton(universe: &Universe, bytes: &[u8]) -> String {
    without_pairs(universe, &String::from_utf8_lossy(bytes))
}

/// Whether an access key ID stands with another key's secret.
fn is_mixed(universe: &Universe, bytes: &[u8]) -> bool {
    let iam = universe.iam.borrow();
    let is_not_its =
        |(id, secret): &(String, String)| iam.keys.iter().any(|key| key.pair.id.as_str() == id && key.pair.secret.expose() != secret);
    pairs(&String::from_utf8_lossy(bytes)).iter().any(is_not_its)
}

/// Somebody does this to a file.
pub fn edit(universe: &Universe, number: usize, edit: Edit) {
    let mut people = universe.people.borrow_mut();
    let file = &mut people.files[number];
    let path = file.path.clone();
    let (inode, now) = {
        let disk = universe.disk.borrow();
        (disk.names.get(&path).copied(), disk.content(&path).map(<[u8]>::to_vec))
    };
    let read = file.number(now.as_ref().map(|bytes| skeleton(universe, bytes)).as_ref());
    let Some(here) = read.filter(|_| !now.as_ref().is_some_and(|bytes| is_mixed(universe, bytes))) else {
        // A write in place is under way, or was cut off, of which they see a part.
        file.excused = true;
        return;
    };
    let noted = |file: &mut Known, bytes: &[u8]| {
        file.notes += 1;
        [bytes, format!("\n# note {}\n", file.notes).as_bytes()].concat()
    };
    match (edit, inode, now) {
        (Edit::NoteInPlace, Some(inode), Some(bytes)) => {
            let bytes = noted(file, &bytes);
            into(universe, file, inode, &bytes, here);
        }
        (Edit::NoteByRename, Some(_), Some(bytes)) => {
            let bytes = noted(file, &bytes);
            anew(universe, file, Some(&bytes), [here, here]);
        }
        (Edit::Open, Some(inode), Some(bytes)) => file.opened = Some(Opened { inode, bytes, version: here }),
        (Edit::SaveInPlace, _, _) => {
            if let Some(Opened { inode, bytes, version }) = file.opened.take() {
                let bytes = noted(file, &bytes);
                into(universe, file, inode, &bytes, version);
            }
        }
        (Edit::SaveByRename, _, _) => {
            if let Some(Opened { bytes, version, .. }) = file.opened.take() {
                let bytes = noted(file, &bytes);
                anew(universe, file, Some(&bytes), [version, here]);
            }
        }
        (Edit::Restore, _, _) => {
            let original = file.original.clone();
            anew(universe, file, Some(original.as_bytes()), [here, here]);
        }
        (Edit::Remove, Some(_), Some(bytes)) => {
            file.removed = Some((bytes, here));
            anew(universe, file, None, [here, here]);
        }
        (Edit::PutBack, None, _) => {
            if let Some((bytes, version)) = file.removed.take() {
                anew(universe, file, Some(&bytes), [version, here]);
            }
        }
        (Edit::ForeignPair, Some(_), Some(bytes)) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let keys: Vec<(String, String)> =
                universe.iam.borrow().keys.iter().map(|key| (key.pair.id.to_string(), key.pair.secret.expose().to_owned())).collect();
            if let Some((id, secret)) = keys.into_iter().find(|(id, _)| text.contains(id)) {
                let text = text.replacen(&id, "AKIASOMEBODYELSES002", 1).replacen(&secret, "somebody", 1);
                anew(universe, file, Some(text.as_bytes()), [here, here]);
            }
        }
        (Edit::NoteInPlace | Edit::NoteByRename | Edit::Open | Edit::Remove | Edit::PutBack | Edit::ForeignPair, _, _) => {}
    }
}

fn written(universe: &Universe, file: &mut Known, text: Option<&[u8]>, from: [usize; 2]) {
    file.versions.push(Version { text: text.map(|bytes| skeleton(universe, bytes)), from, aside: false });
    file.edited_at = universe.beats.get();
}

/// Over what the file has.
fn into(universe: &Universe, file: &mut Known, inode: usize, bytes: &[u8], read: usize) {
    let over = file.number(Some(&skeleton(universe, &universe.disk.borrow().inodes[inode].data)));
    let mut disk = universe.disk.borrow_mut();
    disk.put(inode, bytes, universe.beats.get());
    let is_named = disk.names.values().any(|named| *named == inode);
    drop(disk);
    if !is_named {
        // The program wrote into a file that is gone, as it would have without us.
        let text = Some(skeleton(universe, bytes));
        file.lost.push(Version { text, from: [read, over.unwrap_or(read)], aside: true });
    } else {
        written(universe, file, Some(bytes), [read, over.unwrap_or(read)]);
        let aside = universe.disk.borrow().names.get(&file.path) != Some(&inode);
        file.versions.last_mut().expect("one was written").aside = aside;
    }
}

/// Power failed: a name that was not on the disk gives a file back that was gone.
pub fn after_crash(universe: &Universe) {
    for file in &mut universe.people.borrow_mut().files {
        let there = universe.disk.borrow().content(&file.path).map(|bytes| skeleton(universe, bytes));
        if let Some(at) = file.lost.iter().position(|version| version.text == there) {
            let version = file.lost.remove(at);
            file.versions.push(version);
        }
    }
}

/// A new file in its place, or none.
fn anew(universe: &Universe, file: &mut Known, bytes: Option<&[u8]>, from: [usize; 2]) {
    written(universe, file, bytes, from);
    universe.disk.borrow_mut().put_name(&file.path, bytes, 0o640, universe.beats.get());
}

/// A file that the rotation removes, or puts another in the place of.
pub struct Doomed {
    path: String,
    file: usize,
    version: usize,
}

/// What is at the path, if somebody wrote it.
pub fn doomed(universe: &Universe, path: &str) -> Option<Doomed> {
    let (disk, people) = (universe.disk.borrow(), universe.people.borrow());
    let file = people.files.iter().position(|file| path == file.path || path.starts_with(&file.beside()))?;
    let skeleton = skeleton(universe, disk.content(path)?);
    let version = people.files[file].versions.iter().position(|version| version.text.as_ref() == Some(&skeleton))?;
    Some(Doomed { path: path.to_owned(), file, version })
}

/// Nothing of it is lost: the file has it, or another beside it.
pub fn gone(universe: &Universe, doomed: &Doomed) {
    let (disk, people) = (universe.disk.borrow(), universe.people.borrow());
    let file = &people.files[doomed.file];
    let there = disk.content(&file.path).map(|bytes| skeleton(universe, bytes));
    let beside = || disk.names.keys().filter(|name| name.starts_with(&file.beside()) || name.starts_with(&file.kept()));
    let is_beside =
        || beside().filter_map(|name| disk.content(name)).any(|bytes| file.is_in(doomed.version, Some(&skeleton(universe, bytes))));
    if !file.excused && file.is_version(there.as_ref()) && !file.is_in(doomed.version, there.as_ref()) && !is_beside() {
        let text = file.versions[doomed.version].text.clone();
        drop(people);
        universe.violated(format!("{} is removed with somebody's work: {text:?}", doomed.path));
    }
}
