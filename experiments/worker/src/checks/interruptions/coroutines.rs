//! Coroutines that stop inside operations, and which of them goes on.

use std::cell::Cell;
use std::rc::Rc;

use corosensei::{Coroutine, Yielder};
use kovan_schemes::canary::{Place, at_points, pause};

use super::super::budget::or_abort;
use super::hand::Hand;
use super::plan::{CREW, Order, Step};
use super::script::Script;

/// What is assumed of a kind of step that has not run yet.
const POINTS: u32 = 16;

/// Tells whether it has stopped in the middle of its part of a script, or come to its end.
type Talk = Yielder<Order, bool>;

/// The coroutines of a round.
pub(super) struct Crew(Vec<Coroutine<Order, bool, ()>>);

impl Crew {
    pub(super) fn new(script: &Rc<Script>) -> Self {
        let part = |id| {
            let script = Rc::clone(script);
            // A panic must not pass: others have stopped where they cannot be unwound.
            Coroutine::new(move |talk: &Talk, first| or_abort(|| live(&script, id, talk, first)))
        };
        Self((0..CREW).map(part).collect())
    }

    /// Plays a script to its end, with the first so many coroutines; how often one stopped.
    pub(super) fn play(&mut self, script: &Script, count: usize) -> u64 {
        let mut order: Vec<usize> = (0..count).collect();
        script.shuffle(&mut order);
        let mut stops = 0;
        while !order.is_empty() {
            let first = order.remove(0);
            if self.stops(first, Order::GoOn) {
                stops += 1;
                // Not at once again, if there are others.
                let place = order.len().min(1 + script.index(CREW));
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
        self.0[id].resume(order).as_yield() == Some(true)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Those that have never run have no handle.
        for coroutine in self.0.iter_mut().filter(|one| one.started() && !one.done()) {
            let _ = coroutine.resume(Order::Leave);
        }
    }
}

/// A coroutine from its handle's registration on: one part of a script after the other.
fn live(script: &Script, id: usize, talk: &Talk, mut order: Order) {
    let hand = Hand::new(script, id);
    while order != Order::Leave {
        let (passed, stop) = (Cell::new(0), Cell::new(None));
        let part = Part { script, hand: &hand, talk, passed, stop, order: Cell::new(order) };
        part.play(id);
        // What it holds outside of operations, where its scheme lets it.
        if script.below(2) == 0 {
            hand.run(Step::Flush, &|| ());
        }
        order = talk.suspend(false);
    }
}

/// A coroutine in a script.
struct Part<'a, 's> {
    script: &'a Script,
    hand: &'a Hand<'s>,
    talk: &'a Talk,
    /// Points that the step has passed, and the one at which it stops.
    passed: Cell<u32>,
    stop: Cell<Option<u32>>,
    /// What is left of the last order.
    order: Cell<Order>,
}

impl Part<'_, '_> {
    fn play(&self, id: usize) {
        let tasks = self.script.part(id);
        if !tasks.is_empty() {
            let perform = || tasks.iter().for_each(|task| self.hand.perform(*task));
            // SAFETY: as in `step`.
            return unsafe { at_points(&|place| self.count(place), perform) };
        }
        for _ in 0..1 + self.script.below(3) {
            self.step(self.script.step());
        }
    }

    /// A step, which stops at a random point.
    fn step(&self, step: Step) {
        let usual = self.script.points(step);
        let most = usual.get().unwrap_or(POINTS);
        let point = self.script.below(u64::from(most) + 1);
        self.passed.set(0);
        self.stop.set(u32::try_from(point).ok());
        // At the next point, which comes at once.
        let stop = || {
            self.stop.set(Some(self.passed.get()));
            pause();
        };
        let pass = |place| self.pass(place);
        // SAFETY: only the hook goes to other coroutines: whatever stops does so at a point.
        unsafe { at_points(&pass, || self.hand.run(step, &stop)) };
        // Steps that do nothing are not to make the next ones stop early.
        usual.set(Some(self.passed.get().max(most - most / 4)));
    }

    /// A point of a step.
    fn pass(&self, place: Place) {
        if !self.script.may_stop(place) {
            return;
        }
        let now = self.passed.replace(self.passed.get() + 1);
        if self.stop.get() == Some(now) {
            self.stop();
            // Perhaps once more, soon or later.
            let further = [1, 2, 4, 16][self.script.index(4)];
            self.stop.set((self.script.below(2) == 0).then_some(now + further));
        }
        if place == Place::Destructor && self.script.below(8) == 0 && self.script.may_nest() {
            let outer = (self.passed.get(), self.stop.get());
            // A panic would end in the scheme, which goes on after those of destructors.
            or_abort(|| self.step(self.script.step()));
            self.passed.set(outer.0);
            self.stop.set(outer.1);
        }
    }

    fn stop(&self) {
        self.order.set(self.talk.suspend(true));
    }

    /// A point of a task: counts what the order says, and stops there.
    fn count(&self, place: Place) {
        if !self.script.may_stop(place) {
            return;
        }
        match (self.order.get(), place) {
            (Order::BeforeWrite(0), Place::Write) | (Order::After { writes: 0, points: 0 }, _) => {
                self.stop();
            }
            (Order::After { writes: 0, points }, _) => {
                self.order.set(Order::After { writes: 0, points: points - 1 });
            }
            _ => {}
        }
        // The write that comes now is the first of what is told here.
        if place == Place::Write {
            self.order.set(match self.order.get() {
                Order::BeforeWrite(number @ 1..) => Order::BeforeWrite(number - 1),
                Order::After { writes: writes @ 1.., points } => {
                    Order::After { writes: writes - 1, points }
                }
                order => order,
            });
        }
    }
}
