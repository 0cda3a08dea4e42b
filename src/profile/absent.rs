//! AWS files that variables name and that are not there: the reason that nobody sees.

use std::{fmt, path::PathBuf};

/// AWS files that do not exist although a variable names them, with the variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absent(pub(super) Vec<(&'static str, PathBuf)>);

impl Absent {
    /// One sentence a file.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(variable, path)| format!("{variable} names {}, which does not exist", path.display()))
    }
}

/// In brackets, for the middle of a sentence; nothing where none is missing.
impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.sentences().collect::<Vec<_>>().join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::environment::{AwsPaths, Environment};
    use super::super::files::AwsFiles;
    use crate::model::ProfileName;

    #[test]
    fn a_missing_file_counts_where_a_variable_names_it() {
        let absent = |vars: &[(&str, &str)], config: Option<&str>| {
            let environment = Environment::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into()))).unwrap();
            let paths = AwsPaths::new(&environment, Some(Path::new("/h"))).unwrap();
            let files = AwsFiles::parse(paths, None, config.map(Into::into)).unwrap();
            files.resolve(&ProfileName::new("p"), &environment).unwrap_err().to_string()
        };
        let (credentials, config) = (("AWS_SHARED_CREDENTIALS_FILE", "/c"), ("AWS_CONFIG_FILE", "/d"));
        let (one, two) = ("AWS_SHARED_CREDENTIALS_FILE names /c, which does not exist", "AWS_CONFIG_FILE names /d, which does not exist");
        assert!(!absent(&[], None).contains("names"));
        assert!(absent(&[credentials, config], None).contains(&format!("nor /d exists ({one}; {two}); `aws configure`")));
        assert!(absent(&[credentials, config], Some("[profile q]\n")).contains(&format!("the config file ({one}): there are q")));
        let bare = absent(&[credentials, config], Some("[profile p]\n"));
        assert_eq!(
            bare,
            format!(
                "/d, line 1: the profile p has no access key ({one}): add one with `aws configure --profile p`, or name another profile"
            )
        );
    }
}
