//! A hostile network: whatever goes wrong, each update has the outcome that the simulator's state bears out.

use std::collections::BTreeSet;
use std::time::Duration;

use contact_sink_delivery::Outcome;
use contact_sink_sandbox::{Fault, FaultKind, Faults, World};
use contact_sink_transport::TransportOptions;

use crate::world::{Fields, MAIL, Make, Run, deliver_over, hyper, reqwest};

const TRANSPORTS: [(&str, Make); 2] = [("hyper", hyper), ("reqwest", reqwest)];

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn value(cuid: i64) -> String {
    format!("user{cuid}@example.com")
}

fn users(count: i64) -> Vec<(i64, Fields)> {
    (1..=count).map(|cuid| (cuid, vec![(MAIL, value(cuid))])).collect()
}

/// Holds each outcome against what is stored and what the log says.
fn check(run: &Run, unknown: &BTreeSet<i64>, name: &str) {
    let applied: BTreeSet<i64> = run
        .sandbox
        .requests()
        .iter()
        .filter(|request| request.applied && request.accepted)
        .flat_map(|request| request.subjects.clone())
        .filter_map(|cuid| cuid.parse().ok())
        .collect();
    for (cuid, outcome) in &run.outcomes {
        match outcome {
            Outcome::Accepted => {
                assert!(!unknown.contains(cuid), "{name}: accepted, and the vendor does not know it");
                assert_eq!(run.stored(*cuid).get(MAIL), Some(&value(*cuid)), "{name}: accepted and not stored");
                assert!(applied.contains(cuid), "{name}: accepted by no request");
            }
            Outcome::Rejected { rejections, stored, .. } => {
                assert!(unknown.contains(cuid), "{name}: rejected, and nothing is wrong with it: {outcome:?}");
                assert_eq!((rejections[0].code(), stored.len()), (Some(&4107.into()), 0), "{name}");
                assert!(run.stored(*cuid).is_empty(), "{name}");
            }
            outcome => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn a_mixture_over_twenty_thousand_users() {
    for (transport, make) in TRANSPORTS {
        for seed in [1, 2, 3] {
            let mut world = World::default();
            let unknown: BTreeSet<i64> = (1..=20_000).filter(|cuid| cuid % 997 == 0).collect();
            world.jiguang.unknown_cuids = Some(unknown.clone());
            world.faults = Faults::default()
                .with_seed(seed)
                .with_share(0.05, Fault::new(FaultKind::InternalError))
                .with_share(0.03, Fault::new(FaultKind::BadGateway))
                .with_share(0.03, Fault::new(FaultKind::TruncatedJson))
                .with_share(0.03, Fault::new(FaultKind::Reset))
                .with_share(0.03, Fault::new(FaultKind::Reset).applied(true))
                .with_share(0.01, Fault::new(FaultKind::TooManyRequests));
            let run = block_on(deliver_over(make(TransportOptions::default()), world, users(20_000)));
            let name = format!("{transport}, seed {seed}");
            check(&run, &unknown, &name);
            assert_eq!((run.summary.accepted, run.summary.rejected), (19_980, 20), "{name}");
            run.check_requests();
            let resets =
                run.sandbox.requests().iter().filter(|r| r.fault == Some(FaultKind::Reset) && r.applied).count();
            assert!(resets > 0, "{name}: no answer was lost after the request had its effect");
            let met = run.sandbox.faults_met();
            assert!(met.len() >= 4 && met.values().sum::<u64>() >= 20, "{name}: {met:?}");
        }
    }
}

/// Each fault alone, twice in a row after a good start, and then for good updates.
#[test]
fn each_kind_alone() {
    let ms = Duration::from_millis;
    let faults = [
        Fault::new(FaultKind::Delay).with_after(ms(1)),
        Fault::new(FaultKind::InternalError),
        Fault::new(FaultKind::InternalError).applied(true),
        Fault::new(FaultKind::BadGateway),
        Fault::new(FaultKind::BadGateway).applied(true),
        Fault::new(FaultKind::Unavailable),
        Fault::new(FaultKind::Unavailable).with_retry_after(ms(1000)),
        Fault::new(FaultKind::TooManyRequests),
        Fault::new(FaultKind::TooManyRequests).with_retry_after(ms(1000)),
        Fault::new(FaultKind::OverQuota),
        Fault::new(FaultKind::Reset),
        Fault::new(FaultKind::Reset).applied(true),
        Fault::new(FaultKind::Close),
        Fault::new(FaultKind::Close).applied(true),
        Fault::new(FaultKind::Silence),
        Fault::new(FaultKind::Silence).applied(true).with_after(ms(10)),
        Fault::new(FaultKind::SlowBody).with_after(ms(50)),
        Fault::new(FaultKind::SlowBody).with_after(ms(5000)),
        Fault::new(FaultKind::BrokenBody),
        Fault::new(FaultKind::TruncatedJson),
        Fault::new(FaultKind::WrongType),
        Fault::new(FaultKind::Empty),
        Fault::new(FaultKind::Empty).applied(false),
        Fault::new(FaultKind::EmptyObject),
        Fault::new(FaultKind::EmptyObject).applied(false),
    ];
    for (transport, make) in TRANSPORTS {
        for fault in &faults {
            let name = format!("{transport}, {fault:?}");
            let mut world = World::default();
            let unknown = BTreeSet::from([150]);
            world.jiguang.unknown_cuids = Some(unknown.clone());
            world.faults = Faults::default().with_next(Fault::new(FaultKind::None)).with_next(fault.clone().times(2));
            // Silence and a slow body are waited for so long.
            let options = TransportOptions::default().with_exchange_timeout(ms(500));
            let run = block_on(deliver_over(make(options), world, users(400)));
            check(&run, &unknown, &name);
            assert_eq!((run.summary.accepted, run.summary.rejected), (399, 1), "{name}");
            assert_eq!(run.sandbox.faults_met()[&fault.kind], 2, "{name}: the fault was not met");
            run.check_requests();
        }
    }
}
