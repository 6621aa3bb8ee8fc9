//! UserSig: vectors of another implementation, the order in which a wrong one is refused, and any text at all.

use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contact_sink_tencent::usersig::{Claims, InvalidUserSig, decode, sign, verify};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

/// Made with an independent implementation; the four have other compression and other lengths of padding.
struct Vector {
    app: u64,
    key: &'static str,
    identifier: &'static str,
    expire: u64,
    time: u64,
    usersig: &'static str,
    signature: &'static str,
}

const VECTORS: [Vector; 4] = [
    Vector {
        app: 1400000000,
        key: "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        identifier: "xiaojun",
        expire: 15552000,
        time: 1700000000,
        usersig: "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkKjIT87NK82CSxSnZiQUFmSlAKUMTAyiAyqVWFGQWpYJkTE1NjRDiJZm5YFFzNPXFmekgG3zKHM1T9D3LzdODi-OKs8vCqpxcAvydnV2SSv2cy03cPcpDnA2SMgu0nUxslWoBHdYzUg__",
        signature: "LvA7d/Iw7gSsnskvVzBDPOCCDbuNCw4GHwTC0bip+B4=",
    },
    Vector {
        app: 1400000000,
        key: "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        identifier: "administrator",
        expire: 604800,
        time: 1732000000,
        usersig: "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-Myi0uKEkvyi2BKilOyEwsKMlOACgxNDKAAKpdaUZBZlAqUMTMwsYCLlmTmgsQMzY2NUFQXZ6aDbCmPLHGtTLS0dM0srXROSyyqCkh2Di0orTJKifAqNcg0SfcxL8kLcU*0DE*2VaoFAJInNpI_",
        signature: "wYtEya99EiuyCfarzPcCUpuz2dXJu0i4gL7tnTGa9Wc=",
    },
    Vector {
        app: 1,
        key: "2",
        identifier: "3",
        expire: 4,
        time: 1600000000,
        usersig: "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkjGHCxSnZiQUFmSlAQUOoUGpFQWZRKlDABCpQkpkL4hqaGUABTG9mOsgss*xsV21fA-eqvMhww-xsbbNw56DiilyPfCP-KIt8v6iUgDLTfN-SLCNXX1ulWgDhxS1t",
        signature: "6kkE+M0GznYW1ok+6WCRsxmHo2OZ8oNZdPv5oMuj2EM=",
    },
    Vector {
        app: 4294967295,
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        identifier: "a@b.example#用户",
        expire: 3600,
        time: 1767225600,
        usersig: "eJxFjd0KgjAYQF9F1mUh*um2FgRRRBBBQUUW3ih*xWrK-Csreve0jG7POXCeZLNYm1fMyMAgYFqkZ3yIjDAp5FF*RTAKTayCWCvs*CWn0PdLBg7-1Xl0CbSWUd26IFzBOAjaOqy0zLA2DrOslhUybojN6xDon*fy1Ozm4Xh7E*qME48pRjHdQxrfq2Wx88LV1J7pvJscUKgH7Q-J6w3*3zfl",
        signature: "JbBUw9ljeCX6l65eqY2qmyxOtWXbPE1Gps+nZe9lz58=",
    },
];

impl Vector {
    fn claims(&self) -> Claims {
        let Self { app, identifier, expire, time, .. } = *self;
        Claims { identifier: identifier.to_owned(), sdk_app_id: app, time, expire }
    }
}

/// Written apart from the library: a document as a UserSig.
fn pack(json: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json).unwrap();
    STANDARD.encode(encoder.finish().unwrap()).replace('+', "*").replace('/', "-").replace('=', "_")
}

