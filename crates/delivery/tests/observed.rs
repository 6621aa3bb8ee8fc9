//! What logs and metrics are told: all that the crate's page lists, and nothing of an update.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, Limits, Rejection, Retry, SinkError, SinkErrorKind, UserId, Verdict,
};
use contact_sink_delivery::{Delivery, Numbered, Options, Outcome, Stop, Summary};
use futures_util::stream;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tracing::Instrument as _;
use tracing::span::Attributes;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// In all that must not be told: subjects, fields, values, what the vendor wrote.
const MARK: &str = "marker";

struct Marked<F>(F, Mutex<u64>);

#[async_trait]
impl<F: Fn(u64, usize) -> Result<Vec<Verdict>, SinkError> + Send + Sync> ContactSink for Marked<F> {
    fn limits(&self) -> Limits {
        Limits::new(10.try_into().unwrap()).with_quota("50/s".parse().ok())
    }

    fn batch_key(&self, _: &ContactUpdate) -> BatchKey {
        BatchKey::of(MARK)
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        if update.fields().is_empty() { Err(Rejection::by_rule(MARK)) } else { Ok(()) }
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let number = {
            let mut number = self.1.lock().unwrap();
            *number += 1;
            *number
        };
        tokio::time::sleep(Duration::from_millis(30)).await;
        (self.0)(number, batch.len())
    }
}

/// A writer of logs into memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Told {
    summary: Summary,
    log: String,
    metrics: String,
}

impl Told {
    fn events(&self) -> Vec<Value> {
        self.log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn of(&self, message: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["fields"]["message"] == message).collect()
    }

    /// The sum of a metric over all its labels that hold this text.
    fn sum(&self, metric: &str, label: &str) -> u64 {
        let lines = self.metrics.lines().filter(|line| line.starts_with(&format!("{metric}{{")));
        let lines = lines.filter(|line| line.contains(label) && line.contains("destination=\"growth\""));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
    }
}

/// Delivers rows from 1 on; each seventh sets nothing, and so breaks a rule.
fn told(
    rows: u64,
    options: Options,
    script: impl Fn(u64, usize) -> Result<Vec<Verdict>, SinkError> + Send + Sync + 'static,
) -> Told {
    let log = Log::default();
    let to = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || to.clone())
        .finish();
    let recorder = PrometheusBuilder::new().build_recorder();
    let _logs = tracing::subscriber::set_default(subscriber);
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let summary = runtime.block_on(async {
        let run = async {
            let delivery = Delivery::new(Marked(script, Mutex::default()), options.with_name("growth"));
            let updates = (1..=rows).map(|row| {
                let update = ContactUpdate::user(UserId::new(format!("{MARK}-{row}")).unwrap());
                let fields = if row % 7 == 0 { 0 } else { 1 + row % 2 };
                let update = (0..fields).fold(update, |update, field| {
                    update.with(format!("{MARK}-{field}").parse().unwrap(), format!("{MARK}-{row}")).unwrap()
                });
                Numbered::new(row, update)
            });
            let mut outcomes = delivery.deliver_numbered(stream::iter(updates.collect::<Vec<_>>()));
            while outcomes.next().await.is_some() {}
            delivery.close(Duration::ZERO).await
        };
        run.instrument(tracing::info_span!("command", run = "nightly")).await
    });
    drop(runtime);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told = Told { summary, log, metrics: recorder.handle().render() };
    assert!(!told.log.contains(MARK), "a log says it: {}", told.log.lines().find(|line| line.contains(MARK)).unwrap());
    assert!(!told.metrics.contains(MARK), "a metric says it: {}", told.metrics);
    assert_counted(&told);
    told
}

fn assert_counted(told: &Told) {
    let Told { summary, .. } = told;
    let counted = |label: &str| told.sum("contact_sink_updates_total", &format!("outcome=\"{label}\""));
    assert_eq!(
        [counted("accepted"), counted("rejected"), counted("unsettled"), counted("unchanged")],
        [summary.accepted, summary.rejected, summary.undelivered, summary.unchanged],
    );
    assert_eq!(told.sum("contact_sink_requests_total", ""), summary.requests);
    assert_eq!(told.sum("contact_sink_retries_total", ""), summary.retries);
    let batches = told.sum("contact_sink_requests_total", "purpose=\"batch\"");
    assert!(summary.requests - batches >= summary.isolation_requests, "{}", told.metrics);
    assert_eq!(told.sum("contact_sink_batch_updates_count", ""), summary.requests);
    assert_eq!(told.sum("contact_sink_request_duration_seconds_count", ""), summary.requests);
    assert_eq!(told.sum("contact_sink_in_flight", "") + told.sum("contact_sink_waiting_updates", ""), 0);
    assert_eq!(told.sum("contact_sink_quota_requests_per_second", ""), 50);
    assert_eq!(told.sum("contact_sink_stops_total", ""), u64::from(summary.stop.is_some()));
}

