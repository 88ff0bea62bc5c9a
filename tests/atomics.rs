//! Atomic pointers and cells: tags, orderings, updates, and whose guard it is.
#![cfg(not(kovan_shuttle))] // Its atomics are not those of this crate then.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, Ordering::SeqCst};
use std::thread;

mod common;

use common::{Counted, scaled};
use kovan::{Atomic, Collector, DefaultMode, Guard, Handle, Mode, Region, Robust, Shared};

fn boxed<T>(value: T) -> Shared<'static, T> {
    unsafe { Shared::from_raw(Box::into_raw(Box::new(value))) }
}

/// Ends a value that was never published, or is not any more.
fn end<T>(value: Shared<'_, T>) -> T {
    *unsafe { Box::from_raw(value.with_tag(0).as_raw()) }
}

#[test]
fn guards_and_handles_know_their_collector() {
    fn case<M: Mode>() {
        let (one, two) = (Collector::<M>::new(), Collector::<M>::new());
        assert!(one == one.clone() && one != two);
        let (first, second) = (one.register(), one.clone().register());
        let guard = first.pin();
        assert!(guard.collector() == &one && guard.collector() != &two);
        assert!(first.collector() == second.collector());
        assert!(first.collector() != two.register().collector());
        // The collector of a guard is a collector: it may be kept, and registered with.
        let kept = guard.collector().clone();
        drop((guard, first, second, one));
        drop(kept.register().pin());
        assert_eq!(kept.stats().threads, 0);
    }
    case::<Region>();
    case::<Robust>();
    case::<DefaultMode>();
    #[cfg(feature = "std")]
    {
        let _turn = common::turn();
        assert!(kovan::pin().collector() == kovan::collector());
    }
}

#[test]
fn tags_are_the_bits_that_the_alignment_leaves() {
    /// Aligned to 8 bytes on all processors.
    #[derive(Debug, PartialEq)]
    #[repr(align(8))]
    struct Aligned(u64);

    let value = boxed(Aligned(7));
    assert_eq!(value.tag(), 0);
    for tag in 0..8 {
        let tagged = value.with_tag(tag);
        assert_eq!((tagged.tag(), tagged == value), (tag, tag == 0));
        assert_eq!(tagged.with_tag(0), value);
        assert_eq!(unsafe { tagged.with_tag(0).deref() }, &Aligned(7));
    }
    // Too large a tag is cut, and no tag is left where there is no bit for one.
    assert_eq!(value.with_tag(8 + 5).tag(), 5);
    assert_eq!(end(value), Aligned(7));
    let byte = boxed(7_u8);
    assert_eq!((byte.with_tag(1).tag(), byte.with_tag(1) == byte), (0, true));
    end(byte);
    // A null pointer with a tag is not null.
    let null = Shared::<Aligned>::null();
    assert!(
        null.is_null() && !null.with_tag(1).is_null() && null.with_tag(1).with_tag(0).is_null()
    );
}

#[test]
fn an_exchange_compares_the_tag_too() {
    fn case<M: Mode>(handle: &Handle<M>) {
        let guard = handle.pin();
        let value = boxed(7_u64);
        let atomic = Atomic::null();
        assert!(atomic.swap(value.with_tag(1), SeqCst, &guard).is_null());
        let seen = atomic.compare_exchange(value, Shared::null(), SeqCst, SeqCst, &guard);
        assert_eq!(seen, Err(value.with_tag(1)), "it has a mark");
        assert_eq!(atomic.load(SeqCst, &guard).tag(), 1);
        let old = atomic.compare_exchange(value.with_tag(1), value, SeqCst, SeqCst, &guard);
        assert_eq!((old, atomic.load(SeqCst, &guard)), (Ok(value.with_tag(1)), value));
        end(value);
    }
    case(&Collector::<Region>::new().register());
    case(&Collector::<Robust>::new().register());
}

/// Retires what is replaced, if there was something.
fn retire<M: Mode>(guard: &Guard<M>, old: Shared<'_, Sum>) {
    if !old.is_null() {
        unsafe { guard.retire(old.as_raw()) };
    }
}

struct Sum(usize, #[expect(dead_code, reason = "it counts")] Counted);

#[test]
fn an_update_goes_on_until_nobody_comes_in_between() {
    fn case<M: Mode>() {
        const THREADS: usize = 3;
        let each = scaled(5000);
        let collector = Collector::<M>::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let made = AtomicUsize::new(0);
        let atomic = Atomic::null();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let handle = collector.register();
                    for _ in 0..each {
                        let guard = handle.pin();
                        // One node for all tries of an update.
                        let new = Box::into_raw(Box::new(Sum(0, Counted(Arc::clone(&drops)))));
                        made.fetch_add(1, SeqCst);
                        let old =
                            atomic.fetch_update(SeqCst, SeqCst, &guard, |now: Shared<'_, Sum>| {
                                let sum = unsafe { now.as_ref() }.map_or(0, |sum| sum.0);
                                unsafe { (*new).0 = sum + 1 };
                                Some(unsafe { Shared::from_raw(new) })
                            });
                        retire(&guard, old.unwrap());
                    }
                });
            }
        });
        let handle = collector.register();
        let guard = handle.pin();
        let refused = atomic.fetch_update(SeqCst, Ordering::Relaxed, &guard, |_| None);
        assert_eq!(unsafe { refused.unwrap_err().deref() }.0, THREADS * each);
        retire(&guard, atomic.swap(Shared::null(), SeqCst, &guard));
        drop(guard);
        handle.flush();
        handle.flush();
        assert_eq!(drops.load(SeqCst), made.load(SeqCst));
    }
    case::<Region>();
    case::<Robust>();
}

