//! `keys add`: a key that a person has goes into the keychain or the credentials file, and what AWS does not accept goes nowhere.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use crate::bed::{Bed, SERIAL, content, fine, told};
use crate::home::Output;
use crate::lab::key::Status;
use crate::lab::{Key, Settings};

pub const ADD: &[&str] = &["keys", "add", "new", "--stdin", "--yes", "--no-input", "--force", "--region", "eu-west-1"];
pub const ADD_TO_FILE: &[&str] = &["keys", "add", "new", "--stdin", "--yes", "--no-input", "--to", "file", "--region", "eu-west-1"];
const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");

/// A key that no file has yet, of a user of its own; the newest of the lab.
pub fn fresh_key(bed: &Bed) -> Key {
    let mut world = bed.home.lab.world();
    let user = world.add_user("fresh", "/");
    world.add_settled_key(user)
}

/// As the AWS console gives it.
pub fn csv(key: &Key) -> String {
    format!("\u{feff}Access key ID,Secret access key\r\n{},{}\r\n", key.id, key.secret)
}

fn start() -> (Arc<Bed>, Key) {
    let bed = Bed::plain(Settings::default());
    let key = fresh_key(&bed);
    (bed, key)
}

fn give(bed: &Bed, words: &[&str], input: &str) -> Output {
    let mut run = bed.with(words);
    run.input = input.to_owned();
    // Without the machine's own AWS CLI.
    run.env.push(("PATH", "/nowhere:/bin".to_owned()));
    bed.home.run_with(&run)
}

/// So that a session of a user without an MFA device can be opened.
fn without_mfa(bed: &Bed) {
    std::fs::create_dir_all(bed.home.path().join(".config/keyrotate")).unwrap();
    bed.home.write(".config/keyrotate/config.toml", "[profile.new]\nrequire_mfa = false\n");
}

fn config(rest: &str) -> Option<String> {
    Some(format!("# roles\n[default]\nmfa_serial = {SERIAL}\n{rest}"))
}

fn process(name: &str) -> String {
    format!("credential_process = {PROGRAM} credential-process {name}")
}

/// The files as `Home` made them.
fn before(bed: &Bed) -> (Option<String>, Option<String>) {
    let bare = Bed::plain(Settings::default());
    let text = bare.read(".aws/credentials").unwrap();
    let same = |text: String, from: &Key, to: &Key| text.replace(&from.id, &to.id).replace(&from.secret, &to.secret);
    let text = same(same(text, &bare.home.old, &bed.home.old), &bare.home.other, &bed.home.other);
    (Some(text), config(""))
}

