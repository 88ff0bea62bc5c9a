//! What workers do: operations, keys, guards, and how the structure is filled before.

use serde::{Deserialize, Serialize};

/// How keys are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// All keys are drawn alike.
    #[default]
    Uniform,
    /// They follow Zipf's law with `theta`; the frequent ones are spread over the range, as YCSB's scrambled keys.
    Zipf,
    /// A part of the range, `hot_keys`, gets a part of the operations, `hot_operations`.
    Hot,
    /// They come one after the other, from the first to the last and again.
    Sequential,
    /// Insertions bring new keys in increasing order; other operations prefer the newest by Zipf's law (as
    /// YCSB's workload D).
    Latest,
}

/// How the structure is filled before the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrefillOrder {
    /// Exactly so many distinct keys, in random order.
    #[default]
    Shuffled,
    /// So many draws of a key, some of which come twice, as published harnesses do it.
    WithReplacement,
    /// Distinct keys spread evenly over the range, from the least to the greatest.
    Ascending,
    /// The same from the greatest to the least.
    Descending,
}

/// How many keys are there before the window: a number, or a share of the key range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Prefill {
    /// Keys.
    Keys(u64),
    /// A part of the key range, from 0 to 1.
    Share(f64),
}

impl Prefill {
    /// The number of keys in a range.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn keys(self, range: u64) -> u64 {
        match self {
            Self::Keys(keys) => keys,
            // Exact below 2^53 keys.
            Self::Share(share) => (range as f64 * share).round() as u64,
        }
    }
}

/// What one kind of worker does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mix {
    /// Weight of insertions (of a stack or queue: pushes).
    #[serde(alias = "push")]
    pub insert: u32,
    /// Weight of removals (pops).
    #[serde(alias = "pop")]
    pub remove: u32,
    /// Weight of look-ups.
    #[serde(alias = "get")]
    pub contains: u32,
    /// Weight of insert-or-replace, which always allocates, and retires where the key was there.
    pub put: u32,
    /// Weight of read-modify-write: a look-up and a put under one guard.
    pub update: u32,
    /// Weight of ordered scans.
    pub scan: u32,
    /// Keys that a scan visits, at most.
    pub scan_keys: u64,
    /// How keys are drawn.
    pub keys: Keys,
    /// The exponent of Zipf's law.
    pub theta: f64,
    /// The part of the range that is hot.
    pub hot_keys: f64,
    /// The part of the operations that is for hot keys.
    pub hot_operations: f64,
    /// Keys are from this part of the range on.
    pub from: f64,
    /// Keys are below this part of the range.
    pub to: f64,
    /// Operations under one guard.
    pub operations_per_guard: u32,
    /// Time that passes in each guard besides.
    pub pause_in_guard_us: u64,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            insert: 0,
            remove: 0,
            contains: 0,
            put: 0,
            update: 0,
            scan: 0,
            scan_keys: 100,
            keys: Keys::Uniform,
            theta: 0.99,
            hot_keys: 0.2,
            hot_operations: 0.8,
            from: 0.0,
            to: 1.0,
            operations_per_guard: 1,
            pause_in_guard_us: 0,
        }
    }
}

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Operation {
    /// Adds a key.
    Insert,
    /// Removes a key.
    Remove,
    /// Looks a key up.
    Get,
    /// Adds or replaces.
    Put,
    /// Looks up, then adds or replaces.
    Update,
    /// Visits keys in order.
    Scan,
}

impl Operation {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Insert, Self::Remove, Self::Get, Self::Put, Self::Update, Self::Scan];

    /// The name in tables and specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Remove => "remove",
            Self::Get => "contains",
            Self::Put => "put",
            Self::Update => "update",
            Self::Scan => "scan",
        }
    }
}

impl Mix {
    /// The weights by the numbers of [`Operation`].
    pub fn weights(&self) -> [u32; 6] {
        [self.insert, self.remove, self.contains, self.put, self.update, self.scan]
    }
}

/// A group of workers with a mix of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// The name in `roles.csv`.
    pub name: String,
    /// Weight by which the workers are shared out.
    #[serde(default = "one")]
    pub share: u32,
    /// What they do.
    #[serde(flatten)]
    pub mix: Mix,
}

fn one() -> u32 {
    1
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The name in the records.
    pub name: String,
    /// Keys are below this, unless it is an axis.
    #[serde(default)]
    pub key_range: u64,
    /// Keys that are there before the clock starts.
    pub prefill: Prefill,
    /// The order in which they come.
    #[serde(default)]
    pub prefill_order: PrefillOrder,
    /// Threads that insert them.
    #[serde(default = "one")]
    pub prefill_threads: u32,
    /// Groups of workers; none: all do the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// What workers do where there are no roles.
    #[serde(flatten)]
    pub mix: Mix,
}

impl Workload {
    /// The roles; one for all workers where none is named.
    pub fn all_roles(&self) -> Vec<Role> {
        if self.roles.is_empty() {
            return vec![Role { name: "all".into(), share: 1, mix: self.mix.clone() }];
        }
        self.roles.clone()
    }

    /// The role of each worker, by its place in `all_roles`: shared out by weight, each as evenly as can be.
    pub fn role_of_each(&self, threads: u32) -> Vec<usize> {
        let shares: Vec<u32> = self.all_roles().iter().map(|role| role.share).collect();
        let mut given = vec![0_u32; shares.len()];
        (0..threads)
            .map(|_| {
                // Who is furthest behind its share, the first of several (Webster's method).
                let behind = |at: &usize| f64::from(shares[*at]) / (f64::from(given[*at]) + 0.5);
                let next = (0..shares.len()).rev().max_by(|a, b| behind(a).total_cmp(&behind(b)));
                let next = next.unwrap_or(0);
                given[next] += 1;
                next
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_shared_out_by_weight() {
        let role = |share| Role { name: String::new(), share, mix: Mix::default() };
        let workload = |roles| Workload {
            name: "w".into(),
            key_range: 8,
            prefill: Prefill::Share(0.5),
            prefill_order: PrefillOrder::Shuffled,
            prefill_threads: 1,
            roles,
            mix: Mix::default(),
        };
        let counts = |shares: &[u32], threads| {
            let of = workload(shares.iter().map(|share| role(*share)).collect());
            let each = of.role_of_each(threads);
            (0..shares.len()).map(|at| each.iter().filter(|role| **role == at).count()).collect()
        };
        let of: Vec<usize> = counts(&[1, 1], 2);
        assert_eq!(of, [1, 1]);
        let of: Vec<usize> = counts(&[1, 3], 8);
        assert_eq!(of, [2, 6]);
        assert_eq!(workload(Vec::new()).role_of_each(3), [0, 0, 0]);
    }

    #[test]
    fn a_share_of_the_range_is_exact() {
        assert_eq!(Prefill::Share(0.5).keys(100_001), 50_001);
        assert_eq!((Prefill::Share(1.0).keys(7), Prefill::Keys(3).keys(7)), (7, 3));
    }
}
