//! The words of the domain as types: access keys, identities, ages and timings.
//!
//! Values only. Nothing here reads a file, a clock or the network, and no secret
//! can be printed: [`SecretAccessKey`] has neither `Display` nor `Serialize`.

mod access_key;
mod age;
mod check;
mod grace;
mod identity;
mod mfa;
mod profile_name;
mod secret_fields;
mod temporary_credentials;
mod timing;

pub use access_key::{AccessKey, AccessKeyId, AccessKeyPair, KeyKind, KeyStatus, LastUse, LastUsed, NotAnAccessKeyId, SecretAccessKey};
pub use age::{Age, AgeLevel, Limits, NotADuration, format_duration, parse_duration};
pub use check::Check;
pub use grace::{Grace, NotAGrace};
pub use identity::{Arn, Identity, KeyOwner, NotAnArn};
pub use mfa::{ConsecutiveCodes, MfaKind, MfaSeed, MfaSerial, NotATokenCode, NotAnMfaSerial, NotConsecutive, TokenCode};
pub use profile_name::ProfileName;
pub use secret_fields::SecretFields;
pub use temporary_credentials::{SessionToken, TemporaryCredentials};
pub use timing::{BadTimeScale, Timing};
