//! Which keychain item has which key, and for which profiles: what can be known without asking the keychain.
//!
//! Invariant: no secret is in here. What it says of an item's key may be older than the item; who reads the item corrects it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{AccessKeyId, ProfileName};
use crate::os::keychain::ItemName;

/// The items that keyrotate made or is about to make, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeychainIndex {
    items: BTreeMap<ItemName, IndexedItem>,
}

/// What is known of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedItem {
    /// The key that it has, as it was known last.
    pub access_key_id: AccessKeyId,
    /// The profiles whose `credential_process` is keyrotate and whose key this is.
    #[serde(default)]
    pub profiles: Vec<ProfileName>,
    /// It was written and read back. Until then it may or may not be there: whoever began it was interrupted.
    #[serde(default)]
    pub is_made: bool,
}

impl KeychainIndex {
    /// The items by name.
    pub fn items(&self) -> impl Iterator<Item = (&ItemName, &IndexedItem)> {
        self.items.iter()
    }

    /// One item.
    pub fn get(&self, item: &ItemName) -> Option<&IndexedItem> {
        self.items.get(item)
    }

    /// The item that has the key of this profile.
    pub fn of_profile(&self, profile: &ProfileName) -> Option<(&ItemName, &IndexedItem)> {
        self.items().find(|(_, item)| item.is_made && item.profiles.contains(profile))
    }

    /// Enters an item, or what is known of it now.
    pub fn put(&mut self, item: ItemName, known: IndexedItem) {
        self.items.insert(item, known);
    }

    /// Forgets an item that is no more.
    pub fn remove(&mut self, item: &ItemName) -> Option<IndexedItem> {
        self.items.remove(item)
    }

    /// The item has this key. Returns whether that was news.
    pub fn set_key(&mut self, item: &ItemName, id: &AccessKeyId) -> bool {
        let Some(known) = self.items.get_mut(item).filter(|known| known.access_key_id != *id) else { return false };
        known.access_key_id = id.clone();
        true
    }
}

/// Whether the command of a `credential_process` is keyrotate's own for this profile: `/path/to/keyrotate credential-process … PROFILE`.
pub fn is_own_process(command: &str, profile: &ProfileName) -> bool {
    let Some(words) = shlex::split(command) else { return false };
    let [program, verb, .., last] = words.as_slice() else { return false };
    let program = std::path::Path::new(program);
    let is_ours = program.is_absolute() && program.file_stem().is_some_and(|stem| stem == "keyrotate");
    is_ours && verb == "credential-process" && last == profile.as_str()
}

#[cfg(test)]
mod tests {
    use super::super::{AwsFiles, AwsPaths, Environment, Refusal};
    use super::*;

    #[test]
    fn only_our_own_command_for_the_profile_itself_is_ours() {
        let work = ProfileName::new("work");
        for own in [
            "/usr/local/bin/keyrotate credential-process work",
            "\"/opt/my tools/keyrotate\" credential-process --no-input -- 'work'",
            "/x/keyrotate credential-process --min-ttl 1h work",
        ] {
            assert!(is_own_process(own, &work), "{own}");
        }
        for other in [
            "keyrotate credential-process work",
            "/usr/bin/aws-vault exec work",
            "/x/keyrotate credential-process other",
            "/x/keyrotate exec work",
            "/x/keyrotate credential-process",
            "/x/keyrotate work",
            "/x/keyrotate credential-process 'work",
            "",
        ] {
            assert!(!is_own_process(other, &work), "{other}");
        }
    }

    const OWN: &str = "mfa_serial=arn:aws:iam::111122223333:mfa/me\ncredential_process=/x/keyrotate credential-process work\n";

    fn files(credentials: &str, config: &str) -> AwsFiles {
        let paths = AwsPaths { credentials: "/creds".into(), config: "/conf".into() };
        let files = AwsFiles::parse(paths, Some(credentials.into()), Some(config.into())).unwrap();
        let mut index = KeychainIndex::default();
        let id = |number: u8| AccessKeyId::parse(&format!("AKIAEXAMPLE00000000{number}")).unwrap();
        for (item, number, profiles, is_made) in [("a", 1, vec!["work"], true), ("b", 2, vec!["begun"], false)] {
            let profiles = profiles.into_iter().map(ProfileName::new).collect();
            index.put(ItemName::parse(item).unwrap(), IndexedItem { access_key_id: id(number), profiles, is_made });
        }
        files.with_keychain(index)
    }

    #[test]
    fn a_profile_and_its_roles_lead_to_the_item() {
        let role = "[profile role]\nrole_arn=arn:aws:iam::111122223333:role/R\nsource_profile=work\n";
        let files = files("", &format!("[profile work]\n{OWN}{role}"));
        let environment = Environment::from_vars([]).unwrap();
        for (name, line) in [("work", 3), ("role", 3)] {
            let route = files.route(&ProfileName::new(name), &environment).unwrap();
            assert_eq!(route.key.pair.item().map(ItemName::as_str), Some("a"), "{name}");
            assert_eq!((route.key.pair.id.as_str(), route.key.line), ("AKIAEXAMPLE000000001", line));
            assert!(route.mfa_serial.is_some() && route.key.pair.here().is_none() && route.key.warnings.is_empty());
        }
        let own = files.own_keys(&environment);
        assert_eq!((own.keys.len(), own.skipped.len()), (1, 0));
    }

    #[test]
    fn a_key_in_a_file_goes_before_it_as_it_does_for_the_aws_cli() {
        let files = files("[work]\naws_access_key_id=AKIAEXAMPLE000000003\naws_secret_access_key=s\n", &format!("[profile work]\n{OWN}"));
        let found = files.resolve(&ProfileName::new("work"), &Environment::from_vars([]).unwrap()).unwrap();
        assert_eq!((found.pair.id.as_str(), found.pair.item()), ("AKIAEXAMPLE000000003", None));
        assert_eq!(found.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["shadowed-credential-process"]);
    }

    #[test]
    fn what_is_not_ours_or_not_made_yet_is_no_key() {
        for (profile, section) in [
            ("work", OWN.replace("/x/keyrotate", "/x/other")),
            ("work", OWN.replace("process work", "process other")),
            ("other", OWN.replace("process work", "process other")),
            ("begun", OWN.replace("process work", "process begun")),
            ("work", format!("{OWN}sso_account_id=1\n")),
        ] {
            let files = files("", &format!("[profile {profile}]\n{section}"));
            let refused = files.resolve(&ProfileName::new(profile), &Environment::from_vars([]).unwrap()).unwrap_err();
            assert!(matches!(refused, Refusal::Elsewhere { .. }), "{profile} {section}: {refused}");
            let wants_key = refused.to_string().contains(&format!("`keyrotate keys add {profile}` puts one into the keychain"));
            assert_eq!(
                wants_key,
                section.contains(&format!("keyrotate credential-process {profile}\n")) && !section.contains("sso"),
                "{profile} {section}: {refused}"
            );
        }
    }
}
