//! The index against a map: whatever happens in whatever order, it never says of a value that is not there that it is.

use std::collections::HashMap;
use std::time::Duration;

use contact_sink_core::{ContactUpdate, Subject};
use contact_sink_journal::{Index, IndexOptions};
use proptest::prelude::*;

use crate::{Place, at, contact, list, update, user};

const REFRESH: u64 = 1_000;
const FIELDS: [&str; 3] = ["mobile", "email", "groups"];

/// What happens to an index. An update is a subject and, for each field, a value or none.
#[derive(Debug, Clone)]
enum Step {
    Ask(Update),
    /// Looked up ahead. It is used, if it may be, after each later step.
    Find(Update),
    /// These leave together, and so many of each one's fields are accepted.
    Send(Vec<(Update, usize)>),
    Wait(u64),
    SetBack(u64),
    Flush,
    Reopen,
    /// As a kill leaves the files.
    Kill,
}

type Update = (usize, [Option<usize>; 3]);

/// The value of each field of each subject, and when it was accepted, several times perhaps.
#[derive(Default, Clone)]
struct Model(HashMap<(usize, usize), (usize, Vec<u64>)>);

impl Model {
    fn has(&self, (subject, fields): &Update, now: u64) -> bool {
        let recent = |accepted: u64| if accepted > now { accepted - now <= 3600 } else { now - accepted <= REFRESH };
        let mut set = fields.iter().enumerate().filter_map(|(field, value)| Some((field, (*value)?))).peekable();
        set.peek().is_some()
            && set.all(|(field, value)| {
                self.0
                    .get(&(*subject, field))
                    .is_some_and(|(known, accepted)| *known == value && accepted.iter().any(|time| recent(*time)))
            })
    }
}

impl Model {
    /// Forgets what this may change.
    fn differs(&mut self, (of, fields): &Update) {
        let differs = |field: usize, known: usize| fields[field].is_some_and(|value| value != known);
        self.0.retain(|(subject, field), (known, _)| subject != of || !differs(*field, *known));
    }
}

fn subject(nth: usize) -> Subject {
    match nth {
        0 => user("1001"),
        1 => user("1002"),
        2 => user("另一个"),
        3 => contact("1001", "1002"),
        4 => contact("1001", "1003"),
        _ => contact("1002", "1001"),
    }
}

fn real((of, fields): &Update) -> ContactUpdate {
    let set = fields.iter().zip(FIELDS).filter_map(|(value, field)| Some(((*value)?, field)));
    set.fold(ContactUpdate::new(subject(*of)), |all, (value, field)| {
        let one = match value {
            0 => update(subject(*of), [(field, "a".into())]),
            1 => update(subject(*of), [(field, list(["a"]))]),
            _ => update(subject(*of), [(field, list(["a", "b"]))]),
        };
        let (field, value) = one.fields()[0].clone();
        all.with(field, value).unwrap()
    })
}

fn updates() -> impl Strategy<Value = Update> {
    (0..6_usize, proptest::array::uniform3(proptest::option::of(0..3_usize)))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => updates().prop_map(Step::Ask),
        4 => updates().prop_map(Step::Find),
        6 => proptest::collection::vec((updates(), 0..4_usize), 1..4).prop_map(Step::Send),
        1 => (0..800_u64).prop_map(Step::Wait),
        1 => (0..8_000_u64).prop_map(Step::SetBack),
        2 => Just(Step::Flush),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ];
    proptest::collection::vec(step, 1..60)
}

fn options() -> IndexOptions {
    IndexOptions::default().with_refresh(Duration::from_secs(REFRESH))
}

/// All that the index knows must be so; and after nothing was lost it must know all.
fn compare(index: &mut Index, update: &Update, now: u64, vendor: &Model, known: &Model) -> Result<(), TestCaseError> {
    let has = index.has(&real(update), at(now)).unwrap();
    prop_assert!(!has || vendor.has(update, now), "it invents");
    prop_assert!(has || !known.has(update, now), "it forgets");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_index_never_says_more_than_it_was_told_and_loses_only_what_was_not_flushed(steps in steps()) {
        let mut place = Place::new();
        let mut index = place.open_with(options());
        // `vendor` has all that was accepted; `known` what the index must still have; `safe` what it must have after a kill.
        let (mut vendor, mut known, mut safe) = (Model::default(), Model::default(), Model::default());
        let (mut now, mut found_ahead) = (10_000, Vec::new());
        for step in steps {
            match step {
                Step::Ask(update) => {
                    compare(&mut index, &update, now, &vendor, &known)?;
                    // It expects that this leaves, and may forget what differs before it does.
                    known.differs(&update);
                    safe.differs(&update);
                }
                Step::Find(update) => {
                    let found = index.look_ahead().unwrap().find([&real(&update)], at(now)).unwrap();
                    prop_assert!(found[0].is_some() || !safe.has(&update, now), "it does not find");
                    found_ahead.extend(found[0].map(|found| (update, found)));
                }
                Step::Send(batch) => {
                    let leaving: Vec<ContactUpdate> = batch.iter().map(|(update, _)| real(update)).collect();
                    for (update, _) in &batch {
                        index.has(&real(update), at(now)).unwrap();
                    }
                    index.forget(&leaving).unwrap();
                    for (update, accepted) in batch {
                        // Here, and only here, a subject may leave twice in one batch.
                        index.forget(&[real(&update)]).unwrap();
                        for model in [&mut vendor, &mut known, &mut safe] {
                            model.differs(&update);
                        }
                        let (of, fields) = update;
                        let mut stored = (of, [None; 3]);
                        let set = fields.iter().enumerate().filter(|(_, value)| value.is_some());
                        for (field, value) in set.take(accepted) {
                            stored.1[field] = *value;
                            let (field, value) = ((of, field), value.unwrap());
                            // After a kill the file may hold an earlier time than the last.
                            vendor.0.entry(field).or_insert((value, Vec::new())).1.push(now);
                            known.0.insert(field, (value, vec![now]));
                        }
                        index.remember(&real(&stored), at(now)).unwrap();
                    }
                }
                Step::Wait(seconds) => now += seconds,
                Step::SetBack(seconds) => now = now.saturating_sub(seconds),
                Step::Flush => {
                    index.flush().unwrap();
                    safe = known.clone();
                }
                Step::Reopen => {
                    index.flush().unwrap();
                    safe = known.clone();
                    found_ahead.clear();
                    drop(index);
                    index = place.open_with(options());
                }
                Step::Kill => {
                    let killed = place.killed();
                    found_ahead.clear();
                    drop(index);
                    place = killed;
                    index = place.open_with(options());
                    known = safe.clone();
                }
            }
            for (update, found) in &found_ahead {
                prop_assert!(!index.still_has(found, at(now)) || vendor.has(update, now), "it was sent since");
            }
        }
        for subject in 0..6 {
            for field in 0..3 {
                for value in 0..3 {
                    let mut update = (subject, [None; 3]);
                    update.1[field] = Some(value);
                    compare(&mut index, &update, now, &vendor, &known)?;
                }
            }
        }
    }
}
