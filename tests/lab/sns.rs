//! SNS: topics and their subscriptions, over the query protocol.

use serde_json::Value;

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
    pub filter: Option<Filter>,
    /// The account that subscribed; none is the topic's.
    pub owner: Option<String>,
}

/// The filter policy of a subscription: names, each with its only value, in what it looks at.
#[derive(Clone, Debug)]
pub struct Filter {
    /// `MessageAttributes` or `MessageBody`.
    pub scope: &'static str,
    pub policy: &'static str,
}

/// One that nothing without attributes passes.
pub const BY_ATTRIBUTE: Filter = Filter { scope: "MessageAttributes", policy: r#"{"severity":["high"]}"# };

impl Subscription {
    /// Of a mailbox, which gets everything once it has confirmed.
    pub fn new(protocol: &str, endpoint: &str) -> Self {
        Self { protocol: protocol.to_owned(), endpoint: endpoint.to_owned(), is_confirmed: false, filter: None, owner: None }
    }

    /// Whether it gets a message without attributes.
    pub fn gets(&self, message: &str) -> bool {
        let lets_through = |filter: &Filter| {
            let wanted: Value = serde_json::from_str(filter.policy).expect("a filter policy in JSON");
            let has: Value = serde_json::from_str(message).unwrap_or_default();
            let mut wanted = wanted.as_object().expect("an object").iter();
            // Where there are no attributes, nothing matches that is about them.
            wanted.all(|(name, values)| filter.scope == "MessageBody" && values[0] == has[name])
        };
        self.is_confirmed && self.filter.as_ref().is_none_or(lets_through)
    }
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
        let mailbox = Subscription { is_confirmed: true, ..Subscription::new("email", "ops@example.com") };
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
            Ok(attributes(&[
                ("TopicArn", Some(&topic.arn)),
                ("DisplayName", Some(&topic.display_name)),
                ("Policy", Some(&topic.policy)),
                ("KmsMasterKeyId", topic.kms_key_id.as_deref()),
            ]))
        }
        "GetSubscriptionAttributes" => {
            let wanted = params.get("SubscriptionArn").map_or("", String::as_str);
            let of = |topic: &Topic| (0..topic.subscriptions.len()).find(|at| subscription_arn(topic, *at) == wanted);
            let found = world.topics.iter().find_map(|topic| Some(&topic.subscriptions[of(topic)?]));
            let found = found.ok_or_else(|| Refusal::new(404, "NotFound", "Subscription does not exist"))?;
            if found.owner.is_some() {
                return Err(Refusal::new(403, "AuthorizationError", "Not authorized to access this subscription"));
            }
            let filter = found.filter.as_ref();
            Ok(attributes(&[
                ("SubscriptionArn", Some(wanted)),
                ("FilterPolicy", filter.map(|filter| filter.policy)),
                ("FilterPolicyScope", filter.map(|filter| filter.scope)),
            ]))
        }
        "ListSubscriptionsByTopic" => {
            let topic = topic()?;
            let all: Vec<(usize, &Subscription)> = topic.subscriptions.iter().enumerate().collect();
            let (some, next) = page(&all, params.get("NextToken").map(String::as_str), world.settings.page_size)?;
            let shown = |(at, one): &(usize, &Subscription)| {
                let arn = if one.is_confirmed { subscription_arn(topic, *at) } else { "PendingConfirmation".into() };
                text("TopicArn", &topic.arn)
                    + &text("Owner", one.owner.as_ref().unwrap_or(&world.settings.account))
                    + &text("Protocol", &one.protocol)
                    + &text("SubscriptionArn", &arn)
                    + &text("Endpoint", &one.endpoint)
            };
            Ok(list("Subscriptions", some.iter().map(shown)) + &next.map(|next| text("NextToken", &next)).unwrap_or_default())
        }
        other => Err(Refusal::new(400, "InvalidAction", format!("The lab does not know sns:{other}."))),
    }
}

fn subscription_arn(topic: &Topic, at: usize) -> String {
    format!("{}:00000000-0000-4000-8000-{at:012}", topic.arn)
}

fn attributes(all: &[(&str, Option<&str>)]) -> String {
    let entry = |(name, value): &(&str, Option<&str>)| Some(tag("entry", &(text("key", name) + &text("value", (*value)?))));
    tag("Attributes", &all.iter().filter_map(entry).collect::<String>())
}
