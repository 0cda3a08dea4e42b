//! Every call to AWS: who signs it, what AWS or the network does to it, whether an answer comes. Invariant: a call is an effect, before
//! which the others act and power may fail; one that is refused or lost before changes nothing.

use keyrotate::aws::{AwsError, ErrorKind, Unreachable};
use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
use keyrotate::rotation::SessionSight;

use super::events::{Fault, Op};
use super::scene::Mfa;
use super::universe::Universe;

/// The key of a profile that may read the secrets.
const OPERATOR: &str = "AKIAOPERATOR00000001";

pub type Answer<T> = Result<T, AwsError>;

/// A refusal of Secrets Manager's: code and message.
pub struct Refusal(pub &'static str, pub &'static str);

impl Refusal {
    pub fn answered(&self, operation: &'static str) -> AwsError {
        AwsError::answered(operation, 400, self.0, self.1)
    }
}

pub fn operation(op: Op) -> &'static str {
    match op {
        Op::List => "iam:ListAccessKeys",
        Op::Identity => "sts:GetCallerIdentity",
        Op::LastUsed => "iam:GetAccessKeyLastUsed",
        Op::Create => "iam:CreateAccessKey",
        Op::Update => "iam:UpdateAccessKey",
        Op::Delete => "iam:DeleteAccessKey",
        Op::Describe => "secretsmanager:DescribeSecret",
        Op::GetValue => "secretsmanager:GetSecretValue",
        Op::PutValue => "secretsmanager:PutSecretValue",
        Op::MoveStage => "secretsmanager:UpdateSecretVersionStage",
        Op::KeychainGet | Op::KeychainSet | Op::KeychainDelete => "",
        Op::Read | Op::Prepare | Op::Write | Op::Release | Op::Wait | Op::Ask | Op::Persist | Op::Close => "",
    }
}

/// A refusal in the words of the service that is asked.
fn refused(op: Op, code: &'static str, message: &str) -> AwsError {
    let (status, code) = match (op, code) {
        (Op::Describe | Op::GetValue | Op::PutValue | Op::MoveStage, code) => match code {
            "InvalidClientTokenId" => (400, "UnrecognizedClientException"),
            "SignatureDoesNotMatch" => (400, "InvalidSignatureException"),
            "AccessDenied" => (400, "AccessDeniedException"),
            "Throttling" => (400, "ThrottlingException"),
            "ServiceFailure" => (500, "InternalServiceError"),
            other => (400, other),
        },
        (_, "Throttling") => (400, code),
        (_, "ServiceFailure") => (500, code),
        (_, code) => (403, code),
    };
    AwsError::answered(operation(op), status, code, message)
}

/// What a fault answers.
fn answer(fault: Fault, op: Op) -> AwsError {
    match fault {
        Fault::LostBefore | Fault::LostAfter => AwsError::unanswered(operation(op), Unreachable::Timeout, "no answer"),
        Fault::Throttled => refused(op, "Throttling", "Rate exceeded"),
        Fault::ServerBefore | Fault::ServerAfter => refused(op, "ServiceFailure", ""),
        Fault::Denied => refused(op, "AccessDenied", "no identity-based policy allows it"),
    }
}

/// The pair of a profile that may read the secrets.
pub fn operator() -> AccessKeyPair {
    AccessKeyPair { id: AccessKeyId::parse(OPERATOR).expect("an access key ID"), secret: SecretAccessKey::new("operator") }
}

fn is_after(fault: Fault) -> bool {
    matches!(fault, Fault::LostAfter | Fault::ServerAfter)
}

impl Universe {
    /// One call, signed by `signer`: refused, lost before, or made, and then perhaps lost.
    pub fn call<T>(&self, op: Op, signer: &AccessKeyPair, label: &str, act: impl FnOnce(&Universe) -> Answer<T>) -> Answer<T> {
        let is_change = matches!(op, Op::Create | Op::Update | Op::Delete | Op::PutValue | Op::MoveStage);
        if self.role().pulls() && (is_change || matches!(op, Op::List | Op::LastUsed)) {
            self.violated(format!("a machine that pulls calls {}", operation(op)));
        }
        let fault = self.op(op, || format!("{label}, signed by {}", signer.id));
        self.pass(50 + self.noise(5) % 250);
        let answered = self.made(op, signer, fault, act);
        self.say(|| match &answered {
            Ok(_) => "      ok".to_owned(),
            Err(error) => format!("      {error}"),
        });
        answered
    }

