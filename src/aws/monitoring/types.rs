//! What AWS said of trails, metric filters, alarms, topics and rules, as plain values.

use crate::aws::AwsError;
use crate::model::{Hears, IAM_SOURCE, Truth};

/// What AWS said of all that hears of changes to policies.
#[derive(Clone, Debug)]
pub struct MonitoringSight {
    /// The account that was looked at.
    pub account: String,
    /// The region with the events of IAM.
    pub region: String,
    /// `cloudtrail:DescribeTrails` there: its own trails, and those of all regions and of the organization.
    pub trails: Result<Vec<TrailSight>, AwsError>,
    /// `events:ListRules` there, of the default event bus.
    pub rules: Result<Vec<RuleSight>, AwsError>,
    /// Each topic that an alarm or a rule publishes to.
    pub topics: Vec<TopicSight>,
}

/// A trail of CloudTrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Its ARN, which has the account that made it.
    pub arn: String,
    /// Where it was made, and is changed.
    pub home_region: String,
    /// It records in all regions.
    pub is_multi_region: bool,
    /// It records the events of IAM and other services without a region.
    pub has_global_events: bool,
    /// It records in all accounts of an organization.
    pub is_of_organization: bool,
    /// Somebody chose which events it records.
    pub has_own_selectors: bool,
    /// Where it delivers beside S3.
    pub log_group_arn: Option<String>,
}

/// `cloudtrail:GetTrailStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailStatus {
    /// It records.
    pub is_logging: bool,
    /// Why it cannot deliver to the log group.
    pub log_group_error: Option<String>,
}

/// A trail, and what follows from it.
#[derive(Clone, Debug)]
pub struct TrailSight {
    /// The trail.
    pub trail: Trail,
    /// Whether it records.
    pub status: Result<TrailStatus, AwsError>,
    /// Which events.
    pub selectors: Result<EventSelectors, AwsError>,
    /// The filters of its log group; `None` where it has none, or another account's.
    pub filters: Option<Result<Vec<FilterSight>, AwsError>>,
}

/// `cloudtrail:GetEventSelectors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventSelectors {
    /// The older kind.
    pub basic: Vec<EventSelector>,
    /// The newer kind, each a list of conditions that all hold.
    pub advanced: Vec<Vec<FieldSelector>>,
}

/// An event selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSelector {
    /// `IncludeManagementEvents`.
    pub has_management_events: bool,
    /// `ReadWriteType` is not `ReadOnly`.
    pub has_writes: bool,
    /// `ExcludeManagementEventSources`.
    pub excluded_sources: Vec<String>,
}

/// A condition of an advanced event selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// What it is about.
    pub field: String,
    /// One of these it is.
    pub equals: Vec<String>,
    /// None of these it is.
    pub not_equals: Vec<String>,
    /// With one of these it starts.
    pub starts_with: Vec<String>,
    /// With none of these it starts.
    pub not_starts_with: Vec<String>,
    /// With one of these it ends.
    pub ends_with: Vec<String>,
    /// With none of these it ends.
    pub not_ends_with: Vec<String>,
}

/// A metric filter of a log group.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFilter {
    /// Its name.
    pub name: String,
    /// Its pattern.
    pub pattern: String,
    /// It looks at some of the events only, or at what was made of them (`fieldSelectionCriteria`, `applyOnTransformedLogs`).
    pub is_narrowed: bool,
    /// What it counts into.
    pub metrics: Vec<Metric>,
}

/// A metric, as a filter counts into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What one event counts.
    pub value: String,
    /// `defaultValue`: what is counted where events come and none of them matches.
    pub default: Option<f64>,
    /// The unit that it is counted in; none is `None`, a unit like the others.
    pub unit: Option<String>,
    /// Each value of these is a metric of its own.
    pub has_dimensions: bool,
}

impl Alarm {
    /// Whether it does something by itself when it is raised.
    pub fn acts(&self) -> bool {
        self.has_actions_enabled && !self.actions.is_empty()
    }
}

impl Metric {
    /// One to which each event counts 1.
    pub fn of(namespace: &str, name: &str) -> Self {
        let (namespace, name, value) = (namespace.to_owned(), name.to_owned(), "1".to_owned());
        Self { namespace, name, value, default: None, unit: None, has_dimensions: false }
    }
}

/// A metric filter, and what follows from it.
#[derive(Clone, Debug)]
pub struct FilterSight {
    /// The filter.
    pub filter: MetricFilter,
    /// How many of the changes its pattern counts.
    pub hears: Hears,
    /// Its metrics, with their alarms.
    pub metrics: Vec<MetricSight>,
}

