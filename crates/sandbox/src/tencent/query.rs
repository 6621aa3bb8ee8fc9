//! The query, read without mercy.

use super::codes::{self, Refusal};

/// What the query says, decoded.
pub(super) struct Query {
    pub(super) identifier: String,
    pub(super) usersig: String,
}

const NAMES: [&str; 5] = ["sdkappid", "identifier", "usersig", "random", "contenttype"];

/// Reads the query of a request to this app.
pub(super) fn read(query: Option<&str>, sdk_app_id: u64) -> Result<Query, Refusal> {
    let mut values = NAMES.map(|_| None);
    for pair in query.filter(|query| !query.is_empty()).into_iter().flat_map(|query| query.split('&')) {
        let bad = |info| Refusal(codes::BAD_HTTP, info);
        let (name, value) = pair.split_once('=').ok_or_else(|| bad("a parameter of the query has no value"))?;
        let place = NAMES.iter().position(|known| *known == name);
        let place = place.and_then(|place| values.get_mut(place));
        let place = place.ok_or_else(|| bad("the query has a parameter that is not documented"))?;
        let value = decode(value).ok_or_else(|| bad("a parameter of the query is not percent-encoded UTF-8"))?;
        if place.replace(value).is_some() {
            return Err(bad("a parameter of the query stands there twice"));
        }
    }
    let [app, identifier, usersig, random, content_type] = values;
    let app = app.ok_or(Refusal(codes::NO_SDK_APP_ID, "the query has no sdkappid"))?;
    let app = number(&app).ok_or(Refusal(codes::BAD_SDK_APP_ID, "sdkappid is not a number"))?;
    if app != sdk_app_id {
        return Err(Refusal(codes::NO_SUCH_APP, "there is no app with this sdkappid here"));
    }
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let identifier = given(identifier).ok_or(Refusal(codes::BAD_IDENTIFIER, "the query has no identifier"))?;
    let usersig = given(usersig).ok_or(Refusal(codes::BAD_USERSIG, "the query has no usersig"))?;
    if random.and_then(|random| number(&random)).is_none_or(|random| random > u64::from(u32::MAX)) {
        return Err(Refusal(codes::BAD_HTTP, "random is not an unsigned 32-bit number"));
    }
    if content_type.as_deref() != Some("json") {
        return Err(Refusal(codes::BAD_HTTP, "contenttype is not json"));
    }
    Ok(Query { identifier, usersig })
}

/// A decimal number as one writes it: no sign, no zero in front.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Decodes a value. What not all servers read alike is refused: a bare `+` may be a space, and `=` and `;` may be separators.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                after
            }
            (b'%' | b'+' | b'=' | b';', _) => return None,
            (byte, after) if byte.is_ascii_graphic() => {
                bytes.push(*byte);
                after
            }
            _ => return None,
        };
    }
    String::from_utf8(bytes).ok()
}
