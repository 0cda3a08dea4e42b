//! Where the alarm goes: the trail that hears of changes to policies, and the region that follows from it.

use super::watch::Via;
use crate::aws::{AwsError, MonitoringSight, TrailHome, TrailSight, account_of_arn, name_of_log_group, region_of_arn};
use crate::model::{Hears, ProfileName};

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
    /// There is none where the events of IAM are.
    #[error("{}", absent(.account, .region, .elsewhere.as_deref()))]
    NoTrail {
        /// The account.
        account: String,
        /// The region of IAM's events.
        region: String,
        /// Those that record in other regions alone; `None` where that is not known.
        elsewhere: Option<Vec<TrailHome>>,
    },
    /// There is none of that name.
    #[error("there is no trail {0}")]
    NoSuchTrail(String),
    /// There may be one of that name, and not where the events of IAM are.
    #[error("{}", not_there(.name, .region, .home.as_deref()))]
    NotThere {
        /// The name or ARN that was asked for.
        name: String,
        /// The account.
        account: String,
        /// The region of IAM's events.
        region: String,
        /// Where it is; `None` where that is not known.
        home: Option<Box<TrailHome>>,
    },
    /// None of them will do.
    #[error("no trail will do: {}", .0.iter().map(|one| format!("{} {}", one.trail, one.why)).collect::<Vec<_>>().join("; "))]
    NoneFits(Vec<Misfit>),
}

/// A trail that will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its name.
    pub trail: String,
    /// Why.
    pub why: Unfit,
    /// What to do about it.
    pub fix: String,
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
    /// Whether it does could not be judged.
    #[error("chooses its events by more than could be judged")]
    Unclear,
    /// It delivers to S3 only.
    #[error("delivers to no log group")]
    NoLogGroup,
    /// Its log group is another account's.
    #[error("delivers to a log group of account {0}, where the alarm belongs")]
    OtherAccount(String),
    /// It is another account's, and has no log group that can be seen.
    #[error("is a trail of account {0}, where its log group would be, too")]
    OthersTrail(String),
    /// It cannot deliver.
    #[error("cannot deliver to its log group: {0}")]
    NotDelivered(String),
}

fn absent(account: &str, region: &str, elsewhere: Option<&[TrailHome]>) -> String {
    let nobody = format!("no trail records in {region}, where the events of IAM are, so that nothing hears of a change");
    match elsewhere {
        None => nobody,
        Some([]) => format!("account {account} has no trail, so that nothing hears of a change"),
        Some(trails) => {
            let told: Vec<String> = trails.iter().map(|one| format!("{} records in {} only", one.name, one.home_region)).collect();
            format!("{nobody}: {}", told.join("; "))
        }
    }
}

fn not_there(name: &str, region: &str, home: Option<&TrailHome>) -> String {
    match home {
        None => format!("no trail {name} records in {region}, where the events of IAM are"),
        Some(home) => format!("the trail {} records in {} only, and the events of IAM are in {region}", home.name, home.home_region),
    }
}

impl Obstacle {
    /// Whether it may be that a trail is in another region.
    pub fn is_absence(&self) -> bool {
        matches!(self, Obstacle::NoTrail { .. } | Obstacle::NotThere { .. })
    }

    /// The same, where the trails of all regions are these.
    #[must_use]
    pub fn among(self, all: Vec<TrailHome>) -> Self {
        match self {
            Obstacle::NoTrail { account, region, .. } => Obstacle::NoTrail { account, region, elsewhere: Some(all) },
            Obstacle::NotThere { name, account, region, .. } => match all.into_iter().find(|one| one.name == name || one.arn == name) {
                Some(home) => Obstacle::NotThere { name, account, region, home: Some(Box::new(home)) },
                None => Obstacle::NoSuchTrail(name),
            },
            Obstacle::Unknown(_) | Obstacle::NoSuchTrail(_) | Obstacle::NoneFits(_) => self,
        }
    }

