//! What a cell needs from a reclamation library.

use std::fmt;

/// How a program reaches what a library keeps for each of its threads. Libraries are compared
/// within a group only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The library finds the calling thread's state by itself, in every call.
    ThreadLocal,
    /// The thread keeps its state in its hands: a handle, a guard, or hazard pointers.
    Handle,
}

impl Group {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::ThreadLocal, Self::Handle];

    /// The name in records and options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThreadLocal => "thread-local",
            Self::Handle => "handle",
        }
    }

    /// The group of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A pointer to a value that a library manages. It may carry a mark, and then must be unmarked
/// before it is dereferenced. Its lifetime is for the caller to respect.
pub trait Pointer<T>: Copy + PartialEq {
    /// The null pointer.
    fn null() -> Self;
    /// Returns whether the pointer is null.
    fn is_null(self) -> bool;
    /// Returns whether the pointer is marked.
    fn is_marked(self) -> bool;
    /// Returns the pointer with its mark set.
    fn marked(self) -> Self;
    /// Returns the pointer with its mark cleared.
    fn unmarked(self) -> Self;
    /// Dereferences the pointer.
    ///
    /// # Safety
    /// The pointer is neither null nor marked, and its target is protected, or cannot be freed for
    /// another reason, during `'a`.
    unsafe fn deref<'a>(self) -> &'a T;
}

const MARK: usize = 1;

/// Libraries that leave the pointer to the program use its lowest bit as the mark.
impl<T> Pointer<T> for *mut T {
    #[inline(always)]
    fn null() -> Self {
        std::ptr::null_mut()
    }
    #[inline(always)]
    fn is_null(self) -> bool {
        self.is_null()
    }
    #[inline(always)]
    fn is_marked(self) -> bool {
        self.addr() & MARK != 0
    }
    #[inline(always)]
    fn marked(self) -> Self {
        const { assert!(align_of::<T>() > MARK) };
        self.map_addr(|address| address | MARK)
    }
    #[inline(always)]
    fn unmarked(self) -> Self {
        self.map_addr(|address| address & !MARK)
    }
    #[inline(always)]
    unsafe fn deref<'a>(self) -> &'a T {
        // SAFETY: the caller's clause.
        unsafe { &*self }
    }
}

/// A reclamation library, used through its own public interface as its documentation shows.
///
/// # Safety
/// 1. What `load` returns stays allocated until its guard ends, or until the same slot of the guard
///    protects something else, provided that the source is still reachable.
/// 2. The same holds for what `load_unmarked` returns, unless it is marked.
pub unsafe trait Contender: Send + Sync + Sized + 'static {
    /// The name in tables and records.
    const NAME: &'static str;
    /// The contenders that this one is compared with.
    const GROUP: Group;
    /// The pointer that loads return.
    type Pointer<T: Send + Sync + 'static>: Pointer<T>;
    /// The library's atomic pointer, or the standard one if it has none.
    type Atomic<T: Send + Sync + 'static>: Send + Sync;
    /// What a thread keeps between operations.
    type Local;
    /// A critical section.
    type Guard<'l>;

    /// Makes a fresh domain, or returns the process-wide one.
    fn new() -> Self;
    /// Registers the calling thread.
    fn register(&self) -> Self::Local;
    /// Begins a critical section.
    fn pin<'l>(&'l self, local: &'l mut Self::Local) -> Self::Guard<'l>;
    /// Makes a guard able to protect, where `pin` leaves that to the first load. Only the cell of an
    /// empty critical section calls it.
    #[inline(always)]
    fn arm(_guard: &mut Self::Guard<'_>) {}

    /// Allocates a node.
    fn alloc<T: Send + Sync + 'static>(value: T) -> Self::Pointer<T>;
    /// Frees a node that was never retired.
    ///
    /// # Safety
    /// The node came from `alloc`, and nobody else uses it.
    unsafe fn dealloc<T: Send + Sync + 'static>(node: Self::Pointer<T>);
    /// Retires a node.
    ///
    /// # Safety
    /// The node came from `alloc`, is unlinked, and is retired once.
    unsafe fn retire<T: Send + Sync + 'static>(guard: &Self::Guard<'_>, node: Self::Pointer<T>);
    /// Frees what can be freed now, as far as the library has a function for that.
    fn flush(&self, local: &mut Self::Local);

    /// Makes an atomic pointer.
    fn atomic<T: Send + Sync + 'static>(pointer: Self::Pointer<T>) -> Self::Atomic<T>;
    /// Loads a pointer with acquire ordering and protects it in `slot`, which is below 3.
    fn load<T: Send + Sync + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &Self::Atomic<T>,
    ) -> Self::Pointer<T>;
    /// Loads and protects as [`load`](Self::load) does, from a source whose pointers may be marked.
    /// A marked pointer is returned without protection. A library that protects single addresses
    /// must not be given a marked one: it is not the address that is retired.
    #[inline(always)]
    fn load_unmarked<T: Send + Sync + 'static>(
        guard: &mut Self::Guard<'_>,
        slot: usize,
        source: &Self::Atomic<T>,
    ) -> Self::Pointer<T> {
        Self::load(guard, slot, source)
    }
    /// Loads a pointer with acquire ordering that is only compared or stored.
    fn peek<T: Send + Sync + 'static>(
        guard: &Self::Guard<'_>,
        source: &Self::Atomic<T>,
    ) -> Self::Pointer<T>;
    /// Stores into the link of a node that is not published yet.
    fn store<T: Send + Sync + 'static>(target: &Self::Atomic<T>, pointer: Self::Pointer<T>);
    /// Replaces the pointer and returns the old one, which the caller may then retire.
    fn swap<T: Send + Sync + 'static>(
        guard: &Self::Guard<'_>,
        target: &Self::Atomic<T>,
        new: Self::Pointer<T>,
    ) -> Self::Pointer<T>;
    /// Replaces the pointer if it is `current`.
    ///
    /// # Errors
    /// The pointer that was there instead. It is not protected.
    fn compare_exchange<T: Send + Sync + 'static>(
        guard: &Self::Guard<'_>,
        target: &Self::Atomic<T>,
        current: Self::Pointer<T>,
        new: Self::Pointer<T>,
    ) -> Result<(), Self::Pointer<T>>;
    /// Reads the pointer where no other thread is left, as in a destructor.
    ///
    /// # Safety
    /// No other thread uses `source`.
    unsafe fn load_exclusive<T: Send + Sync + 'static>(
        source: &Self::Atomic<T>,
    ) -> Self::Pointer<T>;
}

/// Names a contender in a table that shows both groups.
#[must_use]
pub fn label(group: Group, name: &str) -> String {
    match group {
        Group::ThreadLocal => name.to_owned(),
        Group::Handle => format!("{name}, handle"),
    }
}
