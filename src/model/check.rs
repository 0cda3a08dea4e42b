//! The names of what an audit checks.
//!
//! Invariant: an id never changes and is never given to another check.

/// One practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// AWS did not find a key of the user in public.
    Quarantine,
    /// Whoever asks is not the root user.
    CallerIsRoot,
    /// The root user has no access key.
    RootKey,
    /// The root user has an MFA device.
    RootMfa,
    /// The user has an MFA device, with a password or without.
    UserMfa,
    /// No active key is older than its limit.
    KeyAge,
    /// Every active key is used.
    KeyUnused,
    /// There is no evidence that a key could be done without.
    KeyNeeded,
    /// There is one active key at most.
    TwoKeys,
    /// Neither the user nor its groups have inline policies.
    Inline,
    /// The user has its permissions through groups only.
    DirectAttach,
    /// The user may not do everything.
    Admin,
    /// Nobody works as the root user.
    RootUsed,
    /// The organization manages the root credentials of its members.
    CentralRoot,
    /// Somebody hears of it when an IAM policy changes.
    PolicyAlarm,
}

impl Check {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Check; 15] = [
        Check::Quarantine,
        Check::CallerIsRoot,
        Check::RootKey,
        Check::RootMfa,
        Check::UserMfa,
        Check::KeyAge,
        Check::KeyUnused,
        Check::KeyNeeded,
        Check::TwoKeys,
        Check::Inline,
        Check::DirectAttach,
        Check::Admin,
        Check::RootUsed,
        Check::CentralRoot,
        Check::PolicyAlarm,
    ];

    /// The stable name.
    pub fn id(self) -> &'static str {
        match self {
            Check::Quarantine => "QUARANTINE",
            Check::CallerIsRoot => "CALLER-IS-ROOT",
            Check::RootKey => "ROOT-KEY",
            Check::RootMfa => "ROOT-MFA",
            Check::UserMfa => "USER-MFA",
            Check::KeyAge => "KEY-AGE",
            Check::KeyUnused => "KEY-UNUSED",
            Check::KeyNeeded => "KEY-NEEDED",
            Check::TwoKeys => "TWO-KEYS",
            Check::Inline => "INLINE",
            Check::DirectAttach => "DIRECT-ATTACH",
            Check::Admin => "ADMIN",
            Check::RootUsed => "ROOT-USED",
            Check::CentralRoot => "CENTRAL-ROOT",
            Check::PolicyAlarm => "POLICY-ALARM",
        }
    }

    /// The check with this stable name, in any case.
    pub fn named(id: &str) -> Option<Check> {
        Check::ALL.into_iter().find(|check| check.id().eq_ignore_ascii_case(id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_check_is_found_by_its_id_and_by_no_other() {
        let ids: BTreeSet<&str> = Check::ALL.iter().map(|check| check.id()).collect();
        assert_eq!(ids.len(), Check::ALL.len());
        for check in Check::ALL {
            assert_eq!(Check::named(&check.id().to_lowercase()), Some(check));
        }
        assert_eq!(Check::named("ROOT"), None);
    }
}
