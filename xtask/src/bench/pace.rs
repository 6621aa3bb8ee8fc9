//! Is the quota used fully, and never passed? Judged by the sandbox's clock.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::figures::{Figures, Limit};
use super::input;
use super::sandbox::{Request, Sandbox};
use super::sync::Run;
use crate::shell;

const USERS: u64 = 20_000;
const WORLD: &str = "latency_ms = 20\n[jiguang]\nquota = { requests = 100, per_ms = 1000 }\n";
const WITHIN: Duration = Duration::from_secs(60);

pub(super) fn measure(command: &Path) -> Result<Figures> {
    let directory = shell::scratch("bench-pace")?;
    let users = directory.join("users.csv");
    input::write_users(&users, USERS)?;
    let sandbox = Sandbox::start(command, &directory, WORLD)?;
    let run = Run::of(command, &directory, &users, &sandbox, None, (0, WITHIN))?;
    let requests = sandbox.requests()?;
    let (first, last) = (requests.first(), requests.last());
    let (first, last) = first.zip(last).context("no request reached the sandbox")?;
    let span = Duration::from_micros(last.arrival_us - first.arrival_us).as_secs_f64();
    let over_quota = requests.iter().filter(|request| request.status == 429).count();
    let mut figures = Figures::new(format!("pace: {USERS} users, 100 requests/s, 20 ms latency"));
    figures.add("accepted", run.count("accepted")?, "rows", Limit::Exactly(USERS as f64));
    figures.add("requests", requests.len() as f64, "", Limit::None);
    figures.add("from the first to the last arrival", span, "s", Limit::AtMostWhenIdle(2.1));
    figures.add("mean rate", (requests.len() - 1) as f64 / span, "/s", Limit::None);
    figures.add("worst sliding second at the server", worst_second(&requests) as f64, "", Limit::AtMost(100.0));
    figures.add("refused as over the quota", over_quota as f64, "", Limit::Exactly(0.0));
    figures.add("the command, from start to exit", run.cost.took.as_secs_f64(), "s", Limit::None);
    Ok(figures)
}

/// The most arrivals in any second, its end not included.
fn worst_second(requests: &[Request]) -> usize {
    let within = |(index, first): (usize, &Request)| {
        let later = requests.get(index..).unwrap_or_default();
        later.partition_point(|request| request.arrival_us < first.arrival_us + 1_000_000)
    };
    requests.iter().enumerate().map(within).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_does_not_hold_its_end() {
        let at =
            |times: &[u64]| times.iter().map(|&arrival_us| Request { arrival_us, status: 200 }).collect::<Vec<_>>();
        assert_eq!(worst_second(&at(&[])), 0);
        assert_eq!(worst_second(&at(&[5, 1_000_004, 1_000_005])), 2);
        assert_eq!(worst_second(&at(&[0, 0, 999_999, 1_500_000, 1_600_000, 1_700_000, 1_999_999])), 4);
    }
}
