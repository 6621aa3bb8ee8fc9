//! The file of metrics: Prometheus' text format, for a collector that reads files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::console::say;
use crate::exit_status::Failure;
use crate::files::{are_the_same, write_whole};

/// Between two times that the file is written.
const EVERY: Duration = Duration::from_secs(5);
const SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const UPDATES: [f64; 6] = [1.0, 5.0, 20.0, 50.0, 100.0, 1_000.0];

/// Writes the file again and again.
pub struct Metrics {
    file: MetricsFile,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct MetricsFile {
    path: PathBuf,
    handle: PrometheusHandle,
}

impl Metrics {
    /// Counts from now on, and writes the file at once, so that a place where it cannot be written is known before anything is
    /// sent.
    ///
    /// # Errors
    /// Usage, if it cannot be written, or is one of the other files.
    pub fn start(path: &Path, others: [&PathBuf; 2]) -> Result<Self, Failure> {
        let name = path.display();
        if others.iter().any(|other| are_the_same(path, other)) {
            return Err(Failure::usage(format!("--metrics {name}: that is the input or the configuration itself")));
        }
        let named = |name: &str| Matcher::Suffix(name.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(named("_seconds"), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(named("_updates"), &UPDATES))
            .map_err(|error| Failure::usage(format!("--metrics {name}: {error}")))?
            .build_recorder();
        let file = MetricsFile { path: path.to_owned(), handle: recorder.handle() };
        // There is no other one in this process.
        let _ = ::metrics::set_global_recorder(recorder);
        file.write().map_err(|error| Failure::usage(format!("--metrics {name}: it cannot be written: {error}")))?;
        let task = tokio::spawn(file.clone().keep());
        Ok(Self { file, task })
    }

    /// Writes it a last time.
    pub fn finish(self) {
        self.task.abort();
        if let Err(error) = self.file.write() {
            warn(&self.file.path, &error);
        }
    }
}

impl MetricsFile {
    fn write(&self) -> std::io::Result<()> {
        self.handle.run_upkeep();
        write_whole(&self.path, &self.handle.render())
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
