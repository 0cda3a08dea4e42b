//! What an authenticator reads: the seed as an address, and as text to type.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::model::MfaSeed;

/// Apps read `+` as a space, and end the label at `?` and `:`.
const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address as AWS's own QR code has it. The label names the device, so that a second one does not replace the first in the app.
pub fn address(name: &str, account: &str, seed: &MfaSeed) -> Zeroizing<String> {
    let (label, secret) = (utf8_percent_encode(name, LABEL), seed.expose());
    // SECRET: shown at the terminal, and nowhere else.
    Zeroizing::new(format!("otpauth://totp/Amazon%20Web%20Services:{label}@{account}?secret={secret}&issuer=Amazon%20Web%20Services"))
}

/// The Base32 text in groups of four, for who types it.
pub fn in_groups(seed: &MfaSeed) -> Zeroizing<String> {
    let text = seed.expose();
    let mut groups = Zeroizing::new(String::with_capacity(text.len() * 5 / 4 + 1));
    for (at, sign) in text.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            groups.push(' ');
        }
        groups.push(sign);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_names_issuer_device_and_account() {
        let seed = MfaSeed::parse(b"ABCDEFGHIJ").unwrap();
        assert_eq!(
            *address("dev+ci=1@example.com", "111122223333", &seed),
            "otpauth://totp/Amazon%20Web%20Services:dev%2Bci%3D1%40example.com@111122223333?secret=ABCDEFGHIJ&issuer=Amazon%20Web%20Services"
        );
        assert_eq!(*in_groups(&seed), "ABCD EFGH IJ");
    }
}
