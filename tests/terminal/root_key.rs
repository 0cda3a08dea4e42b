//! A root user's key is removed: proved first, asked for by the account ID, waited for, and taken up again whatever interrupted it.

mod broken;
mod cut_off;
mod late;
mod refused;
mod removed;
mod rotated;
mod signers;
mod waiting;
mod word;

use std::path::PathBuf;
use std::sync::Arc;

use keyrotate::journal::Entry;
use keyrotate::os::disk::RealDisk;
use keyrotate::root_key::{Removal, State};

use crate::bench::{LIMIT, Terminal, start};
use crate::home::{Home, Output, one_line};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::{Key, Settings};

const REMOVE: &str = "root-key remove boss --admin default";
const ROTATE: &str = "rotate boss --root-key 000000000000";
const CONFIRM: &str = "type the account ID, 000000000000, to ";
const CODE: &str = "MFA code";
const WAIT: &str = "Delete it now?";
/// So many kinds of questions are answered.
const QUESTIONS: usize = 5;
const ACCOUNT: &str = "000000000000\n";
const DENIED: Fault = Fault::ErrorBefore { status: 403, code: "AccessDenied", message: "User is not authorized to perform this action" };
const OFFLINE: &[&str] = &["status", "--offline"];

/// A root user with so many keys, in the profiles `boss` and `boss2`, with a device or without.
struct Boss {
    home: Arc<Home>,
    keys: Vec<Key>,
    config: String,
}

impl Boss {
    fn new(count: usize, has_device: bool) -> Self {
        Self::of("aws", count, has_device)
    }

    /// In this partition.
    fn of(partition: &str, count: usize, has_device: bool) -> Self {
        let home = start(Settings { partition: partition.to_owned(), ..Settings::default() });
        home.hands_out_sessions();
        let keys: Vec<Key> = {
            let mut world = home.lab.world();
            let root = world.add_root();
            if !has_device {
                world.users[root].serials.clear();
            }
            (0..count).map(|_| world.add_settled_key(root)).collect()
        };
        let names = ["boss", "boss2"];
        let section = |(name, key): (&&str, &Key)| {
            format!(
                "[profile {name}]\n# {name}'s\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = us-east-1\n",
                key.id, key.secret
            )
        };
        let config: String = names.iter().zip(&keys).map(section).collect();
        home.write(".aws/config", &config);
        Self { home, keys, config }
    }

