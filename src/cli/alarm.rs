//! How `alarm` looks: the plan as a diff of the account, then what came of it.

use super::args::{AlarmArgs, AlarmCommand};
use super::page::{DIM, GREEN, Page, RED, YELLOW, plain};
use super::session;
use crate::alarm::{COSTS, Sign};
use crate::commands::alarm::install::{Installed, install};
use crate::commands::alarm::remove::{Removed, remove};
use crate::commands::alarm::test::{Tested, test};
use crate::commands::alarm::{self, Plan, Request};
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::os::signals::Signals;
use crate::os::terminal::Console;

/// Runs it and returns the exit code. `attended` makes what asks a person, and does not where input is not allowed.
pub fn run(
    context: &Context,
    attended: &dyn Fn(bool) -> Result<(Console, Signals), Failure>,
    args: &AlarmArgs,
    quiet: bool,
) -> Result<u8, Failure> {
    match &args.command {
        AlarmCommand::Plan(asked) => {
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            if asked.create_trail {
                let script = alarm::create_trail(context, &attend, &asked.account.options())?;
                Page::for_stdout(0).push(&format!("{script}\n")).print();
                if !quiet {
                    session::notes(&[COSTS.to_owned()]);
                }
                return Ok(0);
            }
            let plan = alarm::plan(context, &attend, &asked.account.options(), &asked.choices.set_up())?;
            tell(&plan, false);
            let mut page = Page::for_stdout(0);
            if plan.is_empty() {
                page.sentence("nothing is missing");
            } else {
                page.note("nothing was changed");
            }
            page.print();
            Ok(0)
        }
        AlarmCommand::Install(asked) => {
            let (console, signals) = attended(asked.account.no_input)?;
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            let request = Request { console: &console, signals: &signals, yes: asked.yes, tell: &|plan| tell(plan, quiet) };
            let wait = asked.wait(console.can_ask());
            let outcome = install(context, &attend, &asked.account.options(), &asked.choices.set_up(), wait, &request);
            console.progress_done();
            let outcome = outcome?;
            print_install(&outcome, quiet);
            Ok(outcome.exit_code())
        }
        AlarmCommand::Test(asked) => {
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            let outcome = test(context, &attend, &asked.account.options())?;
            print_test(&outcome, quiet);
            Ok(outcome.exit_code())
        }
        AlarmCommand::Remove(asked) => {
            let (console, signals) = attended(asked.account.no_input)?;
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            let told = |plan: &Plan| tell(plan, quiet && !asked.dry_run);
            let request = Request { console: &console, signals: &signals, yes: asked.yes, tell: &told };
            let outcome = remove(context, &attend, &asked.account.options(), asked.dry_run, &request);
            console.progress_done();
            print_remove(&outcome?, quiet);
            Ok(0)
        }
    }
}

/// The plan, region by region, each change with what deserves to be read of it.
fn tell(plan: &Plan, quiet: bool) {
    let mut page = Page::for_stdout(0);
    for region in plan.regions.iter().filter(|region| !region.steps.is_empty()) {
        page.paint(DIM, &format!("account {}, {}", plain(&plan.account), plain(&region.region))).push("\n");
        for step in &region.steps {
            let (style, sign) = match step.sign() {
                Sign::Adds => (GREEN, "+"),
                Sign::Changes => (YELLOW, "~"),
                Sign::Removes => (RED, "-"),
            };
            page.paint(style, sign).push(" ").push(&plain(&step.about())).end(4);
            if let Some(detail) = step.detail() {
                page.push("    ").push(&plain(&detail)).end(6);
            }
        }
    }
    plan.notes.iter().for_each(|note| page.note(note));
    if !quiet {
        page.print();
    }
}

fn print_install(outcome: &Installed, quiet: bool) {
    let mut page = Page::for_stdout(0);
    match (outcome.declined, outcome.plan.is_empty()) {
        (true, _) => page.note("nothing was changed"),
        (false, true) => page.sentence("nothing is missing, and nothing was changed"),
        (false, false) => page.head(GREEN, "set up:", &format!("changes to policies of account {} are told", outcome.plan.account)),
    }
    match &outcome.pending[..] {
        [] if !outcome.declined => page.note(&format!("`{}` tries it out", outcome.test)),
        [] => {}
        pending => {
            let who = pending.join(", ");
            page.head(YELLOW, "waits:", &format!("{who} has not confirmed: AWS has sent a mail with a link, and nothing is told before"));
            page.note(&format!("when that is done, `{}` tries it out", outcome.test));
        }
    }
    if !quiet {
        page.print();
    }
}

fn print_test(outcome: &Tested, quiet: bool) {
    let mut page = Page::for_stdout(0);
    for one in &outcome.tried {
        let (style, word, text) = match &one.outcome {
            Ok(text) => (GREEN, "works", text),
            Err(text) => (RED, "fails", text),
        };
        page.paint(style, word).push("  ").push(&plain(&format!("{}: {text}", one.what))).end(9);
    }
    if !outcome.mailboxes.is_empty() {
        page.note(&format!("a mail is on its way to {}: with it the whole way is tried out", outcome.mailboxes.join(", ")));
    }
    if !quiet || outcome.exit_code() != 0 {
        page.print();
    }
}

fn print_remove(outcome: &Removed, quiet: bool) {
    let mut page = Page::for_stdout(0);
    match (outcome.plan.is_empty(), outcome.declined) {
        (true, _) => {
            outcome.plan.notes.iter().for_each(|note| page.note(note));
            page.sentence("nothing that keyrotate set up is there");
        }
        (false, true) => page.note("nothing was changed"),
        (false, false) => page.head(GREEN, "removed:", &format!("what keyrotate set up in account {}", outcome.plan.account)),
    }
    if !quiet {
        page.print();
    }
}
