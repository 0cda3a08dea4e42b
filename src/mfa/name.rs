//! What a new device is called.

use crate::model::{Identity, MfaSerial};

/// A user has so many devices at most (IAM user guide, "IAM and AWS STS quotas").
pub const MOST: usize = 8;

/// So many names are tried.
const NAMES: usize = 100;

/// `wanted`, else `wanted-2` and so on: the first that is not taken.
pub fn free_name(wanted: &str, is_taken: impl Fn(&str) -> bool) -> Option<String> {
    let numbered = (2..=NAMES).map(|number| format!("{wanted}-{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !is_taken(name))
}

/// The ARN that a virtual device of this name gets in the user's account; `None` where no device can be called so (IAM API reference,
/// CreateVirtualMFADevice). So a name is also one of a file.
pub fn serial(identity: &Identity, name: &str) -> Option<MfaSerial> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let arn = || format!("arn:{}:iam::{}:mfa/{name}", identity.arn.partition(), identity.account);
    let is_name = !name.is_empty() && name.chars().all(is_allowed);
    is_name.then(arn).and_then(|arn| MfaSerial::parse(&arn).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arn;

    #[test]
    fn the_first_name_that_nobody_has_is_taken() {
        for (taken, name) in [(&[][..], "dev"), (&["dev"], "dev-2"), (&["dev", "dev-2", "dev-4"], "dev-3")] {
            assert_eq!(free_name("dev", |name| taken.contains(&name)).as_deref(), Some(name));
        }
        assert_eq!(free_name("dev", |_| true), None);
    }

    #[test]
    fn the_serial_is_of_the_users_partition_and_account() {
        let arn = Arn::parse("arn:aws-cn:iam::111122223333:user/team/dev").unwrap();
        let identity = Identity { account: "111122223333".into(), arn, user_id: "AIDAEXAMPLE".into() };
        assert_eq!(serial(&identity, "phone").map(String::from), Some("arn:aws-cn:iam::111122223333:mfa/phone".to_owned()));
        for bad in ["", "a b", "a/b", "../a", "a:b", "ä"] {
            assert_eq!(serial(&identity, bad), None, "{bad}");
        }
    }
}
