//! Plans against a machine that is a value.

use super::*;

fn places() -> Places {
    let path = PathBuf::from;
    Places {
        units: path("/h/.config/systemd/user"),
        agents: path("/h/Library/LaunchAgents"),
        agent_log: path("/h/Library/Logs/keyrotate.log"),
        cron_log: path("/s/timer.log"),
        cron_result: path("/s/timer.result"),
        user: 501,
    }
}

fn job() -> Job {
    Job { program: "/usr/bin/keyrotate".into(), environment: vec![("AWS_REGION".into(), "eu-west-1".into())], minute: 7, log: None }
}

/// The machine after the acts, and the commands that were run.
fn apply(present: &Present, acts: &[Act]) -> (Present, Vec<String>) {
    let (mut after, mut commands) = (present.clone(), Vec::new());
    for act in acts {
        match act {
            Act::Write { path, text } => {
                after.files.insert(path.clone(), text.clone());
            }
            Act::Remove(path) => {
                after.files.remove(path);
            }
            Act::Private(_) | Act::RemoveEmpty(_) => {}
            Act::Crontab(text) => after.crontab = Crontab::Text(text.clone()),
            Act::Run { words, .. } => commands.push(words.join(" ")),
        }
    }
    (after, commands)
}

#[test]
fn installed_twice_is_the_same_and_removed_is_as_before() {
    for crontab in ["", "MAILTO=me\n1 2 * * * /bin/a\n"].map(|text| Crontab::Text(text.to_owned())) {
        for kind in Kind::ALL {
            let before = Present { crontab: crontab.clone(), ..Present::default() };
            let (once, _) = apply(&before, &install(kind, &job(), &places(), &before).unwrap());
            assert_eq!(found(&once, &places()), [kind]);
            let again = install(kind, &job(), &places(), &once).unwrap();
            assert!(again.iter().all(|act| matches!(act, Act::Run { .. } | Act::Private(_))), "{again:?}");
            assert_eq!(apply(&once, &again).0, once);
            assert_eq!(apply(&once, &remove(kind, &places(), &once)).0, before);
            assert_eq!(remove(kind, &places(), &before), []);
        }
    }
}

#[test]
fn another_kind_is_removed_first() {
    for old in Kind::ALL {
        for new in Kind::ALL.into_iter().filter(|new| *new != old) {
            let before = Present::default();
            let (there, _) = apply(&before, &install(old, &job(), &places(), &before).unwrap());
            let (after, _) = apply(&there, &install(new, &job(), &places(), &there).unwrap());
            assert_eq!(found(&after, &places()), [new]);
        }
    }
}

#[test]
fn a_crontab_that_could_not_be_read_is_not_written() {
    let present = Present { crontab: Crontab::Unusable("you may not".into()), ..Present::default() };
    assert_eq!(install(Kind::Cron, &job(), &places(), &present), Err(NoPlan::NoCrontab("you may not".into())));
    assert_eq!(remove(Kind::Cron, &places(), &present), []);
    assert!(install(Kind::Systemd, &job(), &places(), &present).is_ok());
}

#[test]
fn an_agent_that_changes_is_taken_out_first_and_one_that_does_not_is_left_running() {
    let (there, commands) = apply(&Present::default(), &install(Kind::Launchd, &job(), &places(), &Present::default()).unwrap());
    let load = ["launchctl enable gui/501/keyrotate.auto", "launchctl bootstrap gui/501 /h/Library/LaunchAgents/keyrotate.auto.plist"];
    assert_eq!(commands, [&["launchctl bootout gui/501/keyrotate.auto"][..], &load].concat());
    let again = install(Kind::Launchd, &job(), &places(), &there).unwrap();
    assert_eq!(apply(&there, &again).1, load);
}

#[test]
fn the_packaged_files_are_what_is_written() {
    let packaged =
        |name: &str| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)).unwrap();
    let job = |program: &str| Job { program: program.into(), environment: Vec::new(), minute: 0, log: None };
    assert_eq!(packaged("systemd/keyrotate.service"), systemd::service(&job("/usr/bin/keyrotate")));
    assert_eq!(packaged("systemd/keyrotate.timer"), systemd::TIMER_TEXT);
    assert_eq!(packaged("launchd/keyrotate.auto.plist"), launchd::agent(&job("/usr/local/bin/keyrotate")));
}
