//! From a profile's route to the session that is asked for. Pure.

use std::time::Duration;

use super::request::{LONGEST_CHAINED, Request, RoleRequest, partition};
use crate::model::MfaSerial;
use crate::profile::{Role, Route};

/// The role session's name where the profile names none.
const SESSION_NAME: &str = "keyrotate";
/// How long a role is assumed for where nothing says so: AWS's own default.
const ROLE_DURATION: Duration = Duration::from_secs(3_600);

/// What is asked for besides what the AWS config says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// How long the session is to last; else what the settings and the profile say.
    pub duration: Option<Duration>,
    /// The length of the key's own session, by the settings.
    pub session_duration: Duration,
    /// An inline session policy for the profile's role, as JSON.
    pub policy: Option<String>,
    /// Managed session policies for it.
    pub policy_arns: Vec<String>,
}

/// What a session is asked for, and what a person should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The session.
    pub request: Request,
    /// What could not be as it was wished.
    pub notes: Vec<String>,
}

/// The session that the profile's credentials are of.
///
/// The key's own session comes first, which one code opens for all roles. Where one role is to last longer than an hour, the key itself assumes
/// it with the code: role chaining ends after an hour (IAM user guide). Without MFA nothing is gained by a session before the role.
pub fn plan(route: &Route, endpoint: Option<String>, mfa_serial: Option<MfaSerial>, wishes: &Wishes) -> Plan {
    let mut notes = Vec::new();
    let count = route.roles.len();
    let mut roles: Vec<RoleRequest> = route.roles.iter().enumerate().map(|(at, role)| wanted(role, at + 1 == count, wishes)).collect();
    let is_long = |role: &RoleRequest| role.seconds > LONGEST_CHAINED.as_secs();
    let is_direct = matches!(&roles[..], [only] if mfa_serial.is_none() || is_long(only)) || (count > 1 && mfa_serial.is_none());
    for (at, role) in roles.iter_mut().enumerate().skip(usize::from(is_direct)) {
        if is_long(role) {
            role.seconds = LONGEST_CHAINED.as_secs();
            if at + 1 == count {
                notes.push(format!("{} is assumed by way of another role, which AWS ends after an hour", role.arn));
            }
        }
    }
    let session = if roles.is_empty() { wishes.duration.unwrap_or(wishes.session_duration) } else { wishes.session_duration };
    let request = Request {
        key: route.key.pair.id.clone(),
        partition: partition(route.key.region.as_deref()).to_owned(),
        endpoint,
        mfa_serial,
        session_seconds: (!is_direct).then_some(session.as_secs()),
        roles,
    };
    Plan { request, notes }
}

fn wanted(role: &Role, is_last: bool, wishes: &Wishes) -> RoleRequest {
    let wished = wishes.duration.filter(|_| is_last);
    RoleRequest {
        arn: role.arn.clone(),
        session_name: role.session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
        seconds: wished.or(role.duration).unwrap_or(ROLE_DURATION).as_secs(),
        external_id: role.external_id.clone(),
        source_identity: role.source_identity.clone(),
        tags: role.tags.clone(),
        transitive_tags: role.transitive_tags.clone(),
        policy: wishes.policy.clone().filter(|_| is_last),
        policy_arns: if is_last { wishes.policy_arns.clone() } else { Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProfileName;
    use crate::profile::{AwsFiles, AwsPaths, Environment};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn planned(config: &str, profile: &str, serial: bool, wishes: &Wishes) -> Plan {
        let credentials = "[base]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=canary\n";
        let paths = AwsPaths { credentials: "/c".into(), config: "/f".into() };
        let files = AwsFiles::parse(paths, Some(credentials.into()), Some(config.into())).unwrap();
        let route = files.route(&ProfileName::new(profile), &Environment::from_vars([]).unwrap()).unwrap();
        let serial = serial.then(|| MfaSerial::parse("GAHT12345678").unwrap());
        plan(&route, None, serial, &Wishes { session_duration: 12 * HOUR, ..wishes.clone() })
    }

    fn lengths(plan: &Plan) -> (Option<u64>, Vec<u64>) {
        (plan.request.session_seconds, plan.request.roles.iter().map(|role| role.seconds).collect())
    }

    #[test]
    fn the_keys_own_session_comes_first_but_for_one_long_role_and_without_mfa() {
        let config = "[profile base]\nregion=eu-west-1\n[profile r]\nrole_arn=arn:aws:iam::111122223333:role/R\nsource_profile=base\n\
            [profile long]\nrole_arn=arn:aws:iam::111122223333:role/L\nsource_profile=base\nduration_seconds=7200\n\
            [profile far]\nrole_arn=arn:aws:iam::111122223333:role/F\nsource_profile=r\nduration_seconds=7200\n";
        let none = Wishes::default();
        let two_hours = Wishes { duration: Some(2 * HOUR), ..Wishes::default() };
        for (profile, serial, wishes, expected) in [
            ("base", true, &none, (Some(43_200), vec![])),
            ("base", false, &none, (Some(43_200), vec![])),
            ("base", true, &two_hours, (Some(7_200), vec![])),
            ("r", true, &none, (Some(43_200), vec![3_600])),
            ("r", false, &none, (None, vec![3_600])),
            ("r", true, &two_hours, (None, vec![7_200])),
            ("long", true, &none, (None, vec![7_200])),
            ("far", true, &none, (Some(43_200), vec![3_600, 3_600])),
            ("far", false, &none, (None, vec![3_600, 3_600])),
        ] {
            let plan = planned(config, profile, serial, wishes);
            assert_eq!(lengths(&plan), expected, "{profile} {serial}");
            assert_eq!(plan.notes.len(), usize::from(profile == "far"), "{:?}", plan.notes);
        }
    }

    #[test]
    fn a_session_policy_is_of_the_profiles_own_role_only() {
        let config = "[profile hop]\nrole_arn=arn:aws:iam::111122223333:role/H\nsource_profile=base\n\
            [profile far]\nrole_arn=arn:aws:iam::111122223333:role/F\nsource_profile=hop\nrole_session_name=me\n";
        let wishes = Wishes { policy: Some("{}".to_owned()), policy_arns: vec!["arn:x".to_owned()], ..Wishes::default() };
        let request = planned(config, "far", true, &wishes).request;
        let [hop, far] = &request.roles[..] else { panic!("{request:?}") };
        assert_eq!((hop.policy.as_deref(), hop.policy_arns.len(), hop.session_name.as_str()), (None, 0, "keyrotate"));
        assert_eq!((far.policy.as_deref(), far.policy_arns.len(), far.session_name.as_str()), (Some("{}"), 1, "me"));
    }
}
