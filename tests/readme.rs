//! Every command and every example file in the README, as written.
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

use std::path::Path;
use std::process::Command;

use home::{Home, Run, one_line};
use keyrotate::commands::failure::FailureKind;
use keyrotate::commands::status::Finding;
use keyrotate::model::ProfileName;
use keyrotate::profile::settings::Settings as KeyrotateSettings;
use keyrotate::profile::{AwsFiles, AwsPaths, Environment};
use lab::Settings;
use lab::canary::SECRET;
use lab::faults::{Fault, Rule};

/// Not run here: the one that runs this test, and what would install the program on the machine.
const ELSEWHERE: [&str; 2] = ["tests/run", "cargo install --path . --locked"];

/// The README's fenced blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

fn commands() -> Vec<String> {
    blocks("sh").iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_first_two_commands_are_the_demo_and_the_tests() {
    assert_eq!(commands()[..2], ["cargo run --example demo", "tests/run"]);
}

#[test]
fn every_keyrotate_command_does_what_it_says() {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    home.hands_out_sessions();
    home.lab.world().watch_policies("eu-west-1");
    let mut run = 0;
    for command in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["keyrotate", args @ ..] if cfg!(not(feature = "alarm")) && (args.contains(&"monitoring") || args[0] == "alarm") => {}
            ["keyrotate", args @ ..] => {
                let output = match args.first() {
                    Some(&"timer") => timer(&home, args),
                    Some(&("login" | "exec" | "credential-process" | "env")) => session(&home, args),
                    // The program is below `target`.
                    Some(&"policy") => policy(&home, args),
                    Some(&"root-key") => root_key(&home, args),
                    Some(&"alarm") => alarm(&home, args),
                    Some(&"keys") if args[1] == "add" => add(&home, args),
                    Some(&"keys") if args[1] == "import" => home.run(&[args, &["--force"]].concat()),
                    _ => home.run(args),
                };
                assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{command}");
                assert!(output.stdout.is_empty() == (args == ["auto"]), "{command}: {}", output.stdout);
                run += 1;
            }
            _ if ELSEWHERE.contains(&command.as_str()) || command == "cargo run --example demo" => {}
            _ => panic!("nobody runs `{command}`"),
        }
    }
    assert!(run >= 6, "{run} commands");
    assert_eq!(home.told(), "");
}

/// With the file of a key that was just made behind `<`.
fn add(home: &Home, args: &[&str]) -> home::Output {
    let key = {
        let mut world = home.lab.world();
        let user = world.add_user("ci", "/");
        world.add_settled_key(user)
    };
    let words: Vec<&str> = args.iter().copied().take_while(|word| *word != "<").chain(["--force"]).collect();
    assert!(args.contains(&"<"), "{args:?}");
    let mut run = Run::new(&words);
    run.input = format!("Access key ID,Secret access key\n{},{}\n", key.id, key.secret);
    home.run_with(&run)
}

/// With a mailbox that confirms when it is asked. A plan says by its code that something is missing.
fn alarm(home: &Home, args: &[&str]) -> home::Output {
    let output = home.run(args);
    if args[1] == "plan" && output.code == Some(10) {
        assert!(output.stdout.contains("+ SNS topic"), "{}", output.stdout);
        return home::Output { code: Some(0), ..output };
    }
    if output.code != Some(10) {
        return output;
    }
    home.lab.world().topics.iter_mut().flat_map(|topic| &mut topic.subscriptions).for_each(|one| one.is_confirmed = true);
    home.run(args)
}

