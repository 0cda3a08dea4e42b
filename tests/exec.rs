//! `exec`, `env` and `shell-init`: what a program and a shell get, and what they do not.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test bench on loopback"
)]

#[expect(dead_code, reason = "this ring uses a part of the lab")]
mod lab;

#[expect(dead_code, reason = "this ring uses a part of the harness")]
#[path = "lab/home.rs"]
mod home;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use home::{Home, Output, Problem, Run};
use lab::Settings;
use lab::canary::SECRET;

const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");
/// A name that every shell would take apart.
const ODD: &str = "it's $HOME \\ 5%";

/// With an MFA device for `dev`, in the profiles `default` and `work`, and a role; no session is open.
fn start() -> Arc<Home> {
    let home = Home::new(PROGRAM, Settings::default(), true);
    home.hands_out_sessions();
    let serial = serial();
    home.write(
        ".aws/config",
        &format!(
            "[default]\nmfa_serial = {serial}\nretry_mode = standard\ns3 =\n  max_concurrent_requests = 5\n\
             [profile work]\nregion = eu-central-1\nmfa_serial = {serial}\n\
             [profile role]\nrole_arn = arn:aws:iam::000000000000:role/Reader\nsource_profile = work\nmfa_serial = {serial}\n"
        ),
    );
    let odd =
        format!("\n[{ODD}]\naws_access_key_id = {}\naws_secret_access_key = {}\nmfa_serial = {serial}\n", home.old.id, home.old.secret);
    let credentials = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", &(credentials + &odd));
    home
}

fn serial() -> String {
    format!("arn:aws:iam::{}:mfa/dev", Settings::default().account)
}

