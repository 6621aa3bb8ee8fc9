//! The vendor's error table as data: what each code means, what is done about it, and what a person can do.

use contact_sink_core::{Code, Effect, SinkErrorKind};
use contact_sink_transport::Vendor;

const DOCUMENT: &str = "Jiguang, \"Set Contact Information\"";
const SISTER: &str = "EngageLab MA, the sister product; not in Jiguang's document";
const PROJECT: &str = "the project or its data source is invalid, missing or deleted";
const PROJECT_ADVICE: &str =
    "compare the project id with the vendor's console, and see there that the project and its data source exist";

const CREDENTIALS_ADVICE: &str = "compare the project id and the project secret with the vendor's console";

/// The vendor, as errors name it, with its error table.
pub const VENDOR: Vendor = Vendor {
    name: "jiguang",
    codes: CODES,
    unlisted: "the update to blame is looked for, sent once more by itself and rejected, but only if the vendor accepts others",
    credentials_advice: CREDENTIALS_ADVICE,
};

/// The codes that are known, in the order of the document.
pub const CODES: &[Code] = &[
    Code::new(0, "ok", Effect::Accepts, "nothing is to be done", DOCUMENT),
    Code::new(
        40011,
        "the number of users in the request is not between 1 and 100",
        Effect::Stops(SinkErrorKind::BadRequest),
        "report it: contact-sink never sends such a request",
        DOCUMENT,
    ),
    Code::new(
        40002,
        "a parameter is invalid",
        Effect::Isolates,
        "read the vendor's text in the file of rejected rows, and compare channel ids and labels with the channel center",
        DOCUMENT,
    ),
    Code::new(
        4000,
        "the request has several errors",
        Effect::Several,
        "read the vendor's text in the file of rejected rows",
        DOCUMENT,
    ),
    Code::new(
        4107,
        "not saved: the CUID, the channel or the label does not exist, or the Registration ID or the SMS number \
         is invalid",
        Effect::RejectsNamed,
        "see in the vendor's console that the user is in this project and that channel id and label are spelled \
         as in the channel center; then look at the value",
        DOCUMENT,
    ),
    Code::new(
        40050,
        "the credentials were refused",
        Effect::Stops(SinkErrorKind::Credentials),
        CREDENTIALS_ADVICE,
        SISTER,
    ),
    Code::new(50031, PROJECT, Effect::Stops(SinkErrorKind::Credentials), PROJECT_ADVICE, SISTER),
    Code::new(50034, PROJECT, Effect::Stops(SinkErrorKind::Credentials), PROJECT_ADVICE, SISTER),
    Code::new(50074, PROJECT, Effect::Stops(SinkErrorKind::Credentials), PROJECT_ADVICE, SISTER),
];

/// The code for success.
pub(crate) const OK: i64 = 0;
/// The code that says: see `data`.
pub(crate) const SEVERAL: i64 = 4000;
