//! The case folders against the AWS-file room: what is resolved, warned about, refused and edited, byte for byte.
//!
//! Invariant: a folder that no test here or elsewhere answers for fails the run.

#[cfg(test)]
#[expect(dead_code, reason = "the cases use a part of the lab")]
#[path = "lab/mod.rs"]
mod lab;

#[cfg(test)]
#[expect(dead_code, reason = "the cases use a part of the harness")]
#[path = "lab/home.rs"]
mod home;

#[cfg(test)]
#[path = "cases/sessions.rs"]
mod sessions;

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, fmt::Write as _, fs, path::PathBuf};

    use keyrotate::holder::{find_fields, replace_pair};
    use keyrotate::model::{AccessKeyId, AccessKeyPair, ProfileName, SecretAccessKey};
    use keyrotate::profile::{AwsFiles, AwsPaths, Environment, FileKind, Refusal, ResolvedProfile, choose_profile};
    use sha2::{Digest, Sha256};

    /// Behaviour cases that the files alone do not decide: they need AWS, a clock, a process or a device behind the real binary. Those about
    /// sessions are in `sessions.rs`.
    const ELSEWHERE: [&str; 14] = [
        "clock-behind-after-sleep",
        "credential-process-expired",
        "credential-process-extra-output",
        "limit-race",
        "mfa-serial-is-user-arn",
        "mfa-serial-of-other-user",
        "mfa-serial-u2f",
        "opt-in-region-session",
        "quarantined-key",
        "secret-kms-denied",
        "suspended-mid-rotation",
        "two-active-keys-two-machines",
        "user-with-path",
        "proxy-and-ca-bundle",
    ];

    struct Case {
        id: String,
        folder: PathBuf,
        toml: toml::Table,
    }

    impl Case {
        fn all() -> Vec<Case> {
            let folders = fs::read_dir("tests/cases").unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir());
            let mut cases: Vec<_> = folders
                .map(|folder| {
                    let toml: toml::Table = fs::read_to_string(folder.join("case.toml")).unwrap().parse().unwrap();
                    let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
                    assert_eq!(toml["id"].as_str(), Some(id.as_str()));
                    Case { id, folder, toml }
                })
                .collect();
            cases.sort_by(|a, b| a.id.cmp(&b.id));
            cases
        }

        fn named(id: &str) -> Case {
            Case::all().into_iter().find(|case| case.id == id).unwrap()
        }

        fn kind(&self) -> &str {
            self.toml["kind"].as_str().unwrap()
        }

        fn expect(&self, field: &str) -> Option<&str> {
            self.toml["expect"].get(field)?.as_str().filter(|text| !text.is_empty())
        }

        fn environment(&self) -> Environment {
            let vars = self.toml.get("oracle_env").and_then(toml::Value::as_table).into_iter().flatten();
            Environment::from_vars(vars.map(|(name, value)| (OsString::from(name), OsString::from(value.as_str().unwrap())))).unwrap()
        }

        fn files(&self) -> Result<AwsFiles, String> {
            let paths = AwsPaths { credentials: self.folder.join("credentials"), config: self.folder.join("config") };
            let (credentials, config) = (fs::read(&paths.credentials).ok(), fs::read(&paths.config).ok());
            AwsFiles::parse(paths, credentials, config).map_err(|refusal| {
                assert!(
                    refusal.to_string().contains(&format!("{}, line {}: ", refusal.path.display(), refusal.line)),
                    "{}: {refusal}",
                    self.id
                );
                refusal.code.to_owned()
            })
        }

        /// The session commands go the same way.
        fn routed_alike(&self, resolved: &Result<ResolvedProfile, Refusal>, files: &AwsFiles, name: &ProfileName) {
            let route = files.route(name, &self.environment());
            assert_eq!(route.as_ref().map(|route| &route.key), resolved.as_ref(), "{}", self.id);
        }

        fn resolve(&self) -> Result<(AwsFiles, ResolvedProfile), String> {
            let (files, environment) = (self.files()?, self.environment());
            let argument = if self.toml.contains_key("profile_from_env") { None } else { self.toml["profile"].as_str() };
            let chosen = choose_profile(&environment, argument);
            if chosen.env_keys_shadow {
                return Err("env-keys-shadow".to_owned());
            }
            let resolved = files.resolve(&chosen.name, &environment);
            if !self.id.starts_with("mfa-serial-") {
                self.routed_alike(&resolved, &files, &chosen.name);
            }
            let resolved = resolved.map_err(|refusal| {
                let shown = format!("{refusal} {refusal:?}");
                assert!(shown.contains(self.folder.to_str().unwrap()) && !shown.contains("EXAMPLE/"), "{}: {shown}", self.id);
                refusal.code().to_owned()
            })?;
            Ok((files, resolved))
        }

        /// Fails when an input is not the file that the expected answer was worked out from.
        fn inputs_are_intact(&self) {
            let sums = self.toml["must_preserve"]["sha256"].as_table().unwrap();
            for file in ["credentials", "config"] {
                let found = fs::read(self.folder.join(file)).ok().map(|bytes| hex(&Sha256::digest(bytes)));
                assert_eq!(found.as_deref(), sums.get(file).and_then(toml::Value::as_str), "{}: {file}", self.id);
            }
        }

        fn agrees_with_the_aws_cli(&self, resolved: &ResolvedProfile) {
            let pair = AccessKeyPair {
                id: AccessKeyId::parse(self.expect("key_id").unwrap()).unwrap(),
                secret: SecretAccessKey::new(self.expect("secret").unwrap()),
            };
            assert!(resolved.pair == pair.into(), "{}: another pair", self.id);
            let oracle = |field: &str| self.toml["oracle"]["botocore"].get(field).and_then(toml::Value::as_str).filter(|v| !v.is_empty());
            assert_eq!(resolved.region.as_deref(), oracle("region"), "{}", self.id);
            let codes: Vec<_> = resolved.warnings.iter().map(|warning| warning.code).collect();
            assert_eq!(codes, Vec::from_iter(self.expect("warn")), "{}", self.id);
        }

        fn edited_exactly(&self, files: &AwsFiles, resolved: &ResolvedProfile) {
            let (name, document) = match resolved.file {
                FileKind::Credentials => ("credentials", files.credentials().unwrap()),
                FileKind::Config => ("config", files.config().unwrap()),
            };
            assert_eq!(self.expect("edit_file"), Some(name), "{}", self.id);
            let new = AccessKeyPair {
                id: AccessKeyId::parse(self.expect("new_key_id").unwrap()).unwrap(),
                secret: SecretAccessKey::new(self.expect("new_secret").unwrap()),
            };
            let edited = document.replace_pair(&resolved.pair.here().unwrap(), &new).unwrap();
            assert!(edited == fs::read(self.folder.join(format!("expected.{name}"))).unwrap(), "{}: not the expected bytes", self.id);
            assert_eq!(self.toml["must_preserve"]["file"].as_str(), Some(name));
            let (mut rebuilt, mut at) = (Vec::new(), 0);
            for edit in self.toml["must_preserve"]["edits"].as_array().unwrap() {
                let offset = |field: &str| usize::try_from(edit[field].as_integer().unwrap()).unwrap();
                rebuilt.extend_from_slice(&document.bytes()[at..offset("start")]);
                rebuilt.extend_from_slice(match edit["what"].as_str().unwrap() {
                    "key_id" => new.id.as_str().as_bytes(),
                    "secret" => new.secret.expose().as_bytes(),
                    other => panic!("{}: an edit of {other}", self.id),
                });
                at = offset("end");
            }
            rebuilt.extend_from_slice(&document.bytes()[at..]);
            assert!(edited == rebuilt, "{}: bytes outside the two values changed", self.id);
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    #[test]
    fn every_file_case_is_answered_whole() {
        let (mut rotated, mut refused) = (0, 0);
        for case in Case::all().iter().filter(|case| case.kind() == "file") {
            case.inputs_are_intact();
            match (case.expect("action").unwrap(), case.resolve()) {
                ("rotate", Ok((files, resolved))) => {
                    case.agrees_with_the_aws_cli(&resolved);
                    case.edited_exactly(&files, &resolved);
                    rotated += 1;
                }
                ("refuse", Err(code)) => {
                    assert_eq!(Some(code.as_str()), case.expect("reason"), "{}", case.id);
                    refused += 1;
                }
                (action, Ok(_)) => panic!("{}: resolved, but the case says {action}", case.id),
                (action, Err(code)) => panic!("{}: refused with {code}, but the case says {action}", case.id),
            }
        }
        assert_eq!((rotated, refused), (21, 12), "cases rotated, cases refused");
    }

    #[test]
    fn every_behaviour_case_is_answered_somewhere() {
        let here = [
            "env-keys-shadow-profile",
            "mfa-hardware-serial",
            "missing-aws-directory",
            "no-region-anywhere",
            "role-with-credential-process",
            "secret-other-shape",
        ];
        let mut known: Vec<_> = ELSEWHERE.into_iter().chain(here).collect();
        known.sort_unstable();
        let cases = Case::all();
        let found: Vec<_> = cases.iter().filter(|case| case.kind() != "file").map(|case| case.id.as_str()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn behaviour_that_the_files_alone_decide_is_refused() {
        for id in ["env-keys-shadow-profile", "missing-aws-directory", "role-with-credential-process"] {
            let case = Case::named(id);
            case.inputs_are_intact();
            assert_eq!((case.resolve().err().as_deref(), case.expect("action")), (case.expect("reason"), Some("refuse")), "{id}");
        }
    }

    #[test]
    fn a_secret_of_another_shape_keeps_every_other_byte() {
        let case = Case::named("secret-other-shape");
        let json = fs::read(case.folder.join("secret.json")).unwrap();
        assert_eq!(case.toml["must_preserve"]["sha256"]["secret.json"].as_str(), Some(hex(&Sha256::digest(&json)).as_str()));
        let pair = |id: &str, secret: &str| AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) };
        let old = pair("AKIAEXAMPLESECSHAP1", "EXAMPLE/SecretOtherSh+0000000000000000001");
        let fields = find_fields(&json, &old).unwrap();
        assert_eq!(case.toml["expect"]["fields"].as_array().unwrap(), &[fields.id.as_str(), &fields.secret].map(toml::Value::from));
        let new = pair("AKIAEXAMPLESECSHAP2", "EXAMPLE/SecretOtherSh+0000000000000000002");
        let edited = replace_pair(&json, &fields, &old, &new).unwrap().unwrap();
        let expected = String::from_utf8(json).unwrap().replace(old.id.as_str(), new.id.as_str());
        assert_eq!(String::from_utf8(edited.to_vec()).unwrap(), expected.replace(old.secret.expose(), new.secret.expose()));
    }

    #[test]
    fn a_named_profile_uses_the_file_beside_exported_keys() {
        let case = Case::named("env-keys-shadow-profile");
        let chosen = choose_profile(&case.environment(), Some("default"));
        let resolved = case.files().unwrap().resolve(&chosen.name, &case.environment()).unwrap();
        assert_eq!((chosen.env_keys_shadow, Some(resolved.pair.id.as_str())), (false, case.expect("key_id")));
    }

    #[test]
    fn a_bare_serial_a_ca_bundle_and_no_region_are_read_as_they_stand() {
        let (_, hardware) = Case::named("mfa-hardware-serial").resolve().unwrap();
        assert_eq!(hardware.mfa_serial.as_deref(), Case::named("mfa-hardware-serial").expect("serial"));
        let (_, bundled) = Case::named("proxy-and-ca-bundle").resolve().unwrap();
        assert_eq!((bundled.ca_bundle, bundled.region.as_deref()), (Some(PathBuf::from("corp-ca.pem")), Some("ap-southeast-2")));
        let (_, nowhere) = Case::named("no-region-anywhere").resolve().unwrap();
        assert_eq!((nowhere.region.as_deref(), Some(nowhere.pair.id.as_str())), (None, Case::named("no-region-anywhere").expect("key_id")));
    }
}