fn document(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> String {
    let mut document = json!({
        "TLS.ver": "2.0", "TLS.identifier": "a", "TLS.sdkappid": 1, "TLS.expire": 60, "TLS.time": 1000, "TLS.sig": "AA==",
    });
    change(document.as_object_mut().unwrap());
    pack(document.to_string().as_bytes())
}

#[test]
fn the_vectors_of_another_implementation() {
    for vector in VECTORS {
        let (key, claims) = (SecretString::from(vector.key), vector.claims());
        assert_eq!(decode(vector.usersig), Ok((claims.clone(), vector.signature.to_owned())), "{}", vector.identifier);
        let last = Duration::from_secs(vector.time + vector.expire);
        let verified = |now| verify(vector.usersig, vector.app, vector.identifier, &key, now);
        assert_eq!(verified(Duration::ZERO), Ok(claims.clone()));
        assert_eq!(verified(last), Ok(claims.clone()), "its last second");
        assert_eq!(verified(last + Duration::from_secs(1)), Err(InvalidUserSig::Expired));
        let ours = sign(&claims, &key).unwrap();
        assert_eq!(decode(ours.expose()), Ok((claims, vector.signature.to_owned())), "the signature is the same");
    }
}

#[test]
fn what_is_wrong_is_found_in_the_vendors_order() {
    use InvalidUserSig as I;
    let key: SecretString = "key".into();
    let claims = Claims { identifier: "a".to_owned(), sdk_app_id: 1, time: 1_000, expire: 60 };
    let usersig = sign(&claims, &key).unwrap();
    let (good, late) = (Duration::from_secs(1_060), Duration::from_secs(1_061));
    // Each line mends what the line before was refused for.
    let table = [
        ("?", 2, "b", "other", late, Err(I::Undecodable)),
        (usersig.expose(), 2, "b", "other", late, Err(I::OtherApp)),
        (usersig.expose(), 1, "b", "other", late, Err(I::OtherIdentifier)),
        (usersig.expose(), 1, "a", "other", late, Err(I::Expired)),
        (usersig.expose(), 1, "a", "other", good, Err(I::OtherKey)),
        (usersig.expose(), 1, "a", "key", good, Ok(claims.clone())),
    ];
    for (usersig, app, identifier, key, now, expected) in table {
        assert_eq!(verify(usersig, app, identifier, &key.into(), now), expected);
    }
    // The clock of the one who signs may be ahead.
    assert_eq!(verify(usersig.expose(), 1, "a", &key, Duration::ZERO), Ok(claims));
}

#[test]
fn what_is_no_usersig() {
    let changed = |name: &str, value: Value| document(|fields| drop(fields.insert(name.to_owned(), value)));
    assert!(decode(&document(|_| {})).is_ok());
    assert!(decode(&changed("TLS.more", json!(1))).is_ok(), "an unknown field");
    let mut table = vec![
        String::new(),
        "_".to_owned(),
        pack(b""),
        pack(b"[]"),
        pack(b"\xff"),
        changed("TLS.ver", json!("1.0")),
        changed("TLS.ver", json!(2.0)),
        changed("TLS.sdkappid", json!("1")),
        changed("TLS.sdkappid", json!(-1)),
        changed("TLS.time", json!(1e3)),
        changed("TLS.identifier", Value::Null),
        STANDARD.encode(document(|_| {})),
        format!("{}A", document(|_| {})),
        format!(" {}", document(|_| {})),
    ];
    for field in ["TLS.ver", "TLS.identifier", "TLS.sdkappid", "TLS.expire", "TLS.time", "TLS.sig"] {
        table.push(document(|fields| drop(fields.remove(field))));
    }
    // The characters that the vendor's alphabet replaces are no second spelling of it.
    for vector in VECTORS {
        let plain = vector.usersig.replace('*', "+").replace('-', "/").replace('_', "=");
        table.extend((plain != vector.usersig).then_some(plain));
    }
    assert_eq!(table.len(), 24);
    for text in table {
        assert_eq!(decode(&text), Err(InvalidUserSig::Undecodable), "{text}");
    }
    let key = "key".into();
    for signature in ["", "AA==", "?", "AA"] {
        let usersig = changed("TLS.sig", json!(signature));
        assert_eq!(verify(&usersig, 1, "a", &key, Duration::ZERO), Err(InvalidUserSig::OtherKey), "{signature}");
    }
}

#[test]
fn a_changed_claim_needs_another_signature() {
    let key: SecretString = "key".into();
    let claims = Claims { identifier: "a".to_owned(), sdk_app_id: 1, time: 1_000, expire: 60 };
    let signature = decode(sign(&claims, &key).unwrap().expose()).unwrap().1;
    let with = |name: &str, value: Value| {
        let usersig = document(|fields| {
            fields.insert("TLS.sig".to_owned(), json!(signature));
            fields.insert(name.to_owned(), value);
        });
        let read = decode(&usersig).unwrap().0;
        verify(&usersig, read.sdk_app_id, &read.identifier, &key, Duration::from_secs(1_000)).err()
    };
    assert_eq!(with("TLS.time", json!(1_000)), None, "nothing is changed");
    for (name, value) in [
        ("TLS.identifier", json!("b")),
        ("TLS.sdkappid", json!(2)),
        ("TLS.time", json!(1_001)),
        ("TLS.expire", json!(61)),
    ] {
        assert_eq!(with(name, value), Some(InvalidUserSig::OtherKey), "{name}");
    }
}

#[test]
fn a_bomb_is_not_inflated() {
    // 100 MB of zeros: a block that repeats the megabyte before it, again and again.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut block = || {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
        encoder.flush().unwrap();
        std::mem::take(encoder.get_mut())
    };
    let (first, again) = (block(), block());
    let bomb =
        STANDARD.encode([first, again.repeat(99)].concat()).replace('+', "*").replace('/', "-").replace('=', "_");
    let start = Instant::now();
    assert_eq!(decode(&bomb), Err(InvalidUserSig::Undecodable));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    // A good document that more follows than a UserSig may have.
    let good = json!({"TLS.ver": "2.0", "TLS.identifier": "a", "TLS.sdkappid": 1, "TLS.expire": 60, "TLS.time": 1000, "TLS.sig": ""});
    let padded = |spaces: usize| format!("{good}{}", " ".repeat(spaces));
    assert!(decode(&pack(padded(10_000).as_bytes())).is_ok());
    assert_eq!(decode(&pack(padded(20_000).as_bytes())), Err(InvalidUserSig::Undecodable), "it is refused, not cut");
}

