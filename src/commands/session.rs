//! A session for a profile: what `login`, `exec`, `env` and `credential-process` have in common.
//!
//! Invariant: where a session is open, nothing is asked: neither AWS nor a person, and no client is built.

mod advice;
mod device;

use std::time::Duration;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::known::Observations;
use super::pick::{correction, note_use, pick, with_keys};
use crate::aws::{Aws, Signer};
use crate::model::{AccessKeyId, AccessKeyPair, MfaSerial, ProfileName, Timing, TokenCode, format_duration};
use crate::os::clock;
use crate::os::disk::RealDisk;
use crate::os::terminal::Console;
use crate::profile::settings::ProfileSettings;
use crate::profile::{ProfileSource, Refusal, Route, choose_profile};
use crate::session::environment::Region;
use crate::session::{
    Cache, CacheError, Cached, Known, NoCode, NoSession, Opened, Opening, Plan, Request, Source, Sources, Wishes, least, plan, warm,
};
use advice::failed;

pub(super) use advice::hint;
pub(super) use device::{Asking, device};

const NONE_OPENED: &str = "no session was opened";

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// Where nothing says which profile, a person may pick one.
    pub pick: bool,
    /// How long the session is to last.
    pub duration: Option<Duration>,
    /// A session that ends sooner is opened anew; see [`crate::session::least`].
    pub min_ttl: Option<Duration>,
    /// A session that is open does not count.
    pub fresh: bool,
    /// Nobody is asked, a program neither: only a session that is open will do.
    pub open_only: bool,
    /// Who runs us is an SDK: the run is to be over after [`Timing::PROCESS`], or [`Timing::PROCESS_WITH_PERSON`].
    pub is_process: bool,
    /// What is run again where no session was opened; none is `keyrotate login`.
    pub again: Option<String>,
    /// A code of the MFA device.
    pub mfa_code: Option<TokenCode>,
    /// An inline session policy, as JSON.
    pub policy: Option<String>,
    /// Managed session policies.
    pub policy_arns: Vec<String>,
}

/// A session for a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The profile.
    pub profile: ProfileName,
    /// Its region.
    pub region: Option<Region>,
    /// The session.
    pub session: Cached,
    /// It was opened by this command.
    pub is_new: bool,
    /// A code was given for it.
    pub used_code: bool,
    /// Who waits for it does so for a bounded time.
    pub is_process: bool,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Who can be asked, made when somebody has to be.
pub type Attend<'a> = &'a dyn Fn() -> Result<Console, Failure>;

/// The session, found or opened.
pub fn access(context: &Context, attend: Attend<'_>, options: &SessionOptions, command: &str) -> Result<Access, Failure> {
    let started = clock::boot_time();
    let Choice { profile, console, notes } = choice(context, attend, options)?;
    let mut route = route(context, &profile)?;
    check(options, &profile, &route)?;
    let (disk, settings) = (RealDisk, context.settings.for_profile(&profile));
    let cache = context.cache(&disk);
    let asked = Asked { context, options, profile: &profile, route: &route, settings: &settings, cache: &cache };
    // Where a device is wanted and not known, nothing is planned yet.
    let mut planned = None;
    for serial in asked.serials() {
        let mut plan = asked.plan(serial)?;
        let open = match asked.open(&mut plan) {
            Ok(open) => open,
            Err(error) => return Err(asked.failed(error.into(), &attend()?)),
        };
        if let Some(session) = open {
            return Ok(asked.access(Opened { cached: session, is_new: false, used_code: false, notes: plan.notes }, notes));
        }
        planned = Some(plan);
    }
    if options.open_only {
        return Err(asked.failed(NoCode::Nobody.into(), &attend()?));
    }
    let until = |limit: Duration| options.is_process.then(|| started.saturating_add(limit));
    let (aws, timing) = context.aws(context.files()?, &profile, route.key.region.clone(), route.key.ca_bundle.clone())?;
    let console = console.map_or_else(attend, Ok)?;
    let (whole, wait) = match asked.sources(timing.code_wait).source(&console) {
        Some(Source::Terminal | Source::Dialog) => (Timing::PROCESS_WITH_PERSON, timing.process_wait_with_person),
        Some(Source::Given | Source::Command) | None => (Timing::PROCESS, timing.process_wait),
    };
    let (aws, console) = (aws.until(until(whole)), console.until(until(wait)));
    let at = At { aws: &aws, timing: &timing, console: &console, command };
    loop {
        let asked = Asked { context, options, profile: &profile, route: &route, settings: &settings, cache: &cache };
        match planned.take().map_or_else(|| asked.plan_with_device(&at), Ok).and_then(|plan| Ok((asked.obtain(&plan.request, &at)?, plan)))
        {
            Ok((opened, plan)) => return Ok(asked.access(opened, notes.into_iter().chain(plan.notes).collect())),
            // Another key was put into the keychain item: its sessions are the ones that count.
            Err(Missed::OtherKey(pair)) => route.key.pair = (*pair).into(),
            // Who names another command knows that the key is the root user's.
            Err(Missed::Failed(failure)) if options.again.is_some() => return Err(failure),
            Err(Missed::Failed(failure)) => return Err(warned(context, &route, failure)),
        }
    }
}

