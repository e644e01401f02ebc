//! What is promised about the store in memory. Time is a number that a test sets; nothing sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::session::exchange::new_identifier;

/// A store whose clock shows the seconds that the test has set.
fn store(sessions: usize) -> (MemorySessions, Arc<AtomicU64>) {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&seconds);
    (MemorySessions::with_clock(sessions, move || at(clock.load(Ordering::Relaxed))), seconds)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn touched(seconds: u64) -> Change {
    Change {
        is_new: false,
        creation_time: at(0),
        last_accessed_time: at(seconds),
        max_inactive_interval: None,
        set: BTreeMap::new(),
        removed: BTreeSet::new(),
    }
}

fn begun(seconds: u64, interval: u64) -> Change {
    let interval = Some(Duration::from_secs(interval));
    Change { is_new: true, max_inactive_interval: interval, ..touched(seconds) }
}

fn setting(name: &str, value: Value) -> Change {
    Change { set: BTreeMap::from([(name.to_owned(), value)]), ..touched(0) }
}

/// The answer of a store that answers at once.
fn now<T>(answer: Answer<'_, T>) -> T {
    match answer {
        Answer::Ready(answer) => answer.expect("no error"),
        Answer::Pending(_) => panic!("a store in memory answers at once"),
    }
}

fn attributes(store: &MemorySessions, id: &str) -> Option<Value> {
    now(store.load(id)).map(|record| json!(*record.attributes))
}

#[test]
fn what_is_saved_is_loaded_without_being_copied() {
    let (store, _) = store(10);
    assert_eq!(now(store.load("a")), None);
    assert!(now(store.save("a", Change { set: setting("k", json!(1)).set, ..begun(0, 60) })));
    let (one, two) = (now(store.load("a")).expect("record"), now(store.load("a")).expect("record"));
    assert_eq!(one.attributes["k"], 1);
    assert!(Arc::ptr_eq(&one.attributes, &two.attributes));
    assert!(now(store.save("a", setting("k", json!(2)))));
    assert_eq!(one.attributes["k"], 1, "what was loaded stays as it was");
    assert_eq!(attributes(&store, "a"), Some(json!({"k": 2})));
}

#[test]
fn overlapping_requests_keep_each_others_changes() {
    let (store, _) = store(10);
    now(store.save("a", Change { set: setting("old", json!(0)).set, ..begun(5, 60) }));
    now(store.save(
        "a",
        Change { max_inactive_interval: Some(Duration::from_secs(7)), ..setting("one", json!(1)) },
    ));
    now(store.save("a", Change { removed: BTreeSet::from(["old".to_owned()]), ..setting("two", json!(2)) }));
    assert_eq!(attributes(&store, "a"), Some(json!({"one": 1, "two": 2})));
    let record = now(store.load("a")).expect("record");
    assert_eq!(record.max_inactive_interval, Duration::from_secs(7));
    assert_eq!(record.last_accessed_time, at(5), "an earlier access does not undo a later one");
}

#[test]
fn a_session_that_has_been_removed_is_not_revived_by_a_request_under_way() {
    let (store, _) = store(10);
    now(store.save("a", begun(0, 60)));
    now(store.remove("a"));
    assert!(!now(store.save("a", setting("user", json!("late")))));
    assert_eq!(now(store.load("a")), None);
    now(store.remove("a"));
}

#[test]
fn a_session_expires_when_its_interval_has_passed_since_the_last_request() {
    let (store, clock) = store(10);
    now(store.save("a", begun(0, 60)));
    clock.store(59, Ordering::Relaxed);
    now(store.save("a", touched(59)));
    clock.store(118, Ordering::Relaxed);
    assert!(now(store.load("a")).is_some(), "each request begins the interval anew");
    clock.store(119, Ordering::Relaxed);
    assert_eq!(now(store.load("a")), None);
    assert!(store.is_empty());
}

