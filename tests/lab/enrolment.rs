//! The lab's virtual MFA devices: made, enabled, brought in step, taken away, and what IAM refuses on the way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::lab::{Lab, Settings, totp};
use super::wire::{Sdk, Signer, ask, refusal};

const PHONE: &str = "arn:aws:iam::000000000000:mfa/team/phone";

fn started() -> (Lab, impl Fn(&str) -> String) {
    let lab = Lab::start(Settings::default());
    let (key, used) = (Signer::of(&lab.first_key()), lab.clone());
    (lab, move |body: &str| ask(&used, &key, "iam", &format!("Action={body}")))
}

fn made(ask: &impl Fn(&str) -> String) {
    let answer = ask("CreateVirtualMFADevice&VirtualMFADeviceName=phone&Path=/team/");
    assert!(answer.contains(&format!("<SerialNumber>{PHONE}</SerialNumber>")), "{answer}");
}

fn enabling(action: &str, serial: &str, [one, two]: &[String; 2]) -> String {
    format!("{action}&UserName=dev&SerialNumber={serial}&AuthenticationCode1={one}&AuthenticationCode2={two}")
}

/// Whether a session opens with a code of this device.
fn opens(lab: &Lab, serial: &str) -> bool {
    let code = lab.code_of("dev", serial).expect("a code");
    let body = format!("Action=GetSessionToken&SerialNumber={serial}&TokenCode={code}");
    ask(lab, &Signer::of(&lab.first_key()), "sts", &body).contains("<SessionToken>")
}

#[test]
fn a_device_is_made_with_a_seed_from_which_its_codes_come() {
    let (lab, ask) = started();
    let sdk = Sdk::new(&lab, &Signer::of(&lab.first_key()));
    let answer = sdk.wait(sdk.iam.create_virtual_mfa_device().virtual_mfa_device_name("phone").path("/team/").send()).expect("a device");
    let device = answer.virtual_mfa_device().expect("the device");
    let seed = String::from_utf8(device.base32_string_seed().expect("a seed").as_ref().to_vec()).expect("Base32");
    assert_eq!((device.serial_number(), seed.len()), (PHONE, 64));
    assert!(device.qr_code_png().expect("a picture").as_ref().starts_with(b"\x89PNG"));
    assert_eq!(totp::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), b"12345678901234567890", "the seed of RFC 6238");
    let now = totp::step(lab.world().now());
    let codes: Vec<_> = (now - 2..=now + 2).map(|step| totp::code(&totp::from_base32(&seed), step)).collect();
    let two = lab.two_codes("dev", PHONE).expect("codes");
    assert!(codes.windows(2).any(|pair| pair == two), "{two:?} in {codes:?}");
    let taken = ask("CreateVirtualMFADevice&VirtualMFADeviceName=phone&Path=/team/");
    assert_eq!(refusal(&taken), ("409", "EntityAlreadyExists"));
    assert!(taken.contains("MFADevice entity at the same path and name already exists."), "{taken}");
    assert!(ask("CreateVirtualMFADevice&VirtualMFADeviceName=phone").starts_with("HTTP/1.1 200"), "another path");
    assert_eq!(refusal(&ask("CreateVirtualMFADevice&VirtualMFADeviceName=dev")), ("409", "EntityAlreadyExists"), "that of the user");
    assert!(lab.secrets().contains(&seed), "a seed is a secret");
    assert_eq!(refusal(&ask("CreateVirtualMFADevice&VirtualMFADeviceName=a%20b")), ("400", "ValidationError"));
}