#[track_caller]
fn is_tidy(bed: &Bed) {
    let mut names: Vec<_> = std::fs::read_dir(bed.home.path().join(".aws")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config", "credentials"]);
    let imports = bed.home.path().join(".local/state/keyrotate/imports");
    assert_eq!(std::fs::read_dir(imports).into_iter().flatten().count(), 0);
}

pub fn newest(bed: &Bed) -> Key {
    bed.home.lab.world().keys.last().unwrap().clone()
}

#[track_caller]
pub fn is_in_item(bed: &Bed) {
    let key = newest(bed);
    let (credentials, _) = before(bed);
    assert_eq!(bed.read(".aws/credentials"), credentials);
    assert_eq!(bed.read(".aws/config"), config(&format!("[profile new]\n{}\nregion = eu-west-1\n", process("new"))));
    assert_eq!(bed.get("new"), Ok(Some(content(&key))));
    assert_eq!((bed.items(), bed.knows("new")), (vec!["new".to_owned()], true));
    is_tidy(bed);
}

#[track_caller]
pub fn is_in_file(bed: &Bed) {
    let key = newest(bed);
    let (credentials, _) = before(bed);
    let added = format!("\n[new]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    assert_eq!(bed.read(".aws/credentials"), credentials.map(|text| text + &added));
    assert_eq!(bed.read(".aws/config"), config("[profile new]\nregion = eu-west-1\n"));
    assert!(bed.items().is_empty() && !bed.knows("new"), "{:?}", bed.items());
    is_tidy(bed);
}

#[track_caller]
fn is_nowhere(bed: &Bed) {
    assert_eq!((bed.read(".aws/credentials"), bed.read(".aws/config")), before(bed));
    assert!(bed.items().is_empty() && !bed.knows("new"), "{:?}", bed.items());
    is_tidy(bed);
}

/// At any time every other key is where it was, the new one is in one place at most, and no profile has half of it.
#[track_caller]
pub fn is_whole_or_nothing(bed: &Bed, place: &str) {
    let key = newest(bed);
    let text = bed.read(".aws/credentials").unwrap_or_else(|| panic!("{place}: no file"));
    let (old, other) = (&bed.home.old, &bed.home.other);
    assert!(text.matches(&old.secret).count() == 2 && text.contains(&other.secret), "{place}: another key is lost");
    assert_eq!(text.contains(&key.id), text.contains(&key.secret), "{place}: half a key");
    let config = bed.read(".aws/config").unwrap_or_default();
    if config.contains("credential_process") {
        assert_eq!(bed.get("new"), Ok(Some(content(&key))), "{place}: a line that leads nowhere");
        assert!(!text.contains(&key.id), "{place}: in two places");
    }
}

#[test]
fn a_key_from_the_console_is_in_the_keychain_and_its_profile_works() {
    let (bed, key) = start();
    without_mfa(&bed);
    let output = give(&bed, ADD, &csv(&key));
    fine(&output);
    for said in ["+ [profile new]", "+ credential_process = ", "+ region = eu-west-1", "added:", "keychain item new", "as the same user"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    is_in_item(&bed);
    bed.home.hands_out_sessions();
    fine(&bed.run(&["credential-process", "new", "--no-input"]));
    told(&give(&bed, ADD, &csv(&key)), 1, &["new has a key already", "keyrotate rotate", "nothing was changed"]);
    fine(&bed.run(&["rotate", "new", "--yes", "--no-input"]));
    let rotated = newest(&bed);
    assert!(rotated.id != key.id && bed.get("new") == Ok(Some(content(&rotated))));
    let list = bed.run(&["keys", "list"]);
    assert!(list.stdout.contains("keychain item new"), "{}", list.stdout);
    told(&bed.run(&["keys", "import", "new", "--undo", "--yes"]), 1, &["nothing to undo", "nothing was changed"]);
}

#[test]
fn a_key_as_json_is_in_the_file_and_its_profile_works() {
    let (bed, key) = start();
    let dry = give(&bed, &[ADD_TO_FILE, &["--dry-run"]].concat(), &content(&key));
    assert!(dry.code == Some(0) && dry.stdout.contains("nothing was changed"), "{}{}", dry.stdout, dry.stderr);
    is_nowhere(&bed);
    let created = format!(r#"{{"AccessKey":{{"UserName":"fresh","Status":"Active",{}}}"#, &content(&key)[1..]);
    let output = give(&bed, ADD_TO_FILE, &created);
    fine(&output);
    for said in ["+ [new]", "+ aws_secret_access_key = ****", "[profile new]", "added:"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    is_in_file(&bed);
    assert_eq!(std::fs::metadata(bed.home.path().join(".aws/credentials")).unwrap().permissions().mode() & 0o777, 0o600);
    fine(&bed.run(&["rotate", "new", "--yes", "--no-input"]));
    assert!(bed.read(".aws/credentials").unwrap().contains(&newest(&bed).secret));
}

#[test]
fn a_section_that_is_there_gets_the_key_and_keeps_the_rest() {
    let (bed, key) = start();
    bed.home.write(".aws/credentials", "[new]\r\noutput = json\r\n");
    bed.home.write(".aws/config", "[profile new]\nregion = eu-west-1\n# mine\n");
    fine(&give(&bed, ADD_TO_FILE, &csv(&key)));
    let credentials = format!("[new]\r\naws_access_key_id = {}\r\naws_secret_access_key = {}\r\noutput = json\r\n", key.id, key.secret);
    assert_eq!(bed.read(".aws/credentials"), Some(credentials));
    assert_eq!(bed.read(".aws/config"), Some("[profile new]\nregion = eu-west-1\n# mine\n".to_owned()));
}

#[test]
fn somebody_who_never_had_an_aws_file_gets_both() {
    for (words, name, has_credentials) in [(ADD, "config", false), (ADD_TO_FILE, "credentials", true)] {
        let (bed, key) = start();
        let folder = bed.home.path().join(".aws");
        std::fs::remove_dir_all(&folder).unwrap();
        fine(&give(&bed, words, &csv(&key)));
        let mode = |name: &str| std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("."), mode(name)), (0o700, 0o600));
        assert_eq!(folder.join("credentials").exists(), has_credentials);
        fine(&bed.run(&["rotate", "new", "--yes", "--no-input"]));
    }
}

#[test]
fn what_removes_an_item_leaves_a_line_that_the_next_key_fits() {
    let (bed, key) = start();
    fine(&give(&bed, ADD, &csv(&key)));
    fine(&bed.run(&["keys", "remove", "new", "--id", &key.id, "--yes", "--no-input"]));
    fine(&give(&bed, ADD, &csv(&key)));
    is_in_item(&bed);
}

#[test]
fn what_aws_does_not_accept_goes_nowhere() {
    let (bed, key) = start();
    let root = {
        let mut world = bed.home.lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    for (given, code, said) in [
        (csv(&key).replace(&key.secret, &bed.home.other.secret), 1, "the secret access key of"),
        (csv(&key).replace("AKIA", "ASIA"), 1, "is a session key"),
        (csv(&root), 11, "of the root user"),
        (csv(&key).lines().next().unwrap().to_owned(), 1, "neither"),
        (format!("{}{}", csv(&key), csv(&key).lines().nth(1).unwrap()), 1, "has 2 keys"),
        (csv(&bed.home.old), 1, "is here already"),
    ] {
        for words in [ADD, ADD_TO_FILE] {
            told(&give(&bed, words, &given), code, &[said, "nothing was changed"]);
            is_nowhere(&bed);
        }
    }
    bed.home.lab.world().set_status(&key.id, Status::Inactive);
    told(&give(&bed, ADD, &csv(&key)), 1, &["inactive or deleted", "a moment ago", "nothing was changed"]);
    bed.home.lab.world().set_status(&key.id, Status::Active);
    let mut away = bed.with(ADD);
    away.env.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned()));
    away.input = csv(&key);
    told(&bed.home.run_with(&away), 1, &["cannot be reached", "nothing was changed"]);
    let mut exported = bed.with(ADD);
    exported.env.extend([("AWS_ACCESS_KEY_ID", key.id.clone()), ("AWS_SECRET_ACCESS_KEY", key.secret.clone())]);
    exported.input = csv(&key);
    told(&bed.home.run_with(&exported), 1, &["is exported", "nothing was changed"]);
    told(&bed.run(&["keys", "add", "new", "--force"]), 2, &["nobody can be asked", "--stdin", "nothing was changed"]);
    told(
        &give(&bed, &["keys", "add", "new", "--stdin", "--force", "--region", "EU"], &csv(&key)),
        2,
        &["not a region", "nothing was changed"],
    );
    is_nowhere(&bed);
}

#[test]
fn a_profile_that_gets_credentials_already_is_left_alone() {
    let (bed, key) = start();
    for (profile, extra, said) in [
        ("default", "", "default has a key already"),
        (
            "role",
            "[profile role]\nrole_arn = arn:aws:iam::000000000000:role/R\nsource_profile = work\n",
            "assumes a role with the key of work",
        ),
        ("sso", "[profile sso]\nsso_account_id = 1\n", "by AWS SSO"),
        ("vault", "[profile vault]\ncredential_process = /bin/vault\n", "by credential_process"),
        ("half", "[profile half]\naws_access_key_id = AKIAEXAMPLE000000009\n", "half"),
    ] {
        let text = config(extra).unwrap();
        bed.home.write(".aws/config", &text);
        for to in ["keychain", "file"] {
            let words = ["keys", "add", profile, "--stdin", "--yes", "--no-input", "--force", "--to", to];
            told(&give(&bed, &words, &csv(&key)), 1, &[said, "nothing was changed"]);
            assert_eq!(bed.read(".aws/config"), Some(text.clone()));
        }
    }
    // The line of a key in the keychain, whose item is gone: a key in a file would stand beside it.
    bed.home.write(".aws/config", &config(&format!("[profile new]\n{}\n", process("new"))).unwrap());
    told(
        &give(&bed, ADD_TO_FILE, &csv(&key)),
        1,
        &["by keyrotate, which has no key for it", "keyrotate keys add new", "nothing was changed"],
    );
    bed.home.write(".aws/config", &config("[profile new]\nregion = us-east-1\n").unwrap());
    told(&give(&bed, ADD, &csv(&key)), 1, &["another region", "nothing was changed"]);
    assert!(bed.items().is_empty());
}

#[test]
fn a_keychain_that_does_not_answer_takes_no_key() {
    let (bed, key) = start();
    bed.lock();
    told(&give(&bed, ADD, &csv(&key)), 1, &["is locked", "nothing was changed"]);
    bed.kill_daemon();
    told(&give(&bed, ADD, &csv(&key)), 1, &["no keychain answers", "nothing was changed"]);
    bed.start_daemon();
    is_nowhere(&bed);
    bed.put("new", "something of a person's");
    told(&give(&bed, ADD, &csv(&key)), 1, &["keychain item new is there already", "nothing was changed"]);
    assert_eq!(bed.get("new"), Ok(Some("something of a person's".to_owned())));
}

#[test]
fn where_the_line_does_not_work_everything_is_put_back() {
    let (bed, key) = start();
    without_mfa(&bed);
    let other = crate::import::other_identity(&bed);
    let mut run = bed.with(ADD);
    run.env.push(("PATH", other));
    run.input = csv(&key);
    told(&bed.home.run_with(&run), 1, &["does not work with the line", "every file is as it was", "keyrotate keys add new"]);
    is_nowhere(&bed);
}

#[test]
fn what_was_cut_off_is_named_by_its_own_command_and_finished_with_the_key_that_was_given_first() {
    let (bed, key) = start();
    // Killed as the config file is about to be replaced: the item is there.
    let mut run = bed.with(ADD);
    run.input = csv(&key);
    run.env.push(("PATH", "/nowhere:/usr/bin:/bin".to_owned()));
    let mut nth = 1;
    while bed.items().is_empty() {
        let inject = format!("-einject=renameat2:signal=KILL:when={nth}");
        run.prefix = ["strace", "-f", "-qq", &inject, "-etrace=renameat2", "-o/dev/null"].map(str::to_owned).to_vec();
        assert_eq!(bed.home.run_with(&run).code, None, "it ended before the item was made");
        nth += 1;
    }
    told(
        &bed.run(&["keys", "remove", "new", "--yes", "--no-input"]),
        1,
        &["is under way", "keyrotate keys add new", "nothing was changed"],
    );
    told(&bed.run(&["keys", "import", "new", "--undo", "--yes"]), 1, &["was never in a file", "keyrotate keys add new"]);
    let other = {
        let mut world = bed.home.lab.world();
        world.add_settled_key(key.user)
    };
    told(&give(&bed, ADD, &csv(&other)), 1, &[&format!("new has {}", key.id), &format!("{} was not added", other.id)]);
    assert_eq!(bed.get("new"), Ok(Some(content(&key))));
    assert!(bed.knows("new") && bed.read(".aws/config").unwrap().contains(&process("new")));
    is_tidy(&bed);
    told(&give(&bed, ADD, &csv(&other)), 1, &["new has a key already"]);
}
