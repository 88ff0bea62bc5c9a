//! The uniform face of the structures, which experiments and tests drive.

use std::mem::MaybeUninit;
use std::ops::RangeInclusive;

use kovan_schemes::{Domain, Guard, Payload, Reclaimer, Strength};

/// What a structure is, and so what its operations mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A set of keys with values.
    Map,
    /// Last in, first out.
    Stack,
    /// First in, first out.
    Queue,
}

/// How many nodes are live while no operation is in a structure, from the keys it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// Nodes for each key; 1 where keys share nodes.
    pub per_key: u64,
    /// The most keys that share a node; 1 where none do.
    pub keys_per_node: u64,
    /// Nodes besides: a dummy, sentinels. Where keys share nodes, how many more there may be than
    /// they would fill.
    pub fixed: u64,
    /// Records of operations there may be for each key, and as many more.
    pub records: u64,
}

impl Nodes {
    /// A node for each key, and no others.
    pub const ONE_PER_KEY: Self = Self { per_key: 1, keys_per_node: 1, fixed: 0, records: 0 };

    /// The numbers of live nodes there may be with so many keys. One number, unless keys share
    /// nodes, or there are records.
    #[must_use]
    pub fn with_keys(&self, keys: u64) -> RangeInclusive<u64> {
        let most = keys.div_ceil(self.keys_per_node) * self.per_key + self.fixed;
        let least = if self.keys_per_node > 1 { most - self.fixed } else { most };
        least..=most + (keys + 1) * self.records
    }
}

/// The static description of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructureFacts {
    /// The name that users type.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where the algorithm was published.
    pub paper: &'static str,
    /// The weakest protection it is sound with.
    pub needs: Strength,
    /// Shields that one operation holds at a time; 0 where the guard alone protects. An iteration or a scan of a
    /// map that needs shields holds up to [`ITERATION_SHIELDS`] more.
    pub shields: u64,
    /// Its live nodes.
    pub nodes: Nodes,
    /// Says whether a traversal of an operation may restart, under some scheme at least. Only then does
    /// [`restarts`](crate::restarts()) say something of it.
    pub restarts: bool,
}

/// How many more shields than other operations an iteration or a scan may hold: those of its place and of the
/// entry that it yields last, while it searches for the next one.
pub const ITERATION_SHIELDS: u64 = 2;

impl StructureFacts {
    /// What most maps have in common.
    pub(crate) const MAP: Self = Self {
        name: "",
        kind: Kind::Map,
        paper: "",
        needs: Strength::Pointer,
        shields: 0,
        nodes: Nodes::ONE_PER_KEY,
        restarts: true,
    };
}

/// What is read of a structure besides [`Structure::contains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// Stack and queue: what would be popped or dequeued now.
    Front,
    /// Map: the least key.
    First,
    /// Map: the least key above this one.
    After(u64),
    /// Map: how many keys there are.
    Len,
    /// Map: the value of this key.
    Value(u64),
}

