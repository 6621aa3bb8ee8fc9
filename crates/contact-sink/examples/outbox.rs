//! An outbox: a service writes each change of a user and a row of the outbox in one transaction, and this worker delivers them in
//! order. It may be killed at any time: what is not known to be delivered is delivered again, always with the current value.
//!
//! PostgreSQL: `DATABASE_URL=postgres://user@host/database JIGUANG_PROJECT_SECRET=sandbox
//! cargo run --package contact-sink --features hyper,jiguang --example outbox -- BASE_URL`
//!
//! SQLite: the same without `DATABASE_URL`, and with a file after the base URL.
//!
//! One worker for each account: two would not know of each other's requests. At PostgreSQL a second one waits until the first is
//! gone, and takes over.

use std::env;
use std::error::Error;
use std::time::Duration;

use contact_sink::ContactUpdate;
use contact_sink::delivery::{Delivery, Health, Options, Outcome};
use contact_sink::jiguang::{Config, JiguangSink, default_label};
use contact_sink::transport::{HyperTransport, TransportOptions};
use futures_util::stream;
use rusqlite::{Connection, params};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

/// The service adds a row to the outbox in the transaction that changes the user, and after it:
/// `UPDATE users SET email = $2 WHERE id = $1; INSERT INTO outbox (user_id) VALUES ($1);`
///
/// The order of the two matters in PostgreSQL: ids are given before transactions end, and the lock on the user's row makes sure that
/// the rows of one user become visible in the order of their ids.
const POSTGRES_SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (id BIGINT PRIMARY KEY, email TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS outbox (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id BIGINT NOT NULL, outcome TEXT
    );
    CREATE INDEX IF NOT EXISTS outbox_open ON outbox (id, user_id) WHERE outcome IS NULL;
    -- A mark that is lost with the server costs no more than one more delivery.
    SET synchronous_commit = off;
";
/// It is held until the connection ends, also by a kill.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_lock(hashtextextended(current_schema() || '.outbox', 0))";
const SQLITE_SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA busy_timeout = 10000;
    CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, outcome TEXT);
    CREATE INDEX IF NOT EXISTS outbox_open ON outbox (id, user_id) WHERE outcome IS NULL;
";

/// The users that changed, the longest waiting first, each with the last row that it covers and its *current* value.
const CHANGED: &str = "
    SELECT outbox.user_id, MAX(outbox.id), users.email FROM outbox JOIN users ON users.id = outbox.user_id
    WHERE outcome IS NULL GROUP BY outbox.user_id, users.email ORDER BY MIN(outbox.id) LIMIT 1000
";
/// A row that was added since stays open.
const SETTLED: &str = "UPDATE outbox SET outcome = $1 WHERE user_id = $2 AND id <= $3 AND outcome IS NULL";

const ROUND: Duration = Duration::from_secs(10);
const USAGE: &str = "usage: DATABASE_URL=URL outbox BASE_URL, or: outbox BASE_URL FILE";

/// A user, and the last row of the outbox that its value covers.
#[derive(Clone, Copy)]
struct Change {
    user: i64,
    last: i64,
}

/// What the worker asks of a database.
trait Outbox {
    async fn changes(&self) -> Result<Vec<(Change, String)>, Box<dyn Error>>;
    async fn settle(&self, change: Change, outcome: &str) -> Result<(), Box<dyn Error>>;
}

impl Outbox for Client {
    async fn changes(&self) -> Result<Vec<(Change, String)>, Box<dyn Error>> {
        let rows = self.query(CHANGED, &[]).await?;
        let row =
            |row: &tokio_postgres::Row| Ok((Change { user: row.try_get(0)?, last: row.try_get(1)? }, row.try_get(2)?));
        rows.iter().map(row).collect()
    }

    async fn settle(&self, change: Change, outcome: &str) -> Result<(), Box<dyn Error>> {
        self.execute(SETTLED, &[&outcome, &change.user, &change.last]).await?;
        Ok(())
    }
}

