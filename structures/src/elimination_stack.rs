//! The elimination back-off stack of Hendler, Shavit and Yerushalmi (2004): Treiber's stack, whose
//! operations meet in an array when they get into each other's way.
//!
//! A push that lost the race for the top offers its node in a slot of the array for a moment. A pop
//! that lost takes it from there: the push took effect and was undone at once, and neither touched
//! the top. Only pushes wait, and only in the array; the published algorithm lets pops wait, too.
//!
//! States of a slot: null; *offered* (a node); *taken* (null with a tag). Only the thread that
//! offered leaves *taken*, so nobody offers there in between, and a node at the same address in the
//! slot is the same offer to its owner. A pop may take a later offer at the same address than it
//! saw: that is as good, it reads nothing of the node before it has taken it.
//!
//! An offered node was never linked to the top, so no reader of the stack has it: whoever takes it
//! owns it alone, and it is freed without retirement.

use std::fmt;
use std::hint::spin_loop;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared};

use crate::chain::Node;
use crate::interface::into_iter_of;
use crate::padded::Padded;
use crate::structure::{Content, Query, Structure, StructureFacts, sequence_operations};
use crate::treiber_stack::TreiberStack;

/// Places to meet. A power of two.
const SLOTS: usize = 8;
/// Looks at the slot before an offer is withdrawn, or a pop tries the top again.
const PATIENCE: usize = 64;
/// The tag of a slot whose offer was taken.
const TAKEN: usize = 1;

/// A lock-free stack that scales with contention. Its operations panic if the guard is of another
/// domain.
///
/// There is no reference to the value on top, only a copy, for the reason that [`TreiberStack`] gives.
pub struct EliminationStack<T, R: Reclaimer> {
    stack: TreiberStack<T, R>,
    slots: [Padded<Atomic<Node<T, R>, R>>; SLOTS],
}

impl<T: Send + 'static, R: Reclaimer> EliminationStack<T, R> {
    /// An empty stack.
    #[must_use]
    pub fn new(domain: &Domain<R>) -> Self {
        Self { stack: TreiberStack::new(domain), slots: [const { Padded(Atomic::null()) }; SLOTS] }
    }

    /// Pushes `value`.
    pub fn push(&self, guard: &Guard<'_, R>, value: T) {
        self.stack.domain.check(guard);
        let node = Node::alloc(guard, MaybeUninit::new(value));
        for attempt in 0.. {
            if self.stack.try_push(guard, node) || offer(guard, self.slot(guard, attempt), node) {
                return;
            }
        }
    }

    /// Pops the value pushed last.
    pub fn pop(&self, guard: &Guard<'_, R>) -> Option<T> {
        self.stack.domain.check(guard);
        let mut shield = guard.shield();
        let mut attempt = 0;
        loop {
            if let Ok(value) = self.stack.try_pop(guard, &mut shield) {
                return value;
            }
            if let Some(value) = take(guard, self.slot(guard, attempt)) {
                return Some(value);
            }
            attempt += 1;
        }
    }

    /// A copy of the value on top.
    #[must_use]
    pub fn peek(&self, guard: &Guard<'_, R>) -> Option<T>
    where
        T: Copy,
    {
        self.stack.peek(guard)
    }

    /// Counts the values, as [`TreiberStack::len`] does; what is being offered is not counted.
    #[must_use]
    pub fn len(&self, guard: &Guard<'_, R>) -> usize {
        self.stack.len(guard)
    }

    /// Returns whether the stack is empty now.
    #[must_use]
    pub fn is_empty(&self, guard: &Guard<'_, R>) -> bool {
        self.stack.is_empty(guard)
    }

    /// Where a thread goes at its nth attempt: apart from the others at first, then everywhere.
    fn slot(&self, guard: &Guard<'_, R>, attempt: usize) -> &Atomic<Node<T, R>, R> {
        // The handle is its thread's own; the product mixes the bits of its address.
        let thread = ptr::from_ref(guard.handle()).addr().wrapping_mul(0x9E37_79B9) >> 16;
        &self.slots[thread.wrapping_add(attempt) % SLOTS]
    }
}

/// Offers `node` in `slot` for a moment; true if it was taken, after which it is gone.
fn offer<'g, T, R: Reclaimer>(
    guard: &'g Guard<'_, R>,
    slot: &Atomic<Node<T, R>, R>,
    node: Shared<'g, Node<T, R>, R>,
) -> bool {
    // The release of the CAS hands the node over.
    if slot.compare_exchange(Shared::null(), node, guard).is_err() {
        return false;
    }
    #[cfg(test)]
    crate::pause::at("offered");
    for _ in 0..PATIENCE {
        if slot.load(Relaxed, guard) != node {
            break;
        }
        spin_loop();
    }
    if slot.compare_exchange(node, Shared::null(), guard).is_ok() {
        return false;
    }
    // Taken: nothing else changes the slot before this does. Release: pairs with the CAS of the
    // next offer, whose waiting must not be mixed up with ours.
    slot.store(Shared::null(), Release);
    true
}

