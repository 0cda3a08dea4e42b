//! From a profile's name to what leads to its credentials: the long-term key pair, then the roles on the way, as the AWS config has them.
//!
//! Invariant: every value that AWS would refuse for its form is refused here, with its line.

use std::collections::BTreeMap;
use std::time::Duration;

use super::environment::Environment;
use super::files::{AwsFiles, Profile};
use super::refusal::Refusal;
use super::resolve::ResolvedProfile;
use crate::model::{Arn, MfaSerial, ProfileName};

/// The way to a profile's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The profile, with the pair at the end of its `source_profile` chain.
    pub key: ResolvedProfile,
    /// The MFA device of the key's user, where the files name one: the key profile's, else the nearest on the way to it.
    pub mfa_serial: Option<MfaSerial>,
    /// The roles, in the order in which they are assumed; the last one is the profile's own. None: the profile has the key itself.
    pub roles: Vec<Role>,
    /// `mfa_process`, as aws-vault reads it: the program that prints a token code, split into words. Never empty.
    pub mfa_process: Option<Vec<String>>,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The profile that names it.
    pub profile: ProfileName,
    /// `role_arn`.
    pub arn: Arn,
    /// `external_id`.
    pub external_id: Option<String>,
    /// `role_session_name`.
    pub session_name: Option<String>,
    /// `duration_seconds`: 15 minutes to 12 hours.
    pub duration: Option<Duration>,
    /// `source_identity`, as aws-vault reads it.
    pub source_identity: Option<String>,
    /// `session_tags`, as aws-vault reads it: `name=value`, separated by commas.
    pub tags: BTreeMap<String, String>,
    /// `transitive_session_tags`: names of tags that later roles of the chain get too.
    pub transitive_tags: Vec<String>,
}

impl AwsFiles {
    /// Follows the profile to its key and gathers the roles on the way. Refuses what [`AwsFiles::resolve`] refuses, and a value that AWS
    /// would not take.
    pub fn route(&self, name: &ProfileName, environment: &Environment) -> Result<Route, Refusal> {
        let key = self.resolve(name, environment)?;
        let chain = self.chain(name)?;
        let mut roles = Vec::new();
        for (name, profile) in chain.iter().rev().filter(|(_, profile)| profile.value("role_arn").is_some()) {
            let role = self.role(name, profile, &roles)?;
            roles.push(role);
        }
        let serial = chain.iter().rev().find(|(_, profile)| profile.value("mfa_serial").is_some());
        let mfa_serial = serial.map(|(_, profile)| self.mfa_serial(profile)).transpose()?.flatten();
        let command = chain.iter().find(|(_, profile)| profile.value("mfa_process").is_some());
        let mfa_process = command.map(|(_, profile)| self.parsed(profile, "mfa_process", words)).transpose()?.flatten();
        Ok(Route { key, mfa_serial, roles, mfa_process })
    }

    /// The role of a profile. `before`: those that are assumed on the way to it, whose sessions pass some things on.
    fn role(&self, name: &str, profile: &Profile<'_>, before: &[Role]) -> Result<Role, Refusal> {
        let tags = self.parsed(profile, "session_tags", |text| not_passed_on(tags(text)?, before))?.unwrap_or_default();
        Ok(Role {
            profile: ProfileName::new(name),
            arn: self.parsed(profile, "role_arn", role_arn)?.ok_or_else(|| self.no_such(&ProfileName::new(name)))?,
            external_id: self.parsed(profile, "external_id", |text| of("_+=,.@:/-", 2..=1_224, text))?,
            session_name: self.parsed(profile, "role_session_name", |text| of("_+=,.@-", 2..=64, text))?,
            duration: self.parsed(profile, "duration_seconds", duration)?,
            source_identity: self.parsed(profile, "source_identity", |text| source_identity(text, before))?,
            transitive_tags: self.parsed(profile, "transitive_session_tags", |text| names(text, &tags))?.unwrap_or_default(),
            tags,
        })
    }

    fn mfa_serial(&self, profile: &Profile<'_>) -> Result<Option<MfaSerial>, Refusal> {
        let Some((value, (file, entry))) = profile.value("mfa_serial").zip(profile.option("mfa_serial")) else { return Ok(None) };
        let wrong = |fault| Refusal::MfaSerial { place: self.place(file, entry.line), fault };
        MfaSerial::parse(value).map(Some).map_err(wrong)
    }

