//! AWS IAM: MFA devices of a user.
//!
//! Invariant: a device is made, enabled and brought in step by calls that are sent once: a lost answer must become neither a second device nor a
//! code that is sent again.

use aws_sdk_iam::operation::list_mfa_devices::ListMfaDevicesOutput;
use aws_sdk_iam::operation::list_virtual_mfa_devices::ListVirtualMfaDevicesOutput;
use aws_sdk_iam::types::{AssignmentStatusType, User};
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::call::Call;
use super::iam::every_page;
use super::server_time::from_sdk;
use super::{Aws, AwsError, Signer};
use crate::model::{Arn, ConsecutiveCodes, MfaSeed, MfaSerial};

/// So many devices are asked for at once, where all users of an account may have one (IAM API reference, MaxItems).
const MOST_OF_A_PAGE: i32 = 1_000;

/// A device that a user has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaDevice {
    /// Its serial number; that of a FIDO security key is no [`MfaSerial`].
    pub serial: String,
    /// When it was enabled, in UTC.
    pub enabled_at: Option<DateTime<Utc>>,
}

/// A virtual device of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualDevice {
    /// Its ARN.
    pub serial: String,
    /// The user who has it, where AWS names one.
    pub user: Option<Arn>,
}

/// A virtual device that was just made, and that nobody has yet.
#[derive(Debug)]
pub struct NewMfaDevice {
    /// Its ARN.
    pub serial: MfaSerial,
    /// What its codes come from. No later call gives it again.
    pub seed: MfaSeed,
}

impl Aws {
    /// `iam:ListMFADevices` of who signs, all pages: serial numbers, those of FIDO keys among them.
    pub fn list_mfa_devices(&self, signer: &Signer) -> Result<Vec<String>, AwsError> {
        self.runtime.block_on(self.mfa_devices(signer))
    }

    /// The same with all that AWS says of each.
    pub fn own_mfa_devices(&self, signer: &Signer) -> Result<Vec<MfaDevice>, AwsError> {
        self.runtime.block_on(self.devices(signer))
    }

    /// `iam:ListVirtualMFADevices`, all pages: the account's virtual devices, those that nobody has, too.
    pub fn list_virtual_mfa_devices(&self, signer: &Signer) -> Result<Vec<VirtualDevice>, AwsError> {
        self.runtime.block_on(async {
            let call = Call::new(self, signer, "iam:ListVirtualMFADevices");
            let pages = call.iam().list_virtual_mfa_devices();
            let devices = every_page!(&call, pages, |page: ListVirtualMfaDevicesOutput| page.virtual_mfa_devices);
            let user = |user: Option<User>| Arn::parse(&user?.arn).ok();
            Ok(devices.into_iter().map(|device| VirtualDevice { user: user(device.user), serial: device.serial_number }).collect())
        })
    }

    /// `iam:ListVirtualMFADevices`, all pages: the ARNs of who has a virtual device.
    pub(super) async fn with_virtual_mfa(&self, signer: &Signer) -> Result<Vec<String>, AwsError> {
        let call = Call::new(self, signer, "iam:ListVirtualMFADevices");
        let pages = call.iam().list_virtual_mfa_devices().assignment_status(AssignmentStatusType::Assigned).max_items(MOST_OF_A_PAGE);
        let devices = every_page!(&call, pages, |page: ListVirtualMfaDevicesOutput| page.virtual_mfa_devices);
        Ok(devices.into_iter().filter_map(|device| device.user).map(|user| user.arn).collect())
    }

    /// `iam:CreateVirtualMFADevice`, sent once.
    ///
    /// An error that is not [`AwsError::is_definitive`] may have left a device behind whose seed nobody has.
    pub fn create_virtual_mfa_device(&self, signer: &Signer, name: &str) -> Result<NewMfaDevice, AwsError> {
        self.runtime.block_on(async {
            let call = Call::once(self, signer, "iam:CreateVirtualMFADevice");
            let answer = call.finish(call.iam().create_virtual_mfa_device().virtual_mfa_device_name(name).send().await)?;
            let lacks = |what: &str| call.garbled(&format!("the answer has no usable {what}"));
            let device = answer.virtual_mfa_device.ok_or_else(|| lacks("VirtualMFADevice"))?;
            // SECRET: the SDK's buffers held the answer's plaintext, and the picture of it, and are freed unwiped; from here on it is wiped when
            // dropped.
            let bytes = device.base32_string_seed.map(|blob| Zeroizing::new(blob.into_inner()));
            let seed = bytes.and_then(|bytes| MfaSeed::parse(&bytes)).ok_or_else(|| lacks("Base32StringSeed"))?;
            let serial = MfaSerial::parse(&device.serial_number).map_err(|_| lacks("SerialNumber"))?;
            Ok(NewMfaDevice { serial, seed })
        })
    }

    /// `iam:EnableMFADevice`, sent once: gives the device to the user.
    pub fn enable_mfa_device(
        &self,
        signer: &Signer,
        user_name: &str,
        serial: &MfaSerial,
        codes: &ConsecutiveCodes,
    ) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = Call::once(self, signer, "iam:EnableMFADevice");
            let request = call.iam().enable_mfa_device().user_name(user_name).serial_number(serial.as_str());
            let request = request.authentication_code1(codes.first.expose()).authentication_code2(codes.second.expose());
            call.finish(request.send().await).map(|_| ())
        })
    }

    /// `iam:ResyncMFADevice`, sent once: AWS learns how far the device's clock is off.
    pub fn resync_mfa_device(
        &self,
        signer: &Signer,
        user_name: &str,
        serial: &MfaSerial,
        codes: &ConsecutiveCodes,
    ) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = Call::once(self, signer, "iam:ResyncMFADevice");
            let request = call.iam().resync_mfa_device().user_name(user_name).serial_number(serial.as_str());
            let request = request.authentication_code1(codes.first.expose()).authentication_code2(codes.second.expose());
            call.finish(request.send().await).map(|_| ())
        })
    }

    /// `iam:DeleteVirtualMFADevice`, which AWS refuses of a device that somebody has.
    pub fn delete_virtual_mfa_device(&self, signer: &Signer, serial: &MfaSerial) -> Result<(), AwsError> {
        self.runtime.block_on(async {
            let call = Call::new(self, signer, "iam:DeleteVirtualMFADevice");
            call.finish(call.iam().delete_virtual_mfa_device().serial_number(serial.as_str()).send().await).map(|_| ())
        })
    }

    pub(super) async fn mfa_devices(&self, signer: &Signer) -> Result<Vec<String>, AwsError> {
        Ok(self.devices(signer).await?.into_iter().map(|device| device.serial).collect())
    }

    /// Without a user's name, so that an ordinary user needs no more than the usual self-service policy.
    async fn devices(&self, signer: &Signer) -> Result<Vec<MfaDevice>, AwsError> {
        let call = Call::new(self, signer, "iam:ListMFADevices");
        let devices = every_page!(&call, call.iam().list_mfa_devices(), |page: ListMfaDevicesOutput| page.mfa_devices);
        let read =
            |device: aws_sdk_iam::types::MfaDevice| MfaDevice { serial: device.serial_number, enabled_at: from_sdk(&device.enable_date) };
        Ok(devices.into_iter().map(read).collect())
    }
}
