//! The cache: private, whole, and never believed where it is not what was asked for.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::bench::{
    SERIAL, age, asked, cache_folder, cached, code, given, given_by, login, program, runs, session_files, start, start_with, told,
    wait_until, words,
};
use crate::home::{Home, Run};
use crate::lab::Settings;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn everything_in_the_cache_is_private_and_nothing_else_is_there() {
    let home = start();
    login(&home);
    let files = cached(&home);
    assert!(files.iter().all(|(_, _, mode)| *mode == 0o600), "{files:?}");
    let kind = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let mut kinds: Vec<String> = files.iter().map(|(name, ..)| kind(name)).collect();
    kinds.sort();
    assert_eq!(kinds, ["json", "lock", "lock", "token-codes"]);
    for folder in [cache_folder(&home), home.path().join(".cache/keyrotate")] {
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    let text = files.iter().map(|(_, text, _)| text.as_str()).collect::<String>();
    assert!(!text.contains(&home.old.secret));
}

/// It is not used, that is said once, and the next login replaces it.
fn is_replaced(home: &Home, why: &str) {
    let quiet = home.run(&["credential-process", "default", "--no-input"]);
    assert_eq!(quiet.code, Some(20), "it was used: {}", quiet.stderr);
    let output = home.run(&["login", "--no-input", "--mfa-code", &code(home)]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let said = words(&output.stderr);
    assert!(said.contains(why) && said.matches("is not used").count() == 1, "{why}: {said}");
    let session = given(home, "default");
    assert!(session.mfa);
    let again = home.run(&["login", "--no-input"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "said again");
    assert_eq!(asked(home), ["GetSessionToken", "GetSessionToken"]);
}

#[test]
fn what_is_damaged_is_not_used_and_is_replaced() {
    let damages: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        |_| Vec::new(),
        |_| b"\xff\xfe[]".to_vec(),
        |bytes| String::from_utf8(bytes).unwrap().replace("\"access_key_id\"", "\"other\"").into_bytes(),
    ];
    for damage in damages {
        let home = start();
        login(&home);
        let path = session_files(&home).pop().unwrap();
        std::fs::write(&path, damage(std::fs::read(&path).unwrap())).unwrap();
        is_replaced(&home, "it is damaged");
    }
}

#[test]
fn a_session_of_another_request_is_not_used_under_this_ones_name() {
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n"));
    login(&home);
    let path = session_files(&home).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&home.old.id, &home.other.id)).unwrap();
    is_replaced(&home, "it is of another session");
}

#[test]
fn what_others_can_read_or_write_is_not_used_and_is_replaced() {
    for mode in [0o644, 0o640, 0o606, 0o620] {
        let home = start();
        login(&home);
        // Without the secret: what is not private must not have it in this house.
        let path = session_files(&home).pop().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let session = home.lab.world().sessions[0].clone();
        std::fs::write(&path, text.replace(&session.secret, "s").replace(&session.token, "t")).unwrap();
        set_mode(&path, mode);
        is_replaced(&home, "others can read it");
        assert!(cached(&home).iter().all(|(_, _, mode)| *mode == 0o600));
    }
}

