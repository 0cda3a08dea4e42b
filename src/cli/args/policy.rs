//! What can be typed after `policy`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Subcommand};
use clap_complete::engine::ArgValueCandidates;

use crate::audit::{Choices, PARTITIONS, PolicyName, Scope, SecretNamed, Whose};
use crate::cli::candidates;
use crate::commands::policy::PolicyOptions;

/// What `policy` takes.
#[derive(Debug, ClapArgs)]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub command: PolicyCommand,
}

const SHOW: &str = "Prints the policy alone on standard output, as JSON: keyrotate policy show rotate > keyrotate-rotate.json. What it is for, its size and the \
commands that attach it are on standard error. With a profile AWS is asked whose key it has, by a call that nobody can be denied, unless --account and \
--user say it. Changes nothing.";

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List the policies, with what each is for
    List,
    /// Print a policy
    #[command(after_help = SHOW)]
    Show(Box<ShowArgs>),
}

/// What `policy show` takes.
#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    /// The policy; without it they are listed
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(PolicyName::ALL.map(PolicyName::id)).try_map(named))]
    pub name: Option<PolicyName>,
    /// The profile whose user it is for, or a name of [key.NAME] in config.toml; without it, whoever has the policy
    #[arg(value_name = "PROFILE", add = ArgValueCandidates::new(candidates::profiles_and_keys))]
    pub profile: Option<String>,
    /// The account ID
    #[arg(long, value_name = "ID", value_parser = Scope::account)]
    pub account: Option<String>,
    /// The user: a name, below whichever path, or /PATH/NAME
    #[arg(long, value_name = "NAME", value_parser = Whose::parse)]
    pub user: Option<Whose>,
    /// The partition
    #[arg(long, value_name = "PARTITION", value_parser = PossibleValuesParser::new(PARTITIONS))]
    pub partition: Option<String>,
    /// A secret that has the key, by its name or ARN, in the place of those that config.toml names; can be given again
    #[arg(long, value_name = "SECRET", value_parser = SecretNamed::parse)]
    pub secret: Vec<SecretNamed>,
    /// rotate: let keys be changed without MFA, too, by a timer or a user without a device
    #[arg(long)]
    pub without_mfa: bool,
    /// force-mfa: everybody has a device, so that none can be enrolled without MFA
    #[arg(long)]
    pub enrolled: bool,
}

fn named(id: String) -> Result<PolicyName, String> {
    PolicyName::named(&id).ok_or(id)
}

impl ShowArgs {
    /// The options of the command, for this policy.
    pub fn options(&self, name: PolicyName) -> PolicyOptions {
        PolicyOptions {
            name,
            profile: self.profile.clone(),
            account: self.account.clone(),
            user: self.user.clone(),
            partition: self.partition.clone(),
            secrets: self.secret.clone(),
            choices: Choices { without_mfa: self.without_mfa, enrolled: self.enrolled },
        }
    }
}
