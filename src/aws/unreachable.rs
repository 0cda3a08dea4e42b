//! Why no answer came, in words that help at two in the morning: which host, which proxy, what to look at.
//!
//! The SDK says `DispatchFailure`; the reason is somewhere down its chain of sources, as an [`io::Error`], a
//! [`rustls::Error`] or, for names and proxies, only as a text.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::CertificateError;

use super::endpoint;
use super::error::Unreachable;

/// The way that a request took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// `HOST:PORT`.
    pub(super) host: String,
    pub(super) proxy: Option<Proxy>,
    /// The CA bundle that replaces the system's roots.
    pub(super) ca_bundle: Option<PathBuf>,
}

/// A proxy and the environment variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    address: String,
    variable: &'static str,
}

impl Route {
    /// The way to `uri` by the proxy variables as the SDK's client reads them; loopback is always direct.
    pub(super) fn to(uri: &Uri, ca_bundle: Option<PathBuf>) -> Self {
        let proxy = if endpoint::is_loopback(uri) { None } else { proxy_for(uri) };
        Self { host: endpoint::host_and_port(uri), proxy, ca_bundle }
    }
}

fn proxy_for(uri: &Uri) -> Option<Proxy> {
    let matcher = Matcher::from_env();
    let intercept = matcher.intercept(uri)?;
    let host = intercept.uri().host().unwrap_or_default();
    let names = |value: Result<String, std::env::VarError>| value.is_ok_and(|value| value.contains(host));
    let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let variable = variables.into_iter().find(|variable| names(std::env::var(variable))).unwrap_or("HTTPS_PROXY");
    let scheme_port = if intercept.uri().scheme_str() == Some("https") { 443 } else { 80 };
    Some(Proxy { address: format!("{host}:{}", intercept.uri().port_u16().unwrap_or(scheme_port)), variable })
}

/// What a chain of errors amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    Refused,
    Dns,
    Timeout,
    Reset,
    UnknownCa,
    /// The proxy answered CONNECT with something else than 200.
    ProxyDenies,
    /// 407.
    ProxyWantsPassword,
    Tls(String),
    Other(String),
}

