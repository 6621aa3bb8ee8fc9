//! Makes UserSigs, good ones and others: written for these tests alone.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

/// Who signs what.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) app: u64,
    pub(crate) key: String,
    pub(crate) identifier: String,
    pub(crate) time: u64,
    pub(crate) expire: u64,
}

impl Signer {
    /// The default world's admin, now, for a day.
    pub(crate) fn new() -> Self {
        let (key, identifier) = ("sandbox".to_owned(), "administrator".to_owned());
        Self { app: 1_400_000_000, key, identifier, time: now(), expire: 86_400 }
    }

    pub(crate) fn at(time: u64) -> Self {
        Self { time, ..Self::new() }
    }

    pub(crate) fn sig(&self) -> String {
        let Self { app, key, identifier, time, expire } = self;
        let text = ["TLS.identifier:", identifier, "\nTLS.sdkappid:", &app.to_string(), "\nTLS.time:"].concat();
        let text = [text.as_str(), &time.to_string(), "\nTLS.expire:", &expire.to_string(), "\n"].concat();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }

    pub(crate) fn document(&self) -> serde_json::Value {
        json!({
            "TLS.ver": "2.0", "TLS.identifier": self.identifier, "TLS.sdkappid": self.app,
            "TLS.expire": self.expire, "TLS.time": self.time, "TLS.sig": self.sig(),
        })
    }

    pub(crate) fn usersig(&self) -> String {
        wrap(&deflate(self.document().to_string().as_bytes()))
    }

    /// The whole query, good for the app that it signs for.
    pub(crate) fn query(&self) -> String {
        query(self.app, &self.identifier, &self.usersig())
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn query(app: u64, identifier: &str, usersig: &str) -> String {
    format!(
        "sdkappid={app}&identifier={}&usersig={}&random=4294967295&contenttype=json",
        encode(identifier),
        encode(usersig)
    )
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn wrap(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "*").replace('/', "-").replace('=', "_")
}

pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
