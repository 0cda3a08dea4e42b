//! What is watched for, and what everything of ours is called.

use serde_json::json;

pub use crate::model::ALARM_TOPIC as TOPIC;
use crate::model::{IAM_SOURCE, POLICY_EVENTS, cis_pattern};

/// The namespace of the metrics.
pub const NAMESPACE: &str = "keyrotate";

/// The topic's display name, by which its mails and we know it.
pub const MARK: &str = "keyrotate";

/// The beginning of the description of what we make.
pub const MADE_BY: &str = "Made by keyrotate alarm install.";

/// The target of a rule.
pub const TARGET: &str = "keyrotate";

/// What the names of filters, alarms and rules begin with.
pub const PREFIX: &str = "keyrotate-";

/// What hears of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// A metric filter of the trail's log group and an alarm on its metric: what CIS and Security Hub look for.
    #[default]
    Metric,
    /// A rule of EventBridge: sooner, and without a log group.
    EventBridge,
}

/// What is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The changes of policies that CIS names.
    Policies,
    /// Other events by which somebody gets more permissions, or lasting access.
    Access,
    /// The root user does something.
    Root,
}

/// Events that CIS leaves out although permissions change by them, and those by which somebody gets a credential or loses a second factor.
const ACCESS_EVENTS: [&str; 17] = [
    "SetDefaultPolicyVersion",
    "UpdateAssumeRolePolicy",
    "PutUserPermissionsBoundary",
    "DeleteUserPermissionsBoundary",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "AddUserToGroup",
    "CreateAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
    "DeactivateMFADevice",
    "UpdateAccessKey",
    "CreateServiceSpecificCredential",
    "UploadSigningCertificate",
    "UploadSSHPublicKey",
    "CreateSAMLProvider",
    "CreateOpenIDConnectProvider",
];

/// The names of all filters, alarms and rules.
pub const NAMES: [&str; 3] = [Watch::Policies.name(), Watch::Access.name(), Watch::Root.name()];

/// The names of all metrics.
pub const METRICS: [&str; 3] = [Watch::Policies.metric(), Watch::Access.metric(), Watch::Root.metric()];

impl Watch {
    /// All of them.
    pub const ALL: [Watch; 3] = [Watch::Policies, Watch::Access, Watch::Root];

    /// The name of its filter, its alarm and its rule.
    pub const fn name(self) -> &'static str {
        match self {
            Watch::Policies => "keyrotate-iam-policy-changes",
            Watch::Access => "keyrotate-iam-access-changes",
            Watch::Root => "keyrotate-root-usage",
        }
    }

    /// Its metric.
    pub const fn metric(self) -> &'static str {
        match self {
            Watch::Policies => "IAMPolicyChanges",
            Watch::Access => "IAMAccessChanges",
            Watch::Root => "RootUsage",
        }
    }

    /// What happened, for a description.
    pub fn what(self) -> &'static str {
        match self {
            Watch::Policies => "An IAM policy was changed, attached or detached",
            Watch::Access => "Somebody got other permissions or a new credential, or lost an MFA device",
            Watch::Root => "The root user did something",
        }
    }

    /// What its pattern is about, in a line.
    pub fn pattern_in_short(self) -> String {
        match self {
            Watch::Policies => format!("CIS's pattern to the letter, {} events", POLICY_EVENTS.len()),
            Watch::Access => format!("{} events that CIS leaves out: {}, …", ACCESS_EVENTS.len(), ACCESS_EVENTS[..3].join(", ")),
            Watch::Root => "whatever the root user does".to_owned(),
        }
    }

    /// What it hears of, event by event; of the root user everything.
    pub fn events(self) -> &'static [&'static str] {
        match self {
            Watch::Policies => &POLICY_EVENTS,
            Watch::Access => &ACCESS_EVENTS,
            Watch::Root => &[],
        }
    }

    /// The pattern of its metric filter. The first is CIS's to the letter, as Security Hub wants it; that of the root user, too.
    pub fn filter_pattern(self) -> String {
        match self {
            Watch::Policies => cis_pattern(),
            Watch::Access => {
                let names = ACCESS_EVENTS.map(|name| format!("($.eventName={name})")).join("||");
                format!("{{($.eventSource={IAM_SOURCE})&&({names})}}")
            }
            Watch::Root => {
                "{$.userIdentity.type=\"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !=\"AwsServiceEvent\"}".to_owned()
            }
        }
    }

    /// The pattern of its rule, as JSON.
    pub fn event_pattern(self) -> String {
        let pattern = match self {
            Watch::Policies | Watch::Access => json!({
                "source": ["aws.iam"],
                "detail-type": ["AWS API Call via CloudTrail"],
                "detail": {"eventSource": [IAM_SOURCE], "eventName": self.events()},
            }),
            Watch::Root => json!({
                "detail-type": ["AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"],
                "detail": {
                    "userIdentity": {"type": ["Root"], "invokedBy": [{"exists": false}]},
                    "eventType": [{"anything-but": "AwsServiceEvent"}],
                },
            }),
        };
        pattern.to_string()
    }

    /// The description of its alarm or rule, which is in the mail of an alarm. That does not say who did what.
    pub fn description(self) -> String {
        format!("{MADE_BY} {}. Who and what: CloudTrail, Event history, in the region where it happened (IAM's is us-east-1).", self.what())
    }
}
