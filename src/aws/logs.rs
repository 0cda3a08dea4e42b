//! CloudWatch Logs: log groups and their metric filters.

use aws_sdk_cloudwatchlogs::operation::describe_metric_filters::DescribeMetricFiltersOutput;
use aws_sdk_cloudwatchlogs::types as sdk;

use super::call::Call;
use super::iam::every_page;
use super::monitoring::{Metric, MetricFilter, name_of_log_group};
use super::{Aws, AwsError, Signer};

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
