//! `keyrotate alarm`: what tells of changes to policies is planned, set up, tried out and removed.
//!
//! Invariant: nothing of the account is changed before it was shown and agreed to. Where something is cut off, the same command goes on: it looks
//! again at what is there, and nothing is remembered here.

mod carry_out;
pub mod install;
pub mod remove;
pub mod test;

use std::collections::BTreeSet;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::{Attend, SessionOptions, access, own_signer, route};
use crate::alarm::{METRICS, NAMES, NAMESPACE, Obstacle, Place, Step, Via, Wanted, place, topic_arn, trail_script};
use crate::aws::{Aws, AwsError, ErrorKind, MonitoringSight, OwnNames, OwnSight, Signer, Watched, region_of_arn};
use crate::model::{Identity, ProfileName, Timing, TokenCode};
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question};
use crate::profile::choose_profile;
use crate::rotation::explain;

const UNCHANGED: &str = "nothing was changed";

/// Whose account is meant, and how it is asked.
#[derive(Clone, Debug, Default)]
pub struct AlarmOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// A code of the MFA device, where a session has to be opened.
    pub mfa_code: Option<TokenCode>,
}

/// What is to be set up, and from what.
#[derive(Clone, Debug, Default)]
pub struct SetUp {
    /// What is wanted.
    pub wanted: Wanted,
    /// The name or ARN of the trail; none means the first that will do.
    pub trail: Option<String>,
}

/// What would be changed in one region.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The region.
    pub region: String,
    /// The steps; none where everything is as it should be.
    pub steps: Vec<Step>,
}

/// What is planned, for a person to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The account.
    pub account: String,
    /// Region by region.
    pub regions: Vec<Planned>,
    /// What a person should know before.
    pub notes: Vec<String>,
}

/// A command that changes something.
pub struct Request<'a> {
    /// Where a person is asked.
    pub console: &'a Console,
    /// What stops it.
    pub signals: &'a Signals,
    /// The answer is yes.
    pub yes: bool,
    /// Shows the plan.
    pub tell: &'a dyn Fn(&Plan),
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.regions.iter().all(|region| region.steps.is_empty())
    }
}

/// What would be set up. Changes nothing.
pub fn plan(context: &Context, attend: Attend<'_>, options: &AlarmOptions, set_up: &SetUp) -> Result<Plan, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm plan")?;
    let (place, own) = asked.look(set_up)?;
    asked.plan(&place, &own, set_up)
}

/// The commands that make a trail, as a script for a POSIX shell.
pub fn create_trail(context: &Context, attend: Attend<'_>, options: &AlarmOptions) -> Result<String, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm plan")?;
    let region = asked.region.as_deref().unwrap_or("us-east-1");
    Ok(trail_script(asked.identity.arn.partition(), &asked.identity.account, region))
}

/// Whose account it is, and who asks.
struct Asked {
    profile: ProfileName,
    region: Option<String>,
    aws: Aws,
    timing: Timing,
    signer: Signer,
    identity: Identity,
}

impl Asked {
    fn new(context: &Context, attend: Attend<'_>, options: &AlarmOptions, command: &str) -> Result<Self, Failure> {
        let profile = choose_profile(&context.environment, options.profile.as_deref()).name;
        let route = route(context, &profile).map_err(|failure| failure.state(UNCHANGED))?;
        let (aws, timing) = context.aws(context.files()?, &profile, route.key.region.clone(), route.key.ca_bundle.clone())?;
        // Whoever changes an account does so with MFA, where a device is known.
        let signer = if route.roles.is_empty() && route.mfa_serial.is_none() {
            own_signer(context, &profile, &route)?
        } else {
            let wanted = SessionOptions {
                profile: Some(profile.as_str().to_owned()),
                mfa_code: options.mfa_code.clone(),
                ..SessionOptions::default()
            };
            Signer::Session(access(context, attend, &wanted, command)?.session.credentials)
        };
        let identity = aws.get_caller_identity(&signer).map_err(|error| Failure {
            kind: FailureKind::Unchecked,
            ..Failure::from(explain(&route.key.pair.id, &error)).state(UNCHANGED)
        })?;
        let region = route.key.region.as_ref().map(ToString::to_string);
        Ok(Self { profile, region, aws, timing, signer, identity })
    }

