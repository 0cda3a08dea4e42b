//! The trail: whether it records what happens to policies, and delivers it where a filter can see it.

use super::{Links, Sight, fail, found, pass, unknown};
use crate::audit::finding::{Finding, Level};
use crate::aws::{MonitoringSight, Trail, TrailSight, account_of_arn, name_of_log_group};
use crate::model::Hears;

/// There is none.
pub(super) fn none(sight: Sight<'_>) -> Finding {
    let Sight { facts, monitoring } = sight;
    let seen = format!("no trail records in {}, where the events of IAM are", monitoring.region);
    let profile = facts.profile.quoted();
    let fix = format!(
        "`keyrotate alarm plan {profile} --create-trail` prints the commands that make a trail with a log group, and what it costs; then run \
         `keyrotate alarm install {profile} --email …`"
    );
    fail(format!("account {}", monitoring.account), seen, fix)
}

/// Whether it records the changes.
pub(super) fn recorded(sight: Sight<'_>, one: &TrailSight) -> Links {
    vec![regions(sight.monitoring, &one.trail), logging(sight, one), events(sight, one)]
}

/// The log group is another account's, as of an organization's trail: what is there, nobody here can see.
pub(super) fn elsewhere(sight: Sight<'_>, one: &TrailSight) -> Option<Finding> {
    let Trail { arn, log_group_arn, is_of_organization, .. } = &one.trail;
    let account = account_of_arn(log_group_arn.as_deref().unwrap_or(arn)).filter(|account| *account != sight.monitoring.account)?;
    let of = if *is_of_organization { "the organization's trail" } else { "another account's trail" };
    let seen = format!("{of}, whose log group would be in account {account}: monitored by account {account}?");
    let fix = format!("ask who has account {account}, or run this with a profile of it");
    Some(unknown(subject(&one.trail), seen, fix))
}

/// Whether it delivers to a log group.
pub(super) fn log_group(sight: Sight<'_>, one: &TrailSight) -> Links {
    let (trail, account) = (&one.trail, sight.monitoring.account.as_str());
    let Some(group) = &trail.log_group_arn else {
        let fix = trail.mending(account).deliver_to_a_log_group();
        return vec![fail(format!("log group of {}", trail.name), "the trail delivers to S3 only, where no filter sees it", fix)];
    };
    let subject = format!("log group {}", name_of_log_group(group).unwrap_or(group));
    let error = one.status.as_ref().ok().and_then(|status| status.log_group_error.as_deref());
    vec![match error {
        None => pass(subject, format!("the trail {} delivers to it", trail.name)),
        Some(error) => {
            let seen = format!("the trail {} cannot deliver to it: {error}", trail.name);
            fail(subject, seen, trail.mending(account).let_it_deliver())
        }
    }]
}

fn subject(trail: &Trail) -> String {
    format!("trail {}", trail.name)
}

fn regions(monitoring: &MonitoringSight, trail: &Trail) -> Finding {
    if trail.is_multi_region {
        return pass(subject(trail), format!("it records in all regions (made in {})", trail.home_region));
    }
    let fix = trail.mending(&monitoring.account).record_everywhere();
    if trail.home_region == monitoring.region {
        let seen = format!("it records in {} only: policies are seen from there, and what else happens is not", trail.home_region);
        return found(Level::Warn, subject(trail), seen).fix(fix);
    }
    fail(subject(trail), format!("it records in {} only, and the events of IAM are in {}", trail.home_region, monitoring.region), fix)
}

fn logging(sight: Sight<'_>, one: &TrailSight) -> Finding {
    let subject = format!("logging of {}", one.trail.name);
    match &one.status {
        Err(error) => sight.denied(subject, error),
        Ok(status) if status.is_logging => pass(subject, "it is on"),
        Ok(_) => fail(subject, "it is off", one.trail.mending(&sight.monitoring.account).start_logging()),
    }
}

fn events(sight: Sight<'_>, one: &TrailSight) -> Finding {
    let trail = &one.trail;
    let mending = trail.mending(&sight.monitoring.account);
    let subject = format!("events of {}", trail.name);
    let selectors = match &one.selectors {
        Err(error) => return sight.denied(subject, error),
        Ok(selectors) => selectors,
    };
    if !trail.has_global_events {
        return fail(subject, "events of services without a region, as IAM is one, are left out", mending.record_global_events());
    }
    match selectors.hears() {
        Hears::All | Hears::AllAndReads | Hears::Everything => pass(subject, "it records management events that change something"),
        Hears::Unclear => unknown(subject, "its advanced event selectors choose by more than could be judged", mending.look_at_selectors()),
        Hears::Nothing => {
            fail(subject, "its event selectors leave out management events that change something", mending.record_changes(selectors))
        }
        Hears::NotOf(missed) => {
            fail(subject, format!("its event selectors leave out {}", missed.join(", ")), mending.record_changes(selectors))
        }
    }
}