/// Whom a session is asked of, and how.
struct At<'a> {
    aws: &'a Aws,
    timing: &'a Timing,
    console: &'a Console,
    command: &'a str,
}

/// Why a session was not opened.
enum Missed {
    /// The profile's key is another one than was known.
    OtherKey(Box<AccessKeyPair>),
    /// Any other reason.
    Failed(Failure),
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Missed::Failed(failure)
    }
}

/// What was asked for, with the way that it leads.
struct Asked<'a> {
    context: &'a Context,
    options: &'a SessionOptions,
    profile: &'a ProfileName,
    route: &'a Route,
    settings: &'a ProfileSettings,
    cache: &'a Cache<'a>,
}

impl Asked<'_> {
    /// The devices whose sessions will do, where they are open; the last one is that by which another session is opened. A device that no
    /// file names is no reason to ask for a code where none is required.
    fn serials(&self) -> Vec<Option<MfaSerial>> {
        let found = || self.cache.device(&self.route.key.pair.id).map(Some).into_iter();
        match (&self.route.mfa_serial, self.settings.require_mfa) {
            (Some(named), _) => vec![Some(named.clone())],
            (None, true) => found().collect(),
            (None, false) => found().chain([None]).collect(),
        }
    }

    fn plan(&self, serial: Option<MfaSerial>) -> Result<Plan, Failure> {
        let Self { context, options, profile, route, settings, .. } = self;
        let wishes = Wishes {
            duration: options.duration,
            session_duration: settings.session_duration,
            policy: options.policy.clone(),
            policy_arns: options.policy_arns.clone(),
        };
        let endpoint = context.files()?.endpoint("sts", profile, &context.environment);
        Ok(plan(route, endpoint, serial, &wishes))
    }

    /// The plan where no device is known: one that is needed is found out first.
    fn plan_with_device(&self, at: &At<'_>) -> Result<Plan, Missed> {
        let At { aws, timing, console, command } = *at;
        let serial = match self.serials().pop() {
            Some(serial) => serial,
            None => {
                let (known, profile) = (&self.route.key.pair, &self.route.key.key_profile);
                let pair = self.context.pair(known).map_err(|error| self.failed(error.into(), console))?;
                if pair.id != known.id {
                    return Err(Missed::OtherKey(Box::new(pair)));
                }
                let (config, settings) = (&self.context.aws_paths.config, &self.context.paths.config_file);
                let (asked, cache, pair) = (self.profile, self.cache, &pair);
                Some(device(&Asking { aws, pair, profile, asked, cache, console, timing, command, config, settings })?)
            }
        };
        let mut plan = self.plan(serial)?;
        self.as_open(&mut plan.request);
        Ok(plan)
    }

    fn obtain(&self, request: &Request, at: &At<'_>) -> Result<Opened, Missed> {
        let At { aws, timing, console, command } = *at;
        let Self { context, options, profile, route, cache, .. } = self;
        let opening = Opening {
            cache,
            disk: &RealDisk,
            pair: &|| context.pair(&route.key.pair),
            profile: profile.as_str(),
            min_ttl: options.min_ttl,
            fresh: options.fresh,
            sources: &self.sources(timing.code_wait),
            timing: *timing,
            console,
            aws,
            command,
        };
        opening.obtain(request).map_err(|error| {
            if let NoSession::OtherKey(pair) = error {
                return Missed::OtherKey(pair);
            }
            if let (NoSession::WrongSerial { .. }, None) = (&error, &route.mfa_serial) {
                // It was found out once, and is another one now: the next command asks AWS again.
                let _ = cache.forget_device(&route.key.pair.id);
            }
            Missed::Failed(self.failed(error, console))
        })
    }

    fn failed(&self, error: NoSession, console: &Console) -> Failure {
        failed(self.context, self.profile, self.route, self.options.again.as_deref(), error, console)
    }

    /// The session, where it is open, as planned or of another length.
    fn open(&self, plan: &mut Plan) -> Result<Option<Cached>, CacheError> {
        if self.options.fresh {
            return Ok(None);
        }
        let open = |request: &Request| warm(self.cache, request, self.options.min_ttl, clock::local_now());
        let planned = open(&plan.request)?;
        if planned.is_some() {
            return Ok(planned);
        }
        self.as_open(&mut plan.request);
        open(&plan.request)
    }

    /// Where nobody says how long it is to last, a session of the key that is open will do, however long it was asked for.
    fn as_open(&self, request: &mut Request) {
        let Self { cache, options, .. } = self;
        let is_open = |other: &Known| {
            Request { session_seconds: other.request.session_seconds, roles: Vec::new(), ..request.clone() } == other.request
        };
        if options.duration.is_none() && !options.fresh && request.session_seconds.is_some() {
            let now = clock::local_now();
            let open =
                cache.all().into_iter().filter(|other| is_open(other) && other.time_left(now) >= least(options.min_ttl, &other.request));
            if let Some(longest) = open.max_by_key(|other| other.expires_at) {
                request.session_seconds = longest.request.session_seconds;
            }
        }
    }

    fn sources(&self, command_limit: Duration) -> Sources {
        let command = code_command(self.context, self.profile, self.route);
        Sources { given: self.options.mfa_code.clone(), command, command_limit, dialog: self.settings.mfa_dialog }
    }

    /// What is handed out. A person's choice of the profile is noted; a program's, by credential_process, says nothing of the next one.
    fn access(&self, opened: Opened, mut notes: Vec<String>) -> Access {
        if self.options.pick {
            note_use(self.context, self.profile);
        }
        notes.extend(opened.notes);
        // A session that is found is known by itself: nothing more is read for it.
        let is_roots = opened.cached.known().is_of_root() || (opened.is_new && is_known_root(self.context, &opened.cached.request.key));
        notes.extend(is_roots.then(|| root_warning(&opened.cached.request.key, &self.route.key.key_profile)));
        Access {
            profile: self.profile.clone(),
            region: region_of(self.context, self.route),
            session: opened.cached,
            is_new: opened.is_new,
            used_code: opened.used_code,
            is_process: self.options.is_process,
            notes,
        }
    }
}

