//! What people install: `cargo install`, the Homebrew formula, manual pages, completions, and the workflow that releases them. Invariant:
//! nothing is installed on this machine and nothing is asked of the network; a tool that is missing fails its test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test bench"
)]

#[expect(dead_code, reason = "this ring uses a part of it")]
#[path = "lab/canary.rs"]
mod canary;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The program under test, a copy: `cargo install` puts its own into the same target directory, and for an instant there is none.
fn program() -> &'static str {
    static COPY: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, program) = COPY.get_or_init(|| {
        let directory = tempfile::Builder::new().prefix("keyrotate-").tempdir().unwrap();
        let copy = directory.path().join("keyrotate");
        std::fs::copy(env!("CARGO_BIN_EXE_keyrotate"), &copy).unwrap();
        let copy = copy.to_str().unwrap().to_owned();
        (directory, copy)
    });
    program
}

fn inside(path: &str) -> String {
    Path::new(ROOT).join(path).to_str().unwrap().to_owned()
}

/// Cargo, as a shell would start it: with the variables that it sets for tests, build scripts that ask for them would run again, and half of
/// the dependencies be compiled again, here and after this ring.
fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

fn tool(home: &Path, words: &[&str]) -> Output {
    tool_with(home, &[], words)
}

/// Runs a tool, here where nothing of the machine's AWS and keyrotate settings is, with `home` for HOME. What it executes, says and leaves
/// is searched for the secret of [`home`].
fn tool_with(home: &Path, variables: &[(&str, &str)], words: &[&str]) -> Output {
    let scratch = tempfile::Builder::new().prefix("keyrotate-").tempdir().unwrap();
    let execs = canary::Execs::new(scratch.path().join("execs"));
    let all = execs.as_ref().map(canary::Execs::prefix).unwrap_or_default().into_iter().chain(words.iter().map(|word| (*word).to_owned()));
    let all: Vec<String> = all.collect();
    let mut command = Command::new(&all[0]);
    command.args(&all[1..]).env_clear().env("HOME", home).env("TERM", "xterm").env("LC_ALL", "C.UTF-8").current_dir(home);
    command.envs(variables.iter().copied());
    let programs = Path::new(program()).parent().unwrap().to_path_buf();
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    command.env("PATH", std::env::join_paths(std::iter::once(programs).chain(found)).unwrap());
    let output = command.output().unwrap_or_else(|error| panic!("`{}` is missing ({error}): tests/run installs it", words[0]));
    // Where strace starts it, strace says so.
    assert!(!output.stderr.starts_with(b"strace: "), "`{}` is missing: tests/run installs it", words[0]);
    assert_eq!(execs.and_then(|execs| execs.search(&[])), None, "{words:?} executes with a secret");
    assert!(canary::find(&output.stdout).or_else(|| canary::find(&output.stderr)).is_none(), "{words:?} shows a secret");
    let left = canary::files(home).into_iter().map(|found| found.path).find(|path| *path != home.join(".aws/credentials"));
    assert_eq!(left, None, "{words:?} leaves a secret");
    output
}

/// What a tool that succeeds prints, both streams.
fn good(home: &Path, words: &[&str]) -> String {
    let output = tool(home, words);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {text}");
    text
}

/// A HOME with the profiles `laptop`, `work` and `worse`.
fn home() -> tempfile::TempDir {
    let home = tempfile::Builder::new().prefix("keyrotate-").tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let text = format!("[laptop]\naws_access_key_id = x\naws_secret_access_key = {}\n[work]\n[worse]\n[two words]\n", canary::SECRET);
    std::fs::write(home.path().join(".aws/credentials"), text).unwrap();
    home
}

