//! Sessions: what is sent for one, how often, and what is taken for its answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::{Answer, DATE, ID, Server, assert_no_secret, ok, refusal, session, signer, whole};
use crate::aws::{AssumeRole, Aws, AwsError, ErrorKind, MfaRefusal, TokenCodeOf, Unreachable};
use crate::model::{Arn, MfaSerial, TemporaryCredentials, TokenCode};

const HOUR: Duration = Duration::from_secs(3_600);
const ROLE: &str = "arn:aws:iam::444455556666:role/path/R";
const SERIAL: &str = "arn:aws:iam::111122223333:mfa/dev";
const WHOLE: &str = "<Credentials><AccessKeyId>ASIAEXAMPLE000000002</AccessKeyId><SecretAccessKey>canary-new/+=</SecretAccessKey>\
                     <SessionToken>canary-token/+==</SessionToken><Expiration>2026-05-01T10:00:00Z</Expiration></Credentials>";
const BAD_CODE: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const BAD_SERIAL: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and \
                          associated with this user.";

/// The parameters of a request, but for Version.
fn parameters(request: &str) -> Vec<(String, String)> {
    let body = request.split_once("\r\n\r\n").unwrap().1;
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let mut parts = text.split('%');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (hex, plain) = part.split_at(2);
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            bytes.extend_from_slice(plain.as_bytes());
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(name, value)| (decode(name), decode(value)));
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| name != "Version").collect();
    pairs.sort_unstable();
    pairs
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    pairs.sort_unstable();
    pairs
}

/// Both calls with a code, with their names.
fn both(aws: &Aws) -> [(&'static str, Result<TemporaryCredentials, AwsError>); 2] {
    let (serial, code, arn) = (MfaSerial::parse(SERIAL).unwrap(), TokenCode::parse("012345").unwrap(), Arn::parse(ROLE).unwrap());
    let mfa = Some(TokenCodeOf { serial: &serial, code: &code });
    [
        ("GetSessionToken", aws.get_session_token(&signer(), HOUR, mfa)),
        ("AssumeRole", aws.assume_role(&signer(), &plain(&arn, &BTreeMap::new()), mfa)),
    ]
}

fn plain<'a>(arn: &'a Arn, tags: &'a BTreeMap<String, String>) -> AssumeRole<'a> {
    AssumeRole {
        arn,
        session_name: "me",
        duration: HOUR,
        external_id: None,
        source_identity: None,
        tags,
        transitive_tags: &[],
        policy: None,
        policy_arns: &[],
    }
}

/// A good answer to either call.
fn good(request: &str) -> Answer {
    ok(if request.contains("Action=AssumeRole&") { "AssumeRole" } else { "GetSessionToken" }, WHOLE)
}

#[test]
fn a_session_of_the_key_is_asked_for_with_its_code_and_nothing_else() {
    let server = Server::start(good);
    let (serial, code) = (MfaSerial::parse("GAHT12345678").unwrap(), TokenCode::parse("012345").unwrap());
    let made = server.aws().get_session_token(&signer(), 36 * HOUR, Some(TokenCodeOf { serial: &serial, code: &code })).unwrap();
    assert_eq!(
        (made.id.as_str(), made.secret.expose(), made.session_token.expose()),
        ("ASIAEXAMPLE000000002", "canary-new/+=", "canary-token/+==")
    );
    assert_eq!(made.expires_at.to_rfc3339(), "2026-05-01T10:00:00+00:00");
    server.aws().get_session_token(&signer(), HOUR, None).unwrap();
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.contains(&format!("Credential={ID}/"))));
    let sent: Vec<_> = requests.iter().map(|request| parameters(request)).collect();
    let coded = [("Action", "GetSessionToken"), ("DurationSeconds", "129600"), ("SerialNumber", "GAHT12345678"), ("TokenCode", "012345")];
    assert_eq!(sent, [expected(&coded), expected(&[("Action", "GetSessionToken"), ("DurationSeconds", "3600")])]);
}