/// A structure of `u64` keys over the scheme `R`.
///
/// Every guard must be of the domain the structure was made with; the operations panic otherwise.
pub trait Structure<R: Reclaimer>: Sized + Send + Sync + 'static {
    /// What the structure declares about itself. Does not depend on `R`.
    const FACTS: StructureFacts;

    /// An empty structure whose nodes live in `domain`. The hint is the number of keys expected;
    /// only structures of fixed size use it.
    fn new(domain: &Domain<R>, capacity_hint: usize) -> Self;

    /// Map: adds `key`, or returns false if it is present. Stack and queue: pushes, true.
    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool;

    /// Map: removes `key`. Stack and queue: pops what is there; `key` is ignored.
    fn remove(&self, guard: &Guard<'_, R>, key: u64) -> Option<u64>;

    /// Map: whether `key` is present. Stack and queue: whether a protected peek finds a node;
    /// `key` is ignored.
    fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool;

    /// Reads up to the place of `key` (stack and queue: the front) and calls `inside` while the
    /// guard and all shields of an operation protect nodes. A shield for which there is no node
    /// of its own protects the first one; only in an empty structure do shields stay unset.
    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut());

    /// All keys: sorted list in key order, hash map in no order, stack and queue in the order in
    /// which they would be popped.
    fn contents(&mut self) -> Vec<u64>;

    /// Map: replaces the value of `key`, or adds it; the value before. The outer `None` as below.
    fn put(&self, guard: &Guard<'_, R>, key: u64, value: u64) -> Option<Option<u64>> {
        let _ = (guard, key, value);
        None
    }

    /// The key, the value or the number of a query that takes effect at one moment of the call; the
    /// outer `None` where the structure has no such operation.
    fn query(&self, guard: &Guard<'_, R>, query: Query) -> Option<Option<u64>> {
        let _ = (guard, query);
        None
    }

    /// Map: gets the entry of `key`, calls `inside` while it is held, and then returns its value. The outer
    /// `None` as above.
    fn held(
        &self,
        guard: &Guard<'_, R>,
        key: u64,
        inside: &mut dyn FnMut(),
    ) -> Option<Option<u64>> {
        let _ = (guard, key, inside);
        None
    }

    /// Sorted map: shows to `see`, in ascending order, the first `count` keys that are not below `from`, or all of
    /// them if there are fewer; false, and it shows nothing, where keys have no order.
    ///
    /// While others work this is no snapshot. The keys ascend strictly. Each was present at some time during the
    /// scan. A key that is present throughout is shown, if it is not below `from` and not above the last one
    /// shown, or if fewer than `count` are shown. No map gives more here:
    /// [`Bonsai::snapshot`](crate::Bonsai::snapshot) does, where the scheme protects a region.
    fn scan(&self, guard: &Guard<'_, R>, from: u64, count: u64, see: &mut dyn FnMut(u64)) -> bool {
        let _ = (guard, from, count, see);
        false
    }

    /// Map: shows each key to `see` in an iteration over the map; false where there is none.
    fn iterate(&self, guard: &Guard<'_, R>, see: &mut dyn FnMut(u64)) -> bool {
        let _ = (guard, see);
        false
    }
}

/// What the keys of a map must be: any thread may read and free them. Implemented by all that are.
pub trait Key: Ord + Send + Sync + 'static {}
impl<K: Ord + Send + Sync + 'static> Key for K {}

/// What the values of a map must be, as [`Key`] without an order.
pub trait Value: Send + Sync + 'static {}
impl<V: Send + Sync + 'static> Value for V {}

/// What the structures of the registry hold: values that stand for a `u64` each.
pub trait Content: Clone + Send + Sync + 'static {
    /// Makes a value.
    fn of(word: u64) -> Self;

    /// Returns what it was made of.
    fn word(&self) -> u64;

    /// Returns what it was made of without a look at anything but the value's own bits: these may be a
    /// copy of a value that somebody else has dropped. `None` where that is elsewhere.
    fn own_word(&self) -> Option<u64>;

    /// Reads what the value has elsewhere, as whoever looks a value up does.
    fn touch(&self) {}
}

/// Returns the answer to a query for the front, from a copy of its bits: the outer `None` where the word
/// is not in them.
pub(crate) fn own_word<V: Content>(front: Option<MaybeUninit<V>>) -> Option<Option<u64>> {
    // SAFETY: copied from an initialised value. Its own bits alone are looked at, and it is not dropped.
    front.map_or(Some(None), |front| unsafe { front.assume_init_ref() }.own_word().map(Some))
}

impl Content for u64 {
    #[inline]
    fn of(word: u64) -> Self {
        word
    }
    #[inline]
    fn word(&self) -> u64 {
        *self
    }
    #[inline]
    fn own_word(&self) -> Option<u64> {
        Some(*self)
    }
}

impl Content for Payload {
    #[inline]
    fn of(word: u64) -> Self {
        Self::new(word)
    }
    #[inline]
    fn word(&self) -> u64 {
        self.key()
    }
    #[inline]
    fn own_word(&self) -> Option<u64> {
        self.inline_key()
    }
    #[inline]
    fn touch(&self) {
        let _ = Self::touch(self);
    }
}

