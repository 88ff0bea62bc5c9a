//! Coroutines that stop inside operations, and which of them goes on.

use std::cell::Cell;
use std::rc::Rc;

use corosensei::{Coroutine, Yielder};
use kovan_schemes::canary::{Place, at_points, pause};

use super::script::{Hand, Script, Step};

/// Coroutines, each with a handle.
pub(super) const CREW: usize = 5;
/// What is assumed of a kind of step that has not run yet.
const POINTS: u32 = 16;

/// Why a coroutine has stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It is in the middle of its part of a script.
    Stopped,
    /// Its part of the script is over.
    Ended,
}

/// What a coroutine is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    GoOn,
    /// Stops after so many writes: so many points later, or right before the next one.
    Until(u32, Option<u32>),
    Leave,
}

type Talk = Yielder<Order, Said>;

/// The coroutines of a round.
pub(super) struct Crew(Vec<Coroutine<Order, Said, ()>>);

impl Crew {
    pub(super) fn new(script: &Rc<Script>) -> Self {
        let part = |id| {
            let script = Rc::clone(script);
            Coroutine::new(move |talk: &Talk, mut order| {
                let hand = Hand::new(&script, id);
                while order != Order::Leave {
                    let until = Cell::new(None);
                    let part =
                        Part { script: &script, hand: &hand, talk, point: Point::default(), until };
                    part.hear(order);
                    part.play(id);
                    order = talk.suspend(Said::Ended);
                }
            })
        };
        Self((0..CREW).map(part).collect())
    }

    /// Plays a script to its end, with so many coroutines; how often one stopped.
    pub(super) fn play(&mut self, script: &Script, count: usize) -> u64 {
        let mut order: Vec<usize> = (0..count).collect();
        let mut stops = 0;
        while let Some(first) = order.first().copied() {
            order.remove(0);
            if self.stops(first, Order::GoOn) {
                stops += 1;
                // Not at once again, if there are others.
                let place = order.len().min(1 + script.below(CREW as u64) as usize);
                order.insert(place, first);
            }
        }
        stops
    }

    /// Gives orders to coroutines, and then lets each come to its end, the last one first. How often one
    /// stopped.
    pub(super) fn play_orders(&mut self, orders: &[(usize, Order)]) -> u64 {
        let mut open = [true; CREW];
        let end = (0..CREW).rev().map(|id| (id, Order::GoOn));
        let mut stops = 0;
        for (id, order) in orders.iter().copied().chain(end) {
            if open[id] {
                open[id] = self.stops(id, order);
                stops += u64::from(open[id]);
            }
        }
        stops
    }

    /// Lets one go on; whether it has stopped in the middle.
    fn stops(&mut self, id: usize, order: Order) -> bool {
        self.0[id].resume(order).as_yield() == Some(Said::Stopped)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for coroutine in self.0.iter_mut().filter(|coroutine| !coroutine.done()) {
            // One that has never run only takes its handle, and one that has stopped in an operation, after a
            // failure, is unwound.
            if coroutine.started() {
                let _ = coroutine.resume(Order::Leave);
            }
        }
    }
}

/// Points that a step has passed, and the one at which it stops.
#[derive(Default)]
struct Point {
    passed: Cell<u32>,
    stop: Cell<Option<u32>>,
}

/// A coroutine in a script.
struct Part<'a, 's> {
    script: &'a Script,
    hand: &'a Hand<'s>,
    talk: &'a Talk,
    point: Point,
    /// What is left of [`Order::Until`].
    until: Cell<Option<(u32, Option<u32>)>>,
}

impl Part<'_, '_> {
    fn play(&self, id: usize) {
        let tasks = self.script.part(id);
        if !tasks.is_empty() {
            let operate = || tasks.iter().for_each(|task| self.hand.perform(*task));
            // SAFETY: as in `step`.
            return unsafe { at_points(&|place| self.count(place), operate) };
        }
        for _ in 0..1 + self.script.below(3) {
            self.step(self.script.step());
        }
    }

    /// A step, which stops at a random point.
    fn step(&self, step: Step) {
        let usual = self.script.points(step);
        let point = self.script.below(u64::from(usual.get().unwrap_or(POINTS)) + 1);
        self.point.passed.set(0);
        self.point.stop.set(u32::try_from(point).ok());
        // At the next point, which comes at once.
        let stop = || {
            self.point.stop.set(Some(self.point.passed.get()));
            pause();
        };
        let pass = |place| self.pass(place);
        // SAFETY: only the hook goes to other coroutines: whatever stops does so at a point.
        unsafe { at_points(&pass, || self.hand.run(step, &stop)) };
        usual.set(Some(self.point.passed.get()));
    }

    fn pass(&self, place: Place) {
        if !self.script.may_stop(place) {
            return;
        }
        let Point { passed, stop } = &self.point;
        let now = passed.replace(passed.get() + 1);
        if stop.get() == Some(now) {
            self.stop();
            // Perhaps once more, soon or later.
            let further = [1, 2, 4, 16][self.script.below(4) as usize];
            stop.set((self.script.below(2) == 0).then_some(now + further));
        }
        if place == Place::Destructor && self.script.below(8) == 0 && self.script.may_nest() {
            let outer = (passed.get(), stop.get());
            self.step(self.script.step());
            passed.set(outer.0);
            stop.set(outer.1);
        }
    }

    fn stop(&self) {
        self.hear(self.talk.suspend(Said::Stopped));
    }

    fn hear(&self, order: Order) {
        self.until.set(match order {
            Order::Until(writes, points) => Some((writes, points)),
            // Only a failure ends a coroutine that has stopped.
            Order::GoOn | Order::Leave => None,
        });
    }

    /// Counts the points of [`Order::Until`], and stops there.
    fn count(&self, place: Place) {
        if !self.script.may_stop(place) {
            return;
        }
        if let (Place::Write, Some((0, None))) | (_, Some((0, Some(0)))) = (place, self.until.get())
        {
            self.stop();
        } else if let Some((0, Some(points))) = self.until.get() {
            self.until.set(Some((0, Some(points - 1))));
        }
        // The write that comes now is the first of a new order.
        if let (Place::Write, Some((writes @ 1.., points))) = (place, self.until.get()) {
            self.until.set(Some((writes - 1, points)));
        }
    }
}