/// The weakest orderings that a program can name are strong enough to publish a value and to read it:
/// ThreadSanitizer has no report here (`ci/thread-sanitizer`).
#[test]
fn a_relaxed_publication_publishes() {
    use Ordering::Relaxed;
    type Publish = fn(&Atomic<[u64; 4]>, Shared<'_, [u64; 4]>, &Guard<Region>);
    let publish: [Publish; 5] = [
        |atomic, new, _| atomic.store(new, Relaxed),
        |atomic, new, guard| _ = atomic.swap(new, Relaxed, guard),
        |atomic, new, guard| {
            let null = Shared::null();
            assert!(atomic.compare_exchange(null, new, Relaxed, Relaxed, guard).is_ok());
        },
        |atomic, new, guard| {
            let null = Shared::null();
            while atomic.compare_exchange_weak(null, new, Relaxed, Relaxed, guard).is_err() {}
        },
        |atomic, new, guard| {
            assert!(atomic.fetch_update(Relaxed, Relaxed, guard, |_| Some(new)).is_ok());
        },
    ];
    for publish in publish {
        for _ in 0..100 {
            let collector = Collector::<Region>::new();
            let atomic = Atomic::null();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let handle = collector.register();
                    publish(&atomic, boxed([1, 2, 3, 4]), &handle.pin());
                });
                let handle = collector.register();
                loop {
                    let guard = handle.pin();
                    if let Some(value) = unsafe { atomic.load(Relaxed, &guard).as_ref() } {
                        break assert_eq!(value, &[1, 2, 3, 4]);
                    }
                    thread::yield_now();
                }
            });
            let handle = collector.register();
            let guard = handle.pin();
            end(atomic.swap(Shared::null(), Relaxed, &guard));
        }
    }
}

#[cfg(feature = "std")]
mod cells {
    use super::*;
    use common::turn;
    use kovan::{Atom, AtomMap, AtomOption};

    #[test]
    fn an_option_is_swapped() {
        let _turn = turn();
        let option = AtomOption::none();
        assert!(option.swap(None).is_none() && option.swap(Some(1)).is_none());
        assert_eq!(option.swap(Some(2)).as_deref(), Some(&1));
        let seen = option.load();
        assert_eq!(option.swap(None).as_deref(), Some(&2));
        assert!(option.is_none());
        assert_eq!(seen.as_deref(), Some(&2), "it stays as long as its guard");
    }

    #[test]
    fn an_option_is_exchanged_by_identity() {
        let _turn = turn();
        let option = AtomOption::none();
        assert_eq!(option.compare_and_swap(None, 1).as_deref(), Ok(&1));
        assert_eq!(option.compare_and_swap(None, 2).unwrap_err(), 2, "it is not empty");
        let first = option.load();
        option.store_some(1);
        let refused = option.compare_and_swap(first.as_ref(), 3);
        assert_eq!(refused.unwrap_err(), 3, "equal, but not the same");
        let now = option.load();
        assert_eq!(option.compare_and_swap(now.as_ref(), 4).as_deref(), Ok(&4));
        option.store_none();
        assert_eq!(option.compare_and_swap(now.as_ref(), 5).unwrap_err(), 5);
    }

    #[test]
    fn updates_of_an_option_are_not_lost() {
        let _turn = turn();
        let each = scaled(3000);
        let drops = Arc::new(AtomicUsize::new(0));
        let option = AtomOption::<Sum>::none();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..each {
                        option.rcu(|now| {
                            Sum(now.map_or(1, |sum| sum.0 + 1), Counted(Arc::clone(&drops)))
                        });
                    }
                });
            }
        });
        assert_eq!(option.load().unwrap().0, 3 * each);
        drop(option);
        assert!(common::flush_until(|| Arc::strong_count(&drops) == 1), "never dropped");
    }

    #[test]
    fn a_view_may_be_of_a_part_without_a_size() {
        let _turn = turn();
        let atom = Atom::new((vec![1, 2, 3], String::from("abc"), 4_u8));
        let slice = atom.map(|all| &all.0[1..]);
        let text: AtomMap<'_, _, str, _> = atom.map(|all| all.1.as_str());
        let number = atom.map::<dyn std::fmt::Debug, _>(|all| &all.2);
        let (seen, read) = (slice.load(), text.load());
        atom.store((vec![5], String::from("d"), 6));
        for _ in 0..10 {
            kovan::flush();
        }
        assert_eq!((&*seen, &*read), (&[2, 3][..], "abc"), "they stay as long as their guards");
        assert_eq!((slice.load().len(), &*text.load()), (0, "d"));
        assert_eq!(format!("{:?}", number.load()), "6");
    }
}
