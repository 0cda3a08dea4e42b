//! A person without a terminal is asked at the desktop, by whichever program for it is there.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::bench::{SERIAL, asked, code, codes_sent, given, settings, start, told, words};
use crate::home::{Home, Output, Run};

/// A program on PATH that notes its arguments, one a line, and each run.
fn dialog(home: &Home, name: &str, script: &str) {
    let folder = home.scratch("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let log = home.scratch(name).display().to_string();
    let text = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >'{log}.args'\necho run >>'{log}.runs'\n{script}\n");
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn arguments(home: &Home, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(home.scratch(&format!("{name}.args"))).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn shown(home: &Home, name: &str) -> usize {
    std::fs::read_to_string(home.scratch(&format!("{name}.runs"))).unwrap_or_default().lines().count()
}

/// On a desktop, without a terminal; of the machine's own programs nothing that could ask.
fn on_a_desktop(home: &Home, args: &[&str], more: &[(&'static str, &str)]) -> Output {
    let mut run = Run::new(args);
    let own = std::env::var_os("PATH").unwrap();
    let path = std::env::split_paths(&own).filter(|folder| ["zenity", "kdialog"].iter().all(|name| !folder.join(name).exists()));
    let path = std::env::join_paths(std::iter::once(home.scratch("bin")).chain(path)).unwrap();
    run.env.extend([("PATH", path.into_string().unwrap()), ("DISPLAY", ":0".to_owned())]);
    run.env.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    home.run_with(&run)
}

#[test]
fn it_has_our_name_and_says_which_device_and_what_for_and_nothing_secret() {
    let text = format!("MFA code of {SERIAL} for default");
    for (name, expected) in
        [("zenity", &["--entry", "--title=keyrotate", "--text", &text][..]), ("kdialog", &["--title", "keyrotate", "--inputbox", &text])]
    {
        let home = start();
        let digits = code(&home);
        dialog(&home, name, &format!("echo ' {} {} '", &digits[..3], &digits[3..]));
        let output = on_a_desktop(&home, &["credential-process", "default"], &[]);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
        assert_eq!(arguments(&home, name), expected);
        assert!(given(&home, "default").mfa);
        assert_eq!((shown(&home, name), codes_sent(&home)), (1, 1));
    }
}

#[test]
fn of_both_programs_one_asks() {
    let home = start();
    ["zenity", "kdialog"].iter().for_each(|name| dialog(&home, name, &format!("echo {}", code(&home))));
    assert_eq!(on_a_desktop(&home, &["login"], &[]).code, Some(0));
    assert_eq!((shown(&home, "zenity"), shown(&home, "kdialog")), (1, 0));
}

#[test]
fn without_a_desktop_without_leave_or_with_no_program_that_can_be_run_nobody_is_asked() {
    let nobody = |home: &Home, output: Output| {
        told(&output, 20, &["nobody can be asked here"]);
        assert_eq!(shown(home, "zenity"), 0);
    };
    let home = start();
    nobody(&home, on_a_desktop(&home, &["login"], &[]));
    dialog(&home, "zenity", "echo 123456");
    nobody(&home, on_a_desktop(&home, &["login", "--no-input"], &[]));
    nobody(&home, on_a_desktop(&home, &["login"], &[("DISPLAY", "")]));
    settings(&home, "[defaults]\nmfa_dialog = false\n");
    nobody(&home, on_a_desktop(&home, &["login"], &[]));
    settings(&home, "");
    std::fs::set_permissions(home.scratch("bin/zenity"), std::fs::Permissions::from_mode(0o644)).unwrap();
    nobody(&home, on_a_desktop(&home, &["login"], &[]));
    assert_eq!(asked(&home), Vec::<String>::new());
}

#[test]
fn a_dialog_that_is_closed_or_empty_gives_up_at_once() {
    // Cancel, an empty line, a display that cannot be reached, and a crash.
    for script in ["exit 1", "echo", "echo cannot open display >&2; exit 255", "kill -SEGV $$"] {
        let home = start();
        dialog(&home, "zenity", script);
        told(&on_a_desktop(&home, &["login"], &[]), 1, &["no MFA code was given", "run `keyrotate login default` again"]);
        assert_eq!((shown(&home, "zenity"), asked(&home).len()), (1, 0), "{script}");
    }
}

#[test]
fn what_is_no_code_is_asked_for_again_with_the_reason_and_is_not_quoted() {
    let home = start();
    dialog(&home, "zenity", "echo 'no code at all'");
    let output = on_a_desktop(&home, &["login"], &[]);
    told(&output, 1, &["what was typed is no MFA code"]);
    assert!(!output.stderr.contains("at all"), "{}", output.stderr);
    assert_eq!((shown(&home, "zenity"), asked(&home).len()), (3, 0));
    let text = arguments(&home, "zenity").pop().unwrap();
    assert!(text.starts_with("a token code is six digits") && text.ends_with("for default") && !text.contains("at all"), "{text}");
    let home = start();
    dialog(&home, "zenity", "head -c 1000000 /dev/zero | tr '\\0' 1");
    told(&on_a_desktop(&home, &["login"], &[]), 1, &["no MFA code was given"]);
}

#[test]
fn after_a_code_that_aws_does_not_take_it_asks_again() {
    let home = start();
    let good = code(&home);
    let wrong = format!("{:06}", (good.parse::<u32>().unwrap() + 1) % 1_000_000);
    let once = home.scratch("once").display().to_string();
    dialog(&home, "zenity", &format!("if mkdir '{once}' 2>/dev/null; then echo {wrong}; else echo {good}; fi"));
    let output = on_a_desktop(&home, &["login"], &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(words(&output.stderr).contains("AWS did not take the MFA code"), "{}", output.stderr);
    let text = arguments(&home, "zenity").pop().unwrap();
    assert!(text.starts_with("AWS did not take the MFA code") && text.ends_with("for default"), "the person sees no other window: {text}");
    assert_eq!((shown(&home, "zenity"), codes_sent(&home)), (2, 2));
}

#[test]
fn one_that_nobody_answers_is_closed() {
    let home = start();
    let pid = home.scratch("pid");
    dialog(&home, "zenity", &format!("echo $$ >'{}'; exec sleep 1000", pid.display()));
    let since = Instant::now();
    let output = on_a_desktop(&home, &["credential-process", "default"], &[]);
    told(&output, 1, &["no MFA code was given in time", "keyrotate login default"]);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "the window stays");
}
