//! What changes the things that watch, and what comes of an event: mails. Each call as its service answers it.

use serde_json::{Value, json};

use super::cloudwatch::{Alarm, CLOUDWATCH};
use super::events::Rule;
use super::logs::MetricFilter;
use super::patterns::{filter_matches, rule_matches};
use super::serve::{Params, Refusal};
use super::sns::Subscription;
use super::state::World;
use super::xml::text;

/// The answer to a call in JSON or CBOR, null where the operation has no output; none to one that changes nothing, and is answered elsewhere.
pub fn value(world: &mut World, service: &str, region: &str, action: &str, asked: &Value) -> Option<Result<Value, Refusal>> {
    let done = |()| Value::Null;
    Some(match (service, action) {
        ("logs", "PutMetricFilter") => put_filter(world, region, asked).map(done),
        ("logs", "DeleteMetricFilter") => delete_filter(world, region, asked).map(done),
        ("logs", "TestMetricFilter") => test_filter(asked),
        (CLOUDWATCH, "PutMetricAlarm") => put_alarm(world, region, asked).map(done),
        (CLOUDWATCH, "DeleteAlarms") => {
            let named = |alarm: &Alarm| asked["AlarmNames"].as_array().is_some_and(|names| names.contains(&json!(alarm.name)));
            world.alarms.retain(|alarm| alarm.region != region || !named(alarm));
            Ok(Value::Null)
        }
        (CLOUDWATCH, "SetAlarmState") => {
            let name = word(asked, "AlarmName");
            let found = world.alarms.iter().find(|alarm| alarm.region == region && alarm.name == name).cloned();
            let missing = || Refusal::new(404, "ResourceNotFound", "No alarm of that name.");
            let is_alarm = asked["StateValue"] == "ALARM";
            let mut set = |alarm: Alarm| {
                let is_new = is_alarm && !alarm.is_raised;
                let place = world.alarms.iter_mut().find(|one| one.region == alarm.region && one.name == alarm.name);
                place.into_iter().for_each(|one| one.is_raised = is_alarm);
                if is_new {
                    raise(world, &alarm, &word(asked, "StateReason"));
                }
            };
            found.ok_or_else(missing).map(&mut set).map(done)
        }
        ("events", "PutRule") => put_rule(world, region, asked),
        ("events", "DeleteRule") => delete_rule(world, region, asked).map(done),
        ("events", "PutTargets") => rule(world, region, asked).map(|rule| put_targets(rule, asked)).map(|()| none_failed()),
        ("events", "RemoveTargets") => rule(world, region, asked).map(|rule| remove_targets(rule, asked)).map(|()| none_failed()),
        ("events", "TestEventPattern") => {
            let event: Value = serde_json::from_str(&word(asked, "Event")).unwrap_or_default();
            let matches = rule_matches(&word(asked, "EventPattern"), &event);
            matches.map(|matches| json!({"Result": matches})).map_err(|why| Refusal::new(400, "InvalidEventPatternException", why))
        }
        _ => return None,
    })
}

