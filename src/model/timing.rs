//! How long the protocol waits for what: one value, so that a test can scale all of it.

use std::time::Duration;

/// The waits of the rotation protocol.
///
/// The defaults follow what AWS says and people report of IAM's consistency: usually 3–15 s, up to 2 min.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// After this long IAM's answers are taken for settled.
    pub consistency_window: Duration,
    /// The first pause between two polls; later ones grow.
    pub poll: Duration,
    /// The longest pause between two polls.
    pub poll_max: Duration,
    /// The successes in a row that verify a key must span this long.
    pub verify_span: Duration,
    /// The same when the key was refused at least once: IAM is flapping.
    pub verify_span_flapping: Duration,
    /// How many successes in a row verify a key.
    pub verify_successes: u32,
    /// How long one run waits for a new key to be accepted.
    pub verify_cap: Duration,
    /// A new key that AWS does not accept for this long is given up.
    pub give_up: Duration,
    /// A listing older than this is taken again before CreateAccessKey.
    pub listing_max_age: Duration,
    /// How long a run waits for another keyrotate's lock.
    pub lock_wait: Duration,
    /// How long a program may take to print an MFA code: a person may have to find the key that it wants touched.
    pub code_wait: Duration,
    /// How long another program, such as the AWS CLI, may take for one call of its own.
    pub program_wait: Duration,
    /// How long a `credential_process` waits for other processes and programs together. The rest of [`Timing::PROCESS`] is for its calls.
    pub process_wait: Duration,
    /// The same where a person is asked, too; of [`Timing::PROCESS_WITH_PERSON`].
    pub process_wait_with_person: Duration,
    /// How long an MFA device shows a code (RFC 6238).
    pub code_step: Duration,
    /// A newcomer created this long after our request may be ours.
    pub suspect_span: Duration,
    /// How long a lost request for a key is remembered.
    pub intent_memory: Duration,
    /// How long an unattended run waits for the network after a wake.
    pub network_wait: Duration,
    /// How often it looks meanwhile.
    pub network_poll: Duration,
    /// How long one call to the keychain may take, a dialog of it included.
    pub keychain_wait: Duration,
    /// An unattended run begins a rotation after a random part of this.
    pub auto_spread: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            consistency_window: seconds(120),
            poll: seconds(1),
            poll_max: seconds(8),
            verify_span: seconds(5),
            verify_span_flapping: seconds(10),
            verify_successes: 4,
            verify_cap: seconds(120),
            give_up: seconds(3_600),
            listing_max_age: seconds(5),
            lock_wait: seconds(60),
            code_wait: seconds(60),
            program_wait: seconds(30),
            process_wait: seconds(15),
            process_wait_with_person: seconds(45),
            code_step: seconds(30),
            suspect_span: seconds(15 * 60),
            intent_memory: seconds(86_400),
            network_wait: seconds(300),
            network_poll: seconds(10),
            keychain_wait: seconds(10),
            auto_spread: seconds(300),
        }
    }
}

/// The text is not a time scale.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("KEYROTATE_TIME_SCALE=`{0}` is not a number above 0 and at most 1")]
pub struct BadTimeScale(pub String);

impl Timing {
    /// The whole of a `credential_process`. The SDK for Rust ends one after about 22 s (aws-smithy-runtime, `LazyCacheBuilder::load_timeout`),
    /// the one for Go after a minute (`processcreds.DefaultTimeout`), botocore never. No test scales it: a busy machine's calls take as long
    /// as they take.
    pub const PROCESS: Duration = Duration::from_secs(20);

    /// The same where a person is asked, who has to look for a phone: what is ended meanwhile is only the question.
    pub const PROCESS_WITH_PERSON: Duration = Duration::from_secs(55);

    /// The timing with every wait of a run multiplied by the number in `scale`. For tests against a loopback endpoint only:
    /// the caller checks that. The keychain and other programs of this machine need their moment at any scale. What is compared with AWS's own dates (`suspect_span`, `intent_memory`) keeps its length.
    pub fn scaled(self, scale: &str) -> Result<Self, BadTimeScale> {
        let factor: f64 = scale.parse().map_err(|_| BadTimeScale(scale.to_owned()))?;
        if !(factor > 0.0 && factor <= 1.0) {
            return Err(BadTimeScale(scale.to_owned()));
        }
        let of = |d: Duration| d.mul_f64(factor);
        Ok(Self {
            consistency_window: of(self.consistency_window),
            poll: of(self.poll),
            poll_max: of(self.poll_max),
            verify_span: of(self.verify_span),
            verify_span_flapping: of(self.verify_span_flapping),
            verify_cap: of(self.verify_cap),
            give_up: of(self.give_up),
            lock_wait: of(self.lock_wait),
            code_wait: of(self.code_wait),
            program_wait: of(self.program_wait).max(Duration::from_secs(10)),
            process_wait: of(self.process_wait),
            process_wait_with_person: of(self.process_wait_with_person),
            code_step: of(self.code_step),
            network_wait: of(self.network_wait),
            network_poll: of(self.network_poll),
            keychain_wait: of(self.keychain_wait).max(Duration::from_secs(3)),
            auto_spread: of(self.auto_spread),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_number_between_nought_and_one() {
        assert_eq!(Timing::default().scaled("0.1").map(|t| t.consistency_window), Ok(Duration::from_secs(12)));
        for bad in ["", "0", "-1", "2", "NaN", "fast"] {
            assert_eq!(Timing::default().scaled(bad), Err(BadTimeScale(bad.to_owned())));
        }
    }
}
