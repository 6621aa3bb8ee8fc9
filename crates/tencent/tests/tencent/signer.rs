//! The UserSig of a client over time: shared, renewed before it ends, and made anew when the vendor refuses it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::{Applied, Effect, ErrorCode, Retry, SinkError, SinkErrorKind as Kind};
use contact_sink_tencent::usersig::{Claims, decode, verify};
use contact_sink_tencent::{CODES, Tencent, UserAttributes};
use futures_util::future::join_all;
use tokio::time::sleep;

use super::{ADMIN, APP, Clock, KEY, OK, Script, block_on, client, config, failure, success, usersig_of};

async fn call(client: &Tencent) -> Result<(), SinkError> {
    client.set_attributes(&[UserAttributes::new("a").with("city", "x")]).await.map(drop)
}

fn claims(usersig: &str) -> Claims {
    decode(usersig).unwrap().0
}

fn differ(usersigs: &[String]) -> usize {
    usersigs.iter().collect::<BTreeSet<_>>().len()
}

/// A vendor that refuses with this code whatever was signed before its time.
fn refusing(code: i64, takes: Duration) -> (Arc<Script>, Arc<AtomicU64>) {
    let since = Arc::new(AtomicU64::new(0));
    let oldest = since.clone();
    let script = Script::slow(takes, move |request| {
        let stale = claims(&usersig_of(request)).time < oldest.load(Ordering::SeqCst);
        let (status, body) = if stale { failure(code) } else { success(request) };
        Ok((status, body.into()))
    });
    (script, since)
}

#[test]
fn one_usersig_is_shared_until_80_percent_of_its_life() {
    let (clock, script) = (Clock::new(), Script::new(200, OK));
    let client = Tencent::new(clock.config().with_lifetime(Duration::from_secs(1_000)).unwrap(), script.clone());
    let other = client.clone();
    block_on(async {
        for seconds in [0, 1, 400, 799, 800, 1_599, 1_600] {
            clock.set(seconds);
            call(&client).await.unwrap();
            join_all((0..4).map(|_| call(&other))).await.into_iter().for_each(Result::unwrap);
        }
    });
    let usersigs = super::usersigs(&script);
    let dated: Vec<u64> = usersigs.iter().map(|usersig| claims(usersig).time - Clock::START).collect();
    assert_eq!(dated, [vec![0; 20], vec![800; 10], vec![1_600; 5]].concat());
    assert_eq!(differ(&usersigs), 3);
    for (nth, usersig) in usersigs.iter().enumerate() {
        let now = Duration::from_secs(Clock::START + dated[nth] + 1_000);
        let verified = verify(usersig, APP, ADMIN, &KEY.into(), now).unwrap();
        assert_eq!(verified.expire, 1_000, "the vendor takes it for the whole of its life");
    }
    let daily = Script::new(200, OK);
    block_on(call(&Tencent::new(clock.config(), daily.clone()))).unwrap();
    assert_eq!(claims(&super::usersigs(&daily)[0]).expire, 24 * 60 * 60);
}

#[test]
fn one_that_is_refused_is_made_anew_but_one_that_expired_young_stops_the_run() {
    let expired = [(0, false), (59, false), (60, true), (3_600, true)];
    let made_invalid = [(1, true), (59, true), (60, true), (3_600, true)];
    for (code, hint, ages) in [(70001, "clock", expired), (70052, "secret key", made_invalid)] {
        for (age, mends) in ages {
            let (clock, (script, oldest)) = (Clock::new(), refusing(code, Duration::ZERO));
            let client = Tencent::new(clock.config(), script.clone());
            block_on(call(&client)).unwrap();
            clock.set(age);
            oldest.store(Clock::START + 1, Ordering::SeqCst);
            let error = block_on(call(&client)).unwrap_err();
            let retry = if mends { Retry::After(Duration::from_secs(1)) } else { Retry::Never };
            assert_eq!((error.retry(), error.applied(), error.kind()), (retry, Applied::No, Kind::Credentials));
            assert_eq!((error.code(), error.status()), (Some(&code.into()), Some(200)));
            assert!(error.advice().contains(hint), "{}", error.advice());
            if mends {
                block_on(call(&client)).unwrap();
                block_on(call(&client)).unwrap();
                let usersigs = super::usersigs(&script);
                assert!(usersigs[0] == usersigs[1] && usersigs[1] != usersigs[2] && usersigs[2] == usersigs[3]);
            }
        }
    }
}

#[test]
fn refused_again_with_the_new_one_stops() {
    for (code, hint) in [(70001, "clock"), (70052, "secret key")] {
        let (clock, (script, oldest)) = (Clock::new(), refusing(code, Duration::ZERO));
        let client = Tencent::new(clock.config(), script.clone());
        block_on(call(&client)).unwrap();
        oldest.store(u64::MAX, Ordering::SeqCst);
        clock.set(7_200);
        assert_eq!(block_on(call(&client)).unwrap_err().retry(), Retry::After(Duration::from_secs(1)));
        let error = block_on(call(&client)).unwrap_err();
        assert_eq!((error.retry(), error.applied()), (Retry::Never, Applied::No));
        assert!(error.advice().contains(hint));
        assert_eq!(differ(&super::usersigs(&script)), 2);
    }
}

