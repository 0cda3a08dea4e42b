//! The least that each work of keyrotate has to be allowed, as IAM policies for `keyrotate policy show`.
//!
//! Invariants: pure; every action here is one without which something fails or is not known, and the message then names it (the ring `policy`
//! takes away each in turn). What needs no permission is in no policy, with the reason in [`UNNEEDED`].

mod document;
mod scope;
#[cfg(test)]
mod tests;

pub use document::{CHARACTERS, Policy};
pub use scope::{NotInAnArn, PARTITIONS, RoleNamed, Scope, SecretNamed, Whose};

use document::{Condition, Statement};

/// A policy that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyName {
    /// Rotating the own access keys.
    Rotate,
    /// Opening sessions.
    Sessions,
    /// Rotating a key that is in a secret, too.
    SecretsManager,
    /// Making such a secret.
    CreateSecret,
    /// Having an MFA device.
    Mfa,
    /// Nothing without MFA.
    ForceMfa,
    /// Seeing whether the root user has keys.
    RootCheck,
    /// An audit of the own user.
    Audit,
    /// An audit of the account.
    AuditAccount,
    /// An audit of what watches over the account.
    AuditMonitoring,
    /// Setting up what tells of changes to policies.
    Alarm,
}

/// What somebody chose of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Keys are changed without MFA, too.
    pub without_mfa: bool,
    /// Everybody has a device already, so that none has to be enrolled without MFA.
    pub enrolled: bool,
}

/// There is no such policy for this scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// A policy about secrets, and no secret.
    #[error("no secret is named, neither as a target in config.toml nor with --secret")]
    NoSecrets,
}

/// Actions that keyrotate makes use of and that are in no policy, each with the reason.
pub const UNNEEDED: [(&str, &str); 3] = [
    ("sts:GetCallerIdentity", "everybody may ask it, whatever policies say"),
    ("sts:GetSessionToken", "everybody may ask it unless a policy denies it"),
    ("iam:SimulatePrincipalPolicy", "only who has all of IAM is asked about: `root-key remove` wants proved that it is an administrator"),
];

/// Actions that are asked about something: one statement of a policy.
struct Permission {
    sid: &'static str,
    actions: &'static [&'static str],
    on: On,
}

/// What actions are asked about (Service Authorization Reference, resource types).
enum On {
    User,
    /// The user, by a session with MFA only.
    UserWithMfa,
    Groups,
    CustomerManaged,
    Devices,
    Roles,
    /// AssumeRole with tags takes a permission more (IAM user guide, session tags).
    RolesWithTags,
    /// AssumeRole with a source identity takes a permission more (IAM user guide, monitor and control actions taken with assumed roles).
    RolesWithSourceIdentity,
    Secrets,
    NewSecrets,
    LogGroups,
    /// By the names that keyrotate gives.
    OwnAlarms,
    OwnRules,
    OwnTopics,
    /// The action knows no resource, or any is meant.
    Anything,
}

const ROTATE: &[Permission] = &[
    Permission { sid: "SeeKeys", actions: &["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"], on: On::User },
    Permission { sid: "ChangeKeys", actions: &["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"], on: On::UserWithMfa },
    Permission { sid: "SeeQuarantine", actions: &["iam:ListAttachedUserPolicies", "iam:ListGroupsForUser"], on: On::User },
    Permission { sid: "SeeQuarantineByGroups", actions: &["iam:ListAttachedGroupPolicies"], on: On::Groups },
];

const SESSIONS: &[Permission] = &[
    Permission { sid: "FindDevice", actions: &["iam:ListMFADevices"], on: On::User },
    Permission { sid: "AssumeRole", actions: &["sts:AssumeRole"], on: On::Roles },
    Permission { sid: "TagSession", actions: &["sts:TagSession"], on: On::RolesWithTags },
    Permission { sid: "SetSourceIdentity", actions: &["sts:SetSourceIdentity"], on: On::RolesWithSourceIdentity },
];

const SECRETS_MANAGER: &[Permission] = &[Permission {
    sid: "ChangeSecrets",
    actions: &[
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    ],
    on: On::Secrets,
}];

/// That a secret is not there is said by its name, without the end that it will have.
const CREATE_SECRET: &[Permission] =
    &[Permission { sid: "CreateSecrets", actions: &["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret"], on: On::NewSecrets }];

const MFA: &[Permission] = &[
    Permission { sid: "EnrollDevice", actions: &["iam:EnableMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice"], on: On::User },
    Permission { sid: "CreateDevice", actions: &["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"], on: On::Devices },
    Permission { sid: "SeeDevices", actions: &["iam:ListVirtualMFADevices"], on: On::Anything },
];