/// The program as `cargo install` puts it into an empty root, once for all tests. The dev profile and the target directory of the tests: the
/// release profile would compile the same for minutes more.
fn installed() -> &'static Path {
    static ROOT_OF_INSTALL: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    program();
    let (_, program) = ROOT_OF_INSTALL.get_or_init(|| {
        let root = tempfile::Builder::new().prefix("keyrotate-").tempdir().unwrap();
        let mut command = cargo();
        command.args(["install", "--locked", "--offline", "--debug", "--path", ROOT, "--root"]).arg(root.path());
        command.current_dir(root.path()).env("CARGO_TARGET_DIR", inside("target"));
        let output = command.output().expect("cargo");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let program = root.path().join("bin/keyrotate");
        (root, program)
    });
    program
}

#[test]
fn cargo_install_puts_one_working_program_into_an_empty_root() {
    let program = installed();
    let home = home();
    let version = good(home.path(), &[program.to_str().unwrap(), "--version"]);
    assert_eq!(version, format!("keyrotate {}\n", env!("CARGO_PKG_VERSION")));
    let names = std::fs::read_dir(program.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["keyrotate"]);
}

#[test]
fn the_package_has_what_it_is_built_from_and_no_tests() {
    let output = cargo().args(["package", "--list", "--locked", "--offline", "--allow-dirty"]).current_dir(ROOT).output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let files: Vec<&str> = text.lines().collect();
    for needed in ["Cargo.lock", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/main.rs", "src/ARCHITECTURE.md"] {
        assert!(files.contains(&needed), "{needed} is missing: {}", String::from_utf8_lossy(&output.stderr));
    }
    let stray: Vec<_> =
        files.iter().filter(|file| file.starts_with("tests/") || file.starts_with(".github") || file.starts_with(".ci")).collect();
    assert_eq!(stray, Vec::<&&str>::new());
}

#[test]
fn the_formula_is_ruby_without_lint_and_installs_and_passes_its_own_test() {
    let home = home();
    let formula = inside("packaging/homebrew/keyrotate.rb");
    assert_eq!(good(home.path(), &["ruby", "-wc", &formula]), "Syntax OK\n");
    good(home.path(), &["rubocop", "--cache", "false", "--only", "Lint", "--format", "simple", &formula]);
    let prefix = home.path().join("prefix");
    let words = ["ruby", &inside("tests/package/brew.rb"), &formula, installed().to_str().unwrap(), prefix.to_str().unwrap()];
    let said = good(home.path(), &words);
    assert!(said.ends_with("the formula installs and its test passes\n"), "{said}");
}

