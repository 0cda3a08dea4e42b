//! The lab by hand: `cargo run --example lab -- --help`. It prints one line of JSON (URL, key, secret, MFA serial and a code) and serves until it is
//! killed.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::panic,
    clippy::exit,
    clippy::indexing_slicing,
    reason = "a bench program, not the product"
)]

#[path = "mod.rs"]
#[expect(dead_code, reason = "the example uses a part of the lab")]
mod lab;

use lab::{Lab, Settings};

const USAGE: &str = "usage: lab [--port N] [--keys N] [--quota N] [--root-keys N] [--seed N] [--latency-ms N] [--propagation FROM,TO] \
[--revocation FROM,TO] [--list-delay FROM,TO] [--force-mfa] [--trail REGION]";

fn main() {
    let (mut settings, mut port, mut trail) = (Settings::default(), 0, None);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| wrong(&format!("{flag} needs a value")));
        match flag.as_str() {
            "--port" => port = number(&value()),
            "--keys" => settings.keys = number(&value()),
            "--quota" => settings.quota = number(&value()),
            "--root-keys" => settings.root_keys = number(&value()),
            "--seed" => settings.seed = number(&value()),
            "--latency-ms" => settings.latency_ms = number(&value()),
            "--propagation" => settings.propagation = span(&value()),
            "--revocation" => settings.revocation = span(&value()),
            "--list-delay" => settings.list_delay = span(&value()),
            "--force-mfa" => settings.force_mfa = true,
            "--trail" => trail = Some(value()),
            "--help" | "-h" => {
                println!("{USAGE}");
                return;
            }
            other => wrong(&format!("unknown flag {other}")),
        }
    }
    let lab = Lab::start_on(port, settings);
    if let Some(region) = &trail {
        lab.world().add_trail("main", region, Some("main"));
        lab.world().add_log_group("main", region);
    }
    let key = lab.world().keys.first().cloned();
    let serial = lab.world().users[0].serials[0].clone();
    let shown = serde_json::json!({
        "url": lab.url(),
        "access_key_id": key.as_ref().map(|k| &k.id),
        "secret_access_key": key.as_ref().map(|k| &k.secret),
        "mfa_serial": serial,
        "token_code": lab.code("dev"),
    });
    println!("{shown}");
    loop {
        std::thread::park();
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| wrong(&format!("{text} is not a number")))
}

#[expect(clippy::disallowed_methods, reason = "before the lab has started there is nothing to wipe")]
fn wrong(what: &str) -> ! {
    eprintln!("lab: {what}\n{USAGE}");
    std::process::exit(2)
}

fn span(text: &str) -> (f64, f64) {
    let (from, to) = text.split_once(',').unwrap_or((text, text));
    (number(from), number(to))
}
