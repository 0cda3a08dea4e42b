//! What a person should know before they agree to a plan.

use super::Looked;
use crate::alarm::{Via, Watch, doubts};
use crate::model::ProfileName;

/// The notes, of a plan that changes something or not.
pub(super) fn of_plan(looked: &Looked, profile: &ProfileName, changes: bool) -> Vec<String> {
    let Looked { sight, place, wanted, elsewhere, own } = looked;
    let region = &place.region;
    let source = match &place.log_group {
        Some(group) => format!("the log group {group} of the trail {}, in {region}", place.trail),
        None => format!("EventBridge in {region}, where the trail {} has the events from", place.trail),
    };
    let mut notes = vec![format!("source: {source}")];
    let has_subscribers = own.topic.as_ref().is_some_and(|topic| !topic.subscriptions.is_empty());
    if !has_subscribers && wanted.emails.is_empty() {
        notes.push("nobody would hear of it: name a mailbox with --email ADDRESS".to_owned());
    }
    notes.extend(doubts(own, wanted.via));
    if !changes {
        return notes;
    }
    let count = if wanted.root { 3 } else { 2 };
    match wanted.via {
        Via::Metric => {
            notes.push(format!(
                "{count} alarms and metrics cost about ${:.2} a month (us-east-1's prices); mails are free",
                f64::from(count) * 0.4
            ));
            let slow = "a mail comes within about 15 minutes, one for all changes of some minutes, and does not say who made them; with `--via \
                        eventbridge` there is one for each, at once, with the whole event";
            notes.push(slow.to_owned());
        }
        Via::EventBridge => {
            notes.push("rules for AWS's own events and mails are free; each change is a mail with the whole event".to_owned())
        }
    }
    notes.push(format!("each rotation by keyrotate makes an access key, and is told by {}", Watch::Access.name()));
    let trail = sight.trails.iter().flatten().find(|one| one.trail.name == place.trail).map(|one| &one.trail);
    if wanted.via == Via::Metric && trail.is_some_and(|trail| trail.is_of_organization) {
        let all = "the trail is the organization's: changes in each of its accounts are counted together, and while an alarm is raised no other \
                   mail comes";
        notes.push(all.to_owned());
    }
    if wanted.via == Via::EventBridge && wanted.root {
        notes.push(format!("what the root user does in other regions than {region} is not told this way; --via metric tells of it"));
    }
    for (other, via) in elsewhere {
        let by = match via {
            Via::Metric => "CloudWatch alarms",
            Via::EventBridge => "rules of EventBridge",
        };
        let command = format!("keyrotate alarm remove {}", profile.quoted());
        notes
            .push(format!("it is told by {by} in {other} already: with this, one change is two mails (`{command}` first, to change over)"));
    }
    notes
}
