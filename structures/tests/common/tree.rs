//! The trees behind one trait.

use kovan_schemes::{Domain, Guard, Reclaimer};
use kovan_structures::{Bonsai, EllenTree, NmTree};

/// What the trees have in common.
pub(crate) trait Tree<K, V, R: Reclaimer>: 'static {
    fn new(domain: &Domain<R>) -> Self;
    fn put(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool;
    fn take(&self, guard: &Guard<'_, R>, key: &K) -> bool;
    fn has(&self, guard: &Guard<'_, R>, key: &K) -> bool;
}

macro_rules! trees {
    ($($tree:ident),*) => {$(
        impl<K, V, R> Tree<K, V, R> for $tree<K, V, R>
        where
            K: Ord + Clone + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
            R: Reclaimer,
        {
            fn new(domain: &Domain<R>) -> Self {
                Self::new(domain)
            }
            fn put(&self, guard: &Guard<'_, R>, key: K, value: V) -> bool {
                self.insert(guard, key, value)
            }
            fn take(&self, guard: &Guard<'_, R>, key: &K) -> bool {
                self.remove(guard, key).is_some()
            }
            fn has(&self, guard: &Guard<'_, R>, key: &K) -> bool {
                self.contains_key(guard, key)
            }
        }
    )*};
}
trees!(NmTree, EllenTree, Bonsai);
