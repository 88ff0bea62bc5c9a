//! What the coroutines of a script do, and whether what came of it is right.

use std::cell::{Cell, RefCell};
use std::mem::replace;

use anyhow::{Result, bail};
use kovan_schemes::canary::Place;
use kovan_schemes::facts::Progress;
use kovan_structures::{Kind, Query};

use super::super::linear::{Record, Verdict, decide, text};
use super::super::model::{Answer, Op, query};
use super::super::subject::{Operations, Pair, Subject, Worker};
use super::coroutines::{CREW, Crew, Order};
use super::walk::Walk;
use crate::rng::XorShift;

/// Operations of a script, at most, besides those that fill and empty the structures.
const OPERATIONS: u32 = 24;
/// Keys of a map, at most.
const KEYS: u64 = 7;
/// Steps of a script in the places of destructors, at most.
const NESTED: u32 = 6;
/// Pairs of an insertion and a removal in a burst: more than an era lasts.
const BURST: u64 = 150;
/// Points in which two operations cross: as many as most have.
const POINTS: u32 = 24;
/// The structure of bursts, and how many others there are.
const BALLAST: usize = 2;

/// What came of scripts.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) scripts: u64,
    /// How often a coroutine stopped.
    pub(super) stops: u64,
    /// Histories that were not decided.
    pub(super) undecided: u64,
    /// Nodes that were freed by the ends of the scripts.
    pub(super) freed: u64,
}

/// What a coroutine does, which may be interrupted.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// Operations under one guard: so many.
    Guard(u64),
    Flush,
    /// Much goes in and out of the ballast.
    Burst,
    /// The handle leaves, and another comes.
    Leave,
}

/// Kinds of steps, by which it is remembered how many points they have.
const KINDS: usize = 6;

impl Step {
    fn kind(self) -> usize {
        match self {
            Self::Flush => 0,
            Self::Guard(1) => 1,
            Self::Guard(2) => 2,
            Self::Guard(_) => 3,
            Self::Burst => 4,
            Self::Leave => 5,
        }
    }
}

/// An operation of a structure.
#[derive(Clone, Copy)]
enum Action {
    Do(Op),
    /// Keeps an entry over a flush and a stop.
    Held(u64),
    /// Keeps all shields of an operation over the same.
    Hold(u64),
    Iterate,
}

/// What a coroutine does in a script that says so.
#[derive(Clone, Copy)]
pub(super) enum Task {
    /// An operation of this structure, under a guard of its own.
    Do(usize, Op),
    Flush,
    Burst,
}

/// What was seen of one structure.
#[derive(Default)]
struct Log {
    records: RefCell<Vec<Record>>,
    walks: RefCell<Vec<Walk>>,
}

/// Structures in a domain, and the script that is played on them, which is made up on the way.
pub(super) struct Script {
    subject: Box<dyn Subject>,
    random: RefCell<XorShift>,
    kind: Kind,
    keys: u64,
    /// Whether others can go on while a destructor has stopped.
    past_destructors: bool,
    /// Points that a step of each kind had the last time.
    points: [Cell<Option<u32>>; KINDS],
    stops: Cell<u64>,
    undecided: Cell<u64>,
    clock: Cell<u64>,
    /// Operations that the script may still have.
    left: Cell<u32>,
    /// Steps in destructors that it may still have.
    nested: Cell<u32>,
    /// What each coroutine does; where it is empty, what it likes.
    parts: RefCell<[Vec<Task>; CREW]>,
    logs: [Log; BALLAST],
}

impl Script {
    pub(super) fn new(pair: &Pair, seed: u64) -> Self {
        Self {
            subject: pair.make_three(2),
            random: RefCell::new(XorShift::stream(seed, 0, 51)),
            kind: pair.structure.kind,
            keys: 1 + seed % KEYS,
            past_destructors: pair.scheme.retire != Progress::Blocking,
            points: [const { Cell::new(None) }; KINDS],
            stops: Cell::new(0),
            undecided: Cell::new(0),
            clock: Cell::new(0),
            left: Cell::new(0),
            nested: Cell::new(0),
            parts: RefCell::default(),
            logs: Default::default(),
        }
    }

