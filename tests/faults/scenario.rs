//! A scenario, and the one way in which all are played and judged.

use std::time::Duration;

use serde_json::{Value, json};

use crate::input::{Input, REFUSED_OF};
use crate::oracle::{Before, IN_FLIGHT, check_end, check_run, check_silence, check_used};
use crate::random::Random;
use crate::run::{Place, Report};
use crate::seen::Seen;
use crate::vendor::{QUOTA, Vendor};

/// What is done to a run.
pub struct Scenario {
    pub name: String,
    pub vendor: &'static Vendor,
    pub users: u32,
    pub versions: u32,
    /// Whether there are rows among them that must be rejected.
    pub bad: bool,
    pub quota: u64,
    pub latency_ms: u64,
    /// What requests meet.
    pub faults: Value,
    /// Of what is left to chance beside the faults.
    pub seed: u64,
    pub plan: Plan,
}

/// What happens beside the faults.
#[derive(Clone)]
pub enum Plan {
    /// Nothing: the one run ends complete.
    Once,
    /// Nothing, and such a share of the quota is used at least.
    Pace { used: f64 },
    /// The vendor changes something, and the one run ends complete all the same.
    Changes(Value),
    /// The vendor has another secret after so many requests: the run stops, and one with that secret completes.
    Secret { after_requests: u64 },
    /// The vendor's clock is wrong for a time: the run stops, and the next completes.
    Clock { after_requests: u64 },
    /// There is a file where the directory of rejected rows should be.
    NoPlaceForLetters,
    /// No file can become longer than so many blocks of 512 bytes, so that the journal fails in the middle of the run.
    FullDisk(u64),
    /// No file can become longer than so many blocks, so that the file of rejected rows fails in the middle of the run; then what the
    /// message says is done.
    FullRejected(u64, Advice),
    /// The run kills itself where it passes this place for the nth time.
    Failpoint(&'static str, u64),
    /// The vendor is gone after so many requests, and is back after a time.
    Outage { after_requests: u64, down: Duration },
    /// The run is killed at random moments and begun again, at most so many times.
    Kills(u32),
}

/// What a person does when the file of rejected rows cannot be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    MakeRoom,
    NameAnotherPlace,
    /// No message says so, but people do it.
    MoveAway,
}

/// How long a run lasts at least before it is killed, and what is added at most.
const LIFE_MS: (u64, u64) = (20, 900);

/// Plays a scenario, and panics where something does not hold. Gives how often a run was cut off.
pub fn check(scenario: &Scenario) -> u64 {
    let Scenario { vendor, users, versions, bad, quota, latency_ms, .. } = *scenario;
    let is_wide = matches!(scenario.plan, Plan::FullRejected(..));
    let input = if is_wide { Input::wide(vendor, users) } else { Input::new(vendor, users, versions, bad) };
    let mut place = Place::new(vendor, input, quota, latency_ms);
    place.simulator.set_faults(&scenario.faults);
    let (mut runs, mut cuts, mut earlier) = (0, 0, None::<Seen>);
    let last = match &scenario.plan {
        Plan::Once | Plan::Pace { .. } => place.run(),
        Plan::Changes(changes) => {
            place.simulator.set_changes(changes);
            place.run()
        }
        Plan::Secret { after_requests } => {
            let secret = "an0ther-h0rse";
            place.simulator.set_changes(&json!([{"after_requests": after_requests, "secret": secret}]));
            let report = stops(&place, scenario);
            assert!(report.accepted > 0, "it stops in the middle: {report:?}");
            (place.secret, runs) = (secret.to_owned(), 1);
            place.run()
        }
        Plan::Clock { after_requests } => {
            place.simulator.set_changes(&json!([{"after_requests": after_requests, "clock_ahead_ms": 200_000_000}]));
            let report = stops(&place, scenario);
            assert!(report.accepted > 0, "it stops in the middle: {report:?}");
            place.simulator.set_changes(&json!([{"clock_ahead_ms": 0}]));
            runs = 1;
            place.run()
        }
        Plan::NoPlaceForLetters => {
            std::fs::write(place.path("a-file"), "").unwrap();
            place.rejected = "a-file";
            let run = place.run();
            check_silence(&place, &run);
            let taken: u64 = place.simulator.seen().taken(|_| true).values().sum();
            assert!(run.status == Some(78) && taken == 0, "it is found before the first request: {}", run.stderr);
            place.rejected = "rejected";
            place.run()
        }
        Plan::FullDisk(blocks) => {
            place.longest_file = Some(*blocks);
            let report = stops(&place, scenario);
            let taken: u64 = place.simulator.seen().taken(|_| true).values().sum();
            let most = report.accepted + IN_FLIGHT * vendor.batch;
            // Where the room ends depends on how commits fall together: perhaps before the first row is accepted.
            assert!(taken <= most, "{taken} rows were sent, most of them in vain: {report:?}");
            // What was in flight when the write failed may be sent again, as after a kill.
            (place.longest_file, runs, cuts) = (None, 1, 1);
            let run = place.run();
            check_doubtful(&place);
            run
        }
        Plan::FullRejected(blocks, advice) => {
            place.longest_file = Some(*blocks);
            place.arguments = vec!["--max-rejected", "100%"];
            let run = place.run();
            let seen = place.simulator.seen();
            check_run(&place, &run, &Before { runs: 0, cuts: 0, files: 0, quota, seen: &seen });
            let report = run.report(vendor);
            let says = "make room or name another place with --rejected";
            assert!(run.status == Some(3) && run.stderr.contains(says), "{report:?}: {}", run.stderr);
            assert!(report.rejected > 0 && report.pending > 0, "it stops in the middle: {report:?}");
            match advice {
                Advice::MakeRoom => place.longest_file = None,
                Advice::NameAnotherPlace => (place.rejected_before, place.rejected) = (vec!["rejected"], "elsewhere"),
                Advice::MoveAway => {
                    std::fs::rename(place.path("rejected"), place.path("mine")).unwrap();
                    place.rejected_before = vec!["mine"];
                }
            }
            (runs, cuts) = (1, 1);
            let run = place.run();
            check_doubtful(&place);
            run
        }
        Plan::Failpoint(name, nth) => {
            place.failpoint = Some(format!("{name}:{nth}"));
            let run = place.run();
            assert_eq!(run.status, None, "it never passed {name} for the {nth}th time: {}", run.stderr);
            check_silence(&place, &run);
            (place.failpoint, runs, cuts) = (None, 1, 1);
            place.run()
        }
        Plan::Outage { after_requests, down } => {
            let mut run = place.start();
            earlier = Some(outage(&mut place, *after_requests, &mut || run.ends_within(Duration::from_millis(5))));
            assert!(!run.ends_within(*down), "the run ended while the vendor was gone");
            place.simulator.start_again();
            place.finish(run)
        }
        Plan::Kills(most) => {
            let mut random = Random::new(scenario.seed);
            loop {
                let mut run = place.start();
                let life = Duration::from_millis(LIFE_MS.0 + random.below(LIFE_MS.1));
                if cuts == u64::from(*most) || run.ends_within(life) {
                    break place.finish(run);
                }
                run.kill();
                check_silence(&place, &place.finish(run));
                (runs, cuts) = (runs + 1, cuts + 1);
            }
        }
    };
    let seen = place.simulator.seen();
    let seen = match earlier {
        Some(earlier) => Seen::then(earlier, seen),
        None => seen,
    };
    let files = place.letters().len().saturating_sub(usize::from(bad));
    let before = Before { runs, cuts, files, quota, seen: &seen };
    if let Plan::Pace { used } = scenario.plan {
        check_used(&seen, quota, used);
    }
    check_run(&place, &last, &before);
    check_end(&place, &last, &before);
    check_met(scenario, &place, &seen);
    cuts
}

