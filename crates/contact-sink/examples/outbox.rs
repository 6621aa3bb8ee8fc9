//! An outbox: a service writes each change of a user and a row of the outbox in one transaction, and this worker delivers them in
//! order. It may be killed at any time: what is not known to be delivered is delivered again, always with the current value.
//!
//! `JIGUANG_PROJECT_SECRET=sandbox cargo run --package contact-sink --features hyper,jiguang --example outbox -- DATABASE BASE_URL`
//!
//! One worker for each account: two would not know of each other's requests.

use std::error::Error;
use std::time::Duration;

use contact_sink::ContactUpdate;
use contact_sink::delivery::{Delivery, Health, Options, Outcome};
use contact_sink::jiguang::{Config, JiguangSink, default_label};
use contact_sink::transport::{HyperTransport, TransportOptions};
use futures_util::stream;
use rusqlite::{Connection, params};
use tokio::time::timeout;

/// The service adds a row to the outbox in the transaction that changes the user:
/// `UPDATE users SET email = ?2 WHERE id = ?1; INSERT INTO outbox (user) VALUES (?1);`
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA busy_timeout = 10000;
    CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, outcome TEXT);
    CREATE INDEX IF NOT EXISTS open ON outbox (id, user) WHERE outcome IS NULL;
";
/// The users that changed, the longest waiting first, each with its *current* value and the last row that it covers.
const CHANGED: &str = "
    SELECT outbox.user, MAX(outbox.id), users.email FROM outbox JOIN users ON users.id = outbox.user
    WHERE outcome IS NULL GROUP BY outbox.user ORDER BY MIN(outbox.id) LIMIT 1000
";
const SETTLED: &str = "UPDATE outbox SET outcome = ?3 WHERE user = ?1 AND id <= ?2 AND outcome IS NULL";

const ROUND: Duration = Duration::from_secs(10);

/// A user, and the last row of the outbox that its value covers.
type Change = (i64, i64);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(database), Some(base_url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: outbox DATABASE BASE_URL".into());
    };
    // The exchange timeout of the transport. No request of a worker that was killed arrives later than that.
    let seconds = std::env::var("EXCHANGE_TIMEOUT_SECONDS").unwrap_or_else(|_| "10".to_owned());
    let seconds =
        seconds.parse().map_err(|_| "EXCHANGE_TIMEOUT_SECONDS is no whole number of seconds: set it to 10, say")?;
    let exchange_timeout = Duration::from_secs(seconds);
    let secret = std::env::var("JIGUANG_PROJECT_SECRET");
    let secret = secret.map_err(|_| "JIGUANG_PROJECT_SECRET is not set: set it to the project's secret")?.into();

    let database =
        Connection::open(&database).map_err(|error| format!("{database}: {error}: name a file for the outbox"))?;
    database.execute_batch(SCHEMA)?;
    let transport = HyperTransport::with_options(TransportOptions::default().with_exchange_timeout(exchange_timeout))?;
    let base_url = base_url.parse().map_err(|error| format!("the base URL: {error}"))?;
    let config = Config::new("sandbox", secret).with_base_url(base_url);
    let sink = JiguangSink::new(config, transport);
    // The worker before may have been killed: the first request waits until none of its requests can arrive any more.
    let delivery = Delivery::new(sink, Options::for_service().with_maybe_applied_hold(exchange_timeout));
    loop {
        if let Health::Stopped(stop) = &*delivery.health().borrow() {
            return Err(stop.to_string().into());
        }
        let updates = changes(&database)?;
        if updates.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut outcomes = delivery.deliver_all(stream::iter(updates));
        // A round ends when nothing is settled for long: one user whose update always fails does not hold up later changes.
        while let Ok(Some(((user, last), outcome))) = timeout(ROUND, outcomes.next()).await {
            let outcome = match outcome {
                Outcome::Accepted => "accepted".to_owned(),
                // Our words and the vendor's code: the vendor's text is personal data.
                Outcome::Rejected { rejections, .. } => format!("rejected: {}", rejections[0]),
                // The row stays open. The next round sends what is current by then.
                _ => continue,
            };
            database.execute(SETTLED, params![user, last, outcome])?;
        }
    }
}

fn changes(database: &Connection) -> Result<Vec<(Change, ContactUpdate)>, Box<dyn Error>> {
    let mut statement = database.prepare_cached(CHANGED)?;
    let mut rows = statement.query([])?;
    let mut updates = Vec::new();
    while let Some(row) = rows.next()? {
        let (user, last, email): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let update = ContactUpdate::user(user).with(default_label(219), email)?;
        updates.push(((user, last), update));
    }
    Ok(updates)
}
