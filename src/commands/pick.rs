//! Which profile is meant, asked of the person at the terminal: a short list, the one used last first, cut down by what is typed.
//!
//! Invariant: only who could be answered is asked, and only where nothing else says which.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::context::Context;
use super::failure::Failure;
use crate::model::ProfileName;
use crate::os::last_use;
use crate::os::terminal::Console;
use crate::profile::{ProfileSource, Refusal, choose_profile};

/// So many are shown at once; more are found by typing.
const SHOWN: usize = 15;

/// The profile that the person picks; `None` where they pick none.
pub fn pick(context: &Context, console: &Console, profiles: &[ProfileName]) -> Option<ProfileName> {
    let mut sorted: Vec<&ProfileName> = profiles.iter().collect();
    sorted.sort_by_cached_key(|profile| std::cmp::Reverse(last_use::of(&path(context, profile))));
    let names: Vec<&str> = sorted.iter().map(|profile| profile.as_str()).collect();
    // The list is lines of its own; a question is one.
    let mut ask = |text: &str| {
        let (list, question) = text.rsplit_once('\n').unwrap_or(("", text));
        list.lines().for_each(|line| console.show(line));
        console.ask_line(question)
    };
    choose(&names, &mut ask).map(ProfileName::new)
}

/// What a person should know where they could not be asked, and something is switched to a profile without a word about which.
pub fn unasked(context: &Context, named: Option<&str>) -> Result<Option<String>, Failure> {
    let chosen = choose_profile(&context.environment, named);
    if chosen.source != ProfileSource::Default {
        return Ok(None);
    }
    let count = with_keys(context)?.len();
    let note = format!("nothing says which of {count} profiles is meant, and nobody can be asked: it is {}", chosen.name);
    Ok((count > 1).then_some(note))
}

/// The profiles that lead to a session.
pub(super) fn with_keys(context: &Context) -> Result<Vec<ProfileName>, Failure> {
    let files = context.files()?;
    Ok(files.profiles().filter(|profile| files.route(profile, &context.environment).is_ok()).collect())
}

/// Where the name of a profile that does not exist may come from, and what to do about it.
pub fn correction(context: &Context, profile: &ProfileName, refusal: &Refusal) -> Option<String> {
    let is_missing = matches!(refusal, Refusal::NoSuchProfile { .. });
    let named = |variable: &&str| context.environment.get(variable) == Some(profile.as_str());
    let variable = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].into_iter().find(named).filter(|_| is_missing)?;
    Some(format!("{variable} names it: correct or unset the variable, or name another profile"))
}

/// Notes that the profile was used, for the next choice.
pub fn note_use(context: &Context, profile: &ProfileName) {
    last_use::note(&path(context, profile));
}

/// By a digest: a profile's name may be no name of a file.
fn path(context: &Context, profile: &ProfileName) -> PathBuf {
    let digest: String = Sha256::digest(profile.as_str()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    context.paths.cache_dir.join("used").join(digest)
}

/// Asks until one is left. A number takes that line, an empty answer the first; anything else is looked for in the names.
fn choose<'n>(names: &[&'n str], ask: &mut dyn FnMut(&str) -> Option<String>) -> Option<&'n str> {
    let mut listed = names.to_vec();
    let mut told = String::new();
    loop {
        let given = ask(&format!("{told}{}", question(&listed, names.len())))?;
        let given = given.trim();
        told.clear();
        let number = given.parse().ok().and_then(|number: usize| listed.get(number.checked_sub(1)?).filter(|_| number <= SHOWN));
        if let Some(name) = number.or_else(|| listed.first().filter(|_| given.is_empty())) {
            return Some(name);
        }
        let found = matches(names, given);
        match found[..] {
            [] => {
                told = match given.parse::<usize>() {
                    Ok(_) => format!("there is no number {given}\n"),
                    Err(_) => format!("no profile has `{given}` in its name\n"),
                };
                listed = names.to_vec();
            }
            [only] => return Some(only),
            _ => listed = found,
        }
    }
}

fn question(listed: &[&str], all: usize) -> String {
    let lines: String = listed.iter().take(SHOWN).enumerate().map(|(at, name)| format!("{}. {name}\n", at + 1)).collect();
    let more = match listed.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("and {more} more\n"),
    };
    let of = if listed.len() == all { "" } else { " of these" };
    format!("{lines}{more}Which profile{of}? A number, or a part of the name [1]: ")
}

/// The names with these letters in this order: the whole name, then those that begin so, those that have them together, and the others; each
/// group in the order given. A name that is exactly this is the only one.
fn matches<'n>(names: &[&'n str], typed: &str) -> Vec<&'n str> {
    let typed = typed.to_lowercase();
    let rank = |name: &str| {
        let name = name.to_lowercase();
        let mut left = name.chars();
        match () {
            () if name == typed => Some(0),
            () if name.starts_with(&typed) => Some(1),
            () if name.contains(&typed) => Some(2),
            () if typed.chars().all(|wanted| left.any(|letter| letter == wanted)) => Some(3),
            () => None,
        }
    };
    let mut ranked: Vec<(u8, &str)> = names.iter().filter_map(|name| Some((rank(name)?, *name))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    if ranked.first().is_some_and(|(rank, _)| *rank == 0) {
        ranked.truncate(1);
    }
    ranked.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["work-admin", "home", "work", "acme-prod", "acme-staging"];

    fn chosen(answers: &[&str]) -> (Option<&'static str>, Vec<String>) {
        let (mut left, mut asked) = (answers.iter(), Vec::new());
        let name = choose(&NAMES, &mut |text| {
            asked.push(text.to_owned());
            left.next().map(|line| (*line).to_owned())
        });
        assert_eq!(left.len(), 0, "{asked:?}");
        (name, asked)
    }

    #[test]
    fn a_number_a_part_of_the_name_or_nothing_is_an_answer() {
        for (answers, name) in [
            (&[""][..], Some("work-admin")),
            (&["3"], Some("work")),
            (&["WORK"], Some("work")),
            (&["hom"], Some("home")),
            (&["aprod"], Some("acme-prod")),
            (&["acme", "2"], Some("acme-staging")),
            (&["acme", ""], Some("acme-prod")),
            (&["acme", "stag"], Some("acme-staging")),
            (&["nothing", "9", "4"], Some("acme-prod")),
            (&[], None),
        ] {
            assert_eq!(chosen(answers).0, name, "{answers:?}");
        }
    }

    #[test]
    fn what_is_left_is_listed_and_what_is_not_found_is_said() {
        let (_, asked) = chosen(&["acme", "1"]);
        assert!(
            asked[0].starts_with("1. work-admin\n2. home\n") && asked[0].ends_with("Which profile? A number, or a part of the name [1]: ")
        );
        assert_eq!(asked[1], "1. acme-prod\n2. acme-staging\nWhich profile of these? A number, or a part of the name [1]: ");
        let (_, asked) = chosen(&["xyz", "1"]);
        assert!(asked[1].starts_with("no profile has `xyz` in its name\n1. work-admin\n"), "{}", asked[1]);
    }

    #[test]
    fn of_many_profiles_the_first_are_listed_and_all_are_found() {
        let names: Vec<String> = (1..=40).map(|number| format!("account-{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut answers = ["16", "ount-4"].into_iter();
        let mut last = String::new();
        let name = choose(&names, &mut |text| {
            text.clone_into(&mut last);
            answers.next().map(str::to_owned)
        });
        // 16 is no line that is shown, but a part of one name.
        assert_eq!(name, Some("account-16"));
        assert!(last.contains("15. account-15\nand 25 more\n"), "{last}");
    }
}
