//! What went wrong in a call, in terms that the protocol decides by.
//!
//! Every code of AWS is classified once, here, by [`classify`]. Invariant: an error holds no secret and no body of an answer;
//! its message is bounded.

use std::fmt;

/// A call to AWS that did not succeed. `Display` gives `iam:ListAccessKeys answered AccessDenied: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// The operation as IAM policies name it, such as `iam:ListAccessKeys`.
    pub operation: &'static str,
    /// What it means.
    pub kind: ErrorKind,
    /// AWS's error code, where there was an answer that had one.
    pub code: Option<String>,
    /// AWS's words, or ours where AWS said nothing. No secret, at most [`AwsError::LONGEST_MESSAGE`] characters.
    pub message: String,
    /// No attempt of this call can have taken effect.
    pub(super) without_effect: bool,
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// AWS does not know the access key: too young, inactive, deleted; also an IAM call signed by a session without MFA.
    NotYetValid,
    /// The signature is wrong though the clock is right: the secret is not the key's, or the key is too young.
    BadSignature,
    /// The signature's time is not acceptable: this machine's clock is wrong.
    ClockSkew,
    /// Not allowed. `explicit`: a policy denies it in so many words, so that no further permission helps.
    Denied {
        /// AWS's message says "with an explicit deny".
        explicit: bool,
    },
    /// Too many requests.
    Throttled,
    /// NoSuchEntity: the user or key is not there, or no longer under this name. ResourceNotFoundException: no such secret, or no value in it.
    Gone,
    /// The secret is marked for deletion.
    PendingDeletion,
    /// The KMS key of a secret refuses to decrypt or encrypt: disabled, deleted, or not allowed to who asks.
    Kms,
    /// A quota is used up, such as two access keys per user.
    LimitExceeded,
    /// Somebody else is changing the same thing.
    Conflict,
    /// The session has expired.
    Expired,
    /// AWS had a fault of its own (5xx).
    Server,
    /// No answer came.
    Unreachable(Unreachable),
    /// An answer came that cannot be read as AWS's.
    Garbled,
    /// Any other refusal.
    Other,
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// Nothing listens there.
    Refused,
    /// The name has no address.
    Dns,
    /// No answer in time.
    Timeout,
    /// The proxy cannot be reached, or will not let the request through.
    ProxyRefused,
    /// The certificate was issued by an authority that is not trusted here.
    UnknownCa,
    /// Another fault of TLS.
    Tls,
    /// The connection was cut before the whole answer was here.
    Reset,
    /// Anything else, such as no network.
    Other,
}

/// What AWS did not like about a token code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaRefusal {
    /// The code: wrong, used before, or of another half minute. AWS does not say which.
    Code,
    /// The device: not this user's.
    Serial,
}

impl AwsError {
    /// What is wrong with the MFA of a call to STS.
    ///
    /// QUIRK(sts): both are AccessDenied; only the message differs.
    pub fn mfa_refusal(&self) -> Option<MfaRefusal> {
        let is_denied = matches!(self.kind, ErrorKind::Denied { .. });
        if is_denied && self.message.contains("invalid MFA one time pass code") {
            Some(MfaRefusal::Code)
        } else if is_denied && self.message.contains("unable to validate MFA code") {
            Some(MfaRefusal::Serial)
        } else {
            None
        }
    }

    /// Whether something of this name is there already, so that nothing was made.
    pub fn is_name_taken(&self) -> bool {
        self.kind != ErrorKind::Server && self.code.as_deref() == Some("EntityAlreadyExists")
    }

    /// Whether AWS did not take two codes of an MFA device.
    ///
    /// QUIRK(iam): STS has AccessDenied for it, IAM a code of its own; whether a code was wrong or used neither of them says.
    pub fn is_invalid_codes(&self) -> bool {
        self.kind != ErrorKind::Server && self.code.as_deref() == Some("InvalidAuthenticationCode")
    }

