//! `keys import`: a key leaves the files for the keychain, whole, and comes back byte for byte.

use std::sync::Arc;

use crate::bed::{Bed, SERIAL, content, fine, told};
use crate::home::{Output, one_line};
use crate::lab::faults::Fault;
use crate::lab::{Rule, Settings};

const IMPORT: &[&str] = &["keys", "import", "default", "--yes", "--no-input", "--force"];
const UNDO: &[&str] = &["keys", "import", "default", "--undo", "--yes", "--no-input"];
const PROGRAM: &str = env!("CARGO_BIN_EXE_keyrotate");

fn start() -> Arc<Bed> {
    Bed::plain(Settings::default())
}

/// The credentials file as `Home` made it.
fn before(bed: &Bed) -> String {
    let (old, other) = (&bed.home.old, &bed.home.other);
    format!(
        "# Keys of this laptop. Keep this line.\n[default]\naws_access_key_id = {}\naws_secret_access_key={}\n  # indented comment\n\
         region = eu-west-1\n\n[work]\naws_secret_access_key = {}\naws_access_key_id = {}\n\n[other]\naws_secret_access_key = {}\n\
         aws_access_key_id     = {}\n; end, and no newline after this",
        old.id, old.secret, old.secret, old.id, other.secret, other.id
    )
}

fn after(bed: &Bed) -> String {
    let old = &bed.home.old;
    let is_pair = |line: &&str| !(line.starts_with("aws_") && (line.contains(&old.id) || line.contains(&old.secret)));
    before(bed).split_inclusive('\n').filter(is_pair).collect()
}

const CONFIG: &str = "# roles\n[default]\nmfa_serial = SERIAL\n";

#[track_caller]
pub fn is_moved(bed: &Bed) {
    assert_eq!(bed.read(".aws/credentials"), Some(after(bed)));
    let config = format!(
        "# roles\n[default]\ncredential_process = {PROGRAM} credential-process default\nmfa_serial = {SERIAL}\n\
         [profile work]\ncredential_process = {PROGRAM} credential-process work\n"
    );
    assert_eq!(bed.read(".aws/config"), Some(config));
    assert_eq!(bed.get("default"), Ok(Some(content(&bed.home.old))));
    assert_eq!((bed.items(), bed.knows("default")), (vec!["default".to_owned()], true));
    bed.is_in_no_file();
    is_tidy(bed);
}

#[track_caller]
pub fn is_as_before(bed: &Bed) {
    assert_eq!(bed.read(".aws/credentials"), Some(before(bed)));
    assert_eq!(bed.read(".aws/config"), Some(CONFIG.replace("SERIAL", SERIAL)));
    is_gone(bed);
}

#[track_caller]
pub fn is_gone(bed: &Bed) {
    assert_eq!((bed.items(), bed.knows("default")), (Vec::new(), false));
    let imports = bed.home.path().join(".local/state/keyrotate/imports");
    assert_eq!(std::fs::read_dir(imports).into_iter().flatten().count(), 0);
    is_tidy(bed);
}

