//! What every command begins with: the environment, the AWS files and the settings, read once.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::failure::{Failure, FailureKind};
use crate::aws::{Aws, ClientOptions, Endpoints};
use crate::holder::Place;
use crate::holder::keychain::{IndexError, IndexFile, NoPair, read_pair};
use crate::model::{AccessKeyId, AccessKeyPair, ProfileName, Timing};
use crate::os::disk::{Disk, RealDisk};
use crate::os::keychain::{ItemName, Keychain, OsKeychain};
use crate::os::paths::Paths;
use crate::profile::settings::Settings;
use crate::profile::{AwsFiles, AwsPaths, Environment, FileKind, FileRefusal, OwnPair, SecretAt};
use crate::session::Cache;

/// The environment as a command sees it.
pub struct Context {
    /// The variables.
    pub environment: Environment,
    /// The home directory, where there is one.
    pub home: Option<PathBuf>,
    /// Where keyrotate's own files are.
    pub paths: Paths,
    /// Where the AWS files are.
    pub aws_paths: AwsPaths,
    /// keyrotate's settings.
    pub settings: Settings,
    /// The OS keychain; asked only for what nothing else can tell.
    pub keychain: OsKeychain,
    files: Result<AwsFiles, FileRefusal>,
    empty: AwsFiles,
    time_scale: Option<String>,
}

impl Context {
    /// Reads it all. A malformed AWS file is an error only for who asks for [`Context::files`].
    pub fn load(variables: &[(OsString, OsString)], home: Option<PathBuf>) -> Result<Self, Failure> {
        let variable = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let environment = Environment::from_vars(variables.iter().cloned()).map_err(|error| unusable(FailureKind::Usage, &error))?;
        let paths = Paths::new(&variable, home.clone()).map_err(|error| unusable(FailureKind::Usage, &error))?;
        let aws_paths = AwsPaths::new(&environment, home.as_deref()).map_err(|error| unusable(FailureKind::Failed, &error))?;
        let files = aws_files(&paths, &aws_paths)?;
        let empty = AwsFiles::parse(aws_paths.clone(), None, None).map_err(|error| unusable(FailureKind::Failed, &error))?;
        let settings = match read(&paths.config_file)? {
            // Those in the usual place may be absent; with those that are named, limits and graces that somebody wrote would not count.
            None if variable("KEYROTATE_CONFIG").is_some_and(|named| !named.is_empty()) => {
                let message = format!("KEYROTATE_CONFIG names {}, which does not exist", paths.config_file.display());
                let failure = Failure::new(FailureKind::Usage, message).state("nothing was changed");
                return Err(failure.hint("correct the variable, or unset it"));
            }
            // They are meant to be there, and for now are not.
            None if paths.config_file.is_symlink() => {
                let message = format!("{} is a link to a file that does not exist", paths.config_file.display());
                let failure = Failure::new(FailureKind::Usage, message).state("nothing was changed");
                return Err(failure.hint("bring the file back, or remove the link"));
            }
            None => Settings::default(),
            Some(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| {
                    Failure::new(FailureKind::Usage, format!("{} is not UTF-8 text", paths.config_file.display()))
                        .state("nothing was changed")
                })?;
                Settings::parse(&paths.config_file, &text).map_err(|error| unusable(FailureKind::Usage, &error))?
            }
        };
        let time_scale = variable("KEYROTATE_TIME_SCALE").map(|value| value.to_string_lossy().into_owned());
        let keychain = OsKeychain::new(waits(time_scale.as_deref()).keychain_wait, settings.keychain());
        Ok(Self { environment, home, paths, aws_paths, settings, keychain, files, empty, time_scale })
    }

    /// Tables of the settings whose profile is nowhere, which have no effect, as misspelt names have none; one sentence each.
    pub fn unknown_tables(&self) -> Vec<String> {
        let files = self.files_or_empty();
        let known: BTreeSet<ProfileName> = files.profiles().collect();
        let file = self.paths.config_file.display();
        let note = |name: &ProfileName| {
            let meant = files.nearest(name).map(|near| format!(": is {near} meant?")).unwrap_or_default();
            format!("{file} has [profile.{}], and no AWS file has that profile{meant}", name.as_key())
        };
        self.settings.profiles().filter(|name| !known.contains(*name)).map(note).collect()
    }

    /// AWS files that are not there although something says that they are, a variable or a link; one sentence each.
    pub fn absent(&self) -> Vec<String> {
        let links = [&self.aws_paths.credentials, &self.aws_paths.config].into_iter().filter(|path| path.is_symlink() && !path.exists());
        let links = links.map(|path| format!("{} is a link to a file that does not exist", path.display()));
        self.files_or_empty().absent(&self.environment).sentences().chain(links).collect()
    }

    /// Reads the AWS files, and what is known of the keychain's items, again: they were changed.
    pub fn reread(&mut self) -> Result<(), Failure> {
        self.files = aws_files(&self.paths, &self.aws_paths)?;
        Ok(())
    }

    /// The AWS files.
    pub fn files(&self) -> Result<&AwsFiles, Failure> {
        self.files.as_ref().map_err(|refusal| {
            Failure::from_error(FailureKind::Failed, refusal)
                .state("nothing was changed")
                .hint("correct the file there, then run this again")
        })
    }

    /// The AWS files, or empty ones where they cannot be parsed: an interrupted rotation may be what can put them right.
    pub fn files_or_empty(&self) -> &AwsFiles {
        self.files.as_ref().unwrap_or(&self.empty)
    }

    /// The places that may hold this key: both AWS files, and the keychain items that are known to have it.
    pub fn places(&self, id: &AccessKeyId) -> Vec<Place> {
        let place = |kind, path: &Path| Place::AwsFile { kind, path: path.to_owned() };
        let files = [place(FileKind::Credentials, &self.aws_paths.credentials), place(FileKind::Config, &self.aws_paths.config)];
        let known = self.files_or_empty().keychain().items().filter(|(_, known)| known.access_key_id == *id);
        // One whose making was interrupted counts where it is there.
        let items = known.filter(|(item, known)| known.is_made || self.keychain.get(item).is_ok_and(|found| found.is_some()));
        files.into_iter().chain(items.map(|(item, _)| Place::KeychainItem { item: item.clone() })).collect()
    }

    /// The pair of a profile's key: the one in the AWS files, else what its keychain item has now. Where that is another key than was known, the
    /// index is corrected; the caller compares.
    pub fn pair(&self, pair: &OwnPair) -> Result<AccessKeyPair, NoPair> {
        let item = match &pair.secret {
            SecretAt::Here(secret) => return Ok(AccessKeyPair { id: pair.id.clone(), secret: secret.clone() }),
            SecretAt::Keychain(item) => item,
        };
        let found = read_pair(&self.keychain, item)?;
        if found.id != pair.id {
            tracing::debug!("keychain item {item} has {}, and not {}", found.id, pair.id);
            // What cannot be noted now is found out again.
            let _ = self.reindex(item, &found.id);
        }
        Ok(found)
    }

    /// The same for who cannot go on with another key than was known.
    pub fn known_pair(&self, pair: &OwnPair) -> Result<AccessKeyPair, Failure> {
        let found = self.pair(pair).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was changed"))?;
        as_known(pair, found)
    }

    /// The sessions that are open, on this disk.
    pub fn cache<'c>(&'c self, disk: &'c dyn Disk) -> Cache<'c> {
        Cache::new(disk, &self.paths.cache_dir, &self.keychain, self.settings.session_store())
    }

    /// Notes which key an item has now.
    pub fn reindex(&self, item: &ItemName, id: &AccessKeyId) -> Result<(), IndexError> {
        IndexFile::new(&RealDisk, &self.paths.state_dir).change(self.waits().lock_wait, |index| {
            index.set_key(item, id);
        })
    }

    /// The way to AWS for a profile, and the waits that go with it.
    pub fn aws(
        &self,
        files: &AwsFiles,
        profile: &ProfileName,
        region: Option<String>,
        ca_bundle: Option<PathBuf>,
    ) -> Result<(Aws, Timing), Failure> {
        let endpoint = |service| files.endpoint(service, profile, &self.environment);
        // By the names of the services as botocore has them (`serviceId`), which the variables and the services sections have, too.
        let endpoints = Endpoints {
            iam: endpoint("iam"),
            sts: endpoint("sts"),
            secrets_manager: endpoint("secrets manager"),
            cloudtrail: endpoint("cloudtrail"),
            cloudwatch: endpoint("cloudwatch"),
            cloudwatch_logs: endpoint("cloudwatch logs"),
            eventbridge: endpoint("eventbridge"),
            sns: endpoint("sns"),
        };
        let timing = self.timing(&endpoints)?;
        let aws = Aws::new(ClientOptions { region, endpoints, ca_bundle }).map_err(|error| unusable(FailureKind::Failed, &error))?;
        Ok((aws, timing))
    }

    /// The waits before any endpoint is known: for the lock, for the network. The scale, which only shortens them, is not held against an
    /// endpoint here.
    pub fn waits(&self) -> Timing {
        waits(self.time_scale.as_deref())
    }

    fn timing(&self, endpoints: &Endpoints) -> Result<Timing, Failure> {
        match self.time_scale.as_deref().filter(|scale| !scale.is_empty()) {
            None => Ok(Timing::default()),
            Some(_) if !endpoints.all_loopback(self.settings.uses_secrets()) => {
                let message = "KEYROTATE_TIME_SCALE is set, which is for tests against a loopback endpoint only";
                Err(Failure::new(FailureKind::Usage, message).state("nothing was changed").hint("unset KEYROTATE_TIME_SCALE"))
            }
            Some(scale) => Timing::default().scaled(scale).map_err(|error| unusable(FailureKind::Usage, &error)),
        }
    }
}

