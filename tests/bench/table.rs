//! The table of figures: value, ratio to `/bin/true`, target, met or missed.

use std::fmt::Write as _;

/// One figure.
pub struct Row {
    pub what: String,
    /// The median, or why there is none.
    pub value: Result<f64, String>,
    pub unit: &'static str,
    /// To `/bin/true`.
    pub ratio: Option<f64>,
    pub target: Target,
}

/// What the figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    None,
    Below(f64),
    AtMost(f64),
    RatioBelow(f64),
}

/// The median of a figure; one run that did not do its work spoils all.
pub fn median<T>(runs: Vec<Result<T, String>>, figure: impl Fn(&T) -> f64) -> Result<f64, String> {
    let runs: Vec<T> = runs.into_iter().collect::<Result<_, _>>()?;
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().ok_or_else(|| "no run".to_owned())
}

pub fn draw(rows: &[Row]) -> String {
    let mut table = format!("{:<34} {:>10} {:>12}   {:<10} result\n", "figure", "median", "x /bin/true", "target");
    for row in rows {
        let (value, result) = match &row.value {
            Ok(value) => (number(*value, row.unit), judge(row, *value).to_owned()),
            Err(why) => ("-".to_owned(), format!("not measured: {why}")),
        };
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}"));
        let _ = writeln!(table, "{:<34} {value:>10} {ratio:>12}   {:<10} {result}", row.what, target(row));
    }
    table
}

fn target(row: &Row) -> String {
    match row.target {
        Target::None => String::new(),
        Target::Below(limit) => format!("< {}", number(limit, row.unit)),
        Target::AtMost(limit) => format!("<= {limit}"),
        Target::RatioBelow(limit) => format!("< {limit}x"),
    }
}

fn judge(row: &Row, value: f64) -> &'static str {
    let met = match row.target {
        Target::None => return "",
        Target::Below(limit) => value < limit,
        Target::AtMost(limit) => value <= limit,
        Target::RatioBelow(limit) => row.ratio.is_some_and(|ratio| ratio < limit),
    };
    if met { "met" } else { "missed" }
}

fn number(value: f64, unit: &str) -> String {
    if unit.is_empty() { format!("{value}") } else { format!("{value:.1} {unit}") }
}
