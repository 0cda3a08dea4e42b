//! This machine's clock is wrong: the lab's is shifted instead.

use crate::bench::SERIAL;
use crate::bench::{asked, code, codes_sent, given_by, program, start, start_with, told};
use crate::lab::{Settings, totp};

fn off(seconds: f64) -> std::sync::Arc<crate::home::Home> {
    start_with(Settings { clock_offset: seconds, ..Settings::default() }, &format!("[default]\nmfa_serial = {SERIAL}\n"))
}

/// A program that computes the code by this machine's clock.
fn computed(home: &crate::home::Home) {
    let (seed, now) = (home.lab.world().users[0].seed.clone(), chrono::Utc::now().timestamp());
    program(home, &format!("echo {}", totp::code(&seed, totp::step(now as f64))));
}

#[test]
fn two_minutes_off_the_code_of_a_device_is_right_and_one_that_is_computed_here_is_wrong() {
    for (seconds, direction) in [(120.0, "behind"), (-120.0, "ahead of")] {
        let home = off(seconds);
        computed(&home);
        told(&home.run(&["login"]), 1, &["AWS did not take the MFA code", "this machine's clock is", direction, "set the clock"]);
        assert_eq!(codes_sent(&home), 1);
        given_by(&home, &home.run(&["credential-process", "default", "--mfa-code", &code(&home)]));
    }
}

#[test]
fn two_minutes_off_a_wrong_code_of_a_device_is_not_blamed_on_the_clock() {
    let home = off(120.0);
    let wrong = format!("{:06}", (code(&home).parse::<u32>().unwrap() + 1) % 1_000_000);
    let output = home.run(&["login", "--mfa-code", &wrong]);
    told(&output, 1, &["it is wrong, of another device"]);
    assert!(!output.stderr.contains("clock"), "{}", output.stderr);
}

#[test]
fn two_hours_off_the_clock_is_named() {
    for (seconds, direction) in [(7_200.0, "behind"), (-7_200.0, "ahead of")] {
        let home = off(seconds);
        told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["this machine's clock is", direction, "set the clock"]);
        assert_eq!(asked(&home), ["GetSessionToken"]);
    }
}

#[test]
fn with_the_clock_behind_a_session_is_not_taken_for_longer_than_it_is() {
    let home = off(250.0);
    let shown = code(&home);
    assert_eq!(home.run(&["login", "--mfa-code", &shown, "--duration", "15m"]).code, Some(0));
    // 10 of its 15 minutes have passed; by AWS's end and this clock 9 are left.
    crate::bench::age(&home, 600);
    let output = home.run(&["credential-process", "default", "--duration", "15m", "--no-input"]);
    assert!(output.stderr.contains("ends soon"), "{}", output.stderr);
    let home = start();
    assert_eq!(home.run(&["login", "--mfa-code", &code(&home), "--duration", "15m"]).code, Some(0));
    crate::bench::age(&home, 400);
    let output = home.run(&["credential-process", "default", "--duration", "15m", "--no-input"]);
    assert!(output.code == Some(0) && output.stderr.is_empty(), "{}", output.stderr);
}