#[test]
fn a_clock_that_is_set_back_expires_nothing() {
    let (store, clock) = store(10);
    now(store.save("a", begun(1000, 60)));
    clock.store(10, Ordering::Relaxed);
    assert!(now(store.load("a")).is_some());
}

#[test]
fn every_call_takes_two_expired_sessions_away() {
    let (store, clock) = store(100);
    for id in 0..10 {
        now(store.save(&format!("{id}"), begun(0, 60)));
    }
    clock.store(60, Ordering::Relaxed);
    now(store.load("unknown"));
    assert_eq!(store.len(), 8);
    now(store.save("new", begun(60, 60)));
    assert_eq!(store.len(), 7);
    for _ in 0..3 {
        now(store.load("unknown"));
    }
    assert_eq!(store.len(), 1);
    assert!(now(store.load("new")).is_some());
}

#[test]
fn an_expired_session_behind_one_that_lasts_longer_is_not_answered() {
    let (store, clock) = store(10);
    now(store.save("long", begun(0, 1000)));
    now(store.save("short", begun(0, 10)));
    clock.store(10, Ordering::Relaxed);
    assert_eq!(now(store.load("short")), None);
    assert!(now(store.load("long")).is_some());
}

#[test]
fn the_least_recently_used_session_makes_room() {
    let (store, _) = store(3);
    for id in ["a", "b", "c"] {
        now(store.save(id, begun(0, 60)));
    }
    now(store.save("a", touched(1)));
    now(store.save("d", begun(1, 60)));
    assert_eq!(store.len(), 3);
    assert_eq!(now(store.load("b")), None);
    assert!(now(store.load("a")).is_some());
}

#[test]
fn the_number_of_sessions_stays_within_the_bound() {
    for bound in [0, 1, 7, 1023, 1024, 2000] {
        let (store, _) = store(bound);
        for _ in 0..3000 {
            let id = new_identifier().expect("random numbers");
            now(store.save(&id, begun(0, 60)));
            assert!(now(store.load(&id)).is_some());
        }
        assert!(store.len() <= bound.max(1), "{} of {bound}", store.len());
        assert!(store.len() >= bound * 9 / 10, "{} of {bound}", store.len());
    }
}

#[test]
fn a_renamed_session_is_there_under_its_new_name_only() {
    let (store, _) = store(2000);
    now(store.save("a0", Change { set: setting("k", json!(1)).set, ..begun(0, 60) }));
    now(store.rename("a0", "b1"));
    assert_eq!(attributes(&store, "a0"), None);
    assert_eq!(attributes(&store, "b1"), Some(json!({"k": 1})));
    now(store.rename("unknown", "c2"));
    assert_eq!(attributes(&store, "c2"), None);
}

#[test]
fn identifiers_of_any_form_find_a_shard() {
    let (store, _) = store(2000);
    for id in ["", "z", "中", "A", "f"] {
        assert!(now(store.save(id, begun(0, 60))));
        assert!(now(store.load(id)).is_some());
    }
}

#[test]
fn threads_at_work_on_the_same_sessions_lose_no_change() {
    const THREADS: usize = 8;
    const SESSIONS: usize = 50;
    let (store, _) = store(2000);
    let ids: Vec<String> = (0..SESSIONS).map(|_| new_identifier().expect("random numbers")).collect();
    for id in &ids {
        now(store.save(id, begun(0, 60)));
    }
    thread::scope(|scope| {
        for worker in 0..THREADS {
            let (store, ids) = (&store, &ids);
            scope.spawn(move || {
                for id in ids {
                    assert!(now(store.load(id)).is_some());
                    assert!(now(store.save(id, setting(&format!("w{worker}"), json!(worker)))));
                    let passing = format!("{worker}{id}");
                    now(store.save(&passing, begun(0, 60)));
                    now(store.rename(&passing, &format!("r{passing}")));
                    now(store.remove(&format!("r{passing}")));
                }
            });
        }
    });
    assert_eq!(store.len(), SESSIONS);
    for id in &ids {
        assert_eq!(now(store.load(id)).expect("record").attributes.len(), THREADS);
    }
}
