//! One handle in an axum service, over hours of a vendor's ups and downs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request as HttpRequest, StatusCode};
use axum::{Router, routing};
use contact_sink_core::{Applied, SinkErrorKind, Verdict};
use contact_sink_delivery::{Delivery, Options, Outcome};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use crate::run::{paused, undelivered};
use crate::script::error;
use crate::world::{World, row_of, update_of, user_of};

const USERS: usize = 1_500;
const POSTS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(2);

/// `PUT /users/7/version/3`.
async fn put(State(delivery): State<Delivery>, Path((user, version)): Path<(usize, usize)>) -> StatusCode {
    let outcome = delivery.deliver_within(update_of(version, user, 1), PATIENCE).await;
    match (&outcome, undelivered(&outcome)) {
        (Outcome::Accepted, _) => StatusCode::NO_CONTENT,
        (_, Some((Applied::No, _))) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Some(_)) => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

#[test]
fn twenty_thousand_posts_through_an_outage_and_a_rotated_key_have_an_answer_each_and_none_is_stale() {
    use SinkErrorKind as K;
    paused(async {
        let began = Instant::now();
        let stored = Arc::new(Mutex::new(HashMap::<usize, usize>::new()));
        let at_vendor = stored.clone();
        let script = move |request: &crate::world::Request<'_>| {
            let is_applied = match began.elapsed().as_secs() {
                // A request that was not answered may be applied all the same.
                60..90 => request.number.is_multiple_of(2),
                130..150 => return Err(error(K::Credentials)),
                _ => true,
            };
            if is_applied {
                let values = request.batch.iter().map(|update| (user_of(update), row_of(update)));
                at_vendor.lock().unwrap().extend(values);
            }
            match began.elapsed().as_secs() {
                60..90 => Err(error(K::Timeout)),
                _ => Ok(vec![Verdict::Accepted; request.batch.len()]),
            }
        };
        let world = World::new(10, script).with_quota("100/s").shared();
        let delivery =
            Delivery::new(world.clone(), Options::for_service().with_first_after(Duration::ZERO).with_seed(3));
        let mut health = delivery.health();
        let states = Arc::new(Mutex::new(vec![health.borrow_and_update().name()]));
        let seen = states.clone();
        tokio::spawn(async move {
            while health.changed().await.is_ok() {
                seen.lock().unwrap().push(health.borrow_and_update().name());
            }
        });
        let app =
            Router::new().route("/users/{user}/version/{version}", routing::put(put)).with_state(delivery.clone());
        let mut posts = Vec::with_capacity(POSTS);
        for nth in 0..POSTS {
            let (user, version) = (nth % USERS, nth / USERS);
            let uri = format!("/users/{user}/version/{version}");
            let request = HttpRequest::put(uri).body(Body::empty()).unwrap();
            let call = app.clone().oneshot(request);
            posts.push(tokio::spawn(async move {
                let asked = Instant::now();
                (user, version, call.await.unwrap().status(), asked.elapsed())
            }));
            sleep(Duration::from_millis(10)).await;
        }
        let (mut answers, mut latest) = (HashMap::<StatusCode, usize>::new(), HashMap::<usize, usize>::new());
        for post in posts {
            let (user, version, status, took) = post.await.unwrap();
            *answers.entry(status).or_default() += 1;
            assert!(took <= PATIENCE, "{took:?}");
            if status == StatusCode::NO_CONTENT {
                let newest = latest.entry(user).or_default();
                *newest = version.max(*newest);
            }
        }
        assert_eq!(*states.lock().unwrap(), ["starting", "normal", "outage", "normal", "paused", "normal"]);
        // 50 s of 200 were down, and a probe or a canary may be half a minute late.
        let accepted = answers[&StatusCode::NO_CONTENT];
        assert!(accepted > POSTS / 2, "{answers:?}");
        assert_eq!(answers.values().sum::<usize>(), POSTS);
        assert_eq!(answers.get(&StatusCode::UNPROCESSABLE_ENTITY), None, "{answers:?}");
        let stored = stored.lock().unwrap();
        let stale: Vec<_> = latest.iter().filter(|(user, version)| stored[user] < **version).collect();
        assert_eq!(stale, [], "older than what was accepted");
        assert_eq!(world.breaches(), [""; 0]);
        assert_eq!(delivery.summary().stop, None);
    });
}
