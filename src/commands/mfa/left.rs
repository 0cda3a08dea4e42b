//! What an earlier `mfa enroll` left behind: a device in use is taken up, a half-made one is deleted.
//!
//! Invariant: a device that may be somebody else's is never deleted, and what cannot be deleted now stays written down.

use std::path::PathBuf;

use super::enroll::Enrolling;
use super::{UNCHANGED, directory};
use crate::aws::{AwsError, ErrorKind};
use crate::commands::failure::{Failure, FailureKind};
use crate::journal::Entry;
use crate::mfa::{Enrolment, Left};
use crate::model::MfaSerial;

/// What came of a half-made device.
pub(super) enum Gone {
    /// It is deleted, or never was.
    Deleted,
    /// The user has it after all.
    InUse,
    /// It stays for now.
    Stays(AwsError),
}

impl Enrolling<'_> {
    /// Deletes what is left half-made of this user. Returns the enrolment that only lacks its line, where there is one.
    pub(super) fn take_up(&self, own: &[String], notes: &mut Vec<String>) -> Result<Option<(PathBuf, Enrolment)>, Failure> {
        let found = Entry::list(&self.disk, &directory(self.asked.context));
        let mut enabled = None;
        for path in found.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))? {
            let enrolment: Enrolment =
                Entry::load(&self.disk, &path).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
            if enrolment.user != self.asked.identity.arn {
                continue;
            }
            match enrolment.left(own) {
                Left::Enabled => enabled = Some((path, enrolment)),
                Left::HalfMade => match self.delete(&enrolment.serial) {
                    Gone::Deleted => {
                        self.close(path, &enrolment)?;
                        notes.push(format!("{} had been interrupted, and the half-made device is deleted", enrolment.told()));
                    }
                    Gone::InUse => {
                        self.close(path, &enrolment)?;
                        notes.push(format!("{} belongs to another user by now, and stays", enrolment.serial));
                    }
                    Gone::Stays(error) => notes.push(stays(&enrolment, &error)),
                },
                Left::NotOurs => {
                    self.close(path, &enrolment)?;
                    notes.push(format!(
                        "{} had been interrupted, and it cannot be told whose the device is, without iam:ListVirtualMFADevices: look for it in the IAM console",
                        enrolment.told()
                    ));
                }
            }
        }
        Ok(enabled)
    }

    /// Deletes a device that nobody has.
    pub(super) fn delete(&self, serial: &MfaSerial) -> Gone {
        match self.asked.aws.delete_virtual_mfa_device(&self.asked.signer, serial) {
            Ok(()) => Gone::Deleted,
            Err(error) if error.kind == ErrorKind::Gone => Gone::Deleted,
            Err(error) if error.is_in_use() => Gone::InUse,
            Err(error) => Gone::Stays(error),
        }
    }

    /// Nothing of it is left to be done.
    pub(super) fn close(&self, path: PathBuf, enrolment: &Enrolment) -> Result<(), Failure> {
        let closed = Entry::resume(&self.disk, path, enrolment).and_then(|entry| entry.close(enrolment));
        closed.map_err(|error| Failure::from_error(FailureKind::Failed, &error))
    }
}

/// Why a half-made device is still there, and what removes it.
pub(super) fn stays(enrolment: &Enrolment, error: &AwsError) -> String {
    let wants_mfa = if error.is_explicit_deny() { " in an MFA session" } else { "" };
    format!("the half-made device {} is still there ({error}): `{}` deletes it{wants_mfa}", enrolment.serial, enrolment.again())
}
