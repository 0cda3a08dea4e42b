#![expect(clippy::disallowed_methods, reason = "tests stand in for other programs, which write as they like")]

use std::cell::{Cell, RefCell};
use std::fs;
use std::rc::Rc;

use super::*;
use crate::os::disk::{DiskFile, FileFacts, RealDisk};

const TEXT: &str = "# mine\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=canary-one\nregion = x\n\n[b]\naws_access_key_id=AKIAOTHER00000000001\naws_secret_access_key = other";

fn pair(id: &str, secret: &str) -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) }
}

fn old() -> AccessKeyPair {
    pair("AKIAIOSFODNN7EXAMPLE", "canary-one")
}

fn new() -> AccessKeyPair {
    pair("AKIANEW0000000000001", "canary-two")
}

fn edited() -> String {
    TEXT.replace(old().id.as_str(), new().id.as_str()).replace("canary-one", "canary-two")
}

struct Scratch {
    directory: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("credentials"), TEXT).unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("credentials")
    }

    fn file(&self) -> AwsFile<'static> {
        AwsFile::new(&RealDisk, FileKind::Credentials, self.path())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn names(&self) -> usize {
        fs::read_dir(self.directory.path()).unwrap().count()
    }
}

#[test]
fn a_pair_is_replaced_and_the_displaced_file_released() {
    let scratch = Scratch::new();
    let file = scratch.file();
    file.check_writable(&old()).unwrap();
    assert_eq!(scratch.names(), 1, "the probe is gone");
    let staged = file.prepare("r-0", &old(), &new()).unwrap();
    assert_eq!(scratch.text(), TEXT);
    let displaced = file.write(&staged, &old(), &new()).unwrap().unwrap();
    assert_eq!(scratch.text(), edited());
    // A crash after the exchange: the second call finds it done.
    assert_eq!(file.write(&staged, &old(), &new()).unwrap().as_ref(), Some(&displaced));
    file.release(&displaced, &old(), &new()).unwrap();
    assert_eq!((scratch.text(), scratch.names()), (edited(), 1));
}

#[test]
fn what_another_program_wrote_in_between_is_kept() {
    let scratch = Scratch::new();
    let file = scratch.file();
    let staged = file.prepare("r-0", &old(), &new()).unwrap();
    fs::write(scratch.path(), format!("{TEXT}\n# added")).unwrap();
    assert!(matches!(file.write(&staged, &old(), &new()), Err(HolderError::Changed { .. })));
    assert_eq!((scratch.text(), scratch.names()), (format!("{TEXT}\n# added"), 1));
}

#[test]
fn what_an_open_writer_adds_after_the_exchange_is_taken_over() {
    let scratch = Scratch::new();
    let file = scratch.file();
    let staged = file.prepare("r-0", &old(), &new()).unwrap();
    let displaced = file.write(&staged, &old(), &new()).unwrap().unwrap();
    fs::write(&displaced.path, format!("{TEXT}\n# late")).unwrap();
    file.release(&displaced, &old(), &new()).unwrap();
    assert_eq!((scratch.text(), scratch.names()), (format!("{}\n# late", edited()), 1));
}

#[test]
fn what_a_change_left_is_swept_though_the_file_is_away() {
    let scratch = Scratch::new();
    let file = scratch.file();
    let staged = file.prepare("r-0", &old(), &new()).unwrap();
    file.write(&staged, &old(), &new()).unwrap();
    fs::remove_file(scratch.path()).unwrap();
    assert!(file.sweep("r-", None, &[]).is_empty());
    assert_eq!(scratch.names(), 0);
}

#[test]
fn a_writer_in_the_middle_of_its_work_gets_its_file_back() {
    let scratch = Scratch::new();
    let file = scratch.file();
    let staged = file.prepare("r-0", &old(), &new()).unwrap();
    let displaced = file.write(&staged, &old(), &new()).unwrap().unwrap();
    fs::write(&displaced.path, "[default]\naws_acc").unwrap();
    assert!(matches!(file.release(&displaced, &old(), &new()), Err(HolderError::Busy { .. })));
    assert_eq!(scratch.text(), "[default]\naws_acc");
}

#[test]
fn of_two_newest_versions_the_displaced_one_is_kept() {
    for theirs in [format!("{TEXT}# theirs\n"), TEXT.replace("canary-one", "another")] {
        let scratch = Scratch::new();
        let file = scratch.file();
        let staged = file.prepare("r-0-0", &old(), &new()).unwrap();
        let displaced = file.write(&staged, &old(), &new()).unwrap().unwrap();
        fs::write(&displaced.path, &theirs).unwrap();
        fs::write(scratch.path(), "# other\n").unwrap();
        let error = file.release(&displaced, &old(), &new()).unwrap_err();
        let HolderError::Kept { kept, .. } = &error else { panic!("{error}") };
        assert!(kept.ends_with("credentials.keyrotate-kept-r-0-0") && error.to_string().contains("keyrotate-kept"), "{error}");
        assert_eq!((fs::read_to_string(kept).unwrap(), scratch.text()), (theirs, "# other\n".to_owned()));
        file.release(&displaced, &old(), &new()).unwrap();
        assert!(file.sweep("r-", None, &[displaced]).is_empty());
        assert_eq!(scratch.names(), 2);
    }
}

