//! AWS CloudTrail: the trails of an account, and what each records.
//!
//! Invariant: a trail is asked about in the region where it was made, by its ARN: elsewhere its name may be another trail's.

use aws_sdk_cloudtrail::types as sdk;

use super::call::Call;
use super::iam::count_page;
use super::monitoring::{EventSelector, EventSelectors, FieldSelector, Trail, TrailHome, TrailStatus};
use super::{Aws, AwsError, Signer};

impl Aws {
    /// `cloudtrail:DescribeTrails`: the trails that record in this region, those made elsewhere and the organization's among them.
    pub(super) async fn trails(&self, signer: &Signer, region: &str) -> Result<Vec<Trail>, AwsError> {
        let call = Call::new(self, signer, "cloudtrail:DescribeTrails").in_region(Some(region));
        let answer = call.finish(call.cloudtrail().describe_trails().include_shadow_trails(true).send().await)?;
        let listed = answer.trail_list.unwrap_or_default().into_iter();
        listed.map(|trail| known(trail, region).ok_or_else(|| call.garbled("a trail in the answer has no ARN"))).collect()
    }

    /// `cloudtrail:ListTrails`: the trails of all regions, asked for where the events of IAM are.
    pub fn list_trails(&self, signer: &Signer, partition: &str) -> Result<Vec<TrailHome>, AwsError> {
        let call = Call::new(self, signer, "cloudtrail:ListTrails").in_region(Some(self.event_region(partition)));
        let (client, mut next, mut trails, mut pages) = (call.cloudtrail(), None, Vec::new(), 0);
        self.runtime.block_on(async {
            loop {
                count_page(&call, &mut pages)?;
                let answer = call.finish(client.list_trails().set_next_token(next).send().await)?;
                for trail in answer.trails.unwrap_or_default() {
                    let (Some(arn), Some(home_region)) = (trail.trail_arn, trail.home_region) else {
                        return Err(call.garbled("a trail in the answer has no ARN or no region"));
                    };
                    trails.push(TrailHome { name: trail.name.unwrap_or_else(|| arn.clone()), arn, home_region });
                }
                next = answer.next_token.filter(|token| !token.is_empty());
                if next.is_none() {
                    return Ok(trails);
                }
            }
        })
    }

    /// `cloudtrail:GetTrailStatus`.
    pub(super) async fn trail_status(&self, signer: &Signer, trail: &Trail) -> Result<TrailStatus, AwsError> {
        let call = Call::new(self, signer, "cloudtrail:GetTrailStatus").in_region(Some(&trail.home_region));
        let answer = call.finish(call.cloudtrail().get_trail_status().name(&trail.arn).send().await)?;
        let is_logging = answer.is_logging.ok_or_else(|| call.garbled("the answer has no IsLogging"))?;
        let log_group_error = answer.latest_cloud_watch_logs_delivery_error.filter(|error| !error.is_empty());
        Ok(TrailStatus { is_logging, log_group_error })
    }

    /// `cloudtrail:GetEventSelectors`.
    pub(super) async fn event_selectors(&self, signer: &Signer, trail: &Trail) -> Result<EventSelectors, AwsError> {
        let call = Call::new(self, signer, "cloudtrail:GetEventSelectors").in_region(Some(&trail.home_region));
        let answer = call.finish(call.cloudtrail().get_event_selectors().trail_name(&trail.arn).send().await)?;
        let basic: Vec<EventSelector> = answer.event_selectors.unwrap_or_default().into_iter().map(basic).collect();
        let advanced = answer.advanced_event_selectors.unwrap_or_default().into_iter();
        let advanced: Vec<_> = advanced.map(|selector| selector.field_selectors.into_iter().map(field).collect()).collect();
        if basic.is_empty() && advanced.is_empty() && !trail.has_own_selectors {
            // What a trail records that nobody chose for (CloudTrail API reference, GetEventSelectors).
            let all = EventSelector { has_management_events: true, has_writes: true, excluded_sources: Vec::new() };
            return Ok(EventSelectors { basic: vec![all], advanced });
        }
        Ok(EventSelectors { basic, advanced })
    }
}

fn known(trail: sdk::Trail, region: &str) -> Option<Trail> {
    let arn = trail.trail_arn.filter(|arn| !arn.is_empty())?;
    Some(Trail {
        name: trail.name.filter(|name| !name.is_empty()).unwrap_or_else(|| arn.clone()),
        home_region: trail.home_region.filter(|home| !home.is_empty()).unwrap_or_else(|| region.to_owned()),
        is_multi_region: trail.is_multi_region_trail == Some(true),
        has_global_events: trail.include_global_service_events != Some(false),
        is_of_organization: trail.is_organization_trail == Some(true),
        has_own_selectors: trail.has_custom_event_selectors == Some(true),
        log_group_arn: trail.cloud_watch_logs_log_group_arn.filter(|group| !group.is_empty()),
        arn,
    })
}

fn basic(selector: sdk::EventSelector) -> EventSelector {
    EventSelector {
        has_management_events: selector.include_management_events != Some(false),
        has_writes: selector.read_write_type != Some(sdk::ReadWriteType::ReadOnly),
        excluded_sources: selector.exclude_management_event_sources.unwrap_or_default(),
    }
}

fn field(selector: sdk::AdvancedFieldSelector) -> FieldSelector {
    FieldSelector {
        field: selector.field,
        equals: selector.equals.unwrap_or_default(),
        not_equals: selector.not_equals.unwrap_or_default(),
        starts_with: selector.starts_with.unwrap_or_default(),
        not_starts_with: selector.not_starts_with.unwrap_or_default(),
        ends_with: selector.ends_with.unwrap_or_default(),
        not_ends_with: selector.not_ends_with.unwrap_or_default(),
    }
}