/// Tells the reason and says it.
pub(super) fn explain(error: &(dyn Error + 'static), route: &Route) -> (Unreachable, String) {
    say(&cause(error), route)
}

/// What to say when the time is up.
pub(super) fn timed_out(route: &Route) -> (Unreachable, String) {
    say(&Cause::Timeout, route)
}

/// Whether the connection was cut while the answer was being read.
pub(super) fn is_cut(error: &(dyn Error + 'static)) -> bool {
    cause(error) == Cause::Reset
}

fn cause(error: &(dyn Error + 'static)) -> Cause {
    let mut deepest = String::new();
    let mut found = None;
    for error in chain(error) {
        deepest = error.to_string();
        // The deepest reason that says anything wins: outer errors only repeat that something failed inside.
        found = one(error).or(found);
        if matches!(found, Some(Cause::Dns)) {
            break;
        }
    }
    found.unwrap_or(Cause::Other(deepest))
}

fn one(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls(error));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return io(error.kind());
    }
    match error.to_string().as_str() {
        "dns error" => Some(Cause::Dns),
        "connection closed before message completed" | "tunnel error: unexpected end of file" => Some(Cause::Reset),
        "tunnel error: proxy authorization required" => Some(Cause::ProxyWantsPassword),
        "tunnel error: unsuccessful" | "tunnel error: proxy response headers too long" => Some(Cause::ProxyDenies),
        text if text.contains("timeout occurred") || text == "timed out" => Some(Cause::Timeout),
        _ => None,
    }
}

fn io(kind: io::ErrorKind) -> Option<Cause> {
    if kind == io::ErrorKind::ConnectionRefused {
        Some(Cause::Refused)
    } else if kind == io::ErrorKind::TimedOut {
        Some(Cause::Timeout)
    } else {
        [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe]
            .contains(&kind)
            .then_some(Cause::Reset)
    }
}

fn tls(error: &rustls::Error) -> Cause {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    let rustls::Error::InvalidCertificate(reason) = error else { return Cause::Tls(error.to_string()) };
    // BadSignature: an authority of the same name as a trusted one, with another key, such as a renewed proxy CA.
    if matches!(reason, UnknownIssuer | CertificateError::BadSignature) {
        return Cause::UnknownCa;
    }
    let said = if matches!(reason, Expired | ExpiredContext { .. }) {
        "its certificate has expired, by this machine's clock: check the clock first".to_owned()
    } else if matches!(reason, NotValidYet | NotValidYetContext { .. }) {
        "its certificate is not valid yet, by this machine's clock: check the clock first".to_owned()
    } else if matches!(reason, NotValidForName | NotValidForNameContext { .. }) {
        "its certificate is for another name: something else answers there".to_owned()
    } else {
        error.to_string()
    };
    Cause::Tls(said)
}

/// `error` and everything below it. The payload of an [`io::Error`] is not among its sources, but is what is looked for here.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

fn say(cause: &Cause, route: &Route) -> (Unreachable, String) {
    let host = &route.host;
    if let Some(said) = route.proxy.as_ref().and_then(|proxy| say_proxy(cause, host, proxy)) {
        return said;
    }
    let via = route.proxy.as_ref().map(|proxy| format!(" through the proxy {} ({})", proxy.address, proxy.variable)).unwrap_or_default();
    match cause {
        Cause::Refused => (Unreachable::Refused, format!("nothing accepts connections at {host}: check the endpoint and the firewall")),
        Cause::Dns => (Unreachable::Dns, format!("no address was found for {host}: check the network and how the region is written")),
        Cause::Timeout => (Unreachable::Timeout, format!("{host} did not answer in time{via}: check the network and the firewall")),
        Cause::Reset => (Unreachable::Reset, format!("the connection to {host}{via} was cut before the answer was here")),
        Cause::UnknownCa => (Unreachable::UnknownCa, say_unknown_ca(route)),
        Cause::ProxyDenies | Cause::ProxyWantsPassword => (Unreachable::ProxyRefused, format!("a proxy refused the connection to {host}")),
        Cause::Tls(reason) => (Unreachable::Tls, format!("TLS with {host}{via} did not come about: {reason}")),
        Cause::Other(reason) => (Unreachable::Other, format!("{host} cannot be reached{via}: {reason}")),
    }
}

fn say_proxy(cause: &Cause, host: &str, Proxy { address, variable }: &Proxy) -> Option<(Unreachable, String)> {
    let said = match cause {
        Cause::Refused => format!("nothing accepts connections at the proxy {address}: check {variable}, or name the host in NO_PROXY"),
        Cause::Dns => format!("no address was found for the proxy {address}: check {variable}"),
        Cause::ProxyDenies => format!("the proxy {address} ({variable}) does not let connections to {host} through"),
        Cause::ProxyWantsPassword => format!("the proxy {address} wants a user name and password: write them into {variable}"),
        Cause::Timeout | Cause::Reset | Cause::UnknownCa | Cause::Tls(_) | Cause::Other(_) => return None,
    };
    Some((Unreachable::ProxyRefused, said))
}

fn say_unknown_ca(route: &Route) -> String {
    let host = &route.host;
    match &route.ca_bundle {
        Some(path) => {
            format!("the certificate of {host} leads to no authority in the CA bundle {}, which replaces the system's", path.display())
        }
        None => format!(
            "the certificate of {host} leads to no authority that this system trusts: install its CA certificates, or where a proxy \
             re-signs TLS name the proxy's CA bundle in AWS_CA_BUNDLE"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct() -> Route {
        Route { host: "iam.amazonaws.com:443".into(), proxy: None, ca_bundle: None }
    }

    fn proxied() -> Route {
        Route { proxy: Some(Proxy { address: "proxy.example:3128".into(), variable: "https_proxy" }), ..direct() }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] Option<Box<dyn Error + Send + Sync>>);

    #[test]
    fn the_reason_is_found_however_deep() {
        let tls = |reason| io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(reason)));
        let cases: [(Box<dyn Error + Send + Sync>, Unreachable); 8] = [
            (Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)), Unreachable::Refused),
            (Box::new(io::Error::from(io::ErrorKind::ConnectionReset)), Unreachable::Reset),
            (Box::new(Outer("dns error", Some(Box::new(io::Error::other("failed to look up address"))))), Unreachable::Dns),
            (Box::new(Outer("HTTP connect timeout occurred after 5s", None)), Unreachable::Timeout),
            (Box::new(Outer("connection closed before message completed", None)), Unreachable::Reset),
            (Box::new(tls(CertificateError::UnknownIssuer)), Unreachable::UnknownCa),
            (Box::new(tls(CertificateError::Expired)), Unreachable::Tls),
            (Box::new(io::Error::from(io::ErrorKind::NetworkUnreachable)), Unreachable::Other),
        ];
        for (source, kind) in cases {
            let error = Outer("dispatch failure", Some(Box::new(Outer("client error (Connect)", Some(source)))));
            let (told, message) = explain(&error, &direct());
            assert_eq!(told, kind, "{message}");
            assert!(message.contains("iam.amazonaws.com:443"), "{message}");
        }
    }

    #[test]
    fn a_refused_connection_is_the_proxys_when_there_is_one() {
        for source in [
            Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)) as Box<dyn Error + Send + Sync>,
            Box::new(Outer("tunnel error: unsuccessful", None)),
            Box::new(Outer("tunnel error: proxy authorization required", None)),
            Box::new(Outer("dns error", None)),
        ] {
            let (kind, message) = explain(&Outer("x", Some(source)), &proxied());
            assert_eq!(kind, Unreachable::ProxyRefused, "{message}");
            assert!(message.contains("proxy.example:3128") && message.contains("https_proxy"), "{message}");
        }
    }

    #[test]
    fn an_unknown_authority_names_the_bundle_that_replaces_the_systems() {
        let error = io::Error::other(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(explain(&error, &direct()).1.contains("AWS_CA_BUNDLE"));
        let with_bundle = Route { ca_bundle: Some("/etc/corp.pem".into()), ..direct() };
        assert!(explain(&error, &with_bundle).1.contains("/etc/corp.pem"));
    }
}
