//! Tests over real sockets on loopback: a server gives canned answers, and the SDK's whole path is walked.

mod calls;
mod faults;
mod reach;
mod secrets;
mod sessions;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::DateTime;

use super::{Aws, AwsError, AwsSetupError, ClientOptions, Endpoints, Signer};
use crate::model::{AccessKeyId, AccessKeyPair, KeyOwner, SecretAccessKey, SessionToken, TemporaryCredentials};

const ID: &str = "AKIAEXAMPLE000000001";
const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

fn signer() -> Signer {
    Signer::LongTerm(AccessKeyPair { id: AccessKeyId::parse(ID).unwrap(), secret: SecretAccessKey::new("canary-secret") })
}

fn session() -> Signer {
    Signer::Session(TemporaryCredentials {
        id: AccessKeyId::parse("ASIAEXAMPLE000000001").unwrap(),
        secret: SecretAccessKey::new("canary-secret"),
        session_token: SessionToken::new("canary-token"),
        expires_at: DateTime::UNIX_EPOCH,
    })
}

/// What the server does with a request.
enum Answer {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// The end at once.
    Close,
}

fn whole(status: u16, date: &str, body: &str) -> Answer {
    let head = format!("HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Answer::Bytes(format!("{head}{body}").into_bytes())
}

fn ok(operation: &str, result: &str) -> Answer {
    whole(200, DATE, &format!("<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"))
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let error = format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    whole(status, DATE, &error)
}

/// A server for as long as the test runs; `requests` collects head and body of each.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || one(stream, &seen, &*answer));
            }
        });
        Self { url, requests }
    }

    fn aws(&self) -> Aws {
        aws_at(&self.url, None).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn one(mut stream: TcpStream, seen: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> Answer) {
    let Some(request) = read_request(&mut stream) else { return };
    seen.lock().unwrap().push(request.clone());
    if let Answer::Bytes(bytes) = answer(&request) {
        let _ = stream.write_all(&bytes);
    }
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0_usize) {
            return Some(text);
        }
    }
}

fn aws_at(url: &str, ca_bundle: Option<&Path>) -> Result<Aws, AwsSetupError> {
    let endpoints =
        Endpoints { iam: Some(url.to_owned()), sts: Some(url.to_owned()), secrets_manager: Some(url.to_owned()), ..Endpoints::default() };
    Aws::new(ClientOptions { region: None, endpoints, ca_bundle: ca_bundle.map(Path::to_owned) })
}

fn create(aws: &Aws) -> AwsError {
    aws.create_access_key(&signer(), KeyOwner::User("dev")).unwrap_err()
}

fn assert_no_secret(error: &AwsError) {
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

const IDENTITY: &str = "<Arn>arn:aws:iam::111122223333:user/team/dev</Arn><UserId>AIDAEXAMPLE</UserId><Account>111122223333</Account>";

fn member(id: &str, status: &str) -> String {
    format!("<member><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status><CreateDate>2024-05-01T10:00:00Z</CreateDate></member>")
}
