//! Users, keys, sessions, settings and the call log: the whole memory of the lab. Invariant: a key once made is never forgotten, only
//! marked deleted, so that a test can look for its secret for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use super::account::{Group, Managed, Policies};
use super::canary;
use super::cloudtrail::Trail;
use super::cloudwatch::{Alarm, Composite, Computed};
use super::devices::Device;
use super::events;
use super::faults::Rule;
use super::key::{Key, Status, Use, Verdict};
use super::logs::LogGroup;
use super::report::Report;
use super::role::Role;
use super::secrets::Secret;
use super::sns::Topic;
use super::summary::Organization;
use super::totp;

/// How the lab behaves. Times are seconds; a span is drawn from, once per key.
#[derive(Clone, Debug)]
pub struct Settings {
    pub seed: u64,
    pub account: String,
    pub partition: String,
    /// How many settled keys `dev` has at the start.
    pub keys: usize,
    /// Until a new key is settled, each call succeeds with a probability that grows with time.
    pub propagation: (f64, f64),
    /// The same for a key that was deactivated or deleted.
    pub revocation: (f64, f64),
    /// How long a new key stays out of listings.
    pub list_delay: (f64, f64),
    /// How long a use stays out of GetAccessKeyLastUsed.
    pub last_use_lag: f64,
    pub force_mfa: bool,
    /// AccountAccessKeysPresent, also without a root user in the lab.
    pub root_keys: u32,
    pub root_mfa: bool,
    pub root_password: bool,
    /// What GetAccountSummary does not say, as `AccountMFAEnabled`.
    pub left_out: BTreeSet<String>,
    /// Columns of root's row in the credential report that are to be other than the lab's root user makes them.
    pub root_row: BTreeMap<String, String>,
    /// How often the credential report is still being made.
    pub report_waits: usize,
    pub organization: Organization,
    pub quota: usize,
    pub page_size: usize,
    pub clock_offset: f64,
    pub latency_ms: u64,
    /// Actions that no policy allows, as `iam:CreateAccessKey`; those of KMS are denied where Secrets Manager needs them.
    pub denied: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            account: "000000000000".into(),
            partition: "aws".into(),
            keys: 1,
            propagation: (0.0, 0.0),
            revocation: (0.0, 0.0),
            list_delay: (0.0, 0.0),
            last_use_lag: 0.0,
            force_mfa: false,
            root_keys: 0,
            root_mfa: true,
            root_password: true,
            left_out: BTreeSet::new(),
            root_row: BTreeMap::new(),
            report_waits: 0,
            organization: Organization::None,
            quota: 2,
            page_size: 100,
            clock_offset: 0.0,
            latency_ms: 0,
            denied: BTreeSet::new(),
        }
    }
}

/// An IAM user, or the root user of the account.
#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub path: String,
    pub id: String,
    pub root: bool,
    pub deleted: bool,
    /// Serials of enabled MFA devices, FIDO security keys among them.
    pub serials: Vec<String>,
    /// Of the first device that was not made by a call; those of the others come from it and their serials.
    pub seed: Vec<u8>,
    /// The steps whose codes are used up, for each device.
    pub used_steps: BTreeSet<(String, i64)>,
    pub policies: Policies,
    /// The ARN of their permissions boundary.
    pub boundary: Option<String>,
    /// Whether their policies decide what they may do. Else the settings do, and what AWS attaches to the user of a stolen key.
    pub enforced: bool,
    /// Names of groups.
    pub groups: BTreeSet<String>,
    /// None: no way into the console.
    pub password: Option<Password>,
}

/// The password of a user for the console.
#[derive(Clone, Copy, Debug)]
pub struct Password {
    pub changed_at: f64,
    pub last_used: Option<f64>,
    pub is_to_change: bool,
}

/// Temporary credentials made here.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub secret: String,
    pub token: String,
    pub user: usize,
    /// What IAM is told of MFA. A role's session says nothing of it.
    pub mfa: bool,
    pub expires_at: f64,
    /// None: GetSessionToken made it.
    pub role: Option<Assumed>,
}

/// What a session is to be.
pub struct Grant {
    pub user: usize,
    pub mfa: bool,
    pub seconds: u32,
    pub role: Option<Assumed>,
}

/// A role as it was assumed.
#[derive(Clone, Debug)]
pub struct Assumed {
    pub arn: String,
    pub session_name: String,
    pub external_id: Option<String>,
    /// Its own, or that of the session before.
    pub source_identity: Option<String>,
    /// Its own, and the transitive ones of the sessions before.
    pub tags: BTreeMap<String, String>,
    /// Keys, in lower case.
    pub transitive: BTreeSet<String>,
    pub policy: Option<String>,
    pub policy_arns: Vec<String>,
}

