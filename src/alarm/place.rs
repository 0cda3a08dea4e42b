//! Where the alarm goes: the trail that hears of changes to policies, and the region that follows from it.

use super::watch::Via;
use crate::aws::{AwsError, MonitoringSight, TrailSight, account_of_arn, name_of_log_group, region_of_arn};
use crate::model::Hears;

/// Where the alarm goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: String,
    /// The account ID.
    pub account: String,
    /// The region of everything.
    pub region: String,
    /// The trail's name.
    pub trail: String,
    /// The name of its log group, where that is what hears.
    pub log_group: Option<String>,
}

/// Why it goes nowhere.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Obstacle {
    /// The trails could not be listed.
    #[error(transparent)]
    Unknown(#[from] AwsError),
    /// There is none where the events of IAM are, in this region.
    #[error("no trail records in {0}, where the events of IAM are, so that nothing hears of a change")]
    NoTrail(String),
    /// There is none of that name.
    #[error("there is no trail {0}")]
    NoSuchTrail(String),
    /// None of them will do.
    #[error("no trail will do: {}", .0.iter().map(|(trail, why)| format!("{trail} {why}")).collect::<Vec<_>>().join("; "))]
    NoneFits(Vec<(String, Unfit)>),
}

/// Why a trail will not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It leaves out IAM's.
    #[error("leaves out the events of global services")]
    NoGlobalEvents,
    /// Its state could not be asked.
    #[error("cannot be looked at: {0}")]
    Unknown(String),
    /// It records nothing now.
    #[error("is switched off")]
    Off,
    /// It leaves out what this is about.
    #[error("does not record all changes to policies")]
    LeavesOut,
    /// It delivers to S3 only.
    #[error("delivers to no log group")]
    NoLogGroup,
    /// Its log group is another account's.
    #[error("delivers to a log group of account {0}, where the alarm belongs")]
    OtherAccount(String),
    /// It cannot deliver.
    #[error("cannot deliver to its log group: {0}")]
    NotDelivered(String),
}

impl Obstacle {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let by_rule = "`--via eventbridge` needs no log group";
        match self {
            Obstacle::Unknown(_) => "`keyrotate policy show alarm` prints what this needs".to_owned(),
            Obstacle::NoTrail(_) => {
                "let a trail record in all regions (`aws cloudtrail update-trail --is-multi-region-trail`), or make one: `keyrotate alarm plan \
                 --create-trail` prints how, and what that costs"
                    .to_owned()
            }
            Obstacle::NoSuchTrail(_) => "leave --trail out, and the one that will do is found".to_owned(),
            Obstacle::NoneFits(all) => match all.first().map(|(_, why)| why) {
                Some(Unfit::NoLogGroup) => format!("give it one (`aws cloudtrail update-trail`); {by_rule}"),
                Some(Unfit::OtherAccount(account)) => format!("whoever manages account {account} sets it up there; {by_rule}"),
                Some(Unfit::Off) => "`aws cloudtrail start-logging` switches it on".to_owned(),
                Some(Unfit::NoGlobalEvents) => {
                    "let it record them: `aws cloudtrail update-trail --include-global-service-events`".to_owned()
                }
                Some(Unfit::LeavesOut) => "let it record management events (`aws cloudtrail put-event-selectors`)".to_owned(),
                Some(Unfit::NotDelivered(_)) => format!("look at the trail's role; {by_rule}"),
                Some(Unfit::Unknown(_)) | None => "`keyrotate policy show alarm` prints what this needs".to_owned(),
            },
        }
    }
}

/// The place for this way; `trail` is the name or ARN of one that was chosen.
pub fn place(sight: &MonitoringSight, partition: &str, via: Via, trail: Option<&str>) -> Result<Place, Obstacle> {
    let trails = sight.trails.as_ref().map_err(|error| Obstacle::Unknown(error.clone()))?;
    if trails.is_empty() {
        return Err(Obstacle::NoTrail(sight.region.clone()));
    }
    let is_meant = |one: &&TrailSight| trail.is_none_or(|wanted| one.trail.name == wanted || one.trail.arn == wanted);
    let mut unfit = Vec::new();
    for one in trails.iter().filter(is_meant) {
        match fit(sight, via, one) {
            Ok((region, log_group)) => {
                let (partition, account) = (partition.to_owned(), sight.account.clone());
                return Ok(Place { partition, account, region, trail: one.trail.name.clone(), log_group });
            }
            Err(why) => unfit.push((one.trail.name.clone(), why)),
        }
    }
    match trail.filter(|_| unfit.is_empty()) {
        Some(name) => Err(Obstacle::NoSuchTrail(name.to_owned())),
        None => Err(Obstacle::NoneFits(unfit)),
    }
}

/// The region and the log group.
fn fit(sight: &MonitoringSight, via: Via, one: &TrailSight) -> Result<(String, Option<String>), Unfit> {
    let TrailSight { trail, status, selectors, .. } = one;
    if !trail.has_global_events {
        return Err(Unfit::NoGlobalEvents);
    }
    let status = status.as_ref().map_err(|error| Unfit::Unknown(error.to_string()))?;
    if !status.is_logging {
        return Err(Unfit::Off);
    }
    if selectors.as_ref().map_err(|error| Unfit::Unknown(error.to_string()))?.hears() != Hears::All {
        return Err(Unfit::LeavesOut);
    }
    if via == Via::EventBridge {
        return Ok((sight.region.clone(), None));
    }
    let group = trail.log_group_arn.as_deref().ok_or(Unfit::NoLogGroup)?;
    if let Some(account) = account_of_arn(group).filter(|account| *account != sight.account) {
        return Err(Unfit::OtherAccount(account.to_owned()));
    }
    if let Some(error) = &status.log_group_error {
        return Err(Unfit::NotDelivered(error.clone()));
    }
    match (region_of_arn(group), name_of_log_group(group)) {
        (Some(region), Some(name)) => Ok((region.to_owned(), Some(name.to_owned()))),
        _ => Err(Unfit::NoLogGroup),
    }
}

impl Place {
    /// The ARN of our topic in the region.
    pub fn topic(&self) -> String {
        topic_arn(&self.partition, &self.region, &self.account)
    }
}

/// The ARN of our topic there.
pub fn topic_arn(partition: &str, region: &str, account: &str) -> String {
    format!("arn:{partition}:sns:{region}:{account}:{}", super::watch::TOPIC)
}
