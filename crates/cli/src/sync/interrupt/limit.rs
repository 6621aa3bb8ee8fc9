//! When a run has to end: at a time of the local clock, or after so long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _, ZonedDateTime};
use tokio::time::{Instant, sleep, sleep_until};

use crate::exit_status::Failure;
use crate::time::{length, parse_length};

/// The clock is read so often at least: it may be set, and a machine may have been asleep.
const LOOK: Duration = Duration::from_secs(10);

/// The limit that counts, of those that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// `--stop-at`: when the clock shows this.
    At(StopAt, Timestamp),
    /// `--max-time`: after so long, by a clock that is never set.
    After(Duration, Instant),
}

impl TimeLimit {
    /// The earlier one, if there is any.
    ///
    /// # Errors
    /// Usage, if there is a time of the local clock, and `TZ` names no time zone.
    pub fn new(stop_at: Option<StopAt>, max_time: Option<Duration>) -> Result<Option<Self>, Failure> {
        if let Some(at) = stop_at
            && std::env::var_os("TZ").is_some_and(|zone| !zone.is_empty())
            && TimeZone::try_system().is_err()
        {
            return Err(Failure::usage(format!(
                "--stop-at {at}: TZ names no time zone: correct it, or use --max-time"
            )));
        }
        let now = ZonedDateTime::now();
        let at = stop_at.and_then(|at| Some((at, at.next(&now)?)));
        // A time that lies beyond all clocks never comes.
        let after = max_time.and_then(|after| Some((after, Instant::now().checked_add(after)?)));
        Ok(match (at, after) {
            (Some((_, moment)), Some((after, end))) if moment.duration_since(now.timestamp()) > signed(after) => {
                Some(Self::After(after, end))
            }
            (Some((at, moment)), _) => Some(Self::At(at, moment)),
            (None, after) => after.map(|(after, end)| Self::After(after, end)),
        })
    }

    /// When that is, by the local clock: `2026-11-25 07:30:00 +08:00`, and whether that is not today.
    pub fn when(&self) -> String {
        let moment = match self {
            Self::At(_, moment) => Some(*moment),
            Self::After(_, end) => {
                Timestamp::now().checked_add(signed(end.saturating_duration_since(Instant::now()))).ok()
            }
        };
        let local = moment.map(|moment| moment.to_zoned_datetime(TimeZone::system()));
        let today = ZonedDateTime::now().date();
        local.map_or_else(
            || "a time far away".to_owned(),
            |local| {
                let is_tomorrow = today.tomorrow().is_ok_and(|tomorrow| tomorrow == local.date());
                format!("{}{}", local.strftime("%Y-%m-%d %H:%M:%S %:z"), if is_tomorrow { ", tomorrow" } else { "" })
            },
        )
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at, _) => write!(f, "--stop-at {at}"),
            Self::After(after, _) => write!(f, "--max-time {}", length(*after)),
        }
    }
}

/// Waits until the limit has passed: for ever if there is none.
pub(super) async fn passed(limit: Option<TimeLimit>) -> TimeLimit {
    match limit {
        None => std::future::pending().await,
        Some(limit @ TimeLimit::After(_, end)) => {
            sleep_until(end).await;
            limit
        }
        Some(limit @ TimeLimit::At(_, moment)) => loop {
            let left = Timestamp::now().duration_until(moment);
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => sleep(left.min(LOOK)).await,
                // It lies in the past.
                _ => return limit,
            }
        },
    }
}

/// A time of the day by the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopAt(Time);

impl StopAt {
    /// The next moment at which the clock shows it, or passes over it when it is set forward.
    fn next(self, now: &ZonedDateTime) -> Option<Timestamp> {
        let (zone, today) = (now.time_zone(), now.date());
        let days = (-1..=2).filter_map(|days| today.checked_add(days.days()).ok());
        let moments = days.flat_map(|day| {
            let shown = zone.to_ambiguous_zoned_datetime(day.to_datetime(self.0));
            let is_passed_over = matches!(shown.offset(), AmbiguousOffset::Gap { .. });
            let moments = [shown.clone().earlier(), shown.later()];
            let [earlier, later] = moments.map(|moment| moment.ok().map(|moment| moment.timestamp()));
            // The two offsets give moments on either side of the one at which the clock is set.
            let set = earlier.filter(|_| is_passed_over).and_then(|before| zone.following(before).next());
            let set = set.map(|transition| transition.timestamp());
            if set.is_some() { [set, None] } else { [earlier, later] }.into_iter().flatten()
        });
        moments.filter(|moment| *moment > now.timestamp()).min()
    }
}

impl FromStr for StopAt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "it is a time of the local clock from 00:00 to 23:59, like 07:30 or 07:30:15";
        // The library reads `7:30` too.
        let as_typed = |form| Time::strptime(form, text).ok().filter(|time| time.strftime(form).to_string() == text);
        ["%H:%M", "%H:%M:%S"].into_iter().find_map(as_typed).map(Self).ok_or(wrong)
    }
}

impl fmt::Display for StopAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.0.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        write!(f, "{}", self.0.strftime(form))
    }
}

/// A length of time as people write it, and never none.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_length(text) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it is a length of time like 2h, 90m or 1h 30m, and more than nothing".to_owned()),
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
