//! Why a profile is not rotated, and what is said beside one that is.
//!
//! Invariant: no text here holds a secret, and each refusal names the file, the line and the fix.

use std::{fmt, path::PathBuf};

use super::absent::Absent;
use crate::model::{NotAnMfaSerial, ProfileName};

/// A line of a file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.path.display(), self.line)
    }
}

/// Where a profile's credentials come from when it has no long-term key in the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// `credential_process`.
    CredentialProcess,
    /// The same with keyrotate as the program, which has no key for it.
    OwnProcess,
    /// `credential_source`: the environment, an instance or a container.
    CredentialSource,
    /// `web_identity_token_file`.
    WebIdentity,
    /// IAM Identity Center (`sso_account_id`, `sso_role_name`).
    Sso,
    /// `login_session`: the AWS CLI's own login.
    LoginSession,
}

impl Elsewhere {
    /// The option in the file that says so, and the start of the refusal's code.
    pub fn option(self) -> &'static str {
        match self {
            Self::CredentialProcess | Self::OwnProcess => "credential_process",
            Self::CredentialSource => "credential_source",
            Self::WebIdentity => "web_identity_token_file",
            Self::Sso => "sso_account_id",
            Self::LoginSession => "login_session",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Sso => "AWS SSO",
            Self::LoginSession => "`aws login`",
            Self::CredentialProcess | Self::OwnProcess | Self::CredentialSource | Self::WebIdentity => self.option(),
        }
    }

    /// Where they come from, and what is right for such a profile in the place of a key.
    fn told(self, name: &ProfileName) -> String {
        let instead = match self {
            Self::OwnProcess => {
                let add = format!("`keyrotate keys add {}` puts one into the keychain", name.quoted());
                return format!("keyrotate, which has no key for it: {add}");
            }
            Self::Sso => format!(", `aws sso login --profile {}` signs in, and MFA devices are in the AWS access portal", name.quoted()),
            Self::LoginSession => format!(", `aws login --profile {}` signs in", name.quoted()),
            Self::CredentialProcess | Self::CredentialSource | Self::WebIdentity => String::new(),
        };
        format!("{}: it has no long-term key and needs none{instead}; for a key name the profile that has it", self.words())
    }

    fn code(self) -> &'static str {
        match self {
            Self::CredentialProcess | Self::OwnProcess => "credential-process",
            Self::CredentialSource => "credential-source",
            Self::WebIdentity => "web-identity",
            Self::Sso => "sso",
            Self::LoginSession => "login-session",
        }
    }
}

