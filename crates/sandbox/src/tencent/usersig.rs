//! UserSig, version 2: read and verified. Nothing here can make one.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::ZlibDecoder;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::codes::{self, Refusal};
use crate::strict::Object;

/// What a signature says. No `Debug`: it opens the app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserSig {
    #[serde(rename = "TLS.ver")]
    version: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdk_app_id: u64,
    /// For how long it is good, in seconds.
    #[serde(rename = "TLS.expire")]
    expire: u64,
    /// When it was made, in seconds of Unix time.
    #[serde(rename = "TLS.time")]
    pub(super) time: u64,
    #[serde(rename = "TLS.sig")]
    pub(super) sig: String,
}

/// Many times what a signature has; a few bytes may inflate to gigabytes.
const MAX_INFLATED_BYTES: u64 = 4096;

impl UserSig {
    /// Reads what stands in the query.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let signature = Self::decode(text).filter(|signature| signature.version == "2.0");
        signature.ok_or(Refusal(codes::UNDECODABLE, "usersig is not a UserSig of version 2.0"))
    }

    fn decode(text: &str) -> Option<Self> {
        if text.contains(['+', '/', '=']) {
            return None;
        }
        let deflated = STANDARD.decode(text.replace('*', "+").replace('-', "/").replace('_', "=")).ok()?;
        let mut decoder = ZlibDecoder::new(deflated.as_slice());
        let mut json = Vec::new();
        decoder.by_ref().take(MAX_INFLATED_BYTES).read_to_end(&mut json).ok()?;
        // The end of the stream, its checksum included, has been read, and nothing comes after it.
        let ended = decoder.read(&mut [0; 1]).ok()? == 0 && decoder.into_inner().is_empty();
        if !ended {
            return None;
        }
        let Object(signature) = serde_json::from_slice(&json).ok()?;
        Some(signature)
    }

    /// Verifies it for an app and a user at a time, in seconds of Unix time.
    pub(super) fn verify(&self, sdk_app_id: u64, identifier: &str, key: &str, now: u64) -> Result<(), Refusal> {
        if self.sdk_app_id != sdk_app_id {
            return Err(Refusal(codes::OTHER_SDK_APP_ID, "usersig is for another sdkappid"));
        }
        if self.identifier != identifier {
            return Err(Refusal(codes::OTHER_IDENTIFIER, "usersig is for another identifier"));
        }
        if now > self.time.saturating_add(self.expire) {
            return Err(Refusal(codes::EXPIRED, "usersig is expired"));
        }
        if self.is_signed_by(key) { Ok(()) } else { Err(Refusal(codes::FORGED, "usersig is signed by another key")) }
    }

    fn is_signed_by(&self, key: &str) -> bool {
        let Self { identifier, sdk_app_id, time, expire, .. } = self;
        let text =
            format!("TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n");
        let (Ok(mac), Ok(sig)) = (Hmac::<Sha256>::new_from_slice(key.as_bytes()), STANDARD.decode(&self.sig)) else {
            return false;
        };
        // In constant time.
        mac.chain_update(text.as_bytes()).verify_slice(&sig).is_ok()
    }
}
