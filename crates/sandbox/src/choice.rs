//! Choices that more than one vendor's settings have.

use serde::Deserialize;

/// How a refusal is told where the document does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Told {
    /// By the HTTP status.
    Status,
    /// By a code in a 200, whatever status the vendor's other errors have.
    Code,
}

/// The HTTP status of a documented error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
#[non_exhaustive]
pub enum ErrorStatus {
    /// 200.
    Ok,
    /// 400.
    BadRequest,
}

/// A code that is in no table of Jiguang's or EngageLab's, which have many in common, and not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct UnlistedCode(i64);

const LISTED_CODES: [i64; 11] = [0, 4000, 4107, 40002, 40007, 40011, 40050, 50031, 50034, 50074, 55014];

impl ErrorStatus {
    pub(crate) fn status(self) -> http::StatusCode {
        match self {
            Self::Ok => http::StatusCode::OK,
            Self::BadRequest => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl UnlistedCode {
    /// A code that is known to be none of theirs.
    pub(crate) const fn new(code: i64) -> Self {
        Self(code)
    }

    /// The code.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for UnlistedCode {
    type Error = String;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        if LISTED_CODES.contains(&code) {
            Err(format!("{code} has a meaning at the vendor; take a code that has none"))
        } else {
            Ok(Self(code))
        }
    }
}

impl TryFrom<u16> for ErrorStatus {
    type Error = String;

    fn try_from(status: u16) -> Result<Self, Self::Error> {
        match status {
            200 => Ok(Self::Ok),
            400 => Ok(Self::BadRequest),
            _ => Err(format!("{status} is neither 200 nor 400")),
        }
    }
}
