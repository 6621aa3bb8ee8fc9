//! The calls of Tencent that no sink makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use contact_sink_core::SinkError;
use contact_sink_tencent::{Answer, Config, Tencent, UserAttributeNames};
use contact_sink_transport::HttpTransport;
use serde_json::{Value, json};

use crate::case::{Call, Case};
use crate::config::App;
use crate::sink::clock;

/// The client of the case.
fn client(case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Tencent, String> {
    let base_url = case.config.base_url.parse().map_err(|error| format!("base_url: {error}"))?;
    let App { sdk_app_id, identifier, secret_key, .. } = case.config.app()?;
    let config = Config::new(sdk_app_id, identifier, secret_key.into()).map_err(|error| error.to_string())?;
    let clock = clock(case);
    Ok(Tencent::new(config.with_base_url(base_url).with_clock(move || clock()), transport))
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
            written(&answer, |failed| failed.iter().map(|failed| json!([failed.account, failed.code])).collect())
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
    json!({ "code": answer.code, "success": answer.is_success(), "content": answer.content.as_ref().map(content) })
}
