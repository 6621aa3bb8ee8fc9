//! HTTP Basic and Bearer: what they can carry, and that the secret is seen by the vendor only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_transport::{Credentials, InvalidCredentials};
use proptest::prelude::*;

#[test]
fn what_basic_cannot_carry() {
    use InvalidCredentials as I;
    let table = [
        ("id", "secret", None),
        ("id", "se:cr:et", None),
        ("id", ":", None),
        ("id", " secret ", None),
        ("身份", "密钥", None),
        ("", "secret", Some((I::EmptyId, false))),
        ("i:d", "secret", Some((I::Colon, false))),
        (":", "secret", Some((I::Colon, false))),
        ("id", "", Some((I::EmptySecret, true))),
        ("id\n", "secret", Some((I::ControlCharacterInId, false))),
        ("i\u{7f}d", "secret", Some((I::ControlCharacterInId, false))),
        ("i\u{85}d", "secret", Some((I::ControlCharacterInId, false))),
        ("id", "secret\n", Some((I::ControlCharacterInSecret, true))),
        ("id", "secret\r\n", Some((I::ControlCharacterInSecret, true))),
        ("id", "\0", Some((I::ControlCharacterInSecret, true))),
    ];
    for (id, secret, expected) in table {
        let credentials = Credentials::basic(id, &secret.into());
        let refused = credentials.as_ref().err().map(|refused| (*refused, refused.is_about_secret()));
        assert_eq!(refused, expected, "{id:?} {secret:?}");
        assert!(credentials.is_ok_and(|credentials| credentials.id() == id) == expected.is_none());
    }
}

#[test]
fn the_header_is_the_one_of_the_rfc() {
    let basic = Credentials::basic("Aladdin", &"open sesame".into()).unwrap();
    assert_eq!(header(&basic), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    let bearer = Credentials::bearer(&"mF_9.B5f-4.1JqM".into()).unwrap();
    assert_eq!((bearer.id(), header(&bearer)), ("", "Bearer mF_9.B5f-4.1JqM".parse().unwrap()));
}

#[test]
fn what_bearer_cannot_carry() {
    use InvalidCredentials as I;
    for (token, expected) in [
        ("", I::EmptySecret),
        ("to ken", I::ControlCharacterInSecret),
        ("token\n", I::ControlCharacterInSecret),
        ("密钥", I::ControlCharacterInSecret),
    ] {
        assert_eq!(Credentials::bearer(&token.into()).err(), Some(expected), "{token:?}");
    }
}

/// The header of a request with these credentials.
fn header(credentials: &Credentials) -> http::HeaderValue {
    let mut request = http::Request::new(contact_sink_transport::Bytes::new());
    credentials.put_on(&mut request);
    let header = request.headers()[http::header::AUTHORIZATION].clone();
    assert!(header.is_sensitive());
    header
}

proptest! {
    #[test]
    fn the_vendor_reads_back_what_was_given(id in "[^:\\pC]{1,12}", secret in "\\PC{1,24}") {
        let header = header(&Credentials::basic(&id, &secret.clone().into()).unwrap());
        let pair = STANDARD.decode(header.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        prop_assert_eq!(pair.split_once(':'), Some((&*id, &*secret)));
    }

    #[test]
    fn nothing_shows_the_secret(secret in "[☀-☃]{3,9}", end in "\n?") {
        let mut shown = String::new();
        match Credentials::basic("the-id", &format!("{secret}{end}").into()) {
            Err(refused) => shown += &format!("{refused} {refused:?}"),
            Ok(credentials) => {
                let header = header(&credentials);
                shown += &format!("{credentials:?} {credentials:#?} {header:?}");
                prop_assert!(shown.contains("the-id") && !shown.contains(header.to_str().unwrap()));
            }
        }
        prop_assert!(!shown.contains(&secret[..3]), "{}", shown);
    }
}

#[test]
fn an_answer_that_repeats_credentials_is_masked() {
    let (id, secret) = ("7d431e42dfa6a6d693ac2d04", "sEcr3t-K3y-ZYXW1234");
    let token = STANDARD.encode(format!("{id}:{secret}"));
    let credentials = Credentials::basic(id, &secret.into()).unwrap();
    for (answer, masked) in [
        (format!("wrong secret {secret}."), "wrong secret ***."),
        (format!("twice {secret}{secret}!"), "twice ******!"),
        (format!("cut {}..", &secret[..12]), "cut ***.."),
        (format!("upper {}", secret.to_uppercase()), "upper ***"),
        (format!("Basic {token}"), "Basic ***="),
        (format!("key {id}"), "key ***"),
        ("not allowed: K3y, sEcr3t".to_owned(), "not allowed: K3y, sEcr3t"),
        (String::new(), ""),
    ] {
        let answer = credentials.masked(http::Response::new(answer.into()));
        assert_eq!(answer.body(), masked);
    }
    // A short id may be the id of a user too.
    let answer = Credentials::basic("100102", &secret.into()).unwrap();
    let answer = answer.masked(http::Response::new("user 100102".into()));
    assert_eq!(answer.body(), "user 100102");
    let bearer = Credentials::bearer(&secret.into()).unwrap();
    let answer = bearer.masked(http::Response::new(format!("bad token {secret}").into()));
    assert_eq!(answer.body(), "bad token ***");
}
