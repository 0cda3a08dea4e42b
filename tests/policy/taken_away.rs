//! Under what the policies allow everything works; with any one action taken away it is said which one is missing, nothing is lost, and with the
//! action given back the same command goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use keyrotate::audit::PolicyName;
use serde_json::Value;

use crate::bench::{actions, allow, shown, without};
use crate::home::Home;
use crate::lab::parallel::every;
use crate::scenes::{SCENES, Scene};

fn documents(scene: &Scene, home: &Home) -> Vec<Value> {
    scene.policies.iter().map(|words| shown(home, words)).collect()
}

/// What a panic said.
fn caught(what: &str, check: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(check)).map_err(|error| {
        let text = error.downcast_ref::<String>().cloned().or_else(|| error.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("{what}: {}", text.unwrap_or_default())
    })
}

#[test]
fn with_what_the_policies_allow_everything_works() {
    every(SCENES, |scene| {
        caught(scene.name, || {
            let home = (scene.before)();
            allow(&home, &documents(scene, &home));
            let output = (scene.act)(&home);
            (scene.well)(&home, &output);
            assert!(!output.said().contains("AccessDenied"), "{}", output.said());
        })
    });
}

#[test]
fn an_action_that_is_taken_away_is_named_and_costs_no_key() {
    let named: Mutex<BTreeMap<&str, BTreeSet<String>>> = Mutex::default();
    let cases: Vec<(&Scene, Vec<Value>, String)> = SCENES
        .iter()
        .flat_map(|scene| {
            let documents = documents(scene, &(scene.before)());
            actions(&documents).into_iter().map(move |action| (scene, documents.clone(), action))
        })
        .collect();
    assert!(cases.len() > 80, "only {} cases", cases.len());
    every(&cases, |(scene, documents, action)| {
        caught(&format!("{}, without {action}", scene.name), || {
            let home = (scene.before)();
            allow(&home, &without(documents, action));
            let output = (scene.act)(&home);
            home.look("without it");
            assert_eq!(home.told(), "", "{}", output.said());
            let is_named = output.said().contains(action.as_str());
            if is_named {
                let mut named = named.lock().unwrap();
                scene.policies.iter().for_each(|words| named.entry(words[0]).or_default().extend([action.clone()]));
            }
            // What this course does not need, it does not miss.
            if output.code == Some(0) || !is_named {
                (scene.well)(&home, &output);
                return;
            }
            allow(&home, documents);
            let output = (scene.act)(&home);
            (scene.well)(&home, &output);
        })
    });
    let named = named.into_inner().unwrap();
    let without_scene = [PolicyName::Mfa, PolicyName::ForceMfa];
    let of_alarms = [PolicyName::AuditMonitoring, PolicyName::Alarm];
    let has_scene = |name: &PolicyName| !without_scene.contains(name) && (cfg!(feature = "alarm") || !of_alarms.contains(name));
    for name in PolicyName::ALL.into_iter().filter(has_scene) {
        let missed = |action: &&str| !named.get(name.id()).is_some_and(|all| all.contains(*action));
        let missed: Vec<&str> = name.actions().filter(missed).filter(|action| !ON_TOP.contains(action)).collect();
        assert!(missed.is_empty(), "taken out of {}, nobody says so: {missed:?}", name.id());
    }
}

/// Asked by AWS beside sts:AssumeRole, which the lab does not.
const ON_TOP: [&str; 2] = ["sts:SetSourceIdentity", "sts:TagSession"];
