//! The block of operations that a worker repeats where only throughput is measured.

use kovan_harness::random::WyRand;
use kovan_schemes::{Handle, Reclaimer};
use kovan_structures::{Kind, Structure};

/// Operations of a block: those between two looks at anything else.
pub const BLOCK: usize = 64;

/// The keys and operations that blocks draw: uniform keys that are inserted, removed and looked up. Keys and
/// operations are of independent streams.
#[derive(Clone, Debug)]
pub struct Draws {
    /// Where the keys come from.
    pub keys: WyRand,
    /// Where the operations come from.
    pub choices: WyRand,
    /// The least key.
    pub first: u64,
    /// How many keys there are.
    pub count: u64,
    /// Choices below this one, of 2<sup>32</sup>, are insertions.
    pub insert: u64,
    /// Choices below this one that are no insertions are removals; all others are look-ups.
    pub remove: u64,
}

impl Draws {
    /// Draws a key and a choice.
    #[inline(always)]
    pub fn draw(&mut self) -> (u64, u64) {
        (self.first + self.keys.below(self.count), self.choices.next_u32().into())
    }
}

/// What went into a structure and what came out. Sums wrap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moves {
    /// Keys that went in.
    pub inserted: u64,
    /// Sum of the keys that went in.
    pub inserted_sum: u64,
    /// Keys that came out.
    pub removed: u64,
    /// Sum of the keys that came out.
    pub removed_sum: u64,
    /// Look-ups that found their key; kept so that look-ups are not optimised away.
    pub found: u64,
}

impl Moves {
    /// Counts a key that went in.
    #[inline]
    pub fn insert(&mut self, key: u64) {
        self.inserted += 1;
        self.inserted_sum = self.inserted_sum.wrapping_add(key);
    }

    /// Counts a key that came out.
    #[inline]
    pub fn remove(&mut self, key: u64) {
        self.removed += 1;
        self.removed_sum = self.removed_sum.wrapping_add(key);
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.inserted += other.inserted;
        self.inserted_sum = self.inserted_sum.wrapping_add(other.inserted_sum);
        self.removed += other.removed;
        self.removed_sum = self.removed_sum.wrapping_add(other.removed_sum);
        self.found += other.found;
    }
}

/// A block of operations, each under a guard of its own. Nothing may stand between them but the draws of the next
/// one, which overlap with it. Not inlined, so that each pair is one function in a profile.
#[inline(never)]
pub(super) fn block<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    handle: &Handle<R>,
    from: &mut Draws,
    to: &mut Moves,
) {
    let is_map = matches!(S::FACTS.kind, Kind::Map);
    // Its own, in registers.
    let (mut draws, mut moves) = (from.clone(), Moves::default());
    for _ in 0..BLOCK {
        let (key, choice) = draws.draw();
        let guard = handle.pin();
        if choice < draws.insert {
            if structure.insert(&guard, key) {
                moves.insert(key);
            }
        } else if choice < draws.remove {
            if let Some(out) = structure.remove(&guard, key) {
                moves.remove(if is_map { key } else { out });
            }
        } else {
            moves.found += u64::from(structure.contains(&guard, key));
        }
    }
    *from = draws;
    to.add(&moves);
}
