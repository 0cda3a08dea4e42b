//! Every `behaviour` case of tests/cases is either shown by a test here or named as a later step. A case that nobody placed fails.

/// Case, and the test that shows it.
const COVERED: [(&str, &str); 10] = [
    ("clock-behind-after-sleep", "a_clock_an_hour_off_is_told_as_such"),
    ("env-keys-shadow-profile", "exported_keys_are_not_passed_over_in_silence"),
    ("limit-race", "a_newcomer_between_listing_and_creation_is_reported_and_left"),
    ("missing-aws-directory", "no_file_is_could_not_check_and_nothing_is_made"),
    ("no-region-anywhere", "without_a_region_anywhere_iam_and_sts_are_asked_all_the_same"),
    ("proxy-and-ca-bundle", "a_proxy_and_a_ca_bundle_hold_at_once"),
    ("quarantined-key", "a_quarantine_stops_the_run_before_anything_is_made"),
    ("suspended-mid-rotation", "a_long_suspension_after_the_creation_makes_no_second_key"),
    ("two-active-keys-two-machines", "another_active_key_is_left_alone_and_named"),
    ("user-with-path", "a_user_with_a_path_is_asked_for_by_the_last_part_of_the_name"),
];

/// About sessions and MFA, which tests/cases/sessions.rs answers; programs that hand out credentials, and Secrets Manager.
const LATER: [&str; 10] = [
    "credential-process-expired",
    "credential-process-extra-output",
    "mfa-hardware-serial",
    "mfa-serial-is-user-arn",
    "mfa-serial-of-other-user",
    "mfa-serial-u2f",
    "opt-in-region-session",
    "role-with-credential-process",
    "secret-kms-denied",
    "secret-other-shape",
];

#[test]
fn every_behaviour_case_is_covered_or_named_as_a_later_step() {
    let sources: String =
        std::fs::read_dir("tests/rotation").unwrap().flatten().map(|f| std::fs::read_to_string(f.path()).unwrap()).collect();
    let mut seen = 0;
    for folder in std::fs::read_dir("tests/cases").unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let case: toml::Table = std::fs::read_to_string(folder.join("case.toml")).unwrap().parse().unwrap();
        if case["kind"].as_str() != Some("behaviour") {
            continue;
        }
        seen += 1;
        let name = folder.file_name().unwrap().to_str().unwrap();
        let test = COVERED.iter().find(|(case, _)| *case == name).map(|(_, test)| *test);
        assert!(test.is_some() != LATER.contains(&name), "{name} is in none of the two lists, or in both");
        assert!(test.is_none_or(|test| sources.contains(&format!("fn {test}("))), "{name}: there is no test {test:?}");
    }
    assert_eq!(seen, COVERED.len() + LATER.len(), "a list names a case that is not there");
}
