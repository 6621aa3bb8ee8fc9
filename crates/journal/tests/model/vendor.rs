//! A vendor in memory: what it stores, how it fails, and what it applies long after nobody listens any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contact_sink_core::{
    BatchKey, ContactSink, ContactUpdate, Limits, Rejection, Retry, SinkError, SinkErrorKind, Subject, UserId, Value,
    Verdict,
};
use tokio::time::sleep;

use crate::case::{Case, Cell, FIELDS, Mood, Nature, Row, field_of};
use crate::oracle::Oracle;

/// The longest after an unknown end that the vendor may still apply a request: less than `Options::maybe_applied_hold`.
const LATEST: Duration = Duration::from_millis(9_900);

pub(crate) struct Vendor {
    pub(crate) case: Case,
    pub(crate) oracle: Mutex<Oracle>,
}

/// What becomes of a request on its way.
enum Way {
    Judged,
    /// It does not arrive.
    Lost(SinkError),
    /// It may be applied, and nobody hears of it.
    Unknown(SinkError),
    /// Rows that are to be sent again.
    Again(Vec<bool>),
    /// One that is good is refused by name.
    Blamed(usize),
    /// All are refused, and nobody is named.
    Refused,
}

impl Vendor {
    pub(crate) fn new(case: Case) -> Arc<Self> {
        Arc::new(Self { oracle: Mutex::new(Oracle::new(&case)), case })
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn update(&self, row: usize) -> ContactUpdate {
        let Row { subject, fields, .. } = self.case.rows[row];
        let subject = Subject::User(UserId::from(i64::try_from(subject).unwrap()));
        FIELDS[..fields].iter().fold(ContactUpdate::new(subject), |update, field| {
            update.with(field.parse().unwrap(), row.to_string()).unwrap()
        })
    }

    fn draw(&self, rows: &[usize]) -> Way {
        let mut oracle = self.oracle();
        let (mood, rng) = (oracle.mood, &mut oracle.rng);
        let error = |kind| SinkError::new("model", "set", kind);
        let unknown = [SinkErrorKind::Timeout, SinkErrorKind::Interrupted, SinkErrorKind::Unavailable];
        match mood {
            Mood::Fine => Way::Judged,
            Mood::Rough(odds) if rng.u32(..100) >= odds => Way::Judged,
            Mood::Rough(_) => match rng.u32(..10) {
                0 | 1 => Way::Lost(error(SinkErrorKind::Connect)),
                2..=5 => Way::Unknown(error(unknown[rng.usize(..3)])),
                6 => Way::Lost(error(SinkErrorKind::Throttled).with_retry(Retry::After(Duration::from_millis(300)))),
                7 => Way::Again(rows.iter().map(|_| rng.bool()).collect()),
                8 => Way::Blamed(rng.usize(..rows.len())),
                _ => Way::Refused,
            },
            Mood::Down => Way::Lost(error(SinkErrorKind::Connect)),
            Mood::Hangs => Way::Unknown(error(SinkErrorKind::Timeout)),
            Mood::Throttles => Way::Lost(error(SinkErrorKind::Throttled)),
            Mood::Picky => Way::Again(rows.iter().map(|row| row % 3 == 0).collect()),
            Mood::Refuses if rng.bool() => Way::Blamed(rng.usize(..rows.len())),
            Mood::Refuses => Way::Refused,
            Mood::Locked => Way::Lost(error(SinkErrorKind::Credentials)),
        }
    }

    /// What the vendor makes of a request that it looks at: a verdict for each update.
    fn judge(&self, batch: &[(usize, Vec<Cell>)], way: &Way) -> Vec<Verdict> {
        let named = || Verdict::Rejected(Rejection::listed(7, "no such user"));
        let unnamed = || Verdict::Undecided(Rejection::listed(8, "refused"));
        let unlisted = || Verdict::Undecided(Rejection::unlisted(Some(9.into()), "refused"));
        let to_blame = |(row, cells): &(usize, Vec<Cell>)| {
            let nature = self.case.rows[*row].nature;
            // The second field alone is good.
            let is_bad = nature == Nature::Named || cells.iter().any(|(_, field)| *field == 0);
            if is_bad { nature } else { Nature::Good }
        };
        let natures: Vec<Nature> = batch.iter().map(to_blame).collect();
        if matches!(way, Way::Refused) || natures.contains(&Nature::Unlisted) {
            return batch.iter().map(|_| unlisted()).collect();
        }
        if natures.contains(&Nature::Unnamed) {
            return batch.iter().map(|_| unnamed()).collect();
        }
        let verdict = |(nth, nature): (usize, &Nature)| match (nature, way) {
            (Nature::Named, _) => named(),
            (_, Way::Blamed(bad)) if *bad == nth => named(),
            (_, Way::Again(rows)) if rows[nth] => Verdict::Retry { code: Some(5.into()) },
            _ => Verdict::Accepted,
        };
        natures.iter().enumerate().map(verdict).collect()
    }
}

#[async_trait]
impl ContactSink for Vendor {
    fn limits(&self) -> Limits {
        let Case { max_updates, overlap, quota, .. } = &self.case;
        let limits = Limits::new((*max_updates).try_into().unwrap()).with_overlap(*overlap);
        limits.with_quota(quota.and_then(|quota| quota.parse().ok()))
    }

