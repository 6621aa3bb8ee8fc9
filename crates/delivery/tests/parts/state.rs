//! The state machine: what each answer makes of it, and what may be sent in each state.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{SinkError, SinkErrorKind as Kind};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Allowance, State};
use crate::observe::Observer;
use crate::{Health, Options, Stop};

const SECOND: Duration = Duration::from_secs(1);

struct Machine {
    state: State,
    now: Instant,
}

impl Machine {
    fn new(options: Options) -> Self {
        let now = Instant::now();
        let observer = Observer::new("test".into(), None);
        Self { state: State::new(&options, None, watch::channel(Health::Normal).0, observer, now), now }
    }

    fn run() -> Self {
        Self::new(Options::for_run())
    }

    fn service() -> Self {
        Self::new(Options::for_service().with_first_after(Duration::ZERO))
    }

    fn accepted(mut self) -> Self {
        let departed = self.state.departs(self.now);
        self.state.decided(departed, true, false, self.now);
        self
    }

    fn refused(mut self) -> Self {
        let departed = self.state.departs(self.now);
        self.state.decided(departed, false, false, self.now);
        self
    }

    fn failed(mut self, times: u32) -> Self {
        for _ in 0..times {
            let departed = self.state.departs(self.now);
            self.state.failed(departed, true, &error(Kind::Timeout), self.now);
        }
        self
    }

    fn paused(mut self) -> Self {
        self.state.pause(&error(Kind::Credentials), None, self.now);
        self
    }

    fn after(mut self, time: Duration) -> Self {
        self.now += time;
        self
    }

    fn is(&self, expected: &str) -> &Self {
        assert_eq!(self.state.health().name(), expected);
        self
    }

    fn allows(&self, in_flight: usize) -> Allowance {
        self.state.allows(in_flight, self.now)
    }
}

fn error(kind: Kind) -> Arc<SinkError> {
    Arc::new(SinkError::new("vendor", "set", kind))
}

#[test]
fn a_run_is_normal_once_something_is_accepted_and_a_service_once_anything_is_decided() {
    Machine::run().is("starting");
    Machine::run().failed(10).is("starting");
    Machine::run().refused().is("starting");
    Machine::run().accepted().is("normal");
    Machine::service().refused().is("normal");
}

#[test]
fn four_failures_in_a_row_are_an_outage_and_one_decision_ends_it() {
    Machine::run().accepted().failed(3).is("normal");
    Machine::run().accepted().failed(4).is("outage");
    Machine::run().accepted().failed(4).accepted().is("normal");
    Machine::run().accepted().failed(4).refused().is("normal");
    // What was never accepted before is starting again.
    Machine::run().refused().failed(4).is("outage");
    Machine::run().refused().failed(4).refused().is("starting");
    // A service that had a decision in the last second is not in an outage: some updates always fail.
    Machine::service().accepted().failed(20).is("normal");
    Machine::service().accepted().after(SECOND).failed(4).is("outage");
}

#[test]
fn an_answer_to_a_request_from_before_the_pause_does_not_end_it() {
    let mut machine = Machine::service().accepted();
    let before = machine.state.departs(machine.now);
    let mut machine = machine.paused();
    machine.state.decided(before, true, false, machine.now);
    machine.is("paused");
    machine.accepted().is("normal");
}

#[test]
fn what_may_be_sent_in_each_state() {
    let probe = |fresh_first| {
        let most = if fresh_first { 1 } else { usize::MAX };
        Allowance::Probe { fresh_first, failed_last: None, most }
    };
    assert_eq!(Machine::run().allows(0), probe(false));
    assert_eq!(Machine::run().allows(1), Allowance::Nothing, "one request at a time");
    assert_eq!(Machine::run().accepted().allows(31), Allowance::Any);
    assert_eq!(Machine::run().accepted().allows(32), Allowance::Nothing, "the most in flight");
    assert_eq!(Machine::run().accepted().failed(4).allows(1), Allowance::Nothing);
    assert_eq!(Machine::run().accepted().failed(4).allows(0), probe(true));
    // A service waits for the requests of the process before.
    let starting = Machine::new(Options::for_service());
    assert_eq!(starting.allows(0), Allowance::Nothing);
    assert_eq!(starting.after(10 * SECOND).allows(0), probe(false));
    // The first canary of a pause is sent after 5 s, the next one 10 s later, and none waits for longer than a minute.
    let mut machine = Machine::service().accepted().paused();
    for wait in [5, 10, 20, 40, 60, 60] {
        machine = machine.after(wait * SECOND - Duration::from_millis(1));
        assert_eq!(machine.allows(0), Allowance::Nothing, "{wait}");
        machine = machine.after(Duration::from_millis(1));
        assert_eq!(
            (machine.allows(0), machine.allows(1)),
            (Allowance::Canary { failed_last: None }, Allowance::Nothing),
            "{wait}"
        );
        machine = machine.paused();
    }
    let mut machine = Machine::run().accepted();
    machine.state.probe(vec![1, 2], machine.now);
    assert_eq!(machine.is("probing").allows(0), Allowance::Canaries);
    machine.state.stop(Stop::Halted, machine.now);
    assert_eq!(machine.is("stopped").allows(0), Allowance::Nothing);
    // In quiet only confirmations are sent.
    let mut machine = Machine::run().accepted();
    machine.state.keep_quiet(machine.now + SECOND);
    assert_eq!(machine.allows(3), Allowance::Confirmations);
    assert_eq!(machine.after(SECOND).allows(3), Allowance::Any);
}

#[test]
fn a_run_gives_up_and_a_service_does_not() {
    let limit = Options::UNREACHABLE_AFTER;
    for (machine, expected) in [
        (Machine::run().failed(1).after(limit), true),
        (Machine::run().failed(1).after(limit - SECOND), false),
        (Machine::run().accepted().failed(4).after(limit), false),
        (Machine::run().accepted().failed(4).after(1_800 * SECOND), true),
        (Machine::service().failed(1).after(3_600 * SECOND), false),
        (Machine::service().accepted().after(SECOND).failed(9).after(36_000 * SECOND), false),
    ] {
        assert_eq!(machine.state.stops_now(0, machine.now), expected, "{:?}", machine.state.health());
    }
}
