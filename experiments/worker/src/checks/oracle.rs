//! Random programs on one thread and two handles, against the model; a failing one is shrunk.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, bail, ensure};
use kovan_erased::{ErasedPair, Operations, Worker};
use kovan_harness::random::XorShift;
use kovan_structures::Kind;

use super::budget::{Budget, Failure};
use super::model::{Answer, Model, Op, in_order, query};

/// What one handle does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Do(Op),
    /// `hold_inside`, with a look-up of the same key in it.
    Hold(u64),
    /// A scan from this key, of so many.
    Scan(u64, u64),
    Flush,
    /// The next so many steps run under a guard of this handle.
    Section(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    handle: usize,
    action: Action,
}

/// Steps between two looks at the contents, with new handles after each.
const CHAPTER: usize = 60;
/// A shrunk program has been run at most so often.
const SHRINKS: usize = 3000;

/// Runs the check.
pub(super) fn check(pair: &ErasedPair, budget: &Budget) -> Result<String, Failure> {
    let mut steps = 0;
    let rounds = budget.rounds(|seed| {
        let program = program(seed, pair.structure.kind);
        steps += program.len();
        let Err(error) = run(pair, &program) else { return Ok(()) };
        let shortest = shrink(program, |program| run(pair, program).is_err());
        let error = run(pair, &shortest).err().unwrap_or(error);
        let text: Vec<String> = shortest.iter().map(Step::to_string).collect();
        bail!("{error:#}; the shortest program: {}", text.join(", "))
    })?;
    budget.counted("steps", steps as u64);
    Ok(format!("{rounds} programs, {steps} steps"))
}

fn program(seed: u64, kind: Kind) -> Vec<Step> {
    let mut random = XorShift::stream(seed, 0, 11);
    let keys = [1, 3, 8, 40, 300][random.index(5)];
    let inserts = 2 + random.below(3);
    let length = 30 + random.index(400);
    (0..length)
        .map(|_| {
            let key = random.below(keys);
            let action = match random.below(13) {
                choice if choice < inserts => Action::Do(Op::Insert(key)),
                choice if choice < 6 => Action::Do(Op::Remove(key)),
                6 | 7 => Action::Do(Op::Contains(key)),
                8 => Action::Hold(key),
                10 => Action::Do(Op::Query(query(kind, key, random.below(5)))),
                11 => Action::Do(Op::Put(key, 1000 + random.below(keys))),
                12 => Action::Scan(key, random.below(8)),
                _ if random.below(2) == 0 => Action::Flush,
                _ => Action::Section(1 + random.index(20)),
            };
            Step { handle: random.index(2), action }
        })
        .collect()
}

/// Runs a program on a new structure; an error if it and the model differ anywhere.
fn run(pair: &ErasedPair, program: &[Step]) -> Result<()> {
    let run = || -> Result<()> {
        let kind = pair.structure.kind;
        let mut subject = pair.make(8);
        let mut model = Model::new(kind);
        for chapter in program.chunks(CHAPTER) {
            let handles = [subject.join(), subject.join()];
            steps(&handles, chapter, &mut model)?;
            drop(handles);
            let (held, expected) = (in_order(kind, subject.contents()), model.contents());
            if held != expected {
                bail!("the structure holds {held:?}, and should hold {expected:?}");
            }
        }
        super::conservation::check_end(pair, subject)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        bail!("panicked: {text}")
    })
}

fn steps(handles: &[Box<dyn Worker + '_>; 2], steps_: &[Step], model: &mut Model) -> Result<()> {
    let mut rest = steps_;
    while let [step, after @ ..] = rest {
        rest = after;
        let worker = &handles[step.handle];
        let mut result = Ok(());
        match step.action {
            Action::Flush => worker.flush(),
            Action::Section(length) => {
                let (section, after) = rest.split_at(length.min(rest.len()));
                rest = after;
                worker.pinned(&mut |_| result = steps(handles, section, model));
            }
            Action::Do(op) => worker.pinned(&mut |on| result = compare(op, on, model)),
            Action::Scan(from, count) => worker.pinned(&mut |on| {
                result = compare_scan(from, count, on, model);
            }),
            Action::Hold(key) => worker.pinned(&mut |on| {
                let mut calls = 0;
                on.hold_inside(key, &mut || {
                    calls += 1;
                    result = compare(Op::Contains(key), on, model);
                });
                if calls != 1 {
                    result = Err(anyhow::anyhow!("hold_inside({key}) called back {calls} times"));
                }
            }),
        }
        result?;
    }
    Ok(())
}

fn compare(op: Op, on: &dyn Operations, model: &mut Model) -> Result<()> {
    let answer = op.run(on);
    if answer == Answer::NoSuch {
        return Ok(());
    }
    let expected = model.apply(op);
    if answer != expected {
        bail!("{op} answered {answer}, and should {expected}");
    }
    Ok(())
}

fn compare_scan(from: u64, count: u64, on: &dyn Operations, model: &Model) -> Result<()> {
    let mut seen = Vec::new();
    if on.scan(from, count, &mut |key| seen.push(key)) {
        let expected = model.scan(from, count);
        ensure!(seen == expected, "scan({from}, {count}) showed {seen:?}, and should {expected:?}");
    } else {
        ensure!(seen.is_empty(), "scan({from}, {count}) showed {seen:?}, though there is no order");
    }
    Ok(())
}

/// Removes steps and makes keys smaller while the program still fails.
fn shrink(mut program: Vec<Step>, fails: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    let mut left = SHRINKS;
    let mut try_ = |candidate: &Vec<Step>| {
        left = left.saturating_sub(1);
        left > 0 && fails(candidate)
    };
    let mut size = program.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < program.len() {
            let mut shorter = program.clone();
            shorter.drain(at..(at + size).min(program.len()));
            if try_(&shorter) {
                program = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    for at in 0..program.len() {
        for smaller in [0, 1, 2] {
            let mut simpler = program.clone();
            simpler[at].handle = 0;
            match &mut simpler[at].action {
                Action::Do(
                    Op::Insert(key) | Op::Remove(key) | Op::Contains(key) | Op::Put(key, _),
                )
                | Action::Hold(key)
                | Action::Scan(key, _) => *key = smaller.min(*key),
                Action::Do(Op::Query(_)) | Action::Flush | Action::Section(_) => {}
            }
            if simpler != program && try_(&simpler) {
                program = simpler;
                break;
            }
        }
    }
    program
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handle = ["a", "b"][self.handle];
        match self.action {
            Action::Do(op) => write!(f, "{handle}.{op}"),
            Action::Hold(key) => write!(f, "{handle}.hold_inside({key})"),
            Action::Scan(from, count) => write!(f, "{handle}.scan({from}, {count})"),
            Action::Flush => write!(f, "{handle}.flush()"),
            Action::Section(length) => write!(f, "{handle}.pin() for {length} steps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_shrink_to_what_matters() {
        let program = program(5, Kind::Map);
        let inserts = |program: &[Step]| {
            let insert = |step: &&Step| matches!(step.action, Action::Do(Op::Insert(_)));
            program.iter().filter(insert).count() >= 2
        };
        assert!(inserts(&program) && program.len() > 20);
        let shortest = shrink(program, inserts);
        let zero = Step { handle: 0, action: Action::Do(Op::Insert(0)) };
        assert_eq!(shortest, [zero, zero]);
    }
}
