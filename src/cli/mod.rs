//! The command line: clap's types in, text and an exit code out. The only room that prints.

#[cfg(feature = "alarm")]
mod alarm;
mod args;
mod audit;
mod auto;
mod candidates;
mod completions;
mod debug;
mod env;
mod history;
mod keys;
mod man;
mod mfa;
mod page;
mod policy;
mod render;
mod root_key;
mod rotate;
mod session;
mod shell_init;
mod status;
mod timer;
mod undo;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::commands::after_login;
use crate::commands::auto::AutoOptions;
use crate::commands::context::Context;
use crate::commands::exec;
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::keys::add::{AddRequest, add};
use crate::commands::keys::import::{Request, import};
use crate::commands::mfa::enroll;
use crate::commands::pick;
use crate::commands::refreshable::own_files;
use crate::commands::root_key::{self as root_key_command, Told};
use crate::commands::session::{Access, SessionOptions, access};
use crate::commands::status::prompt::prompt;
use crate::os::process;
use crate::os::signals::Signals;
use crate::os::terminal::{Console, ConsoleOptions};
use crate::profile::Shown;
use crate::profile::settings::RotateOnLogin;
use crate::session::environment::Before;
use args::{Args, Command, ExecArgs, KeysCommand, MfaCommand, PolicyCommand, RootKeyCommand, StatusArgs};

/// The exit code of `exec` where no program was started for a reason of keyrotate's own, as `env` and `timeout` have it.
const OWN_FAILURE: u8 = 125;

/// What a command that Ctrl-C ended exits with, as one that SIGINT killed does to a shell.
const INTERRUPTED: u8 = 130;

/// The signals that the command minds, once it does.
static MINDED: OnceLock<Signals> = OnceLock::new();

/// Runs the program and returns its exit code.
pub fn run() -> ExitCode {
    process::harden();
    if let Some(code) = completions::answer() {
        return code;
    }
    let args = match parse(std::env::args_os().collect()) {
        Ok(args) => args,
        Err(error) => return usage(&error, std::env::args_os()),
    };
    args.color.apply();
    if args.debug {
        debug::turn_on();
    }
    let code = match dispatch(&args) {
        Ok(code) => code,
        Err(failure) => {
            render::failure(&failure);
            unless_interrupted(failure.kind.exit_code())
        }
    };
    ExitCode::from(code)
}

/// What was typed. Behind the profile of `exec` another word can be a program only: its `--` may be missing there, as it may for aws-vault.
fn parse(words: Vec<OsString>) -> Result<Args, clap::Error> {
    let mut wrong = match Args::try_parse_from(&words) {
        Err(wrong) if wrong.kind() == ErrorKind::UnknownArgument && is_exec(words.iter().cloned()) => wrong,
        other => return other,
    };
    let is_unknown = |end: &usize| {
        let part = words.iter().take(*end);
        matches!(Args::try_parse_from(part), Err(error) if error.kind() == ErrorKind::UnknownArgument)
    };
    let Some(at) = (1..=words.len()).find(is_unknown).map(|end| end - 1) else { return Err(wrong) };
    let is_option = |word: &OsString| word.to_str().is_some_and(|word| word.starts_with('-'));
    let program = words.iter().skip(at);
    let Some(first) = program.clone().next().filter(|word| !is_option(word)) else { return Err(wrong) };
    if words.iter().any(|word| word == "--") {
        // It may be the program's own, or stand one word too late.
        let tip = format!("the program stands behind a `--` of its own: exec PROFILE -- {} …", first.display());
        wrong.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return Err(wrong);
    }
    let dashes = OsString::from("--");
    let mut args = Args::try_parse_from(words.iter().take(at).chain([&dashes]).chain(program))?;
    if let Some(Command::Exec(asked)) = &mut args.command {
        asked.without_dashes = true;
    }
    Ok(args)
}

/// The exit code of a command that did not do what it should, unless Ctrl-C ended it.
fn unless_interrupted(code: u8) -> u8 {
    let is_interrupted = code != 0 && MINDED.get().and_then(Signals::raised) == Some("SIGINT");
    if is_interrupted { INTERRUPTED } else { code }
}