/// Takes a node that is offered in `slot`, if one appears soon.
fn take<T, R: Reclaimer>(guard: &Guard<'_, R>, slot: &Atomic<Node<T, R>, R>) -> Option<T> {
    for _ in 0..PATIENCE {
        let node = slot.load(Acquire, guard);
        if !node.is_null()
            // What the CAS returns: another node may have got this address since the load.
            && let Ok(node) = slot.compare_exchange(node, Shared::null().with_tag(TAKEN), guard)
        {
            // SAFETY: not null. It was never linked to the top, and left the slot by this CAS: its
            // pusher does not read it after the offer, other pops only compare it.
            return Some(unsafe { take_back(guard, node) });
        }
        spin_loop();
    }
    None
}

/// Takes a node back that was never linked to the top, with its value.
///
/// # Safety
/// Not null, and only the caller can reach it.
unsafe fn take_back<T, R: Reclaimer>(guard: &Guard<'_, R>, node: Shared<'_, Node<T, R>, R>) -> T {
    // SAFETY: the caller's clause.
    let node = unsafe { node.into_owned() };
    // SAFETY: initialised by the push, and moved out only here and in `try_pop`.
    let value = unsafe { node.value().value.assume_init_read() };
    guard.discard(node);
    value
}

into_iter_of! {
    [T, R: Reclaimer] EliminationStack<T, R>, T,
    // Nothing is offered while no operation is under way.
    |elimination| elimination.stack.into_iter()
}

impl<T, R: Reclaimer> fmt::Debug for EliminationStack<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EliminationStack").field("stack", &self.stack).finish_non_exhaustive()
    }
}

impl<V: Content, R: Reclaimer> Structure<R> for EliminationStack<V, R> {
    const FACTS: StructureFacts = StructureFacts {
        name: "elimination-stack",
        paper: "Hendler, Shavit and Yerushalmi, A scalable lock-free stack algorithm, SPAA 2004",
        ..<TreiberStack<V, R> as Structure<R>>::FACTS
    };

    sequence_operations!(push, pop);

    fn contains(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.stack.contains(guard, key)
    }

    fn hold_inside(&self, guard: &Guard<'_, R>, key: u64, inside: &mut dyn FnMut()) {
        self.stack.hold_inside(guard, key, inside);
    }

    fn contents(&mut self) -> Vec<u64> {
        // Nothing is offered while no operation is under way.
        self.stack.contents()
    }

    fn query(&self, guard: &Guard<'_, R>, query: Query) -> Option<Option<u64>> {
        self.stack.query(guard, query)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use kovan_schemes::{Domain, Reclaimer};

    use super::*;
    use crate::pause::{self, over_each_kind};

    /// A pop takes an offer; the slot stays with the pusher until it has noticed.
    fn an_offer_is_taken<R: Reclaimer>() {
        let domain = Domain::<R>::new();
        let slot = Rc::new(Atomic::<Node<u64, R>, R>::null());
        let handle = domain.register();
        let others = (Rc::clone(&slot), domain.clone());
        pause::set("offered", move || {
            let (slot, domain) = others;
            let handle = domain.register();
            let guard = handle.pin();
            assert_eq!(take(&guard, &slot), Some(1));
            assert_eq!(take(&guard, &slot), None);
            let next = Node::alloc(&guard, MaybeUninit::new(2));
            assert!(slot.compare_exchange(Shared::null(), next, &guard).is_err());
            // SAFETY: not published.
            assert_eq!(unsafe { take_back(&guard, next) }, 2);
        });
        let guard = handle.pin();
        assert!(offer(&guard, &slot, Node::alloc(&guard, MaybeUninit::new(1))));
        assert!(pause::done());
        // The next offer is not mistaken for the last. Nobody takes it.
        let next = Node::alloc(&guard, MaybeUninit::new(3));
        assert!(!offer(&guard, &slot, next));
        assert_eq!(take(&guard, &slot), None);
        // SAFETY: withdrawn, not published.
        assert_eq!(unsafe { take_back(&guard, next) }, 3);
        let totals = domain.meter().totals();
        assert_eq!((totals.live(), totals.retired, totals.dropped), (0, 0, 3));
    }

    #[test]
    fn offers_are_taken() {
        over_each_kind!(an_offer_is_taken);
    }
}
