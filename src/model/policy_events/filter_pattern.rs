//! A metric filter pattern of CloudWatch Logs (CloudWatch Logs user guide, filter pattern syntax), as far as it is about JSON events.

use super::truth::{Truth, like};
use super::{Event, Hears, IAM_SOURCE, Known, POLICY_EVENTS, READS, STRANGER};

/// Deeper than a person writes, and than 1024 characters of a pattern need.
const DEPTH: usize = 32;

/// How many of the policy events a metric filter with this pattern counts.
pub fn filter_pattern(pattern: &str) -> Hears {
    let Some(condition) = condition(pattern) else {
        // Words in a text, or what this reader does not know.
        let names_one = POLICY_EVENTS.iter().any(|name| pattern.contains(name));
        return if names_one { Hears::Unclear } else { Hears::Nothing };
    };
    let hears = Hears::by(|name| condition.holds(Event::of_iam(name)));
    let counts = |event| condition.holds(event) == Truth::Yes;
    if hears == Hears::All && counts(STRANGER) {
        Hears::Everything
    } else if hears == Hears::All && READS.into_iter().any(counts) {
        Hears::AllAndReads
    } else if hears == Hears::Unclear && !condition.names_policies() {
        // Another field alone says nothing of policies, "userIdentity.type = Root", nor does an event that is left out.
        Hears::Nothing
    } else {
        hears
    }
}

/// Whether this pattern asks for policy events by their names and for nothing else, so that nobody misses what it counted when another is in its place.
pub fn is_only_policy_events(pattern: &str) -> bool {
    condition(pattern).is_some_and(|condition| condition.is_only_policy_events())
}

fn condition(pattern: &str) -> Option<Condition> {
    pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).and_then(read)
}

#[derive(Debug)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Test { selector: String, test: Test },
}

#[derive(Debug)]
enum Test {
    Is(String),
    IsNot(String),
    /// It is there, or not.
    Exists(bool),
    /// `IS TRUE` and `IS FALSE`.
    IsTrue(bool),
    /// A regular expression, which is not read.
    Regex(String),
    /// Numbers, and whatever else there is.
    Other,
}

impl Condition {
    fn holds(&self, event: Event<'_>) -> Truth {
        match self {
            Condition::All(all) => Truth::all(all.iter().map(|one| one.holds(event))),
            Condition::Any(any) => Truth::any(any.iter().map(|one| one.holds(event))),
            Condition::Test { selector, test } => match (known(selector, event), test) {
                (Some(Known::Text(value)), Test::Is(pattern)) => like(pattern, value).into(),
                (Some(Known::Text(value)), Test::IsNot(pattern)) => Truth::from(like(pattern, value)).negated(),
                (Some(Known::Text(_) | Known::Is(_)), Test::Exists(exists)) => (*exists).into(),
                (Some(Known::Is(value)), Test::IsTrue(wanted)) => (value == *wanted).into(),
                (Some(Known::Absent), Test::Exists(exists)) => Truth::from(*exists).negated(),
                (Some(Known::Absent), Test::Is(_) | Test::Regex(_) | Test::IsTrue(_)) => Truth::No,
                (Some(_) | None, _) => Truth::Unknown,
            },
        }
    }

    fn names_policies(&self) -> bool {
        match self {
            Condition::All(some) | Condition::Any(some) => some.iter().any(Condition::names_policies),
            Condition::Test { selector, test: Test::Regex(regex) } => {
                matches!(known(selector, STRANGER), Some(Known::Text(_))) && regex.contains("Policy")
            }
            Condition::Test { test: Test::Is(_), .. } => {
                self.holds(STRANGER) == Truth::No && POLICY_EVENTS.iter().any(|name| self.holds(Event::of_iam(name)) == Truth::Yes)
            }
            Condition::Test { .. } => false,
        }
    }

    fn is_only_policy_events(&self) -> bool {
        match self {
            Condition::All(some) | Condition::Any(some) => some.iter().all(Condition::is_only_policy_events),
            Condition::Test { selector, test: Test::Is(value) } => match selector.as_str() {
                "$.eventName" => POLICY_EVENTS.contains(&value.as_str()),
                "$.eventSource" => value == IAM_SOURCE,
                _ => false,
            },
            Condition::Test { .. } => false,
        }
    }
}

