//! What hears of a change to a policy: the trails, and what follows from them to somebody's mailbox, with the calls that do not depend on each other
//! made at once.
//!
//! Invariant: each part fails on its own. Only what leads on is asked for: no alarms of a filter that is not about policies, no topic of an alarm that
//! does nothing; what was not asked for is `None`.

mod mending;
mod own;
mod types;

#[cfg(feature = "alarm")]
use std::collections::BTreeSet;

#[cfg(feature = "alarm")]
use futures_util::future::{join, join3};

#[cfg(feature = "alarm")]
use super::look::all;
#[cfg(feature = "alarm")]
use super::{Aws, Signer};
#[cfg(feature = "alarm")]
use super::{account_of_arn, region_of_arn};
#[cfg(feature = "alarm")]
use crate::model::{Hears, event_pattern, filter_pattern};

pub use mending::{Mending, TrailHome};
pub use own::{MetricAlarm, OwnNames, OwnRule, OwnSight, OwnTopic};
pub use types::{
    Alarm, EventRule, EventSelector, EventSelectors, FieldSelector, FilterSight, Metric, MetricFilter, MetricSight, MonitoringSight,
    RuleSight, RuleTarget, Subscription, Topic, TopicSight, Trail, TrailSight, TrailStatus, is_topic, name_of_log_group,
};

/// Whose monitoring is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// The account ID of who signs.
    pub account: &'a str,
    /// Its partition.
    pub partition: &'a str,
}

#[cfg(feature = "alarm")]
impl Aws {
    /// Looks at what hears of changes to policies in the signer's account.
    pub fn look_at_monitoring(&self, signer: &Signer, of: Watched<'_>) -> MonitoringSight {
        let region = self.event_region(of.partition);
        self.runtime.block_on(async {
            let trails = async {
                let trails = self.trails(signer, region).await?;
                Ok(all(trails.into_iter().map(|trail| self.trail_sight(signer, of.account, trail))).await)
            };
            let rules = async {
                let rules = self.event_rules(signer, region).await?;
                Ok(all(rules.into_iter().map(|rule| self.rule_sight(signer, of.account, region, rule))).await)
            };
            let (trails, rules) = join(trails, rules).await;
            let mut sight =
                MonitoringSight { account: of.account.to_owned(), region: region.to_owned(), trails, rules, topics: Vec::new() };
            let topics: BTreeSet<String> = sight.named_topics().map(str::to_owned).collect();
            sight.topics = all(topics.into_iter().map(|arn| self.topic_sight(signer, arn))).await;
            sight
        })
    }

    /// Looks at the trails alone: whether they record, and which events.
    pub fn look_at_trails(&self, signer: &Signer, of: Watched<'_>) -> MonitoringSight {
        let region = self.event_region(of.partition);
        let trails = self.runtime.block_on(async {
            let trail = |trail: Trail| async move {
                let (status, selectors) = join(self.trail_status(signer, &trail), self.event_selectors(signer, &trail)).await;
                TrailSight { trail, status, selectors, filters: None }
            };
            Ok(all(self.trails(signer, region).await?.into_iter().map(trail)).await)
        });
        MonitoringSight { account: of.account.to_owned(), region: region.to_owned(), trails, rules: Ok(Vec::new()), topics: Vec::new() }
    }

    /// Where the events of IAM are, which has no region of its own (CloudTrail user guide, global service events).
    pub fn event_region(&self, partition: &str) -> &str {
        match partition {
            "aws" => "us-east-1",
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            _ => self.region(),
        }
    }

    async fn trail_sight(&self, signer: &Signer, account: &str, trail: Trail) -> TrailSight {
        let filters = async {
            let group = trail.log_group_arn.as_deref().filter(|arn| account_of_arn(arn) == Some(account))?;
            Some(self.filter_sights(signer, group).await)
        };
        let (status, selectors, filters) = join3(self.trail_status(signer, &trail), self.event_selectors(signer, &trail), filters).await;
        TrailSight { trail, status, selectors, filters }
    }

    async fn filter_sights(&self, signer: &Signer, group_arn: &str) -> Result<Vec<FilterSight>, super::AwsError> {
        let region = region_of_arn(group_arn);
        let filters = self.metric_filters(signer, group_arn, region).await?;
        let sight = |filter: MetricFilter| async move {
            let hears = filter_pattern(&filter.pattern);
            let leads_on = hears.has_all() && !filter.is_narrowed;
            let metrics = filter.metrics.iter().map(|metric| async move {
                let alarms = if leads_on { Some(self.alarms(signer, metric, region).await) } else { None };
                let others = match &alarms {
                    Some(Ok(alarms)) if !alarms.iter().any(Alarm::acts) => Some(self.alarms_beyond(signer, region, metric, alarms).await),
                    Some(_) | None => None,
                };
                MetricSight { metric: metric.clone(), alarms, others }
            });
            let metrics = all(metrics).await;
            FilterSight { filter, hears, metrics }
        };
        Ok(all(filters.into_iter().map(sight)).await)
    }

    async fn rule_sight(&self, signer: &Signer, account: &str, region: &str, rule: EventRule) -> RuleSight {
        let hears = rule.pattern.as_deref().map_or(Hears::Nothing, |pattern| event_pattern(pattern, account, region));
        let leads_on = rule.is_enabled && hears == Hears::All;
        let targets = if leads_on { Some(self.rule_targets(signer, &rule.name, region).await) } else { None };
        RuleSight { rule, hears, targets }
    }

    async fn topic_sight(&self, signer: &Signer, arn: String) -> TopicSight {
        let (topic, subscriptions) = join(self.topic(signer, &arn), self.subscriptions(signer, &arn)).await;
        TopicSight { arn, topic, subscriptions }
    }
}
