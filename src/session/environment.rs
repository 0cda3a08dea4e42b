//! The variables by which a program gets a session. Pure.
//!
//! Invariant: what could lead the program to other credentials than the session's is taken away, and so is what only keyrotate needs.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use chrono::SecondsFormat;

use crate::model::{ProfileName, TemporaryCredentials};

/// Also how a keyrotate knows that it is inside.
pub use crate::profile::INSIDE;

/// A code that was given by the variable is used up, and nobody's business.
pub const MFA_CODE: &str = "KEYROTATE_MFA_CODE";

/// The region, where it is the profile's and not a variable of the person's own: for another profile it does not count.
pub const PROFILES_REGION: &str = "KEYROTATE_REGION";

/// As [`PROFILES_REGION`], where a profile's calls go, and [`LOAD_CONFIG`]: for each of these variables one with this beginning instead of
/// `AWS_`.
const OURS: &str = "KEYROTATE_";
const THEIRS: &str = "AWS_";
/// What follows the beginning; also with the name of a service behind the first.
const MARKED: [&str; 7] = [
    "ENDPOINT_URL",
    "IGNORE_CONFIGURED_ENDPOINT_URLS",
    "USE_FIPS_ENDPOINT",
    "USE_DUALSTACK_ENDPOINT",
    "STS_REGIONAL_ENDPOINTS",
    "CA_BUNDLE",
    "SDK_LOAD_CONFIG",
];

/// A variable and its value.
pub type Variable = (Cow<'static, str>, String);

/// The Go SDK of the first generation reads no config file without it.
pub const LOAD_CONFIG: &str = "AWS_SDK_LOAD_CONFIG";

/// Where the person's own AWS files are, inside `exec --refreshable`: the AWS tools there read others.
pub const OWN_CONFIG: &str = "KEYROTATE_OWN_CONFIG_FILE";
/// As [`OWN_CONFIG`], the shared credentials file.
pub const OWN_CREDENTIALS: &str = "KEYROTATE_OWN_CREDENTIALS_FILE";

const CONFIG: &str = "AWS_CONFIG_FILE";
const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// What is taken away: other sources of credentials, and what names a profile.
///
/// `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` are not among it: the AWS tools take a session in the environment before any file, and
/// find retries, endpoints and their like in these two. So does a keyrotate in there.
pub const CLEARED: [&str; 25] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    // Older names, which some SDKs still read.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    // Whose credentials they are: DynamoDB's endpoints have it in their names.
    "AWS_ACCOUNT_ID",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    // Comes before any other credentials, for one service.
    "AWS_BEARER_TOKEN_BEDROCK",
    MFA_CODE,
    INSIDE,
    OWN_CONFIG,
    OWN_CREDENTIALS,
    PROFILES_REGION,
];

/// The variables of a session.
///
/// `way` is where the profile's calls go, of [`AwsFiles::way_of_calls`](crate::profile::AwsFiles::way_of_calls).
/// `AWS_CREDENTIAL_EXPIRATION` is what botocore's and the AWS CLI's own exports call it; UTC, RFC 3339.
pub fn exports(
    profile: &ProfileName,
    region: Option<&Region>,
    way: &[(String, String)],
    credentials: &TemporaryCredentials,
) -> Vec<Variable> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID".into(), credentials.id.to_string()),
        ("AWS_SECRET_ACCESS_KEY".into(), credentials.secret.expose().to_owned()),
        ("AWS_SESSION_TOKEN".into(), credentials.session_token.expose().to_owned()),
        ("AWS_CREDENTIAL_EXPIRATION".into(), credentials.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        (INSIDE.into(), profile.to_string()),
    ];
    variables.extend(reach(region, way));
    variables
}

