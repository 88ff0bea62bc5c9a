//! What users see of every map, once. A map brings four operations of its own, which have checked
//! nothing yet but the domain:
//!
//! - `add` inserts, or calls a function with the entry that is there and what was not inserted. With
//!   `KEEP` it returns the new entry, which it protects before others can remove it;
//! - `replace` inserts, or replaces the entry that is there in one step and returns it;
//! - `take` removes an entry and returns it;
//! - `find` looks an entry up.

/// The operations by key, for keys that are `Ord`, and `Hash` where that is given.
macro_rules! map_interface {
    ($($hash:ident)?) => {
        /// Adds `key`; false, and nothing changes, if it is present. Lock-free.
        #[inline]
        pub fn insert(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
            self.domain.check(guard);
            self.add::<false, _>(guard, key, value, |_, _| ()).is_ok()
        }

        /// Inserts as [`insert`](Self::insert) does, but gives back what it did not insert.
        ///
        /// # Errors
        /// If the key is present: its entry, and the key and the value that were not inserted.
        pub fn try_insert<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: K,
            value: V,
        ) -> Result<(), $crate::OccupiedError<'g, 'h, K, V, R>> {
            self.domain.check(guard);
            let occupied = |entry, (key, value)| $crate::OccupiedError { entry, key, value };
            self.add::<false, _>(guard, key, value, occupied).map(drop)
        }

        /// Returns the entry of `key`, which is added with `value` if it is absent. One atomic step;
        /// lock-free.
        pub fn get_or_insert<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: K,
            value: V,
        ) -> Entry<'g, 'h, K, V, R> {
            self.domain.check(guard);
            match self.add::<true, _>(guard, key, value, |entry, _| entry) {
                Ok(Some(entry)) | Err(entry) => entry,
                Ok(None) => unreachable!("a new entry is kept"),
            }
        }

        /// Does what [`get_or_insert`](Self::get_or_insert) does, with a value that is made only if a look-up
        /// does not find the key. It is dropped if another thread inserts the key meanwhile.
        pub fn get_or_insert_with<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: K,
            value: impl FnOnce() -> V,
        ) -> Entry<'g, 'h, K, V, R> {
            match self.get(guard, &key) {
                Some(entry) => entry,
                None => self.get_or_insert(guard, key, value()),
            }
        }

        /// Adds `key`, or replaces its entry, key and value, and returns the entry that was replaced.
        /// Replacing is one atomic step: nobody finds the key absent meanwhile. Lock-free. The
        /// module says why that is so.
        pub fn put<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: K,
            value: V,
        ) -> Option<Entry<'g, 'h, K, V, R>> {
            self.domain.check(guard);
            self.replace(guard, key, value)
        }

        /// Removes `key`, and returns its entry, which stays readable while it is held. Lock-free.
        #[inline]
        pub fn remove<'g, 'h, Q>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &Q,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
            Q: Ord $(+ $hash)? + ?Sized,
        {
            self.domain.check(guard);
            self.take(guard, key)
        }

        /// Returns the entry of `key`: the key and its value, in place. Its progress is the
        /// algorithm's: see the module.
        #[inline]
        #[must_use]
        pub fn get<'g, 'h, Q>(
            &'g self,
            guard: &'g Guard<'h, R>,
            key: &Q,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
            Q: Ord $(+ $hash)? + ?Sized,
        {
            self.domain.check(guard);
            self.find(guard, key)
        }

        /// Returns whether `key` is present; its progress is that of [`get`](Self::get).
        #[must_use]
        pub fn contains_key<Q>(&self, guard: &Guard<'_, R>, key: &Q) -> bool
        where
            K: Borrow<Q>,
            Q: Ord $(+ $hash)? + ?Sized,
        {
            self.get(guard, key).is_some()
        }
    };
}
pub(crate) use map_interface;