fn failed(kind: SinkErrorKind) -> SinkError {
    SinkError::new("vendor", "set", kind).with_status(503).with_code(77).with_answer(format!("text/{MARK}"), 10)
}

fn refused(code: i64) -> Rejection {
    Rejection::listed(code, format!("{MARK} reason")).with_vendor_text(format!("{MARK} text"))
}

/// Everything that passes: lost answers, throttling, codes that ask for another try, refusals with and without a name.
fn troubles(number: u64, updates: usize) -> Result<Vec<Verdict>, SinkError> {
    use SinkErrorKind as K;
    let mut verdicts = vec![Verdict::Accepted; updates];
    match number % 16 {
        2 => return Err(failed(K::Throttled).with_retry(Retry::After(Duration::from_secs(1)))),
        4 => return Err(failed(K::Timeout)),
        5 => return Err(failed(K::Unavailable)),
        6 => return Err(failed(K::Connect)),
        8 => verdicts[0] = Verdict::Rejected(refused(4107)),
        9 => verdicts.fill(Verdict::Undecided(refused(4108))),
        11 => verdicts[updates - 1] = Verdict::Retry { code: Some(5.into()) },
        12 => verdicts[0] = Verdict::Rejected(Rejection::unlisted(Some(9.into()), MARK)),
        14 => return Err(failed(K::Unreadable)),
        _ => {}
    }
    Ok(verdicts)
}

#[test]
fn a_run_with_faults_is_told_in_full() {
    let told =
        told(700, Options::for_run().with_seed(3).with_max_rejected(contact_sink_delivery::MaxRejected::Any), troubles);
    assert!(
        told.summary.accepted > 400 && told.summary.rejected > 100 && told.summary.retries > 10,
        "{:?}",
        told.summary
    );
    let throttled = told.of("answer").iter().filter(|event| event["fields"]["kind"] == "throttled").count() as u64;
    assert!(throttled > 0);
    assert_eq!(told.sum("contact_sink_throttled_total", ""), throttled);
    assert_eq!(told.sum("contact_sink_request_duration_seconds_count", "outcome=\"throttled\""), throttled);

    let answers = told.of("answer");
    assert_eq!(answers.len() as u64, told.summary.requests);
    let mut numbers = BTreeSet::new();
    let mut purposes: BTreeMap<String, u64> = BTreeMap::new();
    for event in &answers {
        let span = &event["span"];
        assert_eq!((&span["name"], &span["destination"]), (&"request".into(), &"growth".into()), "{event}");
        assert_eq!((&event["spans"][0]["name"], &event["spans"][0]["run"]), (&"command".into(), &"nightly".into()));
        let number = |name: &str| span[name].as_u64().unwrap_or_else(|| panic!("{name} is missing: {event}"));
        assert!((1..=10).contains(&number("updates")) && (1..=8).contains(&number("attempt")), "{event}");
        assert!(1 <= number("first") && number("first") <= number("last") && number("last") <= 700, "{event}");
        assert!(event["fields"]["duration_ms"].as_u64().unwrap() >= 30, "{event}");
        numbers.extend([number("first"), number("last")]);
        *purposes.entry(span["purpose"].as_str().unwrap().to_owned()).or_default() += 1;
        if event["fields"]["kind"] == "timeout" {
            let of = |name: &str| event["fields"][name].to_string();
            assert_eq!(
                [of("vendor"), of("operation"), of("status"), of("code")],
                ["\"vendor\"", "\"set\"", "503", "77"]
            );
        }
    }
    assert!(numbers.len() > 60 && answers.iter().any(|event| event["span"]["attempt"] == 2), "{numbers:?}");
    for (purpose, count) in &purposes {
        assert_eq!(told.sum("contact_sink_requests_total", &format!("purpose=\"{purpose}\"")), *count, "{purpose}");
    }
    assert!(purposes.len() >= 2, "{purposes:?}");
    assert!(told.of("retry").iter().all(|event| event["fields"]["wait_ms"].is_u64() && event["level"] == "INFO"));
    assert!(told.of("retry").len() as u64 >= told.summary.retries);
    assert_eq!(told.of("rejected").len() as u64, told.summary.rejected);
    assert!(told.of("rejected").iter().all(|event| event["level"] == "DEBUG"));
    assert!(!told.of("refused, provisionally").is_empty());
}

