//! A collector for each shard of a store.
//!
//! What is retired in a collector waits only for guards of that collector. So a slow reader of one shard holds back
//! nothing of the others, and `stats()` says what each shard holds.

use std::time::Duration;

use kovan::{Atomic, Collector, Handle, Ordering, Region, Shared};

struct Shard {
    collector: Collector<Region>,
    record: Atomic<u64>,
}

impl Shard {
    fn new(value: u64) -> Self {
        // A smaller batch holds less, and costs its fence and its pushes more often.
        let collector = Collector::builder().batch(32).build();
        Self { collector, record: Atomic::new(Box::into_raw(Box::new(value))) }
    }

    /// Returns the record.
    ///
    /// # Panics
    /// If the handle is another shard's: a guard of another collector protects nothing here.
    fn read(&self, handle: &Handle<Region>) -> u64 {
        assert!(*handle.collector() == self.collector, "a handle of this shard");
        let guard = handle.pin();
        let record = self.record.load(Ordering::Acquire, &guard);
        // SAFETY: loaded through a guard of the collector in which records are retired, from a place that is always
        // reachable and never null.
        *unsafe { record.deref() }
    }

    /// Replaces the record.
    ///
    /// # Panics
    /// As [`read`](Self::read).
    fn write(&self, handle: &Handle<Region>, value: u64) {
        assert!(*handle.collector() == self.collector, "a handle of this shard");
        let guard = handle.pin();
        // SAFETY: a new box. The swap makes the guard protect it from the moment on at which others can retire it.
        let new = unsafe { Shared::from_raw(Box::into_raw(Box::new(value))) };
        let old = self.record.swap(new, Ordering::AcqRel, &guard);
        // SAFETY: unlinked by the swap, and retired once, in the collector whose guards read it.
        unsafe { guard.retire(old.as_raw()) };
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        let handle = self.collector.register();
        let guard = handle.pin();
        let last = self.record.swap(Shared::null(), Ordering::AcqRel, &guard);
        // SAFETY: as in `write`.
        unsafe { guard.retire(last.as_raw()) };
    }
}

fn main() {
    let shards = [Shard::new(0), Shard::new(0)];
    // A thread registers once per collector, not once per operation.
    let handles = shards.each_ref().map(|shard| shard.collector.register());

    let slow_reader = handles[0].pin();
    for value in 1..=10_000 {
        for (shard, handle) in shards.iter().zip(&handles) {
            shard.write(handle, value);
        }
    }
    for (at, (shard, handle)) in shards.iter().zip(&handles).enumerate() {
        assert_eq!(shard.read(handle), 10_000);
        handle.flush();
        let stats = shard.collector.stats();
        println!("shard {at}: {} retired, {} unreclaimed", stats.retired, stats.unreclaimed());
    }
    assert_eq!(
        shards[0].collector.stats().freed,
        0,
        "the reader holds what is retired in its shard"
    );
    assert_eq!(
        shards[1].collector.stats().unreclaimed(),
        0,
        "nobody is in the way of the other shard"
    );

    drop(slow_reader);
    handles[0].quiesce(Duration::from_secs(1)).expect("nobody is in the way any more");
    assert_eq!(shards[0].collector.stats().unreclaimed(), 0);
    println!("shard 0 after its reader: nothing is unreclaimed");
}
