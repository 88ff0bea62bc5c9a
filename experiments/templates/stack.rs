//! `template-stack`: Treiber's stack, to be replaced by your structure.
//!
//! It works as it stands. The comments that begin with REPLACE say what is the algorithm's.
//!
//! REPLACE: this head says how the structure works, and why each node that it reads is protected then.

use std::mem::{MaybeUninit, replace};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Strength};

use crate::chain::{self, Node};
use crate::fresh::into_items;
use crate::interface::into_iter_of;
use crate::structure::{
    Content, Kind, Nodes, Query, Structure, StructureFacts, debug_with_domain, own_word,
    sequence_operations,
};

/// A lock-free stack. Its operations panic if the guard is of another domain.
pub struct TemplateStack<T, R: Reclaimer> {
    domain: Domain<R>,
    top: Atomic<Node<T, R>, R>,
}

impl<T: Send + 'static, R: Reclaimer> TemplateStack<T, R> {
    /// Returns an empty stack whose nodes live in `domain`.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { domain: domain.clone(), top: Atomic::null() }
    }

    /// Pushes `value`.
    ///
    /// REPLACE: each public operation checks the guard first.
    pub fn push(&self, guard: &Guard<'_, R>, value: T) {
        self.domain.check(guard);
        let new = Node::alloc(guard, MaybeUninit::new(value));
        loop {
            // Relaxed: `top` is compared and linked here, never dereferenced.
            let top = self.top.load(Relaxed, guard);
            // SAFETY: this thread's alone until the exchange below succeeds.
            if let Some(node) = unsafe { new.deref() } {
                // Relaxed: published by the release of the exchange.
                node.next.store(top, Relaxed);
            }
            if self.top.compare_exchange(top, new, guard).is_ok() {
                return;
            }
        }
    }

    /// Pops the value pushed last.
    pub fn pop(&self, guard: &Guard<'_, R>) -> Option<T> {
        self.domain.check(guard);
        let mut shield = guard.shield();
        loop {
            // REPLACE: each node is protected before it is read, from a place that is still reachable.
            let top = guard.protect(&mut shield, &self.top);
            // SAFETY: protected by `shield`: loaded from `top`, which is always reachable, and nodes are
            // retired only after they left it. Nobody makes mutable references to published nodes.
            let node = unsafe { top.deref() }?;
            // Relaxed: not changed after the publication that `protect` acquired.
            let next = node.next.load(Relaxed, guard);
            // The node is protected, so it was not freed and pushed again: `next` is its successor.
            if self.top.compare_exchange(top, next, guard).is_ok() {
                // SAFETY: only this thread's exchange unlinked the node, so the value is taken once.
                let value = unsafe { node.value.assume_init_read() };
                // REPLACE: a structure whose nodes keep their values until they are freed calls
                // `guard.retire_value` right before `guard.retire`.
                // SAFETY: 1: not null, and allocated in this domain, which was checked. 2: `top` does
                // not lead to it any more. 3: retired by the thread that unlinked it.
                unsafe { guard.retire(top) };
                return Some(value);
            }
        }
    }

    /// Returns a copy of the value pushed last.
    #[must_use]
    pub fn peek(&self, guard: &Guard<'_, R>) -> Option<T>
    where
        T: Copy,
    {
        // SAFETY: a `Copy` type has no destructor.
        self.glance(guard).map(|value| unsafe { value.assume_init() })
    }

    /// Returns the bits of the value pushed last. What they lead to may be gone.
    fn glance(&self, guard: &Guard<'_, R>) -> Option<MaybeUninit<T>> {
        self.domain.check(guard);
        let mut shield = guard.shield();
        // SAFETY: as in `pop`.
        let node = unsafe { guard.protect(&mut shield, &self.top).deref() }?;
        // SAFETY: a copy of bits. A pop may have copied the value out by now, but does not change it.
        Some(unsafe { (&raw const node.value).read() })
    }

    /// Counts the values by a walk over all of them: the number at one time in the call.
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
    [T, R: Reclaimer] TemplateStack<T, R>, T,
    |stack| {
        // SAFETY: exclusive; what is linked is not retired. The top is not used any more.
        let nodes = unsafe { chain::take_all(&mut replace(&mut stack.top, Atomic::null())) };
        // SAFETY: the value of a linked node was not moved out.
        into_items(&stack.domain, nodes, |node| Some(unsafe { node.value.assume_init() }))
    }
}

impl<T, R: Reclaimer> Drop for TemplateStack<T, R> {
    fn drop(&mut self) {
        // SAFETY: exclusive by `&mut self`; what is linked here is not retired.
        let nodes = unsafe { chain::take_all(&mut self.top) };
        self.domain.discard_with(nodes, |mut node| {
            // SAFETY: the value of a linked node was not moved out.
            unsafe { node.value_mut().value.assume_init_drop() };
        });
    }
}

debug_with_domain!(TemplateStack<T>);

impl<V: Content, R: Reclaimer> Structure<R> for TemplateStack<V, R> {
    // REPLACE: what the structure declares. `verify` and each cell of an experiment compare the shields and
    // the live nodes with what they see.
    const FACTS: StructureFacts = StructureFacts {
        name: "template-stack",
        kind: Kind::Stack,
        paper: "none: a template of kovan-lab",
        // The weakest protection that it is sound with.
        needs: Strength::Pointer,
        // Whether a traversal calls `crate::restarts::count()` where it begins anew.
        restarts: false,
        // The most shields that one operation holds at a time; here a walk holds two.
        shields: 2,
        nodes: Nodes::ONE_PER_KEY,
    };

    // The constructor, `insert` and `remove`, from the functions of these names.
    sequence_operations!(push, pop);

    fn contains(&self, guard: &Guard<'_, R>, _: u64) -> bool {
        self.domain.check(guard);
        let mut shield = guard.shield();
        !guard.protect(&mut shield, &self.top).is_null()
    }

    /// REPLACE: an adversary stops here. All the shields that the structure ever uses are set.
    fn hold_inside(&self, guard: &Guard<'_, R>, _: u64, inside: &mut dyn FnMut()) {
        self.domain.check(guard);
        let (mut shield, mut walk) = (guard.shield(), guard.shield());
        let _ = guard.protect(&mut shield, &self.top);
        let _ = guard.protect(&mut walk, &self.top);
        inside();
    }

    fn contents(&mut self) -> Vec<u64> {
        let visit = |node: &Node<V, R>, _, keys: &mut Vec<_>| {
            // SAFETY: the value of a linked node was not moved out.
            keys.push(unsafe { node.value.assume_init_ref() }.word());
        };
        // SAFETY: exclusive by `&mut self`.
        unsafe { chain::contents(&self.domain, &mut self.top, visit) }
    }

    fn query(&self, guard: &Guard<'_, R>, query: Query) -> Option<Option<u64>> {
        if query == Query::Front { own_word(self.glance(guard)) } else { None }
    }
}
