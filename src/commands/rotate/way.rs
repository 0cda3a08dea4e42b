//! The drive of a rotation: from its entry on the disk to what a person is told of its end.

use super::{Finish, Rotated, Run};
use crate::aws::{Aws, AwsError};
use crate::commands::failure::{Failure, FailureKind};
use crate::holder::Reach;
use crate::journal::Entry;
use crate::rotation::{
    Authority, Begun, End, Ended, Files, Observation, RealWorld, Record, Rules, State, Stop, StopKind, drive, enter, explain,
};

/// The way to everything that a rotation touches.
#[derive(Clone, Copy)]
pub(super) struct Way<'w> {
    pub(super) aws: &'w Aws,
    pub(super) authority: &'w Authority<'w>,
    pub(super) reach: Reach<'w>,
}

impl Run<'_> {
    pub(super) fn execute(&self, begun: Begun, way: Way<'_>, rules: &Rules) -> Result<Rotated, Failure> {
        let Begun { mut record, mut seen, .. } = begun;
        let path = self.state_file("journal").join(format!("{}.json", record.id));
        let entry = enter(&self.disk, &self.context.keychain, path, &record).map_err(|error| {
            Failure::from_error(FailureKind::Failed, &error).state("no key was created").hint("make room or correct the permissions there")
        })?;
        self.drive(&mut record, &mut seen, rules, self.world(way, entry), Finish::Fresh)
    }

    /// Signals are held from here to the end of the drive: the entry is on the disk.
    pub(super) fn drive(
        &self,
        record: &mut Record,
        seen: &mut Observation,
        rules: &Rules,
        mut world: RealWorld<'_>,
        finish: Finish,
    ) -> Result<Rotated, Failure> {
        self.signals.hold();
        let ended = drive(record, seen, rules, &mut world);
        self.signals.let_go();
        self.rekey(record);
        if let Err(error) = self.reindex(record) {
            self.console.note(&format!("{error}; which key the keychain item has is found out later"));
        }
        self.console.progress_done();
        finished(record, ended, finish)
    }

    pub(super) fn world<'w>(&'w self, way: Way<'w>, entry: Entry<'w>) -> RealWorld<'w> {
        RealWorld {
            aws: way.aws,
            authority: way.authority,
            files: Files { reach: way.reach, entry: Some(entry), history: self.history(), command: self.command, kept: None },
            console: self.console,
            signals: self.signals,
            note_items: Box::new(|record| self.reindex(record)),
        }
    }
}

/// What an end means for the person.
fn finished(record: &Record, ended: Ended, finish: Finish) -> Result<Rotated, Failure> {
    let (end, error) = match ended {
        Ended::Stopped(Stop { kind: StopKind::Resting, message, hint, .. }) => return Ok(Rotated::Resting { message, hint, finish }),
        Ended::Stopped(stop) => return Err(Failure::from(stop)),
        Ended::Closed { end, error } => (end, error),
    };
    let new = record.new.as_ref().filter(|_| !record.adopted).map(|new| &new.pair.id);
    let fate = |fate: &str| new.map_or_else(String::new, |new| format!("; the new key {new} {fate}"));
    let taken_back = |why: String| Ok(Rotated::TakenBack { key: record.old.id.clone(), why });
    match end {
        End::Rotated | End::RotatedOldInactive | End::Forgotten | End::Pulled => {
            Ok(Rotated::Done { record: Box::new(record.scrubbed()), finish })
        }
        End::Undone { why } => taken_back(format!("{why}{}", fate("stays, inactive"))),
        End::Aborted { why, lost_to: None, .. } if finish != Finish::Fresh => taken_back(format!("{why}{}", fate("is deleted"))),
        End::Aborted { why, .. } => Err(aborted(record, why, error.as_ref())),
    }
}

/// The rotation ended before there was a new key in use.
fn aborted(record: &Record, why: String, error: Option<&AwsError>) -> Failure {
    if let State::Done(End::Aborted { lost_to: Some(rival), .. }) = &record.state {
        let state = format!("{} has {}, which stays; the new key that was made here is deleted", rival.place, rival.key);
        let one = "let only one machine rotate it (`rotator` in config.toml)";
        let hint = match record.managed_as {
            Some(_) => one.to_owned(),
            None => format!("{one}; then `keyrotate auto` here takes the key over from there"),
        };
        return Failure::new(FailureKind::Failed, why).state(state).hint(hint);
    }
    let state = format!("nothing was changed; {} is in use as before", record.old.id);
    match error {
        Some(error) if error.to_string() == why => Failure::from(explain(&record.old.id, error)).state(state),
        cause => {
            let hint = format!("`keyrotate status {}` shows the user's keys", record.called());
            let failure = Failure::new(FailureKind::Failed, why).state(state).hint(hint);
            Failure { causes: cause.map(ToString::to_string).into_iter().collect(), ..failure }
        }
    }
}
