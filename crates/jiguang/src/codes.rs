//! The vendor's error table as data: what each code means, what is done about it, and what a person can do.

use std::fmt;

use contact_sink_core::SinkErrorKind;

/// One line of the vendor's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The number in the answer's `code`.
    pub code: i64,
    /// What it means, in our words.
    pub meaning: &'static str,
    /// What this library does.
    pub effect: Effect,
    /// What a person can do about it.
    pub advice: &'static str,
    /// Where the vendor says so.
    pub source: &'static str,
}

/// What is done about a [`Code`]. `Display` says it in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Every user of the request is accepted.
    Accepts,
    /// Each error in `data` is judged by its own code; without one, the request is undecided.
    Several,
    /// The user that the text names is rejected; whoever it does not name is undecided.
    Rejects,
    /// Every user of the request is undecided: the one to blame is looked for.
    Isolates,
    /// The run stops.
    Stops(SinkErrorKind),
}

const DOCUMENT: &str = "Jiguang, \"Set Contact Information\"";
const SISTER: &str = "EngageLab MA, the sister product; not in Jiguang's document";
const PROJECT: &str = "the project or its data source is invalid, missing or deleted";
const PROJECT_ADVICE: &str =
    "compare the project id with the vendor's console, and see there that the project and its data source exist";

/// The codes that are known, in the order of the document.
pub const CODES: &[Code] = &[
    Code { code: 0, meaning: "ok", effect: Effect::Accepts, advice: "nothing is to be done", source: DOCUMENT },
    Code {
        code: 40011,
        meaning: "the number of users in the request is not between 1 and 100",
        effect: Effect::Stops(SinkErrorKind::BadRequest),
        advice: "report it: contact-sink never sends such a request",
        source: DOCUMENT,
    },
    Code {
        code: 40002,
        meaning: "a parameter is invalid",
        effect: Effect::Isolates,
        advice: "read the vendor's text in the dead letter, and compare channel ids and labels with the channel center",
        source: DOCUMENT,
    },
    Code {
        code: 4000,
        meaning: "the request has several errors",
        effect: Effect::Several,
        advice: "read the vendor's text in the dead letter",
        source: DOCUMENT,
    },
    Code {
        code: 4107,
        meaning: "not saved: the CUID, the channel or the label does not exist, or the Registration ID or the SMS number \
                  is invalid",
        effect: Effect::Rejects,
        advice: "see in the vendor's console that the user is in this project and that channel id and label are spelled \
                 as in the channel center; then look at the value",
        source: DOCUMENT,
    },
    Code {
        code: 40050,
        meaning: "the credentials were refused",
        effect: Effect::Stops(SinkErrorKind::Credentials),
        advice: "compare the project id and the project secret with the vendor's console",
        source: SISTER,
    },
    Code {
        code: 50031,
        meaning: PROJECT,
        effect: Effect::Stops(SinkErrorKind::Credentials),
        advice: PROJECT_ADVICE,
        source: SISTER,
    },
    Code {
        code: 50034,
        meaning: PROJECT,
        effect: Effect::Stops(SinkErrorKind::Credentials),
        advice: PROJECT_ADVICE,
        source: SISTER,
    },
    Code {
        code: 50074,
        meaning: PROJECT,
        effect: Effect::Stops(SinkErrorKind::Credentials),
        advice: PROJECT_ADVICE,
        source: SISTER,
    },
];

/// The code for success.
pub(crate) const OK: i64 = 0;
/// The code that says: see `data`.
pub(crate) const SEVERAL: i64 = 4000;

/// The line of the table for a code, if it has one.
pub fn find_code(code: i64) -> Option<&'static Code> {
    CODES.iter().find(|line| line.code == code)
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepts => f.write_str("accepted"),
            Self::Several => f.write_str("each error in the answer is judged by its own code"),
            Self::Rejects => {
                f.write_str("the user that the text names is rejected, else the one to blame is looked for")
            }
            Self::Isolates => f.write_str("the one to blame is looked for, then rejected"),
            Self::Stops(kind) => write!(f, "the run stops: {kind}"),
        }
    }
}
