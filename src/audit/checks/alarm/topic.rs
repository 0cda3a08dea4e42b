//! A topic: whether who publishes to it may, and whether somebody hears of it.

use std::collections::BTreeSet;

use super::{Links, Sight, aws, fail, found, name, pass, unknown};
use crate::audit::finding::{Finding, Level};
use crate::aws::{ErrorKind, Subscription, Topic, account_of_arn, region_of_arn};
use crate::model::{ALARM_TOPIC, EVENTBRIDGE, Publisher, Truth, lets_publish, publishing, shell_word};

/// The key that AWS manages for SNS, whose policy nobody can change.
const AWS_MANAGED_KEY: &str = "alias/aws/sns";

/// Who publishes to it.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    /// The service, as policies name it.
    pub service: &'a str,
    /// The alarm or rule that it does so for.
    pub source_arn: &'a str,
    /// The role that it takes on.
    pub role_arn: Option<&'a str>,
}

/// From the topic on.
pub(super) fn heard(sight: Sight<'_>, arn: &str, sender: Sender<'_>) -> Links {
    let subject = format!("topic {}", name(arn));
    let Some(seen) = sight.monitoring.topics.iter().find(|topic| topic.arn == arn) else {
        return vec![unknown(subject, "it was not asked for", "run this again")];
    };
    let Sender { service, source_arn, role_arn } = sender;
    let is_rule = service == EVENTBRIDGE;
    let is_ours = name(arn) == ALARM_TOPIC && account_of_arn(arn) == Some(&sight.monitoring.account);
    let ours = is_ours.then_some(Ours { sight, is_rule });
    if seen.topic.as_ref().is_err_and(|error| error.kind == ErrorKind::Gone) {
        let fix = match ours {
            Some(ours) => format!("{} makes it", ours.install("…")),
            None if is_rule => format!("let the target of {} be a topic that exists", name(source_arn)),
            None => format!("let the action of the alarm {} be a topic that exists", name(source_arn)),
        };
        return vec![fail(subject, "it does not exist, so that nobody hears", fix)];
    }
    let publisher = Publisher { service, account: &sight.monitoring.account, source_arn, topic: arn };
    let topic = match (&seen.topic, role_arn) {
        (Err(error), _) => sight.denied(subject, error),
        // Neither the topic's policy nor its key's has to know of the service then.
        (Ok(_), Some(role)) => {
            let seen = format!("{service} publishes to it as the role {role}: whether the role may could not be judged");
            unknown(subject, seen, format!("see that the role's policy allows sns:Publish on {arn}, or take the role off the target"))
        }
        (Ok(topic), None) => published(subject, topic, publisher),
    };
    let subject = format!("subscriptions of {}", name(arn));
    let subscriptions = match &seen.subscriptions {
        Err(error) => sight.denied(subject, error),
        Ok(subscriptions) => subscribed(sight, subject, arn, subscriptions, ours),
    };
    vec![topic, subscriptions]
}

fn published(subject: String, topic: &Topic, publisher: Publisher<'_>) -> Finding {
    let Publisher { service, topic: arn, .. } = publisher;
    let region = region_of_arn(arn).unwrap_or_default();
    let set = ["sns", "set-topic-attributes", "--region", region, "--topic-arn", arn];
    let key = topic.kms_key_id.as_deref();
    if key.is_some_and(|key| key.ends_with(AWS_MANAGED_KEY)) {
        let seen = format!("it is encrypted with {AWS_MANAGED_KEY}, a key that {service} cannot use: nothing arrives");
        let command = aws(&[&set[..], &["--attribute-name", "KmsMasterKeyId", "--attribute-value", "KEY-ID"]].concat());
        return fail(
            subject,
            seen,
            format!("{command}, with a KMS key of your own whose policy lets {service} do kms:Decrypt and kms:GenerateDataKey*"),
        );
    }
    let may = topic.policy.as_deref().map_or(Truth::Unknown, |policy| lets_publish(policy, publisher));
    let put = aws(&[&set[..], &["--attribute-name", "Policy", "--attribute-value", "file://policy.json"]].concat());
    let get = ["sns", "get-topic-attributes", "--region", region, "--topic-arn", arn, "--query", "Attributes.Policy", "--output", "text"];
    let (get, statement) = (aws(&get), publishing(publisher));
    let fix = format!("{put}, with what {get} shows in that file, and among its statements this one: {statement}");
    match (may, key) {
        (Truth::No, _) => fail(subject, format!("its policy does not let {service} publish to it"), fix),
        (Truth::Unknown, _) => unknown(subject, format!("whether its policy lets {service} publish to it could not be judged"), fix),
        (Truth::Yes, None) => pass(subject, format!("{service} may publish to it")),
        (Truth::Yes, Some(key)) => {
            let seen = format!("{service} may publish to it; whether it may use the KMS key {key} was not looked at");
            found(Level::Warn, subject, seen)
                .fix(format!("see that the key's policy lets {service} do kms:Decrypt and kms:GenerateDataKey*"))
        }
    }
}

