//! Every call to AWS: who signs it, what AWS or the network does to it, whether an answer comes. Invariant: a call is an effect, before
//! which the others act and power may fail; one that is refused or lost before changes nothing.

use keyrotate::aws::{AwsError, Unreachable};
use keyrotate::model::AccessKeyPair;

use super::schedule::{Fault, Op};
use super::universe::Universe;

pub type Answer<T> = Result<T, AwsError>;

pub fn operation(op: Op) -> &'static str {
    match op {
        Op::List => "iam:ListAccessKeys",
        Op::Identity => "sts:GetCallerIdentity",
        Op::LastUsed => "iam:GetAccessKeyLastUsed",
        Op::Create => "iam:CreateAccessKey",
        Op::Update => "iam:UpdateAccessKey",
        Op::Delete => "iam:DeleteAccessKey",
        Op::Read | Op::Prepare | Op::Write | Op::Release | Op::Wait | Op::Ask | Op::Persist | Op::Close => "",
    }
}

/// What a fault answers.
fn answer(fault: Fault, operation: &'static str) -> AwsError {
    match fault {
        Fault::LostBefore | Fault::LostAfter => AwsError::unanswered(operation, Unreachable::Timeout, "no answer"),
        Fault::Throttled => AwsError::answered(operation, 400, "Throttling", "Rate exceeded"),
        Fault::ServerBefore | Fault::ServerAfter => AwsError::answered(operation, 500, "ServiceFailure", ""),
        Fault::Denied => AwsError::answered(operation, 403, "AccessDenied", "no identity-based policy allows it"),
    }
}

fn is_after(fault: Fault) -> bool {
    matches!(fault, Fault::LostAfter | Fault::ServerAfter)
}

impl Universe {
    /// One call, signed by `signer`: refused, lost before, or made, and then perhaps lost.
    pub fn call<T>(&self, op: Op, signer: &AccessKeyPair, label: &str, act: impl FnOnce(&Universe) -> Answer<T>) -> Answer<T> {
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
        let operation = operation(op);
        let denied = (self.schedule.scene.denied == Some(op)).then_some(Fault::Denied);
        if let Some(fault) = denied.or(fault).filter(|fault| !is_after(*fault)) {
            let lost = matches!(fault, Fault::LostBefore);
            self.process.borrow_mut().has_server_time |= !lost;
            self.pass(if lost { 15_000 } else { 0 });
            if op == Op::Create && !answer(fault, operation).is_definitive() {
                self.ambiguous.set(true);
            }
            return Err(answer(fault, operation));
        }
        let accepted = self.accept(op, signer);
        let outcome = accepted.and_then(|()| act(self));
        match fault {
            Some(fault) => {
                self.ambiguous.set(self.ambiguous.get() || op == Op::Create);
                Err(answer(fault, operation))
            }
            None => {
                self.process.borrow_mut().has_server_time = true;
                outcome
            }
        }
    }

    /// Whether this answer accepts who signs: the pair, or the session, which the pair's end does not end; GetCallerIdentity is the pair's.
    fn accept(&self, op: Op, signer: &AccessKeyPair) -> Answer<()> {
        let operation = operation(op);
        let session = self.process.borrow().session.filter(|_| op != Op::Identity);
        match session {
            Some(true) => return Ok(()),
            Some(false) => return Err(AwsError::answered(operation, 403, "InvalidClientTokenId", "")),
            None => self.iam.borrow().accept(operation, signer, self.now.get(), self.noise(6))?,
        }
        if self.schedule.scene.mfa.is_some() && op != Op::Identity {
            return Err(AwsError::answered(operation, 403, "AccessDenied", "with an explicit deny in an identity-based policy"));
        }
        Ok(())
    }
}
