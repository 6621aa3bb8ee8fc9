//! The vendor's error tables as data: what each code means, what is done about it, and what a person can do.

use contact_sink_core::SinkErrorKind::{BadRequest, Credentials, Forbidden, WrongAddress};
use contact_sink_core::{Code, Effect};
use contact_sink_transport::Vendor;

const ATTRIBUTES: &str = "Tencent Chat, \"im_set_attr\"";
const FRIENDS: &str = "Tencent Chat, \"friend_update\"";
const MORE: &str = "Tencent Chat, error codes; not in the endpoint's document";
const PUBLIC: &str = "Tencent Chat, error codes (60000 to 79999)";

const BUG: &str = "report it: contact-sink never sends such a request";
const LATER: &str = "nothing is to be done unless it goes on; then ask the vendor";
const SLOWER: &str = "lower the quota, or ask the vendor for more";
const ADMIN: &str = "make the identifier an app admin in the vendor's console";
const NAMES: &str = "set the attribute names first (im_set_attr_name), and compare them with those of the mapping";
const KEYS: &str = "compare SDKAppID, identifier and secret key with the vendor's console";
const APP: &str = "compare SDKAppID and region with the vendor's console: an app answers in its own region only";
const ACCOUNT: &str = "see in the vendor's console that the account has been imported, and look at its spelling";
const INTERNAL: &str = "an internal error of the vendor's";
const NOT_SIGNED: &str = "the identifier or the UserSig is wrong";
const TOO_OFTEN: &str = "too many requests";

const fn stops(code: i64, meaning: &'static str, effect: Effect, advice: &'static str) -> Code {
    Code::new(code, meaning, effect, advice, PUBLIC)
}

const fn throttles(code: i64) -> Code {
    Code::new(code, TOO_OFTEN, Effect::Throttles, SLOWER, PUBLIC)
}

const fn retries(code: i64, meaning: &'static str, source: &'static str) -> Code {
    Code::new(code, meaning, Effect::Retries, LATER, source)
}

/// A code that names no account when the whole request is refused, and its own account on an item.
const fn blames(code: i64, meaning: &'static str, advice: &'static str, source: &'static str) -> Code {
    Code::new(code, meaning, Effect::Isolates, advice, source).on_item(Effect::Rejects)
}

/// The vendor, as errors name it, with its error table.
pub const VENDOR: Vendor = Vendor {
    name: "tencent",
    codes: CODES,
    unlisted: "of one account: rejected; of a whole request: the account to blame is looked for; either way it is sent once \
               more by itself, and rejected only if the vendor accepts others",
    credentials_advice: KEYS,
};

