//! The wire formats of user attributes: the requests of `im_set_attr` and its siblings; the answers are in `answer`.

mod answer;

use bytes::Bytes;
use contact_sink_transport::{BaseUrl, InvalidRequest, check_fields, check_items, json};
use http::Request;
use serde::{Serialize, Serializer};

pub use answer::{
    AccountError, AttributesOf, read_get_attribute_names, read_get_attributes, read_remove_attributes,
    read_set_attribute_names, read_set_attributes,
};

use super::{Caller, build};

/// The most accounts in one request.
pub const MAX_ACCOUNTS: usize = 100;
/// The most attribute names of an app.
pub const MAX_ATTRIBUTES: usize = 10;

/// What is set for one account. `Debug` prints no account and no value.
///
/// Shape: `{"To_Account":"xiaojun012","Attrs":{"sex":"attr1","city":"attr2"}}`.
///
/// Source: Tencent Chat, "im_set_attr".
#[derive(Clone, Serialize)]
pub struct UserAttributes<'a> {
    #[serde(rename = "To_Account")]
    account: &'a str,
    #[serde(rename = "Attrs", serialize_with = "json::as_object")]
    attributes: Vec<(&'a str, &'a str)>,
}

/// Which attributes are removed from one account. `Debug` prints no account.
#[derive(Clone, Serialize)]
pub struct UserAttributeNames<'a> {
    #[serde(rename = "To_Account")]
    account: &'a str,
    #[serde(rename = "Attrs")]
    names: Vec<&'a str>,
}

impl<'a> UserAttributes<'a> {
    /// The account; nothing is set yet.
    pub fn new(account: &'a str) -> Self {
        Self { account, attributes: Vec::new() }
    }

    /// Sets an attribute.
    pub fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.attributes.push((name, value));
        self
    }

    /// The account.
    pub fn account(&self) -> &'a str {
        self.account
    }
}

impl<'a> UserAttributeNames<'a> {
    /// These attributes of this account.
    pub fn new(account: &'a str, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { account, names: names.into_iter().collect() }
    }
}

#[derive(Serialize)]
struct UserAttrs<'a, T> {
    #[serde(rename = "UserAttrs")]
    users: &'a [T],
}

#[derive(Serialize)]
struct ToAccounts<'a> {
    #[serde(rename = "To_Account")]
    accounts: &'a [&'a str],
}

#[derive(Serialize)]
struct AttrNames<'a> {
    #[serde(rename = "AttrNames", serialize_with = "as_numbered")]
    names: &'a [(u8, &'a str)],
}

#[derive(Serialize)]
struct Nothing {}

/// Builds the request that sets attributes of 1 to [`MAX_ACCOUNTS`] accounts, without a UserSig.
///
/// Shape: `POST /v4/all_member_push/im_set_attr`.
///
/// # Errors
/// [`InvalidRequest`] if the number of accounts is wrong, or anything is empty or named twice.
///
/// Source: Tencent Chat, "im_set_attr".
pub fn build_set_attributes(
    base: &BaseUrl,
    caller: Caller<'_>,
    users: &[UserAttributes<'_>],
) -> Result<Request<Bytes>, InvalidRequest> {
    check_accounts(users.iter().map(|user| user.account))?;
    for user in users {
        check_fields(user.attributes.iter().map(|(name, value)| (*name, name.is_empty() || value.is_empty())))?;
    }
    build(base, "/v4/all_member_push/im_set_attr", caller, &UserAttrs { users })
}

/// Builds the request that removes attributes of 1 to [`MAX_ACCOUNTS`] accounts, without a UserSig.
///
/// # Errors
/// As [`build_set_attributes`].
pub fn build_remove_attributes(
    base: &BaseUrl,
    caller: Caller<'_>,
    users: &[UserAttributeNames<'_>],
) -> Result<Request<Bytes>, InvalidRequest> {
    check_accounts(users.iter().map(|user| user.account))?;
    users.iter().try_for_each(|user| check_fields(user.names.iter().map(|name| (*name, name.is_empty()))))?;
    build(base, "/v4/all_member_push/im_remove_attr", caller, &UserAttrs { users })
}

/// Builds the request that reads the attributes of 1 to [`MAX_ACCOUNTS`] accounts, without a UserSig.
///
/// # Errors
/// As [`build_set_attributes`].
pub fn build_get_attributes(
    base: &BaseUrl,
    caller: Caller<'_>,
    accounts: &[&str],
) -> Result<Request<Bytes>, InvalidRequest> {
    check_accounts(accounts.iter().copied())?;
    build(base, "/v4/all_member_push/im_get_attr", caller, &ToAccounts { accounts })
}

/// Builds the request that gives the app's attributes their names, by number from 0, without a UserSig.
///
/// # Errors
/// [`InvalidRequest`] if there is none, there are more than ten, or a name is empty or named twice.
pub fn build_set_attribute_names(
    base: &BaseUrl,
    caller: Caller<'_>,
    names: &[(u8, &str)],
) -> Result<Request<Bytes>, InvalidRequest> {
    check_items(names.iter().map(|(number, _)| number), MAX_ATTRIBUTES, "names")?;
    check_fields(names.iter().map(|(_, name)| (*name, name.is_empty())))?;
    build(base, "/v4/all_member_push/im_set_attr_name", caller, &AttrNames { names })
}

/// Builds the request that reads the names of the app's attributes, without a UserSig. Its body is an empty object.
///
/// # Errors
/// [`InvalidRequest::BaseUrl`].
pub fn build_get_attribute_names(base: &BaseUrl, caller: Caller<'_>) -> Result<Request<Bytes>, InvalidRequest> {
    build(base, "/v4/all_member_push/im_get_attr_name", caller, &Nothing {})
}

fn check_accounts<'a>(accounts: impl ExactSizeIterator<Item = &'a str> + Clone) -> Result<(), InvalidRequest> {
    check_items(accounts.clone(), MAX_ACCOUNTS, "accounts")?;
    if accounts.into_iter().any(str::is_empty) { Err(InvalidRequest::Empty) } else { Ok(()) }
}

fn as_numbered<S: Serializer>(names: &[(u8, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().map(|(number, name)| (number.to_string(), name)))
}

contact_sink_transport::debug_shows!(UserAttributes<'_>: attributes.len());

contact_sink_transport::debug_shows!(UserAttributeNames<'_>: names);
