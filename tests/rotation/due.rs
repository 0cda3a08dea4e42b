//! `rotate --due` and `--all`: only a key past the strictest limits of its profiles is touched, whatever else was asked for; what cannot be
//! rotated is told.

use crate::bench::{credentials, refused_unasked, rotated, safe, start, status};
use crate::home::{Home, Run};
use crate::lab::key::Status;

const DUE: &[&str] = &["rotate", "default", "--due", "--yes", "--no-input"];

fn aged(home: &Home, days: f64) {
    let mut world = home.lab.world();
    let created_at = world.now() - days * 86_400.0;
    world.keys.iter_mut().find(|key| key.id == home.old.id).unwrap().created_at = created_at;
}

fn settings(home: &Home, text: &str) {
    std::fs::create_dir_all(home.path().join(".config/keyrotate")).unwrap();
    home.write(".config/keyrotate/config.toml", text);
}

#[test]
fn a_key_is_due_by_the_strictest_limits_of_its_profiles() {
    let home = start();
    aged(&home, 40.0);
    let output = home.run(DUE);
    assert!(output.code == Some(0) && output.stdout.contains("not due"), "{}{}", output.stdout, output.stderr);
    safe(&home);
    settings(&home, "[profile.work]\nmax_age = \"30d\"\n");
    rotated(&home, &home.run(DUE));
}

#[test]
fn for_a_key_that_is_not_due_no_second_key_is_deleted() {
    let home = start();
    aged(&home, 3.0);
    let second = home.lab.world().add_settled_key(home.old.user);
    for (state, option) in [(Status::Inactive, vec!["--reclaim-inactive"]), (Status::Active, vec!["--delete-key", second.id.as_str()])] {
        home.lab.world().set_status(&second.id, state);
        let output = home.run(&[DUE, option.as_slice()].concat());
        assert!(output.code == Some(0) && output.stdout.contains("not due"), "{}{}", output.stdout, output.stderr);
        assert_eq!(status(&home, &second.id), state);
    }
}

#[test]
fn targets_of_any_profile_of_the_key_stop_the_run() {
    let home = start();
    settings(&home, "[[profile.work.target]]\ntype = \"command\"\nrun = [\"true\"]\n");
    refused_unasked(&home, &home.run(&["rotate", "default", "--yes", "--no-input"]), 2);
}

#[test]
fn a_key_that_cannot_be_read_is_told_beside_those_that_are_rotated() {
    for (more, told) in [
        ("\n[half]\naws_access_key_id = AKIAHALF000000000001\n", "no aws_secret_access_key"),
        (
            "\n[far]\naws_access_key_id = AKIAFAR0000000000001\naws_secret_access_key = CaNaRyBiRd\nregion = us-east-1 # far\n",
            "is not a region",
        ),
    ] {
        let home = start();
        home.write(".aws/credentials", &(credentials(&home) + more));
        let mut run = Run::new(&["rotate", "--all", "--yes", "--no-input"]);
        run.env.push(("AWS_REGION", String::new()));
        let output = home.run_with(&run);
        assert_ne!(output.code, Some(0), "{}", output.stdout);
        assert!(output.stderr.contains(told) && output.stderr.contains("nothing was changed"), "{}", output.stderr);
        assert_eq!(status(&home, &home.old.id), Status::Deleted, "{}", output.stderr);
    }
}
