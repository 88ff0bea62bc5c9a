//! Which contenders are measured in which cells, and with nodes of which sizes.

use std::hint::black_box;
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;

use crate::cells::{
    Cell, HashMap, List, Loads, Mixed, Payload, Pin, PinLoad, Queue, Replace, Stack, WORDS,
    mixed_replaces,
};
use crate::contender::{Contender, Group};
use crate::contenders::locks::Counted;
use crate::contenders::{
    Batch16, Batch32, Epoch, EpochHandle, Free1, Free2, Free4, FreeAll, Haphazard, HaphazardHandle,
    Kovan, KovanHandle, KovanRobust, Leak, Published, Sdd, Seize, SeizeHandle,
};
use crate::records::Point;
use crate::rounds::{Entry, entry, measure};

/// Ours, in both groups.
pub const KOVAN: &str = <KovanHandle as Contender>::NAME;
/// Ours with bounded garbage, in both groups.
pub const ROBUST: &str = <KovanRobust as Contender>::NAME;
/// The libraries that ours is compared with.
pub const PEERS: [&str; 5] = [
    <Epoch as Contender>::NAME,
    <Seize as Contender>::NAME,
    <Haphazard as Contender>::NAME,
    <Sdd as Contender>::NAME,
    <Published as Contender>::NAME,
];
/// Those of them that have handles.
pub const PEERS_WITH_HANDLES: [&str; 3] = [PEERS[0], PEERS[1], PEERS[2]];
/// What reclaims nothing, or counts references.
pub const BASELINES: [&str; 4] = [
    <Leak as Contender>::NAME,
    <Mutex<Arc<Payload<1>>> as Counted<1>>::NAME,
    <RwLock<Arc<Payload<1>>> as Counted<1>>::NAME,
    <ArcSwap<Payload<1>> as Counted<1>>::NAME,
];

/// Bytes of payload of the main tables.
pub const BYTES: usize = Payload::<WORDS>::BYTES;
/// All sizes of payload.
pub const ALL_BYTES: [usize; 3] = [8, BYTES, 256];
/// The numbers of threads.
pub const THREADS: [u16; 4] = [1, 2, 4, 8];

/// Returns whether operations of a cell allocate nodes. The others have one size, whichever is asked for.
#[must_use]
pub fn allocates(cell: &str) -> bool {
    ![Pin::<Leak>::NAME, PinLoad::<Leak>::NAME, Loads::<Leak>::NAME].contains(&cell)
}

/// A cell with nodes of a size, and who is measured in it.
pub struct Row {
    /// The name of the cell.
    pub cell: &'static str,
    /// Bytes of payload in a node.
    pub bytes: usize,
    /// The most threads that it is measured with.
    most: u16,
    /// The contenders.
    pub entries: Vec<Entry>,
}

impl Row {
    /// Returns whether the row has the size that is asked for: cells that allocate nothing have only one.
    #[must_use]
    pub fn has_bytes(&self, bytes: usize) -> bool {
        self.bytes == bytes || !allocates(self.cell) && bytes == BYTES
    }

    /// Returns whether the row is measured with that many threads.
    #[must_use]
    pub fn allows(&self, threads: u16) -> bool {
        threads <= self.most
    }

    /// Returns the row's point with that many threads.
    #[must_use]
    pub fn point(&self, threads: u16) -> Point {
        Point { cell: self.cell.into(), bytes: self.bytes, threads }
    }
}

/// The same step for a reference count behind each kind of lock.
macro_rules! locks {
    ($words:expr, |$value:ident, $random:pat_param| $step:expr) => {
        vec![
            lock::<$words, Mutex<Arc<Payload<$words>>>>(|$value, $random| $step),
            lock::<$words, RwLock<Arc<Payload<$words>>>>(|$value, $random| $step),
            lock::<$words, ArcSwap<Payload<$words>>>(|$value, $random| $step),
        ]
    };
}

/// A cell for every contender.
trait Family {
    type Of<C: Contender>: Cell<C> + 'static;
}

macro_rules! families {
    ($($family:ident$(<$(const $size:ident: $word:ty),+>)? => $cell:ty;)+) => {$(
        struct $family$(<$(const $size: $word),+>)?;
        impl$(<$(const $size: $word),+>)? Family for $family$(<$($size),+>)? {
            type Of<C: Contender> = $cell;
        }
    )+};
}
families! {
    Pins => Pin<C>;
    PinLoads => PinLoad<C>;
    ManyLoads => Loads<C>;
    Replaces<const W: usize> => Replace<C, W>;
    Mixes<const W: usize, const READS: u64> => Mixed<C, W, READS>;
    Stacks => Stack<C>;
    Queues => Queue<C>;
    Lists => List<C>;
    HashMaps => HashMap<C>;
}

fn of<F: Family, C: Contender>() -> Entry {
    entry::<C, F::Of<C>>()
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Ours and its peers.
    Peers,
    /// Ours with other parameters.
    Parameters,
}

