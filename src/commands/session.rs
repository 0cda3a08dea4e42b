//! A session for a profile: what `login`, `exec`, `env` and `credential-process` have in common.
//!
//! Invariant: where a session is open, nothing is asked: neither AWS nor a person, and no client is built.

use std::time::Duration;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::pick::{note_use, pick};
use crate::aws::{Aws, AwsError, ErrorKind, Signer};
use crate::model::{AccessKeyId, AccessKeyPair, MfaSerial, NotAnMfaSerial, ProfileName, Timing, TokenCode, format_duration};
use crate::os::clock;
use crate::os::disk::RealDisk;
use crate::os::lock::{Lock, LockError, Turn};
use crate::os::terminal::{Answer, Console, Question};
use crate::profile::settings::ProfileSettings;
use crate::profile::{ProfileSource, Refusal, Route, choose_profile};
use crate::session::environment::Region;
use crate::session::{Cache, Cached, NoCode, NoSession, Opening, Plan, Request, Sources, Wishes, least, plan, warm};

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
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Who can be asked, made when somebody has to be.
pub type Attend<'a> = &'a dyn Fn() -> Result<Console, Failure>;

/// The session, found or opened.
pub fn access(context: &Context, attend: Attend<'_>, options: &SessionOptions, command: &str) -> Result<Access, Failure> {
    let disk = RealDisk;
    let cache = Cache::new(&disk, &context.paths.cache_dir);
    let Choice { profile, console, mut notes } = choice(context, attend, options)?;
    let mut route = route(context, &profile)?;
    if route.roles.is_empty() && (options.policy.is_some() || !options.policy_arns.is_empty()) {
        let message = format!("the profile {profile} has a key of its own, and only a role's session can have a session policy");
        let hint = "leave --policy and --policy-arn away, or name a profile with a role_arn";
        return Err(Failure::new(FailureKind::Usage, message).state(NONE_OPENED).hint(hint));
    }
    if let Some(length) = options.duration {
        check_length(length, !route.roles.is_empty())?;
    }
    let settings = context.settings.for_profile(&profile);
    let endpoint = context.files()?.endpoint("sts", &profile, &context.environment);
    let wishes = Wishes {
        duration: options.duration,
        session_duration: settings.session_duration,
        policy: options.policy.clone(),
        policy_arns: options.policy_arns.clone(),
    };
    let serial = route.mfa_serial.clone().or_else(|| cache.device(&route.key.pair.id));
    let region = region_of(context, &route);
    let found =
        |session, is_new, used_code, notes| Access { profile: profile.clone(), region: region.clone(), session, is_new, used_code, notes };
    if serial.is_some() || !settings.require_mfa {
        let Plan { mut request, notes: own } = plan(&route, endpoint.clone(), serial.clone(), &wishes);
        let open = |request: &Request| warm(&cache, request, options.min_ttl, clock::local_now()).filter(|_| !options.fresh);
        let session = open(&request).or_else(|| {
            as_open(&cache, &mut request, options);
            open(&request)
        });
        if let Some(session) = session {
            notes.extend(own);
            used(context, &profile, options);
            return Ok(found(session, false, false, notes));
        }
    }
    let console = console.map_or_else(attend, Ok)?;
    let (aws, timing) = context.aws(context.files()?, &profile, route.key.region.clone(), route.key.ca_bundle.clone())?;
    let sources = sources(context, &profile, &route, &settings, options, timing.code_wait);
    let (mut serial, mut own);
    let opened = loop {
        serial = route.mfa_serial.clone().or_else(|| cache.device(&route.key.pair.id));
        if serial.is_none() && settings.require_mfa {
            let pair = context.pair(&route.key.pair).map_err(|error| failed(context, &profile, &route, error.into()))?;
            let asking = Asking {
                aws: &aws,
                pair: &pair,
                profile: &route.key.key_profile,
                cache: &cache,
                console: &console,
                timing: &timing,
                command,
            };
            serial = Some(device(&asking)?);
            route.key.pair = pair.into();
        }
        let Plan { mut request, notes: said } = plan(&route, endpoint.clone(), serial.clone(), &wishes);
        own = said;
        as_open(&cache, &mut request, options);
        let opening = Opening {
            cache: &cache,
            disk: &disk,
            pair: &|| context.pair(&route.key.pair),
            what: profile.as_str(),
            min_ttl: options.min_ttl,
            fresh: options.fresh,
            sources: &sources,
            timing,
            console: &console,
            aws: &aws,
            command,
        };
        match opening.obtain(&request) {
            // Another key was put into the keychain item: its sessions are the ones that count.
            Err(NoSession::OtherKey(pair)) => route.key.pair = (*pair).into(),
            opened => break opened,
        }
    };
    notes.extend(own);
    let opened = opened.map_err(|error| {
        if let (NoSession::WrongSerial { .. }, None) = (&error, &route.mfa_serial) {
            // It was found out once, and is another one now: the next command asks AWS again.
            let _ = cache.forget_device(&route.key.pair.id);
        }
        failed(context, &profile, &route, error)
    })?;
    notes.extend(opened.notes);
    used(context, &profile, options);
    Ok(found(opened.cached, opened.is_new, opened.used_code, notes))
}

