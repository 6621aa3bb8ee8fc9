//! The runner's own tests of what Tencent's cases need: signed URLs, text users and contacts, the coverage of the code tables.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use contact_sink_tencent::usersig::{Claims, sign};
use contact_sink_transport::{HttpTransport, TransportError};
use http::{Request, Response, Uri};
use libtest_mimic::Trial;

use crate::case::Vector;
use crate::files::{Named, Suite};
use crate::own_tests::{everywhere, source, test, wait};
use crate::runner::{Done, in_memory, over_socket, run};
use crate::transport::Transport;
use crate::{coverage, signature, url, vector};

pub(crate) fn own_tests() -> Vec<Trial> {
    vec![
        test("a signed request passes, and each difference in it is found", || {
            assert!(everywhere().all(|transport| run(&named(GOOD), transport) == Ok(Done::Passed)));
            for (from, to) in [
                ("identifier=admin", "identifier=root"),
                ("sdkappid=88888888", "sdkappid=88888889"),
                ("contenttype=json", "contenttype=xml"),
                ("&random=99999999", ""),
                ("&contenttype=json", "&contenttype=json&more=1"),
                ("usersig=xxx&", ""),
                ("friend_update?", "friend_import?"),
                ("owner = \"id\"", "owner = \"other\""),
                ("[\"a\", \"b\"]]", "[\"a\"]]"),
                ("contact = \"id1\"", "contact = \"id2\""),
            ] {
                assert!(GOOD.contains(from), "{from}");
                for transport in everywhere() {
                    let problem = run(&named(&GOOD.replace(from, to)), transport).err();
                    assert!(problem.is_some_and(|problem| !problem.contains("usersig=e")), "{to}: {transport:?}");
                }
            }
        }),
        test("another order of the query is the same, also escaped in another way", || {
            let came = uri("https://a.example/x?random=7&a=b%2Bc&usersig=s");
            assert_eq!(url::expected("https://a.example/x?usersig=xxx&a=b%2bc&random=1", &came), Ok(()));
            assert!(url::expected("https://a.example/x?usersig=xxx&a=b+c&random=1", &came).is_err());
            assert!(url::expected("https://a.example/x?usersig=xxx&a=b%2Bc&a=b%2Bc&random=1", &came).is_err());
            assert!(url::expected("https://b.example/x?usersig=xxx&a=b%2Bc&random=1", &came).is_err());
        }),
        test("a signature is never printed", || {
            let (built, came) =
                (uri("https://a.example/x?usersig=secret1&a=1"), uri("https://a.example/x?usersig=secret2&a=1"));
            for problem in [
                url::unchanged(&built, &came),
                url::expected("https://a.example/", &came),
                url::expected("https://a.example/y?usersig=secret1", &came),
                url::read("https://a.example/y?usersig=secret1&x").map(drop),
            ] {
                assert!(problem.is_err_and(|problem| !problem.contains("secret")));
            }
        }),
        test("only the random number may be another one on the way", || {
            let built = uri("https://a.example/x?usersig=s&random=1&a=1");
            assert_eq!(url::unchanged(&built, &uri("https://a.example/x?usersig=s&random=2&a=1")), Ok(()));
            assert!(url::unchanged(&built, &uri("https://a.example/x?usersig=s&random=1&a=2")).is_err());
            assert!(url::unchanged(&built, &uri("https://a.example/x?usersig=s&a=1&random=1")).is_err());
            let unsigned = uri("https://a.example/x?random=1");
            assert!(url::unchanged(&unsigned, &uri("https://a.example/x?random=2")).is_err());
        }),
        test("what a transport changes in a signed url is found", || {
            for (from, to) in [
                ("random=", "random=0"),
                ("random=", "random=-"),
                ("random=", "random=99999999999"),
                ("identifier=admin", "identifier=admin&identifier=admin"),
                ("usersig=", "usersig=x"),
                ("contenttype=json&", ""),
            ] {
                for transport in Transport::ALL {
                    let changing = async {
                        let transport = Arc::new(Changing(transport.build()?, from, to));
                        over_socket(&named(GOOD), transport).await
                    };
                    assert!(wait(changing).is_err_and(|problem| !problem.contains("usersig=e")), "{to}");
                }
            }
        }),
        test("a signature of another app, caller, key or time is found", || {
            let case = named(GOOD).content;
            let app = || case.config.app().unwrap();
            let made = |change: fn(&mut Claims), key: &str| {
                let (identifier, sdk_app_id) = (app().identifier.to_owned(), app().sdk_app_id);
                let mut claims = Claims { identifier, sdk_app_id, time: app().time, expire: 86_400 };
                change(&mut claims);
                let usersig = sign(&claims, &key.into()).unwrap();
                let query = "sdkappid=88888888&identifier=admin&random=4294967295&contenttype=json";
                let request = Request::post(format!("https://a.example/?{query}&usersig={}", usersig.expose()));
                signature::signed(&request.body(Bytes::new()).unwrap(), &app(), "")
            };
            let key = app().secret_key;
            assert_eq!(made(|_| {}, key), Ok(()));
            assert!(made(|_| {}, "another key").is_err());
            assert!(made(|claims| claims.identifier = "root".to_owned(), key).is_err());
            assert!(made(|claims| claims.sdk_app_id += 1, key).is_err());
            assert!(made(|claims| claims.time += 1, key).is_err());
            assert!(made(|claims| claims.expire += 1, key).is_err());
        }),
        test("an error that shows the signature is found", || {
            let case = named(GOOD).content;
            let app = case.config.app().unwrap();
            let sent = "https://a.example/?sdkappid=88888888&identifier=admin&random=0&contenttype=json";
            let claims =
                Claims { identifier: "admin".to_owned(), sdk_app_id: 88_888_888, time: app.time, expire: 86_400 };
            let usersig = sign(&claims, &app.secret_key.into()).unwrap();
            let request = Request::post(format!("{sent}&usersig={}", usersig.expose())).body(Bytes::new()).unwrap();
            for said in [usersig.expose(), app.secret_key, &request.uri().to_string()] {
                assert!(signature::signed(&request, &app, &format!("an error: {said:?}")).is_err());
            }
        }),
        test("an update names a user, or an owner and a contact", || {
            for subject in
                ["", "user = \"a\"\nowner = \"id\"\ncontact = \"id1\"", "owner = \"id\"", "contact = \"id1\""]
            {
                let text = GOOD.replace("owner = \"id\"\ncontact = \"id1\"", subject);
                assert!(wait(in_memory(&named(&text))).is_err(), "{subject}");
            }
            let wrong = GOOD.replace("[config]", "[config]\nid = \"a\"");
            assert!(wait(in_memory(&named(&wrong))).is_err(), "an id is no part of an app");
            assert!(source(&GOOD.replace("owner = \"id\"", "owner = 1.5")).is_err());
        }),
        test("each code of the vendors' tables has its cases", || {
            let suite = suite();
            assert_eq!(coverage::missing(&suite.cases), []);
            assert!(!suite.vectors.is_empty());
            assert_eq!(coverage::missing(&[]), coverage::asked());
            // Whatever is taken away is missed.
            for (vendor, operation, code) in [
                ("engagelab", "set_contacts", "code_40050"),
                ("jiguang", "set_channels", "code_40011"),
                ("tencent", "set_attributes", "code_90018"),
                ("tencent", "set_attributes", "error_list_codes_that_blame"),
                ("tencent", "update_friends", "code_70009"),
                ("tencent", "update_friends", "result_30008"),
            ] {
                let mut fewer = self::suite().cases;
                let before = fewer.len();
                fewer.retain(|named| {
                    let case = named.case.split('/').next();
                    (&*named.vendor, &*named.operation, case) != (vendor, operation, Some(code))
                });
                assert!(fewer.len() < before && !coverage::missing(&fewer).is_empty(), "{vendor}/{operation}/{code}");
            }
        }),
        test("a vector that is not so fails", || {
            let vectors = suite().vectors;
            let changed = |change: fn(&mut Vector)| {
                let mut vector = vectors[0].content.clone();
                change(&mut vector);
                vector::run(&vector)
            };
            assert_eq!(changed(|_| {}), Ok(()));
            assert!(changed(|vector| vector.key.push('0')).is_err());
            assert!(changed(|vector| vector.usersig.truncate(40)).is_err());
            assert!(changed(|vector| vector.document["TLS.time"] = 1.into()).is_err());
            assert!(changed(|vector| vector.document["TLS.sig"] = "".into()).is_err());
            assert!(changed(|vector| vector.document["TLS.userbuf"] = "".into()).is_err());
        }),
    ]
}

