//! CloudTrail: trails, whether they log, and their event selectors, over JSON 1.1. Invariant: a trail is changed and described in the region where it was
//! made; elsewhere it is only listed, where it records there.

use serde_json::{Value, json};

use super::serve::Refusal;
use super::state::World;

/// A trail. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct Trail {
    pub name: String,
    /// The account that made it: another one's, of the organization.
    pub account: String,
    pub home_region: String,
    pub is_multi_region: bool,
    pub has_global_events: bool,
    pub is_of_organization: bool,
    /// The ARN of a log group.
    pub log_group: Option<String>,
    pub is_logging: bool,
    /// `LatestCloudWatchLogsDeliveryError`.
    pub log_group_error: Option<String>,
    /// As they were put; none is what a trail is made with.
    pub selectors: Option<Value>,
    /// As they were put, in the place of the others.
    pub advanced_selectors: Option<Value>,
}

impl World {
    /// A trail of all regions that logs, and its log group; returns its place.
    pub fn add_trail(&mut self, name: &str, region: &str, log_group: Option<&str>) -> usize {
        let account = self.settings.account.clone();
        self.trails.push(Trail {
            name: name.to_owned(),
            log_group: log_group.map(|group| self.log_group_arn(&account, region, group)),
            account,
            home_region: region.to_owned(),
            is_multi_region: true,
            has_global_events: true,
            is_of_organization: false,
            is_logging: true,
            log_group_error: None,
            selectors: None,
            advanced_selectors: None,
        });
        self.trails.len() - 1
    }

    /// The ARN of a trail.
    pub fn trail_arn(&self, trail: &Trail) -> String {
        let Trail { name, account, home_region, .. } = trail;
        format!("arn:{}:cloudtrail:{home_region}:{account}:trail/{name}", self.settings.partition)
    }
}

/// The answer's body.
pub fn answer(world: &World, region: &str, action: &str, asked: &Value) -> Result<Value, Refusal> {
    match action {
        "DescribeTrails" => {
            let has_shadows = asked["includeShadowTrails"].as_bool().unwrap_or(true);
            let is_listed = |trail: &&Trail| trail.home_region == region || (has_shadows && trail.is_multi_region);
            Ok(json!({"trailList": world.trails.iter().filter(is_listed).map(|trail| shown(world, trail)).collect::<Vec<_>>()}))
        }
        "ListTrails" => {
            let brief = |trail: &Trail| json!({"Name": trail.name, "TrailARN": world.trail_arn(trail), "HomeRegion": trail.home_region});
            Ok(json!({"Trails": world.trails.iter().map(brief).collect::<Vec<_>>()}))
        }
        "GetTrailStatus" => {
            let trail = named(world, region, &asked["Name"])?;
            let error = trail.log_group_error.clone().unwrap_or_default();
            Ok(json!({"IsLogging": trail.is_logging, "LatestCloudWatchLogsDeliveryError": error, "LatestDeliveryTime": world.now()}))
        }
        "GetEventSelectors" => {
            let trail = named(world, region, &asked["TrailName"])?;
            let made_with = json!([{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": [],
                "ExcludeManagementEventSources": []}]);
            let mut found = json!({"TrailARN": world.trail_arn(trail)});
            match &trail.advanced_selectors {
                Some(advanced) => found["AdvancedEventSelectors"] = advanced.clone(),
                None => found["EventSelectors"] = trail.selectors.clone().unwrap_or(made_with),
            }
            Ok(found)
        }
        other => Err(Refusal::new(400, "InvalidAction", format!("The lab does not know cloudtrail:{other}."))),
    }
}

fn shown(world: &World, trail: &Trail) -> Value {
    let mut found = json!({
        "Name": trail.name,
        "TrailARN": world.trail_arn(trail),
        "HomeRegion": trail.home_region,
        "S3BucketName": "trails",
        "IncludeGlobalServiceEvents": trail.has_global_events,
        "IsMultiRegionTrail": trail.is_multi_region,
        "IsOrganizationTrail": trail.is_of_organization,
        "LogFileValidationEnabled": false,
        "HasCustomEventSelectors": trail.selectors.is_some() || trail.advanced_selectors.is_some(),
        "HasInsightSelectors": false,
    });
    if let Some(group) = &trail.log_group {
        found["CloudWatchLogsLogGroupArn"] = json!(group);
        found["CloudWatchLogsRoleArn"] = json!(world.arn_of("role", "trail"));
    }
    found
}

fn named<'a>(world: &'a World, region: &str, asked: &Value) -> Result<&'a Trail, Refusal> {
    let wanted = asked.as_str().unwrap_or_default();
    let is_it = |trail: &&Trail| trail.home_region == region && (trail.name == wanted || world.trail_arn(trail) == wanted);
    let message = || format!("Unknown trail: {wanted} for the user: {}", world.settings.account);
    world.trails.iter().find(is_it).ok_or_else(|| Refusal::new(400, "TrailNotFoundException", message()))
}
