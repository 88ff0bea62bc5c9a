//! sdd with `AtomicRaw`, which its documentation recommends for structures that must be fast.

use std::sync::atomic::Ordering;

use sdd::{AtomicRaw, Guard, Owned, RawPtr, Tag};

use crate::contender::{Contender, Group, Pointer};

impl<T: 'static> Pointer<T> for RawPtr<'static, T> {
    #[inline(always)]
    fn null() -> Self {
        RawPtr::null()
    }
    #[inline(always)]
    fn is_null(self) -> bool {
        RawPtr::is_null(&self)
    }
    #[inline(always)]
    fn is_marked(self) -> bool {
        self.tag() != Tag::None
    }
    #[inline(always)]
    fn marked(self) -> Self {
        self.with_tag(Tag::First)
    }
    #[inline(always)]
    fn unmarked(self) -> Self {
        self.without_tag()
    }
    #[inline(always)]
    unsafe fn deref<'a>(self) -> &'a T {
        // SAFETY: the caller's clause: not null, not tagged, and allocated during `'a`.
        unsafe { &*self.into_ptr().as_ptr_unchecked() }
    }
}

/// Forgets which guard a pointer was loaded under: its user keeps the guard.
#[inline(always)]
fn untied<T>(pointer: RawPtr<'_, T>) -> RawPtr<'static, T> {
    // SAFETY: only the lifetime changes, and with it nothing of the layout. It is a raw pointer, so
    // nothing is promised of its target; the cells dereference it only under its guard.
    unsafe { std::mem::transmute::<RawPtr<'_, T>, RawPtr<'static, T>>(pointer) }
}

/// sdd through `Guard::new`. It has no handles.
#[derive(Debug)]
pub struct Sdd;

// SAFETY: a guard of sdd protects everything that was reachable while it lives.
unsafe impl Contender for Sdd {
    const NAME: &'static str = "sdd";
    const GROUP: Group = Group::ThreadLocal;
    type Pointer<T: Send + Sync + 'static> = RawPtr<'static, T>;
    type Atomic<T: Send + Sync + 'static> = AtomicRaw<T>;
    type Local = ();
    type Guard<'l> = Guard;

    fn new() -> Self {
        Self
    }
    fn register(&self) {}
    #[inline(always)]
    fn pin<'l>(&'l self, (): &'l mut ()) -> Guard {
        Guard::new()
    }
    #[inline(always)]
    fn alloc<T: Send + Sync + 'static>(value: T) -> RawPtr<'static, T> {
        Owned::new(value).into_raw()
    }
    unsafe fn dealloc<T: Send + Sync + 'static>(node: RawPtr<'static, T>) {
        // SAFETY: the caller's clauses: `alloc` gave up this owner, and nobody else uses the node.
        unsafe {
            if let Some(owned) = Owned::from_raw(node) {
                owned.drop_in_place();
            }
        }
    }
    #[inline(always)]
    unsafe fn retire<T: Send + Sync + 'static>(_: &Guard, node: RawPtr<'static, T>) {
        // An owner retires its value when it is dropped.
        // SAFETY: the caller's clauses: `alloc` gave up this owner, and it is taken back once.
        drop(unsafe { Owned::from_raw(node) });
    }
    fn flush(&self, (): &mut ()) {
        let guard = Guard::new();
        guard.set_has_garbage();
        guard.accelerate();
    }

    #[inline(always)]
    fn atomic<T: Send + Sync + 'static>(pointer: RawPtr<'static, T>) -> AtomicRaw<T> {
        AtomicRaw::new(pointer)
    }
    #[inline(always)]
    fn load<T: Send + Sync + 'static>(
        guard: &mut Guard,
        _: usize,
        source: &AtomicRaw<T>,
    ) -> RawPtr<'static, T> {
        untied(source.load(Ordering::Acquire, guard))
    }
    #[inline(always)]
    fn peek<T: Send + Sync + 'static>(guard: &Guard, source: &AtomicRaw<T>) -> RawPtr<'static, T> {
        untied(source.load(Ordering::Acquire, guard))
    }
    #[inline(always)]
    fn store<T: Send + Sync + 'static>(target: &AtomicRaw<T>, pointer: RawPtr<'static, T>) {
        target.store(pointer, Ordering::Relaxed);
    }
    #[inline(always)]
    fn swap<T: Send + Sync + 'static>(
        guard: &Guard,
        target: &AtomicRaw<T>,
        new: RawPtr<'static, T>,
    ) -> RawPtr<'static, T> {
        untied(target.swap(new, Ordering::AcqRel, guard))
    }
    #[inline(always)]
    fn compare_exchange<T: Send + Sync + 'static>(
        guard: &Guard,
        target: &AtomicRaw<T>,
        current: RawPtr<'static, T>,
        new: RawPtr<'static, T>,
    ) -> Result<(), RawPtr<'static, T>> {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        match target.compare_exchange(current, new, success, failure, guard) {
            Ok(_) => Ok(()),
            Err(now) => Err(untied(now)),
        }
    }
    unsafe fn load_exclusive<T: Send + Sync + 'static>(
        source: &AtomicRaw<T>,
    ) -> RawPtr<'static, T> {
        untied(source.load(Ordering::Relaxed, &Guard::new()))
    }
}