/// The codes that are known: success, those of the two endpoints, and the public ones.
pub const CODES: &[Code] = &[
    Code::new(0, "ok", Effect::Accepts, "nothing is to be done", ATTRIBUTES),
    // User attributes.
    Code::new(90001, "the JSON of the request could not be read", Effect::Stops(BadRequest), BUG, ATTRIBUTES),
    Code::new(90009, "the request needs an app admin", Effect::Stops(Forbidden), ADMIN, ATTRIBUTES)
        .on_item(Effect::Stops(Forbidden)),
    Code::new(90018, "the request has too many accounts", Effect::Stops(BadRequest), BUG, ATTRIBUTES),
    blames(90033, "an attribute is invalid: its name was never set, or its value is too long", NAMES, ATTRIBUTES),
    retries(91000, INTERNAL, ATTRIBUTES),
    retries(90992, INTERNAL, MORE),
    retries(90994, INTERNAL, MORE),
    retries(90995, INTERNAL, MORE),
    blames(90003, "an account is missing or is no text", ACCOUNT, MORE).on_subject(),
    blames(90012, "an account is not registered", ACCOUNT, MORE).on_subject(),
    blames(90030, "an attribute is empty", "look at the row's attributes", MORE),
    blames(90048, "an account does not exist", ACCOUNT, MORE).on_subject(),
    Code::new(
        90045,
        "push to all users is not enabled for the app, and attributes belong to it",
        Effect::Stops(Forbidden),
        "have push to all users enabled in the vendor's console",
        MORE,
    ),
    // Friends.
    blames(
        30001,
        "a parameter is wrong: often a custom field that is not configured",
        "see in the vendor's console that the custom field is configured for friends, then look at the values",
        FRIENDS,
    ),
    Code::new(30002, "the SDKAppID does not match", Effect::Stops(Credentials), APP, FRIENDS).on_item(Effect::Rejects),
    Code::new(30003, "the account does not exist", Effect::Rejects, ACCOUNT, FRIENDS).on_subject(),
    Code::new(30004, "the request needs an app admin", Effect::Stops(Forbidden), ADMIN, FRIENDS)
        .on_item(Effect::Stops(Forbidden)),
    blames(30005, "a text has sensitive words in it", "change the remark, the group or the custom field", MORE),
    retries(30006, INTERNAL, FRIENDS),
    retries(30007, "a timeout inside the vendor's network", FRIENDS),
    retries(30008, "another write for the same account was under way", FRIENDS),
    blames(30011, "the account has as many groups as it may have", "use fewer groups for this account", FRIENDS),
    // Public: too fast, or not now.
    throttles(60007),
    throttles(60011),
    throttles(60018),
    throttles(60019),
    retries(60008, "a timeout at the vendor, or a request that it could not read", PUBLIC),
    retries(60013, INTERNAL, PUBLIC),
    retries(60014, "a timeout at the vendor", PUBLIC),
    retries(70169, "a timeout at the vendor", PUBLIC),
    retries(70202, "a failure at the vendor that passes", PUBLIC),
    retries(70500, INTERNAL, PUBLIC),
    // Public: the signature has run out.
    stops(EXPIRED, "the UserSig has expired", Effect::Renews, "check the clock of this machine")
        .on_item(Effect::Retries),
    stops(70052, "the UserSig was made invalid", Effect::Renews, "compare the secret key with the vendor's console")
        .on_item(Effect::Retries),
    // Public: a person must act.
    stops(
        70050,
        "a UserSig was refused too often",
        Effect::Stops(Credentials),
        "compare the secret key with the vendor's console, and wait a minute",
    ),
    stops(60002, "the HTTP request could not be read", Effect::Stops(BadRequest), BUG),
    stops(60003, "the JSON of the request could not be read", Effect::Stops(BadRequest), BUG),
    stops(60004, NOT_SIGNED, Effect::Stops(Credentials), KEYS),
    stops(60005, NOT_SIGNED, Effect::Stops(Credentials), KEYS),
    stops(60006, "the SDKAppID is not valid", Effect::Stops(Credentials), KEYS),
    stops(60009, "there is no such service at this address", Effect::Stops(WrongAddress), APP),
    stops(60010, "the request needs an app admin", Effect::Stops(Forbidden), ADMIN),
    stops(60012, "the SDKAppID is missing", Effect::Stops(Credentials), KEYS),
    stops(60015, "the identifier in the request is no text", Effect::Stops(BadRequest), BUG),
    stops(60016, "the SDKAppID is disabled", Effect::Stops(Credentials), KEYS),
    stops(
        60017,
        "requests of this app are disabled",
        Effect::Stops(Forbidden),
        "see the app's state in the vendor's console",
    ),
    stops(
        60020,
        "the app has no package, or not one that is in force yet",
        Effect::Stops(Forbidden),
        "see the app's package in the vendor's console; a new one takes some minutes",
    ),
    stops(
        60021,
        "the request is not allowed",
        Effect::Stops(Forbidden),
        "ask the vendor: its pages that were read here name the code and not its cause",
    ),
    stops(70002, "the UserSig is empty", Effect::Stops(Credentials), KEYS),
    stops(70003, "the UserSig cannot be decoded", Effect::Stops(Credentials), KEYS),
    stops(70005, "the UserSig is not valid", Effect::Stops(Credentials), KEYS),
    stops(70009, "the UserSig was made with another key", Effect::Stops(Credentials), KEYS),
    stops(70013, "the UserSig is that of another identifier", Effect::Stops(Credentials), KEYS),
    stops(70014, "the UserSig is that of another SDKAppID", Effect::Stops(Credentials), KEYS),
    stops(70016, "the app has no key here", Effect::Stops(Credentials), APP),
    stops(70020, "the SDKAppID is not known here", Effect::Stops(Credentials), APP),
    stops(
        70051,
        "the account is blocked",
        Effect::Stops(Credentials),
        "see the identifier's state in the vendor's console",
    ),
    blames(70107, "an account does not exist", ACCOUNT, PUBLIC).on_subject(),
    stops(70114, "refused for reasons of security", Effect::Stops(Forbidden), "ask the vendor"),
    stops(70206, "the number of accounts in the request is not valid", Effect::Stops(BadRequest), BUG),
    stops(
        70398,
        "the app may have no more accounts",
        Effect::Stops(Forbidden),
        "see the app's package in the vendor's console",
    ),
    stops(70402, "a parameter is not valid", Effect::Stops(BadRequest), KEYS),
    stops(70403, "the request needs an app admin", Effect::Stops(Forbidden), ADMIN),
];

/// The code for success.
pub(crate) const OK: i64 = 0;
/// The code for a UserSig whose time is over.
pub(crate) const EXPIRED: i64 = 70001;
