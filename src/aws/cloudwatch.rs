//! CloudWatch: alarms on metrics.

use aws_sdk_cloudwatch::types as sdk;

use super::call::Call;
use super::iam::count_page;
use super::monitoring::{Alarm, Metric, MetricAlarm};
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

impl Aws {
    /// `cloudwatch:DescribeAlarms`: those with one of these names.
    pub(super) async fn named_alarms(&self, signer: &Signer, region: &str, names: &[&str]) -> Result<Vec<MetricAlarm>, AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DescribeAlarms").in_region(Some(region));
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let answer = call.finish(call.cloudwatch().describe_alarms().set_alarm_names(Some(names)).send().await)?;
        Ok(answer.metric_alarms.unwrap_or_default().into_iter().map(whole).collect())
    }

    /// `cloudwatch:DescribeAlarms`: the names of all, of every kind, that do this.
    pub(super) async fn alarms_that(&self, signer: &Signer, region: &str, action: &str) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DescribeAlarms").in_region(Some(region));
        let request = call.cloudwatch().describe_alarms().action_prefix(action);
        let kinds = [sdk::AlarmType::MetricAlarm, sdk::AlarmType::CompositeAlarm];
        let request = kinds.into_iter().fold(request, |request, kind| request.alarm_types(kind));
        let (mut next, mut names, mut pages) = (None, Vec::new(), 0);
        loop {
            count_page(&call, &mut pages)?;
            let answer = call.finish(request.clone().set_next_token(next).send().await)?;
            names.extend(answer.metric_alarms.unwrap_or_default().into_iter().filter_map(|alarm| alarm.alarm_name));
            names.extend(answer.composite_alarms.unwrap_or_default().into_iter().filter_map(|alarm| alarm.alarm_name));
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(names);
            }
        }
    }

    /// `cloudwatch:PutMetricAlarm`: makes the alarm, or makes it anew.
    pub fn put_metric_alarm(&self, signer: &Signer, region: &str, alarm: &MetricAlarm) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "cloudwatch:PutMetricAlarm").in_region(Some(region));
        let request = call
            .cloudwatch()
            .put_metric_alarm()
            .alarm_name(&alarm.name)
            .alarm_description(&alarm.description)
            .namespace(&alarm.namespace)
            .metric_name(&alarm.metric)
            .statistic(sdk::Statistic::from(alarm.statistic.as_str()))
            .comparison_operator(sdk::ComparisonOperator::from(alarm.comparison.as_str()))
            .threshold(alarm.threshold)
            .period(alarm.period)
            .evaluation_periods(alarm.periods)
            .treat_missing_data(&alarm.missing_data)
            .actions_enabled(alarm.has_actions_enabled)
            .set_alarm_actions(Some(alarm.actions.clone()));
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }

    /// `cloudwatch:DeleteAlarms`, of one. One that is not there is deleted, too.
    pub fn delete_alarm(&self, signer: &Signer, region: &str, name: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DeleteAlarms").in_region(Some(region));
        call.finish(self.runtime.block_on(call.cloudwatch().delete_alarms().alarm_names(name).send())).map(drop)
    }

    /// `cloudwatch:SetAlarmState` to ALARM, until CloudWatch looks at the metric again, within a minute or so.
    pub fn raise_alarm(&self, signer: &Signer, region: &str, name: &str, reason: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "cloudwatch:SetAlarmState").in_region(Some(region));
        let request = call.cloudwatch().set_alarm_state().alarm_name(name).state_value(sdk::StateValue::Alarm).state_reason(reason);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }
}

fn whole(alarm: sdk::MetricAlarm) -> MetricAlarm {
    MetricAlarm {
        name: alarm.alarm_name.unwrap_or_default(),
        description: alarm.alarm_description.unwrap_or_default(),
        namespace: alarm.namespace.unwrap_or_default(),
        metric: alarm.metric_name.unwrap_or_default(),
        statistic: alarm.statistic.map(|statistic| statistic.as_str().to_owned()).unwrap_or_default(),
        comparison: alarm.comparison_operator.map(|operator| operator.as_str().to_owned()).unwrap_or_default(),
        threshold: alarm.threshold.unwrap_or_default(),
        period: alarm.period.unwrap_or_default(),
        periods: alarm.evaluation_periods.unwrap_or_default(),
        missing_data: alarm.treat_missing_data.unwrap_or_default(),
        has_actions_enabled: alarm.actions_enabled != Some(false),
        actions: alarm.alarm_actions.unwrap_or_default(),
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
