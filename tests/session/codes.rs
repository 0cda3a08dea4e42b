//! Codes: what is one, and that each is sent once.

use crate::bench::{SERIAL, Terminal, asked, code, codes_sent, given, login, program, runs, start, start_with, told, words};
use crate::home::Run;
use crate::lab::faults::{Fault, Rule};
use crate::lab::{Settings, totp};

#[test]
fn a_code_may_have_spaces_and_begin_with_noughts_and_has_six_digits() {
    let home = start();
    for bad in ["12345", "1234567", "12345a", "１２３４５６"] {
        let output = home.run(&["login", "--mfa-code", bad]);
        assert_eq!(output.code, Some(2), "{bad}: {}", output.stderr);
        assert!(output.stderr.contains("a token code is six digits"), "{}", output.stderr);
    }
    assert_eq!(asked(&home), Vec::<String>::new());
    let shown = code(&home);
    let spaced = format!(" {} {} ", &shown[..3], &shown[3..]);
    assert_eq!(home.run(&["login", "--mfa-code", &spaced]).code, Some(0));
}

/// A seed whose code of now begins with a nought, and of the steps beside it too.
#[test]
fn leading_noughts_reach_aws() {
    let home = start();
    {
        let mut world = home.lab.world();
        let step = totp::step(world.now());
        let begins = |seed: &[u8]| (step..=step + 1).all(|step| totp::code(seed, step).starts_with('0'));
        let seed = (0..100_000_u32).map(|n| format!("{n:020}").into_bytes()).find(|seed| begins(seed)).expect("one in a hundred");
        world.users[0].seed = seed;
    }
    assert!(code(&home).starts_with('0'));
    login(&home);
}

#[test]
fn a_code_by_the_variable_is_one_too_and_does_not_reach_the_program() {
    let home = start();
    let mut run = Run::new(&["exec", "--", "sh", "-c", "test -z \"${KEYROTATE_MFA_CODE+set}\""]);
    run.env.push(("KEYROTATE_MFA_CODE", code(&home)));
    assert_eq!(home.run_with(&run).code, Some(0));
}

#[test]
fn a_used_code_is_not_sent_again_by_whichever_process() {
    let home = start();
    let shown = code(&home);
    assert_eq!(home.run(&["login", "--mfa-code", &shown]).code, Some(0));
    assert_eq!(home.run(&["logout"]).code, Some(0));
    let again = home.run(&["login", "--mfa-code", &shown]);
    told(&again, 1, &["this MFA code was sent to AWS before", "the next one comes in", "with the next code"]);
    told(&home.run(&["login", "--fresh", "--mfa-code", &shown]), 1, &["was sent to AWS before"]);
    assert_eq!(codes_sent(&home), 1);
    login(&home);
}

#[test]
fn a_code_whose_call_was_lost_counts_as_used() {
    for fault in [Fault::DropAfter, Fault::Reset, Fault::error(500, "ServiceFailure")] {
        let home = start();
        let shown = code(&home);
        home.lab.rules(vec![Rule::on("GetSessionToken", fault)]);
        told(&home.run(&["login", "--mfa-code", &shown]), 1, &["sts:GetSessionToken"]);
        told(&home.run(&["login", "--mfa-code", &shown]), 1, &["was sent to AWS before"]);
        assert_eq!(codes_sent(&home), 1);
    }
}

/// Two keys have two locks on sessions, and one device.
#[test]
fn two_keys_of_one_user_do_not_send_one_code_twice() {
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n[profile second]\nmfa_serial = {SERIAL}\n"));
    let user = home.old.user;
    let second = home.lab.world().add_settled_key(user);
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    let pair = format!("\n[second]\naws_access_key_id = {}\naws_secret_access_key = {}\n", second.id, second.secret);
    home.write(".aws/credentials", &(text + &pair));
    let shown = code(&home);
    let outputs = std::thread::scope(|scope| {
        let runs = ["default", "second"].map(|profile| {
            let (home, shown) = (&home, &shown);
            scope.spawn(move || home.run(&["login", profile, "--mfa-code", shown]))
        });
        runs.map(|run| run.join().unwrap())
    });
    let mut codes = outputs.each_ref().map(|output| output.code);
    codes.sort();
    assert_eq!(codes, [Some(0), Some(1)], "{outputs:?}");
    assert_eq!(codes_sent(&home), 1);
}

