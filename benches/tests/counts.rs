//! What is retired is freed, over every contender, in every cell that is counted. One test: the
//! counts are the process's.

use std::time::Duration;

use kovan_benches::cells::{HashMap, List, Mixed, Queue, Stack, WORDS};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{
    Epoch, EpochHandle, FreeAll, Haphazard, HaphazardHandle, Kovan, KovanHandle, KovanRobust,
    Published, Sdd, SeizeHandle,
};
use kovan_benches::instrumented::{Instrumented, Tracked};
use kovan_benches::peaks::entry;
use kovan_benches::rounds::Entry;
use kovan_benches::threads::Setting;

fn nothing_is_left<C: Contender>() {
    let entries = [
        entry::<C, Mixed<Instrumented<C>, WORDS, 95>>(),
        entry::<C, Stack<Instrumented<C>>>(),
        entry::<C, Queue<Instrumented<C>>>(),
        entry::<C, List<Instrumented<C>>>(),
        entry::<C, HashMap<Instrumented<C>>>(),
    ];
    for (cell, entry) in entries.iter().enumerate() {
        let (name, Entry { run, .. }) = (entry.label(), entry);
        let seen = run(Setting { threads: 2, window: Duration::from_millis(10) });
        assert_eq!(seen.left, 0, "{name}, cell {cell}: {seen:?}");
        assert!(seen.samples > 0 && seen.peak > 0.0, "{name}, cell {cell}: {seen:?}");
    }
}

#[test]
fn what_is_retired_is_freed() {
    // The counting changes nothing for the allocator.
    assert_eq!(size_of::<Tracked<[u64; 5]>>(), size_of::<[u64; 5]>());
    nothing_is_left::<Kovan>();
    nothing_is_left::<KovanHandle>();
    nothing_is_left::<KovanRobust>();
    nothing_is_left::<FreeAll>();
    nothing_is_left::<Epoch>();
    nothing_is_left::<EpochHandle>();
    // Not the one for the whole process, which keeps batches for threads to come.
    nothing_is_left::<SeizeHandle>();
    nothing_is_left::<Haphazard>();
    nothing_is_left::<HaphazardHandle>();
    nothing_is_left::<Sdd>();
    nothing_is_left::<Published>();
}
