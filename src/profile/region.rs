//! Which region counts for a profile, and whether it can be one.
//!
//! Invariant: a value is never corrected. botocore keeps a comment behind a value as a part of it, and so does this.

use std::borrow::Borrow;

use super::{
    environment::Environment,
    files::{AwsFiles, Profile},
    refusal::Refusal,
};

/// The SDKs' variable, then botocore's.
const VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

impl AwsFiles {
    /// The first of `AWS_REGION`, `AWS_DEFAULT_REGION` and the region of each of `profiles`; with the reason where it is no region.
    pub(super) fn region<'p>(&self, environment: &Environment, profiles: &[impl Borrow<Profile<'p>>]) -> (Option<String>, Option<Refusal>) {
        let variable = VARIABLES.into_iter().find_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())));
        let option = || {
            let profile = profiles.iter().map(Borrow::borrow).find(|profile| profile.value("region").is_some())?;
            let (file, entry) = profile.option("region")?;
            Some((self.place(file, entry.line).to_string(), profile.value("region")?.to_owned()))
        };
        let Some((origin, value)) = variable.or_else(option) else { return (None, None) };
        let fault = check_region(&origin, &value);
        (Some(value), fault)
    }
}

/// Why the value cannot be a region, if it cannot.
pub(super) fn check_region(origin: &str, value: &str) -> Option<Refusal> {
    let is_region = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (!is_region).then(|| Refusal::NotARegion { origin: origin.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::environment::AwsPaths;
    use super::*;
    use crate::model::ProfileName;

    #[test]
    fn what_is_no_region_is_refused_where_it_stands() {
        let answer = |vars: &[(&str, &str)], config: &str| {
            let pair = "aws_access_key_id=AKIAEXAMPLE000000001\naws_secret_access_key=s\n";
            let config = format!("[profile p]\nrole_arn=r\nsource_profile=k\n{config}\n[profile k]\nregion = a b\n{pair}");
            let paths = AwsPaths { credentials: "creds".into(), config: "conf".into() };
            let files = AwsFiles::parse(paths, None, Some(config.into())).unwrap();
            let environment = Environment::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into()))).unwrap();
            files.resolve(&ProfileName::new("p"), &environment).map(|found| found.region.unwrap()).map_err(|refusal| {
                assert_eq!((refusal.code(), refusal.is_broken_key()), ("not-a-region", false));
                refusal.to_string().split_inclusive("region").next().unwrap().to_owned()
            })
        };
        for (vars, config, want) in [
            (vec![], "region = us-gov-west-1", Ok("us-gov-west-1")),
            (vec![], "region = us-east-1   # far away", Err("conf, line 4: `us-east-1   # far away` is not a region")),
            (vec![], "region = \"us-east-1\"", Err("conf, line 4: `\"us-east-1\"` is not a region")),
            (vec![], "region =", Err("conf, line 6: `a b` is not a region")),
            (vec![("AWS_DEFAULT_REGION", "mx-central-1")], "region = x y", Ok("mx-central-1")),
            (vec![("AWS_DEFAULT_REGION", "EU")], "region = eu-west-1", Err("AWS_DEFAULT_REGION: `EU` is not a region")),
            (vec![("AWS_REGION", "eu "), ("AWS_DEFAULT_REGION", "eu-west-1")], "", Err("AWS_REGION: `eu ` is not a region")),
        ] {
            assert_eq!(answer(&vars, config), want.map(str::to_owned).map_err(str::to_owned), "{vars:?} {config}");
        }
    }
}