    /// Whether a virtual MFA device is assigned to a user, so that it was not deleted.
    pub fn is_in_use(&self) -> bool {
        self.kind != ErrorKind::Server && self.code.as_deref() == Some("DeleteConflict")
    }

    /// The most characters that a message has.
    pub const LONGEST_MESSAGE: usize = 500;

    pub(super) fn new(operation: &'static str, kind: ErrorKind, code: Option<String>, message: &str) -> Self {
        Self { operation, kind, code, message: tidy(message), without_effect: false }
    }

    /// An answer that lacks something or holds nonsense, so that the call may have taken effect; `what` says so without quoting it.
    pub fn garbled(operation: &'static str, what: &str) -> Self {
        Self::new(operation, ErrorKind::Garbled, None, what)
    }

    /// The refusal that the only attempt of a call was answered with. Definitive, if it is a 4xx of AWS's.
    pub fn answered(operation: &'static str, status: u16, code: &str, message: &str) -> Self {
        let kind = classify(status, Some(code), message);
        Self { without_effect: kind.is_refusal(), ..Self::new(operation, kind, Some(code.to_owned()), message) }
    }

    /// The only attempt of a call got no answer. Definitive, if it never left this machine.
    pub fn unanswered(operation: &'static str, why: Unreachable, message: &str) -> Self {
        let kind = ErrorKind::Unreachable(why);
        Self { without_effect: kind.is_before_sending(), ..Self::new(operation, kind, None, message) }
    }

    /// An error as AWS might give it.
    #[cfg(test)]
    pub(crate) fn for_tests(operation: &'static str, kind: ErrorKind, without_effect: bool) -> Self {
        Self { without_effect, ..Self::new(operation, kind, None, "") }
    }

    /// Whether AWS does not take the key that signed: too young, inactive, deleted, or not with this secret. Nothing was changed then.
    pub fn refuses_the_key(&self) -> bool {
        match self.kind {
            ErrorKind::NotYetValid | ErrorKind::BadSignature => true,
            ErrorKind::ClockSkew | ErrorKind::Denied { .. } | ErrorKind::Throttled | ErrorKind::Gone => false,
            ErrorKind::LimitExceeded | ErrorKind::Conflict | ErrorKind::Expired | ErrorKind::Server => false,
            ErrorKind::Unreachable(_) | ErrorKind::Garbled | ErrorKind::Other | ErrorKind::PendingDeletion | ErrorKind::Kms => false,
        }
    }

    /// Whether a policy denies it in so many words, as one that wants MFA does.
    pub fn is_explicit_deny(&self) -> bool {
        self.kind == ErrorKind::Denied { explicit: true }
    }

    /// Whether a secret is not there. QUIRK(secretsmanager): one that has no value has the same code.
    pub fn is_no_such_secret(&self) -> bool {
        self.kind == ErrorKind::Gone && !self.message.contains("secret value")
    }

    /// Whether this call changed nothing at AWS for certain: AWS refused every attempt with a 4xx that could be read, or the only
    /// attempt never left this machine (nothing listens, no address, the proxy refused, the certificate is not trusted).
    ///
    /// `false` means that it may have taken effect: timeout, cut connection, 5xx, an answer that cannot be read, now or at an
    /// earlier attempt of the same call.
    pub fn is_definitive(&self) -> bool {
        self.without_effect
    }

    /// Whether the same call may succeed in a while: throttled, 5xx, unreachable, or an answer that cannot be read.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            ErrorKind::Throttled | ErrorKind::Server | ErrorKind::Unreachable(_) | ErrorKind::Garbled => true,
            ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::ClockSkew | ErrorKind::Denied { .. } => false,
            ErrorKind::Gone | ErrorKind::LimitExceeded | ErrorKind::Conflict | ErrorKind::Expired | ErrorKind::Other => false,
            ErrorKind::PendingDeletion | ErrorKind::Kms => false,
        }
    }
}

