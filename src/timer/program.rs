//! By which name the timer starts the program, so that it still does after an upgrade.
//!
//! Invariant: the chosen name leads to the program that is running now.

use std::path::{Path, PathBuf};

/// Why no name can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fragile {
    /// It belongs to one version, and the next upgrade removes it.
    #[error("{path} belongs to one version of keyrotate and goes away with the next upgrade", path = .0.display())]
    Versioned(PathBuf),
    /// It is in a directory for things that come and go.
    #[error("{path} is not a place where programs stay", path = .0.display())]
    Temporary(PathBuf),
    /// It has a character that not all of units, property lists and crontabs can hold: systemd refuses quotes in the name of a program.
    #[error("{path:?} has a character that cannot be written into a timer", path = .0)]
    Odd(PathBuf),
}

impl Fragile {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Fragile::Versioned(_) => "run `brew link keyrotate`, or name a link that stays with --program",
            Fragile::Temporary(_) => "install it, as with `cargo install --path . --locked`, or add --force",
            Fragile::Odd(_) => "name a link to it with --program",
        }
    }
}

/// The first of `names` that survives an upgrade; all of them lead to the same program. With `force` a fragile one will do.
pub fn stable(names: &[PathBuf], temporary: &[PathBuf], force: bool) -> Result<PathBuf, Fragile> {
    let judged = names.iter().map(|name| judge(name, temporary).map_or(Ok(name), Err)).collect::<Vec<_>>();
    if let Some(name) = judged.iter().find_map(|judged| judged.as_ref().ok()) {
        return Ok((*name).clone());
    }
    match judged.into_iter().find_map(Result::err) {
        Some(Fragile::Versioned(name) | Fragile::Temporary(name)) if force => Ok(name),
        Some(fragile) => Err(fragile),
        None => Err(Fragile::Odd(PathBuf::new())),
    }
}

/// Directories whose content has a version in its name, by package manager: Homebrew, Nix, Guix, Snap.
const VERSIONED: [&str; 4] = ["/Cellar/", "/nix/store/", "/gnu/store/", "/snap/keyrotate/"];
/// Beside the directory that TMPDIR names.
const TEMPORARY: [&str; 6] = ["/tmp", "/var/tmp", "/private/tmp", "/private/var/tmp", "/var/folders", "/dev/shm"];

fn judge(name: &Path, temporary: &[PathBuf]) -> Option<Fragile> {
    let text = name.to_string_lossy();
    let is_target = name.components().any(|part| part.as_os_str() == "target");
    if !name.is_absolute() || name.to_str().is_none() || text.contains(|c: char| c.is_control() || "\"'\\$".contains(c)) {
        Some(Fragile::Odd(name.to_owned()))
    } else if VERSIONED.iter().any(|part| text.contains(part)) {
        Some(Fragile::Versioned(name.to_owned()))
    } else if is_target
        || TEMPORARY.iter().map(Path::new).chain(temporary.iter().map(PathBuf::as_path)).any(|above| name.starts_with(above))
    {
        Some(Fragile::Temporary(name.to_owned()))
    } else {
        None
    }
}

/// The names that may lead to the program at `own`, the best first: Homebrew's links beside a Cellar, then what a shell would find, then
/// its own path.
pub fn candidates(own: &Path, search_path: &[PathBuf]) -> Vec<PathBuf> {
    let Some(file) = own.file_name() else { return Vec::new() };
    let text = own.to_string_lossy();
    let prefix = text.split_once("/Cellar/").map(|(prefix, _)| PathBuf::from(prefix));
    let linked = prefix.iter().flat_map(|prefix| [prefix.join("bin").join(file), prefix.join("opt/keyrotate/bin").join(file)]);
    let found = search_path.iter().filter(|directory| directory.is_absolute()).map(|directory| directory.join(file));
    let mut names: Vec<PathBuf> = linked.chain(found).collect();
    names.push(own.to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<PathBuf> {
        all.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn the_name_that_stays_is_taken() {
        for (all, want) in [
            (
                &["/opt/homebrew/bin/keyrotate", "/opt/homebrew/Cellar/keyrotate/0.1.0/bin/keyrotate"][..],
                Some("/opt/homebrew/bin/keyrotate"),
            ),
            (&["/opt/homebrew/Cellar/keyrotate/0.1.0/bin/keyrotate"], None),
            (
                &["/nix/store/abc-keyrotate/bin/keyrotate", "/home/me/.nix-profile/bin/keyrotate"],
                Some("/home/me/.nix-profile/bin/keyrotate"),
            ),
            (&["/home/me/.cargo/bin/keyrotate"], Some("/home/me/.cargo/bin/keyrotate")),
            (&["/home/me/keyrotate/target/debug/keyrotate"], None),
            (&["/tmp/keyrotate"], None),
            (&["/scratch/x/keyrotate"], None),
            (&["/tmpx/keyrotate"], Some("/tmpx/keyrotate")),
        ] {
            assert_eq!(stable(&names(all), &names(&["/scratch"]), false).ok(), want.map(PathBuf::from), "{all:?}");
            assert!(stable(&names(all), &[], true).is_ok(), "{all:?}");
        }
        assert!(matches!(stable(&names(&["/a\nb"]), &[], true), Err(Fragile::Odd(_))), "not even by force");
        assert!(matches!(stable(&names(&["/a'b"]), &[], true), Err(Fragile::Odd(_))), "not even by force");
        assert!(matches!(stable(&[], &[], true), Err(Fragile::Odd(_))));
    }

    #[test]
    fn homebrews_links_come_before_the_search_path_and_the_own_path_last() {
        let own = Path::new("/opt/homebrew/Cellar/keyrotate/0.1.0/bin/keyrotate");
        assert_eq!(
            candidates(own, &names(&["bin", "/home/me/bin"])),
            names(&[
                "/opt/homebrew/bin/keyrotate",
                "/opt/homebrew/opt/keyrotate/bin/keyrotate",
                "/home/me/bin/keyrotate",
                own.to_str().unwrap()
            ])
        );
    }
}
