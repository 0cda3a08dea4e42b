//! One call: matched with the fault rules, authenticated, authorized, answered, logged. Invariant: no handler runs before the signature,
//! the session token and the clock were found good.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cloudwatch::CLOUDWATCH;
use super::faults::Fault;
use super::sigv4::{Authorization, Request, pairs, signature};
use super::state::{Call, World};
use super::{Lab, access, cbor, changes, cloudtrail, cloudwatch, events, iam, logs, secrets, sns, sts, xml};

/// The service of secrets, as a signature names it.
pub const SECRETS: &str = "secretsmanager";
const BAD_TOKEN: &str = "The security token included in the request is invalid.";
const BAD_SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. \
                             Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// Who signed: an index into the keys or the sessions.
#[derive(Clone, Copy)]
pub struct Caller {
    pub user: usize,
    pub session: Option<usize>,
}

/// An error as AWS words it.
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    /// With these words.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

/// The parameters of a call.
pub type Params = BTreeMap<String, String>;

/// What goes back on the wire.
pub enum Reply {
    /// Status, body, shift of the Date header in seconds.
    Answer(u16, Vec<u8>, f64),
    /// Half of this body, then the end of the connection.
    Cut(u16, Vec<u8>),
    Close,
    Reset,
}

/// Decides one call. The hook sees it after the decision and before the answer.
pub fn serve(lab: &Lab, request: &Request) -> Reply {
    let auth = Authorization::parse(request.header("authorization"));
    let asked = read(request);
    let Asked { action, params, protocol, .. } = &asked;
    let (number, fault) = enter(lab, auth.as_ref(), action, params);
    // The world is let go first: others are answered meanwhile.
    let latency = lab.world().settings.latency_ms;
    std::thread::sleep(Duration::from_millis(latency));
    match &fault {
        Some(Fault::PauseBefore) if lab.0.gate.pause() => return Reply::Close,
        Some(Fault::DropBefore) => return Reply::Close,
        Some(Fault::Reset) => return Reply::Reset,
        _ => {}
    }
    let service = auth.as_ref().map_or("sts", |a| a.service.as_str());
    let skew = if let Some(Fault::Skew(seconds)) = fault { seconds } else { 0.0 };
    let result = match &fault {
        Some(Fault::ErrorBefore { status, code, message }) => Err(Refusal::new(*status, code, *message)),
        _ => answer(&mut lab.world(), auth.as_ref(), &asked, request, skew),
    };
    let (status, body) = match &result {
        Ok(Answer::Text(text)) => (200, text.clone().into_bytes()),
        Ok(Answer::Value(serde_json::Value::Null)) => (200, Vec::new()),
        Ok(Answer::Value(value)) if *protocol == Protocol::Cbor => (200, cbor::encode(value)),
        Ok(Answer::Value(value)) => (200, value.to_string().into_bytes()),
        Ok(Answer::Element(inner)) => (200, xml::success(service, action, inner).into_bytes()),
        Err(error) => (error.status, failure(*protocol, service, error.status, error.code, &error.message)),
    };
    commit(lab, number, status, result.err().map(|e| e.code));
    spoil(lab, (*protocol, service), fault.as_ref(), Reply::Answer(status, body, skew))
}

/// How a service is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Query,
    Json,
    Cbor,
}

/// What a service answers.
enum Answer {
    /// The body, in JSON.
    Text(String),
    /// The body, in JSON or CBOR; none where it is null.
    Value(serde_json::Value),
    /// What is inside of the result element.
    Element(String),
}

/// What a call asks for.
struct Asked {
    action: String,
    /// The parameters; of a call in JSON or CBOR those that the log may have.
    params: Params,
    json: serde_json::Value,
    protocol: Protocol,
}

