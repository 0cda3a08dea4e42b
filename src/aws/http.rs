//! The connections: one pool for everything but CreateAccessKey, which gets its own.
//!
//! Invariant: nothing on this machine's loopback is asked through a proxy, and no CA bundle reaches the client unchecked.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;

use super::endpoint::is_loopback;

/// How long a connection may take to come about.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two calls nobody watches a pooled connection: an old one is likely dead, so it is not kept for long.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The SDK's HTTP client, built when the first request is made. Clones share their connections.
#[derive(Clone)]
pub(super) struct Connections(Arc<Inner>);

struct Inner {
    trust: TrustStore,
    plain: OnceLock<Connector>,
    local: OnceLock<Connector>,
    remote: OnceLock<Connector>,
}

impl Connections {
    pub(super) fn new(trust: TrustStore) -> Self {
        Self(Arc::new(Inner { trust, plain: OnceLock::new(), local: OnceLock::new(), remote: OnceLock::new() }))
    }

    /// The same settings with no connection yet.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.0.trust.clone())
    }

    fn connector(&self, uri: &Uri) -> Result<&Connector, ConnectorError> {
        let Inner { trust, plain, local, remote } = &*self.0;
        let https = uri.scheme_str() == Some("https");
        match (https, is_loopback(uri)) {
            // Reading the system's roots takes milliseconds that a plain connection has no use for.
            (false, true) => Ok(plain.get_or_init(|| build(TrustStore::empty(), ProxyConfig::disabled()))),
            (false, false) => Err(ConnectorError::user("plain http is for this machine only".into())),
            (true, true) => Ok(local.get_or_init(|| build(trust.clone(), ProxyConfig::disabled()))),
            (true, false) => Ok(remote.get_or_init(|| build(trust.clone(), ProxyConfig::from_env()))),
        }
    }
}

pub(super) fn build(trust: TrustStore, proxy: ProxyConfig) -> Connector {
    let context = TlsContext::builder().with_trust_store(trust).build().unwrap_or_default();
    ConnectorBuilder::default()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .proxy_config(proxy)
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build()
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri = match request.uri().parse::<Uri>() {
            Ok(uri) => uri,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        match self.connector(&uri) {
            Ok(connector) => connector.call(request),
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}

impl HttpClient for Connections {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_refused_even_past_the_check_of_endpoints() {
        let connections = Connections::new(TrustStore::empty());
        assert!(connections.connector(&Uri::from_static("http://iam.amazonaws.com/")).is_err());
        assert!(connections.connector(&Uri::from_static("http://127.0.0.1:1/")).is_ok());
        assert!(connections.connector(&Uri::from_static("https://iam.amazonaws.com/")).is_ok());
    }
}
