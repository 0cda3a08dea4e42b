//! The lab's policy simulator: it says what the lab would answer, and does nothing.

use super::lab::{Lab, Settings};
use super::wire::{Signer, ask, refusal};

const ACTIONS: &str = "&ActionNames.member.1=iam:CreateUser&ActionNames.member.2=iam:DeleteUser";
const MFA: &str = "&ContextEntries.member.1.ContextKeyName=aws:MultiFactorAuthPresent&ContextEntries.member.1.ContextKeyType=boolean\
                   &ContextEntries.member.1.ContextKeyValues.member.1=true";

/// The decisions on both actions, in their order.
fn decisions(lab: &Lab, more: &str) -> Vec<String> {
    let body = format!("Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::000000000000:user/dev{ACTIONS}{more}");
    let answer = ask(lab, &Signer::of(&lab.first_key()), "iam", &body);
    answer.split("<EvalDecision>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
}

#[test]
fn it_decides_by_the_settings_or_by_the_policies_of_the_user() {
    let lab = Lab::start(Settings::default());
    assert_eq!(decisions(&lab, ""), ["allowed", "allowed"]);
    lab.world().settings.denied.insert("iam:DeleteUser".into());
    assert_eq!(decisions(&lab, ""), ["allowed", "implicitDeny"]);
    let statement = r#"[{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"*"},
        {"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
        {"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"}]"#;
    lab.world().settings.denied.clear();
    lab.world().enforce("dev", &format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#));
    assert_eq!(decisions(&lab, ""), ["implicitDeny", "explicitDeny"]);
    assert_eq!(decisions(&lab, MFA), ["allowed", "explicitDeny"]);
}

#[test]
fn only_a_user_or_a_role_can_be_asked_about() {
    let lab = Lab::start(Settings::default());
    lab.world().add_root();
    let about = |arn: &str| {
        let body = format!("Action=SimulatePrincipalPolicy&PolicySourceArn={arn}{ACTIONS}");
        ask(&lab, &Signer::of(&lab.first_key()), "iam", &body)
    };
    for arn in ["arn:aws:iam::000000000000:root", "arn:aws:iam::000000000000:user/nobody"] {
        assert_eq!(refusal(&about(arn)), ("404", "NoSuchEntity"), "{arn}");
    }
    assert!(about("arn:aws:iam::000000000000:role/path/Admin").starts_with("HTTP/1.1 200"));
}