fn known<'a>(selector: &str, event: Event<'a>) -> Option<Known<'a>> {
    event.known(selector.strip_prefix("$.")?)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    /// `=`, `!=`, `<` and the like.
    Operator(String),
    Word(String),
    Quoted(String),
}

fn read(text: &str) -> Option<Condition> {
    let mut tokens = tokens(text)?;
    tokens.reverse();
    let condition = any(&mut tokens, 0)?;
    tokens.is_empty().then_some(condition)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '&' => (Token::And, rest.starts_with("&&").then_some(2)?),
            '|' => (Token::Or, rest.starts_with("||").then_some(2)?),
            '=' | '!' | '<' | '>' => {
                let length = rest.find(|sign| !"=!<>".contains(sign)).unwrap_or(rest.len());
                (Token::Operator(rest.get(..length)?.to_owned()), length)
            }
            '"' => {
                let end = rest.get(1..)?.find('"')?;
                let inside = rest.get(1..=end)?;
                // What a backslash makes of the next sign is not read.
                (Token::Quoted(inside.to_owned()), (!inside.contains('\\')).then_some(end + 2)?)
            }
            // A regular expression, which may have any of the signs above in it.
            '%' => {
                let end = rest.get(1..)?.find('%')?;
                (Token::Word(rest.get(..end + 2)?.to_owned()), end + 2)
            }
            _ => {
                let length = rest.find(|sign: char| sign.is_whitespace() || "()&|=!<>\"".contains(sign)).unwrap_or(rest.len());
                (Token::Word(rest.get(..length)?.to_owned()), length)
            }
        };
        found.push(token);
        rest = rest.get(length..)?.trim_start();
    }
    Some(found)
}

/// `&&` binds closer than `||`.
fn any(tokens: &mut Vec<Token>, depth: usize) -> Option<Condition> {
    joined(tokens, &Token::Or, Condition::Any, |tokens| joined(tokens, &Token::And, Condition::All, |tokens| one(tokens, depth)))
}

fn joined(
    tokens: &mut Vec<Token>,
    by: &Token,
    join: fn(Vec<Condition>) -> Condition,
    part: impl Fn(&mut Vec<Token>) -> Option<Condition>,
) -> Option<Condition> {
    let mut parts = vec![part(tokens)?];
    while tokens.last() == Some(by) {
        tokens.pop();
        parts.push(part(tokens)?);
    }
    Some(join(parts))
}

fn one(tokens: &mut Vec<Token>, depth: usize) -> Option<Condition> {
    match tokens.pop()? {
        Token::Open if depth < DEPTH => {
            let inside = any(tokens, depth + 1)?;
            (tokens.pop()? == Token::Close).then_some(inside)
        }
        Token::Word(selector) if selector.starts_with('$') => Some(Condition::Test { selector, test: test(tokens)? }),
        Token::Open | Token::Close | Token::And | Token::Or | Token::Operator(_) | Token::Word(_) | Token::Quoted(_) => None,
    }
}

fn test(tokens: &mut Vec<Token>) -> Option<Test> {
    let word = |token: Token| if let Token::Word(word) = token { Some(word.to_ascii_uppercase()) } else { None };
    if let Some(Token::Operator(operator)) = tokens.last().cloned() {
        tokens.pop();
        let value = match tokens.pop()? {
            Token::Word(word) if word.starts_with('%') => return Some(if operator == "=" { Test::Regex(word) } else { Test::Other }),
            Token::Word(word) | Token::Quoted(word) => word,
            Token::Open | Token::Close | Token::And | Token::Or | Token::Operator(_) => return None,
        };
        return match operator.as_str() {
            "=" => Some(Test::Is(value)),
            "!=" => Some(Test::IsNot(value)),
            "<" | ">" | "<=" | ">=" => Some(Test::Other),
            _ => None,
        };
    }
    match word(tokens.pop()?)?.as_str() {
        "EXISTS" => Some(Test::Exists(true)),
        "NOT" => (word(tokens.pop()?)? == "EXISTS").then_some(Test::Exists(false)),
        "IS" => word(tokens.pop()?).map(|word| match word.as_str() {
            "TRUE" => Test::IsTrue(true),
            "FALSE" => Test::IsTrue(false),
            _ => Test::Other,
        }),
        _ => None,
    }
}
