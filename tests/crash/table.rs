//! The table at the end: one row per fault, zero in each column of damage.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cases::{Kind, Row};
use crate::home::Problem;

/// Columns of damage, and what counts there.
const COLUMNS: [(&str, &[Problem]); 7] = [
    ("locked out", &[Problem::Locked, Problem::Early]),
    ("secret lost", &[Problem::Lost]),
    ("key unaccounted for", &[Problem::Orphan]),
    ("somebody else's key touched", &[Problem::Foreign]),
    ("other bytes changed", &[Problem::Changed, Problem::Torn]),
    ("secret leaked", &[Problem::Leak, Problem::Open]),
    ("stuck", &[Problem::Stuck, Problem::Label]),
];

/// The table as Markdown.
pub fn draw(kind: &Kind, rows: &[Row]) -> String {
    let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.fault).or_default().push(row);
    }
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let sampled = |what: &str, one_in: usize| if one_in == 1 { String::new() } else { format!("; {what}, one in {one_in}") };
    let sampled =
        sampled("of the second kills", kind.one_second_kill_in) + &sampled("of the faults that kill nothing", kind.one_other_fault_in);
    let mut text =
        format!("{}{sampled}\n| fault | cases | failed | {} | did not fire | waits for a person |\n", kind.name, names.join(" | "));
    text += &format!("|---{}|\n", "|---:".repeat(COLUMNS.len() + 4));
    for (fault, group) in groups {
        line(&mut text, fault, &group);
    }
    line(&mut text, "total", &rows.iter().collect::<Vec<_>>());
    text
}

/// A fault that hardly fired tested nothing.
pub fn assert_fired(rows: &[Row]) {
    let mut groups: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for row in rows {
        let [count, fired] = groups.entry(row.fault).or_default();
        (*count, *fired) = (*count + 1, *fired + usize::from(row.fired));
    }
    for (fault, [count, fired]) in groups {
        assert!(fired * 4 >= count, "{fault} fired {fired} times in {count} cases: hardly anything was tested");
    }
}

fn line(text: &mut String, name: &str, rows: &[&Row]) {
    let count = |what: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| what(row)).count();
    let _ = write!(text, "| {name} | {} | {} |", rows.len(), count(&|row| !row.problems.is_empty()));
    for (_, kinds) in COLUMNS {
        let _ = write!(text, " {} |", count(&|row| kinds.iter().any(|kind| row.problems.contains(kind))));
    }
    let _ = writeln!(text, " {} | {} |", count(&|row| !row.fired), count(&|row| row.waits));
}
