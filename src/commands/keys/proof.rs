//! Whether a profile works by the line that stands in the config file now: keyrotate itself, as the line says, then the AWS CLI.
//!
//! Invariant: what a program answered is looked at, and never shown: it may have a secret in it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::aws::{Aws, Signer};
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::model::{AccessKeyId, AccessKeyPair, Identity, ProfileName, SecretAccessKey, SessionToken, TemporaryCredentials};
use crate::os::process::capture;
use crate::os::search_path;

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
pub struct Asked<'a> {
    pub context: &'a Context,
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
pub fn prove(asked: &Asked<'_>) -> Result<Proof, Failure> {
    let Asked { aws, profile, command, identity, pair, attended, .. } = asked;
    let failed = |message: String| Failure::new(FailureKind::Failed, message);
    let mut words = shlex::split(command).unwrap_or_default();
    if !attended {
        words.insert(words.len().min(2), "--no-input".to_owned());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = format!("`{command}`");
    let ran = capture(&words, None, &[])
        .map_err(|error| Failure { causes: vec![error.to_string()], ..failed(format!("{line} cannot be run")) })?;
    let answer = Zeroizing::new(ran.stdout);
    if ran.code == Some(i32::from(FailureKind::MfaNeeded.exit_code())) {
        let found = aws.get_caller_identity(&Signer::LongTerm((*pair).clone()));
        let found = found.map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
        return if found.same_principal(identity) { Ok(Proof::AtNextLogin) } else { Err(failed(other(&found.arn.to_string(), identity))) };
    }
    if !ran.succeeded {
        let causes = ran.stderr.lines().map(str::to_owned).collect();
        return Err(Failure { causes, ..failed(format!("{line} gives no session")) });
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
    if !capture(&[&program, "--version"], None, &[]).is_ok_and(|said| said.succeeded) {
        return Ok(false);
    }
    let mut words = vec![program.as_str(), "sts", "get-caller-identity", "--output", "json", "--profile", profile.as_str()];
    let endpoint = asked.context.files()?.endpoint("sts", profile, &asked.context.environment);
    // A profile need not have one, and the AWS CLI reads AWS_REGION only where it is new.
    words.extend(["--region", asked.aws.region()]);
    if let Some(url) = &endpoint {
        words.extend(["--endpoint-url", url]);
    }
    let message = format!("`aws sts get-caller-identity --profile {}` does not work with the line", profile.quoted());
    let failed = |causes| Failure { causes, ..Failure::new(FailureKind::Failed, message.clone()) };
    let said = capture(&words, None, &[("AWS_PAGER", "".into())]).map_err(|error| failed(vec![error.to_string()]))?;
    match serde_json::from_str::<Caller>(&said.stdout) {
        Ok(found) if said.succeeded && found.account == asked.identity.account && found.user_id == asked.identity.user_id => Ok(true),
        Ok(found) if said.succeeded => Err(failed(vec![format!("it is {} in account {}", found.user_id, found.account)])),
        Ok(_) | Err(_) => Err(failed(said.stderr.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect())),
    }
}

fn other(found: &str, identity: &Identity) -> String {
    format!("the profile leads to {found} now, and the key is of {}", identity.arn)
}
