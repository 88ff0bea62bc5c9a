//! The contenders as subjects, and the clock alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{POINTERS, Payload, Subject, Times, now};
use crate::cells::Shared;
use crate::contender::{Contender, label};

/// What is timed of every library.
const CALLS: &[&str] = &["pin", "retire", "unpin", "whole operation"];
const PIN: usize = 0;
const RETIRE: usize = 1;
const UNPIN: usize = 2;
const WHOLE: usize = 3;

/// The pointer and, if it is to be replaced, the new value. The value is made before the clock
/// starts; its node is not.
fn choice(random: u64) -> (usize, Option<Payload>) {
    let replaces = random & 1 == 0;
    ((random >> 16) as usize % POINTERS, replaces.then(|| Box::new([random; 8])))
}

/// Records an operation that is over: it began, was pinned, had used the value, and was unpinned.
#[inline(always)]
fn record(times: &mut Times, at: [Instant; 4], retire: Option<Duration>) {
    let [start, pinned, used, end] = at;
    times.record(PIN, pinned - start);
    times.record(UNPIN, end - used);
    times.record(WHOLE, end - start);
    if let Some(retire) = retire {
        times.record(RETIRE, retire);
    }
}

/// Pointers over a contender.
pub struct Over<C: Contender> {
    contender: C,
    pointers: Vec<Shared<C, Payload>>,
}

impl<C: Contender> Subject for Over<C> {
    const CALLS: &'static [&'static str] = CALLS;
    type Local = C::Local;

    fn name() -> String {
        label(C::GROUP, C::NAME)
    }

    fn new() -> Self {
        let pointers = (0..POINTERS).map(|_| Shared::new(Box::new([0; 8]))).collect();
        Self { contender: C::new(), pointers }
    }
    fn register(&self) -> C::Local {
        self.contender.register()
    }

    #[inline(always)]
    fn step(&self, local: &mut C::Local, random: u64, times: &mut Times) {
        let (index, new) = choice(random);
        let pointer = &self.pointers[index];
        let start = now();
        let mut guard = self.contender.pin(local);
        let pinned = now();
        let (used, retire) = if let Some(new) = new {
            let old = pointer.swap(&guard, new);
            let swapped = now();
            // SAFETY: unlinked by the swap, once.
            unsafe { C::retire(&guard, old) };
            let retired = now();
            (retired, Some(retired - swapped))
        } else {
            black_box(pointer.read(&mut guard, |value| value[0]));
            (now(), None)
        };
        drop(guard);
        record(times, [start, pinned, used, now()], retire);
    }
}

/// Nothing between two looks at the clock: what it costs itself, and what the machine interrupts.
pub struct Clock;

impl Subject for Clock {
    const CALLS: &'static [&'static str] = &["nothing"];
    type Local = ();

    fn name() -> String {
        "the clock alone".to_owned()
    }

    fn new() -> Self {
        Self
    }
    fn register(&self) {}

    #[inline(always)]
    fn step(&self, (): &mut (), random: u64, times: &mut Times) {
        black_box(choice(random));
        let start = now();
        let end = now();
        times.record(0, end - start);
    }
}
