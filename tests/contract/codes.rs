//! The sinks agree: `codes.toml` says what each makes of each code, in the same few words, and no code is lost on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use contact_sink_core::{Code, ContactSink, ErrorCode, ListedCode, Retry, SinkErrorKind, Verdict};
use contact_sink_tencent::{AttributesSink, Config, FriendsSink, Tencent};
use contact_sink_transport::{HttpTransport, TransportError};

use crate::rows;
use crate::vendors::Row;

/// Sink, place, word, codes.
type Table = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<Written>>>>;

/// A code as the table has it.
#[derive(Clone, serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Word(String),
}

impl Written {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Word(word) => word.as_str().into(),
        }
    }
}

const TABLE: &str = include_str!("codes.toml");
/// In no vendor's table: for a vendor that writes numbers, and for one that writes words.
fn unknown(codes: &[Code]) -> ErrorCode {
    match codes[0].code {
        ListedCode::Word(_) => "NOT_LISTED".into(),
        _ => 4711.into(),
    }
}
const BASE: &str = "http://127.0.0.1:9";

/// Gives one answer to every request. The first exchange takes a quarter of an hour by the clock of the signatures, so that
/// the first signature is refused at a good age, and the one that comes in its place at once.
struct Scripted {
    answer: Bytes,
    clock: Arc<AtomicU64>,
}

#[async_trait]
impl HttpTransport for Scripted {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.clock.store(900, Ordering::SeqCst);
        Ok(http::Response::new(self.answer.clone()))
    }
}

/// The sink of a row. Tencent's has the script's clock.
fn sink(row: &Row, scripted: Scripted) -> Box<dyn ContactSink> {
    let tencent = |scripted: Scripted| {
        let clock = scripted.clock.clone();
        let now = move || SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + clock.load(Ordering::SeqCst));
        let config = Config::new(1_400_000_000, "administrator", "sandbox".into()).unwrap().with_clock(now);
        Tencent::new(config.with_base_url(BASE.parse().unwrap()), Arc::new(scripted))
    };
    match row.kit.name {
        "tencent-attributes" => Box::new(AttributesSink::from(tencent(scripted))),
        "tencent-friends" => Box::new(FriendsSink::from(tencent(scripted))),
        _ => (row.sink)(BASE, Arc::new(scripted)),
    }
}

#[tokio::test]
async fn each_sink_makes_of_each_code_what_the_table_says() {
    let table: Table = toml::from_str(TABLE).unwrap();
    let rows = rows();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.kit.name).collect();
    assert_eq!(table.keys().map(String::as_str).collect::<BTreeSet<_>>(), names, "a table for each kit");
    let mut wrong = Vec::new();
    for row in &rows {
        let name = &row.kit.name;
        assert!(
            table[*name].len() == row.places.len() && row.places.iter().all(|place| table[*name].contains_key(*place))
        );
        for (place, words) in &table[*name] {
            for (word, code) in words.iter().flat_map(|(word, codes)| codes.iter().map(move |code| (word, code.code())))
            {
                let made = made_of(row, place, &code).await;
                if made != *word {
                    wrong.push(format!("{name}, {place}: {code} is {made}, and should be {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_each_code_once_in_each_place() {
    let table: Table = toml::from_str(TABLE).unwrap();
    for row in rows() {
        let (name, listed) = (row.kit.name, row.kit.vendor.codes);
        for (place, words) in &table[name] {
            let codes: Vec<ErrorCode> = words.values().flatten().map(Written::code).collect();
            let once: BTreeSet<&ErrorCode> = codes.iter().collect();
            assert_eq!(once.len(), codes.len(), "{name}, {place}: a code stands there twice");
            // Only one of Jiguang's codes names a user.
            if (name, place.as_str()) != ("jiguang", "item") {
                let all: BTreeSet<ErrorCode> =
                    listed.iter().map(|line| line.code.into()).chain([unknown(listed)]).collect();
                assert_eq!(once, all.iter().collect(), "{name}, {place}: the codes of the vendor's table");
            }
        }
        assert!(Code::find(listed, &unknown(listed)).is_none());
    }
}

/// What a sink makes of a code, in the words of the table.
async fn made_of(row: &Row, place: &str, code: &ErrorCode) -> &'static str {
    let scripted = Scripted { answer: (row.with_code)(place, code).into(), clock: Arc::default() };
    let (made, update) = (sink(row, scripted), (row.update)(1, false));
    let first = made.send(std::slice::from_ref(&update)).await;
    if let Ok([Verdict::Rejected(rejection) | Verdict::Undecided(rejection)]) = first.as_deref() {
        assert_eq!(rejection.code(), Some(code), "the code is carried through");
    }
    if let Ok([Verdict::Undecided(rejection)]) = first.as_deref() {
        assert_eq!(rejection.is_listed(), *code != unknown(row.kit.vendor.codes), "{code}");
    }
    let error = match first {
        Ok(verdicts) => return word(&verdicts),
        Err(error) => error,
    };
    assert_eq!(error.code(), Some(code), "the code is carried through");
    match (error.kind(), error.retry()) {
        (_, Retry::Never) => "stop",
        (SinkErrorKind::Throttled, _) => "throttle",
        // Sent again: if that ends the same way, it was no signature that made the difference.
        _ => match made.send(&[update]).await.unwrap_err().retry() {
            Retry::Never => "renew",
            _ => "retry",
        },
    }
}

fn word(verdicts: &[Verdict]) -> &'static str {
    match verdicts {
        [Verdict::Accepted] => "accept",
        [Verdict::Rejected(rejection)] if rejection.is_listed() => "reject",
        [Verdict::Rejected(_)] => "doubt",
        [Verdict::Undecided(_)] => "undecided",
        [Verdict::Retry { .. }] => "retry",
        other => panic!("one verdict: {other:?}"),
    }
}
