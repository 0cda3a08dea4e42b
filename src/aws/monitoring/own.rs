//! What is there of one maker's alarms in a region, under the names that it gives.
//!
//! Invariant: all of it or an error: who changes something has to know what is there.

#[cfg(feature = "alarm")]
use futures_util::future::{join, join3};

#[cfg(feature = "alarm")]
use super::types::Metric;
use super::types::{EventRule, MetricFilter, RuleTarget, Subscription, Topic};
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
    pub missing_data: Option<String>,
    /// `ActionsEnabled`.
    pub has_actions_enabled: bool,
    /// `AlarmActions`: ARNs.
    pub actions: Vec<String>,
    /// `OKActions`: ARNs.
    pub ok_actions: Vec<String>,
    /// `InsufficientDataActions`: ARNs.
    pub insufficient_data_actions: Vec<String>,
    /// It looks at some of what is counted only: a unit, dimensions, a percentile, a formula, other datapoints than its periods.
    pub is_narrowed: bool,
    /// `StateValue` is ALARM.
    pub is_raised: bool,
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
    /// The names of all rules in its region that send to it.
    pub rules: Vec<String>,
}

/// A rule with what it sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRule {
    /// The rule.
    pub rule: EventRule,
    /// Its targets.
    pub targets: Vec<RuleTarget>,
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
    /// Log groups in which filters are looked for by their names, whatever they count into.
    pub groups: &'a [String],
    /// What the names of those filters begin with.
    pub prefix: &'a str,
}

/// What is there under these names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnSight {
    /// The topic.
    pub topic: Option<OwnTopic>,
    /// The metric filters that count into the metrics or have such a name, each with its log group.
    pub filters: Vec<(String, MetricFilter)>,
    /// The alarms.
    pub alarms: Vec<MetricAlarm>,
    /// The rules.
    pub rules: Vec<OwnRule>,
    /// The alarms that look at one of the metrics, whosever they are: the metric, and the alarm's name.
    pub watchers: Vec<(String, String)>,
    /// The composite alarms that go by one of the alarms, whosever they are: the alarm, and the composite one's name.
    pub composites: Vec<(String, String)>,
}

#[cfg(feature = "alarm")]
impl Aws {
    /// Looks at what is there under these names in a region: `sns:GetTopicAttributes`, `sns:ListSubscriptionsByTopic`,
    /// `sns:GetSubscriptionAttributes` (which may fail), `logs:DescribeMetricFilters`, `cloudwatch:DescribeAlarms`, `cloudwatch:DescribeAlarmsForMetric`, `events:ListRules`, `events:ListTargetsByRule`,
    /// `events:ListRuleNamesByTarget`.
    pub fn look_at_own(&self, signer: &Signer, region: &str, own: &OwnNames<'_>) -> Result<OwnSight, AwsError> {
        self.runtime.block_on(async {
            let topic = async {
                match self.topic(signer, own.topic).await {
                    Err(error) if error.kind == ErrorKind::Gone => Ok(None),
                    Err(error) => Err(error),
                    Ok(topic) => {
                        let (subscriptions, alarms, rules) = join3(
                            self.subscriptions(signer, own.topic),
                            self.alarms_that(signer, region, own.topic),
                            self.rules_that_send_to(signer, region, own.topic),
                        )
                        .await;
                        Ok(Some(OwnTopic { topic, subscriptions: subscriptions?, alarms: alarms?, rules: rules? }))
                    }
                }
            };
            let filters = async {
                let counting = all(own.metrics.iter().map(|metric| self.filters_into(signer, region, own.namespace, metric)));
                let named = all(own.groups.iter().map(|group| self.named_filters(signer, region, group, own.prefix)));
                let (counting, named) = join(counting, named).await;
                let mut filters: Vec<(String, MetricFilter)> = Vec::new();
                for found in counting.into_iter().chain(named) {
                    for (group, filter) in found? {
                        if !filters.iter().any(|(of, one)| *of == group && one.name == filter.name) {
                            filters.push((group, filter));
                        }
                    }
                }
                Ok(filters)
            };
            let rules = async {
                let rules = self.event_rules(signer, region).await?.into_iter();
                let ours = rules.filter(|rule| own.names.contains(&rule.name.as_str()));
                let targets = |rule: EventRule| async move {
                    let targets = self.rule_targets(signer, &rule.name, region).await?;
                    Ok(OwnRule { targets, rule })
                };
                all(ours.map(targets)).await.into_iter().collect::<Result<Vec<OwnRule>, AwsError>>()
            };
            let watchers = all(own.metrics.iter().map(|metric| async move {
                let metric = Metric::of(own.namespace, metric);
                let alarms = self.alarms(signer, &metric, Some(region)).await?;
                Ok::<_, AwsError>(alarms.into_iter().map(|alarm| (metric.name.clone(), alarm.name)).collect::<Vec<_>>())
            }));
            let alarms = async {
                let alarms = self.named_alarms(signer, region, own.names).await?;
                let composites = all(alarms.iter().map(|alarm| async {
                    let parents = self.composites_of(signer, region, &alarm.name).await?;
                    Ok(parents.into_iter().map(|parent| (alarm.name.clone(), parent)).collect())
                }));
                let composites = composites.await.into_iter().collect::<Result<Vec<Vec<_>>, AwsError>>()?;
                Ok((alarms, composites.concat()))
            };
            let ((topic, filters), (alarms, watchers), rules) = join3(join(topic, filters), join(alarms, watchers), rules).await;
            let watchers: Vec<Vec<(String, String)>> = watchers.into_iter().collect::<Result<_, _>>()?;
            let (alarms, composites) = alarms?;
            Ok(OwnSight { topic: topic?, filters: filters?, alarms, rules: rules?, watchers: watchers.concat(), composites })
        })
    }
}
