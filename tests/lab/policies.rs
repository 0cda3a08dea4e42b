//! The IAM actions about policies and groups, in the words of AWS's own refusals. Invariant: no principal has more policies, nor a policy more
//! characters, than the quotas allow.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::account::{Managed, Policies, Version};
use super::iam::{iso, page, user_of};
use super::serve::{Caller, Params, Refusal};
use super::state::World;
use super::sts::Form;
use super::xml::{tag, text};

/// What RFC 3986 leaves as it is.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const LARGEST_MANAGED: usize = 6_144;
const MOST_ATTACHED: usize = 10;

/// The inner XML of the result; none for an action that is not about policies.
pub fn answer(world: &mut World, caller: Caller, action: &str, params: &Params) -> Option<Result<String, Refusal>> {
    Some(match action {
        "ListUserPolicies" | "ListGroupPolicies" => list_inline(world, caller, params),
        "GetUserPolicy" | "GetGroupPolicy" => get_inline(world, caller, params),
        "PutUserPolicy" | "PutGroupPolicy" => put_inline(world, caller, params),
        "DeleteUserPolicy" | "DeleteGroupPolicy" => delete_inline(world, caller, params),
        "ListAttachedUserPolicies" | "ListAttachedGroupPolicies" => list_attached(world, caller, params),
        "AttachUserPolicy" | "AttachGroupPolicy" => attach(world, caller, params),
        "DetachUserPolicy" | "DetachGroupPolicy" => detach(world, caller, params),
        "ListGroupsForUser" => list_groups(world, caller, params),
        "CreatePolicy" => create(world, params),
        "GetPolicy" => policy_of(world, params).map(|managed| tag("Policy", &described(world, managed))),
        "GetPolicyVersion" => get_version(world, params),
        "ListPolicyVersions" => list_versions(world, params),
        _ => return None,
    })
}

/// Whose policies a call is about.
#[derive(Clone, Copy)]
enum Owner {
    User(usize),
    Group(usize),
}

impl Owner {
    fn of(world: &World, caller: Caller, params: &Params) -> Result<Self, Refusal> {
        let Some(name) = params.get("GroupName") else {
            Form(params).demand(&["UserName"])?;
            return user_of(world, caller, params).map(Self::User);
        };
        world.group(name).map(Self::Group).ok_or_else(|| gone(format!("The group with name {name} cannot be found.")))
    }

    fn policies(self, world: &World) -> &Policies {
        match self {
            Self::User(at) => &world.users[at].policies,
            Self::Group(at) => &world.groups[at].policies,
        }
    }

    fn policies_mut(self, world: &mut World) -> &mut Policies {
        match self {
            Self::User(at) => &mut world.users[at].policies,
            Self::Group(at) => &mut world.groups[at].policies,
        }
    }

    fn name(self, world: &World) -> &str {
        match self {
            Self::User(at) => &world.users[at].name,
            Self::Group(at) => &world.groups[at].name,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    /// What all inline policies together may have in characters.
    fn largest_inline(self) -> usize {
        match self {
            Self::User(_) => 2_048,
            Self::Group(_) => 5_120,
        }
    }
}

fn gone(message: impl Into<String>) -> Refusal {
    Refusal::new(404, "NoSuchEntity", message)
}

fn own(params: &Params, name: &str) -> String {
    params.get(name).cloned().unwrap_or_default()
}

/// A document as it is on the wire.
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, &KEPT).to_string()
}

/// White space is not counted.
fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn list_inline(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let owner = Owner::of(world, caller, params)?;
    Ok(page(world, params, "PolicyNames", owner.policies(world).inline.keys().cloned().collect()))
}

/// The inline policy that is asked for.
fn inline_of(world: &World, owner: Owner, params: &Params) -> Result<(String, String), Refusal> {
    let name = own(params, "PolicyName");
    let found = owner.policies(world).inline.get(&name).cloned();
    let document = found.ok_or_else(|| gone(format!("The {} policy with name {name} cannot be found.", owner.kind())))?;
    Ok((name, document))
}

