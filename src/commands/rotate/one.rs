//! One key: looked at, confirmed, rotated.

use std::time::Duration;

use super::home::AtHome;
use super::resume::Resumed;
use super::targets::secrets;
use super::way::Way;
use super::{Rotated, Run, Sessions, create_secret};
use crate::commands::account_id::typed;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::known::waiting_removal;
use crate::model::{AccessKeyId, Age, Grace, format_duration};
use crate::profile::settings::ProfileSettings;
use crate::profile::{AwsFiles, FileKind, OwnKey, OwnKeys, OwnPair, ResolvedProfile, SecretAt};
use crate::rotation::{
    Authority, Beginning, Begun, HistoryLine, KnownKey, Permissions, Preflight, Record, Rules, SecretTarget, SignedSecrets, begin,
    describe, plan,
};

impl Run<'_> {
    /// Rotates one key, unless an earlier run's rotation of it was finished just now.
    pub(super) fn one(&self, key: &OwnKey, resumed: &mut Resumed, notes: &mut Vec<String>) -> Result<Rotated, Failure> {
        if let Some(result) = resumed.of_key(&key.pair.id) {
            return result;
        }
        let faultless = key.profiles.iter().find(|profile| profile.fault.is_none());
        let Some(profile) = faultless.or(key.profiles.first()) else { return Ok(Rotated::Declined(key.pair.id.clone())) };
        if let Some(fault) = &profile.fault {
            return Err(Failure::from_error(FailureKind::Failed, fault).state("nothing was changed"));
        }
        if let Some(removal) = waiting_removal(self.context, &key.pair.id) {
            let message = format!("{} of {} is being removed", removal.id, removal.profile);
            let hint = format!("`{}` goes on with that, or takes it back", removal.again());
            return Err(Failure::new(FailureKind::Failed, message).state("nothing was changed").hint(hint));
        }
        let identity = match self.at_home(key, profile, resumed, notes)? {
            AtHome::Here(identity) => identity,
            AtHome::Elsewhere(rotated) => return Ok(*rotated),
        };
        let files = self.context.files()?;
        let own = files.own_keys(&self.context.environment);
        let all = own.profiles_with(&key.pair.id);
        let targets = self.targets(&own, &key.pair.id)?;
        let pair = self.context.known_pair(&key.pair)?;
        let (settings, drains) = self.settings_of(key, profile);
        let (aws, timing) = self.context.aws(files, &profile.name, profile.region.clone(), profile.ca_bundle.clone())?;
        let history: Vec<HistoryLine> = self.history().lines().map_err(|error| Failure::from_error(FailureKind::Failed, &error))?;
        let attended = self.is_attended();
        let sessions = Sessions::new(self, &aws, &timing, &profile.name, vec![key.pair.id.clone()]);
        let grant = |pair: &_, refused: &[AccessKeyId]| sessions.grant(pair, refused);
        let authority = Authority::new(&grant, sessions.has_device());
        let (asking, signed) = (SignedSecrets::asking(&aws, &authority), SignedSecrets::new(&aws, &authority));
        let preflight = Preflight {
            aws: &aws,
            authority: &authority,
            reach: self.reach(&asking),
            console: self.console,
            profile: profile.name.clone(),
            managed: None,
            pair: pair.clone(),
            root_key: self.options.root_key.clone(),
            identity,
            places: &|id| self.context.places(id),
            targets,
            known: known(files, &own).chain(resumed.known()).collect(),
            history: &history,
            grace: self.options.grace.unwrap_or(settings.grace),
            drains,
            only_due: self.options.due.then(|| self.context.settings.limits_of(&all)),
            may: Permissions {
                attended,
                reclaim_inactive: self.options.reclaim_inactive || settings.reclaim_inactive,
                delete_key: self.options.delete_key.clone(),
                create_secret: self.options.create_secret,
            },
            timing,
            machine: self.machine.clone(),
            dry_run: self.options.dry_run,
        };
        let way = Way { aws: &aws, authority: &authority, reach: self.reach(&signed) };
        self.by_preflight(&preflight, way, notes).map_err(|failure| sessions.told(failure))
    }

    /// What holds for the key, and whether other machines pull it: what the profile says that does, else `profile`.
    fn settings_of(&self, key: &OwnKey, profile: &ResolvedProfile) -> (ProfileSettings, bool) {
        let mut each = key.profiles.iter().map(|profile| self.context.settings.for_profile(&profile.name));
        let shared = each.find(|settings| settings.rotator.is_some());
        let drains = shared.is_some();
        (shared.unwrap_or_else(|| self.context.settings.for_profile(&profile.name)), drains)
    }

    /// Looks at the key, asks the person, and rotates it.
    pub(super) fn by_preflight(&self, preflight: &Preflight<'_>, way: Way<'_>, notes: &mut Vec<String>) -> Result<Rotated, Failure> {
        let (pair, may) = (&preflight.pair, &preflight.may);
        let has_item = self.context.files_or_empty().keychain().items().next().is_some();
        let begun = if has_item && !preflight.dry_run { self.probing(|| begin(preflight))? } else { begin(preflight)? };
        let mut begun = match begun {
            Beginning::NotDue(age) => return Ok(Rotated::NotDue { key: pair.id.clone(), days: age.days() }),
            Beginning::Ready(begun) => *begun,
        };
        let has_device = way.authority.has_device();
        let (timing, attended) = (preflight.timing, may.attended);
        let rules = Rules { timing, attended, delete_key: may.delete_key.clone(), has_device, ..Rules::default() };
        if preflight.dry_run {
            let creating = begun.missing.iter().map(|secret| create_secret::described(secret, &begun.record));
            let steps = creating.chain(plan(&begun.foreseen(), &begun.seen, &rules)).collect();
            return Ok(Rotated::Planned { key: pair.id.clone(), last_use: begun.last_use, notes: begun.notes, steps });
        }
        notes.extend(begun.notes.iter().cloned());
        if begun.record.identity.is_root() {
            self.typed(&begun)?;
        } else if attended && !self.confirmed(&begun)? {
            return Ok(Rotated::Declined(pair.id.clone()));
        }
        self.create_secrets(preflight, way, &mut begun, notes)?;
        if let Some((id, why)) = &begun.delete_first {
            let deleted = way.authority.call(pair, |signer| way.aws.delete_access_key(signer, begun.record.owner(), id));
            deleted.map_err(|error| Failure::from(preflight.explain(&error)))?;
            notes.push(format!("deleted {id}: {why}"));
        }
        self.execute(begun, way, &rules)
    }

    /// The secrets that the profiles of a key have as targets. What names no region is in its own profile's.
    fn targets(&self, own: &OwnKeys, id: &AccessKeyId) -> Result<Vec<SecretTarget>, Failure> {
        let mut targets = Vec::new();
        for profile in own.keys.iter().filter(|key| key.pair.id == *id).flat_map(|key| &key.profiles) {
            let named = self.context.settings.for_profile(&profile.name).targets;
            targets.extend(secrets(named, &format!("[profile.{}]", profile.name), profile.region.as_ref())?);
        }
        Ok(targets)
    }

    /// What the root user's key takes instead of a yes.
    fn typed(&self, begun: &Begun) -> Result<(), Failure> {
        let record = &begun.record;
        let account = &record.identity.account;
        let first = begun.delete_first.as_ref().map_or_else(String::new, |(id, _)| format!(" ({id} is deleted first)"));
        let what = format!("rotate {} of {}, {}{first}", record.old.id, record.user_name, describe::last_use(&begun.last_use));
        let command = format!("keyrotate rotate {} --root-key {account}", record.profile.quoted());
        typed(self.console, self.signals, account, &what, &command)
    }

    fn confirmed(&self, begun: &Begun) -> Result<bool, Failure> {
        let record = &begun.record;
        let first = begun.delete_first.as_ref().map_or_else(String::new, |(id, _)| format!("; {id} is deleted first"));
        let made: String =
            begun.missing.iter().map(|secret| format!("; secret {} in {} is made first", secret.name, secret.region)).collect();
        let text = format!(
            "rotate {} of {} in account {} ({} days old, {}; {}{first}{made})?",
            record.old.id,
            record.user_name,
            record.identity.account,
            Age::at(record.started_at, record.old_created_at).days(),
            describe::last_use(&begun.last_use),
            fate(record)
        );
        self.agreed(text, "rotate", "nothing was changed".to_owned())
    }
}

