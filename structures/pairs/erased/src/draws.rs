//! The block of operations that a worker repeats where each has a guard of its own.

use kovan_harness::random::{WyRand, lower, scale};
use kovan_schemes::{Handle, Reclaimer};
use kovan_structures::{Kind, Structure};

use super::Operations;
use super::real::Pinned;

/// The most operations of a block: those between two looks at anything else.
pub const BLOCK: usize = 64;

/// The keys and operations that blocks draw.
#[derive(Clone, Debug)]
pub struct Draws<'a> {
    /// How many operations there are; no more than [`BLOCK`] are done.
    pub count: usize,
    /// Where the keys come from.
    pub keys: Keys<'a>,
    /// Where the operations come from: each from the lower half of a random number.
    pub random: WyRand,
    /// Choices below this one, of 2<sup>32</sup>, are insertions.
    pub insert: u64,
    /// Choices below this one that are no insertions are removals.
    pub remove: u64,
    /// Those below this one that are neither are look-ups.
    pub get: u64,
    /// Those below this one that are none of these put a value.
    pub put: u64,
    /// Those below this one that are none of these look up and put; all others are scans.
    pub update: u64,
    /// Keys of a scan.
    pub scan_keys: u64,
}

/// Where the keys of a block come from.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    /// They are all alike, and drawn as they are needed: each from the upper bits of the number that chooses the
    /// operation.
    Uniform {
        /// The least key.
        first: u64,
        /// How many keys there are.
        count: u64,
    },
    /// They are there.
    Listed(&'a [u64; BLOCK]),
}

impl Draws<'_> {
    /// How many operations there are.
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.min(BLOCK)
    }

    /// Draws the key and the choice of the operation at this place in its block.
    #[inline(always)]
    pub fn draw(&mut self, at: usize) -> (u64, u64) {
        let random = self.random.next_u64();
        let key = match self.keys {
            Keys::Uniform { first, count } => first + scale(random, count),
            Keys::Listed(keys) => keys[at],
        };
        (key, lower(random).into())
    }

    /// What a choice asks for that is no insertion, removal or look-up.
    #[inline]
    fn further(&self, choice: u64) -> Further {
        match choice {
            choice if choice < self.put => Further::Put,
            choice if choice < self.update => Further::Update,
            _ => Further::Scan(self.scan_keys),
        }
    }
}

/// An operation that some structures have: see [`Further::run`].
#[derive(Clone, Copy, Debug)]
pub enum Further {
    /// Inserts the key, or replaces its value.
    Put,
    /// Looks the key up, and puts it.
    Update,
    /// Goes over so many keys from this one on.
    Scan(u64),
}

impl Further {
    /// Does the operation, with the key as the value, as insertions have it. Returns whether the key went in, and what
    /// look-ups found. The same code for all pairs.
    #[inline(never)]
    pub fn run(self, on: &dyn Operations, key: u64) -> (bool, u64) {
        let mut found = 0;
        match self {
            Self::Put => (on.put(key, key) == Some(None), 0),
            Self::Update => {
                found += u64::from(on.contains(key));
                (on.put(key, key) == Some(None), found)
            }
            Self::Scan(keys) => {
                on.scan(key, keys, &mut |key| found += key & 1);
                (false, found)
            }
        }
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
/// one, which overlap with it, and a virtual call where they are further ones. Not inlined, so that each pair is one
/// function in a profile.
#[inline(never)]
pub(super) fn block<R: Reclaimer, S: Structure<R>>(
    structure: &S,
    handle: &Handle<R>,
    from: &mut Draws<'_>,
    to: &mut Moves,
) {
    let is_map = matches!(S::FACTS.kind, Kind::Map);
    // Its own, in registers.
    let (mut draws, mut moves) = (from.clone(), Moves::default());
    for at in 0..draws.count() {
        let (key, choice) = draws.draw(at);
        let guard = handle.pin();
        if choice < draws.insert {
            if structure.insert(&guard, key) {
                moves.insert(key);
            }
        } else if choice < draws.remove {
            if let Some(out) = structure.remove(&guard, key) {
                moves.remove(if is_map { key } else { out });
            }
        } else if choice < draws.get {
            moves.found += u64::from(structure.contains(&guard, key));
        } else {
            let (is_new, found) =
                draws.further(choice).run(&Pinned { structure, guard: &guard }, key);
            if is_new {
                moves.insert(key);
            }
            moves.found += found;
        }
    }
    *from = draws;
    to.add(&moves);
}
