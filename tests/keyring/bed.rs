//! A person whose key is in the keychain: a D-Bus, a gnome-keyring, an item, and a config file that names keyrotate. It judges; it changes
//! nothing by itself.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench: it stops loudly"
)]

#[path = "reader.rs"]
mod reader;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use keyrotate::holder::keychain::IndexFile;
use keyrotate::model::{AccessKeyId, ProfileName};
use keyrotate::os::disk::RealDisk;
use keyrotate::os::keychain::ItemName;
use keyrotate::profile::IndexedItem;

use reader::Reader;

use crate::home::{Home, Output, Run, one_line};
use crate::lab::key::Status;
use crate::lab::{Key, Settings};
use crate::terminal::Terminal;

pub const SERIAL: &str = "arn:aws:iam::000000000000:mfa/dev";
pub const ITEM: &str = "work";
pub const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];
const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");

/// Without services that the bus would start by itself: no keyring, no dialog.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=DIRECTORY</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// HOME, lab and keychain of one test.
pub struct Bed {
    pub home: Arc<Home>,
    runtime: PathBuf,
    address: String,
    bus: Child,
    daemon: Mutex<Option<Child>>,
    reader: OnceLock<Reader>,
}

impl Bed {
    /// The first key of the lab is in the item, and the profile `default` gets its sessions from keyrotate.
    pub fn start() -> Arc<Self> {
        Self::start_with(Settings::default())
    }

    pub fn start_with(settings: Settings) -> Arc<Self> {
        let bed = Self::plain(settings);
        bed.home.credentials("");
        let process = format!("credential_process = {PROGRAM} credential-process default");
        bed.home.write(".aws/config", &format!("[default]\nmfa_serial = {SERIAL}\n{process}\n"));
        bed.put(ITEM, &content(&bed.home.old));
        bed.index(&bed.home.old.id);
        bed
    }

    /// The key is in the credentials file, for two profiles, and the keychain has nothing.
    pub fn plain(settings: Settings) -> Arc<Self> {
        let home = Home::new(PROGRAM, settings, true);
        home.write(".aws/config", &format!("# roles\n[default]\nmfa_serial = {SERIAL}\n"));
        let runtime = home.scratch("runtime");
        std::fs::create_dir(&runtime).unwrap();
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
        let config = home.scratch("bus.conf");
        std::fs::write(&config, BUS.replace("DIRECTORY", &runtime.display().to_string())).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.arg(format!("--config-file={}", config.display())).args(["--nofork", "--nopidfile", "--print-address=1"]);
        let mut bus = bus.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("dbus-daemon");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let bed =
            Arc::new(Self { home, runtime, address: address.trim().to_owned(), bus, daemon: Mutex::default(), reader: OnceLock::new() });
        bed.start_daemon();
        bed
    }