#[test]
fn a_wrong_code_is_told_from_a_used_one() {
    let home = start();
    let wrong = format!("{:06}", (code(&home).parse::<u32>().unwrap() + 1) % 1_000_000);
    told(
        &home.run(&["login", "--mfa-code", &wrong]),
        1,
        &["AWS did not take the MFA code", "was used in the same half minute elsewhere", "next code"],
    );
    told(&home.run(&["login", "--mfa-code", &wrong]), 1, &["was sent to AWS before"]);
    assert_eq!(codes_sent(&home), 1);
    login(&home);
}

#[test]
fn a_device_of_somebody_else_is_told_from_a_wrong_code() {
    let home = start_with(Settings::default(), "[default]\nmfa_serial = arn:aws:iam::000000000000:mfa/other\n");
    let output = home.run(&["login", "--mfa-code", &code(&home)]);
    told(&output, 1, &["AWS does not know arn:aws:iam::000000000000:mfa/other", "correct mfa_serial of default"]);
}

#[test]
fn a_person_has_three_tries_and_what_is_no_code_is_not_sent() {
    let home = start();
    let mut terminal = Terminal::open(&home, "login default");
    let question = format!("MFA code of {SERIAL} for default: ");
    terminal.expect(&question, 1);
    terminal.press("12345\n");
    terminal.expect(&question, 2);
    assert_eq!(codes_sent(&home), 0);
    let good: u32 = code(&home).parse().unwrap();
    for (time, wrong) in [(3, (good + 1) % 1_000_000), (4, (good + 2) % 1_000_000)] {
        terminal.press(&format!("{wrong:06}\n"));
        terminal.expect(&question, time);
    }
    terminal.press(&format!("{}\n", code(&home)));
    let (status, screen) = terminal.end();
    assert_eq!((status, codes_sent(&home)), (Some(0), 3), "{screen}");
    let shown = code(&home);
    assert!(!screen.contains(&home.old.secret) && given(&home, "default").mfa && !shown.is_empty());
}

#[test]
fn after_three_wrong_codes_it_ends_and_an_empty_line_gives_up() {
    let home = start();
    let question = format!("MFA code of {SERIAL} for default: ");
    let mut terminal = Terminal::open(&home, "login default");
    let good: u32 = code(&home).parse().unwrap();
    for time in 1..=3 {
        terminal.expect(&question, time);
        terminal.press(&format!("{:06}\n", (good + u32::try_from(time).unwrap()) % 1_000_000));
    }
    let (status, screen) = terminal.end();
    assert_eq!((status, codes_sent(&home)), (Some(1), 3), "{screen}");
    assert!(words(&screen).contains("AWS did not take the MFA code"), "{screen}");
    let mut terminal = Terminal::open(&home, "login default");
    terminal.expect(&question, 1);
    terminal.press("\n");
    let (status, screen) = terminal.end();
    assert!(status == Some(1) && screen.contains("no MFA code was given"), "{screen}");
}

#[test]
fn a_code_that_the_program_prints_again_is_waited_out() {
    let home = start();
    let next = home.scratch("codes");
    program(&home, &format!("head -n 1 {0}; sed -i 1d {0}", next.display()));
    let first = code(&home);
    assert_eq!(home.run(&["login", "--mfa-code", &first]).code, Some(0));
    std::fs::write(&next, format!("{first}\n{}\n", code(&home))).unwrap();
    let output = home.run(&["login", "--fresh", "--no-input"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!((runs(&home), codes_sent(&home)), (2, 2));
}
