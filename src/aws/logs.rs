//! CloudWatch Logs: log groups and their metric filters.

use aws_sdk_cloudwatchlogs::operation::describe_metric_filters::DescribeMetricFiltersOutput;
use aws_sdk_cloudwatchlogs::types as sdk;

use super::call::Call;
use super::iam::every_page;
use super::monitoring::{Metric, MetricFilter, name_of_log_group};
use super::{Aws, AwsError, ErrorKind, Signer};

impl Aws {
    /// `logs:DescribeMetricFilters` of the log group with this ARN, in its region.
    pub(super) async fn metric_filters(
        &self,
        signer: &Signer,
        group_arn: &str,
        region: Option<&str>,
    ) -> Result<Vec<MetricFilter>, AwsError> {
        let call = Call::new(self, signer, "logs:DescribeMetricFilters").in_region(region);
        let group = name_of_log_group(group_arn).ok_or_else(|| call.garbled("the trail's log group has no name"))?;
        let request = call.logs().describe_metric_filters().log_group_name(group);
        let filters = every_page!(&call, request, |page: DescribeMetricFiltersOutput| page.metric_filters.unwrap_or_default());
        Ok(filters.into_iter().map(known).collect())
    }
}

impl Aws {
    /// `logs:DescribeMetricFilters` of every log group of a region that count into this metric: each with the name of its group.
    pub(super) async fn filters_into(
        &self,
        signer: &Signer,
        region: &str,
        namespace: &str,
        metric: &str,
    ) -> Result<Vec<(String, MetricFilter)>, AwsError> {
        let call = Call::new(self, signer, "logs:DescribeMetricFilters").in_region(Some(region));
        let request = call.logs().describe_metric_filters().metric_namespace(namespace).metric_name(metric);
        let filters = every_page!(&call, request, |page: DescribeMetricFiltersOutput| page.metric_filters.unwrap_or_default());
        let named = |filter: sdk::MetricFilter| (filter.log_group_name.clone().unwrap_or_default(), known(filter));
        Ok(filters.into_iter().map(named).collect())
    }

    /// `logs:DescribeMetricFilters` of a log group whose names begin so; none where the log group is not there.
    pub(super) async fn named_filters(
        &self,
        signer: &Signer,
        region: &str,
        group: &str,
        prefix: &str,
    ) -> Result<Vec<(String, MetricFilter)>, AwsError> {
        let call = Call::new(self, signer, "logs:DescribeMetricFilters").in_region(Some(region));
        let request = call.logs().describe_metric_filters().log_group_name(group).filter_name_prefix(prefix);
        let found: Result<Vec<sdk::MetricFilter>, AwsError> =
            async { Ok(every_page!(&call, request, |page: DescribeMetricFiltersOutput| page.metric_filters.unwrap_or_default())) }.await;
        match found {
            Ok(filters) => Ok(filters.into_iter().map(|filter| (group.to_owned(), known(filter))).collect()),
            Err(error) if error.kind == ErrorKind::Gone => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// `logs:PutMetricFilter`: makes the filter, or makes it anew.
    pub fn put_metric_filter(&self, signer: &Signer, region: &str, group: &str, filter: &MetricFilter) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "logs:PutMetricFilter").in_region(Some(region));
        let metrics = filter.metrics.iter().map(|metric| {
            let metric = sdk::MetricTransformation::builder()
                .metric_namespace(&metric.namespace)
                .metric_name(&metric.name)
                .metric_value(&metric.value)
                .build();
            metric.map_err(|_| call.garbled("the metric has no name"))
        });
        let metrics = metrics.collect::<Result<Vec<_>, _>>()?;
        let request = call.logs().put_metric_filter().log_group_name(group).filter_name(&filter.name).filter_pattern(&filter.pattern);
        call.finish(self.runtime.block_on(request.set_metric_transformations(Some(metrics)).send())).map(drop)
    }

    /// `logs:DeleteMetricFilter`. One that is not there is an error of the kind [`super::ErrorKind::Gone`].
    pub fn delete_metric_filter(&self, signer: &Signer, region: &str, group: &str, name: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "logs:DeleteMetricFilter").in_region(Some(region));
        let request = call.logs().delete_metric_filter().log_group_name(group).filter_name(name);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }

    /// `logs:TestMetricFilter`: which of these events, counted from 0, the pattern matches. Nothing is counted.
    pub fn test_metric_filter(&self, signer: &Signer, region: &str, pattern: &str, events: &[String]) -> Result<Vec<usize>, AwsError> {
        let call = Call::new(self, signer, "logs:TestMetricFilter").in_region(Some(region));
        let request = call.logs().test_metric_filter().filter_pattern(pattern).set_log_event_messages(Some(events.to_vec()));
        let answer = call.finish(self.runtime.block_on(request.send()))?;
        let matches = answer.matches.unwrap_or_default().into_iter();
        // AWS counts from 1.
        let number = |one: sdk::MetricFilterMatchRecord| usize::try_from(one.event_number).ok()?.checked_sub(1);
        matches.map(|one| number(one).ok_or_else(|| call.garbled("a match is of no event"))).collect()
    }
}

fn known(filter: sdk::MetricFilter) -> MetricFilter {
    let has_system_dimensions = filter.emit_system_field_dimensions.is_some_and(|fields| !fields.is_empty());
    let metric = |metric: sdk::MetricTransformation| Metric {
        namespace: metric.metric_namespace,
        name: metric.metric_name,
        value: metric.metric_value,
        default: metric.default_value,
        unit: metric.unit.map(|unit| unit.as_str().to_owned()),
        has_dimensions: has_system_dimensions || metric.dimensions.is_some_and(|dimensions| !dimensions.is_empty()),
    };
    MetricFilter {
        name: filter.filter_name.unwrap_or_default(),
        pattern: filter.filter_pattern.unwrap_or_default(),
        is_narrowed: filter.apply_on_transformed_logs || filter.field_selection_criteria.is_some_and(|criteria| !criteria.is_empty()),
        metrics: filter.metric_transformations.unwrap_or_default().into_iter().map(metric).collect(),
    }
}
