//! Where a key is at home: in its profile, or in a secret of which it is a copy here.
//!
//! Invariant: a key whose home is elsewhere is not rotated by its profile, which would leave the others with a dead one.

use super::pull::{Held, Home};
use super::resume::Resumed;
use super::targets::secrets;
use super::{Rotated, Run};
use crate::aws::{AwsError, Signer};
use crate::commands::failure::Failure;
use crate::commands::known::owner;
use crate::commands::session::route;
use crate::model::{Identity, ProfileName};
use crate::os::machine;
use crate::profile::settings::Settings;
use crate::profile::{OwnKey, ResolvedProfile};

/// Whether a key is at home in its profile.
pub(super) enum AtHome {
    /// It is, and AWS may have said whose it is.
    Here(Option<Identity>),
    /// It is not, and this became of it.
    Elsewhere(Box<Rotated>),
}

/// Whether the settings give a key to another machine than this.
pub(in crate::commands) fn is_elsewhere(rotator: &str) -> bool {
    !rotator.eq_ignore_ascii_case(&machine::host_name())
}

/// The other machine to which the settings give a key, of whose user only the name may be known.
pub(in crate::commands) fn elsewhere(settings: &Settings, key: &OwnKey, user: Option<&str>) -> Option<String> {
    let of_profiles = key.profiles.iter().filter_map(|profile| settings.for_profile(&profile.name).rotator);
    let of_users =
        settings.keys().values().filter(|of_user| Some(of_user.user.as_str()) == user).filter_map(|of_user| of_user.rotator.clone());
    of_profiles.chain(of_users).find(|rotator| is_elsewhere(rotator))
}

impl Run<'_> {
    /// Where a key is at home, and what becomes of one whose home is elsewhere.
    pub(super) fn at_home(
        &self,
        key: &OwnKey,
        profile: &ResolvedProfile,
        resumed: &mut Resumed,
        notes: &mut Vec<String>,
    ) -> Result<AtHome, Failure> {
        let (homes, keys) = (self.homes(key)?, self.context.settings.keys());
        if homes.is_empty() && keys.is_empty() {
            return Ok(AtHome::Here(None));
        }
        let context = self.context;
        let (aws, timing) = context.aws(context.files()?, &profile.name, profile.region.clone(), profile.ca_bundle.clone())?;
        let pair = context.known_pair(&key.pair)?;
        let identity = aws.get_caller_identity(&Signer::LongTerm(pair.clone()));
        let is_dead = identity.as_ref().is_err_and(AwsError::refuses_the_key);
        let identity = identity.ok();
        let owner = identity.clone().or_else(|| owner(context, &pair.id));
        let user = owner.as_ref().and_then(Identity::user_name);
        if let Some(home) = homes.iter().find(|home| home.user.is_none() || home.user.as_deref() == user) {
            let pulled = self.pull(&Held { profile, pair, owner: owner.clone(), is_dead }, home, &aws, timing)?;
            return Ok(pulled.map_or(AtHome::Here(identity), |pulled| AtHome::Elsewhere(Box::new(pulled))));
        }
        // What an operator rotates here is not to be rotated without the secret that has it, too.
        for name in self.managed_here().filter(|name| keys.get(name.as_str()).map(|key| key.user.as_str()) == user) {
            if self.managed_pair(&name)?.id != pair.id {
                continue;
            }
            return Ok(AtHome::Elsewhere(Box::new(match self.options.due || self.options.all {
                true => Rotated::Elsewhere { key: pair.id, rotator: format!("[key.{}]", name.as_key()) },
                false => self.managed(&name, resumed, notes)?,
            })));
        }
        Ok(AtHome::Here(identity))
    }

    /// The homes that the settings name for a key of these profiles: that of the profiles, else those of the keys of users, one of whom may
    /// have it.
    fn homes(&self, key: &OwnKey) -> Result<Vec<Home>, Failure> {
        let settings = &self.context.settings;
        for profile in &key.profiles {
            let own = settings.for_profile(&profile.name);
            let Some(rotator) = own.rotator.filter(|rotator| is_elsewhere(rotator)) else { continue };
            let table = format!("[profile.{}]", profile.name.as_key());
            let secret = secrets(own.targets, &table, profile.region.as_ref())?.into_iter().next();
            let auth_profile = own.auth_profile.map(|name| (name, false));
            return Ok(secret.map(|secret| Home { table, rotator, secret, auth_profile, user: None }).into_iter().collect());
        }
        let mut homes = Vec::new();
        for (name, of_user) in settings.keys() {
            let Some(rotator) = of_user.rotator.clone().filter(|rotator| is_elsewhere(rotator)) else { continue };
            let table = format!("[key.{}]", ProfileName::new(name).as_key());
            let auth_profile = Some((of_user.auth_profile.clone(), true));
            let region = self.region(&of_user.auth_profile);
            let secret = secrets(of_user.targets.clone(), &table, region.as_ref())?.into_iter().next();
            homes.extend(secret.map(|secret| Home { table, rotator, secret, auth_profile, user: Some(of_user.user.clone()) }));
        }
        Ok(homes)
    }

    fn region(&self, profile: &ProfileName) -> Option<String> {
        route(self.context, profile).ok().and_then(|route| route.key.region)
    }
}
