//! Amazon SNS: topics and their subscriptions.

use aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicOutput;
use aws_sdk_sns::types as sdk;

use super::call::Call;
use super::iam::every_page;
use super::look::all;
use super::monitoring::{Subscription, Topic};
use super::{Aws, AwsError, Signer, account_of_arn, region_of_arn};
use crate::model::{Truth, lets_through};

impl Aws {
    /// `sns:GetTopicAttributes`, in the region of the topic.
    pub(super) async fn topic(&self, signer: &Signer, arn: &str) -> Result<Topic, AwsError> {
        let call = Call::new(self, signer, "sns:GetTopicAttributes").in_region(region_of_arn(arn));
        let answer = call.finish(call.sns().get_topic_attributes().topic_arn(arn).send().await)?;
        let mut attributes = answer.attributes.unwrap_or_default();
        let mut attribute = |name: &str| attributes.remove(name).filter(|value| !value.is_empty());
        Ok(Topic { display_name: attribute("DisplayName"), policy: attribute("Policy"), kms_key_id: attribute("KmsMasterKeyId") })
    }

    /// `sns:ListSubscriptionsByTopic`, in the region of the topic, with the filter of each.
    pub(super) async fn subscriptions(&self, signer: &Signer, arn: &str) -> Result<Vec<Subscription>, AwsError> {
        let call = Call::new(self, signer, "sns:ListSubscriptionsByTopic").in_region(region_of_arn(arn));
        let request = call.sns().list_subscriptions_by_topic().topic_arn(arn);
        let listed = every_page!(&call, request, |page: ListSubscriptionsByTopicOutput| page.subscriptions.unwrap_or_default());
        // QUIRK(sns): for three days after its end a subscription stays in the list, with a word in the place of its ARN.
        let is_there = |one: &sdk::Subscription| one.subscription_arn.as_deref() != Some("Deleted");
        Ok(all(listed.into_iter().filter(is_there).map(|one| self.subscription(signer, one))).await)
    }

    async fn subscription(&self, signer: &Signer, listed: sdk::Subscription) -> Subscription {
        // QUIRK(sns): one that is not confirmed has a word in the place of its ARN.
        let arn = listed.subscription_arn.filter(|arn| arn.starts_with("arn:"));
        let is_others = |owner: &String| listed.topic_arn.as_deref().and_then(account_of_arn).is_some_and(|account| account != owner);
        let other_account = listed.owner.filter(is_others);
        let gets = match &arn {
            Some(arn) if other_account.is_none() => self.filter_of(signer, arn).await,
            Some(_) | None => Ok(Truth::Unknown),
        };
        let (protocol, endpoint) = (listed.protocol.unwrap_or_default(), listed.endpoint.unwrap_or_default());
        Subscription { protocol, endpoint, arn, other_account, gets }
    }

    /// `sns:GetSubscriptionAttributes`: whether a message without attributes gets through.
    async fn filter_of(&self, signer: &Signer, arn: &str) -> Result<Truth, AwsError> {
        let call = Call::new(self, signer, "sns:GetSubscriptionAttributes").in_region(region_of_arn(arn));
        let answer = call.finish(call.sns().get_subscription_attributes().subscription_arn(arn).send().await)?;
        let attributes = answer.attributes.unwrap_or_default();
        let scope = attributes.get("FilterPolicyScope").map(String::as_str);
        Ok(attributes.get("FilterPolicy").map_or(Truth::Yes, |policy| lets_through(policy, scope)))
    }
}

impl Aws {
    /// `sns:CreateTopic`: its ARN. Where there is one of this name already, its ARN.
    pub fn create_topic(&self, signer: &Signer, region: &str, name: &str, display_name: &str) -> Result<String, AwsError> {
        let call = Call::new(self, signer, "sns:CreateTopic").in_region(Some(region));
        let request = call.sns().create_topic().name(name).attributes("DisplayName", display_name);
        let answer = call.finish(self.runtime.block_on(request.send()))?;
        answer.topic_arn.ok_or_else(|| call.garbled("the answer has no TopicArn"))
    }

    /// `sns:GetTopicAttributes`, for one question.
    pub fn get_topic(&self, signer: &Signer, arn: &str) -> Result<Topic, AwsError> {
        self.runtime.block_on(self.topic(signer, arn))
    }

    /// `sns:ListSubscriptionsByTopic`, for one question.
    pub fn list_subscriptions(&self, signer: &Signer, arn: &str) -> Result<Vec<Subscription>, AwsError> {
        self.runtime.block_on(self.subscriptions(signer, arn))
    }

    /// `sns:SetTopicAttributes`: its policy.
    pub fn set_topic_policy(&self, signer: &Signer, arn: &str, policy: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "sns:SetTopicAttributes").in_region(region_of_arn(arn));
        let request = call.sns().set_topic_attributes().topic_arn(arn).attribute_name("Policy").attribute_value(policy);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }

    /// `sns:Subscribe` of a mailbox, which gets a mail with a link by which it agrees. Once more while it has not: another mail.
    pub fn subscribe_email(&self, signer: &Signer, arn: &str, email: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "sns:Subscribe").in_region(region_of_arn(arn));
        let request = call.sns().subscribe().topic_arn(arn).protocol("email").endpoint(email);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }

    /// `sns:DeleteTopic`, with its subscriptions. One that is not there is deleted, too.
    pub fn delete_topic(&self, signer: &Signer, arn: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "sns:DeleteTopic").in_region(region_of_arn(arn));
        call.finish(self.runtime.block_on(call.sns().delete_topic().topic_arn(arn).send())).map(drop)
    }

    /// `sns:Publish`.
    pub fn publish(&self, signer: &Signer, arn: &str, subject: &str, message: &str) -> Result<(), AwsError> {
        let call = Call::new(self, signer, "sns:Publish").in_region(region_of_arn(arn));
        let request = call.sns().publish().topic_arn(arn).subject(subject).message(message);
        call.finish(self.runtime.block_on(request.send())).map(drop)
    }
}
