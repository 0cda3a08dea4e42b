//! `keyrotate mfa enroll`: a new virtual device, from its QR code at the terminal to the line of the config file that names it.
//!
//! Invariants: everything is looked at before the device is made; a device that is ours and not enabled is deleted before the command ends, or stays
//! written down; no entry is written over another one; the seed is shown at the terminal and is nowhere else.

use std::io::ErrorKind;

use super::left::{Gone, WHOSE, anothers, stays};
use super::{Asked, UNCHANGED, agreed, directory, nobody};
use crate::aws::NewMfaDevice;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::journal::Entry;
use crate::mfa::{Enrolment, MOST, Picture, address, free_name, in_groups, serial, shown};
use crate::model::{MfaKind, MfaSerial, ProfileName, shell_word};
use crate::os::disk::{Disk, RealDisk};
use crate::os::lock::{Lock, LockError};
use crate::os::private_directory::private_directory;
use crate::os::signals::Signals;
use crate::os::terminal::{Console, is_without_colours};
use crate::profile::{AwsFiles, EditError, FileKind, Shown};

/// What was scanned of a device that is deleted.
const PHONE: &str = "delete its entry in the authenticator app, whose codes count nowhere";

/// What `mfa enroll` was asked for.
#[derive(Clone, Debug, Default)]
pub struct EnrollOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// What the device is to be called; none means the user's name.
    pub name: Option<String>,
    /// No confirmation.
    pub yes: bool,
}

impl EnrollOptions {
    /// The command that has these options.
    fn command(&self) -> String {
        let profile = self.profile.iter().map(|profile| shell_word(profile));
        let name = self.name.iter().map(|name| format!("--name {}", shell_word(name)));
        let yes = self.yes.then(|| "--yes".to_owned());
        ["keyrotate mfa enroll".to_owned()].into_iter().chain(profile).chain(name).chain(yes).collect::<Vec<_>>().join(" ")
    }
}

/// Who asks, and how.
pub struct Request<'a> {
    /// The person.
    pub console: &'a Console,
    /// What asks to stop.
    pub signals: &'a Signals,
    /// The options.
    pub options: &'a EnrollOptions,
    /// What shows the change of the config file.
    pub tell: &'a dyn Fn(&[Shown]),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// What became of the device; none where the person wanted no other one.
    pub device: Option<(MfaSerial, Named)>,
    /// The profile.
    pub profile: ProfileName,
    /// The user.
    pub user_name: String,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Whether the config file names the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It does.
    Yes,
    /// The person did not want that.
    Declined,
}

/// Runs the command.
pub fn enroll(context: &Context, request: &Request<'_>) -> Result<Enrolled, Failure> {
    let Request { console, options, .. } = *request;
    if !console.can_ask() {
        let why = "a new MFA device is scanned from the terminal, and there is no terminal that somebody sits at";
        return Err(nobody(why, &options.command()));
    }
    let asked = Asked::new(context, options.profile.as_deref())?;
    let enrolling = Enrolling { asked: &asked, request, disk: RealDisk };
    for path in [context.paths.state_dir.clone(), directory(context)] {
        private_directory(&path).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
    }
    // Another one's half-made device is not left behind while it is being made.
    let _lock = enrolling.lock("mfa.lock")?;
    request.signals.hold();
    enrolling.run()
}

/// The making of a device.
struct Enrolling<'a> {
    asked: &'a Asked<'a>,
    request: &'a Request<'a>,
    disk: RealDisk,
}