    /// The option's value as `parse` reads it.
    fn parsed<T>(
        &self,
        profile: &Profile<'_>,
        option: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refusal> {
        let Some((value, (file, entry))) = profile.value(option).zip(profile.option(option)) else { return Ok(None) };
        parse(value).map(Some).map_err(|why| Refusal::BadValue { place: self.place(file, entry.line), option, why })
    }
}

fn role_arn(text: &str) -> Result<Arn, String> {
    let arn = Arn::parse(text).map_err(|error| error.to_string())?;
    let is_role = arn.resource().strip_prefix("role/").is_some_and(|name| !name.is_empty());
    if is_role && !arn.account().is_empty() { Ok(arn) } else { Err(format!("`{text}` is not the ARN of a role")) }
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (900..=43_200).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| format!("`{text}` is not a number of seconds from 900 to 43200"))
}

/// A text of letters, digits and these characters, so many of them (STS API reference, AssumeRole).
fn of(others: &str, length: std::ops::RangeInclusive<usize>, text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    if length.contains(&text.len()) && text.chars().all(is_allowed) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not {} to {} letters, digits and any of {others}", length.start(), length.end()))
}

/// A role session has so many tags at most (STS API reference, AssumeRole).
const TAGS: usize = 50;

fn tags(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    for part in list(text) {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not name=value"))?;
        let (name, value) = (of_a_tag("name", 1..=128, name.trim())?, of_a_tag("value", 0..=256, value.trim())?);
        if let Some(other) = tags.keys().find(|other| is_same(other, &name)) {
            return Err(format!("the tag `{name}` is there already as `{other}`, and capitals do not count"));
        }
        tags.insert(name, value);
    }
    if tags.len() > TAGS { Err(format!("there are {} tags, and a session has {TAGS} at most", tags.len())) } else { Ok(tags) }
}

/// A later role of the chain cannot set a tag that an earlier one passes on (IAM user guide, "Chaining roles with session tags").
fn not_passed_on(tags: BTreeMap<String, String>, before: &[Role]) -> Result<BTreeMap<String, String>, String> {
    let passed = |name: &String| before.iter().find(|role| role.transitive_tags.iter().any(|passed| is_same(passed, name)));
    match tags.keys().find_map(|name| Some((name, passed(name)?))) {
        Some((name, role)) => Err(format!("the tag `{name}` comes from the profile {} already, which passes it on for good", role.profile)),
        None => Ok(tags),
    }
}

/// What an earlier role of the chain has set stays (IAM user guide, "Monitor and control actions taken with assumed roles").
fn source_identity(text: &str, before: &[Role]) -> Result<String, String> {
    let own = of("_+=,.@-", 2..=64, text)?;
    match before.iter().find_map(|role| Some((role, role.source_identity.as_ref()?))) {
        Some((role, set)) if *set != own => Err(format!("it is `{set}` by the profile {} already, and stays so", role.profile)),
        Some(_) | None => Ok(own),
    }
}

/// Names of these tags.
fn names(text: &str, tags: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let own = |name: &String| {
        let found = tags.keys().find(|own| is_same(own, name));
        found.cloned().ok_or_else(|| format!("`{name}` is none of this profile's session_tags"))
    };
    let mut names = list(text).iter().map(own).collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The half of a tag that AWS would take (IAM user guide, "Passing session tags in AWS STS").
fn of_a_tag(half: &str, length: std::ops::RangeInclusive<usize>, text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if !length.contains(&text.chars().count()) {
        return Err(format!("the {half} `{text}` of a tag has not {} to {} characters", length.start(), length.end()));
    }
    if !text.chars().all(is_allowed) {
        return Err(format!("the {half} `{text}` of a tag is not letters, digits, spaces and any of _.:/=+-@"));
    }
    if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(format!("the {half} `{text}` of a tag begins with aws:, which AWS keeps for itself"));
    }
    Ok(text.to_owned())
}

/// Capitals do not tell two tags apart.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let words = shlex::split(text).filter(|words| !words.is_empty());
    words.ok_or_else(|| format!("`{text}` cannot be split into a program and its arguments; close its quotes"))
}

#[cfg(test)]
mod tests {
    use super::super::environment::AwsPaths;
    use super::*;

