//! Manual pages, one for each command, from what clap knows of them.

use std::io;
use std::path::Path;

use chrono::DateTime;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::Args;
use super::page::Page;
use crate::os::atomic_file::remove_if_there;
use crate::os::clock;
use crate::os::disk::{Disk, RealDisk};

/// Anybody may read a manual.
const READABLE: u32 = 0o644;

/// Writes the pages into the directory, which is made where it is not there, over those of an earlier version.
pub fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let written = pages(&command, directory, &date())?;
    let mut page = Page::for_stdout(0);
    page.sentence(&format!("{written} manual pages are in {}", directory.display()));
    page.print();
    Ok(())
}

/// The page of a command and of those below it; how many.
fn pages(command: &Command, directory: &Path, date: &str) -> io::Result<usize> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let source = concat!("keyrotate ", env!("CARGO_PKG_VERSION"));
    let mut text = Vec::new();
    Man::new(command.clone()).title(name.to_uppercase()).date(date).source(source).manual("keyrotate").render(&mut text)?;
    let path = directory.join(format!("{name}.1"));
    remove_if_there(&RealDisk, &path)?;
    RealDisk.create(&path, READABLE)?.write_at(0, tidy(&String::from_utf8_lossy(&text)).as_bytes())?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_fold(1, |sum, below| Ok(sum + pages(below, directory, date)?))
}

/// The day that the pages are written, in UTC; SOURCE_DATE_EPOCH, in seconds, goes before it, so that a package can be built again.
fn date() -> String {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0));
    fixed.unwrap_or_else(clock::local_now).format("%Y-%m-%d").to_string()
}

/// With one space where an empty line stands between two breaks, and with the usual name for what comes last.
fn tidy(text: &str) -> String {
    text.replace("\n.br\n\n.br\n", "\n.sp\n").replace("\n.SH EXTRA\n", "\n.SH NOTES\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_between_breaks_is_a_space_and_other_breaks_stay() {
        assert_eq!(tidy("a\n.br\n\n.br\nb\n.br\nc\n.SH EXTRA\n"), "a\n.sp\nb\n.br\nc\n.SH NOTES\n");
    }
}
