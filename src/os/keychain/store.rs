//! The store that the system itself has, by way of keyring-core.

use super::{Answer, Call, Perform};

/// Connected with the first call, and anew after one that failed: the service may have been started again.
#[derive(Default)]
pub(super) struct Store {
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "macos", windows))]
    connected: Option<std::sync::Arc<keyring_core::CredentialStore>>,
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "macos", windows)))]
impl Perform for Store {
    fn perform(&mut self, _: &Call) -> Answer {
        Err(super::NoKeychain::absent())
    }
}

#[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "macos", windows))]
mod system {
    use std::collections::HashMap;
    use std::sync::Arc;

    use keyring_core::{CredentialStore, Error};
    use zeroize::Zeroizing;

    use super::super::{Act, KeychainError, SERVICE};
    use super::{Answer, Call, Perform, Store};

    impl Perform for Store {
        fn perform(&mut self, call: &Call) -> Answer {
            let connected = match self.connected.take() {
                Some(store) => store,
                None => connect().map_err(|error| KeychainError::Absent(cause(&error)))?,
            };
            let answer = ask(&connected, call);
            if answer.is_ok() {
                self.connected = Some(connected);
            }
            answer
        }
    }

    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    fn connect() -> Result<Arc<CredentialStore>, Error> {
        zbus_secret_service_keyring_store::Store::new().map(|store| -> Arc<CredentialStore> { store })
    }

    #[cfg(target_os = "macos")]
    fn connect() -> Result<Arc<CredentialStore>, Error> {
        apple_native_keyring_store::keychain::Store::new().map(|store| -> Arc<CredentialStore> { store })
    }

    #[cfg(windows)]
    fn connect() -> Result<Arc<CredentialStore>, Error> {
        windows_native_keyring_store::Store::new().map(|store| -> Arc<CredentialStore> { store })
    }

    fn ask(store: &Arc<CredentialStore>, call: &Call) -> Answer {
        let item = call.item.as_str();
        // What a person reads in the list of their keychain; only the Secret Service has it beside the name.
        let label = format!("keyrotate: {item}");
        let labelled = HashMap::from([("label", label.as_str())]);
        let modifiers = cfg!(any(target_os = "linux", target_os = "freebsd")).then_some(&labelled);
        let entry = store.build(SERVICE, item, modifiers).map_err(|error| refusal(item, &error))?;
        let answer = match &call.act {
            Act::Get => entry.get_secret().map(|bytes| Some(Zeroizing::new(bytes))),
            Act::Set(bytes) => entry.set_secret(bytes).map(|()| None),
            Act::Delete => entry.delete_credential().map(|()| None),
        };
        match answer {
            Err(Error::NoEntry) if !matches!(call.act, Act::Set(_)) => Ok(None),
            answer => answer.map_err(|error| refusal(item, &error)),
        }
    }

    fn refusal(item: &str, error: &Error) -> KeychainError {
        let cause = cause(error);
        if let Error::Ambiguous(items) = error {
            return KeychainError::Other(format!(
                "the keychain has {} items `{item}` of {SERVICE}, and which of them counts cannot be told: remove all but one in the \
                 keychain's own program",
                items.len()
            ));
        }
        let is_platforms = matches!(error, Error::PlatformFailure(_));
        if matches!(error, Error::NoStorageAccess(_)) {
            KeychainError::Locked
        } else if is_platforms && cause.contains("AccessDenied") {
            KeychainError::Denied(cause)
        } else if is_platforms && is_gone(&cause) {
            KeychainError::Absent(cause)
        } else {
            KeychainError::Other(format!("the keychain refuses: {cause}"))
        }
    }

    /// By the names of the D-Bus specification.
    fn is_gone(cause: &str) -> bool {
        ["ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected", "NoServer", "Spawn."].iter().any(|name| cause.contains(name))
    }

    /// What the system said; an error that carries what an item has is told without it.
    fn cause(error: &Error) -> String {
        if matches!(error, Error::BadEncoding(_) | Error::BadDataFormat(..)) {
            return "what the item has cannot be read".to_owned();
        }
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
    }
}
