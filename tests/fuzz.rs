//! The fuzz targets on stable: every file of the corpus, whole and cut off; and the AWS SDK for Rust as a second reader.

#[cfg(test)]
#[path = "fuzz/targets.rs"]
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test bench: it stops loudly, and its files are scratch")]
mod targets;

#[cfg(test)]
mod tests {
    use std::fs;

    use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
    use aws_runtime::env_config::section::EnvConfigSections;
    use aws_runtime::env_config::source::load;
    use aws_types::os_shim_internal::{Env, Fs};
    use futures_util::FutureExt;
    use keyrotate::model::{AccessKeyId, AccessKeyPair, SecretAccessKey};
    use keyrotate::profile::{Document, FileKind};
    use proptest::prelude::*;

    use super::targets;

    /// Every file of a corpus, and what a crash might leave of it.
    #[allow(clippy::print_stdout, reason = "the file that a failure is about")]
    fn replay(target: &str, run: fn(&[u8])) {
        let folder = format!("{}/tests/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 5, "{target} has no corpus");
        for path in files {
            let bytes = fs::read(&path).unwrap();
            println!("{}", path.display());
            let step = bytes.len().div_ceil(32).max(1);
            for end in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
                run(&bytes[..end]);
            }
        }
    }

    #[test]
    fn documents() {
        replay("document", targets::document);
    }

    #[test]
    fn the_files_of_all_cases() {
        for case in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases")).unwrap().map(|entry| entry.unwrap().path()) {
            for name in ["credentials", "config"] {
                if let Ok(bytes) = fs::read(case.join(name)) {
                    targets::document(&bytes);
                }
            }
        }
    }

    #[test]
    fn journal_entries() {
        replay("journal", targets::journal);
    }

    #[test]
    fn settings() {
        replay("settings", targets::settings);
    }

    #[test]
    fn secrets() {
        replay("secret", targets::secret);
    }

    /// What the AWS SDK for Rust reads.
    fn oracle(text: &str) -> EnvConfigSections {
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Credentials, text).build();
        let (env, disk) = (Env::from_slice(&[]), Fs::from_slice(&[]));
        EnvConfigSections::parse(load(&env, &disk, &files).now_or_never().unwrap().unwrap()).unwrap()
    }

    fn pair(id: &str, secret: &str) -> AccessKeyPair {
        AccessKeyPair { id: AccessKeyId::parse(id).unwrap(), secret: SecretAccessKey::new(secret) }
    }

    // What both read alike: `name = value` in lower case, comments on lines of their own.
    fn section(at: usize) -> impl Strategy<Value = String> {
        let noise = || {
            prop_oneof![
                Just("".to_owned()),
                "[#;][ -~]{0,20}",
                "region = [a-z0-9-]{1,12}",
                Just("s3 =\n  a = AKIAIOSFODNN7EXAMPLE".to_owned())
            ]
        };
        (noise(), noise(), any::<bool>(), "[ \t]{0,2}= {0,2}", "[ \t]{0,2}", prop_oneof![Just("\n"), Just("\r\n")]).prop_map(
            move |(before, after, flipped, equals, tail, end)| {
                let id = format!("aws_access_key_id{equals}AKIAIOSFODNN7EXAMPLE{tail}");
                let secret = format!("aws_secret_access_key{equals}o/l+d=={tail}");
                let (first, second) = if flipped { (secret, id) } else { (id, secret) };
                let after = after.replace("region", "output").replace("s3", "sts");
                [format!("[s{at}]"), before, first, second, after].map(|line| line + end).concat()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_aws_sdk_reads_the_pairs_that_keyrotate_reads_and_writes(
            sections in (section(0), section(1), section(2)), cut in any::<bool>(), secret in "[A-Za-z0-9/+=]{1,40}",
        ) {
            let text = [sections.0, sections.1, sections.2].concat();
            let text = if cut { text.trim_end() } else { &text };
            let (old, new) = (pair("AKIAIOSFODNN7EXAMPLE", "o/l+d=="), pair("AKIAIOSFODNN7EXAMPL2", &secret));
            let document = Document::parse(FileKind::Credentials, text.into()).unwrap();
            let edited = String::from_utf8(document.replace_pair(&old, &new).unwrap()).unwrap();
            for (text, pair) in [(text, old), (&edited, new)] {
                let held = Document::parse(FileKind::Credentials, text.into()).unwrap().holds(&pair.id);
                let read = oracle(text);
                prop_assert_eq!(held.len(), 3);
                for held in held {
                    let profile = read.get_profile(&held.section).unwrap();
                    prop_assert_eq!(profile.get("aws_access_key_id"), Some(pair.id.as_str()));
                    prop_assert_eq!(profile.get("aws_secret_access_key"), held.secret.as_ref().map(SecretAccessKey::expose));
                }
            }
        }
    }
}
