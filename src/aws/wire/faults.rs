//! What refusals, torn answers and cut connections are read as, and what may have happened at AWS then.
//!
//! What fails on purpose is mostly CreateAccessKey, which is sent once: the others wait between their attempts.

use std::io::ErrorKind as IoErrorKind;
use std::net::TcpListener;
use std::sync::Mutex;

use chrono::TimeDelta;

use super::{Answer, DATE, ID, Server, assert_no_secret, aws_at, create, member, ok, refusal, session, signer, whole};
use crate::aws::{ErrorKind, Unreachable};
use crate::model::{KeyOwner, KeyStatus};
use crate::os::clock;

#[test]
fn a_listing_cut_in_the_middle_is_not_a_shorter_listing() {
    let server = Server::start(|_| {
        let body = format!("<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata>{}", member(ID, "Active"));
        Answer::Bytes(format!("HTTP/1.1 200 OK\r\nDate: {DATE}\r\nConnection: close\r\n\r\n{body}").into_bytes())
    });
    let error = server.aws().list_access_keys(&signer(), KeyOwner::User("dev")).unwrap_err();
    assert_eq!((error.kind, error.is_definitive()), (ErrorKind::Garbled, false), "{error}");
}

#[test]
fn a_new_key_without_its_secret_may_exist() {
    let server = Server::start(|_| ok("CreateAccessKey", &format!("<AccessKey><AccessKeyId>{ID}</AccessKeyId></AccessKey>")));
    let error = create(&server.aws());
    assert_eq!((error.kind, error.is_definitive()), (ErrorKind::Garbled, false), "{error}");
}

#[test]
fn a_lost_answer_to_create_is_not_asked_for_again() {
    let cut = format!("HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Length: 5000\r\n\r\n<CreateAccessKeyResponse><SecretAccessKey>canary");
    let portal = "<html><body>Log in to the hotel's network</body></html>";
    type Make = Box<dyn Fn() -> Answer + Send + Sync>;
    let cases: [(Make, ErrorKind); 4] = [
        (Box::new(move || Answer::Bytes(cut.clone().into_bytes())), ErrorKind::Garbled),
        (Box::new(|| Answer::Close), ErrorKind::Unreachable(Unreachable::Reset)),
        (Box::new(|| refusal(500, "ServiceFailure", "try again")), ErrorKind::Server),
        (Box::new(move || whole(200, DATE, portal)), ErrorKind::Garbled),
    ];
    for (answer, kind) in cases {
        let server = Server::start(move |_| answer());
        let error = create(&server.aws());
        assert_eq!((error.kind, error.is_definitive(), error.is_transient()), (kind, false, true), "{error}");
        assert_eq!(server.requests().len(), 1, "{error}");
        assert_no_secret(&error);
    }
}

#[test]
fn a_reset_connection_leaves_the_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // Closing with bytes unread makes the kernel send RST.
        stream.peek(&mut [0]).unwrap();
        drop(stream);
        listener.set_nonblocking(true).unwrap();
        listener
    });
    let error = create(&aws_at(&url, None).unwrap());
    assert_eq!((error.kind, error.is_definitive()), (ErrorKind::Unreachable(Unreachable::Reset), false), "{error}");
    assert_eq!(server.join().unwrap().accept().unwrap_err().kind(), IoErrorKind::WouldBlock, "it was sent twice");
}

#[test]
fn a_refused_connection_means_that_nothing_was_created() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = create(&aws_at(&format!("http://{address}"), None).unwrap());
    assert_eq!((error.kind, error.is_definitive(), error.is_transient()), (ErrorKind::Unreachable(Unreachable::Refused), true, true));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_refusal_is_definitive_unless_an_earlier_attempt_may_have_worked() {
    let server = Server::start(|_| refusal(404, "NoSuchEntity", "The Access Key with id AKIA cannot be found."));
    let gone = server.aws().delete_access_key(&signer(), KeyOwner::User("dev"), signer().key_id()).unwrap_err();
    assert_eq!((gone.kind, gone.is_definitive(), gone.is_transient()), (ErrorKind::Gone, true, false));
    assert_eq!(gone.to_string(), "iam:DeleteAccessKey answered NoSuchEntity: The Access Key with id AKIA cannot be found");

    let attempts = Mutex::new(0);
    let server = Server::start(move |_| {
        let mut attempts = attempts.lock().unwrap();
        *attempts += 1;
        if *attempts == 1 { Answer::Close } else { refusal(404, "NoSuchEntity", "cannot be found") }
    });
    let gone = server.aws().delete_access_key(&signer(), KeyOwner::User("dev"), signer().key_id()).unwrap_err();
    assert_eq!((gone.kind, gone.is_definitive(), server.requests().len()), (ErrorKind::Gone, false, 2));
}

