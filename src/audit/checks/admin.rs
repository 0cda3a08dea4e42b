//! Whether the user may do everything: what its policies and those of its groups allow, and how far its permissions boundary lets that count.
//!
//! Invariant: a boundary takes away and never gives, so that without a policy that allows a lot it is not asked for.

use super::policies::{attached, or_pass, written};
use super::{denied, details, root_user, who};
use crate::audit::document::{NotAPolicy, Power, may_change_iam, power};
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Level};
use crate::aws::{AttachedPolicy, AwsError, UserDetails, UserSight};
use crate::model::{Check, Identity};

const CHECK: Check = Check::Admin;

pub(super) fn admin(facts: &Facts) -> Vec<Finding> {
    let details = match details(facts) {
        Ok(details) => details,
        Err(_) if facts.user.identity.as_ref().is_ok_and(Identity::is_root) => {
            let found = Finding::new(CHECK, Level::Fail, root_user(facts), "the root user may do everything");
            return vec![found.fix("make an IAM user or a role for this work")];
        }
        Err(none) => return vec![none.finding(facts, CHECK)],
    };
    let (bounds, unbound) = boundary(facts);
    let mut found: Vec<Finding> = Vec::new();
    for Judged { owner, name, power } in judged(details) {
        match power {
            Err(Unjudged::Unread(error)) => found.push(denied(facts, CHECK, name, error)),
            Err(Unjudged::NotAPolicy(error)) => {
                found.push(Finding::new(CHECK, Level::Unknown, name, format!("{error} ({name} of {owner})")));
            }
            Ok(Power::Limited) => {}
            Ok(power) => found.push(all_powerful(&owner, name, power, bounds)),
        }
    }
    let (_, unread_attached) = attached(details);
    let (_, unread_inline) = written(details);
    for (owner, error) in unread_attached.iter().chain(&unread_inline) {
        let unread = denied(facts, CHECK, owner.as_str(), error);
        // Not to be allowed to look at the groups is one thing, though two lists are missing for it.
        if !found.contains(&unread) {
            found.push(unread);
        }
    }
    found.extend(unbound);
    or_pass(found, || Finding::new(CHECK, Level::Pass, who(facts), "no policy of the user or its groups allows everything"))
}

/// Whether a policy allows so much that it counts whether a permissions boundary cuts it down.
pub fn wants_boundary(sight: &UserSight) -> bool {
    let powers = sight.user.as_ref().map(judged).unwrap_or_default().into_iter().filter_map(|judged| judged.power.ok());
    powers.max().is_some_and(|power| power > Power::Limited)
}

/// How much a policy allows.
struct Judged<'a> {
    owner: String,
    name: &'a str,
    power: Result<Power, Unjudged<'a>>,
}

/// Why that is not known.
enum Unjudged<'a> {
    Unread(&'a AwsError),
    NotAPolicy(NotAPolicy),
}

fn judged(details: &UserDetails) -> Vec<Judged<'_>> {
    let (attached, _) = attached(details);
    let (inline, _) = written(details);
    let managed = attached.into_iter().map(|(owner, policy)| Judged { owner, name: &policy.name, power: of_managed(policy) });
    let written = inline.into_iter().map(|(owner, policy)| Judged { owner, name: &policy.name, power: of_document(&policy.document) });
    managed.chain(written).collect()
}

/// AWS publishes the documents of its own policies, and the names say which of them allow a lot.
fn of_managed(policy: &AttachedPolicy) -> Result<Power, Unjudged<'_>> {
    match (&policy.document, policy.name.as_str()) {
        (Some(document), _) => of_document(document),
        (None, "AdministratorAccess") => Ok(Power::Everything),
        (None, "IAMFullAccess") => Ok(Power::AllOfIam),
        (None, _) => Ok(Power::Limited),
    }
}

fn of_document(document: &Result<String, AwsError>) -> Result<Power, Unjudged<'_>> {
    power(document.as_ref().map_err(Unjudged::Unread)?).map_err(Unjudged::NotAPolicy)
}

/// How far a boundary lets what policies allow count: only what both allow (IAM user guide, "Permissions boundaries for IAM entities").
#[derive(Clone, Copy)]
struct Bounds<'a> {
    name: &'a str,
    /// It leaves changes of IAM, by which somebody may give themselves the rest, or take it off.
    leaves_iam: bool,
}

/// The boundary, and why it is not known whether there is one or what it allows.
fn boundary(facts: &Facts) -> (Option<Bounds<'_>>, Option<Finding>) {
    const SUBJECT: &str = "permissions boundary";
    match &facts.boundary {
        None | Some(Ok(None)) => (None, None),
        Some(Err(error)) => (None, Some(denied(facts, CHECK, SUBJECT, error))),
        Some(Ok(Some(policy))) => match leaves_iam(policy) {
            Ok(leaves_iam) => (Some(Bounds { name: &policy.name, leaves_iam }), None),
            Err(Unjudged::Unread(error)) => (None, Some(denied(facts, CHECK, SUBJECT, error))),
            Err(Unjudged::NotAPolicy(error)) => {
                (None, Some(Finding::new(CHECK, Level::Unknown, SUBJECT, format!("{error} ({})", policy.name))))
            }
        },
    }
}

fn leaves_iam(policy: &AttachedPolicy) -> Result<bool, Unjudged<'_>> {
    match &policy.document {
        Some(document) => may_change_iam(document.as_ref().map_err(Unjudged::Unread)?).map_err(Unjudged::NotAPolicy),
        None => of_managed(policy).map(|power| power > Power::Limited),
    }
}

fn all_powerful(owner: &str, name: &str, power: Power, bounds: Option<Bounds<'_>>) -> Finding {
    let (level, what) = match power {
        Power::Everything | Power::Limited => (Level::Fail, "everything"),
        Power::AllOfIam => (Level::Fail, "all of IAM, and so whatever the user gives itself"),
        Power::NearlyEverything => (Level::Warn, "everything but what it names"),
    };
    let seen = format!("it allows {owner} {what}, without a condition");
    let (level, seen) = match bounds {
        None => (level, seen),
        Some(Bounds { name, leaves_iam }) => {
            let seen = format!("{seen}; of that only what the permissions boundary {name} allows, too, counts");
            if leaves_iam { (level, format!("{seen}, and changes of IAM are among it")) } else { (Level::Warn, seen) }
        }
    };
    let fix = "keep such permissions in a role that asks for MFA, and let the user assume it";
    Finding::new(CHECK, level, name, seen).fix(fix)
}
