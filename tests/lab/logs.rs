//! CloudWatch Logs: log groups and their metric filters, over JSON 1.1.

use serde_json::{Value, json};

use super::serve::{Refusal, page};
use super::state::World;

/// A log group in one region. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct LogGroup {
    pub name: String,
    pub region: String,
    /// In the order of their names, as they are listed.
    pub filters: Vec<MetricFilter>,
}

/// A metric filter with one transformation.
#[derive(Clone, Debug)]
pub struct MetricFilter {
    pub name: String,
    pub pattern: String,
    pub namespace: String,
    pub metric: String,
    pub value: String,
    /// `defaultValue`.
    pub default: Option<f64>,
    /// Names of dimensions, each with the field that it is of.
    pub dimensions: Value,
    /// `fieldSelectionCriteria`.
    pub criteria: Option<String>,
}

impl MetricFilter {
    /// One that counts 1 into `CISBenchmark/NAME`.
    pub fn new(name: &str, pattern: &str) -> Self {
        let (namespace, value) = ("CISBenchmark".to_owned(), "1".to_owned());
        let (name, pattern, metric) = (name.to_owned(), pattern.to_owned(), name.to_owned());
        Self { name, pattern, namespace, metric, value, default: None, dimensions: Value::Null, criteria: None }
    }
}

impl World {
    /// A log group without filters; returns its place.
    pub fn add_log_group(&mut self, name: &str, region: &str) -> usize {
        self.log_groups.push(LogGroup { name: name.to_owned(), region: region.to_owned(), filters: Vec::new() });
        self.log_groups.len() - 1
    }

    /// The ARN as CloudTrail writes it, with the end that means all of its streams.
    pub fn log_group_arn(&self, account: &str, region: &str, name: &str) -> String {
        format!("arn:{}:logs:{region}:{account}:log-group:{name}:*", self.settings.partition)
    }
}

/// The answer's body.
pub fn answer(world: &World, region: &str, action: &str, asked: &Value) -> Result<Value, Refusal> {
    if action != "DescribeMetricFilters" {
        return Err(Refusal::new(400, "InvalidAction", format!("The lab does not know logs:{action}.")));
    }
    if let Some(metric) = asked["metricName"].as_str() {
        let counts = |filter: &&MetricFilter| filter.metric == metric && asked["metricNamespace"] == filter.namespace;
        let groups = world.log_groups.iter().filter(|group| group.region == region);
        let filters: Vec<Value> =
            groups.flat_map(|group| group.filters.iter().filter(counts).map(|filter| shown(&group.name, filter))).collect();
        return Ok(json!({"metricFilters": filters}));
    }
    let name = asked["logGroupName"].as_str().unwrap_or_default();
    let group = world.log_groups.iter().find(|group| group.region == region && group.name == name);
    let group = group.ok_or_else(|| Refusal::new(400, "ResourceNotFoundException", "The specified log group does not exist."))?;
    let start = asked["filterNamePrefix"].as_str().unwrap_or_default();
    let filters: Vec<MetricFilter> = group.filters.iter().filter(|filter| filter.name.starts_with(start)).cloned().collect();
    let (filters, next) = page(&filters, asked["nextToken"].as_str(), world.settings.page_size)?;
    let filters: Vec<Value> = filters.iter().map(|filter| shown(name, filter)).collect();
    let mut found = json!({"metricFilters": filters});
    next.into_iter().for_each(|next| found["nextToken"] = json!(next));
    Ok(found)
}

fn shown(group: &str, filter: &MetricFilter) -> Value {
    let mut counts = json!({"metricName": filter.metric, "metricNamespace": filter.namespace, "metricValue": filter.value});
    if !filter.dimensions.is_null() {
        counts["dimensions"] = filter.dimensions.clone();
    }
    filter.default.iter().for_each(|default| counts["defaultValue"] = json!(default));
    let mut found = json!({"filterName": filter.name, "filterPattern": filter.pattern, "logGroupName": group, "metricTransformations": [counts],
        "creationTime": 1});
    filter.criteria.iter().for_each(|criteria| found["fieldSelectionCriteria"] = json!(criteria));
    found
}
