//! A second reader of the keychain: it speaks D-Bus itself, without encryption, and starts no process. It knows nothing of keyrotate.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const DESTINATION: Option<&str> = Some("org.freedesktop.secrets");
const SERVICE: Option<&str> = Some("org.freedesktop.Secret.Service");
const PATH: &str = "/org/freedesktop/secrets";

/// A secret as it is sent: the session, parameters of its encryption, the value, the type of the content.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// A connection to the bus, which outlives the keyring.
pub struct Reader(Connection);

impl Reader {
    /// To the bus with this address.
    pub fn open(address: &str) -> zbus::Result<Self> {
        Builder::address(address)?.method_timeout(Duration::from_secs(25)).build().map(Self)
    }

    /// The items with this attribute `service`, by their `username`, each with what it has; an error where one is locked.
    pub fn items(&self, service: &str) -> zbus::Result<BTreeMap<String, String>> {
        let wanted = HashMap::from([("service", service)]);
        let found = self.0.call_method(DESTINATION, PATH, SERVICE, "SearchItems", &wanted)?;
        let (open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = found.body().deserialize()?;
        if !locked.is_empty() {
            return Err(zbus::Error::Failure(format!("{} items are locked", locked.len())));
        }
        if open.is_empty() {
            return Ok(BTreeMap::new());
        }
        let begun = self.0.call_method(DESTINATION, PATH, SERVICE, "OpenSession", &("plain", Value::from("")))?;
        let (_, session): (OwnedValue, OwnedObjectPath) = begun.body().deserialize()?;
        let given = self.0.call_method(DESTINATION, PATH, SERVICE, "GetSecrets", &(&open, &session))?;
        let secrets: HashMap<OwnedObjectPath, Secret> = given.body().deserialize()?;
        let named =
            |(path, (_, _, value, _)): (OwnedObjectPath, Secret)| Ok((self.name(&path)?, String::from_utf8_lossy(&value).into_owned()));
        let items = secrets.into_iter().map(named).collect();
        self.0.call_method(DESTINATION, &session, Some("org.freedesktop.Secret.Session"), "Close", &())?;
        items
    }

    fn name(&self, item: &OwnedObjectPath) -> zbus::Result<String> {
        let asked = ("org.freedesktop.Secret.Item", "Attributes");
        let found = self.0.call_method(DESTINATION, item, Some("org.freedesktop.DBus.Properties"), "Get", &asked)?;
        let mut attributes: HashMap<String, String> = found.body().deserialize::<OwnedValue>()?.try_into()?;
        Ok(attributes.remove("username").unwrap_or_default())
    }
}
