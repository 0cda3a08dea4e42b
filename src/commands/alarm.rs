//! `keyrotate alarm`: what tells of changes to policies is planned, set up, tried out and removed.
//!
//! Invariant: nothing of the account is changed before it was shown and agreed to. Where something is cut off, the same command goes on: it looks
//! again at what is there, and nothing is remembered here.

mod carry_out;
pub mod install;
mod notes;
pub mod remove;
pub mod test;

use std::collections::BTreeSet;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::{Attend, SessionOptions, access, own_signer, route};
use crate::alarm::{
    METRICS, NAMES, NAMESPACE, Obstacle, PREFIX, Place, Step, Via, Wanted, Watch, faults, is_our_filter, place, topic_arn, trail_script,
    ways,
};
use crate::aws::{
    Aws, AwsError, ErrorKind, MonitoringSight, OwnNames, OwnSight, Signer, Subscription, Watched, account_of_arn, name_of_log_group,
    region_of_arn,
};
use crate::model::{Identity, ProfileName, Timing, TokenCode};
use crate::os::signals::Signals;
use crate::os::terminal::{Answer, Console, Question, plain};
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
    /// Regions in which is looked beside those of the trails.
    pub regions: Vec<String>,
}

/// What is to be set up, and from what.
#[derive(Clone, Debug, Default)]
pub struct SetUp {
    /// By which way; none means the one that is there already, else by metric.
    pub via: Option<Via>,
    /// Who is to hear of it.
    pub emails: Vec<String>,
    /// The root user is watched, too; also where it is already.
    pub root: bool,
    /// The name or ARN of the trail; none means the best that will do.
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The account.
    pub account: String,
    /// Region by region.
    pub regions: Vec<Planned>,
    /// What is in the way of a mail and is not changed here.
    pub faults: Vec<String>,
    /// Mailboxes, URLs and the like that hear of it.
    pub confirmed: Vec<String>,
    /// Those that have not agreed yet.
    pub pending: Vec<String>,
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

    /// 10 where something is missing, or nobody hears of it.
    pub fn exit_code(&self) -> u8 {
        let is_whole = self.is_empty() && self.faults.is_empty() && !self.confirmed.is_empty();
        if is_whole { 0 } else { FailureKind::Attention.exit_code() }
    }
}

/// What would be set up. Changes nothing.
pub fn plan(context: &Context, attend: Attend<'_>, options: &AlarmOptions, set_up: &SetUp) -> Result<Plan, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm plan")?;
    asked.plan(&asked.look(set_up)?)
}

/// The commands that make a trail, as a script for a POSIX shell.
pub fn create_trail(context: &Context, attend: Attend<'_>, options: &AlarmOptions) -> Result<String, Failure> {
    let asked = Asked::new(context, attend, options, "keyrotate alarm plan")?;
    if plain(asked.profile.as_str()) != asked.profile.as_str() {
        let message = format!("the name of the profile {} has characters that no script should have", asked.profile);
        return Err(Failure::new(FailureKind::Usage, message)
            .state(UNCHANGED)
            .hint("rename the profile, or name another one of the account"));
    }
    let partition = asked.identity.arn.partition();
    let region = asked.region.as_deref().unwrap_or(asked.aws.event_region(partition));
    Ok(trail_script(&asked.profile, partition, &asked.identity.account, region))
}

/// Whose account it is, and who asks.
struct Asked {
    profile: ProfileName,
    region: Option<String>,
    more: Vec<String>,
    aws: Aws,
    timing: Timing,
    signer: Signer,
    identity: Identity,
}

/// What is there, and what is wanted of it.
struct Looked {
    sight: MonitoringSight,
    place: Place,
    own: OwnSight,
    wanted: Wanted,
    /// By which other ways it is told, and where.
    elsewhere: Vec<(String, Via)>,
}

