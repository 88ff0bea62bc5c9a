//! What the binary search trees share: the order of keys and sentinels, and walks over trees that
//! one thread alone can reach. The walks do not recurse: the external trees are not balanced.

use std::iter;
use std::sync::atomic::Ordering::Relaxed;

use kovan_schemes::{Atomic, Domain, Owned, Reclaimer};

/// A key, or the sentinel after all keys.
#[derive(Clone)]
pub(crate) enum Bound<K> {
    Key(K),
    End,
}

impl<K: Ord> Bound<K> {
    /// The side of an external tree's node with this bound that `key` is on: 0 is left, of lesser
    /// keys.
    pub(crate) fn side(&self, key: &K) -> usize {
        match self {
            Self::Key(bound) => usize::from(key >= bound),
            Self::End => 0,
        }
    }

    pub(crate) fn key(&self) -> Option<&K> {
        match self {
            Self::Key(key) => Some(key),
            Self::End => None,
        }
    }

    pub(crate) fn is(&self, key: &K) -> bool {
        self.key() == Some(key)
    }
}

/// Of an external tree, the look-ups, from the function that finds the leaf.
macro_rules! leaf_reads {
    ($($seek:tt)+) => {
        /// The value of `key`. Lock-free; wait-free, but for the depth of the tree, where the scheme
        /// protects a region.
        #[must_use]
        pub fn get<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &K,
        ) -> Option<crate::Entry<'g, 'h, K, V, R>> {
            self.domain.check(guard);
            let place = self.$($seek)+(guard, key);
            if !place.holds(key) {
                return None;
            }
            let Place { leaf, shields, .. } = place;
            Some(crate::Entry::new(leaf.bound.key()?, leaf.value.as_ref()?, shields.leaf))
        }

        crate::structure::contains_key!();
    };
}
pub(crate) use leaf_reads;

/// `first` at `side`, and `second` at the other.
pub(crate) fn sides<T>(side: usize, first: T, second: T) -> [T; 2] {
    if side == 0 { [first, second] } else { [second, first] }
}

/// A node with two children, left and right, either of which may be null.
pub(crate) trait Branches<R: Reclaimer>: Sized {
    fn branches(&self) -> [&Atomic<Self, R>; 2];
    fn branches_mut(&mut self) -> [&mut Atomic<Self, R>; 2];
}

/// Takes the nodes of a tree one by one, parents first. The caller does not use `root` afterwards.
///
/// # Safety
/// Every node of the tree is allocated, occurs once, and no other thread can reach it.
pub(crate) unsafe fn take_all<N: Branches<R>, R: Reclaimer>(
    root: &mut Atomic<N, R>,
) -> impl Iterator<Item = Owned<N, R>> {
    let root = root.load_exclusive();
    let mut rest = if root.is_null() { Vec::new() } else { vec![root] };
    iter::from_fn(move || {
        let next = rest.pop()?;
        // SAFETY: nulls are not pushed; exclusive by this function's clause; the links are read
        // out of the node before the node is given away.
        let mut node = unsafe { next.into_owned() };
        let links = node.value_mut().branches_mut().map(Atomic::load_exclusive);
        rest.extend(links.into_iter().filter(|link| !link.is_null()));
        Some(node)
    })
}

/// What `item` makes of each node, if anything, in the order of the tree.
///
/// # Safety
/// Every node of the tree is allocated, and no other thread can reach it.
pub(crate) unsafe fn contents<N: Branches<R>, R: Reclaimer, T>(
    domain: &Domain<R>,
    root: &mut Atomic<N, R>,
    item: impl Fn(&N) -> Option<T>,
) -> Vec<T> {
    // `Atomic::load` asks for a guard. It protects nothing here, and nothing needs it.
    let handle = domain.register();
    let guard = handle.pin();
    // Relaxed: whatever made the tree exclusive synchronised with its writers. Through the
    // `'static` of `load_exclusive`: the guard's lifetime means nothing here.
    let load = |link: &Atomic<N, R>| Atomic::new(link.load(Relaxed, &guard)).load_exclusive();
    let (mut above, mut contents) = (Vec::new(), Vec::new());
    let mut at = root.load_exclusive();
    loop {
        // SAFETY: exclusive by this function's clause, so no node is freed while we read it.
        while let Some(node) = unsafe { at.deref() } {
            above.push(at);
            at = load(node.branches()[0]);
        }
        let Some(node) = above.pop() else { return contents };
        // SAFETY: as above.
        if let Some(node) = unsafe { node.deref() } {
            contents.extend(item(node));
            at = load(node.branches()[1]);
        }
    }
}
