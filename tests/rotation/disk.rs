//! Files that are links, cannot be written, or a disk that is full. What was a link stays one; what fails changes nothing that counts.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::bench::{ROTATE, changes, refused, rotated, safe, start, told};
use crate::home::Run;
use crate::lab::parallel::each;

#[test]
fn a_symlinked_file_stays_a_link() {
    let home = start();
    let (link, target) = (home.path().join(".aws/credentials"), home.path().join(".aws/real"));
    home.holds(&target);
    std::fs::rename(&link, &target).unwrap();
    std::os::unix::fs::symlink("real", &link).unwrap();
    let output = home.run(ROTATE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    safe(&home);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_link(&link).unwrap().to_str(), Some("real"));
}

#[test]
fn a_symlinked_directory_stays_a_link() {
    let home = start();
    let (link, target) = (home.path().join(".aws"), home.scratch("dotfiles"));
    home.holds(&target);
    std::fs::rename(&link, &target).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let output = home.run(ROTATE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    safe(&home);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1, "something was left beside the file");
}

#[test]
fn a_hard_link_stays_one_file_with_two_names() {
    let home = start();
    let (path, second) = (home.path().join(".aws/credentials"), home.scratch("second-name"));
    home.holds(&second);
    std::fs::hard_link(&path, &second).unwrap();
    let inode = path.metadata().unwrap().ino();
    let output = home.run(ROTATE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    safe(&home);
    assert_eq!((path.metadata().unwrap().ino(), second.metadata().unwrap().ino()), (inode, inode));
}

#[test]
fn a_bind_mounted_file_is_written_in_place() {
    let home = start();
    let (path, outside) = (home.path().join(".aws/credentials"), home.scratch("outside"));
    home.holds(&outside);
    home.holds(home.scratch("outside.seen"));
    std::fs::copy(&path, &outside).unwrap();
    std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o600)).unwrap();
    let script = format!("mount --bind {0} {1} && \"$@\"; code=$?; cp {1} {0}.seen; exit $code", outside.display(), path.display());
    let mut run = Run::new(ROTATE);
    run.prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    let output = home.run_with(&run);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let new = crate::bench::new_key(&home);
    assert_eq!(std::fs::read_to_string(&outside).unwrap().matches(&new.secret).count(), 2);
}

/// Root is not stopped by file modes, so that it becomes an ordinary user first.
#[test]
fn a_directory_that_cannot_be_written_stops_the_run_before_aws_is_changed() {
    let home = start();
    let (aws, program) = (home.path().join(".aws"), home.scratch("keyrotate"));
    // Where the program itself cannot be reached by an ordinary user, a copy can.
    std::fs::copy(env!("CARGO_BIN_EXE_keyrotate"), &program).unwrap();
    let script = format!(
        "shift; chmod 555 {aws}; [ $(id -u) = 0 ] || exec {program} \"$@\"; chown -R 65534:65534 {home}; chmod 711 {above}; \
         exec setpriv --reuid 65534 --regid 65534 --clear-groups {program} \"$@\"",
        aws = aws.display(),
        program = program.display(),
        home = home.path().display(),
        above = home.scratch("").display(),
    );
    let mut run = Run::new(ROTATE);
    run.prefix = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    let output = home.run_with(&run);
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o700)).unwrap();
    refused(&home, &output, 1);
    assert!(output.stderr.contains(".aws"), "{}", output.stderr);
}

/// In a mount namespace of its own; the same command runs again there when there is room.
#[test]
fn a_full_disk_under_the_journal_changes_nothing_that_counts_and_the_same_command_goes_on() {
    each(&[4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48], |size| {
        let home = start();
        let state = home.path().join(".local");
        std::fs::create_dir(&state).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={size}k,mode=700 none {0} && {{ \"$@\" || {{ mount -o remount,size=9m {0} && \"$@\"; }}; }}",
            state.display()
        );
        let mut run = Run::new(ROTATE);
        run.prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        let output = home.run_with(&run);
        rotated(&home, &output);
        let made = changes(&home.lab).into_iter().filter(|action| action == "CreateAccessKey").count();
        assert_eq!(made, 1, "a key was made without room for its secret: {}", output.stderr);
    });
}

#[test]
fn a_full_disk_under_the_credentials_stops_the_run_before_aws_is_changed() {
    let home = start();
    let aws = home.path().join(".aws");
    home.holds(home.scratch("copy"));
    let script = format!(
        "cp -p {0}/credentials {1} && mount -t tmpfs -o size=8k,mode=700 none {0} && cp -p {1} {0}/credentials && \
         {{ dd if=/dev/zero of={0}/fill bs=4k status=none 2>/dev/null; \"$@\"; code=$?; cmp {1} {0}/credentials || code=99; exit $code; }}",
        aws.display(),
        home.scratch("copy").display()
    );
    let mut run = Run::new(ROTATE);
    run.prefix = ["unshare", "--mount", "--map-root-user", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    refused(&home, &home.run_with(&run), 1);
}

#[test]
fn no_room_for_the_journal_stops_the_run_before_a_key_is_made() {
    let home = start();
    let mut run = Run::new(ROTATE);
    run.prefix = ["prlimit", "--fsize=1000"].map(str::to_owned).to_vec();
    let output = home.run_with(&run);
    told(&output, 1);
    assert_eq!(changes(&home.lab), Vec::<String>::new());
    safe(&home);
}
