//! What the suite has to know of each sink: how it is made, its updates, and how its vendor speaks.

use std::sync::Arc;

use contact_sink::kits;
use contact_sink_core::{ContactSink, ContactUpdate, ErrorCode, UserId};
use contact_sink_engagelab::{self as engagelab, EngageLabSink};
use contact_sink_jiguang::{self as jiguang, JiguangSink};
use contact_sink_tencent::{self as tencent, AttributesSink, FriendsSink, Tencent};
use contact_sink_transport::{HttpTransport, HyperTransport, Kit, ReqwestTransport, TransportOptions};

/// How a transport is made.
pub(crate) type Make = fn(TransportOptions) -> Arc<dyn HttpTransport>;

pub(crate) fn hyper(options: TransportOptions) -> Arc<dyn HttpTransport> {
    Arc::new(HyperTransport::with_options(options).unwrap())
}

pub(crate) fn reqwest(options: TransportOptions) -> Arc<dyn HttpTransport> {
    Arc::new(ReqwestTransport::with_options(options).unwrap())
}

/// A sink, for the suite. The credentials are those of the simulator's default world.
pub(crate) trait Vendor {
    /// The name of its kit.
    const KIT: &'static str;

    /// Where an answer may have a code: `request`, and `item` for one update of several.
    const PLACES: &'static [&'static str] = &["request", "item"];

    /// What the placeholders of the hostile answers are.
    const WORDS: Words;

    /// The sink at this base URL.
    fn sink(base_url: &str, transport: Arc<dyn HttpTransport>) -> Box<dyn ContactSink>;

    /// A good update of the subject with this number, of one batch key for all; `other` sets another field to another value.
    fn update(number: u32, other: bool) -> ContactUpdate;

    /// Updates that break a documented rule, each with the field that is to blame if it is one field's.
    fn against_rules() -> Vec<(ContactUpdate, Option<&'static str>)>;

    /// A good update whose subject the simulator's default world does not know.
    fn unknown() -> ContactUpdate;

    /// What the vendor says of a good update (`A`), the unknown one and a good one in one request, a letter each: `A`ccepted,
    /// `R`ejected, `U`ndecided. `None` if a request holds one update.
    fn beside_an_unknown() -> Option<&'static str>;

    /// The vendor's answer of success for a request of the updates with these numbers.
    fn success(numbers: &[u32]) -> String;

    /// The vendor's answer with this code at this place, to a request of the update with the number 1.
    fn with_code(place: &str, code: &ErrorCode) -> String;
}

/// How a vendor names the parts of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// The field of the code.
    pub(crate) code: &'static str,
    /// The field of the text.
    pub(crate) text: &'static str,
    /// The fields of a success.
    pub(crate) success: &'static str,
    /// A code of the table that refuses.
    pub(crate) refused: &'static str,
}

/// A vendor of the suite as a value.
pub(crate) struct Row {
    pub(crate) kit: &'static Kit,
    pub(crate) places: &'static [&'static str],
    pub(crate) words: Words,
    pub(crate) sink: fn(&str, Arc<dyn HttpTransport>) -> Box<dyn ContactSink>,
    pub(crate) update: fn(u32, bool) -> ContactUpdate,
    pub(crate) with_code: fn(&str, &ErrorCode) -> String,
}

pub(crate) fn row<V: Vendor>() -> Row {
    Row {
        kit: kits().find(|kit| kit.name == V::KIT).expect("a kit of this name, of a feature that `vendors` turns on"),
        places: V::PLACES,
        words: V::WORDS,
        sink: V::sink,
        update: V::update,
        with_code: V::with_code,
    }
}

pub(crate) struct JiguangChannels;
pub(crate) struct EngageLabContacts;
pub(crate) struct TencentAttributes;
pub(crate) struct TencentFriends;

fn user(id: impl ToString) -> ContactUpdate {
    ContactUpdate::user(UserId::new(id.to_string()).unwrap())
}

fn friend(owner: &str, friend: &str) -> ContactUpdate {
    let [owner, friend] = [owner, friend].map(|id| UserId::new(id).unwrap());
    ContactUpdate::friend(owner, friend)
}

