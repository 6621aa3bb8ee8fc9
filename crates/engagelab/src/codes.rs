//! The vendor's error table as data: what each code means, what is done about it, and what a person can do.

use contact_sink_core::{Code, Effect, SinkErrorKind};
use contact_sink_transport::Vendor;

const DOCUMENT: &str = "EngageLab MA, \"Set Contact Information\"";
const MORE: &str = "EngageLab MA, another page; not in the endpoint's document";
const PROJECT: &str = "the project or its data source is invalid, missing or deleted";
const PROJECT_ADVICE: &str =
    "see in the vendor's console that the project and its data source of type API exist, and check the region";
const CREDENTIALS_ADVICE: &str =
    "compare the API key, the API secret and the region with the vendor's console: a data source of type API has them";

/// The vendor, as errors name it, with its error table.
pub const VENDOR: Vendor = Vendor {
    name: "engagelab",
    codes: CODES,
    unlisted: "sent once more by itself, then rejected, but only if the vendor accepts others",
    credentials_advice: CREDENTIALS_ADVICE,
};

/// The codes that are known, in the order of the document.
pub const CODES: &[Code] = &[
    Code::new(
        0,
        "success or partial success",
        Effect::Accepts,
        "nothing is to be done; to know which contacts were set, read the user back",
        DOCUMENT,
    ),
    Code::new(
        40050,
        "the credentials were refused",
        Effect::Stops(SinkErrorKind::Credentials),
        CREDENTIALS_ADVICE,
        DOCUMENT,
    ),
    Code::new(
        55014,
        "the contact is set already, maybe for another user",
        Effect::Rejects,
        "see in the vendor's console whether this contact must be unique and who has it; after a lost answer it may be the \
         same update that set it",
        DOCUMENT,
    ),
    Code::new(40007, "the EUID is empty", Effect::Rejects, "look at the row's EUID", MORE).on_subject(),
    Code::new(50031, PROJECT, Effect::Stops(SinkErrorKind::Credentials), PROJECT_ADVICE, MORE),
    Code::new(50034, PROJECT, Effect::Stops(SinkErrorKind::Credentials), PROJECT_ADVICE, MORE),
    Code::new(50074, PROJECT, Effect::Stops(SinkErrorKind::Credentials), PROJECT_ADVICE, MORE),
];
