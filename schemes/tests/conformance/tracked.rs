//! The oracle: values that know whether they were dropped, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a value holds while it is alive. Overwritten by the drop, so a read of a freed node is
/// noticed while the memory was not reused, and AddressSanitizer sees the rest.
const ALIVE: u64 = 0x00A1_1FE0_00A1_1FE0;
const DEAD: u64 = 0xDEAD_DEAD_DEAD_DEAD;

/// Counts the drops of a set of values.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn value(&self) -> Tracked {
        self.make(false)
    }

    pub(crate) fn panicking(&self) -> Tracked {
        self.make(true)
    }

    fn make(&self, panics: bool) -> Tracked {
        Tracked { canary: AtomicU64::new(ALIVE), drops: self.clone(), panics }
    }
}

/// A value that is dropped once.
pub(crate) struct Tracked {
    canary: AtomicU64,
    drops: Drops,
    panics: bool,
}

impl Tracked {
    pub(crate) fn is_alive(&self) -> bool {
        self.canary.load(Ordering::SeqCst) == ALIVE
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let before = self.canary.swap(DEAD, Ordering::SeqCst);
        self.drops.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(before, ALIVE, "dropped twice");
        assert!(!self.panics, "a destructor that panics, as the test wants");
    }
}
