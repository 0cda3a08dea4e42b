//! What an account has besides users and keys: managed policies with their versions, groups, and which policies a user or a group has. Tests
//! change it as an admin would. Invariant: a policy that is attached is one that the lab knows.

use std::collections::BTreeMap;

use super::aws_managed;
use super::state::World;

/// The policies of a user or a group.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// ARNs of managed policies; for an AWS managed one its name will do.
    pub attached: Vec<String>,
    /// Documents of inline policies, by name.
    pub inline: BTreeMap<String, String>,
}

impl Policies {
    /// Attaches a managed policy.
    pub fn push(&mut self, policy: String) {
        self.attached.push(policy);
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A group. Its members know that they are in it.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub path: String,
    pub policies: Policies,
}

/// A managed policy, AWS's or the account's own.
#[derive(Clone, Debug)]
pub struct Managed {
    pub name: String,
    pub path: String,
    pub arn: String,
    /// The oldest first; there is always one.
    pub versions: Vec<Version>,
    /// The ID of the version in force.
    pub default: String,
}

/// A version of a managed policy.
#[derive(Clone, Debug)]
pub struct Version {
    pub id: String,
    pub document: String,
    pub created_at: f64,
}

impl Managed {
    /// With a first version, which is in force.
    pub fn new(arn: &str, document: &str, created_at: f64) -> Self {
        let (_, place) = arn.split_once(":policy").expect("the ARN of a policy");
        let at = place.rfind('/').expect("a path");
        let first = Version { id: "v1".into(), document: document.into(), created_at };
        let (name, path) = (place[at + 1..].to_owned(), place[..=at].to_owned());
        Self { name, path, arn: arn.to_owned(), versions: vec![first], default: "v1".into() }
    }

    /// The version with this ID.
    pub fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The document in force.
    pub fn document(&self) -> &str {
        &self.version(&self.default).expect("the default version").document
    }

    /// One more version; in force if so said.
    pub fn add_version(&mut self, document: &str, is_default: bool) {
        let number = |version: &Version| version.id.trim_start_matches('v').parse::<u32>().expect("a number");
        let id = format!("v{}", self.versions.iter().map(number).max().unwrap_or(0) + 1);
        if is_default {
            self.default.clone_from(&id);
        }
        self.versions.push(Version { id, document: document.into(), created_at: 1.7e9 });
    }
}

impl World {
    /// The AWS managed policies that there are from the start.
    pub fn add_aws_managed(&mut self) {
        for (name, document) in aws_managed::all() {
            let arn = self.aws_managed_arn(name);
            self.managed.push(Managed::new(&arn, &document, 1.5e9));
        }
    }

    fn aws_managed_arn(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.settings.partition)
    }

    /// A customer managed policy, its path before its name: `/team/Keys`. Returns its ARN.
    pub fn add_policy(&mut self, place: &str, document: &str) -> String {
        let arn = self.arn_of("policy", place);
        let now = self.now();
        self.managed.push(Managed::new(&arn, document, now));
        arn
    }

    /// A group, its path before its name: `/team/ops`.
    pub fn add_group(&mut self, place: &str) -> &mut Group {
        let (path, name) = place.rsplit_once('/').unwrap_or(("", place));
        self.groups.push(Group { name: name.into(), path: format!("{path}/"), policies: Policies::default() });
        self.groups.last_mut().expect("a group")
    }

    /// Puts a user into a group, which is made at `/` where there is none.
    pub fn join(&mut self, user: &str, group: &str) -> &mut Group {
        let at = self.user(user).expect("a user of that name");
        self.users[at].groups.insert(group.to_owned());
        match self.groups.iter().position(|own| own.name == group) {
            Some(found) => &mut self.groups[found],
            None => self.add_group(group),
        }
    }

    /// Lets the policies of a user decide from now on, with this inline policy among them.
    pub fn enforce(&mut self, user: &str, document: &str) {
        let at = self.user(user).expect("a user of that name");
        let user = &mut self.users[at];
        user.enforced = true;
        user.policies.inline.insert(format!("enforced-{}", user.policies.inline.len()), document.to_owned());
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }

    /// The managed policy with this ARN, or the AWS managed one of this name.
    pub fn managed(&self, policy: &str) -> Option<&Managed> {
        let arn = if policy.starts_with("arn:") { policy.to_owned() } else { self.aws_managed_arn(policy) };
        self.managed.iter().find(|managed| managed.arn == arn)
    }

    /// The managed policies of a user or a group.
    pub fn attached(&self, policies: &Policies) -> Vec<&Managed> {
        let known = |policy: &String| self.managed(policy).unwrap_or_else(|| panic!("the lab knows no policy {policy}"));
        policies.attached.iter().map(known).collect()
    }

    /// Every document that is about the user: inline and managed ones, their own and those of their groups.
    pub fn documents(&self, user: usize) -> Vec<String> {
        let groups = self.groups.iter().filter(|group| self.users[user].groups.contains(&group.name)).map(|group| &group.policies);
        let each = [&self.users[user].policies].into_iter().chain(groups);
        each.flat_map(|own| {
            let managed = self.attached(own).into_iter().map(|managed| managed.document().to_owned());
            own.inline.values().cloned().chain(managed).collect::<Vec<_>>()
        })
        .collect()
    }

    /// An ARN in this account; `place` is the path and the name, with or without a slash before it.
    pub fn arn_of(&self, kind: &str, place: &str) -> String {
        let place = place.trim_start_matches('/');
        format!("arn:{}:iam::{}:{kind}/{place}", self.settings.partition, self.settings.account)
    }
}
