//! `keyrotate` as a person meets it: in a terminal, which `script` of util-linux gives. Questions, progress, colours, Ctrl-C.
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

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use home::{Home, MINDS_SIGNALS, Run};
use lab::canary::Execs;
use lab::faults::{Fault, Rule};
use lab::key::Status;
use lab::{Key, Settings};

const LIMIT: Duration = Duration::from_secs(60);

fn start(settings: Settings) -> Arc<Home> {
    Home::new(env!("CARGO_BIN_EXE_keyrotate"), settings, false)
}

/// A program in a terminal of its own.
struct Terminal {
    home: Arc<Home>,
    execs: Option<Execs>,
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn open(home: &Arc<Home>, args: &str, env: &[(&str, &str)]) -> Self {
        Self::of_columns(home, 0, args, env)
    }

    /// So many columns wide; 0 is a terminal that does not say.
    fn of_columns(home: &Arc<Home>, columns: usize, args: &str, env: &[(&str, &str)]) -> Self {
        Self::of_line(home, columns, &format!("exec {{}} {args}"), env)
    }

    /// A line of a shell; `{}` in it is the program.
    fn of_line(home: &Arc<Home>, columns: usize, line: &str, env: &[(&str, &str)]) -> Self {
        let program = env!("CARGO_BIN_EXE_keyrotate");
        let run = Run::new(&[]);
        let execs = home.execs(&run);
        let traced = execs.as_ref().map(Execs::prefix).unwrap_or_default().join(" ");
        let minds = MINDS_SIGNALS.join(" ");
        let shell = format!("stty cols {columns}; {}", line.replace("{}", &format!("{minds} {traced} '{program}'")));
        let mut command = home.command(&run);
        let env: Vec<(&str, &str)> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .chain([("TERM", "xterm-256color")])
            .chain(env.iter().copied())
            .collect();
        let mut script = std::process::Command::new("script");
        script.args(["-qfec", &shell, "/dev/null"]).env_clear().envs(env).env("SHELL", "/bin/sh");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir(home.path());
        command.stdin(Stdio::null());
        let mut child = script.spawn().expect("script, of util-linux");
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count) = output.read(&mut buffer) {
                if count == 0 {
                    break;
                }
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { home: Arc::clone(home), execs, child, keyboard, screen }
    }

    fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until the text is on the screen.
    fn expect(&self, text: &str) {
        let end = Instant::now() + LIMIT;
        while !self.screen().contains(text) {
            assert!(Instant::now() < end, "`{text}` did not appear in:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// The program's exit code, and all that was on the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                std::thread::sleep(Duration::from_millis(50));
                let screen = self.screen();
                self.home.search(self.execs.take(), &[("the screen", &screen)]);
                return (status.code(), screen);
            }
            assert!(Instant::now() < end, "it did not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn calls(home: &Home, action: &str) -> usize {
    home.lab.calls().iter().filter(|call| call.action == action).count()
}

#[test]
fn a_rotation_is_confirmed_first_and_no_leaves_the_key() {
    let home = start(Settings::default());
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("(y = rotate, n = leave it) [y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains(&home.old.id) && screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.told(), "");
}

#[test]
fn a_question_fits_the_terminal_and_ends_in_room_for_the_answer() {
    let home = start(Settings::default());
    let mut terminal = Terminal::of_columns(&home, 40, "rotate default", &[("NO_COLOR", "1")]);
    terminal.expect("[y]: ");
    let screen = terminal.screen();
    let lines: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("rotate ")).collect();
    assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() < 40), "{lines:#?}");
    assert!(lines[1..].iter().all(|line| line.starts_with("  ")), "a hanging indent: {lines:#?}");
    let whole = lines.iter().map(|line| line.trim_start()).collect::<Vec<_>>().join(" ");
    assert!(whole.starts_with(&format!("rotate {} of dev in account 000000000000 (", home.old.id)), "{whole}");
    assert!(whole.ends_with(")? (y = rotate, n = leave it) [y]: "), "{whole:?}");
    terminal.press("n\n");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn progress_fits_the_terminal() {
    let home = start(Settings { propagation: (0.4, 0.8), ..Settings::default() });
    let (code, screen) = Terminal::of_columns(&home, 30, "rotate default --yes", &[("NO_COLOR", "1")]).end();
    assert_eq!(code, Some(0), "{screen}");
    // A path is whole, so that it can be copied.
    let fits = |line: &&str| line.chars().count() <= 30 || !line.trim().contains(' ');
    let progress: Vec<&str> = screen.lines().take_while(|line| !line.starts_with("rotated: ")).collect();
    assert!(screen.contains("waiting until AWS accepts the") && progress.iter().all(fits), "{screen}");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore)]);
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    assert!(home.lab.wait_paused(LIMIT));
    terminal.press("typed early\n\n");
    terminal.expect("typed early");
    home.lab.release(false);
    terminal.expect("[y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.told(), "");
}

