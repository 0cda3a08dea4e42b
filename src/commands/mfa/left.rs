//! What an earlier `mfa enroll` left behind: a device in use is taken up, a half-made one is deleted.
//!
//! Invariant: a device that may be somebody else's is never deleted, and what cannot be deleted now stays written down.

use std::path::PathBuf;

use super::{Asked, UNCHANGED, directory};
use crate::aws::{AwsError, ErrorKind};
use crate::commands::failure::{Failure, FailureKind};
use crate::journal::Entry;
use crate::mfa::{Enrolment, Left};
use crate::model::{Arn, MfaSerial};
use crate::os::disk::RealDisk;

/// What a person can do about a device that may be somebody else's.
pub(super) const WHOSE: &str = "it cannot be told whose the device is, without iam:ListVirtualMFADevices: look for it in the IAM console";

/// What came of a half-made device.
pub(super) enum Gone {
    /// It is deleted, or never was.
    Deleted,
    /// The user has it after all.
    Enabled,
    /// It may be somebody else's, and was left alone.
    NotOurs,
    /// AWS says that this user has it.
    Anothers(Arn),
    /// It stays for now.
    Stays(AwsError),
}

impl Asked<'_> {
    /// Deletes what is left half-made of this user. Returns the enrolment that only lacks its line, where there is one.
    pub(super) fn take_up(&self, own: &[String], notes: &mut Vec<String>) -> Result<Option<(PathBuf, Enrolment)>, Failure> {
        let found = Entry::list(&RealDisk, &directory(self.context));
        let mut enabled = None;
        for path in found.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))? {
            let enrolment: Enrolment =
                Entry::load(&RealDisk, &path).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
            if enrolment.user != self.identity.arn {
                continue;
            }
            match self.delete(&enrolment, own) {
                Gone::Enabled => enabled = Some((path, enrolment)),
                Gone::Deleted => {
                    self.close(path, &enrolment)?;
                    notes.push(format!("{} had been interrupted, and the half-made device is deleted", enrolment.told()));
                }
                Gone::NotOurs => {
                    self.close(path, &enrolment)?;
                    notes.push(format!("{} had been interrupted, and {WHOSE}", enrolment.told()));
                }
                Gone::Anothers(user) => {
                    self.close(path, &enrolment)?;
                    notes.push(format!("{} had been interrupted, and {}", enrolment.told(), anothers(&enrolment, &user)));
                }
                Gone::Stays(error) => notes.push(stays(&enrolment, &error)),
            }
        }
        Ok(enabled)
    }

    /// Deletes a device that is ours and that nobody has, where these are the user's own.
    pub(super) fn delete(&self, enrolment: &Enrolment, own: &[String]) -> Gone {
        match enrolment.left(own) {
            Left::Enabled => return Gone::Enabled,
            Left::NotOurs => return Gone::NotOurs,
            Left::HalfMade => {}
        }
        match self.aws.delete_virtual_mfa_device(&self.signer, &enrolment.serial) {
            Ok(()) => Gone::Deleted,
            Err(error) if error.kind == ErrorKind::Gone => Gone::Deleted,
            // AWS lists a device a while after it was enabled.
            Err(error) if error.is_in_use() && self.has(&enrolment.serial) => Gone::Enabled,
            Err(error) if error.is_in_use() => match self.holder(&enrolment.serial) {
                Some(user) if user == enrolment.user => Gone::Enabled,
                Some(user) => Gone::Anothers(user),
                None => Gone::Stays(error),
            },
            Err(error) => Gone::Stays(error),
        }
    }

    /// Whether AWS lists it among the user's devices.
    pub(super) fn has(&self, serial: &MfaSerial) -> bool {
        let own = self.aws.list_mfa_devices(&self.signer);
        own.is_ok_and(|own| own.iter().any(|other| other == serial.as_str()))
    }

    /// Who has the device, where AWS says so.
    fn holder(&self, serial: &MfaSerial) -> Option<Arn> {
        let all = self.aws.list_virtual_mfa_devices(&self.signer).ok()?;
        all.into_iter().find(|device| device.serial == serial.as_str())?.user
    }

    /// Nothing of it is left to be done.
    pub(super) fn close(&self, path: PathBuf, enrolment: &Enrolment) -> Result<(), Failure> {
        let closed = Entry::resume(&RealDisk, path, enrolment).and_then(|entry| entry.close(enrolment));
        closed.map_err(|error| Failure::from_error(FailureKind::Failed, &error))
    }
}

/// Whose a device is now, of which nothing is left to be done.
pub(super) fn anothers(enrolment: &Enrolment, user: &Arn) -> String {
    let name = user.resource().strip_prefix("user/").unwrap_or_else(|| user.resource());
    format!("{} is the MFA device of {name} now", enrolment.serial)
}

/// Why a half-made device is still there, and what removes it.
pub(super) fn stays(enrolment: &Enrolment, error: &AwsError) -> String {
    if error.is_in_use() {
        let (serial, again) = (&enrolment.serial, enrolment.again());
        return format!(
            "{serial} is in use, and AWS does not list it among the user's devices: `{again}` in a minute finishes it if it is"
        );
    }
    let wants_mfa = if error.is_explicit_deny() { " in an MFA session" } else { "" };
    format!("the half-made device {} is still there ({error}): `{}` deletes it{wants_mfa}", enrolment.serial, enrolment.again())
}