/// What becomes of the old key.
fn fate(record: &Record) -> String {
    let old = &record.old.id;
    match (&record.new, record.grace) {
        (Some(new), _) if record.adopted => format!("{} takes its place, and {old} is deleted at the end", new.pair.id),
        (_, Grace::After(Duration::ZERO)) => format!("{old} is deleted at the end"),
        (_, Grace::After(grace)) if record.drains => {
            format!("{old} stays active for {}, and is deleted after that", format_duration(grace))
        }
        (_, Grace::After(grace)) => format!("{old} stays, inactive, for {}", format_duration(grace)),
        (_, Grace::Next) => format!("{old} stays, inactive, until the next rotation"),
    }
}

/// Every key that a section or a profile here has. A section counts whether a profile leads to its key or not.
pub(super) fn known<'a>(files: &'a AwsFiles, own: &'a OwnKeys) -> impl Iterator<Item = KnownKey> + 'a {
    let profiles = own.keys.iter().flat_map(|key| key.profiles.iter().map(move |profile| (key, profile)));
    let profiles = profiles.map(|(key, profile)| KnownKey {
        id: key.pair.id.clone(),
        place: format!("the profile {}", profile.name),
        pair: Some(key.pair.clone()),
    });
    let documents = [(FileKind::Credentials, files.credentials()), (FileKind::Config, files.config())];
    let sections = documents.into_iter().filter_map(|(kind, document)| Some((kind, document?))).flat_map(move |(kind, document)| {
        document.access_key_ids().into_iter().filter_map(move |(section, line, id)| {
            let id = AccessKeyId::parse(&id).ok().filter(|id| own.profiles_with(id).is_empty())?;
            Some(KnownKey { id, place: format!("{}, line {line}, [{section}]", files.path(kind).display()), pair: None })
        })
    });
    let items = files.keychain().items().filter(|(_, known)| own.profiles_with(&known.access_key_id).is_empty());
    let items = items.map(|(item, known)| KnownKey {
        id: known.access_key_id.clone(),
        place: format!("keychain item {item}"),
        pair: Some(OwnPair { id: known.access_key_id.clone(), secret: SecretAt::Keychain(item.clone()) }),
    });
    profiles.chain(sections).chain(items)
}
