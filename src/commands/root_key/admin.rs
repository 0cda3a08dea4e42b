//! The proof that somebody else administers the account: without it, who loses the root user's key may lose the account.
//!
//! What is proved: a key that works now, itself or behind a session, of another identity of the same account, of which AWS's policy simulator says that
//! it may make users, give them keys and policies. Nothing is tried out, nor that the key may open the next session; what a policy allows under
//! conditions that the simulator was not told of is not proved.

use super::{Removing, UNCHANGED};
use crate::aws::{Aws, AwsError, ErrorKind, Signer};
use crate::commands::failure::{Failure, FailureKind};
use crate::commands::session::route;
use crate::model::{AccessKeyId, Identity, ProfileName};
use crate::profile::Route;

/// Who may do these gives anybody whatever they lack.
const ACTIONS: [&str; 3] = ["iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy"];

/// What was proved.
pub(super) struct Proof {
    /// Who it is.
    pub(super) identity: Identity,
    /// The key behind the session that signs for it; none where a key signs.
    behind: Option<AccessKeyId>,
    /// Whether the root user has keys left, as far as the administrator sees it: inactive ones count.
    pub(super) root_has_keys: Result<Option<bool>, AwsError>,
}

impl Proof {
    /// It, for a person.
    pub(super) fn told(&self) -> String {
        let actions = ACTIONS.join(", ");
        let by = self.behind.as_ref().map(|key| format!(", by a session; AWS accepts the key behind it, {key}, too"));
        let who = format!("{}, of the same account{}", self.identity.arn, by.unwrap_or_default());
        format!("{who}; AWS's policy simulator says that it may {actions}, which was not tried out")
    }

    /// What the administrator sees of the root user's keys, for a person.
    pub(super) fn of_root(&self) -> String {
        match &self.root_has_keys {
            Ok(Some(true)) => "an administrator sees only that the root user has a key, and not which".to_owned(),
            Ok(Some(false)) => "an administrator sees that the root user has no key".to_owned(),
            Ok(None) => "AWS did not tell the administrator whether the root user has a key".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

/// Nobody was named.
pub(super) fn missing(name: &ProfileName) -> Failure {
    let message = "without the root user's key somebody else has to administer the account, and no profile was named for that";
    let hint =
        format!("name an administrator's profile: keyrotate root-key remove {} --admin PROFILE; it proves that first", name.quoted());
    Failure::new(FailureKind::Usage, message).state(UNCHANGED).hint(hint)
}

impl Removing<'_> {
    /// Asks AWS who the administrator is and what it may do.
    pub(super) fn prove(&self, account: &str) -> Result<Proof, Failure> {
        let (run, admin) = (self.run, &self.admin);
        let refused = |why: String, hint: &str| Err(Failure::new(FailureKind::Failed, why).state(UNCHANGED).hint(hint));
        let named = format!("name another profile of account {account} with --admin: an administrator's, and not the root user's");
        let way = route(run.context, admin).map_err(|failure| failure.of(admin.as_str()).state(UNCHANGED))?;
        if way.key.pair.id == self.key.id {
            return refused(format!("{admin} signs with {} itself, which is to go", self.key.id), &named);
        }
        let signer = run.operator(admin).map_err(|failure| failure.state(UNCHANGED))?;
        let (aws, _) = run.context.aws(run.context.files()?, admin, way.key.region.clone(), way.key.ca_bundle.clone())?;
        run.console.progress(&format!("asking AWS what {admin} may do"));
        let identity = aws.get_caller_identity(&signer);
        let failed = |why: String, error: &AwsError, hint: String| self.unproved(why, error, hint);
        let identity =
            identity.map_err(|error| failed(format!("AWS does not say who {admin} is"), &error, format!("put that right, or {named}")))?;
        if identity.account != account {
            run.console.progress_done();
            return refused(format!("{admin} is {}, and the root user is that of account {account}", identity.arn), &named);
        }
        if identity.is_root() {
            run.console.progress_done();
            return refused(format!("{admin} is the root user itself, which proves nothing"), &named);
        }
        let behind = match &signer {
            Signer::LongTerm(_) => None,
            Signer::Session(_) => Some(self.behind(&aws, &way, &named)?),
        };
        // The ARN of a role's session lacks the role's path.
        let principal = way.roles.last().map_or(&identity.arn, |role| &role.arn);
        let by_mfa = matches!(signer, Signer::Session(_)) && way.roles.is_empty();
        let not_allowed = aws.not_allowed(&signer, principal, &ACTIONS, by_mfa).map_err(|error| {
            let why = format!("it could not be proved that {admin} administers the account");
            let hint = if matches!(error.kind, ErrorKind::Denied { .. }) {
                format!("allow it iam:SimulatePrincipalPolicy, as every administrator is; or {named}")
            } else {
                "run this again".to_owned()
            };
            failed(why, &error, hint)
        })?;
        let root_has_keys = aws.root_access_keys(&signer).map(|count| count.map(|count| count > 0));
        run.console.progress_done();
        if !not_allowed.is_empty() {
            let why =
                format!("{admin} does not administer the account: AWS's policy simulator does not allow it {}", not_allowed.join(", "));
            return refused(why, &named);
        }
        Ok(Proof { identity, behind, root_has_keys })
    }
    /// The key behind an administrator's session. AWS ends no session with its key: without the key, who has only the session is nobody soon.
    fn behind(&self, aws: &Aws, way: &Route, named: &str) -> Result<AccessKeyId, Failure> {
        let (pair, admin) = (self.run.context.known_pair(&way.key.pair).map_err(|failure| failure.state(UNCHANGED))?, &self.admin);
        let id = pair.id.clone();
        let Err(error) = aws.get_caller_identity(&Signer::LongTerm(pair)) else { return Ok(id) };
        let why = if error.refuses_the_key() {
            format!("{admin} is a session that is still open, and AWS does not accept the key behind it, {id}")
        } else {
            format!("{admin} is a session, and AWS does not say whether it accepts the key behind it, {id}")
        };
        Err(self.unproved(why, &error, format!("put that right, or {named}")))
    }

    fn unproved(&self, why: String, error: &AwsError, hint: String) -> Failure {
        self.run.console.progress_done();
        Failure { causes: vec![error.to_string()], ..Failure::new(FailureKind::Failed, why) }.state(UNCHANGED).hint(hint)
    }
}
