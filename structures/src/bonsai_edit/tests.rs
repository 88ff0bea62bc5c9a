//! Edits keep sizes, order and balance.

use std::collections::BTreeSet;

use kovan_schemes::{Domain, schemes};

use super::*;

type R = schemes::Epoch;

/// Checks sizes, order and balance below `at`; the height.
fn check(guard: &Guard<'_, R>, at: At<'_, u64, u64, R>, size: usize, keys: &mut Vec<u64>) -> u32 {
    // SAFETY: one thread, and a guard that protects a region.
    let Some(node) = (unsafe { at.deref() }) else {
        assert_eq!(size, 0);
        return 0;
    };
    assert_eq!(node.size(), size);
    let [left, right] = node.subs(guard);
    assert!(left.weight() <= DELTA * right.weight() && right.weight() <= DELTA * left.weight());
    let above_left = check(guard, left.at, left.size, keys);
    keys.push(node.key);
    above_left.max(check(guard, right.at, right.size, keys)) + 1
}

/// Runs updates (positive keys are inserted, negative ones removed) and checks after each.
fn run(updates: impl Iterator<Item = i64>) -> u32 {
    let domain = Domain::<R>::new();
    let handle = domain.register();
    let mut root = Atomic::null();
    let mut oracle = BTreeSet::new();
    let mut highest = 0;
    for update in updates {
        let guard = handle.pin();
        let edit = Edit::new(View::new(&guard, &root));
        let key = update.unsigned_abs();
        let changed = if update > 0 {
            edit.insert::<false>(&key, &0, None).map(|done| (done.0.is_some(), oracle.insert(key)))
        } else {
            edit.remove(&key).map(|done| (done.is_some(), oracle.remove(&key)))
        };
        let Ok((done, expected)) = changed else { panic!("nobody else changes the root") };
        assert_eq!(done, expected);
        let mut keys = Vec::new();
        let root = root.load(Relaxed, &guard);
        highest = highest.max(check(&guard, root, oracle.len(), &mut keys));
        assert!(keys.iter().eq(&oracle));
        assert_eq!(domain.meter().totals().live(), keys.len() as u64);
    }
    // SAFETY: one thread; what hangs from the root is not retired.
    domain.discard(unsafe { crate::tree::take_all(&mut root) });
    highest
}

#[test]
fn sorted_keys_stay_balanced() {
    // At most log(n) / log(4/3), where no side is heavier than three quarters.
    assert!(run(1..=1_000) <= 24);
    assert!(run((1..=1_000).rev()) <= 24);
    assert!(run((1..=500).chain((1..=500).map(|key| -key))) <= 22);
    assert!(run((1..=500).chain((1..=500).rev().map(|key| -key))) <= 22);
}

#[test]
fn random_keys_stay_balanced() {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as i64
    };
    for keys in [7, 60, 400] {
        run((0..5_000).map(|_| (next() % keys + 1) * if next() % 2 == 0 { 1 } else { -1 }));
    }
}