#[test]
fn an_unknown_answer_is_told_what_is_one_and_a_word_is_one() {
    let home = start(Settings::default());
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[y]");
    terminal.press("maybe\n");
    terminal.expect("answer y or n");
    terminal.press("No\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
}

#[test]
fn enter_rotates_and_the_wait_is_shown() {
    let home = start(Settings { propagation: (0.4, 0.8), ..Settings::default() });
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[y]");
    terminal.press("\n");
    terminal.expect("waiting until AWS accepts the new key");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("is deleted"), "{screen}");
    assert_eq!(home.told(), "");
}

#[test]
fn ctrl_c_before_there_is_anything_to_finish_ends_it_at_once() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore)]);
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    assert!(home.lab.wait_paused(LIMIT));
    terminal.press("\x03");
    let (code, screen) = terminal.end();
    assert_ne!(code, Some(0), "{screen}");
    home.lab.release(true);
    assert_eq!(calls(&home, "CreateAccessKey"), 0);
    assert_eq!(home.told(), "");
}

#[test]
fn ctrl_c_in_the_middle_stops_cleanly_and_says_how_to_go_on() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::PauseAfter)]);
    let mut terminal = Terminal::open(&home, "rotate default --yes", &[]);
    assert!(home.lab.wait_paused(LIMIT));
    terminal.press("\x03");
    std::thread::sleep(Duration::from_millis(200));
    home.lab.release(false);
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("stopped by SIGINT") && screen.contains("run `keyrotate rotate default` again"), "{screen}");
    let resumed = home.run(&["rotate", "default", "--no-input"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    home.finish("after the resume", &resumed);
    assert_eq!(home.told(), "");
    assert_eq!(calls(&home, "CreateAccessKey"), 1, "the key that was made is the one in use");
}

#[test]
fn an_undo_is_confirmed_first_and_enter_is_yes() {
    let home = start(Settings::default());
    assert_eq!(home.run(&["rotate", "default", "--yes", "--no-input", "--grace", "7d"]).code, Some(0));
    let new = home.lab.live_keys("dev").pop().expect("a key").id;
    let mut terminal = Terminal::open(&home, "undo default", &[]);
    terminal.expect("(y = undo, n = leave it) [y]");
    assert!(terminal.screen().contains(&format!("put {} of dev", home.old.id)), "{}", terminal.screen());
    assert!(terminal.screen().contains(&format!("the new key {new} (")), "{}", terminal.screen());
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("was left as it is"), "{screen}");
    assert_eq!(calls(&home, "UpdateAccessKey"), 1, "{screen}");
    let mut terminal = Terminal::open(&home, "undo default", &[]);
    terminal.expect("[y]");
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("is Active again"), "{screen}");
    let told: Vec<(String, Status)> = home.lab.live_keys("dev").into_iter().map(|key| (key.id, key.status)).collect();
    assert_eq!(told, [(home.old.id.clone(), Status::Active), (new, Status::Inactive)]);
    assert_eq!(home.told(), "");
}

#[test]
fn a_key_whose_answer_was_lost_is_shown_and_deleted_when_the_person_says_so() {
    let home = start(Settings::default());
    home.lab.rules(vec![Rule::on("CreateAccessKey", Fault::DropAfter)]);
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[y]");
    terminal.press("y\n");
    terminal.expect("Delete it and go on?");
    terminal.press("y\n");
    let (_, screen) = terminal.end();
    assert_eq!(calls(&home, "DeleteAccessKey"), 1, "{screen}");
    let again = home.run(&["rotate", "default", "--no-input"]);
    home.finish("afterwards", &again);
    assert_eq!((again.code, home.told().as_str()), (Some(0), ""), "{screen}{}", again.stderr);
}

