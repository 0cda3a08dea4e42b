//! Who else works on the AWS files. Invariant: whatever they wrote is remembered without our pairs, so that it can be told whether
//! anything of it was lost or changed.

use keyrotate::model::AccessKeyPair;

use super::files::{CONFIG, CREDENTIALS, LINKED};
use super::schedule::Edit;
use super::universe::Universe;

/// One AWS file as people know it.
#[derive(Default)]
pub struct Known {
    /// The name that counts, links followed.
    pub path: String,
    pub original: String,
    /// Every content that somebody wrote, without our pairs; `None` where they removed the file.
    pub versions: Vec<Option<String>>,
    /// Something of theirs could not be kept: it came between two operations that nothing can join.
    pub excused: bool,
    /// When they changed it last, as an effect's number.
    pub edited_at: u32,
    opened: Option<(usize, Vec<u8>)>,
    opened_at: u32,
    removed: Option<Vec<u8>>,
    notes: u32,
}

#[derive(Default)]
pub struct People {
    pub files: Vec<Known>,
}

impl People {
    /// A file, or what it displaced, may lose somebody's work by no fault of ours.
    pub fn excuse(&mut self, path: &str) {
        for file in &mut self.files {
            let (directory, name) = file.path.rsplit_once('/').unwrap_or_default();
            if path == file.path || path.starts_with(&format!("{directory}/.{name}.")) {
                file.excused = true;
            }
        }
    }
}

const OTHER: &str = "AKIASOMEBODYELSES001";

/// Puts the first files on the disk, with these pairs.
pub fn move_in(universe: &Universe, old: &AccessKeyPair, other: Option<&AccessKeyPair>) {
    let scene = &universe.schedule.scene;
    let (id, secret) = (old.id.as_str(), old.secret.expose());
    let mut credentials = format!(
        "# mine\r\n[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\n\
         [other]\naws_access_key_id={OTHER}\naws_secret_access_key=somebody\n[work]\naws_access_key_id={id}\naws_secret_access_key={secret}"
    );
    if let Some(other) = other {
        credentials += &format!("\n[second]\naws_access_key_id = {}\naws_secret_access_key = {}\n", other.id, other.secret.expose());
    }
    let config = match scene.two_files {
        true => format!("[profile deploy]\nregion = eu-west-1\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
        false => "[profile deploy]\nregion = eu-west-1\n".to_owned(),
    };
    for (path, text) in [(if scene.symlink { LINKED } else { CREDENTIALS }, credentials), (CONFIG, config)] {
        let mut disk = universe.disk.borrow_mut();
        disk.put_name(path, Some(text.as_bytes()), 0o640, 0);
        let inode = disk.names[path];
        disk.inodes[inode].pinned = scene.pinned && path != CONFIG;
        drop(disk);
        let versions = vec![Some(without_pairs(universe, &text))];
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

/// Somebody does this to a file.
pub fn edit(universe: &Universe, number: usize, edit: Edit) {
    let mut people = universe.people.borrow_mut();
    let file = &mut people.files[number];
    let path = file.path.clone();
    let (inode, now) = {
        let disk = universe.disk.borrow();
        (disk.names.get(&path).copied(), disk.content(&path).map(<[u8]>::to_vec))
    };
    file.excused |= is_split(universe, file);
    let noted = |file: &mut Known, bytes: &[u8]| {
        file.notes += 1;
        [bytes, format!("\n# note {}\n", file.notes).as_bytes()].concat()
    };
    match (edit, inode, now) {
        (Edit::NoteInPlace, Some(inode), Some(bytes)) => {
            let bytes = noted(file, &bytes);
            into(universe, file, inode, &bytes);
        }
        (Edit::NoteByRename, Some(_), Some(bytes)) => {
            let bytes = noted(file, &bytes);
            anew(universe, file, Some(&bytes));
        }
        (Edit::Open, Some(inode), Some(bytes)) => (file.opened, file.opened_at) = (Some((inode, bytes)), universe.beats.get()),
        (Edit::SaveInPlace, _, _) => {
            if let Some((inode, bytes)) = file.opened.take() {
                let bytes = noted(file, &bytes);
                into(universe, file, inode, &bytes);
            }
        }
        (Edit::SaveByRename, _, _) => {
            if let Some((_, bytes)) = file.opened.take() {
                let bytes = noted(file, &bytes);
                anew(universe, file, Some(&bytes));
            }
        }
        (Edit::Restore, _, _) => {
            let original = file.original.clone();
            anew(universe, file, Some(original.as_bytes()));
        }
        (Edit::Remove, Some(_), Some(bytes)) => {
            file.removed = Some(bytes);
            anew(universe, file, None);
        }
        (Edit::PutBack, None, _) => {
            if let Some(bytes) = file.removed.take() {
                anew(universe, file, Some(&bytes));
            }
        }
        (Edit::ForeignPair, Some(_), Some(bytes)) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let keys: Vec<(String, String)> =
                universe.iam.borrow().keys.iter().map(|key| (key.pair.id.to_string(), key.pair.secret.expose().to_owned())).collect();
            if let Some((id, secret)) = keys.into_iter().find(|(id, _)| text.contains(id)) {
                let text = text.replacen(&id, "AKIASOMEBODYELSES002", 1).replacen(&secret, "somebody", 1);
                anew(universe, file, Some(text.as_bytes()));
            }
        }
        (Edit::NoteInPlace | Edit::NoteByRename | Edit::Open | Edit::Remove | Edit::PutBack | Edit::ForeignPair, _, _) => {}
    }
}

/// Whether somebody's work is beside the file, displaced a moment ago: with another edit there are two newest versions, of which the
/// rotation keeps the displaced one. KNOWN: it could tell, and stop.
fn is_split(universe: &Universe, file: &Known) -> bool {
    let disk = universe.disk.borrow();
    let (directory, name) = file.path.rsplit_once('/').unwrap_or_default();
    let beside = format!("{directory}/.{name}.");
    disk.names.iter().any(|(path, inode)| path.starts_with(&beside) && disk.inodes[*inode].written_at > 0)
}

fn written(universe: &Universe, file: &mut Known, text: Option<&[u8]>) {
    file.versions.push(text.map(|bytes| without_pairs(universe, &String::from_utf8_lossy(bytes))));
    file.edited_at = universe.beats.get();
}

/// Over what the file has.
fn into(universe: &Universe, file: &mut Known, inode: usize, bytes: &[u8]) {
    // Somebody else changed the file while it was open: there are two newest versions.
    file.excused |= universe.disk.borrow().names.get(&file.path) != Some(&inode) && file.edited_at >= file.opened_at;
    written(universe, file, Some(bytes));
    let mut disk = universe.disk.borrow_mut();
    disk.put(inode, bytes, universe.beats.get());
    // Nobody has a name for it any more: the program wrote into a file that is gone, as it would have without us.
    if !disk.names.values().any(|named| *named == inode) {
        file.versions.pop();
    }
}

/// A new file in its place, or none.
fn anew(universe: &Universe, file: &mut Known, bytes: Option<&[u8]>) {
    written(universe, file, bytes);
    universe.disk.borrow_mut().put_name(&file.path, bytes, 0o640, universe.beats.get());
}
