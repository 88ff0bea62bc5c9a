//! A scheduler against one call: whenever the call has made a step, the other threads make many.

use std::cell::Cell;
use std::prelude::v1::*;

use shuttle::current::get_current_task;
use shuttle::scheduler::{DataSource, RandomDataSource, Schedule, Scheduler, Task, TaskId};

std::thread_local! {
    /// The thread whose call is starved. All threads of a test run on one thread of the system.
    static VICTIM: Cell<Option<TaskId>> = const { Cell::new(None) };
}

/// Makes `call` the one that is starved, if no other is.
pub(super) fn starved<R>(call: impl FnOnce() -> R) -> R {
    let mine = VICTIM.get().is_none();
    if mine {
        VICTIM.set(get_current_task());
    }
    let result = call();
    if mine {
        VICTIM.set(None);
    }
    result
}

/// Steps of the others between two steps of a starved call: one, part of an operation, or several
/// operations. Drawn once per call, so that what fails because others were faster fails again.
const PATIENCE: [u64; 3] = [1, 20, 200];

/// Chooses at random where no call is starved.
pub(super) struct Starve {
    executions: usize,
    /// What the program draws; apart, so that a schedule can be run again.
    data: RandomDataSource,
    random: RandomDataSource,
    /// The victim that was last seen, and its patience.
    victim: Option<TaskId>,
    patience: u64,
    /// Steps that the others still have before the victim's next one.
    left: u64,
}

impl Starve {
    pub(super) fn new(executions: usize) -> Self {
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        Self {
            executions,
            data: RandomDataSource::initialize(seed),
            random: RandomDataSource::initialize(!seed),
            victim: None,
            patience: 0,
            left: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random.next_u64() % bound as u64) as usize
    }

    /// One of the tasks; mostly the current one, so that its operation gets done.
    fn choose(&mut self, tasks: &[TaskId], current: Option<TaskId>) -> TaskId {
        match current {
            Some(task) if tasks.contains(&task) && self.below(16) != 0 => task,
            _ => tasks[self.below(tasks.len())],
        }
    }
}

impl Scheduler for Starve {
    fn new_execution(&mut self) -> Option<Schedule> {
        VICTIM.set(None);
        self.victim = None;
        self.executions = self.executions.checked_sub(1)?;
        Some(Schedule::new(self.data.reinitialize()))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        let tasks: Vec<_> = runnable.iter().map(|task| task.id()).collect();
        let victim = VICTIM.get().filter(|victim| tasks.contains(victim));
        if victim != self.victim {
            self.victim = victim;
            self.patience = PATIENCE[self.below(PATIENCE.len())];
            self.left = self.patience;
        }
        let Some(victim) = victim else { return Some(self.choose(&tasks, current)) };
        if current == Some(victim) {
            self.left = self.patience;
        }
        let others: Vec<_> = tasks.into_iter().filter(|task| *task != victim).collect();
        if self.left == 0 || others.is_empty() {
            return Some(victim);
        }
        self.left -= 1;
        Some(self.choose(&others, current))
    }

    fn next_u64(&mut self) -> u64 {
        self.data.next_u64()
    }
}
