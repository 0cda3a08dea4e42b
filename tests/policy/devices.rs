//! Somebody without a device gets one where everything is denied without MFA, by the calls that the AWS CLI and the console make, too.

use crate::bench::{allow, shown, start, without};
use crate::home::Home;
use crate::wire::{Signer, ask, open};

const PHONE: &str = "arn:aws:iam::000000000000:mfa/phone";

/// Makes a device, enables it, brings it in step, and opens a session with it; what did not go through.
fn enroll(home: &Home) -> Result<(), String> {
    let key = Signer::of(&home.old);
    let asked = |action: &str, more: &str| {
        let answer = ask(&home.lab, &key, "iam", &format!("Action={action}{more}"));
        if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("iam:{action}: {answer}")) }
    };
    let with_codes = |action: &str| {
        let [one, two] = home.lab.two_codes("dev", PHONE).expect("codes that were not used");
        asked(action, &format!("&UserName=dev&SerialNumber={PHONE}&AuthenticationCode1={one}&AuthenticationCode2={two}"))
    };
    asked("CreateVirtualMFADevice", "&VirtualMFADeviceName=phone")?;
    // One that was made and never enabled has the name: it goes, and is made anew.
    asked("ListVirtualMFADevices", "&AssignmentStatus=Unassigned")?;
    asked("DeleteVirtualMFADevice", &format!("&SerialNumber={PHONE}"))?;
    asked("CreateVirtualMFADevice", "&VirtualMFADeviceName=phone")?;
    with_codes("EnableMFADevice")?;
    asked("ListMFADevices", "&UserName=dev")?;
    home.lab.world().users[0].used_steps.clear();
    home.lab.world().codes.clear();
    with_codes("ResyncMFADevice")?;
    home.lab.world().users[0].used_steps.clear();
    home.lab.world().codes.clear();
    let code = home.lab.code_of("dev", PHONE).expect("a code");
    open(&home.lab, &key, &format!("Action=GetSessionToken&SerialNumber={PHONE}&TokenCode={code}"));
    Ok(())
}

fn without_device() -> std::sync::Arc<Home> {
    let home = start("");
    home.lab.world().users[0].serials.clear();
    home
}

#[test]
fn somebody_without_a_device_gets_one_where_nothing_is_allowed_without_mfa() {
    let home = without_device();
    allow(&home, &[shown(&home, &["mfa", "default"]), shown(&home, &["force-mfa"])]);
    assert_eq!(enroll(&home), Ok(()));
}

#[test]
fn each_action_of_mfa_is_needed_for_that() {
    let home = without_device();
    let documents = [shown(&home, &["mfa", "default"]), shown(&home, &["force-mfa"])];
    for action in crate::bench::actions(&documents) {
        let home = without_device();
        allow(&home, &without(&documents, &action));
        let why = enroll(&home).expect_err(&action);
        assert!(why.starts_with(&format!("{action}: ")) && why.contains("AccessDenied"), "{why}");
    }
}

#[test]
fn when_everybody_has_a_device_a_key_alone_enrolls_no_other() {
    let home = start("");
    allow(&home, &[shown(&home, &["mfa", "default"]), shown(&home, &["force-mfa", "--enrolled"])]);
    let why = enroll(&home).expect_err("a thief's device");
    assert!(why.starts_with("iam:CreateVirtualMFADevice: ") && why.contains("explicit deny"), "{why}");
}
