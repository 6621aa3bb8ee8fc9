//! What each code of the vendor's means for a request and for one account of it, as the fact sheet has it.

use std::collections::BTreeSet;
use std::time::Duration;

use contact_sink_core::{
    Applied, ContactSink, ContactUpdate, ErrorCode, Rejection, Retry, SinkError, SinkErrorKind as Kind, Verdict,
};
use contact_sink_tencent::{CODES, VENDOR};
use serde_json::json;

use super::{Script, attributes, city, friends, remarked, send};

/// By what is done when the whole request has the code.
const STOP: &[i64] = &[
    90001, 90009, 90018, 90045, 30002, 30004, 60002, 60003, 60004, 60005, 60006, 60009, 60010, 60012, 60015, 60016,
    60017, 60020, 60021, 70002, 70003, 70005, 70009, 70013, 70014, 70016, 70020, 70050, 70051, 70114, 70206, 70398,
    70402, 70403,
];
const RETRY: &[i64] = &[91000, 90992, 90994, 90995, 30006, 30007, 30008, 60008, 60013, 60014, 70169, 70202, 70500];
const THROTTLED: &[i64] = &[60007, 60011, 60018, 60019];
const RENEW: &[i64] = &[70001, 70052];
const ISOLATE: &[i64] = &[90033, 90030, 90012, 90048, 90003, 70107, 30001, 30005, 30011];
const OWNER_GONE: i64 = 30003;
const UNKNOWN: &[i64] = &[1, -1, 77777, i64::MAX];