impl Enrolling<'_> {
    fn run(&self) -> Result<Enrolled, Failure> {
        let (asked, console) = (self.asked, self.request.console);
        let own: Vec<String> = asked.devices()?.into_iter().map(|device| device.serial).collect();
        let mut notes = Vec::new();
        if let Some((path, mut enrolment)) = asked.take_up(&own, &mut notes)? {
            let entry = Entry::resume(&self.disk, path, &enrolment).map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
            notes.push(format!("{} had been interrupted after the device was enabled", enrolment.told()));
            let named = self.name_it(entry, &mut enrolment)?;
            return Ok(self.enrolled(Some((enrolment.serial, named)), notes));
        }
        notes.iter().for_each(|note| console.note(note));
        if own.len() >= MOST {
            let message = format!("{} has {MOST} MFA devices, and no user has more", asked.user_name);
            let hint = "remove one in the IAM console, or put one of them into the profile as mfa_serial";
            return Err(Failure { causes: own, ..Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint) });
        }
        let usable: Vec<&str> = own.iter().filter(|serial| MfaKind::of(serial).shows_codes()).map(String::as_str).collect();
        if !usable.is_empty() && !self.request.options.yes {
            let text = format!("{} has {} already: make another MFA device?", asked.user_name, usable.join(", "));
            match agreed(console, text, "make it", "leave it") {
                Some(true) => {}
                Some(false) => return Ok(self.enrolled(None, Vec::new())),
                None => return Err(self.stopped().state(UNCHANGED)),
            }
        }
        let (entry, mut enrolment, device) = self.make()?;
        if let Err(failure) = self.enable(&device) {
            return Err(self.take_back(entry, &enrolment, failure, Some(PHONE)));
        }
        drop(device);
        let named = self.name_it(entry, &mut enrolment)?;
        Ok(self.enrolled(Some((enrolment.serial, named)), Vec::new()))
    }

    /// Makes a device, written down before it is there.
    fn make(&self) -> Result<(Entry<'_>, Enrolment, NewMfaDevice), Failure> {
        let (asked, console, options) = (self.asked, self.request.console, self.request.options);
        // Where they cannot be listed AWS says by itself that a name is taken; a device that is left then is nobody's for certain.
        let taken = asked.aws.list_virtual_mfa_devices(&asked.signer).ok();
        let mut refused = Vec::new();
        let entry_of = |name: &str| directory(asked.context).join(format!("{}-{name}.json", asked.identity.account));
        loop {
            let is_taken = |name: &str| {
                let is_listed =
                    |serial: MfaSerial| taken.as_ref().is_some_and(|taken| taken.iter().any(|other| other.serial == serial.as_str()));
                // An entry is all that is known of a device which an earlier run could not delete: another one never takes its place.
                let has_entry = || !self.disk.facts(&entry_of(name)).is_err_and(|error| error.kind() == ErrorKind::NotFound);
                let is_there = |serial| is_listed(serial) || has_entry();
                refused.iter().any(|other| other == name) || serial(&asked.identity, name).is_some_and(is_there)
            };
            let name = match &options.name {
                Some(name) => Some(name.clone()).filter(|name| !is_taken(name)),
                None => free_name(&asked.user_name, is_taken),
            };
            let name = name.ok_or_else(|| {
                let message = "an MFA device of this name is there already";
                Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint("name another one with --name")
            })?;
            let expected = serial(&asked.identity, &name).ok_or_else(|| {
                let message = format!("no MFA device can be called `{name}`");
                let hint = "a name has letters, digits and any of +=,.@_-";
                Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint(hint)
            })?;
            let mut enrolment = Enrolment::new(asked.profile.clone(), asked.identity.arn.clone(), expected, taken.is_some());
            self.foresee(&enrolment)?;
            let entry = Entry::begin(&self.disk, entry_of(&name), &enrolment);
            let mut entry = entry.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
            console.progress(&format!("making the MFA device {name}"));
            // CRASH: the entry names the device, which is there or not.
            let made = asked.aws.create_virtual_mfa_device(&asked.signer, &name);
            console.progress_done();
            match made {
                Ok(device) => {
                    (enrolment.serial, enrolment.is_made) = (device.serial.clone(), true);
                    if let Err(error) = entry.update(&enrolment) {
                        return Err(self.take_back(entry, &enrolment, Failure::from_error(FailureKind::Failed, &error), None));
                    }
                    return Ok((entry, enrolment, device));
                }
                Err(error) if error.is_name_taken() => {
                    entry.close(&enrolment).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
                    refused.push(name);
                }
                Err(error) if error.is_definitive() => {
                    let failure = asked.refused(FailureKind::Failed, &error);
                    entry.close(&enrolment).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
                    return Err(failure);
                }
                // It may be there, and nobody has its seed.
                Err(error) => return Err(self.take_back(entry, &enrolment, asked.refused(FailureKind::Failed, &error), None)),
            }
        }
    }

    /// Whether the config file can have the line, and the profile then has the device.
    fn foresee(&self, enrolment: &Enrolment) -> Result<(), Failure> {
        let Asked { context, files, profile, .. } = self.asked;
        let config = files.path(FileKind::Config);
        let wrong = |error: EditError| Failure::new(FailureKind::Failed, format!("{}: {error}", config.display())).state(UNCHANGED);
        enrolment.check_writable(&self.disk, config).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        let after = enrolment.config_after(files).map_err(wrong)?.to_vec();
        let credentials = files.credentials().map(|document| document.bytes().to_vec());
        let after = AwsFiles::parse(files.paths().clone(), credentials, Some(after));
        let after = after.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(UNCHANGED))?;
        let route = after.with_keychain(files.keychain().clone()).route(profile, &context.environment);
        if route.is_ok_and(|route| route.mfa_serial.as_ref() == Some(&enrolment.serial)) {
            return Ok(());
        }
        let message =
            format!("an mfa_serial of {profile} in {} would count before that of the config file", context.aws_paths.credentials.display());
        Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint("remove that line, then run this again"))
    }

    /// Shows the device, and enables it by two codes.
    fn enable(&self, device: &NewMfaDevice) -> Result<(), Failure> {
        let (asked, console) = (self.asked, self.request.console);
        let name = device.serial.as_str().rsplit('/').next().unwrap_or_default();
        let address = address(name, &asked.identity.account, &device.seed);
        let picture = Picture::of(&address);
        let fits = picture.as_ref().filter(|picture| console.columns().is_none_or(|columns| columns >= picture.columns()));
        console.show(&format!("{} is made. Add it to an authenticator app now: what is shown here is not shown again.", device.serial));
        let is_shown = match fits {
            Some(picture) => console.show_whole(&format!("\n{}\n", *picture.drawn(!is_without_colours()))),
            None => {
                console.show("The terminal is too narrow for the QR code.");
                true
            }
        };
        let typed = in_groups(&device.seed);
        if !is_shown || !console.show_whole(&format!("{}\n\nThe secret, to type it instead:\n{}\n\n", *address, *typed)) {
            return Err(self.stopped());
        }
        console.show("Now two codes of it, one after the other: the second is there when the first is gone, within half a minute.");
        asked.with_codes(console, &device.serial, &|codes| {
            match asked.aws.enable_mfa_device(&asked.signer, &asked.user_name, &device.serial, codes) {
                // Its answer was lost, and not what it did.
                Err(error) if !error.is_definitive() && self.asked.has(&device.serial) => Ok(()),
                other => other,
            }
        })
    }

    /// Deletes a device that was not enabled, where it is ours, which the failure tells. `shown`: what is to be done about what was shown of it.
    fn take_back(&self, entry: Entry<'_>, enrolment: &Enrolment, failure: Failure, shown: Option<&str>) -> Failure {
        let again = format!("run `{}` again", enrolment.again());
        let gone = self.asked.delete(enrolment, &[]);
        // What stays may yet turn out to be in use, with what was shown of it.
        let is_over = !matches!(gone, Gone::Stays(_));
        let state = match gone {
            Gone::Deleted => match entry.close(enrolment) {
                Ok(()) => "the half-made device is deleted, and nothing else was changed".to_owned(),
                Err(error) => format!("the half-made device is deleted; {error}"),
            },
            Gone::Enabled => return failure.state(format!("{} is enabled", enrolment.serial)).hint(format!("{again}, which finishes it")),
            Gone::NotOurs => {
                let told = format!("{} may be there now, and {WHOSE}", enrolment.serial);
                entry.close(enrolment).map_or_else(|error| format!("{told}; {error}"), |()| told.clone())
            }
            Gone::Anothers(user) => {
                let told = anothers(enrolment, &user);
                entry.close(enrolment).map_or_else(|error| format!("{told}; {error}"), |()| told.clone())
            }
            Gone::Stays(error) => stays(enrolment, &error),
        };
        let hints = failure.hint.clone().into_iter().chain(shown.filter(|_| is_over).map(str::to_owned)).chain([again]);
        let hint = hints.collect::<Vec<_>>().join("; ");
        failure.state(state).hint(hint)
    }

    /// Has the profile name the device that the user has now.
    fn name_it(&self, entry: Entry<'_>, enrolment: &mut Enrolment) -> Result<Named, Failure> {
        let Asked { context, files, route, .. } = self.asked;
        let config = &context.aws_paths.config;
        let goes_on = format!("run `{}`, which goes on", enrolment.again());
        let enabled = |failure: Failure| failure.state("the device is enabled, and no profile names it yet").hint(goes_on.clone());
        // What was found out before may be another device.
        let _ = context.cache(&self.disk).forget_device(&route.key.pair.id);
        let change = shown(files, &enrolment.profile, &enrolment.serial);
        let change = change.map_err(|error| enabled(Failure::new(FailureKind::Failed, format!("{}: {error}", config.display()))))?;
        if let Some(change) = change {
            (self.request.tell)(&[change]);
            let text = format!("have the profile {} name the device?", enrolment.profile);
            let agreed = match self.request.options.yes {
                true => Some(true),
                false => agreed(self.request.console, text, "write it", "leave the file"),
            };
            match agreed {
                Some(true) => {}
                Some(false) => {
                    entry.close(enrolment).map_err(|error| enabled(Failure::from_error(FailureKind::Failed, &error)))?;
                    return Ok(Named::Declined);
                }
                None => return Err(enabled(self.stopped())),
            }
        }
        let mut entry = entry;
        let _lock = self.lock("lock").map_err(&enabled)?;
        enrolment.write(&self.disk, config, &mut entry).map_err(|error| enabled(Failure::from_error(FailureKind::Failed, &error)))?;
        entry.close(enrolment).map_err(|error| enabled(Failure::from_error(FailureKind::Failed, &error)))?;
        Ok(Named::Yes)
    }

    fn enrolled(&self, device: Option<(MfaSerial, Named)>, notes: Vec<String>) -> Enrolled {
        Enrolled { device, profile: self.asked.profile.clone(), user_name: self.asked.user_name.clone(), notes }
    }

    fn stopped(&self) -> Failure {
        let why = self.request.signals.raised().map_or_else(|| "no answer was given".to_owned(), |signal| format!("stopped by {signal}"));
        Failure::new(FailureKind::Failed, why)
    }

    fn lock(&self, name: &str) -> Result<Lock, Failure> {
        let Asked { context, .. } = self.asked;
        let Request { console, signals, .. } = self.request;
        let waiting = &mut |owner: &crate::os::lock::Owner| console.progress(&format!("waiting for another keyrotate: {owner}"));
        let (path, wait) = (context.paths.state_dir.join(name), context.waits().lock_wait);
        let lock = Lock::acquire(&path, wait, "keyrotate mfa enroll", &|| signals.raised().is_some(), waiting);
        console.progress_done();
        lock.map_err(|error| {
            let kind = if matches!(error, LockError::Busy(_)) { FailureKind::Locked } else { FailureKind::Failed };
            Failure::from_error(kind, &error).state(UNCHANGED)
        })
    }
}