#[test]
fn a_second_key_is_deleted_only_when_the_person_says_so() {
    let home = start(Settings::default());
    let second = {
        let mut world = home.lab.world();
        let user = world.keys.iter().find(|key| key.id == home.old.id).unwrap().user;
        let key = world.add_settled_key(user);
        world.set_status(&key.id, Status::Inactive);
        key.id
    };
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("Delete it? (y = delete it, n = leave it alone) [n]");
    // Some turns of the spinner, which is off the line and stands still as long as the question does.
    std::thread::sleep(Duration::from_millis(400));
    let shown = terminal.screen();
    assert!(shown.ends_with("[n]: "), "{shown:?}");
    let line = shown.rsplit('\n').next().unwrap_or_default();
    assert!(line.rsplit("\r\x1b[2K").next().is_some_and(|line| line.starts_with("the user has a second key")), "{shown:?}");
    terminal.press("\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(10), "{screen}");
    assert_eq!(calls(&home, "DeleteAccessKey"), 0);
    assert!(screen.contains(&format!("--delete-key {second}")), "{screen}");
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[n]");
    terminal.press("y\n");
    terminal.expect("[y]");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(home.told(), "");
}

#[test]
fn a_key_that_was_named_for_deletion_stays_when_the_rotation_is_declined() {
    let home = start(Settings::default());
    let second = home.lab.world().add_settled_key(home.old.user).id;
    let mut terminal = Terminal::open(&home, &format!("rotate default --delete-key {second}"), &[]);
    terminal.expect(&format!("{second} is deleted first"));
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!((code, calls(&home, "DeleteAccessKey")), (Some(0), 0), "{screen}");
}

/// A third profile has a younger key of the same user; the user has no place for another one.
fn two_keys_in_use() -> (Arc<Home>, Key) {
    let home = start(Settings::default());
    let younger = {
        let mut world = home.lab.world();
        let user = home.old.user;
        let mut key = world.add_settled_key(user);
        // Dates of IAM have no fraction of a second.
        key.created_at += 10.0;
        world.keys.iter_mut().find(|made| made.id == key.id).unwrap().created_at = key.created_at;
        key
    };
    home.write(
        ".aws/config",
        &format!("[profile extra]\naws_access_key_id = {}\naws_secret_access_key = {}\n", younger.id, younger.secret),
    );
    (home, younger)
}

fn file(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.path().join(name)).unwrap()
}

#[test]
fn two_keys_in_use_here_are_united_on_the_younger_one_when_the_person_says_so() {
    for profile in ["default", "extra"] {
        let (home, younger) = two_keys_in_use();
        let mut terminal = Terminal::open(&home, &format!("rotate {profile}"), &[]);
        terminal.expect(&format!("Move everything here to {} and delete {}?", younger.id, home.old.id));
        terminal.press("y\n");
        terminal.expect("(y = rotate, n = leave it) [y]");
        terminal.press("y\n");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        let live: Vec<String> = home.lab.live_keys("dev").into_iter().map(|key| key.id).collect();
        assert_eq!(live, [younger.id.as_str()], "{screen}");
        let (credentials, config) = (file(&home, ".aws/credentials"), file(&home, ".aws/config"));
        assert!(credentials.contains(&younger.secret) && !credentials.contains(&home.old.id), "{screen}");
        assert!(config.contains(&younger.secret), "{screen}");
        assert_eq!(calls(&home, "CreateAccessKey"), 0, "{screen}");
        home.look("afterwards");
        assert_eq!(home.told(), "");
    }
}

#[test]
fn two_keys_in_use_here_are_left_alone_when_the_person_says_no() {
    for keys in ["n\n", "\n"] {
        let (home, younger) = two_keys_in_use();
        let before = (file(&home, ".aws/credentials"), file(&home, ".aws/config"));
        let mut terminal = Terminal::open(&home, "rotate default", &[]);
        terminal.expect("(y = move and delete, n = leave it alone) [n]");
        terminal.press(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(10), "{screen}");
        assert!(screen.contains(&younger.id) && screen.contains("stays"), "{screen}");
        for action in ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
            assert_eq!(calls(&home, action), 0, "{screen}");
        }
        assert_eq!((file(&home, ".aws/credentials"), file(&home, ".aws/config")), before);
        let live = home.lab.live_keys("dev");
        assert!(live.len() == 2 && live.iter().all(|key| key.status == Status::Active));
    }
}

