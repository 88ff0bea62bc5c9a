//! The front of a queue that is a chain of nodes behind a dummy: of the queue of Michael and Scott,
//! and of DoubleLink. They differ in how a node gets to the tail, and in what a dequeue does besides
//! moving the head.
//!
//! The first node is a dummy whose value was moved out (or never was). The head moves on along the
//! links, one node at a time, and never comes back. The queues retire a node only after the head has
//! left it. Callers check that guards are of the domain of the nodes.

use std::mem::{MaybeUninit, replace, take};
use std::sync::atomic::Ordering::Acquire;
use std::vec;

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Shield};

use crate::chain::{self, Link};
use crate::fresh::into_items;
use crate::padded::Padded;
use crate::structure::Content;

/// What is the same in both queues: what they do with their `domain` and their `head` alone.
macro_rules! front_queue {
    ($queue:ident { $($fact:ident: $value:expr,)* }) => {
        impl<T: Send + 'static, R: Reclaimer> $queue<T, R> {
            /// A copy of the value at the head.
            #[must_use]
            pub fn peek(&self, guard: &Guard<'_, R>) -> Option<T>
            where
                T: Copy,
            {
                self.domain.check(guard);
                // SAFETY: a `Copy` type has no destructor.
                self.head.glance(guard).map(|value| unsafe { value.assume_init() })
            }

            /// Counts the values by a walk over all of them. Approximate while others work: it
            /// includes those at the start that are there to the end, and of those that come or go
            /// meanwhile some. Where the scheme protects less than a region it starts again whenever
            /// a value is taken; lock-free.
            #[must_use]
            pub fn len(&self, guard: &Guard<'_, R>) -> usize {
                self.domain.check(guard);
                self.head.len(guard)
            }

            /// Returns whether the queue is empty now.
            #[must_use]
            pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
                self.domain.check(guard);
                self.head.is_empty(guard)
            }
        }

        $crate::interface::into_iter_of! {
            [T, R: Reclaimer] $queue<T, R>, T,
            |queue| queue.head.take_items(&queue.domain)
        }

        impl<T, R: Reclaimer> Drop for $queue<T, R> {
            fn drop(&mut self) {
                // No enqueue is under way, so every node is linked.
                self.head.discard(&self.domain);
            }
        }

        $crate::structure::debug_with_domain!($queue<T>);

        impl<V: Content, R: Reclaimer> Structure<R> for $queue<V, R> {
            const FACTS: StructureFacts = StructureFacts {
                kind: Kind::Queue,
                needs: Strength::Pointer,
                restarts: false,
                shields: 2,
                nodes: Nodes { fixed: 1, ..Nodes::ONE_PER_KEY },
                $($fact: $value,)*
            };

            $crate::structure::sequence_operations!(enqueue, dequeue);

            fn contains(&self, guard: &Guard<'_, R>, _: u64) -> bool {
                !self.is_empty(guard)
            }

            fn hold_inside(&self, guard: &Guard<'_, R>, _: u64, inside: &mut dyn FnMut()) {
                self.domain.check(guard);
                self.head.hold_inside(guard, inside);
            }

            fn contents(&mut self) -> Vec<u64> {
                self.head.contents(&self.domain)
            }

            fn query(&self, guard: &Guard<'_, R>, query: $crate::Query) -> Option<Option<u64>> {
                self.domain.check(guard);
                let is_front = query == $crate::Query::Front;
                if is_front { $crate::structure::own_word(self.head.glance(guard)) } else { None }
            }
        }
    };
}
pub(crate) use front_queue;

/// A node of such a queue.
pub(crate) trait Valued<R: Reclaimer>: Link<R> {
    type Value;
    /// Initialised before publication, in all nodes but the dummy.
    fn value(&self) -> &MaybeUninit<Self::Value>;
    fn into_value(self) -> MaybeUninit<Self::Value>;
}

/// Leads to the dummy.
pub(crate) struct Head<N, R: Reclaimer>(Padded<Atomic<N, R>>);

/// The dummy and the node behind it, both protected by the shields they were loaded with.
pub(crate) struct Front<'g, N, R: Reclaimer> {
    pub(crate) dummy: Shared<'g, N, R>,
    /// Null if the queue was empty.
    pub(crate) next: Shared<'g, N, R>,
}

impl<N: Valued<R>, R: Reclaimer> Head<N, R> {
    pub(crate) fn new(dummy: Shared<'_, N, R>) -> Self {
        Self(Padded(Atomic::new(dummy)))
    }