/// The result element of a call of SNS; none to one that changes nothing.
pub fn element(world: &mut World, region: &str, action: &str, params: &Params) -> Option<Result<String, Refusal>> {
    let own = |name: &str| params.get(name).cloned().unwrap_or_default();
    let arn = own("TopicArn");
    let missing = || Refusal::new(404, "NotFound", "Topic does not exist");
    let found = world.topics.iter_mut().find(|topic| topic.arn == arn && topic.arn.split(':').nth(3) == Some(region));
    Some(match action {
        "CreateTopic" => {
            let arn = format!("arn:{}:sns:{region}:{}:{}", world.settings.partition, world.settings.account, own("Name"));
            if !world.topics.iter().any(|topic| topic.arn == arn) {
                world.add_topic(&own("Name"), region);
                let topic = world.topic(&arn);
                topic.subscriptions.clear();
                topic.display_name = own("Attributes.entry.1.value");
            }
            Ok(text("TopicArn", &arn))
        }
        "SetTopicAttributes" => found.ok_or_else(missing).map(|topic| {
            if own("AttributeName") == "Policy" {
                topic.policy = own("AttributeValue");
            }
            String::new()
        }),
        "Subscribe" => found.ok_or_else(missing).map(|topic| {
            let (protocol, endpoint) = (own("Protocol"), own("Endpoint"));
            if !topic.subscriptions.iter().any(|one| one.endpoint == endpoint) {
                topic.subscriptions.push(Subscription::new(&protocol, &endpoint));
            }
            text("SubscriptionArn", "pending confirmation")
        }),
        "DeleteTopic" => {
            world.topics.retain(|topic| topic.arn != arn);
            Ok(String::new())
        }
        "Publish" => {
            let found = found.map(|topic| topic.arn.clone()).ok_or_else(missing);
            found.map(|arn| send(world, &arn, &own("Message"))).map(|()| text("MessageId", "00000000-0000-4000-8000-000000000000"))
        }
        _ => return None,
    })
}

impl World {
    /// Something happens in the account, which CloudTrail records: who hears of it gets a mail.
    pub fn happens(&mut self, source: &str, name: &str, who: &str) {
        let detail = json!({"eventSource": source, "eventName": name, "eventType": "AwsApiCall", "userIdentity": {"type": who}});
        let groups: Vec<String> = self.trails.iter().filter(|trail| trail.is_logging).filter_map(|trail| trail.log_group.clone()).collect();
        let mut counted = Vec::new();
        for group in
            self.log_groups.iter().filter(|group| groups.contains(&self.log_group_arn(&self.settings.account, &group.region, &group.name)))
        {
            let hears = |filter: &&MetricFilter| filter_matches(&filter.pattern, &detail).expect("a pattern that the lab can read");
            counted.extend(group.filters.iter().filter(hears).map(|filter| {
                let value: f64 = filter.value.parse().expect("a number");
                (group.region.clone(), filter.namespace.clone(), filter.metric.clone(), value)
            }));
        }
        for alarm in self.alarms.clone() {
            let metric = (&alarm.region, &alarm.namespace, &alarm.metric);
            let sum: f64 = counted.iter().filter(|(region, space, name, _)| (region, space, name) == metric).map(|(.., value)| value).sum();
            if sum >= alarm.threshold {
                raise(self, &alarm, name);
            }
        }
        let event = json!({"source": format!("aws.{}", source.split('.').next().unwrap_or_default()),
            "detail-type": "AWS API Call via CloudTrail", "detail": detail});
        for rule in self.event_rules.clone() {
            let is_read = ["Get", "List", "Describe"].iter().any(|start| name.starts_with(start));
            if rule.is_enabled
                && (rule.has_reads || !is_read)
                && rule_matches(&rule.pattern, &event).expect("a pattern that the lab can read")
            {
                rule.targets
                    .iter()
                    .filter(|arn| self.may_publish(arn, "events.amazonaws.com"))
                    .cloned()
                    .collect::<Vec<_>>()
                    .iter()
                    .for_each(|arn| send(self, arn, name));
            }
        }
    }

    /// By the topic's policy, in which SNS's own statement counts alarms of the account among what it allows, and by its key.
    fn may_publish(&self, arn: &str, service: &str) -> bool {
        let Some(topic) = self.topics.iter().find(|topic| topic.arn == arn) else { return false };
        let policy: Value = serde_json::from_str(&topic.policy).expect("a policy in JSON");
        let names = |statement: &&Value| {
            let by_default = statement["Sid"] == "__default_statement_ID" && service == "cloudwatch.amazonaws.com";
            by_default || statement["Principal"] == "*" || statement["Principal"]["Service"] == service
        };
        let effects: Vec<&Value> = policy["Statement"].as_array().into_iter().flatten().filter(names).map(|one| &one["Effect"]).collect();
        let is_locked = topic.kms_key_id.as_deref() == Some("alias/aws/sns");
        !is_locked && effects.iter().any(|effect| *effect == "Allow") && effects.iter().all(|effect| *effect != "Deny")
    }
}

