//! Whether a profile works by the line that stands in the config file now: keyrotate itself, as the line says, then the AWS CLI.
//!
//! Invariant: what a program answered is looked at, and never shown: it may have a secret in it.

use std::ffi::OsString;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::aws::{Aws, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::rotate::Run;
use crate::model::{AccessKeyId, AccessKeyPair, Identity, ProfileName, SecretAccessKey, SessionToken, TemporaryCredentials};
use crate::os::process::{Captured, Unanswered, capture_within};
use crate::os::search_path;

/// The longest that our own line may take, a person's answer to its question included: it minds its time itself, the program that `--program`
/// names may not.
const OWN_LIMIT: Duration = Duration::from_secs(90);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A session was opened by the line, and is of the same user.
    Proved {
        /// The AWS CLI said so, too.
        by_cli: bool,
    },
    /// The pair in the item works; a session needs a code, and nobody can be asked.
    AtNextLogin,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: AccessKeyId,
    // SECRET: it goes to a type that hides it at once.
    secret_access_key: String,
    session_token: String,
    expiration: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Caller {
    #[serde(rename = "Account")]
    account: String,
    #[serde(rename = "UserId")]
    user_id: String,
}

/// Whom to ask, and about what.
pub(super) struct Asked<'a> {
    pub run: &'a Run<'a>,
    pub aws: &'a Aws,
    pub profile: &'a ProfileName,
    /// What the line says.
    pub command: &'a str,
    /// Whose key it is.
    pub identity: &'a Identity,
    /// The pair, read back from the item.
    pub pair: &'a AccessKeyPair,
    /// A person can be asked for a code.
    pub attended: bool,
}

/// Runs the line, and the AWS CLI where there is one.
pub(super) fn prove(asked: &Asked<'_>) -> Result<Proof, Failure> {
    let Asked { aws, profile, command, identity, pair, attended, .. } = asked;
    let failed = |message: String| Failure::new(FailureKind::Failed, message);
    let mut words = shlex::split(command).unwrap_or_default();
    if !attended {
        words.insert(words.len().min(2), "--no-input".to_owned());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = format!("`{command}`");
    let ran = ran(asked, &words, &[], OWN_LIMIT).map_err(|error| failed(format!("{line} {error}")))?;
    let answer = Zeroizing::new(ran.stdout);
    if ran.code == Some(i32::from(FailureKind::MfaNeeded.exit_code())) {
        let found = aws.get_caller_identity(&Signer::LongTerm((*pair).clone()));
        let found = found.map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
        return if found.same_principal(identity) { Ok(Proof::AtNextLogin) } else { Err(failed(other(&found.arn.to_string(), identity))) };
    }
    if !ran.succeeded {
        return Err(Failure { causes: told(&ran.stderr), ..failed(format!("{line} gives no session")) });
    }
    let Ok(answer) = serde_json::from_str::<Answer>(&answer) else { return Err(failed(format!("{line} does not answer with a session"))) };
    let session = TemporaryCredentials {
        id: answer.access_key_id,
        secret: SecretAccessKey::new(answer.secret_access_key),
        session_token: SessionToken::new(answer.session_token),
        expires_at: answer.expiration,
    };
    let found = aws.get_caller_identity(&Signer::Session(session)).map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
    if !found.same_principal(identity) {
        return Err(failed(other(&found.arn.to_string(), identity)));
    }
    Ok(Proof::Proved { by_cli: by_cli(asked, profile)? })
}

/// Whether there is an AWS CLI that can be run, and it says the same.
fn by_cli(asked: &Asked<'_>, profile: &ProfileName) -> Result<bool, Failure> {
    let Some(program) = search_path::find("aws").and_then(|path| path.into_os_string().into_string().ok()) else { return Ok(false) };
    let limit = asked.run.context.waits().program_wait;
    match ran(asked, &[&program, "--version"], &[], limit) {
        Ok(said) if said.succeeded => {}
        Err(error @ Unanswered::TooLate(_)) => return Err(Failure::new(FailureKind::Failed, format!("`{program} --version` {error}"))),
        Ok(_) | Err(_) => return Ok(false),
    }
    let mut words = vec![program.as_str(), "sts", "get-caller-identity", "--output", "json", "--profile", profile.as_str()];
    let context = asked.run.context;
    let endpoint = context.files()?.endpoint("sts", profile, &context.environment);
    // A profile need not have one, and the AWS CLI reads AWS_REGION only where it is new.
    words.extend(["--region", asked.aws.region()]);
    if let Some(url) = &endpoint {
        words.extend(["--endpoint-url", url]);
    }
    let message = format!("`aws sts get-caller-identity --profile {}` does not work with the line", profile.quoted());
    let failed = |causes| Failure { causes, ..Failure::new(FailureKind::Failed, message.clone()) };
    let said = ran(asked, &words, &[("AWS_PAGER", "".into())], limit).map_err(|error| failed(vec![format!("it {error}")]))?;
    match serde_json::from_str::<Caller>(&said.stdout) {
        Ok(found) if said.succeeded && found.account == asked.identity.account && found.user_id == asked.identity.user_id => Ok(true),
        Ok(found) if said.succeeded => Err(failed(vec![format!("it is {} in account {}", found.user_id, found.account)])),
        Ok(_) | Err(_) => Err(failed(told(&said.stderr))),
    }
}

/// Runs a program, for so long at most, and until a signal asks to stop.
fn ran(asked: &Asked<'_>, words: &[&str], variables: &[(&str, OsString)], limit: Duration) -> Result<Captured, Unanswered> {
    let console = asked.run.console;
    console.held(|| capture_within(words, variables, limit, &|| console.stopped()))
}

/// What a program said of its failure, without what every keyrotate begins its errors with, and without the state of things, which ours tells.
fn told(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("state: "));
    lines.map(|line| line.strip_prefix("keyrotate: error: ").or_else(|| line.strip_prefix("cause: ")).unwrap_or(line).to_owned()).collect()
}

fn other(found: &str, identity: &Identity) -> String {
    format!("the profile leads to {found} now, and the key is of {}", identity.arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_our_own_program_is_told_as_causes_of_this_one() {
        let said = "keyrotate: error: no session\n  cause: AccessDenied\n  state: nothing was changed\n  hint:  run `x`\n\n";
        assert_eq!(told(said), ["no session", "AccessDenied", "hint:  run `x`"]);
        assert_eq!(told("An error occurred\n"), ["An error occurred"]);
    }
}
