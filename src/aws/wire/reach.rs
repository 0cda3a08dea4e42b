//! TLS, proxies and names: who is trusted, and how the SDK's client words what it could not reach.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::TrustStore;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

use super::{Answer, IDENTITY, Server, aws_at, create, ok, read_request, signer};
use crate::aws::unreachable::{Route, explain};
use crate::aws::{ErrorKind, Unreachable, http, runtime};

type Authority = rcgen::CertifiedIssuer<'static, rcgen::KeyPair>;

/// An https server whose certificate `authority` signed; answers the first request with an identity.
fn tls_server(authority: &Authority) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::new(config)).unwrap(), socket);
        if read_request(&mut stream).is_some()
            && let Answer::Bytes(bytes) = ok("GetCallerIdentity", IDENTITY)
        {
            stream.write_all(&bytes).unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    url
}

fn authority(name: &str) -> Authority {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

fn bundle(authority: &Authority) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    file
}

#[test]
fn the_ca_bundle_decides_who_is_trusted() {
    let ours = authority("Ours");
    let bundle = bundle(&ours);
    let aws = aws_at(&tls_server(&ours), Some(bundle.path())).unwrap();
    assert_eq!(aws.get_caller_identity(&signer()).unwrap().user_name(), Some("dev"));

    for theirs in ["Theirs", "Ours"] {
        let error = create(&aws_at(&tls_server(&authority(theirs)), Some(bundle.path())).unwrap());
        assert_eq!((error.kind, error.is_definitive()), (ErrorKind::Unreachable(Unreachable::UnknownCa), true), "{error}");
        assert!(error.message.contains(&bundle.path().display().to_string()), "{error}");
    }
}

#[test]
fn plain_http_behind_an_https_url_is_a_fault_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let bundle = bundle(&authority("Any"));
    let error = create(&aws_at(&format!("https://127.0.0.1:{port}"), Some(bundle.path())).unwrap());
    assert_eq!(error.kind, ErrorKind::Unreachable(Unreachable::Tls), "{error}");
}

/// What the SDK's client says of a request to `url` through `proxy`.
fn fault(url: &str, proxy: ProxyConfig) -> Unreachable {
    let connector = http::build(TrustStore::empty(), proxy);
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url.to_owned()).unwrap();
    let error = runtime().unwrap().block_on(async { connector.call(request).await }).unwrap_err();
    explain(&error, &Route { host: "there:443".into(), proxy: None, ca_bundle: None }).0
}

#[test]
fn a_proxy_that_says_no_is_told_from_aws() {
    for status in ["403 Forbidden", "407 Proxy Authentication Required"] {
        let server = Server::start(move |_| Answer::Bytes(format!("HTTP/1.1 {status}\r\n\r\n").into_bytes()));
        let kind = fault("https://iam.example/", ProxyConfig::https(server.url.as_str()).unwrap());
        assert_eq!(kind, Unreachable::ProxyRefused, "{status}");
        assert!(server.requests()[0].starts_with("CONNECT iam.example:443 "));
    }
}

#[test]
fn a_name_without_an_address_is_a_matter_of_dns() {
    // A label of 64 letters cannot be asked for: the resolver refuses it without the network.
    let url = format!("http://{}.invalid/", "a".repeat(64));
    assert_eq!(fault(&url, ProxyConfig::disabled()), Unreachable::Dns);
}
