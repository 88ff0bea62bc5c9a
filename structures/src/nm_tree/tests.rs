//! Two removals of siblings.

use std::rc::Rc;

use kovan_schemes::{Domain, Reclaimer, for_each_scheme};

use super::NmTree;
use crate::pause::{self, over_every_scheme};

/// Of two siblings that are both being removed, the one that is lifted keeps its flag.
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
    for_each_scheme!(over_every_scheme flag_is_lifted);
}
