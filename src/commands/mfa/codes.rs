//! Two codes that follow each other, asked of a person until AWS takes them.
//!
//! Invariant: a code is noted as used before it is sent, so that neither this nor a login sends it again.

use std::error::Error;

use zeroize::Zeroizing;

use super::Asked;
use crate::aws::AwsError;
use crate::commands::failure::{Failure, FailureKind};
use crate::model::{ConsecutiveCodes, MfaSerial, TokenCode};
use crate::os::clock;
use crate::os::disk::RealDisk;
use crate::os::terminal::Console;
use crate::session::NoCode;

/// How often two codes are sent.
const TRIES: usize = 3;

impl Asked<'_> {
    /// Asks for two codes of the device and sends them.
    pub(super) fn with_codes(
        &self,
        console: &Console,
        serial: &MfaSerial,
        send: &dyn Fn(&ConsecutiveCodes) -> Result<(), AwsError>,
    ) -> Result<(), Failure> {
        let mut left = TRIES;
        loop {
            left -= 1;
            let codes = ask(console)?;
            let refused = match self.note_used(serial, &codes)? {
                Some(used) => used,
                None => match send(&codes) {
                    Ok(()) => return Ok(()),
                    Err(error) if error.is_invalid_codes() => self.wrong(&error),
                    Err(error) => return Err(self.refused(FailureKind::Failed, &error)),
                },
            };
            if left == 0 {
                return Err(refused);
            }
            let whole = [refused.message].into_iter().chain(refused.hint).collect::<Vec<_>>();
            console.show(&format!("{}; wait for the next two", whole.join(": ")));
        }
    }

    /// What is wrong where a code was sent before.
    fn note_used(&self, serial: &MfaSerial, codes: &ConsecutiveCodes) -> Result<Option<Failure>, Failure> {
        let unusable = |error: &dyn Error| Failure::from_error(FailureKind::Failed, error);
        let disk = RealDisk;
        let memory = self.context.cache(&disk).token_codes().map_err(|error| unusable(&error))?;
        for code in [&codes.first, &codes.second] {
            let taken = memory.take(serial, code, clock::local_now()).map_err(|error| unusable(&error))?;
            if taken.is_err() {
                return Ok(Some(Failure::new(FailureKind::Failed, "one of the codes was sent before, and a code is good once")));
            }
        }
        Ok(None)
    }

    /// AWS does not say what it does not like about codes.
    fn wrong(&self, error: &AwsError) -> Failure {
        let message = "AWS did not take the two codes";
        let hint = format!(
            "they have to be two that follow each other, the earlier one first, of this device, of the last minutes and used nowhere \
             else ({})",
            self.clocks()
        );
        let failure = Failure::new(FailureKind::Failed, message).hint(hint);
        Failure { causes: vec![error.to_string()], ..failure }
    }
}

/// Two codes from the terminal. What cannot be two codes is asked for again, as often as it takes: AWS hears nothing of it.
fn ask(console: &Console) -> Result<ConsecutiveCodes, Failure> {
    let first = code(console, "code that the device shows now: ")?;
    loop {
        let second = code(console, "the next code, which it shows within half a minute: ")?;
        match ConsecutiveCodes::new(first.clone(), second) {
            Ok(codes) => return Ok(codes),
            Err(error) => console.show(&error.to_string()),
        }
    }
}

fn code(console: &Console, question: &str) -> Result<TokenCode, Failure> {
    console.held(|| {
        loop {
            let typed = console.ask_line(question).map(Zeroizing::new);
            let typed = typed.ok_or_else(|| Failure::from_error(FailureKind::Failed, &NoCode::Abandoned))?;
            match TokenCode::parse(&typed) {
                Ok(code) => return Ok(code),
                Err(error) => console.show(&format!("{error}; Ctrl-C gives up")),
            }
        }
    })
}