#[test]
fn two_consecutive_codes_in_order_enable_a_device_and_are_used_up() {
    let (lab, ask) = started();
    made(&ask);
    let codes = lab.two_codes("dev", PHONE).expect("codes");
    let wrong = ("403", "InvalidAuthenticationCode");
    let swapped = [codes[1].clone(), codes[0].clone()];
    assert_eq!(refusal(&ask(&enabling("EnableMFADevice", PHONE, &swapped))), wrong);
    let twice = [codes[0].clone(), codes[0].clone()];
    assert_eq!(refusal(&ask(&enabling("EnableMFADevice", PHONE, &twice))), wrong);
    assert_eq!(refusal(&ask(&format!("EnableMFADevice&UserName=dev&SerialNumber={PHONE}"))), ("400", "ValidationError"));
    let short = ask(&enabling("EnableMFADevice", PHONE, &[codes[0].clone(), "12345".into()]));
    assert!(refusal(&short) == ("400", "ValidationError") && !short.contains("12345"), "{short}");
    lab.world().codes.clear();
    assert!(ask(&enabling("EnableMFADevice", PHONE, &codes)).starts_with("HTTP/1.1 200"));
    assert_eq!((lab.resent(), lab.world().codes.len()), (vec![], 2));
    let shown = lab.calls().into_iter().flat_map(|call| call.params).filter(|(name, _)| name.starts_with("AuthenticationCode"));
    assert!(shown.map(|(_, value)| value).all(|value| value == "***"), "a code is in no log");
    let again = ask(&enabling("EnableMFADevice", PHONE, &codes));
    assert!(refusal(&again) == ("409", "EntityAlreadyExists") && again.contains("MFA Device is already in use."), "{again}");
    let listed = ask("ListMFADevices");
    assert!(listed.contains(PHONE) && listed.contains("mfa/dev<"), "{listed}");
    let token = |code: &str| format!("Action=GetSessionToken&SerialNumber={PHONE}&TokenCode={code}");
    let sts = |code: &str| super::wire::ask(&lab, &Signer::of(&lab.first_key()), "sts", &token(code));
    assert!(sts(&codes[1]).contains("invalid MFA one time pass code"), "it is used up");
    assert!(opens(&lab, PHONE));
    let none = ask(&enabling("EnableMFADevice", "arn:aws:iam::000000000000:mfa/none", &codes));
    assert!(refusal(&none) == ("404", "NoSuchEntity") && none.contains("does not exist."), "{none}");
}

