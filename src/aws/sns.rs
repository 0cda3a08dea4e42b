//! Amazon SNS: topics and their subscriptions.

use aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicOutput;
use aws_sdk_sns::types as sdk;

use super::call::Call;
use super::iam::every_page;
use super::monitoring::{Subscription, Topic};
use super::{Aws, AwsError, Signer, region_of_arn};

impl Aws {
    /// `sns:GetTopicAttributes`, in the region of the topic.
    pub(super) async fn topic(&self, signer: &Signer, arn: &str) -> Result<Topic, AwsError> {
        let call = Call::new(self, signer, "sns:GetTopicAttributes").in_region(region_of_arn(arn));
        let answer = call.finish(call.sns().get_topic_attributes().topic_arn(arn).send().await)?;
        let mut attributes = answer.attributes.unwrap_or_default();
        let mut attribute = |name: &str| attributes.remove(name).filter(|value| !value.is_empty());
        Ok(Topic { policy: attribute("Policy"), kms_key_id: attribute("KmsMasterKeyId") })
    }

    /// `sns:ListSubscriptionsByTopic`, in the region of the topic.
    pub(super) async fn subscriptions(&self, signer: &Signer, arn: &str) -> Result<Vec<Subscription>, AwsError> {
        let call = Call::new(self, signer, "sns:ListSubscriptionsByTopic").in_region(region_of_arn(arn));
        let request = call.sns().list_subscriptions_by_topic().topic_arn(arn);
        let listed = every_page!(&call, request, |page: ListSubscriptionsByTopicOutput| page.subscriptions.unwrap_or_default());
        Ok(listed.into_iter().map(known).collect())
    }
}

/// QUIRK(sns): one that is not confirmed, or was deleted, has a word in the place of its ARN.
fn known(subscription: sdk::Subscription) -> Subscription {
    Subscription {
        protocol: subscription.protocol.unwrap_or_default(),
        arn: subscription.subscription_arn.filter(|arn| arn.starts_with("arn:")),
    }
}
