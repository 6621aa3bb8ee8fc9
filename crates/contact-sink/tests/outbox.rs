//! The example `outbox`, killed again and again while a vendor fails: no row is lost, no value is stale, and none goes back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use contact_sink::sandbox::{Fault, FaultKind, Faults, Sandbox, World};
use rusqlite::{Connection, params};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

const USERS: i64 = 2_000;
const ROWS: i64 = 40_000;
const KILLS: i64 = 10;
const TRANSACTIONS: i64 = 20;
const LONGEST: Duration = Duration::from_secs(120);

const OPEN: &str = "SELECT COUNT(*) FROM outbox WHERE outcome IS NULL";
const OUTCOMES: &str = "SELECT outcome, COUNT(*) FROM outbox GROUP BY outcome";
const USERS_NOW: &str = "SELECT id, email FROM users";

/// The service's side of the outbox.
enum Database {
    Sqlite(Connection, PathBuf),
    Postgres { client: Client, url: String },
}

impl Database {
    async fn counts(&mut self) -> Vec<(Option<String>, i64)> {
        match self {
            Self::Sqlite(connection, _) => {
                let mut statement = connection.prepare(OUTCOMES).unwrap();
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres { client, .. } => {
                let rows = client.query(OUTCOMES, &[]).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
        }
    }

    async fn users(&mut self) -> Vec<(i64, String)> {
        match self {
            Self::Sqlite(connection, _) => {
                let mut statement = connection.prepare(USERS_NOW).unwrap();
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres { client, .. } => {
                let rows = client.query(USERS_NOW, &[]).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
        }
    }

    /// `None` before there are tables.
    async fn open_rows(&mut self) -> Option<i64> {
        match self {
            Self::Sqlite(connection, _) => connection.query_row(OPEN, [], |row| row.get(0)).ok(),
            Self::Postgres { client, .. } => client.query_one(OPEN, &[]).await.ok().map(|row| row.get(0)),
        }
    }

    /// Each change and its row of the outbox, in one transaction together.
    async fn change(&mut self, changes: &[(i64, String)]) {
        match self {
            Self::Sqlite(connection, _) => {
                let transaction = connection.transaction().unwrap();
                for (user, email) in changes {
                    let sql = "INSERT INTO users VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET email = ?2";
                    transaction.execute(sql, params![user, email]).unwrap();
                    transaction.execute("INSERT INTO outbox (user_id) VALUES (?1)", [user]).unwrap();
                }
                transaction.commit().unwrap();
            }
            Self::Postgres { client, .. } => {
                let transaction = client.transaction().await.unwrap();
                let sql = "INSERT INTO users VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET email = $2";
                let user_changes = transaction.prepare(sql).await.unwrap();
                let row = transaction.prepare("INSERT INTO outbox (user_id) VALUES ($1)").await.unwrap();
                for (user, email) in changes {
                    transaction.execute(&user_changes, &[user, email]).await.unwrap();
                    transaction.execute(&row, &[user]).await.unwrap();
                }
                transaction.commit().await.unwrap();
            }
        }
    }
}

struct Worker(Child);

impl Worker {
    fn start(database: &Database, sandbox: &Sandbox) -> Self {
        let test = std::env::current_exe().unwrap();
        let example: PathBuf = test.parent().unwrap().with_file_name("examples").join("outbox");
        let mut command = Command::new(&example);
        command.arg(sandbox.base_url()).env("JIGUANG_PROJECT_SECRET", "sandbox").env("EXCHANGE_TIMEOUT_SECONDS", "1");
        match database {
            Database::Sqlite(_, file) => command.arg(file),
            Database::Postgres { url, .. } => command.env("DATABASE_URL", url),
        };
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{}: {error}: cargo build --examples makes it", example.display())))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The versions of the users' values that the vendor was seen to have.
#[derive(Default)]
struct Seen(HashMap<i64, u64>);

impl Seen {
    /// A value of a user never goes back.
    fn look(&mut self, sandbox: &Sandbox) {
        for user in sandbox.jiguang().cuids() {
            let stored = sandbox.jiguang().stored(user).unwrap();
            let version = stored["219/默认联系"].split_once('@').unwrap().0.parse().unwrap();
            let before = self.0.insert(user, version);
            assert!(before <= Some(version), "user {user}: version {version} after {before:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_forty_thousand_rows_with_ten_kills_lose_nothing_and_leave_no_old_value() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("outbox.sqlite");
    let connection = Connection::open(&file).unwrap();
    connection.busy_timeout(LONGEST).unwrap();
    survives_kills(Database::Sqlite(connection, file)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_forty_thousand_rows_with_ten_kills_lose_nothing_and_leave_no_old_value() {
    let Some((admin, url)) = find_postgres().await else {
        println!("no PostgreSQL server found: this form was not run");
        return;
    };
    let schema = format!("contact_sink_test_{}", fastrand::u64(..));
    admin.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}options=-c%20search_path%3D{schema}");
    let client = connect(&url).await.unwrap();
    // In a task of its own, what fails does not leave the schema behind.
    let result = tokio::spawn(survives_kills(Database::Postgres { client, url })).await;
    admin.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    if let Err(error) = result {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// A server, and its URL: the one that the environment names, else one of this machine.
async fn find_postgres() -> Option<(Client, String)> {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        let client = connect(&url).await.expect("the server of DATABASE_URL answers");
        return Some((client, url));
    }
    let host = std::env::var("PGHOST").ok().filter(|host| !host.starts_with('/'));
    let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = std::env::var("PGPORT").unwrap_or_else(|_| "5432".to_owned());
    for login in ["postgres", "root"] {
        let url = format!("postgres://{login}@{host}:{port}/postgres?connect_timeout=2");
        if let Some(client) = connect(&url).await {
            return Some((client, url));
        }
    }
    None
}

async fn connect(url: &str) -> Option<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client)
}

async fn survives_kills(mut database: Database) {
    let mut world = World::from_toml("latency_ms = 20").unwrap();
    world.faults = Faults::default()
        .with_seed(1)
        .with_share(0.03, Fault::new(FaultKind::BadGateway))
        .with_share(0.02, Fault::new(FaultKind::InternalError).applied(true))
        .with_share(0.02, Fault::new(FaultKind::Reset))
        .with_share(0.02, Fault::new(FaultKind::Reset).applied(true));
    let sandbox = Sandbox::start(world).unwrap();
    let mut worker = Worker::start(&database, &sandbox);
    // The worker makes the tables.
    let began = Instant::now();
    while database.open_rows().await.is_none() {
        assert!(began.elapsed() < LONGEST, "no tables");
        sleep(Duration::from_millis(10)).await;
    }
    let mut random = fastrand::Rng::with_seed(7);
    let (mut seen, mut version) = (Seen::default(), 0);
    for chunk in 0..KILLS {
        for _ in 0..TRANSACTIONS {
            let mut change = || {
                version += 1;
                (random.i64(1..=USERS), format!("{version}@example.com"))
            };
            let changes: Vec<_> = (0..ROWS / KILLS / TRANSACTIONS).map(|_| change()).collect();
            database.change(&changes).await;
            seen.look(&sandbox);
            sleep(Duration::from_millis(random.u64(..60))).await;
        }
        // In the middle of its work, wherever that is.
        let requests = sandbox.jiguang().counters().requests + random.u64(1..8);
        let began = Instant::now();
        while sandbox.jiguang().counters().requests < requests && database.open_rows().await > Some(0) {
            assert!(began.elapsed() < LONGEST, "chunk {chunk}: nothing is sent");
            sleep(Duration::from_millis(1)).await;
        }
        drop(worker);
        worker = Worker::start(&database, &sandbox);
    }
    let began = Instant::now();
    while let Some(open @ 1..) = database.open_rows().await {
        assert!(began.elapsed() < LONGEST, "{open} rows are open");
        seen.look(&sandbox);
        sleep(Duration::from_millis(20)).await;
    }
    drop(worker);
    seen.look(&sandbox);
    assert_eq!(database.counts().await, [(Some("accepted".to_owned()), ROWS)], "no row is lost");
    let is_stale = |(user, email): &(i64, String)| sandbox.jiguang().stored(*user).unwrap()["219/默认联系"] != *email;
    assert_eq!(database.users().await.into_iter().filter(is_stale).count(), 0, "no value is stale");
    assert!(sandbox.faults_met().values().sum::<u64>() > 0);
}
