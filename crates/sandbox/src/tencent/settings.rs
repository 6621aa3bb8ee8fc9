//! An app at Tencent Chat: its key, admins, accounts and fields, and a choice wherever the document is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use super::choices::{EmptyValues, Errors, Groups, RateLimitCode, TagKind};
use super::{codes, rules};
use crate::choice::{GoodUsers as GoodAccounts, check_users, exists, millis};
use crate::quota::{self, Quota};
use crate::secret::Secret;
use crate::vendor::VendorSettings;

/// The accounts that the default world does not know.
pub const UNKNOWN_ACCOUNTS: [&str; 1] = ["nobody"];

/// An app and its vendor's manners. `Debug` prints no key, account or value.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The app. Default 1400000000.
    pub sdk_app_id: u64,
    /// By which UserSigs are signed, its bytes as they stand. Default `sandbox`.
    pub secret_key: Secret,
    /// The accounts that may call. A good UserSig of another account is refused as no admin's. Default `administrator`.
    pub admins: BTreeSet<String>,
    /// How much the vendor's clock is ahead of the system's, from the start. Default: not at all. In TOML `clock_ahead_ms`.
    #[serde(rename = "clock_ahead_ms", deserialize_with = "millis")]
    pub clock_ahead: Duration,
    /// The limit of each attribute command by itself; `None` (in TOML `"off"`) is no limit. Default 100 in any second.
    #[serde(deserialize_with = "quota::quota_or_off")]
    pub attribute_quota: Option<Quota>,
    /// The limit of `friend_update`. Default 200 in any second.
    #[serde(deserialize_with = "quota::quota_or_off")]
    pub friend_quota: Option<Quota>,
    /// The code of a request over its quota. Default 60011.
    pub over_quota_code: RateLimitCode,
    /// The accounts that exist. `None` (the default): all but [`unknown_accounts`](Self::unknown_accounts).
    pub accounts: Option<BTreeSet<String>>,
    /// The accounts that do not exist. `None` (the default): [`UNKNOWN_ACCOUNTS`]. Not together with [`accounts`](Self::accounts).
    pub unknown_accounts: Option<BTreeSet<String>>,
    /// The names of the attributes, the first with the index 0. Default `sex`, `city`, `country`.
    pub attribute_names: Vec<String>,
    /// How an attribute command is answered that names accounts that do not exist. Default: refused as a whole.
    pub errors: Errors,
    /// What becomes of the good accounts of an `im_set_attr` or `im_remove_attr` that is refused for another account. In TOML
    /// `good_accounts_of_a_refused_batch`. Default: dropped.
    #[serde(rename = "good_accounts_of_a_refused_batch")]
    pub good_accounts: GoodAccounts,
    /// The custom fields of friends, by their whole tags. Default `Tag_SNS_Custom_Test`, a text, and `Tag_SNS_Custom_Level`, an
    /// integer.
    pub custom_tags: BTreeMap<String, TagKind>,
    /// Pairs of `From_Account` and `To_Account` that are no friends. All other accounts that exist are. Default: none.
    pub not_friends: BTreeSet<(String, String)>,
    /// The code of such an item, not 0. The document has none for it. Default 30003.
    pub not_friend_code: i64,
    /// Whether groups replace the ones that a friend is in, or come on top. Default: they replace them.
    pub groups: Groups,
    /// How many groups an account has for all its friends together; more is 30011. The document has no number. Default 100.
    pub groups_per_owner: usize,
    /// Whether a remark or a custom field may be an empty text, and groups an empty list. Default: taken, and stored as such.
    pub empty_values: EmptyValues,
    /// Each `To_Account` here is left out of the answer the first time that a `From_Account` names it, and nothing is stored
    /// for it that time. Default: none.
    pub unanswered_friends: BTreeSet<String>,
}

debug_shows!(
    Settings: sdk_app_id, clock_ahead, attribute_quota, friend_quota, over_quota_code, attribute_names, errors,
    good_accounts, custom_tags, not_friend_code, groups, groups_per_owner, empty_values
);

impl Settings {
    pub(super) fn knows(&self, account: &str) -> bool {
        let by_default = !UNKNOWN_ACCOUNTS.contains(&account);
        exists(account, self.accounts.as_ref(), self.unknown_accounts.as_ref(), by_default)
    }
}

impl VendorSettings for Settings {
    fn check(&self) -> Result<(), String> {
        if self.secret_key.is_empty() {
            return Err("`secret_key` is empty".to_owned());
        }
        check_users("accounts", self.accounts.as_ref(), self.unknown_accounts.as_ref())?;
        let names: BTreeSet<&String> = self.attribute_names.iter().collect();
        let good = self.attribute_names.iter().all(|name| rules::is_attribute_name(name));
        if !good || names.len() < self.attribute_names.len() || names.len() > rules::MAX_ATTRIBUTE_NAMES {
            return Err("`attribute_names` are at most 10 different ones of 1 to 50 bytes each".to_owned());
        }
        if self.not_friend_code == codes::OK {
            return Err("`not_friend_code` is 0, which is success".to_owned());
        }
        if !self.custom_tags.keys().all(|tag| rules::is_custom_tag(tag)) {
            return Err("`custom_tags`: a tag is not `Tag_SNS_Custom_` and 1 to 8 ASCII letters".to_owned());
        }
        Ok(())
    }

    fn secret(&mut self) -> &mut Secret {
        &mut self.secret_key
    }

    fn quotas(&mut self) -> Vec<&mut Option<Quota>> {
        vec![&mut self.attribute_quota, &mut self.friend_quota]
    }

    fn login(&self) -> String {
        let identifier = self.admins.first().map_or("", String::as_str);
        format!("sdk_app_id = {}, identifier = {identifier:?}", self.sdk_app_id)
    }
}

impl Default for Settings {
    fn default() -> Self {
        let custom_tags = [("Tag_SNS_Custom_Level", TagKind::Integer), ("Tag_SNS_Custom_Test", TagKind::Text)];
        Self {
            sdk_app_id: 1_400_000_000,
            secret_key: "sandbox".into(),
            admins: ["administrator".to_owned()].into(),
            clock_ahead: Duration::ZERO,
            attribute_quota: NonZeroU32::new(100).map(Quota::per_second),
            friend_quota: NonZeroU32::new(200).map(Quota::per_second),
            over_quota_code: RateLimitCode::default(),
            accounts: None,
            unknown_accounts: None,
            attribute_names: ["sex", "city", "country"].map(str::to_owned).into(),
            errors: Errors::Whole,
            good_accounts: GoodAccounts::Dropped,
            custom_tags: custom_tags.map(|(tag, kind)| (tag.to_owned(), kind)).into(),
            not_friends: BTreeSet::new(),
            not_friend_code: codes::NO_SUCH_FRIEND_ACCOUNT,
            groups: Groups::Set,
            groups_per_owner: 100,
            empty_values: EmptyValues::Taken,
            unanswered_friends: BTreeSet::new(),
        }
    }
}