    const CREDENTIALS: &str = "[base]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=canary\n";

    fn route(config: &str, name: &str) -> Result<Route, Refusal> {
        let environment = Environment::from_vars([]).unwrap();
        let paths = AwsPaths { credentials: "/c".into(), config: "/f".into() };
        let files = AwsFiles::parse(paths, Some(CREDENTIALS.into()), Some(config.into())).unwrap();
        files.route(&ProfileName::new(name), &environment)
    }

    #[test]
    fn roles_come_in_the_order_of_their_assuming_with_all_that_is_said_of_them() {
        let config = "[profile base]\nmfa_serial = GAHT12345678\nmfa_process = pass otp 'aws work'\n\
            [profile hop]\nrole_arn = arn:aws:iam::444455556666:role/Hop\nsource_profile = base\nsession_tags = a=b, team = blue\ntransitive_session_tags=a\n\
            [profile outer]\nrole_arn = arn:aws:iam::777788889999:role/path/Outer\nsource_profile = hop\nexternal_id = x-1\nrole_session_name = me\n\
            duration_seconds = 3600\nsource_identity = dev\nmfa_serial = arn:aws:iam::111122223333:mfa/other\n";
        let found = route(config, "outer").unwrap();
        assert_eq!(found.mfa_serial.as_ref().map(MfaSerial::as_str), Some("GAHT12345678"));
        assert_eq!(found.mfa_process.unwrap(), ["pass", "otp", "aws work"]);
        let [hop, outer] = &found.roles[..] else { panic!("{:?}", found.roles) };
        assert_eq!(
            (hop.arn.as_str(), outer.arn.as_str()),
            ("arn:aws:iam::444455556666:role/Hop", "arn:aws:iam::777788889999:role/path/Outer")
        );
        assert_eq!((hop.tags.len(), hop.transitive_tags.len(), hop.tags["team"].as_str()), (2, 1, "blue"));
        assert_eq!((outer.external_id.as_deref(), outer.session_name.as_deref()), (Some("x-1"), Some("me")));
        assert_eq!((outer.duration, outer.source_identity.as_deref()), (Some(Duration::from_secs(3_600)), Some("dev")));
        assert_eq!(route(config, "base").unwrap().roles, []);
    }

    #[test]
    fn a_value_that_aws_would_refuse_is_refused_with_its_line() {
        let role = "[profile p]\nrole_arn=arn:aws:iam::444455556666:role/R\nsource_profile=base\n";
        for (line, said) in [
            ("duration_seconds=60", "`60` is not a number of seconds from 900 to 43200"),
            ("duration_seconds=1h", "`1h` is not"),
            ("mfa_serial=arn:aws:iam::111122223333:user/dev", "is not an MFA device"),
            ("mfa_serial=arn:aws:iam::111122223333:u2f/user/dev/k", "FIDO"),
            ("role_session_name=a b", "`a b` is not 2 to 64 letters"),
            ("external_id=x", "`x` is not 2 to 1224"),
            ("external_id=a b", "`a b` is not 2 to 1224"),
            ("source_identity=x", "`x` is not 2 to 64"),
            ("source_identity=a/b", "`a/b` is not 2 to 64"),
            ("session_tags=a", "`a` is not name=value"),
            ("session_tags=a=b, c", "`c` is not name=value"),
            ("session_tags==b", "the name `` of a tag has not 1 to 128 characters"),
            ("session_tags=a=b#c", "the value `b#c` of a tag is not letters"),
            ("session_tags=a;b=c", "the name `a;b` of a tag is not letters"),
            ("session_tags=aws:x=c", "the name `aws:x` of a tag begins with aws:"),
            ("session_tags=x=AWS:c", "the value `AWS:c` of a tag begins with aws:"),
            ("session_tags=Team=a,team=b", "the tag `team` is there already as `Team`"),
            ("transitive_session_tags=a", "`a` is none of this profile's session_tags"),
            ("mfa_process=pass 'otp", "close its quotes"),
        ] {
            let refusal = route(&format!("{role}{line}\n"), "p").unwrap_err().to_string();
            assert!(refusal.starts_with("/f, line 4: ") && refusal.contains(said), "{refusal}");
        }
        for arn in [
            "arn:aws:iam::444455556666:user/R",
            "arn:aws:iam::444455556666:role/",
            "arn:aws:iam:::role/R",
            "arn:aws:sts::444455556666:assumed-role/R/me",
            "R",
        ] {
            let refusal = route(&format!("[profile p]\nrole_arn={arn}\nsource_profile=base\n"), "p").unwrap_err();
            assert!(refusal.to_string().starts_with("/f, line 2: role_arn: ") && refusal.code() == "bad-value", "{refusal}");
        }
    }