    fn trails(&self) -> MonitoringSight {
        let (account, partition) = (self.identity.account.as_str(), self.identity.arn.partition());
        self.aws.look_at_trails(&self.signer, Watched { account, partition })
    }

    /// Where it goes, and what is there.
    fn look(&self, set_up: &SetUp) -> Result<(Place, OwnSight), Failure> {
        let place = place(&self.trails(), self.identity.arn.partition(), set_up.wanted.via, set_up.trail.as_deref());
        let place = place.map_err(|obstacle| {
            let kind = if matches!(obstacle, Obstacle::Unknown(_)) { FailureKind::Unchecked } else { FailureKind::Failed };
            Failure::from_error(kind, &obstacle).state(UNCHANGED).hint(obstacle.hint())
        })?;
        let own = self.own(&place.region)?;
        Ok((place, own))
    }

    /// What is there of ours in a region.
    fn own(&self, region: &str) -> Result<OwnSight, Failure> {
        let topic = self.topic(region);
        let names = OwnNames { topic: &topic, names: &NAMES, namespace: NAMESPACE, metrics: &METRICS };
        self.aws.look_at_own(&self.signer, region, &names).map_err(|error| refused(FailureKind::Unchecked, &error).state(UNCHANGED))
    }

    fn topic(&self, region: &str) -> String {
        topic_arn(self.identity.arn.partition(), region, &self.identity.account)
    }

    fn plan(&self, place: &Place, own: &OwnSight, set_up: &SetUp) -> Result<Plan, Failure> {
        let steps = crate::alarm::plan(place, own, &set_up.wanted).map_err(|foreign| {
            let hint = "rename or remove it, then run this again";
            Failure::from_error(FailureKind::Failed, &foreign).state(UNCHANGED).hint(hint)
        })?;
        let heard = match &place.log_group {
            Some(group) => format!("the log group {group} of the trail {}", place.trail),
            None => format!("EventBridge, by way of the trail {}", place.trail),
        };
        let mut notes = vec![format!("it hears by {heard}, in {}", place.region)];
        if set_up.wanted.via == Via::EventBridge && set_up.wanted.root {
            notes.push(format!("a rule hears of the root user in {} and of what has no region, and nowhere else", place.region));
        }
        let regions = vec![Planned { region: place.region.clone(), steps }];
        Ok(Plan { account: self.identity.account.clone(), regions, notes })
    }

    /// Every region in which there may be something of ours.
    fn regions(&self, sight: &MonitoringSight) -> Result<Vec<String>, Failure> {
        let trails = sight.trails.as_ref().map_err(|error| refused(FailureKind::Unchecked, error).state(UNCHANGED))?;
        let groups = trails.iter().filter_map(|one| one.trail.log_group_arn.as_deref().and_then(region_of_arn));
        let known = groups.map(str::to_owned).chain([sight.region.clone()]).chain(self.region.clone());
        Ok(known.collect::<BTreeSet<String>>().into_iter().collect())
    }

    /// A yes, or why there is none.
    fn agreed(&self, request: &Request<'_>, text: &str, yes: &str) -> Result<bool, Failure> {
        if request.yes {
            return Ok(true);
        }
        request.console.progress_done();
        let choices = vec![('y', yes.to_owned()), ('n', "change nothing".to_owned())];
        match request.console.ask(&Question { text: text.to_owned(), choices, default: None }) {
            Answer::Choice(key) => Ok(key == 'y'),
            Answer::None => {
                let why =
                    request.signals.raised().map_or_else(|| "nobody can be asked".to_owned(), |signal| format!("stopped by {signal}"));
                Err(Failure::new(FailureKind::Failed, why).state(UNCHANGED).hint("run this in a terminal, or with --yes"))
            }
        }
    }
}

/// A call that AWS refused, or did not answer.
fn refused(kind: FailureKind, error: &AwsError) -> Failure {
    let hint = if matches!(error.kind, ErrorKind::Denied { .. }) {
        "`keyrotate policy show alarm` prints what this needs"
    } else {
        "run this again, which goes on"
    };
    Failure::from_error(kind, error).hint(hint)
}
