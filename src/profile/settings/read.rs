//! From the text of `config.toml` to the settings.

use std::path::Path;
use std::time::Duration;

use super::audit::audit;
use super::error::{SettingsError, SettingsProblem, Source};
use super::table::{Elsewhere, Table};
use super::{KeySettings, Part, RotateOnLogin, SessionStore, Settings, Target};
use crate::model::{Limits, ProfileName, SecretFields, format_duration};
use crate::os::keychain::MacOs;

const DEFAULTS_KEYS: [&str; 9] =
    ["max_age", "warn_age", "grace", "reclaim_inactive", "require_mfa", "session_duration", "rotate_on_login", "notify", "mfa_dialog"];
const PROFILE_KEYS: [&str; 4] = ["mfa_command", "rotator", "auth_profile", "target"];
const KEYCHAIN_KEYS: [&str; 2] = ["macos", "session_store"];
const IN_KEYCHAIN: Elsewhere = (&KEYCHAIN_KEYS, "[keychain]");
const KEY_KEYS: [&str; 4] = ["user", "auth_profile", "rotator", "target"];

const AGE: &str = "a whole number and a unit in quotes, such as \"90d\"";
const SESSION: &str = "a duration from 15 minutes to 36 hours in quotes, such as \"12h\"";

pub(super) fn settings(path: &Path, text: &str) -> Result<Settings, SettingsError> {
    let source = Source { path, text };
    let document = toml_edit::Document::parse(text).map_err(|error| {
        source.error(error.span().or(Some(text.len()..text.len())), SettingsProblem::Syntax(error.message().replace('\n', ", ")))
    })?;
    let root = Table::root(source, document.as_table());
    root.only(&["defaults", "profile", "key", "keychain", "audit"], &[])?;
    let mut settings = Settings::default();
    if let Some(table) = root.table("defaults")? {
        table.only(&DEFAULTS_KEYS, &[(&PROFILE_KEYS, "[profile.NAME]"), IN_KEYCHAIN])?;
        settings.defaults = part(&table)?;
        check_limits(&table, &settings.defaults, Limits::default())?;
    }
    let limits = settings.defaults.limits(Limits::default());
    for (name, table) in named(&root, "profile")? {
        let own = profile(&table)?;
        check_limits(&table, &own, limits)?;
        settings.profiles.insert(ProfileName::new(name), own);
    }
    for (name, table) in named(&root, "key")? {
        settings.keys.insert(name, key(&table)?);
    }
    if let Some(table) = root.table("keychain")? {
        table.only(&KEYCHAIN_KEYS, &[])?;
        settings.keychain = table.shown("macos", "\"native\" or \"security-cli\"", macos)?.unwrap_or_default();
        settings.session_store = table.shown("session_store", "\"file\" or \"keychain\"", session_store)?.unwrap_or_default();
    }
    if let Some(table) = root.table("audit")? {
        settings.audit = audit(&table)?;
    }
    Ok(settings)
}

fn macos(text: &str) -> Option<MacOs> {
    match text {
        "native" => Some(MacOs::Native),
        "security-cli" => Some(MacOs::SecurityCli),
        _ => None,
    }
}

fn session_store(text: &str) -> Option<SessionStore> {
    match text {
        "file" => Some(SessionStore::File),
        "keychain" => Some(SessionStore::Keychain),
        _ => None,
    }
}

fn named<'a>(root: &Table<'a>, kind: &str) -> Result<Vec<(String, Table<'a>)>, SettingsError> {
    root.table(kind)?.map_or_else(|| Ok(Vec::new()), |tables| tables.tables(kind))
}

fn part(table: &Table<'_>) -> Result<Part, SettingsError> {
    Ok(Part {
        max_age: table.duration("max_age", AGE)?,
        warn_age: table.duration("warn_age", AGE)?,
        grace: table.parsed("grace", "a duration in quotes, such as \"0s\" or \"24h\", or \"next\"")?,
        reclaim_inactive: table.boolean("reclaim_inactive")?,
        require_mfa: table.boolean("require_mfa")?,
        session_duration: session_duration(table)?,
        rotate_on_login: table.shown("rotate_on_login", "\"off\", \"background\" or \"foreground\"", rotate_on_login)?,
        notify: table.boolean("notify")?,
        mfa_dialog: table.boolean("mfa_dialog")?,
        mfa_command: None,
        rotator: None,
        auth_profile: None,
        targets: Vec::new(),
    })
}

