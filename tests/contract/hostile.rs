//! `hostile_answers.md` says what each sink makes of each hostile answer. Each is sent over each transport.

use contact_sink_core::{Applied, ContactUpdate, Retry, SinkError, SinkErrorKind, Verdict};
use contact_sink_transport::TransportOptions;

use crate::rows;
use crate::server::Server;
use crate::vendors::{Make, Row, Words, hyper, reqwest};

const TABLE: &str = include_str!("hostile_answers.md");

/// A line of the table.
struct Line<'a> {
    status: u16,
    headers: String,
    body: &'a str,
    /// One for each kit of the table's head.
    outcomes: Vec<&'a str>,
}

#[tokio::test]
async fn each_sink_makes_of_each_hostile_answer_what_the_table_says() {
    let (rows, (kits, lines), mut wrong) = (rows(), tables(), Vec::new());
    assert!(lines.len() >= 60, "{}", lines.len());
    for line in &lines {
        for (name, make) in [("hyper", hyper as Make), ("reqwest", reqwest)] {
            let mut made = Vec::new();
            for kit in &kits {
                let row = rows.iter().find(|row| row.kit.name == *kit).unwrap();
                made.push(outcome(line, row, make).await);
            }
            if made != line.outcomes {
                wrong.push(format!("{} {} over {name}: {}", line.status, line.body, made.join(" | ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The kits that the tables name, in their head `| Answer | Body | a kit | another kit |`, and the lines of all tables.
fn tables() -> (Vec<&'static str>, Vec<Line<'static>>) {
    let cells = |line: &'static str| -> Option<Vec<&'static str>> {
        Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::trim).collect())
    };
    let head = TABLE.lines().filter_map(cells).find(|cells| cells[0] == "Answer").unwrap();
    let line = |cells: Vec<&'static str>| {
        let (status, headers) = cells[0].split_once(' ').unwrap_or((cells[0], ""));
        let headers = headers.trim_matches('`').split(" & ").filter(|header| !header.is_empty());
        Some(Line {
            status: status.parse().ok()?,
            headers: headers.map(|header| format!("{header}\r\n")).collect(),
            body: cells[1].trim_matches('`'),
            outcomes: cells[2..].to_vec(),
        })
    };
    (head[2..].to_vec(), TABLE.lines().filter_map(cells).filter_map(line).collect())
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
async fn outcome(line: &Line<'_>, row: &Row, make: Make) -> String {
    let server = Server::start(Server::answer(line.status, &line.headers, bytes(line.body, &row.words))).await;
    let sink = (row.sink)(&server.base_url, make(TransportOptions::default()));
    let batch: Vec<ContactUpdate> = (1..=2).map(|number| (row.update)(number, false)).collect();
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