fn suite() -> Suite {
    Suite::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")).unwrap()
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

/// Changes the URL on the way.
struct Changing(Arc<dyn HttpTransport>, &'static str, &'static str);

#[async_trait]
impl HttpTransport for Changing {
    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        *request.uri_mut() = uri(&request.uri().to_string().replace(self.1, self.2));
        self.0.exchange(request).await
    }
}

const GOOD: &str = r#"
source = "the runner"
[config]
time = 1700000000
[[updates]]
owner = "id"
contact = "id1"
set = [["Tag_SNS_IM_Remark", "x"], ["Tag_SNS_IM_Group", ["a", "b"]]]
[request]
url = "https://vendor.example/v4/sns/friend_update?usersig=xxx&identifier=admin&sdkappid=88888888&random=99999999&contenttype=json"
body = '{"From_Account": "id", "UpdateItem": [{"To_Account": "id1", "SnsItem": [{"Tag": "Tag_SNS_IM_Remark", "Value": "x"}, {"Tag": "Tag_SNS_IM_Group", "Value": ["a", "b"]}]}]}'
[answer]
status = 200
body = '{"ResultItem": [{"To_Account": "id1", "ResultCode": 0}], "ActionStatus": "OK", "ErrorCode": 0}'
[expected]
verdicts = [{ is = "accepted" }]
"#;

fn named(text: &str) -> Named {
    let (content, case) = (source(text).unwrap(), "case".to_owned());
    Named { vendor: "tencent".into(), operation: "update_friends".into(), case, status: 200, content }
}
