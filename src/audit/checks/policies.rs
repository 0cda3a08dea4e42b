//! The policies that the user has: quarantined, inline, attached one by one, all-powerful.

use super::{denied, details, root_user, who};
use crate::audit::document::{Power, power};
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Level};
use crate::aws::{AttachedPolicy, AwsError, GroupPolicies, InlinePolicy, Policies, UserDetails};
use crate::model::{Check, Identity};

/// AWS adds a version to the name with each new list of what is denied.
const QUARANTINE: &str = "AWSCompromisedKeyQuarantine";

/// What AWS attaches to a user itself, so that nobody can attach it to a group instead.
const NOT_BY_CHOICE: [&str; 2] = [QUARANTINE, "IAMUserChangePassword"];

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
            let seen = format!("{} is written into the user", policy.name);
            let fix =
                format!("run `keyrotate audit {} --plan INLINE`, which prints how it becomes a managed policy", facts.profile.quoted());
            Finding::new(check, Level::Fail, policy.name.as_str(), seen).fix(fix)
        })),
    }
    match &details.groups {
        Err(error) => found.push(denied(facts, check, "groups", error)),
        Ok(groups) => groups.iter().for_each(|GroupPolicies { name, policies }| match &policies.inline {
            Err(error) => found.push(denied(facts, check, format!("group {name}"), error)),
            Ok(policies) => found.extend(policies.iter().map(|policy| {
                let seen = format!("{} is written into the group {name}", policy.name);
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

pub(super) fn admin(facts: &Facts) -> Vec<Finding> {
    let check = Check::Admin;
    let details = match details(facts) {
        Ok(details) => details,
        Err(_) if facts.user.identity.as_ref().is_ok_and(Identity::is_root) => {
            let found = Finding::new(check, Level::Fail, root_user(facts), "the root user may do everything");
            return vec![found.fix("make an IAM user or a role for this work")];
        }
        Err(none) => return vec![none.finding(facts, check)],
    };
    let (attached, unread_attached) = attached(details);
    let (inline, unread_inline) = written(details);
    let mut found: Vec<Finding> = Vec::new();
    for (owner, policy) in attached {
        match &policy.document {
            None => found.extend((policy.name == "AdministratorAccess").then(|| all_powerful(&owner, &policy.name, Power::Everything))),
            Some(Err(error)) => found.push(denied(facts, check, policy.name.as_str(), error)),
            Some(Ok(document)) => found.extend(judged(&owner, &policy.name, document)),
        }
    }
    for (owner, policy) in inline {
        match &policy.document {
            Err(error) => found.push(denied(facts, check, policy.name.as_str(), error)),
            Ok(document) => found.extend(judged(&owner, &policy.name, document)),
        }
    }
    found.extend(unread_attached.iter().chain(&unread_inline).map(|(owner, error)| denied(facts, check, owner.as_str(), error)));
    // Not to be allowed to look at the groups is one thing, though two lists are missing for it.
    found.dedup_by(|a, b| a == b);
    or_pass(found, || Finding::new(check, Level::Pass, who(facts), "no policy of the user or its groups allows everything"))
}

fn judged(owner: &str, name: &str, document: &str) -> Option<Finding> {
    match power(document) {
        Err(error) => Some(Finding::new(Check::Admin, Level::Unknown, name, format!("{error} ({name} of {owner})"))),
        Ok(Power::Limited) => None,
        Ok(power) => Some(all_powerful(owner, name, power)),
    }
}

fn all_powerful(owner: &str, name: &str, power: Power) -> Finding {
    let (level, what) = match power {
        Power::Everything | Power::Limited => (Level::Fail, "allows everything"),
        Power::AllOfIam => (Level::Fail, "allows all of IAM, and so whatever the user gives itself"),
        Power::NearlyEverything => (Level::Warn, "allows everything but what it names"),
    };
    let fix = "keep such permissions in a role that asks for MFA, and let the user assume it";
    Finding::new(Check::Admin, level, name, format!("{name} of {owner} {what}, without a condition")).fix(fix)
}

fn or_pass(found: Vec<Finding>, pass: impl FnOnce() -> Finding) -> Vec<Finding> {
    if found.is_empty() { vec![pass()] } else { found }
}

/// A list that could not be read: whose it is, and why.
type Unread<'a> = (String, &'a AwsError);

/// The managed policies of the user and its groups, each with its owner.
fn attached(details: &UserDetails) -> (Vec<(String, &AttachedPolicy)>, Vec<Unread<'_>>) {
    gathered(details, |policies| &policies.attached)
}

/// The inline policies of the user and its groups, each with its owner.
fn written(details: &UserDetails) -> (Vec<(String, &InlinePolicy)>, Vec<Unread<'_>>) {
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
        Err(error) => unread.push(("the user's groups".to_owned(), error)),
    }
    (all, unread)
}
