//! `keyrotate keys add`: a long-term key that a person has goes into the keychain or the shared credentials file, and a profile gets it.
//!
//! Invariants: AWS has said whose key it is before anything is written; what an earlier run began is finished or forgotten first.

use std::ffi::OsString;
use std::path::PathBuf;

use super::checks::{HAS_A_KEY, command, program, refused};
use super::course::{Course, Step, follow};
use super::import::{Proof, Tell};
use super::mover::{Mover, UNCHANGED, unchanged};
use crate::commands::context::Context;
use crate::commands::failure::{Failure, FailureKind};
use crate::holder::keychain::{NoPair, probe, read_pair};
use crate::journal::Entry;
use crate::keys::given::{self, NotAKey};
use crate::keys::{Import, Store, Wish};
use crate::model::{AccessKeyId, AccessKeyPair, Identity, ProfileName};
use crate::os::keychain::ItemName;
use crate::os::private_directory::private_directory;
use crate::os::signals::Signals;
use crate::os::terminal::Console;
use crate::profile::AwsFiles;

/// What `keys add` was asked for.
#[derive(Clone, Debug, Default)]
pub struct AddOptions {
    /// The profile; none means the chosen one.
    pub profile: Option<String>,
    /// Where the key goes.
    pub store: Store,
    /// The region that the profile is to have.
    pub region: Option<String>,
    /// Tell, change nothing.
    pub dry_run: bool,
    /// No confirmation.
    pub yes: bool,
    /// The program for the line; without, the one that runs now.
    pub program: Option<PathBuf>,
    /// A program in a place that does not last will do.
    pub force: bool,
}

/// Who asks, and how.
pub struct AddRequest<'a> {
    /// The person.
    pub console: &'a Console,
    /// What asks to stop.
    pub signals: &'a Signals,
    /// Our variables.
    pub variables: &'a [(OsString, OsString)],
    /// The options.
    pub options: &'a AddOptions,
    /// The key, where it was not to be asked for at the terminal.
    pub pair: Option<Result<AccessKeyPair, NotAKey>>,
    /// What shows the change.
    pub tell: Tell<'a>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// What became of the key.
    pub result: AddResult,
    /// The key.
    pub id: AccessKeyId,
    /// The profile.
    pub profile: ProfileName,
    /// Where the key goes.
    pub place: AddPlace,
}

/// Where a key was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddPlace {
    /// In this item.
    Item(ItemName),
    /// In this file.
    File(PathBuf),
}

/// What became of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddResult {
    /// It is there; of one in the keychain, how far the profile's line was tried out.
    Done(Option<Proof>),
    /// Nothing was changed, as was asked.
    Planned,
    /// The person said no.
    Declined,
}

/// Runs the command.
pub fn add(context: &mut Context, request: &AddRequest<'_>) -> Result<Added, Failure> {
    let AddRequest { console, signals, options, .. } = *request;
    let profile = options.profile.as_ref();
    let course = Course { command: "keys add", console, signals, profile, yes: options.yes, dry_run: options.dry_run };
    let end = |mover: Mover<'_>, import: Import, proof: Proof| {
        Command { mover, request }.close(&import)?;
        Ok(added(&import, AddResult::Done(Some(proof))))
    };
    follow(context, &course, |mover| Command { mover, request }.step(), end)
}

struct Command<'a> {
    mover: Mover<'a>,
    request: &'a AddRequest<'a>,
}

fn added(import: &Import, result: AddResult) -> Added {
    let [_, credentials] = import.paths();
    let place = if import.is_for_file() { AddPlace::File(credentials) } else { AddPlace::Item(import.item.clone()) };
    Added { result, id: import.id.clone(), profile: import.profiles.first().cloned().unwrap_or_default(), place }
}

