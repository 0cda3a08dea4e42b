//! The IAM actions. Invariant: a user never has more keys than the quota, however many ask at once (the state is locked around each call).

use super::key::{Key, Status};
use super::serve::{Caller, Params, Refusal};
use super::state::World;
use super::xml::{list, tag, text};
use super::{devices, policies, report, simulate, sts, summary};

/// The inner XML of the result; empty for the actions that return nothing.
pub fn answer(world: &mut World, caller: Caller, action: &str, params: &Params) -> Result<String, Refusal> {
    match action {
        "CreateAccessKey" => create(world, caller, params),
        "ListAccessKeys" => list_keys(world, caller, params),
        "UpdateAccessKey" => update(world, caller, params),
        "DeleteAccessKey" => {
            let at = key_of(world, caller, params)?;
            world.change_key(at, Status::Deleted);
            Ok(String::new())
        }
        "GetAccessKeyLastUsed" => last_used(world, caller, params),
        "GetUser" => get_user(world, caller, params),
        "GetLoginProfile" => login_profile(world, caller, params),
        "SimulatePrincipalPolicy" => simulate::answer(world, params),
        other => policies::answer(world, caller, other, params)
            .or_else(|| devices::answer(world, caller, other, params))
            .or_else(|| report::answer(world, other))
            .or_else(|| summary::answer(world, other))
            .unwrap_or_else(|| Err(Refusal::new(400, "InvalidAction", format!("The lab does not know iam:{other}.")))),
    }
}

/// An instant as IAM writes it.
pub fn iso(at: f64) -> String {
    chrono::DateTime::from_timestamp(at as i64, 0).map(|t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

/// The user that the call is about: by name, or the caller. The root user has no name.
pub fn user_of(world: &World, caller: Caller, params: &Params) -> Result<usize, Refusal> {
    let Some(name) = params.get("UserName") else {
        let is_role = caller.session.is_some_and(|at| world.sessions[at].role.is_some());
        return if is_role { Err(sts::invalid("Must specify userName when calling with non-User credentials")) } else { Ok(caller.user) };
    };
    let found = world.users.iter().position(|user| user.name == *name && !user.root && !user.deleted);
    found.ok_or_else(|| Refusal::new(404, "NoSuchEntity", format!("The user with name {name} cannot be found.")))
}

fn key_of(world: &World, caller: Caller, params: &Params) -> Result<usize, Refusal> {
    let user = user_of(world, caller, params)?;
    let id = params.get("AccessKeyId").map_or("", String::as_str);
    let found = world.keys.iter().position(|k| k.id == id && k.user == user && k.status != Status::Deleted);
    found.ok_or_else(|| Refusal::new(404, "NoSuchEntity", format!("The Access Key with id {id} cannot be found.")))
}

fn create(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let user = user_of(world, caller, params)?;
    let quota = world.settings.quota;
    if world.live_keys(user).len() >= quota {
        return Err(Refusal::new(409, "LimitExceeded", format!("Cannot exceed quota for AccessKeysPerUser: {quota}")));
    }
    let key = world.add_key(user);
    Ok(tag("AccessKey", &(metadata(world, &key) + &text("SecretAccessKey", &key.secret))))
}

fn metadata(world: &World, key: &Key) -> String {
    owner(world, key) + &text("AccessKeyId", &key.id) + &text("Status", key.status.word()) + &text("CreateDate", &iso(key.created_at))
}

/// Whose key it is; the root user has no name.
fn owner(world: &World, key: &Key) -> String {
    let user = &world.users[key.user];
    if user.root { String::new() } else { text("UserName", &user.name) }
}

fn list_keys(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let user = user_of(world, caller, params)?;
    let shown = world.live_keys(user).into_iter().filter(Key::listed).map(|key| metadata(world, &key)).collect();
    Ok(page(world, params, "AccessKeyMetadata", shown))
}

/// The page that was asked for.
pub fn page(world: &World, params: &Params, name: &str, members: Vec<String>) -> String {
    let number = |name: &str, otherwise: usize| params.get(name).and_then(|v| v.parse().ok()).unwrap_or(otherwise);
    let (start, size) = (number("Marker", 0), number("MaxItems", 100).min(world.settings.page_size));
    let more = start + size < members.len();
    let marker = if more { text("Marker", &(start + size).to_string()) } else { String::new() };
    let shown = members.into_iter().skip(start).take(size);
    list(name, shown) + &text("IsTruncated", if more { "true" } else { "false" }) + &marker
}

fn update(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let at = key_of(world, caller, params)?;
    let status = match params.get("Status").map(String::as_str) {
        Some("Active") => Status::Active,
        Some("Inactive") => Status::Inactive,
        _ => {
            let message = "Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]";
            return Err(Refusal::new(400, "ValidationError", message));
        }
    };
    if world.keys[at].status != status {
        world.change_key(at, status);
    }
    Ok(String::new())
}

fn last_used(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let id = params.get("AccessKeyId").map_or("", String::as_str);
    // A user does not see the keys of root.
    let is_seen = |key: &Key| !world.users[key.user].root || key.user == caller.user;
    let Some(key) = world.keys.iter().find(|key| key.id == id && key.status != Status::Deleted && is_seen(key)) else {
        // QUIRK(iam): an unknown key is not "no such entity" here.
        let who = sts::caller_arn(world, caller);
        return Err(Refusal::new(403, "AccessDenied", format!("User: {who} is not authorized to perform: iam:GetAccessKeyLastUsed")));
    };
    let used = match world.seen_use(key) {
        Some(last) => text("LastUsedDate", &iso(last.at)) + &text("ServiceName", &last.service) + &text("Region", &last.region),
        None => text("ServiceName", "N/A") + &text("Region", "N/A"),
    };
    Ok(owner(world, key) + &tag("AccessKeyLastUsed", &used))
}

fn get_user(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let at = user_of(world, caller, params)?;
    let boundary = world.users[at]
        .boundary
        .as_ref()
        .map(|arn| tag("PermissionsBoundary", &(text("PermissionsBoundaryType", "Policy") + &text("PermissionsBoundaryArn", arn))));
    Ok(tag("User", &(described(world, at) + &boundary.unwrap_or_default())))
}

/// A user as answers have it; root has neither a name nor a path.
pub fn described(world: &World, at: usize) -> String {
    let user = &world.users[at];
    let name = if user.root { String::new() } else { text("Path", &user.path) + &text("UserName", &user.name) };
    name + &text("UserId", &user.id) + &text("Arn", &world.arn(at)) + &text("CreateDate", &iso(world.now() - 1e7))
}

fn login_profile(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let user = &world.users[user_of(world, caller, params)?];
    let Some(password) = user.password else {
        return Err(Refusal::new(404, "NoSuchEntity", format!("Login Profile for User {} cannot be found.", user.name)));
    };
    let is_to_change = if password.is_to_change { "true" } else { "false" };
    let inner =
        text("UserName", &user.name) + &text("CreateDate", &iso(password.changed_at)) + &text("PasswordResetRequired", is_to_change);
    Ok(tag("LoginProfile", &inner))
}
