//! How the lab's own tests ask it: by hand, signed and read here, and by AWS's SDK.

use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_iam::Client;
use aws_sdk_iam::config::{Config, Region};

use super::lab::sigv4::{Authorization, Request, signature};
use super::lab::state::Session;
use super::lab::{Key, Lab};

/// Who signs.
#[derive(Clone, Debug)]
pub struct Signer {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Signer {
    /// With a long-term key.
    pub fn of(key: &Key) -> Self {
        Self { id: key.id.clone(), secret: key.secret.clone(), token: None }
    }
}

/// Sends one call signed by a long-term key; the whole answer, empty when the connection was closed.
pub fn call(lab: &Lab, id: &str, secret: &str, service: &str, body: &str) -> String {
    ask(lab, &Signer { id: id.into(), secret: secret.into(), token: None }, service, body)
}

/// Sends one call; the whole answer.
pub fn ask(lab: &Lab, signer: &Signer, service: &str, body: &str) -> String {
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
    let names = ["host", "x-amz-date", "x-amz-security-token"].into_iter().take(if signer.token.is_some() { 3 } else { 2 });
    let mut auth = Authorization {
        key_id: signer.id.clone(),
        date: stamp[..8].into(),
        region: "us-east-1".into(),
        service: service.into(),
        signed_headers: names.clone().map(str::to_owned).collect(),
        signature: String::new(),
    };
    let host = lab.url().replace("http://", "");
    let values = [host, stamp, signer.token.clone().unwrap_or_default()];
    let headers = names.zip(values).map(|(name, value)| (name.to_owned(), value)).collect();
    let request = Request { method: "POST".into(), path: "/".into(), headers, body: body.into(), ..Request::default() };
    auth.signature = signature(&signer.secret, &auth, &request);
    send(&auth, &request)
}

/// The session that this call opens.
pub fn open(lab: &Lab, signer: &Signer, body: &str) -> Signer {
    let answer = ask(lab, signer, "sts", body);
    assert!(answer.contains("<SessionToken>"), "{body}: {answer}");
    let Session { id, secret, token, .. } = lab.world().sessions.last().cloned().expect("a session");
    Signer { id, secret, token: Some(token) }
}

/// Sends a signed request and returns everything that came back; empty when the connection was closed.
pub fn send(auth: &Authorization, request: &Request) -> String {
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (scope, signed) = (format!("{}/{}/{}/aws4_request", auth.date, auth.region, auth.service), auth.signed_headers.join(";"));
    let text = format!(
        "POST / HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={}/{scope}, SignedHeaders={signed}, Signature={}\r\n\r\n{}",
        request.body.len(),
        auth.key_id,
        auth.signature,
        String::from_utf8_lossy(&request.body)
    );
    let mut stream = TcpStream::connect(&request.headers["host"]).expect("the lab listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(text.as_bytes()).expect("the lab reads");
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(got) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..got]);
        if got == 0 || is_whole(&answer) {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether the body is as long as the header says.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    answer.len() - end - 4 >= length.unwrap_or(0)
}

/// AWS's own client of IAM: what it cannot read is not as AWS writes it.
pub struct Sdk {
    pub iam: Client,
    runtime: tokio::runtime::Runtime,
}

impl Sdk {
    pub fn new(lab: &Lab, signer: &Signer) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let credentials = Credentials::new(&signer.id, &signer.secret, signer.token.clone(), None, "lab");
        let config = Config::builder()
            .region(Region::new("us-east-1"))
            .endpoint_url(lab.url())
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Self { iam: Client::from_conf(config.behavior_version_latest().build()), runtime }
    }

    /// Waits for an answer.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }
}

/// What an answer was refused with: status and code.
pub fn refusal(answer: &str) -> (&str, &str) {
    let between =
        |start: &str, end: &str| answer.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(found, _)| found);
    (between("HTTP/1.1 ", " "), between("<Code>", "</Code>"))
}

/// A parameter's value as a form has it.
pub fn form(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}
