//! What is there of one maker's alarms in a region, under the names that it gives.
//!
//! Invariant: all of it or an error: who changes something has to know what is there.

#[cfg(feature = "alarm")]
use futures_util::future::{join, join3};

use super::types::{EventRule, MetricFilter, Subscription, Topic};
#[cfg(feature = "alarm")]
use crate::aws::look::all;
#[cfg(feature = "alarm")]
use crate::aws::{Aws, AwsError, ErrorKind, Signer};

/// An alarm on a metric, whole, as it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAlarm {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// `Statistic`.
    pub statistic: String,
    /// `ComparisonOperator`.
    pub comparison: String,
    /// `Threshold`.
    pub threshold: f64,
    /// `Period`, in seconds.
    pub period: i32,
    /// `EvaluationPeriods`.
    pub periods: i32,
    /// `TreatMissingData`.
    pub missing_data: String,
    /// `ActionsEnabled`.
    pub has_actions_enabled: bool,
    /// `AlarmActions`: ARNs.
    pub actions: Vec<String>,
}

/// A topic, with who hears of it and who publishes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTopic {
    /// What it is.
    pub topic: Topic,
    /// Who hears of it.
    pub subscriptions: Vec<Subscription>,
    /// The names of all alarms that publish to it.
    pub alarms: Vec<String>,
}

/// A rule with what it sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRule {
    /// The rule.
    pub rule: EventRule,
    /// Its targets: ARNs.
    pub targets: Vec<String>,
}

/// The names to look for.
#[derive(Clone, Debug)]
pub struct OwnNames<'a> {
    /// The topic's ARN.
    pub topic: &'a str,
    /// Alarms and rules.
    pub names: &'a [&'a str],
    /// The namespace of the metrics.
    pub namespace: &'a str,
    /// The metrics.
    pub metrics: &'a [&'a str],
}

/// What is there under these names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnSight {
    /// The topic.
    pub topic: Option<OwnTopic>,
    /// The metric filters that count into the metrics, each with its log group.
    pub filters: Vec<(String, MetricFilter)>,
    /// The alarms.
    pub alarms: Vec<MetricAlarm>,
    /// The rules.
    pub rules: Vec<OwnRule>,
}

#[cfg(feature = "alarm")]
impl Aws {
    /// Looks at what is there under these names in a region: `sns:GetTopicAttributes`, `sns:ListSubscriptionsByTopic`,
    /// `logs:DescribeMetricFilters`, `cloudwatch:DescribeAlarms`, `events:ListRules`, `events:ListTargetsByRule`.
    pub fn look_at_own(&self, signer: &Signer, region: &str, own: &OwnNames<'_>) -> Result<OwnSight, AwsError> {
        self.runtime.block_on(async {
            let topic = async {
                match self.topic(signer, own.topic).await {
                    Err(error) if error.kind == ErrorKind::Gone => Ok(None),
                    Err(error) => Err(error),
                    Ok(topic) => {
                        let (subscriptions, alarms) =
                            join(self.subscriptions(signer, own.topic), self.alarms_that(signer, region, own.topic)).await;
                        Ok(Some(OwnTopic { topic, subscriptions: subscriptions?, alarms: alarms? }))
                    }
                }
            };
            let filters = all(own.metrics.iter().map(|metric| self.filters_into(signer, region, own.namespace, metric)));
            let rules = async {
                let rules = self.event_rules(signer, region).await?.into_iter();
                let ours = rules.filter(|rule| own.names.contains(&rule.name.as_str()));
                let targets = |rule: EventRule| async move {
                    let targets = self.rule_targets(signer, &rule.name, region).await?;
                    Ok(OwnRule { targets: targets.into_iter().map(|target| target.arn).collect(), rule })
                };
                all(ours.map(targets)).await.into_iter().collect::<Result<Vec<OwnRule>, AwsError>>()
            };
            let ((topic, filters), alarms, rules) = join3(join(topic, filters), self.named_alarms(signer, region, own.names), rules).await;
            let filters: Vec<Vec<(String, MetricFilter)>> = filters.into_iter().collect::<Result<_, _>>()?;
            Ok(OwnSight { topic: topic?, filters: filters.concat(), alarms: alarms?, rules: rules? })
        })
    }
}
