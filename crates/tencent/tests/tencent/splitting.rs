//! A lane over each sink: however the updates come and whoever of them is bad, no request breaks a limit of the vendor's.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contact_sink_core::ContactUpdate;
use contact_sink_delivery::Outcome;
use contact_sink_tencent::{AttributesSink, FriendsSink, Tencent};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::{
    Request, Script, accounts_of, block_on, body_of, client, contact, deliver, failure, success, update, user,
};

/// What the vendor has stored, by owner (none for attributes) and account, and what it holds against the requests.
#[derive(Default)]
struct World {
    stored: BTreeMap<(String, String), String>,
    breaches: Vec<String>,
    most: usize,
}

fn is_bad(account: &str) -> bool {
    account.ends_with("13")
}

fn owner_of(body: &Value) -> String {
    body["From_Account"].as_str().unwrap_or_default().to_owned()
}

fn value_of(entry: &Value) -> String {
    let value = entry["SnsItem"].get(0).map_or_else(|| &entry["Attrs"]["city"], |item| &item["Value"]);
    value.as_str().unwrap().to_owned()
}

impl World {
    fn takes(&mut self, request: &Request, limit: usize) {
        let (body, accounts) = (body_of(request), accounts_of(request));
        self.most = self.most.max(accounts.len());
        if !(1..=limit).contains(&accounts.len()) {
            self.breaches.push(format!("{} entries", accounts.len()));
        }
        if accounts.iter().collect::<HashSet<_>>().len() != accounts.len() {
            self.breaches.push("an account twice".to_owned());
        }
        let entries = body.get("UserAttrs").or_else(|| body.get("UpdateItem")).unwrap().as_array().unwrap();
        for (entry, account) in entries.iter().zip(accounts) {
            if !is_bad(&account) {
                self.stored.insert((owner_of(&body), account), value_of(entry));
            }
        }
    }
}

/// A vendor that refuses a request as a whole if there is somebody bad in it, and stores the others.
fn vendor(limit: usize, refusal: i64) -> (Arc<Script>, Arc<Mutex<World>>) {
    let world: Arc<Mutex<World>> = Arc::default();
    let own = world.clone();
    let script = Script::slow(Duration::from_millis(20), move |request| {
        own.lock().unwrap().takes(request, limit);
        let bad = accounts_of(request).iter().any(|account| is_bad(account));
        let (status, body) = if bad { failure(refusal) } else { success(request) };
        Ok((status, body.into()))
    });
    (script, world)
}

/// Each of the rows is an owner, an account and a value; the vendor must end up with the last good value of each.
fn check(
    rows: &[(String, String, String)],
    updates: Vec<ContactUpdate>,
    world: &Mutex<World>,
    deliver: impl FnOnce(Vec<ContactUpdate>) -> Vec<Outcome>,
) -> Result<(), TestCaseError> {
    let outcomes = deliver(updates);
    let world = world.lock().unwrap();
    prop_assert_eq!(&world.breaches, &Vec::<String>::new());
    for ((_, account, _), outcome) in rows.iter().zip(&outcomes) {
        prop_assert_eq!(matches!(outcome, Outcome::Accepted), !is_bad(account));
        prop_assert_eq!(matches!(outcome, Outcome::Rejected { .. }), is_bad(account));
    }
    let good = rows.iter().filter(|(_, account, _)| !is_bad(account));
    let last: BTreeMap<_, _> =
        good.map(|(owner, account, value)| ((owner.clone(), account.clone()), value.clone())).collect();
    prop_assert_eq!(&world.stored, &last);
    Ok(())
}

