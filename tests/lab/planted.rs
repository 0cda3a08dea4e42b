//! The search for secrets searched: a secret is planted in each place and must be found there, and not where secrets belong.

use std::time::Duration;

use crate::home::{Home, Problem, Run};
use crate::lab::canary::{self, Execs};
use crate::lab::{self, Lab, Settings};

#[test]
fn a_secret_is_found_wherever_it_was_planted_and_not_where_it_belongs() {
    let planted = [
        ("cat ~/.aws/credentials", "stdout: a secret is printed (plain)"),
        ("cat ~/.aws/credentials >&2", "stderr: a secret is printed (plain)"),
        ("echo $secret | cut -c -10", "stdout: a secret is printed (plain)"),
        ("echo $secret | cut -c 31-", "stdout: a secret is printed (plain)"),
        ("echo $secret | sed 's,/,%2F,g;s,+,%2B,g'", "(plain)"),
        ("echo $secret | base64 -w 0", "(base64)"),
        ("echo x$secret | base64 -w 0", "(base64)"),
        ("echo xx$secret | base64 -w 0", "(base64)"),
        ("echo $secret | od -An -v -tx1 | tr -d ' \\n'", "(hexadecimal)"),
        ("echo $secret | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F", "(hexadecimal)"),
        ("echo $secret | od -An -v -tu1 | tr -s ' \\n' , | sed 's/,/, /g'", "(numbers)"),
        ("cp ~/.aws/credentials ~/.aws/copy", "/home/.aws/copy holds a secret (plain)"),
        ("cp ~/.aws/credentials ~/.aws/.credentials.keyrotate-1", "/.credentials.keyrotate-1 holds"),
        ("mkdir -p ~/$state; echo $secret >~/$state/history.jsonl", "/history.jsonl holds"),
        ("echo $secret >$TMPDIR/log", "/tmp/log holds"),
        ("mkdir -p ~/.cache/keyrotate/sessions; umask 077; echo $secret >~/.cache/keyrotate/sessions/x.json", "/x.json holds"),
        ("{ printf '\\177ELF------------\\004\\000'; cat ~/.aws/credentials; } >core", "/core holds"),
        ("env true $secret", "what was executed: "),
        ("secret=$secret env true", "what was executed: "),
        ("sh -c \"sh -c 'env true $secret'\"", "what was executed: "),
        ("mkdir -p ~/$state/journal; echo $secret >~/$state/journal/entry; cp ~/.aws/credentials ~/.aws/.credentials.keyrotate-1", ""),
        ("cp ~/.aws/credentials ~/.aws/config; echo $secret >mine", ""),
    ];
    assert!(Execs::new(std::path::PathBuf::new()).is_some(), "strace is needed to see what a run executes: tests/run installs it");
    for (script, told) in planted {
        let home = Home::new("/bin/sh", Settings::default(), true);
        home.holds(home.scratch("mine"));
        let script = format!("state=.local/state/keyrotate secret=$(sed -n 's/^aws_secret_access_key=//p' ~/.aws/credentials); {script}");
        assert_eq!(home.run(&["-c", &script]).code, Some(0), "{script}");
        let found = home.found().remove(&Problem::Leak).unwrap_or_default();
        assert!(if told.is_empty() { found.is_empty() } else { found.contains(told) }, "{script}: {found}");
    }
}

#[test]
fn a_secret_is_found_in_the_trace_that_a_run_has_of_its_own() {
    let home = Home::new("/bin/sh", Settings::default(), true);
    let (trace, traced) = (home.scratch("trace").display().to_string(), format!("trace=openat,{}", canary::EXEC_CALLS));
    let words = [&["strace", "-f", "-qq", "-o", &trace, "-e", &traced], &canary::WHOLE[..]].concat();
    for (script, told) in [
        ("cat ~/.aws/credentials >/dev/null", ""),
        ("env true $(sed -n 's/^aws_secret_access_key=//p' ~/.aws/credentials)", "what was executed: "),
    ] {
        let args = ["-c", script];
        home.run_with(&Run { prefix: words.iter().map(|word| (*word).to_owned()).collect(), ..Run::new(&args) });
        let found = home.found().remove(&Problem::Leak).unwrap_or_default();
        assert!(if told.is_empty() { found.is_empty() } else { found.contains(told) }, "{script}: {found}");
    }
    let blind: Vec<String> = words.iter().map(|word| word.replace("execve", "write")).collect();
    assert!(Execs::shared(&blind).is_none(), "a trace without what is executed passes for one");
}

