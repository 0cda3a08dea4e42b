//! `keyrotate alarm test`: everything that `install` makes is looked at, each pattern is held against events of its kind, and a mail is sent.
//!
//! Invariant: nothing is changed but the state of our own alarm, which CloudWatch puts right at its next look.

use super::{AlarmOptions, Asked, UNCHANGED, heard, in_use, watches_root};
use crate::alarm::{Sign, Step, Via, Wanted, Watch, doubts, faults, is_hit, is_our_alarm, on_the_bus, place, plan, samples, ways};
use crate::aws::{AwsError, MonitoringSight, OwnSight};
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::Attend;
use crate::model::{Truth, shell_word};

const REASON: &str = "keyrotate alarm test: nothing has happened. This shows that a change of a policy reaches you.";

/// What one thing of ours did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What it is.
    pub what: String,
    /// What it did, or what is wrong with it.
    pub outcome: Result<String, String>,
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The mailboxes, and who else hears of it.
    pub to: Vec<String>,
    /// By what, and what of the way is tried out by it when it arrives.
    pub by: String,
}

/// What came of it.
#[derive(Debug, Default, PartialEq)]
pub struct Tested {
    /// Everything that was tried.
    pub tried: Vec<Tried>,
    /// What was sent.
    pub sent: Vec<Sent>,
    /// What could not be tried out, each with the reason.
    pub doubts: Vec<String>,
    /// The command that puts right what is missing.
    pub install: String,
    /// What could not be looked at.
    pub unseen: Option<Failure>,
}

impl Tested {
    /// 11 where something does not work, 12 where it is not known whether it does.
    pub fn exit_code(&self) -> u8 {
        if self.tried.iter().any(|one| one.outcome.is_err()) {
            FailureKind::Critical.exit_code()
        } else if self.unseen.is_some() || !self.doubts.is_empty() {
            FailureKind::Unchecked.exit_code()
        } else {
            0
        }
    }

    /// Whether something is missing that another run of `install` makes.
    pub fn is_mended_by_install(&self) -> bool {
        self.tried.iter().any(|one| matches!(&one.outcome, Err(why) if why == MISSING || why == CHANGED))
    }

    fn fails(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.tried.push(Tried { what: what.into(), outcome: Err(why.into()) });
    }
}

const MISSING: &str = "is missing";
const CHANGED: &str = "was changed, and does not do what it should";

/// Runs the command. An alarm that does something else, too, is raised where `all_actions` says so.
pub fn test(context: &Context, attend: Attend<'_>, options: &AlarmOptions, all_actions: bool) -> Result<Tested, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm test")?;
    let sight = asked.trails();
    let install = format!("keyrotate alarm install {}", asked.profile.quoted());
    let mut tested = Tested { install, ..Tested::default() };
    if let Err(error) = &sight.trails {
        tested.unseen = Some(asked.refused(FailureKind::Unchecked, error));
    }
    let regions = asked.regions(&sight);
    for region in &regions {
        let tried = asked.own(&sight, region).and_then(|own| {
            let ways = ways(&own, &asked.topic(region));
            ways.into_iter().try_for_each(|via| asked.try_out(&sight, region, (via, all_actions), &own, &mut tested))
        });
        if let Err(error) = tried {
            let failure = asked.refused(FailureKind::Unchecked, &error).of(region);
            tested.unseen = tested.unseen.take().or(Some(failure));
        }
    }
    if tested.tried.is_empty() && tested.unseen.is_none() {
        let message = format!("nothing that keyrotate set up is in account {} ({})", asked.identity.account, regions.join(", "));
        let hint = format!("`{} --email ADDRESS` sets it up; --region REGION looks in another region, too", tested.install);
        return Err(Failure::new(FailureKind::Critical, message).state(UNCHANGED).hint(hint));
    }
    Ok(tested)
}

