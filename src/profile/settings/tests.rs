//! The settings by example: the one of the manual, what overrides what, and every kind of refusal.

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const EXAMPLE: &str = r#"
[defaults]
max_age = "90d"          # due at warn_age, overdue past max_age
warn_age = "75d"
grace = "0s"
reclaim_inactive = false
require_mfa = true
session_duration = "12h"
rotate_on_login = "off"  # background | foreground
notify = true

[profile.work]
max_age = "30d"
mfa_command = ["ykman", "oath", "accounts", "code", "--single", "aws:work"]

[[profile.work.target]]
type = "secretsmanager"
secret_id = "prod/ci/aws"
region = "eu-west-1"

[[profile.work.target]]
type = "command"
run = ["gh-secret-update", "acme/app"]

[key.ci]
user = "ci-deploy"
auth_profile = "admin"
rotator = "build-host-1"
target = [{ type = "secretsmanager", secret_id = "prod/ci/aws", region = "eu-west-1" }]
"#;

fn parse(text: &str) -> Result<Settings, SettingsError> {
    Settings::parse(Path::new("/c/config.toml"), text)
}

fn of(text: &str, profile: &str) -> ProfileSettings {
    parse(text).unwrap().for_profile(&ProfileName::new(profile))
}

fn secret() -> Target {
    Target::SecretsManager { secret_id: "prod/ci/aws".into(), region: Some("eu-west-1".into()), fields: None }
}

#[test]
fn a_secrets_fields_have_names_of_their_own() {
    let text = "[[profile.p.target]]\ntype = 'secretsmanager'\nsecret_id = 's'\nid_field = 'a.b'\nsecret_field = 'a.c'";
    let fields = Some(SecretFields { id: "a.b".into(), secret: "a.c".into() });
    assert_eq!(of(text, "p").targets, [Target::SecretsManager { secret_id: "s".into(), region: None, fields }]);
}

#[test]
fn what_an_audit_lets_be_has_a_reason_and_an_end() {
    assert_eq!(parse("").unwrap().audit(), &AuditSettings::default());
    let text = "[audit]\nunused_after = '30d'\n[[audit.exemption]]\ncheck = 'direct-attach'\nsubject = 'P'\nreason = 'r'\nuntil = 2027-03-31\n\
                [[audit.exemption]]\ncheck = 'INLINE'\nreason = 'r'\nuntil = '2027-04-01'";
    let exemption = |check, subject: Option<&str>, until: &str| Exemption {
        check,
        subject: subject.map(str::to_owned),
        reason: "r".into(),
        until: until.parse().unwrap(),
    };
    let exemptions = vec![
        exemption(crate::model::Check::DirectAttach, Some("P"), "2027-03-31"),
        exemption(crate::model::Check::Inline, None, "2027-04-01"),
    ];
    assert_eq!(parse(text).unwrap().audit(), &AuditSettings { unused_after: 30 * DAY, exemptions });
}

#[test]
fn the_keychain_of_macos_is_asked_natively_unless_the_program_is_wanted() {
    assert_eq!(parse("").unwrap().keychain(), MacOs::Native);
    assert_eq!(parse("[keychain]\nmacos = \"native\"").unwrap().keychain(), MacOs::Native);
    assert_eq!(parse("[keychain]\nmacos = \"security-cli\"").unwrap().keychain(), MacOs::SecurityCli);
}

#[test]
fn sessions_are_in_files_unless_the_keychain_is_wanted() {
    let store = |text: &str| parse(text).unwrap().session_store();
    assert_eq!((store(""), store("[keychain]\nmacos = \"native\"")), (SessionStore::File, SessionStore::File));
    assert_eq!(store("[keychain]\nsession_store = \"file\""), SessionStore::File);
    assert_eq!(store("[keychain]\nsession_store = \"keychain\""), SessionStore::Keychain);
}