#[test]
fn many_requests_that_are_refused_together_make_one_new_usersig() {
    let (clock, (script, oldest)) = (Clock::new(), refusing(70052, Duration::from_secs(1)));
    let client = Tencent::new(clock.config(), script.clone());
    block_on(async {
        call(&client).await.unwrap();
        clock.set(120);
        oldest.store(Clock::START + 1, Ordering::SeqCst);
        for error in join_all((0..50).map(|_| call(&client))).await {
            assert_eq!(error.unwrap_err().retry(), Retry::After(Duration::from_secs(1)));
        }
        join_all((0..50).map(|_| call(&client))).await.into_iter().for_each(Result::unwrap);
    });
    assert_eq!(differ(&super::usersigs(&script)[51..]), 1);
    assert_eq!(differ(&super::usersigs(&script)), 2);
}

#[test]
fn a_late_refusal_of_the_old_one_does_not_cost_the_new_one() {
    let (clock, (script, oldest)) = (Clock::new(), refusing(70001, Duration::from_secs(10)));
    let client = Tencent::new(clock.config(), script.clone());
    block_on(async {
        call(&client).await.unwrap();
        oldest.store(Clock::START + 1, Ordering::SeqCst);
        clock.set(120);
        let at = |seconds| {
            let client = &client;
            async move {
                sleep(Duration::from_secs(seconds)).await;
                call(client).await.map_err(|error| error.retry())
            }
        };
        // The first is refused after 10 s, the second after 15; the third leaves in between with the new one.
        let moved = async {
            sleep(Duration::from_secs(13)).await;
            clock.set(180);
        };
        let ((), outcomes) = tokio::join!(moved, join_all([0, 5, 12, 20].map(at)));
        let again = Err(Retry::After(Duration::from_secs(1)));
        assert_eq!(outcomes, [again, again, Ok(()), Ok(())]);
    });
    let dated: Vec<u64> = super::usersigs(&script).iter().map(|usersig| claims(usersig).time - Clock::START).collect();
    assert_eq!(dated, [0, 0, 0, 120, 120]);
}

#[test]
fn a_clock_that_is_set_back_makes_a_new_usersig() {
    let (clock, (script, oldest)) = (Clock::new(), refusing(70001, Duration::from_secs(10)));
    let client = Tencent::new(clock.config(), script.clone());
    block_on(async {
        call(&client).await.unwrap();
        clock.set(-3_600);
        call(&client).await.unwrap();
        call(&client).await.unwrap();
        // It is set back once more while a request is under way, and the vendor takes none of that time.
        oldest.store(Clock::START, Ordering::SeqCst);
        let set_back = async { clock.set(-7_200) };
        let (outcome, ()) = tokio::join!(call(&client), set_back);
        assert_eq!(
            outcome.unwrap_err().retry(),
            Retry::After(Duration::from_secs(1)),
            "by this clock nothing is young"
        );
        let error = call(&client).await.unwrap_err();
        assert_eq!((error.retry(), error.advice().contains("clock")), (Retry::Never, true));
    });
    let dated: Vec<i64> =
        super::usersigs(&script).iter().map(|usersig| claims(usersig).time as i64 - Clock::START as i64).collect();
    assert_eq!(dated, [0, -3_600, -3_600, -3_600, -7_200]);
    let before_1970 = config().with_clock(|| SystemTime::UNIX_EPOCH - Duration::from_secs(3_600));
    let script = Script::new(200, OK);
    block_on(call(&Tencent::new(before_1970, script.clone()))).unwrap();
    assert_eq!(claims(&super::usersigs(&script)[0]).time, 0);
}

#[test]
fn any_other_code_stops_at_once_and_keeps_the_usersig() {
    for line in CODES.iter().filter(|line| matches!(line.effect, Effect::Stops(_))) {
        let code = ErrorCode::from(line.code).as_i64().unwrap();
        let (clock, script) = (Clock::new(), Script::by(move |_| failure(code)));
        let client = Tencent::new(clock.config(), script.clone());
        for seconds in [0, 120, 3_600] {
            clock.set(seconds);
            let error = block_on(call(&client)).unwrap_err();
            assert_eq!((error.retry(), error.code()), (Retry::Never, Some(&code.into())));
            assert_eq!(error.advice(), line.advice);
        }
        assert_eq!(differ(&super::usersigs(&script)), 1, "another signature would not help");
    }
    let busy = Script::by(|_| failure(60007));
    let client = client(&busy);
    assert!((0..2).all(|_| block_on(call(&client)).unwrap_err().kind() == Kind::Throttled));
    assert_eq!(differ(&super::usersigs(&busy)), 1);
}
