//! The runner's own tests: it must not let anything through.
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use contact_sink_transport::{HttpTransport, TransportError};
use http::{HeaderValue, Request, Response};
use libtest_mimic::{Failed, Trial};

use crate::case::{Answer, Case, Expected, Id, Is};
use crate::files::{Named, Suite};
use crate::json;
use crate::runner::{Done, in_memory, over_socket, run};
use crate::server::cannot_give;
use crate::transport::Transport;

pub(crate) fn test(name: &str, body: fn()) -> Trial {
    Trial::test(format!("runner/{name}"), move || {
        body();
        Ok::<(), Failed>(())
    })
}

pub(crate) fn own_tests() -> Vec<Trial> {
    vec![
        test("a comment is taken out, a url in a string is not", || {
            let text = "{\"a\": \"x//y\\\" // z\", // one\n \"b\": 1 } // two";
            assert_eq!(json::without_comments(text), "{\"a\": \"x//y\\\" // z\", \n \"b\": 1 } \n");
        }),
        test("an unknown key fails", || {
            let good = source(GOOD);
            assert!(good.is_ok(), "{good:?}");
            for table in ["", "[updates]", "[answer]", "[request]", "[config]", "[expected]"] {
                let place = if table == "[updates]" { "[[updates]]\n" } else { &format!("{table}\n") };
                let text = match GOOD.find(place) {
                    Some(at) if !table.is_empty() => {
                        format!("{}surprise = 1\n{}", &GOOD[..at + place.len()], &GOOD[at + place.len()..])
                    }
                    _ => format!("surprise = 1\n{GOOD}"),
                };
                assert!(source(&text).is_err(), "{table}");
            }
            assert!(source(&GOOD.replace("is = \"accepted\"", "is = \"accepted\", surprise = 1")).is_err());
        }),
        test("no cases fail", || {
            let empty = std::env::temp_dir().join(format!("contact-sink-conformance-{}", std::process::id()));
            std::fs::create_dir_all(empty.join("jiguang/set_channels")).unwrap();
            assert!(Suite::read(&empty).is_err());
            std::fs::write(empty.join("jiguang/errata.toml"), "erratum = []").unwrap();
            let problem = Suite::read(&empty).err();
            std::fs::remove_dir_all(&empty).unwrap();
            assert_eq!(problem.as_deref(), Some("jiguang has no cases"));
        }),
        test("an expected failure that passes fails, and a failure passes", || {
            for transport in everywhere() {
                let mut case = named(source(GOOD).unwrap());
                assert_eq!(run(&case, transport), Ok(Done::Passed));
                case.content.expected_failure = Some("a reason".to_owned());
                assert!(run(&case, transport).is_err());
                case.content.expected = Expected::Verdicts(Vec::new());
                assert_eq!(run(&case, transport), Ok(Done::Passed));
                case.content.updates[0].user = Some(Id::Number(8));
                assert!(run(&case, transport).is_err(), "it is to fail by its outcome, not by its request");
            }
        }),
        test("each difference is found", || {
            let changes = [
                ("\"PUT\"", "\"POST\""),
                ("batch\"", "batches\""),
                ("application/json", "text/plain"),
                ("\"cuid\": 7", "\"cuid\": 8"),
                ("is = \"accepted\"", "is = \"rejected\""),
                ("is = \"accepted\"", "is = \"accepted\", code = 1"),
                ("is = \"accepted\"", "is = \"accepted\", listed = true"),
            ];
            for (from, to) in changes {
                assert!(GOOD.contains(from));
                let case = named(source(&GOOD.replace(from, to)).unwrap());
                for transport in everywhere() {
                    let outcome = match transport {
                        None => wait(in_memory(&case)),
                        Some(transport) => wait(async { over_socket(&case, transport.build()?).await }),
                    };
                    assert!(outcome.is_err(), "{to}: {transport:?}");
                }
            }
            let rejecting = named(source(GOOD).unwrap()).content.expected;
            assert!(matches!(rejecting, Expected::Verdicts(v) if v[0].is == Is::Accepted));
        }),
        test("the host is compared in memory, the path everywhere", || {
            let other = |from, to| named(source(&GOOD.replace(from, to)).unwrap());
            for transport in Transport::ALL.iter().copied() {
                let elsewhere = other("https://vendor.example/smart", "https://other.example/smart");
                assert_eq!(wait(async { over_socket(&elsewhere, transport.build()?).await }), Ok(()));
                assert!(run(&elsewhere, Some(transport)).is_err());
                let below = other("[config]", "[config]\nbase_url = \"https://vendor.example/below\"");
                assert!(wait(async { over_socket(&below, transport.build()?).await }).is_err());
            }
        }),
        test("what a transport changes on the way is found", || {
            for transport in Transport::ALL {
                for fault in [Fault::Twice, Fault::NoCredentials, Fault::OneHeaderMore, Fault::OtherBytes] {
                    let case = named(source(GOOD).unwrap());
                    let problem = wait(async { over_socket(&case, Arc::new(Faulty(transport.build()?, fault))).await });
                    let expected = match fault {
                        Fault::Twice => "one request is sent, not 2",
                        Fault::NoCredentials => "authorization: ",
                        Fault::OneHeaderMore => "x-more: ",
                        Fault::OtherBytes => "bytes of the body: ",
                    };
                    assert!(problem.as_ref().is_err_and(|problem| problem.starts_with(expected)), "{problem:?}");
                }
            }
        }),
        test("an answer that no socket can carry is skipped, and still checked in memory", || {
            let mut case = named(source(&GOOD.replace("status = 200", "status = 204")).unwrap());
            for transport in Transport::ALL.iter().copied() {
                assert!(matches!(run(&case, Some(transport)), Ok(Done::Skipped(_))));
            }
            case.content.updates[0].user = Some(Id::Number(8));
            assert!(everywhere().all(|transport| run(&case, transport).is_err()));

            let with = |headers: &[(&str, &str)], body: &str| Answer {
                status: None,
                headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
                body: body.to_owned(),
            };
            for (status, answer, given) in [
                (103, with(&[], ""), false),
                (204, with(&[], "{}"), false),
                (304, with(&[], "{}"), false),
                (200, with(&[("Content-Length", "9")], "{}"), false),
                (200, with(&[("transfer-encoding", "chunked")], "{}"), false),
                (204, with(&[("retry-after", "3")], ""), true),
                (200, with(&[], ""), true),
                (599, with(&[], "{}"), true),
            ] {
                assert_eq!(cannot_give(status, &answer).is_none(), given, "{status} {answer:?}");
            }
        }),
    ]
}

