//! MFA devices and the codes that they show.
//!
//! Invariant: a code that is not six digits is no [`TokenCode`], so that nothing else is ever sent.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Arn;

/// What identifies an MFA device to AWS STS (`SerialNumber`): the ARN of a virtual device, or a hardware token's serial number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MfaSerial(String);

/// Why a text is no serial number of a device that shows codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnMfaSerial {
    /// A FIDO security key: it signs, and shows no code, which AWS's API asks for (IAM user guide, "Using FIDO2 security keys").
    #[error("`{0}` is a FIDO security key, which shows no code for AWS's API")]
    Fido(String),
    /// An ARN of something else, such as the user's own.
    #[error("`{0}` is not an MFA device: its ARN has `:mfa/` in it")]
    NotADevice(String),
    /// Neither an ARN nor 9 to 256 characters that STS takes.
    #[error("`{0}` is not the serial number of an MFA device")]
    Malformed(String),
}

/// What an MFA device is, as its serial number tells (IAM API reference, MFADevice; IAM user guide, "SMS MFA").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaKind {
    /// An app that shows codes.
    Virtual,
    /// A token that shows codes.
    Hardware,
    /// A passkey or FIDO security key, which shows none.
    Fido,
    /// A telephone that gets codes as text messages, which AWS has given up.
    Sms,
}

impl fmt::Display for MfaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MfaKind::Virtual => "virtual",
            MfaKind::Hardware => "hardware",
            MfaKind::Fido => "fido",
            MfaKind::Sms => "sms",
        })
    }
}

impl MfaKind {
    /// Whether AWS's API takes its codes.
    pub fn shows_codes(self) -> bool {
        matches!(self, MfaKind::Virtual | MfaKind::Hardware)
    }

    /// By the serial number: not every ARN is of a virtual device.
    pub fn of(serial: &str) -> Self {
        match Arn::parse(serial).as_ref().map(Arn::resource) {
            Err(_) => MfaKind::Hardware,
            Ok(resource) if resource.starts_with("u2f/") => MfaKind::Fido,
            Ok(resource) if resource.starts_with("sms-mfa/") => MfaKind::Sms,
            Ok(_) => MfaKind::Virtual,
        }
    }

    /// A word for it, with its article.
    pub fn word(self) -> &'static str {
        match self {
            MfaKind::Virtual => "the virtual device",
            MfaKind::Hardware => "the hardware token",
            MfaKind::Fido => "the security key",
            MfaKind::Sms => "the telephone",
        }
    }
}

impl MfaSerial {
    /// Reads a serial number as the STS API reference has it: 9 to 256 letters, digits and `_+=/:,.@-`.
    pub fn parse(text: &str) -> Result<Self, NotAnMfaSerial> {
        let own = || text.chars().take(256).collect::<String>();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=/:,.@-".contains(c);
        if !(9..=256).contains(&text.len()) || !text.chars().all(is_allowed) {
            return Err(NotAnMfaSerial::Malformed(own()));
        }
        if !text.starts_with("arn:") {
            return Ok(Self(text.to_owned()));
        }
        let arn = Arn::parse(text).map_err(|_| NotAnMfaSerial::Malformed(own()))?;
        match arn.resource().split('/').next() {
            Some("mfa") => Ok(Self(text.to_owned())),
            Some("u2f") => Err(NotAnMfaSerial::Fido(own())),
            Some(_) | None => Err(NotAnMfaSerial::NotADevice(own())),
        }
    }

    /// The account of the device; `None` of a hardware token's serial number.
    pub fn account(&self) -> Option<String> {
        Arn::parse(&self.0).ok().map(|arn| arn.account().to_owned())
    }

    /// Whether it has the name that AWS itself gives to a root user's virtual device; a person may have given another one.
    pub fn is_of_root(&self) -> bool {
        Arn::parse(&self.0).is_ok_and(|arn| arn.resource() == "mfa/root-account-mfa-device")
    }

    /// The serial number as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MfaSerial {
    type Error = NotAnMfaSerial;
    fn try_from(text: String) -> Result<Self, NotAnMfaSerial> {
        Self::parse(&text)
    }
}

impl From<MfaSerial> for String {
    fn from(serial: MfaSerial) -> String {
        serial.0
    }
}

impl fmt::Display for MfaSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Six digits of an MFA device. Good once, within the half minute in which it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenCode(Zeroizing<String>);