/// Whether an earlier `status`, `auto` or `audit` saw that the key is the root user's.
pub(super) fn is_known_root(context: &Context, key: &AccessKeyId) -> bool {
    Observations::of_context(context).of(key).is_some_and(|seen| seen.identity.is_root())
}

/// What is said of a root user's key wherever it is used.
pub(super) fn root_warning(key: &AccessKeyId, profile: &ProfileName) -> String {
    format!("{key} is a key of the root user, whom no policy limits: `{}` removes it", profile.root_key_removal())
}

/// A failure that also warns where the key is known to be the root user's.
fn warned(context: &Context, route: &Route, failure: Failure) -> Failure {
    let key = &route.key.pair.id;
    if !is_known_root(context, key) {
        return failure;
    }
    let warning = root_warning(key, &route.key.key_profile);
    let hint = failure.hint.as_ref().map_or_else(|| warning.clone(), |hint| format!("{hint}; {warning}"));
    failure.hint(hint)
}

/// Refuses what no session can be.
fn check(options: &SessionOptions, profile: &ProfileName, route: &Route) -> Result<(), Failure> {
    if route.roles.is_empty() && (options.policy.is_some() || !options.policy_arns.is_empty()) {
        let message = format!("the profile {profile} has a key of its own, and only a role's session can have a session policy");
        let hint = "leave --policy and --policy-arn away, or name a profile with a role_arn";
        return Err(Failure::new(FailureKind::Usage, message).state(NONE_OPENED).hint(hint));
    }
    options.duration.map_or(Ok(()), |length| check_length(length, !route.roles.is_empty()))
}

/// The MFA sessions that last for a while yet, without their secrets: kept under one of these keys, or opened with this device, whoever's it is.
pub(super) fn usable(cache: &Cache<'_>, keys: &[AccessKeyId], serial: Option<&MfaSerial>, endpoint: Option<&str>) -> Vec<Known> {
    let now = clock::local_now();
    let is_own = |request: &Request| keys.contains(&request.key) || (serial.is_some() && request.mfa_serial.as_ref() == serial);
    let is_usable = |known: &Known| {
        let request = &known.request;
        let is_with_mfa = request.roles.is_empty() && request.mfa_serial.is_some() && request.endpoint.as_deref() == endpoint;
        is_with_mfa && is_own(request) && known.time_left(now) >= least(None, request)
    };
    cache.all().into_iter().filter(is_usable).collect()
}

