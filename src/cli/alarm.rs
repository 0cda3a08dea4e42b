//! How `alarm` looks: the plan as a diff of the account, then what came of it.

use super::args::{AlarmAccount, AlarmArgs, AlarmChoices, AlarmCommand};
use super::page::{DIM, GREEN, Page, RED, YELLOW, plain};
use super::session;
use crate::alarm::{COSTS, Sign};
use crate::commands::alarm::install::{Installed, install};
use crate::commands::alarm::remove::{Removed, remove};
use crate::commands::alarm::test::{Tested, test};
use crate::commands::alarm::{self, Plan, Request};
use crate::commands::context::Context;
use crate::commands::failure::Failure;
use crate::commands::session::Attend;
use crate::os::signals::Signals;
use crate::os::terminal::Console;

/// How a plan is shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Notes, too.
    notes: bool,
    /// Patterns whole.
    patterns: bool,
}

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
            show_plan(context, &attend, &asked.account, &asked.choices, quiet)
        }
        AlarmCommand::Install(asked) if asked.dry_run => {
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            show_plan(context, &attend, &asked.account, &asked.choices, quiet)
        }
        AlarmCommand::Install(asked) => {
            let (console, signals) = attended(asked.account.no_input)?;
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            let shown = Shown { notes: !quiet, patterns: asked.choices.patterns };
            let told = |plan: &Plan| {
                if !(quiet && asked.yes) {
                    tell(plan, shown)
                }
            };
            let request = Request { console: &console, signals: &signals, yes: asked.yes, tell: &told };
            let wait = asked.wait(console.can_ask());
            let outcome = install(context, &attend, &asked.account.options(), &asked.choices.set_up(), wait, &request);
            console.progress_done();
            let outcome = outcome?;
            print_install(&outcome, quiet);
            Ok(outcome.exit_code())
        }
        AlarmCommand::Test(asked) => {
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            let outcome = test(context, &attend, &asked.options(), asked.all_actions)?;
            print_test(&outcome, quiet);
            let code = outcome.exit_code();
            match outcome.unseen {
                Some(failure) if failure.kind.exit_code() == code => Err(failure),
                Some(_) | None => Ok(code),
            }
        }
        AlarmCommand::Remove(asked) => {
            let (console, signals) = attended(asked.account.no_input)?;
            let attend = || attended(asked.account.no_input).map(|(console, _)| console);
            let told = |plan: &Plan| {
                if asked.dry_run || !(quiet && asked.yes) {
                    tell(plan, Shown { notes: true, patterns: false })
                }
            };
            let request = Request { console: &console, signals: &signals, yes: asked.yes, tell: &told };
            let outcome = remove(context, &attend, &asked.options(), asked.dry_run, &request);
            console.progress_done();
            let (removed, unseen) = outcome?;
            print_remove(&removed, quiet);
            unseen.map_or(Ok(0), Err)
        }
    }
}

fn show_plan(context: &Context, attend: Attend<'_>, account: &AlarmAccount, choices: &AlarmChoices, quiet: bool) -> Result<u8, Failure> {
    let plan = alarm::plan(context, attend, &account.options(), &choices.set_up())?;
    tell(&plan, Shown { notes: !quiet, patterns: choices.patterns });
    let mut page = Page::for_stdout(0);
    if plan.is_empty() {
        page.sentence("nothing is missing");
    }
    listeners(&mut page, &plan.confirmed, &plan.pending, &[]);
    page.print();
    Ok(plan.exit_code())
}

/// The plan, region by region, each change with what deserves to be read of it.
fn tell(plan: &Plan, shown: Shown) {
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
            if let Some(detail) = step.detail(shown.patterns) {
                page.push("    ").push(&plain(&detail)).end(4);
            }
        }
    }
    plan.faults.iter().for_each(|fault| page.head(RED, "wrong:", fault));
    if shown.notes {
        plan.notes.iter().for_each(|note| page.note(note));
    }
    page.print();
}

/// Who hears of it, and who has to do something first.
fn listeners(page: &mut Page, confirmed: &[String], pending: &[String], sent_again: &[String]) {
    if !confirmed.is_empty() {
        page.head(GREEN, "confirmed:", &confirmed.join(", "));
    }
    if !pending.is_empty() {
        let again = if sent_again.is_empty() { String::new() } else { format!(" (sent again to {})", sent_again.join(", ")) };
        let link = "the link in a mail from AWS, \"AWS Notification - Subscription Confirmation\" (look among spam, too)";
        page.head(YELLOW, "waits:", &format!("for {} to follow {link}{again}", pending.join(", ")));
    }
}

fn print_install(outcome: &Installed, quiet: bool) {
    let mut page = Page::for_stdout(0);
    if outcome.declined {
        page.note("nothing was changed");
        page.print();
        return;
    }
    let account = &outcome.plan.account;
    let is_deaf = outcome.confirmed.is_empty() || !outcome.plan.faults.is_empty();
    match (is_deaf, outcome.plan.is_empty()) {
        (true, _) => page.head(YELLOW, "made:", &format!("all parts are in account {account}; nobody hears of a change yet")),
        (false, true) => page.sentence("nothing is missing, and nothing was changed"),
        (false, false) => page.head(GREEN, "set up:", &format!("account {account} tells of changes to its policies")),
    }
    if !quiet || outcome.exit_code() != 0 {
        listeners(&mut page, &outcome.confirmed, &outcome.pending, &outcome.sent_again);
    }
    outcome.plan.faults.iter().for_each(|fault| page.head(RED, "wrong:", fault));
    if is_deaf {
        page.note(&format!(
            "when that is done, `{}` tries it out; AWS forgets an address that does not confirm within 2 days",
            outcome.test
        ));
    } else {
        page.note(&format!("`{}` tries it out", outcome.test));
    }
    if !quiet || outcome.exit_code() != 0 {
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
        page.paint(style, word).push("  ").push(&plain(&format!("{}: {text}", one.what))).end(7);
    }
    for sent in &outcome.sent {
        page.head(GREEN, "sent:", &format!("a message to {}, by {}", sent.to.join(", "), sent.by));
    }
    outcome.doubts.iter().for_each(|doubt| page.head(YELLOW, "unsure:", doubt));
    if let Some(failure) = outcome.unseen.as_ref().filter(|failure| failure.kind.exit_code() != outcome.exit_code()) {
        page.head(YELLOW, "unsure:", &failure.message);
    }
    if outcome.sent.is_empty() {
        page.note("no message was sent");
    }
    if outcome.is_mended_by_install() {
        page.note(&format!("`{}` puts right what is missing or was changed", outcome.install));
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
            page.sentence(&format!("nothing that keyrotate set up is in {}", outcome.regions.join(", ")));
            page.note("--region REGION looks in another region, too");
        }
        (false, true) => page.note("nothing was changed"),
        (false, false) => page.head(GREEN, "removed:", &format!("what keyrotate set up in account {}", outcome.plan.account)),
    }
    if !quiet {
        page.print();
    }
}
