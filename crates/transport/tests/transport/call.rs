//! The judgement of an answer: every class of status under every shape of body, as one table.

use std::time::Duration;

use bytes::Bytes;
use contact_sink_core::{Applied, Code, Effect, ErrorCode, Retry, SinkErrorKind as Kind};
use contact_sink_transport::{Call, Judgement, Vendor};
use http::{Response, StatusCode};

const LISTED: i64 = 4107;
const UNLISTED: i64 = 31337;
const BUSY: i64 = 60011;
const TABLE: &[Code] = &[
    Code::new(LISTED, "not saved", Effect::Isolates, "look at it", "a manual"),
    Code::new(BUSY, "too many", Effect::Throttles, "slower", "a manual"),
];

fn judged(status: u16, code: Option<ErrorCode>, headers: &[(&str, &str)]) -> Judgement {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    CALL.judge(&answer.body(Bytes::from_static(b"<body>")).unwrap(), code)
}

const ADVICE: &str = "compare the token with the console";
const VENDOR: Vendor = Vendor { name: "vendor", codes: TABLE, unlisted: "rejected", credentials_advice: ADVICE };
const CALL: Call = Call { vendor: &VENDOR, operation: "call" };

fn word(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Success => "success",
        Judgement::Code(ErrorCode::Number(LISTED | UNLISTED)) => "code",
        Judgement::Code(_) => "another code",
        Judgement::Refused => "refused",
        Judgement::Failed(error) => match error.kind() {
            Kind::Unreadable => "unreadable",
            Kind::Unavailable => "unavailable",
            Kind::Throttled => "throttled",
            Kind::Credentials => "credentials",
            Kind::Forbidden => "forbidden",
            Kind::WrongAddress => "wrong address",
            _ => "another kind",
        },
    }
}

#[test]
fn every_status_under_every_body() {
    #[rustfmt::skip]
    let table = [
        // status    no code that can be read   success (0)      listed  unlisted
        (100..=199, "wrong address", "wrong address", "code", "wrong address"),
        (200..=299, "unreadable",    "success",       "code", "code"),
        (300..=399, "wrong address", "wrong address", "code", "wrong address"),
        (400..=400, "refused",       "refused",       "code", "code"),
        (401..=401, "credentials",   "credentials",   "code", "credentials"),
        (402..=402, "wrong address", "wrong address", "code", "wrong address"),
        (403..=403, "forbidden",     "forbidden",     "code", "forbidden"),
        (404..=406, "wrong address", "wrong address", "code", "wrong address"),
        (407..=407, "credentials",   "credentials",   "code", "credentials"),
        (408..=408, "unavailable",   "unavailable",   "code", "unavailable"),
        (409..=412, "wrong address", "wrong address", "code", "wrong address"),
        (413..=413, "refused",       "refused",       "code", "refused"),
        (414..=421, "wrong address", "wrong address", "code", "wrong address"),
        (422..=422, "refused",       "refused",       "code", "code"),
        (423..=424, "wrong address", "wrong address", "code", "wrong address"),
        (425..=425, "unavailable",   "unavailable",   "code", "unavailable"),
        (426..=428, "wrong address", "wrong address", "code", "wrong address"),
        (429..=429, "throttled",     "throttled",     "code", "throttled"),
        (430..=499, "wrong address", "wrong address", "code", "wrong address"),
        (500..=599, "unavailable",   "unavailable",   "code", "unavailable"),
        (600..=999, "wrong address", "wrong address", "code", "wrong address"),
    ];
    let rows = table.into_iter().flat_map(|(statuses, a, b, c, d)| statuses.map(move |status| (status, a, b, c, d)));
    let mut next = 100;
    for (status, none, success, listed, unlisted) in rows {
        assert_eq!(status, next, "each status once");
        next += 1;
        for (code, expected) in [(None, none), (Some(0), success), (Some(LISTED), listed), (Some(UNLISTED), unlisted)] {
            let code = code.map(ErrorCode::Number);
            let judgement = judged(status, code.clone(), &[]);
            assert_eq!(word(&judgement), expected, "{status} with {code:?}");
            match judgement {
                Judgement::Code(kept) => assert_eq!(Some(kept), code),
                Judgement::Failed(error) => {
                    assert_eq!((error.status(), error.code()), (Some(status), code.as_ref()), "{status} with {code:?}");
                    let stops = !matches!(expected, "unreadable" | "unavailable" | "throttled");
                    assert_eq!(error.retry() == Retry::Never, stops, "{status} with {code:?}");
                    let perhaps = matches!(expected, "unreadable" | "unavailable");
                    assert_eq!(error.applied() == Applied::Maybe, perhaps, "{status} with {code:?}");
                }
                _ => {}
            }
        }
    }
    assert_eq!(next, 1000);
}

#[test]
fn retry_after() {
    let hour = 60 * 60;
    let table = [
        (429, "7", Some(7)),
        (503, "7", Some(7)),
        (408, " 7 ", Some(7)),
        (425, "0", Some(0)),
        (429, "86400", Some(hour)),
        (429, "18446744073709551615", Some(hour)),
        (429, "18446744073709551616", None),
        (429, "-1", None),
        (429, "1.5", None),
        (429, "", None),
        // Dates of long ago, and far ahead; of no kind.
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", Some(0)),
        (503, "Sunday, 06-Nov-94 08:49:37 GMT", Some(0)),
        (429, "Wed, 21 Oct 2065 07:28:00 GMT", Some(hour)),
        (429, "Wed, 41 Oct 2065 07:28:00 GMT", None),
        (429, "tomorrow", None),
        (500, "7", None),
        (200, "7", None),
    ];
    for (status, header, seconds) in table {
        let Judgement::Failed(error) = judged(status, None, &[("retry-after", header)]) else { panic!("{status}") };
        let expected = seconds.map_or(Retry::Backoff, |seconds| Retry::After(Duration::from_secs(seconds)));
        assert_eq!(error.retry(), expected, "{status} with `{header}`");
    }
}

