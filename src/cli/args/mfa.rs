//! What can be typed after `mfa`.

use clap::{Args as ClapArgs, Subcommand};
use clap_complete::engine::ArgValueCandidates;

use crate::cli::candidates;
use crate::commands::mfa::enroll::EnrollOptions;
use crate::commands::mfa::resync::ResyncOptions;
use crate::model::MfaSerial;

/// What `mfa` takes.
#[derive(Debug, ClapArgs)]
pub struct MfaArgs {
    #[command(subcommand)]
    pub command: MfaCommand,
}

const LIST: &str =
    "Asks AWS for the devices of the user who has the profile's key, with the MFA session of the profile where one is open. Reads only.";

const ENROLL: &str = "Makes a virtual device at AWS, shows its QR code and its secret at the terminal and nowhere else, asks for two codes of it, \
and has the profile name it as mfa_serial: the change of the config file is shown first. A device that is not enabled in the end is deleted again. \
An interrupted command is finished, or taken back, by running it again.";

const RESYNC: &str =
    "For a device whose codes AWS does not take any more, because its clock is off: AWS learns by how much from two codes.";

#[derive(Debug, Subcommand)]
pub enum MfaCommand {
    /// Show the MFA devices of your user, and the profiles that name each
    #[command(after_help = LIST)]
    List(MfaListArgs),
    /// Make a virtual MFA device: scan its QR code here, type two codes, and the profile has it
    #[command(after_help = ENROLL)]
    Enroll(MfaEnrollArgs),
    /// Bring a device whose clock is off in step with AWS
    #[command(after_help = RESYNC)]
    Resync(MfaResyncArgs),
}

/// What `mfa list` takes.
#[derive(Debug, ClapArgs)]
pub struct MfaListArgs {
    /// The profile with the user's key; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// Print JSON, with times in UTC
    #[arg(long)]
    pub json: bool,
}

/// What `mfa enroll` takes.
#[derive(Debug, ClapArgs)]
pub struct MfaEnrollArgs {
    /// The profile with the user's key; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// What the device is to be called; without it, the user's name, with a number where that is taken
    #[arg(long)]
    pub name: Option<String>,
    /// Ask for the codes only: make another device, and write the config file, without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

impl MfaEnrollArgs {
    /// The options of the command.
    pub fn options(&self) -> EnrollOptions {
        EnrollOptions { profile: self.profile.clone(), name: self.name.clone(), yes: self.yes }
    }
}

/// What `mfa resync` takes.
#[derive(Debug, ClapArgs)]
pub struct MfaResyncArgs {
    /// The profile with the user's key; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// The device; without it, the one that the profile names, or the only one
    #[arg(long, value_name = "SERIAL", value_parser = serial)]
    pub serial: Option<MfaSerial>,
}

impl MfaResyncArgs {
    /// The options of the command.
    pub fn options(&self) -> ResyncOptions {
        ResyncOptions { profile: self.profile.clone(), serial: self.serial.clone() }
    }
}

fn serial(text: &str) -> Result<MfaSerial, String> {
    MfaSerial::parse(text).map_err(|error| error.to_string())
}