fn get_inline(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let owner = Owner::of(world, caller, params)?;
    let (name, document) = inline_of(world, owner, params)?;
    let whose = if owner.kind() == "user" { "UserName" } else { "GroupName" };
    Ok(text(whose, owner.name(world)) + &text("PolicyName", &name) + &text("PolicyDocument", &encoded(&document)))
}

fn put_inline(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    Form(params).demand(&["PolicyName", "PolicyDocument"])?;
    let owner = Owner::of(world, caller, params)?;
    let (name, document) = (own(params, "PolicyName"), own(params, "PolicyDocument"));
    check(&document)?;
    let others = owner.policies(world).inline.iter().filter(|(other, _)| **other != name).map(|(_, text)| size(text)).sum::<usize>();
    let largest = owner.largest_inline();
    if others + size(&document) > largest {
        let message = format!("Maximum policy size of {largest} bytes exceeded for {} {}", owner.kind(), owner.name(world));
        return Err(Refusal::new(409, "LimitExceeded", message));
    }
    owner.policies_mut(world).inline.insert(name, document);
    Ok(String::new())
}

fn delete_inline(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let owner = Owner::of(world, caller, params)?;
    let (name, _) = inline_of(world, owner, params)?;
    owner.policies_mut(world).inline.remove(&name);
    Ok(String::new())
}

fn list_attached(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let owner = Owner::of(world, caller, params)?;
    let shown = |managed: &Managed| text("PolicyName", &managed.name) + &text("PolicyArn", &managed.arn);
    Ok(page(world, params, "AttachedPolicies", world.attached(owner.policies(world)).into_iter().map(shown).collect()))
}

fn attach(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let (owner, arn) = (Owner::of(world, caller, params)?, own(params, "PolicyArn"));
    if policy_of(world, params).is_err() {
        return Err(gone(format!("Policy {arn} does not exist or is not attachable.")));
    }
    let attached = world.attached(owner.policies(world));
    if attached.iter().any(|managed| managed.arn == arn) {
        return Ok(String::new());
    }
    if attached.len() >= MOST_ATTACHED {
        let quota = if owner.kind() == "user" { "PoliciesPerUser" } else { "PoliciesPerGroup" };
        return Err(Refusal::new(409, "LimitExceeded", format!("Cannot exceed quota for {quota}: {MOST_ATTACHED}")));
    }
    owner.policies_mut(world).attached.push(arn);
    Ok(String::new())
}

fn detach(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let (owner, arn) = (Owner::of(world, caller, params)?, own(params, "PolicyArn"));
    let found = world.attached(owner.policies(world)).iter().position(|managed| managed.arn == arn);
    let at = found.ok_or_else(|| gone(format!("Policy {arn} was not found.")))?;
    owner.policies_mut(world).attached.remove(at);
    Ok(String::new())
}

fn list_groups(world: &World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    Form(params).demand(&["UserName"])?;
    let user = &world.users[user_of(world, caller, params)?];
    let member = |name: &String| {
        let group = &world.groups[world.group(name).unwrap_or_else(|| panic!("the lab knows no group {name}"))];
        let arn = world.arn_of("group", &format!("{}{name}", group.path));
        text("Path", &group.path)
            + &text("GroupName", name)
            + &text("GroupId", &made_up_id("AGPA", name))
            + &text("Arn", &arn)
            + &text("CreateDate", &iso(1.6e9))
    };
    Ok(page(world, params, "Groups", user.groups.iter().map(member).collect()))
}

/// An ID of the length that AWS's have.
fn made_up_id(prefix: &str, name: &str) -> String {
    let word: String = name.to_uppercase().chars().filter(char::is_ascii_alphanumeric).take(17).collect();
    format!("{prefix}{word:A>17}")
}

/// The managed policy that is asked for; here its name is no ARN.
fn policy_of<'a>(world: &'a World, params: &Params) -> Result<&'a Managed, Refusal> {
    let form = Form(params);
    form.demand(&["PolicyArn"])?;
    form.text("PolicyArn", 20..=2_048, None)?;
    let arn = own(params, "PolicyArn");
    let found = world.managed.iter().find(|managed| managed.arn == arn);
    found.ok_or_else(|| gone(format!("Policy {arn} was not found.")))
}