/// With a key of the root user, for this command.
fn root_key(home: &Home, args: &[&str]) -> home::Output {
    let root = {
        let mut world = home.lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    let config = home.path().join(".aws/config");
    let before = std::fs::read_to_string(&config).unwrap_or_default();
    let section = format!("\n[profile boss]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret);
    home.write(".aws/config", &(before.clone() + &section));
    let output = home.run(args);
    assert!(output.stdout.contains("deactivate") && output.stdout.contains("nothing was changed"), "{}", output.stdout);
    home.write(".aws/config", &before);
    let mut world = home.lab.world();
    let at = world.root().expect("the root user");
    world.keys.iter_mut().filter(|key| key.user == at).for_each(|key| key.status = lab::key::Status::Deleted);
    output
}

/// What is behind `>` is the shell's; what is on standard error are notes.
fn policy(home: &Home, args: &[&str]) -> home::Output {
    let words: Vec<&str> = args.iter().copied().take_while(|word| *word != ">").collect();
    let output = home.run(&words);
    let is_told = output.stderr.lines().all(|line| line.starts_with("note: ")) && output.stderr.is_empty() == (args[1] == "list");
    assert!(is_told, "{args:?}: {}", output.stderr);
    home::Output { stderr: String::new(), ..output }
}

/// With a code where one is needed, and an `aws` that wants a session, or a profile that gives one.
fn session(home: &Home, args: &[&str]) -> home::Output {
    let programs = home.scratch("programs");
    std::fs::create_dir_all(&programs).expect("a scratch directory");
    let aws = "#!/bin/sh\n[ \"$AWS_SESSION_TOKEN\" ] || grep -q credential_process \"$AWS_CONFIG_FILE\" || exit 1\necho '{}'\n";
    std::fs::write(programs.join("aws"), aws).expect("a scratch file");
    std::fs::set_permissions(programs.join("aws"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let mut run = Run::new(args);
    run.env.push(("PATH", format!("{}:/usr/bin:/bin", programs.display())));
    run.env.push(("KEYROTATE_MFA_CODE", home.lab.code("dev").expect("a code")));
    home.run_with(&run)
}

#[test]
fn the_aws_config_can_be_used() {
    let config = blocks("ini");
    assert_eq!(config.len(), 1);
    let credentials = format!("[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n");
    let paths = AwsPaths { credentials: "credentials".into(), config: "config".into() };
    let files = AwsFiles::parse(paths, Some(credentials.into()), Some(config[0].clone().into())).expect("files that the AWS CLI reads");
    let route = files.route(&ProfileName::new("work"), &Environment::from_vars([]).expect("none")).expect("a profile with a key");
    assert!(route.mfa_serial.is_some(), "{route:?}");
}

/// With a crontab that is a file of the test's, and without a systemd user manager. The program is below `target`, which must be forced.
fn timer(home: &Home, args: &[&str]) -> home::Output {
    let programs = home.scratch("programs");
    let crontab = format!(
        "#!/bin/sh\ncd '{}'\ncase $1 in\n-l) cat crontab 2>/dev/null || {{ echo 'no crontab for dev' >&2; exit 1; }} ;;\n\
         -r) rm crontab ;;\n-) cat >crontab ;;\nesac\n",
        home.scratch("").display()
    );
    std::fs::create_dir_all(&programs).expect("a scratch directory");
    for (name, text) in [("crontab", crontab.as_str()), ("systemctl", "#!/bin/sh\nexit 1\n")] {
        std::fs::write(programs.join(name), text).expect("a scratch file");
        std::fs::set_permissions(programs.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    }
    let forced: Vec<&str> = args.iter().copied().chain((args[1] == "install").then_some("--force")).collect();
    let mut run = Run::new(&forced);
    run.env.push(("PATH", format!("{}:/usr/bin:/bin", programs.display())));
    home.run_with(&run)
}

#[test]
fn the_demo_ends_with_one_working_key() {
    let mut cargo = Command::new(env!("CARGO"));
    // Cargo sets these for tests; build scripts that ask for them would run again, and much be compiled again.
    let own =
        |name: &std::ffi::OsString| name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| own(name)) {
        cargo.env_remove(name);
    }
    let output = cargo.args(["run", "--quiet", "--locked", "--example", "demo"]).output().expect("cargo");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for shown in
        ["$ keyrotate status default", "nothing was changed", "(killed)", "finishing an interrupted run", "AWS has one key of this user"]
    {
        assert!(text.contains(shown), "`{shown}` is missing in:\n{text}");
    }
}

#[test]
fn the_settings_can_be_used_and_the_policy_is_the_one_that_is_printed() {
    let settings = blocks("toml");
    assert_eq!(settings.len(), 6);
    for text in settings {
        KeyrotateSettings::parse(Path::new("config.toml"), &text).expect("usable settings");
    }
    let policies = blocks("json");
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    assert_eq!(policies, [home.run(&["policy", "show", "rotate"]).stdout]);
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    for line in home.run(&["policy", "list"]).stdout.lines() {
        let name = line.split_whitespace().next().expect("a name");
        assert!(readme.contains(&format!("| `{name}` |")), "README does not tell of {name}");
    }
}

#[test]
fn every_field_of_the_json_is_told() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings { keys: 2, ..Settings::default() }, true);
    home.write(
        ".aws/config",
        &format!("[profile none]\nregion = eu-west-1\n[profile bad]\naws_access_key_id = AKIAEXAMPLE000000009\naws_secret_access_key = {SECRET}\n"),
    );
    let rotate = Run { kill_at_pause: true, ..Run::new(&["rotate", "other", "--yes", "--no-input"]) };
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseAfter)]);
    assert_eq!(home.run_with(&rotate).code, None);
    home.lab.rules(Vec::new());
    let value: serde_json::Value = serde_json::from_str(&home.run(&["status", "--json"]).stdout).expect("JSON");
    let mut names = std::collections::BTreeSet::new();
    fields(&value, &mut names);
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "README does not tell of `{name}`");
    }
}

