//! The STS actions, but for AssumeRole, which is in `role.rs`. Invariant: a token code works once; a session is made for the user who signed.

use std::ops::RangeInclusive;

use super::canary;
use super::iam::iso;
use super::role;
use super::serve::{Caller, Params, Refusal};
use super::state::{BASE32, BASE64, Grant, Session, World};
use super::totp;
use super::xml::{tag, text};

const BAD_CODE: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const BAD_SERIAL: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                          number is valid and associated with this user.";
const HALF: &str = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";

/// Parameters that are token codes.
pub const CODES: [&str; 3] = ["TokenCode", "AuthenticationCode1", "AuthenticationCode2"];

/// The inner XML of the result.
pub fn answer(world: &mut World, caller: Caller, action: &str, params: &Params) -> Result<String, Refusal> {
    match action {
        "GetCallerIdentity" => {
            let (id, account) = match caller.session.and_then(|at| world.sessions[at].role.as_ref()) {
                Some(role) => (format!("AROALAB:{}", role.session_name), role.arn.split(':').nth(4).unwrap_or_default().to_owned()),
                None => (world.users[caller.user].id.clone(), world.settings.account.clone()),
            };
            Ok(text("Arn", &caller_arn(world, caller)) + &text("UserId", &id) + &text("Account", &account))
        }
        "GetSessionToken" => session_token(world, caller, params),
        "AssumeRole" => role::assume(world, caller, params),
        other => Err(Refusal::new(400, "InvalidAction", format!("The lab does not know sts:{other}."))),
    }
}

/// The ARN of who signed: a user, root, or an assumed role.
pub fn caller_arn(world: &World, caller: Caller) -> String {
    match caller.session.and_then(|at| world.sessions[at].role.as_ref()) {
        Some(role) => role.session_arn(),
        None => world.arn(caller.user),
    }
}

fn session_token(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    if caller.session.is_some() {
        return Err(Refusal::new(403, "AccessDenied", "Cannot call GetSessionToken with session credentials"));
    }
    let asked = Form(params).seconds(129_600)?.unwrap_or(43_200);
    // QUIRK(sts): what root asks for beyond an hour is cut to it, not refused (STS API reference, GetSessionToken).
    let seconds = if world.users[caller.user].root { asked.min(3_600) } else { asked };
    let mfa = check_code(world, caller, params)?;
    Ok(open(world, Grant { user: caller.user, mfa, seconds, role: None }))
}

/// Opens a session; the credentials as XML.
pub fn open(world: &mut World, grant: Grant) -> String {
    let Grant { user, mfa, seconds, role } = grant;
    let made = Session {
        id: format!("ASIA{}", world.pick(BASE32, 16)),
        secret: canary::marked(&world.pick(BASE64, 40)),
        token: canary::marked(&world.pick(BASE64, 200)),
        user,
        mfa,
        expires_at: world.now() + f64::from(seconds),
        role,
    };
    let inner = text("AccessKeyId", &made.id)
        + &text("SecretAccessKey", &made.secret)
        + &text("SessionToken", &made.token)
        + &text("Expiration", &iso(made.expires_at));
    world.sessions.push(made);
    tag("Credentials", &inner)
}

/// True when a good, unused code was given; it is used up then.
pub fn check_code(world: &mut World, caller: Caller, params: &Params) -> Result<bool, Refusal> {
    let form = Form(params);
    form.text("SerialNumber", 9..=256, Some(r"[\w+=/:,.@-]*"))?;
    form.text("TokenCode", 6..=6, Some(r"[\d]*"))?;
    let refuse = |message: &str| Err(Refusal::new(403, "AccessDenied", message));
    let (serial, code) = match (params.get("SerialNumber"), params.get("TokenCode")) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        (Some(_), None) | (None, Some(_)) => return refuse(HALF),
    };
    let is_role = caller.session.is_some_and(|at| world.sessions[at].role.is_some());
    let now = totp::step(world.now()) + world.drift(serial);
    let has = !is_role && world.users[caller.user].serials.contains(serial);
    let Some(seed) = world.seed_of(caller.user, serial).filter(|_| has) else { return refuse(BAD_SERIAL) };
    let user = &mut world.users[caller.user];
    let is_free = |step: &i64| !user.used_steps.contains(&(serial.clone(), *step));
    let Some(step) = (now - 1..=now + 1).find(|step| totp::code(&seed, *step) == *code && is_free(step)) else { return refuse(BAD_CODE) };
    user.used_steps.insert((serial.clone(), step));
    Ok(true)
}

/// A ValidationError.
pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

/// What AWS checks of a parameter before it looks at anything else, and how it says so.
pub struct Form<'a>(pub &'a Params);

impl Form<'_> {
    /// These have to be there.
    pub fn demand(&self, names: &[&str]) -> Result<(), Refusal> {
        let missing = names.iter().find(|name| !self.0.contains_key(**name));
        missing.map_or(Ok(()), |name| Err(self.fault(name, "Member must not be null")))
    }

    /// A text of this length, and of the characters in this pattern of AWS's.
    pub fn text(&self, name: &str, length: RangeInclusive<usize>, pattern: Option<&str>) -> Result<(), Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(()) };
        let count = value.chars().count();
        if count < *length.start() {
            return Err(self.fault(name, &format!("Member must have length greater than or equal to {}", length.start())));
        }
        if count > *length.end() {
            return Err(self.fault(name, &format!("Member must have length less than or equal to {}", length.end())));
        }
        let Some(pattern) = pattern else { return Ok(()) };
        // `[…]*`: the signs besides what `\w` or `\d` stands for.
        let signs = pattern.trim_start_matches(r"[\w").trim_start_matches(r"[\d").trim_end_matches("]*").replace('\\', "");
        let is_word = |c: char| pattern.contains(r"\w") && (c.is_ascii_alphanumeric() || c == '_');
        if value.chars().all(|c| c.is_ascii_digit() || is_word(c) || signs.contains(c)) {
            return Ok(());
        }
        Err(self.fault(name, &format!("Member must satisfy regular expression pattern: {pattern}")))
    }

    /// DurationSeconds, from 900 up to this.
    pub fn seconds(&self, longest: u32) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.0.get("DurationSeconds") else { return Ok(None) };
        match value.parse() {
            Ok(seconds) if seconds < 900 => Err(self.fault("DurationSeconds", "Member must have value greater than or equal to 900")),
            Ok(seconds) if seconds > longest => {
                Err(self.fault("DurationSeconds", &format!("Member must have value less than or equal to {longest}")))
            }
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => Err(Refusal::new(400, "MalformedInput", "")),
        }
    }

    fn fault(&self, name: &str, constraint: &str) -> Refusal {
        let (first, rest) = name.split_at(1);
        let value = match self.0.get(name) {
            // A code is quoted by nobody.
            Some(_) if CODES.contains(&name) => String::new(),
            Some(value) => format!(" '{value}'"),
            None => " null".to_owned(),
        };
        let name = format!("{}{rest}", first.to_lowercase());
        invalid(format!("1 validation error detected: Value{value} at '{name}' failed to satisfy constraint: {constraint}"))
    }
}