#[test]
fn what_somebody_wrote_into_a_displaced_file_survives_the_sweep() {
    let scratch = Scratch::new();
    let file = scratch.file();
    let staged = file.prepare("r-0-0", &old(), &new()).unwrap();
    let displaced = file.write(&staged, &old(), &new()).unwrap().unwrap();
    fs::write(&displaced.path, "# theirs\n").unwrap();
    let kept = file.sweep("r-", Some(&staged), &[]);
    assert_eq!(kept, [scratch.directory.path().join("credentials.keyrotate-kept-r-0-0")]);
    assert_eq!((fs::read_to_string(&kept[0]).unwrap(), scratch.text(), scratch.names()), ("# theirs\n".to_owned(), edited(), 2));
}

/// What the holder shows of a file with this text; the file itself is put back as it began.
#[cfg(unix)]
fn look_at(scratch: &Scratch, text: &str, to: &AccessKeyPair, staged: &Staged) -> Sight {
    fs::write(scratch.path(), text).unwrap();
    let sight = scratch.file().look(&old(), Some(to), &[], Some(staged));
    fs::write(scratch.path(), TEXT).unwrap();
    sight
}

#[test]
#[cfg(unix)]
fn a_hard_linked_file_keeps_both_names_and_heals_when_torn() {
    let scratch = Scratch::new();
    let second = scratch.directory.path().join("second");
    fs::hard_link(scratch.path(), &second).unwrap();
    let file = scratch.file();
    file.check_writable(&old()).unwrap();
    let longer = pair("AKIANEW0000000000001", "canary-two-longer");
    for to in [new(), longer] {
        fs::write(scratch.path(), TEXT).unwrap();
        let wanted = TEXT.replace(old().id.as_str(), to.id.as_str()).replace("canary-one", to.secret.expose());
        let staged = file.prepare("r-0", &old(), &to).unwrap();
        let Staged::InPlace { offset, after, .. } = &staged else { panic!("{staged:?}") };
        RealDisk.open(&scratch.path()).unwrap().write_at(*offset, &after.expose()[..7]).unwrap();
        assert_eq!(file.look(&old(), Some(&to), &[], Some(&staged)), Sight::Torn);
        let theirs = scratch.text().replace("NEW", "XYZ") + "\n# mine too";
        assert_ne!(look_at(&scratch, &theirs, &to, &staged), Sight::Torn, "somebody's work is not a torn write of ours");
        RealDisk.open(&scratch.path()).unwrap().write_at(*offset, &after.expose()[..7]).unwrap();
        file.write(&staged, &old(), &to).unwrap();
        assert_eq!((scratch.text(), fs::read_to_string(&second).unwrap()), (wanted.clone(), wanted));
        file.write(&staged, &old(), &to).unwrap();
    }
    assert_eq!(scratch.names(), 2);
}

