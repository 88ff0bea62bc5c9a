//! What structures keep alive, and what room they need.

use std::sync::Arc;
use std::thread;

use kovan_schemes::{Domain, schemes::Debra};
use kovan_structures::{
    Bonsai, DoubleLinkQueue, EliminationStack, EllenTree, HarrisListScot, HashMap, MichaelList,
    MsQueue, NmTree, SegmentQueue, SkipList, TreiberStack,
};

/// Keys that were removed and are still alive: in the inner nodes of the search trees.
macro_rules! removed_keys {
    ($map:ident, $most:expr) => {{
        let domain = Domain::<Debra>::new();
        let map = $map::<Arc<u64>, (), Debra>::new(&domain);
        let handle = domain.register();
        let keys: Vec<_> = (0..1000).map(Arc::new).collect();
        keys.iter().for_each(|key| assert!(map.insert(&handle.pin(), Arc::clone(key), ())));
        let remove = |odd| {
            for key in keys.iter().filter(|key| ***key % 2 == odd) {
                assert!(map.remove(&handle.pin(), key).is_some());
            }
            (0..10).for_each(|_| handle.flush());
            assert_eq!(domain.meter().totals().unreclaimed(), 0);
            let removed = |key: &&Arc<u64>| (odd == 0 || ***key % 2 == 1) && alive(key);
            keys.iter().filter(removed).count()
        };
        let most: usize = $most;
        let kept = remove(1);
        assert!(kept <= most, "{kept} of 500 removed keys are alive beside 500 others");
        assert_eq!(remove(0), 0, "no key is left, and so no boundary between keys");
    }};
}

fn alive(key: &Arc<u64>) -> bool {
    Arc::strong_count(key) > 1
}

#[test]
fn removed_keys_may_be_boundaries_between_those_that_are_left() {
    removed_keys!(NmTree, 500);
    removed_keys!(EllenTree, 500);
    removed_keys!(SkipList, 0);
    removed_keys!(MichaelList, 0);
    removed_keys!(HarrisListScot, 0);
}

/// What an array as long as a segment cannot hold on the stack of a thread. Code that is not optimised copies a value
/// up to a dozen times on its way, so that larger ones need more room than there is, wherever they are kept.
const LARGE: usize = 32 << 10;
type Large = [u8; LARGE];

/// Runs the work with as much room as Rust gives a thread.
fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread").join().expect("room");
}

macro_rules! large_values {
    ($($queue:ident $put:ident $take:ident;)*) => {$(
        on_a_thread(|| {
            let domain = Domain::<Debra>::new();
            let queue = $queue::<Large, Debra>::new(&domain);
            let handle = domain.register();
            (0..40).for_each(|value| queue.$put(&handle.pin(), [value; LARGE]));
            for _ in 0..40 {
                let value = queue.$take(&handle.pin()).expect("as many as were put in");
                assert!(value[LARGE - 1] < 40);
            }
            queue.$put(&handle.pin(), [40; LARGE]);
        });
    )*};
}

macro_rules! large_values_in_maps {
    ($($map:ident ($($hint:literal)?);)*) => {$(
        on_a_thread(|| {
            let domain = Domain::<Debra>::new();
            let map = $map::<u64, Large, Debra>::new(&domain $(, $hint)?);
            let handle = domain.register();
            (0..40).for_each(|key| assert!(map.insert(&handle.pin(), key, [7; LARGE])));
            assert_eq!(map.get(&handle.pin(), &39).map(|value| value[LARGE - 1]), Some(7));
            for key in (0..40).step_by(3) {
                assert_eq!(map.remove(&handle.pin(), &key).map(|value| value[LARGE - 1]), Some(7));
            }
        });
    )*};
}

#[test]
fn values_may_be_large() {
    large_values! {
        SegmentQueue enqueue dequeue;
        MsQueue enqueue dequeue;
        DoubleLinkQueue enqueue dequeue;
        TreiberStack push pop;
        EliminationStack push pop;
    }
    large_values_in_maps! {
        HashMap (8);
        MichaelList ();
        SkipList ();
        Bonsai ();
        EllenTree ();
        NmTree ();
    }
}
