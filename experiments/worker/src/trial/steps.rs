//! What a worker does next: operations and keys, drawn before they are needed.

use kovan_erased::{BLOCK, Draws, Keys};
use kovan_harness::random::{WyRand, lower};
use kovan_lab_base::data::{Mix, Operation};

use super::keys::KeySource;

/// An operation on a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) key: u64,
}

impl Step {
    pub(super) const NONE: Self = Self { operation: Operation::Get, key: 0 };
}

/// How many choices there are.
const CHOICES: u64 = 1 << 32;

/// The part of all choices that a part of the weights has. All of them have all.
fn share(part: u64, total: u64) -> u64 {
    let share = u128::from(part) * u128::from(CHOICES) / u128::from(total);
    u64::try_from(share).unwrap_or(CHOICES)
}

/// The stream of one worker. The lower half of a random number is an operation, and its upper bits are the key, where keys
/// are all alike; all other keys have a stream of their own.
pub(super) struct Steps {
    keys: KeySource,
    /// The keys of a block that does not draw its own.
    listed: [u64; BLOCK],
    scan_keys: u64,
    random: WyRand,
    /// The shares, of 2^32 choices, up to each kind of operation but the last.
    sums: [u64; Operation::ALL.len() - 1],
    /// Operations of each kind, once they are counted.
    pub(super) counts: [u64; Operation::ALL.len()],
    /// The random numbers when the count began.
    counted_from: Option<WyRand>,
}

impl Steps {
    /// The stream of a worker, the `nth` of so many `threads`.
    pub(super) fn new(mix: &Mix, range: u64, seed: u64, nth: u32, threads: u32) -> Self {
        let weights = mix.weights().map(u64::from);
        let total = weights.iter().sum::<u64>().max(1);
        let mut sum = 0;
        let sums = std::array::from_fn(|kind| {
            sum += weights[kind];
            share(sum, total)
        });
        Self {
            keys: KeySource::new(mix, range, seed, nth, threads),
            listed: [0; BLOCK],
            scan_keys: mix.scan_keys,
            random: WyRand::stream(seed, u64::from(nth), 2),
            sums,
            counts: [0; Operation::ALL.len()],
            counted_from: None,
        }
    }

    /// What a block of so many operations draws from by itself, so that the draws overlap with its operations. Keys that
    /// are not uniform are drawn here, in front of the block.
    pub(super) fn draws(&mut self, count: usize) -> Draws<'_> {
        let [insert, remove, get, put, update] = self.sums;
        let (random, scan_keys) = (self.random.clone(), self.scan_keys);
        let keys = match self.keys.uniform() {
            Some((first, count)) => Keys::Uniform { first, count },
            None => {
                let mut choices = random.clone();
                self.keys
                    .list(&mut self.listed[..count], || u64::from(choices.next_u32()) < insert);
                Keys::Listed(&self.listed)
            }
        };
        Draws { count, keys, random, insert, remove, get, put, update, scan_keys }
    }

    /// Takes over the random numbers where a block has stopped.
    pub(super) fn go_on(&mut self, random: WyRand) {
        self.random = random;
    }

    /// Counts operations from here on.
    pub(super) fn begin_count(&mut self) {
        self.counted_from = Some(self.random.clone());
    }

    /// Counts the operations by their kinds, of which there were so many: the stream of choices says them again, so that
    /// nothing counts while they are measured.
    pub(super) fn count(&mut self, operations: u64) {
        let Some(mut choices) = self.counted_from.take() else { return };
        for _ in 0..operations {
            let kind = self.kind(choices.next_u32().into());
            self.counts[kind] += 1;
        }
    }

    /// The kind of a choice. Without a branch: which one it is cannot be predicted, and is asked once, by its
    /// user.
    #[inline]
    fn kind(&self, choice: u64) -> usize {
        self.sums.iter().map(|sum| usize::from(choice >= *sum)).sum()
    }

    /// Draws the next operations.
    #[inline(never)]
    pub(super) fn fill(&mut self, steps: &mut [Step]) {
        for step in steps {
            let random = self.random.next_u64();
            let operation = Operation::ALL[self.kind(lower(random).into())];
            let is_new = matches!(operation, Operation::Insert);
            *step = Step { operation, key: self.keys.next(random, is_new) };
        }
    }
}

