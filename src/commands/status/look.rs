//! Asks AWS about keys, several at once, and makes observations of the answers.

use chrono::{DateTime, Utc};

use crate::aws::{Aws, AwsError, ErrorKind, KeySight, Signer, look_all};
use crate::commands::context::{Context, as_known};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::known::{Observation, OtherKey, RootKeys, waiting_removal};
use crate::commands::session::key_session;
use crate::model::{AccessKey, AccessKeyId, LastUsed};
use crate::os::clock;
use crate::profile::{AwsFiles, OwnKey, ResolvedProfile};
use crate::rotation::explain;
use crate::session::CacheError;

/// So many keys are asked about at once: AWS throttles an account that asks for more.
const AT_ONCE: usize = 16;

/// What came of asking about one key.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) seen: Option<Observation>,
    pub(super) problem: Option<Failure>,
    pub(super) is_unreachable: bool,
}

/// Looks at all keys; the answers are in their order. Also returns the time: AWS's by its latest answer, else this machine's.
pub(super) fn look(context: &Context, files: &AwsFiles, keys: &[&OwnKey]) -> (Vec<Looked>, DateTime<Utc>) {
    let mut ways = Ways::default();
    let mut signers: Vec<Signer> = Vec::new();
    let mut way = |key: &OwnKey| {
        let way = ways.to(context, files, key)?;
        let signer = match context.pair(&key.pair) {
            Ok(found) => as_known(&key.pair, found).map(Signer::LongTerm),
            Err(error) => ways.session(context, way, key).ok().flatten().ok_or_else(|| Failure::from_error(FailureKind::Unchecked, &error)),
        };
        signers.push(signer.map_err(|failure| Failure { kind: FailureKind::Unchecked, state: None, ..failure })?);
        Ok(way)
    };
    let chosen: Vec<Result<usize, Failure>> = keys.iter().map(|key| way(key)).collect();
    let can_be_asked = chosen.iter().filter_map(|way| way.as_ref().ok());
    let asked: Vec<(&Aws, &Signer)> = can_be_asked.zip(&signers).filter_map(|(way, signer)| Some((&ways.0.get(*way)?.1, signer))).collect();
    let mut sights = asked.chunks(AT_ONCE).flat_map(look_all);
    let mut answers: Vec<Result<KeySight, Failure>> = Vec::new();
    for way in &chosen {
        match way {
            Ok(_) => answers.extend(sights.next().map(Ok)),
            Err(failure) => answers.push(Err(failure.clone())),
        }
    }
    drop(sights);
    by_session(context, keys, &chosen, &ways, &mut answers);
    let now = ways.now();
    let looked = keys.iter().zip(answers).map(|(key, answer)| match answer {
        Ok(sight) => observe(context, key, sight, now),
        Err(failure) => Looked { problem: Some(failure), ..Looked::default() },
    });
    (looked.collect(), now)
}

/// Asks once more, with a session that is open, where the key itself may not list.
fn by_session(
    context: &Context,
    keys: &[&OwnKey],
    chosen: &[Result<usize, Failure>],
    ways: &Ways,
    answers: &mut [Result<KeySight, Failure>],
) {
    for ((key, way), answer) in keys.iter().zip(chosen).zip(answers) {
        let (Ok(way), Ok(sight)) = (way, &mut *answer) else { continue };
        let Some((_, aws)) = ways.0.get(*way) else { continue };
        if !matches!(&sight.listing, Some(Err(AwsError { kind: ErrorKind::Denied { .. }, .. }))) {
            continue;
        }
        match ways.session(context, *way, key) {
            Ok(Some(session)) => {
                let KeySight { listing, last_uses, root_keys, .. } = aws.look(&session);
                if let Some(Ok(_)) = listing {
                    *sight = KeySight { identity: sight.identity.clone(), listing, last_uses, root_keys };
                }
            }
            Ok(None) => {}
            // What the session would show is not known for want of the keychain, and that can be helped.
            Err(error) => *answer = Err(Failure::from_error(FailureKind::Unchecked, &error)),
        }
    }
}

/// Clients, one for all profiles that go the same way.
#[derive(Default)]
struct Ways(Vec<(Way, Aws)>);

#[derive(PartialEq)]
struct Way {
    region: Option<String>,
    ca_bundle: Option<std::path::PathBuf>,
    endpoints: [Option<String>; 2],
}

