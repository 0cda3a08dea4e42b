#![expect(clippy::disallowed_methods, reason = "tests stand in for other programs, which write as they like")]

use std::fs;

use super::*;
use crate::os::disk::RealDisk;

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
    file.sweep("r-");
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
fn a_section_that_changed_hands_is_told_without_its_secret() {
    let scratch = Scratch::new();
    let foreign = |sections: &[&str], text: &str| {
        fs::write(scratch.path(), text).unwrap();
        let sections: Vec<String> = sections.iter().map(|name| (*name).to_owned()).collect();
        scratch.file().look(&old(), Some(&new()), &sections, None)
    };
    let Sight::Seen { old: held, new: moved, foreign: none } = foreign(&["default"], TEXT) else { panic!() };
    assert_eq!((held, moved, none), (vec!["default".to_owned()], vec![], vec![]));
    let Sight::Seen { foreign: changed, .. } = foreign(&["default", "b"], TEXT) else { panic!() };
    assert_eq!(changed.first().map(|it| it.what.as_str()), Some("AKIAOTHER00000000001"));
    let Sight::Seen { foreign: secret, .. } = foreign(&["default"], &TEXT.replace("canary-one", "canary-9")) else { panic!() };
    assert!(secret[0].what.contains("another secret") && !secret[0].what.contains("canary"));
    assert!(matches!(foreign(&["default"], "[x"), Sight::Unreadable(_)));
    fs::remove_file(scratch.path()).unwrap();
    assert_eq!(scratch.file().look(&old(), None, &["default".into()], None), Sight::Away);
}
