//! Whether a call may be made: the resource of each action as the Service Authorization Reference has it, the context of the request, and the
//! words of a refusal. Invariant: what a user does not see decided by policies is decided by the settings alone.

use std::collections::BTreeMap;

use super::cloudwatch::CLOUDWATCH;
use super::evaluation::{Decision, Request, decide};
use super::serve::{Caller, Params, Refusal};
use super::sigv4::Authorization;
use super::state::World;
use super::sts;

/// Actions that a force-MFA policy leaves open (IAM user guide, "Allows MFA-authenticated IAM users to manage their own credentials").
const NEEDS_NO_MFA: [&str; 8] = [
    "GetCallerIdentity",
    "GetSessionToken",
    "ListMFADevices",
    "GetUser",
    "CreateVirtualMFADevice",
    "EnableMFADevice",
    "ListVirtualMFADevices",
    "ResyncMFADevice",
];
const QUARANTINE: &str = "AWSCompromisedKeyQuarantine";

/// What an action is about.
struct Resource {
    arn: String,
    /// As a refusal names it.
    shown: String,
}

impl Resource {
    fn new(arn: impl Into<String>) -> Self {
        let arn = arn.into();
        Self { shown: arn.clone(), arn }
    }
}

/// Refuses what the settings or the policies of the user do not allow. What the lab cannot judge is noted, for the test to fail.
pub fn authorize(world: &mut World, caller: Caller, auth: &Authorization, action: &str, params: &Params) -> Result<(), Refusal> {
    let session = caller.session.map(|at| &world.sessions[at]);
    // A code on AssumeRole itself counts; whether it is right comes later.
    let has_code = action == "AssumeRole" && params.contains_key("TokenCode");
    let mfa = if has_code { Some(true) } else { session.map(|session| session.mfa) };
    // The user's policies are not those of a role that they assumed.
    let is_user = session.is_none_or(|session| session.role.is_none());
    // A signature names the service by its endpoint, a policy by its own name.
    let what = format!("{}:{action}", if auth.service == CLOUDWATCH { "cloudwatch" } else { &auth.service });
    // What the lab does not know is refused as such by who answers.
    let Some(resource) = resource_of(world, caller, auth, action, params) else { return Ok(()) };
    let who = sts::caller_arn(world, caller);
    let refuse = |why: &str| {
        let message = format!("User: {who} is not authorized to perform: {what} on resource: {} {why}", resource.shown);
        Err(Refusal::new(403, "AccessDenied", message))
    };
    let (denied, not_allowed) =
        ("with an explicit deny in an identity-based policy", format!("because no identity-based policy allows the {what} action"));
    if is_user && world.settings.force_mfa && mfa != Some(true) && !NEEDS_NO_MFA.contains(&action) {
        return refuse(denied);
    }
    if world.settings.denied.contains(&what) {
        return refuse(&not_allowed);
    }
    if !is_user || world.users[caller.user].root || action == "GetCallerIdentity" {
        return Ok(());
    }
    let context = context(world, caller, auth, mfa, &resource.arn, params);
    let asked = Request { action: &what, resource: &resource.arn, context };
    if world.users[caller.user].enforced
        && let Some(boundary) = world.users[caller.user].boundary.as_deref()
    {
        let document = world.managed(boundary).expect("the policy of a boundary").document().to_owned();
        match decide(&[document], &asked) {
            Ok(Decision::Allowed) => {}
            Ok(Decision::Denied) => return refuse("with an explicit deny in a permissions boundary"),
            Ok(Decision::NotAllowed) => return refuse(&format!("because no permissions boundary allows the {what} action")),
            Err(unknown) => return Err(unjudged(world, &unknown)),
        }
    }
    match decide(&documents(world, caller.user), &asked) {
        Ok(Decision::Denied) => refuse(denied),
        Ok(Decision::NotAllowed) if world.users[caller.user].enforced && !needs_no_policy(world, caller, action, params) => {
            refuse(&not_allowed)
        }
        Ok(Decision::Allowed | Decision::NotAllowed) => Ok(()),
        Err(unknown) => Err(unjudged(world, &unknown)),
    }
}

