//! One table of the settings: its keys read by name, every refusal with its line.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use chrono::NaiveDate;
use toml_edit::{Item, TableLike};

use super::error::{SettingsError, SettingsProblem, Source};
use crate::model::parse_duration;

/// A table and what errors call it.
pub(super) struct Table<'a> {
    pub(super) name: String,
    source: Source<'a>,
    items: &'a dyn TableLike,
    span: Option<Range<usize>>,
}

/// Where a key belongs that is right elsewhere.
pub(super) type Elsewhere = (&'static [&'static str], &'static str);

impl<'a> Table<'a> {
    pub(super) fn root(source: Source<'a>, items: &'a dyn TableLike) -> Self {
        Self { name: "the file".to_owned(), source, items, span: None }
    }

    /// Refuses a key that is not among `known`, naming the nearest, or where it belongs when it is one of `elsewhere`.
    pub(super) fn only(&self, known: &[&str], elsewhere: &[Elsewhere]) -> Result<(), SettingsError> {
        let Some((key, _)) = self.items.iter().find(|(key, _)| !known.contains(key)) else { return Ok(()) };
        let place = elsewhere.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, place)| place);
        let moved = place.map(|place| format!("it belongs in {place}"));
        let fix = moved.unwrap_or_else(|| nearest(key, known));
        Err(self.error(key, SettingsProblem::UnknownKey { key: key.to_owned(), table: self.name.clone(), fix }))
    }

    pub(super) fn duration(&self, key: &str, wanted: &'static str) -> Result<Option<Duration>, SettingsError> {
        self.shown(key, wanted, |text| parse_duration(text).ok())
    }

    pub(super) fn parsed<T: FromStr>(&self, key: &str, wanted: &'static str) -> Result<Option<T>, SettingsError> {
        self.shown(key, wanted, |text| text.parse().ok())
    }

    /// A string whose value may be shown when it is wrong.
    pub(super) fn shown<T>(&self, key: &str, wanted: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, SettingsError> {
        let Some(item) = self.items.get(key) else { return Ok(None) };
        let found = || item.as_str().map_or_else(|| a(item.type_name()), |text| format!("`{}`", text.escape_debug()));
        item.as_str().and_then(read).map(Some).ok_or_else(|| self.wrong(key, found(), wanted))
    }

    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>, SettingsError> {
        self.value(key, "true or false, without quotes", Item::as_bool)
    }

    /// A day, as TOML has it or as a text.
    pub(super) fn date(&self, key: &str, wanted: &'static str) -> Result<Option<NaiveDate>, SettingsError> {
        let day = |item: &Item| {
            let date = item.as_datetime().filter(|found| found.time.is_none() && found.offset.is_none());
            date.map(ToString::to_string).or_else(|| item.as_str().map(str::to_owned))?.parse().ok()
        };
        self.value(key, wanted, day)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, SettingsError> {
        let text = |item: &Item| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        self.value(key, "a text in quotes", text)
    }

    pub(super) fn required_text(&self, key: &'static str) -> Result<String, SettingsError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// A program with its arguments.
    pub(super) fn words(&self, key: &str) -> Result<Option<Vec<String>>, SettingsError> {
        let words = |item: &Item| {
            let words: Option<Vec<String>> = item.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect();
            words.filter(|words| words.first().is_some_and(|program| !program.is_empty()))
        };
        self.value(key, "a list with the program and its arguments, such as [\"program\", \"argument\"]", words)
    }

    /// The table at `key`.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, SettingsError> {
        let Some(item) = self.items.get(key) else { return Ok(None) };
        let items = item.as_table_like().ok_or_else(|| self.wrong(key, a(item.type_name()), "it as a table, with its keys below"))?;
        Ok(Some(Table { name: format!("[{key}]"), source: self.source, items, span: self.key_span(key) }))
    }

    /// The tables in this one, with their names; `kind` is what errors put before the name.
    pub(super) fn tables(&self, kind: &str) -> Result<Vec<(String, Self)>, SettingsError> {
        let named = |(key, _): (&str, &Item)| {
            let table = self.table(key)?.ok_or_else(|| self.wrong(key, "nothing".to_owned(), "it as a table, with its keys below"))?;
            Ok((key.to_owned(), Table { name: format!("[{kind}.{key}]"), ..table }))
        };
        self.items.iter().map(named).collect()
    }

    /// The tables of the list at `key`, however it is written.
    pub(super) fn list(&self, key: &str) -> Result<Vec<Self>, SettingsError> {
        let Some(item) = self.items.get(key) else { return Ok(Vec::new()) };
        let name = format!("{} of {}", a(&format!("`{key}`")), self.name);
        let element = |items: &'a dyn TableLike, span: Option<Range<usize>>| Table {
            name: name.clone(),
            source: self.source,
            items,
            span: span.or_else(|| self.key_span(key)),
        };
        let elements = match (item.as_array_of_tables(), item.as_array()) {
            (Some(tables), _) => Some(tables.iter().map(|table| element(table, table.span())).collect()),
            (None, Some(array)) => array.iter().map(|value| value.as_inline_table().map(|table| element(table, value.span()))).collect(),
            (None, None) => None,
        };
        elements
            .ok_or_else(|| self.wrong(key, a(item.type_name()), "a list of tables, such as [{ type = \"command\", run = [\"program\"] }]"))
    }

    pub(super) fn error(&self, key: &str, problem: SettingsProblem) -> SettingsError {
        self.source.error(self.key_span(key), problem)
    }

    pub(super) fn missing(&self, key: &'static str) -> SettingsError {
        self.source.error(self.span.clone(), SettingsProblem::Missing { key, table: self.name.clone() })
    }

    fn value<T>(&self, key: &str, wanted: &'static str, read: impl Fn(&Item) -> Option<T>) -> Result<Option<T>, SettingsError> {
        let Some(item) = self.items.get(key) else { return Ok(None) };
        let found = || if item.as_str() == Some("") { "empty".to_owned() } else { a(item.type_name()) };
        read(item).map(Some).ok_or_else(|| self.wrong(key, found(), wanted))
    }

    fn wrong(&self, key: &str, found: String, wanted: &'static str) -> SettingsError {
        self.error(key, SettingsProblem::WrongValue { key: key.to_owned(), table: self.name.clone(), found, wanted })
    }

    fn key_span(&self, key: &str) -> Option<Range<usize>> {
        let written = self.items.key(key).and_then(toml_edit::Key::span);
        written.or_else(|| self.items.get(key).and_then(Item::span)).or_else(|| self.span.clone())
    }
}

/// The closest of `known`, else all of them.
fn nearest(key: &str, known: &[&str]) -> String {
    let likeness = |name: &&&str| strsim::jaro_winkler(key, name);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|name| likeness(name) > 0.75);
    best.map_or_else(|| format!("known here: {}", known.join(", ")), |name| format!("the nearest right name is `{name}`"))
}

fn a(noun: &str) -> String {
    let article = if noun.trim_start_matches('`').starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
