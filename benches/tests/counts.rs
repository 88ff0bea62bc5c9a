//! What is retired is freed, over every contender, in every cell that is counted. One test: the
//! counts are the process's.

use std::time::Duration;

use kovan_benches::cells::{HashMap, List, Queue, ReadHeavy, Stack};
use kovan_benches::contender::Contender;
use kovan_benches::contenders::{
    Epoch, FreeAll, Haphazard, Kovan, KovanDefault, KovanRobust, Published, Seize,
};
use kovan_benches::instrumented::Instrumented;
use kovan_benches::peaks::entry;
use kovan_benches::rounds::Entry;
use kovan_benches::threads::Setting;

fn nothing_is_left<C: Contender>() {
    // Instrumented nodes are as large as others: the counting changes nothing for the allocator.
    assert_eq!(size_of::<<Instrumented<C> as Contender>::Node<u64>>(), size_of::<C::Node<u64>>());
    let entries = [
        entry::<C, ReadHeavy<Instrumented<C>>>(),
        entry::<C, Stack<Instrumented<C>>>(),
        entry::<C, Queue<Instrumented<C>>>(),
        entry::<C, List<Instrumented<C>>>(),
        entry::<C, HashMap<Instrumented<C>>>(),
    ];
    for (cell, Entry { name, run }) in entries.iter().enumerate() {
        let seen = run(Setting { threads: 2, window: Duration::from_millis(10) });
        assert_eq!(seen.left, 0, "{name}, cell {cell}: {seen:?}");
        assert!(seen.samples > 0 && seen.peak > 0.0, "{name}, cell {cell}: {seen:?}");
    }
}

#[test]
fn what_is_retired_is_freed() {
    nothing_is_left::<Kovan>();
    nothing_is_left::<KovanDefault>();
    nothing_is_left::<KovanRobust>();
    nothing_is_left::<FreeAll>();
    nothing_is_left::<Epoch>();
    nothing_is_left::<Seize>();
    nothing_is_left::<Haphazard>();
    nothing_is_left::<Published>();
}
