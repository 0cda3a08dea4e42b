//! CloudWatch: alarms on metrics.

use aws_sdk_cloudwatch::operation::describe_alarms::builders::DescribeAlarmsFluentBuilder;
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

    /// `cloudwatch:DescribeAlarms`: the names of the composite alarms whose rules name this one.
    pub(super) async fn composites_of(&self, signer: &Signer, region: &str, alarm: &str) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DescribeAlarms").in_region(Some(region));
        let answer = call.finish(call.cloudwatch().describe_alarms().parents_of_alarm_name(alarm).send().await)?;
        Ok(answer.composite_alarms.unwrap_or_default().into_iter().filter_map(|parent| parent.alarm_name).collect())
    }

    /// `cloudwatch:DescribeAlarms`: the names of all, of every kind, that do this.
    pub(super) async fn alarms_that(&self, signer: &Signer, region: &str, action: &str) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DescribeAlarms").in_region(Some(region));
        let (metric, composite) = every(&call, call.cloudwatch().describe_alarms().action_prefix(action)).await?;
        // It is a prefix that is asked about: of another topic, too, whose name begins with this one's.
        let does = |lists: [&Option<Vec<String>>; 3]| lists.into_iter().flatten().flatten().any(|one| one == action);
        let metric = metric.into_iter().filter(|one| does([&one.alarm_actions, &one.ok_actions, &one.insufficient_data_actions]));
        let composite = composite.into_iter().filter(|one| does([&one.alarm_actions, &one.ok_actions, &one.insufficient_data_actions]));
        Ok(metric.filter_map(|alarm| alarm.alarm_name).chain(composite.filter_map(|alarm| alarm.alarm_name)).collect())
    }

    /// `cloudwatch:DescribeAlarms`: the names of those that compute with a metric, and of composite ones whose rules name one of its alarms.
    /// DescribeAlarmsForMetric returns neither (API reference).
    pub(super) async fn alarms_beyond(
        &self,
        signer: &Signer,
        region: Option<&str>,
        metric: &Metric,
        alarms: &[Alarm],
    ) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DescribeAlarms").in_region(region);
        let (computing, composite) = every(&call, call.cloudwatch().describe_alarms()).await?;
        let is_it = |one: &sdk::Metric| one.namespace() == Some(&metric.namespace) && one.metric_name() == Some(&metric.name);
        let computes = |alarm: &sdk::MetricAlarm| {
            alarm.metrics().iter().filter_map(|query| query.metric_stat()).filter_map(|stat| stat.metric()).any(is_it)
        };
        let names_one = |alarm: &sdk::CompositeAlarm| {
            let rule = alarm.alarm_rule().unwrap_or_default();
            alarms.iter().any(|one| rule.contains(&one.name))
        };
        let computing = computing.into_iter().filter(computes).filter_map(|alarm| alarm.alarm_name);
        Ok(computing.chain(composite.into_iter().filter(names_one).filter_map(|alarm| alarm.alarm_name)).collect())
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
            .set_treat_missing_data(alarm.missing_data.clone())
            .actions_enabled(alarm.has_actions_enabled)
            .set_alarm_actions(Some(alarm.actions.clone()))
            .set_ok_actions(Some(alarm.ok_actions.clone()))
            .set_insufficient_data_actions(Some(alarm.insufficient_data_actions.clone()));
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }

    /// `cloudwatch:DeleteAlarms`, of one. One that is not there is deleted, too.
    pub fn delete_alarm(&self, signer: &Signer, region: &str, name: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "cloudwatch:DeleteAlarms").in_region(Some(region));
        call.finish(self.runtime.block_on(call.cloudwatch().delete_alarms().alarm_names(name).send())).map(drop)
    }

    /// `cloudwatch:SetAlarmState` to ALARM or OK, until CloudWatch looks at the metric again, within minutes. Actions happen when the state becomes another.
    pub fn set_alarm_state(&self, signer: &Signer, region: &str, name: &str, is_raised: bool, reason: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "cloudwatch:SetAlarmState").in_region(Some(region));
        let state = if is_raised { sdk::StateValue::Alarm } else { sdk::StateValue::Ok };
        let request = call.cloudwatch().set_alarm_state().alarm_name(name).state_value(state).state_reason(reason);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }
}

/// Those of every kind, on every page.
async fn every(
    call: &Call<'_>,
    request: DescribeAlarmsFluentBuilder,
) -> Result<(Vec<sdk::MetricAlarm>, Vec<sdk::CompositeAlarm>), AwsError> {
    let request = request.alarm_types(sdk::AlarmType::MetricAlarm).alarm_types(sdk::AlarmType::CompositeAlarm);
    let (mut next, mut metric, mut composite, mut pages) = (None, Vec::new(), Vec::new(), 0);
    loop {
        count_page(call, &mut pages)?;
        let answer = call.finish(request.clone().set_next_token(next).send().await)?;
        metric.extend(answer.metric_alarms.unwrap_or_default());
        composite.extend(answer.composite_alarms.unwrap_or_default());
        next = answer.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok((metric, composite));
        }
    }
}

fn whole(alarm: sdk::MetricAlarm) -> MetricAlarm {
    let is_there = |count: Option<usize>| count.is_some_and(|count| count > 0);
    let narrowed = [
        alarm.unit.is_some(),
        is_there(alarm.dimensions.as_ref().map(Vec::len)),
        is_there(alarm.metrics.as_ref().map(Vec::len)),
        alarm.extended_statistic.is_some(),
        alarm.datapoints_to_alarm.is_some_and(|datapoints| Some(datapoints) != alarm.evaluation_periods),
    ];
    MetricAlarm {
        is_narrowed: narrowed.contains(&true),
        is_raised: alarm.state_value == Some(sdk::StateValue::Alarm),
        ok_actions: alarm.ok_actions.unwrap_or_default(),
        insufficient_data_actions: alarm.insufficient_data_actions.unwrap_or_default(),
        name: alarm.alarm_name.unwrap_or_default(),
        description: alarm.alarm_description.unwrap_or_default(),
        namespace: alarm.namespace.unwrap_or_default(),
        metric: alarm.metric_name.unwrap_or_default(),
        statistic: alarm.statistic.map(|statistic| statistic.as_str().to_owned()).unwrap_or_default(),
        comparison: alarm.comparison_operator.map(|operator| operator.as_str().to_owned()).unwrap_or_default(),
        threshold: alarm.threshold.unwrap_or_default(),
        period: alarm.period.unwrap_or_default(),
        periods: alarm.evaluation_periods.unwrap_or_default(),
        missing_data: alarm.treat_missing_data,
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
