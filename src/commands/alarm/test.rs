//! `keyrotate alarm test`: each pattern is held against events of its kind, and the whole is tried out with a mail.
//!
//! Invariant: nothing is changed but the state of our own alarm, which CloudWatch puts right at its next look.

use super::{AlarmOptions, Asked, UNCHANGED, refused};
use crate::alarm::{MARK, Watch, is_hit, on_the_bus, samples};
use crate::aws::OwnSight;
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::Attend;

const REASON: &str = "keyrotate alarm test: nothing has happened. This shows that a change of a policy reaches you.";

/// What one thing of ours did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What it is.
    pub what: String,
    /// What it did, or what is wrong with it.
    pub outcome: Result<String, String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Everything that was tried.
    pub tried: Vec<Tried>,
    /// Mailboxes that get a mail now.
    pub mailboxes: Vec<String>,
}

impl Tested {
    /// 11 where something does not work.
    pub fn exit_code(&self) -> u8 {
        if self.tried.iter().all(|one| one.outcome.is_ok()) { 0 } else { FailureKind::Critical.exit_code() }
    }
}

/// Runs the command.
pub fn test(context: &Context, attend: Attend<'_>, options: &AlarmOptions) -> Result<Tested, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm test")?;
    let mut tested = Tested { tried: Vec::new(), mailboxes: Vec::new() };
    for region in asked.regions(&asked.trails())? {
        asked.try_out(&region, &asked.own(&region)?, &mut tested)?;
    }
    if tested.tried.is_empty() {
        let message = format!("nothing that keyrotate set up is in account {}", asked.identity.account);
        let hint = format!("`keyrotate alarm install {} --email …` sets it up", asked.profile.quoted());
        return Err(Failure::new(FailureKind::Critical, message).state(UNCHANGED).hint(hint));
    }
    Ok(tested)
}

impl Asked {
    fn try_out(&self, region: &str, own: &OwnSight, tested: &mut Tested) -> Result<(), Failure> {
        let Some(topic) = own.topic.as_ref().filter(|found| found.topic.display_name.as_deref() == Some(MARK)) else { return Ok(()) };
        let arn = self.topic(region);
        let account = self.identity.account.as_str();
        let unclear = |error| refused(FailureKind::Unchecked, &error);
        for watch in Watch::ALL {
            let events = samples(watch, account, region);
            for (group, filter) in own.filters.iter().filter(|(_, filter)| filter.name == watch.name()) {
                let texts: Vec<String> = events.iter().map(ToString::to_string).collect();
                let hits = self.aws.test_metric_filter(&self.signer, region, &filter.pattern, &texts).map_err(unclear)?;
                let outcome = judged(watch, events.len(), |number| hits.contains(&number));
                tested.tried.push(Tried { what: format!("metric filter {} of {group}", filter.name), outcome });
            }
            for rule in own.rules.iter().filter(|one| one.rule.name == watch.name()) {
                let pattern = rule.rule.pattern.as_deref().unwrap_or_default();
                let mut hits = Vec::new();
                for (number, event) in events.iter().enumerate() {
                    let event = on_the_bus(event, account, region);
                    if self.aws.test_event_pattern(&self.signer, region, pattern, &event).map_err(unclear)? {
                        hits.push(number);
                    }
                }
                let outcome = if !rule.rule.is_enabled {
                    Err("it is switched off".to_owned())
                } else if !rule.targets.contains(&arn) {
                    Err("it does not send to the topic".to_owned())
                } else {
                    judged(watch, events.len(), |number| hits.contains(&number))
                };
                tested.tried.push(Tried { what: format!("EventBridge rule {}", rule.rule.name), outcome });
            }
        }
        let (confirmed, pending): (Vec<_>, Vec<_>) = topic.subscriptions.iter().partition(|one| one.arn.is_some());
        let named = |all: &[&crate::aws::Subscription]| all.iter().map(|one| one.endpoint.clone()).collect::<Vec<_>>();
        let outcome = match (&confirmed[..], &pending[..]) {
            ([], []) => Err("nobody hears of it".to_owned()),
            (_, [_, ..]) => Err(format!("not confirmed by {}: the link is in a mail from AWS", named(&pending).join(", "))),
            (_, []) => Ok(format!("confirmed by {}", named(&confirmed).join(", "))),
        };
        tested.tried.push(Tried { what: format!("SNS topic {arn}"), outcome });
        let sent = match own.alarms.iter().find(|alarm| alarm.name == Watch::Policies.name()) {
            Some(alarm) if !alarm.has_actions_enabled || !alarm.actions.contains(&arn) => {
                Some((&alarm.name, Err("it does nothing".to_owned())))
            }
            Some(alarm) => {
                self.aws.raise_alarm(&self.signer, region, &alarm.name, REASON).map_err(unclear)?;
                Some((&alarm.name, Ok("raised, until CloudWatch looks again".to_owned())))
            }
            None => None,
        };
        match sent {
            Some((name, outcome)) => tested.tried.push(Tried { what: format!("CloudWatch alarm {name}"), outcome }),
            None if own.rules.is_empty() => {
                let what = format!("CloudWatch alarm {}", Watch::Policies.name());
                tested.tried.push(Tried { what, outcome: Err("it is not there".to_owned()) });
            }
            None => self.aws.publish(&self.signer, &arn, "keyrotate alarm test", REASON).map_err(unclear)?,
        }
        tested.mailboxes.extend(named(&confirmed));
        Ok(())
    }
}

/// Whether it hears of all that it is to hear of, and of nothing else.
fn judged(watch: Watch, count: usize, is_heard: impl Fn(usize) -> bool) -> Result<String, String> {
    let missed: Vec<&str> = watch.events().iter().enumerate().filter(|(number, _)| !is_heard(*number)).map(|(_, name)| *name).collect();
    let wrong = (0..count).filter(|number| is_heard(*number) != is_hit(*number, count)).count();
    match (&missed[..], wrong) {
        (_, 0) => Ok(format!("hears of {} and of nothing else", if count == 2 { "its event" } else { "each of its events" })),
        ([], _) => Err("hears of what it is not about".to_owned()),
        (missed, _) => Err(format!("does not hear of {}", missed.join(", "))),
    }
}
