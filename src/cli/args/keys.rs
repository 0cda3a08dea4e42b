//! What can be typed after `keys`.

use clap::{Args as ClapArgs, Subcommand};

/// What `keys` takes.
#[derive(Debug, ClapArgs)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub command: KeysCommand,
}

const LIST: &str = "Reads files only: asks neither AWS nor the keychain, whose items are known by a list of their names, nor whether a secret \
that the settings name has the key.";

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show every long-term key and where it is: sections of the AWS files, keychain items, secrets that the settings name
    #[command(after_help = LIST)]
    List(ListArgs),
}

/// What `keys list` takes.
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
