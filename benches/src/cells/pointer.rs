//! One shared pointer.

use std::hint::black_box;
use std::marker::PhantomData;

use super::{Cell, Payload};
use crate::contender::{Contender, Pointer};

/// One shared pointer, never null.
pub struct Shared<C: Contender, T: Send + Sync + 'static>(C::Atomic<T>);

impl<C: Contender, T: Send + Sync + 'static> Shared<C, T> {
    /// Makes a pointer to a value.
    pub fn new(value: T) -> Self {
        Self(C::atomic(C::alloc(value)))
    }

    /// Reads the value.
    #[inline(always)]
    pub fn read<O>(&self, guard: &mut C::Guard<'_>, read: impl FnOnce(&T) -> O) -> O {
        // SAFETY: protected by the guard, whose first slot protects nothing else before `read`
        // returns; never null, and never marked.
        read(unsafe { C::load(guard, 0, &self.0).deref() })
    }

    /// Replaces the value. The old node is unlinked, and the caller's to retire.
    #[inline(always)]
    pub fn swap(&self, guard: &C::Guard<'_>, value: T) -> C::Pointer<T> {
        C::swap(guard, &self.0, C::alloc(value))
    }

    /// Replaces the value, and retires the old node.
    #[inline(always)]
    pub fn replace(&self, guard: &C::Guard<'_>, value: T) {
        let old = self.swap(guard, value);
        // SAFETY: unlinked by the swap, once.
        unsafe { C::retire(guard, old) };
    }
}

impl<C: Contender, T: Send + Sync + 'static> Drop for Shared<C, T> {
    fn drop(&mut self) {
        // SAFETY: nobody else is left, and what is linked was not retired.
        unsafe { C::dealloc(C::load_exclusive(&self.0)) };
    }
}

/// An empty critical section.
pub struct Pin<C>(PhantomData<C>);
impl<C: Contender> Cell<C> for Pin<C> {
    const NAME: &'static str = "pin+unpin";
    const BYTES: usize = 0;
    fn new(_: &C) -> Self {
        Self(PhantomData)
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, _: u64) {
        let mut guard = contender.pin(local);
        C::arm(&mut guard);
        black_box(&mut guard);
    }
}

/// A word, which a cell only loads.
type Word = Payload<1>;

/// A critical section with one protected load.
pub struct PinLoad<C: Contender>(Shared<C, Word>);
impl<C: Contender> Cell<C> for PinLoad<C> {
    const NAME: &'static str = "pin+load";
    const BYTES: usize = Word::BYTES;
    fn new(_: &C) -> Self {
        Self(Shared::new(Word::of(0)))
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, _: u64) {
        black_box(self.0.read(&mut contender.pin(local), Word::read));
    }
}

/// A hundred protected loads in one critical section.
pub struct Loads<C: Contender>(Shared<C, Word>);
impl<C: Contender> Cell<C> for Loads<C> {
    const NAME: &'static str = "one of 100 loads";
    const BYTES: usize = Word::BYTES;
    const OPERATIONS: u64 = 100;
    fn new(_: &C) -> Self {
        Self(Shared::new(Word::of(0)))
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, _: u64) {
        let mut guard = contender.pin(local);
        for _ in 0..Self::OPERATIONS {
            black_box(self.0.read(&mut guard, Word::read));
        }
    }
}

/// Allocate, swap, retire.
pub struct Replace<C: Contender, const WORDS: usize>(Shared<C, Payload<WORDS>>);
impl<C: Contender, const WORDS: usize> Cell<C> for Replace<C, WORDS> {
    const NAME: &'static str = "swap+retire";
    const BYTES: usize = Payload::<WORDS>::BYTES;
    fn new(_: &C) -> Self {
        Self(Shared::new(Payload::of(0)))
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
        self.0.replace(&contender.pin(local), Payload::of(random));
    }
}

/// The name of the cell that reads in `READS` of a hundred operations and replaces in the others.
#[must_use]
pub const fn mixed_name(reads: u64) -> &'static str {
    match reads {
        95 => "one cell 95/5",
        50 => "one cell 50/50",
        _ => panic!("no cell has this mix"),
    }
}

/// Returns whether an operation replaces the value.
#[inline(always)]
#[must_use]
pub fn mixed_replaces<const READS: u64>(random: u64) -> bool {
    random % 100 >= READS
}

/// Reads of the value, `READS` of a hundred operations, and replacements.
pub struct Mixed<C: Contender, const WORDS: usize, const READS: u64>(Shared<C, Payload<WORDS>>);
impl<C: Contender, const WORDS: usize, const READS: u64> Cell<C> for Mixed<C, WORDS, READS> {
    const NAME: &'static str = mixed_name(READS);
    const BYTES: usize = Payload::<WORDS>::BYTES;
    fn new(_: &C) -> Self {
        Self(Shared::new(Payload::of(0)))
    }
    #[inline(always)]
    fn step(&self, contender: &C, local: &mut C::Local, random: u64) {
        let mut guard = contender.pin(local);
        if mixed_replaces::<READS>(random) {
            self.0.replace(&guard, Payload::of(random));
        } else {
            black_box(self.0.read(&mut guard, Payload::read));
        }
    }
}
