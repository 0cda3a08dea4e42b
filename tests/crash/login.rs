//! A login, broken at every file change and at its call, then run again: no torn session, no code sent twice, nothing that others can read.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cases::{injecting, read, strace};
use crate::home::{Home, Output, Run};
use crate::lab::faults::{Fault, Rule};
use crate::lab::parallel::{WORKERS, map};
use crate::lab::{Settings, totp};
use crate::trace;

const SERIAL: &str = "arn:aws:iam::000000000000:mfa/dev";
/// What strace does at a file change.
const FAULTS: [(&str, &str); 3] = [("killed", "signal=KILL"), ("disk full", "error=ENOSPC"), ("I/O error", "error=EIO")];
/// The calls that a full disk and a bad one fail.
const WRITES: [&str; 9] = ["write", "pwrite64", "openat", "mkdir", "fsync", "fdatasync", "rename", "renameat", "renameat2"];

#[derive(Clone, Debug)]
enum Case {
    File(&'static str, &'static str, String, usize),
    Call(&'static str, Fault),
}

fn start() -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), false);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {SERIAL}\n"));
    home
}

/// A code that AWS would take about now, other than those.
fn code(home: &Home, but: &[&String]) -> String {
    let world = home.lab.world();
    let now = totp::step(world.now());
    let codes = (now - 1..=now + 1).map(|step| totp::code(&world.users[0].seed, step));
    codes.rev().find(|code| !but.contains(&code)).expect("three codes")
}

fn login(home: &Home, code: &str, prefix: Vec<String>, kill: bool) -> Output {
    let args = ["login", "--no-input", "--mfa-code", code];
    home.run_with(&Run { prefix, kill_at_pause: kill, ..Run::new(&args) })
}

fn codes_sent(home: &Home) -> usize {
    home.lab.calls().iter().filter(|call| call.params.contains_key("TokenCode")).count()
}

/// Every path below the cache directory.
fn below(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { [vec![path.clone()], below(&path)].concat() } else { vec![path] }).collect()
}

/// What is wrong with the cache.
fn torn(home: &Home) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in below(&home.path().join(".cache/keyrotate")) {
        let (data, name) = (path.metadata().expect("a path that was listed"), path.display());
        let mode = data.permissions().mode() & 0o777;
        if mode != if data.is_dir() { 0o700 } else { 0o600 } {
            wrong.push(format!("{name} has mode {mode:o}"));
        }
        let is_session = path.extension().is_some_and(|extension| extension == "json");
        let text = std::fs::read(&path).unwrap_or_default();
        let session: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        if is_session && ["access_key_id", "secret_access_key", "session_token"].iter().any(|part| session[part].as_str().is_none()) {
            wrong.push(format!("{name} is torn"));
        }
    }
    wrong
}

fn run(case: &Case) -> (Vec<String>, bool) {
    let home = start();
    home.is_one_of_many();
    let (file, first) = (home.scratch("trace"), code(&home, &[]));
    let prefix = match case {
        Case::File(_, inject, name, number) => injecting(&file, name, *number, inject),
        Case::Call(_, fault) => {
            home.lab.rules(vec![Rule::on("GetSessionToken", fault.clone())]);
            Vec::new()
        }
    };
    let is_pause = matches!(case, Case::Call(_, Fault::PauseBefore | Fault::PauseAfter));
    let broken = login(&home, &first, prefix, is_pause);
    let fired = match case {
        Case::File(_, _, name, _) => trace::hit(&read(&file), name, &home.path()),
        Case::Call(..) => home.lab.fired() > 0,
    };
    home.lab.rules(Vec::new());
    let mut wrong = torn(&home);
    let again = login(&home, &first, Vec::new(), false);
    wrong.extend(torn(&home));
    let is_told = again.code == Some(1) && again.stderr.contains("was sent to AWS before");
    if again.code != Some(0) && !is_told {
        wrong.push(format!("with the same code: exit {:?}: {}", again.code, again.stderr.trim()));
    }
    if codes_sent(&home) > 1 {
        wrong.push("one code was sent twice".to_owned());
    }
    if broken.code == Some(0) && again.code != Some(0) && !broken.stderr.contains("could not be kept") {
        wrong.push(format!("exit 0, and no session: {}", broken.stderr.trim()));
    }
    let last = login(&home, &code(&home, &[&first]), Vec::new(), false);
    wrong.extend(torn(&home));
    let files = below(&home.path().join(".cache/keyrotate/sessions"));
    let sessions = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")).count();
    let left = files.iter().any(|path| path.extension().is_some_and(|extension| extension == "tmp"));
    if last.code != Some(0) || sessions != 1 || left {
        wrong.push(format!("at the end: exit {:?}, {files:?}: {}", last.code, last.stderr.trim()));
    }
    home.look("after the login");
    if !home.found().is_empty() {
        wrong.push(home.told());
    }
    (wrong, fired)
}

#[test]
fn a_login_broken_anywhere_leaves_no_torn_session_and_resends_no_code() {
    let home = start();
    let file = home.scratch("trace");
    let options = ["-yy", "-s", "256", "-e", &format!("trace=sendto,sendmsg,{}", trace::FILE_CALLS)];
    let clean = login(&home, &code(&home, &[]), strace(&file, &options), false);
    assert_eq!(clean.code, Some(0), "{}", clean.stderr);
    let text = read(&file);
    let unsynced = trace::unsynced(&text, &home.path());
    assert!(unsynced.is_empty(), "power loss would cost something:\n{}", unsynced.join("\n"));
    let changes = trace::changes(&text, &home.path());
    assert!(!changes.is_empty() && torn(&home).is_empty(), "{:?}", torn(&home));
    let mut cases: Vec<Case> = Vec::new();
    for (fault, inject) in FAULTS {
        let hit = changes.iter().filter(|(name, _)| inject == "signal=KILL" || WRITES.contains(&name.as_str()));
        cases.extend(hit.map(|(name, number)| Case::File(fault, inject, name.clone(), *number)));
    }
    for (fault, broken) in [
        ("call: killed before", Fault::PauseBefore),
        ("call: killed after", Fault::PauseAfter),
        ("call: dropped", Fault::DropBefore),
        ("call: answer lost", Fault::DropAfter),
        ("call: truncated", Fault::Truncate),
        ("call: garbage", Fault::Garbage),
        ("call: 500", Fault::error(500, "ServiceFailure")),
    ] {
        cases.push(Case::Call(fault, broken));
    }
    let mut rows = BTreeMap::<&str, [usize; 3]>::new();
    let mut failed = Vec::new();
    for (case, (wrong, fired)) in cases.iter().zip(map(WORKERS, &cases, run)) {
        let (Case::File(fault, ..) | Case::Call(fault, _)) = case;
        let row = rows.entry(fault).or_default();
        *row = [row[0] + 1, row[1] + usize::from(!wrong.is_empty()), row[2] + usize::from(!fired)];
        if !wrong.is_empty() {
            failed.push(format!("{case:?}: {}", wrong.join("; ")));
        }
    }
    println!("a login: {} system calls below HOME\n| fault | cases | failed | did not fire |\n|---|---:|---:|---:|", changes.len());
    for (fault, [count, failed, silent]) in rows {
        println!("| {fault} | {count} | {failed} | {silent} |");
        assert!(silent * 5 <= count, "{fault} hardly fired: nothing was tested");
    }
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
