//! `keyrotate mfa resync`: two codes by which AWS learns how far a device's clock is off.

use super::{Asked, UNCHANGED, nobody};
use crate::aws::ErrorKind;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::model::{MfaKind, MfaSerial, shell_word};
use crate::os::terminal::Console;

/// What `mfa resync` was asked for.
#[derive(Clone, Debug, Default)]
pub struct ResyncOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// The device; none means the one that the profile names, or the only one.
    pub serial: Option<MfaSerial>,
}

impl ResyncOptions {
    /// The command that has these options.
    fn command(&self) -> String {
        let profile = self.profile.iter().map(|profile| shell_word(profile));
        let serial = self.serial.iter().map(|serial| format!("--serial {}", shell_word(serial.as_str())));
        ["keyrotate mfa resync".to_owned()].into_iter().chain(profile).chain(serial).collect::<Vec<_>>().join(" ")
    }
}

/// Runs the command; returns the device.
pub fn resync(context: &Context, console: &Console, options: &ResyncOptions) -> Result<MfaSerial, Failure> {
    if !console.can_ask() {
        let why = "AWS wants two codes that follow each other, and there is no terminal to ask for them";
        return Err(nobody(why, &options.command()));
    }
    let asked = Asked::new(context, options.profile.as_deref())?;
    let serial = match options.serial.as_ref().or(asked.route.mfa_serial.as_ref()) {
        Some(serial) => asked.own(serial)?,
        None => asked.only_device()?,
    };
    console.show(&format!("{serial} of {}: AWS wants two codes, one after the other; {}", asked.user_name, asked.clocks()));
    asked
        .with_codes(console, &serial, &|codes| asked.aws.resync_mfa_device(&asked.signer, &asked.user_name, &serial, codes))
        .map_err(|failure| failure.state("the device is as it was"))?;
    Ok(serial)
}

impl Asked<'_> {
    /// The device, unless AWS lists the user's without it. Where they may not be listed, AWS says of the codes whether it is.
    fn own(&self, serial: &MfaSerial) -> Result<MfaSerial, Failure> {
        let listed = match self.aws.own_mfa_devices(&self.signer) {
            Ok(listed) => listed,
            Err(error) if matches!(error.kind, ErrorKind::Denied { .. }) => return Ok(serial.clone()),
            Err(error) => return Err(self.refused(FailureKind::Unchecked, &error)),
        };
        if listed.iter().any(|device| device.serial == serial.as_str()) {
            return Ok(serial.clone());
        }
        let hint = match listed.iter().any(|device| MfaKind::of(&device.serial).shows_codes()) {
            true => "name one that it has: --serial, or mfa_serial in the profile".to_owned(),
            false => format!("run `keyrotate mfa enroll {}`", self.profile.quoted()),
        };
        let message = format!("{} has no MFA device {serial}, as far as AWS lists them", self.user_name);
        let failure = Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint);
        Err(Failure { causes: listed.into_iter().map(|device| device.serial).collect(), ..failure })
    }

    /// The user's device that shows codes, where it is one.
    fn only_device(&self) -> Result<MfaSerial, Failure> {
        let usable: Vec<MfaSerial> = self
            .devices()?
            .iter()
            .filter(|device| MfaKind::of(&device.serial).shows_codes())
            .filter_map(|device| MfaSerial::parse(&device.serial).ok())
            .collect();
        match &usable[..] {
            [only] => Ok(only.clone()),
            [] => {
                let message = format!("{} has no MFA device that shows codes", self.user_name);
                let hint = format!("run `keyrotate mfa enroll {}`", self.profile.quoted());
                Err(Failure::new(FailureKind::Failed, message).state(UNCHANGED).hint(hint))
            }
            several => {
                let message = format!("{} has {} MFA devices, and the profile names none of them", self.user_name, several.len());
                let failure = Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint("name one with --serial");
                Err(Failure { causes: several.iter().map(ToString::to_string).collect(), ..failure })
            }
        }
    }
}
