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
    fn a_vendors_text_is_cut_after_2000_characters(text in "[a界🙂]{1,3}", times in 1..1_200_usize) {
        let text = text.repeat(times);
        let kept = Rejection::listed(17, "our words").with_vendor_text(&text).vendor_text().unwrap().to_owned();
        if text.chars().count() <= 2_000 {
            prop_assert_eq!(kept, text);
        } else {
            let whole = kept.strip_suffix('…').unwrap();
            prop_assert!(text.starts_with(whole));
            prop_assert_eq!(whole.chars().count(), 2_000);
        }
    }
}

#[test]
fn a_text_of_exactly_2000_characters_is_whole_and_an_empty_one_is_none() {
    let kept = |text: &str| Rejection::by_rule("our words").with_vendor_text(text).vendor_text().map(str::to_owned);
    let full = "界".repeat(2_000);
    assert_eq!(kept(&full), Some(full.clone()));
    assert_eq!(kept(&format!("{full}界")), Some(format!("{full}…")));
    assert_eq!(kept(""), None);
    let replaced = Rejection::by_rule("our words").with_vendor_text("text").with_vendor_text("");
    assert_eq!(replaced.vendor_text(), None);
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
        (Effect::Retries, Some((Kind::Unavailable, Retry::Backoff, Applied::Perhaps, Kind::Unavailable.advice()))),
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