#[test]
fn a_stop_is_told_with_its_cause() {
    let wrong_key = told(100, Options::for_run(), |_, _| Err(failed(SinkErrorKind::Credentials)));
    assert!(matches!(wrong_key.summary.stop, Some(Stop::Failed(_))));
    let stops = wrong_key.of("stop");
    let fields =
        ["reason", "vendor", "operation", "kind", "status", "code"].map(|name| stops[0]["fields"][name].to_string());
    assert_eq!(fields, ["\"failed\"", "\"vendor\"", "\"set\"", "\"credentials\"", "503", "77"]);

    let worded = told(100, Options::for_run(), |_, _| Err(failed(SinkErrorKind::Credentials).with_code("INVALID_KEY")));
    assert_eq!(worded.of("stop")[0]["fields"]["code"], "INVALID_KEY");

    let alike = told(300, Options::for_run(), |_, updates| Ok(vec![Verdict::Undecided(refused(4107)); updates]));
    assert!(matches!(alike.summary.stop, Some(Stop::RefusedAlike { .. })), "{:?}", alike.summary.stop);
    assert_eq!((alike.of("trial begins").len(), alike.of("stop").len()), (1, 1));
    let fields = &alike.of("stop")[0]["fields"];
    assert_eq!((&fields["reason"], &fields["code"]), (&"refused_alike".into(), &4107.into()));

    let gone = told(100, Options::for_run(), |_, _| Err(failed(SinkErrorKind::Connect)));
    assert_eq!(gone.of("stop")[0]["fields"]["reason"], "unreachable");
}

#[test]
fn running_out_of_tries_is_told() {
    // Never so many in a row that the vendor is taken for down.
    let often = |number: u64, updates| {
        if number % 3 == 1 { Ok(vec![Verdict::Accepted; updates]) } else { Err(failed(SinkErrorKind::Unavailable)) }
    };
    let told = told(300, Options::for_run().with_max_attempts(4.try_into().unwrap()), often);
    let given_up: u64 = told.of("out of tries").iter().map(|event| event["fields"]["updates"].as_u64().unwrap()).sum();
    assert!(given_up > 0 && given_up == told.summary.undelivered, "{:?}", told.summary);
}

#[test]
fn an_outage_is_told_from_its_beginning_to_its_end() {
    let gone = |number, updates| match number {
        3..20 => Err(failed(SinkErrorKind::Unavailable)),
        _ => Ok(vec![Verdict::Accepted; updates]),
    };
    let told = told(100, Options::for_run(), gone);
    assert_eq!(told.summary.undelivered, 0, "{:?}", told.summary);
    assert_eq!((told.of("probing begins").len(), told.of("probing ends").len()), (1, 1));
}

/// In an outage too, when nothing is sent for minutes.
#[test]
fn gauges_are_true_at_any_time() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let script = |number, updates| match number {
            2..30 => Err(failed(SinkErrorKind::Unavailable)),
            _ => Ok(vec![Verdict::Accepted; updates]),
        };
        let options = Options::for_service().with_first_after(Duration::ZERO).with_name("growth");
        let delivery = Delivery::new(Marked(script, Mutex::default()), options);
        let post = |user: i64| {
            let update = ContactUpdate::user(user);
            let (delivery, update) = (delivery.clone(), update.with("email".parse().unwrap(), MARK).unwrap());
            tokio::spawn(async move { delivery.deliver(update).await })
        };
        let shown = |waiting: u64, state: &str| {
            let told = Told { summary: delivery.summary(), log: String::new(), metrics: recorder.handle().render() };
            assert_eq!(told.sum("contact_sink_waiting_updates", ""), waiting, "{state}");
            for name in ["starting", "normal", "outage", "probing", "paused", "stopped"] {
                let label = format!("state=\"{name}\"");
                assert_eq!(told.sum("contact_sink_state", &label), u64::from(name == state), "{name} in {state}");
            }
        };
        let sleep = tokio::time::sleep;
        sleep(Duration::from_secs(1)).await;
        shown(0, "starting");
        assert_eq!(post(0).await.unwrap(), Outcome::Accepted);
        sleep(Duration::from_secs(2)).await;
        shown(0, "normal");
        let mut callers: Vec<_> = (1..=20).map(post).collect();
        sleep(Duration::from_secs(60)).await;
        shown(20, "outage");
        callers.extend((21..=25).map(post));
        sleep(Duration::from_millis(1)).await;
        shown(25, "outage");
        callers.drain(..5).for_each(|caller| caller.abort());
        sleep(Duration::from_millis(1)).await;
        let left = delivery.summary().undelivered;
        shown(25 - left, "outage");
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Outcome::Accepted);
        }
        sleep(Duration::from_secs(60)).await;
        shown(0, "normal");
    });
}

