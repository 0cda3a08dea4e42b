//! How `mfa` looks.
//!
//! Invariant: within one `version` of the JSON a name is never removed and never means something else; no secret is in it.

use serde_json::{Value, json};

use super::page::{GREEN, Page, plain};
use super::render::utc;
use crate::commands::mfa::enroll::{Enrolled, Named};
use crate::commands::mfa::list::{DevicesOutcome, ListedDevice};
use crate::model::{MfaSerial, ProfileName};
use crate::rotation::describe;

const VERSION: u32 = 1;

/// Prints the user's devices.
pub fn print_list(outcome: &DevicesOutcome, is_json: bool, quiet: bool) {
    let mut page = Page::for_stdout(0);
    if is_json {
        let value = json!({
            "version": VERSION,
            "profile": plain(outcome.profile.as_str()),
            "account": outcome.identity.account,
            "arn": outcome.identity.arn.as_str(),
            "devices": outcome.devices.iter().map(device).collect::<Vec<_>>(),
            "wrong": outcome.wrong.iter().map(wrong).collect::<Vec<_>>(),
            "notes": outcome.notes.iter().map(|note| plain(note)).collect::<Vec<_>>(),
        });
        page.json(&format!("{value:#}"));
        return page.print();
    }
    let count = match outcome.devices.len() {
        0 => "no MFA device".to_owned(),
        1 => "one MFA device".to_owned(),
        several => format!("{several} MFA devices"),
    };
    page.sentence(&format!("{} has {count}", outcome.identity.arn));
    for listed in &outcome.devices {
        let since = listed.device.enabled_at.map(|at| format!(", since {}", describe::time(at))).unwrap_or_default();
        let names = match &listed.profiles[..] {
            [] => "no profile names it".to_owned(),
            profiles => profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", "),
        };
        page.push("  ").push(&plain(&format!("{} ({}){since}: {names}", listed.device.serial, listed.kind))).end(4);
    }
    outcome.notes.iter().filter(|_| !quiet).for_each(|note| page.note(note));
    page.print();
}

fn device(listed: &ListedDevice) -> Value {
    json!({
        "serial": plain(&listed.device.serial),
        "kind": listed.kind.to_string(),
        "enabled_at": listed.device.enabled_at.map(utc),
        "profiles": listed.profiles.iter().map(|name| plain(name.as_str())).collect::<Vec<_>>(),
    })
}

fn wrong((profile, serial): &(ProfileName, MfaSerial)) -> Value {
    json!({"profile": plain(profile.as_str()), "serial": serial.as_str()})
}

/// Prints what came of a new device.
pub fn print_enroll(outcome: &Enrolled, quiet: bool) {
    let mut page = Page::for_stdout(0);
    let Enrolled { device, profile, user_name, notes } = outcome;
    notes.iter().for_each(|note| page.note(note));
    let login = format!("run `keyrotate login {}` with the next code", profile.quoted());
    match device {
        Some((serial, Named::Yes)) => {
            page.head(GREEN, "enabled:", &format!("{user_name} has {serial}, and the profile {profile} names it"));
            page.note(&login);
        }
        Some((serial, Named::Declined)) => {
            page.head(GREEN, "enabled:", &format!("{user_name} has {serial}, and no file was changed"));
            page.note(&format!("put `mfa_serial = {serial}` into the profile {profile}, then {login}"));
        }
        None => page.sentence("nothing was changed"),
    }
    if !quiet {
        page.print();
    }
}

/// Prints that a device is in step.
pub fn print_resync(serial: &MfaSerial, quiet: bool) {
    let mut page = Page::for_stdout(0);
    page.head(GREEN, "in step:", &format!("AWS knows the clock of {serial}; the next code it shows can be used"));
    if !quiet {
        page.print();
    }
}
