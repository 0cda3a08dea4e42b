//! What stands in the way on purpose or by accident: files that are none, and files that nobody may change.

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::bench::{ROTATE, refused, rotated, start, told};
use crate::home::Run;
use crate::lab::parallel::each;

/// `sh -c SCRIPT sh PROGRAM ARGS`.
fn within(script: String) -> Run<'static> {
    let mut run = Run::new(ROTATE);
    run.prefix = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    run
}

/// What is read from a pipe once cannot be written, and is not there a second time.
#[test]
fn credentials_that_come_through_a_pipe_are_shown_but_not_rotated() {
    let home = start();
    let file = home.path().join(".aws/credentials");
    let script = format!("cat {} | AWS_SHARED_CREDENTIALS_FILE=/dev/stdin \"$@\"", file.display());
    let output = home.run_with(&within(script.clone()));
    refused(&home, &output, 1);
    assert!(output.stderr.contains("/dev/stdin"), "{}", output.stderr);
    let shown = home.run_with(&Run { args: &["status", "default"], ..within(script) });
    assert!(shown.stdout.contains(&home.old.id), "{shown:?}");
}

#[test]
fn a_named_pipe_in_the_place_of_a_file_is_said_and_not_waited_for() {
    each(&[".aws/credentials", ".aws/config"], |name| {
        let home = start();
        let path = home.path().join(name);
        home.holds(home.scratch("moved"));
        let _ = std::fs::rename(&path, home.scratch("moved"));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let output = home.run(ROTATE);
        told(&output, 1);
        assert!(output.stderr.contains("named pipe") && output.stderr.contains(name), "{}", output.stderr);
    });
}

#[test]
fn dev_null_stands_for_no_config_file() {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.env.push(("AWS_CONFIG_FILE", "/dev/null".to_owned()));
    let output = home.run_with(&run);
    rotated(&home, &output);
}

/// Only root may make a file immutable; for others the unit test stands alone.
#[test]
fn an_immutable_file_is_noticed_before_a_key_is_made() {
    let home = start();
    let file = home.path().join(".aws/credentials");
    let change = |flag: &str| std::process::Command::new("chattr").arg(flag).arg(&file).output().unwrap().status.success();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    assert!(change("+i"), "root, and a file system that knows immutable files");
    let output = home.run(ROTATE);
    assert!(change("-i"));
    refused(&home, &output, 1);
    assert!(output.stderr.contains("immutable"), "{}", output.stderr);
}
