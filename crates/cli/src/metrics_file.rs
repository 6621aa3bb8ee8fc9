//! The file of metrics: Prometheus' text format, for a collector that reads files.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::console::say;
use crate::exit_status::Failure;
use crate::files::SharedFile;

/// Between two times that the file is written.
const EVERY: Duration = Duration::from_secs(5);
const SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const UPDATES: [f64; 6] = [1.0, 5.0, 20.0, 50.0, 100.0, 1_000.0];

const ENDED: &str = "contact_sink_run_ended_timestamp_seconds";
const EXIT_STATUS: &str = "contact_sink_run_exit_status";
/// Of the delivery.
const UPDATES_TOTAL: &str = "contact_sink_updates_total";
const OUTCOMES: [&str; 5] = ["accepted", "rejected", "unchanged", "superseded", "unsettled"];

/// Writes the file again and again.
pub struct Metrics {
    file: MetricsFile,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct MetricsFile {
    path: PathBuf,
    place: SharedFile,
    handle: PrometheusHandle,
}

impl Metrics {
    /// Counts from now on, and writes the file at once, so that a place where it cannot be written is known before anything is
    /// sent.
    ///
    /// # Errors
    /// Usage, if it cannot be written.
    pub fn start(path: &Path, destinations: &[String]) -> Result<Self, Failure> {
        let name = path.display();
        let place = SharedFile::at(path).map_err(|problem| Failure::usage(format!("--metrics {name}: {problem}")))?;
        let named = |name: &str| Matcher::Suffix(name.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(named("_seconds"), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(named("_updates"), &UPDATES))
            .map_err(|error| Failure::usage(format!("--metrics {name}: {error}")))?
            .build_recorder();
        let file = MetricsFile { path: path.to_owned(), place, handle: recorder.handle() };
        // There is no other one in this process.
        let _ = ::metrics::set_global_recorder(recorder);
        describe_gauge!(ENDED, Unit::Seconds, "When the last run ended, in seconds since 1970.");
        describe_gauge!(EXIT_STATUS, Unit::Count, "The exit status of the last run.");
        // What does not occur is 0, so that a rate of it can be taken.
        for destination in destinations {
            for outcome in OUTCOMES {
                counter!(UPDATES_TOTAL, "destination" => destination.clone(), "outcome" => outcome).absolute(0);
            }
        }
        file.write().map_err(|error| Failure::usage(format!("--metrics {name}: it cannot be written: {error}")))?;
        let task = tokio::spawn(file.clone().keep());
        Ok(Self { file, task })
    }

    /// Writes it a last time, with how each destination ended.
    pub fn finish<'a>(self, ended: impl Iterator<Item = (&'a str, u8)>) {
        self.task.abort();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for (destination, exit_status) in ended {
            gauge!(ENDED, "destination" => destination.to_owned()).set(now.as_secs_f64().round());
            gauge!(EXIT_STATUS, "destination" => destination.to_owned()).set(f64::from(exit_status));
        }
        if let Err(error) = self.file.write() {
            warn(&self.file.path, &error);
        }
    }
}

impl MetricsFile {
    fn write(&self) -> std::io::Result<()> {
        self.handle.run_upkeep();
        self.place.write(&self.handle.render())
    }

    async fn keep(self) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = false;
        loop {
            ticks.tick().await;
            let written = self.write();
            if let Err(error) = &written
                && !failed
            {
                warn(&self.path, error);
            }
            failed = written.is_err();
        }
    }
}

/// A run does not end for it.
fn warn(path: &Path, error: &std::io::Error) {
    say!("contact-sink: --metrics {}: it cannot be written: {error}", path.display());
}
