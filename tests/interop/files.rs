//! AWS's programs read the credentials file before and after a rotation. Invariant: the key that a peer reports, and the key that the lab
//! saw sign its call, are the ones that the file holds.

use std::sync::Arc;

use crate::home::{Home, Run};
use crate::lab::{Key, Settings};
use crate::peers::{PEERS, Report};

pub const ROTATE: &[&str] = &["rotate", "default", "--yes", "--no-input"];

/// Lines that people write: comments in four places, no space and many, either order of the pair, one pair in two profiles.
const PLAIN: &str = "# Keys of this laptop. Keep this line.

[default]
aws_access_key_id = {id}
aws_secret_access_key={secret}
  # indented comment
# aws_access_key_id = AKIAIOSFODNN7EXAMPLE
region = eu-west-1

[work]
output=json
aws_secret_access_key   =   {secret}
aws_access_key_id={id}
[other]
aws_secret_access_key = {other_secret}
aws_access_key_id     = {other_id}
; end, and no newline after this";

/// Capitals in the names, colons, a profile name with a space.
const CAPITALS: &str = "[default]
AWS_ACCESS_KEY_ID = {id}
Aws_Secret_Access_Key = {secret}

[Work]
aws_access_key_ID={id}
AWS_SECRET_ACCESS_KEY={secret}

[My Mac]
aws_access_key_id: {id}
aws_secret_access_key : {secret}

[other]
aws_access_key_id = {other_id}
aws_secret_access_key = {other_secret}
";

#[test]
fn comments_blanks_and_shared_pairs() {
    check(PLAIN, &["default", "work", "other"]);
}

#[test]
fn lines_that_end_as_on_windows() {
    check(&PLAIN.replace('\n', "\r\n"), &["default", "work", "other"]);
}

#[test]
fn capitals_colons_and_spaces() {
    check(CAPITALS, &["default", "Work", "My Mac", "other"]);
}

/// Every peer reads every profile of this file, which is then rotated, and reads every profile again.
fn check(template: &str, profiles: &[&str]) {
    let home = Home::new(env!("CARGO_BIN_EXE_keyrotate"), Settings::default(), true);
    let text = filled(template, &home.old, &home.other);
    home.write(".aws/credentials", &text);
    read(&home, profiles, &home.old);

    let mut run = Run::new(ROTATE);
    run.env.push(("KEYROTATE_TIME_SCALE", "0.01".to_owned()));
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);

    let live = home.lab.live_keys("dev");
    assert_eq!(live.len(), 1, "{live:?}");
    assert_ne!(live[0].id, home.old.id);
    let now = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    assert_eq!(now, filled(template, &live[0], &home.other), "more than the pair was changed");
    read(&home, profiles, &live[0]);
}

fn filled(template: &str, dev: &Key, other: &Key) -> String {
    let pairs = [("{id}", &dev.id), ("{secret}", &dev.secret), ("{other_id}", &other.id), ("{other_secret}", &other.secret)];
    pairs.iter().fold(template.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

fn read(home: &Arc<Home>, profiles: &[&str], dev: &Key) {
    for profile in profiles {
        let (key, user) = if *profile == "other" { (&home.other, "other") } else { (dev, "dev") };
        let expected = Report { key: key.id.clone(), arn: format!("arn:aws:iam::000000000000:user/{user}") };
        for peer in PEERS {
            let before = home.lab.calls().len();
            assert_eq!(peer.report(&home.path(), &home.lab.url(), profile), expected, "{peer:?}, profile {profile}");
            let calls = home.lab.calls().split_off(before);
            let calls: Vec<_> = calls.iter().map(|call| (call.action.as_str(), call.key_id.as_str(), call.status)).collect();
            assert_eq!(calls, [("GetCallerIdentity", key.id.as_str(), Some(200))], "{peer:?}, profile {profile}");
        }
    }
}
