//! A UserSig of another implementation is read, held against what it was made of, and made again.

use std::time::Duration;

use contact_sink_tencent::usersig::{Claims, InvalidUserSig, decode, sign, verify};

use crate::case::Vector;
use crate::signature::document;

/// Fails at the first thing that is not so. No key and no signature is printed.
pub(crate) fn run(vector: &Vector) -> Result<(), String> {
    let field = |name: &str| vector.document.get(name).cloned().unwrap_or_default();
    let number = |name: &str| field(name).as_u64().ok_or_else(|| format!("document: {name} is no number"));
    let text =
        |name: &str| field(name).as_str().map(str::to_owned).ok_or_else(|| format!("document: {name} is no text"));
    let claims = Claims {
        identifier: text("TLS.identifier")?,
        sdk_app_id: number("TLS.sdkappid")?,
        time: number("TLS.time")?,
        expire: number("TLS.expire")?,
    };
    holds("the document is what the vector says", document(&vector.usersig)? == vector.document)?;
    let read = decode(&vector.usersig).map_err(|error| error.to_string())?;
    holds("decoded, it says the same", read == (claims.clone(), text("TLS.sig")?))?;

    let (app, caller, key) = (claims.sdk_app_id, claims.identifier.as_str(), vector.key.as_str());
    let (begin, end) = (claims.time, claims.time + claims.expire);
    let verify =
        |app, caller, key: &str, now| verify(&vector.usersig, app, caller, &key.into(), Duration::from_secs(now));
    holds("it holds when it is made", verify(app, caller, key, begin) == Ok(claims.clone()))?;
    holds("it holds in its last second", verify(app, caller, key, end) == Ok(claims.clone()))?;
    for (what, refused, problem) in [
        ("a second later", verify(app, caller, key, end + 1), InvalidUserSig::Expired),
        ("with another key", verify(app, caller, &format!("{key}x"), begin), InvalidUserSig::OtherKey),
        ("for another app", verify(app + 1, caller, key, begin), InvalidUserSig::OtherApp),
        ("for another caller", verify(app, &format!("{caller}1"), key, begin), InvalidUserSig::OtherIdentifier),
    ] {
        holds(&format!("it is refused {what}"), refused == Err(problem))?;
    }

    // The compression may be another; what is in it may not.
    let again = sign(&claims, &key.into()).map_err(|error| error.to_string())?;
    holds("made again, it holds the same", document(again.expose())? == vector.document)
}

fn holds(what: &str, is_so: bool) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(format!("not so: {what}")) }
}
