//! The policies that the user has: quarantined, inline, attached one by one.

use super::{denied, details, who};
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Level};
use crate::aws::{AttachedPolicy, AwsError, GroupPolicies, InlinePolicy, Policies, UserDetails};
use crate::model::Check;

/// AWS adds a version to the name with each new list of what is denied.
const QUARANTINE: &str = "AWSCompromisedKeyQuarantine";

/// What AWS attaches to a user itself, so that nobody can attach it to a group instead.
const NOT_BY_CHOICE: [&str; 2] = [QUARANTINE, "IAMUserChangePassword"];

/// What could not be listed.
const GROUPS: &str = "the user's groups";

pub(super) fn quarantine(facts: &Facts) -> Vec<Finding> {
    let check = Check::Quarantine;
    let details = match details(facts) {
        Ok(details) => details,
        Err(none) => return vec![none.finding(facts, check)],
    };
    let (attached, unread) = attached(details);
    let found = attached.iter().find(|(_, policy)| policy.name.starts_with(QUARANTINE));
    if let Some((owner, policy)) = found {
        let seen = format!("{} is attached to {owner}: AWS found a key of this user in public", policy.name);
        let fix = "do not detach the policy: have an administrator make a new user or key, delete the exposed key, look in CloudTrail for what was done \
                   with it, and follow the support case that AWS opened";
        return vec![Finding::new(check, Level::Fail, who(facts), seen).fix(fix)];
    }
    match unread.first() {
        None => vec![Finding::new(check, Level::Pass, who(facts), format!("no {QUARANTINE} policy is attached"))],
        Some(_) => unread.iter().map(|(owner, error)| denied(facts, check, owner.as_str(), error)).collect(),
    }
}

pub(super) fn inline(facts: &Facts) -> Vec<Finding> {
    let check = Check::Inline;
    let details = match details(facts) {
        Ok(details) => details,
        Err(none) => return vec![none.finding(facts, check)],
    };
    let mut found = Vec::new();
    match &details.policies.inline {
        Err(error) => found.push(denied(facts, check, who(facts), error)),
        Ok(policies) => found.extend(policies.iter().map(|policy| {
            let fix =
                format!("run `keyrotate audit {} --plan INLINE`, which prints how it becomes a managed policy", facts.profile.quoted());
            Finding::new(check, Level::Fail, policy.name.as_str(), "it is written into the user").fix(fix)
        })),
    }
    match &details.groups {
        Err(error) => found.push(denied(facts, check, GROUPS, error)),
        Ok(groups) => groups.iter().for_each(|GroupPolicies { name, policies }| match &policies.inline {
            Err(error) => found.push(denied(facts, check, format!("group {name}"), error)),
            Ok(policies) => found.extend(policies.iter().map(|policy| {
                let seen = format!("it is written into the group {name}");
                let fix = "create a managed policy of it, attach that to the group, then delete the inline one";
                Finding::new(check, Level::Warn, format!("{name}/{}", policy.name), seen).fix(fix)
            })),
        }),
    }
    or_pass(found, || Finding::new(check, Level::Pass, who(facts), "neither the user nor its groups have inline policies"))
}

pub(super) fn direct(facts: &Facts) -> Vec<Finding> {
    let check = Check::DirectAttach;
    let details = match details(facts) {
        Ok(details) => details,
        Err(none) => return vec![none.finding(facts, check)],
    };
    match &details.policies.attached {
        Err(error) => vec![denied(facts, check, who(facts), error)],
        Ok(policies) => {
            let by_choice = policies.iter().filter(|policy| !NOT_BY_CHOICE.iter().any(|name| policy.name.starts_with(name)));
            let found = by_choice.map(|policy| {
                let fix = "attach it to a group that the user is in, then detach it from the user";
                Finding::new(check, Level::Warn, policy.name.as_str(), format!("{} is attached to the user itself", policy.arn)).fix(fix)
            });
            or_pass(found.collect(), || Finding::new(check, Level::Pass, who(facts), "no policy is attached to the user itself"))
        }
    }
}

pub(super) fn or_pass(found: Vec<Finding>, pass: impl FnOnce() -> Finding) -> Vec<Finding> {
    if found.is_empty() { vec![pass()] } else { found }
}

/// A list that could not be read: whose it is, and why.
pub(super) type Unread<'a> = (String, &'a AwsError);

/// The managed policies of the user and its groups, each with its owner.
pub(super) fn attached(details: &UserDetails) -> (Vec<(String, &AttachedPolicy)>, Vec<Unread<'_>>) {
    gathered(details, |policies| &policies.attached)
}

/// The inline policies of the user and its groups, each with its owner.
pub(super) fn written(details: &UserDetails) -> (Vec<(String, &InlinePolicy)>, Vec<Unread<'_>>) {
    gathered(details, |policies| &policies.inline)
}

fn gathered<'a, P>(
    details: &'a UserDetails,
    list: impl Fn(&'a Policies) -> &'a Result<Vec<P>, AwsError>,
) -> (Vec<(String, &'a P)>, Vec<Unread<'a>>) {
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    let mut take = |owner: String, listed: &'a Result<Vec<P>, AwsError>| match listed {
        Ok(policies) => all.extend(policies.iter().map(|policy| (owner.clone(), policy))),
        Err(error) => unread.push((owner, error)),
    };
    take("the user".to_owned(), list(&details.policies));
    match &details.groups {
        Ok(groups) => groups.iter().for_each(|group| take(format!("the group {}", group.name), list(&group.policies))),
        Err(error) => unread.push((GROUPS.to_owned(), error)),
    }
    (all, unread)
}
