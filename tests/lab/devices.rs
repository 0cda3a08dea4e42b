//! MFA devices: made, enabled with two codes, brought in step, taken away. Invariant: a virtual device is assigned to one user at most, keeps
//! its seed wherever it goes, and no code of it counts twice.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::canary;
use super::iam::{described, iso, page, user_of};
use super::serve::{Caller, Params, Refusal};
use super::state::{BASE32, World};
use super::sts::Form;
use super::totp;
use super::xml::{tag, text};

const MOST: usize = 8;
/// How many steps a device may be off that is brought in step.
const WIDEST: i64 = 1_000;
/// One white point: whoever enrolls a device draws the picture from the seed.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// What the lab knows of a device besides its serial.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// What its codes come from. Without one they come from the seed of the user who has it.
    pub seed: Option<Vec<u8>>,
    /// How many steps its own clock is ahead.
    pub ahead: i64,
    /// How many steps AWS takes it to be ahead.
    pub drift: i64,
    pub enabled_at: Option<f64>,
}

/// The inner XML of the result; none for an action that is not about devices.
pub fn answer(world: &mut World, caller: Caller, action: &str, params: &Params) -> Option<Result<String, Refusal>> {
    Some(match action {
        "CreateVirtualMFADevice" => create(world, params),
        "DeleteVirtualMFADevice" => delete(world, params),
        "ListVirtualMFADevices" => list_virtual(world, params),
        "EnableMFADevice" => enable(world, caller, params),
        "ResyncMFADevice" => resync(world, caller, params),
        "DeactivateMFADevice" => deactivate(world, caller, params),
        "GetMFADevice" => get(world, caller, params),
        "ListMFADevices" => list(world, caller, params),
        _ => return None,
    })
}

impl World {
    /// The device with this serial, to be changed: its clock, for example.
    pub fn device(&mut self, serial: &str) -> &mut Device {
        self.devices.entry(serial.to_owned()).or_default()
    }

    /// How many steps AWS takes a device to be ahead.
    pub fn drift(&self, serial: &str) -> i64 {
        self.devices.get(serial).map_or(0, |device| device.drift)
    }

    /// What a device computes its codes from. A FIDO security key shows none.
    pub fn seed_of(&self, user: usize, serial: &str) -> Option<Vec<u8>> {
        if let Some(seed) = self.devices.get(serial).and_then(|device| device.seed.clone()) {
            return Some(seed);
        }
        let user = &self.users[user];
        let at = user.serials.iter().position(|own| own == serial).filter(|_| !serial.contains(":u2f/"))?;
        Some(if at == 0 { user.seed.clone() } else { [&user.seed, serial.as_bytes()].concat() })
    }

    /// Who has this device.
    fn holder(&self, serial: &str) -> Option<usize> {
        self.users.iter().position(|user| !user.deleted && user.serials.iter().any(|own| own == serial))
    }

    /// The serials of virtual devices, of assigned and of unassigned ones.
    fn virtual_serials(&self) -> BTreeSet<String> {
        let assigned = self.users.iter().filter(|user| !user.deleted).flat_map(|user| &user.serials);
        let made = self.devices.iter().filter(|(_, device)| device.seed.is_some()).map(|(serial, _)| serial);
        assigned.chain(made).filter(|serial| serial.contains(":mfa/")).cloned().collect()
    }

    /// Gives each device of a user its seed for good, before their order changes.
    fn keep_seeds(&mut self, user: usize) {
        for serial in self.users[user].serials.clone() {
            let seed = self.seed_of(user, &serial);
            self.device(&serial).seed = seed;
        }
    }
}

/// The step of the first of two consecutive codes that nobody has used, if there is one in this range.
fn consecutive(world: &World, user: usize, params: &Params, steps: RangeInclusive<i64>) -> Option<i64> {
    let own = |name: &str| params.get(name).map_or("", String::as_str);
    let (serial, codes) = (own("SerialNumber"), [own("AuthenticationCode1"), own("AuthenticationCode2")]);
    let seed = world.seed_of(user, serial)?;
    let is_free = |step: i64| !world.users[user].used_steps.contains(&(serial.to_owned(), step));
    let shows = |step: i64, code: &str| is_free(step) && totp::code(&seed, step) == code;
    steps.into_iter().find(|step| shows(*step, codes[0]) && shows(step + 1, codes[1]))
}

/// Checks the two codes and uses them up; the step of the second one.
fn use_codes(world: &mut World, user: usize, params: &Params, steps: RangeInclusive<i64>) -> Result<i64, Refusal> {
    let wrong = || Refusal::new(403, "InvalidAuthenticationCode", "Authentication code for device is not valid.");
    let step = consecutive(world, user, params, steps).ok_or_else(wrong)?;
    let used = [step, step + 1].map(|step| (params["SerialNumber"].clone(), step));
    world.users[user].used_steps.extend(used);
    Ok(step + 1)
}

/// The parameters of a call with two codes.
fn demand_codes(params: &Params) -> Result<String, Refusal> {
    let form = Form(params);
    form.demand(&["UserName", "SerialNumber", "AuthenticationCode1", "AuthenticationCode2"])?;
    form.text("AuthenticationCode1", 6..=6, Some(r"[\d]*"))?;
    form.text("AuthenticationCode2", 6..=6, Some(r"[\d]*"))?;
    serial_of(params)
}

