//! EventBridge: rules of the default event bus and their targets, over JSON 1.1.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::serve::{Refusal, page};
use super::state::World;

/// A rule in one region. Tests change it as an admin would.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub region: String,
    pub description: Option<String>,
    pub pattern: String,
    pub is_enabled: bool,
    /// `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`: without it, it gets no events of calls that only read.
    pub has_reads: bool,
    /// ARNs.
    pub targets: Vec<String>,
    /// The IDs of targets, by their ARNs; any other has its place for one.
    pub ids: BTreeMap<String, String>,
    /// `RoleArn` of each.
    pub target_role: Option<String>,
}

impl World {
    /// An enabled rule with one target; returns its place.
    pub fn add_rule(&mut self, name: &str, region: &str, pattern: &str, target: &str) -> usize {
        let (name, region, pattern) = (name.to_owned(), region.to_owned(), pattern.to_owned());
        self.event_rules.push(Rule {
            name,
            region,
            description: None,
            pattern,
            is_enabled: true,
            has_reads: false,
            targets: vec![target.to_owned()],
            ids: BTreeMap::new(),
            target_role: None,
        });
        self.event_rules.len() - 1
    }

    /// The ARN of a rule.
    pub fn rule_arn(&self, region: &str, name: &str) -> String {
        format!("arn:{}:events:{region}:{}:rule/{name}", self.settings.partition, self.settings.account)
    }
}

/// The answer's body.
pub fn answer(world: &World, region: &str, action: &str, asked: &Value) -> Result<Value, Refusal> {
    let rules: Vec<&Rule> = world.event_rules.iter().filter(|rule| rule.region == region).collect();
    let token = asked["NextToken"].as_str();
    let (name, list, next) = match action {
        "ListRules" => {
            let (some, next) = page(&rules, token, world.settings.page_size)?;
            ("Rules", some.iter().map(|rule| shown(world, rule)).collect::<Vec<_>>(), next)
        }
        "ListTargetsByRule" => {
            let wanted = asked["Rule"].as_str().unwrap_or_default();
            let missing = || Refusal::new(400, "ResourceNotFoundException", format!("Rule {wanted} does not exist on EventBus default."));
            let rule = rules.iter().find(|rule| rule.name == wanted).ok_or_else(missing)?;
            let (some, next) = page(&rule.targets, token, world.settings.page_size)?;
            let target = |(at, arn): (usize, &String)| {
                let mut target = json!({"Id": rule.id(at, arn), "Arn": arn});
                rule.target_role.iter().for_each(|role| target["RoleArn"] = json!(role));
                target
            };
            ("Targets", some.iter().enumerate().map(target).collect(), next)
        }
        "ListRuleNamesByTarget" => {
            let wanted = asked["TargetArn"].as_str().unwrap_or_default();
            let named: Vec<&str> =
                rules.iter().filter(|rule| rule.targets.iter().any(|arn| arn == wanted)).map(|rule| rule.name.as_str()).collect();
            let (some, next) = page(&named, token, world.settings.page_size)?;
            ("RuleNames", some.iter().map(|name| json!(name)).collect(), next)
        }
        other => return Err(Refusal::new(400, "InvalidAction", format!("The lab does not know events:{other}."))),
    };
    let mut found = json!({});
    found[name] = list.into();
    next.into_iter().for_each(|next| found["NextToken"] = json!(next));
    Ok(found)
}

impl Rule {
    /// The ID of the target at this place.
    pub fn id(&self, at: usize, arn: &str) -> String {
        self.ids.get(arn).cloned().unwrap_or_else(|| at.to_string())
    }

    fn state(&self) -> &'static str {
        match (self.is_enabled, self.has_reads) {
            (false, _) => "DISABLED",
            (true, true) => "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            (true, false) => "ENABLED",
        }
    }
}

fn shown(world: &World, rule: &Rule) -> Value {
    json!({
        "Name": rule.name,
        "Arn": world.rule_arn(&rule.region, &rule.name),
        "Description": rule.description,
        "EventPattern": rule.pattern,
        "State": rule.state(),
        "EventBusName": "default",
    })
}
