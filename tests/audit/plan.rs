//! `audit --plan INLINE`: the script that it prints is run by the AWS CLI against the lab, and the user has no moment without a permission.

use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::bench::{ALL, LITTLE, audit, settings, start};
use crate::home::Home;

fn inline(home: &Home, policies: &[(&str, &str)]) {
    let mut world = home.lab.world();
    let dev = world.user("dev").unwrap();
    for (name, document) in policies {
        world.users[dev].policies.inline.insert((*name).into(), (*document).into());
    }
}

/// What the user's policies say, own, inline and managed, each document once.
fn documents(home: &Home) -> Vec<serde_json::Value> {
    let world = home.lab.world();
    let mut texts: Vec<String> = world.documents(world.user("dev").unwrap());
    texts.sort();
    texts.dedup();
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[test]
fn the_script_makes_managed_policies_and_the_user_never_lacks_one() {
    let home = start(settings());
    let quoted =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::it's-$HOME/*"}]}"#;
    inline(&home, &[("plain", LITTLE), ("it_is+quoted", quoted), ("taken", ALL)]);
    home.lab.world().add_policy("/taken", LITTLE);
    let wanted = documents(&home);
    let output = audit(&home, &["default", "--plan", "inline"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    // It may be on its way into a shell that asks for a code meanwhile.
    assert_eq!(output.stderr, "");
    assert!(output.stdout.lines().any(|line| line.starts_with("# ") && line.contains("keyrotate exec default -- sh")), "{}", output.stdout);
    let script = home.scratch("plan.sh");
    // Debian's AWS CLI is older than AWS_ENDPOINT_URL.
    let here = format!("aws() {{ command aws --endpoint-url {} \"$@\"; }}\nsleep() {{ :; }}\n", home.lab.url());
    std::fs::write(&script, here + &output.stdout).unwrap();

    let (lacked, watched) = (Arc::new(Mutex::new(Vec::new())), Arc::downgrade(&home));
    let (notes, needed) = (Arc::clone(&lacked), wanted.clone());
    home.lab.on_commit(move |call| {
        let Some(home) = watched.upgrade() else { return };
        let has = documents(&home);
        if needed.iter().any(|document| !has.contains(document)) {
            notes.lock().unwrap().push(call.action.clone());
        }
    });
    let ran = Command::new("sh")
        .arg(&script)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("AWS_DEFAULT_REGION", "us-east-1"), ("HOME", "/nowhere")])
        .envs([("AWS_ACCESS_KEY_ID", &home.old.id), ("AWS_SECRET_ACCESS_KEY", &home.old.secret)])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(*lacked.lock().unwrap(), Vec::<String>::new());
    assert_eq!(documents(&home), wanted);
    let world = home.lab.world();
    let dev = &world.users[world.user("dev").unwrap()];
    assert!(dev.policies.inline.is_empty(), "{:?}", dev.policies);
    let names: Vec<&str> = dev.policies.attached.iter().filter_map(|arn| arn.rsplit('/').next()).collect();
    assert_eq!(names, ["it_is+quoted", "plain", "taken-2"]);
}

#[test]
fn where_there_is_nothing_to_do_or_no_room_it_says_so() {
    let home = start(settings());
    let output = audit(&home, &["default", "--plan", "INLINE"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""));
    assert!(output.stderr.contains("dev has no inline policies"), "{}", output.stderr);
    inline(&home, &[("one", LITTLE), ("two", LITTLE)]);
    {
        let mut world = home.lab.world();
        let dev = world.user("dev").unwrap();
        for at in 0..9 {
            let arn = world.add_policy(&format!("/p{at}"), LITTLE);
            world.users[dev].policies.push(arn);
        }
    }
    let output = audit(&home, &["default", "--plan", "INLINE"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""));
    assert!(output.stderr.contains("9 managed policies and 2 inline ones, and 10 can be attached"), "{}", output.stderr);
}
