//! `cargo run --example demo`: what keyrotate does, against an AWS emulator on this machine. No account, no network, nothing outside a
//! scratch directory.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a demonstration on loopback"
)]

#[path = "../lab/mod.rs"]
#[expect(dead_code, reason = "the demo uses a part of the lab")]
mod lab;

#[path = "../lab/home.rs"]
#[expect(dead_code, reason = "the demo uses a part of the harness")]
mod home;

use std::process::ExitCode;
use std::sync::Arc;

use home::{Home, Output, Run};
use lab::Settings;
use lab::faults::{Fault, Rule};

/// In the copy of this program that stands for the keyrotate binary.
const CHILD: &str = "KEYROTATE_DEMO_CHILD";

fn main() -> ExitCode {
    if std::env::var_os(CHILD).is_some() {
        return keyrotate::cli::run();
    }
    let program = std::env::current_exe().expect("this program's own path");
    let home = Home::new(program, Settings { propagation: (0.2, 0.6), ..Settings::default() }, true);
    for key in home.lab.world().keys.iter_mut().filter(|key| key.id == home.old.id) {
        key.created_at -= 80.0 * 86_400.0;
    }
    let before = file(&home);
    say("A home directory with an AWS credentials file: two profiles with the same key, one with somebody else's.");
    println!("{}", masked(&before, &home));

    say("How old are the keys, and who has them?");
    show(&home, &["status", "default"]);
    say("What would a rotation do?");
    show(&home, &["rotate", "default", "--dry-run"]);
    say("A rotation. (Waits are a tenth of the real ones here.)");
    let first = show(&home, &["rotate", "default", "--yes"]);
    say("Another rotation, killed (SIGKILL) when the file has the new key and the old one is about to be deactivated.");
    home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    run(&home, &["rotate", "default", "--yes"], true);
    home.lab.rules(Vec::new());
    say("What is there now?");
    show(&home, &["status", "default"]);
    say("The same command again goes on from where it was.");
    let last = show(&home, &["rotate", "default", "--yes"]);
    home.finish("the end", &last);

    say("The file, before and after (- and +). Only the values of the rotated key differ:");
    println!("{}", difference(&masked(&before, &home), &masked(&file(&home), &home)));
    verdict(&home, &first, &last)
}

fn say(text: &str) {
    println!("\n\u{2014}\u{2014} {text}\n");
}

fn file(home: &Home) -> String {
    std::fs::read_to_string(home.path().join(".aws/credentials")).expect("the credentials file")
}

/// The text with every secret shortened to its last four characters.
fn masked(text: &str, home: &Home) -> String {
    home.lab.secrets().iter().fold(text.to_owned(), |text, secret| {
        let end: String = secret.chars().skip(secret.chars().count() - 4).collect();
        text.replace(secret, &format!("****{end}"))
    })
}

fn show(home: &Arc<Home>, args: &[&str]) -> Output {
    run(home, args, false)
}

fn run(home: &Arc<Home>, args: &[&str], kill: bool) -> Output {
    println!("$ keyrotate {}", args.join(" "));
    let mut run = Run::new(args);
    run.env = vec![(CHILD, "1".to_owned())];
    run.kill_at_pause = kill;
    let output = home.run_with(&run);
    print!("{}{}", output.stdout, output.stderr);
    match output.code {
        Some(0) => {}
        Some(code) => println!("(exit code {code})"),
        None => println!("(killed)"),
    }
    output
}

fn difference(before: &str, after: &str) -> String {
    let lines = before.lines().zip(after.lines());
    let mut text: String = lines.map(|(old, new)| if old == new { format!("  {old}\n") } else { format!("- {old}\n+ {new}\n") }).collect();
    if before.lines().count() != after.lines().count() {
        text.push_str("(the number of lines differs)\n");
    }
    text
}

fn verdict(home: &Home, first: &Output, last: &Output) -> ExitCode {
    let live = home.lab.live_keys("dev");
    let problems = home.told();
    if (first.code, last.code, live.len(), problems.as_str()) == (Some(0), Some(0), 1, "") {
        say(&format!("AWS has one key of this user, {}, and both profiles work with it.", live[0].id));
        ExitCode::SUCCESS
    } else {
        say(&format!("Something is wrong: exit codes {:?} and {:?}, {} keys, {problems}", first.code, last.code, live.len()));
        ExitCode::FAILURE
    }
}