impl Assumed {
    /// The ARN of the session; a role's path is not in it.
    pub fn session_arn(&self) -> String {
        let part = |at: usize| self.arn.splitn(6, ':').nth(at).unwrap_or_default();
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        format!("arn:{}:sts::{}:assumed-role/{name}/{}", part(1), part(4), self.session_name)
    }
}

/// A token code that came with a call, whatever became of the call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentCode {
    pub serial: String,
    pub code: String,
    /// The 30 s step in which it came.
    pub step: i64,
}

/// One line of the call log. The parameters hold no secret.
#[derive(Clone, Debug)]
pub struct Call {
    pub number: usize,
    pub service: String,
    pub action: String,
    pub key_id: String,
    pub params: BTreeMap<String, String>,
    pub status: Option<u16>,
    pub code: Option<String>,
}

/// Everything the lab remembers.
pub struct World {
    pub settings: Settings,
    pub users: Vec<User>,
    pub keys: Vec<Key>,
    pub sessions: Vec<Session>,
    /// Roles with a trust policy. Any other one is assumed by everybody.
    pub roles: Vec<Role>,
    pub secrets: Vec<Secret>,
    pub trails: Vec<Trail>,
    pub log_groups: Vec<LogGroup>,
    pub alarms: Vec<Alarm>,
    pub composites: Vec<Composite>,
    pub computed: Vec<Computed>,
    pub topics: Vec<Topic>,
    pub event_rules: Vec<events::Rule>,
    /// What was sent to mailboxes, each with its address.
    pub mails: Vec<String>,
    pub managed: Vec<Managed>,
    pub groups: Vec<Group>,
    pub report: Report,
    /// By serial; a device of which nothing is said is in step.
    pub devices: BTreeMap<String, Device>,
    /// In Base32, of every virtual device that was ever made by a call.
    pub seeds: Vec<String>,
    pub calls: Vec<Call>,
    /// Every token code that came, in the order of arrival.
    pub codes: Vec<SentCode>,
    pub rules: Vec<Rule>,
    /// What policies had that the lab cannot judge; it fails the test.
    pub unknown: Vec<String>,
    random: u64,
}

impl World {
    /// With the user `dev` and their settled keys.
    pub fn new(settings: Settings) -> Self {
        let (count, random) = (settings.keys, settings.seed);
        let mut world = Self {
            settings,
            users: Vec::new(),
            keys: Vec::new(),
            sessions: Vec::new(),
            roles: Vec::new(),
            secrets: Vec::new(),
            trails: Vec::new(),
            log_groups: Vec::new(),
            alarms: Vec::new(),
            composites: Vec::new(),
            computed: Vec::new(),
            topics: Vec::new(),
            event_rules: Vec::new(),
            mails: Vec::new(),
            managed: Vec::new(),
            groups: Vec::new(),
            report: Report::None,
            devices: BTreeMap::new(),
            seeds: Vec::new(),
            calls: Vec::new(),
            codes: Vec::new(),
            rules: Vec::new(),
            unknown: Vec::new(),
            random,
        };
        world.add_aws_managed();
        let dev = world.add_user("dev", "/");
        for _ in 0..count {
            world.add_settled_key(dev);
        }
        world
    }

