//! How the results of `auto` look: one line a matter for a log, failures as everywhere.

use super::page::{GREEN, Page, RED, YELLOW};
use super::render;
use crate::commands::auto::{AutoOutcome, Urgency};
use crate::commands::rotate::Rotated;

/// Prints what there is to say: what was done on standard output, what a person has to do on standard error.
pub fn print(outcome: &AutoOutcome) {
    let (mut done, mut open) = (Page::for_stdout(0), Page::for_stderr(0));
    let failures: Vec<_> = outcome.rotated.keys.iter().filter_map(Rotated::failure).collect();
    for matter in outcome.matters.iter().filter(|matter| failures.iter().all(|failure| failure.message != matter.text)) {
        match matter.urgency {
            Urgency::Critical => open.head(RED, "keyrotate: critical:", &matter.text),
            Urgency::Attention => open.head(YELLOW, "keyrotate: attention:", &matter.text),
            Urgency::Done => done.head(GREEN, "keyrotate:", &matter.text),
        }
    }
    done.print();
    open.print_error();
    failures.into_iter().for_each(render::failure);
}
