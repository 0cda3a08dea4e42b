//! One call to one operation: the client that makes it, and how its outcome is read.
//!
//! Invariant: a client holds exactly one signer, corrects no clock in silence, and CreateAccessKey is sent at most once.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{FrameworkMetadata, StalledStreamProtectionConfig};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use chrono::TimeDelta;

use super::error::{AwsError, ErrorKind, classify};
use super::http::CONNECT_TIMEOUT;
use super::server_time::describe_skew;
use super::unreachable::{self, Route};
use super::witness::Witness;
use super::{Aws, Signer};
use crate::os::clock;

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);

/// Below this a signature out of time is not the clock's fault: the request was held up on its way.
const NOTABLE_SKEW: TimeDelta = TimeDelta::minutes(1);

/// A call that is about to be made.
pub(super) struct Call<'a> {
    aws: &'a Aws,
    signer: &'a Signer,
    operation: &'static str,
    region: String,
    attempts: Attempts,
    witness: Witness,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempts {
    /// Up to three, on pooled connections.
    Several,
    /// One, on a connection of its own: a pooled one may be dead, and a lost answer must not become a second key.
    Once,
}

// The SDK's crates have the same builder under different types.
macro_rules! client {
    ($sdk:ident, $call:expr, $endpoint:expr) => {{
        let call: &Call<'_> = $call;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(clock::left(ATTEMPT_TIMEOUT, call.aws.until))
            .operation_timeout(clock::left(OPERATION_TIMEOUT, call.aws.until));
        let mut config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new(call.region.clone()))
            .credentials_provider(call.signer.credentials())
            .timeout_config(timeouts.build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .disable_clock_skew_correction(true)
            .interceptor(call.witness.clone());
        config = match call.attempts {
            Attempts::Several => {
                config.http_client(call.aws.connections.clone()).retry_config(RetryConfig::standard().with_max_attempts(3))
            }
            Attempts::Once => config.http_client(call.aws.connections.fresh()).retry_config(RetryConfig::disabled()),
        };
        if let Ok(name) = FrameworkMetadata::new("keyrotate", Some(env!("CARGO_PKG_VERSION"))) {
            config = config.framework_metadata(name);
        }
        config.set_endpoint_url($endpoint.clone());
        $sdk::Client::from_conf(config.build())
    }};
}

impl<'a> Call<'a> {
    /// A call that may be repeated; `operation` as IAM policies name it.
    pub(super) fn new(aws: &'a Aws, signer: &'a Signer, operation: &'static str) -> Self {
        let (region, witness) = (aws.region.clone(), Witness::new(operation, Arc::clone(&aws.clock)));
        Self { aws, signer, operation, region, attempts: Attempts::Several, witness }
    }

    /// A call that is sent once, on a connection of its own.
    pub(super) fn once(aws: &'a Aws, signer: &'a Signer, operation: &'static str) -> Self {
        Self { attempts: Attempts::Once, ..Self::new(aws, signer, operation) }
    }

    /// The same in another region, where one is named.
    pub(super) fn in_region(self, region: Option<&str>) -> Self {
        Self { region: region.map_or(self.region, str::to_owned), ..self }
    }

    pub(super) fn iam(&self) -> aws_sdk_iam::Client {
        client!(aws_sdk_iam, self, self.aws.endpoints.iam)
    }

    pub(super) fn sts(&self) -> aws_sdk_sts::Client {
        client!(aws_sdk_sts, self, self.aws.endpoints.sts)
    }