fn serial_of(params: &Params) -> Result<String, Refusal> {
    let form = Form(params);
    form.demand(&["SerialNumber"])?;
    form.text("SerialNumber", 9..=256, Some(r"[\w+=/:,.@-]*"))?;
    Ok(params["SerialNumber"].clone())
}

fn gone(message: impl Into<String>) -> Refusal {
    Refusal::new(404, "NoSuchEntity", message)
}

fn create(world: &mut World, params: &Params) -> Result<String, Refusal> {
    let form = Form(params);
    form.demand(&["VirtualMFADeviceName"])?;
    form.text("VirtualMFADeviceName", 1..=226, Some(r"[\w+=,.@-]*"))?;
    let path = params.get("Path").map_or("/", String::as_str);
    let serial = world.arn_of("mfa", &format!("{path}{}", params["VirtualMFADeviceName"]));
    if world.virtual_serials().contains(&serial) {
        return Err(Refusal::new(409, "EntityAlreadyExists", "MFADevice entity at the same path and name already exists."));
    }
    let seed = canary::marked_seed(&world.pick(BASE32, 64));
    world.device(&serial).seed = Some(totp::from_base32(&seed));
    world.seeds.push(seed.clone());
    let datum = text("Base32StringSeed", &STANDARD.encode(seed)) + &text("QRCodePNG", PICTURE);
    Ok(tag("VirtualMFADevice", &(text("SerialNumber", &serial) + &datum)))
}

fn delete(world: &mut World, params: &Params) -> Result<String, Refusal> {
    let serial = serial_of(params)?;
    if !world.virtual_serials().contains(&serial) {
        return Err(gone(format!("VirtualMFADevice with serial number {serial} does not exist.")));
    }
    if world.holder(&serial).is_some() {
        return Err(Refusal::new(409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first."));
    }
    world.devices.remove(&serial);
    Ok(String::new())
}

fn list_virtual(world: &World, params: &Params) -> Result<String, Refusal> {
    let wanted = match params.get("AssignmentStatus").map(String::as_str) {
        None | Some("Any") => None,
        Some("Assigned") => Some(true),
        Some("Unassigned") => Some(false),
        Some(other) => {
            let constraint = "Member must satisfy enum value set: [Unassigned, Any, Assigned]";
            return Err(super::sts::invalid(format!(
                "1 validation error detected: Value '{other}' at 'assignmentStatus' failed to satisfy constraint: {constraint}"
            )));
        }
    };
    let shown = |serial: &String| match world.holder(serial) {
        Some(user) => text("SerialNumber", serial) + &tag("User", &described(world, user)) + &enabled(world, serial),
        None => text("SerialNumber", serial),
    };
    let serials = world.virtual_serials();
    let chosen = serials.iter().filter(|serial| wanted.is_none_or(|wanted| wanted == world.holder(serial).is_some()));
    Ok(page(world, params, "VirtualMFADevices", chosen.map(shown).collect()))
}

fn enable(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let serial = demand_codes(params)?;
    let user = user_of(world, caller, params)?;
    if world.holder(&serial).is_some() {
        return Err(Refusal::new(409, "EntityAlreadyExists", "MFA Device is already in use."));
    }
    if !world.virtual_serials().contains(&serial) {
        return Err(gone(format!("VirtualMFADevice with serial number {serial} does not exist.")));
    }
    if world.users[user].serials.len() >= MOST {
        return Err(Refusal::new(409, "LimitExceeded", format!("Cannot exceed quota for MFADevicesPerUser: {MOST}")));
    }
    let now = totp::step(world.now());
    use_codes(world, user, params, now - 2..=now)?;
    let at = world.now();
    world.device(&serial).enabled_at = Some(at);
    world.users[user].serials.push(serial);
    Ok(String::new())
}

fn resync(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let (serial, user) = (demand_codes(params)?, own_device(world, caller, params)?);
    let now = totp::step(world.now());
    let shown = use_codes(world, user, params, now - WIDEST..=now + WIDEST)?;
    world.device(&serial).drift = shown - now;
    Ok(String::new())
}

/// The user, who has the device of the call.
fn own_device(world: &World, caller: Caller, params: &Params) -> Result<usize, Refusal> {
    let (serial, user) = (serial_of(params)?, user_of(world, caller, params)?);
    let has = world.users[user].serials.contains(&serial);
    if has { Ok(user) } else { Err(gone("MFA Device invalid for user.")) }
}

fn deactivate(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let (serial, user) = (serial_of(params)?, own_device(world, caller, params)?);
    world.keep_seeds(user);
    world.users[user].serials.retain(|own| *own != serial);
    if serial.contains(":mfa/") {
        world.device(&serial).enabled_at = None;
    } else {
        world.devices.remove(&serial);
    }
    Ok(String::new())
}

fn get(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let (serial, user) = (serial_of(params)?, own_device(world, caller, params)?);
    Ok(one(world, user, &serial))
}

fn list(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let user = user_of(world, caller, params)?;
    Ok(page(world, params, "MFADevices", world.users[user].serials.iter().map(|serial| one(world, user, serial)).collect()))
}

fn one(world: &World, user: usize, serial: &str) -> String {
    text("UserName", &world.users[user].name) + &text("SerialNumber", serial) + &enabled(world, serial)
}

fn enabled(world: &World, serial: &str) -> String {
    let at = world.devices.get(serial).and_then(|device| device.enabled_at);
    text("EnableDate", &iso(at.unwrap_or_else(|| world.now() - 1e7)))
}