/// Nothing of ours is left beside the files.
#[track_caller]
fn is_tidy(bed: &Bed) {
    let mut names: Vec<_> = std::fs::read_dir(bed.home.path().join(".aws")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config", "credentials"]);
}

fn with_code(bed: &Bed, words: &[&str]) -> Output {
    let mut run = bed.with(words);
    run.env.push(("KEYROTATE_MFA_CODE", bed.home.lab.code("dev").expect("a code")));
    run.env.push(("PATH", "/usr/bin:/bin".to_owned()));
    bed.home.run_with(&run)
}

#[test]
fn a_key_of_two_profiles_moves_and_everything_works_as_before() {
    let bed = start();
    let config = bed.read(".aws/config").unwrap();
    let role = "[profile role]\nrole_arn = arn:aws:iam::000000000000:role/R\nsource_profile = work\n";
    bed.home.write(".aws/config", &format!("{config}{role}"));
    let output = with_code(&bed, IMPORT);
    fine(&output);
    for said in ["- aws_secret_access_key=****", "+ credential_process = ", "[work]", "moved:", "as the same user"] {
        assert!(output.stdout.contains(said), "{said}: {}", output.stdout);
    }
    assert_eq!(bed.read(".aws/credentials"), Some(after(&bed)));
    bed.is_in_no_file();
    is_tidy(&bed);
    for profile in ["default", "work"] {
        bed.home.hands_out_sessions();
        fine(&bed.run(&["credential-process", profile, "--no-input"]));
    }
    let list = bed.run(&["keys", "list"]);
    assert!(list.stdout.contains("default, role, work") && list.stdout.contains("keychain item default"), "{}", list.stdout);
    fine(&with_code(&bed, IMPORT));
    fine(&bed.run(&["rotate", "default", "--yes", "--no-input"]));
    let new = bed.newest();
    assert_eq!(bed.get("default"), Ok(Some(content(&new))));
    let undo = bed.run(UNDO);
    fine(&undo);
    let (old, text) = (&bed.home.old, before(&bed));
    assert!(undo.stdout.contains(&format!("+ aws_access_key_id = {}", new.id)) && !undo.stdout.contains(&old.id), "{}", undo.stdout);
    assert_eq!(bed.read(".aws/credentials"), Some(text.replace(&old.id, &new.id).replace(&old.secret, &new.secret)));
    assert_eq!(bed.read(".aws/config"), Some(format!("{config}{role}")));
    is_gone(&bed);
}

#[test]
fn without_a_code_the_item_is_proved_and_the_line_at_the_next_login() {
    let bed = start();
    let dry = bed.run(&[IMPORT, &["--dry-run"]].concat());
    assert!(dry.code == Some(0) && dry.stdout.contains("nothing was changed"), "{}{}", dry.stdout, dry.stderr);
    is_as_before(&bed);
    let output = bed.run(IMPORT);
    assert!(output.code == Some(0) && output.stdout.contains("the next `keyrotate login`"), "{}{}", output.stdout, output.stderr);
    is_moved(&bed);
    fine(&bed.login());
    let again = bed.run(IMPORT);
    assert!(again.code == Some(0) && again.stdout.contains("as the same user"), "{}{}", again.stdout, again.stderr);
    let again = bed.run(IMPORT);
    assert!(again.code == Some(0) && again.stdout.contains("already"), "{}{}", again.stdout, again.stderr);
    is_moved(&bed);
    fine(&bed.run(UNDO));
    is_as_before(&bed);
    told(&bed.run(UNDO), 1, &["nothing to undo", "nothing was changed"]);
}

#[test]
fn every_shape_of_the_files_comes_back_byte_for_byte() {
    let bed = start();
    let old = bed.home.old.clone();
    let (id, secret) = (format!("aws_access_key_id = {}", old.id), format!("aws_secret_access_key = {}", old.secret));
    for (credentials, config) in [
        (format!("[default]\r\n{id}\r\n{secret}\r\n# end\r\n"), Some("[default]".to_owned())),
        (format!("[default]\n{secret}\n{id}"), None),
        (String::new(), Some(format!("[default]\nregion = r1\n  # x\n{id}\n{secret}\n[profile b]\n{secret}\n\n{id}"))),
    ] {
        bed.home.write(".aws/credentials", &credentials);
        let path = bed.home.path().join(".aws/config");
        match &config {
            Some(config) => bed.home.write(".aws/config", config),
            None => std::fs::remove_file(&path).unwrap(),
        }
        fine(&bed.run(IMPORT));
        bed.is_in_no_file();
        assert_eq!(bed.get("default"), Ok(Some(content(&old))));
        fine(&bed.run(UNDO));
        assert_eq!((bed.read(".aws/credentials"), bed.read(".aws/config")), (Some(credentials), config));
        assert!(bed.items().is_empty());
    }
}

#[test]
fn what_cannot_move_is_refused_and_nothing_is_changed() {
    let bed = start();
    let old = bed.home.old.clone();
    let pair = format!("aws_access_key_id = {}\naws_secret_access_key = {}\n", old.id, old.secret);
    let whole = format!("[default]\n{pair}");
    let session = whole.replace("AKIA", "ASIA") + "aws_session_token = t\n";
    for (credentials, config, said) in [
        (session, String::new(), "session"),
        (format!("{whole}aws_session_token = t\n"), String::new(), "session token"),
        (whole.clone(), "[default]\nsso_account_id = 1\n".to_owned(), "sso_account_id"),
        (whole.clone(), "[default]\ncredential_process = /bin/other\n".to_owned(), "line 2: the profile has another credential_process"),
        (whole.clone(), "[default]\nlogin_session = x\n".to_owned(), "aws login"),
        (whole.clone(), format!("[copy]\n{pair}"), "no profile gets"),
        (whole.clone(), format!("[default]\n{pair}"), "no profile gets"),
        (whole.clone(), "[default]\nrole_arn = arn:aws:iam::000000000000:role/R\nsource_profile = default\n".to_owned(), "assumes a role"),
        (format!("{whole}[half]\naws_access_key_id = {}\n", old.id), String::new(), "half"),
    ] {
        bed.home.write(".aws/credentials", &credentials);
        bed.home.write(".aws/config", &config);
        told(&bed.run(IMPORT), 1, &[said, "nothing was changed"]);
        assert_eq!((bed.read(".aws/credentials"), bed.read(".aws/config")), (Some(credentials), Some(config)));
        is_gone(&bed);
    }
    bed.home.write(".aws/credentials", &before(&bed));
    bed.home.write(".aws/config", &CONFIG.replace("SERIAL", SERIAL));
    let mut exported = bed.with(IMPORT);
    exported.env.extend([("AWS_ACCESS_KEY_ID", old.id.clone()), ("AWS_SECRET_ACCESS_KEY", old.secret.clone())]);
    told(&bed.home.run_with(&exported), 1, &["is exported", "nothing was changed"]);
    told(&bed.run(&["keys", "import", "none", "--force"]), 1, &["no profile none", "nothing was changed"]);
    told(&bed.run(&["keys", "import", "default", "--yes", "--program", "/bin/sh"]), 2, &["called keyrotate", "nothing was changed"]);
    told(&bed.run(&["keys", "import", "default", "--yes"]), 2, &["--force", "nothing was changed"]);
    bed.put("default", "something of a person's");
    told(&bed.run(IMPORT), 1, &["keychain item default is there already", "nothing was changed"]);
    assert_eq!(bed.get("default"), Ok(Some("something of a person's".to_owned())));
    std::fs::hard_link(bed.home.path().join(".aws/credentials"), bed.home.scratch("trace-second-name")).unwrap();
    told(&bed.run(IMPORT), 1, &["hard link", "nothing was changed"]);
    assert_eq!(bed.read(".aws/credentials"), Some(before(&bed)));
}

#[test]
fn a_keychain_that_does_not_answer_is_noticed_before_anything_is_changed() {
    let bed = start();
    bed.lock();
    told(&bed.run(IMPORT), 1, &["is locked", "nothing was changed"]);
    told(&bed.home.run(IMPORT), 1, &["no keychain answers", "nothing was changed"]);
    bed.kill_daemon();
    told(&bed.run(IMPORT), 1, &["no keychain answers", "nothing was changed"]);
    bed.start_daemon();
    is_as_before(&bed);
}

#[test]
fn while_a_rotation_is_under_way_nothing_moves() {
    let bed = start();
    bed.home.lab.rules(vec![Rule::on("UpdateAccessKey", Fault::PauseBefore)]);
    let mut run = bed.with(&["rotate", "default", "--yes", "--no-input"]);
    run.kill_at_pause = true;
    assert_eq!(bed.home.run_with(&run).code, None);
    bed.home.lab.rules(Vec::new());
    told(&bed.run(IMPORT), 1, &["a rotation of", "is under way", "keyrotate rotate default", "nothing was changed"]);
    assert!(bed.items().is_empty() && !bed.knows("default"));
}

/// A PATH with this script in the place of the AWS CLI.
fn with_aws(bed: &Bed, script: &str) -> String {
    let programs = bed.home.scratch("programs");
    std::fs::create_dir_all(&programs).unwrap();
    std::fs::write(programs.join("aws"), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(programs.join("aws"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", programs.display())
}

/// A PATH with an AWS CLI that is somebody else, and notes what it was asked for.
pub fn other_identity(bed: &Bed) -> String {
    let asked = bed.home.scratch("asked");
    let answer = r#"{"UserId":"AIDAOTHER","Account":"000000000000"}"#;
    with_aws(bed, &format!("[ \"$1\" = --version ] && exit 0\necho \"$@\" >{}\necho '{answer}'", asked.display()))
}

#[test]
fn what_was_cut_off_is_told_by_status_and_finished_by_auto() {
    let bed = start();
    let mut run = bed.with(IMPORT);
    run.prefix =
        ["strace", "-f", "-qq", "-o/dev/null", "-etrace=renameat2", "-einject=renameat2:signal=KILL:when=2"].map(str::to_owned).into();
    assert_eq!(bed.home.run_with(&run).code, None);
    let told = format!("the move of {} (default, work) into the keychain was interrupted", bed.home.old.id);
    let status = bed.run(&["status"]);
    let said = one_line(&status.stdout);
    assert!(status.code == Some(10) && said.contains(&format!("{told}: run `keyrotate keys import default`")), "{}", status.stdout);
    let json = bed.run(&["status", "--json"]);
    assert!(json.code == Some(10) && json.stdout.contains(&told), "{}", json.stdout);
    // Where no keychain answers.
    let auto = bed.home.run(&["auto", "--now"]);
    let said = one_line(&auto.stderr);
    assert!(auto.code == Some(1) && said.contains("no keychain answers") && said.contains("run `keyrotate keys import default`"), "{said}");
    let auto = bed.run(&["auto", "--now"]);
    assert!(auto.code == Some(0) && auto.stdout.contains("had been interrupted, and is finished"), "{}{}", auto.stdout, auto.stderr);
    is_moved(&bed);
    let auto = bed.run(&["auto", "--now"]);
    assert_eq!((auto.code, auto.stdout.as_str()), (Some(0), ""), "{}", auto.stderr);
}

#[test]
fn a_probe_that_was_cut_off_is_removed_by_the_next_run_whatever_it_does() {
    let bed = start();
    let mut run = bed.with(IMPORT);
    // Only the probe is made before the first file gets its name.
    run.prefix =
        ["strace", "-f", "-qq", "-o/dev/null", "-etrace=sendmsg", "-einject=sendmsg:signal=KILL:when=WHEN"].map(str::to_owned).into();
    let is_left = (1..40).any(|when| {
        let mut killed = run.clone();
        killed.prefix[5] = killed.prefix[5].replace("WHEN", &when.to_string());
        assert_eq!(bed.home.run_with(&killed).code, None);
        !bed.items().is_empty()
    });
    assert!(is_left && bed.items() == ["keyrotate-probe"], "{:?}", bed.items());
    let auto = bed.run(&["auto", "--now"]);
    assert_eq!((auto.code, auto.stdout.as_str()), (Some(0), ""), "{}", auto.stderr);
    is_as_before(&bed);
    assert!(bed.read(".local/state/keyrotate/keychain.probe").is_none());
}

#[test]
fn where_the_aws_cli_gets_another_identity_everything_is_put_back() {
    let bed = start();
    let mut run = bed.with(IMPORT);
    run.env.push(("PATH", other_identity(&bed)));
    run.env.push(("KEYROTATE_MFA_CODE", bed.home.lab.code("dev").unwrap()));
    told(
        &bed.home.run_with(&run),
        1,
        &["does not work with the line", "AIDAOTHER", "every file is as it was", "keyrotate keys import default"],
    );
    let words = std::fs::read_to_string(bed.home.scratch("asked")).unwrap();
    assert!(words.contains("--profile default") && words.contains("--endpoint-url http://127.0.0.1"), "{words}");
    is_as_before(&bed);
}

#[test]
fn an_aws_cli_that_hangs_is_ended_and_everything_is_put_back() {
    let bed = start();
    for (script, said) in [("exec sleep 600", "--version` did not answer within"), (LATER, "does not work with the line")] {
        let mut run = bed.with(IMPORT);
        run.env.push(("PATH", with_aws(&bed, script)));
        run.env.push(("KEYROTATE_MFA_CODE", bed.home.lab.code("dev").unwrap()));
        told(&bed.home.run_with(&run), 1, &[said, "did not answer within 10 s", "every file is as it was"]);
        is_as_before(&bed);
    }
}

const LATER: &str = "[ \"$1\" = --version ] && exit 0\nexec sleep 600";

#[test]
fn what_our_own_program_says_of_a_failure_is_a_cause_and_no_second_error() {
    let bed = start();
    let program = bed.home.scratch("programs").join("keyrotate");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\necho 'keyrotate: error: the session does not open' >&2\necho '  cause: a reason' >&2\necho '  state: as before' >&2\nexit 1\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = bed.run(&[IMPORT, &["--program", &program.display().to_string()]].concat());
    told(&output, 1, &["gives no session cause: the session does not open cause: a reason state: every file is as it was"]);
    is_as_before(&bed);
}

#[test]
fn a_key_of_the_root_user_stays_where_it_is() {
    let bed = start();
    let root = {
        let mut world = bed.home.lab.world();
        let root = world.add_root();
        world.add_settled_key(root)
    };
    let text = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", root.id, root.secret);
    bed.home.write(".aws/credentials", &text);
    told(&bed.run(IMPORT), 11, &["of the root user", "nothing was changed"]);
    assert_eq!(bed.read(".aws/credentials"), Some(text));
    is_gone(&bed);
}
