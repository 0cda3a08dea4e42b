//! `keyrotate audit`: the practices of one profile's user and account.
//!
//! Invariant: it only reads; the one file that it writes is the memory of what was seen, which tells its own calls from those of others. Nobody is
//! asked for a code unless the profile is a role that wants one.

mod plan;

use chrono::{DateTime, Utc};

use super::context::Context;
use super::failure::{Failure, FailureKind, worst};
use super::known::{Observations, Pending, Rest, under_way};
use super::session::{Attend, SessionOptions, access, own_signer};
use super::status::{conflict, note};
use crate::audit::{Facts, Finding, Here, Level, Replacing, Tier, audit as judge, exempted, idle, wants_boundary};
#[cfg(feature = "alarm")]
use crate::aws::Watched;
use crate::aws::{Aws, MonitoringSight, Signer, UserSight};
use crate::model::{AccessKeyId, Check, Identity, ProfileName, TokenCode};
use crate::os::clock;
use crate::profile::{AwsFiles, Route, choose_profile};
use crate::rotation::explain;

pub use plan::PlanOutcome;

/// What `audit` was asked for.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// How far to look.
    pub tier: Tier,
    /// What counts for the exit code: findings of this level, and of those that are worse.
    pub fail_on: FailOn,
    /// A code of the MFA device, for a role that wants one.
    pub mfa_code: Option<TokenCode>,
}

/// What makes an exit code other than 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    /// Failures only.
    Fail,
    /// Warnings, too.
    Warn,
    /// What could not be checked, too.
    #[default]
    Unknown,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditOutcome {
    /// The time that dates were held against, in UTC: AWS's where it answered.
    pub now: DateTime<Utc>,
    /// The profile.
    pub profile: ProfileName,
    /// Whose key it has.
    pub identity: Identity,
    /// How far it was looked.
    pub tier: Tier,
    /// What was found, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What a person should know beside.
    pub notes: Vec<String>,
    /// What the whole comes to.
    pub exit_code: u8,
}

/// Runs the command.
pub fn audit(context: &Context, attend: Attend<'_>, options: &AuditOptions) -> Result<AuditOutcome, Failure> {
    if options.tier == Tier::Monitoring && cfg!(not(feature = "alarm")) {
        let message = "this keyrotate was built without the feature `alarm`, and cannot look at what watches over an account";
        return Err(Failure::new(FailureKind::Usage, message).hint("use --tier account, or a keyrotate with it: cargo install keyrotate"));
    }
    let asked = Asked::new(context, attend, options)?;
    let memory = Observations::of_context(context);
    let (aws, signer, began) = (asked.aws()?, asked.own_signer()?, clock::local_now());
    let key = &asked.route.key;
    let user = aws.look_at_user(&signer, memory.of(&key.pair.id).and_then(|seen| seen.identity.user_name()));
    let identity = asked.identity(&user)?;
    let bounded = identity.user_name().filter(|_| wants_boundary(&user));
    let boundary = bounded.map(|name| aws.permissions_boundary(&signer, name));
    let of_account = match options.tier {
        Tier::SelfTier => None,
        Tier::Account | Tier::Monitoring => Some(asked.account_signer(&signer)?),
    };
    let account = of_account.as_ref().map(|signer| aws.look_at_account(signer));
    let monitoring = of_account.as_ref().filter(|_| options.tier == Tier::Monitoring);
    let monitoring = monitoring.and_then(|signer| asked.monitoring(&aws, signer, &identity));
    let now = aws.server_time().map_or_else(clock::local_now, |time| time.at(clock::boot_time()));
    let watched = memory.all().filter_map(|(id, seen)| Some((id.clone(), seen.watched.clone()?)));
    let here = Here {
        limits: context.settings.for_profile(&key.key_profile).limits,
        unused_after: context.settings.audit().unused_after,
        replacing: under_way(context).into_iter().map(replacing).collect(),
        watched: watched.collect(),
        own_calls: memory.all().map(|(_, seen)| seen.observed_at).chain([began, now]).collect(),
        with_root_key: asked.with_root_key(&identity, &memory),
        without_key: asked.files.without_key(&identity.account),
        by_session: matches!(signer, Signer::Session(_)),
    };
    let remembered = note(context, &key.pair.id, user.keys(), now);
    let facts = Facts { now, profile: asked.profile.clone(), user, boundary, account, monitoring, here };
    let (exemptions, today) = (&context.settings.audit().exemptions, now.date_naive());
    let findings = exempted(judge(&facts, options.tier), exemptions, today);
    let exit_code = worst(findings.iter().map(|finding| code(finding, options.fail_on)));
    let idle = idle(&findings, exemptions, today).map(|(entry, subject, subjects)| {
        let (file, check, profile) = (context.paths.config_file.display(), entry.check.id(), &asked.profile);
        let there = subjects.join(", ");
        format!("{file}: the exemption of {check} for `{subject}` exempts nothing of the profile {profile}: there it is about {there}")
    });
    let notes = conflict(context).into_iter().chain(remembered).chain(idle).collect();
    Ok(AuditOutcome { now, profile: asked.profile, identity, tier: options.tier, findings, notes, exit_code })
}

