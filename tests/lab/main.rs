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

use std::process::ExitCode;

use lab::{Lab, Settings};

const USAGE: &str = "usage: lab [--port N] [--keys N] [--quota N] [--root-keys N] [--seed N] [--latency-ms N] [--propagation FROM,TO] \
[--revocation FROM,TO] [--list-delay FROM,TO] [--force-mfa] [--trail REGION]";

/// What was asked for on the command line.
#[derive(Default)]
struct Asked {
    port: u16,
    settings: Settings,
    /// The region of a trail with a log group.
    trail: Option<String>,
}

fn main() -> ExitCode {
    match asked(std::env::args().skip(1)) {
        Ok(Some(asked)) => serve(asked),
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("lab: {wrong}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// None where it is help that was asked for.
fn asked(mut args: impl Iterator<Item = String>) -> Result<Option<Asked>, String> {
    let mut asked = Asked::default();
    while let Some(flag) = args.next() {
        let settings = &mut asked.settings;
        let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
        match flag.as_str() {
            "--port" => asked.port = number(&value()?)?,
            "--keys" => settings.keys = number(&value()?)?,
            "--quota" => settings.quota = number(&value()?)?,
            "--root-keys" => settings.root_keys = number(&value()?)?,
            "--seed" => settings.seed = number(&value()?)?,
            "--latency-ms" => settings.latency_ms = number(&value()?)?,
            "--propagation" => settings.propagation = span(&value()?)?,
            "--revocation" => settings.revocation = span(&value()?)?,
            "--list-delay" => settings.list_delay = span(&value()?)?,
            "--force-mfa" => settings.force_mfa = true,
            "--trail" => asked.trail = Some(value()?),
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown flag {other}")),
        }
    }
    Ok(Some(asked))
}

fn serve(Asked { port, settings, trail }: Asked) -> ! {
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

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}

fn span(text: &str) -> Result<(f64, f64), String> {
    let (from, to) = text.split_once(',').unwrap_or((text, text));
    Ok((number(from)?, number(to)?))
}
