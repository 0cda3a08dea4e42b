//! CloudWatch: alarms, over RPC v2 with CBOR.

use serde_json::{Value, json};

use super::serve::Refusal;
use super::state::World;

/// The service of alarms, as a signature names it.
pub const CLOUDWATCH: &str = "monitoring";

/// An alarm in one region. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    pub region: String,
    pub description: String,
    pub namespace: String,
    pub metric: String,
    /// `[{"Name": …, "Value": …}]`.
    pub dimensions: Value,
    pub has_actions_enabled: bool,
    pub actions: Vec<String>,
    pub ok_actions: Vec<String>,
    /// `StateValue` is ALARM, where an action does not happen once more.
    pub is_raised: bool,
    pub statistic: String,
    pub comparison: String,
    pub threshold: f64,
    pub evaluation_periods: u32,
    /// `TreatMissingData`; empty: it was not said.
    pub missing_data: String,
    /// None: whichever.
    pub unit: Option<String>,
    /// In seconds.
    pub period: u32,
}

/// A composite alarm. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct Composite {
    pub name: String,
    pub region: String,
    /// The alarms that its rule names.
    pub children: Vec<String>,
}

/// An alarm on a formula with a metric of `CISBenchmark` in it.
#[derive(Clone, Debug)]
pub struct Computed {
    pub name: String,
    pub region: String,
    pub metric: String,
}

impl World {
    /// The ARN of an alarm.
    pub fn alarm_arn(&self, region: &str, name: &str) -> String {
        format!("arn:{}:cloudwatch:{region}:{}:alarm:{name}", self.settings.partition, self.settings.account)
    }

    /// An alarm on `CISBenchmark/METRIC` that one event raises; returns its place.
    pub fn add_alarm(&mut self, name: &str, region: &str, metric: &str, topic: &str) -> usize {
        self.alarms.push(Alarm {
            name: name.to_owned(),
            region: region.to_owned(),
            description: String::new(),
            namespace: "CISBenchmark".to_owned(),
            metric: metric.to_owned(),
            dimensions: json!([]),
            has_actions_enabled: true,
            actions: vec![topic.to_owned()],
            ok_actions: Vec::new(),
            is_raised: false,
            statistic: "Sum".to_owned(),
            comparison: "GreaterThanOrEqualToThreshold".to_owned(),
            threshold: 1.0,
            evaluation_periods: 1,
            missing_data: "notBreaching".to_owned(),
            unit: None,
            period: 300,
        });
        self.alarms.len() - 1
    }
}

/// The answer's body. Alarms on other dimensions than those that are asked for are not among them (API reference, DescribeAlarmsForMetric).
pub fn answer(world: &World, region: &str, action: &str, asked: &Value) -> Result<Value, Refusal> {
    if let ("DescribeAlarms", Some(child)) = (action, asked["ParentsOfAlarmName"].as_str()) {
        let names = |composite: &&Composite| composite.region == region && composite.children.iter().any(|name| name == child);
        let arn = |name: &str| world.alarm_arn(region, name);
        let parents = world.composites.iter().filter(names).map(|one| json!({"AlarmName": one.name, "AlarmArn": arn(&one.name)}));
        return Ok(json!({"MetricAlarms": [], "CompositeAlarms": parents.collect::<Vec<Value>>()}));
    }
    if action == "DescribeAlarms" {
        let named = |alarm: &Alarm| asked["AlarmNames"].as_array().is_none_or(|names| names.contains(&json!(alarm.name)));
        let does = |alarm: &Alarm| {
            asked["ActionPrefix"]
                .as_str()
                .is_none_or(|start| alarm.actions.iter().chain(&alarm.ok_actions).any(|arn| arn.starts_with(start)))
        };
        let is_it = |alarm: &&Alarm| alarm.region == region && named(alarm) && does(alarm);
        let alarms: Vec<Value> = world.alarms.iter().filter(is_it).map(|alarm| shown(world, alarm)).collect();
        let wanted = |kind: &str| asked["AlarmTypes"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)));
        let is_here = |one: &&Composite| one.region == region && wanted("CompositeAlarm") && asked["ActionPrefix"].is_null();
        let rule = |one: &Composite| one.children.iter().map(|name| format!("ALARM(\"{name}\")")).collect::<Vec<_>>().join(" OR ");
        let composites = world.composites.iter().filter(is_here).map(|one| json!({"AlarmName": one.name, "AlarmRule": rule(one)}));
        let computed = |one: &&Computed| one.region == region && asked["AlarmNames"].is_null() && asked["ActionPrefix"].is_null();
        let computing = world.computed.iter().filter(computed).map(|one| {
            let metric = json!({"Namespace": "CISBenchmark", "MetricName": one.metric});
            json!({"AlarmName": one.name, "Metrics": [
                {"Id": "m", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}, "ReturnData": false},
                {"Id": "e", "Expression": "FILL(m, 0)"},
            ]})
        });
        let metric: Vec<Value> = alarms.into_iter().chain(computing).collect();
        return Ok(json!({"MetricAlarms": metric, "CompositeAlarms": composites.collect::<Vec<Value>>()}));
    }
    if action != "DescribeAlarmsForMetric" {
        return Err(Refusal::new(400, "InvalidAction", format!("The lab does not know cloudwatch:{action}.")));
    }
    let dimensions = asked.get("Dimensions").cloned().unwrap_or_else(|| json!([]));
    let is_it = |alarm: &&Alarm| {
        alarm.region == region
            && asked["Namespace"] == alarm.namespace
            && asked["MetricName"] == alarm.metric
            && alarm.dimensions == dimensions
    };
    let alarms: Vec<Value> = world.alarms.iter().filter(is_it).map(|alarm| shown(world, alarm)).collect();
    Ok(json!({"MetricAlarms": alarms}))
}

fn shown(world: &World, alarm: &Alarm) -> Value {
    let mut found = json!({
        "AlarmName": alarm.name,
        "AlarmArn": world.alarm_arn(&alarm.region, &alarm.name),
        "ActionsEnabled": alarm.has_actions_enabled,
        "AlarmActions": alarm.actions,
        "OKActions": alarm.ok_actions,
        "StateValue": if alarm.is_raised { "ALARM" } else { "OK" },
        "MetricName": alarm.metric,
        "Namespace": alarm.namespace,
        "Statistic": alarm.statistic,
        "Dimensions": alarm.dimensions,
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison,
        "TreatMissingData": alarm.missing_data,
        "AlarmDescription": alarm.description,
    });
    alarm.unit.iter().for_each(|unit| found["Unit"] = json!(unit));
    if alarm.missing_data.is_empty() {
        found.as_object_mut().into_iter().for_each(|found| drop(found.remove("TreatMissingData")));
    }
    found
}
