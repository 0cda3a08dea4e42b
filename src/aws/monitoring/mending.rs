//! What puts a trail right, by the AWS CLI.
//!
//! Invariant: a trail is named by its ARN in its home region, where alone it can be changed; and nobody is told to change another account's.

use super::types::{EventSelectors, Trail};
use crate::aws::account_of_arn;
use crate::model::{aws_command, shell_words};

/// A trail, wherever it records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailHome {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where it was made, and is changed.
    pub home_region: String,
}

/// What puts a trail right, for who looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Mending<'a> {
    arn: &'a str,
    home_region: &'a str,
    account: &'a str,
}

impl Trail {
    /// For somebody of this account.
    pub fn mending<'a>(&'a self, account: &'a str) -> Mending<'a> {
        Mending { arn: &self.arn, home_region: &self.home_region, account }
    }
}

impl TrailHome {
    /// For somebody of this account.
    pub fn mending<'a>(&'a self, account: &'a str) -> Mending<'a> {
        Mending { arn: &self.arn, home_region: &self.home_region, account }
    }
}

impl Mending<'_> {
    /// It is switched on.
    pub fn start_logging(self) -> String {
        self.by_owner(&aws_command(&self.words("start-logging", "--name", &[])))
    }

    /// It records in all regions. Such a trail has to have the events of global services.
    pub fn record_everywhere(self) -> String {
        self.update(&["--is-multi-region-trail", "--include-global-service-events"])
    }

    /// It records the events of services without a region.
    pub fn record_global_events(self) -> String {
        self.update(&["--include-global-service-events"])
    }

    /// It delivers to a log group.
    pub fn deliver_to_a_log_group(self) -> String {
        let options = ["--cloud-watch-logs-log-group-arn", "GROUP-ARN", "--cloud-watch-logs-role-arn", "ROLE-ARN"];
        let update = aws_command(&self.words("update-trail", "--name", &options));
        self.by_owner(&format!("make a log group and a role for CloudTrail, then {update}"))
    }

    /// What it delivers arrives in its log group.
    pub fn let_it_deliver(self) -> String {
        let look = aws_command(&self.words("get-trail", "--name", &[]));
        self.by_owner(&format!(
            "let the role of the trail do logs:CreateLogStream and logs:PutLogEvents there; {look} names it (CloudWatchLogsRoleArn)"
        ))
    }

    /// It records what changes something, too. Whoever puts selectors replaces all that there were, which are more than is known here.
    pub fn record_changes(self, selectors: &EventSelectors) -> String {
        let (list, option, wanted) = if selectors.advanced.is_empty() {
            ("EventSelectors", "--event-selectors", r#"{"ReadWriteType":"All","IncludeManagementEvents":true}"#)
        } else {
            let wanted = r#"{"Name":"changes","FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]}]}"#;
            ("AdvancedEventSelectors", "--advanced-event-selectors", wanted)
        };
        let shown = shell_words(&self.words("get-event-selectors", "--trail-name", &["--query", list, "--output", "json"]));
        let put = aws_command(&self.words("put-event-selectors", "--trail-name", &[option, "file://selectors.json"]));
        self.by_owner(&format!(
            "`aws {shown} > selectors.json`, add {wanted} to the list in that file and leave the rest of it, then {put}, which replaces them all"
        ))
    }

    /// A person sees which events it chooses.
    pub fn look_at_selectors(self) -> String {
        let look = aws_command(&self.words("get-event-selectors", "--trail-name", &[]));
        format!(
            "look at {look}: a selector of eventCategory Management with no other condition, or with readOnly false alone, records them all"
        )
    }

    fn update(self, options: &[&str]) -> String {
        self.by_owner(&aws_command(&self.words("update-trail", "--name", options)))
    }

    fn words<'b>(&'b self, verb: &'b str, name: &'b str, options: &[&'b str]) -> Vec<&'b str> {
        [&["cloudtrail", verb, "--region", self.home_region, name, self.arn], options].concat()
    }

    fn by_owner(self, act: &str) -> String {
        match account_of_arn(self.arn).filter(|owner| *owner != self.account) {
            Some(owner) => format!("only account {owner} can change it, whose trail it is: {act}"),
            None => act.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::FieldSelector;

    const ARN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";

    fn home() -> TrailHome {
        TrailHome { name: "main".to_owned(), arn: ARN.to_owned(), home_region: "eu-west-1".to_owned() }
    }

    #[test]
    fn another_accounts_trail_is_its_owners_business() {
        let home = home();
        let command = format!("`aws cloudtrail start-logging --region eu-west-1 --name {ARN}`");
        assert_eq!(home.mending("111122223333").start_logging(), command);
        let told = home.mending("444455556666").start_logging();
        assert_eq!(told, format!("only account 111122223333 can change it, whose trail it is: {command}"));
    }

    #[test]
    fn no_selector_is_put_without_those_that_there_are() {
        let (home, field) = (home(), FieldSelector { field: "eventCategory".to_owned(), ..FieldSelector::default() });
        let advanced = EventSelectors { advanced: vec![vec![field]], ..EventSelectors::default() };
        for (selectors, list, option) in [
            (EventSelectors::default(), "--query EventSelectors", "--event-selectors"),
            (advanced, "--query AdvancedEventSelectors", "--advanced-event-selectors"),
        ] {
            let told = home.mending("111122223333").record_changes(&selectors);
            assert!(told.contains(&format!("get-event-selectors --region eu-west-1 --trail-name {ARN} {list}")), "{told}");
            assert!(told.contains(&format!("--trail-name {ARN} {option} file://selectors.json`")), "{told}");
        }
        assert!(!home.mending("111122223333").look_at_selectors().contains("put-event-selectors"));
    }
}
