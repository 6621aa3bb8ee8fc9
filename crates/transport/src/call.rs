//! A call of a vendor's API: its name in errors, and the judgement of an answer to it by the HTTP status and the vendor's code.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use contact_sink_core::{
    Applied, Code, Effect, ErrorCode, Rejection, Retry, SinkError, SinkErrorKind, SubjectPart, Verdict,
};
use http::{Response, StatusCode, header};
use httpdate::parse_http_date;

/// What all calls of a vendor have in common. A constant of the vendor's crate.
#[derive(Debug, Clone, Copy)]
pub struct Vendor {
    /// The name in errors: `jiguang`.
    pub name: &'static str,
    /// The error table.
    pub codes: &'static [Code],
    /// What is done about a code that the table lacks.
    pub unlisted: &'static str,
    /// What to do about an HTTP 401 without a code.
    pub credentials_advice: &'static str,
}

/// A call of a vendor's API. A constant of the vendor's crate.
///
/// ```
/// use bytes::Bytes;
/// use contact_sink_transport::{Call, Judgement, Vendor};
///
/// const VENDOR: Vendor = Vendor {
///     name: "vendor",
///     codes: &[],
///     unlisted: "rejected",
///     credentials_advice: "compare the token with the vendor's console",
/// };
/// const CALL: Call = Call { vendor: &VENDOR, operation: "call" };
///
/// let answer = http::Response::new(Bytes::from_static(b"{}"));
/// assert!(matches!(CALL.judge(&answer, None), Judgement::Failed(_)), "a 200 is not a success");
/// assert_eq!(CALL.judge(&answer, Some(0.into())), Judgement::Success);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The vendor.
    pub vendor: &'static Vendor,
    /// The name in errors: `set channels`.
    pub operation: &'static str,
}

/// What an answer is, before the vendor's own rules read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// A 2xx with the vendor's code for success.
    Success,
    /// The vendor's code decides on the updates; its table says how, if it has it.
    Code(ErrorCode),
    /// A 400, 413 or 422 without a code that decides: the request is refused as a whole, and it is not known which update is
    /// to blame.
    Refused,
    /// There are no verdicts: by the vendor's code, whose effect is one for the whole request, or by the status.
    Failed(SinkError),
}

impl Vendor {
    /// The line of the table for a code, if it has one.
    pub fn find(&self, code: impl Into<ErrorCode>) -> Option<&'static Code> {
        Code::find(self.codes, &code.into())
    }
}

impl Call {
    /// Judges an answer by its status and by the code that was read from its body, if it had one of the vendor's shape.
    ///
    /// A code of the vendor's table decides at any status, and where it asks for another attempt `Retry-After` says when. One
    /// that the table lacks decides only at 2xx, 400 and 422. Else the status decides: unreadable 2xx and 5xx are sent again;
    /// 400, 413 and 422 refuse the request; 401, 403, 407, 3xx, 404, 405 and the rest stop the run; 408, 425 and 429 are sent
    /// again after `Retry-After`. Success needs a 2xx *and* the code for it: 0, or one that the table
    /// [accepts](Effect::Accepts). Where a vendor says success by a word, as in `"status": "ok"`, that word is a line of the
    /// table, and is given as the code.
    pub fn judge(&self, answer: &Response<Bytes>, code: Option<ErrorCode>) -> Judgement {
        let status = answer.status();
        let line = code.as_ref().and_then(|code| self.line(code));
        // A success code under a status that says otherwise is a contradiction: the status decides.
        let succeeds = code == Some(ErrorCode::Number(0)) || line.is_some_and(|line| line.effect == Effect::Accepts);
        if let Some(line) = line.filter(|_| !succeeds) {
            return match line.error(self.vendor.name, self.operation) {
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
            let error = self.unreadable(kind, answer);
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
            401 => refused(K::Credentials).with_advice(self.vendor.credentials_advice),
            407 => refused(K::Credentials),
            403 => refused(K::Forbidden),
            408 | 425 | 503 => failed(K::Unavailable).with_retry(pause(answer)),
            429 => failed(K::Throttled).with_retry(pause(answer)),
            500..=599 => failed(K::Unavailable),
            _ if code.is_some() => failed(K::WrongAddress),
            _ => failed(K::WrongAddress).with_odd_answer(),
        })
    }

