//! Runs one case through the public path of its vendor: a sink over a scripted transport. And the runner's own tests.

use std::sync::Arc;

use contact_sink_core::{ContactSink, ContactUpdate, Subject, UserId};
use libtest_mimic::{Failed, Trial};

use crate::case::{Case, Is};
use crate::files::{Named, Suite};
use crate::scripted::Scripted;
use crate::{check, jiguang, json};

/// Runs a case; a case that is expected to fail and passes is a failure.
pub(crate) fn run(named: &Named) -> Result<(), String> {
    let outcome = run_straight(named);
    match (&named.content.expected_failure, outcome) {
        (None, outcome) => outcome,
        (Some(_), Err(_)) => Ok(()),
        (Some(reason), Ok(())) => Err(format!("this case is expected to fail ({reason}), and it passes")),
    }
}

fn run_straight(named: &Named) -> Result<(), String> {
    let case = &named.content;
    let transport = Arc::new(Scripted::new(named.status, &case.answer)?);
    let (sink, address) = match (named.vendor.as_str(), named.operation.as_str()) {
        ("jiguang", "set_channels") => (jiguang::sink(case, transport.clone())?, jiguang::address),
        (vendor, operation) => return Err(format!("there is no runner for {vendor}/{operation}")),
    };
    let mut batch = Vec::new();
    for update in &case.updates {
        let subject = Subject::User(UserId::from(update.user));
        let update = update.set.iter().try_fold(ContactUpdate::new(subject), |made, (field, value)| {
            made.with(address(field)?, value.as_str()).map_err(|error| error.to_string())
        })?;
        sink.validate(&update).map_err(|refusal| format!("an update of the case is refused: {refusal}"))?;
        batch.push(update);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(sink.send(&batch));
    check::requests(&transport.requests(), case.request.as_ref())?;
    check::outcome(&outcome, &case.expected, named.status)
}

/// The runner itself must not let anything through.
pub(crate) fn own_tests() -> Vec<Trial> {
    let test = |name: &str, body: fn()| {
        Trial::test(format!("runner/{name}"), move || {
            body();
            Ok::<(), Failed>(())
        })
    };
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
            let mut case = named(source(GOOD).unwrap());
            assert_eq!(run(&case), Ok(()));
            case.content.expected_failure = Some("a reason".to_owned());
            assert!(run(&case).is_err());
            case.content.expected = crate::case::Expected::Verdicts(Vec::new());
            assert_eq!(run(&case), Ok(()));
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
                assert!(run(&named(source(&GOOD.replace(from, to)).unwrap())).is_err(), "{to}");
            }
            let rejecting = named(source(GOOD).unwrap()).content.expected;
            assert!(matches!(rejecting, crate::case::Expected::Verdicts(v) if v[0].is == Is::Accepted));
        }),
    ]
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

fn source(text: &str) -> Result<Case, toml::de::Error> {
    toml::from_str(text)
}

fn named(content: Case) -> Named {
    let status = content.answer.status.unwrap();
    Named { vendor: "jiguang".into(), operation: "set_channels".into(), case: "case".into(), status, content }
}
