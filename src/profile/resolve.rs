//! From a profile's name to its long-term key pair, the way botocore goes.
//!
//! Invariant: a pair is returned only where the AWS CLI resolves it and no SDK resolves another one.

use std::path::PathBuf;

use super::{
    document::FileKind,
    environment::Environment,
    files::{AwsFiles, Profile},
    grammar::Entry,
    own_pair::OwnPair,
    refusal::{Elsewhere, Refusal, Warning},
    static_key::{ID, SECRET},
};
use crate::model::ProfileName;

/// A profile with the long-term key pair that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedProfile {
    /// The profile that was asked for.
    pub name: ProfileName,
    /// The profile that has the pair: the same one, or the end of its `source_profile` chain.
    pub key_profile: ProfileName,
    /// The key.
    pub pair: OwnPair,
    /// The file that has it, or says that it is in the keychain.
    pub file: FileKind,
    /// The section that has it, as its header shows it.
    pub section: String,
    /// The line of the access key ID, or of `credential_process`, counted from 1.
    pub line: usize,
    /// `AWS_REGION` (the SDKs), then `AWS_DEFAULT_REGION` (botocore), then the profile's region, then the key profile's.
    pub region: Option<String>,
    /// The MFA device serial of the user who owns the key: the key profile's, else the nearest on the way to it.
    pub mfa_serial: Option<String>,
    /// `AWS_CA_BUNDLE`, then the profile's `ca_bundle`, then the key profile's; a relative path as it is written.
    pub ca_bundle: Option<PathBuf>,
    /// What other SDKs make of the same bytes, and what is not used.
    pub warnings: Vec<Warning>,
    /// Why no call can be made by this profile, although it has a key.
    pub fault: Option<Refusal>,
}

impl AwsFiles {
    /// Follows `source_profile` to a static pair. Refuses whatever is not one long-term key for the AWS CLI and the SDKs alike, and
    /// what no call can be made with.
    pub fn resolve(&self, name: &ProfileName, environment: &Environment) -> Result<ResolvedProfile, Refusal> {
        let profile = self.find(name, environment)?;
        match &profile.fault {
            None => Ok(profile),
            Some(fault) => Err(fault.clone()),
        }
    }

    /// The same for who only looks: what forbids calls is in the answer.
    pub(super) fn find(&self, name: &ProfileName, environment: &Environment) -> Result<ResolvedProfile, Refusal> {
        self.pair_of(name, environment).map_err(|refusal| refusal.told_with(|| self.absent(environment)))
    }

    fn pair_of(&self, name: &ProfileName, environment: &Environment) -> Result<ResolvedProfile, Refusal> {
        let chain = self.chain(name)?;
        let (key_name, profile) = chain.last().ok_or_else(|| self.no_such(name))?;
        let key = self.static_key(key_name, profile)?;
        let asked = chain.first().map_or(profile, |(_, asked)| asked);
        let ca_bundle = || asked.value("ca_bundle").or_else(|| profile.value("ca_bundle"));
        let (region, fault) = self.region(environment, &[asked, profile]);
        let line = key.line();
        Ok(ResolvedProfile {
            name: name.clone(),
            key_profile: ProfileName::new(*key_name),
            region,
            mfa_serial: chain.iter().rev().find_map(|(_, p)| p.value("mfa_serial")).map(str::to_owned),
            ca_bundle: environment.get("AWS_CA_BUNDLE").or_else(ca_bundle).map(PathBuf::from),
            warnings: self.warnings(&chain, profile, &key),
            fault,
            pair: key.pair,
            file: key.file,
            section: key.section.name.clone(),
            line,
        })
    }

    // The profiles from the one asked for to the one whose own credentials count.
    pub(super) fn chain<'a>(&'a self, name: &'a ProfileName) -> Result<Vec<(&'a str, Profile<'a>)>, Refusal> {
        let mut chain: Vec<(&str, Profile<'_>)> = Vec::new();
        let mut at = name.as_str();
        let mut next = self.profile(at).ok_or_else(|| self.no_such(name));
        loop {
            let profile = next?;
            let source = self.source(at, &profile)?;
            chain.push((at, profile));
            let Some((source, from)) = source else { return Ok(chain) };
            if source == at {
                return Ok(chain);
            }
            let (name, place) = (ProfileName::new(at), self.place(from.0, from.1.line));
            if chain.iter().any(|(passed, _)| *passed == source) {
                return Err(Refusal::SourceLoop { name, place, back: source.to_owned() });
            }
            next = self.profile(source).ok_or(Refusal::NoSource { name, place, missing: source.to_owned() });
            at = source;
        }
    }

