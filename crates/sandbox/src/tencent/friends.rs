//! Who has which friends, and how `friend_update` changes them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::choices::Groups;
use super::codes::{self, Refusal};
use super::rules::{self, GROUP_TAG, MAX_GROUPS_OF_A_FRIEND};
use super::settings::Settings;
use super::value::FriendValue;
use super::wire::{FriendUpdate, Reply, ResultItem, SnsItem, UpdateItem};
use crate::strict::{Object, repeats};

/// The friends of all accounts.
pub(super) struct Friends {
    keep: bool,
    owners: BTreeMap<String, Owner>,
    /// Pairs that have been left out of an answer.
    left_out: BTreeSet<(String, String)>,
}

#[derive(Default)]
struct Owner {
    friends: BTreeMap<String, BTreeMap<String, FriendValue>>,
    /// How many friends are in each group.
    groups: BTreeMap<String, usize>,
}

const MAX_ITEMS: usize = 1000;

impl Friends {
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, owners: BTreeMap::new(), left_out: BTreeSet::new() }
    }

    pub(super) fn of(&self, from: &str) -> Vec<String> {
        self.owners.get(from).map(|owner| owner.friends.keys().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = &String> {
        self.owners.keys()
    }

    pub(super) fn friend(&self, from: &str, to: &str) -> Option<&BTreeMap<String, FriendValue>> {
        self.owners.get(from)?.friends.get(to)
    }

    /// Judges a request, and gives it its effect.
    pub(super) fn update(&mut self, request: FriendUpdate, settings: &Settings) -> Result<Reply, Refusal> {
        let FriendUpdate { from_account: from, update_item: items } = request;
        if let Some(problem) = problem(&from, &items, settings) {
            return Err(Refusal(codes::BAD_FRIEND_REQUEST, problem));
        }
        if !settings.knows(&from) {
            return Err(Refusal(codes::NO_SUCH_FRIEND_ACCOUNT, "From_Account does not exist"));
        }
        let mut results = Vec::with_capacity(items.len());
        for Object(UpdateItem { to_account: to, sns_item }) in items {
            let silent = settings.unanswered_friends.contains(&to);
            if silent && self.left_out.insert((from.clone(), to.clone())) {
                continue;
            }
            let (code, info) = if !settings.knows(&to) {
                (codes::NO_SUCH_FRIEND_ACCOUNT, "Err_SNS_FriendUpdate_Account_Not_Exist")
            } else if from == to || settings.not_friends.contains(&(from.clone(), to.clone())) {
                (settings.not_friend_code, "Err_SNS_FriendUpdate_Not_Friend")
            } else if !self.set(&from, &to, sns_item, settings) {
                (codes::TOO_MANY_GROUPS, "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold")
            } else {
                (codes::OK, "")
            };
            results.push(ResultItem { to_account: to, code, info });
        }
        // Not the order of the request: nobody may rely on it.
        results.reverse();
        let failed = results.iter().filter(|item| item.code != codes::OK);
        let fail_account = failed.map(|item| item.to_account.clone()).collect();
        Ok(Reply { result_item: Some(results), fail_account, ..Reply::ok() })
    }

    /// Sets the fields of one friend and leaves the others as they are, unless the owner would have too many groups.
    fn set(&mut self, from: &str, to: &str, fields: Vec<Object<SnsItem>>, settings: &Settings) -> bool {
        if !self.keep {
            return true;
        }
        let mut friend = self.friend(from, to).cloned().unwrap_or_default();
        let before = groups(&friend);
        for Object(SnsItem { tag, value }) in fields {
            let value = match (value, friend.get(&tag), settings.groups) {
                (FriendValue::List(new), Some(FriendValue::List(old)), Groups::Append) => {
                    let on_top = new.into_iter().filter(|group| !old.contains(group));
                    FriendValue::List(old.iter().cloned().chain(on_top).collect())
                }
                (value, ..) => value,
            };
            friend.insert(tag, value);
        }
        let after = groups(&friend);
        let mut counts = self.owners.get(from).map(|owner| owner.groups.clone()).unwrap_or_default();
        for group in before {
            if let Some(count) = counts.get_mut(&group) {
                *count -= 1;
            }
        }
        let of_this_friend = after.len();
        for group in after {
            *counts.entry(group).or_default() += 1;
        }
        counts.retain(|_, count| *count > 0);
        if counts.len() > settings.groups_per_owner || of_this_friend > MAX_GROUPS_OF_A_FRIEND {
            return false;
        }
        let owner = self.owners.entry(from.to_owned()).or_default();
        owner.groups = counts;
        owner.friends.insert(to.to_owned(), friend);
        true
    }
}

/// What makes the whole request a bad one.
fn problem(from: &str, items: &[Object<UpdateItem>], settings: &Settings) -> Option<&'static str> {
    if from.is_empty() || items.iter().any(|Object(item)| item.to_account.is_empty()) {
        return Some("an account is empty");
    }
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        return Some("UpdateItem has not 1 to 1000 friends");
    }
    if repeats(items.iter().map(|Object(item)| &item.to_account)) {
        return Some("a friend stands in the request twice");
    }
    for Object(item) in items {
        if item.sns_item.is_empty() {
            return Some("SnsItem is empty");
        }
        if repeats(item.sns_item.iter().map(|Object(field)| &field.tag)) {
            return Some("a tag stands at a friend twice");
        }
        for Object(SnsItem { tag, value }) in &item.sns_item {
            let kind = settings.custom_tags.get(tag).copied();
            if let Err(problem) = rules::check_friend_field(tag, value, kind, settings.empty_values) {
                return Some(problem);
            }
        }
    }
    None
}

fn groups(friend: &BTreeMap<String, FriendValue>) -> Vec<String> {
    match friend.get(GROUP_TAG) {
        Some(FriendValue::List(groups)) => groups.clone(),
        _ => Vec::new(),
    }
}

impl Serialize for Friends {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.owners.iter().map(|(from, owner)| (from, &owner.friends)))
    }
}