#[test]
fn every_check_and_field_of_the_audit_is_told() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings { root_keys: 1, ..Settings::default() }, true);
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).expect("a scratch directory");
    let exemption = "[[audit.exemption]]\ncheck = 'ROOT-KEY'\nreason = 'r'\nuntil = 2999-12-31\n";
    home.write(".config/keyrotate/config.toml", exemption);
    let tier = if cfg!(feature = "alarm") { "monitoring" } else { "account" };
    let value: serde_json::Value = serde_json::from_str(&home.run(&["audit", "default", "--tier", tier, "--json"]).stdout).expect("JSON");
    let mut names = std::collections::BTreeSet::new();
    fields(&value, &mut names);
    names.extend(value["findings"].as_array().into_iter().flatten().filter_map(|f| f["check"].as_str().map(str::to_owned)));
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "README does not tell of `{name}`");
    }
}

#[test]
fn every_field_and_outcome_of_the_history_is_told() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]).code, Some(0));
    assert_eq!(home.run(&["undo", "default", "--yes", "--no-input"]).code, Some(0));
    let value: serde_json::Value = serde_json::from_str(&home.run(&["history", "--json"]).stdout).expect("JSON");
    let mut names = std::collections::BTreeSet::new();
    fields(&value, &mut names);
    assert!(names.len() > 15, "{names:?}");
    names.extend(["rotated", "rotated-old-key-kept", "undone", "aborted", "forgotten"].map(str::to_owned));
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "README does not tell of `{name}`");
    }
}

fn fields(value: &serde_json::Value, names: &mut std::collections::BTreeSet<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        names.insert(name.clone());
        fields(inner, names);
    }
    value.as_array().into_iter().flatten().for_each(|inner| fields(inner, names));
}

#[test]
fn every_finding_is_told_with_its_code() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let all = [
        Finding::Due,
        Finding::Overdue,
        Finding::RootUserKey,
        Finding::RootKeys(1),
        Finding::RotationWaits,
        Finding::Unchecked(FailureKind::Unchecked),
        Finding::NeverObserved,
    ];
    for finding in all {
        let told = readme.lines().find(|line| line.starts_with("| `") && line.contains(&format!("`{}`", finding.name())));
        let told = told.unwrap_or_else(|| panic!("README does not tell of {finding:?}"));
        assert!(told.contains(&finding.exit_code().to_string()), "{told}");
    }
}

#[test]
fn the_help_tells_exit_codes_and_what_happens_without_a_terminal() {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    for (args, said) in [
        (["rotate", "--help"], "Without a terminal nothing is asked: the key is rotated."),
        (["rotate", "-h"], "An interrupted rotation is finished by running the same command again."),
        (["rotate", "--help"], "a number with s, m, h, d or w"),
        (["status", "--help"], "12 when something could not be checked"),
        (["undo", "--help"], "Exits with 1 where there is nothing to undo"),
        (["history", "--help"], "asks AWS nothing"),
        (["exec", "--help"], "126 where the program cannot be run"),
        (["login", "--help"], "Exits with 20 where a code is needed and nobody can be asked"),
    ] {
        let help = one_line(&home.run(&args).stdout);
        assert!(help.contains(said), "{args:?}: {help}");
    }
}