fn waits(time_scale: Option<&str>) -> Timing {
    time_scale.and_then(|scale| Timing::default().scaled(scale).ok()).unwrap_or_default()
}

/// The AWS files as they are now, with what is known of the keychain's items.
fn aws_files(paths: &Paths, aws_paths: &AwsPaths) -> Result<Result<AwsFiles, FileRefusal>, Failure> {
    let index = IndexFile::new(&RealDisk, &paths.state_dir).load().map_err(|error| unusable(FailureKind::Failed, &error))?;
    let files = AwsFiles::parse(aws_paths.clone(), read(&aws_paths.credentials)?, read(&aws_paths.config)?);
    Ok(files.map(|files| files.with_keychain(index)))
}

/// The pair that was read, unless it is of another key than was known.
pub(super) fn as_known(known: &OwnPair, found: AccessKeyPair) -> Result<AccessKeyPair, Failure> {
    match known.item().filter(|_| found.id != known.id) {
        None => Ok(found),
        Some(item) => {
            let message = format!("keychain item {item} has {} now, and had {}: somebody changed it", found.id, known.id);
            Err(Failure::new(FailureKind::Failed, message).state("the change is noted, and nothing else").hint("run this again"))
        }
    }
}

/// What is configured cannot be used, which is noticed before anything is done.
fn unusable(kind: FailureKind, error: &dyn std::error::Error) -> Failure {
    Failure::from_error(kind, error).state("nothing was changed")
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match RealDisk.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => {
            let mut failure = Failure::new(FailureKind::Failed, format!("{} cannot be read", path.display()));
            failure.causes.push(error.to_string());
            Err(failure.state("nothing was changed"))
        }
    }
}
