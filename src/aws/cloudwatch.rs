//! CloudWatch: alarms on metrics.

use aws_sdk_cloudwatch::types as sdk;

use super::call::Call;
use super::monitoring::{Alarm, Metric};
use super::{Aws, AwsError, Signer};

impl Aws {
    /// `cloudwatch:DescribeAlarmsForMetric`, in the region of the metric.
    pub(super) async fn alarms(&self, signer: &Signer, metric: &Metric, region: Option<&str>) -> Result<Vec<Alarm>, AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DescribeAlarmsForMetric").in_region(region);
        let request = call.cloudwatch().describe_alarms_for_metric().namespace(&metric.namespace).metric_name(&metric.name);
        let answer = call.finish(request.send().await)?;
        Ok(answer.metric_alarms.unwrap_or_default().into_iter().map(known).collect())
    }
}

fn known(alarm: sdk::MetricAlarm) -> Alarm {
    let statistic = alarm.statistic.map(|statistic| statistic.as_str().to_owned());
    let datapoints = alarm.datapoints_to_alarm.or(alarm.evaluation_periods).unwrap_or(1);
    Alarm {
        name: alarm.alarm_name.unwrap_or_default(),
        arn: alarm.alarm_arn.unwrap_or_default(),
        has_actions_enabled: alarm.actions_enabled != Some(false),
        actions: alarm.alarm_actions.unwrap_or_default(),
        statistic: statistic.or(alarm.extended_statistic).unwrap_or_default(),
        comparison: alarm.comparison_operator.map(|operator| operator.as_str().to_owned()).unwrap_or_default(),
        threshold: alarm.threshold,
        unit: alarm.unit.map(|unit| unit.as_str().to_owned()),
        missing_data: alarm.treat_missing_data,
        datapoints: u32::try_from(datapoints).unwrap_or(1),
        has_dimensions: alarm.dimensions.is_some_and(|dimensions| !dimensions.is_empty()),
    }
}
