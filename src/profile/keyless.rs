//! A profile that has no key: what is to be known of it before it gets one.
//!
//! Invariant: nothing is said of a key here; whether a profile has one is what [`AwsFiles::resolve`] answers.

use std::path::PathBuf;

use super::{environment::Environment, files::AwsFiles, keychain_index::is_own_process, refusal::Refusal, region::check_region};
use crate::model::{Arn, ProfileName};

impl AwsFiles {
    /// The region and the CA bundle that count for the profile, which may not be there yet.
    pub fn region_and_bundle(&self, name: &ProfileName, environment: &Environment) -> Result<(Option<String>, Option<PathBuf>), Refusal> {
        let profile = self.profile(name.as_str());
        let (region, fault) = self.region(environment, profile.as_slice());
        if let Some(fault) = fault {
            return Err(fault);
        }
        let bundle = environment.get("AWS_CA_BUNDLE").or_else(|| profile.as_ref()?.value("ca_bundle"));
        Ok((region, bundle.map(PathBuf::from)))
    }

    /// Whether the profile gets its credentials from keyrotate, by the config file.
    pub fn has_own_process(&self, name: &ProfileName) -> bool {
        let profile = self.profile(name.as_str());
        profile.and_then(|profile| profile.value("credential_process")).is_some_and(|command| is_own_process(command, name))
    }

    /// Profiles that reach this account without a key, by what the files say: through IAM Identity Center (`sso_account_id`), or by a
    /// console sign-in (`login_session`, as `aws login` writes it).
    pub fn without_key(&self, account: &str) -> Vec<ProfileName> {
        let reaches = |name: &ProfileName| {
            let profile = self.profile(name.as_str())?;
            let by_login = || Some(Arn::parse(profile.value("login_session")?).ok()?.account().to_owned());
            let account_of = profile.value("sso_account_id").map(str::to_owned).or_else(by_login)?;
            Some(account_of == account)
        };
        self.profiles().filter(|name| reaches(name) == Some(true)).collect()
    }

    /// Refuses what a person gives for a region and no service can have.
    pub fn check_region(origin: &str, value: &str) -> Result<(), Refusal> {
        check_region(origin, value).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::AwsPaths;
    use super::*;

    #[test]
    fn a_profile_without_a_key_has_a_region_and_a_bundle_all_the_same() {
        let config = "[profile p]\nregion = eu-west-1\nca_bundle = c\ncredential_process = /x/keyrotate credential-process p\n[profile q]\nregion = a b\n";
        let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
        let files = AwsFiles::parse(paths, None, Some(config.into())).unwrap();
        let get = |name: &str, vars: &[(&str, &str)]| {
            let environment = Environment::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into()))).unwrap();
            files.region_and_bundle(&ProfileName::new(name), &environment)
        };
        assert_eq!(get("p", &[]), Ok((Some("eu-west-1".to_owned()), Some("c".into()))));
        assert_eq!(get("p", &[("AWS_REGION", "r"), ("AWS_CA_BUNDLE", "d")]), Ok((Some("r".to_owned()), Some("d".into()))));
        assert_eq!(get("new", &[]), Ok((None, None)));
        assert_eq!(get("q", &[]).unwrap_err().code(), "not-a-region");
        assert!(files.has_own_process(&ProfileName::new("p")) && !files.has_own_process(&ProfileName::new("q")));
        assert_eq!(AwsFiles::check_region("--region", "EU").unwrap_err().code(), "not-a-region");
        assert_eq!(AwsFiles::check_region("--region", "eu-west-1"), Ok(()));
    }

    #[test]
    fn profiles_that_need_no_key_are_found_by_their_account() {
        let config = "[profile sso]\nsso_session = s\nsso_account_id = 111122223333\n[profile other]\nsso_account_id = 444455556666\n\
                      [profile login]\nlogin_session = arn:aws:iam::111122223333:user/dev\n[profile key]\nregion = eu-west-1\n";
        let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
        let files = AwsFiles::parse(paths, None, Some(config.into())).unwrap();
        let names: Vec<String> = files.without_key("111122223333").iter().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, ["login", "sso"]);
    }
}