impl Asked {
    /// What is there by one way in one region.
    fn try_out(
        &self,
        sight: &MonitoringSight,
        region: &str,
        (via, all_actions): (Via, bool),
        own: &OwnSight,
        tested: &mut Tested,
    ) -> Result<(), AwsError> {
        let before = tested.tried.len();
        self.parts(sight, region, via, own, tested);
        match via {
            Via::Metric => self.filters(region, own, tested)?,
            Via::EventBridge => self.rules(region, own, tested)?,
        }
        let Some(topic) = &own.topic else { return Ok(()) };
        let hears = topic.subscriptions.iter().filter(|one| one.gets != Ok(Truth::No));
        let (confirmed, pending) = heard(hears);
        let what = format!("SNS topic {}", self.topic(region));
        let outcome = match (&confirmed[..], &pending[..]) {
            ([], []) if !topic.subscriptions.is_empty() => Err("nobody hears of it".to_owned()),
            ([], []) => Err("nobody hears of it: name a mailbox with --email".to_owned()),
            ([], [first, ..]) => Err(format!(
                "nobody hears of it: {} did not follow the link in the mail from AWS; `{} --email {}` sends it again",
                pending.join(", "),
                tested.install,
                shell_word(first)
            )),
            (_, []) => Ok(format!("{} hears of it", confirmed.join(", "))),
            (_, _) => Ok(format!("{} hears of it, {} has not confirmed", confirmed.join(", "), pending.join(", "))),
        };
        tested.tried.push(Tried { what, outcome });
        if tested.tried.iter().skip(before).any(|one| one.outcome.is_err()) {
            return Ok(());
        }
        // An alarm's message is what tries the key out.
        tested.doubts.extend(if via == Via::EventBridge { doubts(own, via) } else { Vec::new() });
        match self.others_actions(region, via, own).filter(|_| !all_actions) {
            Some(others) => tested.doubts.push(others),
            None => tested.sent.push(Sent { to: confirmed, by: self.send(region, via, own)? }),
        }
        Ok(())
    }

    /// The trail and everything that `install` would still do.
    fn parts(&self, sight: &MonitoringSight, region: &str, via: Via, own: &OwnSight, tested: &mut Tested) {
        let trail = if via == Via::Metric { in_use(sight, region, own) } else { None };
        let there = match place(sight, self.identity.arn.partition(), via, trail) {
            Ok(there) if there.region == region => there,
            // The trail delivers elsewhere by now.
            Ok(there) => {
                let source =
                    there.log_group.map_or_else(|| there.region.clone(), |group| format!("the log group {group} in {}", there.region));
                tested.fails(format!("trail {}", there.trail), format!("what it records is in {source}, and not in {region}"));
                return;
            }
            Err(_) if sight.trails.is_err() => return,
            Err(obstacle) => {
                let obstacle = self.knowing_elsewhere(obstacle);
                tested.fails("trail", format!("{obstacle}; {}", obstacle.hint(&self.profile)));
                return;
            }
        };
        tested.tried.push(Tried { what: format!("trail {}", there.trail), outcome: Ok("it records changes to policies".to_owned()) });
        match plan(&there, own, &Wanted { via, emails: Vec::new(), root: watches_root(own, via) }) {
            Err(foreign) => tested.fails(foreign.what, "has keyrotate's name, and is something else"),
            Ok(steps) => {
                for step in &steps {
                    tested.fails(step.about(), if step.sign() == Sign::Changes { CHANGED } else { MISSING });
                }
                let is_changed = |name: &str| steps.iter().any(|step| matches!(step, Step::PutAlarm { alarm, .. } if alarm.name == name));
                for alarm in own.alarms.iter().filter(|alarm| via == Via::Metric && is_our_alarm(alarm) && !is_changed(&alarm.name)) {
                    let outcome = Ok("one event raises it, and it tells the topic".to_owned());
                    tested.tried.push(Tried { what: format!("CloudWatch alarm {}", alarm.name), outcome });
                }
            }
        }
        for fault in faults(&there, own, via) {
            tested.fails(format!("SNS topic {}", there.topic()), fault);
        }
    }