fn read(request: &Request) -> Asked {
    let last = |text: &str, sign: char| text.rsplit(sign).next().unwrap_or_default().to_owned();
    let of = |action, json, protocol| Asked { action, params: secrets::logged(&json), json, protocol };
    let target = request.header("x-amz-target");
    if !target.is_empty() {
        return of(last(target, '.'), serde_json::from_slice(&request.body).unwrap_or_default(), Protocol::Json);
    }
    if request.header("smithy-protocol") == "rpc-v2-cbor" {
        return of(last(&request.path, '/'), cbor::decode(&request.body).unwrap_or_default(), Protocol::Cbor);
    }
    let mut params: Params = pairs(&request.query).into_iter().chain(pairs(&String::from_utf8_lossy(&request.body))).collect();
    let action = params.remove("Action").unwrap_or_default();
    params.remove("Version");
    Asked { action, params, json: serde_json::Value::Null, protocol: Protocol::Query }
}

/// An error's body.
fn failure(protocol: Protocol, service: &str, status: u16, code: &str, message: &str) -> Vec<u8> {
    match protocol {
        Protocol::Query => xml::failure(service, status, code, message).into_bytes(),
        Protocol::Json => secrets::failure(code, message).into_bytes(),
        Protocol::Cbor => cbor::encode(&serde_json::json!({"__type": code, "message": message})),
    }
}

/// A page of a list, and the token of the next one.
pub fn page<'a, T>(all: &'a [T], token: Option<&str>, size: usize) -> Result<(&'a [T], Option<String>), Refusal> {
    let start = token.map_or(Some(0), |token| token.parse::<usize>().ok()).filter(|start| *start <= all.len());
    let start = start.ok_or_else(|| Refusal::new(400, "InvalidParameterException", "The specified nextToken is invalid."))?;
    let end = all.len().min(start + size);
    Ok((&all[start..end], (end < all.len()).then(|| end.to_string())))
}

fn enter(lab: &Lab, auth: Option<&Authorization>, action: &str, params: &Params) -> (usize, Option<Fault>) {
    let mut world = lab.world();
    let number = world.calls.len() + 1;
    for code in sts::CODES.iter().filter_map(|name| params.get(*name)) {
        world.count_code(params.get("SerialNumber").map_or("", String::as_str), code);
    }
    let masked =
        params.iter().map(|(n, v)| (n.clone(), if sts::CODES.contains(&n.as_str()) { "***".to_owned() } else { v.clone() })).collect();
    world.calls.push(Call {
        number,
        service: auth.map(|a| a.service.clone()).unwrap_or_default(),
        action: action.to_owned(),
        key_id: auth.map(|a| a.key_id.clone()).unwrap_or_default(),
        params: masked,
        status: None,
        code: None,
    });
    (number, world.rules.iter_mut().find_map(|rule| rule.hit(action, number)))
}

fn commit(lab: &Lab, number: usize, status: u16, code: Option<&str>) {
    let call = {
        let mut world = lab.world();
        let call = &mut world.calls[number - 1];
        call.status = Some(status);
        call.code = code.map(str::to_owned);
        call.clone()
    };
    if let Some(hook) = lab.hook() {
        hook(&call);
    }
}

/// What the fault makes of an answer to a call that has taken effect.
fn spoil(lab: &Lab, (protocol, service): (Protocol, &str), fault: Option<&Fault>, reply: Reply) -> Reply {
    let Reply::Answer(status, body, shift) = reply else { return reply };
    match fault {
        Some(Fault::PauseAfter) if lab.0.gate.pause() => Reply::Close,
        Some(Fault::DropAfter) => Reply::Close,
        Some(Fault::ErrorAfter { status, code, message }) => {
            Reply::Answer(*status, failure(protocol, service, *status, code, message), shift)
        }
        Some(Fault::Hang(delay)) => {
            std::thread::sleep(*delay);
            Reply::Answer(status, body, shift)
        }
        Some(Fault::Truncate) => Reply::Cut(status, body),
        Some(Fault::Garbage) => Reply::Answer(status, b"\0<html>proxy error</garbage\x80\x81\x82".to_vec(), shift),
        _ => Reply::Answer(status, body, shift),
    }
}

fn answer(world: &mut World, auth: Option<&Authorization>, asked: &Asked, request: &Request, skew: f64) -> Result<Answer, Refusal> {
    let found = answer_as_iam(world, auth, asked, request, skew);
    match asked.protocol {
        Protocol::Query if auth.is_some_and(|auth| auth.service == "sns") => found.map_err(sns::worded),
        Protocol::Query => found,
        Protocol::Json | Protocol::Cbor => found.map_err(secrets::worded),
    }
}