#[test]
#[cfg(unix)]
fn a_file_that_lost_its_second_name_is_prepared_anew_unless_it_is_torn() {
    let scratch = Scratch::new();
    let second = scratch.directory.path().join("second");
    fs::hard_link(scratch.path(), &second).unwrap();
    let file = scratch.file();
    let staged = file.prepare("r-0-0", &old(), &new()).unwrap();
    let Staged::InPlace { offset, after, .. } = &staged else { panic!("{staged:?}") };
    fs::remove_file(&second).unwrap();
    assert!(matches!(file.write(&staged, &old(), &new()), Err(HolderError::Changed { .. })));
    assert_eq!(scratch.text(), TEXT);
    assert!(matches!(file.prepare("r-0-1", &old(), &new()).unwrap(), Staged::Beside { .. }));
    RealDisk.open(&scratch.path()).unwrap().write_at(*offset, &after.expose()[..7]).unwrap();
    // Whole or in part: what is ours in it has to reach the disk.
    for _ in 0..2 {
        assert_eq!(file.write(&staged, &old(), &new()).unwrap(), None);
        assert_eq!(scratch.text(), edited());
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_gained_a_second_name_keeps_both() {
    let scratch = Scratch::new();
    let file = scratch.file();
    let staged = file.prepare("r-0-0", &old(), &new()).unwrap();
    fs::hard_link(scratch.path(), scratch.directory.path().join("second")).unwrap();
    assert!(matches!(file.write(&staged, &old(), &new()), Err(HolderError::Changed { .. })));
    assert_eq!((scratch.text().as_str(), scratch.names()), (TEXT, 2));
    assert!(matches!(file.prepare("r-0-1", &old(), &new()).unwrap(), Staged::InPlace { .. }));
}

#[test]
fn a_section_that_changed_hands_is_told_without_its_secret() {
    let scratch = Scratch::new();
    let foreign = |sections: &[&str], text: &str| {
        fs::write(scratch.path(), text).unwrap();
        let sections: Vec<String> = sections.iter().map(|name| (*name).to_owned()).collect();
        scratch.file().look(&old(), Some(&new()), &sections, None)
    };
    let Sight::Seen { old: held, new: moved, foreign: none, .. } = foreign(&["default"], TEXT) else { panic!() };
    assert_eq!((held, moved, none), (vec!["default".to_owned()], vec![], vec![]));
    let Sight::Seen { foreign: changed, .. } = foreign(&["default", "b"], TEXT) else { panic!() };
    assert_eq!(changed.first().map(|it| it.what.as_str()), Some("AKIAOTHER00000000001"));
    let Sight::Seen { foreign: secret, .. } = foreign(&["default"], &TEXT.replace("canary-one", "canary-9")) else { panic!() };
    assert!(secret[0].what.contains("another secret") && !secret[0].what.contains("canary"));
    assert!(matches!(foreign(&["default"], "[x"), Sight::Unreadable { .. }));
    fs::remove_file(scratch.path()).unwrap();
    assert_eq!(scratch.file().look(&old(), None, &["default".into()], None), Sight::Away);
}

/// The real disk, seen: what is written to new files. Existing files open with this error, if any.
#[derive(Default)]
struct Seen {
    opens_with: Option<i32>,
    written: Rc<RefCell<Vec<Vec<u8>>>>,
    synced: Cell<u32>,
}

struct SeenFile(Box<dyn DiskFile>, Rc<RefCell<Vec<Vec<u8>>>>);

impl DiskFile for SeenFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.1.borrow_mut().push(bytes.to_vec());
        self.0.write_at(offset, bytes)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

impl Disk for Seen {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        RealDisk.resolve(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        RealDisk.facts(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(directory)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(SeenFile(RealDisk.create(path, mode)?, Rc::clone(&self.written))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.opens_with.map_or_else(|| RealDisk.open(path), |code| Err(io::Error::from_raw_os_error(code)))
    }

    fn copy_attributes(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.copy_attributes(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        RealDisk.exchange(one, other)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.synced.set(self.synced.get() + 1);
        RealDisk.sync_directory(directory)
    }
}

#[test]
fn a_displaced_file_that_is_gone_is_gone_for_good() {
    let scratch = Scratch::new();
    let disk = Seen::default();
    let file = AwsFile::new(&disk, FileKind::Credentials, scratch.path());
    let gone = |path: PathBuf| Displaced { target: scratch.path(), path, content: String::new(), edited: String::new() };
    // The run before may have failed to sync its removal.
    file.release(&gone(scratch.directory.path().join(".credentials.keyrotate-r-0-0")), &old(), &new()).unwrap();
    assert_eq!(disk.synced.get(), 1);
    file.release(&gone(scratch.directory.path().join("away/.credentials.keyrotate-r-0-0")), &old(), &new()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_nobody_may_write_is_refused_and_one_that_only_its_mode_protects_is_not() {
    const IMMUTABLE: i32 = 1;
    const DENIED: i32 = 13;
    let scratch = Scratch::new();
    for (code, refused) in [(IMMUTABLE, true), (DENIED, false)] {
        let disk = Seen { opens_with: Some(code), ..Seen::default() };
        let file = AwsFile::new(&disk, FileKind::Credentials, scratch.path());
        let checked = file.check_writable(&old());
        assert_eq!(checked.is_err(), refused, "{code}: {checked:?}");
        if let Err(HolderError::Io { source, .. }) = checked {
            assert!(source.to_string().contains("immutable"), "{source}");
        }
        assert_eq!((scratch.text().as_str(), scratch.names()), (TEXT, 1));
    }
}

#[test]
fn the_probe_is_as_long_as_the_file_holds_no_secret_and_is_swept_after_a_crash() {
    let scratch = Scratch::new();
    let disk = Seen::default();
    let file = AwsFile::new(&disk, FileKind::Credentials, scratch.path());
    file.check_writable(&old()).unwrap();
    let written = disk.written.borrow().concat();
    assert_eq!(written.len(), TEXT.len());
    assert!(!String::from_utf8_lossy(&written).contains("canary"), "a kill would leave it");
    let left = scratch.directory.path().join(".credentials.keyrotate-probe");
    fs::write(&left, "left by a crash").unwrap();
    assert!(file.sweep("r-", None, &[]).is_empty());
    assert!(!left.exists());
}

#[test]
fn a_file_of_the_users_own_is_not_taken_for_a_temporary() {
    let scratch = Scratch::new();
    let (file, own) = (scratch.file(), scratch.directory.path().join(".credentials.second"));
    fs::write(&own, "mine").unwrap();
    let staged = file.prepare("r-0", &old(), &new()).unwrap();
    let displaced = file.write(&staged, &old(), &new()).unwrap().unwrap();
    fs::write(&displaced.path, format!("{TEXT}\n# late")).unwrap();
    file.release(&displaced, &old(), &new()).unwrap();
    assert_eq!((scratch.text(), scratch.names()), (format!("{}\n# late", edited()), 2));
    assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
}
