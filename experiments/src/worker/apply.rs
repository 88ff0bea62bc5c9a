//! Operations on a structure.

use kovan_schemes::{Guard, Reclaimer};
use kovan_structures::{Kind, Structure};

use super::steps::Step;
use super::tally::Tally;
use crate::data::{Mix, Operation};

/// Does one operation. Not inlined: it is called from several loops, none of which is the fastest one.
#[inline(never)]
pub(super) fn apply<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    guard: &Guard<'_, R>,
    Step { operation, key }: Step,
    scan_keys: u64,
    tally: &mut Tally,
) {
    match operation {
        Operation::Insert => {
            if structure.insert(guard, key) {
                tally.insert(key);
            }
        }
        Operation::Remove => {
            if let Some(out) = structure.remove(guard, key) {
                tally.remove(if matches!(S::FACTS.kind, Kind::Map) { key } else { out });
            }
        }
        Operation::Get => tally.found += u64::from(structure.contains(guard, key)),
        other => apply_rare(structure, guard, other, key, scan_keys, tally),
    }
}

/// The operations that not every structure has.
#[inline(never)]
fn apply_rare<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    guard: &Guard<'_, R>,
    operation: Operation,
    key: u64,
    scan_keys: u64,
    tally: &mut Tally,
) {
    match operation {
        Operation::Scan => {
            structure.scan(guard, key, scan_keys, &mut |key| tally.found += key & 1);
        }
        Operation::Update => {
            tally.found += u64::from(structure.contains(guard, key));
            put(structure, guard, key, tally);
        }
        _ => put(structure, guard, key, tally),
    }
}

fn put<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    guard: &Guard<'_, R>,
    key: u64,
    tally: &mut Tally,
) {
    // The value of a key is the key, as those of insertions are.
    if let Some(None) = structure.put(guard, key, key) {
        tally.insert(key);
    }
}

/// Why the structure cannot run a mix, if it cannot. Leaves no key behind that was not there.
pub(super) fn refusal<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    guard: &Guard<'_, R>,
    mix: &Mix,
) -> Option<String> {
    let name = S::FACTS.name;
    if mix.scan > 0 && !structure.scan(guard, 0, 0, &mut |_| {}) {
        return Some(format!("{name} has no order, so there are no scans"));
    }
    if (mix.put > 0 || mix.update > 0) && !matches!(S::FACTS.kind, Kind::Map) {
        return Some(format!("{name} is no map, so there is nothing to put or to update"));
    }
    None
}
