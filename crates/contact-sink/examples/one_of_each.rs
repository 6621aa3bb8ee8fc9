//! One update of each kind through the whole library, to a sandbox in this process: no account and no network are needed.
//!
//! `cargo run --package contact-sink --features engagelab,hyper,jiguang,sandbox,tencent --example one_of_each`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use contact_sink::delivery::{Delivery, Options, Outcome};
use contact_sink::engagelab::{self, EngageLabSink};
use contact_sink::jiguang::{self, ChannelKind, JiguangSink};
use contact_sink::sandbox::{Sandbox, World};
use contact_sink::tencent::{self, AttributesSink, FriendsSink, Tencent};
use contact_sink::transport::{HttpTransport, HyperTransport};
use contact_sink::{ContactSink, ContactUpdate, Subject, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start(World::default())?;
    let base_url = || sandbox.base_url().parse();
    // One transport for all: its connections are kept apart by host.
    let transport: Arc<dyn HttpTransport> = Arc::new(HyperTransport::new()?);

    // With an account: its ids, its secret from the environment, and a region or nothing in place of the base URL.
    let config = jiguang::Config::new("sandbox", "sandbox".into()).with_base_url(base_url()?);
    let sink = JiguangSink::new(config, transport.clone()).with_channel(210, ChannelKind::Sms);
    let user = Subject::User(UserId::from(10362819));
    let update = ContactUpdate::new(user).with(jiguang::channel(210, "默认联系")?, "15088888888")?;
    deliver("jiguang", sink, update).await?;

    let config = engagelab::Config::new("sandbox", "sandbox".into()).with_base_url(base_url()?);
    let sink = EngageLabSink::new(config, transport.clone());
    let user = Subject::User(UserId::from(10362473));
    let update = ContactUpdate::new(user).with(engagelab::contact("email")?, "12@gmail.com")?;
    deliver("engagelab", sink, update).await?;

    // Both sinks of an app share its client, and so its UserSig.
    let config = tencent::Config::new(1400000000, "administrator", "sandbox".into()).with_base_url(base_url()?);
    let client = Tencent::new(config, transport);
    let user = Subject::User(UserId::new("xiaojun012")?);
    let update = ContactUpdate::new(user).with(tencent::attribute("city")?, "深圳")?;
    deliver("tencent, attributes", AttributesSink::from(client.clone()), update).await?;

    let friend = Subject::Friend { owner: UserId::new("id")?, friend: UserId::new("id1")? };
    let groups = vec!["group1".to_owned(), "group2".to_owned()];
    let update = ContactUpdate::new(friend).with(tencent::remark(), "remark1")?.with(tencent::group(), groups)?;
    deliver("tencent, friends", FriendsSink::from(client), update).await?;

    sandbox.shutdown().await;
    Ok(())
}

/// One lane for one update; a service opens it once and clones it into every handler.
async fn deliver(name: &str, sink: impl ContactSink + 'static, update: ContactUpdate) -> Result<(), Box<dyn Error>> {
    let delivery = Delivery::new(sink, Options::for_run());
    let outcome = delivery.deliver(update).await;
    delivery.close(Duration::from_secs(30)).await;
    match outcome {
        Outcome::Accepted => println!("{name}: accepted"),
        // No `Debug` or `Display` here prints an id or a value.
        Outcome::Rejected { rejections, .. } => return Err(format!("{name}: rejected: {rejections:?}").into()),
        outcome => return Err(format!("{name}: to be sent again: {outcome:?}").into()),
    }
    Ok(())
}
