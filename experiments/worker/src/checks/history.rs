//! Records short concurrent histories and decides each: see [`super::linear`].

use std::cell::Cell;
use std::mem::take;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use kovan_erased::{ErasedPair, Operations, Subject, Worker};
use kovan_harness::random::XorShift;
use kovan_lab_base::system::threads::start;
use kovan_schemes::canary::{jitter, reuse};
use kovan_structures::Kind;

use super::budget::{Budget, Failure, Gate, or_abort};
use super::linear::{Record, few_are_undecided, judge, overlaps};
use super::model::{Answer, Op, query, take_all};
use super::walk::{Scan, Walk};

/// Histories of one round: on the same structure, by the same threads.
const HISTORIES: u64 = 40;
/// Histories of a restless round, which takes ten times as long.
const RESTLESS_HISTORIES: u64 = 8;

/// A run has at least so many histories, however slow the machine is; a shorter one than
/// [`PER_SECOND`] allows, in proportion.
const AT_LEAST: u64 = 1000;
const PER_SECOND: f64 = 5000.0;
/// A run goes on until there are enough and some overlap, but no longer than this.
const PATIENCE: Duration = Duration::from_secs(15);

/// One in so many steps inside operations gives up the processor; see [`Shape::restless`].
const CALM_PAUSE: u32 = 25;
const RESTLESS_PAUSE: u32 = 10;

/// What a round is like.
#[derive(Clone, Copy)]
struct Shape {
    seed: u64,
    threads: u64,
    keys: u64,
    /// True if threads often give up the processor inside operations, as if there were many more
    /// processors. It costs hundreds of changes of threads per history, so most rounds are calm.
    restless: bool,
}

/// What came of the histories.
#[derive(Clone, Copy, Default)]
struct Counts {
    histories: u64,
    overlapped: u64,
    undecided: u64,
}

/// Runs the check.
pub(super) fn check(pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
    let counts = Cell::new(Counts::default());
    let least = least(budget.length);
    // On a busy machine the threads of short runs may never meet.
    let too_few = |since: Duration| {
        let Counts { histories, overlapped, .. } = counts.get();
        (histories < least || overlapped == 0) && since < PATIENCE
    };
    budget.rounds_and(too_few, |seed| {
        let mut new = counts.get();
        let result = round(pair, seed, &mut new);
        counts.set(new);
        result
    })?;
    let Counts { histories, overlapped, undecided } = counts.get();
    budget.counted("histories", histories);
    budget.counted("overlapped", overlapped);
    if overlapped == 0 {
        let message = format!("vacuous: in none of {histories} histories did operations overlap");
        return Err(Failure { seed: budget.seed, message });
    }
    few_are_undecided(budget, undecided, histories)?;
    Ok(format!("{histories} histories, {} % overlapped", overlapped * 100 / histories))
}

/// How many histories a run of this length has at least.
fn least(length: Duration) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Small and positive.
    AT_LEAST.min((length.as_secs_f64() * PER_SECOND) as u64)
}

fn round(pair: &ErasedPair, seed: u64, counts: &mut Counts) -> Result<()> {
    let mut random = XorShift::stream(seed, 0, 31);
    let shape = Shape {
        seed,
        threads: [2, 2, 3, 4][random.index(4)],
        keys: 1 + random.below(4),
        restless: random.below(8) == 0,
    };
    // In half of the rounds addresses come back at once.
    reuse(seed.is_multiple_of(2));
    let mut subject = pair.make(2);
    let kind = pair.structure.kind;
    // Decided when the threads are gone, which would wait for it between histories.
    for (Log { records, walks }, concurrent) in histories(&*subject, kind, shape) {
        counts.histories += 1;
        counts.overlapped += u64::from(concurrent);
        walks.iter().try_for_each(|walk| walk.check(&records))?;
        counts.undecided += u64::from(!judge(kind, &records)?);
    }
    ensure!(subject.contents().is_empty(), "the structure is not empty after it was emptied");
    super::conservation::check_end(pair, subject)
}

/// What threads did.
#[derive(Default)]
struct Log {
    records: Vec<Record>,
    walks: Vec<Walk>,
}

/// Runs the histories of a round; each with whether its threads overlapped.
fn histories(subject: &dyn Subject, kind: Kind, shape: Shape) -> Vec<(Log, bool)> {
    let threads = shape.threads as usize;
    let (begin, end) = (Gate::new(threads), Gate::new(threads));
    let count = if shape.restless { RESTLESS_HISTORIES } else { HISTORIES };
    let clock = AtomicU64::new(0);
    let logs: Vec<Mutex<Log>> = (0..shape.threads).map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for thread in 1..shape.threads {
            let (begin, end, clock, log) = (&begin, &end, &clock, &logs[thread as usize]);
            start(scope, shape.threads - 1, move || {
                or_abort(|| {
                    let mut player = Player::new(subject, kind, shape, thread, clock);
                    for history in 0..count {
                        begin.pass_together();
                        *log.lock().expect("nobody panics") = player.play(history);
                        // It waits at the begin of the next one only.
                        end.arrive();
                    }
                });
            });
        }
        or_abort(|| {
            let mut leader = Player::new(subject, kind, shape, 0, &clock);
            let play = |history| {
                let mut records = leader.fill(history);
                begin.pass_together();
                let Log { records: own, mut walks } = leader.play(history);
                records.extend(own);
                end.pass();
                for log in &logs {
                    let log = take(&mut *log.lock().expect("nobody panics"));
                    records.extend(log.records);
                    walks.extend(log.walks);
                }
                let concurrent = overlaps(&records);
                leader.empty(&mut records);
                (Log { records, walks }, concurrent)
            };
            (0..count).map(play).collect()
        })
    })
}

