//! Where a profile's calls go: its endpoints, and the other settings that change the way of a call, as the AWS tools read them.
//!
//! Invariant: a variable wins over the files, one by one, as it does for botocore and the SDKs.

use super::document::Document;
use super::environment::Environment;
use super::files::{AwsFiles, Profile};
use super::grammar::Entry;
use crate::model::ProfileName;

const GENERAL: &str = "AWS_ENDPOINT_URL";
const IGNORE: (&str, &str) = ("ignore_configured_endpoint_urls", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
/// With an option that `[default]` may have and that only a variable takes back.
const SWITCHES: [(&str, &str); 2] =
    [("use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT"), ("use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT")];
const OTHERS: [(&str, &str); 2] = [("sts_regional_endpoints", "AWS_STS_REGIONAL_ENDPOINTS"), ("ca_bundle", "AWS_CA_BUNDLE")];

impl AwsFiles {
    /// The endpoint set for `service` (`iam`, `sts`), as botocore looks it up: the service's variable, the general variable, the profile's
    /// services section, the profile's `endpoint_url`. `None` where none is set or `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true.
    pub fn endpoint(&self, service: &str, profile: &ProfileName, environment: &Environment) -> Option<String> {
        let profile = self.profile(profile.as_str());
        let option = |name| profile.as_ref().and_then(|p| p.value(name));
        if is_true(environment.get(IGNORE.1).or(option(IGNORE.0))) {
            return None;
        }
        let variable = format!("{GENERAL}_{}", service.to_uppercase().replace([' ', '-'], "_"));
        let set = environment.get(&variable).or_else(|| environment.get(GENERAL)).map(str::to_owned);
        set.or_else(|| self.service_endpoint(option("services")?, &service.to_lowercase().replace([' ', '-'], "_")))
            .or_else(|| option("endpoint_url").map(str::to_owned))
    }

    /// The variables that send a program's calls where the profile sends them, for a program that is not told the profile: name and value.
    ///
    /// What `environment` says itself is not among them, and a service's endpoint of the files not where it says `AWS_ENDPOINT_URL`, which
    /// comes first (AWS SDKs and Tools reference guide, "Service-specific endpoints"). The program reads the profile `default`: what that
    /// says and this profile does not is taken back where a variable can.
    pub fn way_of_calls(&self, name: &ProfileName, environment: &Environment) -> Vec<(String, String)> {
        let Some(own) = self.profile(name.as_str()) else { return Vec::new() };
        let default = self.profile("default").filter(|_| name.as_str() != "default");
        let unset = |variable: &str| environment.get(variable).is_none();
        let mut found: Vec<(String, String)> = self.endpoint_variables(&own, default.as_ref(), environment);
        for (option, variable) in SWITCHES {
            let taken_back = || default.as_ref().and_then(|default| default.value(option)).map(|_| "false");
            found.extend(own.value(option).or_else(taken_back).map(|value| (variable.to_owned(), value.to_owned())));
        }
        found.extend(OTHERS.into_iter().filter_map(|(option, variable)| Some((variable.to_owned(), own.value(option)?.to_owned()))));
        found.retain(|(variable, value)| unset(variable) && !value.contains(char::is_control));
        found
    }

    fn endpoint_variables(&self, own: &Profile<'_>, default: Option<&Profile<'_>>, environment: &Environment) -> Vec<(String, String)> {
        let ignore = |value: &str| vec![(IGNORE.1.to_owned(), value.to_owned())];
        if is_true(environment.get(IGNORE.1).or(own.value(IGNORE.0))) {
            return ignore("true");
        }
        let mut found: Vec<_> = own.value("endpoint_url").map(|url| (GENERAL.to_owned(), url.to_owned())).into_iter().collect();
        let is_general = environment.get(GENERAL).is_some();
        found.extend(self.service_endpoints(own).filter(|_| !is_general));
        let Some(default) = default else { return found };
        let has_own = !found.is_empty() || environment.any(GENERAL);
        if is_true(default.value(IGNORE.0)) {
            found.extend(ignore("false").into_iter().filter(|_| has_own));
        } else if !has_own && (default.value("endpoint_url").is_some() || self.service_endpoints(default).next().is_some()) {
            found = ignore("true");
        }
        found
    }

    /// The variable of each service that the profile's services section has an endpoint for.
    fn service_endpoints(&self, profile: &Profile<'_>) -> impl Iterator<Item = (String, String)> {
        let services = profile.value("services").and_then(|name| self.services(name));
        services.into_iter().flat_map(|(document, section)| {
            section.entries.iter().filter_map(move |entry| {
                let is_service = entry.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let url = endpoint_of(document, entry).filter(|_| is_service)?;
                Some((format!("{GENERAL}_{}", entry.name.to_uppercase()), url))
            })
        })
    }

    fn service_endpoint(&self, services: &str, service: &str) -> Option<String> {
        let (document, section) = self.services(services)?;
        endpoint_of(document, section.entry(service)?)
    }
}

/// The endpoint in the lines below a service.
fn endpoint_of(document: &Document, service: &Entry) -> Option<String> {
    let lines = document.whole(service).split(['\n', '\r']).map(str::trim);
    let mut options = lines.filter(|line| !line.starts_with(['#', ';'])).filter_map(|line| line.split_once('='));
    let (_, value) = options.find(|(name, _)| name.trim() == "endpoint_url")?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::super::environment::AwsPaths;
    use super::*;

    fn files(config: &str) -> AwsFiles {
        AwsFiles::parse(AwsPaths { credentials: "creds".into(), config: "conf".into() }, None, Some(config.into())).unwrap()
    }

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into()))).unwrap()
    }

    fn endpoint(vars: &[(&str, &str)], config: &str) -> Option<String> {
        files(config).endpoint("iam", &ProfileName::new("p"), &environment(vars))
    }

    fn way(vars: &[(&str, &str)], config: &str) -> String {
        let found = files(config).way_of_calls(&ProfileName::new("p"), &environment(vars));
        found.into_iter().map(|(name, value)| format!("{}={value} ", name.trim_start_matches("AWS_"))).collect()
    }

    #[test]
    fn the_nearest_endpoint_counts() {
        let general = "[profile p]\nservices = s\nendpoint_url = general\n";
        let config = format!(
            "{general}[services s]\nsts =\n  endpoint_url = other\niam =\n  # endpoint_url = no\n  endpoint_url = http://127.0.0.1:1/a=b\n"
        );
        let all = ("AWS_ENDPOINT_URL", "all");
        for (vars, config, want) in [
            (vec![("AWS_ENDPOINT_URL_IAM", "own"), all], config.as_str(), Some("own")),
            (vec![("AWS_ENDPOINT_URL_STS", "own"), all], &config, Some("all")),
            (vec![], &config, Some("http://127.0.0.1:1/a=b")),
            (vec![], general, Some("general")),
            (vec![("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE"), all], &config, None),
            (vec![], "[profile p]\nignore_configured_endpoint_urls = true\nendpoint_url = x\n", None),
            (vec![], "[profile q]\nendpoint_url = x\n", None),
        ] {
            assert_eq!(endpoint(&vars, config).as_deref(), want, "{vars:?}");
        }
    }

    #[test]
    fn a_programs_calls_go_where_the_profiles_go_and_a_variable_wins_as_it_does_for_aws() {
        let services =
            "[services s]\ns3 =\n  endpoint_url = http://s3\nelastic_beanstalk =\n  endpoint_url = http://eb\na;b =\n  endpoint_url = x\n";
        let both = format!("[profile p]\nendpoint_url = http://all\nservices = s\n{services}");
        for (vars, want) in [
            (&[][..], "ENDPOINT_URL=http://all ENDPOINT_URL_S3=http://s3 ENDPOINT_URL_ELASTIC_BEANSTALK=http://eb "),
            (&[("AWS_ENDPOINT_URL", "own")], ""),
            (&[("AWS_ENDPOINT_URL_S3", "own")], "ENDPOINT_URL=http://all ENDPOINT_URL_ELASTIC_BEANSTALK=http://eb "),
            (&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")], ""),
        ] {
            assert_eq!(way(vars, &both), want, "{vars:?}");
        }
        let ignoring = "[profile p]\nignore_configured_endpoint_urls = true\nendpoint_url = x\n";
        assert_eq!(way(&[("AWS_ENDPOINT_URL", "own")], ignoring), "IGNORE_CONFIGURED_ENDPOINT_URLS=true ");
        let others =
            "[profile p]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = false\nsts_regional_endpoints = legacy\nca_bundle = /ca.pem\n";
        assert_eq!(
            way(&[], others),
            "USE_FIPS_ENDPOINT=true USE_DUALSTACK_ENDPOINT=false STS_REGIONAL_ENDPOINTS=legacy CA_BUNDLE=/ca.pem "
        );
        let said = [("AWS_USE_FIPS_ENDPOINT", "false"), ("AWS_CA_BUNDLE", "/own.pem")];
        assert_eq!(way(&said, others), "USE_DUALSTACK_ENDPOINT=false STS_REGIONAL_ENDPOINTS=legacy ");
        // A value of several lines is none of these.
        assert_eq!(way(&[], "[profile p]\nendpoint_url = a\n  b\n"), "");
    }

    #[test]
    fn what_only_the_profile_default_says_is_taken_back() {
        let default = "[default]\nuse_fips_endpoint = true\nendpoint_url = http://default\n";
        for (vars, config, want) in [
            (&[][..], "[profile p]\n", "IGNORE_CONFIGURED_ENDPOINT_URLS=true USE_FIPS_ENDPOINT=false "),
            (&[("AWS_ENDPOINT_URL_S3", "own")], "[profile p]\n", "USE_FIPS_ENDPOINT=false "),
            (&[], "[profile p]\nendpoint_url = http://p\n", "ENDPOINT_URL=http://p USE_FIPS_ENDPOINT=false "),
        ] {
            assert_eq!(way(vars, &format!("{default}{config}")), want, "{vars:?} {config}");
        }
        let ignoring = "[default]\nignore_configured_endpoint_urls = true\n[profile p]\n";
        assert_eq!(way(&[], ignoring), "");
        assert_eq!(
            way(&[], &format!("{ignoring}endpoint_url = http://p\n")),
            "ENDPOINT_URL=http://p IGNORE_CONFIGURED_ENDPOINT_URLS=false "
        );
    }
}