#[test]
fn a_folder_that_others_can_read_is_closed_and_one_that_others_can_write_is_refused() {
    let home = start();
    let folder = cache_folder(&home);
    std::fs::create_dir_all(&folder).unwrap();
    set_mode(&folder, 0o755);
    login(&home);
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    set_mode(&folder, 0o777);
    told(&home.run(&["login", "--fresh", "--mfa-code", &code(&home)]), 1, &["can be written by others", "chmod 700"]);
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn where_the_session_cannot_be_kept_it_is_handed_out_and_that_is_said() {
    let home = start();
    login(&home);
    let path = session_files(&home).pop().unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let output = home.run(&["credential-process", "default", "--mfa-code", &code(&home)]);
    crate::bench::given_by(&home, &output);
    assert!(words(&output.stderr).contains("could not be kept for the next command"), "{}", output.stderr);
}

#[test]
fn where_the_codes_cannot_be_remembered_none_is_sent() {
    let home = start();
    login(&home);
    std::fs::remove_file(session_files(&home).pop().unwrap()).unwrap();
    std::fs::remove_file(cache_folder(&home).join("token-codes")).unwrap();
    std::fs::create_dir(cache_folder(&home).join("token-codes")).unwrap();
    told(&home.run(&["login", "--mfa-code", &code(&home)]), 1, &["the memory of used MFA codes cannot be written"]);
    assert_eq!(asked(&home), ["GetSessionToken"]);
}

#[test]
fn a_logout_forgets_the_sessions_of_the_key_and_with_all_every_one() {
    let role = "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/R\nsource_profile = default\n";
    let other = "arn:aws:iam::000000000000:mfa/other";
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n{role}[profile other]\nmfa_serial = {other}\n"));
    login(&home);
    given(&home, "r");
    let theirs = home.lab.code("other").unwrap();
    assert_eq!(home.run(&["login", "other", "--mfa-code", &theirs]).code, Some(0));
    let output = home.run(&["logout"]);
    assert_eq!((output.code, output.stdout.trim()), (Some(0), "2 sessions are forgotten"));
    assert_eq!(home.run(&["credential-process", "r", "--no-input"]).code, Some(20));
    given(&home, "other");
    assert_eq!(home.run(&["logout", "--all"]).stdout.trim(), "one session is forgotten");
    assert_eq!(home.run(&["logout"]).stdout.trim(), "no session was open");
    assert_eq!(session_files(&home), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_logout_forgets_what_cannot_be_read_too() {
    let home = start();
    login(&home);
    let path = session_files(&home).pop().unwrap();
    std::fs::write(&path, "{").unwrap();
    assert_eq!(home.run(&["logout", "--all"]).code, Some(0));
    assert!(!path.exists());
}

#[test]
fn what_has_ended_is_removed_by_the_next_login_and_not_by_a_look() {
    let home = start();
    login(&home);
    let theirs = home.lab.code("other").unwrap();
    home.write(
        ".aws/config",
        &format!("[default]\nmfa_serial = {SERIAL}\n[profile other]\nmfa_serial = arn:aws:iam::000000000000:mfa/other\n"),
    );
    assert_eq!(home.run(&["login", "other", "--mfa-code", &theirs]).code, Some(0));
    age(&home, 43_300);
    told(&home.run(&["credential-process", "default", "--no-input"]), 20, &["an MFA code is needed"]);
    assert_eq!(session_files(&home).len(), 2);
    // Of another length, so that nothing is replaced.
    assert_eq!(home.run(&["login", "--duration", "1h", "--mfa-code", &code(&home)]).code, Some(0));
    assert_eq!(session_files(&home).len(), 1, "{:?}", session_files(&home));
    given_by(&home, &home.run(&["credential-process", "default", "--duration", "1h", "--no-input"]));
    age(&home, 3_700);
    // Another key's, which is not meant.
    assert_eq!(home.run(&["logout", "other"]).stdout.trim(), "no session was open");
    assert_eq!(session_files(&home).len(), 0);
}

#[test]
fn a_logout_that_fails_says_what_is_left_and_the_way_that_needs_no_profile() {
    let home = start();
    login(&home);
    let output = home.run(&["logout", "gone"]);
    told(&output, 1, &["no profile gone", "state: no session is forgotten", "`keyrotate logout --all`"]);
    assert!(!output.stderr.contains("was opened"), "{}", output.stderr);
    home.write(".aws/config", "no section");
    told(&home.run(&["logout"]), 1, &["line 1", "state: no session is forgotten", "correct the file", "`keyrotate logout --all`"]);
    assert_eq!(home.run(&["logout", "--all"]).stdout.trim(), "one session is forgotten");
    std::fs::create_dir(cache_folder(&home).join("a.json")).unwrap();
    told(&home.run(&["logout", "--all"]), 1, &["a.json cannot be removed", "state: no session is forgotten; others may be left"]);
}

#[test]
fn a_logout_is_not_done_while_a_session_is_being_opened_and_says_whose() {
    for args in [&["logout"][..], &["logout", "--all"]] {
        let home = start();
        login(&home);
        program(
            &home,
            &format!("while test -e \"$0\" && ! test -e '{}'; do sleep 0.05; done; echo {}", home.scratch("gate").display(), code(&home)),
        );
        let mut opening = home.command(&Run::new(&["login", "--fresh"])).spawn().unwrap();
        wait_until(|| runs(&home) == 1, || "nobody asks".to_owned());
        let half = cache_folder(&home).join(".a.json.tmp");
        std::fs::write(&half, "").unwrap();
        let named = format!("process {} (`keyrotate login`)", opening.id());
        told(&home.run(args), 21, &[&named, "a session is being opened", "one session is forgotten", "answer its question, or end it"]);
        assert_eq!(session_files(&home).len(), 0);
        assert!(half.exists(), "somebody may be writing it");
        std::fs::write(home.scratch("gate"), "").unwrap();
        assert!(opening.wait().unwrap().success());
        assert_eq!(home.run(args).stdout.trim(), "one session is forgotten");
        assert_eq!((session_files(&home).len(), half.exists()), (0, args.len() == 1));
    }
}

/// The file has another key of the same user now, as a copy that came from another machine has.
fn rotated_elsewhere(home: &Home) {
    let new = home.lab.world().add_settled_key(home.old.user);
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    home.write(".aws/credentials", &text.replace(&home.old.id, &new.id).replace(&home.old.secret, &new.secret));
}

#[test]
fn a_logout_finds_the_sessions_of_a_key_that_was_rotated_elsewhere() {
    let role = "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/R\nsource_profile = default\n";
    // By the device, and by the profile that they were opened for.
    for named in [format!("mfa_serial = {SERIAL}\n"), String::new()] {
        let other = "[profile other]\nmfa_serial = arn:aws:iam::000000000000:mfa/other\n";
        let home = start_with(Settings::default(), &format!("[default]\n{named}{role}{other}"));
        login(&home);
        given(&home, "r");
        let theirs = home.lab.code("other").unwrap();
        assert_eq!(home.run(&["login", "other", "--mfa-code", &theirs]).code, Some(0));
        rotated_elsewhere(&home);
        assert_eq!(home.run(&["logout"]).stdout.trim(), "2 sessions are forgotten", "{named}");
        given(&home, "other");
    }
}

#[test]
fn a_logout_leaves_a_session_of_another_account_whose_profile_is_in_other_files() {
    let home = start();
    login(&home);
    let [own, config] = [".aws/credentials", ".aws/config"].map(|name| std::fs::read_to_string(home.path().join(name)).unwrap());
    // As with AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE of another customer.
    home.write(".aws/credentials", &own.replace(&home.old.id, &home.other.id).replace(&home.old.secret, &home.other.secret));
    home.write(".aws/config", "[default]\nmfa_serial = arn:aws:iam::444455556666:mfa/dev\n");
    assert_eq!(home.run(&["logout"]).stdout.trim(), "no session was open");
    home.write(".aws/credentials", &own);
    home.write(".aws/config", &config);
    assert_eq!(home.run(&["logout"]).stdout.trim(), "one session is forgotten");
}

#[test]
fn a_logout_leaves_a_session_that_another_profile_has_the_key_of() {
    let home = start_with(Settings::default(), &format!("[default]\nmfa_serial = {SERIAL}\n[profile same]\nmfa_serial = {SERIAL}\n"));
    login(&home);
    rotated_elsewhere(&home);
    let text = std::fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    let pair = format!("\n[same]\naws_access_key_id = {}\naws_secret_access_key = {}\n", home.old.id, home.old.secret);
    home.write(".aws/credentials", &(text + &pair));
    assert_eq!(home.run(&["logout"]).stdout.trim(), "no session was open");
    assert_eq!(home.run(&["logout", "same"]).stdout.trim(), "one session is forgotten");
}

/// The mode is a reason not to use it, not one to leave it.
#[test]
fn a_logout_forgets_what_others_can_read_too() {
    let home = start();
    login(&home);
    let path = session_files(&home).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let session = home.lab.world().sessions[0].clone();
    std::fs::write(&path, text.replace(&session.secret, "s").replace(&session.token, "t")).unwrap();
    set_mode(&path, 0o644);
    assert_eq!(home.run(&["logout"]).stdout.trim(), "one session is forgotten");
}