fn profile(table: &Table<'_>) -> Result<Part, SettingsError> {
    let known: Vec<&str> = DEFAULTS_KEYS.into_iter().chain(PROFILE_KEYS).collect();
    table.only(&known, &[IN_KEYCHAIN])?;
    let own = Part {
        mfa_command: table.words("mfa_command")?,
        rotator: table.text("rotator")?,
        auth_profile: table.text("auth_profile")?.map(ProfileName::new),
        targets: targets(table)?,
        ..part(table)?
    };
    // Machines that have no secret in common could only drift apart.
    let is_secret = |target: &Target| matches!(target, Target::SecretsManager { .. });
    if own.rotator.is_some() && !own.targets.iter().any(is_secret) { Err(table.missing("target")) } else { Ok(own) }
}

fn key(table: &Table<'_>) -> Result<KeySettings, SettingsError> {
    table.only(&KEY_KEYS, &[(&DEFAULTS_KEYS, "[defaults] or [profile.NAME]")])?;
    let key = KeySettings {
        user: table.required_text("user")?,
        auth_profile: ProfileName::new(table.required_text("auth_profile")?),
        rotator: table.text("rotator")?,
        targets: targets(table)?,
    };
    // A key that is nowhere could be made, and then not be kept.
    if key.targets.is_empty() { Err(table.missing("target")) } else { Ok(key) }
}

fn targets(table: &Table<'_>) -> Result<Vec<Target>, SettingsError> {
    table.list("target")?.iter().map(target).collect()
}

fn target(table: &Table<'_>) -> Result<Target, SettingsError> {
    let kind = table.shown("type", "\"secretsmanager\" or \"command\"", |kind| match kind {
        "secretsmanager" => Some(true),
        "command" => Some(false),
        _ => None,
    })?;
    if kind.ok_or_else(|| table.missing("type"))? {
        table.only(&["type", "secret_id", "region", "id_field", "secret_field"], &[])?;
        let (secret_id, region) = (table.required_text("secret_id")?, table.text("region")?);
        Ok(Target::SecretsManager { secret_id, region, fields: fields(table)? })
    } else {
        table.only(&["type", "run"], &[])?;
        Ok(Target::Command { run: table.words("run")?.ok_or_else(|| table.missing("run"))? })
    }
}

/// Both, or neither: one alone would leave the other to be guessed.
fn fields(table: &Table<'_>) -> Result<Option<SecretFields>, SettingsError> {
    match (table.text("id_field")?, table.text("secret_field")?) {
        (Some(id), Some(secret)) => Ok(Some(SecretFields { id, secret })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(table.missing("secret_field")),
        (None, Some(_)) => Err(table.missing("id_field")),
    }
}

fn session_duration(table: &Table<'_>) -> Result<Option<Duration>, SettingsError> {
    let allowed = Duration::from_secs(15 * 60)..=Duration::from_secs(36 * 3_600);
    let read = |text: &str| crate::model::parse_duration(text).ok().filter(|duration| allowed.contains(duration));
    table.shown("session_duration", SESSION, read)
}

fn rotate_on_login(text: &str) -> Option<RotateOnLogin> {
    match text {
        "off" => Some(RotateOnLogin::Off),
        "background" => Some(RotateOnLogin::Background),
        "foreground" => Some(RotateOnLogin::Foreground),
        _ => None,
    }
}

/// Only a `warn_age` that is written can be too late: without one it follows `max_age`.
fn check_limits(table: &Table<'_>, part: &Part, otherwise: Limits) -> Result<(), SettingsError> {
    let limits = part.limits(otherwise);
    if limits.warn_age <= limits.max_age {
        return Ok(());
    }
    let (warn_age, max_age) = (format_duration(limits.warn_age), format_duration(limits.max_age));
    Err(table.error("warn_age", SettingsProblem::WarnsTooLate { table: table.name.clone(), warn_age, max_age }))
}