impl Asked {
    fn new(context: &Context, attend: Attend<'_>, options: &AlarmOptions, command: &str) -> Result<Self, Failure> {
        let profile = choose_profile(&context.environment, options.profile.as_deref()).name;
        let route = route(context, &profile).map_err(|failure| failure.state(UNCHANGED))?;
        let (aws, timing) = context.aws(context.files()?, &profile, route.key.region.clone(), route.key.ca_bundle.clone())?;
        // Whoever changes an account does so with MFA, where a device is known.
        let signer = if route.roles.is_empty() && route.mfa_serial.is_none() && options.mfa_code.is_none() {
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
        let (region, more) = (route.key.region.as_ref().map(ToString::to_string), options.regions.clone());
        Ok(Self { profile, region, more, aws, timing, signer, identity })
    }

    fn trails(&self) -> MonitoringSight {
        let (account, partition) = (self.identity.account.as_str(), self.identity.arn.partition());
        self.aws.look_at_trails(&self.signer, Watched { account, partition })
    }

    /// Where it goes, and what is there.
    fn look(&self, set_up: &SetUp) -> Result<Looked, Failure> {
        let sight = self.trails();
        let found: Vec<(String, Result<OwnSight, AwsError>)> =
            self.regions(&sight).into_iter().map(|region| (region.clone(), self.own(&sight, &region))).collect();
        let mut there: Vec<(String, Via)> = Vec::new();
        for (region, own) in &found {
            let ways = own.as_ref().map(|own| ways(own, &self.topic(region))).unwrap_or_default();
            there.extend(ways.into_iter().map(|via| (region.clone(), via)));
        }
        let is_by_rule = !there.is_empty() && there.iter().all(|(_, via)| *via == Via::EventBridge);
        let via = set_up.via.unwrap_or(if is_by_rule { Via::EventBridge } else { Via::Metric });
        let at = |trail: Option<&str>| place(&sight, self.identity.arn.partition(), via, trail);
        // Where it was set up from another trail than the best, that one is meant.
        let before = found.iter().filter_map(|(region, own)| in_use(&sight, region, own.as_ref().ok()?)).next();
        let before = set_up.trail.is_none().then_some(before).flatten().and_then(|trail| at(Some(trail)).ok());
        let place = before.map_or_else(|| at(set_up.trail.as_deref()), Ok).map_err(|obstacle| {
            let obstacle = self.knowing_elsewhere(obstacle);
            let failure = if let Obstacle::Unknown(error) = &obstacle {
                self.refused(FailureKind::Unchecked, error)
            } else {
                Failure::from_error(FailureKind::Failed, &obstacle).hint(obstacle.hint(&self.profile))
            };
            failure.state(UNCHANGED)
        })?;
        let own = found.into_iter().find(|(region, _)| *region == place.region).map(|(_, own)| own);
        let own = own.unwrap_or_else(|| self.own(&sight, &place.region));
        let own = own.map_err(|error| self.refused(FailureKind::Unchecked, &error).state(UNCHANGED))?;
        there.retain(|(region, way)| *region != place.region || *way != via);
        let wanted = Wanted { via, emails: once(&set_up.emails), root: set_up.root || watches_root(&own, via) };
        Ok(Looked { sight, place, own, wanted, elsewhere: there })
    }

    /// With the trails of other regions, where they have to do with it. Where these are denied, less is said.
    fn knowing_elsewhere(&self, obstacle: Obstacle) -> Obstacle {
        let all = obstacle.is_absence().then(|| self.aws.list_trails(&self.signer, self.identity.arn.partition()));
        match all {
            Some(Ok(all)) => obstacle.among(all),
            Some(Err(_)) | None => obstacle,
        }
    }

    /// What is there of ours in a region.
    fn own(&self, sight: &MonitoringSight, region: &str) -> Result<OwnSight, AwsError> {
        let (topic, groups) = (self.topic(region), self.groups(sight));
        let groups: Vec<String> = groups.into_iter().filter(|(of, _)| of == region).map(|(_, name)| name).collect();
        let names = OwnNames { topic: &topic, names: &NAMES, namespace: NAMESPACE, metrics: &METRICS, groups: &groups, prefix: PREFIX };
        self.aws.look_at_own(&self.signer, region, &names)
    }

    fn topic(&self, region: &str) -> String {
        topic_arn(self.identity.arn.partition(), region, &self.identity.account)
    }

    fn plan(&self, looked: &Looked) -> Result<Plan, Failure> {
        let Looked { place, own, wanted, .. } = looked;
        let steps = crate::alarm::plan(place, own, wanted).map_err(|foreign| {
            let hint = format!("see what it is for; `{}` removes it: then run this again", foreign.command);
            Failure::from_error(FailureKind::Failed, &foreign).state(UNCHANGED).hint(hint)
        })?;
        let subscriptions = own.topic.as_ref().map(|topic| &topic.subscriptions[..]).unwrap_or_default();
        let (confirmed, pending) = heard(subscriptions.iter());
        let notes = notes::of_plan(looked, &self.profile, !steps.is_empty());
        let regions = vec![Planned { region: place.region.clone(), steps }];
        let account = self.identity.account.clone();
        Ok(Plan { account, regions, faults: faults(place, own, wanted.via), confirmed, pending, notes })
    }

    /// The log groups of the account's trails, each with its region. Those of another account have nothing of ours.
    fn groups(&self, sight: &MonitoringSight) -> Vec<(String, String)> {
        let arns = sight.trails.iter().flatten().filter_map(|one| one.trail.log_group_arn.as_deref());
        let own = arns.filter(|arn| account_of_arn(arn) == Some(self.identity.account.as_str()));
        own.filter_map(|arn| Some((region_of_arn(arn)?.to_owned(), name_of_log_group(arn)?.to_owned()))).collect()
    }

    /// Every region in which there may be something of ours, as far as it is known here.
    fn regions(&self, sight: &MonitoringSight) -> Vec<String> {
        let groups = self.groups(sight).into_iter().map(|(region, _)| region);
        let known = groups.chain([sight.region.clone()]).chain(self.region.clone()).chain(self.more.iter().cloned());
        known.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// A yes, or why there is none.
    fn agreed(&self, request: &Request<'_>, text: &str, yes: &str) -> Result<bool, Failure> {
        if request.yes {
            return Ok(true);
        }
        request.console.progress_done();
        let choices = vec![('y', yes.to_owned()), ('n', "change nothing".to_owned())];
        match (request.console.ask(&Question { text: text.to_owned(), choices, default: None }), request.signals.raised()) {
            (Answer::Choice(key), _) => Ok(key == 'y'),
            (Answer::None, Some(signal)) => Err(Failure::new(FailureKind::Failed, format!("stopped by {signal}")).state(UNCHANGED)),
            (Answer::None, None) => {
                let failure = Failure::new(FailureKind::Failed, "nobody can be asked").state(UNCHANGED);
                Err(failure.hint("run this in a terminal, or with --yes"))
            }
        }
    }

    /// A call that AWS refused, or did not answer.
    fn refused(&self, kind: FailureKind, error: &AwsError) -> Failure {
        let profile = self.profile.quoted();
        let hint = if error.is_explicit_deny() {
            format!(
                "a policy denies it in so many words: where it wants MFA, `keyrotate login {profile}` opens a session; `keyrotate policy show \
                 alarm` prints what this needs. Then the same command goes on"
            )
        } else if matches!(error.kind, ErrorKind::Denied { .. }) {
            "`keyrotate policy show alarm` prints what this needs; with that allowed, the same command goes on".to_owned()
        } else if error.kind == ErrorKind::LimitExceeded {
            let quota = "a quota of AWS is used up (a log group has at most 100 metric filters): make room, or see whether `--via eventbridge` \
                         will do";
            quota.to_owned()
        } else if error.kind == ErrorKind::Other {
            "AWS does not take this; what it says is why".to_owned()
        } else {
            "run this again, which goes on".to_owned()
        };
        Failure::from_error(kind, error).hint(hint)
    }
}

/// The ARN of the trail whose log group has filters of ours.
fn in_use<'a>(sight: &'a MonitoringSight, region: &str, own: &OwnSight) -> Option<&'a str> {
    let groups: Vec<&str> = own.filters.iter().filter(|(_, filter)| is_our_filter(filter)).map(|(group, _)| group.as_str()).collect();
    let delivers = |arn: &str| region_of_arn(arn) == Some(region) && name_of_log_group(arn).is_some_and(|name| groups.contains(&name));
    let mut trails = sight.trails.iter().flatten().map(|one| &one.trail);
    trails.find(|trail| trail.log_group_arn.as_deref().is_some_and(delivers)).map(|trail| trail.arn.as_str())
}

/// Who hears of it, and who has not agreed yet.
fn heard<'a>(subscriptions: impl Iterator<Item = &'a Subscription>) -> (Vec<String>, Vec<String>) {
    let (confirmed, pending): (Vec<&Subscription>, Vec<&Subscription>) = subscriptions.partition(|one| one.arn.is_some());
    let endpoints = |all: Vec<&Subscription>| all.into_iter().map(|one| one.endpoint.clone()).collect();
    (endpoints(confirmed), endpoints(pending))
}

fn watches_root(own: &OwnSight, via: Via) -> bool {
    let name = Watch::Root.name();
    match via {
        Via::Metric => own.alarms.iter().any(|one| one.name == name) || own.filters.iter().any(|(_, one)| one.name == name),
        Via::EventBridge => own.rules.iter().any(|one| one.rule.name == name),
    }
}

/// Each once, however it is written.
fn once(emails: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for email in emails {
        if !all.iter().any(|one| one.eq_ignore_ascii_case(email)) {
            all.push(email.clone());
        }
    }
    all
}
