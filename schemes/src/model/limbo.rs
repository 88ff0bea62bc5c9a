//! The lists of threads that go, without a scheme.

use std::sync::Arc;

use loom::thread;

use super::world::check;
use crate::node::Node;
use crate::parts::limbo::{Erased, Garbage, Limbo, Orphans};

/// Leaves a node to others, where no scan is due.
fn depart(orphans: &Arc<Orphans<()>>) {
    let limbo = Limbo::new(orphans, 10);
    let node = Box::into_raw(Box::new(Node::new((), ())));
    limbo.push(Garbage { node: Erased::new(node), stamp: () });
    limbo.depart(|| unreachable!("two nodes make no scan due"));
}

/// Two owners that go at the same time: both nodes are left, in one list. The bounds count on it.
#[test]
fn depart_against_depart() {
    check(4, || {
        let orphans = Arc::new(Orphans::default());
        let other = Arc::clone(&orphans);
        let leaver = thread::spawn(move || depart(&other));
        depart(&orphans);
        leaver.join().expect("no panic");
        let mut orphans = Arc::into_inner(orphans).expect("threads are joined");
        assert_eq!(orphans.count(), 1);
        let mut left = Vec::new();
        orphans.adopt(&mut left);
        assert_eq!(left.len(), 2);
        for garbage in left {
            // SAFETY: from `Box::into_raw` in `depart`; nobody else is left.
            drop(unsafe { Box::from_raw(garbage.node.address().cast::<Node<(), ()>>()) });
        }
    });
}
