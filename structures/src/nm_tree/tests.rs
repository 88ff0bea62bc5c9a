//! Removals that meet others.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use kovan_schemes::{Domain, Guard, Reclaimer};

use super::NmTree;
use crate::pause::{self, over_each_kind};

/// A node that is lifted while both siblings are being removed keeps its flag.
fn flag_is_lifted<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let meter = domain.meter();
    let tree = Rc::new(NmTree::<u64, u64, R>::new(&domain));
    let handle = domain.register();
    for key in [10, 20] {
        assert!(tree.insert(&handle.pin(), key, key));
    }
    let others = (Rc::clone(&tree), domain.clone());
    pause::set("leaf is flagged", move || {
        let (tree, domain) = others;
        let handle = domain.register();
        assert!(tree.remove(&handle.pin(), &20).is_some());
        assert!(!tree.contains_key(&handle.pin(), &10), "its flag has removed it");
    });
    assert!(tree.remove(&handle.pin(), &10).is_some());
    assert!(pause::done());
    assert!(!tree.contains_key(&handle.pin(), &10));
    assert_eq!((meter.totals().retired, meter.totals().live()), (4, 1), "over {}", R::FACTS.name);
    assert!(tree.insert(&handle.pin(), 30, 30));
}

#[test]
fn a_flag_is_lifted_with_its_leaf() {
    over_each_kind!(flag_is_lifted);
}

/// A key that tells in how many places it is.
#[derive(Clone)]
struct Counted(u64, #[expect(dead_code, reason = "its copies are counted")] Arc<()>);

impl Borrow<u64> for Counted {
    fn borrow(&self) -> &u64 {
        &self.0
    }
}
impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Counted {}
impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// Removes a key, and panics when the edge to the sibling is tagged: others are to unlink the leaf.
fn remove_halfway<R: Reclaimer>(tree: &NmTree<Counted, u64, R>, guard: &Guard<'_, R>, key: u64) {
    pause::set("sibling is tagged", || resume_unwind(Box::new(())));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(tree.remove(guard, &key)))).is_err());
}

/// Two removals have left a chain of three, which nobody holds. A search has gone through it when a third
/// removal takes it out. The top of the chain must stay allocated as long as the search holds its place:
/// another node at its address would be taken for it.
fn top_of_a_chain_is_kept<R: Reclaimer>() {
    let domain = Domain::<R>::new();
    let tree = NmTree::<Counted, u64, R>::new(&domain);
    let (reader, writer) = (domain.register(), domain.register());
    let counted = Arc::new(());
    for key in [100, 10, 20, 30, 40, 50] {
        let count = if key == 30 { Arc::clone(&counted) } else { Arc::default() };
        assert!(tree.insert(&writer.pin(), Counted(key, count), key));
    }
    remove_halfway(&tree, &writer.pin(), 30);
    remove_halfway(&tree, &writer.pin(), 20);
    let guard = reader.pin();
    let place = tree.locate(&guard, &50);
    assert!(place.successor != place.parent_at, "the search went through a chain");
    assert!(tree.remove(&writer.pin(), &40).is_some());
    (0..10).for_each(|_| writer.flush());
    // The test's own, and the bound of the top. The leaf of the key is freed, or not yet.
    assert!(Arc::strong_count(&counted) >= 2, "over {}: the top is freed", R::FACTS.name);
    drop(place);
    assert_eq!(tree.iter(&guard).map(|entry| *entry).collect::<Vec<_>>(), [10, 50, 100]);
}

#[test]
fn the_top_of_a_chain_is_kept() {
    over_each_kind!(top_of_a_chain_is_kept);
}
