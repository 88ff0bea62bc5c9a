//! Batches that wait to be freed: the owner adds and takes, others take all of them.

use std::boxed::Box;
use std::sync::Arc;

use loom::thread;

use super::check;
use super::slot::Node;
use crate::batch::{Batch, List};
use crate::free_queue::FreeQueue;

struct Shared {
    queue: FreeQueue,
    nodes: [Node; 3],
}

// SAFETY: the owner's part of the queue is used by one thread; loom checks the cells of the nodes.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Shared {
    fn add(&self, node: usize) {
        self.nodes[node].retire();
        self.queue.add(self.nodes[node].batch());
    }
}

fn free(mut list: List) {
    while let Some(batch) = list.take() {
        free_one(batch);
    }
}

fn free_one(mut batch: Box<Batch>) {
    // SAFETY: it has one node, which is retired once.
    unsafe { batch.pop(0).free() };
}

/// Every batch is taken once, with what is in it, by the owner or by one that flushes.
#[test]
fn owner_against_flush() {
    check(4, || {
        let shared =
            Arc::new(Shared { queue: FreeQueue::new(), nodes: [(); 3].map(|()| Node::new()) });
        shared.add(0);
        let other = Arc::clone(&shared);
        let flush = thread::spawn(move || free(other.queue.steal()));
        shared.add(1);
        shared.queue.take_whole().into_iter().for_each(free_one);
        shared.add(2);
        flush.join().expect("no panic");
        while let Some(batch) = shared.queue.take() {
            free_one(batch);
        }
        shared.nodes.iter().for_each(Node::expect_freed_once);
    });
}
