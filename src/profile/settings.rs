//! keyrotate's own settings, the content of `config.toml`.
//!
//! Invariant: what is not understood whole is refused with its line; a misspelt key never means its default.

mod audit;
mod error;
mod read;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::model::{Grace, Limits, ProfileName, SecretFields};
use crate::os::keychain::MacOs;

pub use audit::{AuditSettings, Exemption};
pub use error::{SettingsError, SettingsProblem};

/// All settings. The default is what holds without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    defaults: Part,
    profiles: BTreeMap<ProfileName, Part>,
    keys: BTreeMap<String, KeySettings>,
    keychain: MacOs,
    session_store: SessionStore,
    audit: AuditSettings,
}

/// What holds for one profile: its own table, else `[defaults]`, else what is built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSettings {
    /// When its key is due and overdue.
    pub limits: Limits,
    /// How long the old key stays restorable.
    pub grace: Grace,
    /// Whether an inactive second key may be deleted to make room.
    pub reclaim_inactive: bool,
    /// Whether sessions without MFA are refused.
    pub require_mfa: bool,
    /// How long a session is asked for: 15 minutes to 36 hours, GetSessionToken's own bounds.
    pub session_duration: Duration,
    /// Whether a due key is rotated with a session that a person just opened.
    pub rotate_on_login: RotateOnLogin,
    /// Whether the desktop is told.
    pub notify: bool,
    /// Whether a dialog on the desktop may ask for a token code where there is no terminal.
    pub mfa_dialog: bool,
    /// The program that prints a token code, with its arguments; never empty.
    pub mfa_command: Option<Vec<String>>,
    /// The host name of the one machine that rotates its key, where others pull it from the first of its secrets; `None` is this one.
    pub rotator: Option<String>,
    /// The profile whose credentials read that secret where the key itself may not.
    pub auth_profile: Option<ProfileName>,
    /// More holders of the same key.
    pub targets: Vec<Target>,
}

/// A key that is in no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    /// The IAM user's name.
    pub user: String,
    /// The profile whose credentials manage it.
    pub auth_profile: ProfileName,
    /// The host name of the one machine that rotates it, where others pull it; `None` is any.
    pub rotator: Option<String>,
    /// Its holders.
    pub targets: Vec<Target>,
}

/// A holder besides the AWS files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A secret in AWS Secrets Manager.
    SecretsManager {
        /// Its name or ARN.
        secret_id: String,
        /// Where it is; `None` is the ARN's or the profile's region.
        region: Option<String>,
        /// Where in its JSON the pair is; `None` is found by what is there.
        fields: Option<SecretFields>,
    },
    /// A program that is given the new key as JSON on standard input.
    Command {
        /// The program with its arguments; never empty.
        run: Vec<String>,
    },
}

/// When a login rotates a due key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RotateOnLogin {
    /// Never.
    #[default]
    Off,
    /// After the login has answered.
    Background,
    /// Before the login answers.
    Foreground,
}

/// Where the secrets of sessions are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionStore {
    /// In files that only their owner can read.
    #[default]
    File,
    /// In items of the OS keychain.
    Keychain,
}

/// What one table says; `None` is left to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    max_age: Option<Duration>,
    warn_age: Option<Duration>,
    grace: Option<Grace>,
    reclaim_inactive: Option<bool>,
    require_mfa: Option<bool>,
    session_duration: Option<Duration>,
    rotate_on_login: Option<RotateOnLogin>,
    notify: Option<bool>,
    mfa_dialog: Option<bool>,
    mfa_command: Option<Vec<String>>,
    rotator: Option<String>,
    auth_profile: Option<ProfileName>,
    targets: Vec<Target>,
}

const DEFAULT_SESSION: Duration = Duration::from_secs(12 * 3_600);

/// The grace of a key that other machines pull, where none is written: some of them are off over night.
const SHARED_GRACE: Grace = Grace::After(Duration::from_secs(24 * 3_600));

