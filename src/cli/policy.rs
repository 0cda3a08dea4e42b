//! How policies look: the document on standard output, for a file or a program, and everything else on standard error.

use super::page::Page;
use super::session;
use crate::audit::PolicyName;
use crate::commands::policy::PolicyOutcome;

/// Lists the policies.
pub fn print_list() {
    let width = PolicyName::ALL.map(|name| name.id().len()).into_iter().max().unwrap_or_default();
    let mut page = Page::for_stdout(0);
    for name in PolicyName::ALL {
        page.push(&format!("{:<width$}  {}", name.id(), name.purpose())).end(width + 2);
    }
    page.print();
}

/// Prints one.
pub fn print(outcome: &PolicyOutcome, is_quiet: bool) {
    // As it is: what breaks a line, or colours it, would be no JSON.
    Page::for_stdout(0).json(&outcome.policy.to_string()).print();
    if !is_quiet {
        session::notes(&outcome.notes);
    }
}
