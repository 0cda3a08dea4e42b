//! The life of a machine that takes the key over: run after run, as `keyrotate auto` does them, for as long as others rotate the key and a
//! while longer. Invariant: what a run knows is what disk, keychain and secret tell it; nothing is carried over in memory.

use std::rc::Rc;
use std::time::Duration;

use keyrotate::aws::{AwsError, ErrorKind, SecretId, Secrets, VersionOf};
use keyrotate::holder::keychain::read_pair as pair_of_item;
use keyrotate::holder::{CURRENT, read_pair};
use keyrotate::model::{AccessKeyPair, Grace, SecretFields};
use keyrotate::rotation::{Direction, NewKey, Observation, Record, enter};

use super::begin::{holders, item, record};
use super::calls::{Answer, operator};
use super::events::Op;
use super::files::SimDisk;
use super::invariants::{JOURNAL, pairs};
use super::keychain::SimKeychain;
use super::mutant::Mutant;
use super::pulled;
use super::run::{EVENTFUL, Ended, HOUR, finish, gap, go, nothing_is_left, over, rules};
use super::schedule::Role;
use super::secrets::SimSecrets;
use super::universe::Universe;

/// A run that ends this often as the one before ends so for good.
const ALIKE: u32 = 3;
/// After so many runs it never ends.
const ENDLESS: u32 = 150;
/// What a person decides about an entry that stays, one after the other.
const DECISIONS: [Direction; 3] = [Direction::Forward, Direction::Back, Direction::Forget];

/// Run after run, until the others are done and nothing changes any more.
pub fn pull(universe: &Rc<Universe>) {
    let Role::Pulls { off, .. } = universe.role() else { return };
    universe.rest(off * 1_000);
    let (mut last, mut number, mut alike) = (None, 0, 0);
    let mut decisions = DECISIONS.iter();
    loop {
        if number >= EVENTFUL || (number > 0 && universe.all_fired()) {
            universe.calm();
        }
        let is_stuck = alike >= ALIKE && !nothing_is_left(universe);
        let decided = if is_stuck { decisions.next().copied() } else { universe.resolve.take() };
        universe.say(|| format!("run {number}{}", decided.map_or_else(String::new, |to| format!(" --resolve {to:?}"))));
        let before = format!("{last:?}");
        last = go(universe, number, decided);
        if universe.violation.borrow().is_some() {
            return;
        }
        alike = if universe.quiet.get() && format!("{last:?}") == before && decided.is_none() { alike + 1 } else { 0 };
        let is_settled = matches!(last, Some(Ended::UpToDate)) || alike >= ALIKE;
        let is_left_alone = nothing_is_left(universe) || decisions.len() == 0;
        if universe.quiet.get() && universe.is_rotated() && is_settled && is_left_alone {
            break;
        }
        if number == ENDLESS {
            over(universe, last.as_ref(), Err(format!("it never settles: {last:?}")));
            return;
        }
        universe.rest(if number > 2 * EVENTFUL { 12 * HOUR } else { gap(universe, number) });
        number += 1;
    }
    over(universe, last.as_ref(), pulled::check(universe, last.as_ref()));
}