fn with(update: ContactUpdate, field: &str, value: &str) -> ContactUpdate {
    update.with(field.parse().unwrap(), value).unwrap()
}

impl Vendor for JiguangChannels {
    const KIT: &'static str = "jiguang";
    const WORDS: Words = Words { code: "code", text: "msg", success: r#""code":0,"msg":"ok""#, refused: "4107" };

    fn with_code(place: &str, code: &ErrorCode) -> String {
        let text = if place == "item" { "[10000001] no" } else { "no" };
        format!(r#"{{"code":{code},"msg":"{text}"}}"#)
    }

    fn sink(base_url: &str, transport: Arc<dyn HttpTransport>) -> Box<dyn ContactSink> {
        let config =
            jiguang::Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(base_url.parse().unwrap());
        Box::new(JiguangSink::new(config, transport).with_channel(210, jiguang::ChannelKind::Sms))
    }

    fn update(number: u32, other: bool) -> ContactUpdate {
        let (field, value) =
            if other { ("210/默认联系", "13000000001") } else { ("219/默认联系", "user@example.com") };
        with(user(10_000_000 + number), field, value)
    }

    fn against_rules() -> Vec<(ContactUpdate, Option<&'static str>)> {
        vec![
            (user(1), None),
            (with(user("one"), "219/默认联系", "a@b.example"), None),
            (with(friend("1", "2"), "219/默认联系", "a@b.example"), None),
            (with(user(1), "210/默认联系", "1300000000"), Some("210/默认联系")),
            (with(user(1), "email", "a@b.example"), Some("email")),
        ]
    }

    fn unknown() -> ContactUpdate {
        with(user(1_234_567), "219/默认联系", "a@b.example")
    }

    fn beside_an_unknown() -> Option<&'static str> {
        Some("URU")
    }

    fn success(_: &[u32]) -> String {
        r#"{"code":0,"msg":"ok"}"#.to_owned()
    }
}

impl Vendor for EngageLabContacts {
    const KIT: &'static str = "engagelab";
    const PLACES: &'static [&'static str] = &["request"];
    const WORDS: Words =
        Words { code: "code", text: "message", success: r#""code":0,"message":"success""#, refused: "40007" };

    fn with_code(_: &str, code: &ErrorCode) -> String {
        format!(r#"{{"code":{code},"message":"no"}}"#)
    }

    fn sink(base_url: &str, transport: Arc<dyn HttpTransport>) -> Box<dyn ContactSink> {
        let config =
            engagelab::Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(base_url.parse().unwrap());
        Box::new(EngageLabSink::new(config, transport))
    }

    fn update(number: u32, other: bool) -> ContactUpdate {
        let name = if other { "whatsapp_phone" } else { "email" };
        with(user(10_000_000 + number), name, &format!("{number}@example.com"))
    }

    fn against_rules() -> Vec<(ContactUpdate, Option<&'static str>)> {
        let list = user(1).with("email".parse().unwrap(), vec!["a@b.example".to_owned()]).unwrap();
        vec![
            (user(1), None),
            (with(user("one"), "email", "a@b.example"), None),
            (with(friend("1", "2"), "email", "a@b.example"), None),
            (list, Some("email")),
        ]
    }

    fn unknown() -> ContactUpdate {
        with(user(1_234_567), "email", "a@b.example")
    }

    fn beside_an_unknown() -> Option<&'static str> {
        None
    }

    fn success(_: &[u32]) -> String {
        r#"{"code":0,"message":"success"}"#.to_owned()
    }
}

fn tencent_client(base_url: &str, transport: Arc<dyn HttpTransport>) -> Tencent {
    let config = tencent::Config::new(1_400_000_000, "administrator", "sandbox".into()).unwrap();
    Tencent::new(config.with_base_url(base_url.parse().unwrap()), transport)
}

impl Vendor for TencentAttributes {
    const KIT: &'static str = "tencent-attributes";
    const WORDS: Words = Words {
        code: "ErrorCode",
        text: "ErrorInfo",
        success: r#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"""#,
        refused: "90012",
    };