    // The source of a role's credentials; `None` for a profile that is no role.
    fn source<'a>(&self, at: &str, profile: &Profile<'a>) -> Result<Option<(&'a str, Found<'a>)>, Refusal> {
        let Some((role_file, role)) = profile.option("role_arn") else { return Ok(None) };
        let name = ProfileName::new(at);
        let ambiguous = |(file, entry): (FileKind, &Entry), other| {
            let (name, place) = (name.clone(), self.place(file, entry.line));
            Refusal::Ambiguous { name, place, one: "role_arn", other }
        };
        let keys = profile.option(ID).or_else(|| profile.option(SECRET));
        if let Some(found) = profile.option("credential_process") {
            return Err(ambiguous(found, "credential_process"));
        }
        let elsewhere = |(file, entry): (FileKind, &Entry), by| match keys {
            Some(keys) => ambiguous(keys, "an access key"),
            None => Refusal::Elsewhere { name: name.clone(), place: self.place(file, entry.line), by },
        };
        if let Some(found) = profile.option("web_identity_token_file") {
            return Err(elsewhere(found, Elsewhere::WebIdentity));
        }
        let role_source = |found| Refusal::RoleSource { name: name.clone(), place: self.place(role_file, role.line), found };
        let source = match (profile.option("source_profile"), profile.option("credential_source")) {
            (Some(_), Some(_)) => return Err(role_source("both")),
            (None, None) => return Err(role_source("neither")),
            (None, Some(found)) => return Err(elsewhere(found, Elsewhere::CredentialSource)),
            (Some(found), None) => found,
        };
        let to = profile.value("source_profile").unwrap_or_default();
        match keys {
            // A role whose source is the profile itself takes the static pair beside it: botocore and the SDKs agree.
            None if to == at => Err(Refusal::SourceLoop { name, place: self.place(source.0, source.1.line), back: to.to_owned() }),
            Some(keys) if to != at => Err(ambiguous(keys, "an access key")),
            Some(_) | None => Ok(Some((to, source))),
        }
    }
}

type Found<'a> = (FileKind, &'a Entry);

#[cfg(test)]
mod tests {
    use super::super::environment::AwsPaths;
    use super::*;

    const KEYS: &str = "aws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=marker-secret\n";

