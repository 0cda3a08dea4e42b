//! SNS: topics and their subscriptions, over the query protocol.

use super::serve::{Params, Refusal, page};
use super::state::World;
use super::xml::{list, tag, text};

/// A topic. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct Topic {
    pub arn: String,
    pub display_name: String,
    pub policy: String,
    pub kms_key_id: Option<String>,
    pub subscriptions: Vec<Subscription>,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub protocol: String,
    pub endpoint: String,
    pub is_confirmed: bool,
}

impl World {
    /// A topic with the policy that SNS makes it with, and one mailbox that is confirmed; returns its ARN.
    pub fn add_topic(&mut self, name: &str, region: &str) -> String {
        let (partition, account) = (&self.settings.partition, &self.settings.account);
        let arn = format!("arn:{partition}:sns:{region}:{account}:{name}");
        let policy = serde_json::json!({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [{
            "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
            "Action": ["SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic",
                "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish"],
            "Resource": arn, "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
        }]});
        let mailbox = Subscription { protocol: "email".into(), endpoint: "ops@example.com".into(), is_confirmed: true };
        self.topics.push(Topic {
            arn: arn.clone(),
            display_name: String::new(),
            policy: policy.to_string(),
            kms_key_id: None,
            subscriptions: vec![mailbox],
        });
        arn
    }

    /// The topic with this ARN, to be changed.
    pub fn topic(&mut self, arn: &str) -> &mut Topic {
        self.topics.iter_mut().find(|topic| topic.arn == arn).expect("a topic of that ARN")
    }
}

/// An error as this service has it: another code than IAM's for what is not allowed.
pub fn worded(refusal: Refusal) -> Refusal {
    let code = if refusal.code == "AccessDenied" { "AuthorizationError" } else { refusal.code };
    Refusal { code, ..refusal }
}

/// The answer's result element.
pub fn answer(world: &World, region: &str, action: &str, params: &Params) -> Result<String, Refusal> {
    let wanted = params.get("TopicArn").map_or("", String::as_str);
    let is_it = |topic: &&Topic| topic.arn == wanted && topic.arn.split(':').nth(3) == Some(region);
    let topic = || world.topics.iter().find(is_it).ok_or_else(|| Refusal::new(404, "NotFound", "Topic does not exist"));
    match action {
        "GetTopicAttributes" => {
            let topic = topic()?;
            let own = [
                ("TopicArn", Some(&topic.arn)),
                ("DisplayName", Some(&topic.display_name)),
                ("Policy", Some(&topic.policy)),
                ("KmsMasterKeyId", topic.kms_key_id.as_ref()),
            ];
            let entry = |(name, value): (&str, Option<&String>)| Some(tag("entry", &(text("key", name) + &text("value", value?))));
            Ok(tag("Attributes", &own.into_iter().filter_map(entry).collect::<String>()))
        }
        "ListSubscriptionsByTopic" => {
            let topic = topic()?;
            let (some, next) = page(&topic.subscriptions, params.get("NextToken").map(String::as_str), world.settings.page_size)?;
            let shown = |one: &Subscription| {
                let arn = if one.is_confirmed {
                    format!("{}:00000000-0000-4000-8000-000000000000", topic.arn)
                } else {
                    "PendingConfirmation".into()
                };
                text("TopicArn", &topic.arn)
                    + &text("Protocol", &one.protocol)
                    + &text("SubscriptionArn", &arn)
                    + &text("Endpoint", &one.endpoint)
            };
            Ok(list("Subscriptions", some.iter().map(shown)) + &next.map(|next| text("NextToken", &next)).unwrap_or_default())
        }
        other => Err(Refusal::new(400, "InvalidAction", format!("The lab does not know sns:{other}."))),
    }
}