/// A metric, and what follows from it.
#[derive(Clone, Debug)]
pub struct MetricSight {
    /// The metric.
    pub metric: Metric,
    /// `cloudwatch:DescribeAlarmsForMetric`; `None` where it was not asked.
    pub alarms: Option<Result<Vec<Alarm>, AwsError>>,
    /// The names of alarms that compute with it, and of composite ones that go by its alarms; `None` where that was not asked, as where one of its
    /// alarms does something itself.
    pub others: Option<Result<Vec<String>, AwsError>>,
}

/// An alarm on a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `ActionsEnabled`.
    pub has_actions_enabled: bool,
    /// `AlarmActions`: ARNs.
    pub actions: Vec<String>,
    /// `Statistic`, or the percentile.
    pub statistic: String,
    /// `ComparisonOperator`.
    pub comparison: String,
    /// `Threshold`.
    pub threshold: Option<f64>,
    /// It looks at what was counted in this unit only.
    pub unit: Option<String>,
    /// `TreatMissingData`: what a period is taken for in which nothing was counted.
    pub missing_data: Option<String>,
    /// How many periods have to be over the threshold.
    pub datapoints: u32,
    /// It is about a metric of these dimensions.
    pub has_dimensions: bool,
}

/// `sns:GetTopicAttributes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// `DisplayName`.
    pub display_name: Option<String>,
    /// `Policy`.
    pub policy: Option<String>,
    /// `KmsMasterKeyId`.
    pub kms_key_id: Option<String>,
}

/// A subscription to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `email`, `https` and the like.
    pub protocol: String,
    /// The mailbox, the URL or the like.
    pub endpoint: String,
    /// Its ARN, which one has when it was confirmed.
    pub arn: Option<String>,
    /// The account that it is of, where that is not the topic's: that one alone sees its filter policy.
    pub other_account: Option<String>,
    /// Whether its filter policy lets through what CloudWatch and EventBridge publish, as far as that is known. Not asked of one without an ARN, nor
    /// of another account's.
    pub gets: Result<Truth, AwsError>,
}

/// A topic, and who hears of it.
#[derive(Clone, Debug)]
pub struct TopicSight {
    /// Its ARN.
    pub arn: String,
    /// What it is.
    pub topic: Result<Topic, AwsError>,
    /// `sns:ListSubscriptionsByTopic`.
    pub subscriptions: Result<Vec<Subscription>, AwsError>,
}

/// A rule of EventBridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its description.
    pub description: Option<String>,
    /// Its event pattern; none where it is a schedule.
    pub pattern: Option<String>,
    /// `State` is not `DISABLED`.
    pub is_enabled: bool,
    /// It gets the events of calls that only read, too (`ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`).
    pub has_reads: bool,
}

/// Where a rule sends what it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTarget {
    /// Its ID, by which it is removed.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The role that sends it; none where EventBridge does so itself.
    pub role_arn: Option<String>,
}

/// A rule, and what follows from it.
#[derive(Clone, Debug)]
pub struct RuleSight {
    /// The rule.
    pub rule: EventRule,
    /// How many of the changes its pattern matches.
    pub hears: Hears,
    /// `events:ListTargetsByRule`; `None` where it was not asked.
    pub targets: Option<Result<Vec<RuleTarget>, AwsError>>,
}

impl MonitoringSight {
    /// The topics that alarms and rules publish to, as far as they do.
    pub fn named_topics(&self) -> impl Iterator<Item = &str> {
        let filters = self.trails.iter().flatten().filter_map(|trail| trail.filters.as_ref()).flatten().flatten();
        let alarms = filters.flat_map(|filter| &filter.metrics).filter_map(|metric| metric.alarms.as_ref()).flatten().flatten();
        let actions = alarms.filter(|alarm| alarm.has_actions_enabled).flat_map(|alarm| &alarm.actions);
        let targets = self.rules.iter().flatten().filter_map(|rule| rule.targets.as_ref()).flatten().flatten();
        actions.chain(targets.map(|target| &target.arn)).map(String::as_str).filter(|arn| is_topic(arn))
    }
}

/// The name of the log group with this ARN.
pub fn name_of_log_group(arn: &str) -> Option<&str> {
    arn.split(':').nth(6).filter(|name| !name.is_empty())
}

/// Whether this is the ARN of an SNS topic.
pub fn is_topic(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("sns")
}