fn claims() -> impl Strategy<Value = Claims> {
    let identifier = prop_oneof![any::<String>(), "[a-z]{1,12}", "[\n\"\\\\TLS.:0-9]{0,40}"];
    let number = || prop_oneof![any::<u64>(), 0..100_000_u64];
    (identifier, number(), number(), number()).prop_map(|(identifier, sdk_app_id, time, expire)| Claims {
        identifier,
        sdk_app_id,
        time,
        expire,
    })
}

proptest! {
    #[test]
    fn what_is_signed_is_read_and_verified(claims in claims(), key: String, at: u64) {
        let key = SecretString::from(key);
        let usersig = sign(&claims, &key).unwrap();
        prop_assert!(usersig.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-_".contains(&byte)));
        prop_assert_eq!(decode(usersig.expose()).map(|(read, _)| read), Ok(claims.clone()));
        let valid = at <= claims.time.saturating_add(claims.expire);
        let verified = verify(usersig.expose(), claims.sdk_app_id, &claims.identifier, &key, Duration::from_secs(at));
        prop_assert_eq!(verified, if valid { Ok(claims) } else { Err(InvalidUserSig::Expired) });
    }

    /// HMAC fills a key up with zeros, so one that differs by them only is the same key.
    #[test]
    fn another_key_does_not_verify(claims in claims(), keys in ("[a-z]{0,70}", "[a-z]{0,70}")) {
        prop_assume!(keys.0 != keys.1);
        let usersig = sign(&claims, &keys.0.into()).unwrap();
        let verified = verify(usersig.expose(), claims.sdk_app_id, &claims.identifier, &keys.1.into(), Duration::ZERO);
        prop_assert_eq!(verified, Err(InvalidUserSig::OtherKey));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}|[A-Za-z0-9*_-]{0,80}", bytes: Vec<u8>, at: prop::sample::Index, other: char) {
        let packed = pack(&bytes);
        let mut damaged: Vec<char> = VECTORS[1].usersig.chars().collect();
        let place = at.index(damaged.len());
        damaged[place] = other;
        let damaged: String = damaged.into_iter().collect();
        let cut = &VECTORS[1].usersig[..place];
        for text in [&*text, &packed, cut] {
            prop_assert_eq!(decode(text), Err(InvalidUserSig::Undecodable));
        }
        let vector = &VECTORS[1];
        let verified = verify(&damaged, vector.app, vector.identifier, &vector.key.into(), Duration::ZERO);
        prop_assert!(verified.is_err() || verified == Ok(vector.claims()));
    }
}
