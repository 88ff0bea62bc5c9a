//! The atomics of shuttle, with a count of every operation of every thread: what the bounds of
//! `docs/PROTOCOL.md` are checked against.
//!
//! A step is an operation on an atomic or a fence. `barrier::heavy` is a step where it is a fence;
//! a process-wide barrier is a system call, and not counted.

use std::cell::RefCell;
#[cfg(test)]
use std::ops::Sub;
use std::ops::{Deref, DerefMut};
use std::vec::Vec;

use shuttle::current::get_current_task;
use shuttle::sync::atomic;
pub(crate) use shuttle::sync::atomic::Ordering;

/// What a thread has done since its execution began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) all: usize,
    /// Links acknowledged. The only counter of the library that is lowered is the one of a batch,
    /// once per link.
    pub(crate) links: usize,
    /// Batches whose last link that was.
    pub(crate) batches: usize,
    /// Batches that it has pushed. The counter of a batch is raised once for each time.
    pub(crate) sent: usize,
}

#[cfg(test)]
impl Sub for Steps {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self {
            all: self.all - earlier.all,
            links: self.links - earlier.links,
            batches: self.batches - earlier.batches,
            sent: self.sent - earlier.sent,
        }
    }
}

std::thread_local! {
    /// The steps of each task. All tasks of a test run on one thread of the system, and tests on
    /// different ones.
    static STEPS: RefCell<Vec<Steps>> = const { RefCell::new(Vec::new()) };
}

/// The steps of the calling thread so far. To subtract from each other.
#[cfg(test)]
pub(crate) fn steps() -> Steps {
    let mut steps = Steps::default();
    with_mine(|mine| steps = *mine);
    steps
}

fn with_mine(change: impl FnOnce(&mut Steps)) {
    let Some(task) = get_current_task().map(usize::from) else { return };
    STEPS.with_borrow_mut(|all| {
        if all.len() <= task {
            all.resize(task + 1, Steps::default());
        }
        change(&mut all[task]);
    });
}

fn step() {
    with_mine(|mine| mine.all += 1);
}

/// A fence; nothing in a sequentially consistent execution, but a step.
pub(crate) fn fence(order: Ordering) {
    step();
    atomic::fence(order);
}

/// An atomic. Each call of one of its methods is one operation, so taking a reference to call one
/// is what is counted.
#[derive(Debug)]
pub struct Counted<A>(A);

pub(crate) type AtomicBool = Counted<atomic::AtomicBool>;
pub(crate) type AtomicI32 = Counted<atomic::AtomicI32>;
pub(crate) type AtomicIsize = Counted<atomic::AtomicIsize>;
pub(crate) type AtomicPtr<T> = Counted<atomic::AtomicPtr<T>>;
pub(crate) type AtomicU64 = Counted<atomic::AtomicU64>;
pub(crate) type AtomicUsize = Counted<atomic::AtomicUsize>;

impl<A> Deref for Counted<A> {
    type Target = A;
    fn deref(&self) -> &A {
        step();
        &self.0
    }
}

/// Exclusive access is no atomic operation.
impl<A> DerefMut for Counted<A> {
    fn deref_mut(&mut self) -> &mut A {
        &mut self.0
    }
}

macro_rules! constructors {
    ($($atomic:ident of $value:ty),*) => {
        $(impl Counted<atomic::$atomic> {
            pub(crate) const fn new(value: $value) -> Self {
                Self(atomic::$atomic::new(value))
            }
        })*
    };
}
constructors!(AtomicBool of bool, AtomicI32 of i32, AtomicIsize of isize, AtomicU64 of u64, AtomicUsize of usize);

impl<T> Counted<atomic::AtomicPtr<T>> {
    pub(crate) const fn new(value: *mut T) -> Self {
        Self(atomic::AtomicPtr::new(value))
    }
}

impl Counted<atomic::AtomicIsize> {
    pub(crate) fn fetch_add(&self, value: isize, order: Ordering) -> isize {
        with_mine(|mine| mine.sent += 1);
        (**self).fetch_add(value, order)
    }

    pub(crate) fn fetch_sub(&self, value: isize, order: Ordering) -> isize {
        let was = (**self).fetch_sub(value, order);
        with_mine(|mine| {
            mine.links += 1;
            mine.batches += usize::from(was == value);
        });
        was
    }
}