    /// Plays a script, from empty structures to empty ones.
    pub(super) fn play(&self, crew: &mut Crew) -> Result<()> {
        let stops = match self.below(8) {
            0 | 1 if self.kind == Kind::Map => {
                // In trees, a path below the greatest key.
                self.outside(|hand| {
                    for key in [KEYS - 1, 0, 1, 2, 3, 4] {
                        hand.alone(0, Op::Insert(key));
                    }
                });
                crew.play_orders(&self.removals())
            }
            2 | 3 => {
                self.outside(|hand| hand.fill());
                crew.play_orders(&self.crossing())
            }
            _ => {
                self.left.set(OPERATIONS);
                self.nested.set(NESTED);
                self.outside(|hand| hand.fill());
                crew.play(self, 2 + self.below_usize(CREW - 1))
            }
        };
        self.parts.take();
        self.stops.set(self.stops.get() + stops);
        self.outside(|hand| hand.empty());
        self.logs.iter().try_for_each(|log| self.judge(log))
    }

    /// Removals that meet removals, which random steps hardly ever make: two have looked up their keys when
    /// a third changes what is above; they go on, and stop again where they have to look anew; another stops
    /// near its end, while one more takes away what the three have left there, and a new key comes in.
    fn removals(&self) -> [(usize, Order); 7] {
        // Neighbours, in half of them.
        let mut keys = [2, 1, 0, 4, 3];
        if self.below(2) == 0 {
            (1..keys.len()).for_each(|at| keys.swap(at, self.below_usize(at + 1)));
        }
        let mut parts = keys.map(|key| vec![Task::Do(0, Op::Remove(key))]);
        // The other structure gets some of the addresses.
        parts[CREW - 1].push(Task::Flush);
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
    fn crossing(&self) -> [(usize, Order); 4] {
        let [first, second] = [self.operation(), self.operation()];
        let mut parts: [Vec<Task>; CREW] = Default::default();
        parts[0] = vec![Task::Do(0, first), Task::Flush, Task::Flush];
        parts[1] = vec![Task::Burst];
        parts[2] = vec![Task::Do(0, second)];
        for part in &mut parts[3..] {
            part.push(Task::Flush);
        }
        self.parts.replace(parts);
        let soon = || Order::After { writes: 0, points: self.below_u32(POINTS) };
        [(0, soon()), (1, Order::GoOn), (2, soon()), (0, Order::GoOn)]
    }

    /// What a coroutine is to do, if it does not do what it likes.
    pub(super) fn part(&self, id: usize) -> Vec<Task> {
        self.parts.borrow()[id].clone()
    }

    /// With a handle that is there before or after the coroutines play, as one that idles may hold back what
    /// they retire.
    fn outside(&self, work: impl FnOnce(&Hand<'_>)) {
        work(&Hand::new(self, CREW));
    }

    fn judge(&self, log: &Log) -> Result<()> {
        let records = log.records.take();
        for walk in log.walks.take() {
            walk.check(&records)?;
        }
        match decide(self.kind, &records) {
            Verdict::Linearizable => {}
            Verdict::Undecided => self.undecided.set(self.undecided.get() + 1),
            Verdict::NotLinearizable => {
                bail!("a history is not linearizable:{}", text(&records))
            }
        }
        Ok(())
    }

    /// The structures and their domain, and what came of the scripts.
    pub(super) fn end(self) -> (Box<dyn Subject>, Counts) {
        let (stops, undecided) = (self.stops.get(), self.undecided.get());
        let counts = Counts { scripts: 0, stops, undecided, freed: self.subject.totals().freed };
        (self.subject, counts)
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

    /// Whether a coroutine may stop at a point, or do another step there.
    pub(super) fn may_stop(&self, place: Place) -> bool {
        place != Place::Destructor || self.past_destructors
    }

    /// Whether a destructor may do a step, which then counts.
    pub(super) fn may_nest(&self) -> bool {
        let left = self.nested.get();
        self.nested.set(left.saturating_sub(1));
        left > 0
    }

    pub(super) fn points(&self, step: Step) -> &Cell<Option<u32>> {
        &self.points[step.kind()]
    }

    pub(super) fn below(&self, limit: u64) -> u64 {
        self.random.borrow_mut().below(limit)
    }

    pub(super) fn below_usize(&self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap_or(0)
    }

    fn below_u32(&self, limit: u32) -> u32 {
        u32::try_from(self.below(u64::from(limit))).unwrap_or(0)
    }

    fn action(&self) -> Action {
        let key = self.below(self.keys);
        match self.below(20) {
            0 => Action::Held(key),
            1 => Action::Hold(key),
            2 => Action::Iterate,
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
    fn unique(&self) -> u64 {
        1000 + self.tick()
    }

    fn tick(&self) -> u64 {
        self.clock.replace(self.clock.get() + 1)
    }
}

/// A handle, and who has it.
pub(super) struct Hand<'a> {
    script: &'a Script,
    id: usize,
    worker: RefCell<Box<dyn Worker + 'a>>,
}

impl<'a> Hand<'a> {
    pub(super) fn new(script: &'a Script, id: usize) -> Self {
        Self { script, id, worker: RefCell::new(script.subject.join()) }
    }

    /// Does a step; `stop` lets others go on.
    pub(super) fn run(&self, step: Step, stop: &dyn Fn()) {
        match step {
            Step::Flush => self.worker.borrow().flush(),
            Step::Guard(length) => self.worker.borrow().pinned_all(&mut |on| {
                (0..length).for_each(|_| self.operate(on, stop));
            }),
            Step::Burst => self.burst(),
            Step::Leave => {
                // Not where a destructor runs in a call of this handle. What leaves may run destructors.
                let new = self.script.subject.join();
                let old = self.worker.try_borrow_mut().map(|mut worker| replace(&mut *worker, new));
                drop(old);
            }
        }
    }

    /// Much goes in and out of the ballast.
    fn burst(&self) {
        for key in 0..BURST {
            self.worker.borrow().pinned_all(&mut |on| {
                on[BALLAST].insert(key);
                on[BALLAST].remove(key);
            });
        }
    }

    pub(super) fn perform(&self, task: Task) {
        match task {
            Task::Do(which, op) => _ = self.alone(which, op),
            Task::Flush => self.worker.borrow().flush(),
            Task::Burst => self.burst(),
        }
    }

    fn operate(&self, on: &[&dyn Operations], stop: &dyn Fn()) {
        let script = self.script;
        let Some(left) = script.left.get().checked_sub(1) else { return };
        script.left.set(left);
        let which = usize::from(script.below(6) == 0);
        let (on, log) = (on[which], &script.logs[which]);
        let mut meanwhile = || {
            self.worker.borrow().flush();
            stop();
        };
        match script.action() {
            Action::Do(op) => _ = self.record(log, op, || op.run(on)),
            Action::Held(key) => {
                let held = || on.held(key, &mut meanwhile).map_or(Answer::NoSuch, Answer::Key);
                self.record(log, Op::Query(Query::Value(key)), held);
            }
            Action::Hold(key) => on.hold_inside(key, &mut meanwhile),
            Action::Iterate => {
                let (called, mut keys) = (script.tick(), Vec::new());
                if on.iterate(&mut |key| keys.push(key)) {
                    let returned = script.tick();
                    log.walks.borrow_mut().push(Walk { called, returned, keys });
                }
            }
        }
    }

    fn record(&self, log: &Log, op: Op, run: impl FnOnce() -> Answer) -> Answer {
        let called = self.script.tick();
        let answer = run();
        let returned = self.script.tick();
        if answer != Answer::NoSuch {
            let record = Record { thread: self.id, op, answer, called, returned };
            log.records.borrow_mut().push(record);
        }
        answer
    }

    /// Puts something in.
    fn fill(&self) {
        let Script { kind, keys, .. } = *self.script;
        let some = if kind == Kind::Map { keys } else { self.script.below(4) };
        for key in 0..some {
            if kind == Kind::Map && self.script.below(4) == 0 {
                continue;
            }
            let key = if kind == Kind::Map { key } else { self.script.unique() };
            self.alone(0, Op::Insert(key));
        }
    }

    /// Takes everything out; what comes, and in which order, is part of the history.
    fn empty(&self) {
        for which in 0..BALLAST {
            if self.script.kind == Kind::Map {
                (0..KEYS).for_each(|key| _ = self.alone(which, Op::Remove(key)));
            } else {
                // More than can be in it means that it will never be empty.
                let _ = (0..50).all(|_| self.alone(which, Op::Remove(0)) != Answer::Key(None));
            }
        }
    }

    /// An operation under a guard of its own.
    fn alone(&self, which: usize, op: Op) -> Answer {
        let mut answer = Answer::NoSuch;
        self.worker.borrow().pinned_all(&mut |on| {
            answer = self.record(&self.script.logs[which], op, || op.run(on[which]));
        });
        answer
    }
}