fn unjudged(world: &mut World, unknown: &str) -> Refusal {
    let message = format!("The lab does not know {unknown}.");
    world.unknown.push(message.clone());
    Refusal::new(501, "NotImplemented", message)
}

/// The documents that decide: all of a user for whom policies are enforced, and of any other one those that AWS itself attached.
fn documents(world: &World, user: usize) -> Vec<String> {
    if world.users[user].enforced {
        return world.documents(user);
    }
    let attached = world.attached(&world.users[user].policies);
    attached.into_iter().filter(|policy| policy.name.starts_with(QUARANTINE)).map(|policy| policy.document().to_owned()).collect()
}

/// Everybody may ask for a session; and a role of the own account that names the user needs no policy of theirs (IAM User Guide, policy
/// evaluation logic).
fn needs_no_policy(world: &World, caller: Caller, action: &str, params: &Params) -> bool {
    let arn = world.arn(caller.user);
    let role = world.roles.iter().find(|role| Some(&role.arn) == params.get("RoleArn"));
    let is_named = role.is_some_and(|role| role.trusts.contains(&arn) && role.arn.split(':').nth(4) == arn.split(':').nth(4));
    action == "GetSessionToken" || (action == "AssumeRole" && is_named)
}

fn context<'a>(
    world: &World,
    caller: Caller,
    auth: &Authorization,
    mfa: Option<bool>,
    resource: &str,
    params: &Params,
) -> BTreeMap<&'a str, String> {
    let user = &world.users[caller.user];
    let account = resource.split(':').nth(4).filter(|account| !account.is_empty() && *account != "aws");
    let known = [
        // A long-term key has no such key at all.
        ("aws:multifactorauthpresent", mfa.map(|mfa| mfa.to_string())),
        ("aws:principalaccount", Some(world.settings.account.clone())),
        ("aws:principalarn", Some(world.arn(caller.user))),
        ("aws:requestedregion", Some(auth.region.clone())),
        ("aws:resourceaccount", Some(account.unwrap_or(&world.settings.account).to_owned())),
        ("aws:securetransport", Some("true".to_owned())),
        ("aws:userid", Some(user.id.clone())),
        ("aws:username", Some(user.name.clone())),
        ("iam:policyarn", params.get("PolicyArn").cloned()),
    ];
    known.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// None for an action that the lab does not know.
