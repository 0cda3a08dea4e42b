//! A disk that is full and stays so, from every write and every call on: nobody is locked out, nothing is lost, and the same command goes on
//! when there is room again. Each case has a mount of its own, or an strace that refuses.

use std::sync::Arc;

use crate::bench::{ROTATE, calls_of_a_rotation, changes, hurried, live_in, nothing_lost, rotated, safe, start, told};
use crate::home::{Home, Output, Problem, Run};
use crate::lab::faults::Fault;
use crate::lab::key::Status;
use crate::lab::parallel::each;
use crate::lab::{Key, Rule};

/// HOME on a disk of `size` KiB: a run there; where that fails, room is made and the same command runs again. What is there at the end is copied
/// to HOME.
fn on_a_small_disk(home: &Arc<Home>, size: usize) -> Run<'static> {
    let script = format!(
        "echo $$ > {pid}; cp -a {home} {out} && mount -t tmpfs -o size={size}k,mode=700 none {home} && cp -a {out}/. {home} || exit 99; \
         \"$@\"; code=$?; [ $code = 0 ] || {{ mount -o remount,size=9m {home}; rm -f {home}/fill; \"$@\"; code=$?; }}; \
         cp -a {home}/. {out}; umount {home}; cp -a {out}/. {home}; exit $code",
        home = home.path().display(),
        pid = home.scratch("pid").display(),
        out = home.scratch("out").display(),
    );
    home.holds(home.scratch("out"));
    let mut run = Run::new(ROTATE);
    run.prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    let watched = Arc::downgrade(home);
    home.lab.on_commit(move |call| {
        if let Some(home) = watched.upgrade() {
            let text = std::fs::read_to_string(inside(&home, ".aws/credentials")).unwrap_or_default();
            let is_live = |key: &Key| key.status == Status::Active && text.matches(&key.secret).count() == 2;
            if !home.lab.live_keys("dev").iter().any(is_live) {
                home.problem(Problem::Locked, &format!("call {} {}", call.number, call.action), "no live pair in both profiles");
            }
        }
    });
    run
}

/// The file below HOME as the run sees it.
fn inside(home: &Home, name: &str) -> String {
    let pid = std::fs::read_to_string(home.scratch("pid")).unwrap();
    format!("/proc/{}/root{}/{name}", pid.trim(), home.path().display())
}

/// The secret of the one key that was made outlived the first run.
#[track_caller]
fn ended_well(home: &Home, output: &Output) {
    assert_ne!(output.code, Some(99), "no disk, or no room for what is there at the start: {}", output.stderr);
    rotated(home, output);
    let made = changes(&home.lab).into_iter().filter(|action| action == "CreateAccessKey").count();
    assert_eq!(made, 1, "a key was made without room for its secret: {}", output.stderr);
}

#[test]
fn a_disk_that_fills_up_at_any_write_changes_nothing_that_counts() {
    // The entry and its spare take 16 KiB each.
    let rooms: Vec<usize> = (12..=64).step_by(4).collect();
    each(&rooms, |size| {
        let home = start();
        let output = home.run_with(&on_a_small_disk(&home, *size));
        assert!(*size > 36 || output.stderr.contains("No space left on device"), "no write was refused");
        assert!(*size < 160 || output.stderr.is_empty(), "larger disks are worth a try: {}", output.stderr);
        ended_well(&home, &output);
    });
}

#[test]
fn a_disk_that_somebody_fills_up_at_any_call_changes_nothing_that_counts() {
    each(&calls_of_a_rotation(), |(action, nth)| {
        let home = start();
        home.lab.rules(vec![Rule::on(action, Fault::PauseAfter).nth(*nth)]);
        let runner = Arc::clone(&home);
        let worker = std::thread::spawn(move || runner.run_with(&on_a_small_disk(&runner, 4_096)));
        assert!(home.lab.wait_paused(std::time::Duration::from_secs(30)), "no call stood still");
        let full = std::fs::write(inside(&home, "fill"), vec![0; 5 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        home.lab.release(false);
        ended_well(&home, &worker.join().unwrap());
    });
}

/// Lasting, from this call of a thread on. The crash ring refuses one call at a time.
fn refused_from(name: &str, number: usize) -> bool {
    let home = start();
    let trace = home.scratch("trace");
    let mut run = Run::new(ROTATE);
    let options = ["strace", "-f", "-qq", "-o", &trace.display().to_string(), "-e", &format!("trace={name}")].map(str::to_owned);
    run.prefix = options.into_iter().chain(["-e".to_owned(), format!("inject={name}:error=ENOSPC:when={number}+")]).collect();
    let output = home.run_with(&run);
    safe(&home);
    live_in(&home, 2, &output.stderr);
    nothing_lost(&home, &output.stderr);
    let fired = std::fs::read_to_string(trace).unwrap().contains("INJECTED");
    let mut last = output;
    // Where the new key was deleted at once for want of a place, AWS's listing is believed only after a while.
    for _ in 0..2 {
        if last.code != Some(0) {
            told(&last, last.code.expect("an exit code"));
            last = hurried(&home, ROTATE);
        }
    }
    rotated(&home, &last);
    fired
}

#[test]
fn a_disk_that_refuses_from_any_write_or_sync_or_rename_on_changes_nothing_that_counts() {
    let most = [("pwrite64", 18), ("fsync", 52), ("renameat2", 14), ("rename", 3)];
    let cases: Vec<_> = most.iter().flat_map(|(name, most)| (1..=*most).map(move |number| (*name, number, number == *most))).collect();
    each(&cases, |(name, number, is_last)| {
        let fired = refused_from(name, *number);
        assert!(fired || *number > 1, "{name} is not called");
        assert!(!fired || !is_last, "{name} is called more often than it is refused here");
    });
}
