//! The thread that announces itself and reads.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use kovan_harness::random::XorShift;
use kovan_schemes::{Guard, Reclaimer, Shield};

use super::cold::{Cold, choose, wait};
use super::place::Place;

/// Reads exchange after exchange, until the writer says that it is enough.
pub(super) fn reads<R: Reclaimer>(place: &Place<R>, seed: u64, cold: &Cold) {
    let handle = place.domain.register();
    let mut random = XorShift::stream(seed, 1, 0);
    let mut ballast = Vec::new();
    let orders = &place.orders.0;
    loop {
        place.meet();
        if orders.stop.load(Relaxed) {
            return;
        }
        let delay = orders.delay.load(Relaxed);
        choose(&mut ballast, orders.ballast.load(Relaxed), &mut random);
        let wrong = if orders.inside.load(Relaxed) {
            let guard = handle.pin();
            let mut shield = guard.shield();
            // Whatever is there; only the era that this announces matters.
            guard.protect(&mut shield, &place.source.0);
            place.meet();
            place.meet();
            wait(delay);
            cold.store(&ballast);
            takes(place, &guard, &mut shield)
        } else {
            place.meet();
            wait(delay);
            cold.store(&ballast);
            let guard = handle.pin();
            let mut shield = guard.shield();
            takes(place, &guard, &mut shield)
        };
        if wrong {
            return place.meet();
        }
        if orders.flush.load(Relaxed) {
            handle.flush();
        }
    }
}

/// The reader's side of an exchange. Whether it was wronged.
fn takes<'h, R: Reclaimer>(
    place: &Place<R>,
    guard: &Guard<'h, R>,
    shield: &mut Shield<'h, R>,
) -> bool {
    let got = guard.protect(shield, &place.source.0);
    place.meet();
    let (node, number) = &place.old.0;
    // Compared only: if it was freed, nothing may be read from it.
    let old = got == node.load(Relaxed, guard);
    let wrong = old && place.freed.0.load(Acquire) >= number.load(Relaxed);
    place.outcome.0.old.store(old, Relaxed);
    place.outcome.0.wrong.store(wrong, Relaxed);
    wrong
}