fn raise(world: &mut World, alarm: &Alarm, reason: &str) {
    for arn in alarm.actions.iter().filter(|_| alarm.has_actions_enabled) {
        if world.may_publish(arn, "cloudwatch.amazonaws.com") {
            send(world, arn, reason);
        }
    }
}

fn send(world: &mut World, arn: &str, message: &str) {
    let topic = world.topics.iter().find(|topic| topic.arn == arn);
    let mailboxes = topic.into_iter().flat_map(|topic| &topic.subscriptions).filter(|one| one.gets(message));
    let mails: Vec<String> = mailboxes.map(|one| format!("{}: {message}", one.endpoint)).collect();
    world.mails.extend(mails);
}

fn word(asked: &Value, name: &str) -> String {
    asked[name].as_str().unwrap_or_default().to_owned()
}

fn none_failed() -> Value {
    json!({"FailedEntryCount": 0, "FailedEntries": []})
}

fn put_targets(rule: &mut Rule, asked: &Value) {
    for target in asked["Targets"].as_array().into_iter().flatten() {
        let (id, arn) = (word(target, "Id"), word(target, "Arn"));
        // A target of that ID becomes another one.
        let before: Vec<String> = rule.ids.iter().filter(|(of, one)| **one == id && **of != arn).map(|(of, _)| of.clone()).collect();
        rule.targets.retain(|of| !before.contains(of));
        rule.ids.retain(|of, _| !before.contains(of));
        if !rule.targets.contains(&arn) {
            rule.targets.push(arn.clone());
        }
        rule.ids.insert(arn, id);
    }
}

fn remove_targets(rule: &mut Rule, asked: &Value) {
    let goes = |at: usize, arn: &str| asked["Ids"].as_array().is_some_and(|ids| ids.contains(&json!(rule.id(at, arn))));
    let left = rule.targets.iter().enumerate().filter(|(at, arn)| !goes(*at, arn)).map(|(_, arn)| arn.clone()).collect();
    rule.targets = left;
}

fn group<'a>(world: &'a mut World, region: &str, asked: &Value) -> Result<&'a mut super::logs::LogGroup, Refusal> {
    let name = word(asked, "logGroupName");
    let found = world.log_groups.iter_mut().find(|group| group.region == region && group.name == name);
    found.ok_or_else(|| Refusal::new(400, "ResourceNotFoundException", "The specified log group does not exist."))
}

