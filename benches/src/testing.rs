//! A made-up record for the tests of the tables.

use crate::build::{ALLOCATORS, PROFILES};
use crate::comparison::{BASELINES, KOVAN, PEERS, PEERS_WITH_HANDLES, ROBUST, points};
use crate::contender::Group;
use crate::manifest::Manifest;
use crate::records::{Line, Records};
use crate::tables::Record;

/// Makes a record in which an operation of ours takes 20 ns with cargo's default profile and 10 ns with
/// the other, one of the robust collector half as much again, and every other operation 20 ns.
pub(crate) fn record() -> Record {
    let manifest = Manifest {
        date: "2000-01-01T00:00:00Z".into(),
        commit: "0123456789abcdef".into(),
        modified: false,
        processor: "a processor".into(),
        processors: 2,
        kernel: "a kernel".into(),
        rustc: "a compiler".into(),
        c_library: "a library".into(),
        libraries: "others".into(),
        window_ms: 1,
    };
    let mut records = Records::default();
    for point in points() {
        for (allocator, profile) in
            ALLOCATORS.iter().flat_map(|allocator| PROFILES.map(|profile| (*allocator, profile)))
        {
            for (group, contender) in sides() {
                let factor = if profile == PROFILES[0] { 2.0 } else { 1.0 };
                let time = match contender {
                    KOVAN => 10.0 * factor,
                    ROBUST => 15.0 * factor,
                    _ => 20.0,
                };
                for round in 0..3 {
                    let added = records.add(&Line {
                        cell: point.cell.clone(),
                        group: group.name().into(),
                        contender: contender.into(),
                        threads: point.threads,
                        node_bytes: point.bytes,
                        allocator: allocator.into(),
                        profile: profile.into(),
                        round,
                        ops_per_second: (f64::from(point.threads) * 1e9 / time) as u64,
                        hop_ns: 50,
                    });
                    assert_eq!(added, Ok(()));
                }
            }
        }
    }
    Record { name: "made-up".into(), manifest, records }
}

fn sides() -> impl Iterator<Item = (Group, &'static str)> {
    let ours = Group::ALL.map(|group| [KOVAN, ROBUST].map(|name| (group, name)));
    let local = PEERS.into_iter().chain(BASELINES).map(|name| (Group::ThreadLocal, name));
    let handles = PEERS_WITH_HANDLES.map(|name| (Group::Handle, name));
    ours.into_iter().flatten().chain(local).chain(handles)
}
