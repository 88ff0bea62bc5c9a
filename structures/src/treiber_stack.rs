//! Treiber's stack (1986).

use std::mem::{MaybeUninit, replace};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Shield, Strength};

use crate::chain::{self, Node};
use crate::fresh::into_items;
use crate::interface::into_iter_of;
use crate::padded::Padded;
use crate::structure::{
    Content, Kind, Nodes, Query, Structure, StructureFacts, debug_with_domain, own_word,
    sequence_operations,
};

/// A lock-free stack. Its operations panic if the guard is of another domain.
///
/// There is no reference to the value on top, only a copy: a pop moves the value out of its node, so
/// that somebody else owns it while a guard still protects the node.
pub struct TreiberStack<T, R: Reclaimer> {
    pub(crate) domain: Domain<R>,
    /// Not on the line of `domain`: an operation reads that long before it needs this, and would take
    /// this line away from another thread's exchange.
    top: Padded<Atomic<Node<T, R>, R>>,
}

impl<T: Send + 'static, R: Reclaimer> TreiberStack<T, R> {
    /// An empty stack.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), top: Padded(Atomic::null()) }
    }

    /// Pushes `value`.
    #[inline(always)] // Short, and called from several loops: one call more is a tenth of its time.
    pub fn push(&self, guard: &Guard<'_, R>, value: T) {
        self.domain.check(guard);
        let node = Node::alloc(guard, MaybeUninit::new(value));
        while !self.try_push(guard, node) {}
    }

    /// Pops the value pushed last.
    #[inline(always)]
    pub fn pop(&self, guard: &Guard<'_, R>) -> Option<T> {
        self.domain.check(guard);
        let mut shield = guard.shield();
        loop {
            if let Ok(value) = self.try_pop(guard, &mut shield) {
                return value;
            }
        }
    }

    /// A copy of the value pushed last.
    #[must_use]
    pub fn peek(&self, guard: &Guard<'_, R>) -> Option<T>
    where
        T: Copy,
    {
        // SAFETY: a `Copy` type has no destructor.
        self.glance(guard).map(|value| unsafe { value.assume_init() })
    }

    /// The bits of the value pushed last. What they lead to may be gone.
    pub(crate) fn glance(&self, guard: &Guard<'_, R>) -> Option<MaybeUninit<T>> {
        self.domain.check(guard);
        let mut shield = guard.shield();
        // SAFETY: as in `try_pop`.
        let node = unsafe { guard.protect(&mut shield, &self.top).deref() }?;
        // SAFETY: a copy of bits. A pop may have copied the value out by now, but does not change it.
        Some(unsafe { (&raw const node.value).read() })
    }

    /// Tries once to push `node`, which only the caller can reach until this succeeds.
    #[inline(always)]
    pub(crate) fn try_push(&self, guard: &Guard<'_, R>, node: Shared<'_, Node<T, R>, R>) -> bool {
        // Relaxed: `top` is compared and linked here, never dereferenced.
        let top = self.top.load(Relaxed, guard);
        // SAFETY: the caller's alone: not published until the CAS below succeeds.
        if let Some(node) = unsafe { node.deref() } {
            // Relaxed: published by the release of the CAS.
            node.next.store(top, Relaxed);
        }
        // Should `top` have been freed and reused in between, it is the top again all the same:
        // the link is right.
        self.top.compare_exchange(top, node, guard).is_ok()
    }

    /// Tries once to pop; an error if another thread was faster.
    #[inline(always)]
    pub(crate) fn try_pop<'h>(
        &self,
        guard: &Guard<'h, R>,
        shield: &mut Shield<'h, R>,
    ) -> Result<Option<T>, ()> {
        let top = guard.protect(shield, &self.top);
        // SAFETY: protected by `shield`, which holds it to the end of this call: loaded from
        // `top`, which is always reachable, and nodes are retired only after they left it for
        // good. Nobody makes mutable references to published nodes.
        let Some(node) = (unsafe { top.deref() }) else { return Ok(None) };
        // Relaxed: not changed after the publication that `protect` acquired.
        let next = node.next.load(Relaxed, guard);
        // `top` is protected, so it was not freed and pushed again: `next` is its successor.
        self.top.compare_exchange(top, next, guard).map_err(drop)?;
        // SAFETY: a node leaves the stack by one successful CAS, this one, so only this thread
        // takes the value, once; it is initialised until then.
        let value = unsafe { node.value.assume_init_read() };
        // SAFETY: 1: not null, allocated in this domain (callers `check`), retired by the one who
        // unlinked it. 2: `top` does not hold it, and no other link is followed.
        unsafe { guard.retire(top) };
        Ok(Some(value))
    }

    /// Counts the values by a walk over all of them: the number at one time in the call. Wait-free
    /// where the scheme protects a region; lock-free elsewhere, as it starts again whenever the stack
    /// changes.
    #[must_use]
    pub fn len(&self, guard: &Guard<'_, R>) -> usize {
        self.domain.check(guard);
        chain::sum(guard, &self.top, |_| 1)
    }

    /// Returns whether the stack is empty now.
    #[must_use]
    pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        self.domain.check(guard);
        self.top.load(Acquire, guard).is_null()
    }
}

into_iter_of! {
    [T, R: Reclaimer] TreiberStack<T, R>, T,
    |stack| {
        // SAFETY: exclusive; what is linked is not retired. The top is not used any more.
        let nodes = unsafe { chain::take_all(&mut replace(&mut stack.top.0, Atomic::null())) };
        // SAFETY: the value of a linked node was not moved out.
        into_items(&stack.domain, nodes, |node| Some(unsafe { node.value.assume_init() }))
    }
}

impl<T, R: Reclaimer> Drop for TreiberStack<T, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; what is linked here is not retired.
        let nodes = unsafe { chain::take_all(&mut self.top.0) };
        self.domain.discard_with(nodes, |mut node| {
            // SAFETY: the value of a linked node was not moved out.
            unsafe { node.value_mut().value.assume_init_drop() };
        });
    }
}

debug_with_domain!(TreiberStack<T>);

impl<V: Content, R: Reclaimer> Structure<R> for TreiberStack<V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "treiber-stack",
        kind: Kind::Stack,
        paper: "Treiber, Systems programming: coping with parallelism, IBM RJ 5118, 1986",
        needs: Strength::Pointer,
        restarts: false,
        shields: 2,
        nodes: Nodes::ONE_PER_KEY,
    };

    sequence_operations!(push, pop);

    fn contains(&self, guard: &Guard<'_, R>, _: u64) -> bool {
        self.domain.check(guard);
        let mut shield = guard.shield();
        !guard.protect(&mut shield, &self.top).is_null()
    }

    fn hold_inside(&self, guard: &Guard<'_, R>, _: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let mut shield = guard.shield();
        let _ = guard.protect(&mut shield, &self.top);
        // Of a walk through the stack.
        let mut walk = guard.shield();
        let _ = guard.protect(&mut walk, &self.top);
        inside();
    }

    fn contents(&mut self) -> Vec<u64> {
        let visit = |node: &Node<V, R>, _, keys: &mut Vec<_>| {
            // SAFETY: the value of a linked node was not moved out.
            keys.push(unsafe { node.value.assume_init_ref() }.word());
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(&self.domain, &mut self.top.0, visit) }
    }

    fn query(&self, guard: &Guard<'_, R>, query: Query) -> Option<Option<u64>> {
        if query == Query::Front { own_word(self.glance(guard)) } else { None }
    }
}
