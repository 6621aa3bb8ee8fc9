//! No secret, no UserSig, no id and no value is in what a type prints.

use std::fmt::Debug;
use std::time::Duration;

use contact_sink_core::ContactSink;
use contact_sink_tencent::usersig::{Claims, decode, sign, verify};
use contact_sink_tencent::{
    AttributesSink, Config, Friend, FriendField, FriendsSink, TagValue, Tencent, UserAttributeNames, UserAttributes,
    attribute, custom,
};
use contact_sink_testkit::Shown;
use proptest::prelude::*;
use serde_json::json;

use super::{ADMIN, APP, Script, block_on, contact, send, update, user, usersig_of};

proptest! {
    #[test]
    fn nothing_shows_a_secret_a_usersig_an_id_or_a_value(
        key in "K[a-z]{20}", id in "I[a-z]{20}", owner in "O[a-z]{20}", value in "V[a-z]{20}", code in 0..8_usize,
        status in proptest::sample::select(vec![200, 200, 400, 401, 404, 413, 429, 502])
    ) {
        let code = [0, 0, 30003, 90033, 70001, 70009, 60007, 77][code];
        let text = format!("{id} {value} {owner}");
        let script = Script::new(status, json!({
            "ErrorCode": code, "ErrorInfo": text,
            "ResultItem": [{"To_Account": id, "ResultCode": 30011, "ResultInfo": text}], "Fail_Account": [id],
            "ErrorList": [{"To_Account": id, "ErrorCode": 70107}],
            "UserAttrs": [{"To_Account": id, "Attrs": {"city": value}}], "AttrNames": {"0": "city"},
        }).to_string());
        let config = Config::new(APP, ADMIN, key.clone().into()).unwrap();
        let client = Tencent::new(config.clone(), script.clone());
        let (attributes, friends) = (AttributesSink::from(client.clone()), FriendsSink::from(client.clone()));
        let mut shown = Shown::default();
        for what in [&config as &dyn Debug, &client, &attributes, &friends] {
            shown.debug(what);
        }

        let city = update(user(&id), &[("city", &value)]);
        let remark = update(contact(&owner, &id), &[("Tag_SNS_IM_Remark", &value)]);
        shown.outcome(&send(&attributes, std::slice::from_ref(&city)));
        shown.outcome(&send(&friends, std::slice::from_ref(&remark)));
        shown.outcome(&send(&attributes, &[city.clone(), remark.clone()]));
        shown.outcome(&send(&friends, &[remark.clone(), city.clone()]));
        shown.debug(&friends.batch_key(&remark));
        for refused in [attributes.validate(&remark), friends.validate(&city), attributes.validate(&update(user(&id), &[("city", &value.repeat(3))]))] {
            shown.both(&refused.unwrap_err());
        }

        let set = UserAttributes::new(&id).with("city", &value);
        let removed = UserAttributeNames::new(&id, ["city"]);
        let friend = Friend::new(&id).with("Tag_SNS_IM_Remark", TagValue::Text(&value))
            .with("Tag_SNS_IM_Group", TagValue::List(vec![&value]))
            .with("Tag_SNS_Custom_Age", TagValue::Integer(7_777_777));
        for what in [&set as &dyn Debug, &removed, &friend, &TagValue::Text(&value), &TagValue::Integer(7_777_777)] {
            shown.debug(what);
        }
        block_on(async {
            shown.debug(&client.set_attributes(&[set]).await);
            shown.debug(&client.remove_attributes(&[removed]).await);
            shown.debug(&client.attribute_names().await);
            let read = client.attributes(&[&id]).await;
            shown.debug(&read);
            shown.debug(&read.ok().and_then(|answer| answer.content));
            let results = client.update_friends(&owner, &[friend]).await;
            shown.debug(&results);
            if let Ok(Some(results)) = results.map(|answer| answer.content) {
                shown.debug(&results);
            }
        });

        let mut hidden = vec![key.clone(), id, owner, value, "7777777".to_owned(), "7_777_777".to_owned()];
        for request in script.requests() {
            shown.debug(request.headers());
            hidden.push(usersig_of(&request));
        }
        let claims = Claims { identifier: ADMIN.to_owned(), sdk_app_id: APP, time: 1, expire: 60 };
        let usersig = sign(&claims, &key.clone().into()).unwrap();
        shown.debug(&usersig);
        hidden.push(usersig.expose().to_owned());
        for wrong in [
            decode(&usersig.expose()[1..]).map(drop),
            verify(usersig.expose(), APP, ADMIN, &format!("{key}x").into(), Duration::ZERO).map(drop),
            verify(usersig.expose(), APP, ADMIN, &key.into(), Duration::from_secs(62)).map(drop),
        ] {
            shown.both(&wrong.unwrap_err());
        }
        prop_assert_eq!(shown.hides(hidden.iter().map(String::as_str)), Ok(()));
    }

    #[test]
    fn a_key_that_cannot_sign_is_not_shown(key in "K[a-z]{20}", end in "[\n ]") {
        let mut shown = Shown::default();
        shown.both(&Config::new(APP, ADMIN, format!("{key}{end}").into()).unwrap_err());
        prop_assert!(!shown.0.contains(&key));
    }

    /// A field stands in a mapping; what is wrong with it is said without it.
    #[test]
    fn an_address_that_is_refused_is_not_repeated(mark in "[☀-☃]{20,30}") {
        let mut shown = Shown::default();
        shown.both(&attribute(&mark).unwrap_err());
        shown.both(&custom(&mark).unwrap_err());
        shown.both(&mark.parse::<FriendField>().unwrap_err());
        prop_assert!(!shown.0.contains(&mark[..3]));
    }
}