    /// A file below HOME; none where it is not there.
    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.home.path().join(name)).ok()
    }

    /// Starts the keyring, unlocked, and waits until it answers.
    pub fn start_daemon(&self) {
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--unlock", "--components=secrets"]);
        let mut daemon = self.clean(&mut daemon).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        daemon.stdin.take().unwrap().write_all(b"a password\n").unwrap();
        self.daemon.lock().unwrap().replace(daemon);
        wait_until(|| self.held().is_ok(), "the keyring does not answer");
    }

    /// Ends the keyring as a crash would.
    pub fn kill_daemon(&self) {
        if let Some(mut daemon) = self.daemon.lock().unwrap().take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }

    /// Lets the keyring stand still, or go on.
    pub fn signal_daemon(&self, signal: rustix::process::Signal) {
        let daemon = self.daemon.lock().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_child(daemon.as_ref().unwrap()), signal).unwrap();
    }

    /// As a screen lock does.
    pub fn lock(&self) {
        let collection = "array:objpath:/org/freedesktop/secrets/collection/login";
        let words = ["--session", "--dest=org.freedesktop.secrets", "--print-reply", "/org/freedesktop/secrets"];
        let mut send = Command::new("dbus-send");
        let output = self.clean(send.args(words).args(["org.freedesktop.Secret.Service.Lock", collection])).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Puts this into the item, by another program than ours.
    pub fn put(&self, item: &str, text: &str) {
        self.store(&["--label=by the test"], item, text);
    }

    /// The same, in the collection that ends with the session: beside the one that is there.
    pub fn put_twice(&self, item: &str, text: &str) {
        self.store(&["--label=by the test", "--collection=session"], item, text);
    }

    /// Removes the item, by another program than ours.
    pub fn clear(&self, item: &str) {
        let mut clear = Command::new("secret-tool");
        clear.args(["clear", "service", "keyrotate", "username", item]);
        assert!(self.clean(&mut clear).status().expect("secret-tool").success());
    }

    fn store(&self, options: &[&str], item: &str, text: &str) {
        let mut store = Command::new("secret-tool");
        store.arg("store").args(options).args(["service", "keyrotate", "username", item]);
        let mut child = self.clean(&mut store).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("secret-tool");
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What the item has, by another program than ours; an error where the keyring does not answer.
    pub fn get(&self, item: &str) -> Result<Option<String>, String> {
        let mut lookup = Command::new("secret-tool");
        lookup.args(["lookup", "service", "keyrotate", "username", item]);
        let output = self.clean(&mut lookup).output().expect("secret-tool");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !said.is_empty() {
            return Err(said);
        }
        Ok(output.status.success().then(|| String::from_utf8(output.stdout).unwrap()))
    }

    /// The names of our items.
    pub fn items(&self) -> Vec<String> {
        let mut search = Command::new("secret-tool");
        search.args(["search", "--all", "service", "keyrotate"]);
        let output = self.clean(&mut search).output().expect("secret-tool");
        // Attributes go to standard error.
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut names: Vec<String> =
            said.lines().filter_map(|line| line.strip_prefix("attribute.username = ").map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// Our items, each with what it has, by another client than ours and cheaper than a process; an error where the keyring does not give all.
    pub fn held(&self) -> Result<BTreeMap<String, String>, String> {
        let read = || {
            if self.reader.get().is_none() {
                let _ = self.reader.set(Reader::open(&self.address)?);
            }
            self.reader.get().expect("set before").items("keyrotate")
        };
        read().map_err(|error: zbus::Error| error.to_string())
    }

    /// Says that the item has this key and is the profile's, as `keys` does.
    pub fn index(&self, id: &str) {
        let known =
            IndexedItem { access_key_id: AccessKeyId::parse(id).unwrap(), profiles: vec![ProfileName::new("default")], is_made: true };
        let file = IndexFile::new(&RealDisk, &self.home.path().join(".local/state/keyrotate"));
        file.change(Duration::from_secs(10), |index| index.put(ItemName::parse(ITEM).unwrap(), known)).unwrap();
    }

    /// Says something else of the item.
    pub fn change_index(&self, change: impl FnOnce(&mut IndexedItem)) {
        let (item, file) = (ItemName::parse(ITEM).unwrap(), IndexFile::new(&RealDisk, &self.home.path().join(".local/state/keyrotate")));
        let mut known = file.load().unwrap().get(&item).unwrap().clone();
        change(&mut known);
        file.change(Duration::from_secs(10), |index| index.put(item, known)).unwrap();
    }

    /// Whether the index has the item.
    pub fn knows(&self, item: &str) -> bool {
        let file = IndexFile::new(&RealDisk, &self.home.path().join(".local/state/keyrotate"));
        file.load().unwrap().get(&ItemName::parse(item).unwrap()).is_some()
    }

    /// The key that the item has by the index.
    pub fn indexed(&self) -> String {
        let file = IndexFile::new(&RealDisk, &self.home.path().join(".local/state/keyrotate"));
        file.load().unwrap().get(&ItemName::parse(ITEM).unwrap()).unwrap().access_key_id.to_string()
    }

    fn clean<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env("XDG_RUNTIME_DIR", &self.runtime)
    }

    /// A run that reaches the keychain.
    pub fn with<'a>(&self, args: &'a [&'a str]) -> Run<'a> {
        let mut run = Run::new(args);
        run.limit = Duration::from_secs(120);
        run.env.push(("DBUS_SESSION_BUS_ADDRESS", self.address.clone()));
        run
    }

    /// A run in a terminal of its own, which reaches the keychain.
    pub fn terminal(&self, args: &str, env: &[(&str, &str)]) -> Terminal {
        let bus = ("DBUS_SESSION_BUS_ADDRESS", self.address.as_str());
        Terminal::open(&self.home, args, &env.iter().copied().chain([bus]).collect::<Vec<_>>())
    }

    /// The same of a shell's line; `{}` in it is the program.
    pub fn terminal_line(&self, line: &str, env: &[(&str, &str)]) -> Terminal {
        let bus = ("DBUS_SESSION_BUS_ADDRESS", self.address.as_str());
        Terminal::of_line(&self.home, 0, line, &env.iter().copied().chain([bus]).collect::<Vec<_>>())
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.home.run_with(&self.with(args))
    }

    pub fn login(&self) -> Output {
        let code = self.home.lab.code("dev").expect("a code that was not used yet");
        self.run(&["login", "--no-input", "--mfa-code", &code])
    }

    /// The keys that AWS accepts.
    pub fn live(&self) -> Vec<Key> {
        self.home.lab.live_keys("dev").into_iter().filter(|key| key.status == Status::Active).collect()
    }

    /// The item and the index have this key, which is the only active one, and no other item of ours is there.
    #[track_caller]
    pub fn holds_only(&self, key: &Key) {
        assert_eq!(self.get(ITEM), Ok(Some(content(key))), "the item");
        assert_eq!(self.indexed(), key.id, "the index");
        assert_eq!(self.live().iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), [key.id.as_str()], "AWS");
        assert_eq!(self.items(), [ITEM]);
        assert!(entries(&self.home).is_empty(), "the journal");
        self.is_in_no_file();
    }

    /// The newest key of the user.
    pub fn newest(&self) -> Key {
        self.home.lab.world().keys.iter().rfind(|key| key.user == self.home.old.user).expect("a key").clone()
    }

    /// No file below HOME has the secret of a key, whatever its name.
    #[track_caller]
    pub fn is_in_no_file(&self) {
        in_no_file(&self.home, "now");
    }
}

/// The same, for who watches.
#[track_caller]
pub fn in_no_file(home: &Home, when: &str) {
    let secrets: Vec<Key> = home.lab.world().keys.iter().filter(|key| key.user == home.old.user).cloned().collect();
    let mut folders = vec![home.path()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                for key in &secrets {
                    let found = bytes.windows(key.secret.len()).any(|part| part == key.secret.as_bytes());
                    assert!(!found, "{when}: the secret of {} is in {}", key.id, path.display());
                }
            }
        }
    }
}

/// What an item with this key has.
pub fn content(key: &Key) -> String {
    format!(r#"{{"AccessKeyId":"{}","SecretAccessKey":"{}"}}"#, key.id, key.secret)
}

/// The files of the journal.
pub fn entries(home: &Home) -> Vec<PathBuf> {
    let folder = home.path().join(".local/state/keyrotate/journal");
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// As an error must be: this exit code, and these words.
#[track_caller]
pub fn told(output: &Output, code: i32, said: &[&str]) {
    let text = one_line(&output.stderr);
    assert_eq!(output.code, Some(code), "{}{text}", output.stdout);
    for part in said {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[track_caller]
pub fn fine(output: &Output) {
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
}

#[track_caller]
pub fn wait_until(mut is_so: impl FnMut() -> bool, otherwise: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{otherwise}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.kill_daemon();
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}
