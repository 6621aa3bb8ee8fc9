//! What each sink refuses before anything is sent, what it takes in one request, and where the regions are.

use contact_sink_core::{BatchKey, ContactSink, ContactUpdate, Field, FieldKind, Overlap, Quota, Value};
use contact_sink_tencent::{FriendField, InvalidTencentField, Region, attribute, custom, group, region, remark};

use super::{
    AttributesSink, OK, Script, Subject, attributes, block_on, city, config, contact, friends, remarked, update, user,
};

/// An update, `None` if it is good, and `Some` with the field that is named.
type Row<'a> = (ContactUpdate, Option<Option<&'a str>>);

fn check(sink: &impl ContactSink, table: Vec<Row<'_>>) {
    for (update, expected) in table {
        let refused = sink.validate(&update).err();
        let named = refused.as_ref().map(|refusal| refusal.field().map(Field::as_str));
        assert_eq!(named, expected, "{update:?} {}", update.text_bytes());
        assert!(refused.is_none_or(|refusal| refusal.is_listed() && refusal.code().is_none()));
    }
}

fn with(subject: Subject, field: &str, value: impl Into<Value>) -> ContactUpdate {
    ContactUpdate::new(subject).with(field.parse().unwrap(), value).unwrap()
}

fn numbered(fields: usize) -> ContactUpdate {
    (0..fields).fold(ContactUpdate::new(user("xiaojun012")), |update, field| {
        update.with(format!("attr{field}").parse().unwrap(), "v").unwrap()
    })
}

#[test]
fn attributes_of_users() {
    let to = || user("xiaojun012");
    let (name50, name51) = ("n".repeat(50), "n".repeat(51));
    let (name48, name52) = ("名".repeat(16), "名".repeat(17));
    check(
        &attributes(&Script::new(200, OK)),
        vec![
            (city("xiaojun012"), None),
            (city("用户 &=#%"), None),
            (with(to(), "city", "v".repeat(50)), None),
            (with(to(), "city", "v".repeat(51)), Some(Some("city"))),
            (with(to(), "city", "城".repeat(16)), None),
            (with(to(), "city", format!("{}vv", "城".repeat(16))), None),
            (with(to(), "city", format!("{}vvv", "城".repeat(16))), Some(Some("city"))),
            (with(to(), "city", "城".repeat(17)), Some(Some("city"))),
            (with(to(), "city", "🙂".repeat(12)), None),
            (with(to(), "city", "🙂".repeat(13)), Some(Some("city"))),
            (with(to(), &name50, "v"), None),
            (with(to(), &name51, "v"), Some(Some(&name51))),
            (with(to(), &name48, "v"), None),
            (with(to(), &name52, "v"), Some(Some(&name52))),
            (numbered(10), None),
            (numbered(11), Some(None)),
            (with(to(), "city", vec!["a".to_owned()]), Some(Some("city"))),
            (city("x").with("sex".parse().unwrap(), "v".repeat(51)).unwrap(), Some(Some("sex"))),
            (ContactUpdate::new(to()), Some(None)),
            (update(contact("a", "b"), &[("city", "v")]), Some(None)),
        ],
    );
}

#[test]
fn fields_of_friends() {
    let to = || contact("id", "id1");
    let (remark, group) = ("Tag_SNS_IM_Remark", "Tag_SNS_IM_Group");
    let groups = |number: usize, name: &str| vec![name.to_owned(); number];
    let bad_key = |tag: &'static str| (with(to(), tag, "v"), Some(Some(tag)));
    check(
        &friends(&Script::new(200, OK)),
        vec![
            (remarked("id", "id1"), None),
            (with(to(), remark, "r".repeat(96)), None),
            (with(to(), remark, "r".repeat(97)), Some(Some(remark))),
            (with(to(), remark, "备".repeat(32)), None),
            (with(to(), remark, "备".repeat(33)), Some(Some(remark))),
            (with(to(), remark, groups(1, "r")), Some(Some(remark))),
            (with(to(), group, groups(32, "g")), None),
            (with(to(), group, groups(33, "g")), Some(Some(group))),
            (with(to(), group, groups(1, &"g".repeat(30))), None),
            (with(to(), group, groups(1, &"g".repeat(31))), Some(Some(group))),
            (with(to(), group, groups(1, &"组".repeat(10))), None),
            (with(to(), group, groups(1, &"组".repeat(11))), Some(Some(group))),
            (with(to(), group, vec!["g".to_owned(), "g".repeat(31)]), Some(Some(group))),
            (with(to(), group, "g"), Some(Some(group))),
            (with(to(), "Tag_SNS_Custom_Test", "v".repeat(500)), None),
            (with(to(), "Tag_SNS_Custom_Test", "v".repeat(501)), Some(Some("Tag_SNS_Custom_Test"))),
            (with(to(), "Tag_SNS_Custom_Test", groups(1, "v")), Some(Some("Tag_SNS_Custom_Test"))),
            (with(to(), "Tag_SNS_Custom_A", "v"), None),
            (with(to(), "Tag_SNS_Custom_abcdEFGH", "v"), None),
            bad_key("Tag_SNS_Custom_abcdEFGHi"),
            bad_key("Tag_SNS_Custom_"),
            bad_key("Tag_SNS_Custom_Test2"),
            bad_key("Tag_SNS_Custom_a_b"),
            bad_key("Tag_SNS_Custom_é"),
            bad_key("Tag_SNS_IM_AddWording"),
            bad_key("tag_sns_im_remark"),
            bad_key("Tag_SNS_IM_Remark "),
            bad_key("city"),
            (remarked("id", "id1").with(group.parse().unwrap(), "g").unwrap(), Some(Some(group))),
            (ContactUpdate::new(to()), Some(None)),
            (update(user("id1"), &[(remark, "v")]), Some(None)),
        ],
    );
}

