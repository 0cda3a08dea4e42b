//! What patterns match, read from the user guides of CloudWatch Logs and EventBridge and not from the product: as far as its own patterns and the
//! tests' need it. Whatever else there is in a pattern is refused, so that no test passes by it.

use serde_json::Value;

/// Whether a metric filter pattern for JSON events matches; an error where the pattern cannot be read.
pub fn filter_matches(pattern: &str, event: &Value) -> Result<bool, String> {
    let inside = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or("no pattern of JSON events")?;
    let mut reader = Reader { rest: inside, event };
    let found = reader.any()?;
    if reader.rest.trim().is_empty() { Ok(found) } else { Err(format!("unread: {}", reader.rest)) }
}

struct Reader<'a> {
    rest: &'a str,
    event: &'a Value,
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let taken = rest.strip_prefix(word);
        self.rest = taken.unwrap_or(rest);
        taken.is_some()
    }

    fn any(&mut self) -> Result<bool, String> {
        let mut found = self.all()?;
        while self.take("||") {
            found |= self.all()?;
        }
        Ok(found)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut found = self.one()?;
        while self.take("&&") {
            found &= self.one()?;
        }
        Ok(found)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let found = self.any()?;
            return if self.take(")") { Ok(found) } else { Err(format!("not closed: {}", self.rest)) };
        }
        if !self.take("$") {
            return Err(format!("no selector: {}", self.rest));
        }
        let path = self.word();
        let value = path.split('.').filter(|name| !name.is_empty()).try_fold(self.event, |value, name| value.get(name));
        if self.take("NOT EXISTS") {
            return Ok(value.is_none());
        }
        let is_equal = if self.take("!=") {
            false
        } else if self.take("=") {
            true
        } else {
            return Err(format!("no test: {}", self.rest));
        };
        let wanted = if self.take("\"") {
            let (word, rest) = self.rest.split_once('"').ok_or("a quote is not closed")?;
            self.rest = rest;
            word.to_owned()
        } else {
            self.word()
        };
        // What is not there is not unequal (user guide, filter and pattern syntax).
        Ok(value.and_then(Value::as_str).is_some_and(|value| (value == wanted) == is_equal))
    }

    fn word(&mut self) -> String {
        let rest = self.rest.trim_start();
        let end = rest.find(|sign: char| sign.is_whitespace() || "()=!|&\"".contains(sign)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }
}

/// Whether an event pattern matches; an error where the pattern cannot be read.
pub fn rule_matches(pattern: &str, event: &Value) -> Result<bool, String> {
    let pattern: Value = serde_json::from_str(pattern).map_err(|error| error.to_string())?;
    object_matches(&pattern, Some(event))
}

fn object_matches(pattern: &Value, event: Option<&Value>) -> Result<bool, String> {
    let mut found = true;
    for (name, wanted) in pattern.as_object().ok_or_else(|| format!("{pattern} is neither an object nor in a list"))? {
        let value = event.and_then(|event| event.get(name));
        found &= if let Value::Array(any) = wanted {
            any.iter().map(|one| value_matches(one, value)).collect::<Result<Vec<_>, _>>()?.contains(&true)
        } else {
            object_matches(wanted, value)?
        };
    }
    Ok(found)
}

fn value_matches(wanted: &Value, value: Option<&Value>) -> Result<bool, String> {
    if wanted.is_string() {
        Ok(value == Some(wanted))
    } else if wanted["exists"].is_boolean() {
        Ok(wanted["exists"] == value.is_some())
    } else if wanted["anything-but"].is_string() {
        Ok(value.is_some_and(|value| *value != wanted["anything-but"]))
    } else {
        Err(format!("{wanted} is not known here"))
    }
}
