//! What somebody decided may be as it is, with a reason and an end.
//!
//! Invariant: an exemption ends by itself, and never hides what was found: the finding says who let it be and until when.

use chrono::NaiveDate;

use super::finding::{Exempt, Finding, Level};
use crate::profile::settings::Exemption;

/// The findings with their exemptions. What could not be looked at, and what is well, has none.
pub fn exempted(findings: Vec<Finding>, exemptions: &[Exemption], today: NaiveDate) -> Vec<Finding> {
    let exempt = |finding: &Finding| {
        let fits =
            |entry: &&Exemption| entry.check == finding.check && entry.subject.as_ref().is_none_or(|subject| *subject == finding.subject);
        // The one that lasts longest: an older one that ended is not held against it.
        let entry = exemptions.iter().filter(fits).max_by_key(|entry| entry.until)?;
        Some(Exempt { reason: entry.reason.clone(), until: entry.until, has_ended: entry.until < today })
    };
    let with = |finding: Finding| match finding.level {
        Level::Warn | Level::Fail => Finding { exempt: exempt(&finding), ..finding },
        Level::Pass | Level::NotApplicable | Level::Unknown => finding,
    };
    findings.into_iter().map(with).collect()
}

/// The exemptions that count and whose subject no finding has, each with the subjects that there are. What was not looked at, or could not be, says
/// nothing of them.
pub fn idle<'a>(
    findings: &'a [Finding],
    exemptions: &'a [Exemption],
    today: NaiveDate,
) -> impl Iterator<Item = (&'a Exemption, &'a str, Vec<&'a str>)> {
    exemptions.iter().filter(move |entry| entry.until >= today).filter_map(|entry| {
        let subject = entry.subject.as_deref()?;
        let found: Vec<&Finding> = findings.iter().filter(|finding| finding.check == entry.check).collect();
        let is_known = !found.is_empty() && found.iter().all(|finding| finding.level != Level::Unknown);
        let subjects: Vec<&str> = found.iter().map(|finding| finding.subject.as_str()).collect();
        (is_known && !subjects.contains(&subject)).then_some((entry, subject, subjects))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Check;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn an_exemption_counts_to_its_last_day_for_its_subject_and_never_for_what_is_unknown() {
        let entry = |subject: Option<&str>, until: &str| Exemption {
            check: Check::DirectAttach,
            subject: subject.map(str::to_owned),
            reason: "while we move".to_owned(),
            until: day(until),
        };
        let found = |level, subject: &str| Finding::new(Check::DirectAttach, level, subject, "attached");
        let table: [(&[Exemption], Level, &str, &str, Level); 6] = [
            (&[entry(None, "2027-01-31")], Level::Warn, "A", "2027-01-31", Level::Pass),
            (&[entry(None, "2027-01-31")], Level::Warn, "A", "2027-02-01", Level::Warn),
            (&[entry(Some("B"), "2027-01-31")], Level::Warn, "A", "2027-01-01", Level::Warn),
            (&[entry(Some("A"), "2027-01-31")], Level::Fail, "A", "2027-01-01", Level::Pass),
            (&[entry(None, "2026-01-31"), entry(None, "2027-01-31")], Level::Warn, "A", "2027-01-01", Level::Pass),
            (&[entry(None, "2027-01-31")], Level::Unknown, "A", "2027-01-01", Level::Unknown),
        ];
        for (entries, level, subject, today, wanted) in table {
            let findings = exempted(vec![found(level, subject)], entries, day(today));
            assert_eq!(findings.iter().map(Finding::counted).collect::<Vec<_>>(), [wanted], "{entries:?} {today}");
        }
        let other = Finding::new(Check::Inline, Level::Fail, "A", "inline");
        assert_eq!(exempted(vec![other], &[entry(None, "2027-01-31")], day("2027-01-01")).first().map(Finding::counted), Some(Level::Fail));
    }
}