#[test]
fn every_command_has_a_manual_page_that_mandoc_takes() {
    let home = home();
    let directory = home.path().join("man");
    let write = || good(home.path(), &[program(), "man", "--dir", directory.to_str().unwrap()]);
    let said = write();
    assert_eq!(said, write(), "twice is once");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(said.starts_with(&format!("{} manual pages are in ", pages.len())), "{said}");
    for page in &pages {
        let warnings = tool(home.path(), &["mandoc", "-T", "lint", "-W", "warning", page.to_str().unwrap()]);
        assert_eq!((String::from_utf8_lossy(&warnings.stdout).as_ref(), warnings.status.code()), ("", Some(0)));
    }
    let names: Vec<_> = pages.iter().map(|page| page.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    for name in ["keyrotate", "keyrotate-rotate", "keyrotate-status", "keyrotate-timer", "keyrotate-timer-install"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    let text = good(home.path(), &["mandoc", "-T", "ascii", directory.join("keyrotate-rotate.1").to_str().unwrap()]);
    // Struck twice for bold.
    let text = plain(&text);
    assert!(text.contains("--dry-run") && text.contains("rotation is finished by running the same command again"), "{text}");
}

/// Without the letter and backspace before each letter that is struck twice, and with single spaces.
fn plain(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_struck = |at: usize| letters.get(at + 1) == Some(&'\u{8}') || letters[at] == '\u{8}';
    let kept: String = (0..letters.len()).filter(|at| !is_struck(*at)).map(|at| letters[at]).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn pages_can_be_made_again_with_the_same_bytes() {
    let home = home();
    let page = |name: &str| {
        let directory = home.path().join(name);
        let words = [program(), "man", "--dir", directory.to_str().unwrap()];
        assert!(tool_with(home.path(), &[("SOURCE_DATE_EPOCH", "1700000000")], &words).status.success());
        std::fs::read_to_string(directory.join("keyrotate.1")).unwrap()
    };
    assert_eq!(page("one"), page("two"));
    assert!(page("one").contains(".TH KEYROTATE 1 2023-11-14"), "{}", page("one"));
}

#[test]
fn bash_and_zsh_complete_a_profile_at_the_first_press_of_the_key() {
    let home = home();
    let functions = home.path().join("functions");
    std::fs::create_dir(&functions).unwrap();
    std::fs::write(functions.join("_keyrotate"), good(home.path(), &[program(), "completions", "zsh"])).unwrap();
    let from_fpath = format!("fpath=({} $fpath); autoload -U compinit; compinit -u -D", functions.display());
    let from_source = "autoload -U compinit; compinit -u -D; source <(keyrotate completions zsh)";
    let bash = ["bash", "--norc", "--noprofile", "-i"];
    let zsh = ["zsh", "-f", "-i"];
    let presses = inside("tests/package/tab.py");
    for (setup, shell) in [
        ("source <(keyrotate completions bash)", &bash[..]),
        (from_source, &zsh),
        (from_fpath.as_str(), &zsh),
        ("source <(COMPLETE=bash keyrotate)", &bash),
    ] {
        for (typed, completed) in [("keyrotate rotate lap", "keyrotate rotate laptop"), ("keyrotate timer inst", "keyrotate timer install")]
        {
            let words: Vec<&str> = ["python3", &presses, setup, typed].into_iter().chain(shell.iter().copied()).collect();
            assert_eq!(good(home.path(), &words).trim_end(), completed, "{shell:?} {setup}");
        }
    }
}

#[test]
fn the_shells_function_completes_profiles_too() {
    let home = home();
    let presses = inside("tests/package/tab.py");
    let from_zsh = "autoload -U compinit; compinit -u -D; eval \"$(keyrotate shell-init zsh)\"";
    for (setup, shell) in
        [("eval \"$(keyrotate shell-init bash)\"", &["bash", "--norc", "--noprofile", "-i"][..]), (from_zsh, &["zsh", "-f", "-i"])]
    {
        for (typed, completed) in [("kr lap", "kr laptop"), ("kr --uns", "kr --unset")] {
            let words: Vec<&str> = ["python3", &presses, setup, typed].into_iter().chain(shell.iter().copied()).collect();
            assert_eq!(good(home.path(), &words).trim_end(), completed, "{shell:?} {setup}");
        }
    }
    let line = "keyrotate shell-init fish | source; complete -C 'kr wor'";
    assert_eq!(good(home.path(), &["fish", "--no-config", "-c", line]), "work\nworse\n");
}

#[test]
fn fish_completes_profiles_commands_and_values() {
    let home = home();
    for (typed, offered) in [
        ("keyrotate status wor", "work\nworse\n"),
        ("keyrotate timer install --kind l", "launchd\tA launchd agent\n"),
        ("keyrotate completions el", "elvish\n"),
    ] {
        let line = format!("keyrotate completions fish | source; complete -C '{typed}'");
        assert_eq!(good(home.path(), &["fish", "--no-config", "-c", &line]), offered, "{typed}");
    }
}

#[test]
fn a_shell_that_completes_gets_no_error_and_no_secret_whatever_is_wrong() {
    let home = home();
    let ask = |home: &Path| {
        let output = tool_with(home, &[("COMPLETE", "fish")], &[program(), "--", "keyrotate", "rotate", ""]);
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
        String::from_utf8(output.stdout).unwrap()
    };
    let fine = ask(home.path());
    assert!(fine.starts_with("laptop\nwork\nworse\n-") && !fine.contains("two words"), "{fine}");
    std::fs::write(home.path().join(".aws/credentials"), format!("[laptop\n{}", canary::SECRET)).unwrap();
    let broken = ask(home.path());
    assert!(broken.contains("--all\t") && !broken.contains("laptop"), "{broken}");
    // Somebody else's variable.
    let output = Command::new(program()).env("COMPLETE", "yes").arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("keyrotate "));
}

#[test]
fn powershell_and_elvish_get_a_script_that_names_the_program() {
    let home = home();
    for (shell, word) in
        [("powershell", "Register-ArgumentCompleter -Native -CommandName keyrotate"), ("elvish", "arg-completer[keyrotate]")]
    {
        let text = good(home.path(), &[program(), "completions", shell]);
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn the_release_workflow_can_be_read_and_covers_every_system() {
    let home = home();
    let scripts = good(home.path(), &["ruby", &inside("tests/package/workflow.rb"), &inside(".github/workflows/release.yml")]);
    // What GitHub fills in is a word to the shell.
    let script = home.path().join("steps.sh");
    std::fs::write(&script, scripts.replace("${{", "X").replace("}}", "X")).unwrap();
    good(home.path(), &["bash", "-n", script.to_str().unwrap()]);
}

/// `packaging/sign` of the file `a.tgz` in `home`.
fn sign(home: &Path, secret: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.arg(inside("packaging/sign")).arg("a.tgz").current_dir(home).stdin(std::process::Stdio::null());
    command.env_remove("MINISIGN_SECRET_KEY").env("TMPDIR", home.join("tmp"));
    if let Some(secret) = secret {
        command.env("MINISIGN_SECRET_KEY", secret);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_release_signs_with_a_key_that_it_does_not_show() {
    let home = home();
    let path = home.path();
    std::fs::create_dir(path.join("tmp")).unwrap();
    std::fs::write(path.join("a.tgz"), "archive").unwrap();
    good(path, &["minisign", "-G", "-W", "-p", "public", "-s", "secret"]);
    let secret = std::fs::read_to_string(path.join("secret")).unwrap();
    for (key, reason) in [(None, "MINISIGN_SECRET_KEY is not set"), (Some(""), "is not set"), (Some("rubbish"), "is no secret key")] {
        let (code, said) = sign(path, key);
        assert!(code == Some(1) && said.contains(reason), "{said}");
        assert!(!path.join("a.tgz.minisig").exists());
    }
    let (code, said) = sign(path, Some(secret.trim_end()));
    assert_eq!(code, Some(0), "{said}");
    let public = std::fs::read_to_string(path.join("public")).unwrap();
    assert_eq!(said, format!("public key: {}\n", public.lines().last().unwrap()));
    assert!(good(path, &["minisign", "-V", "-p", "public", "-m", "a.tgz"]).contains("Trusted comment: a.tgz"));
    assert_eq!(std::fs::read_dir(path.join("tmp")).unwrap().count(), 0, "the key is gone");
    std::fs::write(path.join("a.tgz"), "another").unwrap();
    assert!(!tool(path, &["minisign", "-V", "-p", "public", "-m", "a.tgz"]).status.success());
}

#[test]
fn the_formula_is_filled_in_by_the_release() {
    let home = home();
    let filled = home.path().join("keyrotate.rb");
    let digest = "a".repeat(64);
    let formula = inside("packaging/homebrew/keyrotate.rb");
    let said = good(home.path(), &["sh", &inside("packaging/homebrew/fill"), &formula, "acme/keyrotate", "1.2.3", &digest]);
    std::fs::write(&filled, &said).unwrap();
    for (wanted, count) in [("https://github.com/acme/keyrotate/archive/refs/tags/v1.2.3.tar.gz", 1), (digest.as_str(), 1), ("OWNER", 0)] {
        assert_eq!(said.matches(wanted).count(), count, "{wanted}: {said}");
    }
    assert_eq!(good(home.path(), &["ruby", "-wc", filled.to_str().unwrap()]), "Syntax OK\n");
}
