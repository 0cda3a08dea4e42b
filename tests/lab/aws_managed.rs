//! The AWS managed policies that the lab knows: of long ones only what is about services that a key's owner meets here. Pure.

use serde_json::{Value, json};

/// What AWS denies a user whose key was found in public, in its first text.
const QUARANTINE: [&str; 16] = [
    "ec2:RunInstances",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:ChangePassword",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:DetachUserPolicy",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:UpdateAccessKey",
    "iam:UpdateUser",
    "lambda:CreateFunction",
    "organizations:CreateAccount",
];
/// What the second text and the later ones add.
const QUARANTINE_LATER: [&str; 12] = [
    "iam:AddUserToGroup",
    "iam:CreatePolicyVersion",
    "iam:DeleteAccessKey",
    "iam:ListUsers",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "sts:GetFederationToken",
    "sts:GetSessionToken",
];

/// Names and documents.
pub fn all() -> Vec<(&'static str, String)> {
    let later = [&QUARANTINE[..], &QUARANTINE_LATER[..]].concat();
    let quarantine = |actions: &[&str]| one(&json!({"Effect": "Deny", "Action": actions, "Resource": ["*"]}));
    let own = "arn:aws:iam::*:user/${aws:username}";
    let audit = [
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudwatch:Describe*",
        "events:Describe*",
        "events:List*",
        "iam:GenerateCredentialReport",
        "iam:GenerateServiceLastAccessedDetails",
        "iam:Get*",
        "iam:List*",
        "iam:Simulate*",
        "organizations:Describe*",
        "organizations:List*",
        "logs:DescribeMetricFilters",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:ListSecretVersionIds",
        "secretsmanager:ListSecrets",
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
        "sts:GetCallerIdentity",
    ];
    let power = [
        json!({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}),
        json!({
            "Effect": "Allow",
            "Action": [
                "account:GetAccountInformation",
                "account:ListRegions",
                "iam:CreateServiceLinkedRole",
                "iam:DeleteServiceLinkedRole",
                "iam:ListRoles",
                "organizations:DescribeOrganization",
            ],
            "Resource": "*",
        }),
    ];
    let password = [
        json!({"Effect": "Allow", "Action": ["iam:ChangePassword"], "Resource": [own]}),
        json!({"Effect": "Allow", "Action": ["iam:GetAccountPasswordPolicy"], "Resource": "*"}),
    ];
    let reading = ["cloudtrail:Describe*", "cloudwatch:Describe*", "ec2:Describe*", "iam:Generate*", "iam:Get*", "iam:List*", "s3:Get*"];
    vec![
        ("AdministratorAccess", one(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}))),
        ("IAMUserChangePassword", of(&password)),
        ("PowerUserAccess", of(&power)),
        ("ReadOnlyAccess", one(&json!({"Effect": "Allow", "Action": reading, "Resource": "*"}))),
        ("SecurityAudit", one(&json!({"Effect": "Allow", "Action": audit, "Resource": "*"}))),
        ("AWSCompromisedKeyQuarantine", quarantine(&QUARANTINE)),
        ("AWSCompromisedKeyQuarantineV2", quarantine(&later)),
        ("AWSCompromisedKeyQuarantineV3", quarantine(&later)),
        ("AWSCompromisedKeyQuarantineV4", quarantine(&later)),
    ]
}

fn one(statement: &Value) -> String {
    of(std::slice::from_ref(statement))
}

fn of(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}