    #[test]
    fn tags_have_awss_limits() {
        let role = "[profile p]\nrole_arn=arn:aws:iam::444455556666:role/R\nsource_profile=base\nsession_tags=";
        let tags = |text: &str| {
            route(&format!("{role}{text}\n"), "p").map(|route| route.roles[0].tags.clone()).map_err(|refusal| refusal.to_string())
        };
        let many = |count: usize| (1..=count).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join(",");
        let (name, value) = ("ü".repeat(128), "v".repeat(256));
        assert_eq!(tags(&format!("{name}={value}")), Ok(BTreeMap::from([(name.clone(), value.clone())])));
        assert_eq!(tags("a=b=c, Cost Center = 12:/+@ , empty="), tags("a=b=c,Cost Center=12:/+@,empty="));
        assert_eq!(tags("a=b=c").unwrap()["a"], "b=c");
        assert_eq!(tags(&many(50)).map(|tags| tags.len()), Ok(50));
        for (text, said) in [
            (format!("{name}x={value}"), "of a tag has not 1 to 128 characters"),
            (format!("{name}={value}x"), "of a tag has not 0 to 256 characters"),
            (many(51), "there are 51 tags, and a session has 50 at most"),
        ] {
            let refusal = tags(&text).unwrap_err();
            assert!(refusal.starts_with("/f, line 4: session_tags: ") && refusal.contains(said), "{refusal}");
        }
    }

    #[test]
    fn transitive_tags_are_some_of_the_tags_and_a_program_is_split_as_a_shell_would() {
        let role = "[profile p]\nrole_arn=arn:aws:iam::444455556666:role/R\nsource_profile=base\n";
        let found = route(&format!("{role}session_tags=Team=a,b=c\ntransitive_session_tags = team, b,Team\n"), "p").unwrap();
        assert_eq!(found.roles[0].transitive_tags, ["Team", "b"]);
        let refusal = route(&format!("{role}session_tags=a=b\ntransitive_session_tags=a,c\n"), "p").unwrap_err().to_string();
        assert!(refusal.starts_with("/f, line 5: transitive_session_tags: `c` is none"), "{refusal}");
        for (text, words) in [
            ("ykman oath code --single AWS", &["ykman", "oath", "code", "--single", "AWS"][..]),
            ("'/opt/my tools/otp' \"a b\" c\\ d ''", &["/opt/my tools/otp", "a b", "c d", ""]),
            ("sh -c 'echo $CODE | tr -d \" \"'", &["sh", "-c", "echo $CODE | tr -d \" \""]),
        ] {
            assert_eq!(route(&format!("{role}mfa_process={text}\n"), "p").unwrap().mfa_process.unwrap(), words, "{text}");
        }
        assert_eq!(route(&format!("{role}mfa_process=\nsession_tags=\n"), "p").unwrap().mfa_process, None);
    }

    #[test]
    fn what_a_role_passes_on_is_not_set_anew_by_a_later_one() {
        let chain = |hop: &str, outer: &str| {
            let role = |name: &str, source: &str, more: &str| {
                format!("[profile {name}]\nrole_arn=arn:aws:iam::444455556666:role/R\nsource_profile={source}\n{more}\n")
            };
            route(&(role("hop", "base", hop) + &role("outer", "hop", outer)), "outer").map_err(|refusal| refusal.to_string())
        };
        let passing = "session_tags=Team=a,own=b\ntransitive_session_tags=Team\nsource_identity=dev";
        assert!(chain(passing, "session_tags=own=c\nsource_identity=dev").is_ok());
        for (outer, said) in [
            ("session_tags=x=y,team=b", "/f, line 10: session_tags: the tag `team` comes from the profile hop already"),
            ("source_identity=other", "/f, line 10: source_identity: it is `dev` by the profile hop already"),
        ] {
            let refusal = chain(passing, outer).unwrap_err();
            assert!(refusal.starts_with(said), "{refusal}");
        }
    }
}
