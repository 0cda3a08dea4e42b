//! What earlier runs left in the journal: taken up before anything new begins.

use std::path::{Path, PathBuf};

use super::way::Way;
use super::{Finish, RotateOutcome, Rotated, Run, Sessions};
use crate::aws::{Aws, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::holder::Reach;
use crate::journal::{Entry, JournalError};
use crate::model::{AccessKeyId, Grace, ProfileName, Timing};
use crate::os::keychain::ItemName;
use crate::os::{atomic_file, clock};
use crate::profile::Refusal;
use crate::rotation::{
    Authority, Direction, End, Files, KnownKey, NotRecalled, Observation, Record, Rules, SignedSecrets, State, Unresolved, Which, describe,
    plan_resumed, recall, resolve, take_up,
};

/// What became of the rotations that were under way.
#[derive(Debug, Default)]
pub(super) struct Resumed(Vec<Taken>);

#[derive(Debug)]
struct Taken {
    record: Record,
    result: Result<Rotated, Failure>,
    /// It stands for the rotation that was asked for now.
    counts: bool,
    /// It is of a key that was asked for.
    asked: bool,
    told: bool,
}

impl Resumed {
    /// The result that stands for a rotation of this key.
    pub(super) fn of_key(&mut self, id: &AccessKeyId) -> Option<Result<Rotated, Failure>> {
        self.find(|record| concerns(record, id))
    }

    /// The result that stands for a rotation of this profile's key, where the profile itself cannot be resolved now.
    pub(super) fn of_profile(&mut self, name: &ProfileName) -> Option<Result<Rotated, Failure>> {
        self.find(|record| record.managed_as.is_none() && record.profile == *name)
    }

    /// The result that stands for a rotation of this `[key.NAME]`.
    pub(super) fn of_managed(&mut self, name: &ProfileName) -> Option<Result<Rotated, Failure>> {
        self.find(|record| record.managed_as.as_ref() == Some(name))
    }

    fn find(&mut self, is_it: impl Fn(&Record) -> bool) -> Option<Result<Rotated, Failure>> {
        let taken = self.0.iter_mut().find(|taken| taken.counts && is_it(&taken.record))?;
        taken.told = true;
        Some(taken.result.clone())
    }

    /// The keys of rotations that are not over.
    pub(super) fn known(&self) -> impl Iterator<Item = KnownKey> {
        let open = self.0.iter().filter(|taken| !matches!(taken.record.state, State::Done(_)));
        let pairs = open.flat_map(|taken| [Some(&taken.record.old), taken.record.pair(Which::New)]).flatten();
        pairs.map(|pair| KnownKey { id: pair.id.clone(), place: "an unfinished rotation (`keyrotate status`)".to_owned(), pair: None })
    }

    /// What has to be told although no key that was asked for now has it: what stopped, and what was finished.
    pub(super) fn untold(self) -> impl Iterator<Item = Rotated> {
        let is_news = |taken: &Taken| match &taken.result {
            Ok(Rotated::Done { .. } | Rotated::WouldGoOn { .. }) => true,
            Ok(_) => false,
            Err(_) => taken.asked,
        };
        self.0.into_iter().filter(move |taken| !taken.told && is_news(taken)).map(|taken| taken.result.unwrap_or_else(Rotated::Failed))
    }
}

/// Whether it is one of the rotation's keys.
pub(in crate::commands) fn concerns(record: &Record, id: &AccessKeyId) -> bool {
    let is_suspect = matches!(&record.state, State::Suspect { key, .. } if key == id);
    record.old.id == *id || record.pair(Which::New).is_some_and(|pair| pair.id == *id) || is_suspect
}

/// Whether only its grace is left of it.
fn rests(record: &Record) -> bool {
    matches!(record.state, State::Draining { .. } | State::OldInactive { .. }) && record.grace != Grace::default()
}

impl Run<'_> {
    /// What would be done with what is under way. Touches nothing.
    pub(super) fn pending(&self) -> Result<Resumed, Failure> {
        let mut notes = Vec::new();
        let would = |(path, record): (PathBuf, Record)| {
            let asked = self.is_asked_for(&record);
            if let Err(failure) = self.check_machine(&path, &record) {
                return Taken { record, result: Err(failure), counts: true, asked, told: false };
            }
            let rules = self.rules(&record, Timing::default());
            let (mut steps, stop) = plan_resumed(&record, &rules, clock::local_now());
            match stop {
                Some(stop) => steps.push(stop.message),
                None if asked && self.begins_anew(&record) => steps.push("then a new rotation begins".to_owned()),
                None => {}
            }
            let state = describe::state(&record);
            let result = Ok(Rotated::WouldGoOn { key: record.old.id.clone(), state, steps });
            Taken { record, result, counts: true, asked, told: false }
        };
        Ok(Resumed(self.entries(&mut notes, self.options.resolve.is_none())?.into_iter().map(would).collect()))
    }

    /// Goes on with every rotation in the journal, as far as each goes.
    pub(super) fn resume(&self, outcome: &mut RotateOutcome) -> Result<Resumed, Failure> {
        let mut resumed = Resumed::default();
        let tidied = Entry::sweep(&self.disk, &self.state_file("journal"));
        tidied.map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was changed"))?;
        for (path, record) in self.entries(&mut outcome.notes, self.options.resolve.is_none())? {
            if self.options.resolve.as_ref().is_some_and(|(id, _)| !concerns(&record, id)) {
                continue;
            }
            let mut taken = self.take_up(&path, record);
            match &taken.result {
                _ if self.options.resolve.is_some() => {}
                Ok(done @ Rotated::Done { .. }) if !taken.counts => {
                    outcome.keys.push(done.clone());
                    taken.told = true;
                }
                Ok(Rotated::TakenBack { key, why }) if !taken.counts => {
                    outcome.notes.push(format!("an interrupted rotation was taken back, {key} is in use as before: {why}"));
                }
                Err(failure) if !taken.asked => {
                    outcome.notes.push(format!("another rotation waits, of {}: {}", taken.record.old.id, failure.message));
                }
                Ok(_) | Err(_) => {}
            }
            resumed.0.push(taken);
        }
        Ok(resumed)
    }

    /// The result of `--resolve`.
    pub(super) fn resolved(resumed: Resumed, mut outcome: RotateOutcome) -> Result<RotateOutcome, Failure> {
        if resumed.0.is_empty() {
            return Err(Failure::new(FailureKind::Usage, "no rotation of that key is under way").hint("`keyrotate status` shows what is"));
        }
        outcome.keys = resumed.0.into_iter().map(|taken| taken.result.unwrap_or_else(Rotated::Failed)).collect();
        Ok(outcome)
    }

    /// Every entry. One that cannot be read may be of any key, so that nothing begins beside it (`strict`); a person can still resolve the
    /// others.
    pub(in crate::commands) fn entries(&self, notes: &mut Vec<String>, strict: bool) -> Result<Vec<(PathBuf, Record)>, Failure> {
        let failed = |error: JournalError| {
            let hint = "keep the file until every profile's key is known to work; after that it can be removed by hand";
            Failure::from_error(FailureKind::Failed, &error).state("nothing was changed").hint(hint)
        };
        let mut entries = Vec::new();
        for path in Entry::list(&self.disk, &self.state_file("journal")).map_err(failed)? {
            match Entry::load(&self.disk, &path) {
                Ok(record) => entries.push((path, record)),
                Err(error) if !strict => notes.push(error.to_string()),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(entries)
    }

    fn take_up(&self, path: &Path, mut record: Record) -> Taken {
        let (anew, rested) = (self.begins_anew(&record), rests(&record));
        let asked = self.is_asked_for(&record);
        let result = self.go_on(path, &mut record, if rested { Finish::AfterGrace } else { Finish::Resumed });
        let counts = match &result {
            Ok(Rotated::TakenBack { .. }) => !matches!(record.state, State::Done(End::Aborted { .. })),
            Ok(Rotated::Done { .. }) => !anew,
            Ok(_) | Err(_) => true,
        };
        Taken { record, result, counts, asked, told: false }
    }

    /// Whether the old key only rested, so that finishing it is not the rotation that was asked for now.
    fn begins_anew(&self, record: &Record) -> bool {
        rests(record) && self.options.grace != Some(Grace::default())
    }

    fn is_asked_for(&self, record: &Record) -> bool {
        let files = self.context.files_or_empty();
        let leads_here = |name: &ProfileName| {
            *name == *record.name()
                || files.resolve(name, &self.context.environment).is_ok_and(|profile| concerns(record, &profile.pair.id))
        };
        self.options.all || self.options.due || self.names().unwrap_or_default().iter().any(leads_here)
    }

    /// What a person decided about this rotation.
    fn direction(&self, record: &Record) -> Option<Direction> {
        self.options.resolve.as_ref().filter(|(id, _)| concerns(record, id)).map(|(_, direction)| *direction)
    }

    pub(in crate::commands) fn rules(&self, record: &Record, timing: Timing) -> Rules {
        Rules {
            timing,
            attended: self.is_attended(),
            delete_key: self.options.delete_key.clone(),
            place_needed: self.direction(record) != Some(Direction::Back) && self.is_asked_for(record),
            has_device: false,
            decided: self.direction(record),
        }
    }

    /// Goes on with one rotation, as the person decided.
    pub(in crate::commands) fn go_on(&self, path: &Path, record: &mut Record, finish: Finish) -> Result<Rotated, Failure> {
        self.check_machine(path, record)?;
        let failed = |error: JournalError| Failure::from_error(FailureKind::Failed, &error);
        self.recall(record)?;
        let (aws, timing) = self.aws_of(record)?;
        let keys = [Which::Old, Which::New].iter().filter_map(|which| record.pair(*which)).map(|pair| pair.id.clone());
        let sessions = Sessions::new(self, &aws, &timing, &record.profile, keys.collect());
        let grant = |pair: &_, refused: &[AccessKeyId]| sessions.grant(pair, refused);
        let authority = match self.operator_of(record)? {
            Some(operator) => Authority::of_operator(operator),
            None => Authority::new(&grant, sessions.has_device()),
        };
        self.decide(record, self.reach(&SignedSecrets::asking(&aws, &authority)))?;
        let entry = take_up(&self.disk, &self.context.keychain, path.to_owned(), record).map_err(failed)?;
        let signed = SignedSecrets::new(&aws, &authority);
        let way = Way { aws: &aws, authority: &authority, reach: self.reach(&signed) };
        let rules = Rules { has_device: authority.has_device(), ..self.rules(record, timing) };
        let session = authority.sight();
        let clock = clock::boot_time();
        let mut seen =
            Observation { now: Some(record.started_at), clock, entered: clock, resumed: true, session, ..Observation::default() };
        let result = self.drive(record, &mut seen, &rules, self.world(way, entry), finish);
        let result = result.map_err(|failure| sessions.told(failure))?;
        if record.state == State::Done(End::Forgotten) {
            let files = Files { reach: way.reach, entry: None, history: self.history(), command: self.command, kept: None };
            // Another machine's files have the same paths.
            let holders = if record.machine == self.machine { describe::holdings(record, &files.read(record)) } else { Vec::new() };
            let item = if record.new.is_some() { Some(ItemName::pending(&record.id)) } else { record.items().next().cloned() };
            let item = item.filter(|_| record.is_in_keychain());
            return Ok(Rotated::Forgotten { key: record.old.id.clone(), pairs: self.forgotten(record), item, holders });
        }
        if matches!(record.state, State::Done(_)) {
            self.tidy(record);
        }
        Ok(result)
    }

    /// Who signs for the rotation of another user's key.
    pub(in crate::commands) fn operator_of(&self, record: &Record) -> Result<Option<Signer>, Failure> {
        let operator = record.managed_as.as_ref().map(|_| self.operator(&record.profile)).transpose();
        operator.map_err(|failure| failure.state(describe::state(record)))
    }

    /// Lets `act` look at the holders of a rotation without going on with it.
    pub(in crate::commands) fn with_reach<T>(
        &self,
        record: &mut Record,
        act: impl FnOnce(&Self, &mut Record, Reach<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (aws, _) = self.aws_of(record)?;
        // A look opens no session.
        let operator = self.operator_of(record)?;
        let authority = operator.map_or_else(|| Authority::new(&|_, _| None, false), Authority::of_operator);
        act(self, record, self.reach(&SignedSecrets::new(&aws, &authority)))
    }

    /// Gets the pairs that only the keychain has. Who gives a rotation up can do without.
    pub(in crate::commands) fn recall(&self, record: &mut Record) -> Result<(), Failure> {
        let Err(error) = recall(&self.context.keychain, record) else { return Ok(()) };
        if self.direction(record) == Some(Direction::Forget) {
            return Ok(());
        }
        let again = format!("run `keyrotate rotate {}` again", record.called());
        let hint = match &error {
            NotRecalled::Journal(_) => again,
            NotRecalled::Missing { .. } => {
                format!(
                    "unlock the keychain, or put the item back, and {again}; `keyrotate rotate --resolve {} forget` gives the rotation up",
                    record.old.id
                )
            }
        };
        Err(Failure::from_error(FailureKind::Failed, &error).state(describe::state(record)).hint(hint))
    }

    /// The way to AWS by which a rotation began.
    pub(in crate::commands) fn aws_of(&self, record: &Record) -> Result<(Aws, Timing), Failure> {
        let files = self.context.files_or_empty();
        let (region, ca_bundle) = match files.resolve(&record.profile, &self.context.environment) {
            Ok(profile) => (profile.region, profile.ca_bundle),
            // Another region may be another partition, where nobody knows the key.
            Err(fault @ Refusal::NotARegion { .. }) => {
                return Err(Failure::from_error(FailureKind::Failed, &fault).state(describe::state(record)));
            }
            Err(_) => (None, None),
        };
        self.context.aws(files, &record.profile, region, ca_bundle)
    }

    /// Another machine's files cannot be seen from here; only its entry can be closed.
    pub(in crate::commands) fn check_machine(&self, path: &Path, record: &Record) -> Result<(), Failure> {
        if record.machine == self.machine || self.direction(record) == Some(Direction::Forget) {
            return Ok(());
        }
        let old = &record.old.id;
        let message = format!("the rotation of {old} began on another machine, {}, whose files cannot be seen from here", record.host);
        let there = format!("run `keyrotate rotate {}` there; the entry is {}", record.called(), path.display());
        let hint = format!("{there}; if that machine is no more, `keyrotate rotate --resolve {old} forget` keeps its pairs in a file");
        Err(Failure::new(FailureKind::Attention, message).state(describe::state(record)).hint(hint))
    }

    /// Applies what the person decided about this rotation.
    pub(in crate::commands) fn decide(&self, record: &mut Record, reach: Reach<'_>) -> Result<(), Failure> {
        // A grace until the next rotation is for the rotation that begins now; one that rests keeps its own.
        let is_for_this =
            |grace: &Grace| *grace != Grace::Next || !matches!(record.state, State::Draining { .. } | State::OldInactive { .. });
        if let Some(grace) = self.options.grace.filter(|grace| is_for_this(grace) && *grace != record.grace && self.is_asked_for(record)) {
            record.grace = grace;
        }
        let Some(direction) = self.direction(record) else { return Ok(()) };
        if direction == Direction::Forget {
            self.keep_pairs(record)?;
        }
        *record = resolve(reach, record, direction).map_err(|unresolved| undecided(record, unresolved))?;
        Ok(())
    }

    fn forgotten(&self, record: &Record) -> PathBuf {
        self.forgotten_file(&record.id)
    }

    /// Where the pairs of a rotation went that a person closed as it was.
    pub(in crate::commands) fn forgotten_file(&self, rotation: &str) -> PathBuf {
        self.state_file(&format!("forgotten-{rotation}.json"))
    }

    /// Takes away what a run left that was to forget the rotation and did not come to it.
    fn tidy(&self, record: &Record) {
        let pairs = self.forgotten(record);
        for path in [atomic_file::beside(&pairs, "tmp"), pairs] {
            let _ = atomic_file::remove_if_there(&self.disk, &path);
        }
    }

    /// Before an entry is forgotten, its pairs go to a file that only the owner can read.
    fn keep_pairs(&self, record: &Record) -> Result<(), Failure> {
        let path = self.forgotten(record);
        let text = serde_json::to_vec_pretty(&*record.journalled()).map(zeroize::Zeroizing::new);
        let text = text.map_err(|_| Failure::new(FailureKind::Failed, "the entry cannot be written as JSON"))?;
        atomic_file::replace(&self.disk, &path, &text).map_err(|error| {
            let mut failure = Failure::new(FailureKind::Failed, format!("{} cannot be written", path.display()));
            failure.causes.push(error.to_string());
            failure
        })
    }
}

/// The direction is not open.
fn undecided(record: &Record, unresolved: Unresolved) -> Failure {
    let (old, state) = (&record.old.id, describe::state(record));
    match unresolved {
        Unresolved::OldKeyDeleted => Failure::new(FailureKind::Usage, format!("the rotation of {old} cannot go back: {old} is deleted"))
            .state(state)
            .hint(format!("run `keyrotate rotate --resolve {old} forward`")),
        Unresolved::Torn(why) => {
            let failure = Failure::new(FailureKind::Failed, "a file is written in part, and cannot be completed").state(state);
            Failure { causes: vec![why], ..failure.hint("correct that, then run the same command again") }
        }
        Unresolved::NoPlaceLeft(causes) => {
            let other = if record.state == State::Deleted { "forget` keeps the pairs in a file" } else { "back` returns to the old key" };
            let again = format!("put that right and run `keyrotate rotate {}` again", record.called());
            let failure = Failure::new(FailureKind::Attention, "going forward would leave no place that has the new key").state(state);
            Failure { causes, ..failure.hint(format!("{again}, or `keyrotate rotate --resolve {old} {other}")) }
        }
    }
}
