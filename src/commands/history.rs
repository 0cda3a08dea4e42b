//! `keyrotate history`: what became of every rotation on this machine.
//!
//! Invariant: it only reads, asks nobody, and needs neither the network nor, without names, the AWS files.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::rotate::resolve;
use crate::journal::{Entry, History};
use crate::model::{AccessKeyId, ProfileName};
use crate::os::disk::RealDisk;
use crate::rotation::{HistoryLine, Record, describe};

/// What `history` was asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryOptions {
    /// Only rotations of these profiles' keys; none means all.
    pub profiles: Vec<String>,
    /// Only so many, the newest.
    pub limit: Option<NonZeroUsize>,
}

/// What is known.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryOutcome {
    /// The history file.
    pub path: PathBuf,
    /// Profiles were named.
    pub is_filtered: bool,
    /// The rotations that are over, newest last.
    pub lines: Vec<HistoryLine>,
    /// How many lines cannot be read.
    pub unreadable: usize,
    /// Rotations that are not over, one sentence each.
    pub under_way: Vec<String>,
}

/// Runs the command.
pub fn history(context: &Context, options: &HistoryOptions) -> Result<HistoryOutcome, Failure> {
    let disk = RealDisk;
    let history = History::new(&disk, context.paths.state_dir.join("history.jsonl"));
    let read = history.read::<HistoryLine>().map_err(|error| {
        let hint = "correct the permissions there, then run `keyrotate history` again";
        Failure::from_error(FailureKind::Failed, &error).state("nothing was changed").hint(hint)
    })?;
    let open = open(context, &disk);
    let mut lines = read.lines;
    let mut under_way: Vec<&Record> = open.iter().collect();
    let is_filtered = !options.profiles.is_empty();
    // Where nothing was ever rotated, that is the answer, whatever was named.
    let is_blank = lines.is_empty() && open.is_empty();
    if is_filtered && !is_blank {
        let keys = keys(context, &options.profiles, &lines, &open)?;
        lines.retain(|line| keys.iter().any(|id| line.concerns(id)));
        under_way.retain(|record| ids_of(record).iter().any(|id| keys.contains(id)));
    }
    if let Some(limit) = options.limit {
        lines.drain(..lines.len().saturating_sub(limit.get()));
    }
    let say = |record: &Record| format!("a rotation of {} is not over: {}; see `keyrotate status`", record.old.id, describe::state(record));
    Ok(HistoryOutcome {
        path: history.path().to_owned(),
        is_filtered,
        unreadable: read.unreadable,
        under_way: under_way.into_iter().map(say).collect(),
        lines,
    })
}

/// Rotations under way, as far as they can be read; `status` tells of the others.
fn open(context: &Context, disk: &RealDisk) -> Vec<Record> {
    let paths = Entry::list(disk, &context.paths.state_dir.join("journal")).unwrap_or_default();
    paths.iter().filter_map(|path| Entry::load(disk, path).ok()).collect()
}

fn ids_of(record: &Record) -> Vec<AccessKeyId> {
    [Some(&record.old.id), record.new.as_ref().map(|new| &new.pair.id)].into_iter().flatten().cloned().collect()
}

fn ids_in(line: &HistoryLine) -> Vec<AccessKeyId> {
    [Some(&line.old), line.new.as_ref()].into_iter().flatten().cloned().collect()
}

/// Every key that the profiles have or had: from those that they lead to now, or were rotated for them, back and forth along the
/// rotations.
fn keys(context: &Context, profiles: &[String], lines: &[HistoryLine], open: &[Record]) -> Result<BTreeSet<AccessKeyId>, Failure> {
    let mut keys = BTreeSet::new();
    for name in profiles.iter().map(ProfileName::new) {
        let lines = lines.iter().filter(|line| line.profile.as_ref() == Some(&name));
        let records = open.iter().filter(|record| *record.name() == name);
        let mut own: BTreeSet<AccessKeyId> = lines.flat_map(ids_in).chain(records.flat_map(ids_of)).collect();
        match context.files().and_then(|files| resolve(context, files, &name)) {
            Ok(profile) => drop(own.insert(profile.pair.id)),
            // The history may remember a profile that the files do not have any more.
            Err(failure) if own.is_empty() => return Err(failure),
            Err(_) => {}
        }
        keys.append(&mut own);
    }
    let links: Vec<Vec<AccessKeyId>> = lines.iter().map(ids_in).chain(open.iter().map(ids_of)).collect();
    loop {
        let known = keys.len();
        for link in &links {
            if link.iter().any(|id| keys.contains(id)) {
                keys.extend(link.iter().cloned());
            }
        }
        if keys.len() == known {
            return Ok(keys);
        }
    }
}