impl Ways {
    fn to(&mut self, context: &Context, files: &AwsFiles, key: &OwnKey) -> Result<usize, Failure> {
        let nowhere = || Failure::new(FailureKind::Unchecked, format!("no profile has {}", key.pair.id));
        let faultless = key.profiles.iter().find(|profile| profile.fault.is_none());
        let ResolvedProfile { name, region, ca_bundle, fault, .. } = faultless.or(key.profiles.first()).ok_or_else(nowhere)?;
        if let Some(fault) = fault {
            return Err(Failure::from_error(FailureKind::Unchecked, fault));
        }
        let endpoints = ["iam", "sts"].map(|service| files.endpoint(service, name, &context.environment));
        let way = Way { region: region.clone(), ca_bundle: ca_bundle.clone(), endpoints };
        if let Some(at) = self.0.iter().position(|(other, _)| *other == way) {
            return Ok(at);
        }
        let (aws, _) = context.aws(files, name, region.clone(), ca_bundle.clone())?;
        self.0.push((way, aws));
        Ok(self.0.len() - 1)
    }

    /// An MFA session of the key that is open.
    fn session(&self, context: &Context, way: usize, key: &OwnKey) -> Result<Option<Signer>, CacheError> {
        let Some((Way { endpoints: [_, endpoint], .. }, _)) = self.0.get(way) else { return Ok(None) };
        key_session(context, &key.pair.id, endpoint.as_deref())
    }

    fn now(&self) -> DateTime<Utc> {
        let boot = clock::boot_time();
        self.0.iter().find_map(|(_, aws)| aws.server_time()).map_or_else(clock::local_now, |time| time.at(boot))
    }
}

fn observe(context: &Context, key: &OwnKey, sight: KeySight, now: DateTime<Utc>) -> Looked {
    let id = &key.pair.id;
    let identity = match &sight.identity {
        Ok(identity) => identity,
        Err(error) => {
            let is_unreachable = matches!(error.kind, ErrorKind::Unreachable(_));
            let problem = refused(key, error);
            // Nobody but the root user reaches a key of the root user's.
            let removal = if error.refuses_the_key() { waiting_removal(context, id) } else { None };
            let problem = match removal {
                Some(removal) => problem.hint(removal.goes_on()),
                None => problem,
            };
            return Looked { seen: None, problem: Some(problem), is_unreachable };
        }
    };
    let problem = match &sight.listing {
        Some(Ok(keys)) if keys.iter().any(|key| key.id == *id) => None,
        Some(Ok(_)) => Some(unlisted(id)),
        Some(Err(error)) => Some(refused(key, error)),
        None => Some(Failure::new(FailureKind::Unchecked, format!("{} is not an IAM user", identity.arn))),
    };
    Looked { seen: observation(id, sight, now), problem, is_unreachable: false }
}

/// What is to be remembered of a key by what AWS said; `None` where it did not say whose it is. A listing without the key says nothing of it.
pub(super) fn observation(id: &AccessKeyId, sight: KeySight, now: DateTime<Utc>) -> Option<Observation> {
    let KeySight { identity, listing, mut last_uses, root_keys } = sight;
    let mut last_use = |id: &AccessKeyId| match last_uses.iter().position(|(of, _)| of == id) {
        Some(at) => last_uses.swap_remove(at).1.unwrap_or_else(|error| LastUsed::Unknown(error.to_string())),
        None => LastUsed::Unknown("not asked".to_owned()),
    };
    let keys = listing.and_then(Result::ok).filter(|keys| keys.iter().any(|key| key.id == *id));
    let own: Option<&AccessKey> = keys.iter().flatten().find(|key| key.id == *id);
    let (created_at, status) = (own.map(|key| key.created_at), own.map(|key| key.status.clone()));
    let own_last_use = last_use(id);
    let other = |AccessKey { id, status, created_at }: AccessKey| {
        let last_use = last_use(&id);
        OtherKey { id, status, created_at, last_use, profiles: Vec::new() }
    };
    let others = keys.map(|keys| keys.into_iter().filter(|key| key.id != *id).map(other).collect());
    let root_keys = match root_keys {
        Ok(Some(count)) => RootKeys::Count(count),
        Ok(None) => RootKeys::Unknown("iam:GetAccountSummary leaves it out".to_owned()),
        Err(error) => RootKeys::Unknown(error.to_string()),
    };
    let identity = identity.ok()?;
    Some(Observation { observed_at: now, identity, created_at, status, last_use: own_last_use, others, root_keys, watched: None })
}

/// A denial that a session may lift keeps its kind, which says so.
fn refused(key: &OwnKey, error: &AwsError) -> Failure {
    let failure = Failure { state: None, ..Failure::from(explain(&key.pair.id, error)) };
    match (failure.kind, key.profiles.first()) {
        (FailureKind::MfaNeeded, Some(profile)) => {
            failure.hint(format!("run `keyrotate login {}`, then this again", profile.name.quoted()))
        }
        (_, _) => Failure { kind: FailureKind::Unchecked, ..failure },
    }
}

fn unlisted(id: &AccessKeyId) -> Failure {
    Failure::new(FailureKind::Unchecked, format!("AWS accepts {id} and does not list it among its user's keys"))
        .hint("run this again in a few minutes: listings follow late")
}
