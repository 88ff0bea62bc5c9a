//! Samples of the time that a thread spends in retirements and in freeing nodes: the feature `timed`.
//!
//! Every scheme passes through two places of this crate: [`Guard::retire`](crate::Guard::retire), and the drop
//! of [`Retired`](crate::node::Retired). There a thread that samples takes the time of one event in so many.
//! The gaps between samples are random: a scan that comes with every 64th retirement would else be seen always
//! or never. A thread that does not sample pays one load of a thread-local flag and a branch that is never taken,
//! and without the feature nothing at all.
//!
//! A retirement includes what it scans and frees. A free includes the destructor, and the way of the memory back
//! to the allocator, which begins after the drop of `Retired` and belongs to whoever holds the box. So the end of a
//! free is told by the allocator: a program that samples calls [`memory_is_free`] from its own.
//!
//! Times are those in which the thread ran. A thread that loses its processor in the middle of a free would make
//! that free a million times as long, and one in 64 of these stands for 64. A clock of the thread's processor time
//! needs a system call, which makes what comes next several hundred nanoseconds slower. So it is read some events
//! before the one that is timed, and again only after those that took long by the clock of the system.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Says whether anything can be timed in this build.
pub const COMPILED: bool = cfg!(feature = "timed");

/// What was seen of one kind of event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Events, timed or not. What happens within an event of the same kind is a part of it.
    pub events: u64,
    /// Events that were timed to their end.
    pub timed: u64,
    /// Sum of the times of these.
    pub sum_ns: u64,
    /// The longest of these times.
    pub longest_ns: u64,
    /// Frees within the retirements that were timed.
    pub frees_within: u64,
}

impl Sampled {
    /// Adds what another thread saw.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.timed += other.timed;
        self.sum_ns += other.sum_ns;
        self.longest_ns = self.longest_ns.max(other.longest_ns);
        self.frees_within += other.frees_within;
    }

    fn record(&mut self, took: u64, frees_within: u64) {
        self.timed += 1;
        self.sum_ns = self.sum_ns.saturating_add(took);
        self.longest_ns = self.longest_ns.max(took);
        self.frees_within += frees_within;
    }
}

/// What a thread saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Calls of [`Guard::retire`](crate::Guard::retire).
    pub retirements: Sampled,
    /// Frees of retired nodes, in whichever call.
    pub frees: Sampled,
    /// The time in which the thread ran while it sampled.
    pub running_ns: u64,
}

impl Samples {
    /// Adds what another thread saw.
    pub fn add(&mut self, other: &Self) {
        self.retirements.add(&other.retirements);
        self.frees.add(&other.frees);
        self.running_ns += other.running_ns;
    }
}

/// What sampling itself costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Nanoseconds that an event takes longer, timed or not, on the average.
    pub event_ns: f64,
    /// Nanoseconds that a timed event seems to take when it does nothing.
    pub empty_ns: f64,
}

/// When something began on this thread.
#[derive(Clone, Copy)]
struct Began {
    /// Processor time of the thread, where the system tells.
    running: Option<u64>,
    at: Instant,
}

impl Began {
    fn now() -> Self {
        Self { running: running_ns(), at: Instant::now() }
    }

    /// Returns for how many nanoseconds the thread has not run since then.
    fn waited_ns(self) -> u64 {
        let all = nanoseconds(self.at.elapsed());
        let ran = running_ns().zip(self.running).map(|(now, then)| now.saturating_sub(then));
        ran.map_or(0, |ran| all.saturating_sub(ran))
    }
}

/// An event that is timed.
#[derive(Clone, Copy)]
struct Timed {
    /// A time shortly before it.
    before: Began,
    at: Instant,
}

impl Timed {
    /// Returns for how many nanoseconds the thread has run since the event began.
    fn elapsed_ns(self) -> u64 {
        /// What took less has hardly been interrupted: no other thread gets a turn as short as that.
        const LONG: Duration = Duration::from_micros(20);
        let elapsed = self.at.elapsed();
        let all = nanoseconds(elapsed);
        if elapsed < LONG { all } else { all.saturating_sub(self.before.waited_ns()) }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the processor time of this thread, where the system tells.
#[cfg(target_os = "linux")]
fn running_ns() -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a place for a `timespec`, and the call writes nothing else.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0 {
        return None;
    }
    let (seconds, rest) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
    Some(seconds * 1_000_000_000 + rest)
}

#[cfg(not(target_os = "linux"))]
fn running_ns() -> Option<u64> {
    None
}

/// The sampling of one kind of event on this thread.
struct Sampler {
    sampled: Cell<Sampled>,
    /// Events until the next one that is timed.
    left: Cell<u32>,
    /// A time shortly before that one.
    before: Cell<Option<Began>>,
    is_inside: Cell<bool>,
}

impl Sampler {
    const fn new() -> Self {
        let sampled = Sampled { events: 0, timed: 0, sum_ns: 0, longest_ns: 0, frees_within: 0 };
        Self {
            sampled: Cell::new(sampled),
            left: Cell::new(0),
            before: Cell::new(None),
            is_inside: Cell::new(false),
        }
    }

    fn update(&self, change: impl FnOnce(&mut Sampled)) {
        let mut sampled = self.sampled.get();
        change(&mut sampled);
        self.sampled.set(sampled);
    }