const ROOT_CHECK: &[Permission] = &[Permission { sid: "SeeRootUser", actions: &["iam:GetAccountSummary"], on: On::Anything }];

const AUDIT: &[Permission] = &[
    Permission {
        sid: "SeeUser",
        actions: &[
            "iam:GetAccessKeyLastUsed",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAccessKeys",
            "iam:ListAttachedUserPolicies",
            "iam:ListGroupsForUser",
            "iam:ListMFADevices",
            "iam:ListUserPolicies",
        ],
        on: On::User,
    },
    Permission {
        sid: "SeeGroups",
        actions: &["iam:GetGroupPolicy", "iam:ListAttachedGroupPolicies", "iam:ListGroupPolicies"],
        on: On::Groups,
    },
    Permission { sid: "SeePolicies", actions: &["iam:GetPolicy", "iam:GetPolicyVersion"], on: On::CustomerManaged },
    Permission { sid: "SeeRootUser", actions: &["iam:GetAccountSummary", "iam:ListVirtualMFADevices"], on: On::Anything },
];

const AUDIT_ACCOUNT: &[Permission] = &[Permission {
    sid: "SeeAccount",
    actions: &["iam:GenerateCredentialReport", "iam:GetCredentialReport", "iam:ListOrganizationsFeatures"],
    on: On::Anything,
}];

/// Where the log group of a trail and the topic of an alarm are, who asks does not know before.
const AUDIT_MONITORING: &[Permission] = &[Permission {
    sid: "SeeMonitoring",
    actions: &[
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DescribeAlarmsForMetric",
        "events:ListRules",
        "events:ListTargetsByRule",
        "logs:DescribeMetricFilters",
        "sns:GetSubscriptionAttributes",
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
    ],
    on: On::Anything,
}];

/// In whichever region the log group of a trail is, and where the events of IAM are.
const ALARM: &[Permission] = &[
    Permission {
        sid: "SeeTrailsAndWhatHears",
        actions: &[
            "cloudtrail:DescribeTrails",
            "cloudtrail:GetEventSelectors",
            "cloudtrail:GetTrailStatus",
            "cloudtrail:ListTrails",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DescribeAlarmsForMetric",
            "events:ListRuleNamesByTarget",
            "events:ListRules",
            "events:TestEventPattern",
            "logs:DescribeMetricFilters",
            "logs:TestMetricFilter",
            "sns:GetSubscriptionAttributes",
        ],
        on: On::Anything,
    },
    Permission { sid: "ChangeMetricFilters", actions: &["logs:DeleteMetricFilter", "logs:PutMetricFilter"], on: On::LogGroups },
    Permission {
        sid: "ChangeOwnAlarms",
        actions: &["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:SetAlarmState"],
        on: On::OwnAlarms,
    },
    Permission {
        sid: "ChangeOwnRules",
        actions: &["events:DeleteRule", "events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"],
        on: On::OwnRules,
    },
    Permission {
        sid: "ChangeOwnTopics",
        actions: &[
            "sns:CreateTopic",
            "sns:DeleteTopic",
            "sns:GetTopicAttributes",
            "sns:ListSubscriptionsByTopic",
            "sns:Publish",
            "sns:SetTopicAttributes",
            "sns:Subscribe",
        ],
        on: On::OwnTopics,
    },
];

/// What is open without MFA so that somebody who has no device gets one, here or in the console. AWS deletes no device that is in use.
const TO_ENROLL: [&str; 3] = ["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice", "iam:EnableMFADevice"];

/// What is open without MFA so that a session can be opened, and so that the console shows the page for devices.
const TO_OPEN: [&str; 6] =
    ["iam:GetMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken"];

/// What is open without MFA so that a timer sees how old keys are and whether the root user has some.
const TO_LOOK: [&str; 3] = ["iam:GetAccessKeyLastUsed", "iam:GetAccountSummary", "iam:ListAccessKeys"];

impl PolicyName {
    /// All of them, in the order in which they are listed.
    pub const ALL: [PolicyName; 11] = [
        PolicyName::Rotate,
        PolicyName::Sessions,
        PolicyName::SecretsManager,
        PolicyName::CreateSecret,
        PolicyName::Mfa,
        PolicyName::ForceMfa,
        PolicyName::RootCheck,
        PolicyName::Audit,
        PolicyName::AuditAccount,
        PolicyName::AuditMonitoring,
        PolicyName::Alarm,
    ];