/// Where calls go: both names of the region, since the AWS CLI and boto3 read the second and the SDKs the first, and `way`.
pub fn reach(region: Option<&Region>, way: &[(String, String)]) -> Vec<Variable> {
    let set = |region: &Region| {
        let names = REGIONS.into_iter().chain(region.is_profiles.then_some(PROFILES_REGION));
        names.map(|name| (name.into(), region.name.clone())).collect::<Vec<_>>()
    };
    let marked = |(name, value): &(String, String)| {
        let mark = name.strip_prefix(THEIRS).map(|rest| format!("{OURS}{rest}"));
        mark.into_iter().chain([name.clone()]).map(|name| (name.into(), value.clone())).collect::<Vec<_>>()
    };
    region.map(set).into_iter().flatten().chain(way.iter().flat_map(marked)).collect()
}

/// What an `exec` or `env` before this one has left in the variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The profile.
    pub profile: Option<String>,
    /// The variables that say where its calls go, with the marks of them. One that the person has changed since is not among them.
    pub ours: Vec<String>,
    /// The variables of the person's own AWS files, where they name those of [`refreshable`] now.
    pub files: Vec<Variable>,
}

impl Before {
    /// Looks for it. `is_given` tells a file of [`refreshable`].
    pub fn of(variables: &[(OsString, OsString)], is_given: impl Fn(&Path) -> bool) -> Self {
        let profile = variables.iter().find(|(name, value)| name == INSIDE && !value.is_empty());
        let file = |(name, own): (&'static str, OsString)| Some((name.into(), own.into_string().ok()?));
        Self {
            profile: profile.map(|(_, value)| value.to_string_lossy().into_owned()),
            ours: ours(variables),
            files: own_files(variables, is_given).filter_map(file).collect(),
        }
    }

    /// All that has to go before another profile's variables come, or none.
    pub fn cleared(&self) -> Vec<&str> {
        let marks = self.ours.iter().map(String::as_str).filter(|name| !CLEARED.contains(name));
        CLEARED.into_iter().chain(marks).collect()
    }
}

fn ours(variables: &[(OsString, OsString)]) -> Vec<String> {
    let mut found = Vec::new();
    for (mark, ours) in variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value))) {
        let marked = marked(mark);
        if !marked.is_empty() {
            found.push(mark.to_owned());
            let is_still = |name: &String| variables.iter().any(|(other, value)| OsStr::new(name) == other && value == ours);
            found.extend(marked.into_iter().filter(is_still));
        }
    }
    found
}

/// The variables that are ours where they have the value of this one.
fn marked(mark: &str) -> Vec<String> {
    if mark == PROFILES_REGION {
        return REGIONS.map(str::to_owned).to_vec();
    }
    let rest = mark.strip_prefix(OURS).unwrap_or_default();
    // A shell evaluates the names.
    let is_service = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let is_of_a_service = rest.strip_prefix("ENDPOINT_URL_").is_some_and(is_service);
    let is_ours = MARKED.contains(&rest) || is_of_a_service;
    is_ours.then(|| format!("{THEIRS}{rest}")).into_iter().collect()
}

/// A region, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The profile does, not a variable.
    pub is_profiles: bool,
}

/// The two files that a program reads which asks for its session itself, as often as it needs one.
#[derive(Clone, Copy, Debug)]
pub struct OwnFiles<'a> {
    /// A config file, of [`config`].
    pub config: &'a Path,
    /// A shared credentials file.
    pub credentials: &'a Path,
}

/// The variables of a program that asks for its session itself. `own` are the person's files, for the keyrotate that it asks.
pub fn refreshable(
    profile: &ProfileName,
    region: Option<&Region>,
    way: &[(String, String)],
    given: OwnFiles<'_>,
    own: OwnFiles<'_>,
) -> Vec<Variable> {
    let path = |path: &Path| path.display().to_string();
    let mut variables = vec![
        (CONFIG.into(), path(given.config)),
        (CREDENTIALS.into(), path(given.credentials)),
        (OWN_CONFIG.into(), path(own.config)),
        (OWN_CREDENTIALS.into(), path(own.credentials)),
        ("AWS_PROFILE".into(), profile.to_string()),
        (INSIDE.into(), profile.to_string()),
    ];
    variables.extend(reach(region, way));
    variables
}

