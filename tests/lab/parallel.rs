//! Several at once, since most of the time of a run is waiting.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many, where nothing else is said.
pub const WORKERS: usize = 8;

/// What `work` makes of every item, in their order.
pub fn map<T: Sync, U: Send>(workers: usize, items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(item) = items.get(at) else { break };
                    let one = work(item);
                    made.lock().unwrap().push((at, one));
                }
            });
        }
    });
    let mut made = made.into_inner().unwrap();
    made.sort_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, one)| one).collect()
}

/// Checks every item, also where one panics; those that did are told.
#[track_caller]
pub fn each<T: Sync + Debug>(items: &[T], check: impl Fn(&T) + Sync) {
    every(items, |item| catch_unwind(AssertUnwindSafe(|| check(item))).map_err(|_| format!("failed for {item:?}")));
}

/// Checks every item; all that went wrong is told.
#[track_caller]
pub fn every<T: Sync>(items: &[T], check: impl Fn(&T) -> Result<(), String> + Sync) {
    let wrong: Vec<String> = map(WORKERS, items, check).into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
