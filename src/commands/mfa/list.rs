//! `keyrotate mfa list`: the user's devices, and which profiles here name each. It only reads.

use super::{Asked, UNCHANGED};
use crate::aws::MfaDevice;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::model::{Identity, MfaKind, MfaSerial, ProfileName};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct DevicesOutcome {
    /// The profile with the key.
    pub profile: ProfileName,
    /// Whose devices they are.
    pub identity: Identity,
    /// The devices, in AWS's order.
    pub devices: Vec<ListedDevice>,
    /// Profiles of the same key that name a device which the user does not have.
    pub wrong: Vec<(ProfileName, MfaSerial)>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A device.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDevice {
    /// What AWS says.
    pub device: MfaDevice,
    /// What it is.
    pub kind: MfaKind,
    /// The profiles whose sessions are opened with it.
    pub profiles: Vec<ProfileName>,
}

/// Runs the command.
pub fn list(context: &Context, profile: Option<&str>) -> Result<DevicesOutcome, Failure> {
    let asked = Asked::new(context, profile).map_err(|failure| match failure.state.as_deref() {
        // It changes nothing anyway.
        Some(UNCHANGED) => Failure { state: None, ..failure },
        Some(_) | None => failure,
    })?;
    let devices = asked.devices().map_err(|failure| Failure { kind: FailureKind::Unchecked, state: None, ..failure })?;
    let named = asked.named();
    let listed = devices.into_iter().map(|device| ListedDevice {
        kind: MfaKind::of(&device.serial),
        profiles: named.iter().filter(|(_, serial)| serial.as_str() == device.serial).map(|(name, _)| name.clone()).collect(),
        device,
    });
    let devices: Vec<ListedDevice> = listed.collect();
    let has = |serial: &MfaSerial| devices.iter().any(|listed| listed.device.serial == serial.as_str());
    let wrong: Vec<_> = named.into_iter().filter(|(_, serial)| !has(serial)).collect();
    let enroll = format!("`keyrotate mfa enroll {}`", asked.profile.quoted());
    let mut notes: Vec<String> = wrong
        .iter()
        .map(|(name, serial)| {
            format!("{name} names {serial}, which {} does not have: correct mfa_serial, or run {enroll}", asked.user_name)
        })
        .collect();
    if !devices.iter().any(|listed| listed.kind.shows_codes()) {
        notes.push(format!("{} has no device whose codes AWS's API takes: {enroll} makes one", asked.user_name));
    }
    Ok(DevicesOutcome { profile: asked.profile, identity: asked.identity, devices, wrong, notes })
}

impl Asked<'_> {
    /// Every profile that leads to the same key and names a device, with that.
    fn named(&self) -> Vec<(ProfileName, MfaSerial)> {
        let of = |name: ProfileName| {
            let route = self.files.route(&name, &self.context.environment).ok()?;
            let is_same = route.key.pair.id == self.route.key.pair.id;
            route.mfa_serial.filter(|_| is_same).map(|serial| (name, serial))
        };
        self.files.profiles().filter_map(of).collect()
    }
}
