//! What is written down of a device that is being made, what is true of one that a run left behind, and the line that names it.
//!
//! Invariant: a device counts as ours only where AWS gave it to us, or where nobody had its name just before we asked for it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::holder::{HolderError, Moving, UnderWay};
use crate::journal::{Entry, JournalError};
use crate::model::{Arn, MfaSerial, ProfileName};
use crate::os::disk::Disk;
use crate::profile::{AwsFiles, Document, EditError, FileKind, Shown};

/// What the edit of the config file leaves is named by this.
const TAG: &str = "mfa";

/// A device that is being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The profile that is to name it.
    pub profile: ProfileName,
    /// The user who is to have it.
    pub user: Arn,
    /// The device.
    pub serial: MfaSerial,
    /// No device of the account had its name just before.
    pub was_free: bool,
    /// AWS made it, and said so.
    pub is_made: bool,
    /// How far the edit of the config file is.
    #[serde(default)]
    under_way: UnderWay,
}

/// What is true of a device that a run left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The user has it: what is missing is the line that names it.
    Enabled,
    /// Nobody has it, and nobody has its seed: it is to go, where it is there.
    HalfMade,
    /// It may be somebody else's.
    NotOurs,
}

/// The line could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file.
    #[error(transparent)]
    File(#[from] HolderError),
    /// What is written down of it.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The enrolments in this directory that are not finished, and why others cannot be read.
pub fn unfinished(disk: &dyn Disk, directory: &Path) -> (Vec<Enrolment>, Vec<JournalError>) {
    let (all, wrong) = Entry::load_all(disk, directory);
    (all.into_iter().map(|(_, enrolment)| enrolment).collect(), wrong)
}

/// What becomes of the config file where the profile names this device; nothing where it does already.
pub fn shown(files: &AwsFiles, profile: &ProfileName, serial: &MfaSerial) -> Result<Option<Shown>, EditError> {
    let lines = edited(files, |document| document.shown_mfa_serial(profile, serial))?;
    Ok((!lines.is_empty()).then(|| Shown { path: files.path(FileKind::Config).to_owned(), lines }))
}

/// Something of the config file; one that does not exist is empty.
fn edited<T>(files: &AwsFiles, act: impl Fn(&Document) -> Result<T, EditError>) -> Result<T, EditError> {
    match files.config() {
        Some(document) => act(document),
        None => act(&Document::parse(FileKind::Config, Vec::new()).map_err(|_| EditError::NotExact)?),
    }
}

impl Enrolment {
    /// A device that is about to be made.
    pub fn new(profile: ProfileName, user: Arn, serial: MfaSerial, was_free: bool) -> Self {
        Self { profile, user, serial, was_free, is_made: false, under_way: UnderWay::default() }
    }

    /// What the device is now, where these are the user's own.
    pub fn left(&self, own: &[String]) -> Left {
        match (self.is_made || self.was_free, own.iter().any(|serial| serial == self.serial.as_str())) {
            (false, _) => Left::NotOurs,
            (true, true) => Left::Enabled,
            (true, false) => Left::HalfMade,
        }
    }

    /// What was interrupted, for a sentence.
    pub fn told(&self) -> String {
        format!("the making of the MFA device {} ({})", self.serial, self.profile)
    }

    /// The command that goes on.
    pub fn again(&self) -> String {
        format!("keyrotate mfa enroll {}", self.profile.quoted())
    }

    /// The config file as it is to be, where it is as it is now.
    pub fn config_after(&self, files: &AwsFiles) -> Result<Zeroizing<Vec<u8>>, EditError> {
        edited(files, |document| self.edit(document))
    }

    /// Proves, leaving nothing behind, that the line can be written.
    pub fn check_writable(&self, disk: &dyn Disk, config: &Path) -> Result<(), HolderError> {
        let edit = |document: &Document| self.edit(document);
        match disk.facts(config) {
            Ok(_) => Moving::new(disk, FileKind::Config, config.to_owned(), &edit).check_writable(),
            // It is made with the line.
            Err(_) => Ok(()),
        }
    }

    /// Writes the line, from wherever that was left.
    pub fn write(&mut self, disk: &dyn Disk, config: &Path, entry: &mut Entry<'_>) -> Result<(), WriteError> {
        let fixed = self.clone();
        let edit = |document: &Document| fixed.edit(document);
        let moving = Moving::new(disk, FileKind::Config, config.to_owned(), &edit);
        let at = self.under_way.clone();
        moving.carry_out(TAG, at, true, &mut |at| {
            self.under_way = at.clone();
            Ok(entry.update(self)?)
        })
    }

    fn edit(&self, document: &Document) -> Result<Zeroizing<Vec<u8>>, EditError> {
        document.set_mfa_serial(&self.profile, &self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_deleted_only_where_it_is_ours_and_nobody_has_it() {
        let serial = MfaSerial::parse("arn:aws:iam::111122223333:mfa/dev").unwrap();
        let user = Arn::parse("arn:aws:iam::111122223333:user/dev").unwrap();
        let (own, none) = (vec![serial.to_string()], vec!["arn:aws:iam::111122223333:mfa/other".to_owned()]);
        for (was_free, is_made, own, left) in [
            (true, false, &none, Left::HalfMade),
            (false, true, &none, Left::HalfMade),
            (false, false, &none, Left::NotOurs),
            (true, false, &own, Left::Enabled),
            (true, true, &own, Left::Enabled),
            (false, false, &own, Left::NotOurs),
        ] {
            let enrolment = Enrolment { is_made, ..Enrolment::new(ProfileName::new("work"), user.clone(), serial.clone(), was_free) };
            assert_eq!(enrolment.left(own), left, "{was_free} {is_made}");
        }
    }
}
