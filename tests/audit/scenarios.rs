//! The table: what an account looks like, and what the audit has to say of it. Every false pass and false failure that other auditors are
//! known for has its row.

use std::sync::Arc;

use crate::bench::{ALL, DAY, LITTLE, configure, findings, levels, report_day, settings, start, well};
use crate::home::{Home, Run};
use crate::lab::Settings;
use crate::lab::faults::{Fault, Rule};
use crate::lab::key::Status;
use crate::lab::summary::Organization;

/// What it is called, what is changed before the start, what after, the check, its levels.
struct Row(&'static str, fn(&mut Settings), fn(&Arc<Home>), &'static str, &'static [&'static str]);

const SAME: fn(&mut Settings) = |_| {};
const PLAIN: fn(&Arc<Home>) = |_| {};

fn dev(home: &Home, change: impl Fn(&mut crate::lab::state::User)) {
    let mut world = home.lab.world();
    let at = world.user("dev").unwrap();
    change(&mut world.users[at]);
}

fn aged(home: &Home, days: f64) {
    home.lab.world().keys[0].created_at -= days * DAY;
}

fn used(home: &Home, service: &str, days: f64) {
    let mut world = home.lab.world();
    let at = world.now() - days * DAY;
    world.keys[0].used(at, service, "us-east-1");
    // What the audit itself does is not seen yet, as at AWS.
    world.settings.last_use_lag = 3_600.0;
}

fn device(home: &Home, serials: &[&str]) {
    dev(home, |user| user.serials = serials.iter().map(|serial| (*serial).to_owned()).collect());
}

fn root_row(settings: &mut Settings, column: &str, value: String) {
    settings.root_row.insert(column.into(), value);
}

const FIDO: &str = "arn:aws:iam::000000000000:u2f/user/dev/key-EXAMPLE";

