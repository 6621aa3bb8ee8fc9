//! Every code of a vendor's table is in an answer of a case: for a whole request at HTTP 200 and 400, and for one account of it
//! where it can mean one.

use std::collections::BTreeSet;

use contact_sink::kits;
use contact_sink_core::{Code, Effect, ErrorCode};
use contact_sink_transport::Kit;
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
    let lines = || kits().flat_map(|kit| kit.vendor.codes.iter().map(move |line| (kit, line)));
    let of_call = || lines().filter(|(kit, line)| is_of_call(kit, line));
    let whole = of_call().flat_map(|(kit, line)| [200, 400].map(|status| place(kit, line, Some(status))));
    let single = of_call().filter(|(kit, line)| kit.vendor.name == TENCENT && is_of_one(line));
    whole.chain(single.map(|(kit, line)| place(kit, line, None))).collect()
}

fn place(kit: &Kit, line: &Code, status: Option<u16>) -> Place {
    Place { vendor: kit.vendor.name, operation: kit.call, code: line.code.into(), status }
}

/// The vendor whose answers have results of single accounts beside the code of the whole.
const TENCENT: &str = "tencent";

/// Whether the document of the kit's call has the code; of the two documents of one vendor, each has its own and the public ones.
fn is_of_call(kit: &Kit, line: &Code) -> bool {
    match (kit.vendor.name, ErrorCode::from(line.code).as_i64()) {
        (TENCENT, Some(30_000..40_000)) => kit.call == "update_friends",
        (TENCENT, Some(90_000..100_000)) => kit.call == "set_attributes",
        _ => true,
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
    let read = |code: &Value| code.as_i64().map(ErrorCode::from).or_else(|| ErrorCode::word(code.as_str()?));
    let at = |code: &Value, status| Some((&*named.vendor, &*named.operation, read(code)?, status));
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