/// The cursor of a sorted map, from its `seek`, which returns the first entry within a bound from
/// below.
macro_rules! cursor_interface {
    () => {
        $crate::interface::cursor_interface! { "A step of it takes effect at one moment." }
    };
    ($moment:literal) => {
        /// Returns the entry of the least key now. Lock-free.
        #[doc = $moment]
        #[must_use]
        pub fn first<'g, 'h>(&'g self, guard: &'g Guard<'h, R>) -> Option<Entry<'g, 'h, K, V, R>> {
            self.next_after::<K>(guard, std::ops::Bound::Unbounded)
        }

        /// Returns the entry of the least key now that is not below `bound`: a cursor. A loop that
        /// goes on from the key it got, excluded, meets keys in ascending order, each of which was
        /// present at some time in the loop, and all those that were present throughout. Lock-free.
        #[doc = $moment]
        #[must_use]
        pub fn next_after<'g, 'h, Q>(
            &'g self,
            guard: &'g Guard<'h, R>,
            bound: std::ops::Bound<&Q>,
        ) -> Option<Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
            Q: Ord + ?Sized,
        {
            self.domain.check(guard);
            self.seek(guard, bound)
        }

        /// Iterates over the entries whose keys are within `bounds`, in ascending order of their keys.
        /// Weakly consistent, as [`iter`](Self::iter) is, and no snapshot. It searches for the first
        /// entry at once.
        pub fn range<'g, 'h, Q, B>(
            &'g self,
            guard: &'g Guard<'h, R>,
            bounds: B,
        ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>>
        where
            K: Borrow<Q>,
            Q: Ord + ?Sized,
            B: std::ops::RangeBounds<Q>,
        {
            use std::ops::{Bound::Unbounded, RangeBounds};
            self.domain.check(guard);
            self.steps(guard, bounds.start_bound()).take_while(move |entry| {
                (Unbounded, bounds.end_bound()).contains(entry.key().borrow())
            })
        }
    };
}
pub(crate) use cursor_interface;

/// Iteration over a map, from its `steps`, which yields each entry where it is.
macro_rules! iterate_interface {
    ($order:literal $(, $from:expr)?) => {
        #[doc = concat!("Iterates over the entries, ", $order, ".")]
        /// Weakly consistent: it meets each key that was present throughout, and none that was not
        /// present at some time, once. An entry that the caller keeps keeps a shield, as those of
        /// [`get`](Self::get).
        pub fn iter<'g, 'h>(
            &'g self,
            guard: &'g Guard<'h, R>,
        ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> {
            self.domain.check(guard);
            self.steps(guard $(, $from)?)
        }

        /// Counts the keys by a walk over all of them. While others work the number is approximate:
        /// it includes each key that was present throughout, and none that was never present.
        #[must_use]
        pub fn len(&self, guard: &Guard<'_, R>) -> usize {
            self.iter(guard).count()
        }

        /// Returns whether the map is empty: a walk from the beginning finds no key.
        #[must_use]
        pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
            self.iter(guard).next().is_none()
        }
    };
}
pub(crate) use iterate_interface;

/// The `steps` of a sorted map that has no better way than to search for each. An entry is searched
/// for when the one before it is returned.
macro_rules! search_steps {
    () => {
        fn steps<'g, 'h, Q: Ord + ?Sized>(
            &'g self,
            guard: &'g Guard<'h, R>,
            from: std::ops::Bound<&Q>,
        ) -> impl Iterator<Item = Entry<'g, 'h, K, V, R>> + use<'g, 'h, Q, K, V, R>
        where
            K: Borrow<Q>,
        {
            let after = |entry: &Entry<'g, 'h, K, V, R>| {
                self.seek::<K>(guard, std::ops::Bound::Excluded(entry.key()))
            };
            std::iter::successors(self.seek(guard, from), after)
        }
    };
}
pub(crate) use search_steps;

/// Iteration by value over a structure, from how its items are taken out of it.
macro_rules! into_iter_of {
    ([$($generics:tt)*] $structure:ty, $item:ty, |$this:ident| $items:expr) => {
        /// Moves everything out, into a vector first: by then all nodes are freed.
        impl<$($generics)*> IntoIterator for $structure {
            type Item = $item;
            type IntoIter = std::vec::IntoIter<$item>;

            #[allow(unused_mut, reason = "one that only wraps another is not changed")]
            fn into_iter(self) -> Self::IntoIter {
                let mut $this = self;
                $items
            }
        }
    };
}
pub(crate) use into_iter_of;