/// A profile is not what can be rotated, or cannot be told for sure. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A variable that the AWS tools read is not UTF-8.
    #[error("the variable {name} is not UTF-8: unset it or write its value in UTF-8")]
    VariableNotUtf8 {
        /// The variable.
        name: String,
    },
    /// There is no home directory to look in.
    #[error("the home directory is not known: set HOME or {variable}")]
    NoHome {
        /// The variable that would name the file.
        variable: &'static str,
    },
    /// A path that the AWS tools expand differently.
    #[error("{variable} is `{value}`, which the AWS tools expand differently: write the whole path out")]
    PathNotPlain {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// A region that no AWS service can have, such as one with a comment behind it.
    #[error("{origin}: `{value}` is not a region: write one such as us-east-1 there, and a comment on a line of its own")]
    NotARegion {
        /// The line or the variable.
        origin: String,
        /// Its value.
        value: String,
    },
    /// Neither file exists.
    #[error("no long-term keys: neither {} nor {} exists{absent}; `aws configure` makes them", credentials.display(), config.display())]
    NoFiles {
        /// The shared credentials file that was looked for.
        credentials: PathBuf,
        /// The config file that was looked for.
        config: PathBuf,
        /// Those that a variable names.
        absent: Absent,
    },
    /// No section is this profile.
    #[error("{} in {} or the config file{absent}: {}", none_called(name), path.display(), meant(nearest.as_ref(), names))]
    NoSuchProfile {
        /// The profile.
        name: ProfileName,
        /// The existing profile that is spelled much like it.
        nearest: Option<ProfileName>,
        /// The profiles that there are.
        names: Vec<ProfileName>,
        /// The shared credentials file.
        path: PathBuf,
        /// Files that are missing where it could be.
        absent: Absent,
    },
    /// The profile says nothing about credentials.
    #[error(
        "{place}: the profile {name} has no access key{absent}: add one with `aws configure --profile {name}`, or name another profile"
    )]
    NoKey {
        /// The profile.
        name: ProfileName,
        /// Its header.
        place: Place,
        /// Files that are missing where it could be.
        absent: Absent,
    },
    /// The profile's credentials are not long-term keys in a file.
    #[error("{place}: the profile {name} gets its credentials by {}", by.told(name))]
    Elsewhere {
        /// The profile.
        name: ProfileName,
        /// The option that says so.
        place: Place,
        /// Where they come from.
        by: Elsewhere,
    },
    /// The AWS tools disagree about the profile.
    #[error(
        "{place}: the profile {name} has {one} and also {other}, and the AWS tools disagree on which counts: keep one of them, or name the profile that has the key"
    )]
    Ambiguous {
        /// The profile.
        name: ProfileName,
        /// The second of the two.
        place: Place,
        /// What the profile also is.
        one: &'static str,
        /// What stands at the place.
        other: &'static str,
    },
    /// Half a pair, or a pair with an empty half.
    #[error("{place}: the profile {name} has no {missing} beside it in this section: put both keys there")]
    Partial {
        /// The profile.
        name: ProfileName,
        /// The half that is there.
        place: Place,
        /// The option that is missing or empty.
        missing: &'static str,
    },
    /// A session token beside a long-term key.
    #[error(
        "{place}: a session token stands with the long-term key of the profile {name}, and AWS refuses the two together: remove this line"
    )]
    SessionToken {
        /// The profile.
        name: ProfileName,
        /// The token's line.
        place: Place,
    },
    /// Temporary credentials.
    #[error(
        "{place}: the key of the profile {name} is a session's (ASIA), which ends by itself: name the profile that has the long-term key"
    )]
    SessionKey {
        /// The profile.
        name: ProfileName,
        /// The access key ID's line.
        place: Place,
    },
    /// Temporary credentials without their token.
    #[error(
        "{place}: the key of the profile {name} is a session's (ASIA) and has no aws_session_token with it, so that AWS refuses it: put the whole session there, or name the profile that has the long-term key"
    )]
    SessionKeyAlone {
        /// The profile.
        name: ProfileName,
        /// The access key ID's line.
        place: Place,
    },
    /// The value is no access key ID of a user.
    #[error(
        "{place}: the value is not an access key ID (AKIA and capital letters and digits): write the key itself there, no reference or quotes"
    )]
    NotAKeyId {
        /// The profile.
        name: ProfileName,
        /// The value's line.
        place: Place,
        /// The profile has an endpoint of its own, so that the key may be another service's.
        has_endpoint: bool,
    },
    /// `source_profile` names no profile.
    #[error("{place}: the source_profile {missing} does not exist: correct its name")]
    NoSource {
        /// The profile that names it.
        name: ProfileName,
        /// The `source_profile` line.
        place: Place,
        /// The name.
        missing: String,
    },
    /// `source_profile` comes back to a profile that was passed.
    #[error("{place}: the source_profile leads back to {back}: name the profile that has the access key")]
    SourceLoop {
        /// The profile that names it.
        name: ProfileName,
        /// The `source_profile` line.
        place: Place,
        /// Where it comes back to.
        back: String,
    },
    /// A role with no source, or with two.
    #[error(
        "{place}: role_arn needs either source_profile or credential_source, and the profile {name} has {found}: it has to have exactly one"
    )]
    RoleSource {
        /// The profile.
        name: ProfileName,
        /// The `role_arn` line.
        place: Place,
        /// `neither` or `both`.
        found: &'static str,
    },
    /// `mfa_serial` names nothing that shows codes.
    #[error("{place}: mfa_serial: {fault}: put there the serial number of a device that does, which `aws iam list-mfa-devices` lists")]
    MfaSerial {
        /// Its line.
        place: Place,
        /// What is wrong with it.
        fault: NotAnMfaSerial,
    },
    /// An option whose value AWS would refuse.
    #[error("{place}: {option}: {why}: correct it there")]
    BadValue {
        /// The option's line.
        place: Place,
        /// The option.
        option: &'static str,
        /// What is wrong with its value.
        why: String,
    },
}