const ROWS: &[Row] = &[
    Row("no quarantine", SAME, PLAIN, "QUARANTINE", &["pass"]),
    Row("quarantined", SAME, |h| dev(h, |u| u.policies.push("AWSCompromisedKeyQuarantine".into())), "QUARANTINE", &["fail"]),
    Row(
        "quarantined, second version",
        SAME,
        |h| dev(h, |u| u.policies.push("AWSCompromisedKeyQuarantineV2".into())),
        "QUARANTINE",
        &["fail"],
    ),
    Row(
        "quarantined, third version",
        SAME,
        |h| dev(h, |u| u.policies.push("AWSCompromisedKeyQuarantineV3".into())),
        "QUARANTINE",
        &["fail"],
    ),
    Row(
        "quarantined, a version newer than any list",
        SAME,
        |h| dev(h, |u| u.policies.push("AWSCompromisedKeyQuarantineV4".into())),
        "QUARANTINE",
        &["fail"],
    ),
    Row(
        "quarantined through a group",
        SAME,
        |h| h.lab.world().join("dev", "q").policies.push("AWSCompromisedKeyQuarantineV2".into()),
        "QUARANTINE",
        &["fail"],
    ),
    Row(
        "an own policy that only sounds so",
        SAME,
        |h| {
            let arn = h.lab.world().add_policy("/NotAWSCompromisedKeyQuarantine", LITTLE);
            dev(h, |u| u.policies.push(arn.clone()));
        },
        "QUARANTINE",
        &["pass"],
    ),
    Row("a user asks", SAME, PLAIN, "CALLER-IS-ROOT", &["pass"]),
    Row("a user called rootbeer asks", SAME, |h| h.lab.world().rename_user("dev", "rootbeer"), "CALLER-IS-ROOT", &["pass"]),
    Row("root has no key", SAME, PLAIN, "ROOT-KEY", &["pass"]),
    Row("root has a key, which may be inactive", |s| s.root_keys = 1, PLAIN, "ROOT-KEY", &["fail"]),
    Row(
        "nothing is said of root's keys",
        |s| {
            s.left_out.insert("AccountAccessKeysPresent".into());
        },
        PLAIN,
        "ROOT-KEY",
        &["unknown"],
    ),
    Row("root has MFA", SAME, PLAIN, "ROOT-MFA", &["pass"]),
    Row("root has no MFA", |s| s.root_mfa = false, PLAIN, "ROOT-MFA", &["fail"]),
    Row(
        "root has neither MFA nor a password nor a key",
        |s| (s.root_mfa, s.root_password) = (false, false),
        PLAIN,
        "ROOT-MFA",
        &["not_applicable"],
    ),
    Row(
        "nothing is said of root's MFA",
        |s| {
            s.left_out.insert("AccountMFAEnabled".into());
        },
        PLAIN,
        "ROOT-MFA",
        &["unknown"],
    ),
    Row(
        "nothing is said of root's password",
        |s| {
            s.root_mfa = false;
            s.left_out.insert("AccountPasswordPresent".into());
        },
        PLAIN,
        "ROOT-MFA",
        &["fail"],
    ),
    Row(
        "GovCloud, where root cannot sign in",
        |s| (s.partition, s.root_mfa) = ("aws-us-gov".into(), false),
        PLAIN,
        "ROOT-MFA",
        &["not_applicable"],
    ),
    Row("a virtual device, no password", SAME, PLAIN, "USER-MFA", &["pass"]),
    Row("no device, no password either", SAME, |h| device(h, &[]), "USER-MFA", &["fail"]),
    Row("a hardware token", SAME, |h| device(h, &["GAHT12345678"]), "USER-MFA", &["pass"]),
    Row("a security key alone", SAME, |h| device(h, &[FIDO]), "USER-MFA", &["warn"]),
    Row("a security key and an app", SAME, |h| device(h, &[FIDO, "arn:aws:iam::000000000000:mfa/dev"]), "USER-MFA", &["pass"]),
    Row("a young key", SAME, PLAIN, "KEY-AGE", &["pass"]),
    Row("a key of 80 days", SAME, |h| aged(h, 80.0), "KEY-AGE", &["warn"]),
    Row("a key of 89.9 days", SAME, |h| aged(h, 89.9), "KEY-AGE", &["warn"]),
    Row("a key of 90.1 days", SAME, |h| aged(h, 90.1), "KEY-AGE", &["fail"]),
    Row(
        "a key of 40 days where the settings want 30",
        SAME,
        |h| {
            configure(h, "[profile.default]\nmax_age = '30d'\n");
            aged(h, 40.0);
        },
        "KEY-AGE",
        &["fail"],
    ),
    Row(
        "an old inactive key beside a young one",
        |s| s.keys = 2,
        |h| {
            h.lab.world().keys[1].created_at -= 900.0 * DAY;
            let id = h.lab.world().keys[1].id.clone();
            h.lab.world().set_status(&id, Status::Inactive);
        },
        "KEY-AGE",
        &["pass"],
    ),
    Row(
        "an old active key beside a young one",
        |s| s.keys = 2,
        |h| h.lab.world().keys[1].created_at -= 900.0 * DAY,
        "KEY-AGE",
        &["pass", "fail"],
    ),
    Row(
        "used yesterday",
        SAME,
        |h| {
            aged(h, 60.0);
            used(h, "s3", 1.0);
        },
        "KEY-UNUSED",
        &["pass"],
    ),
    Row(
        "used 46 days ago",
        SAME,
        |h| {
            aged(h, 60.0);
            used(h, "s3", 46.0);
        },
        "KEY-UNUSED",
        &["fail"],
    ),
    Row(
        "used for IAM a week ago, not by keyrotate",
        SAME,
        |h| {
            aged(h, 60.0);
            used(h, "iam", 7.0);
        },
        "KEY-UNUSED",
        &["pass"],
    ),
    Row(
        "never used and young",
        SAME,
        |h| {
            aged(h, 10.0);
            h.lab.world().settings.last_use_lag = 3_600.0;
        },
        "KEY-UNUSED",
        &["pass"],
    ),
    Row(
        "never used and old",
        SAME,
        |h| {
            aged(h, 60.0);
            h.lab.world().settings.last_use_lag = 3_600.0;
        },
        "KEY-UNUSED",
        &["fail"],
    ),
    Row("only keyrotate's own use is seen, and hides the rest", SAME, |h| aged(h, 60.0), "KEY-UNUSED", &["unknown"]),
    Row(
        "a longer time in the settings",
        SAME,
        |h| {
            configure(h, "[audit]\nunused_after = '90d'\n");
            aged(h, 60.0);
            used(h, "s3", 46.0);
        },
        "KEY-UNUSED",
        &["pass"],
    ),
    Row(
        "Identity Center reaches the account, too",
        SAME,
        |h| {
            h.write(".aws/config", "[profile sso]\nsso_account_id = 000000000000\nsso_role_name = Dev\n");
        },
        "KEY-NEEDED",
        &["warn"],
    ),
    Row(
        "Identity Center reaches another account",
        SAME,
        |h| {
            h.write(".aws/config", "[profile sso]\nsso_account_id = 111122223333\nsso_role_name = Dev\n");
        },
        "KEY-NEEDED",
        &["pass"],
    ),
    Row("one key", SAME, PLAIN, "TWO-KEYS", &["pass"]),
    Row("two active keys", |s| s.keys = 2, PLAIN, "TWO-KEYS", &["warn"]),
    Row(
        "two keys, one inactive",
        |s| s.keys = 2,
        |h| {
            let id = h.lab.world().keys[1].id.clone();
            h.lab.world().set_status(&id, Status::Inactive);
        },
        "TWO-KEYS",
        &["pass"],
    ),
    Row(
        "our own rotation, in the middle",
        SAME,
        |h| {
            h.lab.rules(vec![Rule::on("GetCallerIdentity", Fault::PauseBefore).nth(2)]);
            let output = h.run_with(&Run { kill_at_pause: true, ..Run::new(&["rotate", "default", "--yes", "--no-input"]) });
            assert_eq!(output.code, None, "{}", output.stderr);
            assert_eq!(h.lab.live_keys("dev").len(), 2);
            h.lab.rules(vec![]);
        },
        "TWO-KEYS",
        &["pass"],
    ),
    Row("no inline policy", SAME, PLAIN, "INLINE", &["pass"]),
    Row(
        "an inline policy",
        SAME,
        |h| {
            dev(h, |u| {
                u.policies.inline.insert("mine".into(), LITTLE.into());
            })
        },
        "INLINE",
        &["fail"],
    ),
    Row(
        "an inline policy of a group",
        SAME,
        |h| {
            h.lab.world().join("dev", "devs").policies.inline.insert("theirs".into(), LITTLE.into());
        },
        "INLINE",
        &["warn"],
    ),
    Row(
        "an inline policy of a group of others",
        SAME,
        |h| {
            h.lab.world().add_group("/ops").policies.inline.insert("theirs".into(), LITTLE.into());
        },
        "INLINE",
        &["pass"],
    ),
    Row("a policy attached to the user", SAME, |h| dev(h, |u| u.policies.push("ReadOnlyAccess".into())), "DIRECT-ATTACH", &["warn"]),
    Row("what AWS attached itself", SAME, |h| dev(h, |u| u.policies.push("IAMUserChangePassword".into())), "DIRECT-ATTACH", &["pass"]),
    Row("policies through a group only", SAME, PLAIN, "DIRECT-ATTACH", &["pass"]),
    Row("AdministratorAccess attached", SAME, |h| dev(h, |u| u.policies.push("AdministratorAccess".into())), "ADMIN", &["fail"]),
    Row(
        "AdministratorAccess within a boundary",
        SAME,
        |h| {
            let arn = h.lab.world().add_policy("/Bounds", LITTLE);
            dev(h, |u| {
                u.policies.push("AdministratorAccess".into());
                u.boundary = Some(arn.clone());
            });
        },
        "ADMIN",
        &["warn"],
    ),
    Row(
        "AdministratorAccess within a boundary that allows everything",
        SAME,
        |h| {
            let arn = h.lab.world().add_policy("/NoBounds", ALL);
            dev(h, |u| {
                u.policies.push("AdministratorAccess".into());
                u.boundary = Some(arn.clone());
            });
        },
        "ADMIN",
        &["fail"],
    ),
    Row(
        "AdministratorAccess, and no word of a boundary",
        SAME,
        |h| {
            dev(h, |u| u.policies.push("AdministratorAccess".into()));
            h.lab.rules(vec![Rule::on("GetUser", Fault::error(403, "AccessDenied")).times(0)]);
        },
        "ADMIN",
        &["fail", "unknown"],
    ),
    Row(
        "AdministratorAccess through a group",
        SAME,
        |h| h.lab.world().join("dev", "devs").policies.push("AdministratorAccess".into()),
        "ADMIN",
        &["fail"],
    ),
    Row(
        "everything by an own policy",
        SAME,
        |h| {
            let arn = h.lab.world().add_policy("/team/All", ALL);
            dev(h, |u| u.policies.push(arn.clone()));
        },
        "ADMIN",
        &["fail"],
    ),
    Row(
        "everything by an older version only",
        SAME,
        |h| {
            let arn = h.lab.world().add_policy("/Tamed", ALL);
            h.lab.world().managed.last_mut().unwrap().add_version(LITTLE, true);
            dev(h, |u| u.policies.push(arn.clone()));
        },
        "ADMIN",
        &["pass"],
    ),
    Row(
        "everything by a newer version",
        SAME,
        |h| {
            let arn = h.lab.world().add_policy("/Grown", LITTLE);
            h.lab.world().managed.last_mut().unwrap().add_version(ALL, true);
            dev(h, |u| u.policies.push(arn.clone()));
        },
        "ADMIN",
        &["fail"],
    ),
    Row(
        "everything inline",
        SAME,
        |h| {
            dev(h, |u| {
                u.policies.inline.insert("mine".into(), ALL.into());
            })
        },
        "ADMIN",
        &["fail"],
    ),
    Row(
        "everything denied",
        SAME,
        |h| {
            dev(h, |u| {
                u.policies.inline.insert("no".into(), ALL.replace("Allow", "Deny"));
            })
        },
        "ADMIN",
        &["pass"],
    ),
    Row(
        "everything with MFA only",
        SAME,
        |h| {
            let document = ALL.replace("\"*\"}}", r#""*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}"#);
            dev(h, |u| {
                u.policies.inline.insert("mfa".into(), document.clone());
            });
        },
        "ADMIN",
        &["pass"],
    ),
    Row(
        "everything but IAM",
        SAME,
        |h| {
            let document = ALL.replace(r#""Action":"*""#, r#""NotAction":"iam:*""#);
            dev(h, |u| {
                u.policies.inline.insert("power".into(), document.clone());
            });
        },
        "ADMIN",
        &["warn"],
    ),
    Row(
        "all of IAM",
        SAME,
        |h| {
            let document = ALL.replace(r#""Action":"*""#, r#""Action":["s3:*","iam:*"]"#);
            dev(h, |u| {
                u.policies.inline.insert("iam".into(), document.clone());
            });
        },
        "ADMIN",
        &["fail"],
    ),
    Row("root was never used", SAME, PLAIN, "ROOT-USED", &["pass"]),
    Row("root signed in ten days ago", |s| root_row(s, "password_last_used", report_day(10)), PLAIN, "ROOT-USED", &["warn"]),
    Row("root signed in a year ago", |s| root_row(s, "password_last_used", report_day(365)), PLAIN, "ROOT-USED", &["pass"]),
    Row(
        "root's key was used ten days ago, its password a year ago",
        |s| {
            root_row(s, "password_last_used", report_day(365));
            root_row(s, "access_key_2_last_used_date", report_day(10));
        },
        PLAIN,
        "ROOT-USED",
        &["fail"],
    ),
    Row("a report that takes its time", |s| s.report_waits = 2, PLAIN, "ROOT-USED", &["pass"]),
    Row("no organization", SAME, PLAIN, "CENTRAL-ROOT", &["not_applicable"]),
    Row("a member of an organization", |s| s.organization = Organization::Member, PLAIN, "CENTRAL-ROOT", &["not_applicable"]),
    Row(
        "an organization that manages root",
        |s| s.organization = Organization::Manages(["RootCredentialsManagement".to_owned()].into()),
        PLAIN,
        "CENTRAL-ROOT",
        &["pass"],
    ),
    Row(
        "an organization that does not",
        |s| s.organization = Organization::Manages(["RootSessions".to_owned()].into()),
        PLAIN,
        "CENTRAL-ROOT",
        &["warn"],
    ),
    Row(
        "lists that go over many pages",
        |s| s.page_size = 1,
        |h| {
            let arn = h.lab.world().add_policy("/All", ALL);
            for policy in ["ReadOnlyAccess".to_owned(), "SecurityAudit".to_owned(), arn] {
                dev(h, |u| u.policies.push(policy.clone()));
            }
        },
        "ADMIN",
        &["fail"],
    ),
];

#[test]
fn each_account_is_judged_right() {
    let mut wrong = Vec::new();
    for Row(name, before, after, check, wanted) in ROWS {
        let mut settings = settings();
        before(&mut settings);
        let home = start(settings);
        well(&home);
        after(&home);
        let (found, output) = findings(&home, &["default", "--tier", "account"]);
        let found_levels = levels(&found, check);
        if found_levels != *wanted {
            wrong.push(format!("{name}: {check} is {found_levels:?} and not {wanted:?}\n{}", output.stdout));
        }
        home.lab.close();
    }
    println!("{} accounts", ROWS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_root_user_is_told_by_its_own_key() {
    let home = start(settings());
    let root = {
        let mut world = home.lab.world();
        let user = world.add_root();
        world.add_settled_key(user)
    };
    home.credentials(&format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret));
    let (found, output) = findings(&home, &["default"]);
    assert_eq!(output.code, Some(11));
    for check in ["CALLER-IS-ROOT", "ROOT-KEY"] {
        let fix = found.iter().find(|finding| finding["check"] == check).map(|finding| finding["fix"].to_string()).unwrap_or_default();
        assert!(fix.contains("keyrotate root-key remove default --admin PROFILE"), "{check}: {fix}");
    }
    for (check, wanted) in [("CALLER-IS-ROOT", "fail"), ("ADMIN", "fail"), ("USER-MFA", "not_applicable"), ("INLINE", "not_applicable")] {
        assert_eq!(levels(&found, check), [wanted], "{check}: {}", output.stdout);
    }
}
