//! What the binary search trees share: the order of keys and sentinels, and walks over trees that
//! one thread alone can reach. The walks do not recurse: the external trees are not balanced.

use std::borrow::Borrow;
use std::iter;
use std::sync::atomic::Ordering::Relaxed;
use std::vec;

use kovan_schemes::{Atomic, Domain, Owned, Reclaimer};

/// A key, or the sentinel after all keys.
#[derive(Clone)]
pub(crate) enum Bound<K> {
    Key(K),
    End,
}

impl<K> Bound<K> {
    /// The side of an external tree's node with this bound that `key` is on: 0 is left, of lesser
    /// keys.
    pub(crate) fn side<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        match self {
            Self::Key(bound) => usize::from(key >= bound.borrow()),
            Self::End => 0,
        }
    }

    pub(crate) fn key(&self) -> Option<&K> {
        match self {
            Self::Key(key) => Some(key),
            Self::End => None,
        }
    }

    pub(crate) fn is<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.key().is_some_and(|at| at.borrow() == key)
    }

    pub(crate) fn into_key(self) -> Option<K> {
        match self {
            Self::Key(key) => Some(key),
            Self::End => None,
        }
    }
}

/// Makes the look-ups of an external tree, from the function that finds the leaf for a key, of which it
/// is told the side that the key is on.
macro_rules! leaf_reads {
    ($($descend:tt)+) => {
        map_interface!();
        cursor_interface! {
            "A step of it is not one moment: a key that is inserted while the next one is removed may be passed by."
        }
        iterate_interface!(
            "in ascending order of their keys, with a search from the root for each",
            std::ops::Bound::<&K>::Unbounded
        );

        fn find<'g, 'h, Q: Ord + ?Sized>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &Q,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
        {
            let place = self.$($descend)+(guard, |bound| bound.side(key), |_| ());
            place.found(key).ok()
        }

        /// Searches for the leaf at the bound. If that is not within, its range is empty: no key lies
        /// between the bound and the node where the search last turned left. So it goes on there.
        fn seek<'g, 'h, Q: Ord + ?Sized>(
            &'g self,
            guard: &'g Guard<'h, R>,
            bound: std::ops::Bound<&Q>,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
        {
            use std::ops::Bound::{Excluded, Included, Unbounded};
            use std::ops::RangeBounds;
            let mut own: Option<K> = None;
            loop {
                let from = own.as_ref().map_or(bound, |key| Included(key.borrow()));
                let side = |at: &$crate::tree::Bound<K>| match from {
                    Included(key) | Excluded(key) => at.side(key),
                    Unbounded => 0,
                };
                // A copy: the search protects the node at this moment only, and may find it removed.
                let mut turn = None;
                let place = self.$($descend)+(guard, side, |at| turn = at.key().cloned());
                if place.key().is_some_and(|key| (from, Unbounded).contains(key.borrow())) {
                    return place.into_entry();
                }
                own = Some(turn?);
            }
        }

        search_steps!();
    };
}
pub(crate) use leaf_reads;

/// Makes the functions that return the entry at the place of a leaf in an external tree, from its `key`.
macro_rules! place_entries {
    () => {
        /// The entry of the leaf with its shield. The other shields are given back.
        fn into_entry(self) -> Option<Entry<'g, 'h, K, V, R>> {
            self.leaf.entry(self.shields.leaf)
        }

        /// The entry of `key`, or the place, if the key is not there.
        fn found<Q>(self, key: &Q) -> Result<Entry<'g, 'h, K, V, R>, Self>
        where
            K: Borrow<Q>,
            Q: Eq + ?Sized,
        {
            if self.key().is_some_and(|at| at.borrow() == key)
                && let (Some(key), Some(value)) = (self.leaf.bound.key(), &self.leaf.value)
            {
                return Ok(Entry::new(key, value, self.shields.leaf));
            }
            Err(self)
        }
    };
}
pub(crate) use place_entries;

/// The entries of an external tree or of a balanced one, in order.
pub(crate) fn sorted<K: Ord, V>(items: vec::IntoIter<(K, V)>) -> vec::IntoIter<(K, V)> {
    let mut items: Vec<_> = items.collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    items.into_iter()
}

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
) -> impl Iterator<Item = Owned<N, R>> + use<N, R> {
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