    /// Its name on the command line.
    pub fn id(self) -> &'static str {
        match self {
            PolicyName::Rotate => "rotate",
            PolicyName::Sessions => "sessions",
            PolicyName::SecretsManager => "secretsmanager",
            PolicyName::CreateSecret => "create-secret",
            PolicyName::Mfa => "mfa",
            PolicyName::ForceMfa => "force-mfa",
            PolicyName::RootCheck => "root-check",
            PolicyName::Audit => "audit",
            PolicyName::AuditAccount => "audit-account",
            PolicyName::AuditMonitoring => "audit-monitoring",
            PolicyName::Alarm => "alarm",
        }
    }

    /// The one with this name.
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.id() == id)
    }

    /// What it is for, in a line.
    pub fn purpose(self) -> &'static str {
        match self {
            PolicyName::Rotate => "status, rotate, undo and auto: see how old the user's keys are, and change them",
            PolicyName::Sessions => "login, exec, env and credential-process: find the MFA device, assume the profile's role",
            PolicyName::SecretsManager => "beside rotate: a key that is in Secrets Manager, too",
            PolicyName::CreateSecret => "beside secretsmanager, once: rotate --create-secret",
            PolicyName::Mfa => "have a virtual MFA device, and bring it in step",
            PolicyName::ForceMfa => {
                "deny everything without MFA but what it takes to have a device, open a session and see how old keys are"
            }
            PolicyName::RootCheck => "status and auto: see whether the root user has keys",
            PolicyName::Audit => "audit: the own user, its groups and policies, and the root user as far as everybody may see it",
            PolicyName::AuditAccount => "beside audit: audit --tier account",
            PolicyName::AuditMonitoring => "beside audit and audit-account: audit --tier monitoring",
            PolicyName::Alarm => "alarm: have changes to policies told, try that out, remove it again",
        }
    }

    fn permissions(self) -> &'static [Permission] {
        match self {
            PolicyName::Rotate => ROTATE,
            PolicyName::Sessions => SESSIONS,
            PolicyName::SecretsManager => SECRETS_MANAGER,
            PolicyName::CreateSecret => CREATE_SECRET,
            PolicyName::Mfa => MFA,
            PolicyName::ForceMfa => &[],
            PolicyName::RootCheck => ROOT_CHECK,
            PolicyName::Audit => AUDIT,
            PolicyName::AuditAccount => AUDIT_ACCOUNT,
            PolicyName::AuditMonitoring => AUDIT_MONITORING,
            PolicyName::Alarm => ALARM,
        }
    }

    /// Whether a user stands in it.
    pub fn names_user(self) -> bool {
        self.permissions().iter().any(|permission| matches!(permission.on, On::User | On::UserWithMfa))
    }

    /// The actions that it allows.
    pub fn actions(self) -> impl Iterator<Item = &'static str> {
        self.permissions().iter().flat_map(|permission| permission.actions).copied()
    }
}

/// The policy for this scope.
pub fn policy(name: PolicyName, scope: &Scope, choices: Choices) -> Result<Policy, NoPolicy> {
    if name == PolicyName::ForceMfa {
        return Ok(Policy::new(vec![force_mfa(choices)]));
    }
    let mut statements = Vec::new();
    for Permission { sid, actions, on } in name.permissions() {
        let condition = matches!(on, On::UserWithMfa).then_some(Condition::WithMfa).filter(|_| !choices.without_mfa);
        let resources = match on {
            On::User | On::UserWithMfa => scope.user(),
            On::Groups => vec![scope.iam("group/*")],
            On::CustomerManaged => vec![scope.iam("policy/*")],
            On::Devices => vec![scope.iam("mfa/*")],
            On::Roles => scope.roles(|_| true),
            On::RolesWithTags => scope.roles(|role| role.has_tags),
            On::RolesWithSourceIdentity => scope.roles(|role| role.has_source_identity),
            On::Secrets | On::NewSecrets if scope.secrets.is_empty() => return Err(NoPolicy::NoSecrets),
            On::Secrets => scope.secrets(),
            On::NewSecrets => scope.new_secrets(),
            On::LogGroups => vec![scope.of("logs", "log-group:*")],
            On::OwnAlarms => vec![scope.of("cloudwatch", "alarm:keyrotate-*")],
            On::OwnRules => vec![scope.of("events", "rule/keyrotate-*")],
            On::OwnTopics => vec![scope.of("sns", "keyrotate-*")],
            On::Anything => vec!["*".to_owned()],
        };
        if !resources.is_empty() {
            statements.push(Statement::allow(sid, actions, resources, condition));
        }
    }
    Ok(Policy::new(statements))
}

fn force_mfa(choices: Choices) -> Statement {
    let enroll: &[&str] = if choices.enrolled { &[] } else { &TO_ENROLL };
    let mut open: Vec<&str> = enroll.iter().chain(&TO_OPEN).chain(&TO_LOOK).copied().collect();
    open.sort_unstable();
    Statement::deny_all_but("DenyWithoutMfa", open, Condition::WithoutMfa)
}
