//! Who runs `credential-process` waits for a bounded time: it ends before that, and says what it waited for.

use std::time::{Duration, Instant};

use crate::bench::{SERIAL, Terminal, asked, code, login, program, runs, start, told, wait_until, words};
use crate::home::{Home, Output, Run};
use crate::lab::faults::{Fault, Rule};

/// The bench's waits are a tenth: other commands give up after six seconds.
const SOON: Duration = Duration::from_secs(5);
const LOGIN: &str = "run `keyrotate login default` in a terminal";

fn soon(home: &Home) -> Output {
    let since = Instant::now();
    let output = home.run(&["credential-process", "default"]);
    assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), output.stderr);
    output
}

#[test]
fn who_opens_a_session_is_not_waited_for_as_long_as_elsewhere() {
    let home = start();
    let gate = home.scratch("gate").display().to_string();
    program(&home, &format!("while test -e \"$0\" && ! test -e '{gate}'; do sleep 0.05; done; echo {}", code(&home)));
    let mut run = Run::new(&["login"]);
    run.env.push(("KEYROTATE_TIME_SCALE", "1".to_owned()));
    let mut opening = home.command(&run).spawn().unwrap();
    wait_until(|| runs(&home) == 1, || "nobody asks".to_owned());
    let named = format!("process {} (`keyrotate login`)", opening.id());
    told(&soon(&home), 21, &[&named, "did not finish in time", "answer its question, or end it", LOGIN]);
    std::fs::write(gate, "").unwrap();
    assert!(opening.wait().unwrap().success());
}

#[test]
fn a_program_that_gives_no_code_is_not_waited_for_as_long_as_elsewhere() {
    let home = start();
    program(&home, "exec sleep 1000");
    told(&soon(&home), 1, &["which is to print an MFA code, did not answer within", LOGIN]);
}

#[test]
fn a_person_who_does_not_answer_is_told_so() {
    let home = start();
    let terminal = Terminal::open(&home, "credential-process default");
    terminal.expect(&format!("MFA code of {SERIAL} for default: "), 1);
    let (status, screen) = terminal.end();
    let text = words(&screen);
    assert!(status == Some(1) && text.contains("no MFA code was given in time") && text.contains(LOGIN), "{status:?} {screen}");
    assert_eq!(asked(&home), Vec::<String>::new());
}

#[test]
fn the_next_code_is_waited_for_aloud_and_only_where_there_is_time() {
    let home = start();
    let next = home.scratch("codes");
    program(&home, &format!("head -n 1 '{0}'; sed -i 1d '{0}'", next.display()));
    let first = code(&home);
    assert_eq!(home.run(&["login", "--mfa-code", &first]).code, Some(0));
    assert_eq!(home.run(&["logout"]).code, Some(0));
    // The next step may be as near as a second: then there is time.
    let lines = || std::fs::write(&next, format!("{first}\n{}\n", code(&home))).unwrap();
    let in_step = || chrono::Utc::now().timestamp() % 30;
    wait_until(|| in_step() < 25, || "the clock stands".to_owned());
    lines();
    told(&soon(&home), 1, &["this MFA code was sent to AWS before", "the next one comes in", "keyrotate login default"]);
    assert_eq!((runs(&home), asked(&home).len()), (1, 1));
    lines();
    let output = home.run(&["login", "--no-input"]);
    let said = words(&output.stderr);
    assert!(
        output.code == Some(0) && said.contains("was sent to AWS before") && said.contains("waiting for it"),
        "{:?} {said}",
        output.code
    );
    assert_eq!(runs(&home), 3);
}

#[test]
fn an_answer_of_aws_is_waited_for_less_than_the_most_impatient_sdk_does() {
    let home = start();
    home.lab.rules(vec![Rule::on("GetSessionToken", Fault::Hang(Duration::from_secs(60))).times(0)]);
    let since = Instant::now();
    let output = home.run(&["credential-process", "default", "--mfa-code", &code(&home)]);
    assert!(since.elapsed() < Duration::from_secs(22), "{:?}", since.elapsed());
    told(&output, 1, &["sts:GetSessionToken", "in time"]);
}

#[test]
fn what_is_left_of_a_session_is_handed_out_where_a_new_one_takes_too_long() {
    let home = start();
    login(&home);
    crate::bench::age(&home, 43_200 - 300);
    program(&home, "exec sleep 1000");
    let output = soon(&home);
    assert!(output.code == Some(0) && words(&output.stderr).contains("a new one could not be opened"), "{}", output.stderr);
}