#[test]
fn a_role_is_asked_for_with_all_that_is_said_of_it_and_nothing_else() {
    let server = Server::start(good);
    let (arn, none) = (Arn::parse(ROLE).unwrap(), BTreeMap::new());
    let (serial, code) = (MfaSerial::parse(SERIAL).unwrap(), TokenCode::parse("000001").unwrap());
    let tags = BTreeMap::from([("Team".to_owned(), "blue & red".to_owned()), ("empty".to_owned(), String::new())]);
    let (transitive, arns) = (["Team".to_owned()], ["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()]);
    let full = AssumeRole {
        external_id: Some("x:/1"),
        source_identity: Some("dev@example.com"),
        transitive_tags: &transitive,
        policy: Some("{\"Statement\":[]}"),
        policy_arns: &arns,
        duration: 12 * HOUR,
        ..plain(&arn, &tags)
    };
    server.aws().assume_role(&signer(), &full, Some(TokenCodeOf { serial: &serial, code: &code })).unwrap();
    server.aws().assume_role(&session(), &plain(&arn, &none), None).unwrap();
    let requests = server.requests();
    assert!(requests[1].contains("Credential=ASIAEXAMPLE000000001/"), "{}", requests[1]);
    let role = [("Action", "AssumeRole"), ("RoleArn", ROLE), ("RoleSessionName", "me")];
    let rest = [
        ("DurationSeconds", "43200"),
        ("ExternalId", "x:/1"),
        ("SourceIdentity", "dev@example.com"),
        ("Policy", "{\"Statement\":[]}"),
        ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "blue & red"),
        ("Tags.member.2.Key", "empty"),
        ("Tags.member.2.Value", ""),
        ("TransitiveTagKeys.member.1", "Team"),
        ("SerialNumber", SERIAL),
        ("TokenCode", "000001"),
    ];
    let sent: Vec<_> = requests.iter().map(|request| parameters(request)).collect();
    assert_eq!(sent, [expected(&[&role[..], &rest].concat()), expected(&[&role[..], &[("DurationSeconds", "3600")]].concat())]);
}

#[test]
fn a_code_is_sent_once_whatever_the_answer_is() {
    let cut = format!("HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Length: 5000\r\n\r\n<GetSessionTokenResponse><SecretAccessKey>canary");
    type Make = Box<dyn Fn() -> Answer + Send + Sync>;
    let cases: [(Make, ErrorKind); 7] = [
        (Box::new(|| Answer::Close), ErrorKind::Unreachable(Unreachable::Reset)),
        (Box::new(move || Answer::Bytes(cut.clone().into_bytes())), ErrorKind::Garbled),
        (Box::new(|| refusal(500, "InternalFailure", "try again")), ErrorKind::Server),
        (Box::new(|| refusal(503, "ServiceUnavailable", "")), ErrorKind::Server),
        (Box::new(|| refusal(400, "Throttling", "Rate exceeded")), ErrorKind::Throttled),
        (Box::new(|| refusal(403, "AccessDenied", BAD_CODE)), ErrorKind::Denied { explicit: false }),
        (Box::new(|| whole(200, DATE, "<html><body>Log in to the hotel's network</body></html>")), ErrorKind::Garbled),
    ];
    for (answer, kind) in cases {
        let server = Server::start(move |_| answer());
        for (at, (name, outcome)) in both(&server.aws()).into_iter().enumerate() {
            let error = outcome.unwrap_err();
            assert_eq!((error.kind, error.operation), (kind, ["sts:GetSessionToken", "sts:AssumeRole"][at]), "{name}: {error}");
            assert_no_secret(&error);
            assert!(!error.to_string().contains("012345"));
        }
        assert_eq!(server.requests().len(), 2, "{kind:?}: once each");
    }
}

#[test]
fn an_answer_that_lacks_a_part_is_no_session() {
    let without = |name: &str| {
        let (before, rest) = WHOLE.split_once(&format!("<{name}>")).unwrap();
        let after = rest.split_once(&format!("</{name}>")).unwrap().1;
        [format!("{before}{after}"), format!("{before}<{name}></{name}>{after}")]
    };
    let mut bodies: Vec<String> =
        ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Credentials"].into_iter().flat_map(without).collect();
    bodies.extend([
        WHOLE.replace("2026-05-01T10:00:00Z", "tomorrow"),
        WHOLE.replace("ASIAEXAMPLE000000002", "not an id"),
        WHOLE.split_once("<SessionToken>").unwrap().0.to_owned(),
    ]);
    for body in bodies {
        let shown = body.clone();
        let server = Server::start(move |request| {
            let call = if request.contains("Action=AssumeRole&") { "AssumeRole" } else { "GetSessionToken" };
            ok(call, &body)
        });
        for (name, outcome) in both(&server.aws()) {
            let error = outcome.expect_err(&shown);
            assert_eq!(error.kind, ErrorKind::Garbled, "{name}: {error}: {shown}");
            assert_no_secret(&error);
        }
    }
    // The answer to another call.
    let server = Server::start(|_| ok("GetFederationToken", WHOLE));
    for (name, outcome) in both(&server.aws()) {
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Garbled, "{name}");
    }
}

