//! The policy simulator: what a user or role may do, asked and not done. Invariant: it decides as the lab itself would.

use std::collections::BTreeMap;

use super::evaluation::{Decision, Request, decide};
use super::serve::{Params, Refusal};
use super::state::World;
use super::xml::{list, text};

/// SimulatePrincipalPolicy, on every resource. A role may do what no setting denies, as where it really asks.
pub fn answer(world: &mut World, params: &Params) -> Result<String, Refusal> {
    let source = params.get("PolicySourceArn").cloned().unwrap_or_default();
    let is_there = world.users.iter().enumerate().any(|(at, user)| !user.deleted && !user.root && world.arn(at) == source);
    if !is_there && !source.contains(":role/") {
        return Err(Refusal::new(404, "NoSuchEntity", format!("The principal {source} cannot be found.")));
    }
    let members = |prefix: &str| (1..).map_while(|at| params.get(&format!("{prefix}.member.{at}")).cloned()).collect::<Vec<_>>();
    let context: BTreeMap<&str, String> = (1..)
        .map_while(|at| {
            let name = params.get(&format!("ContextEntries.member.{at}.ContextKeyName"))?;
            Some((name.clone(), params.get(&format!("ContextEntries.member.{at}.ContextKeyValues.member.1")).cloned().unwrap_or_default()))
        })
        .filter(|(name, _)| name.eq_ignore_ascii_case("aws:MultiFactorAuthPresent"))
        .map(|(_, value)| ("aws:multifactorauthpresent", value))
        .collect();
    let user = (0..world.users.len()).find(|at| world.arn(*at) == source && world.users[*at].enforced);
    let documents = user.map(|at| world.documents(at)).unwrap_or_default();
    let mut results = Vec::new();
    for action in members("ActionNames") {
        let is_denied = world.settings.denied.contains(&action);
        let decision = match user {
            _ if is_denied => Decision::NotAllowed,
            None => Decision::Allowed,
            Some(_) => {
                let asked = Request { action: &action, resource: "*", context: context.clone() };
                decide(&documents, &asked)
                    .map_err(|unknown| Refusal::new(501, "NotImplemented", format!("The lab does not know {unknown}.")))?
            }
        };
        let word = match decision {
            Decision::Allowed => "allowed",
            Decision::NotAllowed => "implicitDeny",
            Decision::Denied => "explicitDeny",
        };
        results.push(text("EvalActionName", &action) + &text("EvalResourceName", "*") + &text("EvalDecision", word));
    }
    Ok(list("EvaluationResults", results) + &text("IsTruncated", "false"))
}
