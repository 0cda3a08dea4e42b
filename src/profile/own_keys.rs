//! Every long-term key that the profiles lead to.
//!
//! Invariant: a key is listed once, however many profiles and sections have it; the order is that of the names.

use std::collections::BTreeMap;

use super::{environment::Environment, files::AwsFiles, own_pair::OwnPair, refusal::Refusal, resolve::ResolvedProfile};
use crate::model::{AccessKeyId, ProfileName};

/// A long-term key with the profiles that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// The key, as the first of the profiles has it.
    pub pair: OwnPair,
    /// The profiles, by name. One of them may have another secret beside the same id: the edit refuses that. One of them may have a
    /// fault, so that AWS cannot be asked by it.
    pub profiles: Vec<ResolvedProfile>,
}

/// All own keys, and the profiles that have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnKeys {
    /// Ordered by the name of the first profile that has the key.
    pub keys: Vec<OwnKey>,
    /// Profiles without a long-term key that could be rotated, by name, with the reason.
    pub skipped: Vec<(ProfileName, Refusal)>,
}

impl OwnKeys {
    /// The profiles that have this key, by name.
    pub fn profiles_with(&self, id: &AccessKeyId) -> Vec<ProfileName> {
        let keys = self.keys.iter().filter(|key| key.pair.id == *id);
        keys.flat_map(|key| &key.profiles).map(|profile| profile.name.clone()).collect()
    }
}

impl AwsFiles {
    /// Resolves every profile and groups them by access key ID. Takes time in proportion to the number of profiles.
    pub fn own_keys(&self, environment: &Environment) -> OwnKeys {
        let mut own = OwnKeys::default();
        let mut seen = BTreeMap::<AccessKeyId, usize>::new();
        for name in self.profiles() {
            let profile = match self.find(&name, environment) {
                Ok(profile) => profile,
                Err(refusal) => {
                    own.skipped.push((name, refusal));
                    continue;
                }
            };
            let at = *seen.entry(profile.pair.id.clone()).or_insert(own.keys.len());
            match own.keys.get_mut(at) {
                Some(key) => key.profiles.push(profile),
                None => own.keys.push(OwnKey { pair: profile.pair.clone(), profiles: vec![profile] }),
            }
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::AwsPaths;
    use super::*;

    #[test]
    fn a_key_is_listed_once_and_the_rest_with_a_reason() {
        let keys = |id: &str| format!("aws_access_key_id=AKIAEXAMPLE00000000{id}\naws_secret_access_key=s\n");
        let credentials = format!("[z]\n{}[b]\n{}[a]\n{}", keys("1"), keys("2"), keys("1"));
        let config = "[profile role]\nrole_arn=r\nsource_profile=b\n[profile sso]\nsso_account_id=1\n";
        let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
        let files = AwsFiles::parse(paths, Some(credentials.into()), Some(config.into())).unwrap();
        let own = files.own_keys(&Environment::from_vars([]).unwrap());
        let names = |key: &OwnKey| key.profiles.iter().map(|p| p.name.to_string()).collect::<Vec<_>>();
        assert_eq!(own.keys.iter().map(names).collect::<Vec<_>>(), [vec!["a", "z"], vec!["b", "role"]]);
        let skipped: Vec<_> = own.skipped.iter().map(|(name, refusal)| (name.as_str(), refusal.code())).collect();
        assert_eq!(skipped, [("sso", "sso")]);
    }

    #[test]
    fn only_what_is_something_of_a_key_is_broken() {
        let token = "aws_session_token=t\n";
        let broken = |section: &str, config: &str| {
            let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
            let files = AwsFiles::parse(paths, Some(format!("[p]\n{section}").into()), Some(config.into())).unwrap();
            let own = files.own_keys(&Environment::from_vars([]).unwrap());
            let [(_, refusal)] = own.skipped.as_slice() else { panic!("{section}: {own:?}") };
            refusal.is_broken_key()
        };
        let pair = |id: &str| format!("aws_access_key_id={id}\naws_secret_access_key=s\n");
        let (long, session, foreign) = (pair("AKIAEXAMPLE000000001"), pair("ASIAEXAMPLE000000001"), pair("minioadmin"));
        for (section, config, want) in [
            ("region=x\n".to_owned(), "", false),
            (format!("{session}{token}"), "", false),
            (session, "", true),
            (format!("{long}{token}"), "", true),
            (format!("{long}sso_account_id=1\n"), "", true),
            ("aws_access_key_id=AKIAEXAMPLE000000001\n".to_owned(), "", true),
            (foreign.clone(), "", true),
            (foreign, "[profile p]\nendpoint_url=http://127.0.0.1:9000\n", false),
            ("role_arn=r\nsource_profile=gone\n".to_owned(), "", false),
            ("login_session=x\n".to_owned(), "", false),
        ] {
            assert_eq!(broken(&section, config), want, "{section} {config}");
        }
    }
}