impl Refusal {
    /// The same, told with the files that are missing, where these could be the reason.
    pub(super) fn told_with(mut self, missing: impl FnOnce() -> Absent) -> Self {
        if let Self::NoFiles { absent, .. } | Self::NoSuchProfile { absent, .. } | Self::NoKey { absent, .. } = &mut self {
            *absent = missing();
        }
        self
    }

    /// Whether the profile has something of a key that cannot be used, which is worth telling unasked. A profile without any, one that
    /// has its credentials elsewhere, and a role are as they should be, or no matter of keys.
    pub fn is_broken_key(&self) -> bool {
        match self {
            Self::Ambiguous { .. } | Self::Partial { .. } | Self::SessionToken { .. } | Self::SessionKeyAlone { .. } => true,
            Self::NotAKeyId { has_endpoint, .. } => !has_endpoint,
            Self::VariableNotUtf8 { .. } | Self::NoHome { .. } | Self::PathNotPlain { .. } | Self::NotARegion { .. } => false,
            Self::NoFiles { .. } | Self::NoSuchProfile { .. } | Self::NoKey { .. } | Self::Elsewhere { .. } => false,
            Self::SessionKey { .. } | Self::NoSource { .. } | Self::SourceLoop { .. } | Self::RoleSource { .. } => false,
            Self::MfaSerial { .. } | Self::BadValue { .. } => false,
        }
    }

    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::VariableNotUtf8 { .. } => "variable-not-utf8",
            Self::NoHome { .. } => "no-home",
            Self::PathNotPlain { .. } => "path-not-plain",
            Self::NotARegion { .. } => "not-a-region",
            Self::NoFiles { .. } | Self::NoKey { .. } => "no-credentials",
            Self::NoSuchProfile { .. } => "no-such-profile",
            Self::Elsewhere { by, .. } => by.code(),
            Self::Ambiguous { .. } => "profile-ambiguous",
            Self::Partial { .. } => "partial-credentials",
            Self::SessionToken { .. } => "session-token-with-long-term-key",
            Self::SessionKey { .. } => "session-key",
            Self::SessionKeyAlone { .. } => "session-key-without-token",
            Self::NotAKeyId { .. } => "not-a-key-id",
            Self::NoSource { .. } => "no-such-source-profile",
            Self::SourceLoop { .. } => "source-profile-loop",
            Self::RoleSource { .. } => "role-without-source",
            Self::MfaSerial { fault: NotAnMfaSerial::Fido(_), .. } => "mfa-device-not-usable-for-api",
            Self::MfaSerial { .. } => "mfa-serial-is-not-mfa",
            Self::BadValue { .. } => "bad-value",
        }
    }
}

/// Something that a person should know of a profile that can be rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// A stable name for scripts.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

/// So many names are listed; there may be a thousand.
const LISTED: usize = 8;

fn none_called(name: &ProfileName) -> String {
    // As in a script whose variable is not set.
    if name.as_str().is_empty() { "the profile's name is empty, and none is called so".to_owned() } else { format!("no profile {name}") }
}

fn meant(nearest: Option<&ProfileName>, names: &[ProfileName]) -> String {
    let listed = || names.iter().take(LISTED).map(ProfileName::as_str).collect::<Vec<_>>().join(", ");
    match (nearest, names.len()) {
        (Some(name), _) => format!("is {name} meant?"),
        (None, 0) => "there is none at all; `aws configure` makes one".to_owned(),
        (None, count) if count <= LISTED => format!("there are {}", listed()),
        (None, count) => format!("there are {} and {} more, which `aws configure list-profiles` shows", listed(), count - LISTED),
    }
}