impl Scope {
    fn row<F: Family>(self, most: u16, locks: Vec<Entry>) -> Row {
        let mut entries = match self {
            Self::Peers => vec![
                of::<F, Kovan>(),
                of::<F, Epoch>(),
                of::<F, Seize>(),
                of::<F, Haphazard>(),
                of::<F, Sdd>(),
                of::<F, Published>(),
                of::<F, Leak>(),
                of::<F, KovanHandle>(),
                of::<F, KovanRobust>(),
                of::<F, EpochHandle>(),
                of::<F, SeizeHandle>(),
                of::<F, HaphazardHandle>(),
            ],
            Self::Parameters => vec![
                of::<F, KovanHandle>(),
                of::<F, FreeAll>(),
                of::<F, Free1>(),
                of::<F, Free2>(),
                of::<F, Free4>(),
                of::<F, Batch16>(),
                of::<F, Batch32>(),
            ],
        };
        if self == Self::Peers {
            entries.extend(locks);
        }
        let (cell, bytes) = (<F::Of<Leak> as Cell<Leak>>::NAME, <F::Of<Leak> as Cell<Leak>>::BYTES);
        Row { cell, bytes, most, entries }
    }

    /// Makes the row of a structure, whose nodes have the size of the main tables.
    fn structure<F: Family>(self) -> Row {
        self.row::<F>(u16::MAX, Vec::new())
    }

    fn replaces<const W: usize>(self) -> Row {
        self.row::<Replaces<W>>(1, locks!(W, |value, random| value.replace_value(random)))
    }

    fn mixes<const W: usize, const READS: u64>(self) -> Row {
        let locks = locks!(W, |value, random| {
            if mixed_replaces::<READS>(random) {
                value.replace_value(random);
            } else {
                black_box(value.read_value());
            }
        });
        // Nodes of other sizes only show how the size matters, which few threads show as well.
        let most = if Payload::<W>::BYTES == BYTES { u16::MAX } else { 2 };
        self.row::<Mixes<W, READS>>(most, locks)
    }

    /// Makes all rows, in the order of the tables.
    #[must_use]
    pub fn rows(self) -> Vec<Row> {
        let mut pins = self.row::<Pins>(1, Vec::new());
        // Its hazard pointers are there before the operation, and stay after it.
        pins.entries.retain(|entry| {
            (entry.group, entry.name) != (HaphazardHandle::GROUP, HaphazardHandle::NAME)
        });
        vec![
            pins,
            self.row::<PinLoads>(1, locks!(1, |value, _| _ = black_box(value.read_value()))),
            self.row::<ManyLoads>(1, Vec::new()),
            self.replaces::<1>(),
            self.replaces::<WORDS>(),
            self.replaces::<32>(),
            self.mixes::<1, 95>(),
            self.mixes::<WORDS, 95>(),
            self.mixes::<32, 95>(),
            self.mixes::<1, 50>(),
            self.mixes::<WORDS, 50>(),
            self.mixes::<32, 50>(),
            self.structure::<Stacks>(),
            self.structure::<Queues>(),
            self.structure::<HashMaps>(),
            self.structure::<Lists>(),
        ]
    }
}

/// Makes the entry of a reference count behind a lock.
fn lock<const W: usize, N: Counted<W>>(step: impl Fn(&N, u64) + Sync + 'static) -> Entry {
    let run = move |setting| {
        let value = N::new();
        measure(setting, 1, || |random| step(&value, random))
    };
    Entry { group: Group::ThreadLocal, name: N::NAME, run: Box::new(run) }
}

/// Returns all points, in the order of the tables.
#[must_use]
pub fn points() -> Vec<Point> {
    let mut points = Vec::new();
    for row in Scope::Peers.rows() {
        let threads = THREADS.into_iter().filter(|threads| row.allows(*threads));
        points.extend(threads.map(|threads| row.point(threads)));
    }
    points
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL_BYTES, Group, KOVAN, PEERS, PEERS_WITH_HANDLES, Scope, points};

    #[test]
    fn every_peer_is_in_every_cell() {
        for row in Scope::Peers.rows() {
            let names = |group| -> Vec<_> {
                let entries = row.entries.iter().filter(|entry| entry.group == group);
                entries.map(|entry| entry.name).collect()
            };
            let (local, handle) = (names(Group::ThreadLocal), names(Group::Handle));
            assert!(PEERS.iter().all(|peer| local.contains(peer)), "{}: {local:?}", row.cell);
            assert!(handle.contains(&KOVAN), "{}: {handle:?}", row.cell);
            if row.cell != "pin+unpin" {
                let all = PEERS_WITH_HANDLES.iter().all(|peer| handle.contains(peer));
                assert!(all, "{}: {handle:?}", row.cell);
            }
        }
    }

    #[test]
    fn contenders_and_points_have_names_of_their_own() {
        for scope in [Scope::Peers, Scope::Parameters] {
            for row in scope.rows() {
                let names: BTreeSet<_> =
                    row.entries.iter().map(|entry| (entry.group, entry.name)).collect();
                assert_eq!(names.len(), row.entries.len(), "{}", row.cell);
            }
        }
        let all = points();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn nodes_have_three_sizes_where_they_are_allocated() {
        for cell in ["swap+retire", "one cell 95/5", "one cell 50/50"] {
            let rows = Scope::Peers.rows();
            let sizes: Vec<_> =
                rows.iter().filter(|row| row.cell == cell).map(|row| row.bytes).collect();
            assert_eq!(sizes, ALL_BYTES, "{cell}");
        }
    }
}
