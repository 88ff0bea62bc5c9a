//! Any contender with its nodes counted: all of them by the same code, at the same places.
//!
//! A node is counted when it is handed to the contender and when its destructor runs, so nodes that
//! live in a structure are in neither count, and what is between is unreclaimed. Every thread counts
//! in a cache line of its own with plain loads and stores; what a thread frees is counted by it,
//! whoever retired it. Nodes are as large as without the counting.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::contender::Contender;

/// Most threads that count in a line of their own.
pub const LINES: usize = 1025;

/// The numbers of one thread, or of one after another.
#[derive(Default)]
#[repr(align(128))]
struct Line {
    retired: AtomicU64,
    freed: AtomicU64,
}

static COUNTS: [Line; LINES] =
    [const { Line { retired: AtomicU64::new(0), freed: AtomicU64::new(0) } }; LINES];
/// Of threads without a line.
static OTHERS: Line = Line { retired: AtomicU64::new(0), freed: AtomicU64::new(0) };

thread_local! {
    /// Without a destructor: it counts in destructors of other thread-local values too.
    static MINE: Cell<Option<&'static Line>> = const { Cell::new(None) };
}

/// The calling thread counts in that line from now on. No two threads may at once, or counts are
/// lost.
pub fn count_in(line: usize) {
    MINE.set(Some(&COUNTS[line]));
}

#[inline(always)]
fn count(number: fn(&Line) -> &AtomicU64) {
    match MINE.get() {
        // One writer.
        Some(line) => {
            let number = number(line);
            number.store(number.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        None => {
            number(&OTHERS).fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Nodes retired and not freed, of all contenders since the program began, as seen by a thread that
/// looks at one line after the other.
#[must_use]
pub fn unreclaimed() -> i64 {
    let lines = || COUNTS.iter().chain([&OTHERS]);
    // What is freed first: a node that is retired and freed meanwhile does not count as minus one.
    let freed: u64 = lines().map(|line| line.freed.load(Ordering::Relaxed)).sum();
    let retired: u64 = lines().map(|line| line.retired.load(Ordering::Relaxed)).sum();
    retired.wrapping_sub(freed).cast_signed()
}

/// A value whose destructor is counted.
pub struct Tracked<T>(T);

impl<T> Drop for Tracked<T> {
    #[inline(always)]
    fn drop(&mut self) {
        count(|line| &line.freed);
    }
}

/// A node of `C` with a tracked value.
#[repr(transparent)]
pub struct Node<C: Contender, T: Send + 'static>(C::Node<Tracked<T>>);

impl<C: Contender, T: Send + 'static> Deref for Node<C, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0.deref().0
    }
}

/// `C` with its nodes counted.
pub struct Instrumented<C>(C);

type Inner<C, T> = <C as Contender>::Node<Tracked<T>>;

#[inline(always)]
fn inner<C: Contender, T: Send + 'static>(
    source: &AtomicPtr<Node<C, T>>,
) -> &AtomicPtr<Inner<C, T>> {
    // SAFETY: an `AtomicPtr` has the layout of a pointer whatever it points to, and the two
    // pointees have the same layout: `Node` is transparent. The lifetimes are the same.
    unsafe { &*std::ptr::from_ref(source).cast() }
}

// SAFETY: both clauses are those of `C`, which does all of it.
unsafe impl<C: Contender> Contender for Instrumented<C> {
    const NAME: &'static str = C::NAME;
    type Node<T: Send + 'static> = Node<C, T>;
    type Local = C::Local;
    type Guard<'l> = C::Guard<'l>;

    fn new() -> Self {
        Self(C::new())
    }
    fn register(&self) -> C::Local {
        self.0.register()
    }
    #[inline(always)]
    fn pin<'l>(&'l self, local: &'l mut C::Local) -> C::Guard<'l> {
        self.0.pin(local)
    }
    #[inline(always)]
    fn alloc<T: Send + 'static>(&self, guard: &C::Guard<'_>, value: T) -> *mut Node<C, T> {
        self.0.alloc(guard, Tracked(value)).cast()
    }
    #[inline(always)]
    fn protect<T: Send + 'static>(
        guard: &mut C::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Node<C, T>>,
    ) -> *mut Node<C, T> {
        C::protect(guard, slot, inner(source)).cast()
    }
    #[inline(always)]
    fn protect_unmarked<T: Send + 'static>(
        guard: &mut C::Guard<'_>,
        slot: usize,
        source: &AtomicPtr<Node<C, T>>,
    ) -> *mut Node<C, T> {
        C::protect_unmarked(guard, slot, inner(source)).cast()
    }
    #[inline(always)]
    unsafe fn retire<T: Send + 'static>(&self, guard: &C::Guard<'_>, node: *mut Node<C, T>) {
        count(|line| &line.retired);
        // SAFETY: the caller's clauses.
        unsafe { self.0.retire(guard, node.cast::<Inner<C, T>>()) };
    }
    unsafe fn dealloc<T: Send + 'static>(node: *mut Node<C, T>) {
        // Its destructor counts it as freed, and it was not unreclaimed before.
        count(|line| &line.retired);
        // SAFETY: the caller's clauses.
        unsafe { C::dealloc(node.cast::<Inner<C, T>>()) };
    }
    fn flush(&self, local: &mut C::Local) {
        self.0.flush(local);
    }
}
