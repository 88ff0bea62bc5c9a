//! Operations on a structure.

use kovan_erased::{Further, Moves, Operations};
use kovan_lab_base::data::{Mix, Operation};
use kovan_structures::{Kind, StructureFacts};

use super::steps::Step;

/// How the operations of a structure are done.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Keys of a scan.
    pub(super) scan_keys: u64,
    /// A removal takes the key that it names, and not the one that is next.
    pub(super) by_key: bool,
}

impl How {
    pub(super) fn new(structure: &StructureFacts, mix: &Mix) -> Self {
        Self { scan_keys: mix.scan_keys, by_key: matches!(structure.kind, Kind::Map) }
    }

    /// Does one operation, and counts what it moved.
    #[inline]
    pub(super) fn apply(
        self,
        Step { operation, key }: Step,
        on: &dyn Operations,
        moves: &mut Moves,
    ) {
        match operation {
            Operation::Insert => {
                if on.insert(key) {
                    moves.insert(key);
                }
            }
            Operation::Remove => {
                if let Some(out) = on.remove(key) {
                    moves.remove(if self.by_key { key } else { out });
                }
            }
            Operation::Get => moves.found += u64::from(on.contains(key)),
            Operation::Put => further(Further::Put, key, on, moves),
            Operation::Update => further(Further::Update, key, on, moves),
            Operation::Scan => further(Further::Scan(self.scan_keys), key, on, moves),
        }
    }
}

fn further(operation: Further, key: u64, on: &dyn Operations, moves: &mut Moves) {
    let (is_new, found) = operation.run(on, key);
    if is_new {
        moves.insert(key);
    }
    moves.found += found;
}

/// Why the structure cannot run a mix, if it cannot. Leaves no key behind that was not there.
pub(super) fn refusal(
    StructureFacts { name, kind, .. }: &StructureFacts,
    on: &dyn Operations,
    mix: &Mix,
) -> Option<String> {
    if mix.scan > 0 && !on.scan(0, 0, &mut |_| {}) {
        return Some(format!("{name} has no order, so there are no scans"));
    }
    if (mix.put > 0 || mix.update > 0) && !matches!(kind, Kind::Map) {
        return Some(format!("{name} is no map, so there is nothing to put or to update"));
    }
    None
}
