//! Reads what strace wrote. It knows the form of a line and which calls change files; it judges nothing but the order of writes and syncs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The system calls that change files, as strace's `trace=` wants them.
pub const FILE_CALLS: &str = "openat,creat,write,writev,pwrite64,ftruncate,truncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,\
                              unlink,unlinkat,link,linkat,symlink,symlinkat,mkdir,mkdirat,chmod,fchmod,fchmodat,chown,fchown,fchownat";

/// The system call by which a message goes to the keychain; requests go another way.
pub const MESSAGE: &str = "sendmsg";

/// One line: who, which call, the rest from the opening bracket on.
struct Line<'a> {
    thread: &'a str,
    name: &'a str,
    rest: &'a str,
}

fn lines(trace: &str) -> impl Iterator<Item = Line<'_>> {
    trace.lines().filter_map(|line| {
        let (thread, call) = line.split_once(' ')?;
        let (name, rest) = call.trim_start().split_once('(')?;
        let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        named.then_some(Line { thread, name, rest })
    })
}

/// Each file-changing call below HOME: name and number. The number counts per thread, as strace injects.
pub fn changes(trace: &str, home: &Path) -> Vec<(String, usize)> {
    let home = home.display().to_string();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for Line { thread, name, rest } in lines(trace) {
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        let writes = name != "openat" || ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| rest.contains(flag));
        let point = (name.to_owned(), *count);
        if writes && rest.contains(&home) && !found.contains(&point) {
            found.push(point);
        }
    }
    found
}

/// Each message to the keychain, by its number per thread.
pub fn messages(trace: &str) -> Vec<usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for Line { thread, rest, .. } in lines(trace).filter(|line| line.name == MESSAGE) {
        let count = counts.entry(thread).or_default();
        *count += 1;
        if descriptor(rest).starts_with("UNIX") {
            found.insert(*count);
        }
    }
    found.into_iter().collect()
}

/// Whether the fault hit this call on something below HOME. A killed call has no result (`= ?` or unfinished).
pub fn hit(trace: &str, name: &str, home: &Path) -> bool {
    let home = home.display().to_string();
    lines(trace).any(|line| {
        let broken = line.rest.contains("INJECTED") || line.rest.contains("= ?") || line.rest.contains("unfinished");
        line.name == name && broken && line.rest.contains(&home)
    })
}

/// What a power loss would cost: a file renamed before its fsync, or anything not on disk when a request leaves or at the end.
pub fn unsynced(trace: &str, home: &Path) -> Vec<String> {
    let home = home.display().to_string();
    let mut notes: Vec<String> = Vec::new();
    let (mut dirty, mut fresh): (BTreeSet<String>, BTreeSet<String>) = Default::default();
    for Line { name, rest, .. } in lines(trace) {
        if rest.contains("= -1 E") {
            continue;
        }
        let target = descriptor(rest);
        if target.starts_with("TCP:") && !dirty.is_empty() {
            notes.push(format!("request sent with {dirty:?} not synced"));
        }
        let names: Vec<String> = quoted(rest).into_iter().filter(|n| n.starts_with(&home)).collect();
        let below = target.starts_with(&home);
        match (name, names.first()) {
            ("openat" | "creat", Some(path)) if rest.contains("O_CREAT") || name == "creat" => {
                fresh.insert(path.clone());
            }
            ("write" | "writev" | "pwrite64" | "ftruncate" | "fallocate", _) if below => {
                dirty.insert(target.clone());
                if fresh.contains(&target) {
                    dirty.insert(parent(&target));
                }
            }
            ("fsync" | "fdatasync", _) => {
                dirty.remove(&target);
                fresh.remove(&target);
            }
            ("rename" | "renameat" | "renameat2", Some(from)) => {
                if dirty.remove(from) {
                    notes.push(format!("{from} renamed before its fsync"));
                }
                dirty.insert(parent(&names[names.len() - 1]));
            }
            ("unlink" | "unlinkat", Some(path)) => {
                dirty.remove(path);
            }
            _ => {}
        }
    }
    if !dirty.is_empty() {
        notes.push(format!("at the end not synced: {dirty:?}"));
    }
    notes.dedup();
    notes.iter().map(|note| note.replace(&home, "~")).collect()
}

fn parent(path: &str) -> String {
    Path::new(path).parent().map(|p| p.display().to_string()).unwrap_or_default()
}

/// What the first argument is open on: `3</path>` or `5<TCP:[…]>`; empty when it is no descriptor.
fn descriptor(rest: &str) -> String {
    let Some((number, after)) = rest.split_once('<') else { return String::new() };
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    if is_number { after.split('>').next().unwrap_or_default().to_owned() } else { String::new() }
}

fn quoted(rest: &str) -> Vec<String> {
    rest.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "/tmp/x/home";

    #[test]
    fn changes_are_counted_per_thread() {
        let trace = "7 openat(AT_FDCWD</>, \"/etc/hosts\", O_RDONLY) = 3\n\
                     7 openat(AT_FDCWD</>, \"/tmp/x/home/a\", O_RDONLY) = 3\n\
                     7 openat(AT_FDCWD</>, \"/tmp/x/home/a\", O_WRONLY|O_CREAT, 0600) = 3</tmp/x/home/a>\n\
                     8 write(3</tmp/x/home/a>, \"b\", 1) = 1\n";
        assert_eq!(changes(trace, Path::new(HOME)), [("openat".to_owned(), 3), ("write".to_owned(), 1)]);
    }

    #[test]
    fn messages_are_those_that_go_to_a_socket_of_this_machine() {
        let trace = "7 sendmsg(3<TCP:[127.0.0.1:1->127.0.0.1:2]>, {}, 0) = 4\n\
                     7 sendmsg(4<UNIX-STREAM:[5->6]>, {}, 0) = 4\n\
                     8 sendmsg(4<UNIX-STREAM:[5->6]>, {}, 0) = 4\n";
        assert_eq!(messages(trace), [1, 2]);
    }

    #[test]
    fn a_rename_before_the_fsync_and_a_request_before_the_directory_is_synced_are_told() {
        let begin = "7 openat(AT_FDCWD</>, \"/tmp/x/home/t\", O_WRONLY|O_CREAT, 0600) = 3</tmp/x/home/t>\n\
                     7 write(3</tmp/x/home/t>, \"b\", 1) = 1\n";
        let (sync, rename) = ("7 fsync(3</tmp/x/home/t>) = 0\n", "7 rename(\"/tmp/x/home/t\", \"/tmp/x/home/a\") = 0\n");
        let (directory, send) = ("7 fsync(4</tmp/x/home>) = 0\n", "7 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"POST\", 4) = 4\n");
        let notes = |parts: &[&str]| unsynced(&parts.concat(), Path::new(HOME));
        assert!(notes(&[begin, sync, rename, directory, send]).is_empty());
        assert!(notes(&[begin, rename, directory, send])[0].contains("~/t renamed before its fsync"));
        assert!(notes(&[begin, sync, rename, send, directory])[0].contains("request sent"));
        assert!(notes(&[begin, sync, rename])[0].contains("at the end"));
    }
}
