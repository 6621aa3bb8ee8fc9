//! The requests and the answers, as the documents have them.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::codes::{self, Refusal};
use super::value::FriendValue;
use crate::answer::Answer;
use crate::counters::End;
use crate::strict::{Object, Texts};

/// `im_set_attr` with names and values, `im_remove_attr` with names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct ChangeAttr<A> {
    pub(super) user_attrs: Vec<Object<AttrsOf<A>>>,
}

/// A user and its attributes.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttrsOf<A> {
    #[serde(rename = "To_Account")]
    pub(super) to_account: String,
    #[serde(rename = "Attrs")]
    pub(super) attrs: A,
}

/// `im_get_attr`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetAttr {
    #[serde(rename = "To_Account")]
    pub(super) to_account: Vec<String>,
}

/// `im_set_attr_name`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct SetAttrName<'a> {
    #[serde(borrow)]
    pub(super) attr_names: Texts<'a>,
}

/// `im_get_attr_name`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetAttrName {}

/// `friend_update`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FriendUpdate {
    #[serde(rename = "From_Account")]
    pub(super) from_account: String,
    #[serde(rename = "UpdateItem")]
    pub(super) update_item: Vec<Object<UpdateItem>>,
}

/// A friend and what to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateItem {
    #[serde(rename = "To_Account")]
    pub(super) to_account: String,
    #[serde(rename = "SnsItem")]
    pub(super) sns_item: Vec<Object<SnsItem>>,
}

/// One field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct SnsItem {
    pub(super) tag: String,
    pub(super) value: FriendValue,
}

/// An answer's body.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Reply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result_item: Option<Vec<ResultItem>>,
    #[serde(rename = "Fail_Account", skip_serializing_if = "Vec::is_empty")]
    pub(super) fail_account: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_attrs: Option<Vec<AttrsOf<BTreeMap<String, String>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attr_names: Option<BTreeMap<u8, String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) error_list: Vec<AccountError>,
    pub(super) action_status: &'static str,
    pub(super) error_info: &'static str,
    pub(super) error_code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_display: Option<&'static str>,
}

/// What became of one friend.
#[derive(Serialize)]
pub(super) struct ResultItem {
    #[serde(rename = "To_Account")]
    pub(super) to_account: String,
    #[serde(rename = "ResultCode")]
    pub(super) code: i64,
    #[serde(rename = "ResultInfo")]
    pub(super) info: &'static str,
}

/// An account that was not served.
#[derive(Serialize)]
pub(super) struct AccountError {
    #[serde(rename = "ErrorCode")]
    pub(super) code: i64,
    #[serde(rename = "To_Account")]
    pub(super) to_account: String,
}

impl Reply {
    pub(super) fn ok() -> Self {
        Self {
            result_item: None,
            fail_account: Vec::new(),
            user_attrs: None,
            attr_names: None,
            error_list: Vec::new(),
            action_status: "OK",
            error_info: "",
            error_code: codes::OK,
            error_display: None,
        }
    }

    pub(super) fn fail(Refusal(error_code, error_info): Refusal) -> Self {
        Self { action_status: "FAIL", error_info, error_code, ..Self::ok() }
    }

    pub(super) fn answer(&self) -> Answer {
        let end = match self.error_code {
            codes::OK => End::Accepted { failed: (self.fail_account.len() + self.error_list.len()) as u64 },
            codes::UNDECODABLE | codes::OTHER_SDK_APP_ID | codes::OTHER_IDENTIFIER => End::BadCredentials,
            codes::EXPIRED | codes::FORGED | codes::REVOKED => End::BadCredentials,
            codes::WRITE_CONFLICT => End::Conflict,
            _ => End::Refused,
        };
        Answer { end, ..Answer::json(StatusCode::OK, Some(self.error_code), self) }
    }
}