    fn batch_key(&self, update: &ContactUpdate) -> BatchKey {
        BatchKey::of((self.case.rows[row_of(update)].subject % self.case.keys).to_string())
    }

    fn validate(&self, update: &ContactUpdate) -> Result<(), Rejection> {
        match self.case.rows[row_of(update)].nature {
            Nature::Invalid => Err(Rejection::by_rule("it breaks a rule")),
            _ => Ok(()),
        }
    }

    async fn send(&self, batch: &[ContactUpdate]) -> Result<Vec<Verdict>, SinkError> {
        let batch: Vec<(usize, Vec<Cell>)> = batch.iter().map(|update| (row_of(update), cells_of(update))).collect();
        let rows: Vec<usize> = batch.iter().map(|(row, _)| *row).collect();
        let way = self.draw(&rows);
        let accepted = |verdicts: &[Verdict]| -> Vec<Cell> {
            let taken = batch.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Accepted);
            taken.flat_map(|((_, cells), _)| cells.clone()).collect()
        };
        let verdicts = self.judge(&batch, &way);
        let mut flying = Flying { vendor: self, rows, cells: accepted(&verdicts) };
        let (mut latency, at_once) = {
            let mut oracle = self.oracle();
            oracle.departs(&self.case, &batch);
            (Duration::from_millis(oracle.rng.u64(1..60)), oracle.rng.bool())
        };
        if self.oracle().mood == Mood::Hangs {
            latency = Duration::from_secs(30);
        }
        if let Way::Lost(error) = way {
            flying.cells.clear();
            sleep(latency).await;
            return Err(error);
        }
        // Either when it arrives or when it is answered.
        if at_once {
            self.oracle().apply_unheard(std::mem::take(&mut flying.cells));
        }
        sleep(latency).await;
        if let Way::Unknown(error) = way {
            return Err(error);
        }
        self.oracle().answers(&self.case, &batch, &verdicts, std::mem::take(&mut flying.cells));
        Ok(verdicts)
    }
}

/// A request under way. One that ends without an answer is applied, or not, or later.
struct Flying<'a> {
    vendor: &'a Vendor,
    rows: Vec<usize>,
    cells: Vec<Cell>,
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        let mut oracle = self.vendor.oracle();
        oracle.lands(&self.rows);
        let cells = std::mem::take(&mut self.cells);
        match oracle.rng.u32(..3) {
            _ if cells.is_empty() => {}
            0 => {}
            1 => oracle.apply_unheard(cells),
            _ => {
                let latest = u64::try_from(LATEST.as_millis()).unwrap();
                let after = Duration::from_millis(oracle.rng.u64(1..latest));
                oracle.apply_later(cells, after);
            }
        }
    }
}

pub(crate) fn row_of(update: &ContactUpdate) -> usize {
    let [(_, Value::Text(row)), ..] = update.fields() else { panic!("no row") };
    row.parse().unwrap()
}

fn cells_of(update: &ContactUpdate) -> Vec<Cell> {
    update.fields().iter().map(|(field, _)| (row_of(update), field_of(field.as_str()))).collect()
}
