//! A small stack, right for fault [`NONE`] and wrong in one place for each other.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kovan_schemes::{Atomic, Domain, Guard, Reclaimer, Shared, Strength};
use kovan_structures::{Kind, Nodes, Structure, StructureFacts};

pub(crate) const NONE: u8 = 0;
pub(crate) const RETIRES_TWICE: u8 = 1;
pub(crate) const RETIRES_BEFORE_UNLINKING: u8 = 2;
pub(crate) const POPS_THE_WRONG_VALUE: u8 = 3;
pub(crate) const LOSES_A_NODE_ON_CONTENTION: u8 = 4;
pub(crate) const POP_WITHOUT_CAS: u8 = 5;
pub(crate) const UNPROTECTED_READ: u8 = 6;
pub(crate) const FORGETS_TO_RETIRE: u8 = 7;

struct Node<R: Reclaimer> {
    value: u64,
    next: Atomic<Node<R>, R>,
}

/// A stack.
pub(crate) struct Stack<R: Reclaimer, const FAULT: u8> {
    domain: Domain<R>,
    top: Atomic<Node<R>, R>,
}

// SAFETY of the unsafe blocks: as in Treiber's stack: a node is read under a shield that was set
// while it was the top; retired by the thread whose CAS unlinked it; exclusive in `drop`. For the
// mutants it does not hold: they are to be caught.
impl<R: Reclaimer, const FAULT: u8> Stack<R, FAULT> {
    fn push(&self, guard: &Guard<'_, R>, value: u64) {
        let node = guard.alloc(Node { value, next: Atomic::null() }).into_shared();
        let mut top = self.top.load(Relaxed, guard);
        loop {
            // SAFETY: see above.
            if let Some(node) = unsafe { node.deref() } {
                node.next.store(top, Relaxed);
            }
            match self.top.compare_exchange(top, node, guard) {
                Ok(_) => return,
                Err(_) if FAULT == LOSES_A_NODE_ON_CONTENTION => {
                    // SAFETY: see above.
                    return guard.discard(unsafe { node.into_owned() });
                }
                Err(now) => top = now,
            }
        }
    }

    fn pop(&self, guard: &Guard<'_, R>) -> Option<u64> {
        let mut shield = guard.shield();
        loop {
            let top = if FAULT == UNPROTECTED_READ {
                self.top.load(Acquire, guard)
            } else {
                guard.protect(&mut shield, &self.top)
            };
            // SAFETY: see above.
            let node = unsafe { top.deref() }?;
            let next = node.next.load(Relaxed, guard);
            if FAULT == RETIRES_BEFORE_UNLINKING {
                // SAFETY: see above.
                unsafe { guard.retire(top) };
                self.top.store(next, Release);
                return Some(node.value);
            }
            if FAULT == POP_WITHOUT_CAS {
                self.top.store(next, Release);
            } else if self.top.compare_exchange(top, next, guard).is_err() {
                continue;
            }
            let mut value = node.value;
            if FAULT == POPS_THE_WRONG_VALUE && !next.is_null() {
                value ^= 1;
            }
            if FAULT != FORGETS_TO_RETIRE {
                // SAFETY: see above.
                unsafe { guard.retire(top) };
            }
            if FAULT == RETIRES_TWICE && value % 8 == 3 {
                // SAFETY: see above.
                unsafe { guard.retire(top) };
            }
            return Some(value);
        }
    }

    fn walk(&mut self, mut visit: impl FnMut(Shared<'static, Node<R>, R>)) {
        let handle = self.domain.register();
        let guard = handle.pin();
        let mut at = self.top.load_exclusive();
        // SAFETY: see above.
        while let Some(node) = unsafe { at.deref() } {
            let next = Atomic::new(node.next.load(Relaxed, &guard)).load_exclusive();
            visit(at);
            at = next;
        }
    }
}

impl<R: Reclaimer, const FAULT: u8> Drop for Stack<R, FAULT> {
    fn drop(&mut self) {
        let domain = self.domain.clone();
        // SAFETY: see above.
        self.walk(|node| domain.discard(std::iter::once(unsafe { node.into_owned() })));
    }
}

impl<R: Reclaimer, const FAULT: u8> Structure<R> for Stack<R, FAULT> {
    const FACTS: StructureFacts = StructureFacts {
        name: "small-stack",
        kind: Kind::Stack,
        paper: "Treiber 1986",
        needs: Strength::Pointer,
        shields: 1,
        nodes: Nodes::ONE_PER_KEY,
        restarts: false,
    };
    fn new(domain: &Domain<R>, _: usize) -> Self {
        Self { domain: domain.clone(), top: Atomic::null() }
    }
    fn insert(&self, guard: &Guard<'_, R>, key: u64) -> bool {
        self.push(guard, key);
        true
    }
    fn remove(&self, guard: &Guard<'_, R>, _: u64) -> Option<u64> {
        self.pop(guard)
    }
    fn contains(&self, guard: &Guard<'_, R>, _: u64) -> bool {
        !self.top.load(Acquire, guard).is_null()
    }
    fn hold_inside(&self, guard: &Guard<'_, R>, _: u64, inside: &mut dyn FnMut()) {
        let mut shield = guard.shield();
        let _ = guard.protect(&mut shield, &self.top);
        inside();
    }
    fn contents(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        // SAFETY: see above.
        self.walk(|node| keys.extend(unsafe { node.deref() }.map(|node| node.value)));
        keys
    }
}
