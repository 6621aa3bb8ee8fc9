//! UserSigs: those of an independent implementation, forged ones, expired ones and revoked ones.

use std::time::{Duration, UNIX_EPOCH};

use contact_sink_sandbox::Sandbox;
use contact_sink_sandbox::tencent::{FRIEND_UPDATE_PATH, GET_ATTR_NAME_PATH as PATH};
use serde_json::json;

use super::start;
use crate::client::Client;
use crate::usersig::{Signer, deflate, now, query, wrap};

/// Made by an implementation that has nothing to do with this one: app, key, identifier, expiry, time, UserSig.
const VECTORS: [(u64, &str, &str, u64, u64, &str); 4] = [
    (
        1400000000,
        "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        "xiaojun",
        15552000,
        1700000000,
        "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkKjIT87NK82CSxSnZiQUFmSlAKUMTAyiAyqVWFGQWpYJkTE1NjRDiJZm5YFFzNPXFmekgG3zKHM1T9D3LzdODi-OKs8vCqpxcAvydnV2SSv2cy03cPcpDnA2SMgu0nUxslWoBHdYzUg__",
    ),
    (
        1400000000,
        "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
        "administrator",
        604800,
        1732000000,
        "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-Myi0uKEkvyi2BKilOyEwsKMlOACgxNDKAAKpdaUZBZlAqUMTMwsYCLlmTmgsQMzY2NUFQXZ6aDbCmPLHGtTLS0dM0srXROSyyqCkh2Di0orTJKifAqNcg0SfcxL8kLcU*0DE*2VaoFAJInNpI_",
    ),
    (
        1,
        "2",
        "3",
        4,
        1600000000,
        "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkjGHCxSnZiQUFmSlAQUOoUGpFQWZRKlDABCpQkpkL4hqaGUABTG9mOsgss*xsV21fA-eqvMhww-xsbbNw56DiilyPfCP-KIt8v6iUgDLTfN-SLCNXX1ulWgDhxS1t",
    ),
    (
        4294967295,
        "0000000000000000000000000000000000000000000000000000000000000000",
        "a@b.example#用户",
        3600,
        1767225600,
        "eJxFjd0KgjAYQF9F1mUh*um2FgRRRBBBQUUW3ih*xWrK-Csreve0jG7POXCeZLNYm1fMyMAgYFqkZ3yIjDAp5FF*RTAKTayCWCvs*CWn0PdLBg7-1Xl0CbSWUd26IFzBOAjaOqy0zLA2DrOslhUybojN6xDon*fy1Ozm4Xh7E*qME48pRjHdQxrfq2Wx88LV1J7pvJscUKgH7Q-J6w3*3zfl",
    ),
];

fn at(second: u64) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

async fn code(client: &mut Client, query: &str) -> i64 {
    let (status, code) = client.send("POST", &format!("{PATH}?{query}"), "", "{}").await.code();
    assert_eq!(status, 200);
    code
}

