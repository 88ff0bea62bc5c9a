//! The lab's generic structures against hand-written ones, both over crossbeam-epoch.

use std::hint::black_box;

use crossbeam_epoch::Collector;
use crossbeam_skiplist::SkipMap;
use kovan_harness::random::SplitMix;
use kovan_schemes::schemes::Epoch;
use kovan_schemes::{Domain, Reclaimer};
use kovan_structures::Structure;

use crate::contender::Group;
use crate::hand_written::HandWritten;
use crate::rounds::{Entry, measure};

/// The generic structure, in tables.
pub const GENERIC: &str = "generic";
/// The one that it is compared with.
pub const HAND_WRITTEN: &str = "hand-written";

/// What is done with a structure: of a hundred operations, so many look up, and the rest inserts and
/// removes in equal parts. Half of the keys below `range` are there at the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Percentage of lookups.
    pub lookups: u64,
    /// Keys are below this.
    pub range: u64,
}

/// An operation, decided.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// Adds the key.
    Insert(u64),
    /// Removes it.
    Remove(u64),
    /// Looks it up.
    Contains(u64),
}

impl Workload {
    /// Different bits decide what is done and to which key.
    #[inline(always)]
    fn choose(self, random: u64) -> Operation {
        let (choice, key) = (((random & 0xFFFF) * 200) >> 16, (random >> 16) % self.range);
        if choice < 2 * self.lookups {
            Operation::Contains(key)
        } else if choice < 100 + self.lookups {
            Operation::Insert(key)
        } else {
            Operation::Remove(key)
        }
    }

    /// The keys to begin with, in a random order.
    fn prefill(self) -> impl Iterator<Item = u64> {
        let order = SplitMix::new(1).order(self.range as usize);
        order.into_iter().take(self.range as usize / 2).map(|key| key as u64)
    }
}

/// The generic structure over `R`.
#[must_use]
pub fn generic<R: Reclaimer, S: Structure<R>>(name: &'static str, workload: Workload) -> Entry {
    let run = move |setting| {
        let domain = Domain::<R>::new();
        let structure = S::new(&domain, workload.range as usize / 2);
        let handle = domain.register();
        workload.prefill().for_each(|key| {
            structure.insert(&handle.pin(), key);
        });
        measure(setting, 1, || {
            let (handle, structure) = (domain.register(), &structure);
            move |random| {
                let guard = handle.pin();
                match workload.choose(random) {
                    Operation::Insert(key) => _ = black_box(structure.insert(&guard, key)),
                    Operation::Remove(key) => _ = black_box(structure.remove(&guard, key)),
                    Operation::Contains(key) => _ = black_box(structure.contains(&guard, key)),
                }
            }
        })
    };
    Entry { group: Group::Handle, name, run: Box::new(run) }
}

/// The hand-written one.
#[must_use]
pub fn hand_written<B: HandWritten>(workload: Workload) -> Entry {
    let run = move |setting| {
        let collector = Collector::new();
        let structure = B::new(workload.range as usize / 2);
        let local = collector.register();
        workload.prefill().for_each(|key| {
            structure.insert(&local.pin(), key);
        });
        measure(setting, 1, || {
            let (local, structure) = (collector.register(), &structure);
            move |random| {
                let guard = local.pin();
                match workload.choose(random) {
                    Operation::Insert(key) => _ = black_box(structure.insert(&guard, key)),
                    Operation::Remove(key) => _ = black_box(structure.remove(&guard, key)),
                    Operation::Contains(key) => _ = black_box(structure.contains(&guard, key)),
                }
            }
        })
    };
    Entry { group: Group::Handle, name: HAND_WRITTEN, run: Box::new(run) }
}

/// The skip list of crossbeam, which pins by itself, once per operation.
#[must_use]
pub fn crossbeam_skiplist(workload: Workload) -> Entry {
    let run = move |setting| {
        let map = SkipMap::new();
        workload.prefill().for_each(|key| _ = map.get_or_insert(key, key));
        measure(setting, 1, || {
            let map = &map;
            move |random| match workload.choose(random) {
                // It has no insertion that leaves a present key alone and says so.
                Operation::Insert(key) => _ = black_box(map.get_or_insert(key, key)),
                Operation::Remove(key) => _ = black_box(map.remove(&key)),
                Operation::Contains(key) => _ = black_box(map.contains_key(&key)),
            }
        })
    };
    Entry { group: Group::ThreadLocal, name: "crossbeam-skiplist", run: Box::new(run) }
}

/// A structure with the one that it is compared with.
pub struct Match {
    /// The name of the structure, and for maps the shares of lookups, insertions and removals.
    pub name: &'static str,
    /// The generic one, then the other.
    pub entries: Vec<Entry>,
}

/// A structure and its hand-written twin. Stacks and queues have no lookups.
fn twins<S: Structure<Epoch>, B: HandWritten>(name: &'static str, workload: Workload) -> Match {
    let entries = vec![generic::<Epoch, S>(GENERIC, workload), hand_written::<B>(workload)];
    Match { name, entries }
}

/// All of them.
#[must_use]
pub fn matches() -> Vec<Match> {
    use crate::hand_written::{HashMap, List, Queue, Stack};
    use kovan_structures::{FixedHashMap, MichaelList, MsQueue, SkipList, TreiberStack};
    let of = |lookups, range| Workload { lookups, range };
    let mut all = vec![
        twins::<TreiberStack<u64, Epoch>, Stack>("treiber-stack", of(0, 2000)),
        twins::<MsQueue<u64, Epoch>, Queue>("ms-queue", of(0, 2000)),
        twins::<MichaelList<u64, u64, Epoch>, List>("michael-list 90/5/5", of(90, 256)),
        twins::<FixedHashMap<u64, u64, Epoch>, HashMap>("hash-map 50/25/25", of(50, 2000)),
    ];
    for (name, lookups) in [("skip-list 90/5/5", 90), ("skip-list 50/25/25", 50)] {
        let workload = of(lookups, 20_000);
        let skip_list = generic::<Epoch, SkipList<u64, u64, Epoch>>(GENERIC, workload);
        all.push(Match { name, entries: vec![skip_list, crossbeam_skiplist(workload)] });
    }
    all
}