fn usage(error: &clap::Error, words: impl Iterator<Item = OsString>) -> ExitCode {
    if error.use_stderr() {
        render::usage(error);
    } else {
        // A closed pipe is not an error of ours.
        let _ = error.print();
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    ExitCode::from(if code != 0 && is_exec(words) { OWN_FAILURE } else { code })
}

/// Whether this is a command line of `exec`, as far as can be told of one that is wrong.
fn is_exec(words: impl Iterator<Item = OsString>) -> bool {
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--color") => drop(words.next()),
            Some(option) if option.starts_with('-') => {}
            Some(command) => return command == "exec",
            None => return false,
        }
    }
    false
}

fn dispatch(args: &Args) -> Result<u8, Failure> {
    let mut variables: Vec<_> = std::env::vars_os().collect();
    let before = own_files(&mut variables, std::env::home_dir());
    let load = || Context::load(&variables, std::env::home_dir());
    match &args.command {
        // These two need neither AWS files nor settings: who packages has none.
        Some(Command::Completions { shell }) => completions::print(*shell).map(|()| 0).map_err(|error| render::not_written(&error)),
        Some(Command::Man { dir }) => man::write(dir).map(|()| 0).map_err(|error| render::not_written(&error)),
        Some(Command::Rotate(rotate)) => {
            let context = load()?;
            let (console, signals) = attended(rotate.no_input, args.quiet)?;
            let outcome = crate::commands::rotate::rotate(&context, &console, &signals, &rotate.options()?);
            console.progress_done();
            Ok(unless_interrupted(rotate::print(&outcome?, args.quiet)))
        }
        Some(Command::Auto(asked)) => {
            let mut context = load()?;
            let (console, signals) = attended(true, args.quiet)?;
            let outcome = crate::commands::auto::auto(&mut context, &console, &signals, &AutoOptions { now: asked.now });
            console.progress_done();
            let outcome = outcome?;
            auto::print(&outcome);
            Ok(unless_interrupted(outcome.exit_code))
        }
        Some(Command::Undo(undo)) => {
            let context = load()?;
            let (console, signals) = attended(undo.no_input, args.quiet)?;
            let outcome = crate::commands::undo::undo(&context, &console, &signals, &undo.options());
            console.progress_done();
            undo::print(&outcome?, args.quiet);
            Ok(0)
        }
        Some(Command::Login(login)) => {
            let options = SessionOptions { fresh: login.fresh, ..login.session.options(login.profile.as_ref())? };
            let (context, who) = (load()?, Who::new(login.session.no_input, args.quiet));
            let access = access(&context, &|| who.console(), &options, "keyrotate login")?;
            who.after(&context, &access)?;
            session::print_login(&access, args.quiet);
            Ok(0)
        }
        Some(Command::Logout(asked)) => {
            let count = crate::commands::logout::logout(&load()?, asked.profile.as_deref(), asked.all)?;
            session::print_logout(count, args.quiet);
            Ok(0)
        }
        Some(Command::Exec(asked)) => Ok(execute(args, asked, &variables, &before).unwrap_or_else(|(code, failure)| {
            render::failure(&failure);
            unless_interrupted(code)
        })),
        Some(Command::Env(asked)) => {
            let shell = variables.iter().find(|(name, _)| name == "SHELL").and_then(|(_, value)| value.to_str());
            let format = asked.format.unwrap_or_else(|| env::of_shell(shell));
            if asked.unset {
                env::print_unset(format, &before);
                return Ok(0);
            }
            let options = asked.session.options(asked.profile.as_ref())?;
            let (context, who) = (load()?, Who::new(asked.session.no_input, args.quiet));
            let access = access(&context, &|| who.console(), &options, "keyrotate env")?;
            who.after(&context, &access)?;
            session::notes(&access.notes);
            let is_asked = Console::new(ConsoleOptions { no_input: asked.session.no_input, ..ConsoleOptions::default() }, None).can_ask();
            if !is_asked && !args.quiet {
                session::notes(pick::unasked(&context, asked.profile.as_deref())?.as_slice());
            }
            env::print(&access, &context.files()?.way_of_calls(&access.profile, &context.environment), &before, format);
            Ok(0)
        }
        Some(Command::ShellInit(asked)) => {
            shell_init::print(asked.shell);
            Ok(0)
        }
        Some(Command::CredentialProcess(asked)) => {
            let options = SessionOptions { pick: false, is_process: true, ..asked.session.options(Some(&asked.profile))? };
            let (context, who) = (load()?, Who::new(asked.session.no_input, args.quiet));
            let access = access(&context, &|| who.console(), &options, "keyrotate credential-process")?;
            who.after(&context, &access)?;
            session::notes(&access.notes);
            session::print_credentials(&access.session.credentials);
            Ok(0)
        }
        Some(Command::AfterLogin { profile, log }) => after_login::leave(profile, log).map(|()| 0),
        Some(Command::Audit(asked)) => {
            let (context, who) = (load()?, Who::new(asked.no_input, args.quiet));
            if let Some(check) = asked.plan {
                audit::print_plan(&crate::commands::audit::plan(&context, &|| who.console(), &asked.options(), check)?, args.quiet);
                return Ok(0);
            }
            let outcome = crate::commands::audit::audit(&context, &|| who.console(), &asked.options())?;
            audit::print(&outcome, asked.json, args.quiet);
            Ok(unless_interrupted(outcome.exit_code))
        }
        #[cfg(feature = "alarm")]
        Some(Command::Alarm(asked)) => alarm::run(&load()?, &|no_input| attended(no_input, args.quiet), asked, args.quiet),
        Some(Command::Policy(asked)) => match &asked.command {
            PolicyCommand::Show(show) => {
                match show.name {
                    None => policy::print_list(),
                    Some(name) => policy::print(&crate::commands::policy::show(&load()?, &show.options(name))?, args.quiet),
                }
                Ok(0)
            }
            PolicyCommand::List => {
                policy::print_list();
                Ok(0)
            }
        },
        Some(Command::History(asked)) => {
            history::print(&crate::commands::history::history(&load()?, &asked.options())?, asked.json, args.quiet);
            Ok(0)
        }
        Some(Command::Keys(asked)) => match &asked.command {
            KeysCommand::List(asked) => {
                keys::print_list(&crate::commands::keys::list::list(&load()?)?, asked.json, args.quiet);
                Ok(0)
            }
            KeysCommand::Remove(asked) => {
                let mut context = load()?;
                let (console, signals) = attended(asked.no_input, args.quiet)?;
                let outcome = crate::commands::keys::remove::remove(&mut context, &console, &signals, &asked.options());
                console.progress_done();
                keys::print_remove(&outcome?, args.quiet);
                Ok(0)
            }
            KeysCommand::Add(asked) => {
                let mut context = load()?;
                let pair = if asked.stdin { Some(keys::given()?) } else { None };
                let (console, signals) = attended(asked.no_input, args.quiet)?;
                let (options, tell) = (asked.options(), |shown: &[Shown]| keys::tell(shown, args.quiet && !asked.dry_run));
                let variables = &variables;
                let request = AddRequest { console: &console, signals: &signals, variables, options: &options, pair, tell: &tell };
                let outcome = add(&mut context, &request);
                console.progress_done();
                keys::print_add(&outcome?, args.quiet);
                Ok(0)
            }
            KeysCommand::Import(asked) => {
                let mut context = load()?;
                let (console, signals) = attended(asked.no_input, args.quiet)?;
                let (options, tell) = (asked.options(), |shown: &[Shown]| keys::tell(shown, args.quiet && !asked.dry_run));
                let request = Request { console: &console, signals: &signals, variables: &variables, options: &options, tell: &tell };
                let outcome = import(&mut context, &request);
                console.progress_done();
                keys::print_import(&outcome?, args.quiet);
                Ok(0)
            }
        },
        Some(Command::Mfa(asked)) => match &asked.command {
            MfaCommand::List(asked) => {
                mfa::print_list(&crate::commands::mfa::list::list(&load()?, asked.profile.as_deref())?, asked.json, args.quiet);
                Ok(0)
            }
            MfaCommand::Enroll(asked) => {
                let context = load()?;
                let (console, signals) = attended(false, args.quiet)?;
                let (options, tell) = (asked.options(), |shown: &[Shown]| keys::tell(shown, args.quiet));
                let request = enroll::Request { console: &console, signals: &signals, options: &options, tell: &tell };
                let outcome = enroll::enroll(&context, &request);
                console.progress_done();
                mfa::print_enroll(&outcome?, args.quiet);
                Ok(0)
            }
            MfaCommand::Resync(asked) => {
                let context = load()?;
                let (console, _) = attended(false, args.quiet)?;
                let outcome = crate::commands::mfa::resync::resync(&context, &console, &asked.options());
                console.progress_done();
                mfa::print_resync(&outcome?, args.quiet);
                Ok(0)
            }
        },
        Some(Command::RootKey(asked)) => {
            let RootKeyCommand::Remove(asked) = &asked.command;
            let context = load()?;
            let (console, signals) = attended(asked.no_input, args.quiet)?;
            let (options, tell) = (asked.options(), |told: &Told| root_key::tell(told));
            let request = root_key_command::Request { console: &console, signals: &signals, options: &options, tell: &tell };
            let outcome = root_key_command::remove(&context, &request);
            console.progress_done();
            root_key::print_remove(&outcome?, args.quiet);
            Ok(0)
        }
        Some(Command::Timer(asked)) => {
            let console = Console::new(ConsoleOptions { no_input: false, quiet: args.quiet, yes: false }, None);
            timer::run(&load()?, &variables, &console, asked, args.quiet)
        }
        Some(Command::Status(asked)) if asked.prompt => {
            // A prompt is no place for errors: nothing is shown then.
            let prompt = load().and_then(|context| prompt(&context, before.profile.as_deref()));
            prompt.map_or_else(
                |failure| Ok(failure.kind.exit_code()),
                |prompt| {
                    status::print_prompt(&prompt);
                    Ok(0)
                },
            )
        }
        Some(Command::Status(asked)) => show_status(&load()?, asked, args.quiet),
        None => show_status(&load()?, &StatusArgs::default(), args.quiet),
    }
}

