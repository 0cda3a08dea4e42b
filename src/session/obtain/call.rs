//! One call of the way, with a code where it needs one.
//!
//! Invariant: a code is noted as used before it is sent, and what AWS does not take is not sent again.

use std::time::Duration;

use chrono::TimeDelta;

use super::{NoSession, Opening};
use crate::aws::{AssumeRole, AwsError, MfaRefusal, Signer, TokenCodeOf, describe_skew};
use crate::model::{MfaSerial, TemporaryCredentials, TokenCode};
use crate::os::clock;
use crate::session::request::{Leg, Request};
use crate::session::source::{NoCode, Source};
use crate::session::token_codes::{STEP_SECONDS, TokenCodes, Used};

impl Opening<'_> {
    /// The credentials of the request's last leg.
    pub(super) fn call(&self, request: &Request, signer: &Signer) -> Result<TemporaryCredentials, NoSession> {
        let leg = request.leg();
        let make = |mfa: Option<TokenCodeOf<'_>>| {
            self.console.progress(&format!("opening a session for {}", self.profile));
            let made = match leg {
                Leg::SessionToken { .. } => self.aws.get_session_token(signer, request.duration(), mfa),
                Leg::AssumeRole { role, .. } => self.aws.assume_role(
                    signer,
                    &AssumeRole {
                        arn: &role.arn,
                        session_name: &role.session_name,
                        duration: request.duration(),
                        external_id: role.external_id.as_deref(),
                        source_identity: role.source_identity.as_deref(),
                        tags: &role.tags,
                        transitive_tags: &role.transitive_tags,
                        policy: role.policy.as_deref(),
                        policy_arns: &role.policy_arns,
                    },
                    mfa,
                ),
            };
            self.console.progress_done();
            made
        };
        match leg {
            Leg::SessionToken { mfa_serial: Some(serial), .. } | Leg::AssumeRole { mfa_serial: Some(serial), .. } => {
                self.with_code(serial, |code| make(Some(TokenCodeOf { serial, code })))
            }
            Leg::SessionToken { mfa_serial: None, .. } | Leg::AssumeRole { mfa_serial: None, .. } => Ok(make(None)?),
        }
    }

    /// Makes the call with a code, and asks for another one as often as its source allows.
    fn with_code(
        &self,
        serial: &MfaSerial,
        make: impl Fn(&TokenCode) -> Result<TemporaryCredentials, AwsError>,
    ) -> Result<TemporaryCredentials, NoSession> {
        let source = self.sources.source(self.console).ok_or(NoCode::Nobody)?;
        let mut tries = source.tries();
        let mut again: Option<String> = None;
        loop {
            tries = tries.saturating_sub(1);
            let code = self.sources.code(source, self.console, serial, self.profile, again.as_deref())?;
            let now = clock::local_now();
            let refused = match self.codes().take(serial, &code, now)? {
                Err(Used { next_at }) => NoSession::UsedCode { seconds: (next_at - now).num_seconds().max(1) },
                Ok(()) => match make(&code) {
                    Ok(credentials) => return Ok(credentials),
                    Err(error) => self.refused(serial, source, error),
                },
            };
            let next = match &refused {
                NoSession::UsedCode { seconds } => Duration::from_secs(seconds.unsigned_abs()),
                NoSession::WrongCode { .. } if source != Source::Command => Duration::ZERO,
                NoSession::WrongCode { .. } | NoSession::WrongSerial { .. } | NoSession::Aws(_) => return Err(refused),
                NoSession::NoCode(_) | NoSession::Elsewhere(_) => return Err(refused),
                NoSession::Lock(_) | NoSession::Cache(_) | NoSession::Memory(_) => return Err(refused),
                NoSession::Pair(_) | NoSession::OtherKey(_) => return Err(refused),
            };
            // A person waits by themselves; a program would print the same code again.
            let pause = if source == Source::Command { next.min(self.timing.code_step) } else { Duration::ZERO };
            if tries == 0 || self.console.left(Duration::MAX) < pause {
                return Err(refused);
            }
            let waits = if pause.is_zero() { "" } else { "; waiting for it" };
            self.console.note(&format!("{refused}{waits}"));
            if self.console.held(|| self.console.pause(pause)) {
                return Err(NoCode::Abandoned.into());
            }
            again = Some(refused.to_string());
        }
    }

    fn refused(&self, serial: &MfaSerial, source: Source, error: AwsError) -> NoSession {
        match error.mfa_refusal() {
            Some(MfaRefusal::Serial) => NoSession::WrongSerial { serial: serial.clone(), source: error },
            Some(MfaRefusal::Code) => NoSession::WrongCode { why: self.why(source), source: error },
            None => NoSession::Aws(error),
        }
    }

    /// AWS does not tell a wrong code from a used one, nor from one of another half minute.
    fn why(&self, source: Source) -> String {
        match self.aws.clock_skew().filter(|skew| skew.abs() >= TimeDelta::seconds(STEP_SECONDS)) {
            Some(skew) if source == Source::Command => {
                format!(": {}, so that codes that are computed here are wrong; set the clock", describe_skew(skew))
            }
            _ => ": it is wrong, of another device, or was used in the same half minute elsewhere; wait for the next one".to_owned(),
        }
    }

    fn codes(&self) -> TokenCodes<'_> {
        TokenCodes::new(self.disk, self.cache.directory()).within(self.console.left(Duration::MAX))
    }
}
