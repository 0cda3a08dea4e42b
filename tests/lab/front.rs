//! What can stand before the lab: TLS with a CA of its own, and an HTTP CONNECT proxy. Both on loopback, both optional.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Lab, http};

/// One accepted connection.
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// The TCP connection below.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Serves the lab over TLS as `localhost`, and as `aws.test` for who comes through the proxy; the CA's certificate is written to `ca_file`. Returns the URL.
pub fn serve_tls(lab: &Lab, ca_file: &Path) -> String {
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().expect("a key pair");
    let ca = params.self_signed(&ca_key).expect("a certificate");
    std::fs::write(ca_file, ca.pem()).expect("a writable CA file");
    let issuer = rcgen::Issuer::new(params, ca_key);
    let key = rcgen::KeyPair::generate().expect("a key pair");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "aws.test".to_owned()];
    let leaf = rcgen::CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("a certificate");
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private.into())
        .expect("a matching key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("a bound port").port();
    let (lab, config) = (lab.clone(), Arc::new(config));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).expect("a good configuration");
            let lab = lab.clone();
            std::thread::spawn(move || http::talk(&lab, Wire::Tls(Box::new(StreamOwned::new(session, stream)))));
        }
    });
    format!("https://localhost:{port}")
}

/// What the proxy does with a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Forward,
    /// Answers with this status: 403, 407.
    Refuse(u16),
    /// Says 200, then closes.
    AcceptAndClose,
}

/// An HTTP CONNECT proxy on loopback, which connects to loopback only.
#[derive(Clone)]
pub struct Proxy {
    url: String,
    seen: Arc<AtomicUsize>,
    manner: Arc<Mutex<Manner>>,
}

impl Proxy {
    /// Starts on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let proxy = Self { url, seen: Arc::default(), manner: Arc::new(Mutex::new(Manner::Forward)) };
        let server = proxy.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let proxy = server.clone();
                std::thread::spawn(move || proxy.connect(stream));
            }
        });
        proxy
    }

    /// For HTTPS_PROXY.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many connections came.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Changes what happens to the next connection.
    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn connect(&self, mut client: TcpStream) -> Option<()> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let mut head = Vec::new();
        // Byte by byte: what follows the head belongs to the tunnel.
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
        let manner = *self.manner.lock().unwrap();
        match manner {
            Manner::Refuse(status) => {
                let challenge = if status == 407 { "Proxy-Authenticate: Basic realm=\"lab\"\r\n" } else { "" };
                client.write_all(format!("HTTP/1.1 {status} No\r\n{challenge}Content-Length: 0\r\n\r\n").as_bytes()).ok()
            }
            Manner::AcceptAndClose => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok(),
            Manner::Forward => {
                let port: u16 = target.rsplit(':').next()?.parse().ok()?;
                let server = TcpStream::connect(("127.0.0.1", port)).ok()?;
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                http::join(client, server);
                Some(())
            }
        }
    }
}