impl ErrorKind {
    /// Whether this is an answer by which AWS refuses a request.
    pub(super) fn is_refusal(self) -> bool {
        match self {
            ErrorKind::Server | ErrorKind::Unreachable(_) | ErrorKind::Garbled => false,
            ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::ClockSkew | ErrorKind::Denied { .. } => true,
            ErrorKind::Throttled | ErrorKind::Gone | ErrorKind::LimitExceeded | ErrorKind::Conflict => true,
            ErrorKind::Expired | ErrorKind::Other | ErrorKind::PendingDeletion | ErrorKind::Kms => true,
        }
    }

    /// Whether no request can have left this machine.
    pub(super) fn is_before_sending(self) -> bool {
        match self {
            ErrorKind::Unreachable(Unreachable::Refused | Unreachable::Dns | Unreachable::ProxyRefused | Unreachable::UnknownCa) => true,
            ErrorKind::Unreachable(Unreachable::Timeout | Unreachable::Tls | Unreachable::Reset | Unreachable::Other) => false,
            ErrorKind::Server | ErrorKind::Garbled | ErrorKind::NotYetValid | ErrorKind::BadSignature | ErrorKind::ClockSkew => false,
            ErrorKind::Denied { .. } | ErrorKind::Throttled | ErrorKind::Gone | ErrorKind::LimitExceeded => false,
            ErrorKind::Conflict | ErrorKind::Expired | ErrorKind::Other | ErrorKind::PendingDeletion | ErrorKind::Kms => false,
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} answered {code}", self.operation)?,
            None => write!(f, "{} got no usable answer", self.operation)?,
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl std::error::Error for AwsError {}

/// What an answer means, by its HTTP status, error code and message. The only place where AWS's codes are read.
///
/// An answer without a code is not AWS's, whatever its status: a proxy, a captive portal.
pub(super) fn classify(status: u16, code: Option<&str>, message: &str) -> ErrorKind {
    let Some(code) = code else { return if status >= 500 { ErrorKind::Server } else { ErrorKind::Garbled } };
    if !(400..500).contains(&status) {
        // An error's code under a 2xx or 3xx proves neither that it was done nor that it was not.
        return if status >= 500 { ErrorKind::Server } else { ErrorKind::Garbled };
    }
    match code {
        // QUIRK(iam): IAM and STS say the first, Secrets Manager and CloudWatch the second, S3 the third.
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => ErrorKind::NotYetValid,
        "SignatureDoesNotMatch" | "InvalidSignatureException" if is_about_time(message) => ErrorKind::ClockSkew,
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "IncompleteSignature" => ErrorKind::BadSignature,
        "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture" => ErrorKind::ClockSkew,
        // QUIRK(secretsmanager): a KMS key that may not be used has the code of a missing permission; only the message differs.
        "AccessDeniedException" if is_about_kms(message) => ErrorKind::Kms,
        "DecryptionFailure" | "EncryptionFailure" => ErrorKind::Kms,
        "KMSAccessDeniedException" | "KMSDisabledException" | "KMSInvalidStateException" | "KMSNotFoundException" => ErrorKind::Kms,
        // QUIRK(secretsmanager): one code for everything that the secret's state forbids; the message tells what.
        "InvalidRequestException" if PENDING.iter().any(|words| message.contains(words)) => ErrorKind::PendingDeletion,
        // QUIRK(sns): the last is SNS's.
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" | "AuthorizationError" => {
            ErrorKind::Denied { explicit: message.contains("explicit deny") }
        }
        "Throttling" | "ThrottlingException" | "ThrottledException" | "RequestThrottled" | "RequestThrottledException" => {
            ErrorKind::Throttled
        }
        "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown" | "PriorRequestNotComplete" => ErrorKind::Throttled,
        // QUIRK(sns): SNS and CloudWatch leave out the end of the name.
        "NoSuchEntity" | "NoSuchEntityException" | "ResourceNotFoundException" | "NotFound" | "ResourceNotFound" => ErrorKind::Gone,
        // QUIRK(iam): the API reference heads it LimitExceededException; the wire says LimitExceeded, 409.
        "LimitExceeded" | "LimitExceededException" => ErrorKind::LimitExceeded,
        "EntityTemporarilyUnmodifiable" | "EntityTemporarilyUnmodifiableException" => ErrorKind::Conflict,
        "ConcurrentModification" | "ConcurrentModificationException" | "ResourceExistsException" => ErrorKind::Conflict,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => ErrorKind::Expired,
        // AWS gave up waiting for the rest of the request: nothing is known of what it did with the beginning.
        "RequestTimeout" | "RequestTimeoutException" => ErrorKind::Server,
        _ if status == 429 => ErrorKind::Throttled,
        _ => ErrorKind::Other,
    }
}

/// What Secrets Manager says of a secret that is being deleted, the last of a new one with its name.
const PENDING: [&str; 3] = ["marked for deletion", "marked deleted", "scheduled for deletion"];

/// QUIRK(iam): a wrong clock has the code of a wrong secret; only the message differs ("Signature expired: …", "Signature not
/// yet current: …").
fn is_about_time(message: &str) -> bool {
    message.starts_with("Signature expired") || message.starts_with("Signature not yet current")
}

/// "Access to KMS is not allowed", or a missing `kms:Decrypt` in so many words.
fn is_about_kms(message: &str) -> bool {
    message.contains("Access to KMS is not allowed") || message.contains("to perform: kms:") || message.contains("AWS KMS")
}

/// One line of bounded length, without what AWS quotes of the request.
fn tidy(message: &str) -> String {
    // QUIRK(iam): "The Canonical String for this request should have been …" follows a blank line and repeats the headers.
    let first = message.trim().lines().next().unwrap_or_default();
    let line: String = first.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    let line = if line.ends_with("...") { line } else { line.trim_end_matches('.') };
    match line.char_indices().nth(AwsError::LONGEST_MESSAGE) {
        Some(_) => line.chars().take(AwsError::LONGEST_MESSAGE - 1).chain(['…']).collect(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_means_one_thing() {
        let explicit = "User: arn:aws:iam::1:user/a is not authorized to perform: x with an explicit deny in an identity-based policy";
        let expired = "Signature expired: 20240101T000000Z is now earlier than 20240101T025500Z (20240101T031000Z - 15 min.)";
        for (status, code, message, kind) in [
            (403, "InvalidClientTokenId", "The security token included in the request is invalid.", ErrorKind::NotYetValid),
            (400, "UnrecognizedClientException", "", ErrorKind::NotYetValid),
            (403, "InvalidAccessKeyId", "", ErrorKind::NotYetValid),
            (403, "SignatureDoesNotMatch", "The request signature we calculated does not match", ErrorKind::BadSignature),
            (403, "SignatureDoesNotMatch", expired, ErrorKind::ClockSkew),
            (403, "SignatureDoesNotMatch", "Signature not yet current: 2024 is still later than 2023", ErrorKind::ClockSkew),
            (400, "IncompleteSignature", "", ErrorKind::BadSignature),
            (400, "RequestExpired", "", ErrorKind::ClockSkew),
            (403, "AccessDenied", "is not authorized because no identity-based policy allows", ErrorKind::Denied { explicit: false }),
            (403, "AccessDenied", explicit, ErrorKind::Denied { explicit: true }),
            (403, "AuthorizationError", explicit, ErrorKind::Denied { explicit: true }),
            (400, "AccessDeniedException", "Access to KMS is not allowed", ErrorKind::Kms),
            (400, "AccessDeniedException", "is not authorized to perform: kms:Decrypt on the resource", ErrorKind::Kms),
            (400, "DecryptionFailure", "", ErrorKind::Kms),
            (400, "EncryptionFailure", "", ErrorKind::Kms),
            (400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.", ErrorKind::Gone),
            (400, "ResourceExistsException", "", ErrorKind::Conflict),
            (400, "InvalidRequestException", "because it was marked for deletion.", ErrorKind::PendingDeletion),
            (400, "InvalidRequestException", "a secret with this name is already scheduled for deletion.", ErrorKind::PendingDeletion),
            (400, "InvalidRequestException", "You provided a parameter value that is not valid", ErrorKind::Other),
            (500, "InternalServiceError", "", ErrorKind::Server),
            (400, "Throttling", "Rate exceeded", ErrorKind::Throttled),
            (429, "Whatever", "", ErrorKind::Throttled),
            (404, "NoSuchEntity", "", ErrorKind::Gone),
            (409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", ErrorKind::LimitExceeded),
            (409, "EntityTemporarilyUnmodifiable", "", ErrorKind::Conflict),
            (409, "ConcurrentModification", "", ErrorKind::Conflict),
            (403, "ExpiredToken", "", ErrorKind::Expired),
            (400, "RequestTimeout", "", ErrorKind::Server),
            (500, "ServiceFailure", "", ErrorKind::Server),
            (503, "Throttling", "", ErrorKind::Server),
            (400, "ValidationError", "", ErrorKind::Other),
            (200, "AccessDenied", "", ErrorKind::Garbled),
        ] {
            assert_eq!(classify(status, Some(code), message), kind, "{status} {code} {message}");
        }
    }

    #[test]
    fn an_answer_without_a_code_is_not_from_aws() {
        for (status, kind) in [(200, ErrorKind::Garbled), (302, ErrorKind::Garbled), (403, ErrorKind::Garbled), (502, ErrorKind::Server)] {
            assert_eq!(classify(status, None, ""), kind, "{status}");
        }
    }

    #[test]
    fn the_message_is_one_short_line() {
        assert_eq!(
            tidy("does not match. Check it.\n\nThe Canonical String for this request\nx-amz-security-token:canary"),
            "does not match. Check it"
        );
        assert_eq!(tidy("a\u{1b}[31mb\n"), "a [31mb");
        assert_eq!(tidy(&"ä".repeat(9_999)).chars().count(), AwsError::LONGEST_MESSAGE);
    }

    #[test]
    fn what_iam_says_of_devices_counts_only_where_it_is_a_refusal() {
        for (code, says) in [
            ("EntityAlreadyExists", AwsError::is_name_taken as fn(&AwsError) -> bool),
            ("InvalidAuthenticationCode", AwsError::is_invalid_codes),
            ("DeleteConflict", AwsError::is_in_use),
        ] {
            let told = [409, 500].map(|status| says(&AwsError::answered("iam:EnableMFADevice", status, code, "")));
            assert_eq!(told, [true, false], "{code}");
        }
    }

    #[test]
    fn only_a_refusal_and_a_call_that_never_left_are_definitive() {
        assert!(AwsError::answered("iam:CreateAccessKey", 409, "LimitExceeded", "").is_definitive());
        assert!(!AwsError::answered("iam:CreateAccessKey", 500, "ServiceFailure", "").is_definitive());
        assert!(AwsError::unanswered("iam:CreateAccessKey", Unreachable::Refused, "").is_definitive());
        assert!(!AwsError::unanswered("iam:CreateAccessKey", Unreachable::Timeout, "").is_definitive());
    }

    #[test]
    fn display_reads_as_a_sentence() {
        let denied = AwsError::new("iam:ListAccessKeys", ErrorKind::Other, Some("AccessDenied".into()), "no.");
        assert_eq!(denied.to_string(), "iam:ListAccessKeys answered AccessDenied: no");
        let lost = AwsError::new("iam:CreateAccessKey", ErrorKind::Garbled, None, "the answer ends too soon");
        assert_eq!(lost.to_string(), "iam:CreateAccessKey got no usable answer: the answer ends too soon");
    }
}