/// The text is no code. It is not quoted: it may be a password typed at the wrong question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token code is six digits")]
pub struct NotATokenCode;

impl TokenCode {
    /// Reads six digits; spaces between and around them, as authenticators show them, do not count.
    pub fn parse(text: &str) -> Result<Self, NotATokenCode> {
        let mut code = Zeroizing::new(String::with_capacity(6));
        for c in text.chars().filter(|c| !c.is_whitespace()) {
            if code.len() == 6 || !c.is_ascii_digit() {
                return Err(NotATokenCode);
            }
            code.push(c);
        }
        if code.len() == 6 { Ok(Self(code)) } else { Err(NotATokenCode) }
    }

    /// The six digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCode(redacted)")
    }
}

/// Two codes that a device shows one after the other, which AWS asks for where it learns of the device's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsecutiveCodes {
    /// The one that was shown first.
    pub first: TokenCode,
    /// The one after it.
    pub second: TokenCode,
}

/// Two codes are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is the same code again: wait until the device shows the next one")]
pub struct NotConsecutive;

impl ConsecutiveCodes {
    /// Refuses the same code twice.
    pub fn new(first: TokenCode, second: TokenCode) -> Result<Self, NotConsecutive> {
        if first == second { Err(NotConsecutive) } else { Ok(Self { first, second }) }
    }
}

/// What a virtual MFA device computes its codes from, in Base32 as AWS gives it. Whoever has it has the device. Wiped when dropped.
#[derive(Clone)]
pub struct MfaSeed(Zeroizing<String>);

impl MfaSeed {
    /// Reads Base32 without padding (RFC 4648); `None` where it is something else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let is_base32 = |byte: &u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(byte);
        if bytes.is_empty() || !bytes.iter().all(is_base32) {
            return None;
        }
        std::str::from_utf8(bytes).ok().map(|text| Self(Zeroizing::new(text.to_owned())))
    }

    /// The Base32 text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MfaSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MfaSeed(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_base32_and_is_not_printed() {
        assert_eq!(MfaSeed::parse(b"ABCZ2347").map(|seed| seed.expose().to_owned()), Some("ABCZ2347".to_owned()));
        for bad in [&b""[..], b"abc", b"A1", b"A=", b"A B", "Ä".as_bytes()] {
            assert!(MfaSeed::parse(bad).is_none(), "{bad:?}");
        }
        assert!(!format!("{:?}", MfaSeed::parse(b"ABCZ2347")).contains("ABC"));
    }

    #[test]
    fn one_code_is_not_two() {
        let code = |text| TokenCode::parse(text).unwrap();
        assert_eq!(ConsecutiveCodes::new(code("123456"), code("123 456")), Err(NotConsecutive));
        let codes = ConsecutiveCodes::new(code("123456"), code("012345")).unwrap();
        assert!(!format!("{codes:?}").contains("12345"));
    }

    #[test]
    fn a_serial_is_an_mfa_arn_or_a_hardware_token() {
        for good in ["arn:aws:iam::111122223333:mfa/dev", "arn:aws-cn:iam::111122223333:mfa/team/dev", "GAHT12345678"] {
            assert_eq!(MfaSerial::parse(good).map(String::from), Ok(good.to_owned()));
        }
        let fido = "arn:aws:iam::111122223333:u2f/user/dev/key-EXAMPLE";
        assert_eq!(MfaSerial::parse(fido), Err(NotAnMfaSerial::Fido(fido.to_owned())));
        let user = "arn:aws:iam::111122223333:user/dev";
        assert_eq!(MfaSerial::parse(user), Err(NotAnMfaSerial::NotADevice(user.to_owned())));
        for bad in ["", "short", "with a space in it", "arn:aws:iam", &"x".repeat(257)] {
            assert!(matches!(MfaSerial::parse(bad), Err(NotAnMfaSerial::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn a_code_is_six_digits_however_they_are_spaced() {
        for (text, code) in [("012345", "012345"), (" 123 456\n", "123456"), ("12 34 56", "123456")] {
            assert_eq!(TokenCode::parse(text).map(|code| code.expose().to_owned()), Ok(code.to_owned()));
        }
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "123 4567"] {
            assert_eq!(TokenCode::parse(text), Err(NotATokenCode), "{text}");
        }
        assert!(!format!("{:?}", TokenCode::parse("123456")).contains("123456"));
    }
}