    pub(super) fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        client!(aws_sdk_secretsmanager, self, self.aws.endpoints.secrets_manager)
    }

    #[cfg(feature = "alarm")]
    pub(super) fn cloudtrail(&self) -> aws_sdk_cloudtrail::Client {
        client!(aws_sdk_cloudtrail, self, self.aws.endpoints.cloudtrail)
    }

    #[cfg(feature = "alarm")]
    pub(super) fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        client!(aws_sdk_cloudwatch, self, self.aws.endpoints.cloudwatch)
    }

    #[cfg(feature = "alarm")]
    pub(super) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        client!(aws_sdk_cloudwatchlogs, self, self.aws.endpoints.cloudwatch_logs)
    }

    #[cfg(feature = "alarm")]
    pub(super) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        client!(aws_sdk_eventbridge, self, self.aws.endpoints.eventbridge)
    }

    #[cfg(feature = "alarm")]
    pub(super) fn sns(&self) -> aws_sdk_sns::Client {
        client!(aws_sdk_sns, self, self.aws.endpoints.sns)
    }

    /// Reads the outcome. An answer that the SDK took although it is torn is an error here.
    pub(super) fn finish<T, E>(&self, outcome: Result<T, SdkError<E, HttpResponse>>) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match outcome {
            Ok(_) if self.witness.saw_a_torn_answer() => Err(self.garbled("the answer ends in the middle or is no answer to this call")),
            Ok(output) => Ok(output),
            Err(error) => Err(self.settle(self.read(&error))),
        }
    }

    /// The error for an answer that lacks something or holds nonsense; `what` says so without quoting it.
    pub(super) fn garbled(&self, what: &str) -> AwsError {
        AwsError::garbled(self.operation, what)
    }

    fn read<E>(&self, error: &SdkError<E, HttpResponse>) -> AwsError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let unreachable = |(kind, message): (_, String)| AwsError::new(self.operation, ErrorKind::Unreachable(kind), None, &message);
        match error {
            SdkError::ServiceError(answer) => self.refused(answer.raw().status().as_u16(), answer.err()),
            SdkError::TimeoutError(_) => unreachable(unreachable::timed_out(&self.route())),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => unreachable(unreachable::explain(error, &self.route())),
                None => self.garbled("no answer came"),
            },
            SdkError::ResponseError(_) => match error.source() {
                Some(error) if unreachable::is_cut(error) => unreachable(unreachable::explain(error, &self.route())),
                Some(_) | None => self.garbled("the answer ends too soon or is not one of AWS's"),
            },
            SdkError::ConstructionFailure(_) => AwsError::new(self.operation, ErrorKind::Other, None, "the request could not be built"),
            _ => self.garbled("the answer is of a kind that this version does not know"),
        }
    }

    fn refused(&self, status: u16, answer: &impl ProvideErrorMetadata) -> AwsError {
        let message = self.signer.redact(answer.message().unwrap_or_default());
        let code = answer.code().map(|code| code.chars().filter(|c| c.is_ascii_graphic()).take(100).collect::<String>());
        let kind = classify(status, code.as_deref(), &message);
        let message = match (kind, self.witness.skew()) {
            (ErrorKind::ClockSkew, Some(skew)) if skew.abs() >= NOTABLE_SKEW => format!("{}: set it and try again", describe_skew(skew)),
            (ErrorKind::Garbled, _) if code.is_none() => {
                format!(
                    "{} answered with HTTP status {status} and no answer of AWS's: a proxy or captive portal may be in between",
                    self.route().host
                )
            }
            (ErrorKind::Server, _) if code.is_none() => format!("{} answered with HTTP status {status}", self.route().host),
            _ => message,
        };
        AwsError::new(self.operation, kind, code, &message)
    }

    /// Notes whether anything can have happened at AWS, earlier attempts included.
    fn settle(&self, error: AwsError) -> AwsError {
        let unclear = self.witness.unclear_attempts();
        let without_effect = (error.kind.is_refusal() && unclear == 0) || (error.kind.is_before_sending() && unclear <= 1);
        AwsError { without_effect, ..error }
    }

    fn route(&self) -> Route {
        let uri = self.witness.uri().unwrap_or_default();
        Route::to(&uri, self.aws.ca_bundle.clone())
    }
}