#[test]
fn the_manuals_example_says_what_the_manual_says() {
    let settings = parse(EXAMPLE).unwrap();
    let work = settings.for_profile(&ProfileName::new("work"));
    assert_eq!(work.limits, Limits { warn_age: 25 * DAY, max_age: 30 * DAY });
    assert_eq!(work.mfa_command.unwrap().join(" "), "ykman oath accounts code --single aws:work");
    assert_eq!(work.targets, [secret(), Target::Command { run: vec!["gh-secret-update".into(), "acme/app".into()] }]);
    assert_eq!(settings.profiles().map(ProfileName::as_str).collect::<Vec<_>>(), ["work"]);
    let ci = KeySettings {
        user: "ci-deploy".into(),
        auth_profile: ProfileName::new("admin"),
        rotator: Some("build-host-1".into()),
        targets: vec![secret()],
    };
    assert_eq!(settings.keys().iter().collect::<Vec<_>>(), [(&"ci".to_owned(), &ci)]);
}

#[test]
fn without_a_file_or_a_table_the_examples_defaults_hold() {
    let built_in = Settings::default().for_profile(&ProfileName::default());
    assert_eq!(of(EXAMPLE, "other"), built_in);
    for empty in ["", "\u{feff}", "# nothing\n", "[defaults]", "[profile]", "[key]", "[profile.work]"] {
        assert_eq!(of(empty, "work"), built_in, "{empty:?}");
    }
    let expected = ProfileSettings {
        limits: Limits { warn_age: 75 * DAY, max_age: 90 * DAY },
        grace: Grace::After(Duration::ZERO),
        reclaim_inactive: false,
        require_mfa: true,
        session_duration: 12 * HOUR,
        rotate_on_login: RotateOnLogin::Off,
        notify: true,
        mfa_dialog: true,
        mfa_command: None,
        rotator: None,
        auth_profile: None,
        targets: Vec::new(),
    };
    assert_eq!(built_in, expected);
}

#[test]
fn every_default_can_be_set_and_overridden() {
    let other = "max_age = '6d'\ngrace = 'next'\nreclaim_inactive = true\nrequire_mfa = false\nsession_duration = '36h'\nrotate_on_login = 'background'\nnotify = false\n";
    let own = "max_age = '4d'\nwarn_age = '1d'\ngrace = '24h'\nreclaim_inactive = false\nrequire_mfa = true\nsession_duration = '15m'\nrotate_on_login = 'foreground'\nnotify = true\n";
    let text = format!("[defaults]\n{other}[profile.\"a b\"]\n{own}");
    let expected = ProfileSettings {
        limits: Limits { warn_age: 5 * DAY, max_age: 6 * DAY },
        grace: Grace::Next,
        reclaim_inactive: true,
        require_mfa: false,
        session_duration: 36 * HOUR,
        rotate_on_login: RotateOnLogin::Background,
        notify: false,
        mfa_dialog: true,
        mfa_command: None,
        rotator: None,
        auth_profile: None,
        targets: Vec::new(),
    };
    assert_eq!(of(&text, "else"), expected);
    let expected = ProfileSettings {
        limits: Limits { warn_age: DAY, max_age: 4 * DAY },
        grace: Grace::After(DAY),
        reclaim_inactive: false,
        require_mfa: true,
        session_duration: HOUR / 4,
        rotate_on_login: RotateOnLogin::Foreground,
        notify: true,
        mfa_dialog: true,
        ..expected
    };
    assert_eq!(of(&text, "a b"), expected);
}

#[test]
fn the_warning_follows_the_table_that_sets_the_limit() {
    for (text, warn, max) in [
        ("[defaults]\nmax_age = '60d'", 50, 60),
        ("[defaults]\nwarn_age = '60d'", 60, 90),
        ("[defaults]\nwarn_age = '90d'", 90, 90),
        ("[defaults]\nmax_age = '60d'\nwarn_age = '10d'\n[profile.p]\nmax_age = '30d'", 25, 30),
        ("[defaults]\nmax_age = '60d'\n[profile.p]\nwarn_age = '55d'", 55, 60),
        ("[profile.p]\nmax_age = '30d'\nwarn_age = '30d'", 30, 30),
        ("profile.p.max_age = '30d'", 25, 30),
        ("profile = { p = { max_age = '30d' } }", 25, 30),
    ] {
        assert_eq!(of(text, "p").limits, Limits { warn_age: warn * DAY, max_age: max * DAY }, "{text}");
    }
}