impl Outbox for Connection {
    async fn changes(&self) -> Result<Vec<(Change, String)>, Box<dyn Error>> {
        let mut statement = self.prepare_cached(CHANGED)?;
        let rows = statement.query_map([], |row| Ok((Change { user: row.get(0)?, last: row.get(1)? }, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    async fn settle(&self, change: Change, outcome: &str) -> Result<(), Box<dyn Error>> {
        self.prepare_cached(SETTLED)?.execute(params![outcome, change.user, change.last])?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let base_url = arguments.next().ok_or(USAGE)?;
    let (file, url) = (arguments.next(), env::var("DATABASE_URL").ok());
    match (file, url) {
        (Some(file), _) => {
            let database =
                Connection::open(&file).map_err(|error| format!("{file}: {error}: name a file for the outbox"))?;
            database.execute_batch(SQLITE_SCHEMA)?;
            deliver(&database, &base_url).await
        }
        (None, Some(url)) => {
            // To another machine: a TLS connector, such as that of tokio-postgres-rustls, in place of NoTls.
            let (database, connection) = tokio_postgres::connect(&url, NoTls).await?;
            let work = async {
                database.query_one(POSTGRES_LOCK, &[]).await?;
                database.batch_execute(POSTGRES_SCHEMA).await?;
                deliver(&database, &base_url).await
            };
            // Without the connection the lock is gone: this worker ends at once, before another one sends.
            tokio::select! {
                result = work => result,
                result = connection => Err(result.map_or_else(Into::into, |()| "the connection to PostgreSQL ended".into())),
            }
        }
        (None, None) => Err(USAGE.into()),
    }
}

async fn deliver(outbox: &impl Outbox, base_url: &str) -> Result<(), Box<dyn Error>> {
    // The exchange timeout of the transport. No request of a worker that was killed arrives later than that.
    let seconds = env::var("EXCHANGE_TIMEOUT_SECONDS").unwrap_or_else(|_| "10".to_owned());
    let seconds =
        seconds.parse().map_err(|_| "EXCHANGE_TIMEOUT_SECONDS is no whole number of seconds: set it to 10, say")?;
    let exchange_timeout = Duration::from_secs(seconds);
    let secret = env::var("JIGUANG_PROJECT_SECRET");
    let secret = secret.map_err(|_| "JIGUANG_PROJECT_SECRET is not set: set it to the project's secret")?.into();

    let transport = HyperTransport::with_options(TransportOptions::default().with_exchange_timeout(exchange_timeout))?;
    let base_url = base_url.parse().map_err(|error| format!("the base URL: {error}"))?;
    let config = Config::new("sandbox", secret)?.with_base_url(base_url);
    let sink = JiguangSink::new(config, transport);
    // The worker before may have been killed: the first request waits until none of its requests can arrive any more.
    let delivery = Delivery::new(sink, Options::for_service().with_maybe_applied_hold(exchange_timeout));
    loop {
        if let Health::Stopped(stop) = &*delivery.health().borrow() {
            return Err(stop.to_string().into());
        }
        let mut updates = Vec::new();
        for (change, email) in outbox.changes().await? {
            match ContactUpdate::user(change.user).with(default_label(219), email) {
                Ok(update) => updates.push((change, update)),
                // No sink would take it.
                Err(error) => outbox.settle(change, &format!("rejected: {error}")).await?,
            }
        }
        if updates.is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        let mut outcomes = delivery.deliver_all(stream::iter(updates));
        // A round ends when nothing is settled for long: one user whose update always fails does not hold up later changes.
        while let Ok(Some((change, outcome))) = timeout(ROUND, outcomes.next()).await {
            match outcome {
                Outcome::Accepted => outbox.settle(change, "accepted").await?,
                // Our words and the vendor's code: the vendor's text is personal data.
                Outcome::Rejected { rejections, .. } => {
                    outbox.settle(change, &format!("rejected: {}", rejections[0])).await?;
                }
                // The row stays open. The next round sends what is current by then.
                _ => {}
            }
        }
    }
}