fn create(world: &mut World, params: &Params) -> Result<String, Refusal> {
    let form = Form(params);
    form.demand(&["PolicyName", "PolicyDocument"])?;
    form.text("PolicyName", 1..=128, Some(r"[\w+=,.@-]*"))?;
    let (name, document) = (own(params, "PolicyName"), own(params, "PolicyDocument"));
    let path = params.get("Path").cloned().unwrap_or_else(|| "/".to_owned());
    check(&document)?;
    if size(&document) > LARGEST_MANAGED {
        return Err(Refusal::new(409, "LimitExceeded", format!("Cannot exceed quota for PolicySize: {LARGEST_MANAGED}")));
    }
    // QUIRK(iam): one name in an account, whatever the path and the case; AWS's own policies do not count.
    let is_own = |managed: &Managed| !managed.arn.contains("::aws:");
    if world.managed.iter().any(|managed| is_own(managed) && managed.name.eq_ignore_ascii_case(&name)) {
        let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(Refusal::new(409, "EntityAlreadyExists", message));
    }
    let arn = world.add_policy(&format!("{path}{name}"), &document);
    Ok(tag("Policy", &described(world, world.managed(&arn).expect("made just now"))))
}

fn described(world: &World, managed: &Managed) -> String {
    let owners = world.users.iter().filter(|user| !user.deleted).map(|user| &user.policies).chain(world.groups.iter().map(|g| &g.policies));
    let count = owners.filter(|own| world.attached(own).iter().any(|other| other.arn == managed.arn)).count();
    let (first, last) = (managed.versions.first(), managed.versions.last());
    let date = |version: Option<&Version>| iso(version.map_or(0.0, |version| version.created_at));
    text("PolicyName", &managed.name)
        + &text("PolicyId", &made_up_id("ANPA", &managed.name))
        + &text("Arn", &managed.arn)
        + &text("Path", &managed.path)
        + &text("DefaultVersionId", &managed.default)
        + &text("AttachmentCount", &count.to_string())
        + &text("PermissionsBoundaryUsageCount", "0")
        + &text("IsAttachable", "true")
        + &text("CreateDate", &date(first))
        + &text("UpdateDate", &date(last))
}

fn get_version(world: &World, params: &Params) -> Result<String, Refusal> {
    Form(params).demand(&["VersionId"])?;
    let (managed, id) = (policy_of(world, params)?, own(params, "VersionId"));
    let found = managed.version(&id);
    let missing = || gone(format!("Policy {} version {id} does not exist or is not attachable.", managed.arn));
    let version = found.ok_or_else(missing)?;
    Ok(tag("PolicyVersion", &(text("Document", &encoded(&version.document)) + &dated(managed, version))))
}

fn list_versions(world: &World, params: &Params) -> Result<String, Refusal> {
    let managed = policy_of(world, params)?;
    Ok(page(world, params, "Versions", managed.versions.iter().rev().map(|version| dated(managed, version)).collect()))
}

fn dated(managed: &Managed, version: &Version) -> String {
    text("VersionId", &version.id)
        + &text("IsDefaultVersion", if version.id == managed.default { "true" } else { "false" })
        + &text("CreateDate", &iso(version.created_at))
}

/// What IAM wants of an identity-based policy before it takes it.
fn check(document: &str) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::new(400, "MalformedPolicyDocument", message));
    let Ok(policy) = serde_json::from_str::<Value>(document) else { return refuse("Syntax errors in policy.") };
    let one = std::slice::from_ref(&policy["Statement"]);
    let statements = policy["Statement"].as_array().map_or(one, Vec::as_slice);
    for statement in statements {
        if !statement.is_object() {
            return refuse("Syntax errors in policy.");
        }
        let has = |names: [&str; 2]| names.iter().any(|name| statement.get(*name).is_some());
        if has(["Principal", "NotPrincipal"]) {
            return refuse("Policy document should not specify a principal.");
        }
        if !has(["Action", "NotAction"]) {
            return refuse("Policy statement must contain actions.");
        }
        if !has(["Resource", "NotResource"]) {
            return refuse("Policy statement must contain resources.");
        }
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return refuse("Syntax errors in policy.");
        }
    }
    Ok(())
}
