//! The Tencent sinks and the typed client of a case.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactSink, Field, SinkError};
use contact_sink_tencent::{
    Answer, AttributesSink, Config, FriendField, FriendsSink, Tencent, UserAttributeNames, attribute,
};
use contact_sink_transport::HttpTransport;
use serde_json::{Value, json};

use crate::case::{Call, Case};
use crate::config::App;

/// The client of the case. Its clock stands still, or goes on by a step whenever it is asked.
fn client(case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Tencent, String> {
    let base_url = case.config.base_url.parse().map_err(|error| format!("base_url: {error}"))?;
    let App { sdk_app_id, identifier, secret_key, time, clock_step } = case.config.app()?;
    let clock = AtomicU64::new(time);
    let config = Config::new(sdk_app_id, identifier, secret_key.into()).with_base_url(base_url).with_clock(move || {
        SystemTime::UNIX_EPOCH + Duration::from_secs(clock.fetch_add(clock_step, Ordering::Relaxed))
    });
    Ok(Tencent::new(config, transport))
}

pub(crate) fn attributes(case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Box<dyn ContactSink>, String> {
    Ok(Box::new(AttributesSink::from(client(case, transport)?)))
}

pub(crate) fn attribute_address(text: &str) -> Result<Field, String> {
    attribute(text).map_err(|error| format!("{text}: {error}"))
}

pub(crate) fn friends(case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Box<dyn ContactSink>, String> {
    Ok(Box::new(FriendsSink::from(client(case, transport)?)))
}

pub(crate) fn friend_address(text: &str) -> Result<Field, String> {
    text.parse::<FriendField>().map(Field::from).map_err(|error| format!("{text}: {error}"))
}

/// Makes a call that no sink makes, and writes its answer as JSON.
pub(crate) async fn call(
    operation: &str,
    case: &Case,
    call: &Call,
    transport: Arc<dyn HttpTransport>,
) -> Result<Result<Value, SinkError>, String> {
    let client = client(case, transport)?;
    let accounts: Vec<&str> = call.accounts.iter().map(String::as_str).collect();
    let names: Vec<(u8, &str)> = call.names.iter().map(|(number, name)| (*number, name.as_str())).collect();
    let attributes: Vec<_> = call
        .attributes
        .iter()
        .map(|(account, names)| UserAttributeNames::new(account, names.iter().map(String::as_str)))
        .collect();
    Ok(match operation {
        "get_attributes" => client.attributes(&accounts).await.map(|answer| {
            written(&answer, |users| users.iter().map(|user| json!([user.account, user.attributes])).collect())
        }),
        "remove_attributes" => client.remove_attributes(&attributes).await.map(|answer| {
            written(&answer, |failed| failed.iter().map(|failed| json!([failed.account(), failed.code()])).collect())
        }),
        "set_attribute_names" => {
            client.set_attribute_names(&names).await.map(|answer| written(&answer, |()| Value::Null))
        }
        "get_attribute_names" => client.attribute_names().await.map(|answer| {
            written(&answer, |names: &BTreeMap<u8, String>| {
                names.iter().map(|(number, name)| (number.to_string(), json!(name))).collect()
            })
        }),
        _ => return Err(format!("there is no runner for tencent/{operation}")),
    })
}

fn written<T>(answer: &Answer<T>, content: impl FnOnce(&T) -> Value) -> Value {
    json!({ "code": answer.code(), "success": answer.is_success(), "content": answer.content().map(content) })
}
