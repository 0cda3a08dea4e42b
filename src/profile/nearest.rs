//! A profile that does not exist: which one may be meant.

use super::{absent::Absent, files::AwsFiles, refusal::Refusal};
use crate::model::ProfileName;

impl AwsFiles {
    /// Why there is no such profile.
    pub(super) fn no_such(&self, name: &ProfileName) -> Refusal {
        let paths = self.paths();
        if self.credentials().is_none() && self.config().is_none() {
            let (credentials, config) = (paths.credentials.clone(), paths.config.clone());
            return Refusal::NoFiles { credentials, config, absent: Absent::default() };
        }
        let (nearest, names) = (self.nearest(name), self.profiles().collect());
        Refusal::NoSuchProfile { name: name.clone(), nearest, names, path: paths.credentials.clone(), absent: Absent::default() }
    }

    /// The profile that is spelled so much like `name` that it may be meant.
    pub fn nearest(&self, name: &ProfileName) -> Option<ProfileName> {
        let alike = |other: &ProfileName| strsim::jaro_winkler(name.as_str(), other.as_str());
        let near = self.profiles().map(|other| (alike(&other), other)).filter(|(alike, _)| *alike > 0.85);
        near.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, other)| other)
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::{AwsPaths, Environment};
    use super::*;

    #[test]
    fn an_unknown_profile_is_answered_with_the_nearest_or_with_all() {
        let answer = |credentials: &str, name| {
            let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
            let files = AwsFiles::parse(paths, Some(credentials.into()), None).unwrap();
            files.resolve(&ProfileName::new(name), &Environment::from_vars([]).unwrap()).unwrap_err()
        };
        let (two, none) = ("[prod]\n[work]\n", "no profile zzz in creds or the config file: there ");
        assert_eq!(answer(two, "wrok").to_string(), "no profile wrok in creds or the config file: is work meant?");
        assert_eq!(answer(two, "zzz").to_string(), format!("{none}are prod, work"));
        assert_eq!(answer("[ops]\n[prod]\n", "pos").to_string(), "no profile pos in creds or the config file: there are ops, prod");
        let many: String = (0..10).map(|at| format!("[p{at}]\n")).collect();
        let listed = "are p0, p1, p2, p3, p4, p5, p6, p7 and 2 more, which `aws configure list-profiles` shows";
        assert_eq!(answer(&many, "zzz").to_string(), format!("{none}{listed}"));
        assert_eq!(answer("", "zzz").to_string(), format!("{none}is none at all; `aws configure` makes one"));
    }
}
