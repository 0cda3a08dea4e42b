//! What changes in a text, for a person to read before it is written.

/// The lines that go, with `- `, then those that come, with `+ `; what begins and ends alike is left out. Empty where nothing changes.
pub fn diff(before: &str, after: &str) -> Vec<String> {
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let alike = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    old.drain(..alike);
    new.drain(..alike);
    while old.last().is_some_and(|last| new.last() == Some(last)) {
        old.pop();
        new.pop();
    }
    old.iter().map(|line| format!("- {line}")).chain(new.iter().map(|line| format!("+ {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_shown() {
        assert_eq!(diff("", "a\nb\n"), ["+ a", "+ b"]);
        assert_eq!(diff("a\nb\nc\n", "a\nx\nc\n"), ["- b", "+ x"]);
        assert_eq!(diff("a\na\n", "a\n"), ["- a"]);
        assert_eq!(diff("a\n", "a\n"), Vec::<String>::new());
    }
}