    fn files(credentials: &str, config: &str) -> AwsFiles {
        let bytes = |text: &str| Some(text.replace("KEYS\n", KEYS).into_bytes());
        AwsFiles::parse(AwsPaths { credentials: "creds".into(), config: "conf".into() }, bytes(credentials), bytes(config)).unwrap()
    }

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into()))).unwrap()
    }

    fn answer(credentials: &str, config: &str) -> String {
        match files(credentials, config).resolve(&ProfileName::new("p"), &environment(&[])) {
            Ok(found) => {
                let warnings: String = found.warnings.iter().map(|w| format!(" {}", w.code)).collect();
                format!("{:?} {} {}{warnings}", found.file, found.key_profile, found.line)
            }
            Err(refusal) => {
                let text = format!("{refusal} {refusal:?}");
                assert!(!text.contains("marker-secret") && !refusal.to_string().ends_with('.'), "{text}");
                format!("{} {}", refusal.code(), refusal.to_string().split(':').next().unwrap())
            }
        }
    }

    #[test]
    fn a_static_pair_counts_where_all_tools_take_it() {
        for (credentials, config, want) in [
            ("[p]\nKEYS\n", "", "Credentials p 2"),
            ("", "[profile p]\nKEYS\n", "Config p 2"),
            ("", "[profile \"p\"]\nKEYS\n", "Config p 2"),
            ("[p]\nKEYS\n", "[profile p]\nKEYS\n", "Credentials p 2 shadowed-config-keys"),
            ("[p]\nKEYS\n", "[profile p]\ncredential_process=x\n", "Credentials p 2 shadowed-credential-process"),
            ("", "[profile p]\nKEYS\ncredential_process=x\n", "profile-ambiguous conf, line 4"),
            ("[p]\nKEYS\n", "[profile p]\nsso_account_id=1\nsso_role_name=r\n", "profile-ambiguous conf, line 2"),
            ("[p]\naws_secret_access_key=s\n", "[profile p]\nKEYS\n", "partial-credentials creds, line 2"),
            ("[p]\nKEYS\n", "[profile p]\naws_session_token=t\n", "session-token-with-long-term-key conf, line 2"),
            ("[p]\naws_access_key_id=\naws_secret_access_key=s\n", "", "partial-credentials creds, line 3"),
            ("[p]\naws_access_key_id=ASIAIOSFODNN7EXAMPLE\naws_secret_access_key=s\n", "", "session-key-without-token creds, line 2"),
            (
                "[p]\naws_access_key_id=ASIAIOSFODNN7EXAMPLE\naws_secret_access_key=s\naws_session_token=t\n",
                "",
                "session-key creds, line 2",
            ),
            ("[p]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n more\naws_secret_access_key=s\n", "", "not-a-key-id creds, line 2"),
            ("[p]\n", "", "no-credentials creds, line 1"),
            ("", "[profile p]\nKEYS\n[profile 'p']\nKEYS\n", "profile-ambiguous conf, line 2"),
            ("", "[profile p]\nlogin_session=x\n", "login-session conf, line 2"),
        ] {
            assert_eq!(answer(credentials, config), want, "{credentials:?} {config:?}");
        }
    }

    #[test]
    fn a_role_leads_to_its_source() {
        for (role, source, want) in [
            ("role_arn=r\nsource_profile=b\n", "[b]\nKEYS\n", "Credentials b 2"),
            ("role_arn=r\nsource_profile=p\n", "[p]\nKEYS\n", "Credentials p 2"),
            ("role_arn=r\nsource_profile=p\n", "", "source-profile-loop conf, line 3"),
            ("role_arn=r\nsource_profile=gone\n", "", "no-such-source-profile conf, line 3"),
            ("role_arn=r\nsource_profile=b\n", "[b]\nrole_arn=s\nsource_profile=p\n", "source-profile-loop creds, line 3"),
            ("role_arn=r\nsource_profile=b\n", "[b]\ncredential_process=x\n", "credential-process creds, line 2"),
            ("role_arn=r\n", "", "role-without-source conf, line 2"),
            ("role_arn=r\nsource_profile=b\ncredential_source=Environment\n", "", "role-without-source conf, line 2"),
            ("role_arn=r\ncredential_source=Environment\n", "", "credential-source conf, line 3"),
            ("role_arn=r\nweb_identity_token_file=f\n", "", "web-identity conf, line 3"),
            ("role_arn=r\nweb_identity_token_file=f\n", "[p]\nKEYS\n", "profile-ambiguous creds, line 2"),
            ("role_arn=r\nsource_profile=b\n", "[p]\nKEYS\n[b]\nKEYS\n", "profile-ambiguous creds, line 2"),
        ] {
            assert_eq!(answer(source, &format!("[profile p]\n{role}")), want, "{role:?} {source:?}");
        }
    }

    #[test]
    fn default_is_the_last_section_of_that_name() {
        let get = |config: &str| files("", config).resolve(&ProfileName::default(), &environment(&[])).map(|found| found.line);
        assert_eq!(get("[default]\nKEYS\n[profile default]\nKEYS\n"), Ok(5));
        assert_eq!(get("[profile default]\nKEYS\n[default]\nKEYS\n").unwrap_err().code(), "profile-ambiguous");
    }

    #[test]
    fn variables_win_then_the_profile_then_the_key_profile() {
        let config = "[profile p]\nrole_arn=r\nsource_profile=b\nregion=r1\n[profile b]\nregion=r2\nmfa_serial=m\nca_bundle=c\n";
        let files = files("[b]\nKEYS\n", config);
        let get = |vars: &[(&str, &str)]| files.resolve(&ProfileName::new("p"), &environment(vars)).unwrap();
        assert_eq!((get(&[]).region.as_deref(), get(&[]).mfa_serial.as_deref()), (Some("r1"), Some("m")));
        assert_eq!(get(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "r3")]).region.as_deref(), Some("r3"));
        assert_eq!(get(&[("AWS_REGION", "r4"), ("AWS_DEFAULT_REGION", "r3")]).region.as_deref(), Some("r4"));
        assert_eq!((get(&[]).ca_bundle, get(&[("AWS_CA_BUNDLE", "x")]).ca_bundle), (Some("c".into()), Some("x".into())));
    }

    #[test]
    fn sso_and_login_are_called_by_their_names() {
        for (line, words) in [
            ("sso_account_id=1", "by AWS SSO: it has no long-term key and needs none, `aws sso login --profile p` signs in"),
            ("sso_session=x", "by AWS SSO: it has no long-term key and needs none"),
            ("sso_start_url=https://x", "by AWS SSO: it has no long-term key and needs none"),
            ("login_session=x", "by `aws login`: it has no long-term key and needs none, `aws login --profile p` signs in"),
            ("credential_process=x", "by credential_process: it has no long-term key and needs none; for a key"),
            ("role_arn=arn:aws:iam::111122223333:role/r\ncredential_source=Environment", "by credential_source: it has no long-term key"),
            ("role_arn=arn:aws:iam::111122223333:role/r", "has neither: it has to have exactly one"),
        ] {
            let refusal = files("", &format!("[profile p]\n{line}\n")).resolve(&ProfileName::new("p"), &environment(&[])).unwrap_err();
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }
}
