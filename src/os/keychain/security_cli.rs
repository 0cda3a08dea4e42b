//! The keychain of macOS by way of `/usr/bin/security`.
//!
//! Invariant: a secret goes to it on standard input and comes back on standard output, and is never among its arguments.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Act, Answer, Call, KeychainError, Perform, SERVICE};
use crate::os::process::{Captured, capture};

/// `security -i` cuts a longer line in two (MAX_LINE_LEN in its security.c), and would print the second half as a command that it does not know.
const LONGEST_LINE: usize = 4_095;

pub(super) struct SecurityCli {
    program: PathBuf,
}

impl SecurityCli {
    pub(super) fn new(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }

    fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Result<Captured, KeychainError> {
        let program = self.program.display().to_string();
        let words: Vec<&str> = [program.as_str()].into_iter().chain(arguments.iter().copied()).collect();
        capture(&words, input, &[]).map_err(|error| KeychainError::Absent(format!("{program}: {error}")))
    }
}

impl Perform for SecurityCli {
    fn perform(&mut self, call: &Call) -> Answer {
        let item = call.item.as_str();
        let found = match &call.act {
            Act::Get => self.run(&["find-generic-password", "-s", SERVICE, "-a", item, "-w"], None)?,
            Act::Delete => self.run(&["delete-generic-password", "-s", SERVICE, "-a", item], None)?,
            Act::Set(bytes) => {
                let hex: Zeroizing<String> = Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
                let line = Zeroizing::new(format!("add-generic-password -U -s {SERVICE} -a {item} -X {}\n", hex.as_str()));
                if line.len() > LONGEST_LINE {
                    return Err(too_long(bytes.len()));
                }
                let mut done = self.run(&["-i"], Some(line.as_bytes()))?;
                // Its exit code is that of the prompt, not of the command.
                done.succeeded = done.succeeded && done.stderr.trim().is_empty();
                done
            }
        };
        let text = Zeroizing::new(found.stdout);
        match (&call.act, found.succeeded) {
            (Act::Get, true) => Ok(Some(Zeroizing::new(text.trim_end_matches('\n').as_bytes().to_vec()))),
            (Act::Set(_) | Act::Delete, true) => Ok(None),
            (_, false) if found.stderr.contains("could not be found") => Ok(None),
            (_, false) => Err(refusal(&found.stderr)),
        }
    }
}

fn too_long(length: usize) -> KeychainError {
    KeychainError::Other(format!(
        "/usr/bin/security takes no secret of {length} bytes: the setting `macos = \"native\"` in [keychain] goes without that program"
    ))
}

/// By the names that Security.framework gives them (SecBase.h).
fn refusal(stderr: &str) -> KeychainError {
    let said = stderr.lines().next_back().unwrap_or_default().trim().to_owned();
    if ["User interaction is not allowed", "errSecInteractionNotAllowed"].iter().any(|words| stderr.contains(words)) {
        return KeychainError::Locked;
    }
    if ["user name or passphrase", "User canceled", "errSecAuthFailed"].iter().any(|words| stderr.contains(words)) {
        return KeychainError::Denied(said);
    }
    KeychainError::Other(format!("/usr/bin/security: {said}"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::ItemName;
    use super::*;

    /// Keeps one item in a file beside it, and writes down its arguments.
    const STAND_IN: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$*" >>arguments
case "$1" in
-i) read -r line; set -- $line; [ "$1 $2 $3 $4 $5 $6 $7" = "add-generic-password -U -s keyrotate -a work -X" ] || { echo "bad: $line" >&2; exit 0; }; echo "$8" >item ;;
find-generic-password) [ -f item ] || { echo "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain." >&2; exit 44; }
    python3 -c 'import sys;print(bytes.fromhex(open("item").read()).decode())' ;;
delete-generic-password) rm item ;;
esac
"#;

    #[test]
    fn a_secret_is_in_its_input_and_in_no_argument() {
        let scratch = tempfile::tempdir().unwrap();
        let program = scratch.path().join("security");
        crate::os::atomic_file::write_new(&crate::os::disk::RealDisk, &program, STAND_IN.as_bytes()).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut security = SecurityCli::new(&program);
        let mut call = |act| security.perform(&Call { item: ItemName::parse("work").unwrap(), act });
        let secret = br#"{"SecretAccessKey":"canary"}"#;
        assert_eq!(call(Act::Get), Ok(None));
        assert_eq!(call(Act::Set(Zeroizing::new(secret.to_vec()))), Ok(None));
        assert_eq!(call(Act::Get), Ok(Some(Zeroizing::new(secret.to_vec()))));
        assert_eq!(call(Act::Delete), Ok(None));
        assert_eq!(call(Act::Get), Ok(None));
        let arguments = std::fs::read_to_string(scratch.path().join("arguments")).unwrap();
        assert!(arguments.lines().count() == 5 && !arguments.contains("canary") && !arguments.contains("63616e617279"), "{arguments}");
    }

    #[test]
    fn a_secret_that_its_line_cannot_hold_is_refused_before_it_runs() {
        let mut security = SecurityCli::new(Path::new("/nonexistent/security"));
        let mut set = |length: usize| {
            security.perform(&Call { item: ItemName::parse("work").unwrap(), act: Act::Set(Zeroizing::new(vec![b'x'; length])) })
        };
        assert!(matches!(set(2_100), Err(KeychainError::Other(said)) if said.contains("2100 bytes") && said.contains("native")));
        assert!(matches!(set(1_900), Err(KeychainError::Absent(_))));
    }

    #[test]
    fn refusals_are_told_apart() {
        assert_eq!(refusal("security: SecKeychainItemCopyContent: User interaction is not allowed.\n"), KeychainError::Locked);
        assert!(matches!(refusal("security: The user name or passphrase you entered is not correct.\n"), KeychainError::Denied(_)));
        assert_eq!(refusal("odd\n"), KeychainError::Other("/usr/bin/security: odd".to_owned()));
    }
}