/// Looks at each key here and takes over for the first that is not the secret's, as far as `commands/rotate/pull.rs` is modelled.
pub fn begin(universe: &Rc<Universe>, disk: &SimDisk, number: u32) -> Result<Ended, String> {
    let mut faults = Vec::new();
    for held in held(universe) {
        match held.and_then(|old| one(universe, disk, number, old)) {
            Ok(Ended::UpToDate) => {}
            Ok(ended) => return Ok(ended),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(Ended::UpToDate) } else { Err(faults.join("; ")) }
}

/// The keys that the files and the items here have.
fn held(universe: &Rc<Universe>) -> Vec<Result<AccessKeyPair, String>> {
    let mut held: Vec<Result<AccessKeyPair, String>> = Vec::new();
    let known = |id: &str, secret: &str| {
        let iam = universe.iam.borrow();
        iam.keys.iter().map(|key| &key.pair).find(|pair| pair.id.as_str() == id && pair.secret.expose() == secret).cloned()
    };
    for file in &universe.people.borrow().files {
        let text = universe.disk.borrow().content(&file.path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        held.extend(pairs(&text.unwrap_or_default()).iter().filter_map(|(id, secret)| known(id, secret)).map(Ok));
    }
    let keychain = SimKeychain(universe.clone());
    for number in 0..usize::from(universe.schedule.scene.items) {
        match pair_of_item(&keychain, &item(number)) {
            Ok(pair) => held.extend(known(pair.id.as_str(), pair.secret.expose()).map(Ok)),
            Err(error) => held.push(Err(error.to_string())),
        }
    }
    let mut once: Vec<Result<AccessKeyPair, String>> = Vec::new();
    held.into_iter().for_each(|pair| {
        if !once.contains(&pair) {
            once.push(pair)
        }
    });
    once
}

/// One key of this machine's.
fn one(universe: &Rc<Universe>, disk: &SimDisk, number: u32, old: AccessKeyPair) -> Result<Ended, String> {
    // Whose it is; the machine has it in its history where the key is dead.
    if universe.call(Op::Identity, &old, "GetCallerIdentity", |_| Ok(())).is_ok() {
        universe.iam.borrow_mut().note_use(&old.id, universe.now.get());
    }
    let new = fetched(universe, &old)?;
    if new.id == old.id {
        return if new.secret == old.secret { Ok(Ended::UpToDate) } else { Err("another secret access key".to_owned()) };
    }
    universe.call(Op::Identity, &new, "GetCallerIdentity", |_| Ok(())).map_err(|error| error.to_string())?;
    let holders = holders(universe, disk, &old)?;
    let now = universe.date(universe.now.get());
    let record = Record {
        started_at: now,
        old_created_at: now,
        new: Some(NewKey { pair: new, created_at: now }),
        adopted: true,
        grace: Grace::After(Duration::ZERO),
        pulled: universe.mutant != Some(Mutant::PulledAsRotated),
        drains: false,
        ..record(universe, number, old, holders)
    };
    universe.op(Op::Persist, || "beginning the entry".to_owned());
    let path = format!("{JOURNAL}/{}.json", record.id).into();
    let entry = enter(disk, &SimKeychain(universe.clone()), path, &record).map_err(|error| error.to_string())?;
    let clock = universe.clock();
    let seen = Observation { now: Some(now), clock, entered: clock, ..Observation::default() };
    let rules = rules(universe, &record, number);
    Ok(finish(universe, disk, entry, record, seen, &rules))
}

/// The pair that the secret has, read with the key itself, else by the profile that may.
fn fetched(universe: &Rc<Universe>, old: &AccessKeyPair) -> Result<AccessKeyPair, String> {
    let (arn, fields) = {
        let vault = universe.vault.borrow();
        let secret = vault.secrets.first().ok_or("no secret")?;
        // Who knows no pair that is there finds only fields with well-known names.
        let is_named = secret.is_configured || secret.fields.id != "AccessKeyId";
        (secret.arn.clone(), is_named.then(|| secret.fields.clone()))
    };
    let may_be_the_signers =
        |error: &AwsError| error.refuses_the_key() || matches!(error.kind, ErrorKind::Denied { .. } | ErrorKind::Expired);
    let is_operated = matches!(universe.role(), Role::Pulls { operated: true, .. });
    let read = match read(universe, old, &arn) {
        Err(error) if is_operated && may_be_the_signers(&error) => read(universe, &operator(), &arn),
        read => read,
    };
    told(read, fields.as_ref())
}

fn read(universe: &Rc<Universe>, signer: &AccessKeyPair, arn: &str) -> Answer<Vec<u8>> {
    let secrets = SimSecrets::asking(universe);
    let facts = secrets.describe(signer, SecretId { id: arn, region: None })?;
    Ok(secrets.get(signer, &facts.arn, VersionOf::Stage(CURRENT))?.body.bytes().to_vec())
}

fn told(read: Answer<Vec<u8>>, fields: Option<&SecretFields>) -> Result<AccessKeyPair, String> {
    read_pair(&read.map_err(|error| error.to_string())?, fields).map_err(|error| error.to_string())
}
