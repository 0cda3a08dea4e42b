//! The checks: how far each looks, why it matters, and what other catalogues call it.
//!
//! Invariant: the numbers of CIS and Security Hub change, so that each is named with its version.

use super::policies::PolicyName;
use crate::model::Check;

/// How far an audit looks, and so what it has to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The own user, and what everybody may ask of the root user.
    SelfTier,
    /// The account: its credential report, its organization.
    Account,
    /// What watches over the account: CloudTrail, CloudWatch, SNS.
    Monitoring,
}

impl Tier {
    /// What an audit that looks so far has to be allowed.
    pub fn policy(self) -> PolicyName {
        match self {
            Tier::SelfTier => PolicyName::Audit,
            Tier::Account => PolicyName::AuditAccount,
            Tier::Monitoring => PolicyName::AuditMonitoring,
        }
    }
}

/// A check's number in a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The catalogue with its version.
    pub catalogue: &'static str,
    /// Its number there.
    pub number: &'static str,
}

impl Check {
    /// How far an audit has to look for it.
    pub fn tier(self) -> Tier {
        match self {
            Check::Quarantine | Check::CallerIsRoot | Check::RootKey | Check::RootMfa | Check::UserMfa => Tier::SelfTier,
            Check::KeyAge | Check::KeyUnused | Check::KeyNeeded | Check::TwoKeys => Tier::SelfTier,
            Check::Inline | Check::DirectAttach | Check::Admin => Tier::SelfTier,
            Check::RootUsed | Check::CentralRoot => Tier::Account,
            Check::PolicyAlarm => Tier::Monitoring,
        }
    }

    /// Why it matters, in a line.
    pub fn why(self) -> &'static str {
        match self {
            Check::Quarantine => "somebody else may have the key, and AWS has cut down what it may do",
            Check::CallerIsRoot => "no policy can limit the root user, and nobody can tell who it was",
            Check::RootKey => "who has a key of the root user has the account, without MFA and without limits",
            Check::RootMfa => "a password alone opens the account to whoever guesses or steals it",
            Check::UserMfa => "without a second factor, whoever has the key or the password is the user",
            Check::KeyAge => "an old key is in more backups, logs and laptops than anybody remembers",
            Check::KeyUnused => "a key that nobody uses is only of use to whoever finds it",
            Check::KeyNeeded => "the safest key is the one that does not exist",
            Check::TwoKeys => "a second active key is one more to lose, and leaves no room for a rotation",
            Check::Inline => "an inline policy has no versions, is in no list of policies, and goes with its user",
            Check::DirectAttach => "permissions given one user at a time are forgotten one user at a time",
            Check::Admin => "a leaked key with all permissions is a leaked account",
            Check::RootUsed => "everyday work as the root user has no limits and no name",
            Check::CentralRoot => "members of an organization need no root credentials at all",
            Check::PolicyAlarm => "who changes a policy can give themselves everything, and nobody would notice",
        }
    }

    /// Its numbers in the CIS AWS Foundations Benchmark and in Security Hub (user guide of 2023).
    pub fn references(self) -> &'static [Reference] {
        const fn cis(number: &'static str, version: &'static str) -> Reference {
            Reference { catalogue: version, number }
        }
        const CIS3: &str = "CIS AWS Foundations 3.0";
        const CIS5: &str = "CIS AWS Foundations 5.0";
        const CIS7: &str = "CIS AWS Foundations 7.0";
        const HUB: &str = "Security Hub";
        match self {
            Check::Quarantine | Check::CallerIsRoot | Check::KeyNeeded => &[],
            Check::RootKey => const { &[cis("1.4", CIS3), cis("1.3", CIS5), cis("2.4", CIS7), cis("IAM.4", HUB)] },
            Check::RootMfa => const { &[cis("1.5", CIS3), cis("1.4", CIS5), cis("2.5", CIS7), cis("IAM.9", HUB)] },
            Check::UserMfa => const { &[cis("1.10", CIS3), cis("1.9", CIS5), cis("2.10", CIS7), cis("IAM.19", HUB)] },
            Check::KeyAge => const { &[cis("1.14", CIS3), cis("1.13", CIS5), cis("2.12", CIS7), cis("IAM.3", HUB)] },
            Check::KeyUnused => const { &[cis("1.12", CIS3), cis("1.11", CIS5), cis("2.11", CIS7), cis("IAM.22", HUB)] },
            Check::TwoKeys => const { &[cis("1.13", CIS3), cis("1.12", CIS5)] },
            Check::Inline | Check::DirectAttach => const { &[cis("1.15", CIS3), cis("1.14", CIS5), cis("2.13", CIS7), cis("IAM.2", HUB)] },
            Check::Admin => const { &[cis("1.16", CIS3), cis("1.15", CIS5), cis("2.14", CIS7), cis("IAM.1", HUB), cis("IAM.21", HUB)] },
            Check::RootUsed => const { &[cis("1.7", CIS3), cis("1.6", CIS5), cis("2.7", CIS7), cis("IAM.20", HUB)] },
            Check::CentralRoot => const { &[cis("2.1.1", CIS7)] },
            Check::PolicyAlarm => const { &[cis("4.4", CIS3), cis("4.4", CIS5), cis("5.4", CIS7), cis("CloudWatch.4", HUB)] },
        }
    }
}