/// After a stop in order only what was in flight is said to be applied perhaps.
fn check_doubtful(place: &Place) {
    let letters = place.letters();
    let doubtful = letters.iter().flatten().filter(|letter| letter.reason.contains("an earlier attempt")).count();
    // Of so many users two are refused by the vendor at most.
    let most = IN_FLIGHT * place.vendor.batch * 2 / REFUSED_OF + 3;
    assert!(
        doubtful as u64 <= most,
        "{doubtful} rejected rows are said to be applied perhaps, and {most} are the most"
    );
}

/// A run that stops: a person must act, and the rest is pending.
fn stops(place: &Place, scenario: &Scenario) -> Report {
    let run = place.run();
    let seen = place.simulator.seen();
    check_run(place, &run, &Before { runs: 0, cuts: 0, files: 0, quota: scenario.quota, seen: &seen });
    let report = run.report(place.vendor);
    assert_eq!(run.status, Some(3), "{report:?}: {}", run.stderr);
    assert!(report.pending > 0, "the rest is pending: {report:?}");
    report
}

/// Lets so many requests through and ends the simulator at the next; gives what it saw.
fn outage(place: &mut Place, after_requests: u64, ended: &mut dyn FnMut() -> bool) -> Seen {
    let next = json!([{"fault": "none", "times": after_requests}, {"fault": "close", "times": 1_000_000}]);
    place.simulator.set_faults(&json!({"next": next}));
    while place.simulator.faults_met()["close"].is_null() {
        assert!(!ended(), "the run ended before the vendor was gone");
    }
    let seen = place.simulator.freeze();
    place.simulator.kill();
    seen
}

/// Each fault that was scripted was met so often as it was scripted, and of those that are dealt by lot some were.
fn check_met(scenario: &Scenario, place: &Place, seen: &Seen) {
    if let Plan::Outage { .. } = scenario.plan {
        return;
    }
    let met = place.simulator.faults_met();
    for fault in scenario.faults["next"].as_array().into_iter().flatten().filter(|fault| fault["fault"] != "none") {
        let (times, name) = (fault["times"].as_u64().unwrap_or(1), fault["fault"].as_str().unwrap());
        let of_kind = seen.requests.iter().filter(|request| request.fault.as_deref() == Some(name));
        let applied = fault["applied"].as_bool();
        let count = of_kind.filter(|request| applied.is_none_or(|applied| request.applied == applied)).count() as u64;
        assert_eq!((count, met[name].as_u64()), (times, Some(times)), "{name} was not met as scripted");
    }
    let by_lot = scenario.faults["shares"].as_array().is_some_and(|shares| !shares.is_empty());
    assert!(!by_lot || met.as_object().is_some_and(|met| !met.is_empty()), "no fault was met");
}

impl Scenario {
    /// A run of the vendor's usual length in which nothing happens.
    pub fn new(name: impl Into<String>, vendor: &'static Vendor) -> Self {
        Self {
            name: format!("{}/{}", name.into(), vendor.name),
            vendor,
            users: vendor.users,
            versions: 1,
            bad: true,
            quota: QUOTA,
            latency_ms: 0,
            faults: json!({}),
            seed: 0,
            plan: Plan::Once,
        }
    }
}
