//! Retired nodes that may still be in use: a list per thread, and what exited threads left.
//!
//! No borrow is held while a destructor runs, so destructors may retire. They may even do so
//! through the list that is being swept.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr;
use std::sync::Arc;

use crate::facts::BoundInput;
use crate::node::{Node, Retired};
use crate::parameters::{Parameter, Parameters};
use crate::sync::{self, AtomicPtr, Ordering, Use};

/// A retired node, its type forgotten.
#[derive(Clone, Copy)]
pub struct Erased {
    node: *mut (),
    free: unsafe fn(*mut ()),
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Erased").field(&self.node).finish()
    }
}

// SAFETY: `retire` takes nodes whose value is `Send` and `'static`, so any thread may drop them.
unsafe impl Send for Erased {}

impl Erased {
    /// A node that its holder will free once.
    pub(crate) fn new<T: Send + 'static, H: Send + 'static>(node: *mut Node<T, H>) -> Self {
        Self { node: node.cast(), free: Retired::<T, H>::free }
    }

    /// The address, untagged.
    #[inline]
    pub(crate) fn address(self) -> *mut () {
        self.node
    }

    /// Frees the node.
    ///
    /// # Safety
    /// 1. It was made of a node that `Reclaimer::retire` was given, and is freed only here.
    /// 2. No thread holds a protection of it.
    #[inline]
    pub(crate) unsafe fn free(self) {
        // SAFETY: clauses 1 and 2 are those of `Retired::free`.
        unsafe { (self.free)(self.node) }
    }
}

/// A retired node with what the scheme knows of it: the eras of its life, or nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Garbage<S> {
    pub(crate) node: Erased,
    pub(crate) stamp: S,
}

/// The garbage of threads that left, until a thread that stays adopts it. Freed with the domain.
pub(crate) struct Orphans<S> {
    head: AtomicPtr<Block<S>>,
}

struct Block<S> {
    list: Vec<Garbage<S>>,
    next: *mut Block<S>,
    used: Use,
}

impl<S> Block<S> {
    /// Returns a block from `Box::into_raw`.
    fn new(list: Vec<Garbage<S>>) -> *mut Self {
        Box::into_raw(Box::new(Self { list, next: ptr::null_mut(), used: Use::default() }))
    }
}

impl<S> Default for Orphans<S> {
    fn default() -> Self {
        Self { head: AtomicPtr::default() }
    }
}

impl<S> fmt::Debug for Orphans<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orphans").finish_non_exhaustive()
    }
}

impl<S: Send> Orphans<S> {
    /// Leaves garbage to others, beside what is left already. Lock-free.
    pub(crate) fn leave(&self, list: Vec<Garbage<S>>) {
        if list.is_empty() {
            return;
        }
        let block = Block::new(list);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: from `Block::new`, and not published yet.
            unsafe {
                (*block).used.alone();
                (*block).next = head;
            }
            // Release: pairs with the acquire of `adopt`.
            match self.head.compare_exchange_weak(head, block, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
    }

    /// Leaves garbage to others if nothing is left yet; else gives it back. Wait-free.
    fn leave_alone(&self, list: Vec<Garbage<S>>) -> Result<(), Vec<Garbage<S>>> {
        if list.is_empty() {
            return Ok(());
        }
        let block = Block::new(list);
        // SAFETY: from `Block::new`, and not published yet.
        unsafe { (*block).used.alone() };
        // Release: pairs with the acquire of `adopt`.
        let null = ptr::null_mut();
        match self.head.compare_exchange(null, block, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            // SAFETY: from `Block::new`, and nobody else has seen it.
            Err(_) => Err(unsafe { Box::from_raw(block) }.list),
        }
    }

    /// Moves all there is to the end of `list`. One swap, so wait-free and free of ABA.
    pub(crate) fn adopt(&self, list: &mut Vec<Garbage<S>>) {
        // The common case without a write.
        if self.head.load(Ordering::Relaxed).is_null() {
            return;
        }
        // Acquire: pairs with the release of `leave`: the unlinks of these nodes are before us.
        let mut block = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        while !block.is_null() {
            // SAFETY: from `Block::new`; the swap took the whole chain, so it is ours alone.
            let mut taken = *unsafe { Box::from_raw(block) };
            taken.used.alone();
            list.append(&mut taken.list);
            block = taken.next;
        }
    }
}

#[cfg(all(test, kovan_loom))]
impl<S> Orphans<S> {
    /// How many lists are left.
    pub(crate) fn count(&mut self) -> usize {
        let (mut count, mut block) = (0, sync::get(&mut self.head));
        while !block.is_null() {
            count += 1;
            // SAFETY: from `Block::new`; exclusive by `&mut self`.
            block = unsafe { (*block).next };
        }
        count
    }
}

impl<S> Drop for Orphans<S> {
    fn drop(&mut self) {
        let mut block = sync::get(&mut self.head);
        while !block.is_null() {
            // SAFETY: as in `adopt`; exclusive by `&mut self`.
            let taken = *unsafe { Box::from_raw(block) };
            for garbage in taken.list {
                // SAFETY: 1: retired, moved here, and freed here. 2: the domain is being dropped,
                // and all its guards and shields are gone.
                unsafe { garbage.node.free() };
            }
            block = taken.next;
        }
    }
}

/// How many new nodes make a scan due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    nodes: u64,
    /// True if it is never less than the number of reservations, so that a scan, which reads them all,
    /// costs a constant time for each new node.
    grows: bool,
}

