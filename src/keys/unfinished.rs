//! Moves that a run began and did not finish, for who looks only: nothing is locked or written.

use std::path::Path;

use super::Import;
use crate::journal::{Entry, JournalError};
use crate::model::ProfileName;
use crate::os::disk::Disk;

/// The moves in this directory that are not finished, and why others cannot be read.
pub fn unfinished(disk: &dyn Disk, directory: &Path) -> (Vec<Import>, Vec<JournalError>) {
    let (all, wrong) = Entry::load_all::<Import>(disk, directory);
    let found = all.into_iter().map(|(_, import)| import).filter(|import| import.is_back || !import.is_moved);
    (found.collect(), wrong)
}

impl Import {
    /// What was interrupted, for a sentence.
    pub fn told(&self) -> String {
        let (what, way) = match self.given {
            Some(_) => ("addition", ""),
            None if self.is_back => ("move", " back into the files"),
            None => ("move", " into the keychain"),
        };
        let names: Vec<&str> = self.profiles.iter().map(ProfileName::as_str).collect();
        format!("the {what} of {} ({}){way}", self.id, names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
    use crate::os::disk::RealDisk;
    use crate::os::keychain::ItemName;
    use crate::profile::{AwsFiles, AwsPaths};

    fn import() -> Import {
        let id = AccessKeyId::parse("AKIAEXAMPLE000000001").unwrap();
        let pair = AccessKeyPair { id: id.clone(), secret: SecretAccessKey::new("canary") };
        let text = format!("[work]\naws_access_key_id = {id}\naws_secret_access_key = canary\n");
        let paths = AwsPaths { credentials: "/a".into(), config: "/b".into() };
        let files = AwsFiles::parse(paths, Some(text.into_bytes()), None).unwrap();
        let command = BTreeMap::from([(ProfileName::new("work"), "/bin/keyrotate credential-process work".to_owned())]);
        Import::plan(&files, &pair, ItemName::parse("work").unwrap(), &command).unwrap()
    }

    #[test]
    fn what_is_on_its_way_is_found_and_what_has_arrived_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        assert!(unfinished(&RealDisk, &scratch.path().join("none")).0.is_empty());
        for (is_back, is_moved, told, command) in [
            (false, false, Some("the move of AKIAEXAMPLE000000001 (work) into the keychain"), "keyrotate keys import work"),
            (false, true, None, ""),
            (true, false, Some("the move of AKIAEXAMPLE000000001 (work) back into the files"), "keyrotate keys import work --undo"),
        ] {
            let path = scratch.path().join("work.json");
            let entry = Entry::begin(&RealDisk, path, &Import { is_back, is_moved, ..import() }).unwrap();
            let (found, wrong) = unfinished(&RealDisk, scratch.path());
            assert_eq!(found.first().map(Import::told).as_deref(), told);
            assert!(wrong.is_empty() && found.iter().all(|import| import.again() == command));
            entry.close(&import()).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let scratch = tempfile::tempdir().unwrap();
        crate::os::atomic_file::replace(&RealDisk, &scratch.path().join("work.json"), b"torn").unwrap();
        let (found, wrong) = unfinished(&RealDisk, scratch.path());
        assert!(found.is_empty() && wrong.len() == 1, "{wrong:?}");
    }
}
