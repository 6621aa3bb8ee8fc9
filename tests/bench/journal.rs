//! What a journal costs a delivery at full speed: updates a second without one, with one, and with one that also notes what is sent,
//! since a run of other content is not finished. Not a test: `cargo xtask bench journal` runs it against a sandbox in a process of
//! its own and holds the ratios against their limits.
//!
//! Arguments: the base URL of a sandbox without a quota for Jiguang, a directory for journals, updates a round, rounds. It prints
//! one JSON object.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use contact_sink_core::ContactUpdate;
use contact_sink_delivery::{Delivery, Numbered, Options, Outcome};
use contact_sink_jiguang::{Config, Jiguang, JiguangSink, channel};
use contact_sink_journal::{Book, Content, Ending, Identity, Input, Key, KilledLane, Run, RunJournal, State, Wanted};
use contact_sink_transport::HyperTransport;
use futures_util::stream;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test` and `cargo bench` may run it without arguments, or with their own: then there is nothing to do.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [base_url, directory, updates, rounds] = arguments.as_slice() else { return };
    let (updates, rounds): (i64, u32) = (updates.parse().unwrap(), rounds.parse().unwrap());
    let transport = HyperTransport::new().unwrap();
    let config = Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(base_url.parse().unwrap());
    let client = Jiguang::new(config, transport);
    let (mut without, mut with, mut noted, mut syncs) = (Vec::new(), Vec::new(), Vec::new(), 0_f64);
    // The first round warms what there is to warm.
    for round in 0..=rounds {
        let rate = delivered(&client, updates, None).await;
        let mut rates = vec![rate];
        for other_is_open in [false, true] {
            let directory = Path::new(directory).join(format!("{round}-{other_is_open}"));
            std::fs::create_dir(&directory).unwrap();
            let run = begin(&directory, other_is_open);
            let journal = RunJournal::new(run);
            let rate = delivered(&client, updates, Some(&journal)).await;
            // What is synced when the lane has ended is no second's.
            let seconds = (updates as f64 / rate).max(1.0);
            syncs = syncs.max((journal.look(Run::syncs).unwrap() as f64 - 3.0) / seconds);
            journal.finish(Ending::new(State::Finished)).unwrap();
            std::fs::remove_dir_all(&directory).unwrap();
            rates.push(rate);
        }
        if round > 0 {
            without.push(rates[0]);
            with.push(rates[1]);
            noted.push(rates[2]);
        }
    }
    println!("{}", serde_json::json!({ "without": without, "with": with, "noted": noted, "syncs": syncs }));
}

/// A run of some content; if another one is open, older values may still be sent, so this one notes what it sends.
fn begin(directory: &Path, other_is_open: bool) -> Run {
    let key = Key::load_or_create(&directory.join("index.key")).unwrap();
    let word = |text: &str| text.to_owned();
    let identity = Identity {
        host: word("jiguang"),
        account: word("project sandbox"),
        account_hash: word("sandbox"),
        subject: word("cuid"),
        mapping: word("e-mail"),
    };
    let begin = |name: &str| {
        let content = Some(Content { rows: u64::MAX >> 1, digest: name.as_bytes(), digest_of: &|_| None });
        let input = Input { identity: identity.clone(), name, path: name, command: "", content };
        let (book, lane) =
            (Book::open(&directory.join("bench.sqlite"), &key).unwrap(), KilledLane::of(&Options::for_run()));
        book.resume_or_begin(input, Wanted::default(), lane, SystemTime::now()).unwrap().unwrap().run
    };
    if other_is_open {
        begin("older").finish(Ending::new(State::Unfinished)).unwrap();
    }
    begin("newer")
}

async fn delivered(client: &Jiguang, updates: i64, journal: Option<&RunJournal>) -> f64 {
    let began = Instant::now();
    let sink = JiguangSink::from(client.clone()).with_quota(None);
    let email = channel(219, "默认联系").unwrap();
    let rows = (0..updates).map(move |cuid| {
        let update = ContactUpdate::user(cuid);
        let value = format!("user{cuid}@example.com");
        Numbered::new(cuid.unsigned_abs(), update.with(email.clone(), value).unwrap())
    });
    let options = Options::for_run();
    let delivery = match journal {
        Some(journal) => Delivery::with_journal(sink, options, journal.clone()),
        None => Delivery::new(sink, options),
    };
    let mut outcomes = delivery.deliver_numbered(stream::iter(rows));
    let mut accepted = 0;
    while let Some((_, outcome)) = outcomes.next().await {
        assert_eq!(outcome, Outcome::Accepted);
        accepted += 1;
    }
    assert_eq!(accepted, updates);
    let rate = updates as f64 / began.elapsed().as_secs_f64();
    drop(outcomes);
    delivery.close(Duration::from_secs(30)).await;
    rate
}