    fn with_code(place: &str, code: &ErrorCode) -> String {
        match place {
            "item" => {
                format!(
                    r#"{{"ActionStatus":"OK","ErrorCode":0,"ErrorList":[{{"ErrorCode":{code},"To_Account":"user1"}}]}}"#
                )
            }
            _ => format!(r#"{{"ActionStatus":"OK","ErrorCode":{code},"ErrorInfo":"no"}}"#),
        }
    }

    fn sink(base_url: &str, transport: Arc<dyn HttpTransport>) -> Box<dyn ContactSink> {
        Box::new(AttributesSink::from(tencent_client(base_url, transport)))
    }

    fn update(number: u32, other: bool) -> ContactUpdate {
        with(user(format!("user{number}")), if other { "sex" } else { "city" }, if other { "f" } else { "深圳" })
    }

    fn against_rules() -> Vec<(ContactUpdate, Option<&'static str>)> {
        vec![
            (user("user1"), None),
            (with(friend("agent", "user1"), "city", "深圳"), None),
            (with(user("user1"), "city", &"深".repeat(17)), Some("city")),
            (user("user1").with("city".parse().unwrap(), vec!["深圳".to_owned()]).unwrap(), Some("city")),
        ]
    }

    fn unknown() -> ContactUpdate {
        with(user("nobody"), "city", "深圳")
    }

    fn beside_an_unknown() -> Option<&'static str> {
        Some("UUU")
    }

    fn success(_: &[u32]) -> String {
        r#"{"ActionStatus": "OK","ErrorInfo": "","ErrorCode": 0}"#.to_owned()
    }
}

impl Vendor for TencentFriends {
    const KIT: &'static str = "tencent-friends";
    const WORDS: Words = Words {
        success: r#""ActionStatus":"OK","ErrorCode":0,"ResultItem":[{"To_Account":"user1","ResultCode":0},{"To_Account":"user2","ResultCode":0}]"#,
        ..TencentAttributes::WORDS
    };

    fn with_code(place: &str, code: &ErrorCode) -> String {
        match (place, code) {
            ("item", _) | (_, ErrorCode::Number(0)) => {
                format!(
                    r#"{{"ActionStatus":"OK","ErrorCode":0,"ResultItem":[{{"To_Account":"user1","ResultCode":{code}}}]}}"#
                )
            }
            _ => format!(r#"{{"ActionStatus":"OK","ErrorCode":{code},"ErrorInfo":"no"}}"#),
        }
    }

    fn sink(base_url: &str, transport: Arc<dyn HttpTransport>) -> Box<dyn ContactSink> {
        Box::new(FriendsSink::from(tencent_client(base_url, transport)))
    }

    fn update(number: u32, other: bool) -> ContactUpdate {
        let friend = friend("agent", &format!("user{number}"));
        if other {
            friend.with(tencent::group(), vec!["VIP".to_owned()]).unwrap()
        } else {
            with(friend, "Tag_SNS_IM_Remark", "备注")
        }
    }

    fn against_rules() -> Vec<(ContactUpdate, Option<&'static str>)> {
        let friend = || friend("agent", "user1");
        vec![
            (friend(), None),
            (with(user("user1"), "Tag_SNS_IM_Remark", "备注"), None),
            (with(friend(), "Tag_SNS_IM_Remark", &"备".repeat(33)), Some("Tag_SNS_IM_Remark")),
            (with(friend(), "Tag_SNS_IM_Group", "VIP"), Some("Tag_SNS_IM_Group")),
            (with(friend(), "Tag_SNS_Custom_Test1", "x"), Some("Tag_SNS_Custom_Test1")),
        ]
    }

    fn unknown() -> ContactUpdate {
        with(friend("agent", "nobody"), "Tag_SNS_IM_Remark", "备注")
    }

    fn beside_an_unknown() -> Option<&'static str> {
        Some("ARA")
    }

    fn success(numbers: &[u32]) -> String {
        let items: Vec<_> = numbers
            .iter()
            .rev()
            .map(|number| serde_json::json!({"To_Account": format!("user{number}"), "ResultCode": 0, "ResultInfo": ""}))
            .collect();
        serde_json::json!({"ResultItem": items, "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""}).to_string()
    }
}