    fn made<T>(&self, op: Op, signer: &AccessKeyPair, fault: Option<Fault>, act: impl FnOnce(&Universe) -> Answer<T>) -> Answer<T> {
        let denied = (self.schedule.scene.denied == Some(op)).then_some(Fault::Denied);
        if let Some(fault) = denied.or(fault).filter(|fault| !is_after(*fault)) {
            let lost = matches!(fault, Fault::LostBefore);
            self.process.borrow_mut().has_server_time |= !lost;
            self.pass(if lost { 15_000 } else { 0 });
            if op == Op::Create && !answer(fault, op).is_definitive() {
                self.ambiguous.set(true);
            }
            return Err(answer(fault, op));
        }
        let accepted = self.accept(op, signer);
        let outcome = accepted.and_then(|()| act(self));
        match fault {
            Some(fault) => {
                self.ambiguous.set(self.ambiguous.get() || op == Op::Create);
                Err(answer(fault, op))
            }
            None => {
                self.process.borrow_mut().has_server_time = true;
                outcome
            }
        }
    }

    /// Who signs now.
    pub fn sight(&self) -> SessionSight {
        let process = self.process.borrow();
        process.session.map_or(SessionSight::None, |_| if process.is_new_session { SessionSight::Opened } else { SessionSight::Found })
    }

    /// A session in the place of the present one.
    pub fn open_session(&self, pair: &AccessKeyPair) -> SessionSight {
        self.op(Op::Ask, || format!("opening a session with {}", pair.id));
        let before = self.process.borrow_mut().session.take();
        let is_first = before.is_none() && !self.process.borrow().has_refused;
        let (sight, session) = match self.schedule.scene.mfa {
            None => (SessionSight::Unavailable, None),
            Some(Mfa::Open) if is_first => (SessionSight::Found, Some(true)),
            Some(Mfa::Stale) if is_first => (SessionSight::Found, Some(false)),
            Some(_) if !self.process.borrow().has_code => (SessionSight::Unavailable, None),
            Some(_) => {
                self.pass(20_000);
                let accepted = self.iam.borrow().accept("sts:GetSessionToken", pair, self.now.get(), self.noise(6));
                if accepted.is_ok() { (SessionSight::Opened, Some(true)) } else { (SessionSight::Unavailable, None) }
            }
        };
        let mut process = self.process.borrow_mut();
        process.has_refused |= before.is_some();
        (process.session, process.is_new_session) = (session, sight == SessionSight::Opened);
        drop(process);
        self.say(|| format!("      {sight:?}"));
        sight
    }

    /// Whether this answer accepts who signs: the pair, or the session, which the pair's end does not end; GetCallerIdentity is the pair's.
    fn accept(&self, op: Op, signer: &AccessKeyPair) -> Answer<()> {
        if signer.id.as_str() == OPERATOR {
            return Ok(());
        }
        let session = self.process.borrow().session.filter(|_| op != Op::Identity);
        match session {
            Some(true) => return Ok(()),
            Some(false) => return Err(refused(op, "InvalidClientTokenId", "")),
            None => {
                let accepted = self.iam.borrow().accept(operation(op), signer, self.now.get(), self.noise(6));
                accepted.map_err(|error| {
                    refused(op, if error.kind == ErrorKind::BadSignature { "SignatureDoesNotMatch" } else { "InvalidClientTokenId" }, "")
                })?;
            }
        }
        if self.schedule.scene.mfa.is_some() && op != Op::Identity {
            return Err(refused(op, "AccessDenied", "with an explicit deny in an identity-based policy"));
        }
        Ok(())
    }
}
