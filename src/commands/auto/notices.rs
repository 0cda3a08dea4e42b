//! Which matters the desktop was not told of today.
//!
//! Invariant: a memory only. Where it cannot be read or written, a matter may be told again, never lost.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::Matter;
use crate::os::atomic_file;
use crate::os::disk::{Disk, RealDisk};

/// So long a matter is not told again.
const QUIET_HOURS: i64 = 20;

/// The matters that are news at `now`, by this machine's clock; from here on they count as told.
pub(super) fn fresh(state_dir: &Path, matters: &[Matter], now: DateTime<Utc>) -> Vec<Matter> {
    let path = state_dir.join("notices.json");
    let told: BTreeMap<String, DateTime<Utc>> =
        RealDisk.read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let is_fresh = |at: &DateTime<Utc>| now - *at < TimeDelta::hours(QUIET_HOURS) && *at <= now;
    let news: Vec<Matter> = matters.iter().filter(|matter| !told.get(&matter.name).is_some_and(is_fresh)).cloned().collect();
    if !news.is_empty() {
        let mut told: BTreeMap<String, DateTime<Utc>> = told.into_iter().filter(|(_, at)| is_fresh(at)).collect();
        told.extend(news.iter().map(|matter| (matter.name.clone(), now)));
        let _ = serde_json::to_vec_pretty(&told).map(|bytes| atomic_file::replace(&RealDisk, &path, &bytes));
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::auto::Urgency;

    #[test]
    fn a_matter_is_told_once_a_day() {
        let scratch = tempfile::tempdir().unwrap();
        let matter = |name: &str| Matter { name: name.into(), urgency: Urgency::Attention, text: "t".into() };
        let (one, two) = (matter("one"), matter("two"));
        let at = |hours: i64| DateTime::from_timestamp(1_800_000_000 + hours * 3_600, 0).unwrap();
        let told = |matters: &[Matter], hours| fresh(scratch.path(), matters, at(hours)).len();
        assert_eq!(told(std::slice::from_ref(&one), 0), 1);
        assert_eq!(told(&[one.clone(), two.clone()], 1), 1);
        assert_eq!(told(&[one.clone(), two.clone()], 19), 0);
        assert_eq!(told(&[one, two.clone()], 20), 1);
        // A clock that was wrong does not silence a matter for ever.
        assert_eq!(told(&[two], -1_000), 1);
    }
}
