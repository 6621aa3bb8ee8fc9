//! Tencent's endpoints: who may call, what they take, and what they store.

mod attributes;
mod flight;
mod friends;
mod head;
mod signatures;

use contact_sink_sandbox::tencent::Settings;
use contact_sink_sandbox::{Sandbox, World};

use crate::client::Client;

fn world(change: impl FnOnce(&mut Settings)) -> World {
    let mut world = World::default();
    (world.tencent.attribute_quota, world.tencent.friend_quota) = (None, None);
    change(&mut world.tencent);
    world
}

async fn start(change: impl FnOnce(&mut Settings)) -> (Sandbox, Client) {
    let sandbox = Sandbox::start(world(change)).unwrap();
    let client = Client::connect(sandbox.address()).await;
    (sandbox, client)
}