impl Command<'_> {
    fn step(&self) -> Result<Step<Added>, Failure> {
        let name = self.mover.name()?;
        match self.left(&name)? {
            Some(step) => Ok(step),
            None => self.fresh(&name),
        }
    }

    /// What an earlier run began: finished, or forgotten where nothing has the key yet.
    fn left(&self, name: &ProfileName) -> Result<Option<Step<Added>>, Failure> {
        let Some((path, mut import)) = self.mover.find(name)? else { return Ok(None) };
        if import.given.is_none() {
            if import.is_moved && !import.is_back {
                return Ok(None);
            }
            let message = format!("a move of the key of {name} is under way");
            return refused(message, &format!("finish it with `{}`", import.again()));
        }
        if self.request.options.dry_run {
            (self.request.tell)(&import.shown());
            return Ok(Some(Step::Ended(added(&import, AddResult::Planned))));
        }
        if import.is_back {
            self.mover.back(&path, &mut import)?;
            return Ok(Some(Step::Again));
        }
        let pair = self.kept(name, &import)?;
        let entry = Entry::resume(&self.mover.run.disk, path, &import).map_err(|error| unchanged(&error))?;
        let Some(pair) = pair else {
            let index = self.mover.index();
            import.abandon(entry, self.mover.means(&index)).map_err(|error| unchanged(&error))?;
            return Ok(Some(Step::Again));
        };
        self.mover.forward(&mut import, entry, &pair)?;
        if let Some(Ok(other)) = self.request.pair.as_ref().filter(|given| given.as_ref().is_ok_and(|given| given.id != pair.id)) {
            self.close(&import)?;
            let message = format!("{name} has {}, whose adding had been interrupted and is finished now", pair.id);
            return Err(Failure::new(FailureKind::Failed, message).state(format!("{} was not added", other.id)).hint(HAS_A_KEY));
        }
        let (region, bundle) = self.way(name)?;
        let context = self.mover.run.context;
        let (aws, _) = context.aws(context.files()?, name, region, bundle)?;
        let identity = self.mover.identity(&aws, &pair).map_err(|failure| failure.state("the key is where it was asked for"))?;
        self.moved(import, identity).map(Some)
    }

    /// The pair, where it was put already.
    fn kept(&self, name: &ProfileName, import: &Import) -> Result<Option<AccessKeyPair>, Failure> {
        let context = self.mover.run.context;
        if import.is_for_file() {
            let held = context.files()?.credentials().map(|document| document.holds(&import.id)).unwrap_or_default();
            let secret = held.into_iter().find(|held| held.section == name.as_str()).and_then(|held| held.secret);
            return Ok(secret.map(|secret| AccessKeyPair { id: import.id.clone(), secret }));
        }
        // An item that is not there is told from one that is locked away by whether another can be made.
        probe(&context.keychain).map_err(|error| unchanged(&error))?;
        match read_pair(&context.keychain, &import.item) {
            Ok(pair) if pair.id == import.id => Ok(Some(pair)),
            Ok(pair) => refused(format!("keychain item {} has {} now", import.item, pair.id), "remove or rename the item there"),
            Err(NoPair::Gone(_)) => Ok(None),
            Err(error @ (NoPair::NotAPair(_) | NoPair::Keychain(..))) => Err(unchanged(&error)),
        }
    }

    fn fresh(&self, name: &ProfileName) -> Result<Step<Added>, Failure> {
        let (run, options) = (self.mover.run, self.request.options);
        let (context, files) = (run.context, run.context.files()?);
        if let Some(region) = &options.region {
            AwsFiles::check_region("--region", region)
                .map_err(|refusal| Failure::from_error(FailureKind::Usage, &refusal).state(UNCHANGED))?;
        }
        self.mover.has_room(files, name, options.store)?;
        let command = match options.store {
            Store::File => String::new(),
            Store::Keychain => command(&program(options.program.as_ref(), options.force, self.request.variables)?, name)?,
        };
        let pair = self.pair(name)?;
        self.mover.is_new_here(files, &pair)?;
        let (region, bundle) = self.way(name)?;
        let (aws, _) = context.aws(files, name, region, bundle)?;
        let identity = self.mover.identity(&aws, &pair).map_err(made_just_now)?;
        let item = self.mover.item(name, &pair.id, &[])?;
        let wish = Wish { profile: name, store: options.store, command: &command, region: options.region.as_deref() };
        let mut import = Import::of_given(files, &pair, item, &wish).map_err(|error| self.mover.editing(files, error))?;
        self.mover.foresee_given(&import, files, &pair, options.region.as_deref())?;
        (self.request.tell)(&import.shown());
        if options.dry_run {
            return Ok(Step::Ended(added(&import, AddResult::Planned)));
        }
        let to = match options.store {
            Store::Keychain => format!("keychain item {}", import.item),
            Store::File => "the shared credentials file, in plain text".to_owned(),
        };
        let text = format!("put {} of {} into {to}, for the profile {name}?", pair.id, identity.arn);
        if run.is_attended() && !self.mover.agreed(text, "put it there") {
            return Ok(Step::Ended(added(&import, AddResult::Declined)));
        }
        self.make_directories(&import)?;
        self.mover.begin(&mut import, &pair)?;
        self.moved(import, identity)
    }

    fn moved(&self, import: Import, identity: Identity) -> Result<Step<Added>, Failure> {
        if import.is_for_file() {
            self.close(&import)?;
            return Ok(Step::Ended(added(&import, AddResult::Done(None))));
        }
        Ok(Step::In(Box::new(import), Box::new(identity)))
    }

    fn close(&self, import: &Import) -> Result<(), Failure> {
        let entry = Entry::resume(&self.mover.run.disk, self.mover.path(import), import).and_then(|entry| entry.close(import));
        entry.map_err(|error| {
            Failure::from_error(FailureKind::Failed, &error).state("the key is where it was asked for").hint("run this again")
        })
    }

    /// The key, as it was given or as a person types it. What is typed for the secret is not shown.
    fn pair(&self, name: &ProfileName) -> Result<AccessKeyPair, Failure> {
        let wrong = |error: &NotAKey| Failure::from_error(FailureKind::Failed, error).state(UNCHANGED);
        if let Some(given) = &self.request.pair {
            return given.clone().map_err(|error| wrong(&error));
        }
        let console = self.request.console;
        if !console.can_ask() {
            let message = "the key has to be typed, and nobody can be asked here";
            let hint = "give it on standard input, with --stdin: the file that the AWS console made, or JSON";
            return Err(Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint(hint));
        }
        let none = || Failure::new(FailureKind::Failed, "no key was given").state(UNCHANGED).hint("run this again, or use --stdin");
        let id = console.ask_line(&format!("access key ID for the profile {name}: ")).ok_or_else(none)?;
        let id = AccessKeyId::parse(&id).map_err(|error| wrong(&error.into()))?;
        let secret = console.ask_secret(&format!("secret access key of {id}, which is not shown: ")).ok_or_else(none)?;
        given::pair(id.as_str(), &secret).map_err(|error| wrong(&error))
    }

    /// The region that the first call goes to, and what it trusts.
    fn way(&self, name: &ProfileName) -> Result<(Option<String>, Option<PathBuf>), Failure> {
        let context = self.mover.run.context;
        let (region, bundle) = context.files()?.region_and_bundle(name, &context.environment).map_err(|refusal| unchanged(&refusal))?;
        Ok((self.request.options.region.clone().or(region), bundle))
    }

    /// For a person who never had an AWS file.
    fn make_directories(&self, import: &Import) -> Result<(), Failure> {
        for directory in import.paths().iter().filter_map(|path| path.parent()).filter(|directory| !directory.exists()) {
            private_directory(directory).map_err(|error| unchanged(&error))?;
        }
        Ok(())
    }
}

/// IAM takes a while to know a key that the console has just made.
fn made_just_now(failure: Failure) -> Failure {
    let hint = failure.hint.as_deref().map(|hint| format!("{hint}; where the key was made a moment ago, run this again in a minute"));
    Failure { hint, ..failure }
}