/// An MFA session of the key that is open: the one that lasts longest.
pub(super) fn key_session(context: &Context, key: &AccessKeyId, endpoint: Option<&str>) -> Result<Option<Signer>, CacheError> {
    let disk = RealDisk;
    let cache = context.cache(&disk);
    let longest = usable(&cache, std::slice::from_ref(key), None, endpoint).into_iter().max_by_key(|known| known.expires_at);
    let session = longest.map_or(Ok(None), |known| warm(&cache, &known.request, None, clock::local_now()))?;
    Ok(session.map(|session| Signer::Session(session.credentials)))
}

/// Who asks about the key's own user: an MFA session that is open, which a policy may want, else the key.
pub(super) fn own_signer(context: &Context, profile: &ProfileName, route: &Route) -> Result<Signer, Failure> {
    let endpoint = context.files()?.endpoint("sts", profile, &context.environment);
    let session = key_session(context, &route.key.pair.id, endpoint.as_deref());
    match session.map_err(|error| Failure::from_error(FailureKind::Unchecked, &error))? {
        Some(session) => Ok(session),
        None => Ok(Signer::LongTerm(context.known_pair(&route.key.pair)?)),
    }
}

/// The profile's region, and whether a variable says so.
pub(super) fn region_of(context: &Context, route: &Route) -> Option<Region> {
    let is_set = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().any(|name| context.environment.get(name).is_some());
    route.key.region.clone().map(|name| Region { name, is_profiles: !is_set })
}

/// A profile, and the console where it was asked for.
pub(super) struct Choice {
    pub(super) profile: ProfileName,
    console: Option<Console>,
    pub(super) notes: Vec<String>,
}

/// The profile that is meant: the argument's, the variables', the one that a person picks, else `default`.
pub(super) fn choice(context: &Context, attend: Attend<'_>, options: &SessionOptions) -> Result<Choice, Failure> {
    let mut notes = Vec::new();
    let chosen = choose_profile(&context.environment, options.profile.as_deref());
    let several = if options.pick && chosen.source == ProfileSource::Default { with_keys(context)? } else { Vec::new() };
    if several.len() > 1 {
        let console = attend()?;
        if console.can_ask() {
            let profile = console.held(|| pick(context, &console, &several)).ok_or_else(|| {
                let failure = Failure::new(FailureKind::Failed, "no profile was picked").state("no session was opened");
                failure.hint("name it, or set AWS_PROFILE")
            })?;
            return Ok(Choice { profile, console: Some(console), notes });
        }
    }
    if let Some((profile, default_profile)) = chosen.conflict {
        notes
            .push(format!("AWS_PROFILE is {profile} and AWS_DEFAULT_PROFILE is {default_profile}, and programs differ in which they take"));
    }
    Ok(Choice { profile: chosen.name, console: None, notes })
}

/// The way to the profile's credentials.
pub(super) fn route(context: &Context, profile: &ProfileName) -> Result<Route, Failure> {
    context.files()?.route(profile, &context.environment).map_err(|refusal| {
        let is_no_key = matches!(refusal, Refusal::NoFiles { .. } | Refusal::NoKey { .. });
        let kind = if is_no_key { FailureKind::Unchecked } else { FailureKind::Failed };
        Failure { hint: correction(context, profile, &refusal), ..Failure::from_error(kind, &refusal).state(NONE_OPENED) }
    })
}

/// What AWS would refuse, and with it use up the code (STS API reference).
fn check_length(length: Duration, is_role: bool) -> Result<(), Failure> {
    let hours = if is_role { 12 } else { 36 };
    if (Duration::from_secs(15 * 60)..=Duration::from_secs(hours * 3_600)).contains(&length) {
        return Ok(());
    }
    let whose = if is_role { "a role's session" } else { "a session" };
    let message = format!("{whose} lasts from 15 minutes to {hours} hours, not {}", format_duration(length));
    Err(Failure::new(FailureKind::Usage, message).state(NONE_OPENED).hint("correct --duration"))
}

/// The program that prints a code: the profile's own, else that of the profile that has the key.
pub(super) fn code_command(context: &Context, profile: &ProfileName, route: &Route) -> Option<Vec<String>> {
    let of = |name| context.settings.for_profile(name).mfa_command;
    of(profile).or_else(|| of(&route.key.key_profile)).or_else(|| route.mfa_process.clone())
}
