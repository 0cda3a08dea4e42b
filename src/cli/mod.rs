//! The command line: clap's types in, text and an exit code out. The only room that prints.

mod args;
mod auto;
mod completions;
mod debug;
mod history;
mod man;
mod page;
mod render;
mod rotate;
mod status;
mod timer;
mod undo;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::auto::AutoOptions;
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::os::process;
use crate::os::signals::Signals;
use crate::os::terminal::{Console, ConsoleOptions};
use args::{Args, Command, StatusArgs};

/// Runs the program and returns its exit code.
pub fn run() -> ExitCode {
    process::harden();
    if let Some(code) = completions::answer() {
        return code;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    args.color.apply();
    if args.debug {
        debug::turn_on();
    }
    let code = match dispatch(&args) {
        Ok(code) => code,
        Err(failure) => {
            render::failure(&failure);
            failure.kind.exit_code()
        }
    };
    ExitCode::from(code)
}

fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is not an error of ours.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn dispatch(args: &Args) -> Result<u8, Failure> {
    let variables: Vec<_> = std::env::vars_os().collect();
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
            Ok(rotate::print(&outcome?, args.quiet))
        }
        Some(Command::Auto(asked)) => {
            let mut context = load()?;
            let (console, signals) = attended(true, args.quiet)?;
            let outcome = crate::commands::auto::auto(&mut context, &console, &signals, &AutoOptions { now: asked.now });
            console.progress_done();
            let outcome = outcome?;
            auto::print(&outcome);
            Ok(outcome.exit_code)
        }
        Some(Command::Undo(undo)) => {
            let context = load()?;
            let (console, signals) = attended(undo.no_input, args.quiet)?;
            let outcome = crate::commands::undo::undo(&context, &console, &signals, &undo.options());
            console.progress_done();
            undo::print(&outcome?, args.quiet);
            Ok(0)
        }
        Some(Command::History(asked)) => {
            history::print(&crate::commands::history::history(&load()?, &asked.options())?, asked.json, args.quiet);
            Ok(0)
        }
        Some(Command::Timer(asked)) => {
            let console = Console::new(ConsoleOptions { no_input: false, quiet: args.quiet, yes: false }, None);
            timer::run(&load()?, &variables, &console, asked, args.quiet)
        }
        Some(Command::Status(asked)) => show_status(&load()?, asked, args.quiet),
        None => show_status(&load()?, &StatusArgs::default(), args.quiet),
    }
}

/// The console of a command that changes keys, and the signals that it minds.
fn attended(no_input: bool, quiet: bool) -> Result<(Console, Signals), Failure> {
    let signals = Signals::watch().map_err(|error| render::no_signals(&error))?;
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
