//! `[audit]`: what an audit lets be, and for how long.

use std::time::Duration;

use chrono::NaiveDate;

use super::error::SettingsError;
use super::table::Table;
use crate::model::{Check, parse_duration};

/// The table of the settings. The default is what holds without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// An active key that was not used for so long is unused.
    pub unused_after: Duration,
    /// What may be as it is.
    pub exemptions: Vec<Exemption>,
}

/// Something that somebody decided to let be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The check.
    pub check: Check,
    /// What it is about, as the finding names it; `None` is everything.
    pub subject: Option<String>,
    /// Why it may be so.
    pub reason: String,
    /// The last day on which it counts, in UTC.
    pub until: NaiveDate,
}

/// The CIS benchmark's 45 days.
const UNUSED_AFTER: Duration = Duration::from_secs(45 * 86_400);

const DATE: &str = "a day, such as 2027-03-31";
const ID: &str = "the id of a check, such as \"DIRECT-ATTACH\"; `keyrotate audit` shows them";

impl Default for AuditSettings {
    fn default() -> Self {
        Self { unused_after: UNUSED_AFTER, exemptions: Vec::new() }
    }
}

pub(super) fn audit(table: &Table<'_>) -> Result<AuditSettings, SettingsError> {
    table.only(&["unused_after", "exemption"], &[])?;
    let read = |text: &str| parse_duration(text).ok().filter(|duration| !duration.is_zero());
    let unused_after = table.shown("unused_after", "a whole number and a unit in quotes, such as \"45d\"", read)?;
    let exemptions: Result<Vec<Exemption>, SettingsError> = table.list("exemption")?.iter().map(exemption).collect();
    Ok(AuditSettings { unused_after: unused_after.unwrap_or(UNUSED_AFTER), exemptions: exemptions? })
}

fn exemption(table: &Table<'_>) -> Result<Exemption, SettingsError> {
    table.only(&["check", "subject", "reason", "until"], &[])?;
    Ok(Exemption {
        check: table.shown("check", ID, Check::named)?.ok_or_else(|| table.missing("check"))?,
        subject: table.text("subject")?,
        reason: table.required_text("reason")?,
        until: table.date("until", DATE)?.ok_or_else(|| table.missing("until"))?,
    })
}
