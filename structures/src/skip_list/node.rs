//! Nodes of the skip list: their links, marks and counts.

use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared, Shield};

use crate::bucket::{self, MARK};
use crate::chain::Link;
use crate::guarded::Entry;
use crate::steps::Pair;
use crate::structure::{Key, Value};

/// Levels. One node in four is a level higher, so this is enough for 4^12 keys.
pub(super) const LEVELS: usize = 12;
/// Levels whose links are in each node, whether it is so high or not: a step at these reads one line
/// of the cache less.
const LOW: usize = 5;

pub(super) type Ptr<'g, K, V, R> = Shared<'g, Node<K, V, R>, R>;
/// The place on one level; its node is unmarked there.
pub(super) type Place<'g, 'h, K, V, R> = bucket::Place<'g, 'h, Node<K, V, R>, R>;
pub(super) type Slot<K, V, R> = Atomic<Node<K, V, R>, R>;

/// In this order, so that what a step of a search reads is together: the key and the low links.
#[repr(C)]
pub(super) struct Node<K, V, R: Reclaimer> {
    pub(super) key: K,
    /// The links of the first levels.
    low: [Slot<K, V, R>; LOW],
    pub(super) value: V,
    /// Those of the other levels, if it has any: one node in 1,024 does.
    high: Option<Box<[Slot<K, V, R>; LEVELS - LOW]>>,
    /// Levels it is linked at, and one for its inserter until that is done.
    pub(super) links: AtomicU8,
    /// Levels it has.
    height: u8,
}

impl<K, V, R: Reclaimer> Link<R> for Node<K, V, R> {
    fn link(&self) -> &Atomic<Self, R> {
        &self.low[0]
    }
    fn link_mut(&mut self) -> &mut Atomic<Self, R> {
        &mut self.low[0]
    }
}

impl<K, V, R: Reclaimer> Pair<R> for Node<K, V, R> {
    type Key = K;
    type Value = V;
    fn pair(&self) -> (&K, &V) {
        (&self.key, &self.value)
    }
}

impl<K, V, R: Reclaimer> Node<K, V, R> {
    /// A node that its inserter is to link at the bottom.
    pub(super) fn new(key: K, value: V, height: usize) -> Self {
        let high = (height > LOW).then(|| Box::new([const { Atomic::null() }; LEVELS - LOW]));
        // Two: the bottom level, and this inserter.
        let links = AtomicU8::new(2);
        let low = [const { Atomic::null() }; LOW];
        Self { key, low, value, high, links, height: height as u8 }
    }

    /// The entry of this node, which `shield` protects.
    pub(super) fn entry<'g, 'h>(&'g self, shield: Shield<'h, R>) -> Entry<'g, 'h, K, V, R> {
        Entry::new(&self.key, &self.value, shield)
    }

    /// What is in a node that nobody else can reach, unless it was removed.
    pub(super) fn into_item(mut self) -> Option<(K, V)> {
        let removed = self.low[0].load_exclusive().tag() == MARK;
        (!removed).then_some((self.key, self.value))
    }

    /// The levels above the bottom.
    pub(super) fn upper(&self) -> Range<usize> {
        1..self.height.into()
    }

    pub(super) fn at(&self, level: usize) -> &Slot<K, V, R> {
        match &self.high {
            Some(high) if level >= LOW => &high[level - LOW],
            _ => &self.low[level],
        }
    }
}

/// Marks a link; false if it was marked before.
pub(super) fn mark<K, V, R: Reclaimer>(guard: &Guard<'_, R>, link: &Slot<K, V, R>) -> bool {
    let mut next = link.load(Acquire, guard);
    while next.tag() != MARK {
        match link.compare_exchange(next, next.with_tag(MARK), guard) {
            Ok(_) => return true,
            Err(now) => next = now,
        }
    }
    false
}

/// Takes one off the count of `node`, and retires it if that was the last.
///
/// # Safety
/// The one is the caller's: of a level that it unlinked the node from, or the inserter's. No
/// reference to the node is used afterwards, unless it is protected.
pub(super) unsafe fn release<K: Key, V: Value, R: Reclaimer>(
    guard: &Guard<'_, R>,
    shared: Ptr<'_, K, V, R>,
) {
    // SAFETY: not null, and not retired while it counts the caller's one; not used after that.
    let Some(node) = (unsafe { shared.deref() }) else { return };
    // AcqRel: the unlinks of the others come before the retirement by the last.
    if node.links.fetch_sub(1, AcqRel) == 1 {
        guard.retire_value(Some(&node.value));
        // SAFETY: 1: not null; allocated in the domain of the list, which is the guard's; retired
        // by the one that took off the last, and it never comes back: only the inserter adds, and
        // its own was among those taken off. 2: no level links to it, and nobody will link it.
        unsafe { guard.retire(shared) };
    }
}

/// Geometric with parameter 1/4, at most [`LEVELS`].
pub(super) fn random_height() -> usize {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    STATE.with(|state| {
        let seed = ptr::from_ref(state).addr() as u64 | 1;
        // xorshift64: never zero again, so zero means unseeded.
        let mut x = if state.get() == 0 { seed } else { state.get() };
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        // The high bits of a product: those of the state itself are regular at first.
        let bits = x.wrapping_mul(0x2545_F491_4F6C_DD1D).leading_zeros() as usize;
        (1 + bits / 2).min(LEVELS)
    })
}
