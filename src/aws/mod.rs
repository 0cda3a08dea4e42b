//! AWS's APIs as small typed functions, and the only room with async in it.
//!
//! Invariants: the SDK's types never leave this room; nothing of the SDK that may hold a body is ever formatted; nothing is
//! read from the environment but the proxy variables (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms),
//! what else matters is handed in. Answers are not bounded in size, only in time.

mod account;
mod audit;
mod ca_bundle;
mod call;
#[cfg(feature = "alarm")]
mod cloudtrail;
#[cfg(feature = "alarm")]
mod cloudwatch;
mod endpoint;
mod error;
#[cfg(feature = "alarm")]
mod eventbridge;
mod http;
mod iam;
#[cfg(feature = "alarm")]
mod logs;
mod look;
mod mfa;
mod monitoring;
mod policies;
mod root;
mod secrets;
mod server_time;
mod signer;
mod simulate;
#[cfg(feature = "alarm")]
mod sns;
mod sts;
mod unreachable;
#[cfg(test)]
mod wire;
mod witness;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_http_client::tls::TrustStore;
use chrono::TimeDelta;
use tokio::runtime::{Builder, Runtime};

pub use account::{AccountSummary, CredentialReport};
pub use audit::{AccountSight, UserDetails, UserSight};
pub use endpoint::Endpoints;
pub use error::{AwsError, ErrorKind, MfaRefusal, Unreachable};
pub use look::{KeySight, look_all};
pub use mfa::{MfaDevice, NewMfaDevice, VirtualDevice};
pub use monitoring::{
    Alarm, EventRule, EventSelector, EventSelectors, FieldSelector, FilterSight, Mending, Metric, MetricAlarm, MetricFilter, MetricSight,
    MonitoringSight, OwnNames, OwnRule, OwnSight, OwnTopic, RuleSight, RuleTarget, Subscription, Topic, TopicSight, Trail, TrailHome,
    TrailSight, TrailStatus, Watched, is_topic, name_of_log_group,
};
pub use policies::{AttachedPolicy, GroupPolicies, InlinePolicy, Policies};
pub use root::{Caller, RootUser};
pub use secrets::{SecretBody, SecretFacts, SecretId, SecretVersion, Secrets, VersionOf, account_of_arn, name_of_arn, region_of_arn};
pub use server_time::{ServerTime, describe_skew};
pub use signer::Signer;
pub use sts::{AssumeRole, TokenCodeOf};

use self::http::Connections;
use server_time::ServerClock;

/// What calls to AWS need beside credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// The region; `us-east-1` where there is none. IAM is global and takes from it only the partition.
    pub region: Option<String>,
    /// Endpoints that replace AWS's own.
    pub endpoints: Endpoints,
    /// A PEM file whose certificates replace the system's roots, as the AWS CLI has it.
    pub ca_bundle: Option<PathBuf>,
}

/// The way to AWS for one profile's region, endpoints and CA bundle. All of them share one runtime; none holds a credential.
pub struct Aws {
    runtime: &'static Runtime,
    region: String,
    endpoints: Endpoints,
    ca_bundle: Option<PathBuf>,
    connections: Connections,
    clock: Arc<ServerClock>,
    until: Option<Duration>,
}

/// The options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AwsSetupError {
    /// Not a URL of an endpoint.
    #[error("the endpoint `{url}` cannot be used: {reason}")]
    BadEndpoint {
        /// The URL, without a password.
        url: String,
        /// What is wrong, and what to write instead.
        reason: &'static str,
    },
    /// Plain http to another machine.
    #[error("the endpoint `{url}` would send requests and new secrets in the clear: write https://, plain http is for loopback only")]
    PlainHttp {
        /// The URL.
        url: String,
    },
    /// No such file.
    #[error("the CA bundle {} does not exist: correct AWS_CA_BUNDLE or `ca_bundle`", path.display())]
    CaBundleMissing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the CA bundle {} cannot be read: {reason}", path.display())]
    CaBundleUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file has no certificate.
    #[error("the CA bundle {} holds no certificate: it must be PEM, with `-----BEGIN CERTIFICATE-----`", path.display())]
    CaBundleEmpty {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in the file cannot be a root.
    #[error("certificate {number} of the CA bundle {} cannot be used ({reason}): replace or remove it", path.display())]
    CaBundleBad {
        /// The file.
        path: PathBuf,
        /// Which certificate, counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gives no means to make connections.
    #[error("no connection can be made: {0}")]
    Runtime(io::Error),
}

impl Aws {
    /// Checks the options. Connects nowhere.
    pub fn new(options: ClientOptions) -> Result<Self, AwsSetupError> {
        let ClientOptions { region, endpoints, ca_bundle } = options;
        endpoints.check()?;
        let trust = match &ca_bundle {
            Some(path) => ca_bundle::read(path)?,
            None => TrustStore::default(),
        };
        Ok(Self {
            runtime: runtime().map_err(AwsSetupError::Runtime)?,
            region: region.filter(|region| !region.is_empty()).unwrap_or_else(|| "us-east-1".to_owned()),
            endpoints,
            ca_bundle,
            connections: Connections::new(trust),
            clock: Arc::default(),
            until: None,
        })
    }

    /// The same where nobody waits for an answer after this time since boot.
    #[must_use]
    pub fn until(self, until: Option<Duration>) -> Self {
        Self { until, ..self }
    }

    /// The region of calls that name none.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// AWS's time by its latest answer to this client; `None` before the first.
    pub fn server_time(&self) -> Option<ServerTime> {
        self.clock.latest().map(|reading| reading.time)
    }

    /// How far this machine's clock was behind AWS's at the latest answer (negative: ahead), to about a second; `None` before
    /// the first.
    pub fn clock_skew(&self) -> Option<TimeDelta> {
        self.clock.latest().map(|reading| reading.skew)
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.region).field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// The one runtime. A pooled connection lives on the runtime that made it, so calls gathered across profiles need the same one.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_current_thread().enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| built))
}