/// Notes which spans a request follows from, by their names, and which spans are closed.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// By request, in the order in which they were sent.
    links: Vec<(tracing::Id, Vec<&'static str>)>,
    closed: Vec<&'static str>,
}

impl<S: tracing::Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Spans {
    fn on_new_span(&self, span: &Attributes<'_>, id: &tracing::Id, _: Context<'_, S>) {
        if span.metadata().name() == "request" {
            self.0.lock().unwrap().links.push((id.clone(), Vec::new()));
        }
    }

    fn on_follows_from(&self, id: &tracing::Id, from: &tracing::Id, context: Context<'_, S>) {
        let from = context.span(from).expect("a span that is linked to is open").name();
        let mut seen = self.0.lock().unwrap();
        seen.links.iter_mut().rfind(|(request, _)| request == id).unwrap().1.push(from);
    }

    fn on_close(&self, id: tracing::Id, context: Context<'_, S>) {
        self.0.lock().unwrap().closed.push(context.span(&id).unwrap().name());
    }
}

#[test]
fn a_request_follows_from_the_spans_of_the_callers_of_its_updates() {
    let spans = Spans::default();
    let _logs = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let update = |user: i64| ContactUpdate::user(user).with("email".parse().unwrap(), MARK).unwrap();
    // What the requests follow from since the last time.
    let links = || -> Vec<Vec<&str>> {
        let links = std::mem::take(&mut spans.0.lock().unwrap().links);
        links
            .into_iter()
            .map(|(_, mut from)| {
                from.sort_unstable();
                from
            })
            .collect()
    };
    runtime.block_on(async {
        let script = |number, updates| match number {
            1 => Err(failed(SinkErrorKind::Unavailable)),
            _ => Ok(vec![Verdict::Accepted; updates]),
        };
        let delivery = Delivery::new(Marked(script, Mutex::default()), Options::for_run());
        let deliver = |user| delivery.deliver(update(user));

        // A batch of several callers, one of whom gives two updates and one of whom has no span; and it is sent again.
        let two = async { tokio::join!(deliver(1), deliver(2)) };
        let within = delivery.deliver_within(update(3), Duration::from_secs(600));
        let ticket = tracing::info_span!("ticket").in_scope(|| delivery.try_deliver(update(4)).unwrap());
        let together = tokio::join!(
            two.instrument(tracing::info_span!("two")),
            within.instrument(tracing::info_span!("within")),
            ticket,
            deliver(5),
        );
        assert_eq!(
            together,
            ((Outcome::Accepted, Outcome::Accepted), Outcome::Accepted, Outcome::Accepted, Outcome::Accepted)
        );
        let callers = vec!["ticket", "two", "within"];
        assert_eq!(links(), [callers.clone(), callers.clone()], "each once, and the retry too");
        // The delivery keeps no span of a caller that has its outcome.
        let mut closed = spans.0.lock().unwrap().closed.clone();
        closed.retain(|name| *name != "request");
        closed.sort_unstable();
        assert_eq!(closed, callers);

        assert_eq!(deliver(6).await, Outcome::Accepted);
        assert_eq!(links(), [[""; 0]], "a caller without a span");

        // Rows have the span in which the input was given, wherever the outcomes are awaited.
        let rows = (0..25).map(move |row| (row, update(row)));
        let mut outcomes = tracing::info_span!("nightly").in_scope(|| delivery.deliver_all(stream::iter(rows)));
        async { while outcomes.next().await.is_some() {} }.instrument(tracing::info_span!("elsewhere")).await;
        drop(outcomes);
        assert_eq!(links(), [["nightly"], ["nightly"], ["nightly"]]);
        assert!(spans.0.lock().unwrap().closed.contains(&"nightly"));
    });
}
