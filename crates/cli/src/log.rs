//! The log: our own crates' spans and events, and no others.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use clap::ValueEnum;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::console::Log;

/// What is logged, as the user wrote it.
#[derive(Debug, Clone)]
pub struct Filter(String);

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "it is off, error, warn, info, debug or trace, or a filter like contact_sink_delivery=debug (see tracing's EnvFilter)"
                .to_owned()
        };
        // The library takes any word for the name of a crate, and then logs nothing.
        let word = |part: &str| part.parse::<LevelFilter>().is_err() && !part.contains(['=', '[']) && !part.is_empty();
        if text.split(',').any(|part| word(part.trim()) && !is_ours(part.trim())) {
            return Err(wrong());
        }
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(wrong()),
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// Logs on standard error from now on.
pub fn start(filter: &Filter, format: LogFormat) {
    // It was parsed before.
    let Ok(filter) = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into()).parse(&filter.0) else {
        return;
    };
    // Whatever the filter says: libraries below ours log addresses and headers.
    let filter = filter_fn(|metadata| is_ours(metadata.target())).and(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(|| Log).with_ansi(io::stderr().is_terminal());
    let layer = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // There is no other one in this process.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

fn is_ours(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    name == "contact_sink" || name.starts_with("contact_sink_")
}