/// One letter for each account; an error by its kind.
fn word(outcome: &Result<Vec<Verdict>, SinkError>) -> String {
    let letter = |verdict: &Verdict| match verdict {
        Verdict::Accepted => 'A',
        Verdict::Rejected(_) => 'R',
        Verdict::Undecided(_) => 'U',
        Verdict::Retry { .. } => 'T',
        _ => '?',
    };
    match outcome {
        Ok(verdicts) => verdicts.iter().map(letter).collect(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn rejections(outcome: &Result<Vec<Verdict>, SinkError>) -> Vec<&Rejection> {
    let verdicts = outcome.iter().flatten();
    let refused = verdicts.filter_map(|verdict| match verdict {
        Verdict::Rejected(rejection) | Verdict::Undecided(rejection) => Some(rejection),
        _ => None,
    });
    refused.collect()
}

/// The answer at this status to a batch of two, for both sinks.
fn answered(status: u16, body: &str) -> [Result<Vec<Verdict>, SinkError>; 2] {
    let script = Script::new(status, body.to_owned());
    [
        send(&attributes(&script), &[city("a"), city("b")]),
        send(&friends(&script), &[remarked("o", "a"), remarked("o", "b")]),
    ]
}

#[test]
fn the_table_is_the_fact_sheets() {
    let sheet: BTreeSet<i64> =
        [STOP, RETRY, THROTTLED, RENEW, ISOLATE, &[0, OWNER_GONE]].concat().into_iter().collect();
    let ours: Vec<i64> = CODES.iter().filter_map(|line| ErrorCode::from(line.code).as_i64()).collect();
    assert_eq!(ours.iter().copied().collect::<BTreeSet<_>>(), sheet);
    assert_eq!((ours.len(), CODES.len()), (sheet.len(), sheet.len()), "each code once, and all are numbers");
    assert!(UNKNOWN.iter().all(|code| VENDOR.find(*code).is_none()));
    for line in CODES {
        assert_eq!(VENDOR.find(line.code), Some(line));
        assert!(!line.advice.is_empty() && !line.meaning.is_empty());
    }
}

#[test]
fn a_code_of_the_table_for_the_whole_request_decides_at_any_status() {
    for status in [200, 400, 401, 413, 429, 500, 302] {
        for code in [STOP, RETRY, THROTTLED, RENEW, ISOLATE, &[OWNER_GONE]].concat() {
            for (sink, outcome) in
                answered(status, &json!({"ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": "why"}).to_string())
                    .into_iter()
                    .enumerate()
            {
                match &outcome {
                    Ok(verdicts) => {
                        let owner_gone = code == OWNER_GONE && sink == 1;
                        assert!(owner_gone || ISOLATE.contains(&code) || code == OWNER_GONE, "{code}");
                        assert_eq!(word(&outcome), if owner_gone { "RR" } else { "UU" }, "{code} at {status}");
                        assert_eq!(verdicts[0], verdicts[1]);
                        let refused = rejections(&outcome)[0];
                        let (listed, text) = (refused.is_listed(), refused.vendor_text());
                        assert_eq!((refused.code(), listed, text), (Some(&code.into()), true, Some("why")));
                    }
                    Err(error) => {
                        let (retry, applied) = match code {
                            _ if RETRY.contains(&code) => (Retry::Backoff, Applied::Maybe),
                            _ if THROTTLED.contains(&code) => (Retry::Backoff, Applied::No),
                            // The first one that is made invalid is made anew, however young.
                            70052 => (Retry::After(Duration::from_secs(1)), Applied::No),
                            _ => (Retry::Never, Applied::No),
                        };
                        assert_eq!((error.retry(), error.applied()), (retry, applied), "{code} at {status}");
                        assert_eq!((error.code(), error.status()), (Some(&code.into()), Some(status)));
                        assert_eq!(error.kind() == Kind::Throttled, THROTTLED.contains(&code));
                        let ours = VENDOR.find(code).unwrap().advice;
                        assert!(error.advice() == ours || retry != Retry::Never, "{code}: {}", error.advice());
                    }
                }
            }
        }
    }
    let [attributes, friends] = answered(200, r#"{"ErrorCode":70050}"#);
    assert!(attributes.unwrap_err().advice().contains("wait a minute") && friends.is_err());
}

#[test]
fn what_the_table_lacks_and_what_is_no_code() {
    let unknown: Vec<String> =
        UNKNOWN.iter().map(|code| format!(r#"{{"ErrorCode":{code},"ErrorInfo":"why"}}"#)).collect();
    let none = [
        "",
        "{}",
        "<html>",
        "[0]",
        r#"[{"ErrorCode":0}]"#,
        r#"{"ErrorCode":"0"}"#,
        r#"{"ErrorCode":0.0}"#,
        r#"{"ErrorCode":null}"#,
        r#"{"errorCode":0}"#,
        r#"{"ErrorCode":0,"ErrorCode":0}"#,
        r#"{"ActionStatus":"OK"}"#,
        r#"{"ErrorCode":0,"ActionStatus":"FAIL"}"#,
        r#"{"ErrorCode":0,"ActionStatus":"fail"}"#,
        r#"{"ErrorCode":0,"ActionStatus":"FAILED"}"#,
        r#"{"ErrorCode":0,"ActionStatus":"ERROR"}"#,
        r#"{"ErrorCode":0,"ActionStatus":0}"#,
        r#"{"ErrorCode":0}"#,
        r#"{"ErrorCode":9223372036854775808}"#,
    ];
    let table = [
        // (status, with an unknown code, without a code)
        (200, "UU", "Unreadable"),
        (400, "UU", "UU"),
        (401, "Credentials", "Credentials"),
        (404, "WrongAddress", "WrongAddress"),
        (413, "UU", "UU"),
        (422, "UU", "UU"),
        (429, "Throttled", "Throttled"),
        (500, "Unavailable", "Unavailable"),
        (502, "Unavailable", "Unavailable"),
    ];
    for (status, unknown_code, no_code) in table {
        let bodies = unknown.iter().map(|body| (&**body, unknown_code)).chain(none.map(|body| (body, no_code)));
        for (body, expected) in bodies {
            for outcome in answered(status, body) {
                assert_eq!(word(&outcome), expected, "{body} at {status}");
                assert!(rejections(&outcome).iter().all(|refused| !refused.is_listed()), "{body} at {status}");
            }
        }
        if status >= 300 {
            let success = r#"{"ErrorCode":0,"ActionStatus":"OK","ResultItem":[{"To_Account":"a","ResultCode":0}]}"#;
            assert!(answered(status, success).iter().all(|outcome| word(outcome) == no_code), "0 at {status}");
        }
    }
}

/// The outcomes of `a` and `b`, when `a` has this code and the request went through.
fn on_item(code: i64) -> [Result<Vec<Verdict>, SinkError>; 2] {
    let attributes_body =
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorList": [{"To_Account": "a", "ErrorCode": code}]})
            .to_string();
    let items =
        json!([{"To_Account": "b", "ResultCode": 0}, {"To_Account": "a", "ResultCode": code, "ResultInfo": "why"}]);
    let friends_body =
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ResultItem": items, "Fail_Account": ["a"]}).to_string();
    let [attributes, _] = answered(200, &attributes_body);
    let [_, friends] = answered(200, &friends_body);
    [attributes, friends]
}

#[test]
fn a_code_of_one_account() {
    for code in [STOP, RETRY, THROTTLED, RENEW, ISOLATE, UNKNOWN, &[OWNER_GONE]].concat() {
        for (sink, outcome) in on_item(code).iter().enumerate() {
            let again = [RETRY, THROTTLED, RENEW].concat().contains(&code);
            // Of those that stop a request one is about a friend where it stands on one, two are about who calls, and the others
            // cannot mean one account: it is rejected, and the table does not explain it.
            let unexplained = UNKNOWN.contains(&code) || (STOP.contains(&code) && code != 30002);
            if [30004, 90009].contains(&code) {
                let error = outcome.as_ref().unwrap_err();
                assert_eq!((error.retry(), error.code()), (Retry::Never, Some(&code.into())));
                assert_eq!(error.applied(), Applied::Maybe, "{code}: the other account may be stored");
            } else if again {
                assert_eq!(word(outcome), "TA", "{code}");
                assert_eq!(outcome.as_ref().unwrap()[0], Verdict::Retry { code: Some(code.into()) });
            } else {
                assert_eq!(word(outcome), "RA", "{code}");
                let refused = rejections(outcome)[0];
                assert_eq!((refused.code(), refused.is_listed()), (Some(&code.into()), !unexplained));
                assert_eq!(refused.vendor_text(), (sink == 1).then_some("why"));
            }
        }
    }
}

fn check(sink: &impl Fn(&str) -> Result<Vec<Verdict>, SinkError>, table: &[(&str, &str)]) {
    for (content, expected) in table {
        let body =
            format!(r#"{{"ActionStatus":"OK","ErrorCode":0{}{content}}}"#, if content.is_empty() { "" } else { "," });
        assert_eq!(word(&sink(&body)), *expected, "{content}");
    }
}

fn over<S: ContactSink>(
    make: impl Fn(&std::sync::Arc<Script>) -> S,
    batch: Vec<ContactUpdate>,
) -> impl Fn(&str) -> Result<Vec<Verdict>, SinkError> {
    move |body| send(&make(&Script::new(200, body.to_owned())), &batch)
}

#[test]
fn an_error_list_names_the_accounts_that_failed() {
    check(
        &over(attributes, vec![city("a"), city("b"), city("c")]),
        &[
            ("", "AAA"),
            (r#""ErrorList":[]"#, "AAA"),
            (r#""ErrorList":null"#, "AAA"),
            (r#""ErrorInfo":"a and b""#, "AAA"),
            (r#""ErrorList":[{"To_Account":"b","ErrorCode":70107}]"#, "ARA"),
            (r#""ErrorList":[{"To_Account":"c","ErrorCode":91000},{"To_Account":"a","ErrorCode":90012}]"#, "RAT"),
            // Somebody failed whom the vendor spells in its own way: nothing is known of those that it does not name.
            (r#""ErrorList":[{"To_Account":"z","ErrorCode":70107}]"#, "TTT"),
            (r#""ErrorList":[{"To_Account":"A","ErrorCode":70107},{"To_Account":"b","ErrorCode":70107}]"#, "TRT"),
            // Twice alike is once; a contradiction, or a failure without a failure's code, says nothing of that account.
            (r#""ErrorList":[{"To_Account":"b","ErrorCode":70107},{"To_Account":"b","ErrorCode":70107}]"#, "ARA"),
            (r#""ErrorList":[{"To_Account":"b","ErrorCode":70107},{"To_Account":"b","ErrorCode":90033}]"#, "ATA"),
            (r#""ErrorList":[{"To_Account":"b","ErrorCode":0}]"#, "ATA"),
            (r#""ErrorList":[{"To_Account":"b","ErrorCode":0},{"To_Account":"b","ErrorCode":0}]"#, "ATA"),
            (r#""ErrorList":[{"To_Account":"b"}]"#, "ARA"),
            // An account that failed, and no code says why; all of them; one that is spelled in another way.
            (r#""Fail_Account":["b"]"#, "ATA"),
            (r#""Fail_Account":["b"],"ErrorList":[{"To_Account":"b","ErrorCode":70107}]"#, "ARA"),
            (r#""Fail_Account":["a","b","c"]"#, "TTT"),
            (r#""Fail_Account":["z"]"#, "TTT"),
            (r#""Fail_Account":null"#, "AAA"),
            (r#""Fail_Account":"b""#, "Unreadable"),
            (r#""Fail_Account":[7]"#, "Unreadable"),
            // Somebody failed, and it does not say who.
            (r#""ErrorList":[{"ErrorCode":70107}]"#, "Unreadable"),
            (r#""ErrorList":["b"]"#, "Unreadable"),
            (r#""ErrorList":[{"To_Account":7,"ErrorCode":70107}]"#, "Unreadable"),
            (r#""ErrorList":{"To_Account":"b"}"#, "Unreadable"),
        ],
    );
}

#[test]
fn a_friends_result_is_matched_by_account() {
    check(
        &over(friends, vec![remarked("o", "a"), remarked("o", "b"), remarked("o", "c")]),
        &[
            (
                r#""ResultItem":[{"To_Account":"c","ResultCode":0},{"To_Account":"a","ResultCode":30011},{"To_Account":"b","ResultCode":0}]"#,
                "RAA",
            ),
            (
                r#""ResultItem":[{"To_Account":"c","ResultCode":30003},{"To_Account":"b","ResultCode":30006}],"Fail_Account":["b","c"]"#,
                "TTR",
            ),
            // Nothing is known of a friend without a result of its own.
            ("", "TTT"),
            (r#""ResultItem":null,"Fail_Account":null"#, "TTT"),
            (r#""ResultItem":[]"#, "TTT"),
            (r#""ResultItem":[{"To_Account":"o","ResultCode":0},{"To_Account":"b","ResultCode":0}]"#, "TAT"),
            (r#""ResultItem":[{"ResultCode":0},7,null,{"To_Account":"b","ResultCode":0}]"#, "TAT"),
            (
                r#""ResultItem":[{"To_Account":"a"},{"To_Account":"b","ResultCode":"0"},{"To_Account":"c","ResultCode":0.0}]"#,
                "TTT",
            ),
            // Twice alike is once; a contradiction says nothing.
            (r#""ResultItem":[{"To_Account":"b","ResultCode":0},{"To_Account":"b","ResultCode":0}]"#, "TAT"),
            (r#""ResultItem":[{"To_Account":"b","ResultCode":30003},{"To_Account":"b","ResultCode":30003}]"#, "TRT"),
            (
                r#""ResultItem":[{"To_Account":"b","ResultCode":0},{"To_Account":"b","ResultCode":30003},{"To_Account":"b","ResultCode":0}]"#,
                "TTT",
            ),
            (r#""ResultItem":[{"To_Account":"b","ResultCode":0},{"To_Account":"b"}]"#, "TTT"),
            (
                r#""ResultItem":[{"To_Account":"b","ResultCode":0},{"To_Account":"c","ResultCode":0}],"Fail_Account":["b"]"#,
                "TTA",
            ),
            // A list that cannot be read is no list.
            (r#""ResultItem":{"To_Account":"b","ResultCode":0}"#, "Unreadable"),
            (r#""ResultItem":[{"To_Account":"b","ResultCode":0}],"Fail_Account":[7]"#, "Unreadable"),
            (r#""ResultItem":[{"To_Account":"b","ResultCode":0}],"Fail_Account":"b""#, "Unreadable"),
        ],
    );
}