/// Whatever our own clock says.
#[test]
fn a_date_to_try_again_is_read_by_the_vendors_clock() {
    for (now, at, seconds) in [("07:28:00", "07:28:30", 30), ("07:28:00", "07:28:00", 0), ("07:28:00", "07:27:00", 0)] {
        let date = |time| format!("Wed, 21 Oct 2015 {time} GMT");
        let headers = [("date", &*date(now)), ("retry-after", &*date(at))];
        let Judgement::Failed(error) = judged(503, None, &headers) else { panic!("{at}") };
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(seconds)), "{at}");
    }
}

#[test]
fn a_listed_code_that_throttles_waits_as_long_as_the_vendor_says() {
    for status in [200, 400, 429, 503] {
        for (headers, retry) in
            [(&[][..], Retry::Backoff), (&[("retry-after", "6")][..], Retry::After(Duration::from_secs(6)))]
        {
            let Judgement::Failed(error) = judged(status, Some(BUSY.into()), headers) else { panic!("{status}") };
            assert_eq!(
                (error.kind(), error.code(), error.status()),
                (Kind::Throttled, Some(&BUSY.into()), Some(status))
            );
            assert_eq!(error.retry(), retry, "{status}");
        }
    }
}

/// A vendor may write words, also for success.
#[test]
fn a_word_decides_as_a_number_does() {
    const WORDS: &[Code] = &[
        Code::word("OK", "ok", Effect::Accepts, "nothing is to be done", "a manual"),
        Code::word("NOT_SAVED", "not saved", Effect::Isolates, "look at it", "a manual"),
        Code::word("SLOW_DOWN", "too many", Effect::Throttles, "slower", "a manual"),
    ];
    let table = [
        ("OK", 200, "success"),
        ("OK", 400, "refused"),
        ("OK", 500, "unavailable"),
        ("NOT_SAVED", 500, "NOT_SAVED"),
        ("SLOW_DOWN", 200, "throttled"),
        ("0", 200, "0"),
        ("ODD", 422, "ODD"),
        ("ODD", 500, "unavailable"),
    ];
    for (code, status, expected) in table {
        let answer = Response::builder().status(status).body(Bytes::new()).unwrap();
        const OF_WORDS: Vendor = Vendor { codes: WORDS, ..VENDOR };
        let judgement = Call { vendor: &OF_WORDS, ..CALL }.judge(&answer, ErrorCode::word(code));
        let came = match &judgement {
            Judgement::Code(code) => code.to_string(),
            other => word(other).to_owned(),
        };
        assert_eq!(came, expected, "{code} at {status}");
    }
}

#[test]
fn the_media_type_is_named_and_nothing_else_of_a_header() {
    let table = [
        ("text/html; charset=utf-8", "text/html"),
        ("application/problem+json", "application/problem+json"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("text/html; token=marker", "text/html"),
        ("marker", "no media type"),
        ("marker/html", "no media type"),
        ("text/13800138000", "no media type"),
        ("text/", "no media type"),
        ("text/user@example.com", "no media type"),
        ("", "no media type"),
    ];
    for (header, named) in table {
        let Judgement::Failed(error) = judged(502, None, &[("content-type", header), ("x-request", "marker")]) else {
            panic!("{header}")
        };
        let shown = format!("vendor call: the vendor cannot answer now (http 502, {named}, 6 bytes)");
        assert_eq!(error.to_string(), shown, "`{header}`");
        assert!(!format!("{error:?}").contains("marker"), "`{header}`");
    }
}

#[test]
fn a_refusal_is_explained_by_the_table_or_by_the_status() {
    let table = [
        (Some(LISTED), 200, true, "not saved (code 4107)"),
        (Some(LISTED), 413, true, "not saved (code 4107)"),
        (Some(UNLISTED), 200, false, "a code that the vendor's table lacks (code 31337)"),
        (Some(UNLISTED), 422, false, "a code that the vendor's table lacks (code 31337)"),
        (None, 200, false, "an error of the vendor's answer has no code"),
        (None, 400, false, "the vendor refused the request with http 400"),
        (None, 413, false, "the vendor refused the request with http 413"),
    ];
    for (code, status, listed, shown) in table {
        let code = code.map(ErrorCode::Number);
        let refusal = CALL.refusal(code.clone(), StatusCode::from_u16(status).unwrap());
        assert_eq!((refusal.code(), refusal.is_listed()), (code.as_ref(), listed), "{code:?} at {status}");
        assert_eq!((refusal.to_string().as_str(), refusal.field(), refusal.vendor_text()), (shown, None, None));
    }
}

#[test]
fn a_401_without_a_code_has_the_vendors_advice() {
    for (status, code, advice) in [
        (401, None, ADVICE),
        (401, Some(ErrorCode::Number(0)), ADVICE),
        (407, None, Kind::Credentials.advice()),
        (403, None, Kind::Forbidden.advice()),
    ] {
        let Judgement::Failed(error) = judged(status, code, &[]) else { panic!("{status}") };
        assert_eq!(error.advice(), advice, "{status}");
    }
}
