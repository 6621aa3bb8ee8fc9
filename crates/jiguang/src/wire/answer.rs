//! The vendor's answer to "Set Contact Information": single and multiple errors become one list.

use bytes::Bytes;
use contact_sink_core::{Applied, ErrorCode, SinkError};
use contact_sink_transport::Judgement;
use contact_sink_transport::json::{self, RawValue};
use http::{Response, StatusCode};
use serde::Deserialize;

use crate::SET_CHANNELS;
use crate::codes::{OK, SEVERAL, VENDOR};

/// The vendor's own answer. `Debug` prints the codes and no text: the vendor's texts name users and may name values.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code at the top; `None` if a refusal (HTTP 400, 413, 422) came without one.
    pub code: Option<i64>,
    /// The text at the top, which is personal data; empty if there is none.
    pub msg: String,
    /// The errors: those of `data`, or the single one at the top. Empty exactly if the request went through.
    pub errors: Vec<AnswerError>,
}

/// One error of an [`Answer`]. `Debug` prints no text.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerError {
    /// The code; `None` if the entry has no integer there.
    pub code: Option<i64>,
    /// The vendor's text, which is personal data; empty if there is none.
    pub msg: String,
}

impl Answer {
    /// Whether the request went through for all its users.
    pub fn is_success(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Reads the answer: the vendor's code decides if its table has it, else the status does.
///
/// Shape: `{"code":0,"msg":"ok"}`, and `data` with one `{"code","msg"}` for each error if the code is 4000.
///
/// # Errors
/// [`SinkError`] if there is no answer of the vendor's in it, or one that concerns the run as a whole: the credentials,
/// the project, the size of the request.
///
/// Source: Jiguang, "Set Contact Information".
pub fn read_set_channels(answer: &Response<Bytes>) -> Result<Answer, SinkError> {
    let status = answer.status();
    let body = json::readable(answer.body());
    let wire: WireAnswer<'_> = json::object(&body).unwrap_or_default();
    let (code, msg) = (json::integer(wire.code), json::message(wire.msg));
    let errors = match SET_CHANNELS.judge(answer, code.map(ErrorCode::from)) {
        Judgement::Failed(error) => return Err(error),
        // Nothing in such a body decides, so what else it lists is no list of errors.
        Judgement::Refused => vec![AnswerError { code: code.filter(|&code| code != OK), msg: msg.clone() }],
        Judgement::Success if wire.lists_only_success() && !json::names_failure(&body, &[]) => Vec::new(),
        Judgement::Success => return Err(SET_CHANNELS.contradiction(answer)),
        Judgement::Code(_) => {
            let mut errors = wire.listed_errors();
            if code != Some(SEVERAL) || errors.is_empty() {
                errors.insert(0, AnswerError { code, msg: msg.clone() });
            }
            errors
        }
    };
    for error in &errors {
        let stops = error
            .code
            .and_then(|code| VENDOR.find(code))
            .and_then(|line| line.error(SET_CHANNELS.vendor.name, SET_CHANNELS.operation));
        if let Some(stops) = stops {
            // Beside other errors it is open whether good users were saved before this one came up.
            let applied = if errors.len() == 1 && code == error.code { Applied::No } else { Applied::Maybe };
            return Err(stops.with_status(status.as_u16()).with_applied(applied));
        }
    }
    Ok(Answer { status, code, msg, errors })
}

/// The documented answer. Each field is kept as it stands and read by itself: an odd one must not hide the code beside it.
#[derive(Default, Deserialize)]
struct WireAnswer<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireError<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
}

impl WireAnswer<'_> {
    /// The entries of `data` that have a code other than 0; a lone entry counts as a list of one.
    fn listed_errors(&self) -> Vec<AnswerError> {
        let Some(data) = self.data else { return Vec::new() };
        json::entries(data)
            .into_iter()
            .filter_map(|entry| json::object::<WireError<'_>>(entry.get()))
            .filter(|entry| entry.code.is_some() && json::integer(entry.code) != Some(OK))
            .map(|entry| AnswerError { code: json::integer(entry.code), msg: json::message(entry.msg) })
            .collect()
    }

    /// Whether `data` lists no error: its entries have the code 0, or neither a code nor a text.
    fn lists_only_success(&self) -> bool {
        let is_success = |entry: &RawValue| {
            json::object(entry.get()).is_some_and(|WireError { code, msg }| match code {
                Some(_) => json::integer(code) == Some(OK),
                None => msg.is_none(),
            })
        };
        json::says_nothing(self.data) || self.data.is_some_and(|data| json::entries(data).into_iter().all(is_success))
    }
}

contact_sink_transport::debug_shows!(Answer: status, code, errors);

contact_sink_transport::debug_shows!(AnswerError: code);