/// In memory, and over each transport.
pub(crate) fn everywhere() -> impl Iterator<Item = Option<Transport>> {
    std::iter::once(None).chain(Transport::ALL.iter().copied().map(Some))
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What a transport may do wrong.
#[derive(Clone, Copy)]
enum Fault {
    Twice,
    NoCredentials,
    OneHeaderMore,
    OtherBytes,
}

struct Faulty(Arc<dyn HttpTransport>, Fault);

#[async_trait]
impl HttpTransport for Faulty {
    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        match self.1 {
            Fault::Twice => {
                self.0.exchange(request.clone()).await?;
            }
            Fault::NoCredentials => {
                request.headers_mut().remove("authorization");
            }
            Fault::OneHeaderMore => {
                request.headers_mut().insert("x-more", HeaderValue::from_static("1"));
            }
            Fault::OtherBytes => *request.body_mut() = [request.body().as_ref(), b" "].concat().into(),
        }
        self.0.exchange(request).await
    }
}

const GOOD: &str = r#"
source = "the runner"
[config]
id = "a"
[[updates]]
user = 7
set = [["1/x", "y"]]
[request]
method = "PUT"
url = "https://vendor.example/smartop/api/v1/user/channel/batch"
headers = { content-type = "application/json" }
body = '[{"cuid": 7, "channels": [{"id": 1, "channelValues": {"x": "y"}}]}]'
[answer]
status = 200
body = '{"code":0,"msg":"ok"}'
[expected]
verdicts = [{ is = "accepted" }]
"#;

pub(crate) fn source(text: &str) -> Result<Case, toml::de::Error> {
    toml::from_str(text)
}

fn named(content: Case) -> Named {
    let status = content.answer.status.unwrap();
    Named { vendor: "jiguang".into(), operation: "set_channels".into(), case: "case".into(), status, content }
}