#[test]
fn every_refusal_names_the_line_and_the_fix() {
    let duration = "write a whole number and a unit in quotes, such as \"90d\"";
    for (text, message) in [
        ("\n[default]\n", "line 2: unknown key `default` in the file; the nearest right name is `defaults`"),
        ("colour = 1", "line 1: unknown key `colour` in the file; known here: defaults, profile, key, keychain, audit"),
        ("[defaults]\n\nmax-age = '9d'", "line 3: unknown key `max-age` in [defaults]; the nearest right name is `max_age`"),
        ("[defaults]\nmfa_command = ['x']", "line 2: unknown key `mfa_command` in [defaults]; it belongs in [profile.NAME]"),
        ("[profile.p]\nnotfy = true", "line 2: unknown key `notfy` in [profile.p]; the nearest right name is `notify`"),
        ("[[profile.p.targets]]", "line 1: unknown key `targets` in [profile.p]; the nearest right name is `target`"),
        ("[audit]\nunused = '1d'", "line 2: unknown key `unused` in [audit]; the nearest right name is `unused_after`"),
        (
            "[audit]\nunused_after = '0d'",
            "line 2: `unused_after` in [audit] is `0d`; write a whole number and a unit in quotes, such as \"45d\"",
        ),
        (
            "[[audit.exemption]]\ncheck = 'ROOT'\nreason = 'r'\nuntil = 2027-01-01",
            "line 2: `check` in an `exemption` of [audit] is `ROOT`; write the id of a check, such as \"DIRECT-ATTACH\"; `keyrotate audit` shows them",
        ),
        ("[[audit.exemption]]\ncheck = 'INLINE'\nuntil = 2027-01-01", "line 1: an `exemption` of [audit] has no `reason`; add it"),
        ("[[audit.exemption]]\ncheck = 'INLINE'\nreason = 'r'", "line 1: an `exemption` of [audit] has no `until`; add it"),
        (
            "[[audit.exemption]]\ncheck = 'INLINE'\nreason = 'r'\nuntil = 2027-01-01T00:00:00Z",
            "line 4: `until` in an `exemption` of [audit] is a datetime; write a day, such as 2027-03-31",
        ),
        ("[keychain]\nmacos = 'cli'", "line 2: `macos` in [keychain] is `cli`; write \"native\" or \"security-cli\""),
        ("[keychain]\nsession_store = 'disk'", "line 2: `session_store` in [keychain] is `disk`; write \"file\" or \"keychain\""),
        ("[keychain]\nsession = 'file'", "line 2: unknown key `session` in [keychain]; the nearest right name is `session_store`"),
        ("[defaults]\nsession_store = 'file'", "line 2: unknown key `session_store` in [defaults]; it belongs in [keychain]"),
        ("[profile.p]\nsession_store = 'file'", "line 2: unknown key `session_store` in [profile.p]; it belongs in [keychain]"),
        ("[key.k]\nmax_age = '1d'", "line 2: unknown key `max_age` in [key.k]; it belongs in [defaults] or [profile.NAME]"),
        ("[defaults]\nmax_age = 90", &format!("line 2: `max_age` in [defaults] is an integer; {duration}")),
        ("[profile.p]\nwarn_age = '90 days'", &format!("line 2: `warn_age` in [profile.p] is `90 days`; {duration}")),
        ("[defaults]\nnotify = 'yes'", "line 2: `notify` in [defaults] is a string; write true or false, without quotes"),
        (
            "[defaults]\ngrace = 'never'",
            "line 2: `grace` in [defaults] is `never`; write a duration in quotes, such as \"0s\" or \"24h\", or \"next\"",
        ),
        (
            "[defaults]\nsession_duration = '37h'",
            "line 2: `session_duration` in [defaults] is `37h`; write a duration from 15 minutes to 36 hours in quotes, such as \"12h\"",
        ),
        (
            "[defaults]\nrotate_on_login = 'on'",
            "line 2: `rotate_on_login` in [defaults] is `on`; write \"off\", \"background\" or \"foreground\"",
        ),
        ("defaults = 1", "line 1: `defaults` in the file is an integer; write it as a table, with its keys below"),
        ("[profile]\nwork = '30d'", "line 2: `work` in [profile] is a string; write it as a table, with its keys below"),
        (
            "[profile.p]\nmfa_command = 'op item'",
            "line 2: `mfa_command` in [profile.p] is a string; write a list with the program and its arguments, such as [\"program\", \"argument\"]",
        ),
        (
            "[profile.p]\ntarget = 'x'",
            "line 2: `target` in [profile.p] is a string; write a list of tables, such as [{ type = \"command\", run = [\"program\"] }]",
        ),
        (
            "[[profile.p.target]]\ntype = 'file'",
            "line 2: `type` in a `target` of [profile.p] is `file`; write \"secretsmanager\" or \"command\"",
        ),
        ("\n[[profile.p.target]]\nrun = ['x']", "line 2: a `target` of [profile.p] has no `type`; add it"),
        ("[[profile.p.target]]\ntype = 'command'", "line 1: a `target` of [profile.p] has no `run`; add it"),
        (
            "[[profile.p.target]]\ntype = 'command'\nregion = 'r'",
            "line 3: unknown key `region` in a `target` of [profile.p]; known here: type, run",
        ),
        (
            "[[profile.p.target]]\ntype = 'secretsmanager'\nsecret_id = 's'\nid_field = 'a.b'",
            "line 1: a `target` of [profile.p] has no `secret_field`; add it",
        ),
        ("\n[key.k]\nuser = 'u'", "line 2: [key.k] has no `auth_profile`; add it"),
        ("[key.k]\nuser = 'u'\nauth_profile = 'a'", "line 1: [key.k] has no `target`; add it"),
        ("[key.k]\nuser = ''", "line 2: `user` in [key.k] is empty; write a text in quotes"),
        (
            "[defaults]\nmax_age = '30d'\nwarn_age = '31d'",
            "line 3: `warn_age` in [defaults] is 31d, more than `max_age`, which is 30d there; make it 30d or less",
        ),
        (
            "[profile.p]\nwarn_age = '91d'",
            "line 2: `warn_age` in [profile.p] is 91d, more than `max_age`, which is 90d there; make it 90d or less",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), format!("/c/config.toml, {message}"), "{text}");
    }
}