impl Threshold {
    /// The declaration of a threshold, to which schemes add what is their own.
    pub(crate) const PARAMETER: Parameter = Parameter {
        name: "threshold",
        unit: "nodes",
        default: 1,
        min: 1,
        max: 1_000_000,
        description: "A thread scans when its list has this many new nodes.",
        source: "Michael, Hazard Pointers, IEEE TPDS 15(6), 2004, sec. 3 (R)",
    };

    /// A threshold that never grows.
    pub(crate) fn exact(parameters: &Parameters, declared: &Parameter) -> Self {
        Self { nodes: parameters.value(declared), grows: false }
    }

    /// A threshold that grows with the reservations unless it was set.
    pub(crate) fn growing(parameters: &Parameters, declared: &Parameter) -> Self {
        Self { grows: !parameters.is_set(declared), ..Self::exact(parameters, declared) }
    }

    /// Returns the new nodes that make a scan due, where so many reservations exist.
    pub(crate) fn of(self, reservations: u64) -> u64 {
        if self.grows { self.nodes.max(reservations) } else { self.nodes }
    }
}

/// Lists that so many handles have at the most: each its own, and one that it took over and stopped with,
/// in a destructor; and one is left by those that are gone, see [`Limbo::depart`].
pub(crate) fn lists(handles: u64) -> u64 {
    2 * handles + 1
}

/// The most nodes that wait on all lists for the next scan of each, which so many new ones make due. No
/// scan runs in destructors that nest too deep, so what they retire comes to that: while a scan frees what
/// one call has retired so, its destructors may retire as much again.
pub(crate) fn waiting(input: &BoundInput, threshold: u64) -> u64 {
    lists(input.all_handles()) * (threshold + 2 * input.retired_in_destructors)
}

/// Sweeps may nest by destructors that retire, but not deeper than this: garbage then waits for a
/// later sweep, so that a chain of destructors cannot exhaust the stack.
pub(crate) const DEPTH: u32 = 8;

thread_local! {
    /// How many sweeps of this thread are freeing now.
    static NESTED: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, this thread is freeing.
#[derive(Debug)]
pub(crate) struct Freeing(());

impl Freeing {
    /// Returns whether destructors nest too deep to free more now.
    pub(crate) fn is_too_deep() -> bool {
        NESTED.get() >= DEPTH
    }

    /// `None` if destructors nest too deep to free more now.
    #[inline]
    pub(crate) fn enter() -> Option<Self> {
        (!Self::is_too_deep()).then(|| {
            NESTED.set(NESTED.get() + 1);
            Self(())
        })
    }
}

impl Drop for Freeing {
    #[inline]
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
    }
}

/// A thread's retired nodes, for schemes that look at each node in a scan.
#[derive(Debug)]
pub(crate) struct Limbo<S: Send> {
    list: RefCell<Vec<Garbage<S>>>,
    /// The length at which the next scan is due.
    due: Cell<usize>,
    orphans: Arc<Orphans<S>>,
    /// Empty between sweeps. Kept for its capacity.
    dead: RefCell<Vec<Erased>>,
}

impl<S: Send> Limbo<S> {
    /// A list whose first scan is due at `threshold` nodes.
    pub(crate) fn new(orphans: &Arc<Orphans<S>>, threshold: usize) -> Self {
        Self {
            list: RefCell::default(),
            due: Cell::new(threshold),
            orphans: Arc::clone(orphans),
            dead: RefCell::default(),
        }
    }

    /// Adds a node. Returns whether a scan is due.
    #[inline]
    pub(crate) fn push(&self, garbage: Garbage<S>) -> bool {
        let mut list = self.list.borrow_mut();
        list.push(garbage);
        list.len() >= self.due.get()
    }

    /// Takes over what threads left that are gone. Returns whether a scan is due. Before a scan, so that
    /// the barrier of the scan comes after the unlinks of those nodes too.
    pub(crate) fn adopt(&self) -> bool {
        let mut list = self.list.borrow_mut();
        self.orphans.adopt(&mut list);
        list.len() >= self.due.get()
    }

    /// Frees the nodes that `keep` does not want, unless destructors nest too deep. The next scan is due
    /// when `threshold` more are here than it keeps.
    ///
    /// # Safety
    /// `keep` is true for every node that a thread may hold a protection of, now or later.
    pub(crate) unsafe fn sweep(&self, threshold: usize, mut keep: impl FnMut(&Garbage<S>) -> bool) {
        let Some(_freeing) = Freeing::enter() else { return self.postpone(threshold) };
        let mut dead = self.dead.take();
        {
            let mut list = self.list.borrow_mut();
            list.retain(|garbage| {
                let kept = keep(garbage);
                if !kept {
                    dead.push(garbage.node);
                }
                kept
            });
            self.due.set(list.len() + threshold);
        }
        for node in dead.drain(..) {
            // SAFETY: removed from the list, so freed once; unprotected by this function's clause.
            unsafe { node.free() };
        }
        self.dead.replace(dead);
    }

    /// Puts the next scan off: this one could conclude nothing.
    pub(crate) fn postpone(&self, threshold: usize) {
        self.due.set(self.list.borrow().len() + threshold);
    }

    /// The owner goes: calls `scan` if much is left by others and in this list together, else threads
    /// that leave before a scan is due would pile up garbage, and leaves the rest to others.
    ///
    /// Nobody leaves a list beside another, so at any time one is left, however many threads leave at
    /// once: the bounds of the schemes count it. Lock-free: it repeats when another thread has left one.
    pub(crate) fn depart(&self, scan: impl Fn()) {
        loop {
            if self.adopt() {
                scan();
            }
            match self.orphans.leave_alone(self.list.take()) {
                Ok(()) => return,
                Err(list) => *self.list.borrow_mut() = list,
            }
        }
    }
}
