//! Proves what a lane promises, on paused time and through the public API only, against a sink that each test scripts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "delivery/adapt.rs"]
mod adapt;
#[path = "delivery/axum.rs"]
mod axum;
#[path = "delivery/batching.rs"]
mod batching;
#[path = "delivery/ending.rs"]
mod ending;
#[path = "delivery/fields.rs"]
mod fields;
#[path = "delivery/isolation.rs"]
mod isolation;
#[path = "delivery/journal.rs"]
mod journal;
#[path = "delivery/left_open.rs"]
mod left_open;
#[path = "delivery/order.rs"]
mod order;
#[path = "delivery/outage.rs"]
mod outage;
#[path = "delivery/pace.rs"]
mod pace;
#[path = "delivery/poison.rs"]
mod poison;
#[path = "delivery/properties.rs"]
mod properties;
#[path = "delivery/quiet.rs"]
mod quiet;
#[path = "delivery/reach.rs"]
mod reach;
#[path = "delivery/results.rs"]
mod results;
#[path = "delivery/retry.rs"]
mod retry;
#[path = "delivery/room.rs"]
mod room;
#[path = "delivery/run.rs"]
mod run;
#[path = "delivery/script.rs"]
mod script;
#[path = "delivery/service.rs"]
mod service;
#[path = "delivery/stops.rs"]
mod stops;
#[path = "delivery/unknown.rs"]
mod unknown;
#[path = "delivery/world.rs"]
mod world;
