//! EngageLab: accepted means what the vendor's 0 means, and a contact that is taken may have been taken by ourselves.

use std::collections::BTreeMap;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{Outcome, Stop, Summary};
use contact_sink_engagelab::{Config, EngageLab, EngageLabSink, contact};
use contact_sink_sandbox::engagelab::OwnValueAgain;
use contact_sink_sandbox::{Fault, FaultKind, Faults, Sandbox, World};
use contact_sink_transport::TransportOptions;

use crate::world::{hyper, send};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

async fn deliver(mut world: World, updates: Vec<(i64, ContactUpdate)>) -> (BTreeMap<i64, Outcome>, Summary, Sandbox) {
    world.engagelab.quota = None;
    let sandbox = Sandbox::start(world).unwrap();
    let config = Config::new("sandbox", "sandbox".into()).unwrap().with_base_url(sandbox.base_url().parse().unwrap());
    let client = EngageLab::new(config, hyper(TransportOptions::default()));
    let (outcomes, summary) = send(EngageLabSink::from(client).with_quota(None), updates).await;
    (outcomes, summary, sandbox)
}

fn update(euid: i64, fields: &[(&str, &str)]) -> ContactUpdate {
    let empty = ContactUpdate::user(euid);
    fields.iter().fold(empty, |update, (name, value)| update.with(contact(name).unwrap(), *value).unwrap())
}

#[test]
fn partial_success_is_accepted_and_nothing_set_is_rejected() {
    let first = update(1, &[("email", "a@b.example"), ("mobile_phone", "13000000001")]);
    let partly = update(2, &[("email", "a@b.example"), ("mobile_phone", "13000000002")]);
    let nothing = update(3, &[("email", "a@b.example"), ("mobile_phone", "13000000001")]);
    let (outcomes, summary, sandbox) = block_on(async {
        // The first one is there before the others leave: a run begins with one request alone.
        deliver(World::default(), vec![(1, first), (2, partly), (3, nothing)]).await
    });
    assert_eq!((&outcomes[&1], &outcomes[&2]), (&Outcome::Accepted, &Outcome::Accepted), "the vendor's 0 is accepted");
    assert_eq!(sandbox.engagelab().stored(2).unwrap().keys().collect::<Vec<_>>(), ["mobile_phone"], "and says no more");
    let Outcome::Rejected { rejections, stored, earlier } = &outcomes[&3] else { panic!("{:?}", outcomes[&3]) };
    assert_eq!((rejections[0].code(), stored.len(), *earlier), (Some(&55014.into()), 0, Applied::No));
    assert_eq!((sandbox.engagelab().stored(3), summary.requests), (None, 3));
}

#[test]
fn a_contact_that_a_lost_attempt_has_set_is_rejected_and_says_so() {
    let mut world = World::default();
    world.engagelab.own_value_again = OwnValueAgain::Exists;
    world.faults =
        Faults::default().with_next(Fault::new(FaultKind::None)).with_next(Fault::new(FaultKind::Reset).applied(true));
    let updates = vec![(1, update(1, &[("email", "a@b.example")])), (2, update(2, &[("email", "c@d.example")]))];
    let (outcomes, _summary, sandbox) = block_on(deliver(world, updates));
    assert_eq!(outcomes[&1], Outcome::Accepted);
    let Outcome::Rejected { rejections, earlier, .. } = &outcomes[&2] else { panic!("{:?}", outcomes[&2]) };
    assert_eq!((rejections[0].code(), *earlier), (Some(&55014.into()), Applied::Maybe), "it may be ours");
    assert_eq!(sandbox.engagelab().stored(2).unwrap()["email"], "c@d.example", "and it is");
}

#[test]
fn exactly_the_unknown_users_are_rejected_with_a_code_that_no_table_has() {
    let mut world = World::default();
    let unknown: Vec<i64> = (0..2_000).filter(|euid| euid % 400 == 57).collect();
    world.engagelab.unknown_euids = Some(unknown.iter().copied().collect());
    let updates = (0..2_000).map(|euid| (euid, update(euid, &[("email", &format!("{euid}@b.example"))]))).collect();
    let (outcomes, summary, sandbox) = block_on(deliver(world, updates));
    for (euid, outcome) in &outcomes {
        match outcome {
            Outcome::Accepted => assert!(sandbox.engagelab().stored(*euid).is_some()),
            Outcome::Rejected { rejections, .. } => {
                assert!(
                    unknown.contains(euid) && !rejections[0].is_listed() && rejections[0].code() == Some(&1912.into())
                );
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!((summary.accepted, summary.rejected), (1_995, 5));
}

#[test]
fn a_wrong_secret_stops_after_one_request() {
    let mut world = World::default();
    world.engagelab.api_secret = "another".into();
    let updates = (0..200).map(|euid| (euid, update(euid, &[("email", "a@b.example")]))).collect();
    let (outcomes, summary, _sandbox) = block_on(deliver(world, updates));
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Undelivered { .. })));
    assert!(matches!(&summary.stop, Some(Stop::Failed(error)) if error.code() == Some(&40050.into())), "{summary:?}");
    assert_eq!(summary.requests, 1);
}