#[test]
fn lists_of_programs_are_lists_of_strings_that_begin_with_one() {
    for list in ["[]", "['']", "[1]", "['x', 2]", "{}"] {
        let error = parse(&format!("[profile.p]\nmfa_command = {list}")).unwrap_err();
        assert!(matches!(*error.problem, SettingsProblem::WrongValue { .. }), "{list}: {error}");
    }
}

#[test]
fn broken_toml_names_line_and_column() {
    for (text, line, column) in
        [("[defaults]\nmax_age = ", 2, 11), ("[defaults]\nä = 1\n[ö", 3, 3), ("a = 1\na = 2", 2, 1), ("[defaults", 1, 10)]
    {
        let error = parse(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, Some(column)), "{text}: {error}");
        assert!(matches!(*error.problem, SettingsProblem::Syntax(_)), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn a_secret_put_here_by_mistake_is_not_repeated() {
    for text in [
        "[defaults]\naws_secret_access_key = 'MARKER'",
        "[profile.p]\nnotify = 'MARKER'",
        "[key.k]\nuser = ['MARKER']",
        "[key.k\nMARKER = 'MARKER",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!error.to_string().contains("MARKER") && !format!("{error:?}").contains("MARKER"), "{error}");
    }
}

#[test]
fn a_key_of_several_machines_has_a_secret_and_a_grace() {
    let day = Grace::After(DAY);
    let target = "target = [{ type = 'secretsmanager', secret_id = 's' }]";
    let work = of(&format!("[profile.work]\nrotator = 'build-host-1'\nauth_profile = 'admin'\n{target}"), "work");
    assert_eq!((work.rotator.as_deref(), work.auth_profile, work.grace), (Some("build-host-1"), Some(ProfileName::new("admin")), day));
    let ci = parse(&format!("[key.ci]\nuser = 'u'\nauth_profile = 'a'\nrotator = 'h'\n{target}")).unwrap();
    assert_eq!(ci.for_key(&ci.keys()["ci"]).grace, day);
    for written in ["0s", "1h"] {
        let text = format!("[defaults]\ngrace = '{written}'\n[profile.work]\nrotator = 'h'\n{target}");
        assert_eq!(of(&text, "work").grace, written.parse().unwrap());
    }
    for text in ["[profile.work]\nrotator = 'h'", "[profile.work]\nrotator = 'h'\ntarget = [{ type = 'command', run = ['p'] }]"] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains("[profile.work] has no `target`"), "{error}");
    }
}