/// The MFA sessions that last for a while yet: kept under one of these keys, or opened with this device, whoever's it is.
pub(super) fn usable(cache: &Cache<'_>, keys: &[AccessKeyId], serial: Option<&MfaSerial>, endpoint: Option<&str>) -> Vec<Cached> {
    let now = clock::local_now();
    let is_own = |request: &Request| keys.contains(&request.key) || (serial.is_some() && request.mfa_serial.as_ref() == serial);
    let is_usable = |cached: &Cached| {
        let request = &cached.request;
        let is_with_mfa = request.roles.is_empty() && request.mfa_serial.is_some() && request.endpoint.as_deref() == endpoint;
        is_with_mfa && is_own(request) && cached.time_left(now) >= least(None, request)
    };
    cache.all().into_iter().filter(is_usable).collect()
}

/// What to do about a session that cannot be had, where no profile's files are to blame.
pub(super) fn hint(error: &NoSession, again: &str) -> String {
    match error {
        NoSession::WrongCode { .. } | NoSession::UsedCode { .. } => format!("{again} with the next code"),
        NoSession::NoCode(NoCode::Command { .. }) => "run it by hand: it has to print six digits".to_owned(),
        NoSession::WrongSerial { .. } => "correct mfa_serial; `aws iam list-mfa-devices` lists the user's".to_owned(),
        NoSession::Lock(LockError::Busy(_)) => "answer its question, or end it".to_owned(),
        NoSession::Aws(error) if matches!(error.kind, ErrorKind::Denied { explicit: true }) => {
            "look for a policy named AWSCompromisedKeyQuarantine… at the user: the key may have leaked".to_owned()
        }
        NoSession::NoCode(NoCode::Nobody | NoCode::Abandoned | NoCode::NotACode) | NoSession::Aws(_) => again.to_owned(),
        NoSession::Elsewhere(_) | NoSession::Lock(_) | NoSession::Cache(_) | NoSession::Memory(_) => again.to_owned(),
        NoSession::Pair(_) | NoSession::OtherKey(_) => again.to_owned(),
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
            let profile = pick(context, &console, &several).ok_or_else(|| {
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

/// The profiles that lead to a session.
fn with_keys(context: &Context) -> Result<Vec<ProfileName>, Failure> {
    let files = context.files()?;
    Ok(files.profiles().filter(|profile| files.route(profile, &context.environment).is_ok()).collect())
}

/// A person's choice is noted; a program's, by credential_process, says nothing of the next one.
fn used(context: &Context, profile: &ProfileName, options: &SessionOptions) {
    if options.pick {
        note_use(context, profile);
    }
}

/// The way to the profile's credentials.
pub(super) fn route(context: &Context, profile: &ProfileName) -> Result<Route, Failure> {
    context.files()?.route(profile, &context.environment).map_err(|refusal| {
        let is_no_key = matches!(refusal, Refusal::NoFiles { .. } | Refusal::NoKey { .. });
        let kind = if is_no_key { FailureKind::Unchecked } else { FailureKind::Failed };
        Failure::from_error(kind, &refusal).state(NONE_OPENED)
    })
}

/// Where nobody says how long it is to last, a session of the key that is open will do, however long it was asked for.
fn as_open(cache: &Cache<'_>, request: &mut Request, options: &SessionOptions) {
    let is_open =
        |other: &Cached| Request { session_seconds: other.request.session_seconds, roles: Vec::new(), ..request.clone() } == other.request;
    if options.duration.is_none() && !options.fresh && request.session_seconds.is_some() {
        let now = clock::local_now();
        let open = cache.all().into_iter().filter(|other| is_open(other) && other.time_left(now) >= least(options.min_ttl, &other.request));
        if let Some(longest) = open.max_by_key(|other| other.credentials.expires_at) {
            request.session_seconds = longest.request.session_seconds;
        }
    }
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

fn sources(
    context: &Context,
    profile: &ProfileName,
    route: &Route,
    settings: &ProfileSettings,
    options: &SessionOptions,
    command_limit: Duration,
) -> Sources {
    let command = code_command(context, profile, route);
    Sources { given: options.mfa_code.clone(), command, command_limit, dialog: settings.mfa_dialog }
}

/// What it takes to find the device of a key's user.
pub(super) struct Asking<'a> {
    pub(super) aws: &'a Aws,
    pub(super) pair: &'a AccessKeyPair,
    /// The profile that has the key.
    pub(super) profile: &'a ProfileName,
    pub(super) cache: &'a Cache<'a>,
    pub(super) console: &'a Console,
    pub(super) timing: &'a Timing,
    /// Our command, as it is shown to who waits for us.
    pub(super) command: &'a str,
}

/// The device of the key's user, where the files name none: asked of AWS by one process of many, and remembered.
pub(super) fn device(asking: &Asking<'_>) -> Result<MfaSerial, Failure> {
    let Asking { aws, pair, profile, cache, console, timing, command } = asking;
    let path = cache.lock(&pair.id).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state(NONE_OPENED))?;
    let known = || cache.device(&pair.id);
    let lock = match Lock::acquire_unless(&path, timing.lock_wait, command, &|| console.stopped(), &mut |_| {}, &known) {
        Ok(Turn::Spared(serial)) => return Ok(serial),
        Ok(Turn::Lock(lock)) => lock,
        Err(error) => return Err(locked(&error)),
    };
    if let Some(serial) = known() {
        return Ok(serial);
    }
    let asked = aws.list_mfa_devices(&Signer::LongTerm((*pair).clone()));
    let named = format!("put `mfa_serial = …` into the profile {profile}");
    let serials = asked.map_err(|error| {
        let message = "the profile names no mfa_serial, and the user's MFA devices cannot be listed";
        let failure = Failure::new(FailureKind::Failed, message).state(NONE_OPENED).hint(named.clone());
        Failure { causes: vec![error.to_string()], ..failure }
    })?;
    let usable: Vec<MfaSerial> = serials.iter().filter_map(|serial| MfaSerial::parse(serial).ok()).collect();
    let serial = match &usable[..] {
        [only] => only.clone(),
        [] => return Err(no_device(&serials, profile)),
        several => choose(several, console).ok_or_else(|| {
            let list: Vec<&str> = several.iter().map(MfaSerial::as_str).collect();
            let message = format!("the user has {} MFA devices, and the profile names none of them", several.len());
            let failure = Failure::new(FailureKind::MfaNeeded, message).state(NONE_OPENED).hint(named.clone());
            Failure { causes: vec![list.join(", ")], ..failure }
        })?,
    };
    // Asked again next time, if it cannot be kept.
    let _ = cache.keep_device(&pair.id, &serial);
    drop(lock);
    Ok(serial)
}

fn locked(error: &LockError) -> Failure {
    let kind = if matches!(error, LockError::Busy(_)) { FailureKind::Locked } else { FailureKind::Failed };
    Failure::from_error(kind, error).state(NONE_OPENED).hint("answer its question, or end it")
}

fn no_device(serials: &[String], profile: &ProfileName) -> Failure {
    let is_fido = |serial: &String| matches!(MfaSerial::parse(serial), Err(NotAnMfaSerial::Fido(_)));
    let (message, hint) = if serials.iter().any(is_fido) {
        (
            "the user has FIDO security keys only, which show no code for AWS's API",
            "add a virtual MFA device beside it in the IAM console: a user may have eight".to_owned(),
        )
    } else {
        (
            "the user has no MFA device, and no session is opened without MFA",
            format!("add one in the IAM console; to do without MFA, put `require_mfa = false` into [profile.{profile}] of config.toml"),
        )
    };
    Failure::new(FailureKind::Failed, message).state(NONE_OPENED).hint(hint)
}

fn choose(serials: &[MfaSerial], console: &Console) -> Option<MfaSerial> {
    let choices = ('1'..='9').zip(serials).map(|(key, serial)| (key, serial.to_string())).collect();
    let question = Question { text: "Which MFA device?".to_owned(), choices, default: None };
    match console.ask(&question) {
        Answer::Choice(key) => ('1'..='9').zip(serials).find(|(other, _)| *other == key).map(|(_, serial)| serial.clone()),
        Answer::None => None,
    }
}

fn failed(context: &Context, profile: &ProfileName, route: &Route, error: NoSession) -> Failure {
    let login = format!("run `keyrotate login {}` in a terminal", profile.quoted());
    let again = format!("run `keyrotate login {}` again", profile.quoted());
    let key_profile = &route.key.key_profile;
    let (kind, hint) = match &error {
        NoSession::NoCode(NoCode::Nobody) => (FailureKind::MfaNeeded, login),
        NoSession::NoCode(NoCode::Abandoned | NoCode::NotACode) | NoSession::Elsewhere(_) => (FailureKind::Failed, again),
        NoSession::NoCode(NoCode::Command { .. }) => (FailureKind::Failed, "run it by hand: it has to print six digits".to_owned()),
        NoSession::WrongCode { .. } | NoSession::UsedCode { .. } => (FailureKind::Failed, format!("{again} with the next code")),
        NoSession::WrongSerial { .. } if route.mfa_serial.is_none() => (FailureKind::Failed, again),
        NoSession::WrongSerial { .. } => {
            let place = context.aws_paths.config.display();
            (FailureKind::Failed, format!("correct mfa_serial of {key_profile} in {place}; `aws iam list-mfa-devices` lists the user's"))
        }
        NoSession::Aws(error) => (FailureKind::Failed, advice(error, route)),
        NoSession::Lock(LockError::Busy(_)) => (FailureKind::Locked, "answer its question, or end it".to_owned()),
        NoSession::Lock(_) | NoSession::Cache(_) | NoSession::Memory(_) => (FailureKind::Failed, again),
        NoSession::Pair(_) | NoSession::OtherKey(_) => (FailureKind::Failed, again),
    };
    Failure::from_error(kind, &error).state(NONE_OPENED).hint(hint)
}

fn advice(error: &AwsError, route: &Route) -> String {
    let role = route.roles.last().map_or_else(String::new, |role| role.arn.to_string());
    match error.kind {
        ErrorKind::Denied { explicit: true } => {
            "a policy denies it in so many words; look for one named AWSCompromisedKeyQuarantine… at the user: the key may have leaked"
                .to_owned()
        }
        ErrorKind::Denied { explicit: false } if error.operation == "sts:AssumeRole" => {
            format!(
                "the trust policy of {role} has to allow this user, and the user's policies sts:AssumeRole on it; also the external_id counts"
            )
        }
        ErrorKind::Denied { explicit: false } => format!("allow the user {}", error.operation),
        ErrorKind::NotYetValid => "AWS does not know the key: run `keyrotate status`".to_owned(),
        ErrorKind::BadSignature => "the secret in the file is not this key's: put the right pair there".to_owned(),
        ErrorKind::ClockSkew => "set the clock, then run this again".to_owned(),
        ErrorKind::Unreachable(_) => "check the network, then run this again".to_owned(),
        ErrorKind::Other if error.message.contains("DurationSeconds") => {
            format!("ask for less with --duration or duration_seconds, or raise the longest session of {role}")
        }
        ErrorKind::Throttled | ErrorKind::Gone | ErrorKind::LimitExceeded | ErrorKind::Conflict | ErrorKind::Expired => {
            "run this again in a few minutes".to_owned()
        }
        ErrorKind::Server | ErrorKind::Garbled | ErrorKind::Other => "run this again in a few minutes".to_owned(),
    }
}
