//! `keyrotate policy show`: whom and what a policy is about, as far as that is known here and AWS says so.
//!
//! Invariant: AWS is asked for no more than whose a key is, which needs no permission; and where a profile is named and AWS does not answer, no
//! policy is shown that would be about somebody else.

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::route;
use crate::audit::{CHARACTERS, Choices, Policy, PolicyName, RoleNamed, Scope, SecretNamed, Whose, policy};
use crate::aws::Signer;
use crate::model::{Arn, Identity, ProfileName};
use crate::profile::settings::{KeySettings, Target};
use crate::profile::{ResolvedProfile, Role, Route};
use crate::rotation::explain;

/// What `policy show` was asked for.
#[derive(Clone, Debug)]
pub struct PolicyOptions {
    /// Which policy.
    pub name: PolicyName,
    /// The profile whose user it is for, or the name of a `[key.NAME]`; none means whoever has the policy.
    pub profile: Option<String>,
    /// The account ID, in the place of what AWS says.
    pub account: Option<String>,
    /// The user, in the place of what AWS says.
    pub user: Option<Whose>,
    /// The partition, in the place of what AWS says.
    pub partition: Option<String>,
    /// The secrets, in the place of what the settings name.
    pub secrets: Vec<SecretNamed>,
    /// What was chosen of the policy.
    pub choices: Choices,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOutcome {
    /// The document.
    pub policy: Policy,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// Who is to have the policy.
enum Holder {
    /// Users, by a group.
    Group,
    /// The role that an operator assumes.
    Role(String),
}

/// Runs the command.
pub fn show(context: &Context, options: &PolicyOptions) -> Result<PolicyOutcome, Failure> {
    let (scope, holder) = scope(context, options)?;
    let policy = policy(options.name, &scope, options.choices).map_err(|error| {
        let hint = "add a [[profile.NAME.target]] to config.toml, or name the secret: --secret prod/ci/aws";
        Failure::from_error(FailureKind::Usage, &error).hint(hint)
    })?;
    let notes = notes(options, &policy, &scope, &holder);
    Ok(PolicyOutcome { policy, notes })
}

fn scope(context: &Context, options: &PolicyOptions) -> Result<(Scope, Holder), Failure> {
    let Some(name) = options.profile.as_deref() else {
        let everywhere = if options.secrets.is_empty() { all_secrets(context) } else { Vec::new() };
        return Ok((told(options, Scope { secrets: everywhere, ..Scope::everybody() }), Holder::Group));
    };
    let name = ProfileName::new(name);
    let is_profile = context.files()?.profiles().any(|profile| profile == name);
    match context.settings.keys().get(name.as_str()).filter(|_| !is_profile) {
        Some(key) => of_managed(context, options, key),
        None => of_profile(context, options, &name),
    }
}

/// About the user of a profile's key.
fn of_profile(context: &Context, options: &PolicyOptions, name: &ProfileName) -> Result<(Scope, Holder), Failure> {
    let route = route(context, name)?;
    let known = told(options, Scope::everybody());
    let mut scope = match (&options.account, &options.user) {
        (Some(_), Some(_)) => known,
        (None, _) | (_, None) => {
            let identity = identity(context, name, &route)?;
            let user = identity.arn.resource().strip_prefix("user/").ok_or_else(|| no_user(&identity))?;
            told(options, Scope { user: Whose::At(user.to_owned()), ..of_account(&identity.arn) })
        }
    };
    let is_audit = matches!(options.name, PolicyName::AuditAccount | PolicyName::AuditMonitoring | PolicyName::Alarm);
    let holder = route.roles.last().filter(|_| is_audit).map_or(Holder::Group, |role| Holder::Role(role_name(&role.arn)));
    // A role on the way to another is assumed by the first one, not by the user.
    let first = |role: &Role| RoleNamed {
        arn: role.arn.clone(),
        has_tags: !role.tags.is_empty(),
        has_source_identity: role.source_identity.is_some(),
    };
    scope.roles = route.roles.first().map(first).into_iter().collect();
    if options.secrets.is_empty() {
        scope.secrets = secrets_of(context, &route)?;
    }
    Ok((scope, holder))
}

/// About the user of a `[key.NAME]`, for the operator.
fn of_managed(context: &Context, options: &PolicyOptions, key: &KeySettings) -> Result<(Scope, Holder), Failure> {
    let route = route(context, &key.auth_profile)?;
    let of_account = match (&options.account, route.roles.last()) {
        (Some(_), _) => Scope::everybody(),
        (None, Some(role)) => of_account(&role.arn),
        (None, None) => of_account(&identity(context, &key.auth_profile, &route)?.arn),
    };
    let mut scope = told(options, Scope { user: Whose::Named(key.user.clone()), ..of_account });
    if options.secrets.is_empty() {
        scope.secrets = named(key.targets.clone(), route.key.region.as_ref());
    }
    let holder = route.roles.last().map_or(Holder::Group, |role| Holder::Role(role_name(&role.arn)));
    Ok((scope, holder))
}

/// With what was typed in the place of what was found.
fn told(options: &PolicyOptions, found: Scope) -> Scope {
    let PolicyOptions { account, user, partition, secrets, .. } = options;
    Scope {
        partition: partition.clone().unwrap_or(found.partition),
        account: account.clone().or(found.account),
        user: user.clone().unwrap_or(found.user),
        roles: found.roles,
        secrets: if secrets.is_empty() { found.secrets } else { secrets.clone() },
    }
}

fn of_account(arn: &Arn) -> Scope {
    Scope { partition: arn.partition().to_owned(), account: Some(arn.account().to_owned()), ..Scope::everybody() }
}

fn role_name(arn: &Arn) -> String {
    arn.resource().rsplit('/').next().unwrap_or_default().to_owned()
}

/// Whose the profile's key is.
fn identity(context: &Context, name: &ProfileName, route: &Route) -> Result<Identity, Failure> {
    const OFFLINE: &str = "or say it yourself: --account ID --user NAME";
    let key = &route.key;
    let unchecked = |failure: Failure| {
        let hint = failure.hint.map_or_else(|| OFFLINE.to_owned(), |hint| format!("{hint}; {OFFLINE}"));
        Failure { kind: FailureKind::Unchecked, state: None, hint: Some(hint), ..failure }
    };
    let (aws, _) = context.aws(context.files()?, name, key.region.clone(), key.ca_bundle.clone())?;
    let pair = context.known_pair(&key.pair).map_err(unchecked)?;
    let id = pair.id.clone();
    aws.get_caller_identity(&Signer::LongTerm(pair)).map_err(|error| unchecked(explain(&id, &error).into()))
}

fn no_user(identity: &Identity) -> Failure {
    let message = format!("{} is not an IAM user, which a policy could be for", identity.arn);
    Failure::new(FailureKind::Usage, message).hint("name a profile with an IAM user's key")
}

/// The secrets that the profiles of this key have as targets.
fn secrets_of(context: &Context, route: &Route) -> Result<Vec<SecretNamed>, Failure> {
    let own = context.files()?.own_keys(&context.environment);
    let profiles = own.keys.iter().filter(|key| key.pair.id == route.key.pair.id).flat_map(|key| &key.profiles);
    let targets = |profile: &ResolvedProfile| named(context.settings.for_profile(&profile.name).targets, profile.region.as_ref());
    Ok(profiles.flat_map(targets).collect())
}

/// Every secret of the settings; what names no region may be in any.
fn all_secrets(context: &Context) -> Vec<SecretNamed> {
    let settings = &context.settings;
    let profiles = settings.profiles().flat_map(|name| settings.for_profile(name).targets);
    named(profiles.chain(settings.keys().values().flat_map(|key| key.targets.clone())).collect(), None)
}

fn named(targets: Vec<Target>, otherwise: Option<&String>) -> Vec<SecretNamed> {
    let secret = |target| match target {
        Target::SecretsManager { secret_id: id, region, .. } => Some(SecretNamed { id, region: region.or_else(|| otherwise.cloned()) }),
        Target::Command { .. } => None,
    };
    targets.into_iter().filter_map(secret).collect()
}

fn notes(options: &PolicyOptions, policy: &Policy, scope: &Scope, holder: &Holder) -> Vec<String> {
    let name = options.name;
    let (id, purpose) = (name.id(), name.purpose());
    // A command of the same name is told already.
    let told = if purpose.starts_with(&format!("{id}: ")) { purpose.to_owned() } else { format!("{id}: {purpose}") };
    let mut notes = vec![told];
    notes.extend(idle(options));
    notes.extend(beside(options, scope).map(str::to_owned));
    let characters = policy.characters();
    notes.push(match characters > CHARACTERS {
        false => format!("it has {characters} of the {CHARACTERS} characters that a managed policy may have"),
        true => format!("it has {characters} characters, and a managed policy {CHARACTERS} at most: name a profile, or fewer secrets"),
    });
    let (file, account) = (format!("keyrotate-{}", name.id()), scope.account.as_deref().unwrap_or("ACCOUNT"));
    let arn = format!("arn:{}:iam::{account}:policy/{file}", scope.partition);
    let to = match holder {
        Holder::Group => "attach-group-policy --group-name GROUP".to_owned(),
        Holder::Role(role) => format!("attach-role-policy --role-name {role}"),
    };
    notes.push(format!("to make it: aws iam create-policy --policy-name {file} --policy-document file://{file}.json"));
    notes.push(format!("to attach it: aws iam {to} --policy-arn {arn}"));
    notes
}

/// What was typed and changes nothing of this policy.
fn idle(options: &PolicyOptions) -> impl Iterator<Item = String> {
    let PolicyOptions { name, choices, .. } = options;
    // With a profile, who says account and user is not asked about.
    let is_user_idle = options.user.is_some() && options.profile.is_none() && !name.names_user();
    let has_secrets = matches!(name, PolicyName::SecretsManager | PolicyName::CreateSecret);
    let all = [
        (choices.without_mfa && *name != PolicyName::Rotate, "--without-mfa", "it is for rotate"),
        (choices.enrolled && *name != PolicyName::ForceMfa, "--enrolled", "it is for force-mfa"),
        (!options.secrets.is_empty() && !has_secrets, "--secret", "it is for secretsmanager and create-secret"),
        (is_user_idle, "--user", "no user is named in it"),
    ];
    all.into_iter().filter(|(is_idle, ..)| *is_idle).map(|(_, option, why)| format!("{option} changes nothing of this policy: {why}"))
}

/// What else a person should know of this policy.
fn beside(options: &PolicyOptions, scope: &Scope) -> Option<&'static str> {
    let Choices { without_mfa, enrolled } = options.choices;
    match options.name {
        PolicyName::Rotate if !without_mfa => Some(
            "keys are changed by a session with MFA only: name the device as mfa_serial in the profile; --without-mfa is for timers and for users without a device",
        ),
        PolicyName::Sessions if scope.roles.is_empty() => {
            Some("with a profile that assumes a role, sts:AssumeRole on that role is in it, too")
        }
        PolicyName::SecretsManager => {
            Some("where a secret has a KMS key of your own, kms:Decrypt and kms:GenerateDataKey on that key are needed, too")
        }
        PolicyName::CreateSecret => Some("detach it when the secret is there"),
        PolicyName::ForceMfa if !enrolled => {
            Some("whoever has a key can enroll a device of their own with it: when everybody has one, replace this by that of --enrolled")
        }
        PolicyName::ForceMfa => Some("who has no device yet is locked out by it"),
        PolicyName::Rotate | PolicyName::Sessions | PolicyName::Mfa => None,
        PolicyName::RootCheck | PolicyName::Audit | PolicyName::AuditAccount | PolicyName::AuditMonitoring | PolicyName::Alarm => None,
    }
}