impl EventSelectors {
    /// How many of the changes a trail with these selectors records.
    pub fn hears(&self) -> Hears {
        Hears::by(|event| {
            let basic = self.basic.iter().map(|selector| Truth::from(selector.has_changes()));
            let advanced = self.advanced.iter().map(|fields| Truth::all(fields.iter().map(|field| field.holds(event))));
            Truth::any(basic.chain(advanced))
        })
    }
}

impl EventSelector {
    fn has_changes(&self) -> bool {
        self.has_management_events && self.has_writes && !self.excluded_sources.iter().any(|source| source == IAM_SOURCE)
    }
}

impl FieldSelector {
    fn holds(&self, event: &str) -> Truth {
        let value = match self.field.as_str() {
            "eventCategory" => "Management",
            "readOnly" => "false",
            "eventSource" => IAM_SOURCE,
            "eventName" => event,
            "eventType" => "AwsApiCall",
            _ => return Truth::Unknown,
        };
        let one_of = |texts: &[String], fits: fn(&str, &str) -> bool| texts.iter().any(|text| fits(value, text));
        let is: fn(&str, &str) -> bool = |value, text| value == text;
        let starts: fn(&str, &str) -> bool = |value, text| value.starts_with(text);
        let ends: fn(&str, &str) -> bool = |value, text| value.ends_with(text);
        let wanted = [(&self.equals, is), (&self.starts_with, starts), (&self.ends_with, ends)];
        let unwanted = [(&self.not_equals, is), (&self.not_starts_with, starts), (&self.not_ends_with, ends)];
        let holds = wanted.into_iter().all(|(texts, fits)| texts.is_empty() || one_of(texts, fits))
            && !unwanted.into_iter().any(|(texts, fits)| one_of(texts, fits));
        holds.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(field: &str, equals: &[&str]) -> FieldSelector {
        FieldSelector { field: field.into(), equals: equals.iter().map(|text| (*text).to_owned()).collect(), ..FieldSelector::default() }
    }

    #[test]
    fn selectors_of_both_kinds_are_understood() {
        let basic = |has_management_events, has_writes, excluded: &[&str]| EventSelectors {
            basic: vec![EventSelector {
                has_management_events,
                has_writes,
                excluded_sources: excluded.iter().map(|source| (*source).to_owned()).collect(),
            }],
            ..EventSelectors::default()
        };
        let advanced = |selectors: &[&[FieldSelector]]| EventSelectors {
            advanced: selectors.iter().map(|fields| fields.to_vec()).collect(),
            ..EventSelectors::default()
        };
        let management = field("eventCategory", &["Management"]);
        let not_iam = FieldSelector { field: "eventSource".into(), not_equals: vec![IAM_SOURCE.into()], ..FieldSelector::default() };
        let no_kms =
            FieldSelector { field: "eventSource".into(), not_equals: vec!["kms.amazonaws.com".into()], ..FieldSelector::default() };
        let puts = FieldSelector { field: "eventName".into(), starts_with: vec!["Put".into()], ..FieldSelector::default() };
        let table = [
            (basic(true, true, &[]), Hears::All),
            (basic(true, true, &["kms.amazonaws.com"]), Hears::All),
            (basic(true, true, &[IAM_SOURCE]), Hears::Nothing),
            (basic(true, false, &[]), Hears::Nothing),
            (basic(false, true, &[]), Hears::Nothing),
            (advanced(&[std::slice::from_ref(&management)]), Hears::All),
            (advanced(&[&[management.clone(), field("readOnly", &["false"])]]), Hears::All),
            (advanced(&[&[management.clone(), field("readOnly", &["true"])]]), Hears::Nothing),
            (advanced(&[&[field("eventCategory", &["Data"])]]), Hears::Nothing),
            (advanced(&[&[field("eventCategory", &["Data"])], &[management.clone(), no_kms]]), Hears::All),
            (advanced(&[&[management.clone(), not_iam]]), Hears::Nothing),
            (advanced(&[&[management.clone(), field("userIdentity.arn", &["x"])]]), Hears::Unclear),
            (EventSelectors::default(), Hears::Nothing),
        ];
        for (selectors, wanted) in table {
            assert_eq!(selectors.hears(), wanted, "{selectors:?}");
        }
        let Hears::NotOf(missed) = advanced(&[&[management, puts]]).hears() else { panic!("it records some") };
        assert_eq!(missed.len(), 13, "{missed:?}");
    }
}
