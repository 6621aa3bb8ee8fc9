//! One update of each kind through the whole library, to a sandbox in this process: no account and no network are needed.
//!
//! `cargo run --package contact-sink --features engagelab,hyper,jiguang,sandbox,tencent --example one_of_each`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use contact_sink::delivery::{Delivery, Options};
use contact_sink::engagelab::{self, EngageLabSink};
use contact_sink::jiguang::{self, ChannelKind, JiguangSink};
use contact_sink::sandbox::{Sandbox, World};
use contact_sink::tencent::{self, AttributesSink, FriendsSink, Tencent};
use contact_sink::transport::HyperTransport;
use contact_sink::{ContactSink, ContactUpdate, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start(World::default())?;
    let base_url = || sandbox.base_url().parse();
    // One transport for all: its connections are kept apart by host.
    let transport = Arc::new(HyperTransport::new()?);

    // With an account: its ids, its secret from the environment, and a region or nothing in place of the base URL.
    let config = jiguang::Config::new("sandbox", "sandbox".into())?.with_base_url(base_url()?);
    let sink = JiguangSink::new(config, transport.clone()).with_channel(210, ChannelKind::Sms);
    let update = ContactUpdate::user(10362819).with(jiguang::default_label(210), "15088888888")?;
    deliver("jiguang", sink, update).await?;

    let config = engagelab::Config::new("sandbox", "sandbox".into())?.with_base_url(base_url()?);
    let sink = EngageLabSink::new(config, transport.clone());
    let update = ContactUpdate::user(10362473).with(engagelab::email(), "12@gmail.com")?;
    deliver("engagelab", sink, update).await?;

    // Both sinks of an app share its client, and so its UserSig.
    let config = tencent::Config::new(1400000000, "administrator", "sandbox".into())?.with_base_url(base_url()?);
    let client = Tencent::new(config, transport);
    let update = ContactUpdate::user(UserId::new("xiaojun012")?).with(tencent::attribute("city")?, "深圳")?;
    deliver("tencent, attributes", AttributesSink::from(client.clone()), update).await?;

    let update = ContactUpdate::friend(UserId::new("id")?, UserId::new("id1")?)
        .with(tencent::remark(), "remark1")?
        .with(tencent::group(), ["group1", "group2"])?;
    deliver("tencent, friends", FriendsSink::from(client), update).await?;

    sandbox.shutdown().await;
    Ok(())
}

/// One delivery for one update; a service opens it once and clones it into every handler.
async fn deliver(name: &str, sink: impl ContactSink + 'static, update: ContactUpdate) -> Result<(), Box<dyn Error>> {
    let delivery = Delivery::new(sink, Options::for_run());
    let outcome = delivery.deliver(update).await;
    delivery.close(Duration::from_secs(30)).await;
    // No error here prints an id or a value.
    outcome.into_result().map_err(|error| format!("{name}: {error}"))?;
    println!("{name}: accepted");
    Ok(())
}
