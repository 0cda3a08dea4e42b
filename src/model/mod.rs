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
mod policy_events;
mod profile_name;
mod secret_fields;
mod shell;
mod subscription_filter;
mod temporary_credentials;
mod timing;
mod topic_policy;

pub use access_key::{AccessKey, AccessKeyId, AccessKeyPair, KeyKind, KeyStatus, LastUse, LastUsed, NotAnAccessKeyId, SecretAccessKey};
pub use age::{Age, AgeLevel, Limits, NotADuration, format_duration, parse_duration};
pub use check::Check;
pub use grace::{Grace, NotAGrace};
pub use identity::{Arn, Identity, KeyOwner, NotAnArn};
pub use mfa::{ConsecutiveCodes, MfaKind, MfaSeed, MfaSerial, NotATokenCode, NotAnMfaSerial, NotConsecutive, TokenCode};
pub use policy_events::{Hears, IAM_SOURCE, POLICY_EVENTS, Truth, cis_pattern, event_pattern, filter_pattern, is_only_policy_events};
pub use profile_name::ProfileName;
pub use secret_fields::SecretFields;
pub use shell::{aws_command, shell_word, shell_words};
pub use subscription_filter::lets_through;
pub use temporary_credentials::{SessionToken, TemporaryCredentials};
pub use timing::{BadTimeScale, Timing};
pub use topic_policy::{ALARM_TOPIC, CLOUDWATCH, EVENTBRIDGE, Publisher, lets_publish, like, publishing};
