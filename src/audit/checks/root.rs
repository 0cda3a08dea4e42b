//! The root user: whether it is who asks, and what it has.

use chrono::{DateTime, TimeDelta, Utc};

use super::{denied, root_user, who};
use crate::audit::facts::Facts;
use crate::audit::finding::{Finding, Level};
use crate::audit::report::root_use;
use crate::model::{Check, Identity};

/// A use of the root user within so long is worth a question.
const RECENT: TimeDelta = TimeDelta::days(90);

/// What to do about access keys of the root user that are in no profile here.
pub const DELETE_ROOT_KEYS: &str = "sign in to the AWS console as the root user and delete its access keys under Security credentials; in an organization, \
the management account can delete those of a member (centralized root access)";

pub(super) fn caller(facts: &Facts) -> Finding {
    let check = Check::CallerIsRoot;
    match &facts.user.identity {
        Err(error) => denied(facts, check, who(facts), error),
        Ok(identity) if identity.is_root() => {
            let seen = format!("the profile {} signs as the root user", facts.profile);
            let fix = format!(
                "make an IAM user or a role for this work, then run `{}`, with the profile of an administrator",
                facts.profile.root_key_removal()
            );
            Finding::new(check, Level::Fail, who(facts), seen).fix(fix)
        }
        Ok(identity) => Finding::new(check, Level::Pass, who(facts), format!("it signs as {}", identity.arn)),
    }
}

pub(super) fn key(facts: &Facts) -> Finding {
    let check = Check::RootKey;
    let summary = match &facts.user.summary {
        Err(error) => return denied(facts, check, root_user(facts), error),
        Ok(summary) => summary,
    };
    match summary.root_keys {
        None => left_out(facts, check, "AccountAccessKeysPresent"),
        Some(count) if root_keys(count) == Level::Pass => Finding::new(check, Level::Pass, root_user(facts), "it has no access key"),
        Some(count) => {
            let keys = if count == 1 { "an access key".to_owned() } else { format!("{count} access keys") };
            let seen = format!("it has {keys} (inactive ones count, too)");
            Finding::new(check, Level::Fail, root_user(facts), seen).fix(removal(facts))
        }
    }
}

/// What removes the root user's keys: the command, where a profile here has one.
fn removal(facts: &Facts) -> String {
    match facts.here.with_root_key.first() {
        Some(profile) => format!("run `{}`, with the profile of an administrator", profile.root_key_removal()),
        None => DELETE_ROOT_KEYS.to_owned(),
    }
}

/// What so many access keys of the root user are, by `AccountAccessKeysPresent`, which counts inactive ones, too.
pub fn root_keys(count: u32) -> Level {
    if count == 0 { Level::Pass } else { Level::Fail }
}

pub(super) fn mfa(facts: &Facts) -> Finding {
    let check = Check::RootMfa;
    let is_gov_cloud = facts.user.identity.as_ref().is_ok_and(|identity| identity.arn.partition() == "aws-us-gov");
    if is_gov_cloud {
        return Finding::new(check, Level::NotApplicable, root_user(facts), "the root user of AWS GovCloud cannot sign in");
    }
    let summary = match &facts.user.summary {
        Err(error) => return denied(facts, check, root_user(facts), error),
        Ok(summary) => summary,
    };
    match (summary.root_mfa, summary.root_password, summary.root_keys) {
        (None, _, _) => left_out(facts, check, "AccountMFAEnabled"),
        (Some(true), _, _) => Finding::new(check, Level::Pass, root_user(facts), devices(facts)),
        // Members of an organization that manages root access: nobody can sign in.
        (Some(false), Some(false), Some(0)) => Finding::new(check, Level::NotApplicable, root_user(facts), "it has no password and no key"),
        (Some(false), _, _) => Finding::new(check, Level::Fail, root_user(facts), "it has no MFA device")
            .fix("sign in to the AWS console as the root user and assign an MFA device under Security credentials"),
    }
}

/// The root user's device, with its kind where that can be seen: IAM lists virtual ones, and who has each.
fn devices(facts: &Facts) -> String {
    let is_root = |arn: &String, who: &Identity| *arn == format!("arn:{}:iam::{}:root", who.arn.partition(), who.account);
    match (&facts.user.identity, &facts.user.with_virtual_mfa) {
        (Ok(who), Ok(all)) if all.iter().any(|arn| is_root(arn, who)) => {
            "it has a virtual MFA device, which an authenticator app is".to_owned()
        }
        (Ok(_), Ok(_)) => "it has an MFA device, and none that is virtual, as far as IAM lists them".to_owned(),
        (Ok(_), Err(error)) => format!("it has an MFA device; of which kind, {} would tell", error.operation),
        (Err(_), _) => "it has an MFA device".to_owned(),
    }
}

pub(super) fn used(facts: &Facts) -> Finding {
    let check = Check::RootUsed;
    let Some(account) = &facts.account else { return not_asked(facts, check) };
    let report = match &account.report {
        Err(error) => return denied(facts, check, root_user(facts), error),
        Ok(report) => report,
    };
    let root = match root_use(&report.csv) {
        Ok(root) => root,
        Err(error) => return Finding::new(check, Level::Unknown, root_user(facts), error.to_string()).fix("run this again"),
    };
    let as_of = report.generated_at.map(|at| format!(" (report of {})", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    let is_recent = |at: &DateTime<Utc>| facts.now - at < RECENT;
    let (level, seen) = match (root.key.filter(is_recent), root.password.filter(is_recent)) {
        (Some(key), _) => (Level::Fail, format!("one of its access keys was used on {}", day(key))),
        (None, Some(password)) => (Level::Warn, format!("somebody signed in with its password on {}", day(password))),
        (None, None) => (
            Level::Pass,
            match root.key.max(root.password) {
                Some(last) => format!("it was last used on {}", day(last)),
                None => "AWS has no record of a use".to_owned(),
            },
        ),
    };
    let found = Finding::new(check, level, root_user(facts), seen + &as_of);
    match level {
        Level::Fail => found.fix(removal(facts)),
        Level::Warn => {
            found.fix("do everyday work as a user or a role; CloudTrail has what was done as the root user (userIdentity.type = Root)")
        }
        Level::Pass | Level::NotApplicable | Level::Unknown => found,
    }
}

pub(super) fn central(facts: &Facts) -> Finding {
    let check = Check::CentralRoot;
    let Some(account) = &facts.account else { return not_asked(facts, check) };
    let subject = || "organization".to_owned();
    match &account.central_root {
        Err(error) => denied(facts, check, subject(), error),
        Ok(None) => {
            let seen = "this account is not the management account of an organization, nor its delegated administrator for IAM";
            Finding::new(check, Level::NotApplicable, subject(), seen)
        }
        Ok(Some(true)) => Finding::new(check, Level::Pass, subject(), "root credentials of members are managed centrally"),
        Ok(Some(false)) => Finding::new(check, Level::Warn, subject(), "root credentials of members are not managed centrally")
            .fix("`aws iam enable-organizations-root-credentials-management`, then delete the members' root credentials"),
    }
}

fn left_out(facts: &Facts, check: Check, what: &str) -> Finding {
    Finding::new(check, Level::Unknown, root_user(facts), format!("iam:GetAccountSummary answered without {what}"))
}

fn not_asked(facts: &Facts, check: Check) -> Finding {
    Finding::new(check, Level::Unknown, root_user(facts), "it was not asked").fix("run this with --tier account")
}