/// Implements, of [`Structure`], the operations of a map of `u64` to `V`: its own, under other names. It
/// implements the constructor too, unless that takes a hint. A map is sorted, unless it is `hinted`, and its
/// cursor takes a step at one moment, unless it is `by_key`; one that is `counted` tells its length at one moment.
macro_rules! map_operations {
    (hinted) => {
        $crate::structure::map_operations! { @updates }

        fn query(&self, guard: &Guard<'_, R>, query: $crate::Query) -> Option<Option<u64>> {
            match query {
                $crate::Query::Value(key) => Some(self.get(guard, &key).map(|entry| entry.word())),
                _ => None,
            }
        }
    };
    (by_key) => {
        fn new(domain: &Domain<R>, _: usize) -> Self {
            Self::new(domain)
        }

        $crate::structure::map_operations! { hinted }
        $crate::structure::map_operations! { @scan }
    };
    (@scan) => {
        fn scan(
            &self,
            guard: &Guard<'_, R>,
            from: u64,
            count: u64,
            see: &mut dyn FnMut(u64),
        ) -> bool {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let entries = self.range(guard, from..).take(count);
            entries.for_each(|entry| see(*entry.key()));
            true
        }
    };
    ($(counted: $len:ident)?) => {
        fn new(domain: &Domain<R>, _: usize) -> Self {
            Self::new(domain)
        }

        $crate::structure::map_operations! { @updates }

        fn query(&self, guard: &Guard<'_, R>, query: $crate::Query) -> Option<Option<u64>> {
            use std::ops::Bound::{Excluded, Unbounded};
            let entry = match query {
                $crate::Query::Value(key) => return Some(self.get(guard, &key).map(|entry| entry.word())),
                $crate::Query::First => self.next_after::<u64>(guard, Unbounded),
                $crate::Query::After(key) => self.next_after(guard, Excluded(&key)),
                $($crate::Query::Len => return Some(Some(self.$len(guard) as u64)),)?
                _ => return None,
            };
            Some(entry.map(|entry| *entry.key()))
        }

        $crate::structure::map_operations! { @scan }
    };
    (@updates) => {
        #[inline]
        fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
            self.insert(guard, key, V::of(key))
        }

        #[inline(always)] // Two callers; in a hash map one call more is 3 % of its time.
        fn remove(&self, guard: &Guard<'_, R>, key: u64) -> Option<u64> {
            self.remove(guard, &key).map(|entry| entry.word())
        }

        #[inline(always)] // As `remove`.
        fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool {
            self.get(guard, &key).is_some_and(|entry| {
                entry.touch();
                true
            })
        }

        fn put(&self, guard: &Guard<'_, R>, key: u64, value: u64) -> Option<Option<u64>> {
            Some(self.put(guard, key, V::of(value)).map(|entry| entry.word()))
        }

        fn held(
            &self,
            guard: &Guard<'_, R>,
            key: u64,
            inside: &mut dyn FnMut(),
        ) -> Option<Option<u64>> {
            let entry = self.get(guard, &key);
            inside();
            Some(entry.map(|entry| entry.word()))
        }

        fn iterate(&self, guard: &Guard<'_, R>, see: &mut dyn FnMut(u64)) -> bool {
            self.iter(guard).for_each(|entry| see(*entry.key()));
            true
        }
    };
}
pub(crate) use map_operations;

/// Implements, of [`Structure`], the constructor and the updates of a stack or a queue of `V`, under
/// these names.
macro_rules! sequence_operations {
    ($insert:ident, $remove:ident) => {
        fn new(domain: &Domain<R>, _: usize) -> Self {
            Self::new(domain)
        }

        #[inline(always)]
        fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
            self.$insert(guard, V::of(key));
            true
        }

        #[inline(always)]
        fn remove(&self, guard: &Guard<'_, R>, _: u64) -> Option<u64> {
            self.$remove(guard).map(|value| value.word())
        }
    };
}
pub(crate) use sequence_operations;

/// `Debug` of a structure: its name and its domain.
macro_rules! debug_with_domain {
    ($structure:ident<$($element:ident),*>) => {
        impl<$($element,)* R: Reclaimer> std::fmt::Debug for $structure<$($element,)* R> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut debug = f.debug_struct(stringify!($structure));
                debug.field("domain", &self.domain).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use debug_with_domain;
