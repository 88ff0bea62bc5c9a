//! Readers inside removed parts of trees, and operations that meet half-way: scripted, on one thread.

#[path = "common/tree.rs"]
mod tree;

#[path = "common/kinds.rs"]
mod kinds;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use kovan_schemes::{Domain, Reclaimer, Strength, schemes};
use kovan_structures::{Bonsai, EllenTree, NmTree};

use tree::Tree;

type Script = Box<dyn FnOnce()>;

thread_local! {
    /// The keys that a traced operation was compared with.
    static TRACE: RefCell<Option<Vec<u64>>> = const { RefCell::new(None) };
    /// What happens while the traced operation is at this comparison, counted from 1.
    static AT_COMPARISON: RefCell<Option<(usize, Script)>> = const { RefCell::new(None) };
    /// What happens when a key has been found.
    static AT_FOUND: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// A key whose comparisons are traced, and interrupted by a script.
#[derive(Clone)]
struct Traced(u64);

impl PartialEq for Traced {
    fn eq(&self, other: &Self) -> bool {
        if let Some(script) = AT_FOUND.take() {
            script();
        }
        self.0 == other.0
    }
}
impl Eq for Traced {}

impl PartialOrd for Traced {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Traced {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some(mut trace) = TRACE.take() {
            trace.push(other.0);
            match AT_COMPARISON.take() {
                Some((at, script)) if at == trace.len() => script(),
                later => AT_COMPARISON.set(later),
            }
            TRACE.set(Some(trace));
        }
        self.0.cmp(&other.0)
    }
}

fn trace_with(at: usize, script: Script) {
    AT_COMPARISON.set(Some((at, script)));
    TRACE.set(Some(Vec::new()));
}

/// A value that says when it, or a copy of it, is freed.
#[derive(Clone, Default)]
struct Told(Arc<AtomicBool>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn weak<R: Reclaimer>() -> bool {
    R::FACTS.strength < Strength::Region
}

/// A search for 30 in a tree of 10 and 20 stops inside a node. Meanwhile the node is removed, a
/// younger one of 30 behind it too, and that is freed. `after` takes the place of 20, if given.
///
/// Returns what the search was compared with, and whether it found 30.
fn stop_inside<R: Reclaimer, T: Tree<Traced, Told, R>>(
    after: Option<u64>,
    dangerous: &mut u32,
) -> (Vec<u64>, bool) {
    println!("{} over {}", std::any::type_name::<T>(), R::FACTS.name);
    let domain = Domain::<R>::new();
    let tree = Rc::new(T::new(&domain));
    let handle = domain.register();
    for key in [10, 20] {
        assert!(tree.put(&handle.pin(), Traced(key), Told::default()));
    }
    let guard = handle.pin();
    let freed = Arc::new(AtomicBool::new(false));
    let script = {
        let (domain, tree, freed) = (domain.clone(), Rc::clone(&tree), Arc::clone(&freed));
        move || {
            let handle = domain.register();
            // Lets the clock of era schemes step, so that what follows is younger than the guard.
            for _ in 0..10_000 {
                let guard = handle.pin();
                guard.discard(guard.alloc(()));
            }
            assert!(tree.put(&handle.pin(), Traced(30), Told(Arc::clone(&freed))));
            assert!(tree.take(&handle.pin(), &Traced(10)));
            handle.flush();
            assert!(tree.take(&handle.pin(), &Traced(30)));
            if let Some(key) = after {
                assert!(tree.take(&handle.pin(), &Traced(20)));
                assert!(tree.put(&handle.pin(), Traced(key), Told::default()));
            }
            // Set by copies outside of the tree. What counts is the node, from here on.
            freed.store(false, Relaxed);
            for _ in 0..200 {
                handle.flush();
                drop(handle.pin());
            }
        }
    };
    trace_with(1, Box::new(script));
    let found = tree.has(&guard, &Traced(30));
    assert!(weak::<R>() || !freed.load(Relaxed), "freed in a region");
    *dangerous += u32::from(freed.load(Relaxed));
    (TRACE.take().unwrap(), found)
}

/// Counts where something was freed behind the reader.
fn readers_start_again<R: Reclaimer>([nm, ellen, bonsai]: &mut [u32; 3]) {
    // The search that starts again is not compared any more: there is but the leaf of 20. One
    // that goes on comes to 30, which was there meanwhile; in the first tree its flag tells that it
    // has gone again.
    let keys = if weak::<R>() { vec![20] } else { vec![20, 30] };
    assert_eq!(stop_inside::<R, NmTree<_, _, R>>(None, nm), (keys.clone(), false));
    assert_eq!(stop_inside::<R, EllenTree<_, _, R>>(None, ellen), (keys, !weak::<R>()));
    // The root was 10, above 20. It is 40, or of no concern.
    let second = if weak::<R>() { 40 } else { 20 };
    assert_eq!(stop_inside::<R, Bonsai<_, _, R>>(Some(40), bonsai), (vec![10, second], false));
}

/// A removal of 20 flags its leaf, finds its anchor gone, and has set the tag when it tries again.
/// Inside that second search a removal of 40 takes out the chain of both, and frees it.
fn chain_is_retired_once<R: Reclaimer>() {
    println!("over {}", R::FACTS.name);
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let tree = Rc::new(NmTree::<Traced, Told, R>::new(&domain));
    let handle = domain.register();
    for key in [10, 20, 30, 40] {
        assert!(tree.insert(&handle.pin(), Traced(key), Told::default()));
    }
    let remove = |key| {
        let (domain, tree, meter) = (domain.clone(), Rc::clone(&tree), meter.clone());
        move |nodes| {
            let handle = domain.register();
            let before = meter.totals().retired;
            assert!(tree.remove(&handle.pin(), &Traced(key)).is_some());
            assert_eq!(meter.totals().retired - before, nodes);
            (0..200).for_each(|_| handle.flush());
        }
    };
    let (first, second) = (remove(10), remove(40));
    AT_FOUND.set(Some(Box::new(move || {
        // The node above that of 20, and so its anchor. The leaf is flagged after this.
        first(2);
        // Compared in the search after the vain attempt.
        trace_with(1, Box::new(move || second(4)));
    })));
    assert!(tree.remove(&handle.pin(), &Traced(20)).is_some());
    // Then the search starts again, or, in a region, meets the leaf, for another vain attempt. There is
    // nothing left on the way to compare with.
    assert_eq!(TRACE.take().unwrap(), [30]);
    // The leaf of 30, the sentinel, and the node above them.
    assert_eq!((meter.totals().retired, meter.totals().live()), (6, 3));
    assert!(tree.contains_key(&handle.pin(), &Traced(30)));
    drop((tree, handle, domain));
    let end = meter.totals();
    assert_eq!(end.live(), 0);
    // Not promised is not forbidden.
    assert!(end.freed == 6 || !R::FACTS.frees_on_drop && end.freed < 6, "{end:?}");
}

/// Counts what an operation allocates and retires: every node and record once.
fn each_record_is_retired_once<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let tree = EllenTree::<u64, u64, R>::new(&domain);
    let (meter, handle) = (domain.meter(), domain.register());
    let guard = handle.pin();
    let step = |operation: &dyn Fn() -> bool, allocated, retired| {
        let before = meter.totals();
        assert!(operation());
        let after = meter.totals();
        let counted = (after.allocated - before.allocated, after.retired - before.retired);
        assert_eq!(counted, (allocated, retired));
    };
    // A leaf, the copy of its neighbour, their parent, and a record; for the neighbour. Each
    // record is the first of its home.
    step(&|| tree.insert(&guard, 10, 0), 4, 1);
    step(&|| tree.insert(&guard, 20, 0), 4, 1);
    step(&|| tree.insert(&guard, 30, 0), 4, 1);
    // At the home of the record of 30, which goes.
    step(&|| tree.insert(&guard, 15, 0), 4, 2);
    // The parent of 20 and 30 has no record; above it is that of 15.
    step(&|| tree.remove(&guard, &30).is_some(), 1, 3);
    // The parent of 10 and 15 has none; above it is that of the removal of 30.
    step(&|| tree.remove(&guard, &15).is_some(), 1, 3);
    // The parent of 10 and 20 has that of the removal of 15, above it is that of 20.
    step(&|| tree.remove(&guard, &20).is_some(), 1, 4);
    // The parent of 10 has that of the removal of 20, the root that of 10.
    step(&|| tree.remove(&guard, &10).is_some(), 1, 4);
    step(&|| tree.remove(&guard, &10).is_none(), 0, 0);
    // The root, the sentinel, and the record of the last removal.
    assert_eq!(meter.totals().live(), 3);
    drop(guard);
    drop((tree, handle, domain));
    assert_eq!(meter.totals().live(), 0);
    assert!(!R::FACTS.frees_on_drop || meter.totals().unreclaimed() == 0);
}

macro_rules! over_schemes {
    ([$($scheme:ident : $strength:ident,)*]) => {
        #[test]
        fn readers_inside_removed_parts_start_again() {
            let mut dangerous = [0; 3];
            $(readers_start_again::<schemes::$scheme>(&mut dangerous);)*
            // Which of the weaker schemes free at once is their affair, but some do.
            assert!(!dangerous.contains(&0), "{dangerous:?}");
        }
        #[test]
        fn a_chain_of_removals_is_retired_once() {
            $(chain_is_retired_once::<schemes::$scheme>();)*
        }
        #[test]
        fn a_record_is_retired_once() {
            $(each_record_is_retired_once::<schemes::$scheme>();)*
        }
    };
}
kinds::for_each_kind!(over_schemes [Epoch: region, Crystalline: pointer,]);