impl Settings {
    /// Reads the `text` of the file at `path`, which is only named in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        read::settings(path, text)
    }

    /// What holds for the profile, whether it has a table of its own or not.
    pub fn for_profile(&self, name: &ProfileName) -> ProfileSettings {
        let none = Part::default();
        self.with(self.profiles.get(name).unwrap_or(&none))
    }

    fn with(&self, own: &Part) -> ProfileSettings {
        let all = &self.defaults;
        ProfileSettings {
            limits: own.limits(all.limits(Limits::default())),
            grace: own.grace.or(all.grace).unwrap_or(if own.rotator.is_some() { SHARED_GRACE } else { Grace::default() }),
            reclaim_inactive: own.reclaim_inactive.or(all.reclaim_inactive).unwrap_or(false),
            require_mfa: own.require_mfa.or(all.require_mfa).unwrap_or(true),
            session_duration: own.session_duration.or(all.session_duration).unwrap_or(DEFAULT_SESSION),
            rotate_on_login: own.rotate_on_login.or(all.rotate_on_login).unwrap_or_default(),
            notify: own.notify.or(all.notify).unwrap_or(true),
            mfa_dialog: own.mfa_dialog.or(all.mfa_dialog).unwrap_or(true),
            mfa_command: own.mfa_command.clone(),
            rotator: own.rotator.clone(),
            auth_profile: own.auth_profile.clone(),
            targets: own.targets.clone(),
        }
    }

    /// What holds for a key that is in no profile: `[defaults]`, else what is built in.
    pub fn for_key(&self, key: &KeySettings) -> ProfileSettings {
        self.with(&Part { rotator: key.rotator.clone(), ..Part::default() })
    }

    /// When a key that these profiles share is due and overdue: by the strictest of their limits.
    pub fn limits_of<'a>(&self, profiles: impl IntoIterator<Item = &'a ProfileName>) -> Limits {
        let strictest = |a: Limits, b: Limits| Limits { warn_age: a.warn_age.min(b.warn_age), max_age: a.max_age.min(b.max_age) };
        profiles.into_iter().map(|name| self.for_profile(name).limits).reduce(strictest).unwrap_or_default()
    }

    /// The profiles that have a table of their own.
    pub fn profiles(&self) -> impl Iterator<Item = &ProfileName> {
        self.profiles.keys()
    }

    /// Whether a profile's key is one of several machines.
    pub fn names_a_rotator(&self) -> bool {
        self.profiles.values().any(|part| part.rotator.is_some())
    }

    /// Whether the desktop may be told of anything.
    pub fn wants_notices(&self) -> bool {
        self.defaults.notify.unwrap_or(true)
    }

    /// Whether anything here is in Secrets Manager.
    pub fn uses_secrets(&self) -> bool {
        let targets = self.profiles.values().flat_map(|part| &part.targets).chain(self.keys.values().flat_map(|key| &key.targets));
        targets.into_iter().any(|target| matches!(target, Target::SecretsManager { .. }))
    }

    /// By what the keychain of macOS is asked; elsewhere it changes nothing.
    pub fn keychain(&self) -> MacOs {
        self.keychain
    }

    /// Where the secrets of sessions that are opened from now on are kept.
    pub fn session_store(&self) -> SessionStore {
        self.session_store
    }

    /// What an audit lets be.
    pub fn audit(&self) -> &AuditSettings {
        &self.audit
    }

    /// The keys that are in no profile, by the names of their tables.
    pub fn keys(&self) -> &BTreeMap<String, KeySettings> {
        &self.keys
    }
}

impl Part {
    /// The limits with what this table says about them; a `max_age` of its own takes the warning along.
    fn limits(&self, otherwise: Limits) -> Limits {
        let limits = self.max_age.map_or(otherwise, Limits::from_max_age);
        Limits { warn_age: self.warn_age.unwrap_or(limits.warn_age), ..limits }
    }
}