#[test]
fn a_wrong_clock_is_called_that_and_corrected_by_nobody() {
    let ahead = (clock::local_now() + TimeDelta::seconds(11_430)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let server = Server::start(move |_| {
        let message = "Signature expired: 20240101T000000Z is now earlier than 20240101T025500Z (20240101T031000Z - 15 min.)";
        let error = format!("<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>{message}</Message></Error></ErrorResponse>");
        whole(403, &ahead, &error)
    });
    let error = server.aws().get_caller_identity(&signer()).unwrap_err();
    let said =
        "sts:GetCallerIdentity answered SignatureDoesNotMatch: this machine's clock is 3 h 10 min behind AWS's: set it and try again";
    assert_eq!((error.kind, error.to_string().as_str()), (ErrorKind::ClockSkew, said));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_quoted_session_token_is_not_passed_on() {
    let server =
        Server::start(|_| refusal(403, "SignatureDoesNotMatch", "Check your key canary-token.\n\nThe Canonical String is canary-token"));
    let error = server.aws().get_caller_identity(&session()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadSignature);
    assert_no_secret(&error);
}

#[test]
fn an_error_with_the_status_of_a_success_is_no_success() {
    let server = Server::start(|_| whole(200, DATE, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"));
    let (aws, id) = (server.aws(), signer().key_id().clone());
    let changed = [
        aws.delete_access_key(&signer(), KeyOwner::User("dev"), &id),
        aws.update_access_key(&signer(), KeyOwner::User("dev"), &id, KeyStatus::Inactive),
    ];
    for error in changed.map(Result::unwrap_err) {
        assert_eq!((error.kind, error.is_definitive()), (ErrorKind::Garbled, false), "{error}");
    }
}

#[test]
fn a_new_key_of_another_user_is_no_answer_to_what_was_asked() {
    let server = Server::start(|_| {
        let key = format!(
            "<AccessKey><UserName>somebody</UserName><AccessKeyId>{ID}</AccessKeyId><Status>Active</Status>\
             <SecretAccessKey>canary</SecretAccessKey><CreateDate>2024-05-01T10:00:00Z</CreateDate></AccessKey>"
        );
        ok("CreateAccessKey", &key)
    });
    let error = create(&server.aws());
    assert_eq!((error.kind, error.is_definitive()), (ErrorKind::Garbled, false), "{error}");
    assert_no_secret(&error);
}

#[test]
fn a_list_without_an_end_is_given_up() {
    let page = Mutex::new(0);
    let server = Server::start(move |request| {
        let mut page = page.lock().unwrap();
        *page += 1;
        assert!(*page < 2_000, "nobody stops asking");
        let action = request.split("Action=").nth(1).and_then(|rest| rest.split('&').next()).unwrap().to_owned();
        let list = if action == "ListAccessKeys" { "AccessKeyMetadata" } else { "AttachedPolicies" };
        ok(&action, &format!("<{list}></{list}><IsTruncated>true</IsTruncated><Marker>m{page}</Marker>"))
    });
    let keys = server.aws().list_access_keys(&signer(), KeyOwner::User("dev")).unwrap_err();
    let policies = server.aws().list_attached_policies(&signer(), "dev").unwrap_err();
    assert_eq!((keys.kind, policies.kind), (ErrorKind::Garbled, ErrorKind::Garbled), "{keys} {policies}");
    assert!(server.requests().len() < 500, "{}", server.requests().len());
}
