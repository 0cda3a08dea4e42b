//! Every long-term key that the profiles lead to.
//!
//! Invariant: a key is listed once, however many profiles and sections have it; the order is that of the names.

use std::collections::BTreeMap;

use super::{environment::Environment, files::AwsFiles, refusal::Refusal, resolve::ResolvedProfile};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName};

/// A long-term key with the profiles that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// The pair, as the first of the profiles has it.
    pub pair: AccessKeyPair,
    /// The profiles, by name. One of them may have another secret beside the same id: the edit refuses that.
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

impl AwsFiles {
    /// Resolves every profile and groups them by access key ID. Takes time in proportion to the number of profiles.
    pub fn own_keys(&self, environment: &Environment) -> OwnKeys {
        let mut own = OwnKeys::default();
        let mut seen = BTreeMap::<AccessKeyId, usize>::new();
        for name in self.profiles() {
            let profile = match self.resolve(&name, environment) {
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
