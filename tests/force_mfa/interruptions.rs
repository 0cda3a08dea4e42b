//! Interrupted, resumed and undone.

use crate::bench::{ROTATE, SCALE, code, codes, rotated, run, run_with, sessions, start};
use crate::home::Run;
use crate::lab::Verdict;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::parallel::each;

const UNDO: &[&str] = &["undo", "default", "--yes", "--no-input"];

/// The calls of a rotation with a code, by number.
fn calls_of_a_rotation() -> usize {
    let home = start(1.0);
    rotated(&home, &run_with(&home, ROTATE, Some(&code(&home))));
    home.lab.calls().len()
}

#[test]
fn interrupted_at_every_call_it_is_finished_with_another_code() {
    let numbers: Vec<usize> = (1..=calls_of_a_rotation()).collect();
    let points: Vec<(usize, Fault)> =
        numbers.iter().flat_map(|number| [Fault::PauseBefore, Fault::PauseAfter].map(|pause| (*number, pause))).collect();
    each(&points, |(number, pause)| {
        let home = start(1.0);
        home.lab.rules(vec![Rule::call(*number, pause.clone())]);
        let first = code(&home);
        let mut broken = Run::new(ROTATE);
        broken.kill_at_pause = true;
        broken.env = vec![("KEYROTATE_TIME_SCALE", SCALE.to_owned()), ("KEYROTATE_MFA_CODE", first.clone())];
        assert_eq!(home.run_with(&broken).code, None);
        home.lab.rules(Vec::new());
        // As on a machine whose sessions are gone: what is left is the journal and the memory of codes.
        let kept = std::fs::read_dir(sessions(&home)).into_iter().flatten().flatten().map(|entry| entry.path());
        kept.filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .for_each(|path| std::fs::remove_file(path).unwrap());
        // Where the first code was sent and not taken, it is the lab's next one too.
        let mut next = code(&home);
        if next == first && home.lab.world().codes.iter().any(|sent| sent.code == first) {
            let mut world = home.lab.world();
            let now = crate::lab::totp::step(world.now());
            let step = (now - 1..=now + 1).find(|step| crate::lab::totp::code(&world.users[0].seed, *step) == first).expect("its step");
            let serial = world.codes.iter().find(|sent| sent.code == first).expect("it was sent").serial.clone();
            world.users[0].used_steps.insert((serial, step));
            drop(world);
            next = code(&home);
        }
        let mut output = run_with(&home, ROTATE, Some(&next));
        if output.code == Some(10) && output.stderr.contains("--delete-key ") {
            let suspect = home.lab.world().keys.iter().rfind(|key| key.user == home.old.user).unwrap().id.clone();
            output = run(&home, &["rotate", "default", "--yes", "--no-input", "--delete-key", &suspect]);
        }
        if output.code == Some(1) {
            output = run(&home, ROTATE);
        }
        rotated(&home, &output);
        assert_eq!(home.lab.resent(), [], "a code was sent twice");
        home.look("after the resume");
        assert_eq!(home.told(), "");
    });
}

#[test]
fn undo_signs_with_the_session_too_and_gives_it_back_to_the_old_key() {
    for keeps in [true, false] {
        let home = start(1.0);
        let args = ["rotate", "default", "--yes", "--no-input", "--grace", "7d"];
        let output = run_with(&home, &args, Some(&code(&home)));
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        if !keeps {
            assert_eq!(run(&home, &["logout", "--all"]).code, Some(0));
            let denied = run(&home, UNDO);
            assert_eq!(denied.code, Some(20), "{}{}", denied.stdout, denied.stderr);
            assert!(denied.stderr.contains("`keyrotate undo "), "{}", denied.stderr);
        }
        let next = (!keeps).then(|| code(&home));
        let output = run_with(&home, UNDO, next.as_deref());
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        assert_eq!(home.lab.accepts(&home.old.id, &home.old.secret), Verdict::Yes);
        assert_eq!(home.lab.world().keys.iter().filter(|key| key.user == home.old.user && key.status == Status::Active).count(), 1);
        let login = run(&home, &["login", "--no-input"]);
        assert!(login.code == Some(0) && login.stdout.contains("open already"), "{}{}", login.stdout, login.stderr);
        codes(&home, if keeps { 1 } else { 2 });
        home.look("after undo");
        assert_eq!(home.told(), "");
    }
}
