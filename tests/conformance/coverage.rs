//! Every code of a vendor's table is in an answer of a case: for a whole request at HTTP 200 and 400, and for one account of it
//! where it can mean one.

use std::collections::BTreeSet;

use contact_sink_core::{Code, Effect, ErrorCode, ListedCode};
use serde_json::Value;

use crate::files::Named;

/// Where a code must be met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    vendor: &'static str,
    operation: &'static str,
    code: ErrorCode,
    /// The status of an answer that is the code's, or none for an entry of an answer of success.
    status: Option<u16>,
}

/// What no case has, of all that the vendors' tables ask for.
pub(crate) fn missing(cases: &[Named]) -> Vec<Place> {
    let there: BTreeSet<_> = cases.iter().flat_map(met).collect();
    let there = |place: &Place| there.contains(&(place.vendor, place.operation, place.code.clone(), place.status));
    asked().into_iter().filter(|place| !there(place)).collect()
}

/// The places that the tables ask for.
pub(crate) fn asked() -> Vec<Place> {
    let mut asked = Vec::new();
    let mut whole = |vendor, operation, code: ListedCode| {
        asked.extend([200, 400].map(|status| Place { vendor, operation, code: code.into(), status: Some(status) }));
    };
    for line in contact_sink_jiguang::CODES {
        whole("jiguang", "set_channels", line.code);
    }
    for line in contact_sink_engagelab::CODES {
        whole("engagelab", "set_contacts", line.code);
    }
    let tencent =
        || contact_sink_tencent::CODES.iter().flat_map(|line| operations(line).iter().map(move |at| (line, *at)));
    for (line, operation) in tencent() {
        whole("tencent", operation, line.code);
    }
    let single = tencent().filter(|(line, _)| is_of_one(line));
    asked.extend(single.map(|(line, operation)| Place {
        vendor: "tencent",
        operation,
        code: line.code.into(),
        status: None,
    }));
    asked
}

/// Which of the two documents has the code; success and the public codes are in both.
fn operations(line: &Code) -> &'static [&'static str] {
    match ErrorCode::from(line.code).as_i64() {
        Some(30_000..40_000) => &["update_friends"],
        Some(90_000..100_000) => &["set_attributes"],
        _ => &["set_attributes", "update_friends"],
    }
}

/// Whether it can stand for one account: what stops the run cannot, but for those of the table beside `ResultCode`.
fn is_of_one(line: &Code) -> bool {
    let stops = matches!(line.effect_on_item(), Effect::Stops(_) | Effect::Renews);
    !stops || line.source.contains("friend_update")
}

/// The codes in the answer of a case, and where.
fn met(named: &Named) -> Vec<(&str, &str, ErrorCode, Option<u16>)> {
    let body: Value = serde_json::from_slice(named.content.answer.bytes()).unwrap_or_default();
    let at = |code: &Value, status| Some((&*named.vendor, &*named.operation, code.as_i64()?.into(), status));
    let whole = ["code", "ErrorCode"].into_iter().filter_map(|name| at(&body[name], Some(named.status)));
    let lists: &[_] = match body["ErrorCode"].as_i64() {
        Some(0) => &[("ResultItem", "ResultCode"), ("ErrorList", "ErrorCode")],
        _ => &[],
    };
    let single = lists.iter().flat_map(|(list, code)| {
        body[*list].as_array().into_iter().flatten().filter_map(move |entry| at(&entry[*code], None))
    });
    whole.chain(single).collect()
}
