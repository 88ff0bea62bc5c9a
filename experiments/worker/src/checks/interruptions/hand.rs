//! What a handle does in a script.

use std::cell::RefCell;
use std::mem::replace;

use kovan_erased::{Operations, Worker};
use kovan_structures::{Kind, Query};

use super::super::linear::Record;
use super::super::model::{Answer, Op, take_all};
use super::super::walk::{Scan, Walk};
use super::plan::{Action, BALLAST, Step, Task};
use super::script::{KEYS, Log, Script};

/// Pairs of an insertion and a removal in a burst: more than an era lasts.
const BURST: u64 = 150;

/// A handle, and who has it.
pub(super) struct Hand<'a> {
    script: &'a Script,
    id: usize,
    worker: RefCell<Box<dyn Worker + 'a>>,
}

impl<'a> Hand<'a> {
    pub(super) fn new(script: &'a Script, id: usize) -> Self {
        Self { script, id, worker: RefCell::new(script.join()) }
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
                let new = self.script.join();
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
            Task::Step(step) => self.run(step, &|| ()),
        }
    }

    fn operate(&self, on: &[&dyn Operations], stop: &dyn Fn()) {
        let script = self.script;
        if !script.may_operate() {
            return;
        }
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
            Action::Iterate => self.walk(log, None, on),
            Action::Scan(scan) => self.walk(log, Some(scan), on),
        }
    }

    fn walk(&self, log: &Log, scan: Option<Scan>, on: &dyn Operations) {
        let walk = Walk::take(scan, on, || self.script.tick());
        log.walks.borrow_mut().extend(walk);
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
    pub(super) fn fill(&self) {
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

    /// Takes everything out.
    pub(super) fn empty(&self) {
        for which in 0..BALLAST {
            take_all(self.script.kind, KEYS, |op| self.alone(which, op));
        }
    }

    /// An operation under a guard of its own.
    pub(super) fn alone(&self, which: usize, op: Op) -> Answer {
        let mut answer = Answer::NoSuch;
        self.worker.borrow().pinned_all(&mut |on| {
            answer = self.record(&self.script.logs[which], op, || op.run(on[which]));
        });
        answer
    }
}