#[tokio::test]
async fn takes_those_of_another_implementation() {
    for (app, key, identifier, expire, time, usersig) in VECTORS {
        let admin = |key: String| {
            move |s: &mut contact_sink_sandbox::tencent::Settings| {
                (s.sdk_app_id, s.secret_key, s.admins) = (app, key.into(), [identifier.to_owned()].into());
            }
        };
        let (sandbox, mut client) = start(admin(key.to_owned())).await;
        let query = query(app, identifier, usersig);
        let times = [(time, 0), (time - 1, 0), (time + expire, 0), (time + expire + 1, 70001)];
        for (second, told) in times {
            sandbox.tencent().stop_clock_at(at(second));
            assert_eq!(code(&mut client, &query).await, told, "{identifier} at {second}");
        }
        sandbox.shutdown().await;
        let (sandbox, mut client) = start(admin(format!("{key}0"))).await;
        sandbox.tencent().stop_clock_at(at(time));
        assert_eq!(code(&mut client, &query).await, 70009, "{identifier}: another key");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn refuses_the_others_in_the_documented_order() {
    let good = Signer::new();
    let document = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut document = good.document();
        change(&mut document);
        wrap(&deflate(document.to_string().as_bytes()))
    };
    let text = good.document().to_string();
    let compressed = deflate(text.as_bytes());
    let padded = text.replacen('{', &format!("{{{}", " ".repeat(4096)), 1);
    // With all three characters that base64 has otherwise.
    let spaces = (0..4000).map(|count| wrap(&deflate(format!("{}{text}", " ".repeat(count)).as_bytes())));
    let escaped = spaces.into_iter().find(|usersig| ['*', '-', '_'].iter().all(|c| usersig.contains(*c))).unwrap();
    let undecodable = [
        ("no base64", "usersig".to_owned()),
        ("no padding", wrap(&compressed).trim_end_matches('_').to_owned() + "A"),
        ("plain +", escaped.replace('*', "+")),
        ("plain /", escaped.replace('-', "/")),
        ("plain =", escaped.replace('_', "=")),
        ("not compressed", wrap(text.as_bytes())),
        ("cut off", wrap(&compressed[..compressed.len() - 5])),
        (
            "another checksum",
            wrap(&[&compressed[..compressed.len() - 1], &[compressed[compressed.len() - 1] ^ 1]].concat()),
        ),
        ("something after it", wrap(&[&compressed[..], b"x"].concat())),
        ("too long inside", wrap(&deflate(padded.as_bytes()))),
        ("a bomb", wrap(&deflate(&vec![b' '; 10 * 1024 * 1024]))),
        ("no JSON", wrap(&deflate(b"usersig"))),
        ("an array", wrap(&deflate(b"[\"2.0\",\"administrator\",1400000000,1,1,\"\"]"))),
        ("another version", document(&|d| d["TLS.ver"] = json!("1.0"))),
        ("version as number", document(&|d| d["TLS.ver"] = json!(2.0))),
        ("sdkappid as text", document(&|d| d["TLS.sdkappid"] = json!("1400000000"))),
        ("time negative", document(&|d| d["TLS.time"] = json!(-1))),
        ("no sig", document(&|d| d["TLS.sig"] = json!(null))),
        ("an unknown field", document(&|d| d["TLS.userbuf"] = json!("eA=="))),
    ];
    let mut cases: Vec<(&str, String, i64)> = undecodable
        .into_iter()
        .map(|(name, usersig)| (name, query(good.app, &good.identifier, &usersig), 70003))
        .collect();
    let old = Signer { time: now() - 100, expire: 50, ..good.clone() };
    // Each has all that the ones below it have, too.
    let other_key = Signer { key: "Sandbox".to_owned(), ..old.clone() };
    let other_user = Signer { identifier: "xiaojun".to_owned(), ..other_key.clone() };
    let other_app = Signer { app: 1, ..other_user.clone() };
    let of = |signer: &Signer| query(good.app, &good.identifier, &signer.usersig());
    cases.extend([
        ("another app", of(&other_app), 70014),
        ("another user", of(&other_user), 70013),
        ("expired and another key", of(&other_key), 70001),
        ("expired", of(&old), 70001),
        ("another key", of(&Signer { expire: 200, ..other_key.clone() }), 70009),
        ("another time", query(good.app, &good.identifier, &document(&|d| d["TLS.time"] = json!(now() + 7))), 70009),
        ("no mac", query(good.app, &good.identifier, &document(&|d| d["TLS.sig"] = json!(""))), 70009),
        (
            "half a mac",
            query(good.app, &good.identifier, &document(&|d| d["TLS.sig"] = json!(&good.sig()[..20]))),
            70009,
        ),
        ("no admin", Signer { identifier: "xiaojun".to_owned(), ..good.clone() }.query(), 90009),
        ("good", good.query(), 0),
        ("good, with spaces", query(good.app, &good.identifier, &escaped), 0),
    ]);
    let (sandbox, mut client) = start(|_| {}).await;
    for (name, query, told) in &cases {
        assert_eq!(code(&mut client, query).await, *told, "{name}");
    }
    let tally = sandbox.tencent().counters().im_get_attr_name;
    let count = cases.len() as u64;
    assert_eq!((tally.requests, tally.bad_signature, tally.refused, tally.accepted), (count, count - 3, 1, 2));
    let target = Signer { identifier: "xiaojun".to_owned(), ..good }.query();
    assert_eq!(client.send("POST", &format!("{FRIEND_UPDATE_PATH}?{target}"), "", "{}").await.code(), (200, 30004));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn expires_by_the_vendors_clock() {
    let signer = Signer { expire: 3600, ..Signer::new() };
    let (sandbox, mut client) = start(|s| s.clock_ahead = Duration::from_secs(3602)).await;
    assert_eq!(code(&mut client, &signer.query()).await, 70001);
    let mut ask = async |sandbox: &Sandbox, ahead| {
        sandbox.tencent().set_clock_ahead(Duration::from_secs(ahead));
        code(&mut client, &signer.query()).await
    };
    assert_eq!([ask(&sandbox, 0).await, ask(&sandbox, 3000).await, ask(&sandbox, 3602).await], [0, 0, 70001]);
    sandbox.reset();
    sandbox.tencent().stop_clock_at(at(0));
    assert_eq!(code(&mut client, &signer.query()).await, 0, "one from the future is good");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_revoked_one_is_refused_and_a_new_one_is_good() {
    let (sandbox, mut client) = start(|_| {}).await;
    let vendor = sandbox.tencent();
    let mut ask = async |time| code(&mut client, &Signer::at(time).query()).await;
    vendor.stop_clock_at(at(1000));
    assert_eq!([ask(990).await, ask(1000).await, ask(1001).await], [0, 0, 0]);
    vendor.revoke_signatures();
    // Made before: for ever, also after a reset, and one that was not used yet.
    assert_eq!([ask(990).await, ask(990).await, ask(995).await], [70052; 3]);
    sandbox.reset();
    assert_eq!(ask(990).await, 70052);
    // Used in the second in which it was made, or before: once, since a new one would be the same.
    assert_eq!([ask(1000).await, ask(1000).await, ask(1001).await, ask(1001).await], [70052, 0, 70052, 0]);
    // A new one at once.
    assert_eq!(ask(1002).await, 0);
    vendor.stop_clock_at(at(1005));
    vendor.revoke_signatures();
    assert_eq!([ask(1002).await, ask(1004).await, ask(1005).await, ask(1005).await], [70052, 70052, 0, 0]);
    assert_eq!(vendor.counters().im_get_attr_name.bad_signature, 5, "since the reset");
    sandbox.shutdown().await;
}