#[test]
fn a_yes_to_uniting_and_a_no_to_rotating_leaves_everything() {
    let (home, _) = two_keys_in_use();
    let mut terminal = Terminal::open(&home, "rotate default", &[]);
    terminal.expect("[n]");
    terminal.press("y\n");
    terminal.expect("(y = rotate, n = leave it) [y]");
    terminal.press("n\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(home.lab.live_keys("dev").iter().filter(|key| key.status == Status::Active).count(), 2, "{screen}");
    assert!(file(&home, ".aws/credentials").contains(&home.old.id));
}

#[test]
fn colour_is_for_terminals_and_no_color_turns_it_off() {
    let home = start(Settings::default());
    let shown = Terminal::open(&home, "status default", &[]).end().1;
    assert!(shown.contains('\x1b'), "{shown:?}");
    let plain = Terminal::open(&home, "status default", &[("NO_COLOR", "1")]).end().1;
    assert!(!plain.contains('\x1b'), "{plain:?}");
    assert!(!home.run(&["status", "default"]).stdout.contains('\x1b'));
}

#[test]
fn nothing_is_asked_where_nobody_can_answer() {
    let home = start(Settings::default());
    let output = home.run(&["rotate", "default"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    home.finish("afterwards", &output);
    assert_eq!(home.told(), "");
}

#[test]
fn a_timer_is_shown_and_confirmed_before_it_is_written() {
    let home = start(Settings::default());
    let programs = home.scratch("programs");
    std::fs::create_dir(&programs).unwrap();
    let systemctl = programs.join("systemctl");
    std::fs::write(&systemctl, "#!/bin/sh\n[ \"$2\" != show ] || echo ActiveState=active\n").unwrap();
    std::fs::set_permissions(&systemctl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let unit = home.path().join(".config/systemd/user/keyrotate.timer");
    for (answer, said, is_there) in [("n\n", "nothing was changed", false), ("y\n", "systemd user timer", true)] {
        let mut terminal = Terminal::open(&home, "timer install --force --kind systemd", &[("PATH", &path)]);
        terminal.expect("install this timer?");
        assert!(terminal.screen().contains("OnCalendar=daily") && !unit.exists(), "{}", terminal.screen());
        terminal.press(answer);
        let (code, screen) = terminal.end();
        assert!(code == Some(0) && screen.contains(said), "{screen}");
        assert_eq!(unit.exists(), is_there);
    }
    // What is there already needs no answer.
    let (code, screen) = Terminal::open(&home, "timer install --force --kind systemd", &[("PATH", &path)]).end();
    assert!(code == Some(0) && screen.contains("is there already") && !screen.contains("install this timer?"), "{screen}");
}

/// With the MFA device of `dev` in the profiles `default` and `work`, of one key.
fn with_mfa() -> Arc<Home> {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    home.hands_out_sessions();
    let serial = format!("arn:aws:iam::{}:mfa/dev", Settings::default().account);
    home.write(".aws/config", &format!("[default]\nmfa_serial = {serial}\n[profile work]\nmfa_serial = {serial}\n"));
    home
}

fn code(home: &Home) -> String {
    home.lab.code("dev").expect("a code") + "\n"
}

/// After whatever went wrong the next login has the lock at once.
fn the_next_login_works(home: &Home) {
    let code = home.lab.code("dev").expect("a code");
    let output = home.run(&["login", "default", "--mfa-code", &code]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

#[test]
fn a_code_is_asked_for_once_and_every_profile_of_the_key_has_the_session() {
    let home = with_mfa();
    let mut terminal = Terminal::open(&home, "login default", &[("NO_COLOR", "1")]);
    terminal.expect("MFA code of arn:aws:iam::000000000000:mfa/dev for default: ");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.contains("open: the session of default lasts until"), "{screen}");
    let (ended, screen) = Terminal::open(&home, "exec work -- sh -c 'echo on $KEYROTATE_PROFILE'", &[]).end();
    assert!(ended == Some(0) && screen.contains("on work") && !screen.contains("MFA code"), "{screen}");
    assert_eq!(calls(&home, "GetSessionToken"), 1);
}

#[test]
fn ctrl_c_at_the_code_ends_it_and_leaves_the_lock_free() {
    let home = with_mfa();
    for args in ["login default", "exec default -- echo ran", "env default"] {
        let mut terminal = Terminal::open(&home, args, &[]);
        terminal.expect("for default: ");
        terminal.press("\x03");
        let (ended, screen) = terminal.end();
        assert!(ended != Some(0) && !screen.contains("ran"), "{args}: {screen}");
    }
    assert_eq!(calls(&home, "GetSessionToken"), 0);
    the_next_login_works(&home);
}

#[test]
fn an_empty_line_and_the_end_of_input_give_up() {
    let home = with_mfa();
    for keys in ["\n", "\x04"] {
        let mut terminal = Terminal::open(&home, "login default", &[]);
        terminal.expect("for default: ");
        terminal.press(keys);
        let (ended, screen) = terminal.end();
        assert!(ended == Some(1) && screen.contains("no MFA code was given"), "{ended:?} {screen}");
    }
    assert_eq!(calls(&home, "GetSessionToken"), 0);
}

#[test]
fn a_wrong_code_is_asked_for_again_twice() {
    let home = with_mfa();
    let mut terminal = Terminal::open(&home, "login default", &[("NO_COLOR", "1")]);
    for (count, wrong) in ["12345", "111111", "222222", "333333"].iter().enumerate() {
        let end = Instant::now() + LIMIT;
        while terminal.screen().matches("for default: ").count() <= count {
            assert!(Instant::now() < end, "{}", terminal.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
        terminal.press(&format!("{wrong}\n"));
    }
    let (ended, screen) = terminal.end();
    assert_eq!(ended, Some(1), "{screen}");
    assert!(screen.contains("six digits") && screen.contains("AWS did not take the MFA code"), "{screen}");
    assert_eq!(calls(&home, "GetSessionToken"), 3, "what is no code is not sent: {screen}");
    the_next_login_works(&home);
}

#[test]
fn the_programs_input_and_output_are_not_the_terminals_and_stay_whole() {
    let home = with_mfa();
    let (fifo, out) = (home.scratch("fifo"), home.scratch("out"));
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|number| number.to_le_bytes()).collect();
    let (sent, to) = (bytes.clone(), fifo.clone());
    let writer = std::thread::spawn(move || std::fs::write(to, sent).unwrap());
    let args = format!("exec default -- cat <'{}' >'{}'", fifo.display(), out.display());
    let mut terminal = Terminal::open(&home, &args, &[]);
    terminal.expect("for default: ");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    writer.join().unwrap();
    assert_eq!(ended, Some(0), "{screen}");
    assert!(std::fs::read(&out).unwrap() == bytes, "the bytes of the pipe are the program's: {screen}");
}

#[test]
fn in_the_background_nobody_is_asked_and_nothing_stops() {
    let home = with_mfa();
    for (args, ended) in [("login default", 20), ("exec default -- echo ran", 125), ("credential-process default", 20)] {
        let line = format!("set -m; {{}} {args} & wait $!; echo \"ended $?\"");
        let (_, screen) = Terminal::of_line(&home, 0, &line, &[("NO_COLOR", "1")]).end();
        assert!(screen.contains(&format!("ended {ended}")) && screen.contains("nobody can be asked"), "{args}: {screen}");
        assert!(!screen.contains("ran\r") && !screen.contains("MFA code of"), "{args}: {screen}");
    }
    the_next_login_works(&home);
}

#[test]
fn without_a_terminal_nobody_is_asked_and_the_command_to_run_is_told() {
    let home = with_mfa();
    for (args, code) in [(&["login"][..], 20), (&["exec", "--", "true"], 125), (&["env"], 20), (&["credential-process", "default"], 20)] {
        let run = Run { prefix: vec!["setsid".to_owned(), "--wait".to_owned()], ..Run::new(args) };
        let output = home.run_with(&run);
        assert_eq!((output.code, output.stdout.as_str()), (Some(code), ""), "{args:?} {}", output.stderr);
        assert!(output.stderr.contains("run `keyrotate login default` in a terminal"), "{args:?} {}", output.stderr);
    }
    assert_eq!(home.lab.calls().len(), 0);
}

#[test]
fn the_code_is_asked_for_in_lines_that_fit() {
    let home = with_mfa();
    let mut terminal = Terminal::of_columns(&home, 40, "login default", &[("NO_COLOR", "1")]);
    terminal.expect("default: ");
    let screen = terminal.screen();
    // A device's name is whole, so that it can be copied.
    let fits = |line: &str| line.chars().count() <= 40 || !line.trim().contains(' ');
    let asked: Vec<&str> = screen.lines().skip_while(|line| !line.starts_with("MFA code")).collect();
    assert!(asked.len() > 1 && asked.iter().all(|line| fits(line)), "{asked:#?}");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.lines().all(|line| fits(line.trim_end())), "{screen}");
}

#[test]
fn where_nothing_says_which_profile_the_person_picks_one_and_the_last_one_comes_first() {
    let home = with_mfa();
    let mut terminal = Terminal::open(&home, "login", &[("NO_COLOR", "1")]);
    terminal.expect("Which profile? A number, or a part of the name [1]: ");
    terminal.press("ork\n");
    terminal.expect("for work: ");
    terminal.press(&code(&home));
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.contains("the session of work lasts"), "{screen}");
    let mut terminal = Terminal::open(&home, "exec -- sh -c 'echo on $KEYROTATE_PROFILE'", &[("NO_COLOR", "1")]);
    terminal.expect("1. work");
    terminal.press("\n");
    let (ended, screen) = terminal.end();
    assert!(ended == Some(0) && screen.contains("on work"), "{screen}");
    // Where something says which, or a program asks, nobody picks.
    for (args, env) in [
        ("exec default -- true", ("A", "")),
        ("exec -- true", ("AWS_PROFILE", "default")),
        ("env >/dev/null", ("AWS_DEFAULT_PROFILE", "work")),
        ("exec --no-input -- true", ("A", "")),
        ("credential-process work >/dev/null", ("A", "")),
    ] {
        let (ended, screen) = Terminal::open(&home, args, &[env]).end();
        assert!(ended == Some(0) && !screen.contains("Which profile"), "{args}: {screen}");
    }
    let mut terminal = Terminal::open(&home, "login", &[("NO_COLOR", "1")]);
    terminal.expect("1. default\r\n");
    terminal.expect("Which profile? A number, or a part of the name [1]: ");
    terminal.press("\x04");
    let (ended, screen) = terminal.end();
    assert!(ended == Some(1) && screen.contains("no profile was picked"), "{screen}");
}

#[test]
fn a_person_picks_the_profile_of_the_shell_too() {
    let home = with_mfa();
    the_next_login_works(&home);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_keyrotate")).parent().unwrap().display().to_string();
    let path = format!("{folder}:/usr/bin:/bin");
    let line = "exec bash --norc -c 'eval \"$(keyrotate shell-init bash)\"; kr; echo \"on $KEYROTATE_PROFILE\"'";
    let mut terminal = Terminal::of_line(&home, 0, line, &[("PATH", &path)]);
    terminal.expect("Which profile?");
    terminal.press("work\n");
    terminal.expect("on work");
    // No program here was traced.
    terminal.execs = None;
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn where_a_policy_wants_mfa_one_code_is_asked_for_before_the_confirmation() {
    let home = start(Settings { force_mfa: true, ..Settings::default() });
    home.holds(home.path().join(".cache/keyrotate/sessions"));
    let mut terminal = Terminal::open(&home, "rotate", &[]);
    terminal.expect("MFA code of arn:aws:iam::000000000000:mfa/dev for default: ");
    terminal.press(&format!("{}\n", home.lab.code("dev").unwrap()));
    terminal.expect("(y = rotate, n = leave it)");
    terminal.press("y\n");
    let (code, screen) = terminal.end();
    assert!(code == Some(0) && screen.contains("is now") && screen.matches("MFA code of").count() == 1, "{screen}");
    assert_eq!((calls(&home, "GetSessionToken"), home.lab.live_keys("dev").len()), (1, 1));
}
