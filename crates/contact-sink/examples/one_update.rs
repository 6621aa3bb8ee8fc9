//! One update through the whole library, to a sandbox in this process: no account and no network are needed.
//!
//! `cargo run --package contact-sink --features hyper,jiguang,sandbox --example one_update`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use contact_sink::delivery::{Delivery, Options, Outcome};
use contact_sink::jiguang::{ChannelKind, Config, Jiguang, JiguangSink, channel};
use contact_sink::sandbox::{Sandbox, World};
use contact_sink::transport::{HyperTransport, TransportOptions};
use contact_sink::{ContactUpdate, Subject, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start(World::default())?;

    // With an account: its project id, its secret from the environment, and no base URL.
    let config = Config::new("sandbox", "sandbox".into()).with_base_url(sandbox.base_url().parse()?);
    let transport = Arc::new(HyperTransport::new(TransportOptions::default())?);
    let sink = JiguangSink::new(Jiguang::new(config, transport)).with_channel(210, ChannelKind::Sms);
    let delivery = Delivery::new(sink, Options::default());

    let mobile = channel(210, "默认联系")?;
    let update = ContactUpdate::new(Subject::User(UserId::from(10362819))).with(mobile, "15088888888")?;
    match delivery.deliver(update).await {
        Outcome::Accepted => println!("accepted"),
        // No `Debug` or `Display` here prints an id or a value.
        Outcome::Rejected { rejections, .. } => println!("rejected: {rejections:?}"),
        outcome => println!("to be sent again: {outcome:?}"),
    }

    let summary = delivery.close(Duration::from_secs(30)).await;
    println!("{} accepted, {} rejected, {} requests", summary.accepted, summary.rejected, summary.requests);
    sandbox.shutdown().await;
    Ok(())
}
