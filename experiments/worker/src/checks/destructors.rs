//! The check `destructors`: bounds of schemes whose destructors stop, or retire much.
//!
//! Both are of a scheme alone, as values of the uniform structures have no destructors. Nodes are
//! retired that were never published, so nobody protects them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kovan_harness::random::XorShift;
use kovan_lab_base::system::threads::start;
use kovan_schemes::domain::Meter;
use kovan_schemes::{BoundInput, Domain, Handle, Parameters, Reclaimer};

use super::budget::{Budget, Failure, or_abort};

/// How long a thread has until it is done, or stopped.
const PATIENCE: Duration = Duration::from_secs(2);
/// Destructors inside of destructors.
const DEPTH: u64 = 12;

/// Runs the check.
pub(super) fn check<R: Reclaimer>(budget: &Budget) -> Result<String, Failure> {
    if !R::FACTS.robust.stalled {
        return Ok("no bound is claimed".into());
    }
    let mut most = (0, 0);
    let rounds = budget.rounds(|seed| {
        let mut random = XorShift::stream(seed, 0, 61);
        most.0 = stops_in_destructors::<R>(&mut random)?.max(most.0);
        most.1 = retires_in_destructors::<R>(random.below(20_000))?.max(most.1);
        Ok(())
    })?;
    Ok(format!("{rounds} rounds; stopped in destructors: {}, retired in them: {}", most.0, most.1))
}

fn within<R: Reclaimer>(what: &str, peak: u64, input: &BoundInput) -> Result<u64> {
    if let Some(bound) = R::bound(input, &Parameters::default()) {
        ensure!(
            peak <= bound,
            "{what}: {peak} nodes unreclaimed, the declared bound is {bound} under {input:?}"
        );
    }
    Ok(peak)
}

/// Destructors stop here until it is opened.
#[derive(Default)]
struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    /// Threads that are done, or stopped.
    settled: usize,
}

impl Stop {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        result
    }

    fn pass(&self) {
        self.with(|state| state.settled += 1);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| !state.open));
    }

    /// Waits until so many threads are done or stopped.
    fn settle(&self, threads: usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State| state.settled < threads;
        drop(self.changed.wait_timeout_while(state, PATIENCE, waits));
    }
}

/// A value whose destructor may stop.
struct Stops(Option<Arc<Stop>>);

impl Drop for Stops {
    fn drop(&mut self) {
        if let Some(stop) = self.0.take() {
            stop.pass();
        }
    }
}

/// Threads that come one after the other, retire, and leave; every other one has a value whose
/// destructor stops, wherever that comes to run: in a scan at an exit that has taken over what others
/// left, for one. Returns the most that was unreclaimed.
fn stops_in_destructors<R: Reclaimer>(random: &mut XorShift) -> Result<u64> {
    let domain = Domain::<R>::new();
    let (meter, stop) = (domain.meter(), Arc::new(Stop::default()));
    let threads = 6 + 2 * random.below(6);
    let each = [40, 63, 127, 255, 600][random.index(5)];
    let mut peak = 0;
    thread::scope(|scope| {
        for at in 0..threads {
            let (domain, stop) = (&domain, &stop);
            start(scope, threads, move || {
                or_abort(|| {
                    let handle = domain.register();
                    let mut stops = (at % 2 == 1).then(|| Arc::clone(stop));
                    (0..each).for_each(|_| retire(&handle, Stops(stops.take())));
                    drop(handle);
                    stop.with(|state| state.settled += 1);
                });
            });
            stop.settle(usize::try_from(at).unwrap_or(0) + 1);
            peak = peak.max(meter.totals().unreclaimed());
        }
        stop.with(|state| state.open = true);
    });
    // Those that have stopped, and one that comes next.
    let handles = threads / 2 + 1;
    let input = BoundInput { handles, shields: 1, live: handles, ..BoundInput::default() };
    within::<R>("threads that stop in destructors", peak, &input)
}

fn retire<R: Reclaimer, T: Send + 'static>(handle: &Handle<R>, value: T) {
    let guard = handle.pin();
    // SAFETY: in the domain, never published, retired once.
    unsafe { guard.retire(guard.alloc(value).into_shared()) };
}

/// What a destructor does; its depth is given.
type Action = Rc<dyn Fn(u64)>;

thread_local! {
    /// What destructors of this thread do.
    static ACTION: RefCell<Option<Action>> = const { RefCell::new(None) };
}

/// A value whose destructor acts, if it is of some depth.
struct Acts(u64);

impl Drop for Acts {
    fn drop(&mut self) {
        if let Some(action) = ACTION.with_borrow(Clone::clone).filter(|_| self.0 > 0) {
            action(self.0);
        }
    }
}

/// A destructor deep in others retires many nodes. Returns the most that was unreclaimed.
fn retires_in_destructors<R: Reclaimer>(many: u64) -> Result<u64> {
    let domain = Domain::<R>::new();
    let (meter, handle) = (domain.meter(), Rc::new(domain.register()));
    let peak = Rc::new(Cell::new(0));
    ACTION.set(Some(nested(&handle, meter.clone(), many, &peak)));
    let before = meter.totals().retired;
    retire(&*handle, Acts(1));
    let began = Instant::now();
    while meter.totals().unreclaimed() > 0 && began.elapsed() < PATIENCE {
        handle.flush();
        drop(handle.pin());
    }
    ACTION.set(None);
    let retired_in_destructors = meter.totals().retired - before - 1;
    ensure!(retired_in_destructors > many, "only {retired_in_destructors} retired in destructors");
    let input = BoundInput {
        handles: 1,
        shields: 1,
        live: 1,
        retired_in_destructors,
        ..BoundInput::default()
    };
    within::<R>("destructors that retire", peak.get(), &input)
}

fn nested<R: Reclaimer>(
    handle: &Rc<Handle<R>>,
    meter: Meter,
    many: u64,
    peak: &Rc<Cell<u64>>,
) -> Action {
    let (handle, peak) = (Rc::downgrade(handle), Rc::clone(peak));
    Rc::new(move |depth| {
        let Some(handle) = handle.upgrade() else { return };
        if depth < DEPTH {
            retire(&*handle, Acts(depth + 1));
            handle.flush();
            drop(handle.pin());
        } else {
            (0..many).for_each(|_| retire(&*handle, Acts(0)));
            peak.set(meter.totals().unreclaimed().max(peak.get()));
        }
    })
}
