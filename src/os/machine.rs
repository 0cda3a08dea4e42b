//! Which machine this is: an id for the journal, a name for people.
//!
//! Invariant: the id comes from the system and never from a file of the state directory, which is copied to other machines by
//! backups and synced homes; it is hashed, because the machine id itself should not leave the machine.

use std::path::Path;

use sha2::{Digest, Sha256};

/// Keeps the id apart from other programs' hashes of the same machine id.
const PREFIX: &str = "keyrotate machine v1\n";

/// An id of this machine's installation: lower-case hex SHA-256, the same at every start.
///
/// From `/etc/machine-id` or `/var/lib/dbus/machine-id`, IOPlatformUUID on macOS, MachineGuid on Windows. Where there is none (a
/// bare container), from the host name, which two machines can share and which can change: then another machine's journal entry
/// may pass for ours, or ours for another's. `None` when there is not even a host name.
pub fn machine_id() -> Option<String> {
    system_id().map(|id| hashed("id", &id)).or_else(|| system_host_name().map(|name| hashed("host", &name)))
}

/// This machine's host name as the system has it, `localhost` when it has none.
pub fn host_name() -> String {
    system_host_name().unwrap_or_else(|| "localhost".to_owned())
}

fn hashed(kind: &str, text: &str) -> String {
    Sha256::digest(format!("{PREFIX}{kind}\n{text}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(all(unix, not(target_os = "macos")))]
fn system_id() -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"].into_iter().find_map(|path| id_in(Path::new(path)))
}

#[cfg(target_os = "macos")]
fn system_id() -> Option<String> {
    platform_uuid(&output_of("/usr/sbin/ioreg", &["-rd1", "-c", "IOPlatformExpertDevice"])?)
}

#[cfg(windows)]
fn system_id() -> Option<String> {
    let reg = Path::new(&std::env::var_os("SystemRoot")?).join("System32").join("reg.exe");
    machine_guid(&output_of(reg, &["query", r"HKLM\SOFTWARE\Microsoft\Cryptography", "/v", "MachineGuid", "/reg:64"])?)
}

#[cfg(any(target_os = "macos", windows))]
fn output_of(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).stdin(std::process::Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(unix)]
fn system_host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Some(name).filter(|name| !name.is_empty() && name != "(none)")
}

#[cfg(not(unix))]
fn system_host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok().filter(|name| !name.is_empty())
}

/// The 32 hex digits of machine-id(5). A first boot leaves the file empty or `uninitialized`: no id, or all such machines are one.
#[cfg(any(test, all(unix, not(target_os = "macos"))))]
fn id_in(path: &Path) -> Option<String> {
    let id = std::fs::read_to_string(path).ok()?.trim().to_ascii_lowercase();
    let real = id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()) && id.chars().any(|c| c != '0');
    real.then_some(id)
}

/// Reads `"IOPlatformUUID" = "…"` in ioreg's listing.
#[cfg(any(test, target_os = "macos"))]
fn platform_uuid(listing: &str) -> Option<String> {
    let value = listing.lines().find(|line| line.contains("\"IOPlatformUUID\""))?.split('"').nth(3)?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// Reads the line `MachineGuid    REG_SZ    …` of reg's answer.
#[cfg(any(test, windows))]
fn machine_guid(answer: &str) -> Option<String> {
    let mut words = answer.lines().map(str::split_whitespace).find(|words| words.clone().next() == Some("MachineGuid"))?;
    words.nth(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_id_is_a_hash_that_stays_the_same_and_differs_by_kind() {
        let id = hashed("id", "0123456789abcdef0123456789abcdef");
        // From coreutils: printf 'keyrotate machine v1\nid\n0123456789abcdef0123456789abcdef' | sha256sum
        assert_eq!(id, "7fd5024b724a7f48ec192831b36052bba508182945c781e472284e036e345458");
        assert_ne!(id, hashed("host", "0123456789abcdef0123456789abcdef"));
        assert_eq!(machine_id(), machine_id());
        assert!(machine_id().is_none_or(|id| id.len() == 64));
    }

    #[test]
    fn a_machine_id_file_counts_only_when_it_holds_one() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(id_in(file(&format!("{id}\n")).path()).as_deref(), Some(id));
        assert_eq!(id_in(file(&id.to_uppercase()).path()).as_deref(), Some(id));
        for nothing in ["", "\n", "uninitialized\n", "0123", "00000000000000000000000000000000", &id.replace('0', "g")] {
            assert_eq!(id_in(file(nothing).path()), None, "{nothing:?}");
        }
        assert_eq!(id_in(Path::new("/nonexistent/machine-id")), None);
    }

    #[test]
    fn ioreg_and_reg_are_read() {
        let ioreg =
            "+-o Mac14,2  <class IOPlatformExpertDevice>\n    {\n      \"IOPlatformUUID\" = \"5F2A-77\"\n      \"x\" = <00>\n    }\n";
        assert_eq!(platform_uuid(ioreg).as_deref(), Some("5F2A-77"));
        assert_eq!(platform_uuid("\"IOPlatformUUID\" = \"\""), None);
        assert_eq!(platform_uuid(""), None);
        let reg = "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    8b1e-22\r\n\r\n";
        assert_eq!(machine_guid(reg).as_deref(), Some("8b1e-22"));
        assert_eq!(machine_guid("ERROR: not found"), None);
    }

    #[test]
    fn a_host_has_a_name() {
        assert!(!host_name().is_empty());
    }
}
