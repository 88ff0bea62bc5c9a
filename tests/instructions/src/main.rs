//! What `ci/instructions` counts: a pin, a swap, a retirement and an unpin through the public functions,
//! beside what their allocation and free take alone. Usage: `instructions swap|alloc TIMES`.

use std::hint::black_box;
use std::sync::atomic::Ordering::AcqRel;

use kovan::{Atomic, Shared, pin, retire};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 40 bytes.
type Node = [usize; 5];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (what, times) = (arguments.next(), arguments.next().and_then(|times| times.parse().ok()));
    match (what.as_deref(), times) {
        (Some("alloc"), Some(times)) => alloc(times),
        (Some("swap"), Some(times)) => swap(times),
        _ => {
            eprintln!("usage: instructions swap|alloc TIMES");
            std::process::exit(2);
        }
    }
}

#[inline(never)]
fn alloc(times: usize) {
    for i in 0..times {
        drop(black_box(Box::<Node>::new([i; 5])));
    }
}

#[inline(never)]
fn swap(times: usize) {
    let place = Atomic::<Node>::new(Box::into_raw(Box::new([0; 5])));
    for i in 0..times {
        let guard = pin();
        // SAFETY: a box that was not published yet.
        let new = unsafe { Shared::from_raw(Box::into_raw(Box::new([i; 5]))) };
        let old = place.swap(new, AcqRel, &guard);
        // SAFETY: unlinked by the swap, and retired once.
        unsafe { retire(old.as_raw()) };
    }
}
