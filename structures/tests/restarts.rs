//! What restarts tell of lists: one that follows marked nodes hardly ever begins anew.

use std::sync::Barrier;
use std::thread;

use kovan_schemes::Domain;
use kovan_schemes::schemes::HpNaive;
use kovan_structures::{HarrisListScot, MichaelList, Structure, restarts};

const THREADS: u64 = 4;
const KEYS: u64 = 16;

/// Counts the restarts of threads that insert, remove and look up few keys, in so many operations of each.
fn restarts_of<S: Structure<HpNaive>>(operations: u64) -> u64 {
    let domain = Domain::new();
    let list = S::new(&domain, 0);
    let start = Barrier::new(THREADS as usize);
    let work = |thread: u64| {
        let handle = domain.register();
        let mut state = thread + 1;
        start.wait();
        for _ in 0..operations {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (key, guard) = ((state >> 32) % KEYS, handle.pin());
            match state >> 62 {
                0 => drop(list.insert(&guard, key)),
                1 => drop(list.remove(&guard, key)),
                _ => drop(list.contains(&guard, key)),
            }
        }
        restarts()
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn lists_that_follow_marked_nodes_hardly_restart() {
    const OPERATIONS: u64 = 100_000;
    let (mut michael, mut harris) = (0, 0);
    // However few processors there are, some threads are stopped on their way.
    while michael < 500 {
        michael += restarts_of::<MichaelList<u64, u64, HpNaive>>(OPERATIONS);
        harris += restarts_of::<HarrisListScot<u64, u64, HpNaive>>(OPERATIONS);
        println!("{michael} and {harris}");
    }
    assert!(harris < michael / 4, "{harris} and {michael} in as many operations");
}
