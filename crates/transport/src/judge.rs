//! The judgement of an answer by its HTTP status and the vendor's code: one function for all vendors.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use contact_sink_core::{Code, Effect, ErrorCode, Rejection, Retry, SinkError, SinkErrorKind, SubjectPart};
use http::{Response, StatusCode, header};
use httpdate::parse_http_date;

/// What an answer is, before the vendor's own rules read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// A 2xx with the vendor's code for success.
    Success,
    /// The vendor's code decides on the updates; its table says how, if it has it.
    Code(ErrorCode),
    /// A 400, 413 or 422 without a code that decides: the request is refused as a whole, and who is to blame is open.
    Refused,
    /// There are no verdicts: by the vendor's code, whose effect is one for the whole request, or by the status.
    Failed(SinkError),
}

/// Judges an answer by its status and by the code that was read from its body, if it had one of the vendor's shape.
///
/// A code of the `table` decides at any status, and where it asks for another try `Retry-After` says when. One that the table
/// lacks decides only at 2xx, 400 and 422. Else the status
/// decides: unreadable 2xx and 5xx are tried again; 400, 413 and 422 refuse the request; 401, 403, 407, 3xx, 404, 405 and the
/// rest stop the run; 408, 425 and 429 are tried again after `Retry-After`. Success needs a 2xx *and* the code for it: 0, or one
/// that the table [accepts](Effect::Accepts).
///
/// ```
/// use bytes::Bytes;
/// use contact_sink_transport::{Judgement, judge};
///
/// let answer = http::Response::new(Bytes::from_static(b"{}"));
/// assert!(matches!(judge("vendor", "call", &answer, None, &[]), Judgement::Failed(_)), "a 200 is not a success");
/// assert_eq!(judge("vendor", "call", &answer, Some(0.into()), &[]), Judgement::Success);
/// ```
pub fn judge(
    vendor: impl Into<Cow<'static, str>>,
    operation: impl Into<Cow<'static, str>>,
    answer: &Response<Bytes>,
    code: Option<ErrorCode>,
    table: &'static [Code],
) -> Judgement {
    let (vendor, operation) = (vendor.into(), operation.into());
    let status = answer.status();
    let line = code.as_ref().and_then(|code| Code::find(table, code));
    // A success code under a status that says otherwise is a contradiction: the status decides.
    let succeeds = code == Some(ErrorCode::Number(0)) || line.is_some_and(|line| line.effect == Effect::Accepts);
    if let Some(line) = line.filter(|_| !succeeds) {
        return match line.error(vendor, operation) {
            Some(error) => Judgement::Failed(at_the_time(error.with_status(status.as_u16()), answer)),
            None => Judgement::Code(line.code.into()),
        };
    }
    match code {
        Some(_) if succeeds && status.is_success() => return Judgement::Success,
        Some(code) if !succeeds && (status.is_success() || matches!(status.as_u16(), 400 | 422)) => {
            return Judgement::Code(code);
        }
        Some(_) | None => {}
    }
    let failed = |kind| {
        let error = SinkError::new(vendor.clone(), operation.clone(), kind)
            .with_status(status.as_u16())
            .with_answer(media_type(answer), answer.body().len());
        match &code {
            Some(code) => error.with_code(code.clone()),
            None => error,
        }
    };
    // A vendor refuses credentials in its own words; a page is of something between.
    let is_page = code.is_none() && media_type(answer) == "text/html";
    let refused = |kind| if is_page { failed(kind).with_odd_answer() } else { failed(kind) };
    use SinkErrorKind as K;
    Judgement::Failed(match status.as_u16() {
        200..=299 => failed(K::Unreadable),
        400 | 413 | 422 => return Judgement::Refused,
        401 | 407 => refused(K::Credentials),
        403 => refused(K::Forbidden),
        408 | 425 => failed(K::Unavailable).with_retry(pause(answer)),
        429 => failed(K::Throttled).with_retry(pause(answer)),
        500..=599 => {
            let error = failed(K::Unavailable);
            if status == StatusCode::SERVICE_UNAVAILABLE { error.with_retry(pause(answer)) } else { error }
        }
        _ if code.is_some() => failed(K::WrongAddress),
        _ => failed(K::WrongAddress).with_odd_answer(),
    })
}

/// When an error that asks for another try may have it.
fn at_the_time(error: SinkError, answer: &Response<Bytes>) -> SinkError {
    if error.retry() == Retry::Backoff { error.with_retry(pause(answer)) } else { error }
}

/// An answer that says success and, beside it, that something failed, or lacks a part of the documented success: nothing is known.
pub fn contradiction(
    vendor: impl Into<Cow<'static, str>>,
    operation: impl Into<Cow<'static, str>>,
    answer: &Response<Bytes>,
) -> SinkError {
    SinkError::new(vendor, operation, SinkErrorKind::Unreadable)
        .with_detail("it contradicts itself: a code of success, and not the rest of a success")
        .with_status(answer.status().as_u16())
        .with_answer(media_type(answer), answer.body().len())
}

/// The refusal that a code means by the vendor's table, or the status of an answer that has none.
pub fn refusal(table: &'static [Code], code: Option<ErrorCode>, status: StatusCode) -> Rejection {
    let line = code.as_ref().and_then(|code| Code::find(table, code));
    match (code, line) {
        (Some(code), Some(line)) if line.about_subject => {
            Rejection::listed(code, line.meaning).with_subject(SubjectPart::User)
        }
        (Some(code), Some(line)) => Rejection::listed(code, line.meaning),
        (Some(code), None) => Rejection::unlisted(Some(code), "a code that the vendor's table lacks"),
        (None, _) if status.is_success() => Rejection::unlisted(None, "an error of the vendor's answer has no code"),
        (None, _) => Rejection::unlisted(None, format!("the vendor refused the request with http {}", status.as_u16())),
    }
}

/// `Retry-After` in seconds or as a date, up to an hour; anything else is a pause of our own. A date is read by the clock of the
/// answer's `Date`, if it has one: ours may be wrong.
fn pause(answer: &Response<Bytes>) -> Retry {
    const LONGEST: Duration = Duration::from_secs(60 * 60);
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |name| text(name).and_then(|text| parse_http_date(text).ok());
    let seconds = || text(header::RETRY_AFTER)?.parse::<u64>().ok().map(Duration::from_secs);
    let until = || {
        let now = date(header::DATE).unwrap_or_else(SystemTime::now);
        date(header::RETRY_AFTER).map(|at| at.duration_since(now).unwrap_or_default())
    };
    seconds().or_else(until).map_or(Retry::Backoff, |wait| Retry::After(wait.min(LONGEST)))
}

/// The media type without its parameters, if it is one; a header is the server's and may hold anything.
fn media_type(answer: &Response<Bytes>) -> String {
    let named = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = named.and_then(|text| text.split(';').next()).map(str::trim).unwrap_or_default();
    let known = ["application", "text", "image", "audio", "video", "multipart", "font", "message", "model"];
    match essence.split_once('/') {
        Some((kind, subtype))
            if known.contains(&kind)
                && (1..=40).contains(&subtype.len())
                && subtype.bytes().all(|byte| byte.is_ascii_alphabetic() || b"+.-".contains(&byte)) =>
        {
            essence.to_owned()
        }
        _ => "no media type".to_owned(),
    }
}
