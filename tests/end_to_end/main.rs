//! The whole path as a library user has it: a delivery over a vendor's sink, a real transport, and the simulator, whose
//! state and request log say what the vendor has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod engagelab;
mod faults;
mod jiguang;
mod tencent_attributes;
mod tencent_friends;
mod world;
