//! The MFA device that a profile of the config file names.
//!
//! Invariant: the edit changes one value or adds one line and not one byte more; it does nothing where it was done already.

use zeroize::Zeroizing;

use super::super::grammar::Entry;
use super::{Document, EditError};
use crate::model::{MfaSerial, ProfileName};

const MFA_SERIAL: &str = "mfa_serial";

impl Document {
    /// This config file with the device as the profile's `mfa_serial`, in the place of another one; the same bytes where it is that.
    pub fn set_mfa_serial(&self, profile: &ProfileName, serial: &MfaSerial) -> Result<Zeroizing<Vec<u8>>, EditError> {
        let Some((section, entry)) = self.named_device(profile) else {
            return self.add_line(&self.line_of(profile, MFA_SERIAL, serial.as_str())?);
        };
        if entry.end > entry.value.end {
            return Err(EditError::Continued(entry.line));
        }
        let mut out = Zeroizing::new(self.bytes.get(..entry.value.start).ok_or(EditError::NotExact)?.to_vec());
        out.extend_from_slice(serial.as_str().as_bytes());
        out.extend_from_slice(self.bytes.get(entry.value.end..).ok_or(EditError::NotExact)?);
        let mut want = self.options(&|_, other| other.line != entry.line);
        want.push((section.to_owned(), MFA_SERIAL.to_owned(), Zeroizing::new(serial.as_str().to_owned())));
        self.checked(out, &want)
    }

    /// What [`Document::set_mfa_serial`] changes, line by line for a person; nothing where it changes nothing.
    pub fn shown_mfa_serial(&self, profile: &ProfileName, serial: &MfaSerial) -> Result<Vec<String>, EditError> {
        let Some((section, entry)) = self.named_device(profile) else {
            let (header, lines) = self.line_of(profile, MFA_SERIAL, serial.as_str())?.shown();
            return Ok(header.into_iter().chain(lines.iter().map(|line| format!("+ {line}"))).collect());
        };
        let before = self.whole(entry);
        if before == serial.as_str() {
            return Ok(Vec::new());
        }
        let line = |sign, value: &str| format!("{sign} {MFA_SERIAL} = {value}");
        Ok(vec![format!("[{section}]"), line('-', before), line('+', serial.as_str())])
    }

    /// The section and the line of the profile's device.
    fn named_device(&self, profile: &ProfileName) -> Option<(&str, &Entry)> {
        let section = self.config_section(profile)?;
        Some((&section.name, section.entry(MFA_SERIAL)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::FileKind;
    use super::*;

    const PHONE: &str = "arn:aws:iam::111122223333:mfa/phone";

    fn set(text: &str) -> (Result<String, EditError>, Vec<String>) {
        let document = Document::parse(FileKind::Config, text.as_bytes().to_vec()).unwrap();
        let (profile, serial) = (ProfileName::new("work"), MfaSerial::parse(PHONE).unwrap());
        let out = document.set_mfa_serial(&profile, &serial).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        (out, document.shown_mfa_serial(&profile, &serial).unwrap())
    }

    #[test]
    fn the_device_is_put_in_and_all_else_stays_byte_for_byte() {
        let other = "arn:aws:iam::111122223333:mfa/old";
        let line = |value: &str| format!("mfa_serial = {value}");
        for (before, after, shown) in [
            (
                String::new(),
                format!("[profile work]\nmfa_serial = {PHONE}\n"),
                vec!["+ [profile work]".into(), format!("+ {}", line(PHONE))],
            ),
            (
                "# c\r\n[profile work]\r\n  region=x\r\n[default]".to_owned(),
                format!("# c\r\n[profile work]\r\n  mfa_serial = {PHONE}\r\n  region=x\r\n[default]"),
                vec!["[profile work]".into(), format!("+   {}", line(PHONE))],
            ),
            (
                format!("[default]\nmfa_serial={other}\n[profile work]\nMFA_Serial:{other}  \n; end"),
                format!("[default]\nmfa_serial={other}\n[profile work]\nMFA_Serial:{PHONE}  \n; end"),
                vec!["[profile work]".into(), format!("- {}", line(other)), format!("+ {}", line(PHONE))],
            ),
            (format!("[profile work]\nmfa_serial = {PHONE}"), format!("[profile work]\nmfa_serial = {PHONE}"), vec![]),
        ] {
            let (out, told) = set(&before);
            assert_eq!((out.as_ref(), &told), (Ok(&after), &shown), "{before}");
            assert_eq!(set(&after).0, Ok(after.clone()), "the second time nothing is changed");
        }
    }

    #[test]
    fn a_value_over_several_lines_is_refused_with_its_line() {
        assert_eq!(set("[profile work]\nmfa_serial = a\n  b\n").0, Err(EditError::Continued(2)));
    }
}
