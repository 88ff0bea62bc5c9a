//! What happens in a script, which is made up on the way, and whether what came of it is right.

use std::cell::{Cell, RefCell};

use anyhow::Result;
use kovan_erased::{ErasedPair, Subject, Worker};
use kovan_harness::random::{SplitMix, XorShift};
use kovan_schemes::canary::Place;
use kovan_schemes::facts::Progress;
use kovan_structures::Kind;

use super::super::linear::{Record, judge};
use super::super::model::{Op, query};
use super::super::walk::{Scan, Walk};
use super::plan::{Action, BALLAST, CREW, Order, Parts, Step, Task};

/// Operations of a script, at most, besides those that fill and empty the structures.
const OPERATIONS: u32 = 24;
/// Keys of a map, at most.
pub(super) const KEYS: u64 = 7;
/// Steps of a script in the places of destructors, at most.
const NESTED: u32 = 6;
/// Points in which two operations cross: as many as most have.
const POINTS: u32 = 24;

/// What was seen of one structure.
#[derive(Default)]
pub(super) struct Log {
    pub(super) records: RefCell<Vec<Record>>,
    pub(super) walks: RefCell<Vec<Walk>>,
}

/// Structures in a domain, and the scripts that are played on them, one after the other.
pub(super) struct Script {
    subject: Box<dyn Subject>,
    random: RefCell<XorShift>,
    pub(super) kind: Kind,
    pub(super) keys: u64,
    /// While it is true, others can go on where a destructor has stopped.
    past_destructors: bool,
    /// Points that a step of each kind had the last time.
    points: [Cell<Option<u32>>; Step::KINDS],
    undecided: Cell<u64>,
    clock: Cell<u64>,
    /// Operations that the script may still have.
    left: Cell<u32>,
    /// Steps in destructors that it may still have.
    nested: Cell<u32>,
    parts: RefCell<Parts>,
    pub(super) logs: [Log; BALLAST],
}

impl Script {
    pub(super) fn new(pair: &ErasedPair, seed: u64) -> Self {
        Self {
            subject: pair.make_three(2),
            random: RefCell::new(XorShift::stream(seed, 0, 51)),
            kind: pair.structure.kind,
            keys: 1 + seed % KEYS,
            past_destructors: pair.scheme.retire != Progress::Blocking,
            points: [const { Cell::new(None) }; Step::KINDS],
            undecided: Cell::new(0),
            clock: Cell::new(0),
            left: Cell::new(0),
            nested: Cell::new(0),
            parts: RefCell::default(),
            logs: Default::default(),
        }
    }

