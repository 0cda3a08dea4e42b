//! What can be typed after `keys`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::access_key_id;
use crate::cli::candidates;
use crate::commands::keys::add::AddOptions;
use crate::commands::keys::import::ImportOptions;
use crate::commands::keys::remove::RemoveOptions;
use crate::keys::Store;
use crate::model::AccessKeyId;

/// What `keys` takes.
#[derive(Debug, ClapArgs)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub command: KeysCommand,
}

const LIST: &str = "Reads files only: asks neither AWS nor the keychain, whose items are known by a list of their names, nor whether a secret \
that the settings name has the key.";

const IMPORT: &str = "Every profile that has the same key moves along, and gets its credentials by credential_process from then on. Shows the \
change first; without a terminal nothing is asked. The result is tried out, by keyrotate and by the AWS CLI where it is there; where it does not \
work, every file is put back. An interrupted move is finished by running the same command again.";

const ADD: &str = "Asks for the access key ID and the secret access key, which is not shown; or reads, with --stdin, the CSV file that the AWS console \
makes, or JSON with AccessKeyId and SecretAccessKey. AWS is asked whose key it is before anything is written; root and session keys, and a profile \
that has a key, are refused. Shows the change first. The profile then gets its credentials by credential_process, and is tried out; where it does \
not work, every file is put back. An interrupted command is finished, or leaves no trace, by running it again.";

const REMOVE: &str = "Refuses to remove the only copy of a key that AWS accepts, or about which AWS cannot be asked, unless --id names the key: \
no AWS call gives a secret access key back. Without a terminal nothing is asked. The key itself stays as it is at AWS.";

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show every long-term key and where it is: sections of the AWS files, keychain items, secrets that the settings name
    #[command(after_help = LIST)]
    List(ListArgs),
    /// Put a key that you have into the keychain, and give it to a profile
    #[command(after_help = ADD)]
    Add(AddArgs),
    /// Move the key of a profile out of the plaintext files into the keychain
    #[command(after_help = IMPORT)]
    Import(ImportArgs),
    /// Remove a keychain item
    #[command(after_help = REMOVE)]
    Remove(RemoveArgs),
}

/// What `keys add` takes.
#[derive(Debug, ClapArgs)]
pub struct AddArgs {
    /// The profile that gets the key, and is made where there is none; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// Where the key is put; a file has it in plain text
    #[arg(long, value_name = "STORE", default_value = "keychain")]
    pub to: StoreArg,
    /// Read the key from standard input, as CSV or JSON
    #[arg(long)]
    pub stdin: bool,
    /// The region that the profile is to have
    #[arg(long)]
    pub region: Option<String>,
    /// Ask AWS, show what becomes of the files, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The program for credential_process, by a path that stays; without, this one
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,
    /// Use a program that may soon be gone: below target or a temporary directory, or of one version only
    #[arg(long)]
    pub force: bool,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
    /// Add it without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

/// Where a key is put.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StoreArg {
    /// The keychain of the system
    Keychain,
    /// The shared credentials file
    File,
}

impl AddArgs {
    /// The options of the command.
    pub fn options(&self) -> AddOptions {
        let store = match self.to {
            StoreArg::Keychain => Store::Keychain,
            StoreArg::File => Store::File,
        };
        AddOptions {
            profile: self.profile.clone(),
            store,
            region: self.region.clone(),
            dry_run: self.dry_run,
            yes: self.yes,
            program: self.program.clone(),
            force: self.force,
        }
    }
}

/// What `keys import` takes.
#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// The profile whose key to move; without it, AWS_PROFILE, AWS_DEFAULT_PROFILE, then default
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles))]
    pub profile: Option<String>,
    /// Show what becomes of the files and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Put the key back into the sections that it came from, and remove the lines and the keychain item
    #[arg(long)]
    pub undo: bool,
    /// The program for credential_process, by a path that stays; without, this one
    #[arg(long, value_name = "PATH")]
    pub program: Option<PathBuf>,
    /// Use a program that may soon be gone: below target or a temporary directory, or of one version only
    #[arg(long)]
    pub force: bool,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
    /// Move it without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

impl ImportArgs {
    /// The options of the command.
    pub fn options(&self) -> ImportOptions {
        ImportOptions {
            profile: self.profile.clone(),
            dry_run: self.dry_run,
            yes: self.yes,
            undo: self.undo,
            program: self.program.clone(),
            force: self.force,
        }
    }
}

/// What `keys remove` takes.
#[derive(Debug, ClapArgs)]
pub struct RemoveArgs {
    /// The name of the keychain item, as `keyrotate keys list` shows it
    #[arg(value_name = "NAME")]
    pub item: String,
    /// The key in the item, which may go although nothing else here has it
    #[arg(long, value_name = "ID", value_parser = access_key_id)]
    pub id: Option<AccessKeyId>,
    /// Look and tell, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Never ask anything
    #[arg(long)]
    pub no_input: bool,
    /// Remove it without confirmation
    #[arg(long, short)]
    pub yes: bool,
}

impl RemoveArgs {
    /// The options of the command.
    pub fn options(&self) -> RemoveOptions {
        RemoveOptions { item: self.item.clone(), id: self.id.clone(), dry_run: self.dry_run, yes: self.yes }
    }
}

/// What `keys list` takes.
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
