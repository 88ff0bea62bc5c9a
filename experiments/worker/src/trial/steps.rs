//! What a worker does next: operations and keys, drawn before they are needed.

use kovan_erased::{BLOCK, Draws};
use kovan_harness::random::WyRand;
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

/// The stream of one worker. Keys and operations are of independent random streams.
pub(super) struct Steps {
    keys: KeySource,
    choices: WyRand,
    /// The shares, of 2^32 choices, up to each kind of operation but the last.
    sums: [u64; Operation::ALL.len() - 1],
    /// Operations of each kind so far, but those of plain blocks.
    pub(super) counts: [u64; Operation::ALL.len()],
    /// The choices when the count began.
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
            choices: WyRand::stream(seed, u64::from(nth), 2),
            sums,
            counts: [0; Operation::ALL.len()],
            counted_from: None,
        }
    }

    /// What the loop of plain workloads draws from by itself, which overlaps with its operations; none for
    /// others. Plain are uniform keys that are inserted, removed and looked up.
    pub(super) fn plain(&mut self) -> Option<Draws> {
        let [insert, remove, get, ..] = self.sums;
        let is_plain = get == CHOICES;
        let (keys, first, count) = self.keys.uniform().filter(|_| is_plain)?;
        let (keys, choices) = (keys.clone(), self.choices.clone());
        Some(Draws { keys, choices, first, count, insert, remove })
    }

    /// Takes over where a plain loop has stopped.
    pub(super) fn go_on(&mut self, draws: Draws) {
        if let Some((stream, ..)) = self.keys.uniform() {
            *stream = draws.keys;
        }
        self.choices = draws.choices;
    }

    /// Counts operations from here on.
    pub(super) fn begin_count(&mut self) {
        self.counts = Default::default();
        self.counted_from = Some(self.choices.clone());
    }

    /// Counts so many operations of plain blocks by their kinds: a loop that is measured does not, but the stream
    /// of choices says it again.
    pub(super) fn count_again(&mut self, operations: u64) {
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
    pub(super) fn fill(&mut self, steps: &mut [Step; BLOCK]) {
        for step in steps {
            let choice = self.choices.next_u32();
            let kind = self.kind(choice.into());
            let operation = Operation::ALL[kind];
            self.counts[kind] += 1;
            let is_new = matches!(operation, Operation::Insert);
            *step = Step { operation, key: self.keys.next(is_new) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_draws_are_those_of_the_block() {
        let mix = Mix { insert: 1, remove: 2, contains: 3, from: 0.25, ..Mix::default() };
        let (mut one, mut two) = (Steps::new(&mix, 1000, 9, 0, 1), Steps::new(&mix, 1000, 9, 0, 1));
        two.begin_count();
        let mut plain = two.plain().expect("plain");
        let mut block = [Step::NONE; BLOCK];
        one.fill(&mut block);
        for step in block {
            let (key, choice) = plain.draw();
            let operation = match choice {
                choice if choice < plain.insert => Operation::Insert,
                choice if choice < plain.remove => Operation::Remove,
                _ => Operation::Get,
            };
            assert_eq!((step.operation, step.key), (operation, key));
        }
        two.go_on(plain);
        two.count_again(BLOCK as u64);
        assert_eq!(one.counts, two.counts);
        let mut next = [block, block];
        one.fill(&mut next[0]);
        two.fill(&mut next[1]);
        assert_eq!(next[0].map(|step| step.key), next[1].map(|step| step.key), "both go on alike");
        let mut others =
            [Mix { put: 1, ..mix.clone() }, Mix { keys: kovan_lab_base::data::Keys::Hot, ..mix }];
        assert!(others.iter_mut().all(|mix| Steps::new(mix, 1000, 9, 0, 1).plain().is_none()));
    }

    #[test]
    fn operations_come_by_their_weights_and_independently_of_keys() {
        let mix = Mix { insert: 1, remove: 1, put: 2, ..Mix::default() };
        let mut steps = Steps::new(&mix, 2, 9, 0, 1);
        let mut block = [Step::NONE; BLOCK];
        // By kind, then by key.
        let mut seen = [[0_u64; 2]; 6];
        for _ in 0..2000 {
            steps.fill(&mut block);
            for Step { operation, key } in block {
                seen[operation as usize][usize::try_from(key).expect("0 or 1")] += 1;
            }
        }
        let sums = seen.map(|counts| counts.iter().sum::<u64>());
        assert_eq!(sums, steps.counts);
        assert_eq!((sums[2], sums[4], sums[5]), (0, 0, 0), "{sums:?}");
        let all = 2000 * BLOCK as u64;
        let near = |count: u64, share: f64| (count as f64 / all as f64 - share).abs() < 0.01;
        assert!(near(sums[0], 0.25) && near(sums[1], 0.25) && near(sums[3], 0.5), "{sums:?}");
        // A key tells nothing of the operation: chi-squared with 2 degrees of freedom; 13.8 is passed once in
        // a thousand seeds.
        let chi: f64 = [0, 1, 3]
            .iter()
            .flat_map(|kind| seen[*kind].map(|count| (count, sums[*kind] as f64 / 2.0)))
            .map(|(count, wanted)| (count as f64 - wanted).powi(2) / wanted)
            .sum();
        assert!(chi < 13.8, "{seen:?}");
    }
}
