//! What people do, each with the policies that it takes.

use std::sync::Arc;

#[cfg(feature = "alarm")]
use crate::alarms;
use crate::bench::{DAY, NAMES_DEVICE, hurried, logged_in, rotated, run, run_with_code, settings, start};
use crate::home::{Home, Output};
use crate::lab::key::Status;
use crate::lab::role::Role;
use crate::lab::secrets::Body;

const SECRET: &str = "prod/ci";
const PAIR: &str = r#"{"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}"#;
const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];

/// What somebody does.
pub struct Scene {
    pub name: &'static str,
    /// The words behind `policy show`, for each policy.
    pub policies: &'static [&'static [&'static str]],
    /// While everything is allowed.
    pub before: fn() -> Arc<Home>,
    pub act: fn(&Home) -> Output,
    /// It went well.
    pub well: fn(&Home, &Output),
}

pub const SCENES: &[Scene] = &[
    Scene {
        name: "status",
        policies: &[&["rotate", "default"], &["root-check"]],
        before: || start(NAMES_DEVICE),
        act: |home| run(home, &["status", "default"]),
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
    Scene {
        name: "a rotation",
        policies: &[&["rotate", "default"]],
        before: || start(NAMES_DEVICE),
        act: |home| run_with_code(home, ROTATE),
        well: rotated,
    },
    Scene {
        name: "the plan of a rotation",
        policies: &[&["rotate", "default"]],
        before: || start(NAMES_DEVICE),
        act: |home| run(home, &["rotate", "default", "--dry-run", "--no-input"]),
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
    Scene {
        name: "a rotation without MFA",
        policies: &[&["rotate", "--without-mfa"]],
        before: || start("[default]\nregion = us-east-1\n"),
        act: |home| run(home, ROTATE),
        well: rotated,
    },
    Scene {
        name: "an undo",
        policies: &[&["rotate", "default"]],
        before: || {
            let home = start(NAMES_DEVICE);
            let output = run(&home, &[ROTATE, &["--grace", "7d"]].concat());
            assert_eq!(output.code, Some(0), "{}", output.said());
            home
        },
        act: |home| run_with_code(home, &["undo", "default", "--yes", "--no-input"]),
        well: |home, output| {
            assert_eq!(output.code, Some(0), "{}", output.said());
            home.look("after the undo");
            assert_eq!(home.told(), "");
            let live = home.lab.live_keys("dev");
            assert!(live.iter().all(|key| (key.id == home.old.id) == (key.status == Status::Active)), "{live:?}");
        },
    },
    Scene {
        name: "a timer, with a session that is open",
        policies: &[&["rotate", "default"], &["root-check"]],
        before: || {
            let home = start(NAMES_DEVICE);
            alone(&home);
            home.lab.world().keys[0].created_at -= 100.0 * DAY;
            logged_in(&home);
            home
        },
        act: |home| run(home, &["auto", "--now"]),
        well: rotated,
    },
    Scene {
        name: "a login",
        policies: &[&["sessions", "default"]],
        before: || start(""),
        act: |home| run_with_code(home, &["login", "default", "--no-input"]),
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
    Scene {
        name: "a program as a role",
        policies: &[&["sessions", "ops"]],
        before: || {
            let role = "arn:aws:iam::000000000000:role/ops";
            let home = start(&format!("[profile ops]\nrole_arn = {role}\nsource_profile = default\nregion = us-east-1\n"));
            home.lab.world().roles.push(Role::new(role, &["arn:aws:iam::000000000000:root"]));
            home
        },
        act: |home| run_with_code(home, &["exec", "ops", "--no-input", "--", "true"]),
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
    Scene {
        name: "an audit",
        policies: &[&["audit", "default"]],
        before: audited,
        act: |home| run(home, &["audit", "default"]),
        well: well_audited,
    },
    Scene {
        name: "an audit of the account",
        policies: &[&["audit", "default"], &["audit-account", "default"]],
        before: audited,
        act: |home| run(home, &["audit", "default", "--tier", "account"]),
        well: well_audited,
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "an audit of what watches over it",
        policies: &[&["audit", "default"], &["audit-account", "default"], &["audit-monitoring", "default"]],
        before: || {
            let home = audited();
            home.lab.world().watch_policies("eu-central-1");
            home
        },
        act: |home| run(home, &["audit", "default", "--tier", "monitoring"]),
        well: well_audited,
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "an audit of an alarm that does nothing by itself",
        policies: &[&["audit", "default"], &["audit-account", "default"], &["audit-monitoring", "default"]],
        before: || {
            let home = audited();
            let mut world = home.lab.world();
            world.watch_policies("eu-central-1");
            world.alarms[0].actions.clear();
            drop(world);
            home
        },
        act: |home| run(home, &["audit", "default", "--tier", "monitoring"]),
        well: |_, output| {
            let said = output.said();
            assert!(output.code == Some(11) && said.contains("it does nothing when it is raised"), "{said}");
        },
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "an audit of a rule that watches over it",
        policies: &[&["audit", "default"], &["audit-account", "default"], &["audit-monitoring", "default"]],
        before: || {
            let home = audited();
            home.lab.world().add_trail("all", "eu-central-1", None);
            home.lab.world().watch_policies_by_rule("us-east-1");
            home
        },
        act: |home| run(home, &["audit", "default", "--tier", "monitoring"]),
        well: well_audited,
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "an alarm where no trail is",
        policies: &[&["alarm", "default"]],
        before: || start("[default]\nregion = us-east-1\n"),
        act: |home| alarms::alarm(home, &["plan", "default"]),
        well: |_, output| assert!(output.code == Some(1) && output.said().contains("has no trail"), "{}", output.said()),
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "an alarm that is set up",
        policies: &[&["alarm", "default"]],
        before: alarms::with_trail,
        act: |home| alarms::alarm(home, &alarms::INSTALL),
        well: alarms::set_up,
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "a rule that is set up",
        policies: &[&["alarm", "default"]],
        before: alarms::with_trail,
        act: |home| alarms::alarm(home, &[&alarms::INSTALL[..], &["--via", "eventbridge"]].concat()),
        well: alarms::set_up,
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "an alarm that is tried out",
        policies: &[&["alarm", "default"]],
        before: || alarms::with_alarm(&[]),
        act: |home| alarms::alarm(home, &["test", "default"]),
        well: |home, output| {
            assert_eq!(output.code, Some(0), "{}", output.said());
            assert_eq!(home.lab.world().mails.len(), 1);
        },
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "a rule that is tried out",
        policies: &[&["alarm", "default"]],
        before: || alarms::with_alarm(&["--via", "eventbridge"]),
        act: |home| alarms::alarm(home, &["test", "default"]),
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
    #[cfg(feature = "alarm")]
    Scene {
        name: "alarm and rule that are removed",
        policies: &[&["alarm", "default"]],
        before: || {
            let home = alarms::with_alarm(&[]);
            let output = alarms::alarm(&home, &[&alarms::INSTALL[..], &["--via", "eventbridge"]].concat());
            assert_eq!(output.code, Some(10), "{}", output.said());
            home
        },
        act: |home| alarms::alarm(home, &["remove", "default", "--yes"]),
        well: |home, output| {
            assert_eq!(output.code, Some(0), "{}", output.said());
            let world = home.lab.world();
            assert!(world.topics.is_empty() && world.alarms.is_empty() && world.event_rules.is_empty());
        },
    },
    Scene {
        name: "a rotation of a key in a secret, too",
        policies: &[&["rotate", "default"], &["secretsmanager", "default"]],
        before: || {
            let home = start(NAMES_DEVICE);
            home.secret(SECRET, PAIR);
            target(&home);
            home
        },
        act: |home| run_with_code(home, ROTATE),
        well: rotated,
    },
    Scene {
        name: "a rotation that makes the secret",
        policies: &[&["rotate", "default"], &["secretsmanager", "default"], &["create-secret", "default"]],
        before: || {
            let home = start(NAMES_DEVICE);
            target(&home);
            home
        },
        act: |home| run_with_code(home, &[ROTATE, &["--create-secret"]].concat()),
        well: |home, output| {
            let text = home.lab.world().secret(SECRET).current();
            let key = home.lab.live_keys("dev").pop().unwrap();
            assert!(text.contains(&key.id) && text.contains(&key.secret), "{}", output.said());
            home.watch(
                &home.lab.world().secret(SECRET).arn.clone(),
                &text.replace(&key.id, &home.old.id).replace(&key.secret, &home.old.secret),
            );
            rotated(home, output);
        },
    },
    Scene {
        name: "an operator's rotation of another user's key",
        policies: &[&["rotate", "ci", "--without-mfa"], &["secretsmanager", "ci"]],
        before: operated,
        act: |home| run(home, &["rotate", "ci", "--yes", "--no-input"]),
        well: |home, output| {
            assert_eq!(output.code, Some(0), "{}", output.said());
            home.look("after the rotation");
            assert_eq!(home.told(), "", "{}", output.said());
            let live = home.lab.live_keys("ci-deploy");
            let text = home.lab.world().secret(SECRET).current();
            assert!(live.len() == 1 && live[0].id != home.rotated().id && text.contains(&live[0].secret), "{live:?}");
        },
    },
    Scene {
        name: "status of another user's key",
        policies: &[&["rotate", "default"], &["rotate", "ci", "--without-mfa"], &["secretsmanager", "ci"], &["root-check"]],
        before: || {
            let home = operated();
            alone(&home);
            home
        },
        act: |home| run(home, &["status"]),
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
    Scene {
        name: "a key that is added to the file",
        policies: &[],
        before: || {
            let home = start("");
            let mut world = home.lab.world();
            let at = world.add_user("new", "/");
            world.add_settled_key(at);
            world.users[at].enforced = true;
            drop(world);
            home
        },
        act: |home| {
            let key = home.lab.live_keys("new").pop().unwrap();
            let words = ["keys", "add", "new", "--stdin", "--yes", "--no-input", "--to", "file", "--region", "us-east-1", "--dry-run"];
            let mut run = hurried(&words);
            run.input = format!("Access key ID,Secret access key\n{},{}\n", key.id, key.secret);
            home.run_with(&run)
        },
        well: |_, output| assert_eq!(output.code, Some(0), "{}", output.said()),
    },
];

/// Without the other user's key, which is not this test's matter.
fn alone(home: &Home) {
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.credentials(text.split("\n[other]").next().unwrap());
}

fn target(home: &Home) {
    settings(home, &format!("[[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"{SECRET}\"\n"));
}

/// A user with every kind of policy, of which some are let be.
fn audited() -> Arc<Home> {
    let home = start(NAMES_DEVICE);
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#;
    {
        let mut world = home.lab.world();
        world.users[0].policies.inline.insert("own".into(), document.into());
        // It allows nothing, and reads as if it allowed a lot: so that a permissions boundary is asked for.
        let all_but_all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"*","Resource":"*"}}"#;
        world.users[0].policies.inline.insert("all-but-all".into(), all_but_all.into());
        let arn = world.add_policy("/team/Own", document);
        world.users[0].policies.push(arn);
        let group = world.group("staff").unwrap();
        world.groups[group].policies.inline.insert("theirs".into(), document.into());
        world.add_root();
    }
    let exempt = |check: &str| format!("[[audit.exemption]]\ncheck = \"{check}\"\nreason = \"a test\"\nuntil = 2999-12-31\n");
    settings(&home, &["INLINE", "DIRECT-ATTACH", "ADMIN", "KEY-NEEDED", "CENTRAL-ROOT", "ROOT-USED"].map(exempt).concat());
    home
}

fn well_audited(_: &Home, output: &Output) {
    assert!(output.code == Some(0) && output.said().contains(" 0 unknown,"), "{}", output.said());
}

/// The key of `ci-deploy`, below a path, is in a secret only; `dev` manages it.
fn operated() -> Arc<Home> {
    let home = start("[default]\nregion = us-east-1\n");
    {
        let mut world = home.lab.world();
        let user = world.add_user("ci-deploy", "/service/");
        let key = world.add_settled_key(user);
        let text = PAIR.replace("{id}", &key.id).replace("{secret}", &key.secret);
        world.add_secret(SECRET, "us-east-1", Some(Body::Text(text)));
        drop(world);
        home.rotates(&key);
    }
    let target = format!("target = [{{ type = \"secretsmanager\", secret_id = \"{SECRET}\" }}]");
    settings(&home, &format!("[key.ci]\nuser = \"ci-deploy\"\nauth_profile = \"default\"\n{target}\n"));
    home
}
