//! The variables of a session in the words of each shell.
//!
//! Invariant: a value is quoted so that the shell takes it as it is.

use super::args::EnvFormat;
use super::page::Page;
use crate::commands::session::Access;
use crate::session::environment::{Before, Variable, exports};

/// Prints the variables of a session. `way` is where the profile's calls go.
pub fn print(access: &Access, way: &[(String, String)], before: &Before, format: EnvFormat) {
    let mut variables = exports(&access.profile, access.region.as_ref(), way, &access.session.credentials);
    variables.extend(before.files.iter().cloned());
    let stale = before.cleared().into_iter().filter(|name| variables.iter().all(|(other, _)| other != name));
    let mut text = String::new();
    if !matches!(format, EnvFormat::Json | EnvFormat::Dotenv) {
        stale.for_each(|name| text.push_str(&unset(format, name)));
    }
    text.push_str(&set(format, &variables));
    Page::for_stdout(0).push(&text).print();
}

/// Prints what takes all of them away, and gives back the person's own files; where calls go only where `env` said it.
pub fn print_unset(format: EnvFormat, before: &Before) {
    let names = before.cleared().into_iter();
    let mut text: String = match format {
        EnvFormat::Json | EnvFormat::Dotenv => String::new(),
        EnvFormat::Bash | EnvFormat::Zsh | EnvFormat::Fish | EnvFormat::Powershell | EnvFormat::Cmd | EnvFormat::Nu => {
            names.map(|name| unset(format, name)).collect()
        }
    };
    if !text.is_empty() && !before.files.is_empty() {
        text.push_str(&set(format, &before.files));
    }
    Page::for_stdout(0).push(&text).print();
}

/// The format for the shell at this path; bash, where it is another one.
pub fn of_shell(shell: Option<&str>) -> EnvFormat {
    match shell.and_then(|path| path.rsplit(['/', '\\']).next()).map(|name| name.trim_end_matches(".exe")) {
        Some("zsh") => EnvFormat::Zsh,
        Some("fish") => EnvFormat::Fish,
        Some("nu") => EnvFormat::Nu,
        Some("pwsh" | "powershell") => EnvFormat::Powershell,
        None if cfg!(windows) => EnvFormat::Powershell,
        Some(_) | None => EnvFormat::Bash,
    }
}

fn set(format: EnvFormat, variables: &[Variable]) -> String {
    let each = |line: &dyn Fn(&str, &str) -> String| variables.iter().map(|(name, value)| line(name, value)).collect();
    match format {
        EnvFormat::Bash | EnvFormat::Zsh => each(&|name, value| format!("export {name}='{}'\n", value.replace('\'', r"'\''"))),
        EnvFormat::Fish => each(&|name, value| format!("set -gx {name} '{}'\n", value.replace('\\', r"\\").replace('\'', r"\'"))),
        EnvFormat::Powershell => each(&|name, value| format!("$Env:{name} = '{}'\n", powershell(value))),
        EnvFormat::Cmd => each(&|name, value| format!("set \"{name}={}\"\r\n", value.replace('%', "%%"))),
        EnvFormat::Nu | EnvFormat::Json => {
            let map: serde_json::Map<String, serde_json::Value> =
                variables.iter().map(|(name, value)| (name.to_string(), value.as_str().into())).collect();
            let json = serde_json::Value::Object(map);
            // nu's records are JSON, too.
            if format == EnvFormat::Nu { format!("load-env {json}\n") } else { format!("{json}\n") }
        }
        EnvFormat::Dotenv => each(&|name, value| format!("{name}={value}\n")),
    }
}

/// PowerShell takes the typographic quotes for the plain one.
fn powershell(value: &str) -> String {
    value.chars().flat_map(|c| std::iter::repeat_n(c, if "'\u{2018}\u{2019}\u{201A}\u{201B}".contains(c) { 2 } else { 1 })).collect()
}

fn unset(format: EnvFormat, name: &str) -> String {
    match format {
        EnvFormat::Bash | EnvFormat::Zsh => format!("unset {name}\n"),
        EnvFormat::Fish => format!("set -e {name}\n"),
        EnvFormat::Powershell => format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue\n"),
        EnvFormat::Cmd => format!("set {name}=\r\n"),
        EnvFormat::Nu => format!("hide-env --ignore-errors {name}\n"),
        EnvFormat::Json | EnvFormat::Dotenv => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_the_value_as_it_is() {
        let variables = [("X".into(), r"it's \ 5%".to_owned())];
        for (format, text) in [
            (EnvFormat::Bash, "export X='it'\\''s \\ 5%'\n"),
            (EnvFormat::Fish, "set -gx X 'it\\'s \\\\ 5%'\n"),
            (EnvFormat::Powershell, "$Env:X = 'it''s \\ 5%'\n"),
            (EnvFormat::Cmd, "set \"X=it's \\ 5%%\"\r\n"),
            (EnvFormat::Nu, "load-env {\"X\":\"it's \\\\ 5%\"}\n"),
            (EnvFormat::Json, "{\"X\":\"it's \\\\ 5%\"}\n"),
        ] {
            assert_eq!(set(format, &variables), text);
        }
        // PowerShell ends a quoted text at a typographic quote, too.
        assert_eq!(set(EnvFormat::Powershell, &[("X".into(), "b\u{2019}s".to_owned())]), "$Env:X = 'b\u{2019}\u{2019}s'\n");
    }

    #[test]
    fn the_format_is_that_of_the_persons_shell() {
        for (shell, format) in [
            (Some("/usr/bin/fish"), EnvFormat::Fish),
            (Some("/bin/zsh"), EnvFormat::Zsh),
            (Some("/bin/dash"), EnvFormat::Bash),
            (Some("/opt/pwsh"), EnvFormat::Powershell),
        ] {
            assert_eq!(of_shell(shell), format);
        }
    }
}