#[test]
fn a_wrong_code_is_told_from_a_wrong_device_and_from_any_other_refusal() {
    for (status, code, message, told) in [
        (403, "AccessDenied", BAD_CODE, Some(MfaRefusal::Code)),
        (403, "AccessDenied", BAD_SERIAL, Some(MfaRefusal::Serial)),
        (403, "AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.", None),
        (403, "AccessDenied", "User: x is not authorized to perform: sts:GetSessionToken with an explicit deny in a policy", None),
        (400, "ValidationError", BAD_CODE, None),
        (500, "AccessDenied", BAD_CODE, None),
    ] {
        let server = Server::start(move |_| refusal(status, code, message));
        for (name, outcome) in both(&server.aws()) {
            assert_eq!(outcome.unwrap_err().mfa_refusal(), told, "{name}: {message}");
        }
    }
}

#[test]
fn devices_are_listed_to_the_last_page_security_keys_among_them() {
    let device = |serial: &str| {
        format!(
            "<member><UserName>dev</UserName><SerialNumber>{serial}</SerialNumber><EnableDate>2024-05-01T10:00:00Z</EnableDate></member>"
        )
    };
    let server = Server::start(move |request| {
        let second = request.contains("Marker=next");
        let more = if second { "<IsTruncated>false</IsTruncated>" } else { "<IsTruncated>true</IsTruncated><Marker>next</Marker>" };
        let serial = if second { "arn:aws:iam::111122223333:u2f/user/dev/key" } else { SERIAL };
        ok("ListMFADevices", &format!("<MFADevices>{}</MFADevices>{more}", device(serial)))
    });
    assert_eq!(server.aws().list_mfa_devices(&signer()).unwrap(), [SERIAL, "arn:aws:iam::111122223333:u2f/user/dev/key"]);
    assert!(server.requests().iter().all(|request| !request.contains("UserName")));
    let server = Server::start(|_| ok("ListMFADevices", "<MFADevices/><IsTruncated>false</IsTruncated>"));
    assert_eq!(server.aws().list_mfa_devices(&signer()), Ok(vec![]));
}

#[test]
fn a_list_of_devices_without_an_end_is_given_up() {
    let page = Mutex::new(0);
    let server = Server::start(move |_| {
        let mut page = page.lock().unwrap();
        *page += 1;
        if *page > 500 {
            Answer::Close
        } else {
            ok("ListMFADevices", &format!("<MFADevices/><IsTruncated>true</IsTruncated><Marker>m{page}</Marker>"))
        }
    });
    let error = server.aws().list_mfa_devices(&signer()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Garbled, "{error}");
    assert!(server.requests().len() < 200, "{}", server.requests().len());
}
