//! Custom endpoints: which ones are usable, and which are on this machine.
//!
//! Invariant: plain http leaves this machine never. A request's signature and, for CreateAccessKey, the new secret would
//! travel in the clear.

use std::net::IpAddr;

use http::Uri;

use super::AwsSetupError;
use crate::os::terminal::plain;

/// Endpoint URLs that replace AWS's own, one per service; `None` means AWS's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// For IAM.
    pub iam: Option<String>,
    /// For STS.
    pub sts: Option<String>,
    /// For Secrets Manager.
    pub secrets_manager: Option<String>,
    /// For CloudTrail.
    pub cloudtrail: Option<String>,
    /// For CloudWatch.
    pub cloudwatch: Option<String>,
    /// For CloudWatch Logs.
    pub cloudwatch_logs: Option<String>,
    /// For EventBridge.
    pub eventbridge: Option<String>,
    /// For SNS.
    pub sns: Option<String>,
}

impl Endpoints {
    /// Whether every service is replaced by something on this machine's loopback: a test, never AWS. Secrets Manager counts where it is
    /// used (`secrets`), or has an endpoint; those that only an audit reads count where they have one.
    pub fn all_loopback(&self, secrets: bool) -> bool {
        let local = |url: &Option<String>| url.as_deref().and_then(|url| url.parse::<Uri>().ok()).is_some_and(|uri| is_loopback(&uri));
        let is_open = secrets || self.secrets_manager.is_some();
        let others = self.monitoring().into_iter().all(|url| url.is_none() || local(url));
        local(&self.iam) && local(&self.sts) && (!is_open || local(&self.secrets_manager)) && others
    }

    fn monitoring(&self) -> [&Option<String>; 5] {
        [&self.cloudtrail, &self.cloudwatch, &self.cloudwatch_logs, &self.eventbridge, &self.sns]
    }

    pub(super) fn check(&self) -> Result<(), AwsSetupError> {
        let all = [&self.iam, &self.sts, &self.secrets_manager].into_iter().chain(self.monitoring());
        all.flatten().try_for_each(|url| check(url))
    }
}

fn check(url: &str) -> Result<(), AwsSetupError> {
    let not_a_url = |reason| AwsSetupError::BadEndpoint { url: shown(url), reason };
    if url.contains('@') {
        return Err(not_a_url("it must not hold a user name or password"));
    }
    let uri: Uri = url.parse().map_err(|_| {
        not_a_url("it is not a URL such as https://sts.eu-west-1.amazonaws.com, or http://127.0.0.1:5000 on this machine's own loopback")
    })?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(not_a_url("it names no host: write it as https://HOST"));
    }
    // A port that is no number up to 65535 reads as none, and would be replaced by the scheme's.
    if uri.authority().is_some_and(|authority| authority.as_str() != authority.host() && authority.port_u16().is_none_or(|port| port == 0))
    {
        return Err(not_a_url("its port is not a number from 1 to 65535"));
    }
    if uri.query().is_some() {
        return Err(not_a_url("it must end before the question mark"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(&uri) => Ok(()),
        Some("http") => Err(AwsSetupError::PlainHttp { url: shown(url) }),
        Some(_) | None => Err(not_a_url("it must begin with https://, or with http:// for this machine's own loopback")),
    }
}

/// Whether the host of `uri` is `localhost` or a loopback address.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `HOST:PORT` of a URI, the port as the scheme implies it where it is not written.
pub(super) fn host_and_port(uri: &Uri) -> String {
    let implied = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    format!("{}:{}", uri.host().unwrap_or("an unknown host"), uri.port_u16().unwrap_or(implied))
}

/// The URL without what could be a password in it, and not endless.
fn shown(url: &str) -> String {
    let visible = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://…{}", url.get(..scheme).unwrap_or(""), url.get(at..).unwrap_or("")),
        (_, Some(at)) => format!("…{}", url.get(at..).unwrap_or("")),
        (_, None) => url.to_owned(),
    };
    plain(&visible).chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_goes_anywhere_and_plain_http_stays_on_this_machine() {
        for good in [
            "https://sts.amazonaws.com",
            "https://vpce-1.iam.example:8443/",
            "http://127.0.0.1:5000",
            "http://localhost:1",
            "http://[::1]:1",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for plain in [
            "http://iam.amazonaws.com",
            "http://10.0.0.1:80",
            "http://0.0.0.0:80",
            "http://localhost.example.com",
            "http://127.0.0.1.nip.io",
        ] {
            assert!(matches!(check(plain), Err(AwsSetupError::PlainHttp { .. })), "{plain}");
        }
        for bad in ["", "iam", "127.0.0.1:5000", "ftp://iam", "https://", "https://iam/?a=b", "/x", "https://a b"] {
            assert!(matches!(check(bad), Err(AwsSetupError::BadEndpoint { .. })), "{bad}");
        }
    }

    #[test]
    fn a_port_that_is_none_is_refused_not_replaced() {
        for bad in
            ["http://127.0.0.1:99999", "https://iam.example:0", "https://iam.example:", "http://[::1]:65536", "https://iam.example:8o"]
        {
            assert!(matches!(check(bad), Err(AwsSetupError::BadEndpoint { .. })), "{bad}");
        }
        assert!(check("http://127.0.0.1:99999").unwrap_err().to_string().contains("port"));
    }

    #[test]
    fn what_can_be_written_instead_is_said_whole() {
        for bad in ["ftp://iam", "127.0.0.1:5000", "iam"] {
            let said = check(bad).unwrap_err().to_string();
            assert!(said.contains("https://") && said.contains("http://") && said.contains("loopback"), "{said}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_shown() {
        for url in ["https://me:canary@iam.example", "me:canary@iam.example", "http://x:canary@127.0.0.1"] {
            let error = check(url).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_test_is_one_where_every_service_is_local() {
        let local = Some("http://127.0.0.1:1".to_owned());
        let both = Endpoints { iam: local.clone(), sts: local.clone(), ..Endpoints::default() };
        assert!(both.all_loopback(false) && !both.all_loopback(true));
        assert!(Endpoints { secrets_manager: local.clone(), ..both.clone() }.all_loopback(true));
        let far = Some("https://aws.example".to_owned());
        assert!(!Endpoints { secrets_manager: far.clone(), ..both.clone() }.all_loopback(false));
        assert!(
            !Endpoints { sns: far, ..both.clone() }.all_loopback(false) && Endpoints { sns: local.clone(), ..both }.all_loopback(false)
        );
        assert!(!Endpoints { iam: local, ..Endpoints::default() }.all_loopback(false));
    }

    #[test]
    fn the_port_is_always_named() {
        assert_eq!(host_and_port(&Uri::from_static("https://iam.amazonaws.com/")), "iam.amazonaws.com:443");
        assert_eq!(host_and_port(&Uri::from_static("http://[::1]:5000/")), "[::1]:5000");
    }
}
