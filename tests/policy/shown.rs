//! What `policy show` prints: the document alone on standard output, the rest on standard error, about whom it was asked for.

use serde_json::Value;

use crate::bench::{count, run, settings, shown, start};
use crate::home::{Home, one_line};

fn resources(document: &Value) -> Vec<String> {
    let statements = document["Statement"].as_array().unwrap();
    statements.iter().flat_map(|one| one["Resource"].as_array().unwrap()).map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn words(home: &Home, args: &[&str]) -> String {
    run(home, args).said()
}

#[test]
fn the_document_is_alone_on_standard_output_and_the_rest_can_be_silenced() {
    let home = start("");
    let output = run(&home, &["policy", "show", "rotate"]);
    assert!(output.code == Some(0) && output.stdout.starts_with("{\n") && output.stdout.ends_with("}\n"), "{}", output.stdout);
    let size = output.stdout.split_whitespace().map(str::len).sum::<usize>();
    let text = one_line(&output.stderr);
    for part in [
        "rotate: status, rotate, undo and auto",
        "--without-mfa",
        &format!("it has {size} of the 6144 characters"),
        "aws iam create-policy --policy-name keyrotate-rotate --policy-document file://keyrotate-rotate.json",
        "aws iam attach-group-policy --group-name GROUP --policy-arn arn:aws:iam::ACCOUNT:policy/keyrotate-rotate",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let quiet = run(&home, &["policy", "show", "rotate", "-q"]);
    assert_eq!((quiet.code, quiet.stdout, quiet.stderr.as_str()), (Some(0), output.stdout, ""));
    assert_eq!(home.lab.calls().len(), 0, "nobody is asked about whoever has it");
}

#[test]
fn every_policy_is_listed_and_a_name_that_is_none_is_told() {
    let home = start("");
    let list = run(&home, &["policy", "list"]);
    assert_eq!((list.code, list.stdout.lines().count(), list.stderr.as_str()), (Some(0), 11, ""), "{}", list.stdout);
    assert_eq!(run(&home, &["policy", "show"]).stdout, list.stdout);
    for line in list.stdout.lines() {
        let name = line.split_whitespace().next().unwrap();
        let output = run(&home, &["policy", "show", name, "--secret", "prod/ci"]);
        assert_eq!(output.code, Some(0), "{name}: {}", output.stderr);
    }
    let wrong = run(&home, &["policy", "show", "rotat"]);
    assert!(wrong.code == Some(2) && wrong.said().contains("'rotate'"), "{}", wrong.said());
}

#[test]
fn a_profile_is_about_its_own_user_with_path_account_and_partition() {
    let home = crate::home::Home::new(
        env!("CARGO_BIN_EXE_keyrotate"),
        crate::lab::Settings { partition: "aws-us-gov".into(), account: "111122223333".into(), ..Default::default() },
        true,
    );
    home.lab.world().users[0].path = "/team/blue/".into();
    let document = shown(&home, &["rotate", "work"]);
    assert_eq!(resources(&document)[0], "arn:aws-us-gov:iam::111122223333:user/team/blue/dev");
    assert!(resources(&document).contains(&"arn:aws-us-gov:iam::111122223333:group/*".to_owned()), "{document}");
    assert_eq!((count(&home, "GetCallerIdentity"), home.lab.calls().len()), (1, 1));
    assert!(words(&home, &["policy", "show", "rotate", "work"]).contains("arn:aws-us-gov:iam::111122223333:policy/keyrotate-rotate"));
    let calls = home.lab.calls().len();
    let document = shown(&home, &["rotate", "work", "--account", "444455556666", "--user", "/x/dev", "--partition", "aws-cn"]);
    assert_eq!(resources(&document)[0], "arn:aws-cn:iam::444455556666:user/x/dev");
    assert_eq!(home.lab.calls().len(), calls, "who says all of it is not asked about");
}

#[test]
fn a_profile_of_which_aws_says_nothing_gets_no_policy_of_somebody_elses() {
    let home = start("");
    let key = home.old.id.clone();
    home.lab.world().set_status(&key, crate::lab::key::Status::Inactive);
    let output = run(&home, &["policy", "show", "rotate", "default"]);
    let text = output.said();
    assert!(output.code == Some(12) && output.stdout.is_empty(), "{text}");
    assert!(text.contains("does not accept") && text.contains("--account ID --user NAME"), "{text}");
    let offline = run(&home, &["policy", "show", "rotate", "default", "--account", "111122223333", "--user", "dev"]);
    assert_eq!(offline.code, Some(0), "{}", offline.stderr);
    let none = run(&home, &["policy", "show", "rotate", "nobody"]);
    assert!(none.code == Some(1) && none.stdout.is_empty(), "{}", none.said());
}

#[test]
fn secrets_are_those_of_the_settings_with_their_regions() {
    let home = start("");
    let none = run(&home, &["policy", "show", "secretsmanager", "default"]);
    assert!(none.code == Some(2) && none.said().contains("--secret"), "{}", none.said());
    settings(
        &home,
        "[[profile.work.target]]\ntype = \"secretsmanager\"\nsecret_id = \"prod/ci\"\nregion = \"eu-north-1\"\n\
         [[profile.default.target]]\ntype = \"secretsmanager\"\nsecret_id = \"prod/own\"\n",
    );
    let document = shown(&home, &["secretsmanager", "default"]);
    let expected = ["us-east-1:000000000000:secret:prod/own-??????", "eu-north-1:000000000000:secret:prod/ci-??????"];
    assert_eq!(resources(&document), expected.map(|rest| format!("arn:aws:secretsmanager:{rest}")), "both profiles have the key");
    let everywhere = resources(&shown(&home, &["secretsmanager"]));
    assert!(everywhere.contains(&"arn:aws:secretsmanager:*:*:secret:prod/own-??????".to_owned()), "{everywhere:?}");
    let given = resources(&shown(&home, &["secretsmanager", "default", "--secret", "other"]));
    assert_eq!(given, ["arn:aws:secretsmanager:*:000000000000:secret:other-??????"]);
    assert!(words(&home, &["policy", "show", "secretsmanager", "default"]).contains("kms:GenerateDataKey"));
}

#[test]
fn an_operator_that_is_a_role_gets_the_policy_attached_to_the_role() {
    let home = start("[profile admin]\nrole_arn = arn:aws:iam::444455556666:role/team/admin\nsource_profile = default\n");
    settings(
        &home,
        "[key.ci]\nuser = \"ci-deploy\"\nauth_profile = \"admin\"\n\
         target = [{ type = \"secretsmanager\", secret_id = \"prod/ci\", region = \"eu-west-1\" }]\n",
    );
    let output = run(&home, &["policy", "show", "rotate", "ci"]);
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    let users = ["user/ci-deploy", "user/*/ci-deploy"].map(|user| format!("arn:aws:iam::444455556666:{user}"));
    assert_eq!(resources(&document)[..2], users);
    assert!(
        output.said().contains("aws iam attach-role-policy --role-name admin --policy-arn arn:aws:iam::444455556666:"),
        "{}",
        output.said()
    );
    let role = resources(&shown(&home, &["sessions", "admin"]));
    assert!(role.contains(&"arn:aws:iam::444455556666:role/team/admin".to_owned()), "{role:?}");
}

#[test]
fn a_partition_is_one_of_awss_and_the_nearest_is_named() {
    let home = start("");
    let wrong = run(&home, &["policy", "show", "rotate", "--partition", "aws-gov"]);
    assert!(
        wrong.code == Some(2) && wrong.stdout.is_empty() && wrong.said().contains("similar value exists: 'aws-us-gov'"),
        "{}",
        wrong.said()
    );
    for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"] {
        let first = resources(&shown(&home, &["rotate", "--partition", partition])).swap_remove(0);
        assert!(first.starts_with(&format!("arn:{partition}:iam::")), "{partition}: {first}");
    }
}

#[test]
fn an_option_that_changes_nothing_of_the_policy_is_told() {
    let home = start("");
    for (args, told) in [
        (&["sessions", "--without-mfa"][..], "--without-mfa changes nothing of this policy: it is for rotate"),
        (&["rotate", "--enrolled"], "--enrolled changes nothing of this policy: it is for force-mfa"),
        (&["mfa", "--secret", "prod/ci"], "--secret changes nothing of this policy: it is for secretsmanager and create-secret"),
        (&["root-check", "--user", "dev"], "--user changes nothing of this policy: no user is named in it"),
    ] {
        let text = words(&home, &[&["policy", "show"], args].concat());
        assert!(text.contains(told), "{args:?}: {text}");
    }
    for args in [
        &["rotate", "--without-mfa", "--user", "dev"][..],
        &["force-mfa", "--enrolled"],
        &["secretsmanager", "--secret", "prod/ci"],
        &["create-secret", "--secret", "prod/ci"],
        &["mfa", "--user", "dev"],
        &["audit", "--user", "dev"],
        // Who says both is not asked about.
        &["root-check", "default", "--account", "111122223333", "--user", "dev"],
    ] {
        let text = words(&home, &[&["policy", "show"], args].concat());
        assert!(!text.contains("changes nothing"), "{args:?}: {text}");
    }
}

#[test]
fn the_purpose_of_a_policy_has_its_name_once() {
    let home = start("");
    for (name, purpose) in
        [("audit", "note: audit: the own user"), ("alarm", "note: alarm: have changes"), ("mfa", "note: mfa: have a virtual")]
    {
        let text = words(&home, &["policy", "show", name]);
        assert!(text.contains(purpose), "{text}");
    }
}
