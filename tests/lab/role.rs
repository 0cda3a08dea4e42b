//! AssumeRole as the STS API reference has it, in the words of AWS's own refusals. Invariant: a role that the lab knows is assumed by whom it
//! trusts only; any other one by everybody, for twelve hours at most.

use std::collections::{BTreeMap, BTreeSet};

use super::serve::{Caller, Params, Refusal};
use super::state::{Assumed, Grant, World};
use super::sts::{self, Form};
use super::xml::{tag, text};

/// The longest session by way of another session, whatever the role allows.
const LONGEST_CHAINED: u32 = 3_600;
/// What a session policy may have in characters, inline and managed together.
const LONGEST_POLICY: usize = 2_048;

/// A role that the lab knows: what its trust policy says, and how long its sessions may be.
#[derive(Clone, Debug)]
pub struct Role {
    pub arn: String,
    /// ARNs of users, of roles and their sessions, or `arn:aws:iam::ACCOUNT:root` for a whole account.
    pub trusts: Vec<String>,
    /// `sts:ExternalId`.
    pub external_id: Option<String>,
    /// `aws:MultiFactorAuthPresent`.
    pub needs_mfa: bool,
    /// `sts:TagSession`.
    pub may_tag: bool,
    /// `sts:SetSourceIdentity`.
    pub may_set_source_identity: bool,
    /// MaxSessionDuration in seconds.
    pub longest: u32,
}

impl Role {
    /// As the console makes one: an hour, without conditions, and without tags.
    pub fn new(arn: &str, trusts: &[&str]) -> Self {
        let trusts = trusts.iter().map(|arn| (*arn).to_owned()).collect();
        let (arn, longest) = (arn.to_owned(), 3_600);
        Self { arn, trusts, external_id: None, needs_mfa: false, may_tag: false, may_set_source_identity: false, longest }
    }
}

