//! What a keychain does that is not there, is locked, or dies: nothing is changed, or the next run finishes it.

use std::sync::Arc;

use rustix::process::Signal;

use crate::bed::{Bed, ITEM, ROTATE, content, fine, told};
use crate::home::Output;

/// A rotation in which the keyring dies at the nth call of this action.
fn dying(bed: &Arc<Bed>, action: &'static str, nth: usize) -> Output {
    let watcher = Arc::downgrade(bed);
    let count = std::sync::atomic::AtomicUsize::new(0);
    bed.home.lab.on_commit(move |call| {
        if call.action == action
            && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == nth
            && let Some(bed) = watcher.upgrade()
        {
            bed.kill_daemon();
        }
    });
    let output = bed.run(ROTATE);
    bed.home.lab.on_commit(|_| {});
    output
}

#[test]
fn what_cannot_be_written_is_noticed_before_a_key_is_made() {
    let bed = Bed::start();
    bed.lock();
    told(&bed.run(ROTATE), 1, &["is locked", "unlock it", "nothing was changed"]);
    told(&bed.home.run(ROTATE), 1, &["no keychain answers", "nothing was changed"]);
    bed.kill_daemon();
    told(&bed.run(ROTATE), 1, &["no keychain answers", "nothing was changed"]);
    let calls = bed.home.lab.calls();
    assert!(calls.iter().all(|call| call.action != "CreateAccessKey"));
    bed.start_daemon();
    bed.holds_only(&bed.home.old);
}

#[test]
fn a_keyring_that_dies_before_the_new_pair_is_kept_costs_only_that_key() {
    let bed = Bed::start();
    told(&dying(&bed, "CreateAccessKey", 1), 1, &["keychain item keyrotate-pending-", "was deleted again"]);
    bed.start_daemon();
    assert_eq!(bed.get(ITEM), Ok(Some(content(&bed.home.old))));
    bed.is_in_no_file();
    let output = bed.run(ROTATE);
    fine(&output);
    bed.holds_only(&bed.newest());
}

#[test]
fn a_keyring_that_dies_later_is_waited_for_by_the_next_run() {
    // The second GetCallerIdentity is of the new key.
    for (action, nth) in [("GetCallerIdentity", 2), ("UpdateAccessKey", 1), ("DeleteAccessKey", 1)] {
        let bed = Bed::start();
        let output = dying(&bed, action, nth);
        assert_ne!(output.code, Some(0), "{action}: {}", output.stdout);
        assert!(output.stderr.contains("keychain"), "{action}: {}", output.stderr);
        told(&bed.run(ROTATE), 1, &["no keychain answers", "run `keyrotate rotate default` again"]);
        bed.start_daemon();
        fine(&bed.run(ROTATE));
        bed.holds_only(&bed.newest());
    }
}

#[test]
fn a_keyring_that_hangs_is_not_waited_for_longer_than_its_time() {
    let bed = Bed::start();
    bed.signal_daemon(Signal::STOP);
    let begun = std::time::Instant::now();
    told(&bed.run(ROTATE), 1, &["did not answer within 3 s", "nothing was changed"]);
    told(&bed.login(), 1, &["did not answer within 3 s", "no session was opened"]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(bed.home.lab.calls().len(), 0);
    bed.signal_daemon(Signal::CONT);
    fine(&bed.run(ROTATE));
    bed.holds_only(&bed.newest());
}