/// The variables as they are meant for keyrotate itself: where another profile's calls go is no wish of the person's; inside [`refreshable`]
/// the files are the person's own, as long as nobody named others meanwhile. `is_given` tells a file of [`refreshable`].
pub fn meant(variables: &mut Vec<(OsString, OsString)>, is_given: impl Fn(&Path) -> bool) {
    let ours = ours(variables);
    variables.retain(|(name, _)| !ours.iter().any(|ours| OsStr::new(ours) == name));
    let own: Vec<_> = own_files(variables, is_given).collect();
    for (name, value) in variables.iter_mut() {
        if let Some((_, own)) = own.iter().find(|(own, _)| name == own) {
            value.clone_from(own);
        }
    }
}

/// Each variable that names a file of [`refreshable`], with the person's own file.
fn own_files(variables: &[(OsString, OsString)], is_given: impl Fn(&Path) -> bool) -> impl Iterator<Item = (&'static str, OsString)> {
    let value = |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    [(CONFIG, OWN_CONFIG), (CREDENTIALS, OWN_CREDENTIALS)].into_iter().filter_map(move |(name, own)| {
        let _named = value(name).filter(|named| is_given(Path::new(named)))?;
        Some((name, value(own)?.clone()))
    })
}

/// The config file of one profile whose credentials come from `command`, with the options that the profile has besides its credentials. None
/// where a config file cannot hold it. Programs take it apart by the rules of a POSIX shell.
pub fn config(profile: &ProfileName, command: &[String], options: &[(&str, String)]) -> Option<String> {
    let words: Vec<_> = command.iter().map(|word| quoted(word)).collect::<Option<_>>()?;
    let header = match profile.as_str() {
        "default" => "[default]".to_owned(),
        name if name.contains(|c: char| c.is_control() || "[]\"\\".contains(c)) => return None,
        name if name.contains(|c: char| c.is_whitespace() || c == '\'') => format!("[profile \"{name}\"]"),
        name => format!("[profile {name}]"),
    };
    let options: String = options.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
    Some(format!("{header}\ncredential_process = {}\n{options}", words.join(" ")))
}