/// A session of dev's is open. No region is set beside the profiles' own, which makes another session than that of a region.
fn logged_in(home: &Home) {
    let code = home.lab.code("dev").expect("a code");
    let output = run(home, &["login", "default", "--mfa-code", &code], &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

fn run(home: &Home, args: &[&str], env: &[(&'static str, &str)]) -> Output {
    home.run_with(&plain(args, env))
}

fn plain<'a>(args: &'a [&'a str], env: &[(&'static str, &str)]) -> Run<'a> {
    let mut run = Run::new(args);
    run.env.push(("AWS_REGION", String::new()));
    run.env.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
    run
}

/// Runs a script of a shell in which `keyrotate` is found.
fn shell(home: &Home, words: &[&str], script: &str) -> Output {
    shell_with(home, words, script, &[])
}

fn shell_with(home: &Home, words: &[&str], script: &str, env: &[(&'static str, &str)]) -> Output {
    let mut run = plain(&[], env);
    run.prefix = words.iter().copied().chain([script]).map(str::to_owned).collect();
    run.env.push(("PATH", format!("{}:/usr/bin:/bin", Path::new(PROGRAM).parent().unwrap().display())));
    home.run_with(&run)
}

fn variables(output: &Output) -> BTreeMap<&str, &str> {
    output.stdout.lines().filter_map(|line| line.split_once('=')).collect()
}

fn calls(home: &Home, action: &str) -> usize {
    home.lab.calls().iter().filter(|call| call.action == action).count()
}

#[test]
fn a_program_gets_the_session_and_nothing_that_leads_elsewhere() {
    let home = start();
    logged_in(&home);
    let other = "x-of-somebody-else";
    let conflicting = [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_FILE",
        "AWS_SESSION_EXPIRATION",
        "AWS_ACCOUNT_ID",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    let marked = |name: &str| if name.contains("SECRET") { SECRET } else { other };
    let env: Vec<_> = conflicting.iter().map(|name| (*name, marked(name))).chain([("KEYROTATE_MFA_CODE", "012345")]).collect();
    let output = run(&home, &["exec", "work", "--", "env"], &env);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!output.stdout.contains(other) && !output.stdout.contains(SECRET) && !output.stdout.contains("012345"), "{}", output.stdout);
    let set = variables(&output);
    let session = home.lab.world().sessions[0].id.clone();
    assert_eq!(set["AWS_ACCESS_KEY_ID"], session);
    assert_eq!((set["AWS_REGION"], set["AWS_DEFAULT_REGION"], set["KEYROTATE_PROFILE"]), ("eu-central-1", "eu-central-1", "work"));
    assert!(set["AWS_CREDENTIAL_EXPIRATION"].ends_with('Z') && set.contains_key("AWS_SESSION_TOKEN"));
    assert_eq!(calls(&home, "GetSessionToken"), 1, "the code that was left in the variable is not sent");
}

#[test]
fn the_exit_code_is_the_programs_own_or_tells_why_there_was_none() {
    let home = start();
    logged_in(&home);
    let text = home.scratch("text");
    std::fs::write(&text, "no program").unwrap();
    let text = text.display().to_string();
    for (args, code, said) in [
        (&["exec", "default", "--", "sh", "-c", "exit 7"][..], Some(7), ""),
        (&["exec", "default", "--", "sh", "-c", "kill -TERM $$"], None, ""),
        (&["exec", "default", "--", "no-such-program"], Some(127), "`no-such-program` was not found"),
        (&["exec", "default", "--", "/no/such/program"], Some(127), "was not found"),
        (&["exec", "default", "--", &text], Some(126), "cannot be run"),
        (&["exec", "default", "--", "/"], Some(126), "cannot be run"),
        (&["exec", "nobody", "--", "true"], Some(125), "nobody"),
        (&["exec", "true"], Some(125), "`keyrotate exec -- true`"),
        (&["exec", "no such", "-la"], Some(125), "unexpected argument"),
        (&["exec", "no such", "s3", "-psecret"], Some(125), "`keyrotate exec -- 'no such' …`"),
        (&["exec", "", "true"], Some(125), "the profile's name is empty"),
        (&["exec", "other", "--no-input", "--", "true"], Some(125), "nobody can be asked"),
        (&["exec", "default", "--no-such-option", "--", "true"], Some(125), "unexpected argument"),
        (&["exec", "default", "echo", "--", "ran"], Some(125), "tip: the program stands behind a `--` of its own: exec PROFILE -- echo …"),
        // A profile stands before it, so that it can be nothing else than the program.
        (&["--color", "never", "exec", "default", "sh", "-c", "exit 8"], Some(8), ""),
        (&["exec", "--duration", "12h", "default", "--nested", "sh", "-c", "exit 9", "--help"], Some(9), ""),
        (&["exec", "default", "--nestde", "true"], Some(125), "--nested"),
        (&["exec", "default", "--duration", "soon", "--", "true"], Some(125), "soon"),
        (&["exec", "--help"], Some(0), ""),
        (&["env", "--no-such-option"], Some(2), "unexpected argument"),
    ] {
        let output = run(&home, args, &[]);
        assert_eq!(output.code, code, "{args:?} {}", output.stderr);
        assert!(output.stderr.contains(said) && output.stderr.is_empty() == said.is_empty(), "{args:?} {}", output.stderr);
        assert!(!output.stderr.contains("secret"), "what is the program's may be anything: {}", output.stderr);
    }
}

#[test]
fn a_profile_that_only_a_variable_names_is_told_with_the_variable() {
    let home = start();
    for args in [&["login"][..], &["env"], &["rotate", "--yes"], &["undo", "--yes"]] {
        for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
            let output = run(&home, args, &[(name, "nobody")]);
            assert!(output.code == Some(1) && output.stderr.contains(&format!("{name} names it")), "{args:?} {}", output.stderr);
        }
    }
}

#[test]
fn inside_a_session_another_one_is_refused_unless_it_is_said() {
    let home = start();
    logged_in(&home);
    // An empty variable is none: the code too.
    let inside = [("KEYROTATE_PROFILE", "work"), ("KEYROTATE_MFA_CODE", "")];
    let output = run(&home, &["exec", "default", "--", "echo", "ran"], &inside);
    assert_eq!((output.code, output.stdout.as_str()), (Some(125), ""));
    assert!(output.stderr.contains("session of the profile work already") && output.stderr.contains("--nested"), "{}", output.stderr);
    let output = run(&home, &["exec", "default", "--nested", "--", "echo", "ran"], &inside);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "ran\n"), "{}", output.stderr);
}