    /// The lab's time: seconds since 1970.
    pub fn now(&self) -> f64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64()) + self.settings.clock_offset
    }

    /// A user with one virtual MFA device; returns the index.
    pub fn add_user(&mut self, name: &str, path: &str) -> usize {
        let serial = format!("arn:{}:iam::{}:mfa/{name}", self.settings.partition, self.settings.account);
        let id = format!("AIDA{}", self.pick(BASE32, 17));
        let seed = self.pick(BASE32, 20).into_bytes();
        self.users.push(User {
            name: name.into(),
            path: path.into(),
            id,
            root: false,
            deleted: false,
            serials: vec![serial],
            seed,
            used_steps: BTreeSet::new(),
            policies: Policies::default(),
            boundary: None,
            enforced: false,
            groups: BTreeSet::new(),
            password: None,
        });
        self.users.len() - 1
    }

    /// The root user, whose UserId is the account.
    pub fn add_root(&mut self) -> usize {
        let index = self.add_user("root", "/");
        let account = self.settings.account.clone();
        self.users[index].root = true;
        self.users[index].serials = vec![self.arn_of("mfa", "root-account-mfa-device")];
        self.users[index].id = account;
        index
    }

    /// The index of the user with this name.
    pub fn user(&self, name: &str) -> Option<usize> {
        self.users.iter().position(|u| u.name == name && !u.deleted)
    }

    /// Notes a token code.
    pub fn count_code(&mut self, serial: &str, code: &str) {
        let step = totp::step(self.now());
        self.codes.push(SentCode { serial: serial.to_owned(), code: code.to_owned(), step });
    }

    /// Gives a user another name, as an admin in mid-run would.
    pub fn rename_user(&mut self, old: &str, new: &str) {
        let index = self.user(old).expect("a user of that name");
        self.users[index].name = new.into();
    }

    /// Deletes a user and their keys.
    pub fn delete_user(&mut self, name: &str) {
        let index = self.user(name).expect("a user of that name");
        self.users[index].deleted = true;
        for at in 0..self.keys.len() {
            if self.keys[at].user == index {
                self.change_key(at, Status::Deleted);
            }
        }
    }

    /// A key that every server knows already.
    pub fn add_settled_key(&mut self, user: usize) -> Key {
        self.add(user, 0.0, 0.0)
    }

    /// The key was made so many days before now.
    pub fn grow_old(&mut self, id: &str, days: f64) {
        let made = self.now() - days * 86_400.0;
        self.keys.iter_mut().find(|key| key.id == id).expect("a key of that ID").created_at = made;
    }

    /// A key as CreateAccessKey makes it.
    pub fn add_key(&mut self, user: usize) -> Key {
        let (settle, listed) = (self.draw(self.settings.propagation), self.draw(self.settings.list_delay));
        self.add(user, settle, listed)
    }

    fn add(&mut self, user: usize, settle: f64, listed_after: f64) -> Key {
        let key = Key {
            id: format!("AKIA{}", self.pick(BASE32, 16)),
            secret: canary::marked(&self.pick(BASE64, 40)),
            user,
            status: Status::Active,
            created_at: self.now(),
            uses: Vec::new(),
            was_active: false,
            since: Instant::now(),
            settle,
            listed_after,
        };
        self.keys.push(key.clone());
        key
    }

    /// Changes the status; it takes effect gradually when `revocation` says so.
    pub fn change_key(&mut self, at: usize, status: Status) {
        let settle = self.draw(self.settings.revocation);
        let key = &mut self.keys[at];
        (key.was_active, key.status, key.since, key.settle) = (key.status == Status::Active, status, Instant::now(), settle);
    }

    /// As [`World::change_key`], by access key ID: what an admin does in mid-run.
    pub fn set_status(&mut self, id: &str, status: Status) {
        let at = self.keys.iter().position(|k| k.id == id).expect("a key with this id");
        self.change_key(at, status);
    }

    /// Whether this call finds the key active: a roll of the dice until the last change has settled.
    pub fn seen_active(&mut self, at: usize) -> bool {
        let (active, was) = (self.keys[at].status == Status::Active, self.keys[at].was_active);
        if self.keys[at].settled() {
            return active;
        }
        let share = self.keys[at].since.elapsed().as_secs_f64() / self.keys[at].settle;
        if self.draw((0.0, 1.0)) > share { was } else { active }
    }

    /// What a holder of this pair can rely on now.
    pub fn accepts(&self, id: &str, secret: &str) -> Verdict {
        match self.keys.iter().find(|k| k.id == id && k.secret == secret && k.status == Status::Active) {
            Some(key) if key.settled() => Verdict::Yes,
            Some(_) => Verdict::Flapping,
            None => Verdict::No,
        }
    }

    /// The last use of a key that can be seen yet.
    pub fn seen_use<'a>(&self, key: &'a Key) -> Option<&'a Use> {
        key.uses.iter().rev().find(|used| used.at + self.settings.last_use_lag <= self.now())
    }

    /// The keys of a user that are not deleted, oldest first.
    pub fn live_keys(&self, user: usize) -> Vec<Key> {
        self.keys.iter().filter(|k| k.user == user && k.status != Status::Deleted).cloned().collect()
    }

    /// The ARN of a user.
    pub fn arn(&self, user: usize) -> String {
        let user = &self.users[user];
        let name = if user.root { "root".to_owned() } else { format!("user{}{}", user.path, user.name) };
        format!("arn:{}:iam::{}:{name}", self.settings.partition, self.settings.account)
    }

    /// Characters of an alphabet, from the seed.
    pub fn pick(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(alphabet[(self.next() % alphabet.len() as u64) as usize])).collect()
    }

    fn draw(&mut self, (from, to): (f64, f64)) -> f64 {
        from + (to - from) * ((self.next() >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// splitmix64: small, seeded, good enough for dice.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

pub(super) const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(super) const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
