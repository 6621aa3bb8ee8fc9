//! The attributes of users: the store, and the commands that read and change it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::choices::Errors;
use super::codes::{self, Refusal};
use super::rules;
use super::settings::Settings;
use super::wire::{AccountError, AttrsOf, ChangeAttr, GetAttr, GetAttrName, Reply, SetAttrName};
use super::{GET_ATTR_NAME_PATH, REMOVE_ATTR_PATH, SET_ATTR_NAME_PATH, SET_ATTR_PATH};
use crate::choice::GoodUsers as GoodAccounts;
use crate::strict::{Object, Texts, repeats};

/// The attributes. A value belongs to an index; the index has a name.
pub(super) struct Attributes {
    keep: bool,
    names: BTreeMap<u8, String>,
    users: BTreeMap<String, BTreeMap<u8, String>>,
}

/// What an account asks for: a value for an index, or none.
type Change = (u8, Option<String>);

/// A reply, or a refusal, and the accounts that the request names.
pub(super) type Judged = (Result<Reply, Refusal>, Vec<String>);

const MAX_ACCOUNTS: usize = 100;

impl Attributes {
    pub(super) fn new(settings: &Settings, keep: bool) -> Self {
        Self { keep, names: (0..).zip(settings.attribute_names.iter().cloned()).collect(), users: BTreeMap::new() }
    }

    pub(super) fn of(&self, account: &str) -> Option<BTreeMap<String, String>> {
        let values = self.users.get(account)?;
        let named = values.iter().filter_map(|(index, value)| Some((self.names.get(index)?.clone(), value.clone())));
        Some(named.collect())
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = &String> {
        self.users.keys()
    }

    /// Judges a request to one of the attribute commands, and gives it its effect.
    pub(super) fn judge(&mut self, path: &str, body: &[u8], settings: &Settings) -> Judged {
        let judged = match path {
            SET_ATTR_PATH => self.change(body, settings, Texts::repeats, Self::set),
            REMOVE_ATTR_PATH => self.change(body, settings, |names: &Vec<String>| repeats(names.iter()), Self::remove),
            SET_ATTR_NAME_PATH => self.set_names(body).map(|reply| (Ok(reply), Vec::new())),
            GET_ATTR_NAME_PATH => self.get_names(body).map(|reply| (Ok(reply), Vec::new())),
            _ => self.get(body, settings),
        };
        judged.unwrap_or_else(|refusal| (Err(refusal), Vec::new()))
    }

    fn set(&self, Texts(attrs): Texts<'_>) -> Result<Vec<Change>, Refusal> {
        let change = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
            rules::check_attribute_value(&value)?;
            Ok((self.index(&name)?, Some(value.into_owned())))
        };
        attrs.into_iter().map(change).collect()
    }

    fn remove(&self, names: Vec<String>) -> Result<Vec<Change>, Refusal> {
        names.iter().map(|name| Ok((self.index(name)?, None))).collect()
    }

    fn get(&mut self, body: &[u8], settings: &Settings) -> Result<Judged, Refusal> {
        let GetAttr { to_account } = read(body)?;
        if let Err(refusal) = check_accounts(&to_account) {
            return Ok((Err(refusal), to_account));
        }
        let (known, absent): (Vec<String>, Vec<String>) =
            to_account.iter().cloned().partition(|account| settings.knows(account));
        let reply = reply(absent, settings).map(|reply| {
            // Not the order of the request: nobody may rely on it.
            let user = |account: String| AttrsOf { attrs: self.of(&account).unwrap_or_default(), to_account: account };
            Reply { user_attrs: Some(known.into_iter().rev().map(user).collect()), ..reply }
        });
        Ok((reply, to_account))
    }

