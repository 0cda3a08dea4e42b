//! What must hold at every call, and what must hold at the end. It reads the file, the lab and the machine's process list; it changes nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use super::{Home, Output, Problem};
use crate::lab::key::Status;
use crate::lab::{Key, Verdict};

impl Home {
    /// Checks what holds at all times.
    pub fn look(&self, place: &str) {
        let path = self.path().join(".aws/credentials");
        let Ok(text) = std::fs::read_to_string(&path) else {
            self.problem(Problem::Torn, place, "no readable file");
            return self.problem(Problem::Locked, place, "no readable file");
        };
        let mode = std::fs::metadata(&path).map_or(0, |m| m.permissions().mode() & 0o777);
        if mode != 0o600 {
            self.problem(Problem::Open, place, format_args!("mode {mode:o}"));
        }
        match profiles(&text) {
            Some(found) => self.look_at_pairs(place, &found),
            None => {
                self.problem(Problem::Torn, place, "the file does not parse");
                self.problem(Problem::Locked, place, "the file does not parse");
            }
        }
        let keys = self.keys_of(self.old.user);
        let back = keys.iter().fold(text, |t, k| t.replace(&k.id, &self.old.id).replace(&k.secret, &self.old.secret));
        let start = self.start_text();
        if back != start {
            self.problem(Problem::Changed, place, format_args!("{} bytes, {} expected", back.len(), start.len()));
        }
        if self.lab.accepts(&self.other.id, &self.other.secret) != Verdict::Yes {
            self.problem(Problem::Foreign, place, &self.other.id);
        }
        self.look_at_secrets(place);
        self.search_processes(place);
    }

    /// Each secret has a pair that AWS accepts, whole, and no other byte of it is changed.
    fn look_at_secrets(&self, place: &str) {
        for (arn, start) in self.secrets.lock().unwrap().iter() {
            let (text, name) = (self.lab.world().secret(arn).current(), format!("secret {arn}"));
            let rotated = self.rotated();
            let held: Vec<Key> = self.keys_of(rotated.user).into_iter().filter(|key| text.contains(&key.id)).collect();
            let whole = |key: &&Key| text.contains(&key.secret);
            match held.iter().find(whole).map(|key| self.lab.accepts(&key.id, &key.secret)) {
                Some(Verdict::Yes) => {}
                Some(Verdict::Flapping) => self.problem(Problem::Early, place, &name),
                Some(Verdict::No) | None => self.problem(Problem::Locked, place, &name),
            }
            if held.len() != 1 || !held.iter().all(|key| whole(&key)) {
                self.problem(Problem::Torn, place, format_args!("{name} has {} of the keys", held.len()));
            }
            let back = held.iter().fold(text, |t, k| t.replace(&k.id, &rotated.id).replace(&k.secret, &rotated.secret));
            if back != *start {
                self.problem(Problem::Changed, place, format_args!("{name}: {} bytes, {} expected", back.len(), start.len()));
            }
        }
    }

    fn look_at_pairs(&self, place: &str, found: &BTreeMap<String, BTreeMap<String, String>>) {
        for profile in profiles(&self.start_text()).unwrap_or_default().keys() {
            let value = |name: &str| found.get(profile).and_then(|p| p.get(name)).map_or("", String::as_str);
            let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
            match self.lab.accepts(id, secret) {
                Verdict::Yes => {}
                Verdict::Flapping => self.problem(Problem::Early, place, profile),
                Verdict::No => {
                    self.problem(Problem::Locked, place, profile);
                    if !self.lab.world().keys.iter().any(|k| k.id == id && k.secret == secret) {
                        self.problem(Problem::Torn, place, profile);
                    }
                }
            }
        }
    }

    /// Checks what holds when a run has ended well, or after the resume. Exit 10 may leave a suspect: known by ID, its secret nowhere.
    pub fn finish(&self, place: &str, output: &Output) {
        self.finish_beside(place, output, &[]);
    }

    /// The same, where the pair may also be in these texts.
    pub fn finish_beside(&self, place: &str, output: &Output, beside: &[String]) {
        let files = self.files();
        self.search_files(place, output.code != Some(0));
        let arns: Vec<String> = self.secrets.lock().unwrap().iter().map(|(arn, _)| arn.clone()).collect();
        let values: Vec<String> = arns.iter().map(|arn| self.lab.world().secret(arn).current()).chain(beside.iter().cloned()).collect();
        let holds = |what: &str| files.iter().any(|(_, text, _)| text.contains(what)) || values.iter().any(|text| text.contains(what));
        for arn in &arns {
            let labels = self.lab.world().secret(arn).labels();
            let ours = |(id, stages): (&String, &Vec<String>)| {
                let is_left = |stage: &String| stage == "keyrotate-probe" || (stage == "AWSPENDING" && id.starts_with("keyrotate-"));
                stages.iter().any(is_left)
            };
            if labels.iter().any(ours) {
                self.problem(Problem::Label, place, format_args!("{arn}: {labels:?}"));
            }
        }
        let rotated = self.rotated().user;
        let (live, mut waiting) = (self.lab.world().live_keys(rotated), Vec::new());
        for key in &live {
            if !holds(&key.id) {
                self.problem(Problem::Orphan, place, &key.id);
            } else if key.status == Status::Active && !holds(&key.secret) {
                if output.code == Some(10) {
                    waiting.push(key.id.clone());
                } else {
                    self.problem(Problem::Lost, place, &key.id);
                }
            }
        }
        let active = live.iter().filter(|k| k.status == Status::Active && !waiting.contains(&k.id)).count();
        if output.code != Some(if waiting.is_empty() { 0 } else { 10 }) || active != 1 {
            let tail: String = output.stderr.trim().chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect();
            self.problem(Problem::Stuck, place, format_args!("exit {:?}, {active} active of {}: {tail}", output.code, live.len()));
        }
        *self.waiting.lock().unwrap() = waiting;
    }
}

/// A strict reading, as botocore's: sections and their values; none for a duplicate, a line outside a section or one without a separator.
fn profiles(text: &str) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
    let mut profiles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut section: Option<String> = None;
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']')?.to_owned();
            if profiles.insert(name.clone(), BTreeMap::new()).is_some() {
                return None;
            }
            section = Some(name);
        } else {
            let (name, value) = line.split_once(['=', ':'])?;
            let values = profiles.get_mut(section.as_ref()?)?;
            if values.insert(name.trim().to_lowercase(), value.trim().to_owned()).is_some() {
                return None;
            }
        }
    }
    Some(profiles)
}