    /// What to do about it, line by line.
    pub fn hint(&self, profile: &ProfileName) -> String {
        let make =
            format!("`keyrotate alarm plan {} --create-trail` prints the commands that make one, and what that costs", profile.quoted());
        let everywhere = |home: &TrailHome, account: &str| format!("{}: {}", home.name, home.mending(account).record_everywhere());
        let or_asked = "with cloudtrail:ListTrails allowed, the trails of other regions are named";
        match self {
            Obstacle::Unknown(_) => NEEDED.to_owned(),
            Obstacle::NoTrail { elsewhere: None, .. } => format!("{make}\n{or_asked}"),
            Obstacle::NoTrail { account, elsewhere: Some(trails), .. } => {
                let lines = trails.iter().map(|home| everywhere(home, account));
                lines.chain([make]).collect::<Vec<_>>().join("\n")
            }
            Obstacle::NotThere { home: Some(home), account, .. } => everywhere(home, account),
            Obstacle::NotThere { home: None, .. } => format!("{FOUND}\n{or_asked}"),
            Obstacle::NoSuchTrail(_) => FOUND.to_owned(),
            Obstacle::NoneFits(all) => {
                let has_no_group = all.iter().any(|one| one.why.is_about_the_log_group());
                let by_rule = has_no_group.then(|| "`--via eventbridge` needs no log group".to_owned());
                all.iter().map(|one| format!("{}: {}", one.trail, one.fix)).chain(by_rule).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

const NEEDED: &str = "`keyrotate policy show alarm` prints what this needs";
const FOUND: &str = "leave --trail out, and the one that will do is found";

impl Unfit {
    fn is_about_the_log_group(&self) -> bool {
        matches!(self, Unfit::NoLogGroup | Unfit::OtherAccount(_) | Unfit::OthersTrail(_) | Unfit::NotDelivered(_))
    }

    fn fix(&self, one: &TrailSight, account: &str) -> String {
        let mending = one.trail.mending(account);
        match self {
            Unfit::NoGlobalEvents => mending.record_global_events(),
            Unfit::Off => mending.start_logging(),
            Unfit::LeavesOut => one.selectors.as_ref().map_or_else(|_| NEEDED.to_owned(), |selectors| mending.record_changes(selectors)),
            Unfit::Unclear => mending.look_at_selectors(),
            Unfit::NoLogGroup => mending.deliver_to_a_log_group(),
            Unfit::OtherAccount(other) | Unfit::OthersTrail(other) => format!("whoever manages account {other} sets the alarm up there"),
            Unfit::NotDelivered(_) => mending.let_it_deliver(),
            Unfit::Unknown(_) => NEEDED.to_owned(),
        }
    }
}

/// The place for this way; `trail` is the name or ARN of one that was chosen. One that records in all regions is better than one that does not.
pub fn place(sight: &MonitoringSight, partition: &str, via: Via, trail: Option<&str>) -> Result<Place, Obstacle> {
    let trails = sight.trails.as_ref().map_err(|error| Obstacle::Unknown(error.clone()))?;
    let (account, region) = (sight.account.clone(), sight.region.clone());
    let is_meant = |one: &&TrailSight| trail.is_none_or(|wanted| one.trail.name == wanted || one.trail.arn == wanted);
    let (mut fitting, mut unfit) = (Vec::new(), Vec::new());
    for one in trails.iter().filter(is_meant) {
        match fit(sight, via, one) {
            Ok(found) => fitting.push((&one.trail, found)),
            Err(why) => unfit.push(Misfit { trail: one.trail.name.clone(), fix: why.fix(one, &account), why }),
        }
    }
    if let Some((trail, (region, log_group))) = fitting.into_iter().min_by_key(|(trail, _)| !trail.is_multi_region) {
        return Ok(Place { partition: partition.to_owned(), account, region, trail: trail.name.clone(), log_group });
    }
    match trail {
        _ if !unfit.is_empty() => Err(Obstacle::NoneFits(unfit)),
        Some(name) => Err(Obstacle::NotThere { name: name.to_owned(), account, region, home: None }),
        None => Err(Obstacle::NoTrail { account, region, elsewhere: None }),
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
    match selectors.as_ref().map_err(|error| Unfit::Unknown(error.to_string()))?.hears() {
        Hears::All => {}
        Hears::Unclear => return Err(Unfit::Unclear),
        Hears::AllAndReads | Hears::Everything | Hears::NotOf(_) | Hears::Nothing => return Err(Unfit::LeavesOut),
    }
    if via == Via::EventBridge {
        return Ok((sight.region.clone(), None));
    }
    let is_other = |account: &&str| *account != sight.account;
    let Some(group) = trail.log_group_arn.as_deref() else {
        let owner = account_of_arn(&trail.arn).filter(is_other);
        return Err(owner.map_or(Unfit::NoLogGroup, |owner| Unfit::OthersTrail(owner.to_owned())));
    };
    if let Some(account) = account_of_arn(group).filter(is_other) {
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
