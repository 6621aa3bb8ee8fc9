//! What a signed request of Tencent's must have in its URL, and a UserSig read apart from the crate that made it.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use contact_sink_tencent::Config;
use contact_sink_tencent::usersig::verify;
use flate2::read::ZlibDecoder;
use http::Request;
use serde_json::{Value, json};

use crate::config::App;
use crate::url;

/// The query has the five parameters once each, a random number of 32 bits, and a UserSig of this app, caller and time. `said`
/// is what may be shown to a person: it holds nothing secret.
pub(crate) fn signed(request: &Request<Bytes>, app: &App<'_>, said: &str) -> Result<(), String> {
    let mut pairs = url::read(&request.uri().to_string())?.pairs;
    pairs.sort();
    let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    if names != ["contenttype", "identifier", "random", "sdkappid", "usersig"] {
        return Err(format!("query: the parameters are {names:?}"));
    }
    let value = |nth: usize| pairs[nth].1.as_str();
    for (name, came, expected) in [
        ("contenttype", value(0), "json"),
        ("identifier", value(1), app.identifier),
        ("sdkappid", value(3), &app.sdk_app_id.to_string()),
    ] {
        if came != expected {
            return Err(format!("query: {name}: expected {expected:?}, came {came:?}"));
        }
    }
    let random = value(2);
    if random.parse::<u32>().map(|number| number.to_string()).as_deref() != Ok(random) {
        return Err(format!("query: random: {random:?} is no number of 32 bits"));
    }
    let (usersig, key) = (value(4), app.secret_key);
    holds(usersig, app)?;
    for secret in [usersig, key, "usersig="] {
        if said.contains(secret) || said.contains(&secret.escape_debug().to_string()) {
            return Err("what may be shown holds the UserSig or the key".to_owned());
        }
    }
    Ok(())
}

fn holds(usersig: &str, app: &App<'_>) -> Result<(), String> {
    let now = Duration::from_secs(app.time);
    verify(usersig, app.sdk_app_id, app.identifier, &app.secret_key.into(), now)
        .map_err(|error| format!("usersig: {error}"))?;
    let mut document = document(usersig)?;
    let signature = document.as_object_mut().and_then(|fields| fields.remove("TLS.sig"));
    let signature = signature.as_ref().and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
    if signature.is_none_or(|signature| signature.len() != 32) {
        return Err("usersig: TLS.sig is no signature of 256 bits in base64".to_owned());
    }
    let expected = json!({
        "TLS.ver": "2.0",
        "TLS.identifier": app.identifier,
        "TLS.sdkappid": app.sdk_app_id,
        "TLS.time": app.time,
        "TLS.expire": Config::DEFAULT_LIFETIME.as_secs(),
    });
    if document == expected {
        Ok(())
    } else {
        Err(format!("usersig: but for TLS.sig, expected {expected}, came {document}"))
    }
}

/// What a UserSig holds, by the vendor's description of it.
pub(crate) fn document(usersig: &str) -> Result<Value, String> {
    if let Some(char) = usersig.chars().find(|char| !char.is_ascii_alphanumeric() && !"*-_".contains(*char)) {
        return Err(format!("usersig: {char:?} is not in its alphabet"));
    }
    let base64 = usersig.replace('*', "+").replace('-', "/").replace('_', "=");
    let compressed = STANDARD.decode(base64).map_err(|_| "usersig: no base64")?;
    let mut text = String::new();
    ZlibDecoder::new(&*compressed).read_to_string(&mut text).map_err(|_| "usersig: not zlib")?;
    serde_json::from_str(&text).map_err(|_| "usersig: no JSON".to_owned())
}