#[test]
fn inside_a_session_what_changes_a_key_names_the_profile_and_the_way_out() {
    let home = start();
    logged_in(&home);
    for (command, inner) in [("rotate", "rotate --yes"), ("undo", "undo --yes")] {
        let output = run(&home, &["exec", "work", "--", "sh", "-c", &format!("'{PROGRAM}' {inner}")], &[]);
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        for said in ["inside a session of the profile work", &format!("`keyrotate {command} work`"), "`kr --unset`"] {
            assert!(output.stderr.contains(said), "{}", output.stderr);
        }
    }
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    let note = run(&home, &["exec", "work", "--", PROGRAM, "status", "work"], &[]).stdout;
    assert!(note.contains("note: this is inside a session of the profile work"), "{note}");
}

#[test]
fn where_nobody_can_be_asked_which_profile_is_meant_the_one_that_is_taken_is_told() {
    let home = start();
    logged_in(&home);
    for words in [&["bash", "--norc", "-c"][..], &["zsh", "-f", "-c"]] {
        let output = shell(&home, words, &format!("eval \"$(keyrotate shell-init {})\"; kr; echo \"on $KEYROTATE_PROFILE\"", words[0]));
        assert_eq!(output.stdout, "on default\n", "{}", output.stderr);
        assert!(
            output.stderr.contains("nothing says which of 5 profiles is meant") && output.stderr.contains("it is default"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn inside_a_session_another_profile_has_its_own_region_and_the_persons_own_counts_for_all() {
    let home = start();
    logged_in(&home);
    let inner = format!("'{PROGRAM}' exec default --nested -- sh -c 'echo $AWS_REGION $AWS_DEFAULT_REGION'");
    let args = ["exec", "work", "--", "sh", "-c", &inner];
    assert_eq!(run(&home, &args, &[]).stdout, "eu-west-1 eu-west-1\n");
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let env = [("AWS_REGION", ""), (name, "us-west-2")];
        let output = run(&home, &args, &env);
        assert_eq!(output.stdout, "us-west-2 us-west-2\n", "{}", output.stderr);
    }
}

/// The lab's is the endpoint of `work` itself here, and no variable is set.
const ENDPOINTS: &str = "[default]\nuse_fips_endpoint = true\nmfa_serial = {serial}\nendpoint_url = {lab}\n\
    [profile work]\nregion = eu-central-1\nmfa_serial = {serial}\nendpoint_url = {lab}\nservices = near\nca_bundle = /no/such.pem\n\
    [services near]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n";

#[test]
fn a_programs_calls_go_where_the_profile_sends_them_and_a_shell_that_was_switched_is_clean_again() {
    let home = start();
    home.write(".aws/config", &ENDPOINTS.replace("{serial}", &serial()).replace("{lab}", &home.lab.url()));
    let none = [("AWS_ENDPOINT_URL", ""), ("AWS_CA_BUNDLE", "")];
    let code = home.lab.code("dev").expect("a code");
    assert_eq!(run(&home, &["login", "default", "--mfa-code", &code], &none).code, Some(0));
    let show = "sh -c 'echo \"${AWS_ENDPOINT_URL-} ${AWS_ENDPOINT_URL_S3-} ${AWS_USE_FIPS_ENDPOINT-} ${AWS_CA_BUNDLE-}\"'";
    let lab = home.lab.url();
    let (work, default) = (format!("{lab} http://127.0.0.1:9 false /no/such.pem"), format!("{lab}  true "));
    for (args, want) in [
        (&["exec", "work"][..], &work),
        (&["exec", "work", "--refreshable"], &work),
        (&["exec", "work", "--no-session"], &work),
        (&["exec", "default"], &default),
    ] {
        let all: Vec<&str> = args.iter().copied().chain(["--", "sh", "-c", show]).collect();
        let output = run(&home, &all, &none);
        assert_eq!(output.stdout.trim_end_matches('\n'), want, "{args:?} {}", output.stderr);
    }
    assert!(home.found()[&Problem::Leak].contains("what was executed"), "--no-session is what it says");
    let nested = format!("'{PROGRAM}' exec default --nested -- {show}");
    let own = [("AWS_ENDPOINT_URL", lab.as_str()), ("AWS_ENDPOINT_URL_S3", "http://own")];
    for (script, env, want) in [
        (nested.as_str(), &none[..], default.as_str()),
        (show, &own[..1], &format!("{lab}  false /no/such.pem")),
        (show, &own[..], &format!("{lab} http://own false /no/such.pem")),
    ] {
        let output = run(&home, &["exec", "work", "--", "sh", "-c", script], env);
        assert_eq!(output.stdout.trim_end_matches('\n'), want, "{script} {env:?} {}", output.stderr);
    }
    for (words, init) in [
        (&["bash", "--norc", "-c"][..], "eval \"$(keyrotate shell-init bash)\""),
        (&["zsh", "-f", "-c"], "eval \"$(keyrotate shell-init zsh)\""),
        (&["fish", "--no-config", "-c"], "keyrotate shell-init fish | source"),
    ] {
        let script = format!("{init}\nkr work\n{show}\nkr default\n{show}\nkr --unset\n{show}\nenv | grep -c ^KEYROTATE_\n");
        let output = shell_with(&home, words, &script, &none);
        let lines: Vec<&str> = output.stdout.lines().collect();
        // What is left is the lab's own clock.
        assert_eq!(lines, [work.as_str(), default.as_str(), "   ", "1"], "{words:?} {}", output.stderr);
    }
}

#[test]
fn without_a_program_the_persons_shell_is_started() {
    let home = start();
    logged_in(&home);
    let own = home.scratch("shell");
    std::fs::write(&own, "#!/bin/sh\necho \"shell $# $KEYROTATE_PROFILE\"\n").unwrap();
    std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = run(&home, &["exec", "work"], &[("SHELL", &own.display().to_string())]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "shell 0 work\n"), "{}", output.stderr);
}

#[test]
fn the_bare_key_is_handed_out_only_where_it_is_said_and_that_is_told() {
    let home = start();
    let args = ["exec", "default", "--no-session", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID $AWS_SESSION_TOKEN $AWS_REGION"];
    let output = run(&home, &args, &[("AWS_SESSION_TOKEN", "stale")]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), format!("{} eu-west-1\n", home.old.id).as_str()), "{}", output.stderr);
    for said in ["long-term key", &home.old.id, "without MFA", "require_mfa is on"] {
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
    assert_eq!(home.lab.calls().len(), 0);
    assert!(home.found()[&Problem::Leak].contains("what was executed"), "the search sees the key where it is: {}", home.told());
    for (args, said) in [
        (&["exec", "role", "--no-session", "--", "true"][..], "a role's"),
        (&["exec", "default", "--no-session", "--refreshable", "--", "true"], "cannot be used with"),
        (&["exec", "default", "--no-session", "--duration", "1h", "--", "true"], "cannot be used with"),
    ] {
        let output = run(&home, args, &[]);
        assert!(output.code == Some(125) && output.stderr.contains(said), "{args:?} {}", output.stderr);
    }
}

const ASKS: &str = "echo \"id ${AWS_ACCESS_KEY_ID-none} $AWS_PROFILE $KEYROTATE_PROFILE $AWS_REGION\"
wc -c <\"$AWS_SHARED_CREDENTIALS_FILE\"
cat \"$AWS_CONFIG_FILE\"
sh -c \"$(sed -n 's/^credential_process = //p' \"$AWS_CONFIG_FILE\")\"
cat";

#[test]
fn a_program_that_is_to_outlast_a_session_gets_a_profile_that_asks_for_it() {
    let home = start();
    logged_in(&home);
    for profile in ["default", "work"] {
        let before = home.lab.calls().len();
        let output =
            run(&home, &["exec", profile, "--refreshable", "--no-input", "--", "sh", "-c", ASKS], &[("AWS_ACCESS_KEY_ID", "stale")]);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
        let lines: Vec<&str> = output.stdout.lines().collect();
        let region = if profile == "work" { "eu-central-1" } else { "eu-west-1" };
        assert_eq!(lines[0], format!("id none {profile} {profile} {region}"));
        assert_eq!(lines[1].trim(), "0", "the shared credentials file is empty");
        assert_eq!(lines[2], if profile == "work" { "[profile work]" } else { "[default]" });
        assert!(lines[3].ends_with(&format!("/keyrotate credential-process --no-input -- {profile}")), "{}", lines[3]);
        let answer: serde_json::Value = serde_json::from_str(lines.last().unwrap()).expect("JSON");
        assert_eq!(answer["AccessKeyId"], home.lab.world().sessions[0].id.as_str());
        assert_eq!(home.lab.calls().len(), before, "the session that is open is the one");
        let kept = lines.contains(&"retry_mode = standard") && lines.contains(&"  max_concurrent_requests = 5");
        assert_eq!(kept, profile == "default", "{}", output.stdout);
    }
    let made = std::fs::read_dir(home.path().join(".cache/keyrotate/profiles")).unwrap().count();
    assert_eq!(made, 3, "one for each profile, and the empty one");
}

#[test]
fn inside_it_keyrotate_finds_the_persons_own_files_and_others_where_they_are_named() {
    let home = start();
    logged_in(&home);
    let script = format!(
        "'{PROGRAM}' status --offline; '{PROGRAM}' env work --format json; AWS_SHARED_CREDENTIALS_FILE=/dev/null '{PROGRAM}' status work"
    );
    let output = run(&home, &["exec", "default", "--refreshable", "--", "sh", "-c", &script], &[]);
    assert!(output.stdout.contains(&home.old.id) && output.stdout.contains("\"KEYROTATE_PROFILE\":\"work\""), "{}", output.stdout);
    assert!(output.code == Some(12) && output.stderr.contains("work"), "the file that is named there has no key: {}", output.stderr);
    let options = ["exec", "default", "--refreshable", "--min-ttl", "1h", "--duration", "12h", "--", "sh", "-c", "cat $AWS_CONFIG_FILE"];
    let output = run(&home, &options, &[]);
    assert!(
        output.stdout.contains("credential-process --duration 43200s --min-ttl 3600s -- default\n"),
        "{}{}",
        output.stdout,
        output.stderr
    );
}

#[test]
fn who_leaves_it_or_goes_on_to_another_session_has_their_own_files_again() {
    let home = start();
    logged_in(&home);
    let own = home.path().join(".aws/config").display().to_string();
    let look = format!("echo \"files $AWS_CONFIG_FILE\"; '{PROGRAM}' status --offline; '{PROGRAM}' credential-process role");
    let env = |words: &str| format!("eval \"$('{PROGRAM}' env {words} -f bash)\"");
    let sh = |script: &str| format!("sh -c '{}'", script.replace('\'', "'\\''"));
    for script in [
        format!("{}; {look}", env("--unset")),
        format!("{}; {look}", env("work")),
        format!("'{PROGRAM}' exec work --nested -- {}", sh(&look)),
        format!("'{PROGRAM}' exec work --nested --refreshable -- {}", sh(&format!("{}; {look}", env("--unset")))),
    ] {
        let output = run(&home, &["exec", "default", "--refreshable", "--", "sh", "-c", &script], &[]);
        assert_eq!(output.code, Some(0), "{script} {}", output.stderr);
        for said in [&format!("files {own}\n"), &home.old.id, "\"SessionToken\""] {
            assert!(output.stdout.contains(said), "{script} {} {}", output.stdout, output.stderr);
        }
    }
    let script = format!("AWS_CONFIG_FILE=/x; {}; echo \"files $AWS_CONFIG_FILE\"", env("--unset"));
    let output = run(&home, &["exec", "default", "--refreshable", "--", "sh", "-c", &script], &[]);
    assert!(output.stdout.contains("files /x\n"), "what was named there stays: {}", output.stdout);
    let script = format!("echo $AWS_SDK_LOAD_CONFIG; {}; echo ${{AWS_SDK_LOAD_CONFIG-none}}", env("--unset"));
    for (own, left) in [("", "1\nnone\n"), ("1", "1\n1\n")] {
        let args = ["exec", "default", "--refreshable", "--", "sh", "-c", &script];
        assert_eq!(run(&home, &args, &[("AWS_SDK_LOAD_CONFIG", own)]).stdout, left);
    }
}

#[test]
fn env_speaks_the_words_of_each_shell() {
    let home = start();
    logged_in(&home);
    let session = home.lab.world().sessions[0].id.clone();
    let odd = ODD.replace('\'', "'\\''");
    let fish_odd = ODD.replace('\\', "\\\\").replace('\'', "\\'");
    for (words, odd, eval, left) in [
        (&["bash", "--norc", "-c"][..], &odd, "eval \"$(keyrotate env", ")\""),
        (&["dash", "-c"], &odd, "eval \"$(keyrotate env", ")\""),
        (&["zsh", "-f", "-c"], &odd, "eval \"$(keyrotate env", ")\""),
        (&["fish", "--no-config", "-c"], &fish_odd, "keyrotate env", " | source"),
    ] {
        let format = words[0].replace("dash", "bash");
        let show = "sh -c 'echo \"${AWS_ACCESS_KEY_ID-none}|${KEYROTATE_PROFILE-none}|${AWS_REGION-none}|${AWS_ROLE_ARN-none}\"'";
        let script = format!(
            "{eval} '{odd}' -f {format}{left}\n{show}\n{eval} --unset -f {format}{left}\n{show}\n{eval} --unset -f {format}{left}\n{show}\n"
        );
        let mut run = plain(&[], &[("AWS_ROLE_ARN", "stale"), ("AWS_DEFAULT_REGION", "")]);
        run.prefix = words.iter().copied().chain([script.as_str()]).map(str::to_owned).collect();
        run.env.push(("PATH", format!("{}:/usr/bin:/bin", Path::new(PROGRAM).parent().unwrap().display())));
        let output = home.run_with(&run);
        let lines: Vec<&str> = output.stdout.lines().collect();
        // The odd profile has no region of its own; the empty variable is the test's.
        let expected = [format!("{session}|{ODD}||none"), "none|none||none".to_owned(), "none|none||none".to_owned()];
        assert_eq!(lines, expected, "{words:?} {}", output.stderr);
    }
}

#[test]
fn the_shells_function_switches_the_shell_and_back_and_completes_profiles() {
    let home = start();
    logged_in(&home);
    let show = "sh -c 'echo \"${AWS_ACCESS_KEY_ID-none} ${KEYROTATE_PROFILE-none} ${AWS_DEFAULT_REGION-none}\"'";
    let steps = |status: &str| {
        format!(
            "kr default\n{show}\nkr work\n{show}\nkr nobody\necho \"status {status}\"\n{show}\nkr --unset\n{show}\nkr --help | head -n 1\n"
        )
    };
    for (words, init, status, completed) in [
        (
            &["bash", "--norc", "-c"][..],
            "eval \"$(keyrotate shell-init bash)\"",
            "$?",
            "COMP_WORDS=(kr wo); COMP_CWORD=1; _kr; echo \"${COMPREPLY[@]}\"; COMP_WORDS=(kr --uns); _kr; echo \"${COMPREPLY[@]}\"",
        ),
        (
            &["zsh", "-f", "-c"],
            "eval \"$(keyrotate shell-init zsh)\"",
            "$?",
            "compadd() { shift; print -- $@ }; words=(kr wo); CURRENT=2; _kr; words=(kr --uns); _kr",
        ),
        (
            &["fish", "--no-config", "-c"],
            "keyrotate shell-init fish | source",
            "$status",
            "complete -C 'kr wo' | cut -f 1; complete -C 'kr --uns' | cut -f 1",
        ),
    ] {
        let output = shell(&home, words, &format!("{init}\n{}{completed}\n", steps(status)));
        let sessions: Vec<String> = home.lab.world().sessions.iter().map(|session| session.id.clone()).collect();
        let lines: Vec<&str> = output.stdout.lines().collect();
        let work = format!("{} work eu-central-1", sessions[0]);
        let expected = [
            format!("{} default eu-west-1", sessions[0]),
            work.clone(),
            "status 1".to_owned(),
            work,
            "none none none".to_owned(),
            "Print the variables of a session for a shell or a program".to_owned(),
            "work".to_owned(),
            "--unset".to_owned(),
        ];
        assert_eq!(lines, expected, "{words:?} {}", output.stderr);
        assert!(output.stderr.contains("nobody"), "{}", output.stderr);
    }
}

#[test]
fn status_shows_the_sessions_that_are_open_and_the_prompt_the_shells_own() {
    let home = start();
    assert_eq!(run(&home, &["status", "--prompt"], &[]).stdout, "default\n");
    logged_in(&home);
    let role = run(&home, &["env", "role", "--format", "json"], &[("AWS_REGION", "")]);
    assert_eq!(role.code, Some(0), "{}", role.stderr);
    let shown = run(&home, &["status", "work"], &[]).stdout;
    assert_eq!(shown.matches("session:").count(), 2, "{shown}");
    assert!(shown.contains("open until ") && shown.contains("for 11 h 59 min"), "{shown}");
    assert!(shown.contains("open of arn:aws:iam::000000000000:role/Reader until "), "{shown}");
    let json: serde_json::Value = serde_json::from_str(&run(&home, &["status", "work", "--offline", "--json"], &[]).stdout).unwrap();
    let sessions = json["keys"][0]["sessions"].as_array().unwrap();
    assert!(sessions.len() == 2 && sessions[1]["role"] == "arn:aws:iam::000000000000:role/Reader" && sessions[0]["mfa"] == true, "{json}");
    assert!(sessions[0]["expires_at"].as_str().unwrap().ends_with('Z') && sessions[0]["role"].is_null(), "{json}");
    for (env, line) in [
        (&[][..], "default 11h59m\n"),
        (&[("AWS_PROFILE", "role")], "role 59m\n"),
        (&[("KEYROTATE_PROFILE", "work"), ("AWS_CREDENTIAL_EXPIRATION", "2000-01-01T00:00:00Z")], "work\n"),
        (&[("AWS_PROFILE", "nobody")], "nobody\n"),
    ] {
        let output = run(&home, &["status", "--prompt"], env);
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(0), line, ""), "{env:?}");
    }
    let calls = home.lab.calls().len();
    run(&home, &["status", "--prompt"], &[]);
    assert_eq!(home.lab.calls().len(), calls, "a prompt asks nobody");
    assert_eq!(run(&home, &["logout", "default"], &[]).code, Some(0));
    assert!(!run(&home, &["status", "work"], &[]).stdout.contains("session:"));
}