    fn filters(&self, region: &str, own: &OwnSight, tested: &mut Tested) -> Result<(), AwsError> {
        for watch in Watch::ALL {
            let events = samples(watch, &self.identity.account, region);
            let texts: Vec<String> = events.iter().map(ToString::to_string).collect();
            for (group, filter) in own.filters.iter().filter(|(_, filter)| filter.name == watch.name()) {
                let hits = self.aws.test_metric_filter(&self.signer, region, &filter.pattern, &texts)?;
                let outcome = judged(watch, events.len(), |number| hits.contains(&number));
                tested.tried.push(Tried { what: format!("metric filter {} of {group}", filter.name), outcome });
            }
        }
        Ok(())
    }

    fn rules(&self, region: &str, own: &OwnSight, tested: &mut Tested) -> Result<(), AwsError> {
        for watch in Watch::ALL {
            let events = samples(watch, &self.identity.account, region);
            for rule in own.rules.iter().filter(|one| one.rule.name == watch.name()) {
                let pattern = rule.rule.pattern.as_deref().unwrap_or_default();
                let mut hits = Vec::new();
                for (number, event) in events.iter().enumerate() {
                    let event = on_the_bus(event, &self.identity.account, region);
                    if self.aws.test_event_pattern(&self.signer, region, pattern, &event)? {
                        hits.push(number);
                    }
                }
                let outcome = judged(watch, events.len(), |number| hits.contains(&number));
                tested.tried.push(Tried { what: format!("EventBridge rule {}", rule.rule.name), outcome });
            }
        }
        Ok(())
    }

    /// What raising the alarm sets off beside our topic.
    fn others_actions(&self, region: &str, via: Via, own: &OwnSight) -> Option<String> {
        let (name, topic) = (Watch::Policies.name(), self.topic(region));
        let alarm = own.alarms.iter().find(|alarm| alarm.name == name).filter(|_| via == Via::Metric)?;
        let ok = alarm.ok_actions.iter().filter(|_| alarm.is_raised);
        let others: Vec<&str> = alarm.actions.iter().chain(ok).map(String::as_str).filter(|action| *action != topic).collect();
        let told = || format!("raising the alarm {name} would set off {}, too: --all-actions does that", others.join(", "));
        (!others.is_empty()).then(told)
    }

    /// Sends a mail by what sends them; returns what is tried out when it arrives.
    fn send(&self, region: &str, via: Via, own: &OwnSight) -> Result<String, AwsError> {
        match via {
            Via::Metric => {
                let name = Watch::Policies.name();
                // An alarm that is raised does nothing when it is raised once more.
                if own.alarms.iter().any(|alarm| alarm.name == name && alarm.is_raised) {
                    self.aws.set_alarm_state(&self.signer, region, name, false, REASON)?;
                }
                self.aws.set_alarm_state(&self.signer, region, name, true, REASON)?;
                Ok(format!(
                    "the alarm {name}, which CloudWatch resets within minutes; the way from the alarm on is tried out when it arrives"
                ))
            }
            Via::EventBridge => {
                self.aws.publish(&self.signer, &self.topic(region), "keyrotate alarm test", REASON)?;
                Ok("the topic; that the rules reach it is read from its policy, and tried out by a change only".to_owned())
            }
        }
    }
}

/// Whether it hears of all that it is to hear of, and of nothing else.
fn judged(watch: Watch, count: usize, is_heard: impl Fn(usize) -> bool) -> Result<String, String> {
    let missed: Vec<&str> = watch.events().iter().enumerate().filter(|(number, _)| !is_heard(*number)).map(|(_, name)| *name).collect();
    let wrong = (0..count).filter(|number| is_heard(*number) != is_hit(*number, count)).count();
    match (&missed[..], wrong) {
        (_, 0) => Ok(format!("matches {}, and not an event of another kind", if count == 2 { "its event" } else { "each of its events" })),
        ([], _) => Err("matches what it is not about".to_owned()),
        (missed, _) => Err(format!("does not match {}", missed.join(", "))),
    }
}
