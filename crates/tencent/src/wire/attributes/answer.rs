//! The answers to `im_set_attr` and its siblings.

use std::collections::BTreeMap;

use bytes::Bytes;
use contact_sink_core::SinkError;
use contact_sink_transport::json::{self, RawValue};
use http::Response;
use serde::Deserialize;

use super::super::{Answer, read};
use crate::codes::OK;
use crate::operation;

/// The attributes of one account, as they are read. `Debug` prints no account and no value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct AttributesOf {
    /// The account.
    #[serde(rename = "To_Account")]
    pub account: String,
    /// Name and value.
    #[serde(rename = "Attrs", default)]
    pub attributes: BTreeMap<String, String>,
}

/// An account of a request that went through for the others. `Debug` prints no account.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountError {
    /// The account.
    pub account: String,
    /// The code; `None` if the entry has no integer there.
    pub code: Option<i64>,
}

/// Reads the answer to "im_set_attr": the accounts that failed though the request went through, as a newer sibling of the
/// endpoint lists them in `ErrorList`; the documented answer has no such list.
///
/// # Errors
/// [`SinkError`] if there is no answer of the vendor's in it, or one that concerns the run as a whole.
///
/// Source: Tencent Chat, "im_set_attr".
pub fn read_set_attributes(answer: &Response<Bytes>) -> Result<Answer<Vec<AccountError>>, SinkError> {
    read(&operation::SET_ATTRIBUTES, answer, &["ErrorList", "Fail_Account"], error_list)
}

/// Reads the answer to "im_remove_attr", as [`read_set_attributes`].
///
/// # Errors
/// As [`read_set_attributes`].
pub fn read_remove_attributes(answer: &Response<Bytes>) -> Result<Answer<Vec<AccountError>>, SinkError> {
    read(&operation::REMOVE_ATTRIBUTES, answer, &["ErrorList", "Fail_Account"], error_list)
}

/// Reads the answer to "im_get_attr". The accounts do not stand in the order of the request.
///
/// # Errors
/// As [`read_set_attributes`].
pub fn read_get_attributes(answer: &Response<Bytes>) -> Result<Answer<Vec<AttributesOf>>, SinkError> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "UserAttrs")]
        users: Vec<AttributesOf>,
    }
    read(&operation::GET_ATTRIBUTES, answer, &[], |body| json::object(body).map(|content: Content| content.users))
}

/// Reads the answer to "im_set_attr_name".
///
/// # Errors
/// As [`read_set_attributes`].
pub fn read_set_attribute_names(answer: &Response<Bytes>) -> Result<Answer<()>, SinkError> {
    read(&operation::SET_ATTRIBUTE_NAMES, answer, &[], |_| Some(()))
}

/// Reads the answer to "im_get_attr_name": the names by their numbers.
///
/// # Errors
/// As [`read_set_attributes`].
pub fn read_get_attribute_names(answer: &Response<Bytes>) -> Result<Answer<BTreeMap<u8, String>>, SinkError> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "AttrNames")]
        names: BTreeMap<u8, String>,
    }
    read(&operation::GET_ATTRIBUTE_NAMES, answer, &[], |body| json::object(body).map(|content: Content| content.names))
}

/// The entries of `ErrorList`, and the accounts of `Fail_Account`, of which only that is known. One that cannot be read says that
/// somebody failed, and not who: then nothing is known.
fn error_list(body: &str) -> Option<Vec<AccountError>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Content<'a> {
        #[serde(borrow)]
        error_list: Option<&'a RawValue>,
        #[serde(borrow, rename = "Fail_Account")]
        failed: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow, rename = "To_Account")]
        account: Option<&'a RawValue>,
        #[serde(borrow, rename = "ErrorCode")]
        code: Option<&'a RawValue>,
    }
    let content: Content<'_> = json::object(body)?;
    let list = |list| if json::says_nothing(list) { Some(Vec::new()) } else { json::list(list?) };
    let entries = list(content.error_list)?.into_iter().map(|entry| {
        let entry: Entry<'_> = json::object(entry.get())?;
        Some(AccountError { account: json::text(entry.account)?, code: json::integer(entry.code) })
    });
    let mut errors: Vec<AccountError> = entries.collect::<Option<_>>()?;
    for account in list(content.failed)? {
        let account = json::text(Some(account))?;
        if !errors.iter().any(|error| error.account == account) {
            // A code of success for an account that failed: nothing is known of it.
            errors.push(AccountError { account, code: Some(OK) });
        }
    }
    Some(errors)
}

contact_sink_transport::debug_shows!(AttributesOf: attributes.len());

contact_sink_transport::debug_shows!(AccountError: code);
