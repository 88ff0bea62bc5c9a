//! Any contender with its nodes counted: all of them by the same code, at the same places.
//!
//! A node is counted when it is handed to the contender and when its destructor runs, so nodes that
//! live in a structure are in neither count, and what is between is unreclaimed. Every thread counts
//! in a cache line of its own with plain loads and stores; what a thread frees is counted by it,
//! whoever retired it. Nodes are as large as without the counting.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::contender::{Contender, Group, Pointer};

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
/// The numbers of threads without a line.
static OTHERS: Line = Line { retired: AtomicU64::new(0), freed: AtomicU64::new(0) };

thread_local! {
    /// The calling thread's line. The value needs no destructor, so that destructors of other
    /// thread-local values can still count.
    static MINE: Cell<Option<&'static Line>> = const { Cell::new(None) };
}

/// Makes the calling thread count in that line from now on. Counts are lost if two threads have the
/// same line at once.
pub fn count_in(line: usize) {
    MINE.set(Some(&COUNTS[line]));
}

#[inline(always)]
fn count(number: fn(&Line) -> &AtomicU64) {
    match MINE.get() {
        // A line has one writer, so its counts need no atomic addition.
        Some(line) => {
            let number = number(line);
            number.store(number.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        None => {
            number(&OTHERS).fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Returns how many nodes of all contenders are retired and not freed, as seen by a thread that
/// looks at one line after the other.
#[must_use]
pub fn unreclaimed() -> i64 {
    let lines = || COUNTS.iter().chain([&OTHERS]);
    // What is freed comes first, so that a node that is retired and freed meanwhile does not count
    // as minus one.
    let freed: u64 = lines().map(|line| line.freed.load(Ordering::Relaxed)).sum();
    let retired: u64 = lines().map(|line| line.retired.load(Ordering::Relaxed)).sum();
    retired.wrapping_sub(freed).cast_signed()
}

/// A value whose destructor is counted. It is as large as the value.
#[repr(transparent)]
pub struct Tracked<T>(T);

impl<T> Drop for Tracked<T> {
    #[inline(always)]
    fn drop(&mut self) {
        count(|line| &line.freed);
    }
}

/// A pointer of `C` to a tracked value.
pub struct TrackedPointer<C: Contender, T: Send + Sync + 'static>(C::Pointer<Tracked<T>>);

impl<C: Contender, T: Send + Sync + 'static> Clone for TrackedPointer<C, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C: Contender, T: Send + Sync + 'static> Copy for TrackedPointer<C, T> {}
impl<C: Contender, T: Send + Sync + 'static> PartialEq for TrackedPointer<C, T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<C: Contender, T: Send + Sync + 'static> Pointer<T> for TrackedPointer<C, T> {
    #[inline(always)]
    fn null() -> Self {
        Self(Pointer::null())
    }
    #[inline(always)]
    fn is_null(self) -> bool {
        self.0.is_null()
    }
    #[inline(always)]
    fn is_marked(self) -> bool {
        self.0.is_marked()
    }
    #[inline(always)]
    fn marked(self) -> Self {
        Self(self.0.marked())
    }
    #[inline(always)]
    fn unmarked(self) -> Self {
        Self(self.0.unmarked())
    }
    #[inline(always)]
    unsafe fn deref<'a>(self) -> &'a T {
        // SAFETY: the caller's clause.
        let tracked: &'a Tracked<T> = unsafe { self.0.deref() };
        &tracked.0
    }
}

/// `C` with its nodes counted.
pub struct Instrumented<C>(C);

// SAFETY: both clauses are those of `C`, which does all of it.
unsafe impl<C: Contender> Contender for Instrumented<C> {
    const NAME: &'static str = C::NAME;
    const GROUP: Group = C::GROUP;
    type Pointer<T: Send + Sync + 'static> = TrackedPointer<C, T>;
    type Atomic<T: Send + Sync + 'static> = C::Atomic<Tracked<T>>;
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
    fn arm(guard: &mut C::Guard<'_>) {
        C::arm(guard);
    }
    #[inline(always)]
    fn alloc<T: Send + Sync + 'static>(value: T) -> TrackedPointer<C, T> {
        TrackedPointer(C::alloc(Tracked(value)))
    }
    unsafe fn dealloc<T: Send + Sync + 'static>(node: TrackedPointer<C, T>) {
        // Its destructor counts it as freed, and it was not unreclaimed before.
        count(|line| &line.retired);
        // SAFETY: the caller's clauses.
        unsafe { C::dealloc(node.0) };
    }
    #[inline(always)]
    unsafe fn retire<T: Send + Sync + 'static>(guard: &C::Guard<'_>, node: TrackedPointer<C, T>) {
        count(|line| &line.retired);
        // SAFETY: the caller's clauses.
        unsafe { C::retire(guard, node.0) };
    }
    fn flush(&self, local: &mut C::Local) {
        self.0.flush(local);
    }

    #[inline(always)]
    fn atomic<T: Send + Sync + 'static>(pointer: TrackedPointer<C, T>) -> Self::Atomic<T> {
        C::atomic(pointer.0)
    }
    #[inline(always)]
    fn load<T: Send + Sync + 'static>(
        guard: &mut C::Guard<'_>,
        slot: usize,
        source: &Self::Atomic<T>,
    ) -> TrackedPointer<C, T> {
        TrackedPointer(C::load(guard, slot, source))
    }
    #[inline(always)]
    fn load_unmarked<T: Send + Sync + 'static>(
        guard: &mut C::Guard<'_>,
        slot: usize,
        source: &Self::Atomic<T>,
    ) -> TrackedPointer<C, T> {
        TrackedPointer(C::load_unmarked(guard, slot, source))
    }
    #[inline(always)]
    fn peek<T: Send + Sync + 'static>(
        guard: &C::Guard<'_>,
        source: &Self::Atomic<T>,
    ) -> TrackedPointer<C, T> {
        TrackedPointer(C::peek(guard, source))
    }
    #[inline(always)]
    fn store<T: Send + Sync + 'static>(target: &Self::Atomic<T>, pointer: TrackedPointer<C, T>) {
        C::store(target, pointer.0);
    }
    #[inline(always)]
    fn swap<T: Send + Sync + 'static>(
        guard: &C::Guard<'_>,
        target: &Self::Atomic<T>,
        new: TrackedPointer<C, T>,
    ) -> TrackedPointer<C, T> {
        TrackedPointer(C::swap(guard, target, new.0))
    }
    #[inline(always)]
    fn compare_exchange<T: Send + Sync + 'static>(
        guard: &C::Guard<'_>,
        target: &Self::Atomic<T>,
        current: TrackedPointer<C, T>,
        new: TrackedPointer<C, T>,
    ) -> Result<(), TrackedPointer<C, T>> {
        C::compare_exchange(guard, target, current.0, new.0).map_err(TrackedPointer)
    }
    unsafe fn load_exclusive<T: Send + Sync + 'static>(
        source: &Self::Atomic<T>,
    ) -> TrackedPointer<C, T> {
        // SAFETY: the caller's clause.
        TrackedPointer(unsafe { C::load_exclusive(source) })
    }
}
