//! Token codes of a virtual MFA device (RFC 6238: 30 s steps, six digits, HMAC-SHA-1). Pure.

use super::state::BASE32;

/// The 30 s step of an instant in seconds since 1970.
pub fn step(at: f64) -> i64 {
    (at / 30.0).floor() as i64
}

/// The code of this step.
pub fn code(seed: &[u8], step: i64) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let digest = tag.as_ref();
    let at = usize::from(digest[digest.len() - 1] & 15);
    let word = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", word % 1_000_000)
}

/// What Base32 without padding stands for.
pub fn from_base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for sign in text.bytes() {
        let value = BASE32.iter().position(|own| *own == sign).expect("a sign of Base32");
        (bits, count) = (bits << 5 | value as u32, count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}
