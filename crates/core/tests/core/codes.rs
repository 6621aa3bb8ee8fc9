//! A vendor's error table: what a line means for a request and for one update of it, and the words that an error and a
//! rejection carry on.

use contact_sink_core::{Applied, Code, Effect, ListedCode, Rejection, Retry, SinkError, SinkErrorKind as Kind};
use proptest::prelude::*;

const CODES: &[Code] = &[
    Code::new(0, "ok", Effect::Accepts, "nothing is to be done", "the manual"),
    Code::new(17, "no such user", Effect::Isolates, "look the user up", "the manual").on_item(Effect::Rejects),
    Code::new(-3, "no such app", Effect::Stops(Kind::Forbidden), "have the app enabled", "the manual"),
];

proptest! {
    #[test]
    fn a_code_is_found_by_its_number_only(code in prop_oneof![-4..20_i64, any::<i64>()]) {
        let line = Code::find(CODES, &code.into());
        prop_assert_eq!(line.map(|line| line.code), [0, 17, -3].contains(&code).then_some(ListedCode::Number(code)));
    }

    /// Every update of a request may get a copy of the text.
    #[test]
    fn a_vendors_text_is_cut_after_300_characters(text in "[a界🙂]{1,3}", times in 1..200_usize) {
        let text = text.repeat(times);
        let kept = Rejection::listed(17, "our words").with_vendor_text(&text).vendor_text().unwrap().to_owned();
        if text.chars().count() <= 300 {
            prop_assert_eq!(kept, text);
        } else {
            let whole = kept.strip_suffix('…').unwrap();
            prop_assert!(text.starts_with(whole));
            prop_assert_eq!(whole.chars().count(), 300);
        }
    }
}

#[test]
fn a_text_of_exactly_300_characters_is_whole_and_an_empty_one_is_none() {
    let kept = |text: &str| Rejection::by_rule("our words").with_vendor_text(text).vendor_text().map(str::to_owned);
    let full = "界".repeat(300);
    assert_eq!(kept(&full), Some(full.clone()));
    assert_eq!(kept(&format!("{full}界")), Some(format!("{full}…")));
    assert_eq!(kept(""), None);
    let replaced = Rejection::by_rule("our words").with_vendor_text("text").with_vendor_text("");
    assert_eq!(replaced.vendor_text(), None);
}

#[test]
fn credentials_and_echoes_are_not_kept() {
    let table = [
        ("[默认联系1] 联系标签不存在", "[默认联系1] 联系标签不存在"),
        ("the user 1234567890123456789 does not exist", "the user 1234567890123456789 does not exist"),
        ("see https://example.com/docs?page=2#codes", "see https://example.com/docs?page=2#codes"),
        ("bad a@b.example, 13800000000; id 1507bfd3f7c3b8d1a2", "bad a@b.example, 13800000000; id 1507bfd3f7c3b8d1a2"),
        ("Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold", "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold"),
        ("Authorization: Basic NzAwOnNlY3JldA==", "Authorization: Basic ***"),
        ("authorization:bearer abc.def", "authorization:bearer ***"),
        ("POST /v4/x?sdkappid=1&usersig=eJwtzMEK&random=9 failed", "POST /v4/x?sdkappid=1&usersig=***&random=9 failed"),
        ("sig eJwtzMEKgkAUheF3mXUOM_ is old", "sig *** is old"),
        (
            "secret=a, api_secret: b, \"password\":\"c\", token 'd'",
            "secret=***, api_secret: ***, \"password\":\"***\", token 'd'",
        ),
        ("key 0123456789abcdef01234567 is wrong", "key *** is wrong"),
        ("bad request: {\"euid\":1,\"contacts\":{}} at 3", "bad request: {…}"),
        ("bad [{\\\"cuid\\\":1}]", "bad [{…}"),
        ("a\u{1b}]8;;x\u{7}b\r\nc\u{202e}d\u{200b}", "a\u{FFFD}]8;;x\u{FFFD}b\u{FFFD}\u{FFFD}c\u{FFFD}d\u{FFFD}"),
    ];
    for (text, expected) in table {
        let kept = Rejection::by_rule("our words").with_vendor_text(text).vendor_text().map(str::to_owned);
        assert_eq!(kept.as_deref(), Some(expected));
    }
    // A secret that the cut would leave in halves.
    let long = "界 ".repeat(140) + "usersig=eJwtzMEKgkAUheF3mXUOM0123456789";
    let kept = Rejection::by_rule("our words").with_vendor_text(&long).vendor_text().map(str::to_owned);
    assert!(!kept.unwrap().contains("eJ"));
}

#[test]
fn what_one_update_suffers_may_differ_from_what_the_request_does() {
    let on_item = |code: i64| Code::find(CODES, &code.into()).unwrap().effect_on_item();
    assert_eq!((CODES[1].effect, on_item(17)), (Effect::Isolates, Effect::Rejects));
    assert_eq!((on_item(0), on_item(-3)), (Effect::Accepts, Effect::Stops(Kind::Forbidden)));
}

#[test]
fn which_effects_are_errors_of_the_whole_request() {
    let table = [
        (Effect::Accepts, None),
        (Effect::Several, None),
        (Effect::Rejects, None),
        (Effect::RejectsNamed, None),
        (Effect::Isolates, None),
        (Effect::Retries, Some((Kind::Unavailable, Retry::Backoff, Applied::Maybe, Kind::Unavailable.advice()))),
        (Effect::Throttles, Some((Kind::Throttled, Retry::Backoff, Applied::No, Kind::Throttled.advice()))),
        // Whoever knows how old the signature is says that another try can help.
        (Effect::Renews, Some((Kind::Credentials, Retry::Never, Applied::No, "its advice"))),
        (Effect::Stops(Kind::BadRequest), Some((Kind::BadRequest, Retry::Never, Applied::No, "its advice"))),
        (Effect::Stops(Kind::Forbidden), Some((Kind::Forbidden, Retry::Never, Applied::No, "its advice"))),
    ];
    let mut said = std::collections::BTreeSet::new();
    for (effect, expected) in table {
        let line = Code::new(17, "its meaning", effect, "its advice", "the manual");
        let error = line.error("vendor", "call");
        assert_eq!(line.error_on_item("vendor", "call"), error, "nothing else is said of one update");
        assert_eq!(line.on_item(Effect::Rejects).error_on_item("vendor", "call"), None);
        let implied = error.as_ref().map(|error| (error.kind(), error.retry(), error.applied(), error.advice()));
        assert_eq!(implied, expected, "{effect}");
        if let Some(error) = error {
            assert_eq!(error.to_string(), format!("vendor call: {} (its meaning, code 17)", error.kind()));
        }
        assert!(said.insert(effect.to_string()), "no two effects read alike: {effect}");
    }
}

#[test]
fn an_error_gives_its_own_advice_or_that_of_its_kind() {
    let error = SinkError::new("vendor", "call", Kind::Credentials);
    assert_eq!(error.advice(), Kind::Credentials.advice());
    let advised = error.clone().with_advice("check the clock");
    assert_eq!(advised.advice(), "check the clock");
    assert_eq!(advised.to_string(), error.to_string(), "advice stands beside the message");
    assert_ne!(advised, error);
}