/// Runs a program in the place of this one; else the exit code with what is wrong.
fn execute(args: &Args, asked: &ExecArgs, variables: &[(OsString, OsString)], before: &Before) -> Result<u8, (u8, Failure)> {
    let own = |failure| (OWN_FAILURE, failure);
    let context = Context::load(variables, std::env::home_dir()).map_err(own)?;
    let options = asked.options().map_err(own)?;
    let who = Who::new(asked.session.no_input, args.quiet);
    let program = exec::prepare(&context, &|| who.console(), &options, before).map_err(own)?;
    if !args.quiet {
        session::notes(&program.notes);
    }
    if let Some(access) = &program.access {
        who.after(&context, access).map_err(own)?;
    }
    exec::start(&program)
}

/// The console of a command that may have to ask for a code, made when it has to: where a session is open, no signal is watched.
struct Who {
    no_input: bool,
    quiet: bool,
    made: OnceCell<(Console, Signals)>,
}

impl Who {
    fn new(no_input: bool, quiet: bool) -> Self {
        Self { no_input, quiet, made: OnceCell::new() }
    }

    fn both(&self) -> Result<(Console, Signals), Failure> {
        if let Some((console, signals)) = self.made.get() {
            return Ok((console.clone(), signals.clone()));
        }
        let (console, signals) = attended(self.no_input, self.quiet)?;
        Ok(self.made.get_or_init(|| (console, signals)).clone())
    }