fn owned(row: &(u32, u32, String)) -> (String, String, String) {
    (format!("owner{}", row.0), format!("friend{}", row.1), row.2.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn attributes(rows in vec((0..400_u32, "[a-z]{1,3}"), 1..700)) {
        let (script, world) = vendor(100, 90033);
        let rows: Vec<_> = rows.into_iter().map(|(account, value)| (String::new(), format!("user{account}"), value)).collect();
        let updates = rows.iter().map(|(_, account, value)| update(user(account), &[("city", value)])).collect();
        let sink = AttributesSink::from(client(&script)).with_quota(None);
        check(&rows, updates, &world, |updates| block_on(deliver(sink, updates)).0)?;
    }

    #[test]
    fn friends(rows in vec((0..5_u32, 0..400_u32, "[a-z]{1,3}"), 1..700)) {
        let (script, world) = vendor(1_000, 30001);
        let rows: Vec<_> = rows.iter().map(owned).collect();
        let updates = rows.iter().map(|(owner, friend, value)| update(contact(owner, friend), &[("Tag_SNS_IM_Remark", value)])).collect();
        let sink = FriendsSink::from(client(&script)).with_quota(None);
        check(&rows, updates, &world, |updates| block_on(deliver(sink, updates)).0)?;
    }
}

#[test]
fn a_full_request_has_as_many_as_the_vendor_takes() {
    for (limit, refusal) in [(100, 90033), (1_000, 30001)] {
        let (script, world) = vendor(limit, refusal);
        let number = limit as u32 * 3 + 1;
        let rows: Vec<_> = (0..number).map(|nth| (0, nth * 100, "v".to_owned())).map(|row| owned(&row)).collect();
        let client: Tencent = client(&script);
        let outcomes = block_on(async {
            if limit == 100 {
                let updates = rows.iter().map(|(_, account, value)| update(user(account), &[("city", value)]));
                deliver(AttributesSink::from(client), updates.collect()).await.0
            } else {
                let updates = rows
                    .iter()
                    .map(|(owner, friend, value)| update(contact(owner, friend), &[("Tag_SNS_IM_Remark", value)]));
                deliver(FriendsSink::from(client), updates.collect()).await.0
            }
        });
        assert_eq!(outcomes, vec![Outcome::Accepted; rows.len()]);
        let world = world.lock().unwrap();
        assert_eq!((world.most, &*world.breaches, world.stored.len()), (limit, &[][..], rows.len()));
        let requests = script.requests();
        let together: BTreeSet<String> = requests.iter().flat_map(accounts_of).collect();
        assert_eq!((requests.len(), together.len()), (4, rows.len()), "no request more than need be");
    }
}

/// The vendor answers concurrent writes for one owner with a conflict.
#[test]
fn one_owner_has_one_request_in_flight() {
    let flying: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let most = Arc::new(AtomicUsize::new(0));
    struct Watched {
        script: Arc<Script>,
        flying: Arc<Mutex<BTreeMap<String, usize>>>,
        most: Arc<AtomicUsize>,
    }
    #[async_trait::async_trait]
    impl contact_sink_transport::HttpTransport for Watched {
        async fn exchange(
            &self,
            request: Request,
        ) -> Result<http::Response<bytes::Bytes>, contact_sink_transport::TransportError> {
            let owner = owner_of(&body_of(&request));
            let together = {
                let mut flying = self.flying.lock().unwrap();
                *flying.entry(owner.clone()).or_default() += 1;
                assert_eq!(flying[&owner], 1, "another request of this owner is in flight");
                flying.values().sum::<usize>()
            };
            self.most.fetch_max(together, Ordering::SeqCst);
            let answer = self.script.exchange(request).await;
            *self.flying.lock().unwrap().get_mut(&owner).unwrap() -= 1;
            answer
        }
    }
    let (script, world) = vendor(1_000, 30001);
    let watched = Watched { script, flying, most: most.clone() };
    let client = Tencent::new(super::config(), Arc::new(watched));
    let updates = (0..20_000).map(|nth| {
        update(contact(&format!("owner{}", nth % 2), &format!("friend{}", nth * 100)), &[("Tag_SNS_IM_Remark", "v")])
    });
    let (outcomes, _) = block_on(deliver(FriendsSink::from(client), updates.collect()));
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Accepted));
    assert!(most.load(Ordering::SeqCst) > 1, "those of different owners fly together");
    assert!(world.lock().unwrap().breaches.is_empty());
}
