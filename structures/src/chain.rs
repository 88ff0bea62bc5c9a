//! Singly linked chains of nodes that one thread alone can reach.

use std::iter;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Shared, Strength};

/// A node with a successor. The tag of the link is the node's own mark, not the successor's.
pub trait Link<R: Reclaimer>: Sized {
    /// The link to the successor.
    fn link(&self) -> &Atomic<Self, R>;
    /// The link to the successor, exclusively.
    fn link_mut(&mut self) -> &mut Atomic<Self, R>;
}

/// A node with a value and no more: of a stack, and of a queue.
pub(crate) struct Node<T, R: Reclaimer> {
    /// Initialised until whoever removes the value moves it out; never in the first dummy of a queue.
    pub(crate) value: MaybeUninit<T>,
    /// In a stack not changed after publication; in a queue once, from null.
    pub(crate) next: Atomic<Node<T, R>, R>,
}

impl<T, R: Reclaimer> Node<T, R> {
    pub(crate) fn alloc<'g>(guard: &'g Guard<'_, R>, value: MaybeUninit<T>) -> Shared<'g, Self, R> {
        guard.alloc(Self { value, next: Atomic::null() }).into_shared()
    }
}

impl<T, R: Reclaimer> Link<R> for Node<T, R> {
    fn link(&self) -> &Atomic<Self, R> {
        &self.next
    }
    fn link_mut(&mut self) -> &mut Atomic<Self, R> {
        &mut self.next
    }
}

/// Takes the nodes of a chain one by one; iterative, however long the chain is. The caller does
/// not use `head` afterwards.
///
/// # Safety
/// Every node of the chain is allocated, occurs once, and no other thread can reach it.
pub(crate) unsafe fn take_all<N: Link<R>, R: Reclaimer>(
    head: &mut Atomic<N, R>,
) -> impl Iterator<Item = Owned<N, R>> + use<N, R> {
    let mut next = head.load_exclusive();
    iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: not null (checked above), and exclusive by this function's clause; the link is
        // read out of the node before the node is given away.
        let mut node = unsafe { next.into_owned() };
        next = node.value_mut().link_mut().load_exclusive();
        Some(node)
    })
}

/// What `visit` adds for each node; it is told whether the node's own link is tagged.
///
/// # Safety
/// Every node of the chain is allocated, and no other thread can reach it.
pub(crate) unsafe fn contents<N: Link<R>, R: Reclaimer, T>(
    domain: &Domain<R>,
    head: &mut Atomic<N, R>,
    mut visit: impl FnMut(&N, bool, &mut Vec<T>),
) -> Vec<T> {
    // `Atomic::load` asks for a guard. It protects nothing here, and nothing needs it.
    let handle = domain.register();
    let guard = handle.pin();
    let mut contents = Vec::new();
    let mut next = head.load_exclusive();
    // SAFETY: exclusive by this function's clause, so no node is freed while we read it.
    while let Some(node) = unsafe { next.deref() } {
        // Relaxed: whatever made the chain exclusive synchronised with its writers.
        let after = node.link().load(Relaxed, &guard);
        visit(node, after.tag() != 0, &mut contents);
        // Through the `'static` of `load_exclusive`: the guard's lifetime means nothing here.
        next = Atomic::new(after).load_exclusive();
    }
    contents
}

/// The sum of what `count` makes of the nodes from `source` on. Nodes leave the chain at `source` only.
///
/// Under schemes that protect less than a region each node is read only if `source` leads to the
/// first one still, after the node was protected; otherwise the walk starts again. The first node stays
/// protected, so it is not reused: the chain behind it is whole, and nothing in it retired.
/// `guard.protect` orders the second look behind the protection.
pub(crate) fn sum<N: Link<R>, R: Reclaimer>(
    guard: &Guard<'_, R>,
    source: &Atomic<N, R>,
    count: impl Fn(&N) -> usize,
) -> usize {
    let (mut first_shield, mut shield) = (guard.shield(), guard.shield());
    'again: loop {
        let first = guard.protect(&mut first_shield, source);
        let (mut at, mut sum) = (first, 0);
        // SAFETY: the first is protected by `first_shield`: `source` leads to no retired node. The
        // others are by `shield`, set when they were not retired (see above), or by the guard, which
        // protects a region, in which they were reachable.
        while let Some(node) = unsafe { at.deref() } {
            sum += count(node);
            at = node.link().load(Acquire, guard);
            if !matches!(R::FACTS.strength, Strength::Region) && !at.is_null() {
                let _ = guard.protect(&mut shield, &Atomic::new(at));
                // Acquire: keeps the load behind the protection it validates.
                if source.load(Acquire, guard) != first {
                    crate::restarts::count();
                    continue 'again;
                }
            }
        }
        return sum;
    }
}