    /// Protects the dummy and the node behind it.
    pub(crate) fn front<'g, 'h>(
        &'g self,
        guard: &'g Guard<'h, R>,
        first: &mut Shield<'h, R>,
        second: &mut Shield<'h, R>,
    ) -> Front<'g, N, R> {
        loop {
            let dummy = guard.protect(first, &self.0);
            // SAFETY: protected by `first`: loaded from the head, which points to no retired node.
            let Some(node) = (unsafe { dummy.deref() }) else { unreachable!("a head always is") };
            let next = guard.protect(second, node.link());
            // The dummy may have been unlinked before `next` was protected, and `next` after it.
            // If the head is still there (protected, so not reused) after the protection, then
            // `next` was not yet retired: the head must pass it first. Acquire: not needed for
            // data, but keeps the load behind the protection it validates.
            if self.0.load(Acquire, guard) == dummy {
                return Front { dummy, next };
            }
        }
    }

    /// Makes the node behind the dummy the dummy, whose value is the caller's then; false if the
    /// head had moved. The shields of `front` must still protect.
    pub(crate) fn advance(&self, guard: &Guard<'_, R>, front: &Front<'_, N, R>) -> bool {
        // The dummy is protected, so it was not reused: `next` is its successor.
        self.0.compare_exchange(front.dummy, front.next, guard).is_ok()
    }

    /// The bits of the value at the front. What they lead to may be gone.
    pub(crate) fn glance(&self, guard: &Guard<'_, R>) -> Option<MaybeUninit<N::Value>> {
        let (mut first, mut second) = (guard.shield(), guard.shield());
        // SAFETY: protected by `second`, and was not retired when that was set: see `front`.
        let node = unsafe { self.front(guard, &mut first, &mut second).next.deref() }?;
        // SAFETY: a copy of bits. A dequeue may have copied the value out, but does not change it.
        Some(unsafe { std::ptr::read(node.value()) })
    }

    /// The number of nodes behind the dummy.
    pub(crate) fn len(&self, guard: &Guard<'_, R>) -> usize {
        chain::sum(guard, &self.0, |_| 1) - 1
    }

    /// Moves the values out, in order, after which the head is null.
    pub(crate) fn take_items(&mut self, domain: &Domain<R>) -> vec::IntoIter<N::Value> {
        // SAFETY: exclusive by `&mut self`; nodes from the head on are not retired.
        let nodes = unsafe { chain::take_all(&mut replace(&mut self.0.0, Atomic::null())) };
        let mut dummy = true;
        into_items(domain, nodes, |node| {
            // SAFETY: not the dummy, so its value was not moved out.
            (!take(&mut dummy)).then(|| unsafe { node.into_value().assume_init() })
        })
    }

    /// Returns whether there is no node behind the dummy now.
    pub(crate) fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        let (mut first, mut second) = (guard.shield(), guard.shield());
        self.front(guard, &mut first, &mut second).next.is_null()
    }

    /// As [`Structure::hold_inside`](crate::Structure::hold_inside).
    pub(crate) fn hold_inside(&self, guard: &Guard<'_, R>, inside: &mut dyn FnMut()) {
        let (mut first, mut second) = (guard.shield(), guard.shield());
        if self.front(guard, &mut first, &mut second).next.is_null() {
            let _ = guard.protect(&mut second, &self.0);
        }
        inside();
    }

    /// Frees all nodes, for the drop of the queue, after which the head is not used.
    pub(crate) fn discard(&mut self, domain: &Domain<R>) {
        // SAFETY: exclusive by `&mut self`; nodes from the head on are not retired.
        let nodes = unsafe { chain::take_all(&mut self.0.0) };
        let mut dummy = true;
        domain.discard_with(nodes, |node| {
            if !take(&mut dummy) {
                // SAFETY: not the dummy, so its value was not moved out; it is now, to be dropped.
                drop(unsafe { node.value().value().assume_init_read() });
            }
        });
    }

    /// The values, in order.
    pub(crate) fn contents(&mut self, domain: &Domain<R>) -> Vec<u64>
    where
        N::Value: Content,
    {
        let mut dummy = true;
        let visit = |node: &N, _, values: &mut Vec<_>| {
            if !take(&mut dummy) {
                // SAFETY: not the dummy, so its value was not moved out.
                values.push(unsafe { node.value().assume_init_ref() }.word());
            }
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(domain, &mut self.0.0, visit) }
    }

    /// Where the head is.
    #[cfg(test)]
    pub(crate) fn dummy<'g>(&self, guard: &'g Guard<'_, R>) -> Shared<'g, N, R> {
        self.0.load(Acquire, guard)
    }
}
