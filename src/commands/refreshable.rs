//! What `exec --refreshable` hands out instead of a session: a profile by which a program asks for its sessions itself.
//!
//! Invariant: the files hold no secret; they stay when keyrotate is gone, as the program does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::context::Context;
use super::failure::{Failure, FailureKind};
use super::session::SessionOptions;
use crate::model::ProfileName;
use crate::os::atomic_file::write_new;
use crate::os::disk::{Disk, RealDisk};
use crate::os::paths::Paths;
use crate::os::private_directory::private_directory;
use crate::os::search_path;
use crate::session::environment::{Before, LOAD_CONFIG, OwnFiles, Region, Variable, config, meant, refreshable};
use crate::timer::{machine, program};

/// Below the cache directory.
const DIRECTORY: &str = "profiles";
/// The shared credentials file there: the long-term keys' own is not the program's.
const EMPTY: &str = "empty";

/// What the sessions to come have to know besides.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The file with the session policy.
    pub policy: Option<PathBuf>,
    /// Nobody is to be asked.
    pub no_input: bool,
}

/// Makes the variables as keyrotate has to read them: in a program that has such a profile, the person's own files are meant. Returns what an
/// `exec` or `env` before this one has left in them.
pub fn own_files(variables: &mut Vec<(OsString, OsString)>, home: Option<PathBuf>) -> Before {
    let variable = |name: &str| variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    // What is wrong with the paths is told by who needs them.
    let directory = Paths::new(&variable, home).ok().map(|paths| paths.cache_dir.join(DIRECTORY));
    let is_given = |path: &Path| directory.as_ref().is_some_and(|directory| path.starts_with(directory));
    let before = Before::of(variables, is_given);
    meant(variables, is_given);
    before
}

/// The variables of a program that asks for the profile's sessions itself, with what `options` say of them.
pub fn variables(
    context: &Context,
    profile: &ProfileName,
    region: Option<&Region>,
    way: &[(String, String)],
    options: &SessionOptions,
    beside: &Beside,
) -> Result<Vec<Variable>, Failure> {
    let command = command(profile, options, beside)?;
    let region_option = region.map(|region| ("region", region.name.clone()));
    let options: Vec<_> = region_option.into_iter().chain(context.files()?.plain_options(profile)).collect();
    let text = config(profile, &command, &options).ok_or_else(|| {
        let message = format!("no AWS config file can hold the profile {profile} with the command {}", command.join(" "));
        Failure::new(FailureKind::Usage, message).state("nothing was started").hint("leave --refreshable away")
    })?;
    let directory = context.paths.cache_dir.join(DIRECTORY);
    // By their content: of two programs that run at once, neither changes what the other reads.
    let digest: String = Sha256::digest(&text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let (given, empty) = (directory.join(digest), directory.join(EMPTY));
    write(&directory, &given, text.as_bytes())?;
    write(&directory, &empty, b"")?;
    let own = OwnFiles { config: &context.aws_paths.config, credentials: &context.aws_paths.credentials };
    let load = context.environment.get(LOAD_CONFIG).is_none().then(|| (LOAD_CONFIG.to_owned(), "1".to_owned()));
    let way: Vec<_> = way.iter().cloned().chain(load).collect();
    Ok(refreshable(profile, region, &way, OwnFiles { config: &given, credentials: &empty }, own))
}

fn command(profile: &ProfileName, options: &SessionOptions, beside: &Beside) -> Result<Vec<String>, Failure> {
    let mut words = vec![program_name()?, "credential-process".to_owned()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    let seconds = |duration: std::time::Duration| format!("{}s", duration.as_secs());
    options.duration.into_iter().for_each(|duration| option("--duration", seconds(duration)));
    options.min_ttl.into_iter().for_each(|least| option("--min-ttl", seconds(least)));
    options.policy_arns.iter().for_each(|arn| option("--policy-arn", arn.clone()));
    if let Some(policy) = &beside.policy {
        option("--policy", std::path::absolute(policy).unwrap_or_else(|_| policy.clone()).display().to_string());
    }
    words.extend(beside.no_input.then(|| "--no-input".to_owned()));
    words.extend(["--".to_owned(), profile.to_string()]);
    Ok(words)
}

/// By a name that stays when keyrotate is upgraded while the program runs.
fn program_name() -> Result<String, Failure> {
    let wrong = |error: &dyn std::error::Error| Failure::from_error(FailureKind::Failed, error).state("nothing was started");
    let own = std::env::current_exe().map_err(|error| wrong(&error))?;
    if cfg!(windows) {
        return Ok(own.display().to_string());
    }
    let stable = program::stable(&machine::program_names(&own, &search_path::own()), &[], true);
    stable.map(|path| path.display().to_string()).map_err(|fragile| wrong(&fragile).hint("start keyrotate by another name"))
}

/// Writes a file whose content is not there yet.
fn write(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if RealDisk.read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    private_directory(directory).map_err(|error| Failure::from_error(FailureKind::Failed, &error).state("nothing was started"))?;
    // A name of this process's own: another one may be writing the same.
    let own = path.with_extension(std::process::id().to_string());
    write_new(&RealDisk, &own, bytes).and_then(|()| RealDisk.rename(&own, path)).map_err(|error| {
        let mut failure = Failure::new(FailureKind::Failed, format!("{} cannot be written", path.display()));
        failure.causes.push(error.to_string());
        failure.state("nothing was started")
    })
}
