//! One change of the account, and how it is told.

use crate::aws::{EventRule, MetricAlarm, MetricFilter};

/// One change of the account. Each can be made again.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The topic is made.
    CreateTopic {
        /// Its ARN.
        topic: String,
    },
    /// A service may publish to it.
    AllowPublishing {
        /// The topic's ARN.
        topic: String,
        /// Whose alarms or rules.
        account: String,
        /// The service's principal.
        service: &'static str,
    },
    /// A mailbox is to hear of it.
    Subscribe {
        /// The topic's ARN.
        topic: String,
        /// The mailbox.
        email: String,
    },
    /// The filter is made, or made right.
    PutFilter {
        /// The log group.
        group: String,
        /// The filter.
        filter: MetricFilter,
        /// What its pattern is about.
        short: String,
        /// It is there, and another one.
        is_change: bool,
    },
    /// The alarm is made, or made right.
    PutAlarm {
        /// The alarm.
        alarm: MetricAlarm,
        /// It is there, and another one.
        is_change: bool,
    },
    /// The rule is made, or made right.
    PutRule {
        /// The rule.
        rule: EventRule,
        /// What its pattern is about.
        short: String,
        /// It is there, and another one.
        is_change: bool,
    },
    /// The rule sends to the topic.
    PutTarget {
        /// The rule.
        rule: String,
        /// The target's ID.
        id: String,
        /// The topic's ARN.
        topic: String,
        /// It is there, and another one.
        is_change: bool,
    },
    /// The alarm goes.
    DeleteAlarm {
        /// Its name.
        name: String,
    },
    /// The filter goes.
    DeleteFilter {
        /// The log group.
        group: String,
        /// Its name.
        name: String,
    },
    /// The rule sends to the topic no more.
    RemoveTargets {
        /// The rule.
        rule: String,
        /// The IDs of the targets.
        ids: Vec<String>,
    },
    /// The rule goes.
    DeleteRule {
        /// Its name.
        name: String,
    },
    /// The topic goes, with its subscriptions.
    DeleteTopic {
        /// Its ARN.
        topic: String,
        /// The mailboxes that hear of it.
        mailboxes: Vec<String>,
    },
}

/// What a step does to what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is new.
    Adds,
    /// It becomes another.
    Changes,
    /// It goes.
    Removes,
}

impl Step {
    /// What it does.
    pub fn sign(&self) -> Sign {
        match self {
            Step::CreateTopic { .. } | Step::AllowPublishing { .. } | Step::Subscribe { .. } => Sign::Adds,
            Step::PutFilter { is_change, .. }
            | Step::PutAlarm { is_change, .. }
            | Step::PutRule { is_change, .. }
            | Step::PutTarget { is_change, .. } => {
                if *is_change {
                    Sign::Changes
                } else {
                    Sign::Adds
                }
            }
            Step::DeleteAlarm { .. } | Step::DeleteFilter { .. } | Step::RemoveTargets { .. } => Sign::Removes,
            Step::DeleteRule { .. } | Step::DeleteTopic { .. } => Sign::Removes,
        }
    }

    /// Whether something goes by it.
    pub fn is_removal(&self) -> bool {
        self.sign() == Sign::Removes
    }

    /// What it is about, in a line.
    pub fn about(&self) -> String {
        match self {
            Step::CreateTopic { topic } => format!("SNS topic {topic}"),
            Step::AllowPublishing { topic, service, .. } => format!("{service} may publish to {}", name(topic)),
            Step::Subscribe { email, .. } => format!("subscription of {email}, who gets a mail with a link to confirm it"),
            Step::PutFilter { group, filter, .. } => format!("metric filter {} of the log group {group}", filter.name),
            Step::PutAlarm { alarm, .. } => format!("CloudWatch alarm {} on the metric {}/{}", alarm.name, alarm.namespace, alarm.metric),
            Step::PutRule { rule, .. } => format!("EventBridge rule {}", rule.name),
            Step::PutTarget { rule, topic, .. } => format!("target of {rule}: the topic {}", name(topic)),
            Step::DeleteAlarm { name } => format!("CloudWatch alarm {name}"),
            Step::DeleteFilter { group, name } => format!("metric filter {name} of the log group {group}"),
            Step::RemoveTargets { rule, .. } => format!("target of {rule}"),
            Step::DeleteRule { name } => format!("EventBridge rule {name}"),
            Step::DeleteTopic { topic, mailboxes } if mailboxes.is_empty() => format!("SNS topic {topic}"),
            Step::DeleteTopic { topic, mailboxes } => format!("SNS topic {topic}, with the subscription of {}", mailboxes.join(", ")),
        }
    }

    /// What of it deserves to be read before it is agreed to: a condition, a pattern in short or whole.
    pub fn detail(&self, has_patterns: bool) -> Option<String> {
        match self {
            Step::PutFilter { filter, .. } if has_patterns => Some(filter.pattern.clone()),
            Step::PutRule { rule, .. } if has_patterns => rule.pattern.clone(),
            Step::PutFilter { short, .. } | Step::PutRule { short, .. } => Some(short.clone()),
            Step::PutAlarm { alarm, .. } => {
                Some(format!("{} of {} s ≥ {}: {}", alarm.statistic, alarm.period, alarm.threshold, notifies(&alarm.actions)))
            }
            Step::CreateTopic { .. } | Step::AllowPublishing { .. } | Step::Subscribe { .. } | Step::PutTarget { .. } => None,
            Step::DeleteAlarm { .. } | Step::DeleteFilter { .. } | Step::RemoveTargets { .. } => None,
            Step::DeleteRule { .. } | Step::DeleteTopic { .. } => None,
        }
    }
}

/// Whom an alarm tells.
fn notifies(actions: &[String]) -> String {
    let names: Vec<&str> = actions.iter().map(|arn| name(arn)).collect();
    if names.is_empty() { "nobody".to_owned() } else { format!("to {}", names.join(", ")) }
}

fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