/// The topic is what `alarm install` makes.
#[derive(Clone, Copy)]
struct Ours<'a> {
    sight: Sight<'a>,
    is_rule: bool,
}

impl Ours<'_> {
    fn install(self, email: &str) -> String {
        let way = if self.is_rule { " --via eventbridge" } else { "" };
        format!("`keyrotate alarm install {} --email {email}{way}`", self.sight.facts.profile.quoted())
    }
}

fn subscribed(sight: Sight<'_>, subject: String, arn: &str, all: &[Subscription], ours: Option<Ours<'_>>) -> Finding {
    let confirmed: Vec<&Subscription> = all.iter().filter(|one| one.arn.is_some()).collect();
    match (&confirmed[..], all) {
        ([], []) => {
            let fix = match ours {
                Some(ours) => ours.install("…"),
                None => format!("{}, then follow the link in the mail", subscribe(arn)),
            };
            fail(subject, "nobody subscribed to it", fix)
        }
        ([], waiting) => {
            // The endpoint of another protocol may have a password in it.
            let mail = waiting.iter().find(|one| one.protocol == "email").map(|one| one.endpoint.as_str());
            let fix = match (ours, mail) {
                (Some(ours), Some(mail)) => {
                    let again = ours.install(&shell_word(mail));
                    format!("follow the link in the mail that AWS sent to {mail}; {again} sends it again")
                }
                _ => format!("follow the link in the mail that AWS sent; for another mail {}", subscribe(arn)),
            };
            fail(subject, format!("none of {} is confirmed: nothing is delivered", waiting.len()), fix)
        }
        (confirmed, _) => let_through(sight, subject, arn, confirmed, all.len()),
    }
}

/// Of those that have confirmed, whether the filter policy of one lets it through.
fn let_through(sight: Sight<'_>, subject: String, arn: &str, confirmed: &[&Subscription], count: usize) -> Finding {
    let protocols = confirmed.iter().map(|one| one.protocol.as_str()).collect::<Vec<_>>().join(", ");
    let gets = Truth::any(confirmed.iter().map(|one| *one.gets.as_ref().unwrap_or(&Truth::Unknown)));
    let unseen = confirmed.iter().find_map(|one| one.gets.as_ref().err());
    match (gets, unseen) {
        (Truth::Yes, _) => pass(subject, format!("{} of {count} confirmed ({protocols})", confirmed.len())),
        (Truth::Unknown, Some(error)) => sight.denied(subject, error),
        (Truth::Unknown, None) if confirmed.iter().any(|one| one.other_account.is_some()) => {
            let others: BTreeSet<&str> = confirmed.iter().filter_map(|one| one.other_account.as_deref()).collect();
            let accounts = others.into_iter().collect::<Vec<_>>().join(", ");
            let seen = format!(
                "{} of {count} confirmed ({protocols}), by account {accounts}, which alone sees whether it filters them",
                confirmed.len()
            );
            found(Level::Warn, subject, seen).fix(format!("see there that the subscription has no filter policy, or {}", subscribe(arn)))
        }
        (Truth::Unknown, None) => {
            let seen =
                format!("whether the filter policy of one that is confirmed ({protocols}) lets a change through could not be judged");
            unknown(subject, seen, format!("let a mailbox hear of it without a filter: {}", subscribe(arn)))
        }
        (Truth::No, _) => {
            let seen = format!(
                "each that is confirmed ({protocols}) filters by attributes, which no alarm and no rule gives: nothing is delivered"
            );
            let of = confirmed.iter().find_map(|one| one.arn.as_deref()).unwrap_or_default();
            let set = ["sns", "set-subscription-attributes", "--region", region_of_arn(arn).unwrap_or_default(), "--subscription-arn", of];
            fail(subject, seen, aws(&[&set[..], &["--attribute-name", "FilterPolicy", "--attribute-value", "{}"]].concat()))
        }
    }
}

/// The command by which a mailbox hears of it.
fn subscribe(arn: &str) -> String {
    let region = region_of_arn(arn).unwrap_or_default();
    aws(&["sns", "subscribe", "--region", region, "--topic-arn", arn, "--protocol", "email", "--notification-endpoint", "ADDRESS"])
}