    fn status(&self) -> Status {
        self.home.lab.world().keys.iter().find(|key| key.id == self.keys[0].id).map(|key| key.status).expect("the key")
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.home.path().join(".aws/config")).unwrap()
    }

    /// The config file without the lines of the first key.
    fn config_after(&self) -> String {
        let key = &self.keys[0];
        let lines = format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
        self.config.replace(&lines, "")
    }

    /// A code that was not sent yet: one that AWS never saw is good, but keyrotate sends none twice.
    fn code(&self) -> String {
        let (lab, partition) = (&self.home.lab, self.home.lab.world().settings.partition.clone());
        let serial = format!("arn:{partition}:iam::000000000000:mfa/root-account-mfa-device");
        let about_now = lab.code("root").into_iter().chain(lab.two_codes("root", &serial).into_iter().flatten());
        let sent: Vec<String> = lab.world().codes.iter().map(|sent| sent.code.clone()).collect();
        about_now.into_iter().find(|code| !sent.contains(code)).expect("a code") + "\n"
    }

    fn open(&self, more: &str) -> Terminal {
        Terminal::open(&self.home, &format!("{REMOVE} {more}"), &[("NO_COLOR", "1")])
    }

    /// As far as the wait.
    fn waiting(&self, more: &str) -> Terminal {
        let mut terminal = self.open(more);
        terminal.expect(CONFIRM);
        terminal.press(ACCOUNT);
        terminal.expect(CODE);
        terminal.press(&self.code());
        terminal.expect(WAIT);
        terminal
    }

    /// Where removals are written down.
    fn folder(&self) -> PathBuf {
        self.home.path().join(".local/state/keyrotate/root-keys")
    }

    /// What is written down says now that a person saw that the key is gone.
    fn is_written_down_as_seen(&self) {
        let path = self.folder().join(format!("{}.json", self.keys[0].id));
        let mut removal: Removal = Entry::load(&RealDisk, &path).expect("what is written down");
        removal.state = State::SeenGone;
        Entry::resume(&RealDisk, path, &removal).expect("a disk");
    }

    /// Nothing here can sign for the root user but keys.
    fn is_without_sessions(&self) {
        std::fs::remove_dir_all(self.home.path().join(".cache/keyrotate")).unwrap();
    }

    /// The config file has a secret that is not the first key's; returns what it is then.
    fn has_a_wrong_secret(&self) -> String {
        let secret = &self.keys[0].secret;
        // Between the marks, so that a leak of it is found, too.
        let (before, from) = secret.split_at(secret.len() / 2);
        let other = if from.starts_with('A') { 'B' } else { 'A' };
        let wrong: String = before.chars().chain([other]).chain(from.chars().skip(1)).collect();
        let config = self.config.replace(secret, &wrong);
        self.home.write(".aws/config", &config);
        config
    }

    fn written_down(&self) -> usize {
        let folder = std::fs::read_dir(self.folder());
        folder.into_iter().flatten().flatten().filter(|entry| entry.path().extension().is_some_and(|ext| ext == "json")).count()
    }

    /// Nothing is left of the key but what other files hold.
    #[track_caller]
    fn is_removed(&self, why: &str) {
        assert_eq!((self.status(), self.config(), self.written_down()), (Status::Deleted, self.config_after(), 0), "{why}");
        assert_eq!(self.home.told(), "", "{why}");
    }

    /// The next run asks what becomes of an inactive key, and activates it again.
    fn is_taken_back(&self) {
        let mut terminal = self.open("");
        terminal.expect(CONFIRM);
        terminal.press(ACCOUNT);
        terminal.expect("is inactive: delete it?");
        terminal.press("n\n");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        self.is_as_before(&screen);
    }

    #[track_caller]
    fn is_as_before(&self, why: &str) {
        assert_eq!((self.status(), self.config(), self.written_down()), (Status::Active, self.config.clone(), 0), "{why}");
        assert_eq!(self.home.told(), "", "{why}");
    }

    /// Who signed the calls of this action.
    fn signers(&self, action: &str) -> Vec<String> {
        self.home.lab.calls().into_iter().filter(|call| call.action == action).map(|call| call.key_id).collect()
    }

    /// Answers whatever is asked until a call stands at its pause, and kills the program there.
    fn killed_at_pause(&self) {
        self.killed_at_pause_of(REMOVE);
    }

    fn killed_at_pause_of(&self, command: &str) {
        let mut terminal = Terminal::open(&self.home, command, &[("NO_COLOR", "1")]);
        let mut answered = [0; QUESTIONS];
        while !self.home.lab.wait_paused(std::time::Duration::from_millis(10)) {
            self.answer(&mut terminal, &mut answered);
            assert!(!terminal.is_over(), "it came to no pause: {}", terminal.screen());
        }
        terminal.kill();
        self.home.lab.release(true);
    }

    fn answer(&self, terminal: &mut Terminal, answered: &mut [usize; QUESTIONS]) {
        let screen = terminal.screen();
        let asked = [CONFIRM, CODE, WAIT, ": delete it? (y", "Delete it and go on? (y"].map(|text| screen.matches(text).count());
        for (at, count) in asked.into_iter().enumerate() {
            if count > answered[at] {
                answered[at] = count;
                match at {
                    0 => terminal.press(ACCOUNT),
                    1 => terminal.press(&self.code()),
                    _ => terminal.press("y\n"),
                }
            }
        }
    }

    /// Answers whatever is asked until the program ends: the account ID, codes, and whether an inactive key is to be deleted.
    fn answered(&self, mut terminal: Terminal) -> (Option<i32>, String) {
        let mut answered = [0; QUESTIONS];
        let end = std::time::Instant::now() + LIMIT;
        loop {
            self.answer(&mut terminal, &mut answered);
            if terminal.is_over() {
                return terminal.end();
            }
            assert!(std::time::Instant::now() < end, "{}", terminal.screen());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[track_caller]
fn told(output: &Output, code: i32, said: &str) {
    let text = one_line(&output.stderr);
    assert!(output.code == Some(code) && text.contains(said), "{said}: {:?} {text}", output.code);
}