    /// Changes what is good, unless the whole is refused. `twice`: whether an attribute is there twice.
    fn change<'a, A: Deserialize<'a>>(
        &mut self,
        body: &'a [u8],
        settings: &Settings,
        twice: impl Fn(&A) -> bool,
        changes: impl Fn(&Self, A) -> Result<Vec<Change>, Refusal>,
    ) -> Result<Judged, Refusal> {
        let ChangeAttr { user_attrs } = read(body)?;
        if user_attrs.iter().any(|Object(user)| twice(&user.attrs)) {
            return Err(Refusal(codes::BAD_ATTRIBUTE_JSON, "an attribute stands at an account twice"));
        }
        let changes = user_attrs.into_iter().map(|Object(user)| (user.to_account, changes(self, user.attrs)));
        let changes: Vec<_> = changes.collect();
        let accounts: Vec<String> = changes.iter().map(|(account, _)| account.clone()).collect();
        if let Err(refusal) = check_accounts(&accounts) {
            return Ok((Err(refusal), accounts));
        }
        let (mut good, mut absent, mut refusal) = (Vec::new(), Vec::new(), None);
        for (account, changes) in changes {
            match changes {
                Err(found) => refusal = refusal.or(Some(found)),
                Ok(changes) if changes.is_empty() => {
                    let found = Refusal(codes::BAD_ATTRIBUTE, "an account has no attributes");
                    refusal = refusal.or(Some(found));
                }
                Ok(_) if !settings.knows(&account) => absent.push(account),
                Ok(changes) => good.push((account, changes)),
            }
        }
        let reply = refusal.map_or_else(|| reply(absent, settings), Err);
        if self.keep && (reply.is_ok() || settings.good_accounts == GoodAccounts::Saved) {
            for (account, changes) in good {
                self.apply(account, changes);
            }
        }
        Ok((reply, accounts))
    }

    fn apply(&mut self, account: String, changes: Vec<Change>) {
        let values = self.users.entry(account.clone()).or_default();
        for (index, value) in changes {
            match value {
                Some(value) => values.insert(index, value),
                None => values.remove(&index),
            };
        }
        if values.is_empty() {
            self.users.remove(&account);
        }
    }

    fn set_names(&mut self, body: &[u8]) -> Result<Reply, Refusal> {
        let SetAttrName { attr_names: Texts(given) } = read(body)?;
        if given.is_empty() || repeats(given.iter().map(|(index, _)| index)) {
            return Err(Refusal(codes::BAD_ATTRIBUTE_JSON, "AttrNames is empty, or an index stands there twice"));
        }
        let mut names = self.names.clone();
        for (index, name) in given {
            let index = match index.as_bytes() {
                [digit @ b'0'..=b'9'] => digit - b'0',
                _ => return Err(Refusal(codes::BAD_ATTRIBUTE, "an index is not 0 to 9")),
            };
            if !rules::is_attribute_name(&name) {
                return Err(Refusal(codes::BAD_ATTRIBUTE, "an attribute's name has not 1 to 50 bytes"));
            }
            names.insert(index, name.into_owned());
        }
        if repeats(names.values()) {
            return Err(Refusal(codes::BAD_ATTRIBUTE, "two attributes would have the same name"));
        }
        self.names = names;
        Ok(Reply::ok())
    }

    fn get_names(&self, body: &[u8]) -> Result<Reply, Refusal> {
        let GetAttrName {} = read(body)?;
        Ok(Reply { attr_names: Some(self.names.clone()), ..Reply::ok() })
    }

    fn index(&self, name: &str) -> Result<u8, Refusal> {
        let known = self.names.iter().find(|(_, known)| *known == name);
        known.map(|(index, _)| *index).ok_or(Refusal(codes::BAD_ATTRIBUTE, "an attribute has no such name"))
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.users.keys().map(|account| (account, self.of(account))))
    }
}

/// A success, or a refusal if there are accounts that do not exist and the app does not list them.
fn reply(absent: Vec<String>, settings: &Settings) -> Result<Reply, Refusal> {
    if settings.errors == Errors::Whole && !absent.is_empty() {
        return Err(Refusal(codes::NO_SUCH_ACCOUNT, "an account does not exist"));
    }
    let error = |to_account| AccountError { code: codes::NO_SUCH_ACCOUNT, to_account };
    Ok(Reply { error_list: absent.into_iter().map(error).collect(), ..Reply::ok() })
}

fn check_accounts(accounts: &[String]) -> Result<(), Refusal> {
    match accounts.len() {
        0 => Err(Refusal(codes::BAD_ATTRIBUTE_JSON, "there is no account")),
        1..=MAX_ACCOUNTS if repeats(accounts.iter()) => {
            Err(Refusal(codes::BAD_ATTRIBUTE_JSON, "an account stands in the request twice"))
        }
        1..=MAX_ACCOUNTS if accounts.iter().any(String::is_empty) => {
            Err(Refusal(codes::BAD_TO_ACCOUNT, "To_Account is empty"))
        }
        1..=MAX_ACCOUNTS => Ok(()),
        _ => Err(Refusal(codes::TOO_MANY_ACCOUNTS, "more than 100 accounts")),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    let read = serde_json::from_slice(body).map(|Object(request)| request);
    read.map_err(|_| Refusal(codes::BAD_ATTRIBUTE_JSON, "the body is not JSON of the documented shape"))
}
