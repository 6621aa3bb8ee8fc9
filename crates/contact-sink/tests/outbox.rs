//! The example `outbox`, killed again and again while a vendor fails: no row is lost, and no value is stale.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use contact_sink::sandbox::{Fault, FaultKind, Faults, Sandbox, World};
use rusqlite::{Connection, params};

const USERS: i64 = 2_000;
const ROWS: i64 = 40_000;
const KILLS: i64 = 10;
const LONGEST: Duration = Duration::from_secs(120);

struct Worker(Child);

impl Worker {
    fn start(database: &Path, sandbox: &Sandbox) -> Self {
        let test = std::env::current_exe().unwrap();
        let example: PathBuf = test.parent().unwrap().with_file_name("examples").join("outbox");
        let child = Command::new(&example)
            .args([database.to_str().unwrap(), &sandbox.base_url()])
            .env("JIGUANG_PROJECT_SECRET", "sandbox")
            .env("EXCHANGE_TIMEOUT_SECONDS", "1")
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{}: {error}: cargo build --examples makes it", example.display())))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn open_rows(database: &Connection) -> i64 {
    database.query_row("SELECT COUNT(*) FROM outbox WHERE outcome IS NULL", [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_thousand_rows_with_ten_kills_lose_nothing_and_leave_no_old_value() {
    let mut world = World::from_toml("latency_ms = 20").unwrap();
    world.faults = Faults::default()
        .with_seed(1)
        .with_share(0.03, Fault::new(FaultKind::BadGateway))
        .with_share(0.02, Fault::new(FaultKind::InternalError).applied(true))
        .with_share(0.02, Fault::new(FaultKind::Reset))
        .with_share(0.02, Fault::new(FaultKind::Reset).applied(true));
    let sandbox = Sandbox::start(world).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outbox.sqlite");
    let mut worker = Worker::start(&path, &sandbox);
    let mut database = Connection::open(&path).unwrap();
    database.busy_timeout(LONGEST).unwrap();
    // The worker makes the tables.
    let began = Instant::now();
    while database.prepare("SELECT id FROM outbox").is_err() {
        assert!(began.elapsed() < LONGEST, "no tables");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut random = fastrand::Rng::with_seed(7);
    for chunk in 0..KILLS {
        for _ in 0..20 {
            let transaction = database.transaction().unwrap();
            for _ in 0..ROWS / KILLS / 20 {
                let (user, value) = (random.i64(1..=USERS), format!("{}@example.com", random.u64(..)));
                let sql = "INSERT INTO users VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET email = ?2";
                transaction.execute(sql, params![user, value]).unwrap();
                transaction.execute("INSERT INTO outbox (user) VALUES (?1)", [user]).unwrap();
            }
            transaction.commit().unwrap();
            tokio::time::sleep(Duration::from_millis(random.u64(..60))).await;
        }
        // In the middle of its work, wherever that is.
        let requests = sandbox.jiguang().counters().requests + random.u64(1..8);
        let began = Instant::now();
        while sandbox.jiguang().counters().requests < requests && open_rows(&database) > 0 {
            assert!(began.elapsed() < LONGEST, "chunk {chunk}: nothing is sent");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(worker);
        worker = Worker::start(&path, &sandbox);
    }
    let began = Instant::now();
    while open_rows(&database) > 0 {
        assert!(began.elapsed() < LONGEST, "{} rows are open", open_rows(&database));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(worker);
    let mut statement = database.prepare("SELECT outcome, COUNT(*) FROM outbox GROUP BY outcome").unwrap();
    let outcomes = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).unwrap();
    assert_eq!(outcomes.map(Result::unwrap).collect::<Vec<_>>(), [("accepted".to_owned(), ROWS)], "no row is lost");
    let mut statement = database.prepare("SELECT id, email FROM users").unwrap();
    let users = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).unwrap();
    let is_stale = |(user, email): &(i64, String)| sandbox.jiguang().stored(*user).unwrap()["219/默认联系"] != *email;
    assert_eq!(users.map(Result::unwrap).filter(is_stale).count(), 0, "no value is stale");
    assert!(sandbox.faults_met().values().sum::<u64>() > 0);
}
