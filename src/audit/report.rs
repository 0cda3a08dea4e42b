//! The credential report, as far as the root user is in it.
//!
//! Invariant: columns are found by their names, and a value that is not understood is unknown, never "not used".

use chrono::{DateTime, Utc};

/// What the report says of the root user's last use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RootUse {
    /// When its password was last used; `None` is never, as far as AWS keeps it.
    pub(super) password: Option<DateTime<Utc>>,
    /// When one of its access keys was last used; the newer.
    pub(super) key: Option<DateTime<Utc>>,
}

/// Why the report says nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// No row of the root user.
    #[error("the credential report has no row of the root user")]
    NoRoot,
    /// A column is missing, or something in it cannot be read.
    #[error("the credential report's {0} cannot be read")]
    Column(&'static str),
    /// It is not a table.
    #[error("the credential report is not a table of comma-separated values")]
    Malformed,
}

/// Reads the row of `<root_account>`.
pub(super) fn root_use(report: &str) -> Result<RootUse, Unusable> {
    let mut reader = csv::Reader::from_reader(report.as_bytes());
    let headers = reader.headers().map_err(|_| Unusable::Malformed)?.clone();
    let rows: Result<Vec<csv::StringRecord>, csv::Error> = reader.records().collect();
    let rows = rows.map_err(|_| Unusable::Malformed)?;
    let at = |name: &'static str| headers.iter().position(|header| header == name).ok_or(Unusable::Column(name));
    let user = at("user")?;
    let root = rows.iter().find(|row| row.get(user) == Some("<root_account>")).ok_or(Unusable::NoRoot)?;
    let used = |name: &'static str| when(root.get(at(name)?).unwrap_or_default()).ok_or(Unusable::Column(name));
    let keys = [used("access_key_1_last_used_date")?, used("access_key_2_last_used_date")?];
    Ok(RootUse { password: used("password_last_used")?, key: keys.into_iter().flatten().max() })
}

/// A date of the report; `Some(None)` is never, or before AWS kept it (IAM user guide, "Getting credential reports").
fn when(value: &str) -> Option<Option<DateTime<Utc>>> {
    match value {
        "N/A" | "no_information" | "not_supported" => Some(None),
        date => DateTime::parse_from_rfc3339(date).ok().map(|at| Some(at.to_utc())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date,something_new";

    fn report(rows: &[&str]) -> String {
        format!("{HEADER}\n{}\n", rows.join("\n"))
    }

    fn day(text: &str) -> Option<DateTime<Utc>> {
        Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc())
    }

    #[test]
    fn the_newest_use_of_the_root_user_is_found_by_the_names_of_the_columns() {
        let other = "\"a,user\",arn:aws:iam::1:user/a,2026-01-01T00:00:00+00:00,N/A,N/A,x";
        let root = |password: &str, one: &str, two: &str| format!("<root_account>,arn:aws:iam::1:root,{password},{one},{two},x");
        let table = [
            (root("no_information", "N/A", "N/A"), Ok(RootUse { password: None, key: None })),
            (root("not_supported", "N/A", "N/A"), Ok(RootUse { password: None, key: None })),
            (
                root("2020-01-01T00:00:00+00:00", "2026-11-01T08:00:00+00:00", "2026-11-02T08:00:00Z"),
                Ok(RootUse { password: day("2020-01-01T00:00:00Z"), key: day("2026-11-02T08:00:00Z") }),
            ),
            (root("soon", "N/A", "N/A"), Err(Unusable::Column("password_last_used"))),
            (root("", "N/A", "N/A"), Err(Unusable::Column("password_last_used"))),
        ];
        for (row, wanted) in table {
            assert_eq!(root_use(&report(&[other, &row])), wanted, "{row}");
        }
        assert_eq!(root_use(&report(&[other])), Err(Unusable::NoRoot));
        assert_eq!(root_use("user,arn\n<root_account>,arn:aws:iam::1:root\n"), Err(Unusable::Column("access_key_1_last_used_date")));
        assert_eq!(root_use(""), Err(Unusable::Column("user")));
        assert_eq!(root_use(&report(&["<root_account>,too,few"])), Err(Unusable::Malformed));
    }
}
