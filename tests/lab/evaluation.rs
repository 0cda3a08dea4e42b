//! Identity-based policies evaluated as IAM does: an explicit deny wins, and what nothing allows is denied. Pure. Invariant: what it does not
//! know, an operator, a key or a variable, is an error and never a silent yes or no.

use std::collections::BTreeMap;

use serde_json::Value;

/// Keys of a request's context that the lab knows, in lower case; each may be absent.
const KEYS: [&str; 9] = [
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:userid",
    "aws:username",
    "iam:policyarn",
];
/// The version from which on `${…}` is a variable.
const WITH_VARIABLES: &str = "2012-10-17";

/// What is asked.
pub struct Request<'a> {
    /// `iam:GetUser`.
    pub action: &'a str,
    /// An ARN, or `*` where the action has none.
    pub resource: &'a str,
    /// Key in lower case and value.
    pub context: BTreeMap<&'a str, String>,
}

/// What the policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// By a statement.
    Denied,
    /// No statement is about it.
    NotAllowed,
}

/// The decision of these documents together.
pub fn decide(documents: &[String], request: &Request<'_>) -> Result<Decision, String> {
    let mut decision = Decision::NotAllowed;
    for document in documents {
        let policy: Value = serde_json::from_str(document).map_err(|error| format!("a policy that is no JSON: {error}"))?;
        let has_variables = policy["Version"] == WITH_VARIABLES;
        for statement in several(&policy["Statement"]) {
            if !applies(statement, request, has_variables)? {
                continue;
            }
            match statement["Effect"].as_str() {
                Some("Deny") => return Ok(Decision::Denied),
                Some("Allow") => decision = Decision::Allowed,
                _ => return Err(format!("a statement without an effect: {statement}")),
            }
        }
    }
    Ok(decision)
}

/// One value, or each of a list; nothing where there is none.
fn several(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| if value.is_null() { Vec::new() } else { vec![value] }, |all| all.iter().collect())
}

fn texts(value: &Value) -> Result<Vec<&str>, String> {
    several(value).into_iter().map(|text| text.as_str().ok_or_else(|| format!("{text} where a text is expected"))).collect()
}

fn applies(statement: &Value, request: &Request<'_>, has_variables: bool) -> Result<bool, String> {
    let is_of = |name: &str| Ok::<_, String>(texts(&statement[name])?.iter().any(|pattern| is_like(pattern, request.action, true)));
    let action = if statement["NotAction"].is_null() { is_of("Action")? } else { !is_of("NotAction")? };
    if !action {
        return Ok(false);
    }
    let mut is_on = false;
    let name = if statement["NotResource"].is_null() { "Resource" } else { "NotResource" };
    for pattern in texts(&statement[name])? {
        is_on |= filled(pattern, request, has_variables)?.is_some_and(|pattern| is_arn_like(&pattern, request.resource));
    }
    if is_on != (name == "Resource") {
        return Ok(false);
    }
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, wanted) in keys.as_object().ok_or_else(|| format!("a condition without keys: {operator}"))? {
            if !holds(operator, key, wanted, request, has_variables)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// One line of a condition.
fn holds(operator: &str, key: &str, wanted: &Value, request: &Request<'_>, has_variables: bool) -> Result<bool, String> {
    let value = looked_up(key, request)?;
    let (plain, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |plain| (plain, true));
    let mut values = Vec::new();
    for wanted in several(wanted) {
        // JSON's own true and false are as good as the texts.
        let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
        values.extend(filled(&text, request, has_variables)?);
    }
    if plain == "Null" && !if_exists {
        return Ok(values.iter().any(|wanted| wanted.eq_ignore_ascii_case(if value.is_none() { "true" } else { "false" })));
    }
    let (negated, compare): (bool, fn(&str, &str) -> bool) = match plain {
        "Bool" => (false, str::eq_ignore_ascii_case),
        "StringEquals" => (false, |wanted, value| wanted == value),
        "StringNotEquals" => (true, |wanted, value| wanted == value),
        "StringEqualsIgnoreCase" => (false, str::eq_ignore_ascii_case),
        "StringNotEqualsIgnoreCase" => (true, str::eq_ignore_ascii_case),
        "StringLike" => (false, |wanted, value| is_like(wanted, value, false)),
        "StringNotLike" => (true, |wanted, value| is_like(wanted, value, false)),
        "ArnLike" | "ArnEquals" => (false, is_arn_like),
        "ArnNotLike" | "ArnNotEquals" => (true, is_arn_like),
        _ => return Err(format!("the condition operator {operator}")),
    };
    let Some(value) = value else { return Ok(if_exists || negated) };
    Ok(values.iter().any(|wanted| compare(wanted, value)) != negated)
}

fn looked_up<'a>(key: &str, request: &'a Request<'_>) -> Result<Option<&'a str>, String> {
    let name = key.to_lowercase();
    if KEYS.contains(&name.as_str()) { Ok(request.context.get(name.as_str()).map(String::as_str)) } else { Err(format!("the key {key}")) }
}

/// A text with its variables filled in; none where one of them has no value here.
fn filled(text: &str, request: &Request<'_>, has_variables: bool) -> Result<Option<String>, String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${").filter(|_| has_variables) {
        let (name, behind) = after.split_once('}').ok_or_else(|| format!("a variable without an end: {text}"))?;
        let Some(value) = looked_up(name, request)? else { return Ok(None) };
        filled = filled + before + value;
        rest = behind;
    }
    Ok(Some(filled + rest))
}

/// Part by part: a `*` does not reach over a colon, but in the last part. Parts that are missing are any.
fn is_arn_like(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    parts.len() == 6
        && patterns[0] == "arn"
        && parts.iter().enumerate().all(|(at, part)| is_like(patterns.get(at).unwrap_or(&"*"), part, false))
}

/// `*` for any signs and `?` for one.
fn is_like(pattern: &str, text: &str, any_case: bool) -> bool {
    let signs = |text: &str| if any_case { text.to_lowercase() } else { text.to_owned() }.chars().collect::<Vec<_>>();
    let (pattern, text) = (signs(pattern), signs(text));
    // Which beginnings of the pattern fit the text so far.
    let mut fits: Vec<bool> = (0..=pattern.len()).map(|length| pattern[..length].iter().all(|sign| *sign == '*')).collect();
    for sign in text {
        let before = std::mem::take(&mut fits);
        fits.push(false);
        for (at, wanted) in pattern.iter().enumerate() {
            let fit =
                if *wanted == '*' { before[at] || before[at + 1] || fits[at] } else { before[at] && (*wanted == '?' || *wanted == sign) };
            fits.push(fit);
        }
    }
    fits[pattern.len()]
}
