//! HTTP Basic: what it can carry, and that the secret is seen by the vendor only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_transport::{BasicCredentials, InvalidCredentials};
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
        let credentials = BasicCredentials::new(id, secret.into());
        let refused = credentials.check().err();
        assert_eq!(refused.map(|refused| (refused, refused.is_about_secret())), expected, "{id:?} {secret:?}");
        assert_eq!(credentials.header().is_none(), refused.is_some(), "{id:?} {secret:?}");
        assert_eq!(credentials.id(), id);
    }
}

#[test]
fn the_header_is_the_one_of_the_rfc() {
    let header = BasicCredentials::new("Aladdin", "open sesame".into()).header().unwrap();
    assert_eq!(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

proptest! {
    #[test]
    fn the_vendor_reads_back_what_was_given(id in "[^:\\pC]{1,12}", secret in "\\PC{1,24}") {
        let header = BasicCredentials::new(&id, secret.clone().into()).header().unwrap();
        let pair = STANDARD.decode(header.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        prop_assert_eq!(pair.split_once(':'), Some((&*id, &*secret)));
    }

    #[test]
    fn nothing_shows_the_secret(secret in "[☀-☃]{3,9}", end in "\n?") {
        let credentials = BasicCredentials::new("the-id", format!("{secret}{end}").into());
        let mut shown = format!("{credentials:?} {credentials:#?} {:?}", credentials.check());
        if let Err(refused) = credentials.check() {
            shown += &refused.to_string();
        }
        if let Some(header) = credentials.header() {
            prop_assert!(header.is_sensitive());
            shown += &format!("{header:?}");
            prop_assert!(!shown.contains(header.to_str().unwrap()));
        }
        prop_assert!(shown.contains("the-id") && !shown.contains(&secret[..3]), "{}", shown);
    }
}

#[test]
fn an_answer_that_repeats_credentials_is_masked() {
    let (id, secret) = ("7d431e42dfa6a6d693ac2d04", "sEcr3t-K3y-ZYXW1234");
    let token = STANDARD.encode(format!("{id}:{secret}"));
    let credentials = BasicCredentials::new(id, secret.into());
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
    let answer = BasicCredentials::new("100102", secret.into()).masked(http::Response::new("user 100102".into()));
    assert_eq!(answer.body(), "user 100102");
}