fn resource_of(world: &World, caller: Caller, auth: &Authorization, action: &str, params: &Params) -> Option<Resource> {
    let own = |name: &str| params.get(name).cloned().unwrap_or_default();
    if auth.service == super::serve::SECRETS {
        return Some(secret(world, auth, params));
    }
    Some(match action {
        "CreateAccessKey"
        | "ListAccessKeys"
        | "UpdateAccessKey"
        | "DeleteAccessKey"
        | "GetUser"
        | "GetLoginProfile"
        | "ListMFADevices"
        | "EnableMFADevice"
        | "DeactivateMFADevice"
        | "ResyncMFADevice"
        | "GetMFADevice"
        | "ListUserPolicies"
        | "GetUserPolicy"
        | "PutUserPolicy"
        | "DeleteUserPolicy"
        | "ListAttachedUserPolicies"
        | "AttachUserPolicy"
        | "DetachUserPolicy"
        | "ListGroupsForUser" => named_user(world, caller, params),
        "GetAccessKeyLastUsed" => {
            let key = world.keys.iter().find(|key| Some(&key.id) == params.get("AccessKeyId"));
            key.map_or_else(|| Resource::new("*"), |key| user(world, key.user))
        }
        "ListGroupPolicies"
        | "GetGroupPolicy"
        | "PutGroupPolicy"
        | "DeleteGroupPolicy"
        | "ListAttachedGroupPolicies"
        | "AttachGroupPolicy"
        | "DetachGroupPolicy" => {
            let name = own("GroupName");
            let path = world.group(&name).map_or("/", |at| &world.groups[at].path);
            Resource { arn: world.arn_of("group", &format!("{path}{name}")), shown: format!("group {name}") }
        }
        "GetPolicy" | "GetPolicyVersion" | "ListPolicyVersions" => {
            Resource { shown: format!("policy {}", own("PolicyArn")), arn: own("PolicyArn") }
        }
        "CreatePolicy" => {
            let arn = world.arn_of("policy", &format!("{}{}", path(params), own("PolicyName")));
            Resource { shown: format!("policy {arn}"), arn }
        }
        "CreateVirtualMFADevice" => Resource::new(world.arn_of("mfa", &format!("{}{}", path(params), own("VirtualMFADeviceName")))),
        "DeleteVirtualMFADevice" => Resource::new(own("SerialNumber")),
        "SimulatePrincipalPolicy" => Resource::new(own("PolicySourceArn")),
        "AssumeRole" => Resource::new(own("RoleArn")),
        "GetTrailStatus" => Resource::new(own("Name")),
        "GetEventSelectors" => Resource::new(own("TrailName")),
        "DescribeMetricFilters" | "PutMetricFilter" | "DeleteMetricFilter" => {
            Resource::new(world.log_group_arn(&world.settings.account, &auth.region, &own("logGroupName")))
        }
        "ListTargetsByRule" | "PutTargets" | "RemoveTargets" => Resource::new(world.rule_arn(&auth.region, &own("Rule"))),
        "PutRule" | "DeleteRule" => Resource::new(world.rule_arn(&auth.region, &own("Name"))),
        "GetTopicAttributes" | "ListSubscriptionsByTopic" | "SetTopicAttributes" | "Subscribe" | "DeleteTopic" | "Publish" => {
            Resource::new(own("TopicArn"))
        }
        "CreateTopic" => {
            let (partition, account) = (&world.settings.partition, &world.settings.account);
            Resource::new(format!("arn:{partition}:sns:{}:{account}:{}", auth.region, own("Name")))
        }
        "PutMetricAlarm" | "SetAlarmState" => Resource::new(world.alarm_arn(&auth.region, &own("AlarmName"))),
        // The lab asks for one at a time; what is asked about several is about all.
        "DeleteAlarms" => Resource::new(world.alarm_arn(&auth.region, own("AlarmNames").trim_matches(['[', ']', '"']))),
        "DescribeAlarms" => Resource::new(world.alarm_arn(&auth.region, "*")),
        // These are about the rules of a bus, whichever.
        "ListRules" | "ListRuleNamesByTarget" => Resource::new(world.rule_arn(&auth.region, "*")),
        "DescribeTrails"
        | "ListTrails"
        | "DescribeAlarmsForMetric"
        | "TestMetricFilter"
        | "TestEventPattern"
        // A subscription is no resource of its own to IAM (service authorization reference, Amazon SNS).
        | "GetSubscriptionAttributes"
        | "GetAccountSummary"
        | "GenerateCredentialReport"
        | "GetCredentialReport"
        | "ListOrganizationsFeatures"
        | "ListVirtualMFADevices"
        | "GetCallerIdentity"
        | "GetSessionToken" => Resource::new("*"),
        _ => return None,
    })
}

fn path(params: &Params) -> &str {
    params.get("Path").map_or("/", String::as_str)
}

fn user(world: &World, at: usize) -> Resource {
    Resource { arn: world.arn(at), shown: format!("user {}", world.users[at].name) }
}

/// The user whom the call names, who may be nobody, or the caller.
fn named_user(world: &World, caller: Caller, params: &Params) -> Resource {
    let Some(name) = params.get("UserName") else { return user(world, caller.user) };
    let found = world.users.iter().position(|user| user.name == *name && !user.root && !user.deleted);
    found.map_or_else(|| Resource { arn: world.arn_of("user", name), shown: format!("user {name}") }, |at| user(world, at))
}

/// A secret is named as the call names it, and judged by its whole ARN.
fn secret(world: &World, auth: &Authorization, params: &Params) -> Resource {
    let shown = params.get("SecretId").or_else(|| params.get("Name")).cloned().unwrap_or_default();
    let found = world.secrets.iter().find(|secret| secret.region == auth.region && (secret.arn == shown || secret.name == shown));
    let made_up = || {
        let (partition, account) = (&world.settings.partition, &world.settings.account);
        format!("arn:{partition}:secretsmanager:{}:{account}:secret:{shown}", auth.region)
    };
    let arn = if shown.starts_with("arn:") { shown.clone() } else { found.map_or_else(made_up, |secret| secret.arn.clone()) };
    Resource { arn, shown }
}