    /// Runs an event, and returns when it began if it is to be timed.
    fn run(&self, event: impl FnOnce()) -> Option<Timed> {
        /// Leaves the event, also by a panic.
        struct Inside<'a>(&'a Cell<bool>);
        impl Drop for Inside<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        if self.is_inside.replace(true) {
            event();
            return None;
        }
        let _inside = Inside(&self.is_inside);
        self.update(|sampled| sampled.events += 1);
        let left = self.left.get() - 1;
        if left == STATE.with(State::lead) {
            self.before.set(Some(Began::now()));
        }
        self.left.set(if left == 0 { STATE.with(State::gap) } else { left });
        let before = if left == 0 { self.before.take() } else { None };
        let timed = before.map(|before| Timed { before, at: Instant::now() });
        event();
        timed
    }
}

struct State {
    /// One event in so many is timed, on the average; 0: this thread does not sample.
    every: Cell<u32>,
    random: Cell<u64>,
    retirements: Sampler,
    frees: Sampler,
    /// The address of a node whose free is timed and whose memory is about to go back, and when the free began.
    going: Cell<Option<(usize, Timed)>>,
    /// When sampling began.
    began: Cell<Option<Began>>,
}

impl State {
    /// The number of events before a timed one at which the slow clock is read: so many that caches and predictions
    /// are again what they were.
    fn lead(&self) -> u32 {
        (self.every.get() / 2).min(16)
    }

    /// Draws the number of events until the next one that is timed, which is more than the lead.
    fn gap(&self) -> u32 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        let lead = self.lead();
        let most = 2 * (self.every.get() - lead) - 1;
        // The remainder is below `most`.
        lead + 1 + u32::try_from((random >> 32) % u64::from(most)).unwrap_or(0)
    }
}

thread_local! {
    static STATE: State = const {
        State {
            every: Cell::new(0),
            random: Cell::new(0x9E37_79B9_7F4A_7C15),
            retirements: Sampler::new(),
            frees: Sampler::new(),
            going: Cell::new(None),
            began: Cell::new(None),
        }
    };
}

/// Returns whether this thread samples.
#[inline]
pub(crate) fn is_on() -> bool {
    COMPILED && STATE.with(|state| state.every.get() != 0)
}

/// Runs a retirement on a thread that samples.
#[cold]
#[inline(never)]
pub(crate) fn retirement(retire: impl FnOnce()) {
    STATE.with(|state| {
        let freed = state.frees.sampled.get().events;
        if let Some(began) = state.retirements.run(retire) {
            let took = began.elapsed_ns();
            let freed = state.frees.sampled.get().events - freed;
            state.retirements.update(|sampled| sampled.record(took, freed));
        }
    });
}

/// Runs the end of a node's life, after which its memory goes back, on a thread that samples.
#[cold]
#[inline(never)]
pub(crate) fn free(node: *const (), end: impl FnOnce()) {
    STATE.with(|state| {
        if let Some(began) = state.frees.run(end) {
            state.going.set(Some((node.addr(), began)));
        }
    });
}

/// Tells that a block of memory has just gone back to the allocator. A global allocator calls this; it
/// allocates nothing.
#[inline]
pub fn memory_is_free(block: *const u8) {
    STATE.with(|state| {
        if let Some((address, began)) = state.going.get()
            && address == block.addr()
        {
            state.going.set(None);
            let took = began.elapsed_ns();
            state.frees.update(|sampled| sampled.record(took, 0));
        }
    });
}

/// Begins to sample on this thread: one event in so many on the average, of each kind.
///
/// # Panics
/// If `every` is 0, or so large that twice as many do not fit a `u32`.
pub fn begin(every: u32) {
    assert!((1..=u32::MAX / 2).contains(&every), "one event in {every} cannot be timed");
    STATE.with(|state| {
        state.every.set(every);
        for sampler in [&state.retirements, &state.frees] {
            sampler.sampled.set(Sampled::default());
            sampler.left.set(state.gap());
            sampler.before.set(None);
        }
        state.going.set(None);
        state.began.set(Some(Began::now()));
    });
}

/// Ends sampling on this thread, and returns what was seen since it began.
pub fn end() -> Samples {
    STATE.with(|state| {
        state.every.set(0);
        state.going.set(None);
        Samples {
            retirements: state.retirements.sampled.get(),
            frees: state.frees.sampled.get(),
            running_ns: state.began.take().map_or(0, |began| {
                nanoseconds(began.at.elapsed()).saturating_sub(began.waited_ns())
            }),
        }
    })
}

/// Measures on this thread what sampling one event in so many costs: of a retirement, and of a free. The thread
/// must not sample already.
#[allow(clippy::cast_precision_loss)] // Averages.
pub fn cost(every: u32) -> [Cost; 2] {
    const EVENTS: u32 = 20_000;
    let of = |event: &dyn Fn(), sampled: fn(&Samples) -> Sampled| {
        let once = || {
            begin(every);
            let began = Instant::now();
            (0..EVENTS).for_each(|_| event());
            let took = began.elapsed().as_secs_f64() * 1e9 / f64::from(EVENTS);
            let sampled = sampled(&end());
            let empty_ns = sampled.sum_ns as f64 / sampled.timed.max(1) as f64;
            Cost { event_ns: took, empty_ns }
        };
        // The least of some: whatever else runs only adds to it.
        let least = |one: Cost, two: Cost| Cost {
            event_ns: one.event_ns.min(two.event_ns),
            empty_ns: one.empty_ns.min(two.empty_ns),
        };
        (0..4).map(|_| once()).fold(once(), least)
    };
    let block = 0_u8;
    let free = || {
        let block = std::hint::black_box(&raw const block);
        free(block.cast(), || {});
        memory_is_free(block);
    };
    [of(&|| retirement(|| {}), |all| all.retirements), of(&free, |all| all.frees)]
}

#[cfg(test)]
mod tests;
