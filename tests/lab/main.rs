//! The lab by hand: `cargo run --example lab -- [--port N] [--propagation FROM,TO] [--force-mfa] [--root-keys N] [--keys N]`. It prints
//! one line of JSON (URL, key, secret, MFA serial and a code) and serves until it is killed.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a bench program, not the product")]

#[path = "mod.rs"]
#[expect(dead_code, reason = "the example uses a part of the lab")]
mod lab;

use lab::{Lab, Settings};

fn main() {
    let (mut settings, mut port) = (Settings::default(), 0);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{flag} needs a value"));
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
            other => panic!("unknown flag {other}"),
        }
    }
    let lab = Lab::start_on(port, settings);
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
    text.parse().unwrap_or_else(|_| panic!("{text} is not a number"))
}

fn span(text: &str) -> (f64, f64) {
    let (from, to) = text.split_once(',').unwrap_or((text, text));
    (number(from), number(to))
}