/// Makes the plan for what one check finds.
pub fn plan(context: &Context, attend: Attend<'_>, options: &AuditOptions, check: Check) -> Result<PlanOutcome, Failure> {
    let asked = Asked::new(context, attend, options)?;
    plan::plan(&asked, &asked.aws()?, &asked.own_signer()?, check)
}

/// What was asked for, with the way that it leads.
struct Asked<'a> {
    context: &'a Context,
    files: &'a AwsFiles,
    attend: Attend<'a>,
    options: &'a AuditOptions,
    profile: ProfileName,
    route: Route,
}

impl<'a> Asked<'a> {
    fn new(context: &'a Context, attend: Attend<'a>, options: &'a AuditOptions) -> Result<Self, Failure> {
        let files = context.files()?;
        let profile = choose_profile(&context.environment, options.profile.as_deref()).name;
        let route = files.route(&profile, &context.environment).map_err(|refusal| {
            let kind = if refusal.code() == "no-credentials" { FailureKind::Unchecked } else { FailureKind::Failed };
            Failure::from_error(kind, &refusal)
        })?;
        Ok(Self { context, files, attend, options, profile, route })
    }

    /// The profiles here that have a key of the account's root user, by what earlier runs saw, and of who asks now.
    fn with_root_key(&self, asking: &Identity, memory: &Observations) -> Vec<ProfileName> {
        let is_root = |identity: &Identity| identity.is_root() && identity.account == asking.account;
        let known = |key: &AccessKeyId| memory.of(key).is_some_and(|seen| is_root(&seen.identity));
        let own = self.files.own_keys(&self.context.environment).keys;
        let with = own.into_iter().filter(|key| known(&key.pair.id) || (is_root(asking) && key.pair.id == self.route.key.pair.id));
        with.filter_map(|key| key.profiles.into_iter().next()).map(|profile| profile.name).collect()
    }

    fn aws(&self) -> Result<Aws, Failure> {
        let key = &self.route.key;
        self.context.aws(self.files, &self.profile, key.region.clone(), key.ca_bundle.clone()).map(|(aws, _)| aws)
    }

    /// What watches over the account of the profile's role, else of its user.
    #[cfg(feature = "alarm")]
    fn monitoring(&self, aws: &Aws, signer: &Signer, identity: &Identity) -> Option<MonitoringSight> {
        let arn = self.route.roles.last().map_or(&identity.arn, |role| &role.arn);
        Some(aws.look_at_monitoring(signer, Watched { account: arn.account(), partition: arn.partition() }))
    }

    #[cfg(not(feature = "alarm"))]
    fn monitoring(&self, _: &Aws, _: &Signer, _: &Identity) -> Option<MonitoringSight> {
        None
    }

    /// Who asked. Without that, nothing can be said of anything.
    fn identity(&self, user: &UserSight) -> Result<Identity, Failure> {
        user.identity.clone().map_err(|error| Failure {
            kind: FailureKind::Unchecked,
            state: None,
            ..Failure::from(explain(&self.route.key.pair.id, &error))
        })
    }

    /// Who asks about the own user: an MFA session that is open, which a policy may want, else the key.
    fn own_signer(&self) -> Result<Signer, Failure> {
        own_signer(self.context, &self.profile, &self.route)
    }

    /// Who asks about the account: the profile's role, where it is one.
    fn account_signer(&self, own: &Signer) -> Result<Signer, Failure> {
        let Self { context, attend, options, profile, route, .. } = self;
        if route.roles.is_empty() {
            return Ok(own.clone());
        }
        let wanted =
            SessionOptions { profile: Some(profile.as_str().to_owned()), mfa_code: options.mfa_code.clone(), ..SessionOptions::default() };
        access(context, attend, &wanted, "keyrotate audit").map(|access| Signer::Session(access.session.credentials))
    }
}

fn replacing(pending: Pending) -> Replacing {
    let until = match pending.rests_until {
        Some(Rest::Until(at)) => Some(at),
        Some(Rest::Next) | None => None,
    };
    Replacing { old: pending.old, new: pending.new, until }
}

fn code(finding: &Finding, fail_on: FailOn) -> u8 {
    match finding.counted() {
        Level::Fail => FailureKind::Critical.exit_code(),
        Level::Warn if fail_on >= FailOn::Warn => FailureKind::Attention.exit_code(),
        Level::Unknown if fail_on >= FailOn::Unknown => FailureKind::Unchecked.exit_code(),
        Level::Pass | Level::NotApplicable | Level::Warn | Level::Unknown => 0,
    }
}