#[test]
fn a_secret_is_found_in_a_process_that_runs_now_and_a_variable_that_the_test_sets_is_none() {
    let secret = format!("x={}", canary::SECRET);
    for (variable, script, told) in [
        ("", "exec sleep 60", ""),
        ("", "exec env \"$0\" sleep 60", "look: environment of process "),
        (&secret, "exec sleep 60", ""),
        ("", "sleep 60; : $0", "look: arguments of process "),
    ] {
        let home = Home::new("/bin/sh", Settings::default(), true);
        let args = ["-c", script, if told.is_empty() { "" } else { &secret }];
        let mut run = Run::new(&args);
        run.env.extend(variable.split_once('=').map(|(name, value)| (name, value.to_owned())));
        let mut child = home.command(&run).spawn().expect("a shell");
        let is_asleep = || std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).is_ok_and(|c| !c.is_empty());
        let is_sleep = || std::fs::read(format!("/proc/{}/cmdline", child.id())).is_ok_and(|words| words.starts_with(b"sleep"));
        while !is_asleep() && !is_sleep() {
            std::thread::sleep(Duration::from_millis(5));
        }
        home.look("look");
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&child), rustix::process::Signal::KILL);
        let _ = child.wait();
        let found = home.found().remove(&Problem::Leak).unwrap_or_default();
        assert!(if told.is_empty() { found.is_empty() } else { found.contains(told) }, "{script}: {found}");
    }
}

#[test]
fn a_leak_that_no_test_asks_for_fails_it_and_so_does_a_secret_without_the_mark() {
    let leaky = || drop(Home::new("/bin/cat", Settings::default(), true).run(&["home/.aws/credentials"]));
    let unmarked = || Home::new("/bin/true", Settings::default(), true).write(".aws/config", "[a]\naws_secret_access_key = x\n");
    std::panic::catch_unwind(leaky).expect_err("the HOME went, and nobody was told");
    let unseen = Execs::new(std::path::PathBuf::from("/no/such/trace")).and_then(|execs| execs.search(&[]));
    assert!(unseen.is_some(), "a run that strace did not see passes for one without a leak");
    std::panic::catch_unwind(unmarked).expect_err("a secret that nothing would find");
    let secret = Lab::start(Settings::default()).first_key().secret;
    assert!(secret.len() == 40 && secret.starts_with(canary::MARK) && secret.contains(['/']) && secret.contains('+'), "{secret}");
    assert_eq!(canary::SECRET.len(), 40);
}

#[test]
fn a_seed_is_found_in_each_form_and_may_be_shown_only_where_a_test_says_so() {
    let seed = canary::marked_seed("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    assert_eq!((seed.len(), lab::totp::from_base32(&seed).len()), (64, 40), "{seed}");
    let (grouped, other) = (canary::in_groups(&seed), canary::SEED_MARK);
    for (script, is_allowed, told) in [
        (format!("echo {seed}"), false, "stdout: a secret is printed (plain)"),
        (format!("echo 'otpauth://totp/x?secret={seed}'"), true, ""),
        (format!("echo '{grouped}'"), false, "stdout: a secret is printed (in groups)"),
        (format!("echo '{grouped}' >&2"), true, ""),
        (format!("echo {seed}; echo {other}"), true, "stdout: a secret is printed (plain)"),
        (format!("echo {seed} | base64 -w 0"), true, "(base64)"),
        (format!("echo {seed} | od -An -v -tx1 | tr -d ' \\n'"), false, "(hexadecimal)"),
        (format!("echo {seed} >$TMPDIR/log"), true, "/tmp/log holds"),
        (format!("echo {seed} >~/.aws/device"), true, "/home/.aws/device holds"),
    ] {
        let home = Home::new("/bin/sh", Settings::default(), true);
        home.lab.world().seeds.push(seed.clone());
        if is_allowed {
            home.shows_seeds();
        }
        home.write("script", &script);
        home.holds(home.path().join("script"));
        assert_eq!(home.run(&[&home.path().join("script").display().to_string()]).code, Some(0), "{script}");
        let found = home.found().remove(&Problem::Leak).unwrap_or_default();
        assert!(if told.is_empty() { found.is_empty() } else { found.contains(told) }, "{script}: {found}");
    }
}
