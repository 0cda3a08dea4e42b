//! The mark that every secret here carries, and how it is found: in bytes, in files, in running processes, in what was executed. It knows
//! nothing of keyrotate. Invariant: a secret with its mark is as AWS makes them, 40 characters of base64's alphabet, `/` and `+` included.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// At both ends of every secret, so that a piece of one is found too. Letters only: it is the same in a URL, in JSON and in a shell's word.
pub const MARK: &str = "CaNaRyBiRd";
/// The same for the seed of an MFA device, which is in Base32.
pub const SEED_MARK: &str = "CANARYBIRD";
/// For a test that writes a pair by hand.
pub const SECRET: &str = "CaNaRyBiRd/+0123456789abcdefghCaNaRyBiRd";

/// A secret of the same length that carries the mark.
pub fn marked(drawn: &str) -> String {
    format!("{MARK}/+{}{MARK}", &drawn[MARK.len() + 2..drawn.len() - MARK.len()])
}

/// A seed of the same length that carries its mark.
pub fn marked_seed(drawn: &str) -> String {
    format!("{SEED_MARK}{}{SEED_MARK}", &drawn[SEED_MARK.len()..drawn.len() - SEED_MARK.len()])
}

/// A seed as a person reads it.
pub fn in_groups(seed: &str) -> String {
    seed.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// How a mark looks here, if one is here: as it is, in hexadecimal, as a list of numbers, or at any place in base64; that of a seed also in groups.
pub fn find(bytes: &[u8]) -> Option<&'static str> {
    static FORMS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    let forms = FORMS.get_or_init(|| {
        let mut forms = [MARK, SEED_MARK].map(forms_of).concat();
        forms.push(("in groups", in_groups(SEED_MARK)));
        forms
    });
    let text = String::from_utf8_lossy(bytes);
    forms.iter().find(|(_, form)| text.contains(form.as_str())).map(|(name, _)| *name)
}

fn forms_of(mark: &str) -> Vec<(&'static str, String)> {
    let each = |form: fn(u8) -> String, between: &str| mark.bytes().map(form).collect::<Vec<_>>().join(between);
    let mut forms = vec![("plain", mark.to_owned()), ("numbers", each(|byte| byte.to_string(), ", "))];
    forms.extend([("hexadecimal", each(|byte| format!("{byte:02x}"), "")), ("hexadecimal", each(|byte| format!("{byte:02X}"), ""))]);
    forms.extend((0..3).map(|shift| ("base64", base64_at(mark, shift))));
    forms
}

/// A mark in base64, so many bytes after the start of a group, without the characters that its neighbours decide too.
fn base64_at(mark: &str, shift: usize) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode([&b"..."[..shift], mark.as_bytes()].concat());
    text[(shift * 8).div_ceil(6)..(shift + mark.len()) * 8 / 6].to_owned()
}

/// A file with the mark.
pub struct Found {
    pub path: PathBuf,
    pub form: &'static str,
    pub mode: u32,
}

/// Every regular file below this directory that has the mark. Programs are left out, which are long; a core dump is no program.
pub fn files(root: &Path) -> Vec<Found> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, Ok(data)) = (entry.path(), entry.metadata()) else { continue };
            if data.is_dir() {
                folders.push(path);
            } else if data.is_file()
                && let Ok(bytes) = std::fs::read(&path)
                && !is_program(&bytes)
                && let Some(form) = find(&bytes)
            {
                found.push(Found { path, form, mode: data.permissions().mode() & 0o777 });
            }
        }
    }
    found
}

/// ELF, and not of the type that core dumps have.
fn is_program(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF") && bytes.get(16) != Some(&4)
}

/// Where the mark is in the arguments and variables of running processes of this HOME or of these process groups, but for `given`:
/// variables, as `NAME=VALUE`, that a test sets on purpose.
pub fn running(home: &Path, groups: &[u32], given: &[String]) -> Option<String> {
    let own = format!("HOME={}", home.display());
    std::fs::read_dir("/proc").expect("/proc").flatten().find_map(|entry| {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let environment = read("environ");
        let mut variables = environment.split(|byte| *byte == 0);
        if !variables.clone().any(|variable| variable == own.as_bytes()) && !groups.contains(&group(&read("stat"))?) {
            return None;
        }
        if let Some(form) = find(&read("cmdline")) {
            return Some(format!("arguments of process {} ({form})", entry.file_name().display()));
        }
        let form = variables.find_map(|variable| find(variable).filter(|_| !given.iter().any(|given| given.as_bytes() == variable)))?;
        Some(format!("environment of process {} ({form})", entry.file_name().display()))
    })
}

/// The process group, from /proc/PID/stat: the third word after the name, which is in brackets.
fn group(stat: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(stat);
    text.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}

/// The system calls by which a program is executed.
pub const EXEC_CALLS: &str = "execve,execveat";
/// What lets strace write all that is executed, and not the beginning of it.
pub const WHOLE: [&str; 3] = ["-v", "-s", "65536"];

/// What a run executes: each program with all its arguments and variables, as the kernel was given them. The file is strace's.
pub struct Execs {
    file: PathBuf,
    /// The run has a strace of its own, which shows this, too; the file stays.
    is_shared: bool,
}

impl Execs {
    /// None where there is no strace; the lab's own tests fail there.
    pub fn new(file: PathBuf) -> Option<Self> {
        strace().map(|_| Self { file, is_shared: false })
    }

    /// In the trace that a run has of its own by these words; none where that does not show it.
    pub fn shared(words: &[String]) -> Option<Self> {
        let file = words.iter().skip_while(|word| *word != "-o").nth(1)?;
        let is_shown = WHOLE.iter().all(|part| words.iter().any(|word| word == part));
        let is_shown = is_shown && words.iter().any(|word| word.starts_with("trace=") && word.contains(EXEC_CALLS));
        is_shown.then(|| Self { file: file.into(), is_shared: true })
    }

    /// Words before the program.
    pub fn prefix(&self) -> Vec<String> {
        if self.is_shared {
            return Vec::new();
        }
        let program = strace().expect("found before").display().to_string();
        let traced = format!("trace={EXEC_CALLS}");
        let options = ["-f", "-qqq", "--seccomp-bpf", "-e", &traced, "-e", "signal=none"].into_iter().chain(WHOLE).chain(["-o"]);
        [program.as_str()].into_iter().chain(options).map(str::to_owned).chain([self.file.display().to_string()]).collect()
    }

    /// Where the mark is, but for the variables in `given`; a run of which nothing was seen is told, too. A file of its own is gone
    /// then.
    pub fn search(self, given: &[String]) -> Option<String> {
        let text = String::from_utf8_lossy(&std::fs::read(&self.file).unwrap_or_default()).into_owned();
        if !self.is_shared {
            let _ = std::fs::remove_file(&self.file);
        }
        let is_exec = |line: &&str| EXEC_CALLS.split(',').any(|name| line.contains(&format!(" {name}(")));
        let text = text.lines().filter(is_exec).map(|line| format!("{line}\n")).collect::<String>();
        if text.is_empty() {
            return Some("nothing, says strace".to_owned());
        }
        let text = given.iter().fold(text, |text, given| text.replace(&format!("{given:?}"), ""));
        text.lines().find_map(|line| Some(format!("{} ({})", line.split(',').next()?, find(line.as_bytes())?)))
    }
}

fn strace() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("strace")).find(|path| path.is_file());
    PROGRAM.get_or_init(find).as_deref()
}
