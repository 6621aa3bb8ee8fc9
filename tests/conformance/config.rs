//! What a case says of the client: base URL, credentials, clock. Each vendor takes its own part.

use serde::Deserialize;

/// Credentials and base URL. What belongs to another vendor is refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) base_url: String,
    /// Of HTTP Basic.
    id: Option<String>,
    secret: Option<String>,
    /// Of a signature in the URL.
    sdk_app_id: Option<u64>,
    identifier: Option<String>,
    secret_key: Option<String>,
    /// What the clock says when it is first asked, in seconds since 1970.
    time: Option<u64>,
    /// How many seconds pass until it is asked again.
    clock_step: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: "https://vendor.example".into(),
            id: None,
            secret: None,
            sdk_app_id: None,
            identifier: None,
            secret_key: None,
            time: None,
            clock_step: None,
        }
    }
}

/// An app, who calls, and when.
pub(crate) struct App<'a> {
    pub(crate) sdk_app_id: u64,
    pub(crate) identifier: &'a str,
    pub(crate) secret_key: &'a str,
    pub(crate) time: u64,
    pub(crate) clock_step: u64,
}

impl Config {
    /// Id and secret, for a vendor that takes HTTP Basic.
    pub(crate) fn basic(&self) -> Result<(&str, &str), String> {
        let numbers = [self.sdk_app_id, self.time, self.clock_step];
        let texts = [&self.identifier, &self.secret_key];
        if numbers.iter().any(Option::is_some) || texts.iter().any(|text| text.is_some()) {
            return Err("config: this vendor takes an id and a secret".to_owned());
        }
        Ok((self.id.as_deref().unwrap_or("id"), self.secret.as_deref().unwrap_or("secret")))
    }

    /// The app, for a vendor that takes a signature.
    pub(crate) fn app(&self) -> Result<App<'_>, String> {
        if self.id.is_some() || self.secret.is_some() {
            return Err("config: this vendor takes sdk_app_id, identifier and secret_key".to_owned());
        }
        Ok(App {
            sdk_app_id: self.sdk_app_id.unwrap_or(88_888_888),
            identifier: self.identifier.as_deref().unwrap_or("admin"),
            secret_key: self.secret_key.as_deref().unwrap_or("the secret key of the cases"),
            time: self.time.unwrap_or(1_700_000_000),
            clock_step: self.clock_step.unwrap_or(0),
        })
    }
}
