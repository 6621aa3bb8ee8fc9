//! Verdicts of answers that name items: the one house rule for all vendors.

use contact_sink_core::{ErrorCode, Rejection, SinkError, SinkErrorKind, Verdict};
use contact_sink_transport::{Named, Unnamed, match_named};

/// A letter for each item that was sent: `A`ccepted, `R`ejected, `U`ndecided, `?` for nothing known.
fn letters(sent: &[&str], named: &[(&str, i64)], unnamed: Unnamed) -> String {
    let named = named.iter().map(|(item, code)| Named { item: *item, code: Some((*code).into()), text: "text" });
    let verdicts = match_named(sent.iter().copied(), named, unnamed, |all| {
        assert!(all.iter().all(|named| named.item == all[0].item && named.code == all[0].code && named.text == "text"));
        match all[0].code.clone() {
            Some(ErrorCode::Number(0)) => Ok(Verdict::Accepted),
            Some(ErrorCode::Number(99)) => Err(SinkError::new("vendor", "call", SinkErrorKind::Forbidden)),
            code => Ok(Verdict::Rejected(Rejection::unlisted(code, "refused"))),
        }
    });
    let Ok(verdicts) = verdicts else { return "error".to_owned() };
    let letter = |verdict: &Verdict| match verdict {
        Verdict::Accepted => 'A',
        Verdict::Rejected(_) => 'R',
        Verdict::Undecided(_) => 'U',
        _ => '?',
    };
    verdicts.iter().map(letter).collect()
}

#[test]
fn one_rule_for_every_list() {
    let undecided = Unnamed::Verdict(Verdict::Undecided(Rejection::unlisted(None, "refused")));
    type Row<'a> = (&'a [(&'a str, i64)], [&'a str; 4]);
    #[rustfmt::skip]
    let table: &[Row<'_>] = &[
        // what the answer names               accepted  beside failures  unknown  a verdict
        (&[],                                  ["AAA",   "???",           "???",   "UUU"]),
        (&[("b", 7)],                          ["ARA",   "ARA",           "?R?",   "URU"]),
        (&[("c", 0), ("a", 0), ("b", 0)],      ["AAA",   "AAA",           "AAA",   "AAA"]),
        (&[("b", 7), ("b", 7)],                ["ARA",   "ARA",           "?R?",   "URU"]),
        // Named twice, with different codes: nothing is known of it.
        (&[("b", 7), ("b", 0)],                ["A?A",   "A?A",           "???",   "U?U"]),
        // An item that was not sent: one that is not named may be meant.
        (&[("x", 7)],                          ["???",   "???",           "???",   "UUU"]),
        (&[("x", 7), ("b", 7)],                ["?R?",   "?R?",           "?R?",   "URU"]),
        (&[("a", 99)],                         ["error", "error",         "error", "error"]),
    ];
    for (named, expected) in table {
        let rules = [Unnamed::Accepted, Unnamed::AcceptedBesideFailures, Unnamed::Unknown, undecided.clone()];
        for (rule, expected) in rules.into_iter().zip(expected) {
            assert_eq!(letters(&["a", "b", "c"], named, rule.clone()), **expected, "{named:?} {rule:?}");
        }
    }
    assert_eq!(letters(&["b", "a"], &[("b", 7)], Unnamed::Accepted), "RA", "in the order of the request");
}
