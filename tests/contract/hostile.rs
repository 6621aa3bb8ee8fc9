//! `hostile_answers.md` says what each sink makes of each hostile answer. Each is sent over each transport.

use contact_sink_core::{Applied, ContactUpdate, Retry, SinkError, SinkErrorKind, Verdict};
use contact_sink_transport::TransportOptions;

use crate::server::Server;
use crate::vendors::{
    EngageLabContacts, JiguangChannels, Make, TencentAttributes, TencentFriends, Vendor, hyper, reqwest,
};

const TABLE: &str = include_str!("hostile_answers.md");

/// What the placeholders of the table stand for at one vendor.
struct Words {
    code: &'static str,
    text: &'static str,
    /// The fields of a success.
    success: &'static str,
    /// A code of the table that refuses.
    refused: &'static str,
}

/// A line of the table.
struct Line<'a> {
    status: u16,
    headers: String,
    body: &'a str,
    outcomes: [&'a str; 4],
}

#[tokio::test]
async fn each_sink_makes_of_each_hostile_answer_what_the_table_says() {
    let jiguang = Words { code: "code", text: "msg", success: r#""code":0,"msg":"ok""#, refused: "4107" };
    let engagelab =
        Words { code: "code", text: "message", success: r#""code":0,"message":"success""#, refused: "40007" };
    let attributes = Words {
        code: "ErrorCode",
        text: "ErrorInfo",
        success: r#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"""#,
        refused: "90012",
    };
    let friends = Words {
        success: r#""ActionStatus":"OK","ErrorCode":0,"ResultItem":[{"To_Account":"user1","ResultCode":0},{"To_Account":"user2","ResultCode":0}]"#,
        ..attributes
    };
    let (lines, mut wrong) = (lines(), Vec::new());
    assert!(lines.len() >= 60, "{}", lines.len());
    for line in &lines {
        for (name, make) in [("hyper", hyper as Make), ("reqwest", reqwest)] {
            let made = [
                outcome::<JiguangChannels>(line, &jiguang, make).await,
                outcome::<EngageLabContacts>(line, &engagelab, make).await,
                outcome::<TencentAttributes>(line, &attributes, make).await,
                outcome::<TencentFriends>(line, &friends, make).await,
            ];
            if made != line.outcomes {
                wrong.push(format!("{} {} over {name}: {}", line.status, line.body, made.join(" | ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines of the table: `| status and headers | body | jiguang | engagelab | attributes | friends |`.
fn lines() -> Vec<Line<'static>> {
    let cells = |line: &'static str| -> Option<[&'static str; 6]> {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        cells.split(" | ").map(str::trim).collect::<Vec<_>>().try_into().ok()
    };
    let line = |[head, body, outcomes @ ..]: [&'static str; 6]| {
        let (status, headers) = head.split_once(' ').unwrap_or((head, ""));
        let headers = headers.trim_matches('`').split(" & ").filter(|header| !header.is_empty());
        Some(Line {
            status: status.parse().ok()?,
            headers: headers.map(|header| format!("{header}\r\n")).collect(),
            body: body.trim_matches('`'),
            outcomes,
        })
    };
    TABLE.lines().filter_map(cells).filter_map(line).collect()
}

/// The bytes of a body: `\xE4` is a byte that is not UTF-8, and names in capitals are the vendor's words.
fn bytes(body: &str, words: &Words) -> Vec<u8> {
    let body = body.replace("SUCCESS", words.success).replace("REFUSED", words.refused);
    let body = body.replace("CODE", words.code).replace("TEXT", words.text);
    let (mut bytes, mut rest) = (Vec::new(), body.as_str());
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend(rest.bytes());
    bytes
}

/// What becomes of two users: one word, or two if they differ.
async fn outcome<V: Vendor>(line: &Line<'_>, words: &Words, make: Make) -> String {
    let server = Server::start(Server::answer(line.status, &line.headers, bytes(line.body, words))).await;
    let sink = V::sink(&server.base_url, make(TransportOptions::default()));
    let batch: Vec<ContactUpdate> = (1..=2).map(|number| V::update(number, false)).collect();
    let most = sink.limits().max_updates.get();
    let made = match sink.send(&batch[..batch.len().min(most)]).await {
        Err(error) => vec![of_error(&error)],
        Ok(verdicts) => verdicts.iter().map(of_verdict).collect(),
    };
    match &made[..] {
        [one] => (*one).to_owned(),
        [one, other] if one == other => (*one).to_owned(),
        several => several.join(", "),
    }
}

fn of_verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Rejected(rejection) if rejection.is_listed() => "rejected",
        Verdict::Rejected(_) => "doubt",
        Verdict::Undecided(_) => "undecided",
        Verdict::Retry { .. } => "again",
        other => panic!("{other:?}"),
    }
}

fn of_error(error: &SinkError) -> &'static str {
    match (error.retry(), error.applied()) {
        (Retry::Never, _) => "stop",
        (_, Applied::Maybe) => "unknown",
        _ if error.kind() == SinkErrorKind::Throttled => "throttled",
        _ => "not stored",
    }
}