/// The inner XML of the result.
pub fn assume(world: &mut World, caller: Caller, params: &Params) -> Result<String, Refusal> {
    let wanted = Wanted::read(params)?;
    let mfa = sts::check_code(world, caller, params)? || caller.session.is_some_and(|at| world.sessions[at].mfa);
    let known = world.roles.iter().find(|role| role.arn == wanted.arn).cloned();
    if let Some(role) = &known {
        admit(world, caller, role, &wanted, mfa)?;
    }
    let longest = known.map_or(43_200, |role| role.longest);
    let seconds = wanted.seconds.unwrap_or(3_600);
    if caller.session.is_some() && seconds > LONGEST_CHAINED {
        return Err(sts::invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."));
    }
    if seconds > longest {
        return Err(sts::invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    let assumed = wanted.assumed(caller.session.and_then(|at| world.sessions[at].role.as_ref()))?;
    let user = text("AssumedRoleId", &format!("AROALAB:{}", assumed.session_name)) + &text("Arn", &assumed.session_arn());
    let source = assumed.source_identity.as_ref().map(|source| text("SourceIdentity", source)).unwrap_or_default();
    let credentials = sts::open(world, Grant { user: caller.user, mfa: false, seconds, role: Some(assumed) });
    Ok(credentials + &tag("AssumedRoleUser", &user) + &source)
}

/// What the trust policy says of the caller.
fn admit(world: &World, caller: Caller, role: &Role, wanted: &Wanted, mfa: bool) -> Result<(), Refusal> {
    let refuse = |action: &str| {
        let who = sts::caller_arn(world, caller);
        Err(Refusal::new(403, "AccessDenied", format!("User: {who} is not authorized to perform: {action} on resource: {}", role.arn)))
    };
    let is_trusted = principals(world, caller).iter().any(|arn| role.trusts.contains(arn));
    let is_named = role.external_id.is_none() || role.external_id == wanted.external_id;
    if !is_trusted || !is_named || (role.needs_mfa && !mfa) {
        return refuse("sts:AssumeRole");
    }
    let before = caller.session.and_then(|at| world.sessions[at].role.as_ref());
    // What goes on from the session before needs the same permission as what is set anew.
    if !role.may_tag && (!wanted.tags.is_empty() || before.is_some_and(|before| !before.transitive.is_empty())) {
        return refuse("sts:TagSession");
    }
    let has_source = wanted.source_identity.is_some() || before.is_some_and(|before| before.source_identity.is_some());
    if !role.may_set_source_identity && has_source {
        return refuse("sts:SetSourceIdentity");
    }
    Ok(())
}

/// The names by which a trust policy may know the caller.
fn principals(world: &World, caller: Caller) -> Vec<String> {
    let (own, account) = match caller.session.and_then(|at| world.sessions[at].role.as_ref()) {
        Some(role) => (vec![role.arn.clone(), role.session_arn()], role.arn.split(':').nth(4).unwrap_or_default().to_owned()),
        None => (vec![world.arn(caller.user)], world.settings.account.clone()),
    };
    let root = format!("arn:{}:iam::{account}:root", world.settings.partition);
    own.into_iter().chain([root]).collect()
}

/// The parameters, each of a form that AWS takes.
struct Wanted {
    arn: String,
    session_name: String,
    external_id: Option<String>,
    source_identity: Option<String>,
    seconds: Option<u32>,
    tags: Vec<(String, String)>,
    transitive: Vec<String>,
    policy: Option<String>,
    policy_arns: Vec<String>,
}

impl Wanted {
    fn read(params: &Params) -> Result<Self, Refusal> {
        let form = Form(params);
        form.demand(&["RoleArn", "RoleSessionName"])?;
        form.text("RoleArn", 20..=2_048, None)?;
        form.text("RoleSessionName", 2..=64, Some(r"[\w+=,.@-]*"))?;
        form.text("ExternalId", 2..=1_224, Some(r"[\w+=,.@:\/-]*"))?;
        form.text("SourceIdentity", 2..=64, Some(r"[\w+=,.@-]*"))?;
        form.text("Policy", 1..=LONGEST_POLICY, None)?;
        let own = |name: &str| params.get(name).cloned();
        let wanted = Self {
            arn: own("RoleArn").unwrap_or_default(),
            session_name: own("RoleSessionName").unwrap_or_default(),
            external_id: own("ExternalId"),
            source_identity: own("SourceIdentity"),
            seconds: form.seconds(43_200)?,
            tags: list(params, "Tags", ".Key").into_iter().zip(list(params, "Tags", ".Value")).collect(),
            transitive: list(params, "TransitiveTagKeys", ""),
            policy: own("Policy"),
            policy_arns: list(params, "PolicyArns", ".arn"),
        };
        let arn: Vec<&str> = wanted.arn.splitn(6, ':').collect();
        if arn.len() != 6 || arn[2] != "iam" || !arn[5].starts_with("role/") {
            return Err(sts::invalid(format!("{} is invalid", wanted.arn)));
        }
        wanted.check_policies()?;
        wanted.check_tags()?;
        Ok(wanted)
    }

    fn check_policies(&self) -> Result<(), Refusal> {
        let is_policy =
            |text: &String| serde_json::from_str::<serde_json::Value>(text).is_ok_and(|policy| policy.get("Statement").is_some());
        if !self.policy.as_ref().is_none_or(is_policy) {
            return Err(Refusal::new(400, "MalformedPolicyDocument", "Syntax errors in policy."));
        }
        let length = self.policy.iter().chain(&self.policy_arns).map(|text| text.chars().count()).sum::<usize>();
        if self.policy_arns.len() > 10 || length > LONGEST_POLICY {
            return Err(Refusal::new(
                400,
                "PackedPolicyTooLarge",
                "Packed policy consumes 101% of allotted space, please use smaller policy.",
            ));
        }
        Ok(())
    }

    fn check_tags(&self) -> Result<(), Refusal> {
        let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        let violates = |what: &str, longest: usize, shortest: usize, value: &str| {
            let count = value.chars().count();
            let fault = if count > longest {
                format!("Member must have length less than or equal to {longest}")
            } else if count < shortest {
                format!("Member must have length greater than or equal to {shortest}")
            } else if !value.chars().all(is_allowed) {
                format!(
                    r"Member must satisfy regular expression pattern: [\p{{L}}\p{{Z}}\p{{N}}_.:/=+\-@]{}",
                    if shortest > 0 { '+' } else { '*' }
                )
            } else {
                return None;
            };
            Some(sts::invalid(format!("1 validation error detected: Value at '{what}' failed to satisfy constraint: {fault}")))
        };
        for (at, (key, value)) in self.tags.iter().enumerate() {
            let place = |field: &str| format!("tags.{}.member.{field}", at + 1);
            let fault = violates(&place("key"), 128, 1, key).or_else(|| violates(&place("value"), 256, 0, value));
            if let Some(refusal) = fault {
                return Err(refusal);
            }
            if key.to_lowercase().starts_with("aws:") {
                return Err(refused("Tag keys that begin with aws: are reserved for system use."));
            }
        }
        if self.tags.len() > 50 || self.transitive.len() > 50 {
            let fault = "Member must have length less than or equal to 50";
            return Err(sts::invalid(format!("1 validation error detected: Value at 'tags' failed to satisfy constraint: {fault}")));
        }
        let keys: BTreeSet<String> = self.tags.iter().map(|(key, _)| key.to_lowercase()).collect();
        if keys.len() < self.tags.len() {
            return Err(refused("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        if self.transitive.iter().any(|key| !keys.contains(&key.to_lowercase())) {
            return Err(refused("The specified transitive tag key must be included in the requested tags."));
        }
        Ok(())
    }

    /// With what goes on from the session before.
    fn assumed(self, before: Option<&Assumed>) -> Result<Assumed, Refusal> {
        let mut tags: BTreeMap<String, String> = BTreeMap::new();
        let mut transitive: BTreeSet<String> = self.transitive.iter().map(|key| key.to_lowercase()).collect();
        for (key, value) in before.iter().flat_map(|before| &before.tags) {
            if before.is_some_and(|before| before.transitive.contains(&key.to_lowercase())) {
                tags.insert(key.clone(), value.clone());
            }
        }
        if self.tags.iter().any(|(key, _)| tags.keys().any(|other| other.eq_ignore_ascii_case(key))) {
            let conflict = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
            return Err(refused(conflict));
        }
        transitive.extend(before.iter().flat_map(|before| before.transitive.iter().cloned()));
        tags.extend(self.tags);
        let set = before.and_then(|before| before.source_identity.clone());
        if let (Some(old), Some(new)) = (&set, &self.source_identity)
            && old != new
        {
            // The words are AWS's; the code is not known.
            return Err(sts::invalid("The source identity is already set for this assume role session"));
        }
        Ok(Assumed {
            arn: self.arn,
            session_name: self.session_name,
            external_id: self.external_id,
            source_identity: self.source_identity.or(set),
            tags,
            transitive,
            policy: self.policy,
            policy_arns: self.policy_arns,
        })
    }
}

fn refused(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterValue", message)
}

/// `NAME.member.1FIELD`, `NAME.member.2FIELD` and so on.
fn list(params: &Params, name: &str, field: &str) -> Vec<String> {
    (1..).map_while(|at| params.get(&format!("{name}.member.{at}{field}")).cloned()).collect()
}
