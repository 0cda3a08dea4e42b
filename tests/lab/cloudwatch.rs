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
    pub namespace: String,
    pub metric: String,
    /// `[{"Name": …, "Value": …}]`.
    pub dimensions: Value,
    pub has_actions_enabled: bool,
    pub actions: Vec<String>,
    pub statistic: String,
    pub comparison: String,
    pub threshold: f64,
    pub evaluation_periods: u32,
    /// `TreatMissingData`.
    pub missing_data: String,
    /// None: whichever.
    pub unit: Option<String>,
}

impl World {
    /// An alarm on `CISBenchmark/METRIC` that one event raises; returns its place.
    pub fn add_alarm(&mut self, name: &str, region: &str, metric: &str, topic: &str) -> usize {
        self.alarms.push(Alarm {
            name: name.to_owned(),
            region: region.to_owned(),
            namespace: "CISBenchmark".to_owned(),
            metric: metric.to_owned(),
            dimensions: json!([]),
            has_actions_enabled: true,
            actions: vec![topic.to_owned()],
            statistic: "Sum".to_owned(),
            comparison: "GreaterThanOrEqualToThreshold".to_owned(),
            threshold: 1.0,
            evaluation_periods: 1,
            missing_data: "notBreaching".to_owned(),
            unit: None,
        });
        self.alarms.len() - 1
    }
}

/// The answer's body. Alarms on other dimensions than those that are asked for are not among them (API reference, DescribeAlarmsForMetric).
pub fn answer(world: &World, region: &str, action: &str, asked: &Value) -> Result<Value, Refusal> {
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
    let (partition, account) = (&world.settings.partition, &world.settings.account);
    let mut found = json!({
        "AlarmName": alarm.name,
        "AlarmArn": format!("arn:{partition}:cloudwatch:{}:{account}:alarm:{}", alarm.region, alarm.name),
        "ActionsEnabled": alarm.has_actions_enabled,
        "AlarmActions": alarm.actions,
        "OKActions": [],
        "StateValue": "OK",
        "MetricName": alarm.metric,
        "Namespace": alarm.namespace,
        "Statistic": alarm.statistic,
        "Dimensions": alarm.dimensions,
        "Period": 300,
        "EvaluationPeriods": alarm.evaluation_periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison,
        "TreatMissingData": alarm.missing_data,
    });
    alarm.unit.iter().for_each(|unit| found["Unit"] = json!(unit));
    found
}