    fn console(&self) -> Result<Console, Failure> {
        self.both().map(|(console, _)| console)
    }

    /// What the settings want after a session was opened. It fails the command only where a signal asked to stop.
    fn after(&self, context: &Context, access: &Access) -> Result<(), Failure> {
        if after_login::wanted(context, access) == RotateOnLogin::Off {
            return Ok(());
        }
        let outcome = self.both().and_then(|(console, signals)| after_login::after_login(context, access, &console, &signals));
        match outcome {
            Ok(outcome) => rotate::print_aside(&outcome, self.quiet),
            Err(failure) => render::failure(&failure),
        }
        match self.made.get().and_then(|(_, signals)| signals.raised()) {
            None => Ok(()),
            Some(signal) => {
                let failure = Failure::new(FailureKind::Failed, format!("stopped by {signal} while the key was rotated"));
                Err(failure.state("the session is open, and nothing was started or printed").hint("run the same command again"))
            }
        }
    }
}

/// The console of a command that changes keys, and the signals that it minds.
fn attended(no_input: bool, quiet: bool) -> Result<(Console, Signals), Failure> {
    let signals = Signals::watch().map_err(|error| render::no_signals(&error))?;
    let signals = MINDED.get_or_init(|| signals).clone();
    let options = ConsoleOptions { no_input, quiet, yes: false };
    Ok((Console::new(options, Some(signals.clone())), signals))
}

fn show_status(context: &Context, asked: &StatusArgs, quiet: bool) -> Result<u8, Failure> {
    let console = Console::new(ConsoleOptions { no_input: true, quiet: quiet || asked.offline, yes: false }, None);
    console.progress("asking AWS about the keys");
    let outcome = crate::commands::status::status(context, &asked.options());
    console.progress_done();
    let outcome = outcome?;
    status::print(&outcome, &status::Look { json: asked.json, verbose: asked.verbose, quiet });
    Ok(outcome.exit_code)
}