    /// The error of an answer that says success and, beside it, that something failed, or lacks a part of the documented
    /// success: nothing is known.
    pub fn contradiction(&self, answer: &Response<Bytes>) -> SinkError {
        self.unreadable(SinkErrorKind::Unreadable, answer)
            .with_detail("it contradicts itself: a code of success, and not the rest of a success")
    }

    /// The error of a batch that the sink or its client must never be given. Nothing was sent.
    pub fn contract(&self, detail: impl ToString) -> SinkError {
        self.error(SinkErrorKind::Contract).with_applied(Applied::No).with_detail(detail.to_string())
    }

    /// An error of this call.
    pub fn error(&self, kind: SinkErrorKind) -> SinkError {
        SinkError::new(self.vendor.name, self.operation, kind)
    }

    /// An error of this call, with the status, the media type and the length of the answer.
    fn unreadable(&self, kind: SinkErrorKind, answer: &Response<Bytes>) -> SinkError {
        self.error(kind).with_status(answer.status().as_u16()).with_answer(media_type(answer), answer.body().len())
    }

    fn line(&self, code: &ErrorCode) -> Option<&'static Code> {
        Code::find(self.vendor.codes, code)
    }

    /// The refusal that a code means by the vendor's table, or the status of an answer that has none.
    pub fn refusal(&self, code: Option<ErrorCode>, status: StatusCode) -> Rejection {
        let line = code.as_ref().and_then(|code| self.line(code));
        match (code, line) {
            (Some(code), Some(line)) if line.about_subject => {
                Rejection::listed(code, line.meaning).with_subject(SubjectPart::User)
            }
            (Some(code), Some(line)) => Rejection::listed(code, line.meaning),
            (Some(code), None) => Rejection::unlisted(Some(code), "a code that the vendor's table lacks"),
            (None, _) if status.is_success() => {
                Rejection::unlisted(None, "an error of the vendor's answer has no code")
            }
            (None, _) => {
                Rejection::unlisted(None, format!("the vendor refused the request with http {}", status.as_u16()))
            }
        }
    }

    /// The verdict on one update of a request that succeeded for others, by the code that the answer has for it and the
    /// vendor's text.
    ///
    /// # Errors
    /// [`SinkError`] for a code whose line says that it stops the run for one update too, as a lack of permission does: it is
    /// not known whether the other updates were stored. Other codes that stop a request cannot mean one update: they are
    /// refusals that the table does not explain.
    pub fn item_verdict(&self, status: StatusCode, code: Option<ErrorCode>, text: &str) -> Result<Verdict, SinkError> {
        let line = code.as_ref().and_then(|code| self.line(code));
        let rejected = |rejection: Rejection| Ok(Verdict::Rejected(rejection.with_vendor_text(text)));
        match line.map_or(Effect::Rejects, Code::effect_on_item) {
            Effect::Accepts => Ok(Verdict::Accepted),
            Effect::Retries | Effect::Throttles | Effect::Renews => Ok(Verdict::Retry { code }),
            Effect::Stops(_) => {
                let for_one = line.filter(|line| line.item_effect.is_some());
                match for_one.and_then(|line| line.error_on_item(self.vendor.name, self.operation)) {
                    Some(error) => Err(error.with_status(status.as_u16()).with_applied(Applied::Maybe)),
                    None => rejected(Rejection::unlisted(code, line.map_or("an unknown code", |line| line.meaning))),
                }
            }
            _ => rejected(self.refusal(code, StatusCode::OK)),
        }
    }

    /// The verdicts, or the error of a quota that every update was refused for: then the request is to wait.
    ///
    /// # Errors
    /// [`SinkError`] of the kind `Throttled`.
    pub fn unless_throttled(&self, status: StatusCode, verdicts: Vec<Verdict>) -> Result<Vec<Verdict>, SinkError> {
        let throttling = |verdict: &Verdict| match verdict {
            Verdict::Retry { code: Some(code) } => self.line(code).filter(|line| line.effect == Effect::Throttles),
            _ => None,
        };
        let error = verdicts.first().and_then(throttling);
        match error.and_then(|line| line.error_on_item(self.vendor.name, self.operation)) {
            Some(error) if verdicts.iter().all(|verdict| throttling(verdict).is_some()) => {
                Err(error.with_status(status.as_u16()))
            }
            _ => Ok(verdicts),
        }
    }
}

/// When an error that asks for another attempt may have it.
fn at_the_time(error: SinkError, answer: &Response<Bytes>) -> SinkError {
    if error.retry() == Retry::Backoff { error.with_retry(pause(answer)) } else { error }
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
