//! Whatever the vendor answers: each update has one outcome, no request breaks a limit, no subject is reordered, no lane hangs.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{ContactUpdate, Overlap};
use contact_sink_delivery::{Delivery, MaxRejected, Options, Outcome};
use proptest::prelude::*;
use tokio::time::sleep;

use crate::run::{Fed, deliver_rows, ended, paused};
use crate::script::chaos;
use crate::world::{World, update_of};

#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    /// The user of each row and how many fields it sets; none is invalid.
    rows: Vec<(usize, usize)>,
    max_updates: usize,
    keys: usize,
    overlap: Overlap,
    concurrency: usize,
    max_waiting: usize,
    max_latency_ms: u64,
    quota: Option<&'static str>,
    max_rejected: MaxRejected,
    also_fatal: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let rows = (1..40usize).prop_flat_map(|users| prop::collection::vec((0..users, 0..4usize), 0..120));
    let world = (1..9usize, 1..5usize, prop_oneof![Just(Overlap::Free), Just(Overlap::OnePerKey)], 0..60u64);
    let options = (1..9usize, 1..60usize, prop_oneof![Just(None), Just(Some("50/s")), Just(Some("3/s"))]);
    let max_rejected = prop_oneof![3 => Just(MaxRejected::Any), 1 => Just(MaxRejected::Share(0.1)), 1 => (0..20u64).prop_map(MaxRejected::Count)];
    (any::<u64>(), rows, world, options, max_rejected, prop::bool::weighted(0.3)).prop_map(
        |(seed, rows, world, options, max_rejected, also_fatal)| {
            let (max_updates, keys, overlap, max_latency_ms) = world;
            let (concurrency, max_waiting, quota) = options;
            Case {
                seed,
                rows,
                max_updates,
                keys,
                overlap,
                concurrency,
                max_waiting,
                max_latency_ms,
                quota,
                max_rejected,
                also_fatal,
            }
        },
    )
}

impl Case {
    fn world(&self) -> Arc<World> {
        let (seed, most) = (self.seed, self.max_latency_ms);
        let latency = move |number| Duration::from_millis(fastrand::Rng::with_seed(seed ^ number as u64).u64(..=most));
        let world = World::new(self.max_updates, chaos(seed, self.also_fatal))
            .with_keys(self.keys, self.overlap)
            .with_latency(latency);
        match self.quota {
            Some(quota) => world.with_quota(quota).shared(),
            None => world.shared(),
        }
    }

    fn options(&self) -> Options {
        Options::for_run()
            .with_concurrency(self.concurrency.try_into().unwrap())
            .with_max_waiting(self.max_waiting.try_into().unwrap())
            .with_max_rejected(self.max_rejected)
            .with_seed(self.seed)
    }

    fn options_of_a_service(&self) -> Options {
        Options::for_service()
            .with_concurrency(self.concurrency.try_into().unwrap())
            .with_max_waiting(self.max_waiting.try_into().unwrap())
            .with_seed(self.seed)
    }

    fn updates(&self) -> Vec<ContactUpdate> {
        self.rows.iter().enumerate().map(|(row, (user, fields))| update_of(row, *user, *fields)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_file_is_delivered_whatever_the_vendor_answers(case in cases()) {
        paused(async {
            let world = case.world();
            let finished = deliver_rows(&world, case.options(), case.updates()).await;
            let invalid = |row: &usize| case.rows[*row].1 == 0;
            prop_assert!(world.most_flying() <= case.concurrency);
            prop_assert!(world.most_ahead() <= case.max_waiting);
            if finished.summary.stop.is_none() {
                let rejected = finished.rejected();
                prop_assert!((0..case.rows.len()).filter(invalid).all(|row| rejected.contains(&row)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn callers_come_and_go_and_none_is_left_without_an_answer(
        case in cases(),
        patience_ms in prop::collection::vec(prop_oneof![Just(u64::MAX), 0..2_000u64], 1..12),
        pause_ms in 0..40u64,
        close_after in prop::option::of(0..100usize),
        is_service in any::<bool>(),
        has_deadlines in any::<bool>(),
    ) {
        paused(async {
            let world = case.world();
            let options = if is_service { case.options_of_a_service() } else { case.options() };
            let delivery = Delivery::new(world.clone(), options);
            let (rows, input) = tokio::sync::mpsc::unbounded_channel();
            let mut outcomes = delivery.deliver_all(Fed(input));
            let streamed = tokio::spawn(async move {
                let mut taken = 0;
                while outcomes.next().await.is_some() {
                    taken += 1;
                }
                taken
            });
            let (mut callers, mut closing, mut fed) = (Vec::new(), None, 0);
            for (row, update) in case.updates().into_iter().enumerate() {
                if close_after == Some(row) {
                    closing = Some(tokio::spawn(delivery.clone().close(Duration::from_millis(case.seed % 5_000))));
                }
                if row % 2 == 0 {
                    rows.send((row, update)).unwrap();
                    fed += 1;
                } else {
                    let patience = Duration::from_millis(patience_ms[row % patience_ms.len()].min(1 << 40));
                    let delivery = delivery.clone();
                    callers.push(tokio::spawn(async move {
                        let delivered = async {
                            if has_deadlines { delivery.deliver_within(update, 2 * patience).await } else { delivery.deliver(update).await }
                        };
                        tokio::select! {
                            outcome = delivered => Some(outcome),
                            () = sleep(patience), if patience < Duration::from_secs(60) => None,
                        }
                    }));
                }
                sleep(Duration::from_millis(pause_ms)).await;
            }
            drop((rows, delivery));
            for caller in callers {
                let _: Option<Outcome> = caller.await.unwrap();
            }
            prop_assert_eq!(streamed.await.unwrap(), fed);
            if let Some(closing) = closing {
                closing.await.unwrap();
            }
            ended(&world).await;
            prop_assert_eq!(world.breaches(), [""; 0]);
            Ok(())
        })?;
    }
}