fn answer_as_iam(world: &mut World, auth: Option<&Authorization>, asked: &Asked, request: &Request, skew: f64) -> Result<Answer, Refusal> {
    let Asked { action, params, json, .. } = asked;
    let auth = auth.ok_or_else(|| Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"))?;
    let caller = identify(world, auth, request)?;
    check_clock(world.now() + skew, request.header("x-amz-date"))?;
    let now = world.now();
    if caller.session.is_none()
        && let Some(key) = world.keys.iter_mut().find(|k| k.id == auth.key_id)
    {
        key.used(now, &auth.service, &auth.region);
    }
    access::authorize(world, caller, auth, action, params)?;
    if let Some(answer) = changes::value(world, &auth.service, &auth.region, action, json) {
        return answer.map(Answer::Value);
    }
    if let Some(answer) = Some(()).filter(|()| auth.service == "sns").and_then(|()| changes::element(world, &auth.region, action, params)) {
        return answer.map(Answer::Element);
    }
    match auth.service.as_str() {
        "iam" => iam::answer(world, caller, action, params).map(Answer::Element),
        "sts" => sts::answer(world, caller, action, params).map(Answer::Element),
        "sns" => sns::answer(world, &auth.region, action, params).map(Answer::Element),
        SECRETS => secrets::answer(world, &auth.region, action, json).map(Answer::Text),
        "cloudtrail" => cloudtrail::answer(world, &auth.region, action, json).map(Answer::Value),
        "events" => events::answer(world, &auth.region, action, json).map(Answer::Value),
        "logs" => logs::answer(world, &auth.region, action, json).map(Answer::Value),
        CLOUDWATCH => cloudwatch::answer(world, &auth.region, action, json).map(Answer::Value),
        other => Err(Refusal::new(400, "InvalidAction", format!("The lab does not know the service {other}."))),
    }
}

fn identify(world: &mut World, auth: &Authorization, request: &Request) -> Result<Caller, Refusal> {
    let bad = || Refusal::new(403, "InvalidClientTokenId", BAD_TOKEN);
    let (caller, secret) = if let Some(at) = world.sessions.iter().position(|s| s.id == auth.key_id) {
        let session = &world.sessions[at];
        if session.token != request.header("x-amz-security-token") || world.users[session.user].deleted {
            return Err(bad());
        }
        if world.now() > session.expires_at {
            return Err(Refusal::new(403, "ExpiredToken", "The security token included in the request is expired"));
        }
        // QUIRK(iam): a session without MFA context is refused as if it were unknown.
        if auth.service == "iam" && !session.mfa && session.role.is_none() {
            return Err(bad());
        }
        (Caller { user: session.user, session: Some(at) }, session.secret.clone())
    } else {
        let at = world.keys.iter().position(|k| k.id == auth.key_id).ok_or_else(bad)?;
        if !request.header("x-amz-security-token").is_empty() || !world.seen_active(at) {
            return Err(bad());
        }
        (Caller { user: world.keys[at].user, session: None }, world.keys[at].secret.clone())
    };
    if signature(&secret, auth, request) != auth.signature {
        return Err(Refusal::new(403, "SignatureDoesNotMatch", BAD_SIGNATURE));
    }
    Ok(caller)
}

fn check_clock(now: f64, stamp: &str) -> Result<(), Refusal> {
    let sent = chrono::NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").map_or(0.0, |t| t.and_utc().timestamp() as f64);
    let gap = now - sent;
    let message = if gap > 900.0 {
        format!("Signature expired: {stamp} is now earlier than the server's time by {gap:.0} s (15 min.)")
    } else if gap < -300.0 {
        format!("Signature not yet current: {stamp} is still later than the server's time by {:.0} s (5 min.)", -gap)
    } else {
        return Ok(());
    };
    Err(Refusal::new(403, "SignatureDoesNotMatch", message))
}
