//! Compares URLs: as they stand, or, where a signature is in the query, by their parts. A signature is never printed.

use http::Uri;

const SIGNATURE: &str = "usersig";
const RANDOM: &str = "random";

/// What stands before the query, and the query's decoded pairs in its order.
pub(crate) struct Parts {
    pub(crate) target: String,
    pub(crate) pairs: Vec<(String, String)>,
}

/// The URL that a case expects. A signed one has a random number and a signature: that they are there is compared here, what
/// they are elsewhere. The order of the query is free then.
pub(crate) fn expected(expected: &str, came: &Uri) -> Result<(), String> {
    let came = came.to_string();
    let differ = || Err(format!("url: expected {:?}, came {:?}", hidden(expected), hidden(&came)));
    if !is_signed(expected) {
        return if expected == came { Ok(()) } else { differ() };
    }
    let (expected, came) = (read(expected)?, read(&came)?);
    let comparable = |parts: Parts| {
        let mut pairs = parts.pairs;
        let varies = |name: &str| name == SIGNATURE || name == RANDOM;
        pairs.iter_mut().filter(|(name, _)| varies(name)).for_each(|(_, value)| value.clear());
        pairs.sort();
        (parts.target, pairs)
    };
    if comparable(expected) == comparable(came) { Ok(()) } else { differ() }
}

/// What came over the wire is what was built: a signed URL may have another random number.
pub(crate) fn unchanged(built: &Uri, came: &Uri) -> Result<(), String> {
    let (built, came) = (built.to_string(), came.to_string());
    let comparable = |url: &str| if is_signed(url) { replaced(url, RANDOM) } else { url.to_owned() };
    if comparable(&built) == comparable(&came) {
        Ok(())
    } else {
        Err(format!("url: expected {:?}, came {:?}", hidden(&built), hidden(&came)))
    }
}

/// The parts of a URL.
pub(crate) fn read(url: &str) -> Result<Parts, String> {
    let (target, query) = url.split_once('?').unwrap_or((url, ""));
    let pairs = query.split('&').filter(|_| !query.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("no pair in {:?}", hidden(url)))?;
        Ok::<_, String>((decoded(name)?, decoded(value)?))
    });
    Ok(Parts { target: target.to_owned(), pairs: pairs.collect::<Result<_, _>>()? })
}

/// The URL without its signature.
pub(crate) fn hidden(url: &str) -> String {
    replaced(url, SIGNATURE)
}

fn is_signed(url: &str) -> bool {
    url.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| is_named(pair, SIGNATURE)))
}

fn is_named(pair: &str, name: &str) -> bool {
    pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}

fn replaced(url: &str, name: &str) -> String {
    let Some((target, query)) = url.split_once('?') else { return url.to_owned() };
    let pairs = query.split('&').map(|pair| if is_named(pair, name) { format!("{name}=..") } else { pair.to_owned() });
    format!("{target}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// Undoes percent-encoding, strictly: a server may read a bare `+` as a space or as itself.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        match rest {
            [] => break,
            [b'%', high, low, tail @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
                    return Err("the query has a % that escapes nothing".to_owned());
                };
                bytes.push(high * 16 + low);
                rest = tail;
            }
            [byte, tail @ ..] if byte.is_ascii_alphanumeric() || b"-._~*".contains(byte) => {
                bytes.push(*byte);
                rest = tail;
            }
            [byte, ..] => return Err(format!("the query has a bare {:?} in it", char::from(*byte))),
        }
    }
    String::from_utf8(bytes).map_err(|_| "the query holds bytes that are no text".to_owned())
}
