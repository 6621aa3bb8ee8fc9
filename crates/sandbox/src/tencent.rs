//! Tencent Chat, REST API: the attributes of users (`im_set_attr` and its siblings) and the friends of a user (`friend_update`).
//!
//! Source: Tencent Chat, REST API, "im_set_attr" and "friend_update"; their siblings, the limits of fields, the public codes
//! and UserSig as on its other pages. All answers but 413 are 200. Checked in this order; the first that fails answers:
//!
//! | check | code |
//! |---|---|
//! | the method is `POST` | 60009 |
//! | the query has the documented parameters only, each once and percent-encoded UTF-8 | 60002 |
//! | `sdkappid` is there; is a number; is [`Settings::sdk_app_id`] | 60012; 60006; 70020 |
//! | `identifier` is there | 60004 |
//! | `usersig` is there | 60005 |
//! | `random` is 0 to 4294967295; `contenttype` is `json` | 60002 |
//! | the UserSig can be decoded, and is version 2.0 | 70003 |
//! | it is for this `sdkappid`; for this `identifier` | 70014; 70013 |
//! | it is not expired: the vendor's clock is at most at its time and expiry together | 70001 |
//! | it is signed by [`Settings::secret_key`] | 70009 |
//! | it is not revoked, see [`Endpoint::revoke_signatures`] | 70052 |
//! | `identifier` is in [`Settings::admins`] | 90009; friends 30004 |
//! | there is room in the command's quota; from here on the request counts | [`Settings::over_quota_code`] |
//! | `Content-Type`, if any, is `application/json`; no `Content-Encoding` | 60002 |
//! | the body has at most 8 MiB | 413 |
//!
//! The attribute commands go on:
//!
//! | check | code |
//! |---|---|
//! | strict JSON of the documented shape; no name, index or account twice; at least one | 90001 |
//! | at most 100 accounts | 90018 |
//! | no account is empty | 90003 |
//! | an attribute's value is not empty | 90030 |
//! | it has at most 50 bytes; the attribute is one of the app's; an account has at least one; in `im_set_attr_name` the index is 0 to 9, the name has 1 to 50 bytes and is no other attribute's | 90033 |
//! | the accounts exist | 70107, or an `ErrorList`: [`Settings::errors`] |
//!
//! And `friend_update`:
//!
//! | check | code |
//! |---|---|
//! | it is JSON | 60003 |
//! | it has the documented shape | 30001 |
//! | no other request for this `From_Account` is in flight | 30008 |
//! | 1 to 1000 friends, each once and not empty, each with at least one field and none twice; the tags and values are allowed | 30001 |
//! | `From_Account` exists | 30003 |
//! | for each friend: the account exists | item 30003 |
//! | for each friend: it is one, see [`Settings::not_friends`]; nobody is a friend of itself | item [`Settings::not_friend_code`] |
//! | for each friend: the owner has not too many groups, see [`Settings::groups_per_owner`], and the friend not more than 32 | item 30011 |
//!
//! A request is in flight from when its body has been read until its answer is handed out, latency and delay included, or
//! its caller goes away. Results of friends and of `im_get_attr` come in the reverse of the request's order.
//!
//! Silent, decided: which public code stands for which mistake in the query; all that the tables refuse as being there twice
//! or not at all, and unknown fields; a bad attribute is told before an account that does not exist, wherever they stand;
//! a refused request stores nothing, but see [`Settings::good_accounts`] for 90030, 90033 and 70107; writes merge, and so do
//! attribute names, by their index; a value belongs to its index, and has the name that the index has now; an account
//! without attributes has none in `im_get_attr`, and removing what is not there succeeds; a UserSig from the future is good.

mod attributes;
mod choices;
mod codes;
mod counters;
mod endpoint;
mod friends;
mod query;
mod rules;
mod settings;
mod signatures;
mod usersig;
mod value;
mod wire;

pub use crate::choice::GoodUsers as GoodAccounts;
pub use choices::{EmptyValues, Errors, Groups, RateLimitCode, TagKind};
pub use counters::{Counters, Tally};
pub use endpoint::Endpoint;
pub use settings::{Settings, UNKNOWN_ACCOUNTS};
pub use value::FriendValue;

/// The path of `im_set_attr`, to be joined to the server's base URL.
pub const SET_ATTR_PATH: &str = "/v4/all_member_push/im_set_attr";
/// The path of `im_get_attr`.
pub const GET_ATTR_PATH: &str = "/v4/all_member_push/im_get_attr";
/// The path of `im_remove_attr`.
pub const REMOVE_ATTR_PATH: &str = "/v4/all_member_push/im_remove_attr";
/// The path of `im_set_attr_name`.
pub const SET_ATTR_NAME_PATH: &str = "/v4/all_member_push/im_set_attr_name";
/// The path of `im_get_attr_name`.
pub const GET_ATTR_NAME_PATH: &str = "/v4/all_member_push/im_get_attr_name";
/// The path of `friend_update`.
pub const FRIEND_UPDATE_PATH: &str = "/v4/sns/friend_update";

/// The paths, in the order of the counters.
const PATHS: [&str; 6] =
    [SET_ATTR_PATH, GET_ATTR_PATH, REMOVE_ATTR_PATH, SET_ATTR_NAME_PATH, GET_ATTR_NAME_PATH, FRIEND_UPDATE_PATH];