#[test]
fn fields() {
    use InvalidTencentField as I;
    assert_eq!((remark().as_str(), group().as_str()), ("Tag_SNS_IM_Remark", "Tag_SNS_IM_Group"));
    assert_eq!(custom("Test").unwrap().as_str(), "Tag_SNS_Custom_Test");
    assert_eq!(custom("Test2"), Err(I::CustomKey));
    assert_eq!(attribute("城市").unwrap().as_str(), "城市");
    assert_eq!(attribute(&"n".repeat(51)), Err(I::AttributeName));
    assert!(matches!(attribute(""), Err(I::Field(_))) && matches!(attribute("a\n"), Err(I::Field(_))));
    for field in [FriendField::Remark, FriendField::Group, FriendField::Custom("Test".to_owned())] {
        assert_eq!(field.to_string().parse(), Ok(field.clone()));
        assert_eq!(Field::from(field.clone()).as_str(), field.to_string());
        assert_eq!(field.kind() == FieldKind::List, field == FriendField::Group);
    }
    assert_eq!("Tag_SNS_IM_AddSource".parse::<FriendField>(), Err(I::Tag));
    assert_eq!("Tag_SNS_Custom_x1".parse::<FriendField>(), Err(I::CustomKey));
}

#[test]
fn what_one_request_takes() {
    let script = Script::new(200, OK);
    let (attributes, friends) = (attributes(&script), friends(&script));
    let limits = attributes.limits();
    assert_eq!((limits.max_updates.get(), limits.overlap), (100, Overlap::Free));
    assert_eq!(limits.quota, Some("100/s".parse().unwrap()));
    let limits = friends.limits();
    assert_eq!((limits.max_updates.get(), limits.overlap), (1_000, Overlap::OnePerKey));
    assert_eq!(limits.quota, Some("200/s".parse().unwrap()));
    let slower: Quota = "10/s".parse().unwrap();
    assert_eq!(attributes.clone().with_quota(slower).limits().quota, Some(slower));
    assert_eq!(friends.clone().with_quota(slower).limits().quota, Some(slower));
    assert_eq!(
        (attributes.clone().with_quota(None).limits().quota, friends.clone().with_quota(None).limits().quota),
        (None, None)
    );
    assert_eq!(attributes.batch_key(&city("a")), BatchKey::any());
    assert_eq!(attributes.batch_key(&city("a")), attributes.batch_key(&city("b")));
    let key = |owner, friend| friends.batch_key(&remarked(owner, friend));
    assert_eq!(key("a", "b"), key("a", "c"));
    assert_ne!(key("a", "b"), key("b", "a"));
}

#[test]
fn regions() {
    let table = [
        (region::CHINA, "china", "console.tim.qq.com"),
        (region::SINGAPORE, "singapore", "adminapisgp.im.qcloud.com"),
        (region::SEOUL, "seoul", "adminapikr.im.qcloud.com"),
        (region::TOKYO, "tokyo", "adminapijpn.im.qcloud.com"),
        (region::FRANKFURT, "frankfurt", "adminapiger.im.qcloud.com"),
        (region::SILICON_VALLEY, "silicon-valley", "adminapiusa.im.qcloud.com"),
        (region::JAKARTA, "jakarta", "adminapiidn.im.qcloud.com"),
    ];
    assert_eq!(table.map(|(region, ..)| region), region::ALL);
    assert_eq!(config().base_url(), &region::CHINA.base_url());
    for (region, name, host) in table {
        assert_eq!((region.name, Region::find(region::ALL, name)), (name, Some(region)));
        let script = Script::new(200, OK);
        let sink = AttributesSink::new(config().with_region(region), script.clone());
        block_on(sink.send(&[city("a")])).unwrap();
        let requests = script.requests();
        assert_eq!((requests[0].uri().scheme_str(), requests[0].uri().host()), (Some("https"), Some(host)));
    }
    for name in ["", "China", "siliconvalley", "china "] {
        assert_eq!(Region::find(region::ALL, name), None, "{name}");
    }
}
