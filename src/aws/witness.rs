//! What is seen of a call's requests and answers on the way: the route, AWS's clock, attempts that may have taken effect.
//!
//! Invariant: it looks at a request's address and at an answer's status, `Date` and last characters; it keeps no body.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use chrono::TimeDelta;
use http::Uri;

use super::server_time::{self, ServerClock};

/// One call's witness, handed to the SDK's client as an interceptor. Clones look at the same call.
#[derive(Clone, Debug)]
pub(super) struct Witness(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    operation: &'static str,
    clock: Arc<ServerClock>,
    skew: Mutex<Option<TimeDelta>>,
    uri: Mutex<Option<Uri>>,
    unclear_attempts: AtomicU32,
    torn: AtomicBool,
}

impl Witness {
    /// A witness of a call to `operation` (as IAM policies name it) that tells `clock` every server time that it sees.
    pub(super) fn new(operation: &'static str, clock: Arc<ServerClock>) -> Self {
        let seen = Seen {
            operation,
            clock,
            skew: Mutex::default(),
            uri: Mutex::default(),
            unclear_attempts: AtomicU32::new(0),
            torn: AtomicBool::new(false),
        };
        Self(Arc::new(seen))
    }

    /// Where the latest request went.
    pub(super) fn uri(&self) -> Option<Uri> {
        self.0.uri.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How far this machine's clock was behind at this call's latest answer.
    pub(super) fn skew(&self) -> Option<TimeDelta> {
        *self.0.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many attempts ended in anything but a refusal (4xx).
    pub(super) fn unclear_attempts(&self) -> u32 {
        self.0.unclear_attempts.load(Ordering::Relaxed)
    }

    /// Whether an answer that the SDK accepted ends in the middle, or is not the operation's.
    pub(super) fn saw_a_torn_answer(&self) -> bool {
        self.0.torn.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Witness {
    fn name(&self) -> &'static str {
        "Witness"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.uri.lock().unwrap_or_else(PoisonError::into_inner) = context.request().uri().parse().ok();
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        // An answer from a cache (RFC 9111, `Age`) tells an old time.
        if headers.get("age").is_none()
            && let Some(reading) = headers.get("date").and_then(server_time::read)
        {
            self.0.clock.set(reading);
            *self.0.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading.skew);
        }
        Ok(())
    }

    // QUIRK(sdk): its XML reader takes the end of the text for the end of every open element, so that a listing cut in the
    // middle reads as a shorter one.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success() && !response.body().bytes().is_some_and(|body| is_whole(self.0.operation, body)) {
            self.0.torn.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !context.response().is_some_and(|response| response.status().is_client_error()) {
            self.0.unclear_attempts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The calls in JSON or CBOR whose operation has no output.
const NO_OUTPUT: [&str; 6] = [
    "cloudwatch:DeleteAlarms",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:SetAlarmState",
    "events:DeleteRule",
    "logs:DeleteMetricFilter",
    "logs:PutMetricFilter",
];

/// Whether the text is closed: JSON by its last brace, XML by the root element of the operation's own answer, `</ListAccessKeysResponse>`: neither cut off nor
/// the `</ErrorResponse>` that something in between sent with the status of a success. CBOR counts its parts, so that the SDK's reader takes no half of it;
/// it begins with a map. What has no output in the service's model is answered with nothing.
fn is_whole(operation: &str, body: &[u8]) -> bool {
    let (service, action) = operation.split_once(':').unwrap_or_default();
    match service {
        "logs" | "events" | "cloudwatch" if body.is_empty() => NO_OUTPUT.contains(&operation),
        "secretsmanager" | "cloudtrail" | "logs" | "events" => body.trim_ascii_end().ends_with(b"}"),
        "cloudwatch" => body.first().is_some_and(|first| first >> 5 == 5),
        _ => body.trim_ascii_end().ends_with(format!("</{action}Response>").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_root_is_closed() {
        assert!(is_whole("iam:ListAccessKeys", b"<ListAccessKeysResponse>...</ListAccessKeysResponse>\n"));
        for torn in ["", "<ListAccessKeysResponse><ListAccessKeysResult><member>", "<html></html>", "<ErrorResponse></ErrorResponse>"] {
            assert!(!is_whole("iam:ListAccessKeys", torn.as_bytes()), "{torn}");
        }
        let describe = "secretsmanager:DescribeSecret";
        assert!(is_whole(describe, b"{\"ARN\":\"a\"}\n") && !is_whole(describe, b"{\"ARN\":\"a"));
        let alarms = "cloudwatch:DescribeAlarmsForMetric";
        assert!(is_whole(alarms, b"\xa0") && is_whole(alarms, b"\xbf\xff") && !is_whole(alarms, b"") && !is_whole(alarms, b"<html>"));
        for nothing in NO_OUTPUT {
            assert!(is_whole(nothing, b"") && !is_whole(nothing, b"<html>"), "{nothing}");
        }
        assert!(!is_whole("logs:DescribeMetricFilters", b""));
    }
}
