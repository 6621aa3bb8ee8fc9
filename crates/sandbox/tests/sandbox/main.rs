//! The sandbox over a real socket: each documented rule, each setting, and its own pages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changes;
mod client;
mod dealing;
mod endpoint;
mod engagelab;
mod faults;
mod server;
mod tencent;
#[cfg(feature = "tls")]
mod tls;
mod usersig;

use contact_sink_sandbox::World;
use contact_sink_sandbox::jiguang::Settings;
use serde_json::json;

pub(crate) fn world(change: impl FnOnce(&mut Settings)) -> World {
    let mut world = World::default();
    world.jiguang.quota = None;
    change(&mut world.jiguang);
    world
}

/// One user, one channel, one label.
pub(crate) fn user(cuid: i64, id: i64, label: &str, value: &str) -> String {
    json!({"cuid": cuid, "channels": [{"id": id, "channelValues": {label: value}}]}).to_string()
}

pub(crate) fn users(cuids: impl IntoIterator<Item = i64>) -> String {
    let users: Vec<String> = cuids.into_iter().map(|cuid| user(cuid, 210, "默认联系", "15088888888")).collect();
    format!("[{}]", users.join(","))
}
