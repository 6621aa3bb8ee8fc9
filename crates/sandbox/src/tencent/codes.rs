//! The vendor's codes, and a refusal by one of them.

pub(super) const OK: i64 = 0;

pub(super) const BAD_FRIEND_REQUEST: i64 = 30001;
pub(super) const NO_SUCH_FRIEND_ACCOUNT: i64 = 30003;
pub(super) const FRIENDS_NEED_ADMIN: i64 = 30004;
pub(super) const WRITE_CONFLICT: i64 = 30008;
pub(super) const TOO_MANY_GROUPS: i64 = 30011;

pub(super) const BAD_HTTP: i64 = 60002;
pub(super) const BAD_JSON: i64 = 60003;
pub(super) const BAD_IDENTIFIER: i64 = 60004;
pub(super) const BAD_USERSIG: i64 = 60005;
pub(super) const BAD_SDK_APP_ID: i64 = 60006;
pub(super) const BAD_RESOURCE: i64 = 60009;
pub(super) const NO_SDK_APP_ID: i64 = 60012;

pub(super) const EXPIRED: i64 = 70001;
pub(super) const UNDECODABLE: i64 = 70003;
pub(super) const FORGED: i64 = 70009;
pub(super) const OTHER_IDENTIFIER: i64 = 70013;
pub(super) const OTHER_SDK_APP_ID: i64 = 70014;
pub(super) const NO_SUCH_APP: i64 = 70020;
pub(super) const REVOKED: i64 = 70052;
pub(super) const NO_SUCH_ACCOUNT: i64 = 70107;

pub(super) const BAD_ATTRIBUTE_JSON: i64 = 90001;
pub(super) const BAD_TO_ACCOUNT: i64 = 90003;
pub(super) const ATTRIBUTES_NEED_ADMIN: i64 = 90009;
pub(super) const TOO_MANY_ACCOUNTS: i64 = 90018;
pub(super) const EMPTY_VALUE: i64 = 90030;
pub(super) const BAD_ATTRIBUTE: i64 = 90033;

/// Why a request is refused as a whole: code and text. The vendor publishes no texts for these; they hold nothing of the request's.
pub(super) struct Refusal(pub(super) i64, pub(super) &'static str);
