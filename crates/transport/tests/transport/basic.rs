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