    /// Registers a handle.
    pub(super) fn join(&self) -> Box<dyn Worker + '_> {
        self.subject.join()
    }

    /// Begins a script in which each coroutine does what it likes.
    pub(super) fn begin_at_random(&self) {
        self.left.set(OPERATIONS);
        self.nested.set(NESTED);
        self.parts.take();
    }

    /// Removals that meet removals, which random steps hardly ever make: two have looked up their keys when
    /// a third changes what is above; they go on, and stop again where they have to look anew; another stops
    /// near its end, while one more takes away what the three have left there, and a new key comes in.
    pub(super) fn removals(&self) -> [(usize, Order); 7] {
        // Neighbours, in half of them.
        let mut keys = [2, 1, 0, 4, 3];
        if self.below(2) == 0 {
            self.shuffle(&mut keys);
        }
        let mut parts = keys.map(|key| vec![Task::Do(0, Op::Remove(key))]);
        // The other structure gets some of the addresses.
        parts[CREW - 1].push(Task::Step(Step::Flush));
        parts[CREW - 1].extend((0..self.below(6)).map(|key| Task::Do(1, Op::Insert(key))));
        parts[CREW - 1].push(Task::Do(0, Op::Insert(KEYS - 2)));
        self.parts.replace(parts);
        let early = Order::BeforeWrite(0);
        // Before one of the three writes, or where the key is looked for again. Who has stopped before the
        // first one stops later.
        let later = |first| match first + self.below_u32(4 - first) {
            3 => Order::After { writes: 3, points: 0 },
            number => Order::BeforeWrite(number),
        };
        let go_on = Order::GoOn;
        let [second, first, fourth] = [later(1), later(1), later(0)];
        [(0, early), (1, early), (2, go_on), (1, second), (0, first), (3, fourth), (4, go_on)]
    }

    /// Two operations that cross: one stops, clocks go on, the other begins and stops, the first ends and
    /// flushes before the other goes on.
    pub(super) fn crossing(&self) -> [(usize, Order); 4] {
        let [first, second] = [self.operation(), self.operation()];
        let mut parts = Parts::default();
        parts[0] = vec![Task::Do(0, first), Task::Step(Step::Flush), Task::Step(Step::Flush)];
        parts[1] = vec![Task::Step(Step::Burst)];
        parts[2] = vec![Task::Do(0, second)];
        for part in &mut parts[3..] {
            part.push(Task::Step(Step::Flush));
        }
        self.parts.replace(parts);
        let soon = || Order::After { writes: 0, points: self.below_u32(POINTS) };
        [(0, soon()), (1, Order::GoOn), (2, soon()), (0, Order::GoOn)]
    }

    /// What a coroutine is to do, if it does not do what it likes.
    pub(super) fn part(&self, id: usize) -> Vec<Task> {
        self.parts.borrow()[id].clone()
    }

    /// Looks at what the last script showed, and forgets it.
    ///
    /// # Errors
    /// If it is wrong.
    pub(super) fn judge(&self) -> Result<()> {
        for log in &self.logs {
            let records = log.records.take();
            for walk in log.walks.take() {
                walk.check(&records)?;
            }
            if !judge(self.kind, &records)? {
                self.undecided.set(self.undecided.get() + 1);
            }
        }
        Ok(())
    }

    /// The structures and their domain, and how many histories were not decided.
    pub(super) fn end(self) -> (Box<dyn Subject>, u64) {
        (self.subject, self.undecided.get())
    }

    /// Something to do.
    pub(super) fn step(&self) -> Step {
        match self.below(50) {
            0..3 => Step::Burst,
            3 => Step::Leave,
            4..13 => Step::Flush,
            13..18 => Step::Guard(2),
            18..22 => Step::Guard(3),
            _ => Step::Guard(1),
        }
    }

    /// Returns whether a coroutine may stop at a point, or do another step there.
    pub(super) fn may_stop(&self, place: Place) -> bool {
        place != Place::Destructor || self.past_destructors
    }

    /// Returns whether there may be another operation, which then counts.
    pub(super) fn may_operate(&self) -> bool {
        uses_up(&self.left)
    }

    /// Returns whether a destructor may do a step, which then counts.
    pub(super) fn may_nest(&self) -> bool {
        uses_up(&self.nested)
    }

    pub(super) fn points(&self, step: Step) -> &Cell<Option<u32>> {
        &self.points[step.kind()]
    }

    pub(super) fn below(&self, limit: u64) -> u64 {
        self.random.borrow_mut().below(limit)
    }

    pub(super) fn index(&self, length: usize) -> usize {
        self.random.borrow_mut().index(length)
    }

    pub(super) fn shuffle<T>(&self, items: &mut [T]) {
        SplitMix::new(self.below(u64::MAX)).shuffle(items);
    }

    fn below_u32(&self, limit: u32) -> u32 {
        u32::try_from(self.below(u64::from(limit))).unwrap_or(0)
    }

    pub(super) fn action(&self) -> Action {
        let key = self.below(self.keys);
        match self.below(20) {
            0 => Action::Held(key),
            1 => Action::Hold(key),
            2 => Action::Iterate,
            3 => Action::Scan(Scan { from: key, count: self.below(KEYS) }),
            _ => Action::Do(self.operation()),
        }
    }

    fn operation(&self) -> Op {
        let key = self.below(self.keys);
        match self.below(17) {
            0..6 if self.kind == Kind::Map => Op::Insert(key),
            0..6 => Op::Insert(self.unique()),
            6..13 => Op::Remove(key),
            13 => Op::Contains(key),
            14 if self.kind == Kind::Map => Op::Put(key, self.unique()),
            _ => Op::Query(query(self.kind, key, self.below(5))),
        }
    }

    /// A number that no key is, and that comes once in a round.
    pub(super) fn unique(&self) -> u64 {
        1000 + self.tick()
    }

    pub(super) fn tick(&self) -> u64 {
        self.clock.replace(self.clock.get() + 1)
    }
}

/// Takes one of a number, if it is not 0.
fn uses_up(left: &Cell<u32>) -> bool {
    let now = left.get();
    left.set(now.saturating_sub(1));
    now > 0
}