/// The word in double quotes where it needs some, which the AWS tools, shells and Windows take alike.
fn quoted(word: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@%,".contains(c);
    match word {
        word if !word.is_empty() && word.chars().all(is_plain) => Some(word.to_owned()),
        word if word.contains(|c: char| c.is_control() || "\"$`".contains(c) || (c == '\\' && cfg!(not(windows)))) => None,
        word => Some(format!("\"{word}\"")),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{AccessKeyId, SecretAccessKey, SessionToken};

    #[test]
    fn a_session_has_both_regions_its_end_and_nothing_beside() {
        let credentials = TemporaryCredentials {
            id: AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap(),
            secret: SecretAccessKey::new("s"),
            session_token: SessionToken::new("t"),
            expires_at: DateTime::UNIX_EPOCH,
        };
        let region = Region { name: "eu-west-1".to_owned(), is_profiles: true };
        let found = exports(&ProfileName::new("work"), Some(&region), &[], &credentials);
        let value = |name| found.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str());
        assert_eq!((value("AWS_REGION"), value("AWS_DEFAULT_REGION")), (Some("eu-west-1"), Some("eu-west-1")));
        assert_eq!(value(PROFILES_REGION), Some("eu-west-1"));
        assert_eq!((value("AWS_CREDENTIAL_EXPIRATION"), value(INSIDE)), (Some("1970-01-01T00:00:00Z"), Some("work")));
        assert_eq!(exports(&ProfileName::new("work"), None, &[], &credentials).len(), 5);
    }

    #[test]
    fn whatever_is_set_is_cleared_first_and_a_region_of_the_persons_own_stays() {
        let files = OwnFiles { config: Path::new("/c"), credentials: Path::new("/e") };
        let region = Region { name: "eu-west-1".to_owned(), is_profiles: true };
        for (name, _) in refreshable(&ProfileName::new("work"), Some(&region), &[], files, files) {
            let stays = [CONFIG, CREDENTIALS].contains(&&*name) || REGIONS.contains(&&*name);
            assert_eq!(CLEARED.contains(&&*name), !stays, "{name}");
        }
    }

    #[test]
    fn a_config_file_names_the_profile_and_quotes_the_command() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let made = |name: &str, command: &[&str]| config(&ProfileName::new(name), &words(command), &[("output", "json".to_owned())]);
        let end = "\ncredential_process = /usr/bin/keyrotate credential-process work\noutput = json\n";
        let command = ["/usr/bin/keyrotate", "credential-process", "work"];
        for (name, header) in
            [("default", "[default]"), ("work", "[profile work]"), ("a b", "[profile \"a b\"]"), ("it's", "[profile \"it's\"]")]
        {
            assert_eq!(made(name, &command), Some(format!("{header}{end}")));
        }
        let spaced = made("work", &["/My Programs/keyrotate", "it's", ""]).unwrap();
        assert!(spaced.contains("credential_process = \"/My Programs/keyrotate\" \"it's\" \"\"\n"), "{spaced}");
        for (name, word) in [("a]", "x"), ("a\nb", "x"), ("work", "$x"), ("work", "a\nb"), ("work", "`x`"), ("work", "\"")] {
            assert_eq!(made(name, &[word]), None, "{name:?} {word:?}");
        }
    }

    fn os((name, value): (&str, &str)) -> (OsString, OsString) {
        (name.into(), value.into())
    }

    #[test]
    fn a_region_that_another_profile_has_is_none_of_the_persons_wishes() {
        let meant = |own: &[(&str, &str)]| {
            let mut variables: Vec<_> = own.iter().copied().map(os).collect();
            meant(&mut variables, |_| false);
            variables.iter().filter(|(name, _)| REGIONS.iter().any(|region| name == region)).count()
        };
        let both = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")];
        assert_eq!(meant(&both), 2);
        assert_eq!(meant(&[both[0], both[1], (PROFILES_REGION, "eu-west-1")]), 0);
        assert_eq!(meant(&[("AWS_REGION", "us-east-1"), both[1], (PROFILES_REGION, "eu-west-1")]), 1);
    }

    #[test]
    fn what_we_set_is_known_again_and_cleared_and_what_the_person_changed_since_stays() {
        let way = [("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_S3", "http://s3"), ("AWS_CA_BUNDLE", "/ca.pem")];
        let way = way.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let region = Region { name: "eu-west-1".to_owned(), is_profiles: true };
        let mut variables: Vec<(OsString, OsString)> =
            reach(Some(&region), &way).into_iter().map(|(name, value)| (name.into_owned().into(), value.into())).collect();
        assert_eq!(variables.len(), 3 + 6);
        variables.extend([("KEYROTATE_STATE_DIR", "/s"), ("KEYROTATE_ENDPOINT_URL_$(x)", "y"), (INSIDE, "work")].map(os));
        let before = Before::of(&variables, |_| false);
        assert_eq!((before.profile.as_deref(), before.ours.len()), (Some("work"), 9));
        assert_eq!(before.cleared().len(), CLEARED.len() + 8, "the mark of the region is there in any case");
        variables.iter_mut().filter(|(name, _)| name == "AWS_ENDPOINT_URL_S3").for_each(|(_, value)| *value = "http://own".into());
        let before = Before::of(&variables, |_| false);
        assert!(!before.cleared().contains(&"AWS_ENDPOINT_URL_S3") && before.cleared().contains(&"KEYROTATE_ENDPOINT_URL_S3"));
        meant(&mut variables, |_| false);
        let left: Vec<_> = variables.iter().filter_map(|(name, _)| name.to_str().filter(|name| name.starts_with("AWS_"))).collect();
        assert_eq!(left, ["AWS_ENDPOINT_URL_S3"]);
    }

    #[test]
    fn inside_the_persons_own_files_are_meant_unless_others_are_named_there() {
        let meant = |config: &str| {
            let mut variables = Vec::from([(CONFIG, config), (OWN_CONFIG, "/home/me/.aws/config")].map(os));
            meant(&mut variables, |path| path.starts_with("/cache"));
            variables[0].1.clone()
        };
        assert_eq!((meant("/cache/x"), meant("/other")), ("/home/me/.aws/config".into(), "/other".into()));
    }
}