#[test]
fn a_user_has_eight_devices_at_most() {
    let (lab, ask) = started();
    made(&ask);
    lab.world().users[0].serials.extend((0..7).map(|at| format!("GAHT1234567{at}")));
    let codes = lab.two_codes("dev", PHONE).expect("codes");
    let answer = ask(&enabling("EnableMFADevice", PHONE, &codes));
    assert!(refusal(&answer) == ("409", "LimitExceeded") && answer.contains("MFADevicesPerUser: 8"), "{answer}");
    lab.world().users[0].serials.pop();
    assert!(ask(&enabling("EnableMFADevice", PHONE, &codes)).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_device_whose_clock_is_wrong_is_brought_in_step() {
    let (lab, ask) = started();
    let serial = lab.world().users[0].serials[0].clone();
    lab.world().device(&serial).ahead = 40;
    assert!(!opens(&lab, &serial), "twenty minutes ahead");
    let resync = |codes: &[String; 2]| refusal(&ask(&enabling("ResyncMFADevice", &serial, codes))).1 == "InvalidAuthenticationCode";
    let codes = lab.two_codes("dev", &serial).expect("codes");
    assert!(resync(&[codes[1].clone(), codes[0].clone()]));
    assert!(ask(&enabling("ResyncMFADevice", &serial, &codes)).starts_with("HTTP/1.1 200"));
    assert!((39..=41).contains(&lab.world().drift(&serial)), "{}", lab.world().drift(&serial));
    assert!(opens(&lab, &serial));
    assert!(resync(&codes), "they are used up");
    lab.world().device(&serial).ahead = 2_000;
    assert!(resync(&lab.two_codes("dev", &serial).expect("codes")), "too far");
    let other = enabling("ResyncMFADevice", "GAHT12345678", &codes);
    assert_eq!(refusal(&ask(&other)), ("404", "NoSuchEntity"));
}

#[test]
fn a_device_is_deactivated_then_deleted_and_keeps_its_seed_meanwhile() {
    let (lab, ask) = started();
    made(&ask);
    let first = lab.world().users[0].serials[0].clone();
    let codes = lab.two_codes("dev", PHONE).expect("codes");
    assert!(ask(&enabling("EnableMFADevice", PHONE, &codes)).starts_with("HTTP/1.1 200"));
    lab.world().users[0].serials.push("GAHT12345678".into());
    let seeds = || [&first, PHONE, "GAHT12345678"].map(|serial| lab.world().seed_of(0, serial));
    let before = seeds();
    let conflict = ask(&format!("DeleteVirtualMFADevice&SerialNumber={first}"));
    assert!(refusal(&conflict) == ("409", "DeleteConflict") && conflict.contains("Must deactivate first."), "{conflict}");
    let off = format!("DeactivateMFADevice&UserName=dev&SerialNumber={first}");
    assert!(ask(&off).starts_with("HTTP/1.1 200"));
    assert_eq!((seeds(), refusal(&ask(&off))), (before, ("404", "NoSuchEntity")));
    assert!(ask(&format!("GetMFADevice&SerialNumber={PHONE}")).contains("<UserName>dev</UserName>"), "the caller's own");
    assert_eq!(refusal(&ask(&format!("GetMFADevice&SerialNumber={first}"))), ("404", "NoSuchEntity"));
    // Enabled once more, with new codes of the same seed.
    let codes = lab.two_codes("dev", &first).expect("codes");
    assert!(ask(&enabling("EnableMFADevice", &first, &codes)).starts_with("HTTP/1.1 200"));
    assert!(ask(&off).starts_with("HTTP/1.1 200"));
    let delete = format!("DeleteVirtualMFADevice&SerialNumber={first}");
    assert!(ask(&delete).starts_with("HTTP/1.1 200"));
    assert_eq!(refusal(&ask(&delete)), ("404", "NoSuchEntity"));
    assert!(ask("CreateVirtualMFADevice&VirtualMFADeviceName=dev").starts_with("HTTP/1.1 200"), "the name is free");
}

#[test]
fn virtual_devices_are_listed_by_assignment_with_the_user_who_has_them() {
    let (lab, ask) = started();
    made(&ask);
    {
        let mut world = lab.world();
        world.add_root();
        world.users[0].serials.push("arn:aws:iam::000000000000:u2f/user/dev/touch-EXAMPLE".into());
    }
    let sdk = Sdk::new(&lab, &Signer::of(&lab.first_key()));
    let listed = |status: Option<&str>| {
        let request = sdk.iam.list_virtual_mfa_devices().set_assignment_status(status.map(Into::into));
        let devices = sdk.wait(request.send()).expect("devices").virtual_mfa_devices().to_vec();
        let arn = |device: &aws_sdk_iam::types::VirtualMfaDevice| device.user().map(|user| user.arn().to_owned());
        assert!(
            devices.iter().all(|device| device.base32_string_seed().is_none() && device.enable_date().is_some() == device.user().is_some())
        );
        devices.iter().map(|device| (device.serial_number().to_owned(), arn(device))).collect::<Vec<_>>()
    };
    let own = |name: &str, user: &str| (format!("arn:aws:iam::000000000000:mfa/{name}"), Some(format!("arn:aws:iam::000000000000:{user}")));
    let (dev, root, free) = (own("dev", "user/dev"), own("root-account-mfa-device", "root"), (PHONE.to_owned(), None));
    assert_eq!(listed(Some("Assigned")), [dev.clone(), root.clone()]);
    assert_eq!(listed(Some("Unassigned")), std::slice::from_ref(&free));
    assert_eq!((listed(None), listed(Some("Any"))), (vec![dev.clone(), root.clone(), free.clone()], vec![dev, root, free]));
    assert_eq!(refusal(&ask("ListVirtualMFADevices&AssignmentStatus=Lost")), ("400", "ValidationError"));
    lab.world().settings.page_size = 2;
    assert!(ask("ListVirtualMFADevices").contains("<Marker>2</Marker>"));
    assert!(!ask("ListVirtualMFADevices").contains(&STANDARD.encode("CANARYBIRD")[..8]), "no list has a seed");
}
