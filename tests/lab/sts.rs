//! The STS actions. Invariant: a token code works once; a session is made for the user who signed.

use super::canary;
use super::iam::iso;
use super::serve::{Caller, Params, Refusal};
use super::state::{BASE32, BASE64, Session, World};
use super::totp;
use super::xml::{tag, text};

const BAD_CODE: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const BAD_SERIAL: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                          number is valid and associated with this user.";

/// The inner XML of the result.
pub fn answer(world: &mut World, caller: Caller, action: &str, params: &Params) -> Result<String, Refusal> {
    match action {
        "GetCallerIdentity" => {
            let id = match caller.session.and_then(|at| world.sessions[at].role.as_ref()) {
                Some(role) => format!("AROALAB:{}", role.rsplit('/').next().unwrap_or_default()),
                None => world.users[caller.user].id.clone(),
            };
            let account = text("Account", &world.settings.account);
            Ok(text("Arn", &caller_arn(world, caller)) + &text("UserId", &id) + &account)
        }
        "GetSessionToken" => session_token(world, caller, params),
        "AssumeRole" => assume_role(world, caller, params),
        other => Err(Refusal::new(400, "InvalidAction", format!("The lab does not know sts:{other}."))),
    }
}

/// The ARN of who signed: a user, root, or an assumed role.
pub fn caller_arn(world: &World, caller: Caller) -> String {
    match caller.session.and_then(|at| world.sessions[at].role.as_ref()) {
        Some(role) => role_arn(world, role),
        None => world.arn(caller.user),
    }
}

fn role_arn(world: &World, role: &str) -> String {
    format!("arn:{}:sts::{}:assumed-role/{role}", world.settings.partition, world.settings.account)
}

fn session_token(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    if caller.session.is_some() {
        return Err(Refusal::new(403, "AccessDenied", "Cannot call GetSessionToken with session credentials"));
    }
    let longest = if world.users[caller.user].root { 3_600 } else { 129_600 };
    session(world, caller, params, (43_200, 900, longest), None)
}

fn assume_role(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let missing = || Refusal::new(400, "ValidationError", "Value null at 'roleArn' failed to satisfy constraint: Member must not be null");
    let name = params.get("RoleArn").and_then(|arn| arn.rsplit('/').next()).ok_or_else(missing)?;
    let session_name = params.get("RoleSessionName").ok_or_else(missing)?;
    let role = format!("{name}/{session_name}");
    // Chaining from a session is limited to one hour.
    let longest = if caller.session.is_some() { 3_600 } else { 43_200 };
    let credentials = session(world, caller, params, (3_600, 900, longest), Some(role.clone()))?;
    let user = text("AssumedRoleId", &format!("AROALAB:{session_name}")) + &text("Arn", &role_arn(world, &role));
    Ok(credentials + &tag("AssumedRoleUser", &user))
}

fn session(
    world: &mut World,
    caller: Caller,
    params: &Params,
    (default, shortest, longest): (u32, u32, u32),
    role: Option<String>,
) -> Result<String, Refusal> {
    let seconds: u32 = params.get("DurationSeconds").and_then(|v| v.parse().ok()).unwrap_or(default);
    if !(shortest..=longest).contains(&seconds) {
        return Err(Refusal::new(400, "ValidationError", "Value at 'durationSeconds' failed to satisfy constraint"));
    }
    let mfa = check_code(world, caller.user, params)?;
    let made = Session {
        id: format!("ASIA{}", world.pick(BASE32, 16)),
        secret: canary::marked(&world.pick(BASE64, 40)),
        token: canary::marked(&world.pick(BASE64, 200)),
        user: caller.user,
        mfa: mfa && role.is_none(),
        expires_at: world.now() + f64::from(seconds),
        role,
    };
    let inner = text("AccessKeyId", &made.id)
        + &text("SecretAccessKey", &made.secret)
        + &text("SessionToken", &made.token)
        + &text("Expiration", &iso(made.expires_at));
    world.sessions.push(made);
    Ok(tag("Credentials", &inner))
}

/// True when a good, unused code was given; it is used up then.
fn check_code(world: &mut World, user: usize, params: &Params) -> Result<bool, Refusal> {
    let (serial, code) = (params.get("SerialNumber"), params.get("TokenCode"));
    if serial.is_none() && code.is_none() {
        return Ok(false);
    }
    let now = totp::step(world.now());
    let user = &mut world.users[user];
    if serial.is_none_or(|s| !user.serials.contains(s)) {
        return Err(Refusal::new(403, "AccessDenied", BAD_SERIAL));
    }
    let code = code.map_or("", String::as_str);
    let good = (now - 1..=now + 1).find(|s| totp::code(&user.seed, *s) == code && !user.used_steps.contains(s));
    let step = good.ok_or_else(|| Refusal::new(403, "AccessDenied", BAD_CODE))?;
    user.used_steps.insert(step);
    Ok(true)
}
