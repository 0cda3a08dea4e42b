//! The launchd agent, as a property list.
//!
//! Facts: launchd.plist(5). Times that passed in sleep are made up for by one run at the wake; those that passed while the machine was off
//! are not.

use std::path::{Path, PathBuf};

use super::Job;

/// The agent's name.
pub const LABEL: &str = "keyrotate.auto";
/// The file below `~/Library/LaunchAgents`.
pub const FILE: &str = "keyrotate.auto.plist";
/// The hour of the day, local time: one at which a laptop is likely to be awake.
pub const HOUR: u8 = 10;

/// launchd gives programs `/usr/bin:/bin:/usr/sbin:/sbin` only; commands that a target or an MFA source names are often Homebrew's.
const PATH: &str = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

const HEAD: &str = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
<dict>
";

/// The text. Aqua: the login keychain is open only in a graphical session. 63 is the umask 077.
pub fn agent(job: &Job) -> String {
    let mut variables = vec![("PATH".to_owned(), PATH.to_owned())];
    variables.extend(job.environment.iter().cloned());
    let variables: String =
        variables.iter().map(|(name, value)| format!("    <key>{}</key>\n    <string>{}</string>\n", xml(name), xml(value))).collect();
    let program = xml(&job.program.to_string_lossy());
    let log = job.log.as_ref().map(|path| xml(&path.to_string_lossy()));
    let outputs = ["StandardErrorPath", "StandardOutPath"];
    let log: String = log.iter().flat_map(|path| outputs.map(|key| format!("  <key>{key}</key>\n  <string>{path}</string>\n"))).collect();
    format!(
        "{HEAD}  <key>Label</key>\n  <string>{LABEL}</string>\n  \
         <key>ProgramArguments</key>\n  <array>\n    <string>{program}</string>\n    <string>auto</string>\n  </array>\n  \
         <key>EnvironmentVariables</key>\n  <dict>\n{variables}  </dict>\n  \
         <key>StartCalendarInterval</key>\n  <dict>\n    <key>Hour</key>\n    <integer>{HOUR}</integer>\n    \
         <key>Minute</key>\n    <integer>{minute}</integer>\n  </dict>\n  \
         <key>RunAtLoad</key>\n  <false/>\n  <key>ProcessType</key>\n  <string>Background</string>\n  \
         <key>LimitLoadToSessionType</key>\n  <string>Aqua</string>\n  <key>Umask</key>\n  <integer>63</integer>\n  \
         <key>ExitTimeOut</key>\n  <integer>120</integer>\n{log}</dict>\n</plist>\n",
        minute = job.minute
    )
}

/// The program that an agent of ours runs.
pub fn program(agent: &str) -> Option<PathBuf> {
    let arguments = agent.split_once("<key>ProgramArguments</key>")?.1;
    let first = arguments.split_once("<string>")?.1.split_once("</string>")?.0;
    Some(Path::new(&first.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).to_owned())
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_xml_is_escaped_and_found_again() {
        let job = Job {
            program: "/opt/a & <b>/keyrotate".into(),
            environment: vec![("NO_PROXY".into(), "a&b".into())],
            minute: 59,
            log: Some("/Users/me/Library/Logs/keyrotate.log".into()),
        };
        let text = agent(&job);
        assert!(text.contains("<string>/opt/a &amp; &lt;b&gt;/keyrotate</string>") && text.contains("<string>a&amp;b</string>"), "{text}");
        assert_eq!(text.matches("/Users/me/Library/Logs/keyrotate.log").count(), 2);
        assert_eq!(program(&text), Some(job.program));
    }
}