fn put_filter(world: &mut World, region: &str, asked: &Value) -> Result<(), Refusal> {
    let counts = &asked["metricTransformations"][0];
    let filter = MetricFilter {
        name: word(asked, "filterName"),
        pattern: word(asked, "filterPattern"),
        namespace: word(counts, "metricNamespace"),
        metric: word(counts, "metricName"),
        value: word(counts, "metricValue"),
        default: counts["defaultValue"].as_f64(),
        dimensions: counts["dimensions"].clone(),
        criteria: asked["fieldSelectionCriteria"].as_str().map(str::to_owned),
    };
    filter_matches(&filter.pattern, &json!({})).map_err(|why| Refusal::new(400, "InvalidParameterException", why))?;
    let filters = &mut group(world, region, asked)?.filters;
    filters.retain(|one| one.name != filter.name);
    filters.push(filter);
    filters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

fn delete_filter(world: &mut World, region: &str, asked: &Value) -> Result<(), Refusal> {
    let (name, filters) = (word(asked, "filterName"), &mut group(world, region, asked)?.filters);
    let before = filters.len();
    filters.retain(|one| one.name != name);
    if filters.len() < before {
        Ok(())
    } else {
        Err(Refusal::new(400, "ResourceNotFoundException", "The specified metric filter does not exist."))
    }
}

fn test_filter(asked: &Value) -> Result<Value, Refusal> {
    let pattern = word(asked, "filterPattern");
    let mut matches = Vec::new();
    for (number, message) in asked["logEventMessages"].as_array().into_iter().flatten().enumerate() {
        let event: Value = serde_json::from_str(message.as_str().unwrap_or_default()).unwrap_or_default();
        if filter_matches(&pattern, &event).map_err(|why| Refusal::new(400, "InvalidParameterException", why))? {
            matches.push(json!({"eventNumber": number + 1, "eventMessage": message, "extractedValues": {}}));
        }
    }
    Ok(json!({"matches": matches}))
}

fn put_alarm(world: &mut World, region: &str, asked: &Value) -> Result<(), Refusal> {
    let actions = |list: &str| asked[list].as_array().into_iter().flatten().filter_map(|arn| Some(arn.as_str()?.to_owned())).collect();
    let number = |name: &str| asked[name].as_u64().map(|number| u32::try_from(number).expect("a small number"));
    let alarm = Alarm {
        name: word(asked, "AlarmName"),
        region: region.to_owned(),
        description: word(asked, "AlarmDescription"),
        namespace: word(asked, "Namespace"),
        metric: word(asked, "MetricName"),
        dimensions: asked.get("Dimensions").cloned().unwrap_or_else(|| json!([])),
        has_actions_enabled: asked["ActionsEnabled"].as_bool().unwrap_or(true),
        actions: actions("AlarmActions"),
        statistic: word(asked, "Statistic"),
        comparison: word(asked, "ComparisonOperator"),
        threshold: asked["Threshold"].as_f64().ok_or_else(|| Refusal::new(400, "ValidationError", "The threshold is missing."))?,
        evaluation_periods: number("EvaluationPeriods").unwrap_or_default(),
        period: number("Period").unwrap_or_default(),
        missing_data: word(asked, "TreatMissingData"),
        unit: asked["Unit"].as_str().map(str::to_owned),
        ok_actions: actions("OKActions"),
        is_raised: false,
    };
    if asked["TreatMissingData"] == "" {
        return Err(Refusal::new(400, "ValidationError", "1 validation error detected: Value '' at 'treatMissingData' is too short."));
    }
    world.alarms.retain(|one| one.region != region || one.name != alarm.name);
    world.alarms.push(alarm);
    Ok(())
}

fn rule<'a>(world: &'a mut World, region: &str, asked: &Value) -> Result<&'a mut Rule, Refusal> {
    let name = asked["Rule"].as_str().or_else(|| asked["Name"].as_str()).unwrap_or_default();
    let found = world.event_rules.iter_mut().find(|rule| rule.region == region && rule.name == name);
    found.ok_or_else(|| Refusal::new(400, "ResourceNotFoundException", format!("Rule {name} does not exist on EventBus default.")))
}

fn put_rule(world: &mut World, region: &str, asked: &Value) -> Result<Value, Refusal> {
    let pattern = word(asked, "EventPattern");
    rule_matches(&pattern, &json!({})).map_err(|why| Refusal::new(400, "InvalidEventPatternException", why))?;
    let (description, state) = (asked["Description"].as_str().map(str::to_owned), word(asked, "State"));
    let (is_enabled, has_reads) = (state != "DISABLED", state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
    let name = word(asked, "Name");
    if rule(world, region, asked).is_err() {
        let place = world.add_rule(&name, region, "", "");
        world.event_rules[place].targets.clear();
    }
    let found = rule(world, region, asked)?;
    (found.pattern, found.description, found.is_enabled, found.has_reads) = (pattern, description, is_enabled, has_reads);
    Ok(json!({"RuleArn": world.rule_arn(region, &name)}))
}

fn delete_rule(world: &mut World, region: &str, asked: &Value) -> Result<(), Refusal> {
    let name = word(asked, "Name");
    if rule(world, region, asked).is_ok_and(|rule| !rule.targets.is_empty()) {
        return Err(Refusal::new(400, "ValidationException", "Rule can't be deleted since it has targets."));
    }
    world.event_rules.retain(|rule| rule.region != region || rule.name != name);
    Ok(())
}