/// A little less than an operation of another thread takes.
fn spin() {
    (0..100).for_each(|_| std::hint::spin_loop());
}

/// A thread of a round.
struct Player<'a> {
    worker: Box<dyn Worker + 'a>,
    random: XorShift,
    clock: &'a AtomicU64,
    kind: Kind,
    shape: Shape,
    thread: u64,
}

impl<'a> Player<'a> {
    fn new(
        subject: &'a dyn Subject,
        kind: Kind,
        shape: Shape,
        thread: u64,
        clock: &'a AtomicU64,
    ) -> Self {
        let pause = if shape.restless { RESTLESS_PAUSE } else { CALM_PAUSE };
        jitter(shape.seed ^ (thread << 48), pause);
        let random = XorShift::stream(shape.seed, thread, 32);
        Self { worker: subject.join(), random, clock, kind, shape, thread }
    }

    fn tick(&self) -> u64 {
        // SeqCst: one order of all calls and returns, which the real one agrees with.
        self.clock.fetch_add(1, SeqCst)
    }

    /// One operation with its times.
    fn record(&self, on: &dyn Operations, op: Op) -> Record {
        let called = self.tick();
        let answer = op.run(on);
        let returned = self.tick();
        Record { thread: self.thread as usize, op, answer, called, returned }
    }

    /// A random operation; what is pushed and enqueued is unique in its history.
    fn operation(&mut self, count: u64) -> Op {
        let key = self.random.below(self.shape.keys);
        match self.random.below(10) {
            0..3 if self.kind == Kind::Map => Op::Insert(key),
            0..3 => Op::Insert(self.thread * 100 + count),
            3..6 => Op::Remove(key),
            6 => Op::Contains(key),
            7 if self.kind == Kind::Map => Op::Put(key, self.thread * 100 + count + 10),
            _ => Op::Query(query(self.kind, key, self.random.below(5))),
        }
    }

    /// Now and then a scan, of a map.
    fn scan(&mut self) -> Option<Scan> {
        let (from, count) = (self.random.below(self.shape.keys), self.random.below(5));
        (self.kind == Kind::Map && self.random.below(8) == 0).then_some(Scan { from, count })
    }

    /// The operations of one thread in one history.
    fn play(&mut self, history: u64) -> Log {
        let length = 4 + self.random.below(5);
        let operations: Vec<Op> = (0..length).map(|count| self.operation(count)).collect();
        let pauses: Vec<u64> = (0..length).map(|_| self.random.below(256)).collect();
        // Where there is a scan, or an iteration of a map without, it is in the place of the operation.
        let scans: Vec<Option<Scan>> = (0..length).map(|_| self.scan()).collect();
        let mut log = Log::default();
        let mut each = |on: &dyn Operations, at: usize| {
            let often = if self.shape.restless { 40 } else { 12 };
            match pauses[at] {
                pause if pause < often => thread::yield_now(),
                40..44 if self.shape.restless => {
                    on.hold_inside(pauses[at] % self.shape.keys, &mut thread::yield_now)
                }
                44..48 => on.hold_inside(pauses[at] % self.shape.keys, &mut spin),
                spins => (0..spins).for_each(|_| std::hint::spin_loop()),
            }
            if let Some(scan) = scans[at] {
                let walk = |scan| Walk::take(scan, on, || self.tick());
                return log.walks.extend(walk(Some(scan)).or_else(|| walk(None)));
            }
            let record = self.record(on, operations[at]);
            if record.answer != Answer::NoSuch {
                log.records.push(record);
            }
        };
        // Now and then all under one guard, as a long reader or writer.
        if (history + self.thread).is_multiple_of(4) {
            self.worker.pinned(&mut |on| (0..operations.len()).for_each(|at| each(on, at)));
        } else {
            (0..operations.len()).for_each(|at| self.worker.pinned(&mut |on| each(on, at)));
        }
        if pauses[0] < 100 {
            self.worker.flush();
        }
        log
    }

    /// Puts something in before the others begin.
    fn fill(&mut self, history: u64) -> Vec<Record> {
        let mut records = Vec::new();
        for key in 0..history % 4 {
            let key = if self.kind == Kind::Map { key % self.shape.keys } else { 900 + key };
            self.worker.pinned(&mut |on| records.push(self.record(on, Op::Insert(key))));
        }
        records
    }

    /// Takes all out after the others have ended.
    fn empty(&mut self, records: &mut Vec<Record>) {
        take_all(self.kind, self.shape.keys, |op| {
            self.worker.pinned(&mut |on| records.push(self.record(on, op)));
            records.last().map_or(Answer::NoSuch, |record| record.answer)
        });
    }
}