#[cfg(test)]
mod tests {
    use kovan_lab_base::data::Keys as Law;

    use super::*;

    #[test]
    fn a_block_draws_what_steps_are_filled_with() {
        let mix = Mix { insert: 1, remove: 2, contains: 3, from: 0.25, ..Mix::default() };
        let others = [Law::Zipf, Law::Hot, Law::Sequential, Law::Latest];
        let mixes = others.map(|keys| Mix { put: 2, update: 1, scan: 1, keys, ..mix.clone() });
        for mix in mixes.into_iter().chain([mix]) {
            let new = || Steps::new(&mix, 1000, 9, 0, 1);
            let (mut one, mut two) = (new(), new());
            two.begin_count();
            let (mut block, mut counts) = ([Step::NONE; BLOCK], [0; Operation::ALL.len()]);
            for _ in 0..3 {
                one.fill(&mut block);
                let mut draws = two.draws(BLOCK);
                for (at, step) in block.iter().enumerate() {
                    counts[step.operation as usize] += 1;
                    let (key, choice) = draws.draw(at);
                    let operation = match choice {
                        choice if choice < draws.insert => Operation::Insert,
                        choice if choice < draws.remove => Operation::Remove,
                        choice if choice < draws.get => Operation::Get,
                        choice if choice < draws.put => Operation::Put,
                        choice if choice < draws.update => Operation::Update,
                        _ => Operation::Scan,
                    };
                    assert_eq!((step.operation, step.key), (operation, key), "{:?}", mix.keys);
                }
                let random = draws.random;
                two.go_on(random);
            }
            two.count(3 * BLOCK as u64);
            assert_eq!(counts, two.counts);
        }
    }

    #[test]
    fn operations_come_by_their_weights_and_independently_of_keys() {
        let mix = Mix { insert: 1, remove: 1, put: 2, ..Mix::default() };
        for range in [2, 1 << 20] {
            let chi: f64 =
                (0..8).map(|seed| dependence(&mut Steps::new(&mix, range, seed, 0, 1))).sum();
            // 3 degrees of freedom for each seed: 51.2 is passed once in a thousand times.
            assert!(chi < 51.2, "{range} keys: {chi}");
        }
    }

    /// The chi-squared of how often each operation comes with an even key and with an odd one. A quarter of the operations
    /// inserts, a quarter removes, and the others put.
    fn dependence(steps: &mut Steps) -> f64 {
        let mut block = [Step::NONE; BLOCK];
        // By kind, then by the last bit of the key.
        let mut seen = [[0_u64; 2]; 6];
        steps.begin_count();
        for _ in 0..2000 {
            steps.fill(&mut block);
            for Step { operation, key } in block {
                seen[operation as usize][usize::try_from(key % 2).expect("0 or 1")] += 1;
            }
        }
        let all = 2000 * BLOCK as u64;
        steps.count(all);
        let sums = seen.map(|counts| counts.iter().sum::<u64>());
        assert_eq!(sums, steps.counts);
        assert_eq!((sums[2], sums[4], sums[5]), (0, 0, 0), "{sums:?}");
        let near = |count: u64, share: f64| (count as f64 / all as f64 - share).abs() < 0.01;
        assert!(near(sums[0], 0.25) && near(sums[1], 0.25) && near(sums[3], 0.5), "{sums:?}");
        let counts = [0, 1, 3].map(|kind| (seen[kind], sums[kind] as f64 / 2.0));
        let off = |count: u64, wanted: f64| (count as f64 - wanted).powi(2) / wanted;
        counts.iter().map(|([even, odd], wanted)| off(*even, *wanted) + off(*odd, *wanted)).sum()
    }
}
